"""The site of `make site`: it builds without a warning, opens without a network, and lists every page."""

import re
import subprocess
import sys

import pytest
from builders import ROOT

import isal

pytestmark = [pytest.mark.long, pytest.mark.any_kernel]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fresh-env", "--fail-on-warning", "--keep-going", "-c", "docs/site"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", str(folder)], cwd=ROOT, capture_output=True, text=True
    )
    assert (built.returncode, built.stderr) == (0, "")
    return folder


def pages(site):
    return {str(page.relative_to(site)): page.read_text(encoding="utf-8") for page in site.rglob("*.html")}


def test_no_page_loads_anything_from_elsewhere(site):
    for name, text in pages(site).items():
        loaded = re.findall(r'<(?:script|img|iframe)[^>]* src="([^"]*)"|<link[^>]* href="([^"]*)"', text)
        assert not [each for each in loaded if "//" in "".join(each)], name
    assert (site / "_static/mathjax/output/chtml/fonts/woff-v2").is_dir()
    assert 'src="../_static/mathjax/' in (site / "docs/model.html").read_text(encoding="utf-8")


def test_the_first_page_leads_to_all_others(site):
    text = (site / "README.html").read_text(encoding="utf-8")
    made = set(pages(site)) - {"README.html", "index.html", "search.html", "genindex.html", "py-modindex.html"}
    assert made == {link for link in re.findall(r'<a class="reference internal" href="([^"#]+)"', text) if link in made}
    assert 'url=README.html"' in (site / "index.html").read_text(encoding="utf-8")


def test_the_reference_has_every_public_name(site):
    text = (site / "docs/site/reference.html").read_text(encoding="utf-8")
    assert [name for name in isal.__all__ if name != "__version__" and f'id="isal.{name}"' not in text] == []
