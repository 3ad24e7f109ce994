"""Step-by-step as carried out: what estimators reach that estimate radars, clock offsets and targets one after another.

``held`` and ``added`` (:mod:`isal.schemes.carry_over`) state bounds that are the information of no experiment. What an
estimator reaches depends on what a later step does with the earlier ones' estimates and data:

``plug-in-ranging``, ``plug-in-all``
    It holds the earlier estimates fixed, as if they were true. What it can't know, it takes for unknown: the blocks of
    later steps. Steps before the last use their ranging links only, or all their links; the last one uses all.
``marginal``
    It takes them for a prior with the covariance that they really have, to first order at the truth, and estimates them
    anew.
``joint``
    It estimates everything from the data of all steps so far.

The first-order covariance of a plug-in. Step s estimates block b with the earlier blocks F fixed at their estimates,
of covariance C, and the later blocks U unknown. From its information M, at this step's powers, it keeps
``M~ = M_bb - M_bU M_UU^-1 M_Ub`` and ``M~_F = M_bF - M_bU M_UU^-1 M_UF``. An error of F moves its estimate by ``-G``
times that error, ``G = M~^-1 M~_F``, so that C becomes ``[[C, -C G'], [-G C, M~^-1 + G C G']]``. No G depends on the
energies of the steps, only on the shapes of their powers (a shape are powers that add up to 1 W), so the last block's
bound is ``f = sum_s a_s / E_s``. The best split of an energy E is ``E_s ~ sqrt(a_s)``, with
``f = (sum_s sqrt(a_s))^2 / E``. All this holds without jitter of time stamps only; the covariance holds with it, too.

A plug-in is an unbiased estimator, to first order, from data of the summed powers, and so never beats integrated. With
all links and one shape in all steps the recursion is the factorisation of that shape's inverse information, block by
block, and ``sum_s a_s = E f``: the price of going step by step is then ``(sum_s sqrt(a_s))^2 / sum_s a_s``, at least 1
and at most the number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

from isal.allocation import scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.problem import AllocationProblem, positive_number
from isal.errors import IsalError
from isal.knowledge import Knowledge, by_root, triangle_of
from isal.model.information import Information, checked_power
from isal.model.parameters import Block
from isal.schemes.best_split import best_steps
from isal.schemes.integrated import integrated_slot
from isal.schemes.schedule import DEFAULT_SOLVER, no_prior
from isal.schemes.step_by_step import (
    EARLIER_STEP_TOLERANCE,
    first_step_per_joule,
    known_after,
    steps_of,
)
from isal.schemes.variant import FirstStep, Variant
from isal.units import DURATION_S
from isal.validation import positions
from isal.validation.blocks import Key, generator
from isal.validation.positions import Model, Moments

Links = Literal["ranging", "all"]
LINKS: tuple[Links, ...] = get_args(Links)

Scheme = Literal["plug-in-ranging", "plug-in-all", "marginal", "joint"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

#: So many random shapes of the last step's powers start the search, besides those that solve a similar problem.
RANDOM_STARTS = 6

#: Searches ended at the same value if these differ by less than this, relative.
SAME_END = 1e-6

#: The first order holds for estimates whose second order is at most so many standard deviations of what a step
#: measures, and whose steps each have at least this share of the energy. Beyond, errors have another covariance.
LARGEST_CURVATURE, SMALLEST_SHARE = 0.3, 1e-4

Array = NDArray[np.float64]


# --- closed forms -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Transfer:
    """What one step of a plug-in does to errors of its block, the parameters ``indices``.

    Its own data cause the covariance ``own``, ``M~^-1``, m^2, shape ``(k, k)``, and errors of earlier estimates
    ``-gain`` times these; ``gain`` is ``G``, shape ``(k, d)``, zero but for the earlier blocks.
    """

    indices: NDArray[np.intp]
    own: Array
    gain: Array


def transfers(info: Information, powers: Sequence[ArrayLike], links: Links) -> list[Transfer]:
    """The steps of a plug-in at any powers, W, radars first, one power vector per step; ``links`` of the earlier steps.

    Raises
    ------
    IsalError
        If there are not as many powers as steps, or a step's powers leave its block undetermined.
    """
    steps = _checked_steps(info, powers, links)
    found = []
    for number, (block, power) in enumerate(zip(steps, powers, strict=True)):
        indices, earlier = info.basis.indices([block]), info.basis.indices(steps[:number])
        met = info.basis.indices(steps[: number + 1])
        root = positions.root_of(_used(info, number, links).measured(power).marginal(met))
        columns, gain = np.searchsorted(met, indices), np.zeros((len(indices), info.basis.size))
        _, own = by_root(root[:, columns], np.eye(len(columns)))
        if np.isnan(own).any():
            raise IsalError(
                f"{info.network.name}: the powers of step {number + 1} ({block}) leave it undetermined with "
                f"{_used_in_words(number, steps, links)}; let more nodes transmit in it"
            )
        # least squares on the rows, not products of matrices, which would lose half of the digits
        triangle = triangle_of(root[:, np.append(columns, np.searchsorted(met, earlier))])
        k = len(columns)
        gain[:, earlier] = np.linalg.solve(triangle[:k, :k], triangle[:k, k:])
        found.append(Transfer(indices, own, gain))
    return found


def contributions(info: Information, powers: Sequence[ArrayLike], links: Links) -> Array:
    """Covariance of all estimates of a plug-in that each step's own data cause, m^2, shape ``(n_steps, d, d)``.

    They add up to the covariance, and each is inversely proportional to its step's energy if time stamps do not jitter.
    Arguments and errors are those of :func:`transfers`.
    """
    return _propagated(transfers(info, powers, links), info.basis.size)


def _propagated(steps: Sequence[Transfer], size: int) -> Array:
    parts = np.zeros((len(steps), size, size))
    for number, step in enumerate(steps):
        spread = np.eye(size)[:, step.indices]
        for later in steps[number + 1 :]:
            spread[later.indices] = -later.gain @ spread
        parts[number] = spread @ step.own @ spread.T
    return parts


def covariance(info: Information, powers: Sequence[ArrayLike], scheme: Scheme) -> Array:
    """First-order covariance of all estimates of a scheme at any powers of its steps (W), m^2, shape ``(d, d)``.

    Raises
    ------
    IsalError
        If there is no such scheme, or its powers are unusable or leave something undetermined.
    """
    if _checked_scheme(scheme) in ("marginal", "joint"):
        carry: Literal["marginal", "joint"] = "marginal" if scheme == "marginal" else "joint"
        checked = [checked_power(power, info.network) for power in powers]
        return positions.inverse(known_after(info, checked, carry)[-1])
    return np.asarray(contributions(info, powers, _links_of(scheme)).sum(axis=0))


def coefficients(info: Information, powers: Sequence[ArrayLike], links: Links) -> Array:
    """``a_s`` of ``f = sum_s a_s / E_s``, m^2 J, shape ``(n_steps,)``, for the shapes of the given powers of the steps.

    Arguments and errors are those of :func:`transfers`, and with jitter of time stamps there are none.
    """
    _refuse_jitter(info)
    last = info.basis.indices([steps_of(info)[-1]])
    energies = np.array([np.sum(power) for power in powers]) * DURATION_S
    parts = contributions(info, powers, links)[:, last, last]
    return np.asarray(parts.sum(axis=1) * energies)


def best_energies(coefficient: ArrayLike, energy: float) -> tuple[Array, float]:
    """The split of ``energy`` (J) that is best for ``f = sum_s a_s / E_s``, and its value: ``E_s ~ sqrt(a_s)``."""
    root = np.sqrt(np.asarray(coefficient, dtype=float))
    return energy * root / root.sum(), float(root.sum() ** 2 / energy)


def _refuse_jitter(info: Information) -> None:
    """Refuse what holds only where information is proportional to power."""
    if info.jitters:
        raise IsalError(
            f"{info.network.name}: with jitter of time stamps the bound of a plug-in is no sum of a_s / E_s; set "
            "timestamp_jitter_s to 0, or ask for its covariance at given powers"
        )


def _links_of(scheme: Scheme) -> Links:
    return "ranging" if scheme == "plug-in-ranging" else "all"


def _used(info: Information, number: int, links: Links) -> Information:
    """What the links tell that step ``number`` (from 0) uses."""
    return info.ranging if links == "ranging" and number + 1 < len(steps_of(info)) else info


def _used_in_words(number: int, steps: Sequence[str], links: Links) -> str:
    return "its ranging links alone" if links == "ranging" and number + 1 < len(steps) else "all its links"


def _checked_steps(info: Information, powers: Sequence[ArrayLike], links: Links) -> tuple[Block, ...]:
    steps, name = steps_of(info), info.network.name
    if links not in LINKS:
        raise IsalError(f"links must be one of {', '.join(LINKS)}; got {links!r}")
    if len(powers) != len(steps):
        raise IsalError(f"{name}: powers must be given for {len(steps)} steps ({', '.join(steps)}), got {len(powers)}")
    for step, power in zip(steps, powers, strict=True):
        if not checked_power(power, info.network).any():
            raise IsalError(f"{name}: the powers of step {step} are all zero; let a node transmit in every step")
    return steps


def _checked_scheme(scheme: Scheme) -> Scheme:
    if scheme not in SCHEMES:
        raise IsalError(f"scheme must be one of {', '.join(SCHEMES)}; got {scheme!r}")
    return scheme


# --- simulation -------------------------------------------------------------------------------------------------------


def simulate(
    info: Information, powers: Sequence[ArrayLike], scheme: Scheme, key: Key, blocks: Iterable[int]
) -> Moments:
    """Errors of step-by-step estimation as it is carried out: each step estimates from its own simulated ranges.

    Parameters
    ----------
    powers
        Of each step, W, radars first.
    key, blocks
        As in :func:`isal.validation.positions.simulate`; iterations start at the truth, earlier estimates excepted.

    Returns
    -------
    Errors of all parameters as they stand in the end: of a plug-in each block from its own step, otherwise all from the
    last step. Their NEES is in units of :func:`covariance`, as a plug-in does not know its own. A trial has converged
    if all its steps have.

    Raises
    ------
    IsalError
        As :func:`covariance`.
    """
    expected = covariance(info, powers, scheme)
    steps, estimated = _carried_out(info, powers, scheme)
    weight = np.linalg.inv(np.linalg.cholesky(expected))

    def block(number: int) -> Moments:
        rng = generator(key, number)
        truth = positions.drawn_truth(info, steps[0].model, rng)
        data = [positions.drawn(step.model, truth, rng) for step in steps]
        theta, converged = estimated(steps, data, truth)
        errors = theta - truth
        return Moments.of_block(number, errors, converged, np.sum((weight @ errors) ** 2, axis=0))

    return Moments.merged(map(block, blocks))


def within_first_order(info: Information, powers: Sequence[ArrayLike], scheme: Scheme) -> bool:
    """Whether the first-order :func:`covariance` is what a scheme reaches at such powers of its steps (W).

    It is not where a step gets hardly any energy (:data:`SMALLEST_SHARE`), or hardly determines what it estimates
    (:data:`LARGEST_CURVATURE`). Errors are those of :func:`covariance`.
    """
    steps, _ = _carried_out(info, powers, scheme)
    energies = np.array([np.sum(power) for power in powers])
    if len(steps) > 1 and (energies < SMALLEST_SHARE * energies.sum()).any():
        return False
    return max(step.curvature for step in steps) <= LARGEST_CURVATURE


@dataclass(frozen=True, eq=False)
class _Step:
    """What one step measures, which parameters it estimates, and the rows of its prior, shape ``(k, d)``, 1/m."""

    model: Model
    free: NDArray[np.intp]
    prior: Array

    @property
    def whole(self) -> Model:
        """All that the step estimates from."""
        return self.model.with_prior(self.prior) if len(self.prior) else self.model

    @property
    def curvature(self) -> float:
        """Largest second order of what is measured, in standard deviations, along the axes of the errors' ellipsoid."""
        model = self.whole
        rows = model.jacobian_at_truth()[:, self.free]
        size = np.linalg.norm(rows, axis=0)
        _, values, axes = np.linalg.svd(rows / size, full_matrices=False)
        moved = np.zeros((len(model.truth), len(values)))
        # what is not determined at all has an infinite axis
        moved[self.free] = (axes / np.maximum(values, np.finfo(float).tiny)[:, None]).T / size[:, None]
        truth = np.repeat(model.truth[:, None], len(values), axis=1)
        second = (model.mean(truth + moved) + model.mean(truth - moved)) / 2 - model.mean(truth)
        return float(np.linalg.norm(second, axis=0).max())


#: From the steps, their data and the true parameters to estimates, and which trials have converged.
_Estimator = Callable[[Sequence[_Step], Sequence[Array], Array], tuple[Array, NDArray[np.bool_]]]


def _carried_out(info: Information, powers: Sequence[ArrayLike], scheme: Scheme) -> tuple[list[_Step], _Estimator]:
    """The steps of a scheme, and how their data become estimates."""
    watts, everything = [checked_power(power, info.network) for power in powers], np.arange(info.basis.size)
    nothing = np.zeros((0, info.basis.size))
    if _checked_scheme(scheme) == "joint":
        # repeated ranges of one link count as their weighted mean; each step has stamps of its own
        told = np.sum([info.link_information(power) for power in watts], axis=0)
        return [_Step(Model.of_ranges(info, told), everything, nothing)], _with_prior
    steps = _checked_steps(info, powers, _links_of(scheme))
    if scheme == "marginal":
        found, prior, carried = [], nothing, no_prior(info)
        for number, power in enumerate(watts):
            found.append(_Step(Model.of(info, power), everything, prior))
            met = info.basis.indices(steps[: number + 1])
            carried = (carried + info.measured(power)).marginal(met).embedded(info.basis.size, met)
            prior = positions.root_of(carried)
        return found, _with_prior
    own = [info.basis.indices([block]) for block in steps]
    found = []
    for number, power in enumerate(watts):
        model = Model.of(_used(info, number, _links_of(scheme)), power)
        # what a step's links tell nothing of, such as ranging links of targets, is not estimated in it
        told = np.flatnonzero(model.jacobian_at_truth().any(axis=0))
        found.append(_Step(model, np.intersect1d(info.basis.indices(steps[number:]), told), nothing))

    def holding(steps: Sequence[_Step], data: Sequence[Array], truth: Array) -> tuple[Array, NDArray[np.bool_]]:
        """Each step holds earlier estimates and keeps those of its own block."""
        held, converged = truth.copy(), np.ones(truth.shape[1], dtype=bool)
        for step, measured, block in zip(steps, data, own, strict=True):
            theta, sound = positions.estimate(step.model, measured, held, step.free)
            held[block] = theta[block]
            converged &= sound
        return held, converged

    return found, holding


def _with_prior(steps: Sequence[_Step], data: Sequence[Array], truth: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Each step estimates anew, and what it estimates is the prior of the next one."""
    theta, converged = truth, np.ones(truth.shape[1], dtype=bool)
    for step, measured in zip(steps, data, strict=True):
        theta, sound = positions.estimate(step.whole, np.concatenate([measured, step.prior @ theta]), truth)
        converged &= sound
    return theta, converged


# --- best powers of a plug-in -----------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PlugIn:
    """Powers of the step-by-step scheme whose later steps hold earlier estimates fixed.

    ``links``
        What the steps before the last use.
    ``power``
        Of each step, W, shape ``(n_steps, n_nodes)``.
    ``energies``
        Of each step, J, shape ``(n_steps,)``.
    ``coefficients``
        ``a_s``, m^2 J: the value is ``sum_s a_s / E_s``.
    ``value``
        Bound of the last step's block, m^2.
    ``ends``
        Values at which local searches for the last step's powers ended, m^2, ascending, as far as they differ: this is
        no convex problem, and nothing proves that the lowest one is the least.
    ``starts``
        Number of these searches.
    """

    links: Links
    power: Array
    energies: Array
    coefficients: Array
    value: float
    ends: tuple[float, ...]
    starts: int


def plug_in(
    info: Information,
    energy: float,
    *,
    links: Links = "all",
    energies: Sequence[float] | None = None,
    step_1: FirstStep = "block",
    earlier: Sequence[ArrayLike] | None = None,
    solver: str = DEFAULT_SOLVER,
) -> PlugIn:
    """Powers and split of the plug-in scheme, without binding caps.

    Steps before the last minimise their own block, convex problems: step 1 as ``step_1`` says
    (:mod:`isal.schemes.step_by_step`), a step for clock offsets their block with all else known. The last step
    minimises the value itself, which also holds the earlier steps' errors as its powers pass them on. That is not
    convex, so a local search runs from several starts; see :attr:`PlugIn.ends`.

    Parameters
    ----------
    energy
        Of all steps together, J.
    links
        What the steps before the last use: ``"ranging"`` links or ``"all"``.
    energies
        Of each step, J, adding up to ``energy``; by default the best split, a closed form for any shape of the powers.
    earlier
        Powers of the steps before the last, of which only the shapes count, instead of those that their own blocks
        would have. With the integrated scheme's in each and all links the value is at most the number of steps times
        the integrated one.

    Raises
    ------
    IsalError
        If an argument is unusable, a step leaves its block undetermined, or time stamps jitter.
    """
    _refuse_jitter(info)
    variant = Variant(step_1)
    positive_number(energy, "energy", "J")
    if links not in LINKS:
        raise IsalError(f"links must be one of {', '.join(LINKS)}; got {links!r}")
    split = None if energies is None else _checked_split(info, energies, energy)
    if earlier is None:
        shapes = list(_earlier_shapes(info, variant.step_1, solver))
    else:
        # the last step's powers are not known yet, but any will do for the check
        _checked_steps(info, [*earlier, np.ones(info.network.n_nodes)], links)
        shapes = [_shape(power) for power in earlier]
    search = _LastStep.after(info, shapes, links)
    starts = list(_starts(info, solver))
    ended = sorted((search.searched(start, split) for start in starts), key=lambda each: each[0])
    lowest, shape = ended[0]
    coefficient = search.coefficients(shape)[0]
    given, value = best_energies(coefficient, energy) if split is None else (split, float(np.sum(coefficient / split)))
    distinct = [value]
    for other, _ in ended[1:]:
        if np.isfinite(other) and other * value / lowest > distinct[-1] * (1 + SAME_END):
            distinct.append(other * value / lowest)
    power = np.array([*shapes, shape]) * (given / DURATION_S)[:, None]
    return PlugIn(links, power, given, coefficient, value, tuple(distinct), len(starts))


def best_powers(info: Information, energy: float, scheme: Scheme, solver: str = DEFAULT_SOLVER) -> Array:
    """Powers of the steps at a scheme's own best split of an energy (J), W, shape ``(n_steps, n_nodes)``.

    ``marginal`` and ``joint`` leave a step hardly any energy, as nothing is gained by going step by step.
    """
    if _checked_scheme(scheme) in ("marginal", "joint"):
        carry: Literal["marginal", "joint"] = "marginal" if scheme == "marginal" else "joint"
        split = best_steps(info, no_prior(info), energy, carry, None, DEFAULT_TOLERANCE)
        return np.array(scheduler.run(split, solver).result.candidate)
    return plug_in(info, energy, links=_links_of(scheme), solver=solver).power


def _checked_split(info: Information, energies: Sequence[float], energy: float) -> Array:
    split, steps = np.asarray(energies, dtype=float), steps_of(info)
    if split.shape != (len(steps),) or not (np.isfinite(split) & (split > 0)).all():
        raise IsalError(
            f"{info.network.name}: energies must be finite and positive for each of {len(steps)} steps "
            f"({', '.join(steps)}), in J; got {energies}"
        )
    if not np.isclose(split.sum(), energy, rtol=1e-9):
        raise IsalError(f"{info.network.name}: the energies of the steps add up to {split.sum():g} J, not {energy:g} J")
    return split


def _earlier_shapes(info: Information, step_1: FirstStep, solver: str) -> Iterator[Array]:
    """Powers of the steps before the last at 1 J, W."""
    for number, block in enumerate(steps_of(info)[:-1]):
        if number == 0:
            yield _shape(scheduler.run(first_step_per_joule(info, "joint", None, step_1), solver))
        else:
            yield _own_block(info, info.basis.indices([block]), solver)


def _own_block(info: Information, indices: NDArray[np.intp], solver: str) -> Array:
    """Powers at 1 J, W, that are best for some parameters with all others known."""
    everything = np.arange(len(indices))
    problem = AllocationProblem(Knowledge.nothing(len(indices)), info.stack.over(indices), everything, 1.0)
    return _shape(scheduler.run(scheduler.ask(problem, EARLIER_STEP_TOLERANCE), solver).power)


def _shape(power: ArrayLike) -> Array:
    watts = np.asarray(power, dtype=float)
    return np.asarray(watts / watts.sum())


def _starts(info: Information, solver: str) -> Iterator[Array]:
    """Shapes of the last step's powers to start from: the integrated scheme's, those that are best if the earlier
    estimates are exact, and random ones, always the same.

    Not even ones: with equal powers no error of a clock offset reaches a target, and where a step's errors do not reach
    the last block the value has a kink, on which a search does not move.
    """
    whole = scheduler.run(integrated_slot(info, no_prior(info), 1.0, None, EARLIER_STEP_TOLERANCE), solver)
    yield _shape(whole.power)
    yield _own_block(info, info.basis.indices([steps_of(info)[-1]]), solver)
    rng = np.random.default_rng(0)
    for _ in range(RANDOM_STARTS):
        yield rng.dirichlet(np.ones(info.network.n_nodes))


@dataclass(frozen=True, eq=False)
class _LastStep:
    """The coefficients ``a_s`` as functions of the shape of the last step's powers.

    ``own`` and ``held`` are the rows of all links, ``sqrt(lambda) j`` per root of a watt, over the last block and over
    the blocks before it, shapes ``(n_links, k)`` and ``(n_links, d)``; ``node`` are their transmitters. ``earlier`` are
    the covariances of the blocks before it that each earlier step causes at 1 J, shape ``(n_steps - 1, d, d)``.
    """

    own: Array
    held: Array
    node: NDArray[np.intp]
    n_nodes: int
    earlier: Array

    @classmethod
    def after(cls, info: Information, shapes: Sequence[Array], links: Links) -> _LastStep:
        steps, n = steps_of(info), info.network.n_nodes
        last, before = info.basis.indices([steps[-1]]), info.basis.indices(steps[:-1])
        # what the last step does with its own data does not matter to the errors of the steps before it
        parts = contributions(info, [*shapes, np.full(n, 1 / n)], links)[:-1]
        rows = info.links.rows * np.sqrt(info.links.intensity)[:, None]
        return cls(rows[:, last], rows[:, before], info.links.transmitter, n, parts[:, before[:, None], before])

    def coefficients(self, shape: Array) -> tuple[Array, Array]:
        """``a_s``, shape ``(n_steps,)``, and their gradients, shape ``(n_steps, n)``, at a shape that adds up to 1."""
        k = self.own.shape[1]
        triangle = triangle_of(np.sqrt(shape[self.node])[:, None] * np.concatenate([self.own, self.held], axis=1))
        gain = np.linalg.solve(triangle[:k, :k], triangle[:k, k:])
        half = np.linalg.inv(triangle[:k, :k])
        # per link, before anything is summed up: where a target is close to a node the sums cancel to all digits
        pushed = self.own @ half @ half.T
        unexplained = self.held - self.own @ gain
        passed_on = self.earlier @ gain.T
        value = np.append(np.einsum("kF,sFk->s", gain, passed_on), np.sum(half**2))
        per_link = 2 * np.einsum("lk,slk->sl", pushed, unexplained @ passed_on)
        per_link = np.concatenate([per_link, -np.sum(pushed**2, axis=1)[None]])
        slope = np.array([np.bincount(self.node, weights=each, minlength=self.n_nodes) for each in per_link])
        return value, slope

    def searched(self, start: Array, split: Array | None) -> tuple[float, Array]:
        """Local minimum near ``start`` of the value for all energies of 1 J, or for a given split, and its shape."""
        unit = self.objective(start, split)[0]

        def scaled(variables: Array) -> tuple[float, Array]:
            # only the shape counts, so any positive multiple of it will do, and no constraint but the signs is left
            total = variables.sum()
            if not total > 0:
                return np.inf, np.zeros_like(variables)
            value, slope = self.objective(variables / total, split)
            return value / unit, (slope - slope @ variables / total) / (total * unit)

        n = len(start)
        # a node without power at the start could not gain any if the gradient there said so only beyond rounding
        inside = 0.999 * start + 0.001 / n
        options = {"maxiter": 1000, "maxfun": 5000, "ftol": 1e-15, "gtol": 1e-10}
        found = optimize.minimize(
            scaled, inside, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * n, options=options
        )
        shape = _shape(np.asarray(found.x))
        return self.objective(shape, split)[0], shape

    def objective(self, shape: Array, split: Array | None) -> tuple[float, Array]:
        """``(sum_s sqrt(a_s))^2``, or ``sum_s a_s / E_s`` for a given split, and its gradient."""
        try:
            value, slope = self.coefficients(shape)
        except np.linalg.LinAlgError:
            return np.inf, np.zeros(len(shape))
        if split is not None:
            return float(np.sum(value / split)), slope.T @ (1 / split)
        root = np.sqrt(np.maximum(value, 0.0))
        # a step whose errors do not reach the last block has no share, and none of its slope
        weight = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        return float(root.sum() ** 2), root.sum() * (slope.T @ weight)
