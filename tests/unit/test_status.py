"""Points done, failed and left, from what is on disk."""

import copy
from pathlib import Path

import pytest
import xarray as xr
from test_points import plan_of

from isal import config, status
from isal.netcdf import datasets, records
from isal.study import Plan

pytestmark = pytest.mark.any_kernel


@pytest.fixture(params=[1, 4], ids=["one point per job", "shards"])
def plan(tmp_path, request):
    """Five points of one network, of which nothing is on disk."""
    source = copy.deepcopy(plan_of().configuration.source)
    study = source["config"]["studies"]["synchronous_single_slot"]
    study |= {"networks": ["7c"], "step_1_energy_j": [1, 2, 3, 4]}
    source["config"] |= {
        "studies": {"small": study},
        "figures": {"formats": ["png"], "draw": {}},
        "results": str(tmp_path),
        "points_per_job": request.param,
    }
    return Plan.of(config.parse(source))


def solve(plan, split, place=lambda path: path):
    """Solve the point of this split and put its record in place."""
    ((path, point),) = ((path, point) for path, point in plan.points.items() if point.split == split)
    record = place(Path(plan.in_results(path)))
    records.write(record, point, point.solve())
    return record


def fail(plan, split, message):
    """What the job of this point logs when it can't be solved."""
    ((path, point),) = ((path, point) for path, point in plan.points.items() if point.split == split)
    (log,) = map(Path, plan.solving_logs([path]))
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"repeat with: python\n{point.label}: {message}\n1 of 4 points failed\n")
    return log


def counts(plan):
    found = status.of(plan)
    return found.done, len(found.failed), found.left


def test_nothing_done(plan):
    assert counts(plan) == (0, 0, 5)
    assert str(status.of(plan)) == "points: 0 of 5 done, 0 failed, 5 left"


def test_done_points_hold(plan):
    """A record counts if it is whole and of this configuration, published or not."""
    solve(plan, "e10000")
    solve(plan, "e1000-9000", records.unpublished)
    assert counts(plan) == (2, 0, 3)
    damaged = solve(plan, "e2000-8000")
    damaged.write_bytes(damaged.read_bytes()[:1000])
    assert counts(plan) == (2, 0, 3)
    source = copy.deepcopy(plan.configuration.source)
    source["config"]["tolerance"] = 1e-7
    assert counts(Plan.of(config.parse(source))) == (0, 0, 5)


def test_a_failed_point_is_told_with_its_reason_until_it_is_solved(plan):
    log = fail(plan, "e3000-7000", "no powers at all")
    assert counts(plan) == (0, 1, 4)
    told = f"failed: 7c/synchronous/500MHz/step-by-step-held/e3000-7000: no powers at all ({log})"
    assert told in str(status.of(plan))
    solve(plan, "e3000-7000")
    assert counts(plan) == (1, 0, 4)


def test_what_was_made_for_something_else_is_out_of_date(plan):
    """By its own account; what does not exist is none of it."""
    record, dataset = solve(plan, "e10000"), Path(plan.dataset_path("small"))
    datasets.write(dataset, xr.Dataset(), plan.dataset_key("small"))
    assert status.outdated(plan) == []
    source = copy.deepcopy(plan.configuration.source)
    source["networks"]["note"] = "Measured layouts."
    assert status.outdated(Plan.of(config.parse(source))) == [str(dataset)]
    source["config"]["tolerance"] = 1e-7
    assert status.outdated(Plan.of(config.parse(source))) == [str(record), str(dataset)]
    dataset.write_bytes(b"")
    assert status.outdated(plan) == [str(dataset)]
