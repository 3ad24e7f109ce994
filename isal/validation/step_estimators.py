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
from isal.schemes.step_by_step import FirstStep, Variant, earlier_steps_per_joule, known_after, steps_of
from isal.units import DURATION_S
from isal.validation import positions
from isal.validation.positions import Key, Model, Moments

Scheme = Literal["plug-in-ranging", "plug-in-all", "marginal", "joint"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)

#: The carry-over of the scheme by the links that steps before the last use.
_CARRY: dict[Links, Carry] = {each.plugs_in: each.name for each in CARRY_OVERS.values() if each.plugs_in is not None}

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
    watts = [checked_power(power, info.network) for power in powers]
    if scheme == "joint":
        models, estimated = _joint(info, watts)
    elif scheme == "marginal":
        models, estimated = _marginal(info, watts)
    else:
        models, estimated = _plug_in(info, watts, _links_of(scheme))
    weight = np.linalg.inv(np.linalg.cholesky(expected))

    def block(number: int) -> Moments:
        rng = positions.generator(key, number)
        truth = positions.drawn_truth(info, models[0], rng)
        data = [positions.drawn(model, truth, rng) for model in models]
        theta, converged = estimated(data, truth)
        errors = theta - truth
        return Moments.of_block(number, errors, converged, np.sum((weight @ errors) ** 2, axis=0))

    return Moments.merged(map(block, blocks))


#: From the data of all steps and the true parameters to estimates, and which trials have converged.
_Estimator = Callable[[Sequence[Array], Array], tuple[Array, NDArray[np.bool_]]]


def _joint(info: Information, powers: Sequence[Array]) -> tuple[list[Model], _Estimator]:
    """What is measured, and how all of it is used: repeated ranges of one link count as their weighted mean, which is
    a range at the sum of the powers."""
    model = Model.of(info, np.sum(powers, axis=0))

    def estimated(data: Sequence[Array], truth: Array) -> tuple[Array, NDArray[np.bool_]]:
        return positions.estimate(model, data[0], truth)

    return [model], estimated


def _marginal(info: Information, powers: Sequence[Array]) -> tuple[list[Model], _Estimator]:
    """What each step measures, and how each step but the first starts from the one before it."""
    steps = steps_of(info)
    models, priors, carried = [Model.of(info, power) for power in powers], [], no_prior(info)
    for number, power in enumerate(powers[:-1]):
        met = info.basis.indices(steps[: number + 1])
        carried = (carried + info.measured(power)).marginal(met).embedded(info.basis.size, met)
        priors.append(positions.root_of(carried))

    def estimated(data: Sequence[Array], truth: Array) -> tuple[Array, NDArray[np.bool_]]:
        theta, converged = positions.estimate(models[0], data[0], truth)
        for model, measured, prior in zip(models[1:], data[1:], priors, strict=True):
            whole = np.concatenate([measured, prior @ theta])
            theta, sound = positions.estimate(model.with_prior(prior), whole, truth)
            converged &= sound
        return theta, converged

    return models, estimated


def _plug_in(info: Information, powers: Sequence[Array], links: Links) -> tuple[list[Model], _Estimator]:
    """What each step measures, and how each one holds earlier estimates and keeps those of its own block."""
    steps = steps_of(info)
    models = [Model.of(used(info, number, links), power) for number, power in enumerate(powers)]
    # what a step's links tell nothing of, such as ranging links of targets, is not estimated in it
    fresh = [
        np.intersect1d(info.basis.indices(steps[number:]), np.flatnonzero(model.jacobian_at_truth().any(axis=0)))
        for number, model in enumerate(models)
    ]
    own = [info.basis.indices([block]) for block in steps]

    def estimated(data: Sequence[Array], truth: Array) -> tuple[Array, NDArray[np.bool_]]:
        held, converged = truth.copy(), np.ones(truth.shape[1], dtype=bool)
        for model, measured, block, free in zip(models, data, own, fresh, strict=True):
            theta, sound = positions.estimate(model, measured, held, free)
            held[block] = theta[block]
            converged &= sound
        return held, converged

    return models, estimated


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
        If an argument is unusable, or a step leaves its block undetermined.
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
