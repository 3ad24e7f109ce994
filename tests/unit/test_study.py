"""Plans: which points stand for a curve, and what changes which key."""

import copy
import itertools
import math

import pytest
from test_points import plan_of

from isal.study import config, points
from isal.workflow.plan import Plan, point_path

pytestmark = pytest.mark.any_kernel


@pytest.fixture(scope="module")
def default():
    return plan_of()


def changed(plan, change):
    """The plan with its configuration and networks edited."""
    source = copy.deepcopy(plan.configuration.source)
    change(source)
    return Plan.of(config.parse(source))


def curve_of(point):
    return point.name, point.clock, point.radio.bandwidth_hz, point.scheme


def curves(some_points):
    found = {}
    for point in some_points:
        found.setdefault(curve_of(point), []).append(point)
    return found


# --- the plan that scripts read --------------------------------------------------------------------------------------


def reverse(*tables):
    for table in tables:
        content = list(table.items())
        table.clear()
        table.update(reversed(content))


def reversed_order(source):
    content = source["config"]
    reverse(content["studies"], content["findings"]["variants"], source["networks"]["single_slot"])


@pytest.mark.parametrize("change", [lambda source: None, reversed_order], ids=["as it is", "another order"])
def test_what_scripts_read_has_the_keys_and_the_order_of_the_configuration(default, change, tmp_path, monkeypatch):
    """Else what they store would never hold."""
    monkeypatch.chdir(tmp_path)
    plan = changed(default, change)
    plan.write()
    again = Plan.read(tmp_path / plan.plan_path)
    assert list(again.dataset_keys()) == list(plan.dataset_keys())
    assert again.findings_page_key() == plan.findings_page_key()


def test_the_order_of_studies_changes_no_dataset(default):
    other = changed(default, lambda source: reverse(source["config"]["studies"]))
    assert dict(other.dataset_keys()) == dict(default.dataset_keys())


# --- points that stand for curves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_curve", [1, 3, 10, 1000])
def test_agreement_points_are_evenly_spread_over_every_curve(default, per_curve):
    plan = changed(default, lambda source: source["config"]["agreement"].update(points_per_curve=per_curve))
    chosen = curves(plan.agreement_points().values())
    assert set(chosen) == set(curves(plan.points.values()))
    for where, curve in curves(plan.points.values()).items():
        number, size = len(chosen[where]), len(curve)
        assert number == min(per_curve, size)
        ascending = sorted(curve, key=lambda point: point.energies_uj)
        place = {point_path(point): index for index, point in enumerate(ascending)}
        places = [place[point_path(point)] for point in chosen[where]]
        apart = [later - earlier for earlier, later in itertools.pairwise(places)]
        assert all(abs(gap - size / number) < 1 for gap in apart)
        # as much left over at one end as at the other
        assert abs(places[0] - (size - 1 - places[-1])) <= 1


def test_one_agreement_point_of_a_curve_is_its_middle(default):
    held = curves(default.agreement_points().values())["7c", "synchronous", 5e6, "step-by-step-held"]
    assert [point.energies_uj for point in held] == [(5_000_000, 5_000_000)]


def test_one_more_energy_changes_the_fingerprints_of_what_it_moves_alone(default):
    """What all solvers are compared on is the middle of each curve."""
    study = "synchronous_dual_slot"

    def one_more(source):
        table = source["config"]["studies"][study]
        table["slot_1_energy_j"] = [*table["slot_1_energy_j"], 5.1]

    other = changed(default, one_more)
    before, after = default.agreement_points(), other.agreement_points()
    moved = {curve_of(point) for fingerprint, point in after.items() if fingerprint not in before}
    assert moved == {curve_of(point) for point in other.curve_points(study)}
    assert len(moved) < len(after) / 4
    assert other.agreement_key() != default.agreement_key()


def test_one_point_of_every_curve_of_a_study(default):
    for study, described in default.configuration.studies.items():
        found = default.curve_points(study)
        per_study = (described.networks, described.clocks, described.bandwidths_hz, described.schemes)
        assert len(found) == math.prod(map(len, per_study))
        assert {curve_of(point) for point in found} == set(curves(default.study_points(study).values()))


def test_paths_of_datasets_do_not_meet(default):
    studies = default.configuration.studies
    paths = [default.dataset_path(study) for study in studies] + [default.best_splits_path(study) for study in studies]
    assert len(set(paths)) == 2 * len(studies)
    assert default.best_splits_path("bandwidths") == "results/datasets/best_splits/bandwidths.nc"


# --- keys -------------------------------------------------------------------------------------------------------------


def keys(plan):
    """Every key by what it is for."""
    configuration = plan.configuration
    found = {
        "agreement": plan.agreement_key(),
        "agreement table": plan.agreement_table_key(),
        "best splits table": plan.best_splits_table_key(),
        "table": plan.table_key(),
        "page": plan.findings_page_key(),
    }
    for study in configuration.studies:
        found[f"dataset {study}"] = plan.dataset_key(study)
        found[f"best splits {study}"] = plan.best_splits_key(study)
    return found | {f"figure {figure}": plan.figure_key(figure) for figure in configuration.figures}


@pytest.fixture(scope="module")
def before(default):
    return keys(default)


SINGLE = {"synchronous_single_slot", "asynchronous_single_slot", "bandwidths", "carry_over"}
DUAL = {"synchronous_dual_slot", "asynchronous_dual_slot", "carry_over_dual_slot"}
DUAL_STUDIES = {f"{what} {study}" for what in ("dataset", "best splits") for study in DUAL}
STUDIES = DUAL_STUDIES | {f"{what} {study}" for what in ("dataset", "best splits") for study in SINGLE}
FIGURES = "every figure"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda source: None, set()),
        (lambda source: source["config"]["style"].update(held="#123456"), {FIGURES}),
        (lambda source: source["config"].update(results="elsewhere"), set()),
        (lambda source: source["config"].update(points_per_job=7), set()),
        (lambda source: source["config"]["figures"].update(formats=["pdf"]), set()),
        (lambda source: source["config"]["agreement"].update(points_per_curve=2), {"agreement"}),
        (lambda source: source["config"].update(tolerance=1e-7), STUDIES),
        (lambda source: source["config"].update(solver="scs"), STUDIES),
        (lambda source: source["config"]["radio"].update(pulses=2), STUDIES | {"agreement"}),
        (lambda source: source["config"]["radio"].update(velocity_variance=1.0), DUAL_STUDIES | {"agreement"}),
        (lambda source: source["config"]["power_caps_w"].update(anchors=1.0), STUDIES | {"agreement"}),
        (
            lambda source: source["networks"].update(note="Measured layouts."),
            {FIGURES, "page"} | {name for name in STUDIES if name.startswith("dataset")},
        ),
        (
            lambda source: source["networks"]["single_slot"]["7c"]["radars"][0].__setitem__(0, 46),
            (STUDIES - DUAL_STUDIES) | {"agreement", "figure figure_7"},
        ),
        (
            lambda source: source["networks"]["single_slot"]["7d"]["radars"][0].__setitem__(0, 21),
            {name for name in STUDIES - DUAL_STUDIES if "bandwidths" not in name} | {"agreement", "figure figure_7"},
        ),
        (
            lambda source: source["networks"]["dual_slot"]["8b"][1]["radars"][0].__setitem__(0, 46),
            DUAL_STUDIES | {"agreement", "figure figure_8"},
        ),
        (
            lambda source: source["config"]["studies"]["bandwidths"].update(bandwidths_hz=[500e6, 50e6]),
            {"dataset bandwidths", "best splits bandwidths", "agreement"},
        ),
        (
            lambda source: source["config"]["studies"]["bandwidths"].update(bandwidths_hz=[5e6, 500e6]),
            {"dataset bandwidths"},
        ),
        # a finer grid has the same curves, and here the same middle
        (
            lambda source: source["config"]["studies"]["synchronous_single_slot"].update(
                step_1_energy_j=[{"from": 0.1, "to": 9.9, "by": 0.1}, 0.15, 9.85]
            ),
            {"dataset synchronous_single_slot"},
        ),
    ],
    ids=[
        "nothing", "colour", "folder", "job size", "formats", "sample", "tolerance", "solver", "radio", "coupling",
        "caps", "note", "7c", "7d", "8b", "bandwidths", "order", "finer grid",
    ],
)  # fmt: skip
def test_a_key_changes_with_what_it_is_for_and_only_then(default, before, change, expected):
    if FIGURES in expected:
        expected = expected - {FIGURES} | {f"figure {figure}" for figure in default.configuration.figures}
    after = keys(changed(default, change))
    assert set(after) == set(before)
    assert {name for name in before if before[name] != after[name]} == expected


@pytest.fixture
def edit(monkeypatch, tmp_path):
    """Edit a module of the package, as far as digests see it."""
    source_file = points.source_file

    def edited(module):
        copied = tmp_path / "edited.py"
        copied.write_bytes(source_file(module).read_bytes() + b"\n# a change\n")
        monkeypatch.setattr(points, "source_file", lambda name: copied if name == module else source_file(name))
        points.code_digest.cache_clear()

    yield edited
    monkeypatch.undo()
    points.code_digest.cache_clear()


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("solvers.cvxpy_paper", {"agreement"}),
        ("solvers.scs_sdp", {"agreement"}),
        ("solvers.interior_point", STUDIES | {"agreement"}),
        ("allocation", STUDIES | {"agreement"}),
        ("agreement", {"agreement", "agreement table"}),
        ("tables", {"table", "agreement table", "best splits table", "page"}),
        ("claims.page", {"page"}),
        ("claims.samples", {"page", "figure abundance", "figure variants"}),
        ("claims.sensitivity", {"page", "figure variants"}),
        ("claims.statement", {"page", "figure variants"}),
        ("claims.statements", {"page", "figure variants"}),
        ("network", STUDIES | {"agreement", "figure figure_7", "figure figure_8"}),
        ("netcdf.records", {name for name in STUDIES if name.startswith("dataset")}),
        ("netcdf.storage", STUDIES | {"agreement"}),
        (
            "optima",
            {"best splits table"} | {name for name in STUDIES if name.startswith("best splits")},
        ),
        (
            "splits",
            {"agreement"} | DUAL_STUDIES | {name for name in STUDIES if name.startswith("best splits")},
        ),
        ("netcdf.datasets", {name for name in STUDIES if name.startswith("dataset")}),
        ("config", set()),
        ("study", set()),
        ("scripts.solve_points", {name for name in STUDIES if name.startswith("dataset")}),
        ("scripts.build_dataset", {name for name in STUDIES if name.startswith("dataset")}),
        ("scripts.find_best_splits", {name for name in STUDIES if name.startswith("best splits")}),
        ("scripts.compare_solvers", {"agreement"}),
        ("scripts.draw_figure", {FIGURES}),
    ],
)
def test_a_key_changes_with_the_code_behind_it_and_only_then(default, before, edit, module, expected):
    if FIGURES in expected:
        expected = {f"figure {figure}" for figure in default.configuration.figures}
    edit(module)
    after = keys(default)
    assert {name for name in before if before[name] != after[name]} == expected
