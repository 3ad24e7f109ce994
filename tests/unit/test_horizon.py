"""Powers of several slots at once: against the recursion over slots, a Kalman filter, closed forms and Clarabel."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import generators, random_network, random_schedule

import isal
from isal.allocation import solvers
from isal.model import temporal
from isal.model.parameters import CLOCKS
from isal.schemes import horizon

RADIO = isal.Radio()
#: With a bandwidth this small a slot tells about as much as the slots before it.
NARROW = isal.Radio(bandwidth_hz=5e6)
#: Slots that know nothing of each other.
DECOUPLED = isal.Radio(velocity_variance=1e12, drift_variance=1e12)


@pytest.fixture
def rng(request):
    return np.random.default_rng([30, *request.node.name.encode()])


def moving(n_slots=3, step=5.0, **changes):
    """Slots of one network whose target moves away from the radars."""
    network = isal.Network([[20, 20], [180, 20]], [[95, 105], [105, 95]], [[102, 104]], name="away")
    return [
        replace(network, targets=network.targets + np.array([step * slot, 0.0]), **changes) for slot in range(n_slots)
    ]


def filtered(networks, radio, clock, power):
    """The bounds of the targets of each slot given the slots so far, by the recursion over slots."""
    infos = [isal.information(network, radio, clock) for network in networks]
    found, prior = [], infos[0].prior
    for number, info in enumerate(infos):
        known = info.measured(power[number])
        found.append((known + prior).speb(info.basis.indices(["targets"])))
        if number + 1 < len(infos):
            said = temporal.knowledge(info, known)
            prior = temporal.prior_of_next(info, said, prior, infos[number + 1])
    return np.array(found)


# --- the values -------------------------------------------------------------------------------------------------------


@given(rng=generators(), clock=st.sampled_from(CLOCKS), radio=st.sampled_from((RADIO, NARROW, DECOUPLED)))
@settings(max_examples=30)
def test_values_are_those_of_the_recursion_over_slots(rng, clock, radio):
    networks = random_schedule(rng, int(rng.integers(2, 5)), 3, 2, 2)
    problem = isal.horizon(networks, radio, clock=clock, energy=10.0 * len(networks), tolerance=1e-3).problem
    power = rng.uniform(0.1, 5.0, (len(networks), networks[0].n_nodes))
    np.testing.assert_allclose(
        problem.values(power.ravel()),
        filtered(networks, radio, clock, power),
        rtol=1e-8 if radio is DECOUPLED else 1e-9,
    )


@pytest.mark.parametrize("clock", CLOCKS)
def test_values_with_survey_errors_and_biases_are_those_of_the_recursion(clock, rng):
    installation = isal.Installation(survey_error_m=0.05, bias_error_m={"anchor 1 - radar 2": 0.1})
    networks = moving(installation=installation)
    problem = isal.horizon(networks, NARROW, clock=clock, energy=30.0).problem
    power = rng.uniform(0.1, 5.0, (3, 4))
    np.testing.assert_allclose(problem.values(power.ravel()), filtered(networks, NARROW, clock, power), rtol=1e-9)


def kalman(networks, radio, power, motion):
    """Filtered bounds of one target between nodes at known places, by prediction and update of covariances."""
    step = np.kron([[1.0, 1.0], [0.0, 1.0]], np.eye(2))
    noise = motion.acceleration_density * np.kron([[1 / 3, 1 / 2], [1 / 2, 1]], np.eye(2))
    covariance = np.diag([1e6, 1e6, motion.speed_deviation**2, motion.speed_deviation**2])
    bounds = []
    for number, network in enumerate(networks):
        if number:
            covariance = step @ covariance @ step.T + noise
        told = np.zeros((4, 4))
        told[:2, :2] = isal.information(network, radio, "synchronous").matrix(power[number])
        covariance = np.linalg.inv(np.linalg.inv(covariance) + told)
        bounds.append(np.trace(covariance[:2, :2]))
    return np.array(bounds)


@pytest.mark.parametrize("acceleration", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("speed", [0.1, 10.0])
def test_a_target_that_moves_is_tracked_as_by_a_kalman_filter(acceleration, speed, rng):
    networks, motion = moving(5, radars_known=True), isal.Motion(acceleration, speed)
    found = isal.horizon(networks, NARROW, clock="synchronous", energy=50.0, motion=motion)
    power = rng.uniform(0.1, 5.0, (5, 4))
    expected = kalman(networks, NARROW, power, motion)
    np.testing.assert_allclose(found.problem.values(power.ravel()), expected, rtol=1e-6)
    np.testing.assert_allclose(list(found.values.values()), kalman(networks, NARROW, found.power, motion), rtol=1e-6)


def test_limits_of_a_motion():
    networks, given_ = moving(4), {"radio": NARROW, "clock": "asynchronous", "energy": 40.0}
    unknown = isal.horizon(networks, **given_).value
    assert isal.horizon(networks, **given_, motion=isal.Motion(1e9)).value == pytest.approx(unknown, rel=1e-5)
    values = [isal.horizon(networks, **given_, motion=isal.Motion(q)).value for q in (0.0, 1e-9, 0.1, 10.0)]
    assert values == sorted(values)
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    speeds = [isal.horizon(networks, **given_, motion=isal.Motion(0.1, v)).value for v in (0.0, 1e-6, 1.0, 1e6, np.inf)]
    assert speeds[1] == pytest.approx(speeds[0], rel=1e-5)
    assert speeds[3] == pytest.approx(speeds[4], rel=1e-5)
    assert speeds[0] < speeds[2] < speeds[4]


def test_a_target_of_known_motion_is_one_target_for_all_slots():
    (network,) = moving(1)
    infos = [isal.information(network, DECOUPLED, "synchronous")]
    still = isal.Motion(acceleration_density=0.0, speed_deviation=0.0)
    found = isal.horizon([network] * 3, DECOUPLED, clock="synchronous", energy=30.0, case="worst", motion=still)
    # the first slot is the worst, and all others can do without energy
    alone = isal.integrated(network, DECOUPLED, clock="synchronous", energy=30.0)
    assert found.value == pytest.approx(alone.speb, rel=2e-6)
    assert infos[0].basis.size + 2 * 4 == len(found.problem.goals[0].known)  # what radars gain, and nothing of targets


@pytest.mark.parametrize("clock", CLOCKS)
def test_one_slot_is_the_integrated_scheme(clock):
    (network,) = moving(1)
    one = isal.horizon([network], RADIO, clock=clock, energy=10.0)
    assert one.value == pytest.approx(isal.integrated(network, RADIO, clock=clock, energy=10.0).speb, rel=2e-6)


def test_what_can_hardly_move_loses_no_digits():
    """Clocks that drift by 1e-15 and radars that stand still, against one slot that lasts as long."""
    still = replace(NARROW, velocity_variance=1e-24, drift_variance=1e-30)
    networks = moving(3, step=0.0)
    found = isal.horizon(networks, still, clock="asynchronous", energy=30.0, goals="radars")
    assert found.status == "optimal"
    everything = isal.information(networks[0], still, "asynchronous").measured(found.power.sum(axis=0))
    # each slot's target is its own unknown
    last = found.problem.values(found.allocation.power)[-1]
    whole = everything.speb(isal.information(networks[0], still, "asynchronous").basis.indices(["radars"]))
    assert whole * (1 - 1e-9) <= last
    np.testing.assert_allclose(
        found.problem.values(np.ones(12)),
        [
            isal.horizon(networks[:n], still, clock="asynchronous", energy=1.0, goals="radars").problem.values(
                np.ones(4 * n)
            )[-1]
            for n in (1, 2, 3)
        ],
        rtol=1e-9,
    )


# --- the optimum ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_decoupled_slots_have_closed_forms(clock, rng):
    networks = random_schedule(rng, 4, 3, 2, 1)
    each = np.array([isal.integrated(network, DECOUPLED, clock=clock, energy=1.0).speb for network in networks])
    total = isal.horizon(networks, DECOUPLED, clock=clock, energy=40.0)
    assert total.value == pytest.approx(np.sqrt(each).sum() ** 2 / 40, rel=1e-5)
    np.testing.assert_allclose(total.energies, 40 * np.sqrt(each) / np.sqrt(each).sum(), rtol=0.02)
    worst = isal.horizon(networks, DECOUPLED, clock=clock, energy=40.0, case="worst")
    assert worst.value == pytest.approx(each.sum() / 40, rel=1e-5)
    np.testing.assert_allclose(worst.energies, 40 * each / each.sum(), rtol=1e-3)
    least = isal.horizon(networks, DECOUPLED, clock=clock, requirements=0.05)
    assert least.value == pytest.approx(each.sum() / 0.05**2, rel=1e-5)


@given(rng=generators(), clock=st.sampled_from(CLOCKS), kind=st.sampled_from(("sum", "worst", "energy")))
@settings(max_examples=30)
def test_no_feasible_powers_beat_the_bound(rng, clock, kind):
    networks = random_schedule(rng, 3, 3, 2, 1)
    motion = isal.Motion(float(rng.uniform(0.01, 10)), float(rng.uniform(0.1, 10)))
    asked = {"requirements": 0.1} if kind == "energy" else {"energy": 30.0, "case": kind}
    found = isal.horizon(networks, NARROW, clock=clock, motion=motion, **asked)
    assert found.status == "optimal"
    for _ in range(20):
        power = rng.dirichlet(np.full(found.power.size, rng.uniform(0.1, 3.0)))
        values = found.problem.values(power * (1.0 if kind == "energy" else 30.0))
        if kind == "energy":
            # the least multiple that meets all; with a motion's prior it is looked for
            least = next((scale for scale in np.geomspace(1e-3, 1e9, 49) if feasible(found, scale * power)), np.inf)
            assert least >= found.lower_bound
        else:
            assert (values.sum() if kind == "sum" else values.max()) >= found.lower_bound


def feasible(found, power):
    return (found.problem.values(power) <= found.problem.levels).all()


@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(6, 200))])
@pytest.mark.parametrize("kind", ["sum", "worst", "energy", "limits"])
def test_clarabel_agrees(seed, kind):
    rng = np.random.default_rng([20, seed])
    networks = random_schedule(rng, 3, 3, 2, 1)
    asked = {
        "sum": {"energy": 30.0},
        "worst": {"energy": 30.0, "case": "worst"},
        "energy": {"requirements": 0.1},
        "limits": {"energy": [10.0, 8.0, 12.0], "limits": {"radars": 12.0}, "caps": 6.0},
    }[kind]
    given_ = {"clock": CLOCKS[seed % 2], "motion": isal.Motion(0.1, 5.0) if seed % 3 else None}
    ours = isal.horizon(networks, NARROW, **given_, **asked)
    theirs = isal.horizon(networks, NARROW, **given_, **asked, solver="cvxpy")
    assert ours.status == "optimal"
    if kind != "energy" or np.isfinite(theirs.value):  # Clarabel may miss a requirement by rounding
        assert ours.value == pytest.approx(theirs.value, rel=2e-6)
    assert ours.lower_bound <= theirs.value * (1 + 1e-9)
    assert theirs.lower_bound <= ours.value * (1 + 1e-9)


@pytest.mark.parametrize("clock", CLOCKS)
def test_all_slots_together_are_no_worse_than_one_after_the_other(clock):
    networks = moving(2)
    greedy = isal.best_split(networks, NARROW, clock=clock, energy=20.0, scheme="integrated")
    together = isal.horizon(networks, NARROW, clock=clock, energy=20.0)
    assert together.value <= greedy.speb * (1 + 1e-6)
    equal = isal.horizon(networks, NARROW, clock=clock, energy=[10.0, 10.0])
    assert together.value <= equal.value
    assert equal.value <= isal.integrated(networks, NARROW, clock=clock, energies=(10.0, 10.0)).speb * (1 + 1e-6)


def test_gradients_are_finite_differences(rng):
    problem = isal.horizon(
        moving(3), NARROW, clock="asynchronous", energy=30.0, motion=isal.Motion(1.0, 3.0), tolerance=1e-3
    ).problem
    power = rng.uniform(1.0, 3.0, problem.n_nodes)
    gradients = problem.gradients(power)
    for node, step in enumerate(1e-4 * np.eye(problem.n_nodes)):
        slope = (problem.values(power + step) - problem.values(power - step)) / 2e-4
        np.testing.assert_allclose(gradients[:, node], slope, rtol=1e-5, atol=1e-9 * problem.values(power).max())
    later = np.arange(problem.n_nodes) >= 4
    assert not gradients[0, later].any()  # slot 1 does not see what is sent afterwards


def test_goals_of_a_slot_can_be_weighted_and_named():
    networks = [replace(network, targets=[[102, 104], [60, 60]]) for network in moving(2)]
    given_ = {"radio": RADIO, "clock": "synchronous", "energy": 20.0}
    weighted = isal.horizon(networks, **given_, goals={"target 1": 4.0, "radar 1 x": 1.0})
    assert list(weighted.values) == [f"slot {slot}, target 1 + radar 1 x" for slot in (1, 2)]
    each = [isal.horizon(networks, **given_, goals=goal).problem for goal in ("target 1", "radar 1 x")]
    parts = [problem.values(weighted.allocation.power) for problem in each]
    np.testing.assert_allclose(list(weighted.values.values()), 4 * parts[0] + parts[1], rtol=1e-9)
    worst = isal.horizon(networks, **given_, goals="worst target")
    assert list(worst.errors) == [f"slot {slot}, target {target}" for slot in (1, 2) for target in (1, 2)]
    assert worst.value == pytest.approx(max(worst.values.values()))
    assert sum(worst.shadow.values()) == pytest.approx(1.0)
    direction = isal.horizon(networks, **given_, goals="worst direction")
    assert direction.value < worst.value


def test_a_result_tells_its_powers_by_node_and_slot():
    found = isal.horizon(moving(3), RADIO, clock="synchronous", energy=30.0, limits={"radars": 12.0})
    table = found.to_dataframe()
    assert list(table.columns) == ["slot 1", "slot 2", "slot 3"]
    assert list(table.index) == ["radar 1", "radar 2", "anchor 1", "anchor 2"]
    assert table.to_numpy().sum() == pytest.approx(found.energy)
    assert table.loc[["radar 1", "radar 2"]].to_numpy().sum() <= 12.0 * (1 + 1e-9)
    assert len(repr(found).splitlines()) == 4
    assert repr(found).startswith("HorizonResult of 'away', synchronous, 3 slots, sum: optimal")


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"energy": [10.0, 10.0]}, "one number, or 3 for as many slots"),
        ({"energy": [10.0, 0.0, 1.0]}, "one number, or 3"),
        ({"energy": None}, "nothing limits the power"),
        ({"caps": [1.0, 2.0]}, "such a row for each of 3 slots"),
        ({"caps": [[1.0] * 4, [0.0] * 4, [1.0] * 4]}, "every power cap of slot 2 is zero"),
        ({"case": "largest"}, "case"),
        ({"case": "sum", "goals": "worst target"}, "leave case='sum' out"),
        ({"requirements": 0.05, "case": "worst"}, "not both"),
        ({"motion": 0.1}, "an isal.Motion"),
        ({"goals": "target 2"}, "nothing to be estimated of the name 'target 2'"),
        ({"radio": isal.Radio(timestamp_jitter_s=1e-10)}, "jitter"),
        ({"networks": moving(3)[0]}, "a list of them for slots"),
    ],
)
def test_unusable_arguments_are_named(changes, told):
    given_ = {"networks": moving(3), "radio": RADIO, "clock": "synchronous", "energy": 30.0} | changes
    with pytest.raises(isal.IsalError, match=told):
        isal.horizon(given_.pop("networks"), given_.pop("radio"), **given_)


@pytest.mark.parametrize("numbers", [(-1.0,), (np.inf,), ("1",), (np.nan,), (1.0, -1.0), (True,)])
def test_unusable_motions_are_named(numbers):
    with pytest.raises(isal.IsalError, match="must be a number that is not negative"):
        isal.Motion(*numbers)


def test_requirements_that_caps_do_not_allow_are_infeasible():
    with pytest.raises(
        isal.InfeasibleError, match=r"slot 3, target 1 reaches .* Without caps and limits .* J would do: slot"
    ):
        isal.horizon(moving(3), RADIO, clock="synchronous", requirements=0.002, caps=0.5)


def test_requirements_beyond_what_survey_errors_leave_are_infeasible():
    networks = moving(3, installation=isal.Installation(survey_error_m=0.05))
    with pytest.raises(isal.InfeasibleError, match="survey errors and biases keep slot 1, target 1 above"):
        isal.horizon(networks, RADIO, clock="synchronous", requirements=0.001)


def test_schedules_that_would_take_too_much_memory_are_refused(monkeypatch):
    monkeypatch.setattr(horizon, "MOST_ENTRIES", 1000)
    with pytest.raises(isal.IsalError, match="plan fewer slots at once"):
        isal.horizon(moving(3), RADIO, clock="synchronous", energy=30.0)


def test_a_network_of_hundreds_of_nodes_is_refused(rng):
    network = random_network(rng, 3, 80, 1)
    with pytest.raises(isal.IsalError, match=r"too large to plan|plan fewer slots"):
        isal.horizon([network, network], RADIO, clock="synchronous", energy=30.0)


def test_uncertified_powers_warn():
    with pytest.warns(isal.UncertifiedWarning):
        isal.horizon(moving(2), RADIO, clock="synchronous", energy=20.0, tolerance=1e-16)


def test_solvers_without_goals_are_refused():
    with pytest.raises(isal.IsalError, match="scs"):
        isal.horizon(moving(2), RADIO, clock="synchronous", energy=20.0, solver="scs")
    assert solvers.goals_module("interior-point")
