"""Which jobs run after which change."""

import hashlib
import os
import re
import shutil
import sys
import time

import pytest
from project import SMALL, Project

STUDY = "results/datasets/small.nc"
MAPS = "results/figures/maps.svg"
CURVES = "results/figures/curves.svg"
TABLES = ["results/tables/small.csv", "results/tables/small.md"]
BEST_SPLITS = "results/datasets/best_splits/small.nc"
BEST_SPLITS_TABLES = ["results/tables/best_splits.csv", "results/tables/best_splits.md"]
AGREEMENT = "results/datasets/solver_agreement.nc"
AGREEMENT_TABLES = ["results/tables/solver_agreement.csv", "results/tables/solver_agreement.md"]

LAYOUTS_SEEN = "results/observations/base/layouts.nc"
RANDOM_SEEN = "results/observations/base/random-0-4.nc"
FINDINGS_PAGE = {"write_findings": ["results/findings.md"]}

#: What follows from a new dataset, new best splits, a new comparison of solvers, or other observations.
AFTER_DATASET = {"write_table": TABLES, "write_best_splits": BEST_SPLITS_TABLES, "draw_figure": [CURVES]}
NEW_DATASET = {"build_dataset": [STUDY]} | AFTER_DATASET
NEW_BEST_SPLITS = {
    "find_best_splits": [BEST_SPLITS],
    "write_best_splits": BEST_SPLITS_TABLES,
    "draw_figure": [CURVES],
}
NEW_AGREEMENT = {"compare_solvers": [AGREEMENT], "write_agreement": AGREEMENT_TABLES}
NEW_OBSERVATIONS = {"gather_observations": ["results/datasets/findings/base.nc"]} | FINDINGS_PAGE
NEW_LAYOUTS_SEEN = {"observe": [LAYOUTS_SEEN]} | NEW_OBSERVATIONS
NEW_FINDINGS = {"observe": [LAYOUTS_SEEN, RANDOM_SEEN]} | NEW_OBSERVATIONS


def point(network, scheme, split, band="500MHz"):
    return f"results/points/{network}/synchronous/{band}/{scheme}/{split}.nc"


HELD = "step-by-step-held"
ALL_7B = {point("7b", "integrated", "e10000"), point("7b", HELD, "e2000-8000"), point("7b", HELD, "e7000-3000")}
ALL_7C = {path.replace("7b", "7c") for path in ALL_7B}


def test_nothing_runs_without_a_change(finished):
    assert finished.plan() == {}


def test_a_finer_grid_solves_only_the_new_points(finished):
    finished.configure(lambda config: config["studies"]["small"].update(step_1_energy_j=[2, 3.5, 7]))
    jobs = finished.plan()
    # the middle of the curves is another point now
    assert jobs == NEW_DATASET | NEW_AGREEMENT | {"solve_point": jobs["solve_point"]}
    assert set(jobs["solve_point"]) == {point("7b", HELD, "e3500-6500"), point("7c", HELD, "e3500-6500")}
    before = finished.contents()
    finished.succeed()
    after = finished.contents()
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2


def test_a_coarser_grid_solves_nothing(finished):
    finished.configure(lambda config: config["studies"]["small"].update(step_1_energy_j=[2]))
    assert finished.plan() == NEW_DATASET | NEW_AGREEMENT


def test_a_moved_radar_solves_only_the_points_of_its_network(finished):
    finished.configure(lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    jobs = finished.plan()
    assert set(jobs.pop("solve_point")) == ALL_7C
    assert jobs == NEW_DATASET | NEW_BEST_SPLITS | NEW_AGREEMENT | NEW_LAYOUTS_SEEN  # the map shows 7b only


def test_a_moved_radar_of_an_unused_network_is_observed_only(finished):
    finished.configure(lambda file: file["single_slot"]["7d"]["radars"][0].__setitem__(0, 21), "config/networks.yaml")
    assert finished.plan() == NEW_LAYOUTS_SEEN


def test_a_colour_solves_nothing(finished):
    finished.configure(lambda config: config["style"].update(radar="#123456"))
    assert finished.plan() == {"draw_figure": [CURVES, MAPS]}


def test_the_label_of_a_network_draws_its_map_only(finished):
    finished.configure(lambda file: file["single_slot"]["7b"].update(resources="limited"), "config/networks.yaml")
    assert finished.plan() == {"draw_figure": [MAPS]}


def test_the_note_on_layouts_solves_nothing(finished):
    finished.configure(lambda file: file.update(note="Measured layouts."), "config/networks.yaml")
    assert finished.plan() == NEW_DATASET | FINDINGS_PAGE | {"draw_figure": [CURVES, MAPS]}


@pytest.mark.parametrize(
    ("change", "findings"),
    [
        (lambda config: config["radio"].update(pulses=2), NEW_FINDINGS),
        # each reading of the findings has its own
        (lambda config: config["power_caps_w"].update(radars=1.5), {}),
        (lambda config: config.update(tolerance=1e-7), {}),
    ],
    ids=["radio", "caps", "tolerance"],
)
def test_what_every_point_depends_on_solves_all(finished, change, findings):
    finished.configure(change)
    jobs = finished.plan()
    assert set(jobs.pop("solve_point")) == ALL_7B | ALL_7C
    assert jobs == NEW_DATASET | NEW_BEST_SPLITS | NEW_AGREEMENT | findings


def test_a_second_study_solves_only_what_the_first_has_not(finished):
    again = SMALL["studies"]["small"] | {"networks": ["7c"], "bandwidths_hz": [500.0e6, 5.0e6]}
    finished.configure(lambda config: config["studies"].update(again=again))
    jobs = finished.plan()
    assert set(jobs["solve_point"]) == {path.replace("500MHz", "5MHz") for path in ALL_7C}
    assert jobs["find_best_splits"] == [BEST_SPLITS.replace("small", "again")]


@pytest.mark.parametrize("module", ["fisher.py", "solvers/interior_point.py", "netcdf/records.py", "units.py"])
def test_code_that_a_point_depends_on_solves_all(finished, module):
    path = finished.folder / "isal" / module
    path.write_text(path.read_text() + "\n# a change\n")
    jobs = finished.plan()
    assert set(jobs.pop("solve_point")) == ALL_7B | ALL_7C
    findings = {} if module == "netcdf/records.py" else NEW_FINDINGS
    assert jobs == NEW_DATASET | NEW_BEST_SPLITS | NEW_AGREEMENT | findings


@pytest.mark.parametrize("module", ["solvers/scs_sdp.py", "solvers/cvxpy_paper.py", "agreement.py"])
def test_code_of_other_solvers_compares_them_only(finished, module):
    path = finished.folder / "isal" / module
    path.write_text(path.read_text() + "\n# a change\n")
    assert finished.plan() == NEW_AGREEMENT


def test_a_larger_sample_compares_solvers_only(finished):
    finished.configure(lambda config: config["agreement"].update(points_per_curve=2))
    assert finished.plan() == NEW_AGREEMENT


@pytest.mark.parametrize(("module", "findings"), [("optima.py", {}), ("splits.py", NEW_FINDINGS)])
def test_code_of_best_splits_solves_no_point_of_one_slot(finished, module, findings):
    path = finished.folder / "isal" / module
    path.write_text(path.read_text() + "\n# a change\n")
    assert finished.plan() == NEW_BEST_SPLITS | findings


@pytest.mark.parametrize(
    ("module", "expected"),
    [("findings.py", FINDINGS_PAGE), ("observations.py", NEW_FINDINGS), ("ensemble.py", NEW_FINDINGS)],
)
def test_code_of_findings_solves_no_point(finished, module, expected):
    path = finished.folder / "isal" / module
    path.write_text(path.read_text() + "\n# a change\n")
    assert finished.plan() == expected


def test_more_random_subjects_keep_those_observed(finished):
    finished.configure(lambda config: config["findings"].update(subjects=6))
    assert finished.plan() == NEW_OBSERVATIONS | {"observe": ["results/observations/base/random-4-6.nc"]}


def test_another_reading_keeps_those_observed(finished):
    finished.configure(lambda config: config["findings"].update(readings={"capped": {"power_cap_w": 1}}))
    assert finished.plan() == FINDINGS_PAGE | {
        "observe": [path.replace("base", "capped") for path in (LAYOUTS_SEEN, RANDOM_SEEN)],
        "gather_observations": ["results/datasets/findings/capped.nc"],
    }


def test_the_paper_alone_needs_neither_findings_nor_other_solvers(fresh):
    jobs = fresh.plan("paper")
    assert set(jobs.pop("solve_point")) == ALL_7B | ALL_7C
    assert jobs == NEW_DATASET | NEW_BEST_SPLITS | {"draw_figure": [CURVES, MAPS]}


@pytest.mark.parametrize("module", ["figures/step_energy.py", "figures/style.py"])
def test_code_of_figures_draws_only(finished, module):
    path = finished.folder / "isal" / module
    path.write_text(path.read_text() + "\n# a change\n")
    jobs = finished.plan()
    assert set(jobs) == {"draw_figure"}
    assert CURVES in jobs["draw_figure"]


def test_code_of_tables_writes_tables_only(finished):
    path = finished.folder / "isal/tables.py"
    path.write_text(path.read_text() + "\n# a change\n")
    assert finished.plan() == {
        "write_table": TABLES,
        "write_best_splits": BEST_SPLITS_TABLES,
        "write_agreement": AGREEMENT_TABLES,
        **FINDINGS_PAGE,
    }


def test_the_coupling_of_slots_is_no_part_of_one_slot(finished):
    finished.configure(lambda config: config["radio"].update(velocity_variance=1.0))
    assert finished.plan() == NEW_FINDINGS


def test_code_of_datasets_solves_nothing(finished):
    path = finished.folder / "isal/netcdf/datasets.py"
    path.write_text(path.read_text() + "\n# a change\n")
    assert finished.plan() == NEW_DATASET


def test_touched_files_run_nothing(finished):
    for folder in ("isal", "workflow", "config", "profiles"):
        for path in (finished.folder / folder).rglob("*"):
            os.utime(path)
    os.utime(finished.folder / "Snakefile")
    assert finished.plan() == {}


def test_a_fresh_clone_over_old_results_solves_nothing(finished, tmp_path):
    clone = Project.create(tmp_path / "clone")
    shutil.copytree(finished.folder / "results", clone.folder / "results")
    assert not (clone.folder / ".snakemake").exists()
    assert clone.plan() == {}


def test_old_results_of_another_configuration_are_refused_by_a_fresh_clone(finished, tmp_path):
    """Without Snakemake's metadata nothing tells that the layout has changed; the records' stamps do."""
    clone = Project.create(tmp_path / "clone")
    shutil.copytree(finished.folder / "results", clone.folder / "results")
    clone.configure(lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    (clone.folder / STUDY).unlink()
    done = clone.run()
    assert done.returncode != 0
    message = (clone.folder / "results/logs/datasets/small.log").read_text()
    assert "points/7c/" in message
    assert "solved for another configuration" in message


def test_points_per_job_solves_nothing_again(finished):
    before = finished.contents()
    finished.succeed("--config", "points_per_job=4")
    assert finished.contents() == before
    finished.succeed()
    assert finished.contents() == before


def test_shards_solve_only_what_changed(finished):
    """A job of many points runs if one of them changed, and leaves the others alone."""
    finished.succeed("--config", "points_per_job=4")
    before = finished.contents()
    finished.configure(lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    finished.succeed("--config", "points_per_job=4")
    changed = {name for name, content in finished.contents().items() if before[name] != content}
    assert {f"results/points/{name}" for name in changed} == ALL_7C


def test_a_removed_record_is_solved_again(finished):
    (finished.folder / point("7b", "integrated", "e10000")).unlink()
    assert finished.plan()["solve_point"] == [point("7b", "integrated", "e10000")]


def test_a_damaged_record_is_named_and_its_removal_repairs(finished):
    """Snakemake does not look into files; whoever reads one does."""
    record = finished.folder / point("7b", "integrated", "e10000")
    content = record.read_bytes()
    record.write_bytes(content[: len(content) // 2])
    (finished.folder / STUDY).unlink()
    assert finished.run().returncode != 0
    message = (finished.folder / "results/logs/datasets/small.log").read_text()
    assert "7b/synchronous/500MHz/integrated/e10000.nc: not a complete record" in message
    assert "delete it and run snakemake again" in message
    record.unlink()
    finished.succeed()
    assert finished.plan() == {}


def test_shards_and_single_points_give_the_same_numbers(finished, tmp_path):
    """To the last bit: no number depends on what is solved beside it."""
    import xarray as xr

    sharded = Project.create(tmp_path / "sharded")
    sharded.succeed("paper", "--config", "points_per_job=100")
    assert set(sharded.records) == set(finished.records)
    for path in (STUDY, BEST_SPLITS):
        one, many = (xr.load_dataset(project.folder / path).drop_vars("seconds") for project in (finished, sharded))
        xr.testing.assert_equal(one, many)
    assert not list(sharded.folder.rglob("*.solved"))


def test_killed_jobs_and_killed_snakemake_lose_no_finished_point(fresh):
    """`kill -9` of everything at some moment; a plain run then completes and keeps what was finished."""
    import signal
    import subprocess

    fresh.configure(
        lambda config: config["studies"]["small"].update(step_1_energy_j={"from": 0.5, "to": 9.5, "by": 0.5})
    )
    process = subprocess.Popen(
        fresh.command("paper", "--cores", "2"),
        cwd=fresh.folder,
        env=fresh.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(fresh.records) < 10 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(1)
    finished = fresh.contents()
    assert 10 <= len(finished) < 40
    fresh.succeed("paper")
    after = fresh.contents()
    assert len(after) == 40
    assert {name: after[name] for name in finished} == finished


@pytest.mark.parametrize("points_per_job", [1, 40])
def test_a_killed_job_keeps_what_it_solved(fresh, points_per_job):
    """Only the script dies, in the second chunk of a shard; a plain re-run solves the rest."""
    script = "workflow/scripts/solve_points.py"
    fresh.edit(script, "CHUNK = 250", "CHUNK = 2")
    fresh.edit(
        script,
        "        for path, result in zip(chunk, ",
        "        print('solving', *(wanted[path].label for path in chunk))\n"
        "        if any(wanted[path].split == 'e7000-3000' for path in chunk) and not Path('once').exists():\n"
        "            Path('once').touch()\n"
        "            __import__('os').kill(__import__('os').getpid(), 9)\n"
        "        for path, result in zip(chunk, ",
    )
    option = ("paper", "--config", f"points_per_job={points_per_job}")
    assert fresh.run(*option, cores=1).returncode != 0
    waiting = [path for path in (fresh.folder / "results/points").rglob("*") if path.name.endswith(".nc.solved")]
    solved = {hashlib.sha256(path.read_bytes()).hexdigest() for path in waiting} | set(fresh.contents().values())
    # a shard stops at the kill and has published nothing, single jobs go on
    assert (len(waiting), len(fresh.records)) == ((2, 0) if points_per_job > 1 else (0, 5))
    fresh.succeed(*option)
    assert len(fresh.records) == 6
    assert solved <= set(fresh.contents().values())
    if points_per_job > 1:
        (log,) = (fresh.folder / "results/logs/shards").iterdir()
        again = re.findall(r"^solving (.*)$", log.read_text(), re.M)
        assert sum(len(labels.split()) for labels in again) == 4
    assert not list((fresh.folder / "results").rglob("*.solved"))


def test_two_jobs_for_the_same_points_do_not_disturb_each_other(fresh):
    """A job on a cluster outlives a snakemake that is killed, and the next snakemake starts another one."""
    import shlex
    import subprocess

    solve = "    write(path, point, point.solve())"
    fresh.edit("isal/netcdf/records.py", solve, solve + "\n    __import__('time').sleep(0.2)")  # so that both are at it
    fresh.succeed("--config", "points_per_job=40", "--until", "solve_shard_1_of_1")
    log = (fresh.folder / "results/logs/shards/1_of_1.log").read_text()
    for record in fresh.records.values():
        record.unlink()
    command = [sys.executable, *shlex.split(log.splitlines()[0].removeprefix("repeat with: "))[1:]]
    environment = fresh.environment() | {"PYTHONPATH": str(fresh.folder)}
    jobs = [subprocess.Popen(command, cwd=fresh.folder, env=environment) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    assert len(fresh.records) == 6


def test_two_snakemakes_at_once_are_refused(fresh):
    import fcntl

    (fresh.folder / "results").mkdir()
    with (fresh.folder / "results/.lock").open("w") as lock:
        lock.write("snakemake process 1 on elsewhere")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = fresh.run()
    assert done.returncode != 0
    assert "snakemake process 1 on elsewhere is working on results" in done.stdout + done.stderr
    assert fresh.records == {}
