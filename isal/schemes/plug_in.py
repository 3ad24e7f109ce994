"""Step-by-step as carried out: later steps hold the earlier ones' estimates fixed, as if they were true.

There is a step for each block of parameters, in their order. What a step can't know, it takes for unknown: the blocks
of later steps. Steps before the last use their ranging links only, or all their links; the last one uses all.

The first-order covariance of such estimates. Step s estimates block b with the earlier blocks F fixed at their
estimates, of covariance C, and the later blocks U unknown. From its information M, at this step's powers, it keeps
``M~ = M_bb - M_bU M_UU^-1 M_Ub`` and ``M~_F = M_bF - M_bU M_UU^-1 M_UF``. An error of F moves its estimate by ``-G``
times that error, ``G = M~^-1 M~_F``, so that C becomes ``[[C, -C G'], [-G C, M~^-1 + G C G']]``. Its inverse, what the
estimates tell, is ``C^-1`` of the earlier ones and ``[G, I]' M~ [G, I]``. No G depends on the energies of the steps,
only on the shapes of their powers (a shape are powers that add up to 1 W), so the last block's bound is
``f = sum_s a_s / E_s``. The best split of an energy E is ``E_s ~ sqrt(a_s)``, with ``f = (sum_s sqrt(a_s))^2 / E``.
All this holds without jitter of time stamps only; the covariance holds with it, too.

Such an estimator is unbiased, to first order, and uses data of the summed powers, so it never beats integrated while
caps are slack. With all links and one shape in all steps the recursion is the factorisation of that shape's inverse
information, block by block, and ``sum_s a_s = E f``: the price of going step by step is then
``(sum_s sqrt(a_s))^2 / sum_s a_s``, at least 1 and at most the number of steps.

The powers. Steps before the last minimise their own block, convex problems. The last step minimises the value itself,
which also holds the earlier steps' errors as its powers pass them on. **That is not convex**: a local search runs from
several starts, and nothing proves that the lowest end is the least value. What is certified is a bound from below, that
of the convex problem in which the last step takes the earlier estimates for a prior with the covariance that they have:
of all that can be estimated without bias from these estimates and the last step's data, a plug-in is one choice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import scheduler
from isal.allocation.batch import largest_over_feasible
from isal.allocation.certificate import Allocation
from isal.allocation.problem import AllocationProblem
from isal.errors import AllocationError, IsalError, one_of
from isal.knowledge import Knowledge, scaled_triangle, triangle_of
from isal.model.information import Information, checked_power, refuse_nuisances
from isal.model.parameters import Block
from isal.units import DURATION_S

Links = Literal["ranging", "all"]
LINKS: tuple[Links, ...] = get_args(Links)

#: Searches ended at the same value if these differ by less than this, relative.
SAME_END = 1e-6

#: At the end of a search no small change of the powers towards any feasible ones lowers the value by more than this
#: share of it per unit of the way; a search goes on to the second one.
STATIONARY, SOUGHT = 1e-5, 1e-7

#: A search that did not come to its end is repeated from there, in parameters that lose fewer digits, so many in all.
MOST_SEARCHES = 3

#: Most steps of a search, most halvings of one, and the most of the way to the boundary that it goes.
MOST_STEPS = 60
MOST_HALVINGS = 25
TO_THE_BOUNDARY = 0.99

#: Multipliers of limits are within this factor of where they are on the central path.
FARTHEST = 1e8

#: Numbers of random powers that a search starts from: for the best split, and at a given one, where the powers of the
#: convex problem that bounds it are one more start.
STARTS = 8
MORE_STARTS = 2

Array = NDArray[np.float64]


# --- closed forms -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Transfer:
    """What one step does with errors of its block, the parameters ``indices``.

    Its own data cause the covariance ``half half'``, which is ``M~^-1``, m^2, shape ``(k, k)``, and errors of earlier
    estimates ``-gain`` times these; ``gain`` is ``G``, shape ``(k, d)``, zero but for the earlier blocks. ``told`` is
    what the estimates of the step tell of all parameters, ``[G, I]' M~ [G, I]``.
    """

    indices: NDArray[np.intp]
    half: Array
    gain: Array
    told: Knowledge

    @property
    def own(self) -> Array:
        """Covariance that the step's own data cause, m^2, shape ``(k, k)``."""
        return self.half @ self.half.T


def transfers(info: Information, powers: Sequence[ArrayLike], links: Links) -> list[Transfer]:
    """The steps at any powers, W, radars first, one power vector per step; ``links`` of the steps before the last.

    Raises
    ------
    IsalError
        If there are not as many powers as steps, or a step's powers leave its block undetermined.
    """
    checked_steps(info, powers, links)
    return [_transfer(info, number, power, links) for number, power in enumerate(powers)]


def _transfer(info: Information, number: int, power: ArrayLike, links: Links) -> Transfer:
    steps, size = tuple(info.blocks), info.basis.size
    indices, earlier = info.basis.indices([steps[number]]), info.basis.indices(steps[:number])
    met = info.basis.indices(steps[: number + 1])
    known = used(info, number, links).measured(power).marginal(met).rooted()
    assert known.root is not None
    columns, before = np.searchsorted(met, indices), np.searchsorted(met, earlier)
    k = len(indices)
    if scaled_triangle(known.root[:, columns]) is None:
        last = number + 1 == len(steps)
        words = "all its links" if links == "all" or last else "its ranging links alone"
        raise IsalError(
            f"{info.network.name}: the powers of step {number + 1} ({steps[number]}) leave it undetermined with "
            f"{words}; let more nodes transmit in it"
        )
    # least squares on the rows, not products of matrices, which would lose half of the digits
    triangle = triangle_of(known.root[:, np.append(columns, before)])[:k]
    gain, rows = np.zeros((k, size)), np.zeros((k, len(met)))
    gain[:, earlier] = np.linalg.solve(triangle[:, :k], triangle[:, k:])
    rows[:, np.append(columns, before)] = triangle
    told = Knowledge.of_rows(rows, known.scale, known.doubt).embedded(size, met)
    return Transfer(indices, np.asarray(np.linalg.inv(triangle[:, :k])), gain, told)


def estimates(info: Information, powers: Sequence[ArrayLike], links: Links) -> tuple[Knowledge, ...]:
    """What the estimates after each step tell of all parameters, the inverse of their covariance.

    Of parameters that no step has estimated yet they tell nothing. Arguments and errors are those of
    :func:`transfers`.
    """
    steps = transfers(info, powers, links)
    return tuple(_told(steps[: number + 1], info.basis.size) for number in range(len(steps)))


def contributions(info: Information, powers: Sequence[ArrayLike], links: Links) -> Array:
    """Covariance of all estimates that each step's own data cause, m^2, shape ``(n_steps, d, d)``.

    They add up to the covariance, and each is inversely proportional to its step's energy if time stamps do not jitter.
    Arguments and errors are those of :func:`transfers`.
    """
    return np.array([root @ root.T for root in _spreads(transfers(info, powers, links), info.basis.size)])


def _spreads(steps: Sequence[Transfer], size: int) -> Iterator[Array]:
    """A root of what each step's own data cause: ``root root'`` is the covariance, shape ``(d, k)``."""
    for number, step in enumerate(steps):
        spread = np.eye(size)[:, step.indices]
        for later in steps[number + 1 :]:
            spread[later.indices] = -later.gain @ spread
        yield spread @ step.half


def coefficients(info: Information, powers: Sequence[ArrayLike], links: Links) -> Array:
    """``a_s`` of ``f = sum_s a_s / E_s``, m^2 J, shape ``(n_steps,)``, for the shapes of the given powers of the steps.

    Arguments and errors are those of :func:`transfers`, and with jitter of time stamps there are none.
    """
    refuse_jitter(info)
    last = _last(info)
    energies = np.array([np.sum(power) for power in powers]) * DURATION_S
    parts = [np.sum(root[last] ** 2) for root in _spreads(transfers(info, powers, links), info.basis.size)]
    return np.asarray(parts * energies)


def refuse_jitter(info: Information) -> None:
    """Refuse what holds only where the information of links is linear in the powers."""
    if info.jitters:
        raise IsalError(
            f"{info.network.name}: with jitter of time stamps the bound of a plug-in is no sum of a_s / E_s; set "
            "timestamp_jitter_s to 0, or ask for its covariance at given powers"
        )


def best_energies(coefficient: ArrayLike, energy: float) -> tuple[Array, float]:
    """The split of ``energy`` (J) that is best for ``f = sum_s a_s / E_s``, and its value: ``E_s ~ sqrt(a_s)``."""
    root = np.sqrt(np.asarray(coefficient, dtype=float))
    return energy * root / root.sum(), float(root.sum() ** 2 / energy)


def _last(info: Information) -> NDArray[np.intp]:
    """The parameters of the last step."""
    return info.basis.indices([tuple(info.blocks)[-1]])


def used(info: Information, number: int, links: Links) -> Information:
    """What the links tell that step ``number`` (from 0) uses."""
    return info.ranging if links == "ranging" and number + 1 < len(info.blocks) else info


def checked_steps(info: Information, powers: Sequence[ArrayLike], links: Links) -> tuple[Block, ...]:
    """The steps of a network, if there are usable powers of each.

    Raises
    ------
    IsalError
        If there are not, or ``links`` is unknown.
    """
    steps, name = tuple(info.blocks), info.network.name
    one_of(links, LINKS, "links")
    refuse_nuisances(info, "estimates that later steps hold fixed")
    if len(powers) != len(steps):
        raise IsalError(f"{name}: powers must be given for {len(steps)} steps ({', '.join(steps)}), got {len(powers)}")
    for step, power in zip(steps, powers, strict=True):
        if not checked_power(power, info.network).any():
            raise IsalError(f"{name}: the powers of step {step} are all zero; let a node transmit in every step")
    return steps


# --- the last step ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LastStep:
    """The last step of a slot: its powers with value and bound, the convex problem that bounds it, and what is known.

    ``estimated`` is what all estimates of the slot tell. ``ends`` are the values, m^2, at which searches ended,
    ascending, as far as they differ; none where given powers were kept.
    """

    allocation: Allocation
    bounding: AllocationProblem
    estimated: Knowledge
    ends: tuple[float, ...]


async def last_step(
    info: Information,
    earlier: Sequence[Array],
    links: Links,
    energy: float,
    caps: ArrayLike | None,
    tolerance: float,
    prior: Knowledge,
    candidate: Array | None = None,
) -> LastStep:
    """The last step after given powers of the steps before it, W.

    Parameters
    ----------
    energy, caps
        Of the last step, J and W; no caps by default.
    prior
        What the earlier slots say. The powers are chosen as if it were nothing; the value is the bound of what the
        estimates and the prior tell together.
    candidate
        Powers, W, that are kept if no small change lowers the value, and otherwise start a search among others.

    Raises
    ------
    IsalError
        If a step leaves its block undetermined, or the last one does wherever a search ends; or if time stamps jitter.
    """
    refuse_jitter(info)
    last, before = _last(info), [_transfer(info, *step, links) for step in enumerate(earlier)]
    told = _told(before, info.basis.size)
    bounding = AllocationProblem(told + prior, info.stack, last, energy, caps)
    bound = await scheduler.ask(bounding, tolerance)
    budget, limits = bounding.budget, bounding.caps / bounding.budget
    search, fixed = Search.after(info, before, budget, free=False), np.ones(len(before))

    def is_local(power: Array) -> bool:
        return search.stationarity(fixed, power / budget, limits) <= STATIONARY

    ends: list[End] = []
    seconds = bound.seconds
    power = bound.power if candidate is None else bounding.feasible(candidate)
    if candidate is None or not is_local(power):
        given = [bound.power] if candidate is None else [power, bound.power]
        starts = [*(each / budget for each in given), *search.random(MORE_STARTS)]
        for _ in range(MOST_SEARCHES):
            found, took = await scheduler.ask_together(_timed, Question(search, np.array(starts), limits))
            ends, seconds = [*ends, *found], seconds + took
            if not ends:
                raise _undetermined(info)
            ends.sort(key=lambda end: end.value)
            # the lowest; where that search came to no end, one that did at the same value
            same = (
                bounding.feasible(end.power * budget) for end in ends if end.value <= ends[0].value * (1 + SAME_END)
            )
            power = next(filter(is_local, same), bounding.feasible(ends[0].power * budget))
            if is_local(power):
                break
            starts = [end.power for end in ends[: len(starts)]]
    estimated = told + _transfer(info, len(info.blocks) - 1, power, links).told
    value = (estimated + prior).speb(last)
    allocation = Allocation(
        power,
        value,
        min(bound.lower_bound, value),
        tolerance,
        f"{bound.solver} and local search",
        bound.iterations,
        seconds,
        local=is_local(power),
    )
    return LastStep(allocation, bounding, estimated, _distinct(ends))


@dataclass(frozen=True, eq=False)
class Best:
    """The best split for given shapes of the powers before the last step, and what local searches found.

    ``energies`` (J) are those of all steps, ``power`` (W) that of the last one, ``value`` (m^2) its bound there.
    ``ends`` are the values at which the searches ended, ascending, as far as they differ.
    """

    energies: Array
    power: Array
    value: float
    ends: tuple[float, ...]


async def best_last_step(
    info: Information,
    shapes: Sequence[Array],
    links: Links,
    energy: float,
    caps: Array,
    most: Sequence[float],
) -> Best:
    """The best energies of all steps, which add up to ``energy`` (J), and powers of the last one.

    ``shapes`` are the powers of the earlier steps per joule, W, and ``most`` the energies (J) up to which these stand;
    ``caps`` (W) are those of the last step.

    Raises
    ------
    IsalError
        If a step leaves its block undetermined, or the last one does wherever a search ends; or if time stamps jitter.
    """
    refuse_jitter(info)
    before = [_transfer(info, *step, links) for step in enumerate(shapes)]
    search = Search.after(info, before, energy / DURATION_S, free=True)
    limits = np.minimum(np.append(np.asarray(most) / energy, caps * DURATION_S / energy), 1.0)
    question = Question(search, np.array(search.random(STARTS)), limits)
    ends, _ = await scheduler.ask_together(_timed, question)
    if not ends:
        raise _undetermined(info)
    lowest = ends[0]
    energies = np.append(lowest.energies, lowest.power.sum()) * energy
    power = lowest.power * energy / DURATION_S
    return Best(energies, power, lowest.value, _distinct(ends))


def _distinct(ends: Sequence[End]) -> tuple[float, ...]:
    """The values of some ends, ascending, as far as they differ."""
    values: list[float] = []
    for end in ends:
        if not values or end.value > values[-1] * (1 + SAME_END):
            values.append(end.value)
    return tuple(values)


def _undetermined(info: Information) -> AllocationError:
    return AllocationError(
        f"{info.network.name}: no powers of the last step ({tuple(info.blocks)[-1]}) were found that determine it "
        "beyond rounding; move nodes that nearly coincide"
    )


def _told(steps: Sequence[Transfer], size: int) -> Knowledge:
    told = Knowledge.nothing(size)
    for step in steps:
        told = told + step.told
    return told


@dataclass(frozen=True, eq=False)
class End:
    """Where a search ended: the value, the energies of the steps before the last, the powers of the last one."""

    value: float
    energies: Array
    power: Array


@dataclass(frozen=True, eq=False)
class Search:
    """The value as a function of the last step's powers, and of the earlier steps' energies where these are free.

    All energies and powers are shares of a budget of 1. ``own`` and ``held`` are the rows of all links,
    ``sqrt(lambda) j`` per root of the budget, over the last block and over the blocks before it, shapes
    ``(n_links, k)`` and ``(n_links, F)``; ``node`` are their transmitters. ``roots`` are roots of the covariances of
    the blocks before it that each earlier step causes, shape ``(F, k_s)``: as they are if ``free`` is false, else for
    all of the budget.
    """

    own: Array
    held: Array
    node: NDArray[np.intp]
    n_nodes: int
    roots: tuple[Array, ...]
    free: bool

    @classmethod
    def after(cls, info: Information, before: Sequence[Transfer], budget: float, free: bool) -> Search:
        """The search after some steps; ``budget`` in W. If their energies are free, theirs are steps at 1 J."""
        steps = tuple(info.blocks)
        last, held = info.basis.indices([steps[-1]]), info.basis.indices(steps[:-1])
        rows = info.links.rows * np.sqrt(info.links.intensity * budget)[:, None]
        roots = [root[held] / np.sqrt(budget if free else 1.0) for root in _spreads(before, info.basis.size)]
        return cls(rows[:, last], rows[:, held], info.links.transmitter, info.network.n_nodes, tuple(roots), free)

    def coefficients(self, power: Array) -> tuple[Array, Array]:
        """What each step contributes to the value at energies of 1, shape ``(n_steps,)``, and its gradient by power.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the powers leave the last block undetermined.
        """
        k = self.own.shape[1]
        triangle = triangle_of(np.sqrt(power[self.node])[:, None] * np.concatenate([self.own, self.held], axis=1))
        gain = np.linalg.solve(triangle[:k, :k], triangle[:k, k:])
        half = np.linalg.inv(triangle[:k, :k])
        # per link, before anything is summed up: where a target is close to a node the sums cancel to all digits
        pushed = self.own @ half @ half.T
        unexplained = self.held - self.own @ gain
        value, per_link = [], []
        for root in self.roots:
            passed_on = gain @ root
            value.append(np.sum(passed_on**2))
            per_link.append(2 * np.sum(pushed * (unexplained @ root @ passed_on.T), axis=1))
        value.append(np.sum(half**2))
        per_link.append(-np.sum(pushed**2, axis=1))
        slope = [np.bincount(self.node, weights=each, minlength=self.n_nodes) for each in per_link]
        return np.array(value), np.array(slope)

    def value(self, energies: Array, power: Array) -> tuple[float, Array]:
        """The value and its gradient by all that is free."""
        part, slope = self.coefficients(power)
        if not self.free:
            return float(part.sum()), slope.sum(axis=0)
        share = np.append(1 / energies, 1.0)
        return float(part @ share), np.append(-part[:-1] * share[:-1] ** 2, share @ slope)

    def stationarity(self, energies: Array, power: Array, caps: Array) -> float:
        """By how much of itself the value falls per unit of the way to any feasible powers and energies, at most.

        Zero at a minimum, and infinite where the powers leave the last block undetermined.
        """
        try:
            value, slope = self.value(energies, power)
        except np.linalg.LinAlgError:
            return np.inf
        at = np.append(energies, power) if self.free else power
        return float(slope @ at + largest_over_feasible(-slope[None], np.ones(1), caps[None])[0]) / value

    def random(self, count: int) -> list[Array]:
        """Some powers, always the same.

        Not even ones: with equal powers no error of a clock offset reaches a target, and where the errors of a step
        do not reach the last block the value has a kink as a function of the powers, on which a search does not move.
        """
        return list(np.random.default_rng(0).dirichlet(np.ones(self.n_nodes), count))


@dataclass(frozen=True, eq=False)
class Question:
    """A search from some powers ``starts``, shape ``(n_starts, n_nodes)``; ``caps`` are those of all that is free."""

    search: Search
    starts: Array
    caps: Array

    @property
    def transmits(self) -> NDArray[np.bool_]:
        """Which nodes may transmit, shape ``(n_nodes,)``."""
        return np.asarray(self.caps[len(self.caps) - self.search.n_nodes :] > 0)

    @property
    def limits(self) -> Array:
        """Caps of all that is free but nodes that may not transmit."""
        n_free = len(self.caps) - self.search.n_nodes
        return self.caps[np.append(np.ones(n_free, dtype=bool), self.transmits)]

    def inside(self, smooth: _Smooth) -> Array:
        """The starts, moved inside the feasible set, shape ``(n_starts, N)``."""
        power, n_free = self.starts[:, self.transmits], smooth.n_free
        power = power / power.sum(axis=1, keepdims=True)
        power = np.minimum(0.98 * power + 0.02 / power.shape[1], 0.9 * self.limits[n_free:])
        power *= np.minimum(1.0, 0.95 / power.sum(axis=1))[:, None]
        if not n_free:
            return np.asarray(power)
        root = np.sqrt(smooth.parts(power))
        energies = np.maximum(root[:, :-1] / root.sum(axis=1)[:, None], 1e-3)
        energies = np.minimum(energies, 0.9 * self.limits[:n_free])
        return np.append(energies, power * (0.95 - energies.sum(axis=1))[:, None], axis=1)

    def ends(self, found: Array) -> list[End]:
        """The lowest first of what a search found, shape ``(n_starts, N)``."""
        ends, n_free = [], len(self.caps) - self.search.n_nodes
        for each in found:
            # more of everything never hurts
            grown = each * max(1.0, min(1 / each.sum(), float(np.min(self.limits / each))))
            power = np.zeros(self.search.n_nodes)
            power[self.transmits] = grown[n_free:]
            try:
                value, _ = self.search.value(grown[:n_free], power)
            except np.linalg.LinAlgError:
                continue
            ends.append(End(value, grown[:n_free], power))
        return sorted(ends, key=lambda end: end.value)


def searched(questions: Sequence[Question]) -> list[list[End]]:
    """Local minima near the starts of each question, the lowest first; those of one shape are sought side by side.

    An end at which the last block is undetermined is left out.
    """
    groups: dict[tuple[int, ...], list[tuple[int, _Smooth]]] = {}
    for number, question in enumerate(questions):
        smooth = _Smooth.of(question)
        groups.setdefault((*smooth.outer.shape[1:], *smooth.sizes, smooth.n_free), []).append((number, smooth))
    found: dict[int, list[End]] = {}
    for group in groups.values():
        asked = [questions[number] for number, _ in group]
        counts = [len(question.starts) for question in asked]
        starts = np.concatenate([each.inside(smooth) for each, (_, smooth) in zip(asked, group, strict=True)])
        caps = np.repeat([question.limits for question in asked], counts, axis=0)
        ended = _interior_point(_Smooth.stacked([smooth for _, smooth in group], counts), starts, caps)
        for (number, _), part in zip(group, np.split(ended, np.cumsum(counts)[:-1]), strict=True):
            found[number] = questions[number].ends(part)
    return [found[number] for number in range(len(questions))]


def _timed(questions: Sequence[Question]) -> list[tuple[list[End], float]]:
    """:func:`searched`, and the time of each question, s."""
    began = time.perf_counter()
    found = searched(questions)
    return [(ends, (time.perf_counter() - began) / len(questions)) for ends in found]


@dataclass(frozen=True, eq=False)
class _Smooth:
    """Values, gradients and Hessians of ``S`` searches of one shape side by side, in parameters that lose few digits.

    Those are the ones in which at some powers the last block has the identity as its information and passes no error
    on: ``turn`` leads back to metres, and ``passed`` are the errors passed on there, shapes ``(S, k, k)`` and
    ``(S, k, c)``. ``inner`` and ``outer`` are the nodes' information about the last block, and about it and the errors
    held, per share of the budget, shapes ``(S, n, k, k)`` and ``(S, n, k, c)``. The columns are errors that the earlier
    steps cause, ``sizes`` of them each. Alone, one of these has S = 1.
    """

    turn: Array
    passed: Array
    inner: Array
    outer: Array
    sizes: tuple[int, ...]
    n_free: int

    @classmethod
    def of(cls, question: Question) -> _Smooth:
        search, transmits = question.search, question.transmits
        k, mean = search.own.shape[1], np.where(transmits, np.mean(question.starts, axis=0), 0.0)
        weight = np.sqrt((0.5 * mean / mean.sum() + 0.5 * transmits / transmits.sum())[search.node])
        errors = search.held @ np.concatenate(search.roots, axis=1)
        triangle = triangle_of(weight[:, None] * np.concatenate([search.own, errors], axis=1))
        turn = np.asarray(np.linalg.inv(triangle[:k, :k]))
        rows, errors = search.own @ turn, errors - search.own @ turn @ triangle[:k, k:]
        nodes = [search.node == node for node in np.flatnonzero(transmits)]
        return cls(
            turn[None],
            (turn @ triangle[:k, k:])[None],
            np.array([[rows[own].T @ rows[own] for own in nodes]]),
            np.array([[rows[own].T @ errors[own] for own in nodes]]),
            tuple(root.shape[1] for root in search.roots),
            len(search.roots) if search.free else 0,
        )

    @classmethod
    def stacked(cls, parts: Sequence[_Smooth], counts: Sequence[int]) -> _Smooth:
        """Each of several, so many times."""
        return cls(
            *parts[0]._map(lambda name: np.repeat(np.concatenate([getattr(part, name) for part in parts]), counts, 0)),
            parts[0].sizes,
            parts[0].n_free,
        )

    def take(self, chosen: NDArray[np.bool_]) -> _Smooth:
        """Some of the searches."""
        return _Smooth(*self._map(lambda name: getattr(self, name)[chosen]), self.sizes, self.n_free)

    @staticmethod
    def _map(made: Callable[[str], Array]) -> tuple[Array, Array, Array, Array]:
        """All arrays, each made from its name."""
        return made("turn"), made("passed"), made("inner"), made("outer")

    def _solved(self, power: Array) -> tuple[Array, Array, Array]:
        """Inverse information ``(S, k, k)``, what the held errors do ``(S, k, c)``, the same in metres."""
        information, pushed = (np.einsum("Sn,Snij->Sij", power, each) for each in (self.inner, self.outer))
        inverse = np.linalg.inv(information)
        follows = inverse @ pushed
        return inverse, follows, self.passed + self.turn @ follows

    def parts(self, power: Array) -> Array:
        """What each step contributes to the value at energies of 1, shape ``(S, n_steps)``."""
        inverse, _, passed = self._solved(power)
        own = np.einsum("Sij,Sjk,Sik->S", self.turn, inverse, self.turn)
        return np.append(self._per_step(np.sum(passed**2, axis=1)), own[:, None], axis=1)

    def _per_step(self, columns: Array) -> Array:
        return np.asarray(np.add.reduceat(columns, np.cumsum((0, *self.sizes[:-1])), axis=-1))

    def value(self, x: Array) -> Array:
        """Values, shape ``(S,)``; infinite where the last block is undetermined to all digits."""
        try:
            part = self.parts(x[:, self.n_free :])
        except np.linalg.LinAlgError:
            return np.full(len(x), np.inf)
        sound = (part[:, -1] > 0) & np.isfinite(part).all(axis=1)
        if self.n_free:
            part[:, :-1] /= x[:, : self.n_free]
        return np.where(sound, part.sum(axis=1), np.inf)

    def derivatives(self, x: Array) -> tuple[Array, Array]:
        """Gradients ``(S, N)`` and Hessians ``(S, N, N)``."""
        e, (count, n) = self.n_free, self.outer.shape[:2]
        inverse, follows, passed = self._solved(x[:, e:])
        energies = x[:, :e] if e else np.ones((count, len(self.sizes)))
        weight = np.repeat(1 / energies, self.sizes, axis=1)
        # how what the held errors do changes with each power, and how what is passed on does
        change = inverse[:, None] @ (self.outer - self.inner @ follows[:, None])
        moved = self.turn[:, None] @ change
        back = inverse @ (self.turn.transpose(0, 2, 1) @ (passed * weight[:, None]))
        square = self.turn @ inverse
        pushed = square[:, None] @ self.inner

        def products(one: Array, other: Array) -> Array:
            flat = one.reshape(count, n, -1), other.reshape(count, n, -1)
            return np.asarray(flat[0] @ flat[1].transpose(0, 2, 1))

        slopes = 2 * np.einsum("Snkc,Skc->Snc", moved, passed)
        gradient, hessian = np.zeros((count, e + n)), np.zeros((count, e + n, e + n))
        own = square.transpose(0, 2, 1) @ square
        gradient[:, e:] = np.einsum("Snc,Sc->Sn", slopes, weight) - np.einsum("Snij,Sij->Sn", self.inner, own)
        mixed = products(change, self.inner @ back[:, None])
        bent = products(moved * weight[:, None, None], moved) - mixed - mixed.transpose(0, 2, 1)
        hessian[:, e:, e:] = 2 * (bent + products(pushed @ inverse[:, None], pushed))
        if e:
            part = self._per_step(np.sum(passed**2, axis=1))
            gradient[:, :e] = -part / energies**2
            hessian[:, np.arange(e), np.arange(e)] = 2 * part / energies**3
            cross = -self._per_step(slopes) / energies[:, None] ** 2
            hessian[:, e:, :e], hessian[:, :e, e:] = cross, cross.transpose(0, 2, 1)
        return gradient, hessian


def _interior_point(smooth: _Smooth, x: Array, caps: Array) -> Array:
    """Local minima over ``0 <= x <= caps``, ``sum x <= 1`` from points inside, shape ``(S, N)``.

    A primal-dual interior-point method. What is curved downwards counts as if it were curved upwards, so that a step
    leads downwards always.
    """
    found, left = x.copy(), np.arange(len(x))
    capped = np.where(caps < 1, caps, np.inf)
    value = smooth.value(x)
    count = 1 + x.shape[1] + np.isfinite(capped).sum(axis=1)
    barrier = 0.1 * value / count
    low, high, budget = _balanced(x, capped, barrier)
    for _ in range(MOST_STEPS):
        gradient, hessian = smooth.derivatives(x)
        most = largest_over_feasible(-gradient, np.ones(len(x)), caps)
        going = np.sum(gradient * x, axis=1) + most > SOUGHT * value
        found[left] = x
        if not going.any():
            break
        if not going.all():
            smooth = smooth.take(going)
            left, x, value, caps, capped, count, barrier, low, high, budget, gradient, hessian = (
                each[going]
                for each in (left, x, value, caps, capped, count, barrier, low, high, budget, gradient, hessian)
            )
        room, rest = capped - x, 1 - x.sum(axis=1)
        towards = gradient - barrier[:, None] * (1 / x - 1 / room - 1 / rest[:, None])
        matrix, diagonal = hessian + (budget / rest)[:, None, None], np.arange(x.shape[1])
        matrix[:, diagonal, diagonal] += low / x + high / room
        # in units of the variables themselves
        sizes, ways = np.linalg.eigh(matrix * x[:, :, None] * x[:, None, :])
        sizes = np.maximum(np.abs(sizes), 1e-14 * np.abs(sizes).max(axis=1, keepdims=True))
        inside = (ways.transpose(0, 2, 1) @ (towards * x)[:, :, None])[:, :, 0] / sizes
        step = -x * (ways @ inside[:, :, None])[:, :, 0]
        total = step.sum(axis=1)
        balanced = _balanced(x, capped, barrier)
        d_low = balanced[0] - low - low / x * step
        d_high = balanced[1] - high + high / room * step
        d_budget = balanced[2] - budget + budget / rest * total
        along = np.minimum.reduce([_way(x, step), _way(room, -step), _way(rest[:, None], -total[:, None])])
        dual = np.minimum.reduce([_way(low, d_low), _way(high, d_high), _way(budget[:, None], d_budget[:, None])])
        before, falls = _merit(x, value, barrier, capped), np.sum(towards * step, axis=1)
        for _ in range(MOST_HALVINGS):
            tried = x + along[:, None] * step
            reached = smooth.value(tried)
            allowed = before + 1e-4 * along * falls + 1e-13 * np.abs(before)
            worse = ~(_merit(tried, reached, barrier, capped) <= allowed)
            if not worse.any():
                break
            along = np.where(worse, along / 2, along)
        x, value = np.where(worse[:, None], x, tried), np.where(worse, value, reached)
        room, rest = capped - x, 1 - x.sum(axis=1)
        balanced = _balanced(x, capped, barrier)
        low, high, budget = (
            np.clip(now + np.reshape(dual, (-1, *(1,) * (now.ndim - 1))) * by, middle / FARTHEST, middle * FARTHEST)
            for now, by, middle in zip((low, high, budget), (d_low, d_high, d_budget), balanced, strict=True)
        )
        products = np.sum(low * x + high * np.where(np.isfinite(room), room, 0.0), axis=1) + budget * rest
        share = np.where(np.minimum(along, dual) > 0.5, 0.1, 0.5)
        barrier = np.minimum(barrier, share * products / count)
    found[left] = x
    return found


def _balanced(x: Array, capped: Array, barrier: Array) -> tuple[Array, Array, Array]:
    """Multipliers of the lower limits, of the upper ones and of the budget on the central path."""
    return barrier[:, None] / x, barrier[:, None] / (capped - x), barrier / (1 - x.sum(axis=1))


def _way(room: Array, change: Array) -> Array:
    """How much of a change, at most 1, keeps what is positive positive, shape ``(S,)``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.minimum(1.0, TO_THE_BOUNDARY * np.min(np.where(change < 0, -room / change, np.inf), axis=1))


def _merit(x: Array, value: Array, barrier: Array, capped: Array) -> Array:
    """Values with a barrier in front of every limit, shape ``(S,)``; NaN on one."""
    room = np.where(np.isfinite(capped), capped - x, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return value - barrier * (np.log(x).sum(axis=1) + np.log(room).sum(axis=1) + np.log(1 - x.sum(axis=1)))
