"""The report of a small study, opened in a browser without a screen: every figure and table is there to be seen."""

import json
import re
import shutil
import subprocess

import pytest
from project import Project, run_once

pytestmark = pytest.mark.long

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

#: Opens whatever the first page links to, and tells what is then to be seen.
VISIT = """
<script>
setTimeout(async () => {
    const rest = () => new Promise(done => setTimeout(done, 200));
    const shown = () => document.querySelector("#app > div > div:last-child");
    const told = {front: shown().innerText, width: document.documentElement.scrollWidth, results: {}};
    told.pictures = [...shown().querySelectorAll("img")].map(image => image.naturalWidth);
    const links = [...shown().querySelectorAll("a[onclick]")].map(link => [link.innerText, link.onclick]);
    for (const [title, open] of links) {
        open();
        await rest();
        const image = shown().querySelector("img"), frame = shown().querySelector("iframe");
        const result = {title, path: app.state.resultPath, width: document.documentElement.scrollWidth};
        if (image) {
            result.picture = image.naturalWidth;
            result.drawn = image.clientWidth;
        } else if (frame) {
            const page = new DOMParser().parseFromString(await (await fetch(frame.src)).text(), "text/html");
            result.rows = page.querySelectorAll("td:first-child").length;
            result.heading = page.querySelector("h1").innerText;
        }
        told.results[result.path] = result;
    }
    parent.postMessage(told, "*");
}, 1000);
</script>
"""

#: A screen of some width, as a browser without one has a least width of its own; what is told stands below it.
SCREEN = """
<!doctype html>
<iframe src="{page}" style="width: {width}px; height: 900px; border: 0"></iframe>
<pre id="found"></pre>
<script>onmessage = told => {{ document.querySelector("#found").innerText = JSON.stringify(told.data); }}</script>
"""


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A project whose study has its best splits, too, and its report as `make report` makes it."""

    def run(folder):
        project = Project.create(folder)
        project.configure(lambda config: config["studies"]["small"].update(split="best"))
        project.succeed()

    project = run_once(tmp_path_factory, "reported", run)
    path = tmp_path_factory.mktemp("report") / "report.html"
    done = project.run("--report", str(path), "--report-stylesheet", "workflow/report/style.css", cores=None)
    assert done.returncode == 0, done.stdout + done.stderr
    return project, path


def visited(browser, path, width):
    """What a visitor with a screen of some width sees of a report."""
    page, screen = path.with_name("visited.html"), path.with_name("screen.html")
    before, _, after = path.read_text().rpartition("</body>")  # scripts have it, too
    page.write_text(f"{before}{VISIT}</body>{after}")
    screen.write_text(SCREEN.format(page=page.name, width=width))
    done = subprocess.run(
        [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={path.parent / 'profile'}"),
            *("--window-size=1400,1000", "--virtual-time-budget=120000", "--dump-dom", screen.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = re.search(r'<pre id="found">(.+?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr
    parsed = found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ")
    return json.loads(parsed)


@pytest.mark.parametrize("width", [1280, 390])
def test_every_figure_and_table_is_seen_in_place(report, browser, width):
    project, path = report
    seen = visited(browser, path, width)
    results = project.folder / "results"
    pages = {str(page.relative_to(project.folder)) for page in results.rglob("*.html")}
    figures = {str(figure.relative_to(project.folder)) for figure in (results / "figures").iterdir()}
    assert len(pages) > 5
    assert len(figures) == 2
    assert set(seen["results"]) == pages | figures
    for name in figures:
        assert seen["results"][name]["picture"] > 100
        assert 100 < seen["results"][name]["drawn"] <= width
    for name in pages:
        assert seen["results"][name]["rows"] > 0
        assert seen["results"][name]["heading"]
    assert seen["width"] <= width
    assert max(result["width"] for result in seen["results"].values()) <= width


def test_it_opens_on_what_matters(report, browser):
    _, path = report
    seen = visited(browser, path, 1280)
    front = seen["front"]
    assert re.search(r"Results of \d+ \w+ \d{4}, .* made with isal \d+\.\d+\.\d+, commit \w+", front)
    parts = (
        "best point of the grid",
        "Verdicts on",
        "viii",
        "Networks",
        "All results",
        "How to read it",
        "Configuration",
    )
    order = [front.index(words) for words in parts]
    assert order == sorted(order)
    assert "Few random networks" in front
    assert "Reconstructed layouts" in front
    assert min(seen["pictures"]) > 100
    titles = {result["title"] for result in seen["results"].values()}
    assert {"Maps: a map per network: 7b", "Best points: Small"} <= titles


def test_nothing_is_fetched_from_elsewhere(report):
    """But for links in texts, which are not followed."""
    _, path = report
    assert not re.findall(r'<(?:script|img|iframe)[^>]*src="https?:[^"]*"|<link[^>]*href="https?:', path.read_text())
