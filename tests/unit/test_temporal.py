"""Temporal cooperation: the recursion over slots against the whole matrices (19) and (24), and the schemes over it."""

import itertools
import math
from decimal import Decimal, localcontext

import exact
import numpy as np
import pytest
import references
from builders import CONVEX_CARRIES, DUAL, schur
from hypothesis import given
from hypothesis import strategies as st
from strategies import CLOCKS, generators, powered_schedules, random_network, random_schedule

import isal
from isal.allocation import scheduler
from isal.knowledge import Knowledge
from isal.model import temporal
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes import schedule as schemes
from isal.schemes.carry_over import CARRIES
from isal.schemes.integrated import integrated_slot
from isal.schemes.schedule import SlotResult, no_prior, run_schedule, slot_informations
from isal.schemes.step_by_step import steps_of, steps_slot
from isal.units import SPEED_OF_LIGHT

RADIO = isal.Radio()
FIELDS = ("radars", "clocks", "targets")

#: Logarithms of eta^2 and rho^2 for which T runs from far below to far above what the links tell, about 1e4 m^-2.
VELOCITIES = st.floats(-16, 12)
DRIFTS = st.floats(-34, 0)


def coupled_radio(log_velocity, log_drift):
    """Table 1 with other variances of the increments between slots."""
    return isal.Radio(velocity_variance=10**log_velocity, drift_variance=10**log_drift)


def at_powers(networks, radio, clock, powers):
    """A schedule at given powers: what every scheme's result says of its slots, without optimising anything."""
    infos = slot_informations(networks, radio, clock)

    async def slot(number, prior, _candidate):
        return SlotResult(infos[number], (), infos[number].measured(powers[number]), prior, no_prior(infos[number]))

    return scheduler.run(run_schedule(infos, slot), "interior-point")


def slot_matrices(networks, radio, clock, powers):
    """The slots' own matrices in decimals, which near a line are right where those of floats are not."""
    pairs = zip(networks, powers, strict=True)
    with exact.digits():
        return [
            np.tensordot(references.exact(power), exact.node_matrices(network, radio, clock), 1)
            for network, power in pairs
        ]


def coupled_diagonal(networks, radio, clock):
    return np.concatenate(references.increments(networks[0], radio, clock))


def assert_spebs(found, expected, rel=1e-9):
    """The three bounds of a slot are the expected ones; NaN where the network has no such block."""
    assert [getattr(found, field) for field in FIELDS] == pytest.approx(expected, rel=rel, nan_ok=True)


def assert_schedule_matches(result, networks, clock, matrices, coupled, sign=-1):
    """Filtered and smoothed bounds of every slot are those of the whole matrices, with T of either sign."""
    for number, slot in enumerate(result.slots):
        so_far = references.exact_inverse(references.schedule_matrix(matrices[: number + 1], coupled, sign))
        assert_spebs(slot.spebs, references.block_traces(so_far, networks[0], clock, number))
    whole = references.exact_inverse(references.schedule_matrix(matrices, coupled, sign))
    for number, slot in enumerate(result.slots):
        assert_spebs(slot.smoothed_spebs, references.block_traces(whole, networks[0], clock, number))


# --- one message ------------------------------------------------------------------------------------------------------


def random_knowledge(rng, size, rank=None):
    """A positive semidefinite matrix of the size of what links tell."""
    root = rng.normal(size=(size, size + 2 if rank is None else rank))
    return 1e4 * root @ root.T


def message(known, coupled):
    """:func:`isal.model.temporal.message` of a matrix."""
    return temporal.message(Knowledge.of_matrix(known), coupled).matrix


def exact_message(known, coupled):
    """``T - T (J + T)^-1 T = (T^-1 + J^-1)^-1`` in decimals; ``T`` is positive and finite."""
    with localcontext(prec=references.DIGITS):
        T = np.diag(references.exact(coupled))
        inverse = references.exact_inverse(references.exact(known) + T)
        return (T - T.dot(inverse).dot(T)).astype(float)


def assert_information_close(found, expected, rtol=1e-9):
    """Equal up to ``rtol`` of every parameter's own information, however far apart their scales are."""
    scale = np.sqrt(np.maximum(np.diag(expected), np.finfo(float).tiny))
    np.testing.assert_allclose(found / np.outer(scale, scale), expected / np.outer(scale, scale), rtol=0, atol=rtol)


def lowest(matrix, scale):
    """Smallest eigenvalue after a congruence that makes the diagonal of ``scale`` one."""
    unit = np.sqrt(np.diag(scale))
    return np.linalg.eigvalsh(matrix / np.outer(unit, unit))[0]


@given(generators(), st.integers(1, 7))
def test_message_is_the_inverse_of_the_added_inverses(rng, size):
    """Uncertainties add: (T^-1 + J^-1)^-1 where both can be inverted as they are."""
    known, coupled = random_knowledge(rng, size), 10 ** rng.uniform(3, 5, size)
    expected = np.linalg.inv(np.diag(1 / coupled) + np.linalg.inv(known))
    assert_information_close(message(known, coupled), expected)


@pytest.mark.parametrize("log_coupling", [-12, -7, -3, 0, 3, 7, 12])
def test_message_keeps_its_accuracy_for_every_ratio_of_t_to_j(log_coupling):
    rng = np.random.default_rng(0)
    for _ in range(5):
        known, coupled = random_knowledge(rng, 6), 10 ** (log_coupling + rng.uniform(-1, 1, 6))
        assert_information_close(message(known, coupled), exact_message(known, coupled))


@pytest.mark.parametrize(
    ("radars", "clocks"),
    [(1e2, 1.1e-7), (1e6, 1.1e-7), (1e-7, 1e6), (1e10, 1e-7), (1e-7, 1e10), (1e4, 1e-3), (1e12, 1e0), (1e30, 1e0)],
)
def test_message_keeps_its_accuracy_where_radars_and_clocks_are_coupled_unequally(radars, clocks):
    """Table 1's T is 100 m^-2 for the radars and 1.1e-7 m^-2 for the clocks."""
    rng = np.random.default_rng(0)
    coupled = np.array([radars] * 4 + [clocks] * 2)
    for _ in range(5):
        known = random_knowledge(rng, 6)
        assert_information_close(message(known, coupled), exact_message(known, coupled))


@given(generators(), st.integers(1, 6), st.integers(0, 6), st.floats(-6, 6))
def test_message_lies_between_zero_and_both_j_and_t(rng, size, rank, log_ratio):
    known = random_knowledge(rng, size, min(rank, size))
    coupled = 1e4 * 10 ** (log_ratio + rng.uniform(-2, 2, size))
    found = message(known, coupled)
    np.testing.assert_array_equal(found, found.T)
    T = np.diag(coupled)
    assert lowest(found, T) >= -1e-9
    assert lowest(T - found, T) >= -1e-9
    assert lowest(known - found, known + 1e-9 * T) >= -1e-9


@given(generators(), st.integers(1, 6), st.floats(-6, 6))
def test_message_grows_with_t_and_with_j(rng, size, log_ratio):
    known = random_knowledge(rng, size)
    coupled = 1e4 * 10 ** (log_ratio + rng.uniform(-1, 1, size))
    found = message(known, coupled)
    for more in (
        message(known, coupled * rng.uniform(1, 10, size)),
        message(known + random_knowledge(rng, size, 1), coupled),
    ):
        assert lowest(more - found, found) >= -1e-9
        assert np.trace(more) > np.trace(found)


@given(generators(), st.integers(2, 6), st.floats(-4, 4))
def test_message_of_singular_knowledge(rng, size, log_ratio):
    """What J does not know it can't say; the rest is as if those directions were unknown."""
    known = random_knowledge(rng, size, int(rng.integers(1, size)))
    coupled = 1e4 * 10 ** (log_ratio + rng.uniform(-1, 1, size))
    found = message(known, coupled)
    assert np.linalg.matrix_rank(found, tol=1e-9 * np.trace(found)) == np.linalg.matrix_rank(known)
    # the same limit by adding hardly any knowledge, which decimals can resolve
    with localcontext(prec=references.DIGITS):
        inverse = references.exact_inverse(references.exact(known) + np.diag(references.exact(coupled)))
        T = np.diag(references.exact(coupled))
        expected = (T - T.dot(inverse).dot(T)).astype(float)
    assert_information_close(found, expected)


def test_message_of_no_knowledge_is_none():
    np.testing.assert_array_equal(message(np.zeros((3, 3)), np.array([1.0, 1e-7, 1e9])), np.zeros((3, 3)))


def test_nothing_coupled_says_nothing():
    """A network of known radars with known clocks."""
    assert message(np.zeros((0, 0)), np.zeros(0)).shape == (0, 0)


@given(generators(), st.integers(1, 6))
def test_no_temporal_information_says_nothing_and_an_infinite_one_says_all(rng, size):
    known = random_knowledge(rng, size)
    np.testing.assert_array_equal(message(known, np.zeros(size)), np.zeros((size, size)))
    assert_information_close(message(known, np.full(size, np.inf)), known, 1e-12)
    assert_information_close(message(known, np.full(size, 1e30)), known, 1e-12)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["first", "last"])
@pytest.mark.parametrize("value", [3e3, math.inf], ids=["finite", "infinite"])
def test_what_is_decoupled_is_an_unknown_nuisance_to_the_rest(value, order):
    """Entries of T that are zero: their knowledge is lost, and the others' is what remains without it."""
    known = random_knowledge(np.random.default_rng(1), 5)
    live, lost = np.arange(5)[order][:3], np.arange(5)[order][3:]
    coupled = np.zeros(5)
    coupled[live] = value
    found = message(known, coupled)
    expected = np.zeros((5, 5))
    reduced = schur(known, live, lost)
    expected[np.ix_(live, live)] = reduced if math.isinf(value) else exact_message(reduced, coupled[live])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.trace(known))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["first", "last"])
@pytest.mark.parametrize("value", [1e-3, 3e3, 1e8])
def test_what_is_pinned_goes_on_whole_next_to_what_drifts(value, order):
    """Entries of T that are infinite next to finite ones."""
    known = random_knowledge(np.random.default_rng(1), 5)
    pinned = np.arange(5)[order][:3]
    coupled = np.full(5, value)
    coupled[pinned] = math.inf
    finite = np.where(np.isinf(coupled), 1e60, coupled)
    assert_information_close(message(known, coupled), exact_message(known, finite))


def test_pinned_drifting_and_decoupled_at_once():
    known = random_knowledge(np.random.default_rng(2), 6)
    coupled = np.array([math.inf, 0.0, 2e3, 0.0, math.inf, 50.0])
    live, lost = np.flatnonzero(coupled), np.flatnonzero(coupled == 0)
    finite = np.where(np.isinf(coupled), 1e60, coupled)[live]
    found = message(known, coupled)
    assert_information_close(found[np.ix_(live, live)], exact_message(schur(known, live, lost), finite))
    assert not found[lost].any()
    assert not found[:, lost].any()


# --- T of (20) and (25) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "radars_known", "clock", "n_coordinates", "n_clocks"),
    [
        ((2, 2, 1), False, "synchronous", 4, 0),
        ((2, 2, 1), False, "asynchronous", 4, 2),
        ((3, 3, 2), False, "asynchronous", 6, 3),
        ((0, 3, 1), True, "asynchronous", 0, 2),
        ((2, 1, 1), True, "synchronous", 0, 0),
    ],
)
def test_coupling_at_table_1(radio, sizes, radars_known, clock, n_coordinates, n_clocks):
    """1/eta^2 = 100 m^-2 for every radar coordinate, 1/(rho c)^2 = 1.1e-7 m^-2 for every clock offset in metres."""
    network = random_network(np.random.default_rng(0), *sizes, radars_known=radars_known)
    found = temporal.coupling(isal.information(network, radio, clock))
    expected = [100.0] * n_coordinates + [1.1126500560536183e-07] * n_clocks
    assert found.tolist() == pytest.approx(expected, rel=1e-12)


def test_printed_matrices_are_the_two_slot_case_of_the_block_tridiagonal_one(radio):
    """(19) and (24) written out block by block, against the form that is used for any number of slots."""
    rng = np.random.default_rng(3)
    networks, powers = random_schedule(rng, 2, 2, 2, 1), rng.uniform(0.1, 3.0, (2, 4))
    for clock in CLOCK_MODES:
        t_loc, t_tau = references.increments(networks[0], radio, clock)
        first, second = slot_matrices(networks, radio, clock, powers)
        if clock == "synchronous":
            printed = references.printed_19(first, second, t_loc)
        else:
            printed = references.printed_24(first, second, t_loc, t_tau)
        general = references.schedule_matrix([first, second], np.concatenate([t_loc, t_tau]), sign=+1)
        assert printed.shape == general.shape
        assert (printed == general).all()


# --- the recursion against the whole matrix ---------------------------------------------------------------------------


@given(powered_schedules(), CLOCKS, VELOCITIES, DRIFTS, st.sampled_from([-1, 1]))
def test_recursion_over_slots_is_the_whole_matrix(schedule, clock, log_velocity, log_drift, sign):
    """(19) and (24) for two and three slots, with T as printed (+) and as it must be (-) off the diagonal."""
    networks, powers = schedule
    radio = coupled_radio(log_velocity, log_drift)
    result = at_powers(networks, radio, clock, powers)
    matrices = slot_matrices(networks, radio, clock, powers)
    assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock), sign)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_recursion_over_slots_at_table_1(radio, clock):
    rng = np.random.default_rng(4)
    for _ in range(5):
        networks, powers = random_schedule(rng, 3, 2, 2, 1), rng.uniform(0.1, 3.0, (3, 4))
        result = at_powers(networks, radio, clock, powers)
        matrices = slot_matrices(networks, radio, clock, powers)
        assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock))


@given(powered_schedules(targets=(0, 0)), CLOCKS, VELOCITIES, DRIFTS)
def test_recursion_for_localization_only(schedule, clock, log_velocity, log_drift):
    networks, powers = schedule
    radio = coupled_radio(log_velocity, log_drift)
    result = at_powers(networks, radio, clock, powers)
    matrices = slot_matrices(networks, radio, clock, powers)
    assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock))


@given(powered_schedules(radars_known=(True,)), CLOCKS, DRIFTS)
def test_recursion_for_sensing_only(schedule, clock, log_drift):
    """Only the clocks are coupled; in a synchronous network nothing is."""
    networks, powers = schedule
    radio = coupled_radio(-2, log_drift)
    result = at_powers(networks, radio, clock, powers)
    matrices = slot_matrices(networks, radio, clock, powers)
    assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock))
    if clock == "synchronous":
        assert not any(slot.prior or slot.later for slot in result.slots)


@given(powered_schedules(slots=(2, 2)), CLOCKS, VELOCITIES, DRIFTS)
def test_the_sign_of_t_changes_no_speb(schedule, clock, log_velocity, log_drift):
    """The congruence with diag(I, -I), on the whole matrices themselves."""
    networks, powers = schedule
    radio = coupled_radio(log_velocity, log_drift)
    matrices, coupled = slot_matrices(networks, radio, clock, powers), coupled_diagonal(networks, radio, clock)
    plus, minus = (references.exact_inverse(references.schedule_matrix(matrices, coupled, sign)) for sign in (+1, -1))
    for number in range(2):
        found, expected = (references.block_traces(some, networks[0], clock, number) for some in (plus, minus))
        assert found == pytest.approx(expected, rel=1e-12, nan_ok=True)


@given(powered_schedules(), CLOCKS)
def test_slots_without_temporal_information_are_on_their_own(schedule, clock):
    networks, powers = schedule
    result = at_powers(networks, coupled_radio(30, 20), clock, powers)
    for network, power, slot in zip(networks, powers, result.slots, strict=True):
        alone = isal.spebs(network, RADIO, power, clock)
        for found in (slot.spebs, slot.smoothed_spebs):
            assert_spebs(found, [getattr(alone, field) for field in FIELDS], rel=1e-12)


@given(powered_schedules(), CLOCKS)
def test_radars_that_can_not_move_are_estimated_as_one(schedule, clock):
    """T far above all else: one set of radars and clocks for all slots, and a target of each slot."""
    networks, powers = schedule
    result = at_powers(networks, coupled_radio(-30, -50), clock, powers)
    matrices = [references.information(*pair, clock) for pair in _paired(networks, RADIO, powers)]
    n_shared = len(matrices[0]) - 2 * networks[0].n_targets

    def shared(n_slots):
        """Matrix over the shared radars and clocks, then each slot's targets."""
        n_own = len(matrices[0]) - n_shared
        total = np.zeros((n_shared + n_slots * n_own,) * 2)
        for number, matrix in enumerate(matrices[:n_slots]):
            own = n_shared + number * n_own + np.arange(n_own)
            index = np.concatenate([np.arange(n_shared), own])
            total[np.ix_(index, index)] += matrix
        return total

    n_radars = 2 * networks[0].n_radars
    for number, slot in enumerate(result.slots):
        for found, matrix in ((slot.spebs, shared(number + 1)), (slot.smoothed_spebs, shared(len(networks)))):
            own = n_shared + number * 2 * networks[0].n_targets + np.arange(2 * networks[0].n_targets)
            clocks = references.speb(matrix, range(n_radars, n_shared)) if n_shared > n_radars else math.nan
            expected = [references.speb(matrix, range(n_radars)), clocks, references.speb(matrix, own)]
            assert_spebs(found, expected)


def _paired(networks, radio, powers):
    return [(network, radio, power) for network, power in zip(networks, powers, strict=True)]


@pytest.mark.parametrize("log_drift", [-26, -20, -18, -10])
def test_clock_offsets_in_seconds_give_the_same_bounds(log_drift):
    """T_tau as printed in (25), 1/rho^2 in 1/s^2, next to columns of the Jacobian per second."""
    rng = np.random.default_rng(5)
    networks, powers = random_schedule(rng, 2, 2, 2, 1), rng.uniform(0.1, 3.0, (2, 4))
    radio = coupled_radio(-2, log_drift)
    with localcontext(prec=references.DIGITS):
        metres_per_unit = references.exact(np.ones(8))
        metres_per_unit[4:6] = Decimal(SPEED_OF_LIGHT)
        in_seconds = [
            matrix * np.outer(metres_per_unit, metres_per_unit)
            for matrix in slot_matrices(networks, radio, "asynchronous", powers)
        ]
        t_loc = np.full(4, 1 / Decimal(radio.velocity_variance))
        t_tau = np.full(2, 1 / Decimal(radio.drift_variance))
        inverse = references.exact_inverse(references.printed_24(*in_seconds, t_loc, t_tau))
        scale = np.concatenate([metres_per_unit, metres_per_unit])
        inverse = inverse * np.outer(scale, scale)
    result = at_powers(networks, radio, "asynchronous", powers)
    for number, slot in enumerate(result.slots):
        assert_spebs(slot.smoothed_spebs, references.block_traces(inverse, networks[0], "asynchronous", number))


@given(powered_schedules(slots=(3, 3)), CLOCKS, VELOCITIES, DRIFTS)
def test_later_slots_never_hurt(schedule, clock, log_velocity, log_drift):
    networks, powers = schedule
    result = at_powers(networks, coupled_radio(log_velocity, log_drift), clock, powers)
    for number, slot in enumerate(result.slots):
        alone = isal.spebs(networks[number], RADIO, powers[number], clock)
        for field in FIELDS:
            bounds = [getattr(some, field) for some in (slot.smoothed_spebs, slot.spebs, alone)]
            if not math.isnan(bounds[0]):
                assert bounds[0] <= bounds[1] * (1 + 1e-9)
                assert bounds[1] <= bounds[2] * (1 + 1e-9)
    assert not result.slots[-1].later


# --- long schedules ---------------------------------------------------------------------------------------------------


def drifting_schedule(rng, n_slots):
    """Two radars and a target that wander between two anchors."""
    spots = np.array([[60.0, 80.0], [130.0, 95.0], [95.0, 130.0]]) + rng.normal(0, 2, (n_slots, 3, 2)).cumsum(axis=0)
    return [isal.Network([[20, 20], [180, 20]], spot[:2], spot[2:], name="long") for spot in spots]


def test_fifty_slots_are_the_whole_matrix():
    rng = np.random.default_rng(6)
    networks, radio, n = drifting_schedule(rng, 50), coupled_radio(-4, -20), 50
    powers = rng.uniform(0.1, 3.0, (n, 4))
    coupled = coupled_diagonal(networks, radio, "asynchronous").astype(float)
    matrices = [references.information(*pair, "asynchronous") for pair in _paired(networks, radio, powers)]
    whole = np.zeros((n * 8, n * 8))
    for number, matrix in enumerate(matrices):
        here = slice(8 * number, 8 * number + 8)
        whole[here, here] += matrix
        if number:
            index = 8 * number + np.arange(6)
            whole[index, index] += coupled
            whole[index - 8, index - 8] += coupled
            whole[index, index - 8] -= coupled
            whole[index - 8, index] -= coupled
    unit = 1 / np.sqrt(np.diag(whole))
    variances = np.diag(np.linalg.inv(whole * np.outer(unit, unit))) * unit**2
    result = at_powers(networks, radio, "asynchronous", powers)
    for slot, variance in zip(result.slots, variances.reshape(n, 8), strict=True):
        assert_spebs(slot.smoothed_spebs, [variance[:4].sum(), variance[4:6].sum(), variance[6:].sum()])
    # neighbours matter here, so that the agreement says something
    assert result.slots[25].smoothed_spebs.radars < 0.9 * result.slots[25].spebs.radars


@pytest.mark.parametrize("n_slots", [1, 2, schemes.LONGEST_IN_TURN, schemes.LONGEST_IN_TURN + 1, 10, 40])
def test_cost_of_a_schedule_is_linear_in_its_slots(monkeypatch, n_slots):
    """One message to each side per pair of neighbours, and never a matrix larger than a slot's."""
    seen = []

    def counted(function):
        def wrapper(*arguments):
            seen.append((function.__name__, len(arguments[0])))
            return function(*arguments)

        return wrapper

    monkeypatch.setattr(temporal, "message", counted(temporal.message))
    monkeypatch.setattr(Knowledge, "marginal", counted(Knowledge.marginal))
    rng = np.random.default_rng(7)
    at_powers(drifting_schedule(rng, n_slots), RADIO, "asynchronous", rng.uniform(0.1, 3.0, (n_slots, 4)))
    assert sum(name == "message" for name, _ in seen) == 2 * (n_slots - 1)
    assert sum(name == "marginal" for name, _ in seen) <= 4 * n_slots
    # six radar and clock coordinates before and after an increment
    assert all(size <= 12 for _, size in seen)


# --- the schemes over a schedule --------------------------------------------------------------------------------------


#: Radars that hardly move and good clocks: slots that have much to tell each other.
CLOSE = coupled_radio(-5, -21)


def split_of(clock, energy):
    shares = {"synchronous": (0.6, 0.4), "asynchronous": (0.6, 0.1, 0.3)}[clock]
    return tuple(energy * share for share in shares)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("radio", [RADIO, CLOSE], ids=["Table 1", "close"])
@pytest.mark.parametrize("name", ["8a", "8b", "8c", "8d"])
def test_integrated_over_two_slots(name, radio, clock):
    """Slot 1 is the single slot; slot 2 is what the whole matrix says at the powers that came out."""
    networks = DUAL[name]
    result = isal.integrated(networks, radio, clock=clock, energies=(4.0, 6.0))
    alone = isal.integrated(networks[0], radio, clock=clock, energy=4.0)
    assert result.slots[0].speb == pytest.approx(alone.speb, rel=1e-12)
    np.testing.assert_allclose(result.slots[0].power, alone.power, rtol=0, atol=1e-9)
    assert result.status == "optimal"
    powers = [slot.power for slot in result.slots]
    matrices = slot_matrices(networks, radio, clock, powers)
    assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock))
    assert [slot.speb for slot in result.slots] == pytest.approx([slot.spebs.targets for slot in result.slots])
    assert result.speb == pytest.approx(sum(slot.spebs.targets for slot in result.slots), rel=1e-12)
    assert result.smoothed_speb == pytest.approx(sum(slot.smoothed_spebs.targets for slot in result.slots), rel=1e-12)
    assert 0 <= result.speb - result.greedy_lower_bound <= 1e-6 * result.speb
    assert result.greedy_gap == pytest.approx(1 - result.greedy_lower_bound / result.speb, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_no_powers_of_slot_2_beat_the_integrated_ones(clock):
    """Slot 2 with slot 1's knowledge fixed, at random powers of the same energy, by the whole matrix."""
    rng = np.random.default_rng(8)
    networks = DUAL["8d"]
    result = isal.integrated(networks, CLOSE, clock=clock, energies=(4.0, 6.0))
    coupled = coupled_diagonal(networks, CLOSE, clock)
    optimum = result.slots[1].power
    for spread in (0.02, 0.2, 1.0):
        for power in 6.0 * rng.dirichlet(np.ones(4), 8):
            powers = [result.slots[0].power, (1 - spread) * optimum + spread * power]
            matrices = slot_matrices(networks, CLOSE, clock, powers)
            inverse = references.exact_inverse(references.schedule_matrix(matrices, coupled))
            assert references.block_traces(inverse, networks[0], clock, 1)[2] >= result.slots[1].lower_bound


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("radio", [RADIO, CLOSE], ids=["Table 1", "close"])
@pytest.mark.parametrize("name", ["8a", "8d"])
def test_step_by_step_joint_over_two_slots(name, radio, clock):
    """ "joint" uses every measurement, so its bounds are the whole matrix's at the sum of the steps' powers."""
    networks, energies = DUAL[name], [split_of(clock, 4.0), split_of(clock, 6.0)]
    result = isal.step_by_step(networks, radio, clock=clock, energies=energies, carry="joint")
    assert [slot.energies for slot in result.slots] == energies
    powers = [slot.power.sum(axis=0) for slot in result.slots]
    matrices = slot_matrices(networks, radio, clock, powers)
    assert_schedule_matches(result, networks, clock, matrices, coupled_diagonal(networks, radio, clock))
    assert [slot.speb for slot in result.slots] == pytest.approx([slot.spebs.targets for slot in result.slots])


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("carry", CARRIES)
def test_slot_1_of_a_step_by_step_schedule_is_the_single_slot(carry, clock):
    networks, energies = DUAL["8b"], [split_of(clock, 4.0), split_of(clock, 6.0)]
    result = isal.step_by_step(networks, CLOSE, clock=clock, energies=energies, carry=carry)
    alone = isal.step_by_step(networks[0], CLOSE, clock=clock, energies=energies[0], carry=carry)
    assert result.slots[0].speb == pytest.approx(alone.speb, rel=1e-12)
    np.testing.assert_allclose(result.slots[0].power, alone.power, rtol=0, atol=1e-9)
    assert result.speb == sum(slot.speb for slot in result.slots)
    assert result.status == ("optimal" if carry in CONVEX_CARRIES else "local")


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("carry", CONVEX_CARRIES)
def test_prior_enters_every_step_as_a_constant(carry, clock):
    """In every step the prior's rows of the parameters met so far are added to what that carry-over knows."""
    networks, energies = DUAL["8d"], [split_of(clock, 4.0), split_of(clock, 6.0)]
    result = isal.step_by_step(networks, CLOSE, clock=clock, energies=energies, carry=carry)
    slot = result.slots[1]
    prior, measured = slot.prior.matrix, slot.measured.matrix
    assert prior[:4, :4].any()
    assert not prior[-2:].any()
    first = references.information(networks[1], CLOSE, slot.power[0], clock)[:4, :4]
    assert slot.steps[0].spebs.radars == pytest.approx(references.speb(first + prior[:4, :4], range(4)), rel=1e-9)
    # every carry-over keeps the prior whole next to its own measured part
    n = len(measured)
    assert slot.speb == pytest.approx(references.speb(measured + prior, range(n - 2, n)), rel=1e-9)
    no_knowledge = no_prior(slot.information)
    bare = scheduler.run(steps_slot(slot.information, no_knowledge, energies[1], carry, None, 1e-6), "scs")
    assert slot.steps[0].spebs.radars < bare.steps[0].spebs.radars


@pytest.mark.long
@given(generators(), CLOCKS)
def test_more_temporal_information_never_hurts_the_integrated_optimum(rng, clock):
    networks = random_schedule(rng, 2, 2, 2, 1)
    results = [
        isal.integrated(networks, coupled_radio(log_velocity, log_drift), clock=clock, energies=(4.0, 6.0))
        for log_velocity, log_drift in ((2, -8), (-2, -8), (-6, -8), (-6, -20), (-10, -24))
    ]
    for less, more in itertools.pairwise(results):
        assert more.slots[0].power.tolist() == less.slots[0].power.tolist()
        assert more.slots[1].lower_bound <= less.slots[1].speb * (1 + 1e-9)
    # between the ends it must have helped
    assert results[-1].slots[1].speb < results[0].slots[1].speb


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("name", ["8a", "8b", "8c", "8d"])
def test_temporal_cooperation_at_table_1_gains_less_than_a_thousandth(radio, name, clock):
    networks = DUAL[name]
    result = isal.integrated(networks, radio, clock=clock, energies=(5.0, 5.0))
    alone = [isal.integrated(network, radio, clock=clock, energy=5.0) for network in networks]
    filtered = 1 - result.slots[1].speb / alone[1].speb
    smoothed = [1 - slot.smoothed_speb / single.speb for slot, single in zip(result.slots, alone, strict=True)]
    assert 0 < filtered < 1e-3
    assert all(0 < gain < 1e-3 for gain in smoothed)


@pytest.mark.parametrize(
    ("name", "clock", "gain"),
    [
        ("8a", "synchronous", 8.304e-4),
        ("8b", "synchronous", 5.2e-6),
        ("8c", "synchronous", 8.430e-4),
        ("8d", "synchronous", 8.1e-6),
        ("8a", "asynchronous", 7.780e-4),
        ("8b", "asynchronous", 1.022e-4),
        ("8c", "asynchronous", 7.886e-4),
        ("8d", "asynchronous", 1.622e-4),
    ],
)
def test_gain_of_temporal_cooperation_on_the_layouts(radio, name, clock, gain):
    """By how much slot 1 lowers the target SPEB of slot 2, at 5 J each."""
    options = {"clock": clock, "tolerance": 1e-9}
    result = isal.integrated(DUAL[name], radio, energies=(5.0, 5.0), **options)
    alone = isal.integrated(DUAL[name][1], radio, energy=5.0, **options)
    assert 1 - result.slots[1].speb / alone.speb == pytest.approx(gain, rel=2e-2, abs=1e-7)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("radio", [RADIO, CLOSE], ids=["Table 1", "close"])
@pytest.mark.parametrize("name", ["8a", "8b", "8c", "8d"])
def test_integrated_joint_marginal_in_slot_2(name, radio, clock):
    """With slot 1 fixed: consistent carry-overs never beat integrated; nor, synchronous, does marginal beat joint."""
    rng = np.random.default_rng(9)
    before, info = slot_informations(DUAL[name], radio, clock)
    slot_1 = scheduler.run(integrated_slot(before, no_prior(before), 4.0, None, 1e-6), "scs")
    prior = temporal.embedded(info, temporal.message(slot_1.known, temporal.coupling(info)))
    whole = scheduler.run(integrated_slot(info, prior, 6.0, None, 1e-6), "scs")
    for split in 6.0 * rng.dirichlet(np.full(len(steps_of(info)), 3.0), 3):
        joint, marginal = (
            scheduler.run(steps_slot(info, prior, split, carry, None, 1e-6), "scs") for carry in ("joint", "marginal")
        )
        assert joint.status == marginal.status == "optimal"
        assert whole.lower_bound <= joint.speb * (1 + 1e-9)
        assert whole.lower_bound <= marginal.speb * (1 + 1e-9)
        if clock == "synchronous":
            assert joint.lower_bound <= marginal.speb * (1 + 1e-9)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_a_schedule_of_one_slot_is_the_single_network(paper_network, radio, clock):
    listed = isal.integrated([paper_network], radio, clock=clock, energies=[10.0])
    alone = isal.integrated(paper_network, radio, clock=clock, energy=10.0)
    assert listed.slots[0].power.tolist() == alone.power.tolist()
    assert (listed.speb, listed.smoothed_speb) == (alone.speb, alone.smoothed_speb)
    assert (listed.greedy_lower_bound, listed.status) == (alone.lower_bound, alone.status)
    split = split_of(clock, 10.0)
    for carry in CARRIES:
        listed = isal.step_by_step([paper_network], radio, clock=clock, energies=[split], carry=carry)
        alone = isal.step_by_step(paper_network, radio, clock=clock, energies=split, carry=carry)
        assert listed.slots[0].power.tolist() == alone.power.tolist()
        assert (listed.speb, listed.smoothed_speb) == (alone.speb, alone.smoothed_speb)


def test_caps_hold_in_every_slot(radio):
    caps = np.array([1.5, 2.0, 2.5, 1.0])
    result = isal.integrated(DUAL["8b"], radio, clock="synchronous", energies=(5.0, 5.0), caps=caps)
    for slot in result.slots:
        assert (slot.power <= caps).all()
        assert np.isclose(slot.power, caps, rtol=1e-6).any()
    assert result.status == "optimal"


def test_a_slot_that_is_not_certified_shows_in_the_schedule(radio):
    from dataclasses import replace

    result = isal.integrated(DUAL["8a"], radio, clock="synchronous", energies=(5.0, 5.0))
    step = result.slots[0].steps[0]
    unsure = replace(step.allocation, lower_bound=0.5 * step.allocation.value)
    slot = replace(result.slots[0], steps=(replace(step, allocation=unsure),))
    assert (result.status, replace(result, slots=(slot, result.slots[1])).status) == ("optimal", "uncertified")


# --- long schedules, solved ahead -------------------------------------------------------------------------------------


def long_schedule(radio, clock, scheme, **options):
    """Twelve slots of unequal energies."""
    networks, energies = drifting_schedule(np.random.default_rng(6), 12), np.linspace(1, 4, 12)
    if scheme == "integrated":
        return isal.integrated(networks, radio, clock=clock, energies=energies, **options)
    split = [split_of(clock, energy) for energy in energies]
    return isal.step_by_step(networks, radio, clock=clock, energies=split, carry=scheme, **options)


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("velocity_variance", [0.01, 1e-8], ids=["weak", "strong"])
@pytest.mark.parametrize("scheme", ["integrated", *CARRIES])
def test_a_schedule_solved_ahead_is_that_solved_in_turn(monkeypatch, scheme, velocity_variance, clock):
    radio = isal.Radio(velocity_variance=velocity_variance)
    ahead = long_schedule(radio, clock, scheme)
    monkeypatch.setattr(schemes, "LONGEST_IN_TURN", 100)
    in_turn = long_schedule(radio, clock, scheme)
    assert ahead.status == in_turn.status == ("local" if scheme in set(CARRIES) - set(CONVEX_CARRIES) else "optimal")
    for found, expected in zip(ahead.slots, in_turn.slots, strict=True):
        assert found.energies == expected.energies
        assert found.speb == pytest.approx(expected.speb, rel=1e-6)
        assert found.smoothed_speb == pytest.approx(expected.smoothed_speb, rel=1e-6)
    assert ahead.speb == pytest.approx(in_turn.speb, rel=1e-7)
    # of a step that is no convex problem, the one that bounds it is solved anew
    solved = len(ahead.slots[0].steps) - (ahead.status == "local")
    taken = [[step.allocation.iterations == 0 for step in slot.steps[:solved]] for slot in ahead.slots]
    assert not any(step.allocation.iterations == 0 for slot in in_turn.slots for step in slot.steps)
    if velocity_variance == 0.01:  # powers that were found without a prior are certified with it
        assert sum(map(all, taken)) >= 6


@pytest.mark.parametrize("rounds", [1, 8])
@pytest.mark.parametrize("scheme", ["integrated", "held", "joint"])
def test_every_slot_of_a_schedule_solved_ahead_knows_exactly_what_the_earlier_ones_say(monkeypatch, scheme, rounds):
    """Whether the rounds ahead settle it or what is left is done in turn."""
    monkeypatch.setattr(schemes, "ROUNDS_AHEAD", rounds)
    slots = long_schedule(isal.Radio(velocity_variance=1e-8), "asynchronous", scheme).slots
    assert not slots[0].prior
    for before, slot in itertools.pairwise(slots):
        known = temporal.knowledge(before.information, before.measured + before.prior)
        said = temporal.embedded(slot.information, temporal.message(known, temporal.coupling(slot.information)))
        atol = 1e-12 * np.abs(said.matrix).max()
        np.testing.assert_allclose(slot.prior.matrix, said.matrix, rtol=1e-9, atol=atol)
        constant = slot.steps[0].problem.constant
        met = slot.steps[0].met
        np.testing.assert_array_equal(constant, slot.prior.matrix[np.ix_(met, met)])


def test_a_slot_that_fails_fails_the_schedule_solved_ahead(radio):
    networks = drifting_schedule(np.random.default_rng(6), 12)
    with pytest.raises(ValueError, match=r"energy must be finite and positive, got -1\.0 J"):
        isal.integrated(networks, radio, clock="synchronous", energies=[1.0] * 7 + [-1.0] + [1.0] * 4)


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((2, 3, 1), "slot 1: slot 3 has 3 radars and slot 1 has 2; the slots of a schedule need equal numbers"),
        ((3, 2, 1), "slot 1: slot 3 has 3 anchors and slot 1 has 2"),
        ((2, 2, 2), "slot 1: slot 3 has 2 targets and slot 1 has 1"),
    ],
)
def test_slots_with_unequal_numbers_are_refused_by_slot_and_group(radio, sizes, message):
    rng = np.random.default_rng(10)
    networks = [*random_schedule(rng, 2, 2, 2, 1), random_network(rng, *sizes, name="third")]
    with pytest.raises(isal.NetworkError, match=message):
        isal.integrated(networks, radio, clock="synchronous", energies=(3, 3, 4))
    with pytest.raises(isal.NetworkError, match=message):
        isal.step_by_step(networks, radio, clock="synchronous", energies=[(1, 2)] * 3)


def test_slots_that_differ_in_known_radars_are_refused(radio):
    rng = np.random.default_rng(11)
    networks = [random_network(rng, 2, 2, 1, name="one"), random_network(rng, 2, 2, 1, radars_known=True)]
    with pytest.raises(isal.NetworkError, match="one: slot 2 and slot 1 differ in radars_known"):
        isal.integrated(networks, radio, clock="asynchronous", energies=(5, 5))


@pytest.mark.parametrize(
    ("energies", "message"),
    [
        ((10.0,), r"8a: energies must give an energy for each of 2 slots, got \(10.0,\)"),
        ((1.0, 2.0, 7.0), "8a: energies must give an energy for each of 2 slots"),
        (None, "8a: energies must give an energy for each of 2 slots, got None"),
        ((5.0, 0.0), "energy must be finite and positive, got 0.0 J"),
        ((math.nan, 5.0), "energy must be finite and positive, got nan J"),
    ],
)
def test_unusable_slot_energies_are_refused(radio, energies, message):
    with pytest.raises(ValueError, match=message):
        isal.integrated(DUAL["8a"], radio, clock="synchronous", energies=energies)


@pytest.mark.parametrize(
    ("energies", "message"),
    [
        ([(3.0, 2.0)], "8a: energies must give the energies of its steps for each of 2 slots"),
        ([(3.0, 2.0), (1.0, 1.0, 3.0)], r"8a: energies must name 2 steps \(radars, targets\), got 3"),
        ([(3.0, 2.0), (5.0, 0.0)], "8a: the energy of step targets must be finite and positive, got 0.0 J"),
    ],
)
def test_unusable_step_energies_of_slots_are_refused(radio, energies, message):
    with pytest.raises(ValueError, match=message):
        isal.step_by_step(DUAL["8a"], radio, clock="synchronous", energies=energies)


def test_a_schedule_needs_a_slot(radio):
    with pytest.raises(ValueError, match="a schedule needs at least one slot"):
        isal.integrated([], radio, clock="synchronous", energies=[])


def test_one_slot_takes_one_energy(paper_network, radio):
    for wrong in ({"energies": [10.0]}, {}, {"energy": 5.0, "energies": [5.0]}):
        with pytest.raises(ValueError, match=r"appendix: one slot takes energy=\.\.\., in J"):
            isal.integrated(paper_network, radio, clock="synchronous", **wrong)
