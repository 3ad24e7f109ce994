"""Which jobs run after which change.

What depends on what is looked at in fingerprints, without Snakemake; dry runs show that Snakemake acts on them, one for
each of its mechanisms; and what needs more is run.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest
import reruns
import yaml
from differences import code_of, own, remade
from project import ROOT, Project, jobs_of

from isal.study.config_keys import FIGURE_KINDS
from isal.study.fingerprint import Code
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS

STUDY = "results/datasets/small.nc"
HELD = "step-by-step-held"


def point(network, scheme, split):
    return f"results/points/{network}/synchronous/500MHz/{scheme}/{split}.nc"


ALL_7C = {point("7c", "integrated", "e10000"), point("7c", HELD, "e2000-8000"), point("7c", HELD, "e7000-3000")}

# --- fingerprints -----------------------------------------------------------------------------------------------------


def test_the_document_has_the_tables():
    """Else write them: python tests/workflow/reruns.py"""
    assert reruns.PAGE_FILE.read_text(encoding="utf-8") == reruns.page()


#: Those of the configuration, and those that are drawn where there are measurements.
FIGURES = [*reruns.STUDY["figures"]["draw"], *(word for word, kind in FIGURE_KINDS.items() if kind.automatic)]


def changed(words):
    """Names by kind of what a row of the tables makes again."""
    (row,) = (row for row in reruns.ROWS if row.words == words)
    return own(reruns.plan(), reruns.plan(row.change))


def test_a_change_makes_again_what_depends_on_it_and_nothing_else():
    """The promises that matter most, in full; the document has all."""
    assert changed("`networks`") == changed("`target` of 7c written as `targets`") == {}
    assert set(changed("`points_per_job`")) == {"Record"}  # other files of the same points
    assert changed("`style.held`") == {"Figure": FIGURES}
    finer = [f"results/points/{name}/synchronous/500MHz/{HELD}/e3500-6500.nc" for name in ("7b", "7c")]
    assert changed("`step_1_energy_j`: finer") == {"Record": finer, "StudyDataset": ["single"]}
    assert set(changed("`radio.drift_variance`")) == {
        *("Record", "FindingsRecords", "StudyDataset", "Allocations", "Comparison", "FindingsDataset"),
        *("PositionSimulation", "SimulatedErrors"),
    }
    assert {path.split("/")[2] for path in changed("`radio.drift_variance`")["Record"]} == {"8a"}
    everything = own(None, reruns.plan())
    assert changed("`radio.pulses`")["Record"] == everything["Record"]
    assert changed("`findings.samples`")["FindingsRecords"] == ["findings/base/0-6"]
    assert changed("`measurements`: the same files elsewhere") == {}
    again = {"MeasuredRanges": [""], "MeasuredLinks": [""], "MeasuredRun": ["LOS_walk"]}
    assert changed("`measurements`: a static log of other content") == again
    assert changed("`measurements`: a dynamic run of other content") == {"MeasuredRun": ["LOS_walk"]}


def test_a_change_of_code_makes_again_what_runs_it(tmp_path):
    """A comment or a docstring does not."""
    folder = tmp_path / "isal"
    shutil.copytree(ROOT / "isal", folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = reruns.plan()

    def after():
        return Plan(before.configuration, Code(folder))

    assert remade(before, after()) == {}
    module = folder / "figures/exact.py"
    told = module.read_text()
    module.write_text('"""Another docstring."""\n' + told[told.index("from __future__") :] + "# a comment\n")
    assert remade(before, after()) == {}
    module.write_text(told.replace("NOTHING = 1e-6", "NOTHING = 2e-6"))
    assert own(before, after()) == {"Figure": ["curves", "slots"]}


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


def test_the_tables_have_every_key():
    schemas = {
        name: yaml.safe_load((ROOT / f"workflow/schemas/{name}.schema.yaml").read_text())
        for name in ("config", "networks")
    }
    slot = {f"slot.{key}" for key in schemas["networks"]["$defs"]["slot"]["properties"]}
    keys = leaves(schemas["config"]) | set(schemas["networks"]["properties"]) | slot
    assert keys <= {row.key for row in reruns.ROWS}


#: Kind -> log of the job that is looked into.
LOOKED_INTO = {
    "StudyDataset": "datasets/double",
    "StudyTable": "tables/double",
    "EnsembleTable": "tables/ensembles/random",
    "BestSplitsTable": "tables/best_splits",
    "Allocations": "allocations/double",
    "DeploymentDataset": "deployments/least",
    "DeploymentDataset of the worst target": "deployments/worst",
    "DeploymentDataset of rough positions": "deployments/rough",
    "DeploymentDataset of balls": "deployments/balls",
    "DeploymentDataset of survey errors": "deployments/surveyed",
    "DeploymentTable": "tables/deployments/least",
    "Comparison": "agreement",
    "AgreementTable": "tables/solver_agreement",
    "FindingsRecords": "shards/findings/wide/0-2",
    "FindingsDataset": "findings/capped",
    "FindingsPage": "findings",
    "DelaySimulation": "simulations/delays/flat",
    "ExchangeSimulation": "simulations/exchanges",
    "LinkStrengths": "simulations/links",
    "MeasuredRanges": "measurements/ranges",
    "MeasuredLinks": "measurements/links",
    "MeasuredRun": "measurements/runs/LOS_walk",
    "MeasurementsPage": "measurements",
    "Overview": "overview",
    "PositionSimulation": "simulations/positions/8a",
    "StepSimulation": "simulations/steps/random/0-1",
    "BreakdownSimulation": "simulations/breakdown/7b",
    "SimulatedErrors": "simulations/steps",
    "SimulationTable": "tables/simulations/outliers",
    **{f"Figure {name}": f"figures/{name}" for name in FIGURES},
    "Record": "points/7b/asynchronous/500MHz/step-by-step-held/e2000-1000-7000",
    "Records of an ensemble": "shards/random/few-0-2",
    "Record of two slots": "points/8a/synchronous/500MHz/step-by-step-held/e5000-5000",
    "Record at once": "points/8a/synchronous/500MHz/integrated/e5000-5000",
    "Record at best": "points/7b/asynchronous/500MHz/step-by-step-held/best",
    "Record at best of two slots": "points/8a/synchronous/500MHz/integrated/best",
}

#: Modules that decide what a job is asked to do, which its fingerprint holds, and nothing of how it does it.
ASKING = {
    *("isal", "isal.study.config", "isal.study.fingerprint"),
    *(f"isal.workflow.{name}" for name in ("findings", "plan", "products", "record_files")),
}

RAN = """
import functools, importlib, json, pkgutil, runpy, sys
import isal
for module in pkgutil.walk_packages(isal.__path__, "isal."):
    importlib.import_module(module.name)
from isal.study import solving
from isal.workflow.products import KINDS
ran = set()

def traced(make):
    @functools.wraps(make)
    def trace(*arguments):
        sys.settrace(lambda frame, event, argument: ran.add(frame.f_globals.get("__name__", "")))
        try:
            return make(*arguments)
        finally:
            sys.settrace(None)
    return trace

for kind in KINDS.values():
    kind.make = traced(kind.make)
solving.solve_missing = traced(solving.solve_missing)
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as ended:
    assert not ended.code, ended
print(json.dumps(sorted(name for name in ran if name.startswith("isal"))))
"""


@pytest.mark.parametrize("job", LOOKED_INTO)
def test_a_job_runs_no_code_but_that_of_its_fingerprint(settled, job):
    project = settled()
    log = (project.folder / "results/logs" / f"{LOOKED_INTO[job]}.log").read_text()
    command = shlex.split(log.splitlines()[0].removeprefix("repeat with: "))[1:]
    outputs = command[max(command.index(word) for word in ("--output", "--outputs") if word in command) + 1 :]
    for output in outputs:  # what is there and holds is left alone
        (project.folder / output).unlink()
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv = {command!r}\n{RAN}"],
        cwd=project.folder,
        env=project.environment() | {"PYTHONPATH": str(project.folder), "ISAL_COMMIT": "none"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ran = set(json.loads(done.stdout.splitlines()[-1])) - ASKING
    plan = reruns.plan()
    if (file := plan.file_at(outputs[0])) is not None:
        known = frozenset().union(*(plan.code.closure(modules) for modules in {p.modules for p, _ in file.wanted()}))
    else:
        kind, *_ = job.split()
        (product,) = (each for each in KINDS[kind].all(plan) if set(each.outputs) == set(outputs))
        known = code_of(product)
    assert ran
    assert ran <= known


# --- dry runs: Snakemake acts on fingerprints, on files and on nothing else -------------------------------------------

RULES = {
    "Record": "solve_point",
    "StudyDataset": "build_dataset",
    "StudyTable": "write_table",
    "EnsembleTable": "write_ensemble_table",
    "BestSplitsTable": "write_best_splits",
    "Allocations": "find_allocations",
    "DeploymentDataset": "answer_deployment",
    "DeploymentTable": "write_deployment",
    "Comparison": "compare_solvers",
    "AgreementTable": "write_agreement",
    "FindingsRecords": "solve_shard",
    "FindingsDataset": "gather_findings",
    "FindingsPage": "write_findings",
    "DelaySimulation": "simulate_delays",
    "ExchangeSimulation": "simulate_exchanges",
    "LinkStrengths": "measure_links",
    "MeasuredRanges": "read_measurements",
    "MeasuredLinks": "fit_measured_links",
    "MeasuredRun": "track_measured_run",
    "MeasurementsPage": "write_measurements",
    "PositionSimulation": "simulate_positions",
    "StepSimulation": "simulate_steps",
    "BreakdownSimulation": "simulate_breakdown",
    "SimulatedErrors": "gather_simulations",
    "SimulationTable": "write_simulations",
    "Figure": "draw_figure",
    "Overview": "write_overview",
}


def expected(change):
    """Outputs by rule of what a change makes again."""
    found = remade(reruns.plan(), reruns.plan(change))
    return by_rule((RULES[kind], path) for kind, paths in found.items() for path in paths)


def by_rule(made):
    """Outputs by rule, sorted; files of many points have a rule of their own."""
    found = {}
    for rule, path in made:
        found.setdefault("solve_shard" if path.startswith("results/shards/") else rule, []).append(path)
    return {rule: sorted(paths) for rule, paths in found.items()}


def apply(project, change):
    """Change the project's configuration and networks file."""
    files = {name: project.folder / f"config/{name}.yaml" for name in ("config", "networks")}
    read = {name: yaml.safe_load(path.read_text()) for name, path in files.items()}
    change(read["config"], read["networks"])
    for name, path in files.items():
        path.write_text(yaml.safe_dump(read[name], sort_keys=False))


#: Rows of the tables, one for each way in which a change reaches Snakemake.
TRIED = (
    "`tolerance`",  # the parameters of points
    "`radars` of 7b moved, which has a map",
    "`networks`: one more",  # files that are missing
    "`networks`: one less",  # other inputs
    "a study renamed",
    "`variants`: another order",  # the same inputs in another order
    "`style.held`",
    "`figures.formats`",
    "`measurements`: a static log of other content",
)


@pytest.mark.parametrize("words", TRIED)
def test_snakemake_runs_what_a_change_makes_again(settled, words):
    project = settled()
    (row,) = (row for row in reruns.ROWS if row.words == words)
    apply(project, row.change)
    assert project.plan() == expected(row.change) != {}


def test_snakemake_notices_a_change_of_code_by_what_it_says(settled):
    project = settled()
    for path in (project.folder / "isal").rglob("*.py"):
        with path.open("a") as file:
            file.write("\n# a comment\n")
    for path in (project.folder / "workflow/rules").glob("*.smk"):
        path.write_text(path.read_text() + "\n# a comment\n")
    assert project.plan() == {}
    project.edit("isal/study/tables.py", '"{:.6g}".format', '"{:.7g}".format')
    assert set(project.plan()) == {
        *("write_table", "write_best_splits", "write_agreement", "write_findings", "write_simulations"),
        *("write_ensemble_table", "write_deployment"),
        *("write_measurements", "write_overview", "draw_figure"),
    }


def test_dates_and_places_count_for_nothing(settled):
    project = settled()
    for path in project.folder.rglob("*"):
        # of files over 1 MB Snakemake compares the dates alone
        if path.is_file() and ".snakemake" not in path.parts and path.stat().st_size < 1_000_000:
            os.utime(path)
    assert project.plan() == {}
    below = Project(project.folder, project.folder / "workflow")
    assert below.plan("--snakefile", "../Snakefile", "--directory", "..") == {}
    assert Project(project.folder.rename(project.folder.with_name("elsewhere"))).plan() == {}


def test_another_folder_with_a_configuration_has_results_of_its_own(settled):
    project = settled()
    start = project.folder.with_name("start")
    for name in ("config", reruns.LOGS):
        shutil.copytree(project.folder / name, start / name)
    found = Project(project.folder, start).plan("--snakefile", "../project/Snakefile")
    plan = reruns.plan()
    solved = (("solve_point", path) for path in (*plan.record_files, *plan.findings_files))
    made = ((RULES[kind], path) for kind in KINDS for each in KINDS[kind].all(plan) for path in each.outputs)
    assert found == by_rule((*solved, *made))


def every_output():
    plan = reruns.plan()
    return [path for kind in KINDS.values() for product in kind.all(plan) for path in product.outputs]


def follows(*paths):
    """Outputs by rule of what is made from some files, and of these files themselves."""
    again, plan = set(paths), reruns.plan()
    found = {"solve_point": sorted(path for path in paths if "/points/" in path)}
    for name, kind in KINDS.items():
        for product in kind.all(plan):
            if again & {*product.outputs, *product.inputs}:
                again.update(product.outputs)
                found.setdefault(RULES[name], []).extend(product.outputs)
    return {rule: sorted(outputs) for rule, outputs in found.items() if outputs}


@pytest.mark.parametrize(
    "path",
    [
        "results/points/7b/synchronous/500MHz/step-by-step-held/e2000-8000.nc",
        "results/datasets/single.nc",
        "results/datasets/findings/capped.nc",
        "results/figures/curves.png",
    ],
)
def test_what_is_missing_is_made_with_all_that_follows_it(settled, path):
    project = settled()
    (project.folder / path).unlink()
    assert project.plan() == follows(path)


def test_logs_and_the_plan_are_not_missed(settled):
    project = settled()
    (project.folder / "results/plan.json").unlink()
    shutil.rmtree(project.folder / "results/logs")
    assert project.plan() == {}


def test_without_its_notes_snakemake_makes_again_what_says_that_it_is_out_of_date(settled):
    """Datasets say it, figures and tables do not."""
    project = settled()
    shutil.rmtree(project.folder / ".snakemake")
    assert project.plan() == {}
    (colour,) = (row for row in reruns.ROWS if row.words == "`style.held`")
    apply(project, colour.change)
    assert project.plan() == {}
    (move,) = (row for row in reruns.ROWS if row.words == "`radars` of 7c moved")
    apply(project, move.change)
    assert project.plan() == expected(move.change)


def test_points_in_jobs_of_many(settled):
    """Other jobs look at all points once; then they run where a point has changed."""
    per_job = 3
    project = settled()
    jobs = project.plan("--config", f"points_per_job={per_job}")
    assert len(jobs.pop("solve_shard")) > 1
    assert set(jobs) == {"build_dataset", "write_table", "write_best_splits", "draw_figure", "write_overview"}
    project = settled(sharded=True)
    assert project.plan() == {}
    (move,) = (row for row in reruns.ROWS if row.words == "`radars` of 7c moved")
    apply(project, move.change)
    plan = reruns.plan(lambda config, networks: config.update(points_per_job=per_job))
    files = plan.record_files | plan.findings_files
    with_7c = [path for path, file in files.items() if any(point.name == "7c" for point, _ in file.wanted())]
    assert project.plan()["solve_shard"] == sorted(with_7c)


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
    rules = {"solve_point", "build_dataset", "write_table", "write_best_splits", "draw_figure"}
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
    """Times of all solvers on the problems of each point."""
    import xarray as xr

    dataset = xr.load_dataset(project.folder / "results/datasets/solver_agreement.nc")
    labels = dataset.label.values
    return {label: dataset.seconds.values[:, labels == label].tolist() for label in labels}


def test_an_edit_that_is_taken_back_solves_nothing_again(finished):
    """Neither points nor what is solved for many at once; what was made in between is there once more, too."""

    def solved():
        results = finished.folder / "results"
        paths = [results / "datasets/solver_agreement.nc", results / "shards"]
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
    assert len(before) > len(finished.contents()) + 2
    edited = move(46)
    changed = {name for name in before if before[name] != edited[name]}
    assert {f"results/points/{name}.nc" for name in changed & set(finished.contents())} == ALL_7C
    assert len(changed) == len(ALL_7C) + 2  # comparison, what the findings take from the layouts
    assert move(45) == before
    assert move(46) == edited


def test_a_fresh_clone_uses_no_old_results_of_another_configuration(finished, tmp_path):
    """Without Snakemake's metadata nothing tells that the layout has changed; the records' fingerprints do."""
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
    assert {f"results/points/{name}.nc" for name in changed} == ALL_7C
    assert clone.plan() == {}


def test_batches_of_points_are_the_whole_study_in_turns(fresh):
    """docs/scale.md has them for large studies."""
    known = 0
    for batch in (1, 2, 3):
        fresh.succeed(STUDY, "--batch", f"build_dataset={batch}/3")
        assert len(fresh.records) == (known := known + 2)
        assert (fresh.folder / STUDY).exists() == (batch == 3)
    rest = fresh.plan()
    assert "write_table" in rest
    assert not {"solve_point", "build_dataset"} & set(rest)


@pytest.mark.slow
def test_points_per_job_solves_nothing_again(finished):
    before = finished.contents()
    finished.succeed("--config", "points_per_job=4")
    assert finished.contents() == before
    finished.succeed()
    assert finished.contents() == before


@pytest.mark.slow
def test_shards_solve_only_what_changed(finished):
    """A job of many points runs if one of them changed, and leaves the others alone."""
    finished.succeed("--config", "points_per_job=4")
    before = finished.contents()
    finished.configure(lambda file: file["single_slot"]["7c"]["radars"][0].__setitem__(0, 46), "config/networks.yaml")
    finished.succeed("--config", "points_per_job=4")
    changed = {name for name, content in finished.contents().items() if before[name] != content}
    assert {f"results/points/{name}.nc" for name in changed} == ALL_7C


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
    assert set(sharded.contents()) == set(finished.contents())
    assert len(sharded.records) == 1
    times = ["seconds", "problem_seconds"]
    one, many = (xr.load_dataset(project.folder / STUDY).drop_vars(times) for project in (finished, sharded))
    xr.testing.assert_equal(one, many)
    assert not list(sharded.folder.rglob("*.solved"))


@pytest.mark.slow
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
    """Only the job dies, in the second chunk of a shard; a plain re-run solves the rest."""
    fresh.use_faulty_solver("from isal.study import solving\nsolving.CHUNK = 2; solving.KEEP_AFTER_S = 0\n")
    fresh.order_fault("killed", 7.0)
    option = (STUDY, "--config", f"points_per_job={points_per_job}")
    assert fresh.run(*option, cores=1).returncode != 0
    waiting, published = fresh.contents(waiting=True), fresh.contents()
    # a shard stops at the kill and has published nothing, single jobs go on
    assert (len(waiting), len(published)) == ((2, 0) if points_per_job > 1 else (0, 4))
    fresh.energies_solved()
    fresh.order_fault()
    fresh.succeed(*option)
    assert len(after := fresh.contents()) == 6
    assert (waiting | published).items() <= after.items()
    # of the two points that take one problem and the four that take two
    assert len(fresh.energies_solved()) == 10 - (3 if points_per_job > 1 else 6)
    assert not list((fresh.folder / "results").rglob("*.solved"))


def test_two_jobs_for_the_same_points_do_not_disturb_each_other(fresh):
    """A job on a cluster outlives a snakemake that is killed, and the next snakemake starts another one."""
    fresh.run_at_start(
        "import time\n"
        "from isal.study.store import records\n"
        "write = records.write\n"
        "records.write = lambda *arguments: (write(*arguments), time.sleep(0.2))\n"  # so that both are at it
    )
    fresh.succeed("--config", "points_per_job=40", "--until", "solve_shard")
    log = (fresh.folder / "results/logs/shards/1_of_1.log").read_text()
    for record in fresh.records.values():
        record.unlink()
    command = [sys.executable, *shlex.split(log.splitlines()[0].removeprefix("repeat with: "))[1:]]
    environment = fresh.environment() | {"PYTHONPATH": str(fresh.folder)}
    jobs = [subprocess.Popen(command, cwd=fresh.folder, env=environment) for _ in range(2)]
    assert [job.wait() for job in jobs] == [0, 0]
    assert len(fresh.contents()) == 6


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
