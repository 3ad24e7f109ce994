"""Points, their names and results, and how a plan lists them."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from builders import CODE, CONFIG, INTEGRATED, LINE, ROOT, defaults, plan_of, point_of

from isal.model.network import Network
from isal.model.radio import Radio
from isal.study import config, points
from isal.study.points import Point, fingerprint
from isal.workflow.plan import Plan, PlanError


def example(**changes):
    """A point whose solver may need another one to finish."""
    return point_of(**{"solver": "scs"} | changes)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "7c/synchronous/500MHz/step-by-step-held/e2300-7700"),
        (INTEGRATED, "7c/synchronous/500MHz/integrated/e10000"),
        ({"energies_uj": (500, 9_999_500)}, "7c/synchronous/500MHz/step-by-step-held/e0.5-9999.5"),
        (
            {"clock": "asynchronous", "energies_uj": (1, 2, 3_000_000), "radio": Radio(bandwidth_hz=62_500.5)},
            "7c/asynchronous/0.0625005MHz/step-by-step-held/e0.001-0.002-3000",
        ),
    ],
)
def test_a_name_is_made_from_values(changes, name):
    assert example(**changes).label == name


def test_enough_pulses_give_the_papers_bounds_over_their_number():
    """At the same powers, with links that are strong enough for an estimator."""
    many = list(plan_of().study_points("enough_pulses").values())[::9]
    one = [replace(point, radio=replace(point.radio, pulses=1.0), varied=()) for point in many]
    assert {point.name for point in many} == {"7a", "7b", "7c", "7d"}
    for point, bound, paper in zip(many, points.solve_all(many), points.solve_all(one), strict=True):
        assert bound.speb * point.radio.pulses == pytest.approx(paper.speb, rel=1e-12)
        np.testing.assert_allclose(bound.slots[0].power, paper.slots[0].power, rtol=1e-8, atol=1e-9)


def test_the_text_of_a_point_tells_all_of_it():
    text = example().to_json()
    assert Point.from_json(text).to_json() == text


@pytest.mark.parametrize(
    "changes",
    [
        {"energies_uj": (2_300_000, 7_600_000)},
        {"radio": Radio(pulses=2)},
        {"radio": Radio(pulse="flat")},
        {"radio": Radio(bandwidth_hz=5e6)},
        {"clock": "asynchronous"},
        {"scheme": "step-by-step-joint"},
        {"radar_cap_w": 1.0},
        {"anchor_cap_w": 1.0},
        {"best": True},
        {"step_1": "ranging"},
        {"caps_per": "slot"},
        {"tolerance": 1e-7},
        {"solver": "interior-point"},
        {"slots": (Network([[20, 180], [180, 180]], [[45, 71], [91, 65]], [[65, 46]], name="7c"),)},
        {"slots": example().slots * 2},
    ],
)
def test_whatever_changes_a_result_changes_the_fingerprint(changes):
    assert fingerprint(example(**changes), "code") != fingerprint(example(), "code")


def test_other_code_changes_the_fingerprint():
    assert fingerprint(example(), "code") == fingerprint(example(), "code") != fingerprint(example(), "other code")


def test_the_coupling_of_slots_does_not_change_the_fingerprint_of_one_slot():
    coupled = Radio(velocity_variance=1.0, drift_variance=1.0)
    assert fingerprint(example(radio=coupled), "code") == fingerprint(example(), "code")
    two = example().slots * 2
    assert fingerprint(example(slots=two, radio=coupled), "code") != fingerprint(example(slots=two), "code")


def test_a_point_of_two_slots_splits_each_slot_over_its_steps():
    """Its energies are those of the slots."""
    result = example(slots=example().slots * 2, energies_uj=(4_000_000, 6_000_000)).solve()
    assert [sum(slot.energies) for slot in result.slots] == pytest.approx([4, 6])
    assert [len(slot.steps) for slot in result.slots] == [2, 2]
    assert result.slots[0].energies[0] / 4 == pytest.approx(0.226, abs=0.001)  # as with 10 J in one slot


@pytest.mark.parametrize(("solver", "used"), [("scs", "scs_sdp"), ("interior-point", "interior_point")])
@pytest.mark.parametrize(("slots", "best"), [(1, False), (2, False), (1, True), (2, True)])
def test_the_fingerprint_covers_all_code_that_a_point_runs(tmp_path, slots, best, solver, used):
    """Every isal module of which a function runs while a point is solved and written counts."""
    point = example(slots=example().slots * slots, solver=solver)
    point = point.at_best() if best else point
    script = (
        "import sys; from pathlib import Path\n"
        "from isal.study.solving import solve_missing; from isal.study.points import Point\n"
        "ran = set()\n"
        "sys.setprofile(lambda frame, event, _: ran.add(frame.f_globals.get('__name__', '')))\n"
        f"point = Point.from_json({point.to_json()!r})\n"
        "solve_missing(Path(sys.argv[1]), 64 * 'a', [(point, 64 * 'a')])\n"
        "sys.setprofile(None)\n"
        "print(*sorted(name for name in ran if name.startswith('isal.')))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "record.nc")]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    ran = set(output.stdout.splitlines()[-1].split())
    known, best_split = CODE.closure(point.modules), "isal.schemes.best_split"
    assert {f"isal.allocation.solvers.{used}", "isal.schemes.schedule", "isal.study.store.records"} <= ran
    assert ran <= known
    assert (best_split in ran) == (best_split in known) == (slots > 1 or best)


def test_a_point_depends_on_the_solver_that_finishes_for_another():
    scs, interior_point = "isal.allocation.solvers.scs_sdp", "isal.allocation.solvers.interior_point"
    assert {scs, interior_point} <= CODE.closure(example().modules)
    assert scs not in CODE.closure(example(solver="interior-point").modules)


def test_points_solved_side_by_side_are_those_solved_alone():
    """Of several solvers, schemes and numbers of slots, in any order."""
    some = [
        example(scheme=scheme, energies_uj=energies, solver=solver, slots=example().slots * slots)
        for slots in (1, 2)
        for scheme, energies in (("step-by-step-joint", (2_300_000, 7_700_000)), ("integrated", (10_000_000,) * slots))
        for solver in ("scs", "interior-point", "scs")
    ]
    for point, result in zip(some, points.solve_all(some), strict=True):
        alone = point.solve()
        assert len(result.slots) == len(point.slots)
        assert (result.speb, result.lower_bound) == (alone.speb, alone.result.greedy_lower_bound)
        assert result.status == alone.status == "optimal"
        assert {step.allocation.solver for slot in result.slots for step in slot.steps} <= {point.solver}


def test_a_point_that_fails_has_its_error_in_its_place():
    good, unobservable, unusable = example(), example(slots=(LINE,)), example(energies_uj=(0, 10_000_000))
    first, second, third, fourth = points.solve_all([good, unobservable, unusable, good])
    assert first.speb == fourth.speb == good.solve().speb
    assert isinstance(second, points.PointError)
    assert str(second).startswith("line/synchronous/500MHz/step-by-step-held/e2300-7700: line: its links can't tell")
    assert isinstance(third, points.PointError)
    assert "7c/synchronous/500MHz/step-by-step-held/e0-10000: 7c: the energy of step radars" in str(third)
    with pytest.raises(points.PointError, match="the energy of step radars"):
        unusable.solve()


def test_no_points_have_no_results():
    assert points.solve_all([]) == []


def test_a_point_job_imports_no_heavy_package():
    script = (
        "import sys; sys.argv[1:] = ['--point', '{}', '--fingerprint', 'f', '--output', 'x']; import runpy\n"
        "try: runpy.run_path('workflow/scripts/solve_points.py', run_name='__main__')\n"
        "except KeyError: pass\n"
        "print(*sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"cvxpy", "xarray", "pandas", "matplotlib", "scipy", "jsonschema", "yaml", "snakemake"}
    loaded = set(output.stdout.split())
    assert "netCDF4" in loaded
    assert not heavy & loaded


def test_a_point_that_can_not_be_certified_says_how_far_it_came(monkeypatch):
    from isal.allocation.solvers import interior_point, scs_sdp

    monkeypatch.setattr(scs_sdp, "ROUNDS", ((1e-1, 5),))
    monkeypatch.setattr(interior_point, "MOST_ITERATIONS", (1, 1))
    with pytest.raises(points.PointError, match=r"7c/.*/e2300-7700: solver scs could not certify.*Raise 'tolerance'"):
        example().solve()


def test_studies_share_points():
    plan = plan_of()
    per_study = sum(len(plan.study_points(study)) for study in plan.configuration.studies)
    assert len(plan.points) < per_study
    assert all(point.label == name for name, point in plan.points.items())


def test_splits_spend_exactly_the_total():
    study = plan_of().configuration.studies["bandwidths"]
    held = ("7c", "synchronous", "step-by-step-held")
    splits = list(study.splits(*held))
    assert len(splits) == 99
    assert {sum(split) for split in splits} == {10_000_000}
    slots = replace(study, n_slots=2, step_grids=(), slot_grids=((1_000_000, 9_900_000),))
    for scheme in ("integrated", "step-by-step-joint"):
        assert list(slots.splits("7c", "synchronous", scheme)) == [(1_000_000, 9_000_000), (9_900_000, 100_000)]
    three = replace(study, step_grids=((1_000_000, 9_000_000), (500_000, 1_000_000)), steps={held[:2]: 3})
    assert list(three.splits(*held)) == [
        (1_000_000, 500_000, 8_500_000),
        (1_000_000, 1_000_000, 8_000_000),
        (9_000_000, 500_000, 500_000),
    ]


def test_every_point_is_in_one_shard_and_stays_there_when_the_grid_grows():
    plan = plan_of(points_per_job=200)
    assert sorted(name for points in plan.pool.shards.values() for name in points) == sorted(plan.points)
    assert plan.pool.n_shards == 1 << math.ceil(math.log2(len(plan.points) / 200))
    grown = plan_of(points_per_job=200)
    content = grown.configuration.source["config"]
    content["studies"]["bandwidths"]["step_1_energy_j"] = [{"from": 0.1, "to": 9.9, "by": 0.1}, 0.05]
    grown = Plan.of(config.load(content, CONFIG, [ROOT]), CODE)
    assert grown.pool.n_shards == plan.pool.n_shards
    changed = [
        path for path, file in plan.record_files.items() if file.fingerprint != grown.record_files[path].fingerprint
    ]
    assert 1 <= len(changed) <= 2  # two new points


def test_a_plan_is_read_back_as_it_was_written(tmp_path):
    plan = plan_of(results=str(tmp_path))
    plan.write()
    again = Plan.read(Path(plan.path))
    assert [(name, again.fingerprint(point)) for name, point in again.points.items()] == [
        (name, plan.fingerprint(point)) for name, point in plan.points.items()
    ]


def test_a_shard_of_another_plan_is_refused():
    plan = plan_of(points_per_job=40)
    path, shard = next(iter(plan.record_files.items()))
    assert plan.record_file(Path(path), shard.fingerprint) is shard
    assert len(shard.wanted()) == shard.n_points
    for asked, told in ((path, "another fingerprint"), ("shards/1_of_1.nc", shard.fingerprint)):
        with pytest.raises(PlanError, match="run snakemake again"):
            plan.record_file(Path(asked), told)


def test_an_unobservable_network_is_refused_with_its_file(tmp_path):
    networks = {"note": "n", "single_slot": {"one": {"anchors": [[0, 0]], "radars": [[10, 0]], "target": [20, 0]}}}
    (tmp_path / "networks.yaml").write_text(yaml.safe_dump(networks))
    content = defaults()
    study = content["studies"]["bandwidths"] | {"networks": ["one"]}
    content |= {"networks": "networks.yaml", "studies": {"s": study}, "deployments": {}}
    content["figures"]["draw"] = {}
    with pytest.raises(config.ConfigError, match=r"networks\.yaml: one: its links can't tell apart"):
        Plan.of(config.load(content, "config", [tmp_path]))
