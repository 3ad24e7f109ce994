"""The best split of a slot's energy over the steps of the step-by-step scheme, without traversal.

Without a prior and without caps that bind, an earlier step's optimal powers are proportional to its energy. So for
given shares of the earlier steps, all that they hand on is proportional to the energy that they get together: it acts
as one more node, and that energy and the last step's powers are one convex problem. With two steps that is the whole
answer; with three, the ratio of the first two is searched. A prior from earlier slots or caps that bind break the
proportionality; the answer without them is then the start of a search on the scheme itself. With caps that bind, the
SPEB has kinks and several local minima along the split: there a coarse look over all splits comes first, and the result
is the best of what was seen, without a guarantee.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal import solvers
from isal.allocation import DEFAULT_TOLERANCE, AllocationProblem
from isal.fisher import Clock, Information
from isal.network import Network
from isal.radio import Radio
from isal.schemes import (
    DEFAULT_SOLVER,
    EARLIER_STEP_TOLERANCE,
    Carry,
    ScheduleResult,
    SlotResult,
    first_step_per_joule,
    run_schedule,
    slot_informations,
    step_problem,
    steps_handed_on,
    steps_of,
    steps_slot,
)

#: Every step gets at least this share: some carry-overs are best with nothing for a step, which none can start from.
SMALLEST_SHARE = 1e-6

#: A search ends when its parabolas promise less than this, relative, or when its steps are smaller than that.
SEARCH_ACCURACY = 1e-7
SMALLEST_STEP = 1e-5
MOST_ROUNDS = 40

#: How many logarithms of a step's energy over the last step's are looked at first when caps bind, by how many vary.
COARSE_PLACES = {1: 31, 2: 7}

Array = NDArray[np.float64]


def step_by_step_best(
    slots: Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[float],
    carry: Carry = "held",
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
) -> ScheduleResult:
    """Step-by-step in each slot, with the best split of each slot's energy over its steps.

    Parameters
    ----------
    slots
        The slots in time order.
    energies
        Energy of each slot, J.

    The other parameters and the errors are those of :func:`isal.step_by_step`.
    """
    infos = slot_informations(slots, radio, clock)
    if len(energies) != len(infos):
        raise ValueError(f"{slots[0].name}: energies must give one energy for each of {len(infos)} slots, in J")
    return run_schedule(
        infos, lambda number, prior: best_steps(infos[number], prior, energies[number], carry, caps, solver, tolerance)
    )


def best_steps(
    info: Information,
    prior: Array,
    energy: float,
    carry: Carry,
    caps: ArrayLike | None,
    solver: str,
    tolerance: float,
) -> SlotResult:
    """The step-by-step scheme in one slot at its best split of ``energy`` (J); see :func:`isal.schemes.steps_slot`."""
    steps = steps_of(info)
    if len(steps) == 1:
        return steps_slot(info, prior, [energy], carry, caps, solver, tolerance)
    shares = proportional_shares(info, prior, energy, carry, solver)
    found: dict[tuple[float, ...], SlotResult] = {}

    def speb(logs: tuple[float, ...]) -> float:
        if logs not in found:
            split = energy * _shares_of(logs)
            found[logs] = steps_slot(info, prior, list(split), carry, caps, solver, tolerance)
        return found[logs].speb

    start = tuple(np.log(shares[:-1] / shares[-1]))
    speb(start)
    if _a_cap_binds(found[start], info, caps):
        # No longer convex: the answer without caps may be far away, and there can be several local ones.
        coarse = np.linspace(-5, 4, COARSE_PLACES[len(start)])
        places = sorted([start, *itertools.product(coarse.tolist(), repeat=len(start))], key=speb)
        width = float(coarse[1] - coarse[0]) / 2
        tried = places[: 3 if len(start) == 1 else 1]
        start, _ = min((search(speb, place, step=width) for place in tried), key=lambda ended: ended[1])
    elif prior.any():
        start, _ = search(speb, start, step=0.05)
    return found[start]


def _a_cap_binds(result: SlotResult, info: Information, caps: ArrayLike | None) -> bool:
    if caps is None:
        return False
    limits = np.broadcast_to(np.asarray(caps, dtype=float), (info.network.n_nodes,))
    return any((stage.power >= limits * (1 - 1e-6)).any() for stage in result.stages)


def proportional_shares(info: Information, prior: Array, energy: float, carry: Carry, solver: str) -> Array:
    """Best shares of the steps if earlier powers were proportional to their energy; shape ``(n_steps,)``, sum 1.

    Exact without prior and binding caps. Every share is at least :data:`SMALLEST_SHARE`.
    """
    last = len(steps_of(info)) - 1
    n = info.network.n_nodes
    solved: dict[tuple[float, ...], Array] = {}
    first_powers = first_step_per_joule(info, carry, solver)

    def speb(logs: tuple[float, ...]) -> float:
        earlier = _shares_of(logs)
        handed = steps_handed_on(info, list(earlier), carry, solver, first_powers)
        problem = step_problem(info, last, np.zeros_like(prior), prior, energy, carry, None)
        problem = AllocationProblem(
            problem.constant,
            np.concatenate([handed[None], problem.per_watt]),  # in joules of the earlier steps and watts of the last
            problem.objective,
            energy,
        )
        allocation = solvers.solve(problem, solver, EARLIER_STEP_TOLERANCE)
        first = allocation.power[0] / energy
        solved[logs] = np.append(first * earlier, allocation.power[1 : n + 1].sum() / energy)
        return allocation.value

    best: tuple[float, ...] = ()
    if last == 1:
        speb(best)
    else:
        best, _ = search(speb, (np.log(10.0),) * (last - 1), step=0.7)
    shares = np.maximum(solved[best], SMALLEST_SHARE)
    return np.asarray(shares / shares.sum())


def _shares_of(logs: tuple[float, ...]) -> Array:
    """Shares from their logarithms relative to the last one."""
    weights = np.exp(np.clip([*logs, 0.0], np.log(SMALLEST_SHARE), -np.log(SMALLEST_SHARE)))
    return np.asarray(weights / weights.sum())


def search(
    function: Callable[[tuple[float, ...]], float], start: tuple[float, ...], step: float
) -> tuple[tuple[float, ...], float]:
    """Local minimum of a function of few variables by parabolas along each in turn.

    Each round looks ``step`` to both sides; where the parabola through the three values promises more than
    :data:`SEARCH_ACCURACY` its vertex is tried, and the step follows the distance moved. Returns place and value.
    """
    best, value = start, function(start)
    steps = [step] * len(start)
    for _ in range(MOST_ROUNDS):
        promises = []
        for axis in range(len(start)):
            centre, width = best, steps[axis]
            below, above = (function(_moved(centre, axis, sign * width)) for sign in (-1, 1))
            curvature = below - 2 * value + above
            drop = below - above
            if curvature > 0:
                offset = float(np.clip(0.5 * width * drop / curvature, -3 * width, 3 * width))
                promise = drop**2 / (8 * curvature)
            else:
                offset, promise = float(np.sign(drop)) * 3 * width, np.inf
            promises.append(promise)
            tried = [(below, -width), (above, width)]
            if promise > SEARCH_ACCURACY * value:
                tried.append((function(_moved(centre, axis, offset)), offset))
            lowest, moved = min(tried)
            if lowest < value:
                best, value = _moved(centre, axis, moved), lowest
                steps[axis] = min(max(abs(moved), width / 4), 3.0)
            else:
                steps[axis] = width / 4
        if max(promises) <= SEARCH_ACCURACY * value or max(steps) < SMALLEST_STEP:
            break
    return best, value


def _moved(place: tuple[float, ...], axis: int, by: float) -> tuple[float, ...]:
    return (*place[:axis], place[axis] + by, *place[axis + 1 :])
