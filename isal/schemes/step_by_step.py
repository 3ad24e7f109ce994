"""The step-by-step scheme: radars, then clock offsets (asynchronous networks), then targets (Section 4 of the paper).

Each step minimises its own block over the parameters met so far with its own energy. What a later step knows of the
earlier ones is the *carry-over*, see :mod:`isal.schemes.carry_over`. What step 1 minimises, and what ``held`` and
``added`` hand on of it, is open as well (:data:`isal.schemes.variant.FirstStep`):

``block``
    The radars' block of the information of all links, as if targets and clock offsets were known. The paper's.
``equivalent``
    The equivalent information (9) of all links: targets and clock offsets are unknown.
``ranging``
    The equivalent information of the ranging links alone, in which clock offsets are unknown.

``marginal`` and ``joint`` hand on what step 1 measured, whatever it minimised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import concave, scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.problem import AllocationProblem, checked_caps, positive_number
from isal.allocation.scheduler import Computation
from isal.errors import IsalError, length, one_of
from isal.knowledge import Knowledge
from isal.matrices import Stack
from isal.model.floor import LimitedLinks
from isal.model.information import Information, checked_power, information
from isal.model.network import Network
from isal.model.parameters import BLOCKS, Block, Clock
from isal.model.radio import Radio
from isal.schemes import plug_in
from isal.schemes.carry_over import CARRIES, CARRY_OVERS, Carry
from isal.schemes.schedule import (
    DEFAULT_SOLVER,
    Candidate,
    ScheduleResult,
    SlotResult,
    StepResult,
    certified,
    no_prior,
    one_per_slot,
    run_schedule,
    slot_informations,
)
from isal.schemes.variant import DEFAULT_VARIANT, CapsPer, FirstStep, Variant
from isal.units import DURATION_S

#: Certified relative gap of the steps before the last. The later steps depend on their powers, which a gap of 1e-6
#: leaves uncertain by 1e-3.
EARLIER_STEP_TOLERANCE = 1e-9

#: Under caps per slot a node whose power is used up keeps this share of its cap, so that each step has some value at
#: every split.
LEFT_OF_A_CAP = 1e-9

Array = NDArray[np.float64]


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

    Steps before the last are solved to 1e-9. Parameters that are not listed, and the errors, are those of
    :func:`isal.integrated`.

    Parameters
    ----------
    energies
        Energy of each step, J: radars, clock offsets (asynchronous), targets; only steps that the network has. For a
        list of slots, one such sequence per slot.
    carry
        What a later step knows of the earlier ones: a key of :data:`isal.schemes.carry_over.CARRY_OVERS`. With
        ``"plug-in"`` and ``"plug-in-ranging"`` the last step is no convex problem: its powers are a local minimum, and
        the result is never better than ``"local"`` unless its bound happens to prove it. With survey errors or biases
        (:class:`isal.Installation`) it is ``"marginal"`` or ``"joint"``.
    step_1
        What step 1 minimises: ``"block"``, ``"equivalent"`` or ``"ranging"``; of no meaning where there is one step.
    caps
        As in :func:`isal.integrated`; default is the step's energy over one second, which never binds.
    caps_per
        ``"step"``: a cap limits a node's power anew in each step. ``"slot"``: it limits the sum over the steps.

    Returns
    -------
    Powers, bounds and certificates of each step of the slot, or of each slot of a schedule.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> steps = isal.step_by_step(network, isal.Radio(), clock="synchronous", energies=(2.3, 7.7), carry="held")
    >>> [step.block for step in steps.steps], f"{steps.speb:.3e}"
    (['radars', 'targets'], '3.125e-04')
    """
    variant = Variant(step_1, caps_per)
    if isinstance(network, Network):
        info = information(network, radio, clock)
        slot = scheduler.run(steps_slot(info, info.prior, energies, carry, caps, tolerance, variant=variant), solver)
        return certified(slot, require_certified)
    infos = slot_informations(network, radio, clock)
    return certified(
        scheduler.run(steps_schedule(infos, energies, carry, caps, tolerance, variant), solver), require_certified
    )


def steps_of(information: Information) -> tuple[Block, ...]:
    """The steps of the step-by-step scheme on a network: the blocks that it has, in the paper's order."""
    return tuple(information.blocks)


def steps_schedule(
    infos: Sequence[Information],
    energies: Sequence[Any],
    carry: Carry,
    caps: ArrayLike | None,
    tolerance: float,
    variant: Variant = DEFAULT_VARIANT,
) -> Computation[ScheduleResult]:
    """The step-by-step scheme in each slot; ``energies`` of the steps of each slot in J."""
    given = one_per_slot(energies, infos, "the energies of its steps")

    def slot(number: int, prior: Knowledge, candidate: Candidate | None) -> Computation[SlotResult]:
        return steps_slot(infos[number], prior, given[number], carry, caps, tolerance, candidate, variant)

    return run_schedule(infos, slot)


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
    """The step-by-step scheme in one slot; ``prior`` is what the earlier slots say, see :class:`SlotResult`.

    With a carry-over that holds earlier estimates fixed each slot is estimated, and its powers are chosen, without the
    prior; all its estimates are then fused with it, as a measurement with the covariance that they have.
    """
    blocks, step_1 = steps_of(info), variant.step_1
    _check_steps(info, energies, carry)
    tolerance = positive_number(tolerance, "tolerance")
    limits = checked = None if caps is None else checked_caps(caps, info.stack.n_nodes)
    plugged = CARRY_OVERS[carry].plugs_in
    # estimates that are held fixed owe nothing to earlier slots, which count when all steps are done
    told_before = prior if plugged is None else no_prior(info)
    steps: list[StepResult] = []
    carried = measured = no_prior(info)
    for number, energy in enumerate(energies):
        given = None if candidate is None else candidate[number]
        if variant.caps_per == "slot":
            limits = _caps_left(info, checked, energies, steps)
        if plugged is not None and number + 1 == len(blocks) > 1:
            powers = [step.power for step in steps]
            ended = await plug_in.last_step(info, powers, plugged, energy, limits, tolerance, prior, given)
            everything = np.arange(info.basis.size)
            steps.append(
                StepResult(
                    blocks[number],
                    float(energy),
                    ended.bounding,
                    ended.allocation,
                    info.basis,
                    everything,
                    estimated=ended.estimated + prior,
                )
            )
            measured = ended.estimated
            break
        step = info.once(_step, number, carry, step_1)
        problem = step_problem(info, number, carried, told_before, energy, carry, limits, step_1)
        last = number + 1 == len(blocks)
        asked = tolerance if last else min(tolerance, EARLIER_STEP_TOLERANCE)
        problem, allocation = await concave.ask(problem, step.links, asked, given)
        steps.append(StepResult(step.block, float(energy), problem, allocation, info.basis, step.about))
        measured = _measured(info, number, carried, allocation.power, carry)
        if not last:
            carried = _handed_on(info, number, measured, allocation.power, carry, step_1)
    return SlotResult(info, tuple(steps), measured, prior, no_prior(info))


def known_after(
    info: Information, powers: Sequence[Array], carry: Carry, step_1: FirstStep = "block"
) -> tuple[Knowledge, ...]:
    """What the scheme believes to know of all parameters after each step at any powers (W) of the steps.

    That is the matrix whose inverse is its bound; where the carry-over is ``consistent``, and only there, an estimator
    reaches it.
    """
    _check_steps(info, [float(np.sum(power)) for power in powers], carry)
    if (links := CARRY_OVERS[carry].plugs_in) is not None:
        return plug_in.estimates(info, powers, links)
    carried, beliefs = no_prior(info), []
    for number, power in enumerate(powers):
        measured = _measured(info, number, carried, checked_power(power, info.network), carry)
        beliefs.append(measured + info.prior)
        carried = _handed_on(info, number, measured, power, carry, step_1)
    return tuple(beliefs)


def _caps_left(info: Information, caps: Array | None, energies: Sequence[Any], steps: Sequence[StepResult]) -> Array:
    """What is left of each node's cap after some steps, W; by default that is the energy of all steps over 1 s."""
    total = float(np.sum(energies)) / DURATION_S
    limits = np.full(info.stack.n_nodes, total) if caps is None else caps
    used = np.sum([step.power for step in steps], axis=0) if steps else np.zeros(info.stack.n_nodes)
    return np.asarray(np.maximum(limits - used, LEFT_OF_A_CAP * limits))


async def steps_handed_on(
    info: Information,
    energies: Sequence[float],
    carry: Carry,
    first_per_joule: Array,
    step_1: FirstStep = "block",
    caps: Array | None = None,
) -> tuple[Knowledge, list[Array]]:
    """What the first steps of the scheme hand on to the next one, without a prior.

    ``energies`` in J are those of as many steps as it has entries, ``caps`` in W those of all but the first.
    ``first_per_joule`` are the powers of step 1 at 1 J, see :func:`first_step_per_joule`. Returns what is known of the
    parameters met by the step that follows, and the powers of each step, W.
    """
    steps = steps_of(info)
    powers = [energies[0] * first_per_joule]
    measured = _measured(info, 0, no_prior(info), powers[0], carry)
    carried = _handed_on(info, 0, measured, powers[0], carry, step_1)
    for number, energy in enumerate(energies[1:], start=1):
        problem = step_problem(info, number, carried, no_prior(info), energy, carry, caps)
        allocation = await scheduler.ask(problem, EARLIER_STEP_TOLERANCE)
        powers.append(allocation.power)
        measured = _measured(info, number, carried, allocation.power, carry)
        carried = _handed_on(info, number, measured, allocation.power, carry)
    met = info.basis.indices(steps[: len(energies) + 1])
    return carried.over(met), powers


async def first_step_per_joule(
    info: Information, carry: Carry, caps: Array | None = None, step_1: FirstStep = "block"
) -> Array:
    """Powers of step 1 at 1 J, W, shape ``(n_nodes,)``; without prior and finite caps they grow with its energy."""
    problem = step_problem(info, 0, no_prior(info), no_prior(info), 1.0, carry, caps, step_1)
    allocation = await scheduler.ask(problem, EARLIER_STEP_TOLERANCE)
    return allocation.power


async def earlier_steps_per_joule(
    info: Information, carry: Carry, caps: Array | None = None, step_1: FirstStep = "block"
) -> list[Array]:
    """Powers of each step before the last at 1 J, W, where later steps hold earlier estimates fixed.

    Such a step minimises its own block whatever the others do, so its powers grow with its energy where caps are slack.
    """
    nothing = no_prior(info)
    problems = [
        step_problem(info, number, nothing, nothing, 1.0, carry, caps, step_1)
        for number in range(len(steps_of(info)) - 1)
    ]
    found = await scheduler.together(scheduler.ask(problem, EARLIER_STEP_TOLERANCE) for problem in problems)
    return [allocation.power for allocation in found]


def _check_steps(info: Information, energies: Sequence[float], carry: Carry) -> None:
    name, steps = info.network.name, steps_of(info)
    one_of(carry, CARRIES, "carry")
    refuse_carry(info, carry)
    if length(energies) != len(steps):
        given = energies if length(energies) is None else len(energies)
        raise IsalError(f"{name}: energies must name {len(steps)} steps ({', '.join(steps)}), got {given}")
    for step, energy in zip(steps, energies, strict=True):
        positive_number(energy, f"{name}: the energy of step {step}", "J")


def refuse_carry(info: Information, carry: Carry) -> None:
    """Refuse a carry-over that survey errors and biases are not for, see :attr:`CarryOver.takes_nuisances`.

    Raises
    ------
    IsalError
        Naming those that they are for.
    """
    if info.basis.nuisances and not CARRY_OVERS[carry].takes_nuisances and len(steps_of(info)) > 1:
        others = " or ".join(repr(each.name) for each in CARRY_OVERS.values() if each.takes_nuisances)
        raise IsalError(
            f"{info.network.name}: with survey_error_m or bias_error_m the steps share unknowns of which carry-over "
            f"{carry!r} says nothing; take {others}, or isal.integrated"
        )


def step_problem(
    info: Information,
    number: int,
    carried: Knowledge,
    prior: Knowledge,
    energy: float,
    carry: Carry,
    caps: Array | None,
    step_1: FirstStep = "block",
) -> AllocationProblem:
    """The allocation problem of step ``number`` (from 0) over the parameters met so far.

    ``carried`` is what the earlier steps hand on and ``prior`` what the earlier slots say, both about all parameters.
    ``energy`` (J) and ``caps`` (W, one per node) were checked.
    """
    step = info.once(_step, number, carry, step_1)
    told = info.nothing if step.alone else carried + prior
    known = step.untold if told is info.nothing else told.over(step.about)
    return AllocationProblem.of_parts(known, step.stack, step.selector, energy, caps)


@dataclass(frozen=True, eq=False)
class _Step:
    """What a step is whatever its energy: it minimises ``block``, and its problem is about the parameters ``about``.

    These are the parameters met so far, and those that step 1 counts as unknown. ``stack`` is what the links tell of
    them, ``selector`` picks the block among them, and ``links`` are the same links if jitter limits them. A step that
    is ``alone`` is told nothing by others, and ``untold`` is that knowledge.
    """

    block: Block
    about: NDArray[np.intp]
    stack: Stack
    selector: Array
    links: LimitedLinks | None
    alone: bool
    untold: Knowledge


def _step(info: Information, number: int, carry: Carry, step_1: FirstStep) -> _Step:
    """Step ``number`` (from 0) of the scheme."""
    blocks = steps_of(info)
    # a step that holds the blocks before it fixed takes those after it for known, too
    alone = number > 0 and not CARRY_OVERS[carry].convex
    about = info.basis.indices(blocks[number : number + 1]) if alone else _met(info, number)
    counted = info
    if _reads_otherwise(info, number, step_1):
        # of targets the ranging links tell nothing, and so nothing less without them
        unknown = [block for block in BLOCKS if step_1 == "equivalent" or block != "targets"]
        about = info.basis.indices([*unknown, *info.basis.nuisances])
        counted = info.ranging if step_1 == "ranging" else info
    known = _not_counted(info, number, carry)
    return _Step(
        blocks[number],
        about,
        counted.counted(known).over(about),
        info.basis.selector(blocks[number : number + 1], about),
        counted.limited_links(about, known),
        alone,
        info.nothing.over(about),
    )


def _met(info: Information, number: int) -> NDArray[np.intp]:
    """Parameters met up to a step: its block, those before it, and the nuisances, which all steps have."""
    return info.basis.indices([*steps_of(info)[: number + 1], *info.basis.nuisances])


def _not_counted(info: Information, number: int, carry: Carry) -> NDArray[np.intp]:
    """Parameters of whose products step ``number`` counts nothing that its links tell."""
    return info.basis.indices([] if CARRY_OVERS[carry].counts_met else steps_of(info)[:number])


def _reads_otherwise(info: Information, number: int, step_1: FirstStep) -> bool:
    """Whether a step is a first one, before others, that minimises something else than its block."""
    return number == 0 and len(steps_of(info)) > 1 and step_1 != "block"


def _measured(info: Information, number: int, carried: Knowledge, power: Array, carry: Carry) -> Knowledge:
    """All that the slot has measured after step ``number``, in its eyes, about all parameters."""
    return carried + info.measured_at(power, _not_counted(info, number, carry))


def _handed_on(
    info: Information, number: int, measured: Knowledge, power: ArrayLike, carry: Carry, step_1: FirstStep = "block"
) -> Knowledge:
    """What step ``number`` hands on to the next one, about all parameters; ``measured`` as by :func:`_measured`.

    Of parameters not met yet it knows nothing, but for ``joint``.
    """
    met = _met(info, number)
    if not CARRY_OVERS[carry].consistent and _reads_otherwise(info, number, step_1):
        minimised = info.ranging.measured(power) if step_1 == "ranging" else measured
        return minimised.marginal(met).embedded(info.basis.size, met)
    return CARRY_OVERS[carry].hand_on(measured, met)
