"""Documents: examples print what they say, links lead somewhere, and README stays short."""

import doctest
import re
from pathlib import Path

import pytest
from builders import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "config/README.md", ROOT / "benchmarks/README.md"])


def test_the_examples_of_the_readme_print_what_they_say():
    failed, tried = doctest.testfile(
        str(ROOT / "README.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert (failed, tried) == (0, 6)


def test_the_examples_of_several_slots_print_what_they_say():
    failed, tried = doctest.testfile(str(ROOT / "docs/horizon.md"), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 90


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_pictures_lead_to_files(page):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_every_page_of_the_documents_is_linked_from_the_readme():
    text = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"docs/{page.name}" not in text] == []


@pytest.mark.parametrize("page", ["docs/python.md", "docs/estimators.md"])
def test_indented_python_runs(page):
    """Every indented block that imports isal, in turn, in one namespace."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", Path(ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    code = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in blocks]
    names: dict[str, object] = {}
    ran = 0
    for block in code:
        if "import isal" in block or ran:
            exec(block, names)
            ran += 1
    assert ran
