"""The best split of energy over steps and over slots, without traversal.

One slot, step by step. Without a prior and without caps that bind, an earlier step's optimal powers are proportional to
its energy. So for given shares of the earlier steps all that they hand on is proportional to the energy that they get
together: it acts as one more node, whose power is that energy, and that energy and the last step's powers are **one**
convex problem. With two steps that is the answer, and its certificate bounds every split from below. With three steps
the ratio of the first two is left; it is searched, so that the bound holds for every split of that ratio only.

Caps. Those of the last step are part of the convex problem. Those of step 1 bind only above a certain energy: below it
nothing changes, and above it the split is searched. So the bound holds over all splits where that energy is the whole
energy, and over those below it otherwise.

What holds earlier estimates fixed (:mod:`isal.schemes.plug_in`) has its best energies in closed form for given shapes
of the powers, and the last step's shape is searched for. As that is not convex, no bound holds for the splits.

Two slots, integrated. Slot 1's powers are proportional to its energy, so with its powers per joule known, both slots
together are one convex problem of the same form: the two slots' matrices, coupled, as one matrix whose variables are
the energy of slot 1 and the powers of slot 2.

Jitter of time stamps (:mod:`isal.model.floor`). No powers are proportional to an energy then, so that every split is
searched, over all splits: with stamps of its own in each step a measurement is worth repeating, and the best split is
elsewhere than without jitter.

Survey errors and biases (:class:`isal.Installation`). What is known of them before any link measures breaks the
proportionality as well, so that every split is searched.

Two slots, step by step. The energy of slot 1 is searched, with the best steps in each slot; in slot 2 the prior from
slot 1 breaks the proportionality, so there the answer without it is the start of a search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.problem import AllocationProblem, checked_caps, positive_number
from isal.allocation.scheduler import Computation
from isal.errors import IsalError, length, one_of
from isal.knowledge import Knowledge
from isal.model import temporal
from isal.model.information import Information, information
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.schemes import plug_in
from isal.schemes.carry_over import CARRIES, CARRY_OVERS, Carry
from isal.schemes.displayed import Displayed
from isal.schemes.integrated import integrated_schedule, integrated_slot
from isal.schemes.proof import Proof
from isal.schemes.schedule import (
    DEFAULT_SOLVER,
    ScheduleResult,
    SlotResult,
    certified,
    no_prior,
    run_schedule,
    slot_informations,
)
from isal.schemes.search import Variables, minimum, parabolas
from isal.schemes.step_by_step import (
    EARLIER_STEP_TOLERANCE,
    earlier_steps_per_joule,
    first_step_per_joule,
    refuse_carry,
    step_problem,
    steps_handed_on,
    steps_of,
    steps_slot,
)
from isal.schemes.variant import DEFAULT_VARIANT, CapsPer, FirstStep, Variant
from isal.units import DURATION_S

#: Every step gets at least this share of the energy. With some carry-overs a step is best left without any, but then
#: its own problem has no finite optimum.
SMALLEST_SHARE = 1e-8

#: Logarithms of E1 : E2 that are looked at first. With "held" the optimum lies between 0 and 7; with the other
#: carry-overs it can be anywhere, but what is far out hardly differs.
RATIOS = (-12.0, -6.0, -3.0, -1.0, 0.5, 2.0, 3.5, 5.0, 7.0, 12.0)
MOST_RATIOS = 8

#: The information of the increment between slots is at most so many times what all the energy tells about a parameter.
RIGID = 1e8

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class BestSplit(Displayed):
    """The best split of an energy, and how far that is proven.

    ``energies``
        Of the steps of a slot, or of the slots, J.
    ``result``
        The scheme at this split: all powers, bounds and certificates.
    ``lower_bound``
        No split for which ``proof`` holds reaches less than this, m^2.
    ``proof``
        ``"every split"``: the split is the solution of a convex problem, and ``lower_bound`` bounds all splits. Over
        two slots each slot's powers are the best of that slot given the slot before it, at every split.
        ``"one ratio"``: it bounds all splits with this ratio of step 1 to step 2, and the ratio was searched.
        ``"below the caps"``: it bounds all splits that leave the caps of the first step or slot slack, and the others
        were searched. ``"none"``: a search, as always with jitter of time stamps, survey errors or biases, or a
        convex problem whose certificate misses the tolerance; ``lower_bound`` is that of the powers at this split
        alone. It is all that there is where the last step is no convex problem
        (:attr:`isal.schemes.carry_over.CarryOver.convex`) and has steps before it.
    ``problems``
        How many allocation problems were solved; with jitter of time stamps those alone that Newton's method left open.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> split = isal.best_split(network, isal.Radio(), clock="synchronous", energy=10.0)
    >>> split.proof, [round(energy, 1) for energy in split.energies], split.power.shape
    ('every split', [2.3, 7.7], (2, 4))
    """

    energies: tuple[float, ...]
    result: SlotResult | ScheduleResult
    lower_bound: float
    proof: Proof
    problems: int

    @property
    def _slots(self) -> Sequence[SlotResult]:
        return self.result.slots if isinstance(self.result, ScheduleResult) else (self.result,)

    @property
    def _said(self) -> str:
        energies = " / ".join(f"{energy:.4g}" for energy in self.energies)
        return f"\n  split {energies} J, proof: {self.proof} (gap {self.gap:.1g}), {self.problems} problems"

    @property
    def speb(self) -> float:
        """What is minimised: the target's SPEB, summed over slots, m^2."""
        return self.result.speb

    @property
    def gap(self) -> float:
        """``1 - lower_bound / speb``, never negative."""
        return max(0.0, 1 - self.lower_bound / self.speb)

    @property
    def power(self) -> Array:
        """Node powers of every step, W, shape ``(n_steps, n_nodes)``."""
        return np.array([step.power for slot in self._slots for step in slot.steps])

    @property
    def status(self) -> str:
        """The worst of the steps' :data:`isal.allocation.certificate.STATUSES`."""
        return self.result.status


def best_split(
    network: Network | Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energy: float,
    scheme: Literal["step-by-step", "integrated"] = "step-by-step",
    carry: Carry = "held",
    step_1: FirstStep = "block",
    caps: ArrayLike | None = None,
    caps_per: CapsPer = "step",
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> BestSplit:
    """The best split of ``energy`` over the steps of one slot, or over two slots, without traversal.

    Parameters that are not listed are those of :func:`isal.integrated`.

    Parameters
    ----------
    network
        One network, whose energy is split over the steps of the step-by-step scheme, or a list of two, whose energy is
        split over the slots and, step by step, over the steps in each.
    energy
        To be split, J.
    scheme, carry, step_1, caps_per
        As in :func:`isal.step_by_step`; all but ``scheme`` are of no meaning to the integrated scheme.
    caps
        Largest power of a node, W, a number or one per node, radars first; default is ``energy`` over one second,
        which never binds.

    Returns
    -------
    The energies, how far they are proven, and the scheme at them.

    Raises
    ------
    IsalError
        If an argument is unusable, a network is unobservable, or there is no finite optimum.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> split = isal.best_split(network, isal.Radio(), clock="synchronous", energy=10.0, carry="held")
    >>> best = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0)
    >>> split.proof, f"{split.speb / best.speb:.3f}"  # no split does better
    ('every split', '1.496')
    """
    energy = positive_number(energy, "energy", "J")
    one_of(carry, CARRIES, "carry")
    one_of(scheme, ("step-by-step", "integrated"), "scheme")
    variant = Variant(step_1, caps_per)
    if single := isinstance(network, Network):
        infos = [information(network, radio, clock)]
    else:
        infos = slot_informations(network, radio, clock)
    chosen = None if scheme == "integrated" else carry
    found, count = scheduler.run_counted(best_schedule(infos, energy, chosen, caps, tolerance, variant), solver)
    certified(found.result, require_certified)
    slots = found.result.slots
    energies = slots[0].energies if single else tuple(sum(slot.energies) for slot in slots)
    return BestSplit(energies, slots[0] if single else found.result, found.lower_bound, found.proof, count)


R = TypeVar("R", SlotResult, ScheduleResult)


@dataclass(frozen=True, eq=False)
class Split(Generic[R]):
    """A scheme at the best split that was found; see :class:`BestSplit`."""

    result: R
    lower_bound: float
    proof: Proof


async def best_schedule(
    infos: Sequence[Information],
    energy: float,
    carry: Carry | None,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Split[ScheduleResult]:
    """The best split of ``energy`` (J) over the steps of one slot, or over two slots; see :func:`best_split`.

    Without a ``carry`` it is that of the integrated scheme, which one slot leaves nothing to split.
    """
    name = infos[0].network.name
    if len(infos) == 1:
        if carry is None:
            raise IsalError(f"{name}: the integrated scheme has nothing to split in one slot; give two slots")
        (info,) = infos
        steps = await best_steps(info, info.prior, energy, carry, caps, tolerance, variant)
        return Split(ScheduleResult((steps.result,)), steps.lower_bound, steps.proof)
    if len(infos) != 2:
        raise IsalError(f"{name}: the energy of two slots can be split, not that of {len(infos)}")
    if carry is None:
        return await best_integrated_slots(infos, energy, caps, tolerance)
    return await best_step_slots(infos, energy, carry, caps, tolerance, variant)


# --- steps of one slot ------------------------------------------------------------------------------------------------


def best_steps_schedule(
    infos: Sequence[Information],
    energies: Sequence[float],
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Computation[ScheduleResult]:
    """Step-by-step in each slot with given energies (J), each split over the slot's steps at best."""
    if length(energies) != len(infos):
        raise IsalError(f"{infos[0].network.name}: energies must give one energy for each of {len(infos)} slots, in J")

    async def slot(number: int, prior: Knowledge, candidate: Sequence[Array] | None) -> SlotResult:
        found = await best_steps(infos[number], prior, energies[number], carry, caps, tolerance, variant)
        return found.result

    return run_schedule(infos, slot)


async def best_steps(
    info: Information,
    prior: Knowledge,
    energy: float,
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Split[SlotResult]:
    """The step-by-step scheme in one slot at its best split of ``energy`` (J).

    See :func:`isal.schemes.step_by_step.steps_slot` for the other parameters.
    """
    steps = steps_of(info)
    if len(steps) == 1:
        result = await steps_slot(info, prior, [energy], carry, caps, tolerance, variant=variant)
        return Split(result, result.lower_bound, "every split")

    refuse_carry(info, carry)

    def slot(shares: Array) -> Computation[SlotResult]:
        return steps_slot(info, prior, list(energy * shares), carry, caps, tolerance, variant=variant)

    if CARRY_OVERS[carry].plugs_in is not None:
        return await _best_plug_in(info, prior, energy, carry, caps, tolerance, variant, slot)
    if info.jitters or info.prior:
        searched = await _at_best_shares(slot, (0.0,) * (len(steps) - 1), True)
        return Split(searched, searched.lower_bound, "none")
    # caps per slot are caps per step and more, so that the convex problem still bounds every split from below
    best = await _proportional(info, energy, carry, caps, variant.step_1)
    binding = can_bind(caps, energy)
    candidate = None if prior else best.powers
    result = await steps_slot(info, prior, list(best.energies), carry, caps, tolerance, candidate, variant)
    proven = _certified(best.lower_bound, result.speb, tolerance)
    if not prior and not binding and proven:
        proof: Proof = "every split" if len(steps) == 2 else "one ratio"
        return Split(result, min(best.lower_bound, result.speb), proof)
    start = tuple(np.log(np.array(best.energies[:-1]) / best.energies[-1]))
    lowest = await _at_best_shares(slot, start, binding, result)
    if lowest is result and not prior and len(steps) == 2 and proven:
        return Split(result, min(best.lower_bound, result.speb), "below the caps")
    return Split(lowest, lowest.lower_bound, "none")


@dataclass(frozen=True, eq=False)
class _Proportional:
    """Solution of the convex problem: energies of the steps (J), powers of each (W), and its certified bound (m^2)."""

    energies: tuple[float, ...]
    powers: tuple[Array, ...]
    lower_bound: float


async def _proportional(
    info: Information, energy: float, carry: Carry, caps: ArrayLike | None, step_1: FirstStep
) -> _Proportional:
    """Best split without a prior, as far as the caps leave the powers of earlier steps proportional to their energy."""
    last = len(steps_of(info)) - 1
    limits = checked_caps(energy / DURATION_S if caps is None else caps, info.stack.n_nodes)
    # a node that may not transmit does not in step 1 either; other caps bind from a certain energy on
    caps_of_zero = _caps_of_zero(limits)
    first = await first_step_per_joule(info, carry, caps_of_zero, step_1)
    solved: dict[float, _Proportional] = {}

    async def speb(ratio: float) -> float:
        earlier = _shares_of((ratio,)) if last == 2 else np.ones(1)
        handed, per_joule = await steps_handed_on(info, list(earlier), carry, first, step_1, caps_of_zero)
        problem = step_problem(info, last, no_prior(info), no_prior(info), energy, carry, limits)
        # The first variable counts the joules of the earlier steps, the others the watts of the last one.
        slack_up_to = min(_least_ratio(limits, powers) for powers in per_joule)
        stack, upper = problem.stack.with_first(handed), np.append(slack_up_to, limits)
        joint = AllocationProblem(problem.known, stack, problem.selector, energy, upper)
        allocation = await scheduler.ask(joint, EARLIER_STEP_TOLERANCE)
        before = float(allocation.power[0])
        split = np.maximum([*(before * earlier), energy - before], SMALLEST_SHARE * energy)
        solved[ratio] = _Proportional(
            tuple((split * (energy / split.sum())).tolist()),
            (*(before * powers for powers in per_joule), allocation.power[1:]),
            allocation.lower_bound,
        )
        return allocation.value

    if last == 1:
        await speb(0.0)
        return solved[0.0]
    values = dict(zip(RATIOS, await scheduler.together(speb(ratio) for ratio in RATIOS), strict=True))
    await parabolas(speb, values, MOST_RATIOS)
    return solved[min(values, key=values.__getitem__)]


async def _best_plug_in(
    info: Information,
    prior: Knowledge,
    energy: float,
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant,
    slot: Callable[[Array], Computation[SlotResult]],
) -> Split[SlotResult]:
    """The same for a carry-over whose last step is no convex problem: nothing proves its powers, nor so the split.

    While caps are slack the split follows from the last step's powers, which are searched for together with it, without
    a prior. Where they can bind, the shares are searched as well, from there: ``slot`` is the scheme at given ones.
    """
    links = CARRY_OVERS[carry].plugs_in
    assert links is not None
    limits = checked_caps(energy / DURATION_S if caps is None else caps, info.stack.n_nodes)
    # a node that may not transmit does not in earlier steps either; other caps bind from a certain energy on
    shapes = await earlier_steps_per_joule(info, carry, _caps_of_zero(limits), variant.step_1)
    slack_up_to = [_least_ratio(limits, shape) * DURATION_S for shape in shapes]
    best = await plug_in.best_last_step(info, shapes, links, energy, limits, slack_up_to)
    energies = np.maximum(best.energies, SMALLEST_SHARE * energy)
    energies *= energy / energies.sum()
    candidate = [*(given * shape for given, shape in zip(energies, shapes, strict=False)), best.power]
    result = await steps_slot(info, prior, energies.tolist(), carry, caps, tolerance, candidate, variant)
    if can_bind(caps, energy):
        start = tuple(np.log(energies[:-1] / energies[-1]))
        result = await _at_best_shares(slot, start, True, result)
    return Split(result, result.lower_bound, "none")


# --- energies of two slots --------------------------------------------------------------------------------------------


async def best_integrated_slots(
    infos: Sequence[Information], energy: float, caps: ArrayLike | None, tolerance: float
) -> Split[ScheduleResult]:
    """The integrated scheme over two slots with the best energy of each.

    Minimised is the sum of the slots' filtered bounds. That of slot 1 is ``f1 / E1``, and what slot 2 minimises is a
    block of the inverse of the two slots' coupled matrix, in which slot 1's is ``E1`` times a constant.
    """

    def schedule(shares: Array) -> Computation[ScheduleResult]:
        return integrated_schedule(infos, list(energy * shares), caps, tolerance)

    one, two = infos
    if one.jitters or one.prior:
        searched = await _at_best_shares(schedule, (0.0,), True)
        return Split(searched, searched.greedy_lower_bound, "none")
    limits = checked_caps(energy / DURATION_S if caps is None else caps, one.stack.n_nodes)
    # a node that may not transmit does not in slot 1 either; other caps bind from a certain energy on
    slot_1 = await integrated_slot(one, no_prior(one), 1.0, _caps_of_zero(limits), EARLIER_STEP_TOLERANCE)
    first = slot_1.steps[0].power
    # parameters: one for the bound of slot 1, then those of slot 1, then those of slot 2
    d1, size = one.basis.size, 1 + one.basis.size + two.basis.size
    indices = (np.zeros(1, dtype=np.intp), 1 + np.arange(d1), np.arange(1 + d1, size))
    moved = two.basis.indices(temporal.COUPLED)
    # what hardly moves between the slots is one and the same in all digits that count; more would be lost in rounding
    known = energy * (np.diag(slot_1.measured.matrix) + two.stack.squares[0, :, 0].max(axis=0))
    tie = np.diag(np.sqrt(np.minimum(temporal.coupling(two), RIGID * known[moved])))
    ties = np.zeros((len(moved), size))
    ties[:, indices[1][one.basis.indices(temporal.COUPLED)]], ties[:, indices[2][moved]] = tie, -tie
    bound = Knowledge.of_rows(np.array([[1 / np.sqrt(slot_1.speb)]]))
    per_joule = bound.embedded(size, indices[0]) + slot_1.measured.embedded(size, indices[1])
    stack = two.stack.embedded(size, indices[2]).with_first(per_joule)
    selector = slot_1.steps[0].problem.selector
    objective = np.zeros((size, 1 + selector.shape[1]))
    objective[0, 0], objective[indices[2], 1:] = 1.0, selector
    slack_up_to = _least_ratio(limits, first)
    both = AllocationProblem(Knowledge.of_rows(ties), stack, objective, energy, np.append(slack_up_to, limits))
    best = await scheduler.ask(both, EARLIER_STEP_TOLERANCE)
    energies = [float(best.power[0]), energy - float(best.power[0])]
    candidates = [[energies[0] * first], [best.power[1:]]]
    result = await integrated_schedule(infos, energies, caps, tolerance, candidates)
    proven = _certified(best.lower_bound, result.speb, tolerance)
    if slack_up_to >= energy * (1 - 1e-9) and proven:
        return Split(result, min(best.lower_bound, result.speb), "every split")
    lowest = await _at_best_shares(schedule, (float(np.log(energies[0] / energies[1])),), True, result)
    if lowest is result and proven:
        return Split(result, min(best.lower_bound, result.speb), "below the caps")
    return Split(lowest, lowest.greedy_lower_bound, "none")


async def best_step_slots(
    infos: Sequence[Information],
    energy: float,
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Split[ScheduleResult]:
    """The step-by-step scheme over two slots with the best energy of each, and of each step in it."""

    def schedule(shares: Array) -> Computation[ScheduleResult]:
        return best_steps_schedule(infos, list(energy * shares), carry, caps, tolerance, variant)

    # Without temporal cooperation slot s reaches c_s / E_s, and sum c_s / E_s is least at E_s ~ sqrt(c_s).
    alone = await scheduler.together(
        best_steps(info, info.prior, 1.0, carry, None, EARLIER_STEP_TOLERANCE, variant) for info in infos
    )
    start = (0.5 * float(np.log(alone[0].result.speb / alone[1].result.speb)),)
    lowest = await _at_best_shares(schedule, start, can_bind(caps, energy))
    return Split(lowest, lowest.greedy_lower_bound, "none")


def can_bind(caps: ArrayLike | None, energy: float) -> bool:
    """Whether a cap is below what all of ``energy`` (J) would be; a cap of zero takes the node out and never binds."""
    limits = np.asarray(np.inf if caps is None else caps, dtype=float)
    return bool(((limits > 0) & (limits < energy / DURATION_S * (1 - 1e-9))).any())


def _certified(lower_bound: float, speb: float, tolerance: float) -> bool:
    """Whether a bound over all splits proves a split, in which no step gets less than the smallest share."""
    return lower_bound >= (1 - tolerance - 2 * SMALLEST_SHARE) * speb


def _caps_of_zero(limits: Array) -> Array:
    """The same caps without those that are not zero, W."""
    return np.where(limits > 0, np.inf, 0.0)


def _least_ratio(limits: Array, powers: Array) -> float:
    """Up to what multiple the powers keep to the limits."""
    return float(np.min(limits[powers > 0] / powers[powers > 0], initial=np.inf))


async def _at_best_shares(
    run: Callable[[Array], Computation[R]], start: Variables, kinks: bool, at_start: R | None = None
) -> R:
    """A scheme at the shares of the energy at which its SPEB is lowest, see :func:`isal.schemes.search.minimum`.

    ``start`` are logarithms of the energies of the steps (or slots) but the last over that of the last; ``at_start`` is
    the scheme's result there, if it is known.
    """
    found: dict[Variables, R] = {} if at_start is None else {start: at_start}

    async def speb(logs: Variables) -> float:
        if logs not in found:
            found[logs] = await run(_shares_of(logs))
        return found[logs].speb

    return found[await minimum(speb, start, kinks)]


def _shares_of(logs: Variables) -> Array:
    """Shares from their logarithms relative to the last one."""
    weights = np.exp(np.clip([*logs, 0.0], np.log(SMALLEST_SHARE), -np.log(SMALLEST_SHARE)))
    return np.asarray(weights / weights.sum())
