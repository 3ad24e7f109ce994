"""Plug-in: closed forms against the printed recursion, what no plug-in can do, and the powers of the scheme."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import references
from builders import DUAL, dataset_of, point_of, write_record
from hypothesis import given, settings
from strategies import CLOCKS, generators, networks, random_network

import isal
from isal.allocation import scheduler
from isal.allocation.certificate import STATUSES
from isal.model import ensemble
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.schemes import plug_in
from isal.schemes.carry_over import CARRY_OVERS
from isal.schemes.plug_in import LINKS
from isal.schemes.schedule import UncertifiedWarning, no_prior
from isal.schemes.step_by_step import earlier_steps_per_joule, steps_of, steps_slot
from isal.study import tables
from isal.study.fingerprint import digest
from isal.study.points import PointError
from isal.study.store import records

RADIO = isal.Radio()
ONE = digest("one")
SOLVER = "interior-point"
NETWORKS = networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2), radars_known=(False, True))
#: Carry-over by the links that steps before the last use.
CARRY = {each.plugs_in: name for name, each in CARRY_OVERS.items() if not each.convex}

pytestmark = pytest.mark.filterwarnings("ignore::isal.UncertifiedWarning")


def target_value(info, covariance):
    targets = info.basis.indices(["targets"])
    return np.trace(covariance[np.ix_(targets, targets)])


def random_powers(rng, info):
    """Of each step, W: every node transmits, some much more than others."""
    return rng.lognormal(0, 1, (len(steps_of(info)), info.network.n_nodes))


def covariance_of(info, powers, links):
    return plug_in.contributions(info, powers, links).sum(axis=0)


def printed_recursion(info, powers, links):
    """The covariance of a plug-in step by step, with matrices as they are written."""
    steps, size = steps_of(info), info.basis.size
    covariance = np.zeros((size, size))
    for number, (block, power) in enumerate(zip(steps, powers, strict=True)):
        last = number + 1 == len(steps)
        used = info if last or links == "all" else info.ranging
        matrix = used.matrix(power)
        b, f = info.basis.indices([block]), info.basis.indices(steps[:number])
        u = info.basis.indices(steps[number + 1 :])
        u = u[np.diag(matrix)[u] > 0]

        def without_nuisance(columns, matrix=matrix, b=b, u=u):
            inner = np.linalg.solve(matrix[np.ix_(u, u)], matrix[np.ix_(u, columns)])
            return matrix[np.ix_(b, columns)] - matrix[np.ix_(b, u)] @ inner

        own, gain = np.linalg.inv(without_nuisance(b)), np.zeros((len(b), len(f)))
        if len(f):
            gain = own @ without_nuisance(f)
        before = covariance[np.ix_(f, f)]
        covariance[np.ix_(b, f)] = -gain @ before
        covariance[np.ix_(f, b)] = -before @ gain.T
        covariance[np.ix_(b, b)] = own + gain @ before @ gain.T
    return covariance


# --- closed forms -----------------------------------------------------------------------------------------------------


@given(NETWORKS, CLOCKS, generators())
def test_covariance_is_that_of_the_printed_recursion(network, clock, rng):
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    for links in LINKS:
        expected = printed_recursion(info, powers, links)
        found = covariance_of(info, powers, links)
        size = np.sqrt(np.diag(expected))
        np.testing.assert_allclose(found / np.outer(size, size), expected / np.outer(size, size), atol=1e-6)


@given(NETWORKS, CLOCKS, generators())
def test_one_shape_in_all_steps_adds_up_to_the_integrated_bound(network, clock, rng):
    """``sum a_s = E f`` to 1e-9, so that going step by step costs a factor of 1 to the number of steps."""
    info = isal.information(network, RADIO, clock)
    shape = rng.dirichlet(np.ones(network.n_nodes)) + 1e-3
    energies = rng.uniform(0.1, 5.0, len(steps_of(info)))
    powers = energies[:, None] * shape / shape.sum()
    coefficients = plug_in.coefficients(info, powers, "all")
    bound = info.measured(shape / shape.sum()).speb(info.basis.indices(["targets"]))
    assert coefficients.sum() == pytest.approx(bound, rel=1e-9)
    value = target_value(info, covariance_of(info, powers, "all"))
    assert value == pytest.approx(np.sum(coefficients / energies), rel=1e-9)
    _, best = plug_in.best_energies(coefficients, energy=1.0)
    assert 1 - 1e-9 <= best / bound <= len(steps_of(info)) + 1e-9


@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_price_at_the_integrated_powers(clock, number):
    """At the integrated optimum itself: 1 to 2 times its value synchronous, 1 to 3 times asynchronous."""
    (network,) = list(ensemble.random_networks(7, number + 1, anchors=(2, 4), radars=(2, 4)))[-1:]
    whole = isal.integrated(network, RADIO, clock=clock, energy=10.0, tolerance=1e-9)
    steps = steps_of(whole.information)
    coefficients = plug_in.coefficients(whole.information, [whole.power] * len(steps), "all")
    assert coefficients.sum() == pytest.approx(whole.power.sum() * whole.speb, rel=1e-9)
    price = np.sqrt(coefficients).sum() ** 2 / coefficients.sum()
    assert 1 <= price <= {"synchronous": 2, "asynchronous": 3}[clock]


@given(networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2)), CLOCKS, generators())
def test_the_best_split_of_fixed_shapes(network, clock, rng):
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    for links in LINKS:
        coefficients = plug_in.coefficients(info, powers, links)
        energies, best = plug_in.best_energies(coefficients, 10.0)
        shapes = powers / powers.sum(axis=1, keepdims=True)

        def value(split, shapes=shapes, links=links):
            powers = shapes * np.asarray(split)[:, None]
            return target_value(info, covariance_of(info, powers, links))

        assert energies.sum() == pytest.approx(10.0)
        assert value(energies) == pytest.approx(best, rel=1e-9)
        other = rng.dirichlet(np.ones(len(energies))) * 10.0
        assert value(other) >= best * (1 - 1e-9)


@given(NETWORKS, CLOCKS, generators())
def test_estimates_tell_the_inverse_of_their_covariance(network, clock, rng):
    info = isal.information(network, RADIO, clock)
    powers = random_powers(rng, info)
    for links in LINKS:
        covariance = covariance_of(info, powers, links)
        size = np.sqrt(np.diag(covariance))
        told = plug_in.estimates(info, powers, links)[-1]
        product = (told.matrix * np.outer(size, size)) @ (covariance / np.outer(size, size))
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5)
        assert told.speb(info.basis.indices(["targets"])) == pytest.approx(target_value(info, covariance), rel=1e-8)


# --- the scheme -------------------------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(networks(anchors=(2, 4), radars=(1, 3), targets=(1, 2)), CLOCKS, generators())
def test_the_value_is_exact_and_no_feasible_powers_are_below_the_bound(network, clock, rng):
    """The value against the printed recursion; the bound of the last step against random powers of it."""
    info = isal.information(network, RADIO, clock)
    split = 10.0 * rng.dirichlet(np.full(len(steps_of(info)), 2.0))
    caps = rng.uniform(0.3, 5.0, network.n_nodes) if rng.random() < 0.5 else None
    whole = isal.integrated(network, RADIO, clock=clock, energy=10.0)
    for links, carry in CARRY.items():
        found = isal.step_by_step(network, RADIO, clock=clock, energies=split, carry=carry, caps=caps)
        expected = target_value(info, printed_recursion(info, found.power, links))
        assert found.speb == pytest.approx(expected, rel=1e-5)
        assert found.spebs.targets == pytest.approx(found.speb, rel=1e-12)
        assert found.speb >= whole.lower_bound * (1 - 1e-9)
        assert found.lower_bound <= found.speb
        limits = np.full(network.n_nodes, split[-1]) if caps is None else np.minimum(caps, split[-1])
        assert (found.power[-1] <= limits * (1 + 1e-9)).all()
        assert found.power[-1].sum() <= split[-1] * (1 + 1e-9)
        for _ in range(20):
            power = limits * rng.random(network.n_nodes)
            power *= min(1.0, split[-1] / power.sum())
            other = target_value(info, covariance_of(info, [*found.power[:-1], power], links))
            assert other >= found.lower_bound * (1 - 1e-9)
            assert other >= found.speb * (1 - 1e-3)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("carry", CARRY.values())
def test_a_result_says_what_is_proven(layouts, radio, clock, carry):
    split = (6.0, 1.0, 3.0) if clock == "asynchronous" else (6.0, 4.0)
    options = {"clock": clock, "carry": carry}
    result = isal.step_by_step(layouts["7a"], radio, energies=split, **options)
    *earlier, last = (step.allocation for step in result.steps)
    assert {each.status for each in earlier} == {"optimal"}
    assert (result.status, last.status) == ("local", "local")
    assert 0 < result.lower_bound < result.speb * (1 - 1e-3)
    with pytest.warns(UncertifiedWarning, match="local minimum, their value is exact, and nothing proves"):
        isal.step_by_step(layouts["7a"], radio, energies=split, **options)
    with pytest.raises(isal.AllocationError, match=r"7a: not certified, .* is no convex problem"):
        isal.step_by_step(layouts["7a"], radio, energies=split, require_certified=True, **options)
    best = isal.best_split(layouts["7a"], radio, energy=10.0, **options)
    assert (best.status, best.proof) == ("local", "none")
    assert best.lower_bound == best.result.lower_bound
    with pytest.raises(isal.AllocationError, match="no convex problem"):
        isal.best_split(layouts["7a"], radio, energy=10.0, require_certified=True, **options)


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("carry", CARRY.values())
def test_the_best_split_is_that_of_the_roots(layouts, radio, clock, carry):
    """Its energies follow from its shapes, and the scheme at these energies is the same."""
    for network in layouts.values():
        best = isal.best_split(network, radio, clock=clock, energy=10.0, carry=carry)
        coefficients = plug_in.coefficients(best.result.information, best.power, CARRY_OVERS[carry].plugs_in)
        energies, value = plug_in.best_energies(coefficients, 10.0)
        assert best.speb == pytest.approx(value, rel=1e-7)
        np.testing.assert_allclose(best.energies, energies, rtol=1e-2, atol=1e-4)
        again = isal.step_by_step(network, radio, clock=clock, energies=best.energies, carry=carry)
        assert again.speb == pytest.approx(best.speb, rel=1e-6)


@pytest.mark.parametrize("caps_per", ["step", "slot"])
def test_caps_hold_in_steps_and_in_slots(layouts, radio, caps_per):
    for clock, split in (("synchronous", (4.0, 4.0)), ("asynchronous", (3.0, 1.0, 3.0))):
        for carry in CARRY.values():
            options = {"clock": clock, "energies": split, "carry": carry}
            found = isal.step_by_step(layouts["7c"], radio, caps=1.5, caps_per=caps_per, **options)
            powers = found.power if caps_per == "step" else found.power.sum(axis=0)
            assert powers.max() <= 1.5 * (1 + 1e-8)
            assert powers.max() == pytest.approx(1.5, rel=1e-6)
            assert found.status == "local"


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("links", LINKS)
def test_a_second_slot_fuses_its_estimates_with_the_prior(clock, links):
    """Powers as without the prior; the bound is that of a measurement with the estimates' covariance."""
    radio = isal.Radio(velocity_variance=1e-4, drift_variance=1e-20)
    split = (4.0, 1.0, 5.0) if clock == "asynchronous" else (4.0, 6.0)
    options = {"clock": clock, "carry": CARRY[links]}
    result = isal.step_by_step(DUAL["8b"], radio, energies=[split, split], **options)
    alone = isal.step_by_step(DUAL["8b"][1], radio, energies=split, **options)
    slot = result.slots[1]
    np.testing.assert_allclose(slot.power, alone.power, rtol=0, atol=1e-5)
    told = np.linalg.inv(printed_recursion(slot.information, slot.power, links))
    targets = slot.information.basis.indices(["targets"])
    assert slot.speb == pytest.approx(references.speb(told + slot.prior.matrix, targets), rel=1e-6)
    assert slot.lower_bound <= slot.speb < alone.speb * (1 - 1e-6)
    assert slot.spebs.targets == pytest.approx(slot.speb, rel=1e-12)


@pytest.mark.parametrize("carry", CARRY.values())
def test_a_point_is_stored_for_what_it_is(tmp_path, carry):
    """Not certified, and not failed for its gap; its best split has no proof, and tables say so."""
    point = point_of(scheme=f"step-by-step-{carry}")
    result = point.solve()
    assert result.status == "local"
    write_record(tmp_path / "x.nc", point, ONE, result)
    record = records.read(tmp_path / "x.nc")
    assert STATUSES[record.arrays["status"][0]] == "local"
    assert record.arrays["gap"][0] > 1e-3
    assert record.arrays["target_speb"][0, 0] == pytest.approx(record.arrays["speb"][0], rel=1e-9)
    found = point.at_best().solve()
    assert (found.proof, found.status) == ("none", "local")
    assert found.speb <= result.speb
    dataset = dataset_of({tmp_path / "x.nc": (point, ONE)})
    assert tables.best_points(dataset).status.tolist() == ["local"]


@pytest.mark.parametrize("number", [0, 1])
def test_a_point_whose_step_or_search_did_not_end_fails(number):
    point = point_of(scheme="step-by-step-plug-in")
    solution = point.solve()
    (slot,) = solution.slots
    steps = list(slot.steps)
    allocation = steps[number].allocation
    unsure = replace(allocation, lower_bound=0.5 * allocation.value, local=False)
    steps[number] = replace(steps[number], allocation=unsure)
    result = replace(solution.result, slots=(replace(slot, steps=tuple(steps)),))
    failed = point.checked(replace(solution, result=result))
    assert isinstance(failed, PointError)
    assert "or no search for the last step ended; gaps reached: radars" in str(failed)


def test_one_step_is_certified(radio):
    sensing = isal.Network([[0, 0]], [[30, 40], [70, 60]], [[9, 50]], radars_known=True)
    for carry in CARRY.values():
        best = isal.best_split(sensing, radio, clock="synchronous", energy=10.0, carry=carry, require_certified=True)
        assert (best.status, best.proof) == ("optimal", "every split")


# --- the search -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_slope_and_curvature_of_the_value(clock, free):
    """At random powers against differences, and the value in well conditioned parameters against the one by rows."""
    rng = np.random.default_rng(5)
    info = isal.information(random_network(rng, 2, 2, 2), RADIO, clock)
    powers = random_powers(rng, info)
    before = plug_in.transfers(info, powers, "all")[:-1]
    search = plug_in.Search.after(info, before, 3.0, free)
    n_free = len(before) if free else 0
    question = plug_in.Question(search, np.ones((1, search.n_nodes)), np.ones(n_free + search.n_nodes))
    x = rng.dirichlet(np.ones(n_free + search.n_nodes))[None]
    smooth = plug_in._Smooth.of(question)
    gradient, hessian = smooth.derivatives(x)
    value, slope = search.value(x[0, :n_free], x[0, n_free:])
    assert smooth.value(x)[0] == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(gradient[0], slope, rtol=1e-7, atol=1e-9 * np.abs(slope).max())
    for number in range(x.shape[1]):
        change = 1e-6 * np.eye(x.shape[1])[None, number]
        ahead, behind = x + change, x - change
        rise = (smooth.value(ahead) - smooth.value(behind)) / 2e-6
        assert rise[0] == pytest.approx(slope[number], rel=1e-5, abs=1e-6 * value)
        turn = (smooth.derivatives(ahead)[0] - smooth.derivatives(behind)[0]) / 2e-6
        np.testing.assert_allclose(turn[0], hessian[0, number], rtol=1e-4, atol=1e-5 * np.abs(hessian).max())


@pytest.mark.parametrize("number", range(4))
def test_searches_side_by_side_are_those_alone(number):
    """Also with others of another shape, with caps and with nodes that may not transmit."""
    rng = np.random.default_rng(number)
    questions = []
    for clock, free in itertools.product(CLOCK_MODES, (False, True)):
        info = isal.information(random_network(rng, 3, 2, 1), RADIO, clock)
        shapes = scheduler.run(earlier_steps_per_joule(info, "plug-in"), SOLVER)
        search = plug_in.Search.after(info, plug_in.transfers(info, [*shapes, np.ones(5)], "all")[:-1], 2.0, free)
        caps = np.append(np.ones(len(shapes) if free else 0), rng.uniform(0.2, 1.0, 5))
        caps[-1] = 0.0
        questions += [plug_in.Question(search, np.array(search.random(3)), each) for each in (caps, np.ones(len(caps)))]
    for question, ends in zip(questions, plug_in.searched(questions), strict=True):
        (alone,) = plug_in.searched([question])
        assert ends[0].value == pytest.approx(alone[0].value, rel=1e-6)
        at = np.append(ends[0].energies, ends[0].power)
        assert (at <= question.caps * (1 + 1e-9)).all()
        assert at.sum() <= 1 + 1e-9
        if not question.search.free:
            assert question.search.stationarity(ends[0].energies, ends[0].power, question.caps) <= plug_in.STATIONARY


def test_searches_end_where_many_starts_do(layouts, radio):
    """On the layouts, the powers that are found are the lowest of forty searches."""
    for network, clock in itertools.product(layouts.values(), CLOCK_MODES):
        split = (3.0, 1.0, 6.0) if clock == "asynchronous" else (4.0, 6.0)
        found = isal.step_by_step(network, radio, clock=clock, energies=split, carry="plug-in")
        before = plug_in.transfers(found.information, found.power, "all")[:-1]
        search = plug_in.Search.after(found.information, before, split[-1], free=False)
        starts = np.random.default_rng(9).dirichlet(np.ones(network.n_nodes), 40)
        (ends,) = plug_in.searched([plug_in.Question(search, starts, np.ones(network.n_nodes))])
        assert found.speb <= ends[0].value * (1 + 1e-6)


# --- errors -----------------------------------------------------------------------------------------------------------


def test_unusable_arguments_are_refused(layouts, radio):
    info = isal.information(layouts["7a"], radio, "synchronous")
    even = [np.full(4, 1.0), np.full(4, 1.0)]
    with pytest.raises(ValueError, match="links must be one of ranging, all; got 'some'"):
        plug_in.coefficients(info, even, "some")
    with pytest.raises(ValueError, match=r"powers must be given for 2 steps \(radars, targets\), got 1"):
        plug_in.coefficients(info, even[:1], "all")
    with pytest.raises(ValueError, match="the powers of step radars are all zero"):
        plug_in.coefficients(info, [np.zeros(4), even[1]], "all")
    with pytest.raises(
        ValueError, match=r"the powers of step 1 \(radars\) leave it undetermined with its ranging links"
    ):
        plug_in.coefficients(info, [[0.0, 0.0, 1.0, 0.0], even[1]], "ranging")
    with pytest.raises(ValueError, match="the energy of step radars must be finite and positive"):
        scheduler.run(steps_slot(info, no_prior(info), [0.0, 1.0], "plug-in", None, 1e-6), SOLVER)


def test_of_searches_that_end_at_the_same_value_one_that_came_to_its_end_counts():
    """Here the lowest value, by a billionth, is where a search stopped just before its end."""
    ensemble_ = ensemble.Ensemble(name="some", seed=1, size=3, slots=2, anchors=(2, 4), radars=(2, 4))
    network = ensemble_.network(2)[1]
    radio = isal.Radio(radar_cross_section_m2=100)
    found = isal.step_by_step(network, radio, clock="asynchronous", energies=(4.85, 0.15, 5), carry="plug-in")
    assert found.status == "local"
    assert found.speb == pytest.approx(1.12872784e-5, rel=1e-8)
