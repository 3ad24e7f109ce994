"""Minima of functions of few variables by parabolas; the functions are computations, and what can advances together.

The functions are bounds over the logarithms of ratios of energies: smooth, with one minimum in most cases, and flat
where one of the energies vanishes. Caps on the powers make kinks and further local minima.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial

import numpy as np

from isal.allocation import scheduler
from isal.allocation.scheduler import Computation

#: Values of the variables.
Variables = tuple[float, ...]
Function = Callable[[Variables], Computation[float]]

#: A search ends when its parabolas promise less than this, relative, or when its steps are smaller than that.
SEARCH_ACCURACY = 1e-8
SMALLEST_STEP = 1e-6
MOST_ROUNDS = 40

#: Between known values no new one is closer to them than this share of the interval: nothing would be learnt.
MARGIN = 0.05

#: Around a kink: the first and the last distance to look at, and in how many directions, each time turned by an angle
#: that never repeats.
FIRST_POLL, LAST_POLL, POLLS = 0.01, 1e-4, 8
GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))

#: Where a global search looks first: range of each variable, and number of values of each by how many variables vary.
COARSE_RANGE = (-8.0, 6.0)
COARSE_VALUES = {1: 41, 2: 9}


async def parabolas(
    function: Callable[[float], Computation[float]], values: dict[float, float], most: int, beyond: float = 0.0
) -> float:
    """Add to ``values`` of a function of one variable those at the vertices of parabolas around the lowest one.

    Parameters
    ----------
    values
        Value by variable, at least three.
    most
        Largest number of values to add. It ends before where a parabola promises less than :data:`SEARCH_ACCURACY`.
    beyond
        How far outside the known variables a vertex may be. If it is zero, it also ends where the lowest value is the
        first or the last one.

    Returns
    -------
    By how much the vertex of the last parabola is below the middle one of the three values that it goes through.
    """
    promise = 0.0
    for _ in range(most):
        known = sorted(values)
        lowest = known.index(min(values, key=values.__getitem__))
        inner = min(max(lowest, 1), len(known) - 2)
        left, middle, right = known[inner - 1 : inner + 2]
        vertex, promise = _vertex(left, middle, right, values)
        if promise <= SEARCH_ACCURACY * values[middle] or not (beyond or (lowest == inner and np.isfinite(promise))):
            break
        margin = 0.0 if beyond else MARGIN * (right - left)
        if abs(vertex - middle) < margin:
            vertex = middle + (margin if right - middle > middle - left else -margin)
        vertex = float(np.clip(vertex, left + margin - beyond, right - margin + beyond))
        values[vertex] = await function(vertex)
    return promise


def _vertex(a: float, b: float, c: float, values: dict[float, float]) -> tuple[float, float]:
    """Where the parabola through three values has its vertex, and by how much that is below the middle one.

    Without a minimum, it is infinitely far in the direction of descent, and infinitely low.
    """
    before, after = (values[b] - values[a]) / (b - a), (values[c] - values[b]) / (c - b)
    curvature = (after - before) / (c - a)
    slope = after - curvature * (c - b)
    if curvature <= 0:
        return (b - float(np.sign(slope)) * np.inf if slope else b), np.inf
    return b - slope / (2 * curvature), slope**2 / (4 * curvature)


async def local_minimum(function: Function, start: Variables, step: float) -> tuple[Variables, float]:
    """Local minimum of a function of few variables by parabolas along each in turn.

    Each round looks ``step`` to both sides; where the parabola through the three values promises more than
    :data:`SEARCH_ACCURACY` its vertex is tried, and the step follows the distance moved. Returns variables and value.
    """
    best, value = start, await function(start)
    steps = [step] * len(start)
    for _ in range(MOST_ROUNDS):
        promises = []
        for axis in range(len(start)):
            width, along = steps[axis], partial(_along, function, best, axis)
            below, above = await scheduler.together(along(by) for by in (-width, width))
            values = {-width: below, 0.0: value, width: above}
            promises.append(await parabolas(along, values, most=1, beyond=2 * width))
            lowest, moved = min((each, by) for by, each in values.items())
            if lowest < value:
                best, value = _moved(best, axis, moved), lowest
                steps[axis] = min(max(abs(moved), width / 4), 3.0)
            else:
                steps[axis] = width / 4
        if max(promises) <= SEARCH_ACCURACY * value or max(steps) < SMALLEST_STEP:
            break
    return best, value


async def minimum(function: Function, start: Variables, kinks: bool) -> Variables:
    """Where a function of one or two variables is lowest: near ``start``, or anywhere if it can have kinks.

    With kinks come several local minima; then a coarse look over all of :data:`COARSE_RANGE` comes first.
    """
    if not kinks:
        best, _ = await local_minimum(function, start, step=0.05)
        return best
    coarse = np.linspace(*COARSE_RANGE, COARSE_VALUES[len(start)])
    tried = [start, *itertools.product(coarse.tolist(), repeat=len(start))]
    values = await scheduler.together(function(each) for each in tried)
    width = float(coarse[1] - coarse[0]) / 2
    # the start is the solution of the problem without caps on the earlier steps, so it needs no search to compete
    lowest = [each for _, each in sorted(zip(values, tried, strict=True)) if each != start][:3]
    ended = await scheduler.together(local_minimum(function, each, step=width) for each in lowest)
    value, best = min([(values[0], start), *((value, each) for each, value in ended)])
    polled, better = await _polled(function, best, value)
    # what is found in the end must be worth leaving the start, which may be proven
    return polled if better < value * (1 - SEARCH_ACCURACY) else best


async def _polled(function: Function, best: Variables, value: float) -> tuple[Variables, float]:
    """Lower a function from a kink where no single variable does: look all around, ever closer."""
    step, turn = FIRST_POLL, 0.0
    while step > LAST_POLL:
        # other directions every time, as those that lead down along a kink can be few
        angles = turn + np.linspace(0, 2 * np.pi, POLLS, endpoint=False)
        ways = np.array([np.cos(angles), np.sin(angles)]).T if len(best) == 2 else np.array([[1.0], [-1.0]])
        around: list[Variables] = [tuple((np.array(best) + step * way).tolist()) for way in ways]
        values = await scheduler.together(function(each) for each in around)
        lowest, where = min(zip(values, around, strict=True))
        if lowest < value * (1 - SEARCH_ACCURACY / 10):
            best, value = where, lowest
        else:
            step /= 2
        turn += GOLDEN_ANGLE
    return best, value


def _along(function: Function, centre: Variables, axis: int, by: float) -> Computation[float]:
    """The function with one variable moved."""
    return function(_moved(centre, axis, by))


def _moved(centre: Variables, axis: int, by: float) -> Variables:
    return (*centre[:axis], centre[axis] + by, *centre[axis + 1 :])
