"""What a scheme finds in a step, in a slot and over several slots, and how slots follow one another.

In a schedule of several slots each slot starts from what the earlier ones say about its radars and clocks
(:mod:`isal.model.temporal`). That prior is a constant part of the slot's matrix, in every step and whatever the
carry-over.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isal.allocation import scheduler
from isal.allocation.certificate import STATUSES, Allocation
from isal.allocation.problem import AllocationProblem
from isal.allocation.scheduler import Computation
from isal.errors import AllocationError, IsalError, NetworkError, length
from isal.knowledge import Knowledge
from isal.model import temporal
from isal.model.information import Information, Spebs, block_spebs, information
from isal.model.network import Network
from isal.model.parameters import Basis, Block, Clock
from isal.model.radio import Radio
from isal.schemes.displayed import Displayed
from isal.units import DURATION_S

DEFAULT_SOLVER = "interior-point"

#: A schedule of more slots is first solved with all slots side by side. Then the slots whose prior has changed are
#: solved again, in at most so many rounds, before the rest is solved slot by slot.
LONGEST_IN_TURN = 4
ROUNDS_AHEAD = 8

Array = NDArray[np.float64]

#: Powers of each step of a slot, W, that will do if they are certified.
Candidate = Sequence[Array]


class UncertifiedWarning(UserWarning):
    """A result whose certified gap is larger than the tolerance, also where no search could close it ("local").

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", isal.UncertifiedWarning)
    ...     try:
    ...         isal.best_split(network, isal.Radio(), clock="synchronous", energy=10.0, carry="plug-in")
    ...     except isal.UncertifiedWarning as told:
    ...         print(str(told).partition(",")[0])
    network: not certified
    """


@dataclass(frozen=True, eq=False, slots=True)
class StepResult:
    """One solved allocation problem of a scheme.

    ``block`` is what it minimises, ``energy`` its budget in J. ``problem`` is about the parameters ``met`` so far,
    indices into ``basis``, and about those that the step counts as unknown, see
    :data:`isal.schemes.variant.FirstStep`. With jitter of time stamps it is the tangent problem at the allocation's
    powers, see :mod:`isal.allocation.concave`. Where the step itself is no convex problem
    (:mod:`isal.schemes.plug_in`), ``problem`` is the one that bounds it from below, and ``estimated`` is what is known
    of the parameters ``met``; else that is None.
    """

    block: Block
    energy: float
    problem: AllocationProblem
    allocation: Allocation
    basis: Basis
    met: NDArray[np.intp]
    estimated: Knowledge | None = None

    @property
    def spebs(self) -> Spebs:
        """Bounds of the parameters ``met``, given all that this step knows, m^2; those of other blocks are NaN."""
        known = self.problem.at(self.power) if self.estimated is None else self.estimated
        return block_spebs(known, self.basis, self.met)

    @property
    def power(self) -> Array:
        """Node powers, W, shape ``(n_nodes,)``, radars first."""
        return self.allocation.power

    @property
    def energy_used(self) -> float:
        """What the powers add up to, J; at most ``energy``, less where more power would hurt ("held")."""
        return float(self.allocation.power.sum() * DURATION_S)


@dataclass(frozen=True, eq=False, repr=False)
class SlotResult(Displayed):
    """Outcome of a scheme in one slot.

    ``information`` is what the slot's links could tell, ``steps`` what was solved. ``measured`` is what the slot's
    own links tell in the end, ``prior`` what the earlier slots (and :attr:`isal.Information.prior`) and ``later`` what
    the later slots say, all about all parameters of the slot.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> steps = isal.step_by_step(network, isal.Radio(), clock="synchronous", energies=(2.3, 7.7))
    >>> steps.energies, steps.power.shape, steps.status
    ((2.3, 7.7), (2, 4), 'optimal')
    >>> f"{steps.spebs.radars:.3e}", f"{steps.spebs.targets:.3e}"  # m^2
    ('1.101e-04', '3.125e-04')
    """

    information: Information
    steps: tuple[StepResult, ...]
    measured: Knowledge
    prior: Knowledge
    later: Knowledge

    @property
    def _slots(self) -> Sequence[SlotResult]:
        return (self,)

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
        """The worst of its steps' :data:`isal.allocation.certificate.STATUSES`."""
        return max((step.allocation.status for step in self.steps), key=STATUSES.index)

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
    def parameter_bounds(self) -> dict[str, float]:
        """Filtered bound of each parameter by its name, as "target 1 x", m^2: what a SPEB is the sum of."""
        known, basis = self.measured + self.prior, self.information.basis
        estimated = basis.indices(basis.blocks)
        return {basis.labels[index]: known.speb(estimated[[place]]) for place, index in enumerate(estimated.tolist())}

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


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleResult(Displayed):
    """Outcome of a scheme over several slots, in time order; what counts is the sum of the slots' bounds.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> slots = [network, network.moved(shift=(5, 5))]
    >>> both = isal.integrated(slots, isal.Radio(), clock="synchronous", energies=(4.0, 6.0))
    >>> f"{both.speb:.3e}", both.speb == sum(slot.speb for slot in both.slots), both.status
    ('8.704e-04', True, 'optimal')
    """

    slots: tuple[SlotResult, ...]

    @property
    def _slots(self) -> Sequence[SlotResult]:
        return self.slots

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
        """The worst of its slots' :data:`isal.allocation.certificate.STATUSES`."""
        return max((slot.status for slot in self.slots), key=STATUSES.index)


def node_caps(network: Network, energy: float, radars: float | None = None, anchors: float | None = None) -> Array:
    """Power caps in W, shape ``(n_nodes,)``; None means the total ``energy`` over one second (Table 1 says "1")."""
    default = energy / DURATION_S
    both = ((network.n_radars, radars), (network.n_anchors, anchors))
    return np.array([default if cap is None else cap for number, cap in both for _ in range(number)], dtype=float)


R = TypeVar("R", bound=SlotResult | ScheduleResult)


def certified(result: R, required: bool) -> R:
    """The result, with a warning, or an error if ``required``, where a step misses its tolerance.

    Raises
    ------
    AllocationError
        Naming network, slot and step, and the gap that was reached, or that the step can't be certified.
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
    tell_uncertified(slots[0].information, result.status, "; ".join(missed), required, 4)
    return result


def tell_uncertified(info: Information, status: str, gaps: str, required: bool, stacklevel: int) -> None:
    """Warn of gaps that miss their tolerance, or raise if it is ``required``; the warning is about the user's line.

    Raises
    ------
    AllocationError
        Naming the network and the gaps, and what they mean for a result of this status.
    """
    message = f"{info.network.name}: not certified, as the gap is {gaps}. {explained(status, info.radio)}"
    if required:
        raise AllocationError(message)
    warnings.warn(message, UncertifiedWarning, stacklevel=stacklevel)


def explained(status: str, radio: Radio) -> str:
    """What a gap means, by the status of a result, for messages."""
    if status == "local":
        return (
            "The last step of this carry-over is no convex problem: its powers are a local minimum, their value is "
            "exact, and nothing proves that no others do better"
        )
    return f"What is reported may be off by as much; {usual_cause(radio)}"


def usual_cause(radio: Radio) -> str:
    """Why a step is not certified, in most cases, for messages."""
    cause = "nodes that nearly coincide in a large field are the usual cause"
    if radio.timestamp_jitter_s == 0:
        return cause
    return f"with timestamp_jitter_s, 'held' is no convex problem and often has no certificate; else {cause}"


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


def one_per_slot(values: Sequence[Any] | None, infos: Sequence[Information], what: str) -> Sequence[Any]:
    if values is None or length(values) != len(infos):
        raise IsalError(
            f"{infos[0].network.name}: energies must give {what} for each of {len(infos)} slots, got {values}"
        )
    return values


def no_prior(info: Information) -> Knowledge:
    """Nothing is known of the parameters; what there is before a first slot is :attr:`Information.prior`."""
    return info.nothing


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
        slots = await scheduler.together(slot(number, info.prior, None) for number, info in enumerate(infos))
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
    if len(slots) == 1:
        return ScheduleResult(tuple(slots))
    said = temporal.from_later_slots(infos, [result.known for result in slots[1:]])
    return ScheduleResult(tuple(replace(result, later=later) for result, later in zip(slots, said, strict=True)))


def _same(one: Knowledge, other: Knowledge) -> bool:
    return np.array_equal(one.matrix, other.matrix)


def _priors(infos: Sequence[Information], slots: Sequence[SlotResult]) -> Iterator[Knowledge]:
    """What the slots before each one say of it; a slot's result is looked at when the next one's prior is asked for."""
    prior = infos[0].prior
    for number, info in enumerate(infos):
        yield prior
        if number + 1 < len(infos):
            prior = temporal.prior_of_next(info, slots[number].known, prior, infos[number + 1])
