"""Pages: Markdown, and the same as HTML that a browser shows without any other file, on a narrow screen, too."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from isal.study import files

#: All below a class of their own: Snakemake's report takes a page into its first one.
STYLE = """\
.isal {font: 15px/1.5 system-ui, sans-serif; color: #1e293b; max-width: 75rem; margin: 0 auto; padding: 0.5rem 1rem;}
.isal h1 {font-size: 1.5rem; font-weight: 700; line-height: 1.25; margin: 0.8rem 0;}
.isal h2 {font-size: 1.2rem; font-weight: 700; line-height: 1.3; margin: 1.6rem 0 0.5rem;}
.isal h3 {font-size: 1rem; font-weight: 700; margin: 1.2rem 0 0.4rem;}
.isal p, .isal ul, .isal ol {max-width: 48rem; margin: 0.6rem 0;}
.isal ul {list-style: disc; padding-left: 1.5rem;}
.isal code {font-size: 0.92em; background: #f1f5f9; padding: 0 0.2em; overflow-wrap: anywhere;}
.isal .table {overflow-x: auto; margin: 0.8rem 0;}
.isal table {border-collapse: collapse; font-size: 0.87em; width: auto;}
.isal th, .isal td {border: 1px solid #cbd5e1; padding: 0.2rem 0.5rem; text-align: left; vertical-align: top;}
.isal th {background: #f1f5f9;}
.isal td {font-variant-numeric: tabular-nums;}
.isal img {max-width: 100%; height: auto;}
.isal blockquote {border-left: 4px solid #d97706; background: #fffbeb; margin: 0.8rem 0; padding: 0.1rem 0.8rem;}
.isal details {font-size: 0.9em; margin: 0 0 0.3rem;}
.isal summary {cursor: pointer; color: #475569;}
.isal blockquote {font-style: normal; font-weight: 400;}
.isal blockquote p::before, .isal blockquote p::after {content: none;}
"""

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<article class="isal">
{body}</article>
</body>
</html>
"""


def write(paths: Sequence[Path], text: str, title: str) -> None:
    """Write a page as Markdown and as HTML; a file appears under its name only when it is complete.

    Parameters
    ----------
    paths
        The Markdown file and the HTML file.
    text
        The page in Markdown.
    title
        What it is called in a browser, and its heading where the text does not start with one.
    """
    markdown, page = paths
    files.write(markdown, text.encode())
    files.write(page, rendered(text, title).encode())


def rendered(text: str, title: str) -> str:
    """A page in Markdown as HTML. HTML within it stays as it is."""
    reader = MarkdownIt("commonmark").enable("table")
    body = reader.render(text if text.startswith("# ") else f"# {title}\n\n{text}")
    # a wide table scrolls by itself, and the page stays as wide as the screen
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    return _PAGE.format(title=html.escape(title), style=STYLE, body=body)
