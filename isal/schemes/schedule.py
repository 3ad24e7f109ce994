"""The integrated and the step-by-step scheme as sequences of allocation problems (Section 4 of the paper).

Integrated: the target block of the whole matrix is minimised with all the energy at once. Step-by-step: radars, then
clock offsets (asynchronous networks), then targets, each step minimising its own block over the parameters met so far
with its own energy. What a later step knows of the earlier ones is the *carry-over*, see
:mod:`isal.schemes.carry_overs`.

What step 1 minimises, and what ``held`` and ``added`` hand on of it, is open as well (:data:`FirstStep`):

``block``
    The radars' block of the information of all links, as if targets and clock offsets were known. The paper's.
``equivalent``
    The equivalent information (9) of all links: targets and clock offsets are unknown.
``ranging``
    The equivalent information of the ranging links alone, in which clock offsets are unknown.

``marginal`` and ``joint`` hand on what step 1 measured, whatever it minimised.

In a schedule of several slots each slot starts from what the earlier ones say about its radars and clocks
(:mod:`isal.model.temporal`). That prior is a constant part of the slot's matrix, in every step and whatever the
carry-over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeVar, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE, Allocation
from isal.allocation.problem import AllocationProblem, checked_caps, positive_number
from isal.allocation.scheduler import Computation
from isal.errors import AllocationError, IsalError, NetworkError, length, one_of
from isal.knowledge import Knowledge
from isal.matrices import Stack, at_power
from isal.model import temporal
from isal.model.information import Information, Spebs, block_spebs, checked_power, information
from isal.model.network import Network
from isal.model.parameters import BLOCKS, Basis, Block, Clock
from isal.model.radio import Radio
from isal.schemes.carry_overs import CARRIES as CARRIES
from isal.schemes.carry_overs import CARRY_OVERS
from isal.schemes.carry_overs import Carry as Carry
from isal.units import DURATION_S

FirstStep = Literal["block", "equivalent", "ranging"]
FIRST_STEPS: tuple[FirstStep, ...] = get_args(FirstStep)

CapsPer = Literal["step", "slot"]

DEFAULT_SOLVER = "interior-point"

#: A later step inherits an earlier step's powers, and a value good to 1e-6 leaves those uncertain to 1e-3.
EARLIER_STEP_TOLERANCE = 1e-9

#: Under caps per slot a node whose power is used up keeps this share of its cap, so that each step has some value at
#: every split.
LEFT_OF_A_CAP = 1e-9

#: Schedules of more slots are solved side by side first, and so often before what is left is done slot by slot.
LONGEST_IN_TURN = 4
ROUNDS_AHEAD = 8

Array = NDArray[np.float64]


class UncertifiedWarning(UserWarning):
    """A result whose certified gap is larger than the tolerance."""


#: Powers of each step of a slot, W, that will do if they are certified.
Candidate = Sequence[Array]


@dataclass(frozen=True)
class Variant:
    """How the step-by-step scheme is read where the paper is silent; the defaults are the study's.

    ``step_1``
        What step 1 minimises.
    ``caps_per``
        Whether a cap limits a node's power in each ``"step"``, or the sum of its powers over the steps of a ``"slot"``.
    """

    step_1: FirstStep = "block"
    caps_per: CapsPer = "step"

    def __post_init__(self) -> None:
        for what, value, values in (
            ("step_1", self.step_1, FIRST_STEPS),
            ("caps_per", self.caps_per, get_args(CapsPer)),
        ):
            if value not in values:
                raise IsalError(f"{what} must be one of {', '.join(values)}; got {value!r}")


DEFAULT_VARIANT = Variant()


@dataclass(frozen=True, eq=False)
class StepResult:
    """One solved allocation problem of a scheme.

    ``block`` is what it minimises, ``energy`` its budget in J. ``problem`` is about the parameters ``met`` so far,
    indices into ``basis``, and about those that the step counts as unknown (:data:`FirstStep`).
    """

    block: Block
    energy: float
    problem: AllocationProblem
    allocation: Allocation
    basis: Basis
    met: NDArray[np.intp]

    @property
    def spebs(self) -> Spebs:
        """Bounds of the parameters ``met``, given all that this step knows, m^2; those of other blocks are NaN."""
        return block_spebs(self.problem.at(self.power), self.basis, self.met)

    @property
    def power(self) -> Array:
        """Node powers, W, shape ``(n_nodes,)``, radars first."""
        return self.allocation.power

    @property
    def energy_used(self) -> float:
        """What the powers add up to, J; at most ``energy``, less where more power would hurt ("held")."""
        return float(self.allocation.power.sum() * DURATION_S)


@dataclass(frozen=True, eq=False)
class SlotResult:
    """Outcome of a scheme in one slot.

    ``information`` is what the slot's links could tell, ``steps`` what was solved. ``measured`` is what the slot's
    own links tell in the end, ``prior`` what the earlier slots and ``later`` what the later slots say, all about all
    parameters of the slot.
    """

    information: Information
    steps: tuple[StepResult, ...]
    measured: Knowledge
    prior: Knowledge
    later: Knowledge

    @property
    def candidate(self) -> Candidate:
        """Powers of each step, for a similar problem."""
        return [step.power for step in self.steps]

    @cached_property
    def known(self) -> Knowledge:
        """What the slot's own measurements say about radars and clocks."""
        return temporal.knowledge(self.information, self.measured)

    @property
    def speb(self) -> float:
        """The bound that the last step minimises (the targets' where there are targets), m^2; slots so far."""
        return self.steps[-1].allocation.value

    @property
    def lower_bound(self) -> float:
        """No powers of the last step reach less than this, m^2."""
        return self.steps[-1].allocation.lower_bound

    @property
    def gap(self) -> float:
        """Certified relative gap of the last step, ``1 - lower_bound / speb``."""
        return self.steps[-1].allocation.gap

    @property
    def status(self) -> str:
        """``"optimal"`` if every step is certified to its tolerance, else ``"uncertified"``."""
        return "optimal" if all(step.allocation.status == "optimal" for step in self.steps) else "uncertified"

    @property
    def power(self) -> Array:
        """Node powers, W, radars first: shape ``(n_nodes,)`` for one step, ``(n_steps, n_nodes)`` for several."""
        powers = np.array([step.power for step in self.steps])
        return powers[0] if len(self.steps) == 1 else powers

    @property
    def energies(self) -> tuple[float, ...]:
        """Budget of each step, J."""
        return tuple(step.energy for step in self.steps)

    @property
    def spebs(self) -> Spebs:
        """Filtered bounds of radars, clock offsets and targets (slots so far), m^2."""
        return block_spebs(self.measured + self.prior, self.information.basis)

    @property
    def smoothed_spebs(self) -> Spebs:
        """The same bounds given all slots of the schedule, m^2.

        With the carry-over "held", whose matrix is the information of no experiment, a later slot can seem to hurt.
        """
        return block_spebs(self.measured + self.prior + self.later, self.information.basis)

    @property
    def smoothed_speb(self) -> float:
        """:attr:`speb` given all slots of the schedule, m^2."""
        return float(getattr(self.smoothed_spebs, self.steps[-1].block))


@dataclass(frozen=True, eq=False)
class ScheduleResult:
    """Outcome of a scheme over several slots, in time order; what counts is the sum of the slots' bounds."""

    slots: tuple[SlotResult, ...]

    @property
    def speb(self) -> float:
        """Sum of the slots' filtered SPEBs, m^2."""
        return sum(slot.speb for slot in self.slots)

    @property
    def smoothed_speb(self) -> float:
        """Sum of the slots' smoothed SPEBs, m^2."""
        return sum(slot.smoothed_speb for slot in self.slots)

    @property
    def greedy_lower_bound(self) -> float:
        """Sum of the slots' certified bounds, each given the powers of the slots before it, m^2.

        No bound of the schedule: powers that help later slots more than they cost their own can reach less.
        """
        return sum(slot.lower_bound for slot in self.slots)

    @property
    def greedy_gap(self) -> float:
        """``1 - greedy_lower_bound / speb``."""
        return max(0.0, 1 - self.greedy_lower_bound / self.speb)

    @property
    def status(self) -> str:
        """``"optimal"`` if every step of every slot is certified to its tolerance, else ``"uncertified"``."""
        return "optimal" if all(slot.status == "optimal" for slot in self.slots) else "uncertified"


def steps_of(information: Information) -> tuple[Block, ...]:
    """The steps of the step-by-step scheme on a network: the blocks that it has, in the paper's order."""
    return tuple(block for block in BLOCKS if block in information.blocks)


def node_caps(network: Network, energy: float, radars: float | None = None, anchors: float | None = None) -> Array:
    """Power caps in W, shape ``(n_nodes,)``; None means the total ``energy`` over one second (Table 1 says "1")."""
    default = energy / DURATION_S
    return np.concatenate(
        [
            np.full(network.n_radars, default if radars is None else radars),
            np.full(network.n_anchors, default if anchors is None else anchors),
        ]
    )


@overload
def integrated(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    energy: float,
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> SlotResult: ...
@overload
def integrated(
    network: Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[float],
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> ScheduleResult: ...
def integrated(
    network: Network | Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energy: float | None = None,
    energies: Sequence[float] | None = None,
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> SlotResult | ScheduleResult:
    """Best powers when all parameters are estimated together, (30)-(35) and (42)-(47), over slots (36)-(41), (48)-(53).

    Minimised is the bound of the targets, or, in a network without targets, that of the radars.

    Parameters
    ----------
    network, radio, clock
        What is measured: one network, or the slots of a schedule as a list; ``clock`` is ``"synchronous"`` or
        ``"asynchronous"``.
    energy, energies
        Energy of the one slot, or of each slot, J; a slot lasts one second.
    caps
        Largest power of a node, W, a number or one per node, radars first; default is the energy over one second,
        which never binds.
    solver
        A key of :data:`isal.allocation.solvers.SOLVERS`.
    tolerance
        Certified relative gap to reach.
    require_certified
        Raise an :class:`isal.AllocationError` where a step misses it; else its status is ``"uncertified"``, and a
        :class:`UncertifiedWarning` tells.

    Raises
    ------
    IsalError
        If an argument is unusable, a network is unobservable, or there is no finite optimum.
    """
    if isinstance(network, Network):
        if energy is None or energies is not None:
            raise IsalError(f"{network.name}: one slot takes energy=..., in J; energies=... is for a list of slots")
        info = information(network, radio, clock)
        slot = scheduler.run(integrated_slot(info, no_prior(info), energy, caps, tolerance), solver)
        return certified(slot, require_certified)
    infos = slot_informations(network, radio, clock)
    return certified(scheduler.run(integrated_schedule(infos, energies, caps, tolerance), solver), require_certified)


@overload
def step_by_step(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[float],
    carry: Carry = "held",
    step_1: FirstStep = "block",
    caps: ArrayLike | None = None,
    caps_per: CapsPer = "step",
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> SlotResult: ...
@overload
def step_by_step(
    network: Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[Sequence[float]],
    carry: Carry = "held",
    step_1: FirstStep = "block",
    caps: ArrayLike | None = None,
    caps_per: CapsPer = "step",
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> ScheduleResult: ...
def step_by_step(
    network: Network | Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[float] | Sequence[Sequence[float]],
    carry: Carry = "held",
    step_1: FirstStep = "block",
    caps: ArrayLike | None = None,
    caps_per: CapsPer = "step",
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> SlotResult | ScheduleResult:
    """Best powers step by step, (54)-(65) and (66)-(83), in one slot or in each slot of a schedule.

    Parameters
    ----------
    energies
        Energy of each step, J: radars, clock offsets (asynchronous), targets; only steps that the network has. For a
        list of slots, one such sequence per slot.
    carry
        What a later step knows of the earlier ones: ``"held"``, ``"added"``, ``"marginal"`` or ``"joint"``.
    step_1
        What step 1 minimises: ``"block"``, ``"equivalent"`` or ``"ranging"``; of no meaning where there is one step.
    caps
        As in :func:`integrated`; default is the step's energy over one second, which never binds.
    caps_per
        ``"step"``: a cap limits a node's power anew in each step. ``"slot"``: it limits the sum over the steps.

    The other parameters and the errors are those of :func:`integrated`. Steps before the last are solved to 1e-9.
    """
    variant = Variant(step_1, caps_per)
    if isinstance(network, Network):
        info = information(network, radio, clock)
        slot = scheduler.run(
            steps_slot(info, no_prior(info), energies, carry, caps, tolerance, variant=variant), solver
        )
        return certified(slot, require_certified)
    infos = slot_informations(network, radio, clock)
    return certified(
        scheduler.run(steps_schedule(infos, energies, carry, caps, tolerance, variant), solver), require_certified
    )


R = TypeVar("R", bound=SlotResult | ScheduleResult)


def certified(result: R, required: bool) -> R:
    """The result, with a warning, or an error if ``required``, where a step misses its tolerance.

    Raises
    ------
    AllocationError
        Naming network, slot and step, and the gap that was reached.
    """
    if result.status == "optimal":
        return result
    slots = result.slots if isinstance(result, ScheduleResult) else (result,)
    missed = [
        f"slot {number}, {step.block}: {step.allocation.gap:.2g} (asked for {step.allocation.tolerance:g})"
        for number, slot in enumerate(slots, start=1)
        for step in slot.steps
        if step.allocation.status != "optimal"
    ]
    message = (
        f"{slots[0].information.network.name}: not certified, as the gap is {'; '.join(missed)}. What is reported may "
        "be off by as much; nodes that nearly coincide in a large field are the usual cause"
    )
    if required:
        raise AllocationError(message)
    warnings.warn(message, UncertifiedWarning, stacklevel=3)
    return result


def slot_informations(networks: Sequence[Network], radio: Radio, clock: Clock) -> list[Information]:
    """Information of each slot of a schedule, checked to be of one kind."""
    if not isinstance(networks, list | tuple):
        raise NetworkError(f"expected an isal.Network, or a list of them for slots; got {networks!r}")
    if not networks:
        raise IsalError("a schedule needs at least one slot")
    for number, network in enumerate(networks, start=1):
        if not isinstance(network, Network):
            raise NetworkError(f"slot {number} must be an isal.Network, got {network!r}")
    temporal.refuse_unlike(networks)
    return [information(network, radio, clock) for network in networks]


def _one_per_slot(values: Sequence[Any] | None, infos: Sequence[Information], what: str) -> Sequence[Any]:
    if values is None or length(values) != len(infos):
        raise IsalError(
            f"{infos[0].network.name}: energies must give {what} for each of {len(infos)} slots, got {values}"
        )
    return values


def no_prior(info: Information) -> Knowledge:
    """The prior of a first slot: nothing is known."""
    return Knowledge.nothing(info.basis.size)


def integrated_schedule(
    infos: Sequence[Information],
    energies: Sequence[float] | None,
    caps: ArrayLike | None,
    tolerance: float,
    candidates: Sequence[Candidate] | None = None,
) -> Computation[ScheduleResult]:
    """The integrated scheme in each slot; ``energies`` of the slots in J."""
    given = _one_per_slot(energies, infos, "an energy")

    def slot(number: int, prior: Knowledge, candidate: Candidate | None) -> Computation[SlotResult]:
        if candidate is None and candidates is not None:
            candidate = candidates[number]
        return integrated_slot(infos[number], prior, given[number], caps, tolerance, candidate)

    return run_schedule(infos, slot)


def steps_schedule(
    infos: Sequence[Information],
    energies: Sequence[Any],
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Computation[ScheduleResult]:
    """The step-by-step scheme in each slot; ``energies`` of the steps of each slot in J."""
    given = _one_per_slot(energies, infos, "the energies of its steps")

    def slot(number: int, prior: Knowledge, candidate: Candidate | None) -> Computation[SlotResult]:
        return steps_slot(infos[number], prior, given[number], carry, caps, tolerance, candidate, variant)

    return run_schedule(infos, slot)


async def run_schedule(
    infos: Sequence[Information], slot: Callable[[int, Knowledge, Candidate | None], Computation[SlotResult]]
) -> ScheduleResult:
    """Slot after slot, each with what the earlier ones say, at a cost linear in their number.

    ``slot(number, prior, candidate)`` computes the result of slot ``number`` (from 0) for a prior about all its
    parameters; ``candidate`` are powers that may do, or None. A long schedule is solved side by
    side first, as if no slot knew of the others: what the slots say of each other mostly changes their bounds and
    hardly their powers, so that all that is left is to certify these.
    """
    slots: list[SlotResult] = []
    if len(infos) > LONGEST_IN_TURN:
        slots = await scheduler.together(slot(number, no_prior(info), None) for number, info in enumerate(infos))
    for _ in range(ROUNDS_AHEAD if slots else 0):
        priors = list(_priors(infos, slots))
        stale = [number for number, prior in enumerate(priors) if not _same(prior, slots[number].prior)]
        renewed = await scheduler.together(slot(number, priors[number], slots[number].candidate) for number in stale)
        changed = False
        for number, result in zip(stale, renewed, strict=True):
            changed |= not _same(result.measured, slots[number].measured)
            slots[number] = result
        if not changed:
            break
    else:
        for number, prior in enumerate(_priors(infos, slots)):
            if number == len(slots):
                slots.append(await slot(number, prior, None))
            elif not _same(prior, slots[number].prior):
                slots[number] = await slot(number, prior, slots[number].candidate)
    said = temporal.from_later_slots(infos, [result.known for result in slots])
    return ScheduleResult(tuple(replace(result, later=later) for result, later in zip(slots, said, strict=True)))


def _same(one: Knowledge, other: Knowledge) -> bool:
    return np.array_equal(one.matrix, other.matrix)


def _priors(infos: Sequence[Information], slots: Sequence[SlotResult]) -> Iterator[Knowledge]:
    """What the slots before each one say of it; a slot's result is looked at when the next one's prior is asked for."""
    prior = no_prior(infos[0])
    for number, info in enumerate(infos):
        yield prior
        if number + 1 < len(infos):
            following = infos[number + 1]
            known = slots[number].known + temporal.of_coupled(info, prior)
            prior = temporal.embedded(following, temporal.message(known, temporal.coupling(following)))


async def integrated_slot(
    info: Information,
    prior: Knowledge,
    energy: float,
    caps: ArrayLike | None,
    tolerance: float,
    candidate: Candidate | None = None,
) -> SlotResult:
    """The integrated scheme in one slot; ``prior`` is what the earlier slots say, see :class:`SlotResult`."""
    block = next(block for block in ("targets", "radars", "clocks") if block in info.blocks)
    problem = AllocationProblem(prior, info.stack, info.basis.indices([block]), energy, caps)
    allocation = await scheduler.ask(problem, tolerance, None if candidate is None else candidate[0])
    step = StepResult(block, energy, problem, allocation, info.basis, np.arange(info.basis.size))
    return SlotResult(info, (step,), info.measured(allocation.power), prior, no_prior(info))


async def steps_slot(
    info: Information,
    prior: Knowledge,
    energies: Sequence[Any],
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    candidate: Candidate | None = None,
    variant: Variant = DEFAULT_VARIANT,
) -> SlotResult:
    """The step-by-step scheme in one slot; ``prior`` is what the earlier slots say, see :class:`SlotResult`."""
    blocks, step_1 = steps_of(info), variant.step_1
    _check_steps(info, energies, carry)
    tolerance = positive_number(tolerance, "tolerance")
    steps: list[StepResult] = []
    carried = measured = no_prior(info)
    for number, energy in enumerate(energies):
        limits = _caps_left(info, caps, energies, steps) if variant.caps_per == "slot" else caps
        problem = step_problem(info, number, carried, prior, energy, carry, limits, step_1)
        last = number + 1 == len(blocks)
        asked = tolerance if last else min(tolerance, EARLIER_STEP_TOLERANCE)
        allocation = await scheduler.ask(problem, asked, None if candidate is None else candidate[number])
        met = _parameters_of_step(info, number, step_1)
        steps.append(StepResult(blocks[number], float(energy), problem, allocation, info.basis, met))
        carried, measured = _handed_on(info, number, carried, allocation.power, carry, step_1)
    return SlotResult(info, tuple(steps), measured, prior, no_prior(info))


def known_after(
    info: Information, powers: Sequence[Array], carry: Carry, step_1: FirstStep = "block"
) -> tuple[Knowledge, ...]:
    """What the scheme believes to know of all parameters after each step at any powers (W) of the steps.

    That is the matrix whose inverse is its bound; with ``marginal`` and ``joint``, and only with these, an estimator
    reaches it.
    """
    _check_steps(info, [float(np.sum(power)) for power in powers], carry)
    carried, beliefs = no_prior(info), []
    for number, power in enumerate(powers):
        carried, measured = _handed_on(info, number, carried, checked_power(power, info.network), carry, step_1)
        beliefs.append(measured)
    return tuple(beliefs)


def _caps_left(
    info: Information, caps: ArrayLike | None, energies: Sequence[Any], steps: Sequence[StepResult]
) -> Array:
    """What is left of each node's cap after some steps, W; by default that is the energy of all steps over 1 s."""
    total = float(np.sum(energies)) / DURATION_S
    limits = checked_caps(total if caps is None else caps, info.stack.n_nodes)
    used = np.sum([step.power for step in steps], axis=0) if steps else np.zeros(info.stack.n_nodes)
    return np.asarray(np.maximum(limits - used, LEFT_OF_A_CAP * limits))


async def steps_handed_on(
    info: Information,
    energies: Sequence[float],
    carry: Carry,
    first_per_joule: Array,
    step_1: FirstStep = "block",
) -> tuple[Knowledge, list[Array]]:
    """What the first steps of the scheme hand on to the next one, without a prior and without caps.

    ``energies`` in J are those of as many steps as it has entries. ``first_per_joule`` are the powers of step 1 at 1 J,
    see :func:`first_step_per_joule`. Returns what is known of the parameters met by the step that follows, and the
    powers of each step, W.
    """
    steps = steps_of(info)
    powers = [energies[0] * first_per_joule]
    carried, _ = _handed_on(info, 0, no_prior(info), powers[0], carry, step_1)
    for number, energy in enumerate(energies[1:], start=1):
        problem = step_problem(info, number, carried, no_prior(info), energy, carry, None)
        allocation = await scheduler.ask(problem, EARLIER_STEP_TOLERANCE)
        powers.append(allocation.power)
        carried, _ = _handed_on(info, number, carried, allocation.power, carry)
    met = info.basis.indices(steps[: len(energies) + 1])
    return carried.over(met), powers


async def first_step_per_joule(
    info: Information, carry: Carry, caps: ArrayLike | None = None, step_1: FirstStep = "block"
) -> Array:
    """Powers of step 1 at 1 J, W, shape ``(n_nodes,)``; without prior and finite caps they grow with its energy."""
    problem = step_problem(info, 0, no_prior(info), no_prior(info), 1.0, carry, caps, step_1)
    allocation = await scheduler.ask(problem, EARLIER_STEP_TOLERANCE)
    return allocation.power


def _check_steps(info: Information, energies: Sequence[float], carry: Carry) -> None:
    name, steps = info.network.name, steps_of(info)
    one_of(carry, CARRIES, "carry")
    if length(energies) != len(steps):
        given = energies if length(energies) is None else len(energies)
        raise IsalError(f"{name}: energies must name {len(steps)} steps ({', '.join(steps)}), got {given}")
    for step, energy in zip(steps, energies, strict=True):
        positive_number(energy, f"{name}: the energy of step {step}", "J")


def step_problem(
    info: Information,
    number: int,
    carried: Knowledge,
    prior: Knowledge,
    energy: float,
    carry: Carry,
    caps: ArrayLike | None,
    step_1: FirstStep = "block",
) -> AllocationProblem:
    """The allocation problem of step ``number`` (from 0) over the parameters met so far.

    ``carried`` is what the earlier steps hand on and ``prior`` what the earlier slots say, both about all parameters.
    """
    met = _parameters_of_step(info, number, step_1)
    objective = np.searchsorted(met, info.basis.indices([steps_of(info)[number]]))
    stack = (
        info.ranging.stack
        if _reads_otherwise(info, number, step_1) and step_1 == "ranging"
        else step_matrices(info, number, carry)
    )
    return AllocationProblem((carried + prior).over(met), stack.over(met), objective, energy, caps)


def step_matrices(info: Information, number: int, carry: Carry) -> Stack:
    """Information per watt that step ``number`` counts, 1/(m^2 W), about all parameters."""
    if CARRY_OVERS[carry].counts_met or number == 0:
        return info.stack
    return info.stack.without_block(info.basis.indices(steps_of(info)[:number]))


def _reads_otherwise(info: Information, number: int, step_1: FirstStep) -> bool:
    """Whether a step is a first one, before others, that minimises something else than its block."""
    return number == 0 and len(steps_of(info)) > 1 and step_1 != "block"


def _parameters_of_step(info: Information, number: int, step_1: FirstStep) -> NDArray[np.intp]:
    """Parameters that the problem of a step is about: those met so far, and those that step 1 counts as unknown."""
    if not _reads_otherwise(info, number, step_1):
        return info.basis.indices(steps_of(info)[: number + 1])
    # of targets the ranging links tell nothing, and so nothing less without them
    return info.basis.indices(block for block in BLOCKS if step_1 == "equivalent" or block != "targets")


def _handed_on(
    info: Information, number: int, carried: Knowledge, power: Array, carry: Carry, step_1: FirstStep = "block"
) -> tuple[Knowledge, Knowledge]:
    """What step ``number`` hands on to the next one, and all that the slot has measured so far in its eyes.

    Both are about all parameters. Of parameters not met yet what is handed on knows nothing, but for ``joint``.
    """
    everything = carried + at_power(step_matrices(info, number, carry), power)
    met = info.basis.indices(steps_of(info)[: number + 1])
    if not CARRY_OVERS[carry].consistent and _reads_otherwise(info, number, step_1):
        minimised = info.ranging.measured(power) if step_1 == "ranging" else everything
        return minimised.marginal(met).embedded(info.basis.size, met), everything
    return CARRY_OVERS[carry].hand_on(everything, met), everything
