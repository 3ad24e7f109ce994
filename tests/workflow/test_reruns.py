"""Which jobs run after which change: the matrix of docs/reruns.md, and what needs more than a dry run."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import matrix
import pytest
import yaml
from project import ROOT, Project, jobs_of

STUDY = "results/datasets/small.nc"
BEST_SPLITS = "results/datasets/best_splits/small.nc"
HELD = "step-by-step-held"


def point(network, scheme, split):
    return matrix.point(network, scheme, split)


ALL_7C = {point("7c", "integrated", "e10000"), point("7c", HELD, "e2000-8000"), point("7c", HELD, "e7000-3000")}

# --- the matrix -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.group}: {row.change}") for row in matrix.ROWS])
def test_a_change_runs_what_depends_on_it_and_nothing_else(settled, row):
    project = settled(row.sharded)
    project = row.do(project) or project
    assert project.plan(*row.arguments) == matrix.merged(row.jobs)


def leaves(schema, name="", definitions=None):
    """Keys of a configuration by its schema, with ``*`` for names that the user chooses."""
    definitions = definitions or schema["$defs"]
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    parts = [schema, *(part["then"] for part in schema.get("allOf", ()))]
    inner = {key: value for part in parts for key, value in part.get("properties", {}).items() if value is not True}
    if isinstance(schema.get("additionalProperties"), dict):
        inner["*"] = schema["additionalProperties"]
    if not inner or "by" in inner:
        return {name}
    return {leaf for key, part in inner.items() for leaf in leaves(part, f"{name}.{key}".strip("."), definitions)}


#: Where the log of each job is that is looked into; the outputs are where the log's place says.
LOOKED_INTO = {
    "points/7b/asynchronous/500MHz/step-by-step-held/e2000-1000-7000": (
        "points/7b/asynchronous/500MHz/step-by-step-held/e2000-1000-7000.nc"
    ),
    "points/8a/synchronous/500MHz/integrated/e5000-5000": "points/8a/synchronous/500MHz/integrated/e5000-5000.nc",
    "points/8a/synchronous/500MHz/step-by-step-held/e5000-5000": (
        "points/8a/synchronous/500MHz/step-by-step-held/e5000-5000.nc"
    ),
    "datasets/double": "datasets/double.nc",
    "best_splits/double": "datasets/best_splits/double.nc",
    "best_splits/three": "datasets/best_splits/three.nc",
    "tables/double": "tables/double.md",
    "tables/best_splits": "tables/best_splits.md",
    "tables/solver_agreement": "tables/solver_agreement.md",
    "agreement": "datasets/solver_agreement.nc",
    "observations/wide/random-0-2": "observations/wide/random-0-2.nc",
    "findings/capped": "datasets/findings/capped.nc",
    "findings": "findings.md",
    **{f"figures/{name}": f"figures/{name}.svg" for name in matrix.STUDY["figures"]["draw"]},
}

#: Modules that decide what jobs are asked to do, which their keys hold, and nothing of how they do it.
ASKING = {"__init__", "config", "config_keys", "sources", "study"}

RAN = """
import importlib, json, pkgutil, runpy, sys
import isal
for module in pkgutil.walk_packages(isal.__path__, "isal."):
    importlib.import_module(module.name)
ran = set()
def enter(frame, event, argument):
    # scripts ask for the key that is stored with a dataset
    if frame.f_code.co_name not in ("code_digest", "source_file", "<genexpr>"):
        ran.add(frame.f_globals.get("__name__", ""))
sys.settrace(enter)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended
finally:
    sys.settrace(None)
print(json.dumps(sorted(name.removeprefix("isal.") for name in ran if name.startswith("isal"))))
"""


@pytest.mark.parametrize("job", LOOKED_INTO)
def test_whatever_code_a_job_runs_runs_it_again(settled, job):
    """Of the functions of isal that run in a job, those of every module make it again when the module changes."""
    project = settled()
    log = (project.folder / "results/logs" / f"{job}.log").read_text()
    command = shlex.split(log.splitlines()[0].removeprefix("repeat with: "))[1:]
    (project.folder / "results" / LOOKED_INTO[job]).unlink()  # what is there and holds is left alone
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = {command!r}\n{RAN}"],
        cwd=project.folder,
        env=project.environment() | {"PYTHONPATH": str(project.folder), "ISAL_COMMIT": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ran = {"__init__" if name == "isal" else name for name in json.loads(done.stdout.splitlines()[-1])} - ASKING
    assert ran
    again = {
        file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for file, effects in matrix.MODULES.items()
        if any(f"results/{LOOKED_INTO[job]}" in outputs for outputs in matrix.merged(effects).values())
    }
    assert ran <= again


def test_the_matrix_has_every_key_of_the_configuration():
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    assert leaves(schema) <= {row.key for row in matrix.ROWS}


def test_the_matrix_has_every_key_of_the_networks_file():
    schema = yaml.safe_load((ROOT / "workflow/schemas/networks.schema.yaml").read_text())
    keys = {*schema["properties"], *(f"network.{key}" for key in schema["$defs"]["slot"]["properties"])}
    assert keys <= {row.key for row in matrix.ROWS}


def test_the_matrix_has_every_source():
    folders = ("isal", "workflow", "profiles", "config", "envs")
    sources = {path for folder in folders for path in (ROOT / folder).rglob("*.*") if "__pycache__" not in path.parts}
    names = {path.relative_to(ROOT).as_posix() for path in sources} - {"config/README.md"}
    assert names | {"Snakefile"} == {row.file for row in matrix.ROWS} - {""}


def test_the_document_has_the_matrix():
    """Else write it: python tests/workflow/matrix.py"""
    assert matrix.PAGE_FILE.read_text(encoding="utf-8") == matrix.page()


def test_a_dry_run_in_a_fork_is_that_of_the_command(settled):
    project = settled()
    project.configure(lambda config: config["radio"].update(pulses=2))
    printed = project.succeed("--dry-run", "--quiet", "progress")
    assert project.plan() == jobs_of(printed.stdout + printed.stderr) != {}


def test_a_dry_run_counts_the_jobs_without_naming_each(fresh):
    """In the profile's way; `--quiet` alone would hide the counts (Snakemake's issue 2973)."""
    printed = fresh.succeed("--dry-run").stdout
    assert re.search(r"^solve_point +6$", printed, re.M)
    assert jobs_of(printed) == {}


def test_the_paper_alone_needs_neither_findings_nor_other_solvers(fresh):
    rules = {"solve_point", "build_dataset", "write_table", "find_best_splits", "write_best_splits", "draw_figure"}
    assert set(fresh.plan("paper")) == rules


# --- what needs more than a dry run -----------------------------------------------------------------------------------


def test_a_finer_grid_keeps_the_points_that_it_had(finished):
    """And compares all solvers on those points alone that it did not; the times tell, which never are the same."""
    before, compared = finished.contents(), comparison(finished)
    finished.configure(lambda config: config["studies"]["small"].update(step_1_energy_j=[2, 3.5, 7]))
    finished.succeed()
    after = finished.contents()
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2
    again = comparison(finished)
    kept = {label for label in compared if label in again and compared[label] == again[label]}
    assert kept == {"7b/synchronous/500MHz/integrated/e10000", "7c/synchronous/500MHz/integrated/e10000"}
    assert set(again) - kept == {f"{name}/synchronous/500MHz/{HELD}/e3500-6500" for name in ("7b", "7c")}


def comparison(project):
    """Times of all routes on the problems of each point."""
    import xarray as xr

    dataset = xr.load_dataset(project.folder / "results/datasets/solver_agreement.nc")
    labels = dataset.label.values
    return {label: dataset.seconds.values[:, labels == label].tolist() for label in labels}


def test_an_edit_that_is_taken_back_solves_nothing_again(finished):
    """Neither points nor what is solved for whole studies; what was made in between is there once more, too."""

    def solved():
        folders = ("datasets/best_splits", "observations")
        results = finished.folder / "results"
        paths = [results / "datasets/solver_agreement.nc", *(path for name in folders for path in results.rglob(name))]
        files = [inner for path in paths for inner in ([path] if path.is_file() else path.rglob("[!.]*.nc"))]
        digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return finished.contents() | digests

    def move(where):
        finished.configure(
            lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, where), "config/networks.yaml"
        )
        finished.succeed()
        assert finished.plan() == {}
        return solved()

    before = solved()
    assert len(before) > len(finished.contents()) + 3
    edited = move(46)
    changed = {name for name in before if before[name] != edited[name]}
    assert {f"results/points/{name}" for name in changed & set(finished.contents())} == ALL_7C
    assert len(changed) == len(ALL_7C) + 3  # best splits, comparison, observations of the layouts
    assert move(45) == before
    assert move(46) == edited


def test_a_fresh_clone_uses_no_old_results_of_another_configuration(finished, tmp_path):
    """Without Snakemake's metadata nothing tells that the layout has changed; the records' stamps do."""
    clone = Project.create(tmp_path / "clone")
    shutil.copytree(finished.folder / "results", clone.folder / "results")
    clone.configure(lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    (clone.folder / STUDY).unlink()
    # only `all` and `paper` look for what is out of date
    done = clone.run(STUDY)
    assert done.returncode != 0
    message = (clone.folder / "results/logs/datasets/small.log").read_text()
    assert "points/7c/" in message
    assert "solved for another configuration" in message
    before = clone.contents()
    clone.succeed()
    changed = {name for name, content in clone.contents().items() if before[name] != content}
    assert {f"results/points/{name}" for name in changed} == ALL_7C
    assert clone.plan() == {}


def test_batches_of_points_are_the_whole_study_in_turns(fresh):
    """docs/scale.md has them for large studies."""
    known = 0
    for batch in (1, 2, 3):
        fresh.succeed(STUDY, "--batch", f"build_dataset={batch}/3")
        assert len(fresh.records) == (known := known + 2)
        assert (fresh.folder / STUDY).exists() == (batch == 3)
    rest = fresh.plan()
    assert "find_best_splits" in rest
    assert not {"solve_point", "build_dataset"} & set(rest)


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
    write = "                records.write(waiting[path], wanted[path], result)\n"
    pause = "                __import__('time').sleep(0.2)\n"  # so that both are at it
    fresh.edit("workflow/scripts/solve_points.py", write, write + pause)
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
