"""The scripts of examples/ print what they say."""

import contextlib
import io
import runpy
import textwrap

import pytest
from builders import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_prints_what_it_says(script):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        names = runpy.run_path(str(script))
    said = names["__doc__"].partition("Prints:\n\n")[2]
    assert said
    assert printed.getvalue() == textwrap.dedent(said)


@pytest.mark.parametrize("script", EXAMPLES, ids=lambda script: script.stem)
def test_an_example_is_short_and_listed(script):
    assert len(script.read_text(encoding="utf-8").splitlines()) < 40
    assert f"examples/{script.name}" in (ROOT / "docs/python.md").read_text(encoding="utf-8")
