"""Jitter of time stamps: information that is concave in the powers, its certificate and what follows of it."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from builders import LINE, SINGLE, integrated_problem, schur
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from strategies import networks

import isal
from isal import AllocationProblem, IsalError, Radio
from isal.allocation import concave, solvers
from isal.model.floor import LimitedLinks, limited
from isal.model.information import block_spebs
from isal.model.parameters import CLOCKS
from isal.schemes.carry_over import CARRIES, CARRY_OVERS
from isal.schemes.schedule import UncertifiedWarning, no_prior
from isal.schemes.step_by_step import steps_of
from isal.validation import links, positions, step_estimators

DW1000 = 150e-12
JITTERS = st.floats(-13, -8).map(lambda power: 10**power)

#: Energies of the steps, J.
ENERGIES = {"synchronous": (3.0, 7.0), "asynchronous": (3.0, 0.5, 6.5)}

#: Carry-overs that take jitter: where later steps hold earlier estimates fixed it is refused.
KNOWN = [carry for carry in CARRIES if CARRY_OVERS[carry].plugs_in is None]

#: Those whose steps are convex with jitter, too: a step counts what its links tell of all parameters.
CONVEX = [carry for carry in KNOWN if CARRY_OVERS[carry].counts_met]

#: Those of parameters that are met, held at what an earlier step says.
NOT_CONVEX = [carry for carry in KNOWN if carry not in CONVEX]


def with_biases(info):
    """The problem of the integrated scheme with the bias of each link as one more parameter, which is linear.

    Its prior information is that of the jitter.
    """
    size, n_links = info.basis.size, len(info.links)
    rows = np.concatenate([info.links.rows, np.eye(n_links)], axis=1) * np.sqrt(info.links.intensity)[:, None]
    own = [rows[info.links.transmitter == node] for node in range(info.network.n_nodes)]
    prior = np.append(np.zeros(size), np.full(n_links, 1 / info.radio.jitter_variance_m2))
    targets = info.basis.indices(["targets"])
    return AllocationProblem(np.diag(prior), np.array([each.T @ each for each in own]), targets, 10.0)


def integrated_links(info):
    """The links of the integrated scheme's problem, which is about all parameters."""
    return info.limited_links(np.arange(info.basis.size))


def test_a_radio_may_jitter():
    assert Radio().timestamp_jitter_s == 0
    assert Radio(timestamp_jitter_s=DW1000).jitter_variance_m2 == pytest.approx(0.0449688687**2, rel=1e-9)
    with pytest.raises(IsalError, match="timestamp_jitter_s must not be negative, got -1e-12"):
        Radio(timestamp_jitter_s=-1e-12)
    with pytest.raises(IsalError, match="timestamp_jitter_s must be a finite number"):
        Radio(timestamp_jitter_s=np.nan)
    with pytest.raises(IsalError, match="pulses must be positive, got 0"):
        Radio(pulses=0)


@given(st.floats(0, 1e9), st.floats(0, 1e3))
def test_information_with_a_floor(thermal, floor):
    found = limited(thermal, floor)
    assert found == (pytest.approx(1 / (1 / thermal + floor), rel=1e-12) if thermal else 0.0)
    assert limited(thermal, 0.0) == thermal


@given(networks(), st.sampled_from(CLOCKS), JITTERS, st.data())
def test_slope_bend_and_offset_are_those_of_the_value(network, clock, jitter, data):
    info = isal.information(network, Radio(timestamp_jitter_s=jitter), clock)
    own = integrated_links(info)
    power = np.array(data.draw(st.lists(st.floats(0.1, 10), min_size=network.n_nodes, max_size=network.n_nodes)))
    assert own.value(power) == pytest.approx(info.link_information(power), rel=1e-15)
    watts = power[own.node]
    np.testing.assert_allclose(own.offset(power) + watts * own.slope(power), own.value(power), rtol=1e-12)
    # lambda(p) = p lambda'(p) g(p), g = 1 + v a p, and lambda''(p) = -2 v a lambda'(p) / g(p)
    np.testing.assert_allclose(own.slope(power) * watts * own.growth(power), own.value(power), rtol=1e-12)
    # by a complex step
    np.testing.assert_allclose(own.bend(power), -own.slope(power + 1e-30j).imag / 1e-30, rtol=1e-12)


@settings(deadline=None)
@given(networks(), st.sampled_from(CLOCKS), JITTERS, st.data())
def test_a_floor_is_a_bias_of_each_link_with_a_prior(network, clock, jitter, data):
    """The Schur complement of the biases, by hand; prior and link must be alike for it to keep twelve digits."""
    radio = Radio(timestamp_jitter_s=jitter)
    info = isal.information(network, radio, clock)
    power = np.array(data.draw(st.lists(st.floats(0.1, 10), min_size=network.n_nodes, max_size=network.n_nodes)))
    thermal = info.links.intensity * power[info.links.transmitter]
    # j j' of each link's own bias: lambda - lambda^2 / (lambda + 1 / v), without the difference of two large numbers
    left = thermal * (1 / radio.jitter_variance_m2) / (thermal + 1 / radio.jitter_variance_m2)
    expected = info.links.rows.T @ (left[:, None] * info.links.rows)
    np.testing.assert_allclose(info.matrix(power), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(info.measured(power).matrix, info.matrix(power), rtol=1e-13)
    np.testing.assert_allclose(
        info.measured(power).root.T @ info.measured(power).root,
        expected,
        rtol=1e-11,
        atol=1e-11 * np.abs(expected).max(),
    )


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", SINGLE)
def test_the_matrix_with_biases_has_the_same_equivalent_information(name, clock):
    info = isal.information(SINGLE[name], Radio(timestamp_jitter_s=3e-11), clock)
    power, size = np.array([1.0, 2.0, 3.0, 4.0]), info.basis.size
    whole = with_biases(info).matrix(power)
    found = schur(whole, np.arange(size), np.arange(size, len(whole)))
    np.testing.assert_allclose(found, info.matrix(power), rtol=1e-9, atol=1e-11 * np.abs(found).max())


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("jitter", [1e-12, 1e-11, DW1000, 1e-9])
def test_the_optimum_is_that_of_the_linear_problem_with_biases(name, clock, jitter):
    """One more parameter per link makes a problem that the solvers of linear problems certify as it stands."""
    radio = Radio(timestamp_jitter_s=jitter)
    found = isal.integrated(SINGLE[name], radio, clock=clock, energy=10.0, tolerance=1e-9, require_certified=True)
    expected = solvers.solve(with_biases(found.information), "interior-point", 1e-8)
    assert expected.status == "optimal"
    assert found.speb == pytest.approx(expected.value, rel=2e-8)
    assert found.lower_bound <= expected.value * (1 + 1e-12)
    assert expected.lower_bound <= found.speb * (1 + 1e-12)


def test_the_optimum_is_that_of_a_concave_program():
    """lambda(p) = (1 - 1 / (1 + v a p)) / v in the LMI of (30)-(35), by cvxpy."""
    cp = pytest.importorskip("cvxpy")
    info = isal.information(SINGLE["7c"], Radio(timestamp_jitter_s=DW1000), "synchronous")
    unit, floor, size = 0.01, info.radio.jitter_variance_m2, info.basis.size
    power, told = cp.Variable(4), cp.Variable(len(info.links))
    H = cp.Variable((size, size), symmetric=True)
    growth = 1 + cp.multiply(floor * info.links.intensity, power[info.links.transmitter])
    rows = info.links.rows
    matrix = sum(told[number] * np.outer(row, row) for number, row in enumerate(rows)) * (unit**2 / floor)
    problem = cp.Problem(
        cp.Minimize(cp.trace(H[info.blocks["targets"], info.blocks["targets"]])),
        [
            cp.bmat([[H, np.eye(size)], [np.eye(size), matrix]]) >> 0,
            told <= 1 - cp.inv_pos(growth),
            power >= 0,
            cp.sum(power) <= 10,
        ],
    )
    problem.solve(solver="CLARABEL")
    found = isal.integrated(SINGLE["7c"], info.radio, clock="synchronous", energy=10.0)
    assert found.speb == pytest.approx(problem.value * unit**2, rel=1e-5)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("carry", NOT_CONVEX)
def test_no_start_finds_less_than_a_step_that_is_not_convex(carry, clock):
    """SLSQP on the value written out, from several starts."""
    radio = Radio(timestamp_jitter_s=1e-11)
    with pytest.warns(UncertifiedWarning, match="no convex problem"):
        found = isal.step_by_step(SINGLE["7a"], radio, clock=clock, energies=ENERGIES[clock], carry=carry)
    info, before = found.information, found.steps[0].power
    radars, met = info.basis.indices(["radars"]), info.basis.indices(steps_of(info)[:-1])
    earlier = info.matrix(before)
    matrix = np.zeros_like(earlier)
    matrix[np.ix_(radars, radars)] = earlier[np.ix_(radars, radars)]
    if clock == "asynchronous":
        clocks = info.matrix(found.steps[1].power)
        clocks[np.ix_(radars, radars)] = 0.0
        matrix += clocks
        matrix[info.blocks["targets"]], matrix[:, info.blocks["targets"]] = 0.0, 0.0
    targets, energy = info.basis.indices(["targets"]), ENERGIES[clock][-1]

    def value(share):
        own = info.matrix(np.maximum(share, 0) * energy)
        own[np.ix_(met, met)] = 0.0
        whole = matrix + own
        if np.linalg.eigvalsh(whole)[0] <= 0:
            return 10.0
        return np.log(np.trace(np.linalg.inv(whole)[np.ix_(targets, targets)]) / found.speb)

    assert value(found.steps[-1].power / energy) == pytest.approx(0.0, abs=1e-9)
    rng = np.random.default_rng(1)
    limits = {"type": "ineq", "fun": lambda share: 1 - share.sum()}
    for _ in range(5):
        start = 0.3 * rng.dirichlet(np.ones(4))
        ended = optimize.minimize(value, start, method="SLSQP", bounds=[(0, 1)] * 4, constraints=limits)
        assert ended.fun > -1e-6


@settings(deadline=None)
@given(networks(), st.sampled_from(CLOCKS), JITTERS, st.integers(0, 2**32 - 1))
def test_the_value_is_convex_and_every_bound_below_it(network, clock, jitter, seed):
    """At random feasible powers, and between them: 1000 powers of the property and more."""
    info = isal.information(network, Radio(timestamp_jitter_s=jitter), clock)
    problem = integrated_problem(network, info.radio, clock)
    own = concave._Limited(problem, integrated_links(info))
    rng = np.random.default_rng(seed)
    powers = 10 * rng.dirichlet(np.ones(network.n_nodes), size=12) * rng.uniform(0.5, 1, (12, 1))
    values = np.array([block_spebs(info.measured(power), info.basis).targets for power in powers])
    for one, other, left, right in zip(powers, powers[1:], values, values[1:], strict=False):
        middle = block_spebs(info.measured((one + other) / 2), info.basis).targets
        assert middle <= (left + right) / 2 * (1 + 1e-9)
    bounds = [own.certified(power, 1e-6).lower_bound for power in powers]
    assert max(bounds) <= values.min() * (1 + 1e-12)


@settings(deadline=None, max_examples=20)
@given(networks(), st.sampled_from(CLOCKS), JITTERS, st.integers(0, 2**32 - 1))
def test_the_certified_bound_is_below_the_value_at_any_powers(network, clock, jitter, seed):
    """Also of steps that are not convex, whose bound counts by how much information exceeds its tangents."""
    radio, rng = Radio(timestamp_jitter_s=jitter), np.random.default_rng(seed)
    for carry in KNOWN:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UncertifiedWarning)
            found = isal.step_by_step(network, radio, clock=clock, energies=ENERGIES[clock], carry=carry)
        info, number = found.information, len(found.steps) - 1
        step = found.steps[-1]
        assert step.allocation.gap <= 1e-6 or carry in NOT_CONVEX
        assert all(earlier.allocation.gap <= 1e-9 for earlier in found.steps[:1])
        # what the earlier steps hand on, from the tangent at the step's own powers
        known = np.empty(0, np.intp) if carry in CONVEX else info.basis.indices(steps_of(info)[:number])
        handed = step.problem.at(step.power).matrix - info.measured(step.power, known).matrix
        for power in 10 * rng.dirichlet(np.full(network.n_nodes, 0.5), size=50):
            power = step.problem.feasible(power)
            matrix = handed + info.measured(power, known).matrix
            values = np.linalg.eigvalsh(matrix)
            if values[0] <= 1e-9 * values[-1]:
                continue
            targets = info.basis.indices(["targets"])
            reached = np.trace(np.linalg.inv(matrix)[np.ix_(targets, targets)])
            assert step.allocation.lower_bound <= reached * (1 + 1e-6)


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", SINGLE)
def test_without_jitter_little_changes(name, clock):
    """To first order the loss is v times the sum of squares that the links have; halving it halves the loss."""
    plain = isal.integrated(SINGLE[name], Radio(), clock=clock, energy=10.0, tolerance=1e-9).speb
    losses = [
        isal.integrated(SINGLE[name], Radio(timestamp_jitter_s=jitter), clock=clock, energy=10.0, tolerance=1e-9).speb
        / plain
        - 1
        for jitter in (1e-14, 2e-14)
    ]
    assert 0 < losses[0] < 1e-4
    assert losses[1] == pytest.approx(4 * losses[0], rel=1e-2)
    for carry in KNOWN:
        speb = [
            isal.step_by_step(
                SINGLE[name], Radio(timestamp_jitter_s=jitter), clock=clock, energies=ENERGIES[clock], carry=carry
            ).speb
            for jitter in (0.0, 1e-15)
        ]
        assert speb[1] == pytest.approx(speb[0], rel=3e-6)


def test_strong_jitter_leaves_the_links_alike():
    """Each link that has power tells 1 / v, whatever its power."""
    info = isal.information(SINGLE["7a"], Radio(timestamp_jitter_s=1e-7), "asynchronous")
    rows, floor = info.links.rows, info.radio.jitter_variance_m2
    alike = rows.T @ rows / floor
    np.testing.assert_allclose(info.matrix([1, 2, 3, 4]), alike, rtol=1e-4, atol=1e-4 * np.abs(alike).max())
    quiet = [1, 2, 3, 0]
    heard = info.links.transmitter != 3
    np.testing.assert_allclose(info.matrix(quiet), rows[heard].T @ rows[heard] / floor, rtol=1e-3, atol=1e-4 / floor)
    targets = info.basis.indices(["targets"])
    expected = np.trace(np.linalg.inv(alike)[np.ix_(targets, targets)])
    assert isal.integrated(info.network, info.radio, clock="asynchronous", energy=10.0).speb == pytest.approx(
        expected, rel=1e-3
    )


@pytest.mark.parametrize("name", SINGLE)
def test_energy_saturates(name):
    """Twice the energy helps, but does not halve the bound; in the end it hardly helps."""
    radio = Radio(timestamp_jitter_s=DW1000)
    energies = 10.0 * 2 ** np.arange(4)
    spebs = [isal.integrated(SINGLE[name], radio, clock="synchronous", energy=energy).speb for energy in energies]
    ratios = np.array(spebs[1:]) / spebs[:-1]
    assert (ratios < 1).all()
    assert (ratios > 0.5 * (1 + 1e-3)).all()
    ample = [isal.integrated(SINGLE[name], radio, clock="synchronous", energy=energy).speb for energy in (5e5, 1e6)]
    assert ample[0] * 0.9 < ample[1] < ample[0]


@pytest.mark.parametrize("solver", solvers.SOLVERS)
def test_any_solver_agrees(solver):
    network, radio = SINGLE["7b"], Radio(timestamp_jitter_s=2e-11)
    expected = isal.integrated(network, radio, clock="synchronous", energy=10.0, tolerance=1e-9)
    found = isal.integrated(network, radio, clock="synchronous", energy=10.0, solver=solver, require_certified=True)
    assert found.speb == pytest.approx(expected.speb, rel=1e-6)
    # the problem of the step is the tangent one, whose optimum is where it touches
    again = solvers.solve(expected.steps[0].problem, solver, 1e-6)
    assert again.value == pytest.approx(expected.speb, rel=1e-5)


def test_the_solver_goes_on_where_newtons_method_ends(monkeypatch):
    """Powers from elsewhere, far from the optimum: the tangent problems lead down from them."""
    network, radio = SINGLE["7c"], Radio(timestamp_jitter_s=1e-12)
    expected = isal.integrated(network, radio, clock="synchronous", energy=10.0).speb
    monkeypatch.setattr(concave._Limited, "descended", lambda self, start, tolerance: start)
    found = isal.integrated(network, radio, clock="synchronous", energy=10.0)
    assert found.status == "optimal"
    assert found.speb == pytest.approx(expected, rel=1e-6)


def test_a_node_that_may_not_transmit_does_not():
    radio = Radio(timestamp_jitter_s=DW1000)
    found = isal.integrated(SINGLE["7c"], radio, clock="synchronous", energy=10.0, caps=[5, 0, 4, 5])
    assert found.status == "optimal"
    assert found.power[1] == 0
    assert (found.power <= [5, 0, 4, 5]).all()


def test_no_optimum_is_told():
    radio = Radio(timestamp_jitter_s=DW1000)
    with pytest.raises(IsalError, match="can't tell apart"):
        isal.integrated(LINE, radio, clock="synchronous", energy=10.0)
    with pytest.raises(isal.AllocationError, match="no finite optimum"):
        isal.integrated(SINGLE["7a"], radio, clock="asynchronous", energy=10.0, caps=[0, 0, 1, 0])


@pytest.mark.parametrize("clock", CLOCKS)
def test_stamps_of_its_own_in_each_step_are_worth_a_repetition(clock):
    """Where jitter is all, n steps that know of each other measure n times: 1 / n of the bound."""
    radio = Radio(timestamp_jitter_s=1e-8)
    whole = isal.integrated(SINGLE["7a"], radio, clock=clock, energy=10.0).speb
    n = len(ENERGIES[clock])
    joint = isal.step_by_step(SINGLE["7a"], radio, clock=clock, energies=[10 / n] * n, carry="joint")
    assert joint.status == "optimal"
    assert joint.speb == pytest.approx(whole / n, rel=3e-2)
    assert joint.spebs.targets == pytest.approx(joint.speb, rel=1e-9)


@settings(deadline=None, max_examples=10)
@given(networks(), st.sampled_from(CLOCKS), JITTERS, st.lists(st.floats(0.05, 1), min_size=3, max_size=3))
def test_consistent_steps_never_beat_as_many_repetitions(network, clock, jitter, weights):
    """n steps with what an estimator can know of the earlier ones, against n integrated measurements at E / n each.

    lambda is concave: n equal powers tell more than n others of the same sum.
    """
    radio, n = Radio(timestamp_jitter_s=jitter), len(ENERGIES[clock])
    energies = 10 * np.array(weights[:n]) / sum(weights[:n])
    repeated = isal.integrated(network, radio, clock=clock, energy=10 / n).lower_bound / n
    for carry in (each for each in KNOWN if CARRY_OVERS[each].consistent):
        steps = isal.step_by_step(network, radio, clock=clock, energies=energies.tolist(), carry=carry)
        assert steps.speb >= repeated * (1 - 1e-9)


@pytest.mark.parametrize("carry", [carry for carry in CARRIES if carry not in KNOWN])
def test_earlier_estimates_are_held_fixed_without_jitter_only(carry):
    radio = Radio(timestamp_jitter_s=1e-10)
    with pytest.raises(isal.IsalError, match=r"7c: with jitter of time stamps .* set timestamp_jitter_s to 0"):
        isal.step_by_step(SINGLE["7c"], radio, clock="synchronous", energies=(3.0, 7.0), carry=carry)
    with pytest.raises(isal.IsalError, match=r"7c: with jitter of time stamps .* set timestamp_jitter_s to 0"):
        isal.best_split(SINGLE["7c"], radio, clock="synchronous", energy=10.0, carry=carry)


def test_several_goals_take_no_jitter():
    radio = Radio(timestamp_jitter_s=1e-10)
    with pytest.raises(isal.IsalError, match=r"7c: several goals take no jitter .* set timestamp_jitter_s to 0"):
        isal.allocate(SINGLE["7c"], radio, clock="synchronous", requirements=0.05)


def test_a_best_split_is_searched():
    radio = Radio(timestamp_jitter_s=DW1000)
    best = isal.best_split(SINGLE["7d"], radio, clock="synchronous", energy=10.0, carry="marginal")
    assert best.proof == "none"
    for energies in ((0.01, 9.99), (0.5, 9.5), (5.0, 5.0)):
        other = isal.step_by_step(SINGLE["7d"], radio, clock="synchronous", energies=energies, carry="marginal")
        assert best.speb <= other.speb * (1 + 1e-6)


def test_slots_follow_one_another():
    radio = Radio(timestamp_jitter_s=DW1000, velocity_variance=1e-4)
    slots = [SINGLE["7a"], SINGLE["7a"].moved(shift=(3, 2))]
    found = isal.integrated(slots, radio, clock="asynchronous", energies=(4.0, 6.0))
    assert found.status == "optimal"
    alone = isal.integrated(slots[1], radio, clock="asynchronous", energy=6.0)
    assert found.slots[1].speb < alone.speb
    assert found.slots[1].spebs.targets == pytest.approx(found.slots[1].speb, rel=1e-9)
    best = isal.best_split(slots, radio, clock="asynchronous", energy=10.0, scheme="integrated")
    assert best.proof == "none"
    assert best.speb <= found.speb * (1 + 1e-6)


def test_sparse_matrices_say_the_same(monkeypatch):
    network, radio = SINGLE["7b"], Radio(timestamp_jitter_s=DW1000)
    dense = isal.integrated(network, radio, clock="asynchronous", energy=10.0)
    monkeypatch.setattr("isal.model.information.LARGEST_DENSE", 0)
    sparse = isal.integrated(network, radio, clock="asynchronous", energy=10.0)
    assert sparse.speb == pytest.approx(dense.speb, rel=1e-6)
    assert sparse.status == "optimal"


# --- what estimators reach --------------------------------------------------------------------------------------------


def test_the_model_of_simulations_has_the_floor():
    info = isal.information(SINGLE["7a"], Radio(timestamp_jitter_s=DW1000), "asynchronous")
    power = [1.0, 2.0, 3.0, 4.0]
    root = positions.Model.of(info, power).jacobian_at_truth()
    np.testing.assert_allclose(
        root.T @ root, info.matrix(power), rtol=1e-8, atol=1e-9 * np.abs(info.matrix(power)).max()
    )
    assert links.shares(info, power, "targets").sum() == pytest.approx(1, rel=1e-10)
    # signal and noise are as they are
    assert np.array_equal(info.link_snr(power), replace(info, radio=Radio()).link_snr(power))


@pytest.mark.parametrize("scheme", ["marginal", "joint", "plug-in"])
def test_simulated_errors_are_those_of_the_closed_form(scheme):
    info = isal.information(SINGLE["7a"], Radio(timestamp_jitter_s=DW1000), "synchronous")
    powers = [[1.0, 0.5, 1.0, 0.5], [2.0, 1.0, 2.0, 2.0]]
    moments = step_estimators.simulate(info, powers, scheme, (1, 2, 3), range(10))
    expected = step_estimators.covariance(info, powers, scheme)
    assert positions.compare(moments, expected, info.basis.indices(["targets"]), level=1e-4).agrees


def test_what_needs_proportional_information_is_refused():
    info = isal.information(SINGLE["7a"], Radio(timestamp_jitter_s=DW1000), "synchronous")
    with pytest.raises(IsalError, match="set timestamp_jitter_s to 0"):
        step_estimators.plug_in(info, 10.0)
    with pytest.raises(IsalError, match="set timestamp_jitter_s to 0"):
        step_estimators.coefficients(info, [np.ones(4), np.ones(4)], "all")


def test_links_of_a_step_leave_out_what_it_does_not_count():
    """tr(Y' B_l Y) of links whose products of radars count nothing, and the matrices that they add up to."""
    info = isal.information(SINGLE["7a"], Radio(timestamp_jitter_s=DW1000), "asynchronous")
    radars, met = info.basis.indices(["radars"]), info.basis.indices(["radars", "targets"])
    own = LimitedLinks(info, met, radars)
    columns = np.random.default_rng(0).normal(size=(len(met), 3))
    weight = np.random.default_rng(1).uniform(size=len(info.links))
    rows = info.links.rows[:, met]
    expected = np.zeros(len(rows))
    for number, row in enumerate(rows):
        matrix = np.outer(row, row)
        matrix[: len(radars), : len(radars)] = 0.0
        expected[number] = np.trace(columns.T @ matrix @ columns)
    np.testing.assert_allclose(own.squares(columns), expected, rtol=1e-9, atol=1e-12)
    whole = own.stack(weight).combine(np.ones((1, 4)))[0]
    assert np.trace(columns.T @ whole @ columns) == pytest.approx(weight @ expected, rel=1e-9)
    assert not own.definite
    assert no_prior(info).matrix.shape == (info.basis.size,) * 2
