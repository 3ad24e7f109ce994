"""Points done, failed and left, from what is on disk."""

import contextlib
import copy
import os
import random
import runpy
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from builders import CODE, ROOT, defaults, plan_of, write_record

from isal.study import config
from isal.study.solving import solve_missing
from isal.study.store import datasets, records, storage
from isal.workflow import status
from isal.workflow.plan import Plan, PlanError
from isal.workflow.products import StudyDataset

pytestmark = pytest.mark.any_kernel


@pytest.fixture(params=[1, 8], ids=["one point per job", "shards"])
def plan(tmp_path, request):
    """Five points of one network, of which nothing is on disk."""
    study = defaults()["studies"]["synchronous_single_slot"]
    del study["split"]
    made = plan_of(
        studies={"small": study | {"networks": ["7c"], "step_1_energy_j": [1, 2, 3, 4]}},
        figures={"formats": ["png"], "draw": {}},
        results=str(tmp_path),
        points_per_job=request.param,
    )
    return Plan(replace(made.configuration, paper=False), made.code)  # without the points of the findings


def solve(plan, split, place=records.next_waiting):
    """Solve the point of this split and put its record where it waits for others of its file, or elsewhere."""
    (point,) = (point for point in plan.points.values() if point.split == split)
    (file,) = (file for file in plan.record_files.values() if point in dict(file.wanted()))
    record = place(Path(file.path))
    write_record(record, point, plan.fingerprint(point))
    return record


def whole(plan):
    """Make one record file, as its job does; returns its path."""
    file = next(iter(plan.record_files.values()))
    assert solve_missing(Path(file.path), file.fingerprint, file.wanted()) == 0
    return Path(file.path), file.n_points


def store(plan):
    """Put an empty dataset in the place of that of the study."""
    (product,) = StudyDataset.all(plan)
    (path,) = map(Path, product.outputs)
    storage.write(path, datasets.xr.Dataset(), product.fingerprint)
    return path


def fail(plan, split, message):
    """What the job of this point logs when it can't be solved."""
    (point,) = (point for point in plan.points.values() if point.split == split)
    (log,) = (Path(file.log) for file in plan.record_files.values() if point in dict(file.wanted()))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"repeat with: python\n{point.label}: {message}\n1 of 4 points failed\n")
    return log


def counts(plan):
    found = status.of(plan)
    return found.done, len(found.failed), found.left


def test_nothing_done(plan):
    assert counts(plan) == (0, 0, 5)
    assert str(status.of(plan)) == "points: 0 of 5 done, 0 failed, 5 left"


def test_points_of_the_findings_count_where_these_are_made():
    plan = plan_of()
    own, all_points = (
        sum(file.n_points for file in files.values())
        for files in (plan.record_files, {**plan.record_files, **plan.findings_files})
    )
    found = status.of(plan)
    assert found.total == all_points > 100_000
    assert str(found).endswith(f"{all_points} left, {all_points - own} of these for the findings")


def test_done_points_hold(plan):
    """A point counts if its record is sound and of this configuration, published or not."""
    solve(plan, "e10000")
    solve(plan, "e1000-9000")
    assert counts(plan) == (2, 0, 3)
    damaged = solve(plan, "e2000-8000")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert counts(plan) == (2, 0, 3)
    path, size = whole(plan)
    assert counts(plan) == ((5, 0, 0) if size > 1 else (2, 0, 3))
    path.write_bytes(path.read_bytes()[:1000])
    assert counts(plan)[0] <= 2
    source = copy.deepcopy(plan.configuration.source)
    source["config"] |= {"tolerance": 1e-7, "paper": False}
    assert counts(Plan.of(config.parse(source), CODE)) == (0, 0, 5)


def test_a_failed_point_is_told_with_its_reason_until_it_is_solved(plan):
    log = fail(plan, "e3000-7000", "no powers at all")
    assert counts(plan) == (0, 1, 4)
    told = f"failed: 7c/synchronous/500MHz/step-by-step-held/e3000-7000: no powers at all ({log})"
    assert told in str(status.of(plan))
    solve(plan, "e3000-7000")
    assert counts(plan) == (1, 0, 4)


def test_what_was_made_for_something_else_is_out_of_date(plan):
    """By its own account; what does not exist is none of it."""
    (record, _), dataset = whole(plan), store(plan)
    assert status.outdated(plan) == []
    source = copy.deepcopy(plan.configuration.source)
    source["networks"]["note"] = "Measured layouts."
    assert status.outdated(Plan.of(config.parse(source), CODE)) == [str(dataset)]
    source["config"]["tolerance"] = 1e-7
    assert status.outdated(Plan.of(config.parse(source), CODE)) == [str(record), str(dataset)]
    dataset.write_bytes(b"")
    assert status.outdated(plan) == [str(dataset)]


# --- why a run failed -------------------------------------------------------------------------------------------------

KILLED = "without a word (killed?)"


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (None, KILLED),
        ("", KILLED),
        ("repeat with: python a.py --plan results/plan.json\n", KILLED),
        ("repeat with: python a.py\n\n  \n", KILLED),
        ("repeat with: python a.py\n/a/b.py:7: RuntimeWarning: divide by zero\n  x = 1 / y\n", KILLED),
        ("repeat with: python a.py\nresults/a.nc: not a complete record\n", "results/a.nc: not a complete record"),
        ("repeat with: python a.py\nTraceback (most recent call last):\n  x\nKeyError: 'pair'\n\n", "KeyError: 'pair'"),
        ("repeat with: python a.py\nMemoryError\n/a/b.py:7: UserWarning: late\n  x\n", "MemoryError"),
    ],
)
def test_the_last_words_of_a_job(tmp_path, log, words):
    if log is not None:
        (tmp_path / "log").write_text(log)
    assert status.last_words(tmp_path / "log") == words


def test_every_script_begins_its_log_in_the_same_way():
    scripts = {path.name: path.read_text() for path in (ROOT / "workflow/scripts").glob("*.py")}
    silent = {"show_status.py"}  # no job
    assert len(scripts) > len(silent)
    for name, text in scripts.items():
        assert (f'print("{status.REPEAT.strip()}", ' in text) == (name not in silent), name


def test_a_failed_run_tells_of_killed_jobs_and_of_points_once(plan):
    """A killed job says nothing, one that is refused a point names it, one with a bug has a traceback."""
    log = fail(plan, "e3000-7000", "no powers at all")
    killed = log.with_name("killed.log")
    killed.write_text("repeat with: python\n")
    bug = log.with_name("bug.log")
    bug.write_text("repeat with: python\nTraceback (most recent call last):\nKeyError: 'x'\n")
    assert status.told(plan, [str(log), str(killed), str(bug)]).splitlines() == [
        f"failed: {KILLED} ({killed})",
        f"failed: KeyError: 'x' ({bug})",
        "points: 0 of 5 done, 1 failed, 4 left",
        f"failed: 7c/synchronous/500MHz/step-by-step-held/e3000-7000: no powers at all ({log})",
    ]


def test_a_lost_node_fills_no_screen(plan):
    told = status.told(plan, [f"{number}.log" for number in range(100)]).splitlines()
    assert len(told) == status.MOST_SHOWN + 2
    assert told[status.MOST_SHOWN] == "failed: 95 more, see the logs"


# --- clocks that are wrong --------------------------------------------------------------------------------------------


def test_results_dated_in_the_future_get_the_date_of_today(plan):
    record, early = solve(plan, "e10000", Path), solve(plan, "e1000-9000", Path)
    dataset = store(plan)
    before, now = {path: path.read_bytes() for path in (record, early, dataset)}, time.time()
    assert status.bring_to_now(plan, now) == []
    os.utime(early, (now - 100, now - 100))
    os.utime(dataset, (now + 3600, now + 3600))
    os.utime(record, (now + 7200, now + 7200))
    assert status.bring_to_now(plan, now) == [str(record), str(dataset)]
    assert record.stat().st_mtime <= dataset.stat().st_mtime < now + 3600
    assert early.stat().st_mtime == pytest.approx(now - 100)
    assert {path: path.read_bytes() for path in before} == before
    assert status.bring_to_now(plan, time.time()) == []


# --- the script -------------------------------------------------------------------------------------------------------


def show(monkeypatch, capsys, *arguments):
    """What `show_status.py` prints, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["show_status.py", *arguments])
    code = 0
    try:
        runpy.run_path(str(ROOT / "workflow/scripts/show_status.py"), run_name="__main__")
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize("plan", [1], indirect=True)
def test_the_script_takes_a_configuration_as_snakemake_does(plan, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    mine = tmp_path / "mine.yaml"
    study = plan.configuration.source["config"]["studies"]["small"]
    mine.write_text(yaml.safe_dump({"paper": False, "studies": {"small": study}}))
    asked = ("--configfile", str(mine), "--config", f"results={tmp_path}", "points_per_job=1")
    assert show(monkeypatch, capsys, *asked) == (0, "points: 0 of 5 done, 0 failed, 5 left\n")
    assert show(monkeypatch, capsys, *asked, "--folder") == (0, f"{tmp_path}\n")
    record = solve(plan, "e10000", Path)
    assert show(monkeypatch, capsys, *asked) == (0, "points: 1 of 5 done, 0 failed, 4 left\n")
    told = show(monkeypatch, capsys, *asked, "tolerance=1e-7")
    assert told == (0, f"points: 0 of 5 done, 0 failed, 5 left\nout of date, and made anew by a run: {record}\n")
    code, printed = show(monkeypatch, capsys, "--configfile", str(mine), "--config", "tolerance=3")
    assert (code, "--config: tolerance: 3 is out of range" in printed) == (2, True)
    code, printed = show(monkeypatch, capsys, "--configfile", str(tmp_path / "none.yaml"))
    assert (code, "none.yaml: can't be read" in printed) == (2, True)


# --- damaged plans ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "JSONDecodeError"),
        (lambda text: "", "JSONDecodeError"),
        (lambda text: "\xff" + text, "damaged"),
        (lambda text: "[]", "TypeError"),
        (lambda text: "{}", "KeyError: 'config'"),
        (lambda text: "[" * 100_000, "RecursionError"),
        (lambda text: text.replace('"solver"', '"solvex"'), "KeyError: 'solver'"),
    ],
)
def test_a_damaged_plan_is_named(plan, damage, reason):
    plan.write()
    path = Path(plan.path)
    path.write_bytes(damage(path.read_text()).encode("latin-1"))
    with pytest.raises(PlanError) as refused:
        Plan.read(path)
    assert f"{path}: damaged, or of another version (" in str(refused.value)
    assert reason in str(refused.value)
    assert "snakemake writes it anew before its first job" in str(refused.value)


def test_a_plan_that_is_not_there_or_no_file_is_named(tmp_path):
    with pytest.raises(PlanError, match=r"plan\.json: there is no such plan; snakemake writes it"):
        Plan.read(tmp_path / "plan.json")
    with pytest.raises(PlanError, match=r"can't be read \(Is a directory\)"):
        Plan.read(tmp_path)


def test_any_damage_of_a_plan_ends_in_a_plan_or_by_name(plan):
    """A flipped bit, a zeroed stretch, a cut, anywhere."""
    plan.write()
    path, draw = Path(plan.path), random.Random(1)
    content = path.read_bytes()
    for _ in range(40):
        damaged, at = bytearray(content), draw.randrange(len(content))
        match draw.choice(["flip", "zero", "cut"]):
            case "flip":
                damaged[at] ^= 1 << draw.randrange(8)
            case "zero":
                damaged[at : at + 50] = bytes(len(damaged[at : at + 50]))
            case "cut":
                del damaged[at:]
        path.write_bytes(damaged)
        with contextlib.suppress(PlanError):
            assert Plan.read(path).configuration.studies
