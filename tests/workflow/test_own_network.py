"""docs/own_network.md does what it says, from a folder that is not the project's."""

import contextlib
import io
import re

import pandas as pd
import pytest
import xarray as xr
from project import ROOT, Project, run_once

from isal.study import splits

PAGE = (ROOT / "docs/own_network.md").read_text(encoding="utf-8")


def example(language):
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The run of the page, in a folder of its own."""

    def run(folder):
        project = Project.create(folder, {})
        (folder / "elsewhere").mkdir()
        project.start = folder / "elsewhere"
        (project.start / "my.yaml").write_text(example("yaml"))
        project.succeed("-s", str(folder / "Snakefile"), "--configfile", "my.yaml", "--config", "points_per_job=50")

    project = run_once(tmp_path_factory, "own", run)
    project.start = project.folder / "elsewhere"
    return project


def test_the_files_are_there_that_the_page_promises_and_no_others(own):
    results = own.start / "results/mine"
    promised = re.findall(r"^\| `(\w+/\w+\.[\w*]+)` \|", PAGE, re.MULTILINE)
    assert len(promised) == 8
    for pattern in promised:
        assert list(results.glob(pattern)), pattern
    assert {path.name for path in results.iterdir() if path.name[0] != "."} == {
        *("datasets", "figures", "logs", "overview.html", "plan.json", "shards", "tables")
    }
    assert {path.stem for path in (results / "figures").iterdir()} == {
        *("networks", "hall_step_energy", "hall_step_simplex", "hall_step_surface", "hall_allocations")
    }


def test_both_clock_modes_stand_in_one_dataset_and_table(own):
    dataset = xr.open_dataset(own.start / "results/mine/datasets/hall.nc")
    held = splits.on_grid(dataset).speb.sel(network="hall", bandwidth=5e8, scheme="step-by-step-held")
    assert {clock: int(held.sel(clock=clock).notnull().sum()) for clock in ("synchronous", "asynchronous")} == {
        "synchronous": 7,
        "asynchronous": 25,
    }
    table = pd.read_csv(own.start / "results/mine/tables/hall.csv")
    assert len(table) == 2 * 2 * 3
    best = pd.read_csv(own.start / "results/mine/tables/best_splits.csv")
    assert len(best) == 2 * 2 * 2
    assert (best["traversal over exact"] > -1e-9).all()


def test_nothing_is_said_of_where_the_papers_layouts_come_from(own):
    results = own.start / "results/mine"
    told = [path for suffix in ("md", "svg", "csv") for path in results.rglob(f"*.{suffix}")]
    assert len(told) >= 7
    for path in told:
        assert "Reconstructed" not in path.read_text(), path
    assert xr.open_dataset(results / "datasets/hall.nc").attrs["comment"] == ""


def test_nothing_is_left_to_do_and_the_status_says_so(own):
    assert (
        own.plan("-s", str(own.folder / "Snakefile"), "--configfile", "my.yaml", "--config", "points_per_job=50") == {}
    )
    assert own.status("--configfile", "my.yaml") == "points: 140 of 140 done, 0 failed, 0 left\n"


def test_a_file_without_the_papers_studies_needs_some_of_its_own(own):
    (own.start / "none.yaml").write_text("paper: false\n")
    refused = own.run("-s", str(own.folder / "Snakefile"), "--configfile", "none.yaml", "-n")
    assert refused.returncode != 0
    assert "none.yaml: paper: is false, and no other file has studies; give yours" in refused.stdout + refused.stderr


def test_as_a_module_it_is_refused_with_the_way_out(own, tmp_path):
    text = f'module isal:\n    snakefile: "{own.folder / "Snakefile"}"\n\nuse rule * from isal\n'
    (tmp_path / "Snakefile").write_text(text)
    refused = Project(own.folder, tmp_path).run("-n")
    assert refused.returncode != 0
    assert (
        "isal can't be a module of another workflow. Run it by itself, from any folder: snakemake -s"
        in refused.stdout + refused.stderr
    )


def test_the_python_of_the_page_runs():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example("python"), {})
    assert re.fullmatch(
        r"\d\.\d{4}e-\d\d m\^2, proven to \de-\d\d; powers \[.*\] W, radars first\n", printed.getvalue()
    )
