"""``isal study init``: a folder with a study of one's own."""

from __future__ import annotations

import argparse
import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

from isal.errors import IsalError

HELP = "lay out a study of your own"

#: The page of the documents whose example a new study begins with, and the file that it stands in.
PAGE, FILE = "docs/own_network.md", "my.yaml"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    text = f"Write {FILE}, an example of networks and a study in one file, into a folder, and say what to type next."
    init = parser.add_subparsers(required=True, metavar="COMMAND").add_parser("init", help=text, description=text)
    init.add_argument("folder", type=Path, metavar="FOLDER", help="made if it is not there; no file is overwritten")
    init.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Write ``my.yaml`` into a folder and print what comes next.

    Raises
    ------
    IsalError
        If the file is there already, can't be written, or the workflow is missing.
    """
    from isal.study.config import PROJECT

    folder, snakefile, page = options.folder, PROJECT / "Snakefile", PROJECT / PAGE
    for needed in (snakefile, page):
        if not needed.exists():
            raise IsalError(f"{needed} is missing, which a whole copy of the project has, and an installed wheel")
    text = example(page.read_text(encoding="utf-8"))
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise IsalError(f"{path} is there already; choose another folder") from None
    except OSError as error:
        raise IsalError(f"{path}: can't be written ({error.strerror}); choose another folder") from None
    print(next_steps(path, snakefile, find_spec("snakemake") is not None))


def example(page: str) -> str:
    """The first YAML of a page."""
    found = re.search(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def next_steps(path: Path, snakefile: Path, ready: bool) -> str:
    """What to type next; ``ready`` says whether Snakemake is installed."""
    results = re.search(r"^results: *(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert results is not None
    snakemake = f"snakemake -s {shlex.quote(str(snakefile))} --cores {os.cpu_count() or 1} --configfile {path.name}"
    lines = [
        f"{path} holds an example: put your networks and your study in its place. Then type",
        "",
        *([] if ready else ["    pip install 'isal-uwb[study]'   # once: snakemake and what the workflow needs"]),
        f"    cd {shlex.quote(str(path.parent))}",
        f"    {snakemake}",
        f"    isal status --configfile {path.name}",
        "",
        f"Tables and figures appear in {results[1]}/ there. A run that ends early goes on with the same command.",
    ]
    return "\n".join(lines)
