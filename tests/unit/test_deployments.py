"""What a deployment asks: its keys, its answers against direct calls and in other ways, its tables and figures."""

import math
import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CONFIG, NETWORKS, ROOT, SINGLE, content_of, defaults, plan_of
from hypothesis import given
from hypothesis import strategies as st

import isal
from isal import figures
from isal.model.information import information
from isal.study import config, deployments, selection
from isal.study.config import ConfigError
from isal.study.deployments import DeploymentError, answered, table
from isal.study.sources import Source, Sources
from isal.study.store import storage
from isal.workflow.products import KINDS, DeploymentDataset, DeploymentTable, Figure, targets

RADIO = isal.Radio()
HALL = isal.Network.from_mapping(content_of(NETWORKS)["single_slot"]["hall"], "hall")
BOTH = ("synchronous", "asynchronous")
ASKED = {"networks": ["hall"], "clocks": ["synchronous"], "bandwidth_hz": 500e6}
ROUGH = {"energy_j": 10, "samples": 16, "seed": 3}

#: One deployment for each question, small.
DEPLOYMENTS = {
    "least": ASKED | {"clocks": list(BOTH), "least_energy": {"requirements_m": [0.02, 0.05]}},
    "worst": ASKED | {"worst_target": {"energies_j": [1, 10]}},
    "rough": ASKED | {"networks": ["7a", "7c"], "robust": ROUGH | {"sigma_m": [0, 5]}},
    "balls": ASKED | {"networks": ["7c"], "robust": ROUGH | {"radius_m": [2], "samples": 8}},
    "surveyed": ASKED | {"networks": ["7a", "hall"], "survey_error": {"sigma_m": [0, 0.01], "energy_j": 10}},
}
QUESTIONS = {
    "least": "least_energy",
    "worst": "worst_target",
    "rough": "robust",
    "balls": "robust",
    "surveyed": "survey_error",
}
DRAWN = {name: {"kind": question, "deployment": name} for name, question in QUESTIONS.items()}


def plan_with(folder="results", **changes):
    return plan_of(
        results=str(folder),
        studies={"one": defaults()["studies"]["bandwidths"] | {"step_1_energy_j": [5]}},
        **{"deployments": DEPLOYMENTS, "figures": {"formats": ["png"], "draw": DRAWN}} | changes,
    )


def asked(networks, question, settings, clocks=("synchronous",), **options):
    return answered({each.name: each for each in networks}, clocks, RADIO, question, settings, **options)


# --- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"networks": ["9z"]}, "deployments.least.networks: there is no network '9z'"),
        ({"networks": ["8a"]}, "deployments.least.networks: 8a has 2 slots, and deployments take one; name others"),
        ({"networks": ["localization"]}, "deployments.least.networks: localization has no target; name others"),
        ({"worst_target": {"energies_j": [1]}}, "deployments.least: asks least_energy and worst_target; give one of"),
        ({"least_energy": {"requirements_m": [0]}}, "deployments.least.least_energy.requirements_m[0]: 0 is out of"),
        ({"least_energy": {"requirements_m": []}}, "deployments.least.least_energy.requirements_m: "),
        ({"least_energy": {"energies_j": [1]}}, "deployments.least.least_energy.energies_j: unknown key"),
        ({"bandwidth_hz": "wide"}, "deployments.least.bandwidth_hz: 'wide' is not a number. Signal bandwidth"),
    ],
)
def test_what_is_wrong_with_a_deployment_is_named(changes, said):
    with pytest.raises(ConfigError) as caught:
        plan_with(deployments={"least": DEPLOYMENTS["least"] | changes}, figures={"formats": ["png"], "draw": {}})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("deployment", "said"),
    [
        (ASKED, "deployments.mine: asks nothing; give one of least_energy, worst_target, robust, survey_error"),
        (ASKED | {"robust": ROUGH}, "does not say how roughly positions are known; give sigma_m or radius_m"),
        (ASKED | {"robust": ROUGH | {"sigma_m": [1], "radius_m": [1]}}, "has both 'sigma_m' and 'radius_m'; keep one"),
        (ASKED | {"networks": ["7a"], "worst_target": {"energies_j": [1]}}, "7a has one target, which is the worst"),
    ],
)
def test_a_question_that_can_not_be_asked_is_refused(deployment, said):
    with pytest.raises(ConfigError) as caught:
        plan_with(deployments={"mine": deployment}, figures={"formats": ["png"], "draw": {}})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ({"kind": "robust", "deployment": "least"}, "least asks least_energy; write kind: least_energy"),
        ({"kind": "robust", "deployment": "rogh"}, "there is no deployment 'rogh' (did you mean 'rough'?)"),
        ({"kind": "robust"}, "figures.draw.mine.deployment: is missing"),
    ],
)
def test_a_figure_names_a_deployment_of_its_question(figure, said):
    with pytest.raises(ConfigError) as caught:
        plan_with(figures={"formats": ["png"], "draw": {"mine": figure}})
    assert said in str(caught.value)


def test_time_stamps_of_deployments_do_not_jitter_which_is_said():
    plan = plan_with(radio=defaults()["radio"] | {"timestamp_jitter_s": 1e-10})
    assert plan.deployed_radio("least").timestamp_jitter_s == 0
    said = (
        r"radio\.timestamp_jitter_s: deployments take no jitter of time stamps, and are answered as if there were none"
    )
    assert any(re.search(said, each) for each in config.doubts(plan.configuration, "config.yaml"))
    assert config.doubts(plan_with().configuration, "config.yaml") == []


def test_a_layout_that_can_not_be_observed_is_refused():
    networks = content_of(NETWORKS)
    networks["single_slot"]["line"] = {"anchors": [[0, 0], [100, 0]], "radars": [[40, 0]], "target": [70, 0]}
    alone = {"mine": ASKED | {"networks": ["line"], "least_energy": {"requirements_m": [1]}}}
    with pytest.raises(ConfigError, match="line"):
        plan_with(deployments=alone, figures={"formats": ["png"], "draw": {}}, networks=networks)


def test_null_leaves_out_a_deployment_and_its_figures():
    given = defaults()
    mine = {"deployments": {"robust": None}}
    merged = given | {"deployments": given["deployments"] | mine["deployments"]}
    origin = Sources((Source("my.yaml", mine), Source(CONFIG, given)))
    kept = selection.selected(merged, origin)
    assert "robust" not in kept["deployments"]
    assert "robust" not in kept["figures"]["draw"]
    assert {"least_energy", "survey_error"} <= set(kept["deployments"]) & set(kept["figures"]["draw"])


def test_without_the_paper_a_deployment_of_ones_own_gets_its_figure_and_map():
    given = defaults()
    study = given["studies"]["bandwidths"]
    mine = {"paper": False, "studies": {"mine": study}, "deployments": {"asked": DEPLOYMENTS["worst"]}}
    merged = given | mine | {"studies": given["studies"] | mine["studies"]}
    merged["deployments"] = given["deployments"] | mine["deployments"]
    found = config.load(merged, Sources((Source("my.yaml", mine), Source(CONFIG, given))), [ROOT])
    assert list(found.deployments) == ["asked"]
    assert found.figures["asked"] == config.Figure("asked", "worst_target", None, (), "asked")
    assert found.figures["networks"].networks == ("7c", "hall")


def test_the_findings_do_not_depend_on_deployments():
    """Layouts of several targets are of the paper's kind only if a study is about them."""
    layouts = [sample.name for sample in plan_of().layout_samples]
    assert not {"hall", "hall-surveyed"} & set(layouts)
    assert {"7a", "8a"} <= set(layouts)
    assert [sample.name for sample in plan_with().layout_samples] == layouts
    study = {"one": defaults()["studies"]["bandwidths"] | {"networks": ["7c", "hall"], "step_1_energy_j": [5]}}
    used = plan_of(studies=study, figures={"formats": ["png"], "draw": {}}, deployments={})
    assert "hall" in [sample.name for sample in used.layout_samples]


def test_the_fingerprint_holds_what_counts():
    plan = plan_with()
    prints = {name: DeploymentDataset(plan, name).fingerprint for name in DEPLOYMENTS}

    def changed(**changes):
        other = plan_with(**changes)
        return {name for name in DEPLOYMENTS if DeploymentDataset(other, name).fingerprint != prints[name]}

    radio = defaults()["radio"]
    assert changed(points_per_job=7) == changed(radio=radio | {"velocity_variance": 1}) == set()
    assert changed(solver="scs") == set()  # takes one goal only
    assert changed(solver="cvxpy") == changed(tolerance=1e-7) == changed(radio=radio | {"pulses": 2}) == {*DEPLOYMENTS}
    seeded = DEPLOYMENTS["rough"] | {"robust": DEPLOYMENTS["rough"]["robust"] | {"seed": 4}}
    assert changed(deployments=DEPLOYMENTS | {"rough": seeded}) == {"rough"}


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", BOTH)
def test_least_energy_is_that_of_allocate_and_falls_with_the_square_of_the_requirement(clock):
    found = asked([HALL], "least_energy", {"requirements_m": (0.02, 0.05)}, (clock,)).sel(network="hall", clock=clock)
    direct = isal.allocate(HALL, RADIO, clock=clock, requirements=0.05, tolerance=1e-6)
    last = found.sel(requirement=0.05)
    assert last.value.values[0] == direct.value
    assert last.lower_bound.item() == direct.lower_bound
    np.testing.assert_array_equal(last.power.values[0], direct.power)
    np.testing.assert_allclose(found.value.values[0], found.value.values[1] * 2.5**2, rtol=1e-6)
    assert (found.gap < 1e-6).all()
    # no target of any powers exceeds the requirement, and equal ones meet it exactly
    assert (found.speb <= found.requirement**2 * (1 + 1e-9)).all()
    np.testing.assert_allclose(found.speb.sel(powers="equal powers").max("target"), found.requirement**2, rtol=1e-7)
    equal = found.power.sel(powers="equal powers").values
    np.testing.assert_array_equal(equal, np.broadcast_to(equal[:, :1], equal.shape))
    assert (found.value.values[:, 1] >= found.lower_bound.values).all()


def test_requirements_beyond_the_caps_are_proven_infeasible():
    settings = {"requirements_m": (0.001, 0.05, 0.2)}
    found = asked([HALL], "least_energy", settings, radar_cap_w=1.0, anchor_cap_w=1.0).squeeze()
    assert [deployments.STATUSES[each] for each in found.status.values] == ["infeasible", "infeasible", "optimal"]
    assert np.isinf(found.value.values[:2]).all()
    assert np.isnan(found.power.values[:2]).all()
    assert (found.power.values[2] <= 1).all()
    rows, _ = table(found.expand_dims(["network", "clock"]))
    assert rows.status.tolist() == ["infeasible", "infeasible", "optimal"]
    with pytest.raises(isal.InfeasibleError):
        isal.allocate(HALL, RADIO, clock="synchronous", requirements=0.05, caps=1.0)


def test_nodes_that_only_receive_have_no_share_of_equal_powers():
    quiet = replace(HALL, installation=isal.Installation(receive_only=["anchor 2"]))
    found = asked([quiet], "least_energy", {"requirements_m": (0.05,)}).squeeze()
    equal = found.power.sel(powers="equal powers")
    assert equal.sel(node="anchor 2") == 0
    assert len(set(equal.values.tolist())) == 2
    assert found.value.values[1] >= found.lower_bound.item()


def test_equal_powers_keep_to_the_caps():
    found = asked([HALL], "least_energy", {"requirements_m": (0.1,)}, anchor_cap_w=0.3).squeeze()
    equal = found.power.sel(powers="equal powers").values
    assert equal[0] == equal[1] > 0.3
    assert equal[2:].tolist() == [0.3] * 4
    assert math.sqrt(found.speb.sel(powers="equal powers").max()) == pytest.approx(0.1, rel=1e-7)


@given(seed=st.integers(0, 2**32 - 1))
def test_no_powers_are_better_for_the_worst_target_or_meet_requirements_with_less(seed):
    worst = _WORST.squeeze()
    shares = np.random.default_rng(seed).dirichlet(np.full(HALL.n_nodes, 0.5))
    info = information(HALL, RADIO, "synchronous")
    errors = np.linalg.inv(info.matrix(10 * shares))
    squared = np.diag(errors)[info.blocks["targets"]].reshape(-1, 2).sum(axis=1)
    assert squared.max() >= worst.lower_bound.item()
    # that energy scales with the inverse of the squared error
    assert 10 * squared.max() / 0.05**2 >= _LEAST.lower_bound.item()


_WORST = asked([HALL], "worst_target", {"energies_j": (10,)})
_LEAST = asked([HALL], "least_energy", {"requirements_m": (0.05,)})


def test_equal_powers_meet_requirements_in_the_inverse_of_the_whole_matrix():
    found = _LEAST.squeeze().sel(powers="equal powers")
    info = information(HALL, RADIO, "synchronous")
    errors = np.linalg.inv(info.matrix(np.full(HALL.n_nodes, found.value.item() / HALL.n_nodes)))
    squared = np.diag(errors)[info.blocks["targets"]].reshape(-1, 2).sum(axis=1)
    assert squared.max() == pytest.approx(0.05**2, rel=1e-7)


@pytest.mark.parametrize("question", ["least_energy", "worst_target"])
def test_the_independent_solver_agrees(question):
    settings = {"least_energy": {"requirements_m": (0.05,)}, "worst_target": {"energies_j": (10,)}}[question]
    ours = {"least_energy": _LEAST, "worst_target": _WORST}[question]
    other = asked([HALL], question, settings, solver="cvxpy", tolerance=1e-5)
    np.testing.assert_allclose(other.value, ours.value, rtol=1e-5)
    assert other.attrs["solver"] == "cvxpy"


def test_the_worst_target_and_the_sum_each_win_at_their_own():
    found = _WORST.squeeze()
    for powers, goals in (("for the worst target", "worst target"), ("for the sum", None)):
        direct = isal.allocate(HALL, RADIO, clock="synchronous", goals=goals, energy=10, tolerance=1e-6)
        np.testing.assert_array_equal(found.power.sel(powers=powers), direct.power)
        np.testing.assert_array_equal(found.speb.sel(powers=powers), list(direct.values.values()))
    largest, sums = found.speb.max("target").values, found.speb.sum("target").values
    np.testing.assert_array_equal(found.value, largest)
    assert largest[0] < largest[1]
    assert sums[0] > sums[1]


@pytest.mark.parametrize(
    ("key", "places", "case"), [("sigma_m", isal.Cloud, "average"), ("radius_m", isal.Ball, "worst")]
)
def test_rough_positions_are_those_of_robust(key, places, case):
    network = SINGLE["7a"]
    found = asked([network], "robust", ROUGH | {key: (2.0,)}, ("asynchronous",), tolerance=1e-5).squeeze()
    direct = isal.robust(
        network,
        RADIO,
        clock="asynchronous",
        over=places(radars=2.0, targets=2.0, size=16, seed=3),
        case=case,
        energy=10,
        tolerance=1e-5,
    )
    assert found.value.values.tolist() == [direct.value, direct.nominal_value]
    assert found.lower_bound.item() == direct.lower_bound
    assert found.value_of_robustness.item() == direct.value_of_robustness
    assert (found.samples.item(), found.left_out.item()) == (direct.n_samples, direct.left_out)
    assert found.lower_bound.item() <= found.value.values[0] <= found.value.values[1]


def test_without_uncertainty_the_robust_powers_are_the_nominal_ones():
    found = asked([SINGLE["7c"]], "robust", ROUGH | {"sigma_m": (0.0,)}).squeeze()
    np.testing.assert_array_equal(*found.power.values)
    assert found.value.values[0] == found.value.values[1]


def test_known_radars_stay_where_they_are():
    known = isal.Network.from_mapping(content_of(NETWORKS)["single_slot"]["sensing"], "sensing")
    found = asked([known], "robust", ROUGH | {"sigma_m": (5.0,)}).squeeze()
    over = isal.Cloud(targets=5.0, size=16, seed=3)
    direct = isal.robust(known, RADIO, clock="synchronous", over=over, energy=10, tolerance=1e-6)
    assert found.value.values[0] == direct.value


def test_survey_errors_are_those_of_an_installation():
    network = SINGLE["7a"]
    found = asked([network], "survey_error", {"sigma_m": (0.0, 0.01), "energy_j": 10}).squeeze()
    best = isal.integrated(network, RADIO, clock="synchronous", energy=10.0)
    assert found.exact.values.tolist() == [best.speb] * 2
    assert found.value.values[0].tolist() == [best.speb] * 2
    mapping = network.to_mapping() | {"installation": {"survey_error_m": 0.01}}
    rough = isal.Network.from_mapping(mapping, "7a")
    direct = isal.integrated(rough, RADIO, clock="synchronous", energy=10.0)
    assert found.value.values[1, 0] == direct.speb
    spebs = isal.spebs(rough, RADIO, power=best.power, clock="synchronous")
    assert found.value.values[1, 1] == pytest.approx(spebs.targets, rel=1e-9)
    # 32 times in docs/honest_links.md
    assert found.value.values[1, 0] / best.speb == pytest.approx(32, rel=0.05)


def test_requirements_that_survey_errors_leave_out_of_reach_are_infeasible():
    surveyed = isal.Network.from_mapping(content_of(NETWORKS)["single_slot"]["hall-surveyed"], "hall-surveyed")
    found = asked([HALL, surveyed], "least_energy", {"requirements_m": (0.007, 0.05)})
    assert found.status.values.ravel().tolist() == [0, 0, 1, 0]
    assert found.value.sel(network="hall-surveyed", powers="least energy").values.ravel().tolist()[0] == math.inf
    # docs/honest_links.md has 7.10 J, asynchronous
    assert found.value.sel(network="hall-surveyed", powers="least energy").values.ravel()[1] == pytest.approx(7.1, 0.01)
    exact = deployments._with_survey_error(surveyed, 0.0)
    assert exact.to_mapping() == HALL.to_mapping()


def test_what_misses_its_gap_is_no_answer():
    with pytest.raises(DeploymentError) as caught:
        asked([HALL], "worst_target", {"energies_j": (10,)}, tolerance=1e-14)
    said = str(caught.value)
    assert said.startswith("hall, synchronous, energy 10 J: ")
    assert "the gap is" in said
    assert "asked for 1e-14" in said
    assert "Nothing was stored" in said


# --- products ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A plan whose deployments are answered, with tables and figures."""
    plan = plan_with(tmp_path_factory.mktemp("results"))
    for kind in (DeploymentDataset, DeploymentTable, Figure):
        for product in kind.all(plan):
            if product.name in DEPLOYMENTS:
                product.make(list(map(Path, product.inputs)), list(map(Path, product.outputs)), product.fingerprint)
    return plan


def test_a_dataset_says_what_it_is(made):
    for product in DeploymentDataset.all(made):
        path = Path(product.outputs[0])
        assert storage.says(path, product.fingerprint)
        found = storage.read(path)
        deployment = made.configuration.deployments[product.name]
        assert found.attrs["question"] == deployment.question
        assert found.network.values.tolist() == list(deployment.networks)
        assert all("long_name" in found[name].attrs for name in found.variables)
        assert found.value.attrs["units"] == ("J" if product.name == "least" else "m2")
        assert (found.gap < 1e-6).all()
        assert (found.lower_bound <= found.value.isel(powers=0)).all()
        assert set(found.attrs) >= {"networks", "settings", "solver", "tolerance", "commit", "history"}


def test_nodes_and_targets_that_a_network_has_not_are_empty(made):
    found = storage.read(Path(DeploymentDataset(made, "surveyed").outputs[0]))
    assert found.node.values.tolist() == ["radar 1", "radar 2", *(f"anchor {number}" for number in (1, 2, 3, 4))]
    small = found.sel(network="7a")
    assert np.isnan(small.power.sel(node=["anchor 3", "anchor 4"])).all()
    assert np.isnan(small.speb.isel(target=slice(1, None))).all()
    assert np.isfinite(found.sel(network="hall").power).all()


def test_a_table_has_a_row_for_each_answer(made):
    for product in DeploymentTable.all(made):
        csv, page, _ = map(Path, product.outputs)
        rows, dataset = pd.read_csv(csv), storage.read(Path(product.inputs[0]))
        assert len(rows) == dataset.gap.size
        assert (rows.status == "optimal").all()
        assert "| network | clock |" in page.read_text()
        assert "What the best powers (" in page.read_text()
        assert product.category == "Deployments"
    rows = pd.read_csv(DeploymentTable(made, "least").outputs[0])
    assert rows["best (J)"][1] == pytest.approx(6.805, abs=1e-3)
    assert (rows["beside over best"] > 1.1).all()


def test_figures_are_drawn_of_their_deployment_alone(made):
    for name in DEPLOYMENTS:
        figure = Figure(made, name)
        assert figure.category == "Deployments"
        assert not figure.shows_the_study
        assert [source.name for source in figure.sources] == [name]
        assert Path(figure.outputs[0]).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_figure_has_labels_and_all_that_was_answered(made, name):
    figure = Figure(made, name)
    dataset = storage.read(Path(figure.inputs[0]))
    picture = import_module(f"isal.figures.{figure.figure.kind}").draw([dataset], figures.Shown(**figure.content))
    lines = [line for axes in picture.axes for line in axes.lines]
    assert all(np.isfinite(line.get_xydata().astype(float)).all() for line in lines)
    assert len(lines) >= 2 * dataset.sizes["network"] * dataset.sizes["clock"]
    bottom = [axes for axes in picture.axes if axes.get_xlabel()]
    assert bottom
    assert any(axes.get_ylabel() for axes in picture.axes)
    assert picture.legends


def test_deployments_are_among_all_that_is_asked_for():
    plan = plan_with()
    found = {type(product).__name__ for product in targets(plan)}
    assert {"DeploymentDataset", "DeploymentTable"} <= found & set(KINDS)
    assert {product.name for product in targets(plan) if isinstance(product, DeploymentTable)} == set(DEPLOYMENTS)
