"""What step-by-step estimation reaches as it is carried out, beside what carry-overs promise and the integrated bound.

A carry-over that is the information of no experiment (``held``, ``added``) states a bound that may be no estimator's;
it stands here as a *promise*, and beside it what the estimators of :mod:`isal.validation.step_estimators` reach at the
very same powers. Each of them stands also at its own best split.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.allocation import scheduler
from isal.errors import IsalError
from isal.model.information import Information, information
from isal.model.parameters import CLOCKS
from isal.schemes.best_split import best_steps
from isal.schemes.carry_over import PROMISES
from isal.schemes.integrated import integrated_slot
from isal.schemes.schedule import no_prior
from isal.study.axes import BUDGET, COUPLING
from isal.study.samples import Assumptions, Sample
from isal.study.simulations import OWN, STUDIES, errors, point_of
from isal.study.store import provenance
from isal.units import DURATION_S
from isal.validation import step_estimators
from isal.validation.blocks import Key
from isal.validation.step_estimators import SCHEMES, Scheme

#: Certified relative gap of the bounds.
TOLERANCE = 1e-7

Array = NDArray[np.float64]


def estimates(samples: Sequence[Sample], variant: Assumptions, solver: str, seed: int, blocks: int) -> xr.Dataset:
    """Target bounds and simulated errors in the first slots of some samples, in both clock modes, without caps.

    Parameters
    ----------
    samples
        Layouts and random networks.
    variant
        The radio, and the energy of all steps together.
    solver
        Of the convex problems.
    seed
        Of the random numbers.
    blocks
        Blocks of :data:`isal.validation.positions.TRIALS_PER_BLOCK` trials of each estimator.

    Returns
    -------
    Rows of :mod:`isal.study.simulations.errors`, labelled ``network, sort, clock, scheme, split``: ``scheme`` is a
    carry-over of :data:`PROMISES` or an estimator, and ``split`` says whose best split it is at. ``integrated`` is the
    bound of the integrated scheme, m^2, ``energy_1`` to ``energy_3`` are those of the steps, J (NaN where there is
    no such step). Not simulated is what is not
    :func:`isal.validation.step_estimators.within_first_order`; the ``bound`` is infinite where a step leaves its block
    undetermined.

    Raises
    ------
    IsalError
        If a network can't be solved.
    """
    rows: list[errors.Row] = []
    energy = variant.energy
    for sample in samples:
        network = sample.slots[0]
        for clock in CLOCKS:
            info = information(network, variant.radio, clock)
            prior = no_prior(info)
            whole = scheduler.run(integrated_slot(info, prior, energy, None, TOLERANCE), solver).speb
            where = {"network": sample.name, "sort": sample.kind, "clock": clock}
            given: dict[str, Array] = {}
            for carry in PROMISES:
                best = scheduler.run(best_steps(info, prior, energy, carry, None, TOLERANCE), solver).result
                given[carry] = np.array(best.candidate)
                labels = where | {"scheme": carry, "split": carry}
                rows.append(errors.Row(labels, best.speb, _numbers(whole, given[carry])))
            for scheme in SCHEMES:
                own = step_estimators.best_powers(info, energy, scheme, solver)
                for split, power in (given | {OWN: own}).items():
                    labels = where | {"scheme": scheme, "split": split}
                    key = (seed, STUDIES["steps"], point_of(sample.name, clock, scheme, split))
                    row = _row(labels, info, power, scheme, key, blocks)
                    rows.append(replace(row, numbers=_numbers(whole, power)))
    radio = {key: value for key, value in variant.radio.to_mapping().items() if key not in COUPLING}
    attributes = {
        "title": "errors of step-by-step estimates",
        "settings": json.dumps(radio | {"radar_cap_w": BUDGET, "anchor_cap_w": BUDGET}),
        "energy_j": energy,
        "solver": solver,
        "tolerance": TOLERANCE,
        "seed": seed,
    }
    layouts = provenance.networks((sample.name, sample.slots[:1]) for sample in samples)
    return errors.dataset(rows, blocks, attributes | layouts)


def _row(
    labels: Mapping[str, str], info: Information, power: Array, scheme: Scheme, key: Key, blocks: int
) -> errors.Row:
    """The target of an estimator at some powers."""
    targets, powers = info.basis.indices(["targets"]), list(power)
    try:
        covariance = step_estimators.covariance(info, powers, scheme)
        sound = step_estimators.within_first_order(info, powers, scheme)
    except IsalError:
        return errors.Row(labels, np.inf)
    if not sound:
        return errors.Row(labels, float(np.trace(covariance[np.ix_(targets, targets)])))
    return errors.Row.of(
        labels, step_estimators.simulate(info, powers, scheme, key, range(blocks)), covariance, targets
    )


def _numbers(integrated: float, power: Array) -> dict[str, float]:
    """What a row tells besides its bound: the integrated bound, m^2, and the energies of the steps, J."""
    energies = np.full(3, np.nan)
    given = power.sum(axis=1) * DURATION_S
    energies[: len(given)] = given
    return {"integrated": integrated} | {f"energy_{number}": value for number, value in enumerate(energies, start=1)}
