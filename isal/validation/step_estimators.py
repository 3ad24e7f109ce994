"""Step-by-step as carried out: what estimators reach that estimate radars, clock offsets and targets one after another.

``held`` and ``added`` (:mod:`isal.schemes.carry_over`) state bounds that are the information of no experiment. What an
estimator reaches depends on what a later step does with the earlier ones' estimates and data:

``plug-in-ranging``, ``plug-in``
    It holds the earlier estimates fixed, as if they were true. What it can't know, it takes for unknown: the blocks of
    later steps. Steps before the last use their ranging links only, or all their links; the last one uses all.
``marginal``
    It takes them for a prior with the covariance that they really have, to first order at the truth, and estimates them
    anew.
``joint``
    It estimates everything from the data of all steps so far.

What a plug-in reaches has a closed form, and its best powers are a scheme: :mod:`isal.schemes.plug_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import scheduler
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.problem import positive_number
from isal.errors import IsalError, one_of
from isal.model.information import Information, checked_power
from isal.schemes.best_split import best_steps
from isal.schemes.carry_over import CARRY_OVERS, Carry
from isal.schemes.plug_in import (
    LINKS,
    Links,
    best_last_step,
    checked_steps,
    coefficients,
    contributions,
    last_step,
    used,
)
from isal.schemes.schedule import DEFAULT_SOLVER, no_prior
from isal.schemes.step_by_step import earlier_steps_per_joule, known_after, steps_of
from isal.schemes.variant import FirstStep, Variant
from isal.units import DURATION_S
from isal.validation import positions
from isal.validation.blocks import Key, generator
from isal.validation.positions import Model, Moments

Scheme = Literal["plug-in-ranging", "plug-in", "marginal", "joint"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

#: The carry-over of the scheme by the links that steps before the last use.
_CARRY: dict[Links, Carry] = {each.plugs_in: each.name for each in CARRY_OVERS.values() if each.plugs_in is not None}

#: The first order holds for estimates whose second order is at most so many standard deviations of what a step
#: measures, and whose steps each have at least this share of the energy. Beyond, errors have another covariance.
LARGEST_CURVATURE, SMALLEST_SHARE = 0.3, 1e-4

Array = NDArray[np.float64]


# --- closed forms -----------------------------------------------------------------------------------------------------


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


def _links_of(scheme: Scheme) -> Links:
    return "ranging" if scheme == "plug-in-ranging" else "all"


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
    steps = checked_steps(info, powers, _links_of(scheme))
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
        model = Model.of(used(info, number, _links_of(scheme)), power)
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
    """

    links: Links
    power: Array
    energies: Array
    coefficients: Array
    value: float
    ends: tuple[float, ...]


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
    variant = Variant(step_1)
    positive_number(energy, "energy", "J")
    one_of(links, LINKS, "links")
    split = None if energies is None else _checked_split(info, energies, energy)
    if earlier is None:
        shapes = scheduler.run(earlier_steps_per_joule(info, _CARRY[links], None, variant.step_1), solver)
    else:
        # the last step's powers are not known yet, but any will do for the check
        checked_steps(info, [*earlier, np.ones(info.network.n_nodes)], links)
        shapes = [np.asarray(power, dtype=float) / np.sum(power) for power in earlier]
    if split is None:
        limits = np.full(info.network.n_nodes, energy / DURATION_S)
        best = scheduler.run(best_last_step(info, shapes, links, energy, limits, [energy] * len(shapes)), solver)
        split, last, ends = best.energies, best.power, best.ends
    else:
        before = [joules * shape for joules, shape in zip(split, shapes, strict=False)]
        step = last_step(info, before, links, split[-1], None, DEFAULT_TOLERANCE, no_prior(info))
        found = scheduler.run(step, solver)
        last, ends = found.allocation.power, found.ends
    power = [*(joules * shape for joules, shape in zip(split, shapes, strict=False)), last]
    coefficient = coefficients(info, power, links)
    return PlugIn(links, np.array(power), split, coefficient, float(np.sum(coefficient / split)), ends)


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
