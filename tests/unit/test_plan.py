"""Plans: what jobs read of them, which points stand for a curve, and where results are."""

import copy
import itertools
import json
import math

import pytest
from builders import plan_of

from isal.study import config
from isal.study.points import fingerprint
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS, Comparison, StudyDataset

pytestmark = pytest.mark.any_kernel


@pytest.fixture(scope="module")
def default():
    return plan_of()


def changed(plan, change):
    """The plan with its configuration and networks edited."""
    source = copy.deepcopy(plan.configuration.source)
    change(source)
    return Plan.of(config.parse(source), plan.code)


def curve_of(point):
    return point.label.removesuffix(f"/{point.split}")


def curves(some_points):
    found = {}
    for point in some_points:
        found.setdefault(curve_of(point), []).append(point)
    return found


# --- the plan that jobs read ------------------------------------------------------------------------------------------


def reverse(*tables):
    for table in tables:
        content = list(table.items())
        table.clear()
        table.update(reversed(content))


def reversed_order(source):
    content = source["config"]
    reverse(content["studies"], content["findings"]["variants"], source["networks"]["single_slot"])


@pytest.mark.parametrize("change", [lambda source: None, reversed_order], ids=["as it is", "another order"])
def test_what_jobs_read_has_the_order_and_the_fingerprints_of_the_configuration(default, change, tmp_path, monkeypatch):
    """Else what they store would never hold."""
    monkeypatch.chdir(tmp_path)
    plan = changed(default, change)
    plan.write()
    again = Plan.read(tmp_path / plan.path)
    for kind in KINDS.values():
        assert fingerprints(again, kind) == fingerprints(plan, kind)


def fingerprints(plan, kind):
    return [(product.name, product.fingerprint) for product in kind.all(plan)]


def test_jobs_take_the_digests_of_code_from_the_run_that_they_belong_to(default, tmp_path, monkeypatch):
    """Whatever the code is by then."""
    monkeypatch.chdir(tmp_path)
    plan = Plan.of(default.configuration)
    plan.write()
    path = tmp_path / plan.path
    content = json.loads(path.read_text())
    assert content["code"] == plan.code.known
    assert set(content["code"]) == {" ".join(point.modules) for point in plan.points.values()}
    content["code"] = dict.fromkeys(content["code"], "of another day")
    path.write_text(json.dumps(content))
    point = next(iter(plan.points.values()))
    assert Plan.read(path).fingerprint(point) == fingerprint(point, "of another day") != plan.fingerprint(point)


def test_the_order_of_studies_changes_no_dataset(default):
    other = changed(default, lambda source: reverse(source["config"]["studies"]))
    before, after = fingerprints(default, StudyDataset), fingerprints(other, StudyDataset)
    assert before != after
    assert dict(before) == dict(after)


# --- points that stand for curves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_curve", [1, 3, 10, 1000])
def test_compared_points_are_evenly_spread_over_every_curve(default, per_curve):
    plan = changed(default, lambda source: source["config"]["agreement"].update(points_per_curve=per_curve))
    chosen = curves(Comparison(plan).points.values())
    assert set(chosen) == set(curves(plan.points.values()))
    for where, curve in curves(plan.points.values()).items():
        ascending = sorted((point for point in curve if not point.best), key=lambda point: point.energies_uj)
        number, size = len(chosen[where]), len(ascending)
        assert number == min(per_curve, size)
        place = {point.label: index for index, point in enumerate(ascending)}
        places = [place[point.label] for point in chosen[where]]
        apart = [later - earlier for earlier, later in itertools.pairwise(places)]
        assert all(abs(gap - size / number) < 1 for gap in apart)
        # as much left over at one end as at the other
        assert abs(places[0] - (size - 1 - places[-1])) <= 1


def test_one_compared_point_of_a_curve_is_its_middle(default):
    held = curves(Comparison(default).points.values())["7c/synchronous/5MHz/step-by-step-held"]
    assert [point.energies_uj for point in held] == [(5_000_000, 5_000_000)]


def test_one_more_energy_changes_the_fingerprints_of_what_it_moves_alone(default):
    """What all solvers are compared on is the middle of each curve."""
    study = "synchronous_dual_slot"

    def one_more(source):
        table = source["config"]["studies"][study]
        table["slot_1_energy_j"] = [*table["slot_1_energy_j"], 5.1]

    other = changed(default, one_more)
    before, after = Comparison(default).points, Comparison(other).points
    moved = {curve_of(point) for fingerprint, point in after.items() if fingerprint not in before}
    assert moved == {curve_of(point) for point in other.curve_points(study)}
    assert len(moved) < len(after) / 4
    assert Comparison(other).fingerprint != Comparison(default).fingerprint


def test_one_point_of_every_curve_of_a_study(default):
    for study, described in default.configuration.studies.items():
        found = default.curve_points(study)
        assert len(found) == math.prod(map(len, described.axes.values()))
        assert {curve_of(point) for point in found} == set(curves(default.study_points(study).values()))


def test_every_result_has_paths_of_its_own(default):
    products = (product for kind in KINDS.values() for product in kind.all(default))
    paths = [*default.record_files, *(path for product in products for path in product.outputs)]
    assert len(set(paths)) == len(paths) > len(default.points)
    assert StudyDataset(default, "bandwidths").outputs == ["results/datasets/bandwidths.nc"]


def test_every_result_is_made_from_results_of_kinds_before_it(default):
    known = {*default.record_files, *default.findings_files}
    for kind in KINDS.values():
        products = kind.all(default)
        assert all(known.issuperset(product.inputs) for product in products), kind.__name__
        known.update(path for product in products for path in product.outputs)
