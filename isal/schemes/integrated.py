"""The integrated scheme: the target block of the whole matrix is minimised with all the energy at once (Section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import concave, scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.problem import AllocationProblem
from isal.allocation.scheduler import Computation
from isal.errors import IsalError
from isal.knowledge import Knowledge
from isal.model.floor import LimitedLinks
from isal.model.information import Information, information
from isal.model.network import Network
from isal.model.parameters import Block, Clock
from isal.model.radio import Radio
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

    Returns
    -------
    Powers, bounds and certificates of the slot, or of each slot of a schedule.

    Raises
    ------
    IsalError
        If an argument is unusable, a network is unobservable, or there is no finite optimum.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> best = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0)
    >>> f"{1e3 * best.speb**0.5:.2f} mm", best.gap <= 1e-6
    ('14.45 mm', True)
    >>> slots = [network, network.moved(shift=(5, 5))]
    >>> both = isal.integrated(slots, isal.Radio(), clock="synchronous", energies=(4.0, 6.0))
    >>> [f"{slot.speb:.3e}" for slot in both.slots]
    ['5.223e-04', '3.482e-04']
    """
    if isinstance(network, Network):
        if energy is None or energies is not None:
            raise IsalError(f"{network.name}: one slot takes energy=..., in J; energies=... is for a list of slots")
        info = information(network, radio, clock)
        slot = scheduler.run(integrated_slot(info, info.prior, energy, caps, tolerance), solver)
        return certified(slot, require_certified)
    infos = slot_informations(network, radio, clock)
    return certified(scheduler.run(integrated_schedule(infos, energies, caps, tolerance), solver), require_certified)


def integrated_schedule(
    infos: Sequence[Information],
    energies: Sequence[float] | None,
    caps: ArrayLike | None,
    tolerance: float,
    candidates: Sequence[Candidate] | None = None,
) -> Computation[ScheduleResult]:
    """The integrated scheme in each slot; ``energies`` of the slots in J."""
    given = one_per_slot(energies, infos, "an energy")

    def slot(number: int, prior: Knowledge, candidate: Candidate | None) -> Computation[SlotResult]:
        if candidate is None and candidates is not None:
            candidate = candidates[number]
        return integrated_slot(infos[number], prior, given[number], caps, tolerance, candidate)

    return run_schedule(infos, slot)


async def integrated_slot(
    info: Information,
    prior: Knowledge,
    energy: float,
    caps: ArrayLike | None,
    tolerance: float,
    candidate: Candidate | None = None,
) -> SlotResult:
    """The integrated scheme in one slot; ``prior`` is what the earlier slots say, see :class:`SlotResult`."""
    block, everything, selector, links = info.once(_parts)
    problem = AllocationProblem(prior, info.stack, selector, energy, caps)
    problem, allocation = await concave.ask(problem, links, tolerance, None if candidate is None else candidate[0])
    step = StepResult(block, energy, problem, allocation, info.basis, everything)
    return SlotResult(info, (step,), info.measured_at(allocation.power), prior, no_prior(info))


def _parts(info: Information) -> tuple[Block, NDArray[np.intp], NDArray[np.float64], LimitedLinks | None]:
    """What is minimised, indices of the parameters, the selector of those that are minimised, the links with jitter."""
    block: Block = next(block for block in ("targets", "radars", "clocks") if block in info.blocks)
    everything = np.arange(info.basis.size)
    return block, everything, info.basis.selector([block], everything), info.limited_links(everything)
