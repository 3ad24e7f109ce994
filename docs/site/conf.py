"""The site of `make site`: Sphinx reads the project's Markdown where it stands, and docstrings for the reference."""

import inspect
import pkgutil
import re

import numpy.typing
from sphinx.application import Sphinx

import isal
import isal.validation

# so that signatures say this name instead of the union of ten types that it stands for
numpy.typing.ArrayLike = type("ArrayLike", (), {"__module__": "numpy.typing"})

project = "isal"
version = isal.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # brings MathJax along, so that pages need no network
]

# The project's folder is the source, so that links between pages hold as they do in the repository.
root_doc = "README"
REFERENCE = "docs/site/reference"
MORE = [REFERENCE, "benchmarks/README", "CHANGELOG"]  # pages that the table of README does not list
include_patterns = ["*.md", "docs/*.md", "config/README.md", f"{REFERENCE}.md", "benchmarks/README.md"]
exclude_patterns = [".*", "results", "site"]  # folders that are not searched

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = "isal"
html_extra_path = ["root"]  # index.html, which leads to README
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False


def contents(readme: str) -> str:
    """The pages that the table of README lists, and those above, for the bar at the side."""
    listed = dict.fromkeys(re.findall(r"\]\(([\w/]+)\.md\)", readme[readme.index("| page |") :]))
    return "\n```{toctree}\n:hidden:\n\n" + "\n".join([*listed, *MORE]) + "\n```\n"


def reference() -> str:
    """Directives of autodoc for every public name, and for the modules that say what the bounds mean."""
    public = {name: getattr(isal, name) for name in sorted(isal.__all__) if name != "__version__"}
    functions = [name for name, each in public.items() if inspect.isfunction(each)]
    errors = [name for name, each in public.items() if inspect.isclass(each) and issubclass(each, Exception)]
    classes = [name for name in public if name not in functions + errors]
    modules = ["isal.model.pulse"]
    modules += [f"isal.validation.{each.name}" for each in pkgutil.iter_modules(isal.validation.__path__)]

    def part(title: str, directive: str, names: list[str]) -> str:
        entries = [f".. {directive}:: {name}\n   :members:\n" for name in names]
        return f"{title}\n\n```{{eval-rst}}\n" + "\n".join(entries) + "```\n"

    return "\n".join(
        [
            part("## Functions", "autofunction", [f"isal.{name}" for name in functions]).replace("   :members:\n", ""),
            part("## Classes", "autoclass", [f"isal.{name}" for name in classes]).replace(
                "   :members:\n", "   :members:\n   :inherited-members: tuple\n"
            ),
            part("## Errors and warnings", "autoexception", [f"isal.{name}" for name in errors]),
            "## Estimators and logs\n",
            *(part(f"### {name}", "automodule", [name]) for name in modules),
        ]
    )


def add_generated(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add to two pages what is made from elsewhere."""
    if docname == root_doc:
        source[0] += contents(source[0])
    elif docname == REFERENCE:
        source[0] += reference()


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_generated)
