"""Maximum likelihood estimates of radars, clock offsets and targets at the integrated optimum, beside their bounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.errors import NetworkError
from isal.model.information import Information
from isal.model.network import Network
from isal.schemes.schedule import node_caps
from isal.study.points import Point, PointError, solve_all
from isal.study.samples import well_determined
from isal.study.simulations import STUDIES, errors, point_of
from isal.study.store import provenance
from isal.validation import positions
from isal.validation.blocks import Key
from isal.validation.positions import Moments

#: What a network of one slot is called by what it has to estimate.
LOCALIZATION, SENSING, BOTH = "localization only", "sensing only", "single slot"

Array = NDArray[np.float64]


def errors_of(points: Sequence[Point], seed: int, blocks: int) -> xr.Dataset:
    """Errors of maximum likelihood in one network, of all kinds that it can be taken for.

    A network of one slot is also simulated without its targets, and with its radars known; of one of two slots each
    slot is estimated from the slots so far (filtered) and from both (smoothed). Left out is what cannot be determined.

    Parameters
    ----------
    points
        The integrated scheme on the network, in each clock mode; bounds are those at its optimum.
    seed
        Of the random numbers.
    blocks
        Blocks of :data:`isal.validation.positions.TRIALS_PER_BLOCK` trials of each kind.

    Returns
    -------
    Rows of :mod:`isal.study.simulations.errors`, labelled ``network, clock, kind, slot, parameters``.

    Raises
    ------
    PointError
        If an optimum can't be found.
    """
    chosen = [(kind, each) for point in points for kind, each in _kinds(point) if _determined(each)]
    rows: list[errors.Row] = []
    for (kind, point), result in zip(chosen, solve_all([point for _, point in chosen]), strict=True):
        if isinstance(result, PointError):
            raise result
        key = (seed, STUDIES["positions"], point_of(point.name, point.clock, kind))
        infos, powers = [slot.information for slot in result.slots], [slot.steps[-1].power for slot in result.slots]
        for step, slot, moments, covariance, shift in _simulated(infos, powers, key, blocks):
            for block in infos[0].blocks:
                labels = {"network": point.name, "clock": point.clock, "kind": f"{kind}{step}", "slot": str(slot)}
                indices = shift + infos[0].basis.indices([block])
                rows.append(errors.Row.of(labels | {"parameters": block}, moments, covariance, indices))
    attributes = {"title": "errors of maximum likelihood", "seed": seed}
    return errors.dataset(rows, blocks, attributes | provenance.of_points(points))


def _simulated(
    infos: Sequence[Information], powers: Sequence[Array], key: Key, blocks: int
) -> Iterator[tuple[str, int, Moments, Array, int]]:
    """What is estimated of which slot, with its errors, what they should be, and where its parameters begin there."""
    if len(infos) == 1:
        moments = positions.simulate(infos[0], powers[0], key, range(blocks))
        yield "", 1, moments, positions.covariance(infos[0], powers[0]), 0
        return
    both = positions.simulate_slots(infos, powers, key, range(blocks))
    filtered, smoothed = positions.slot_covariances(infos, powers)
    for slot, (moments, covariance) in enumerate(zip(both.filtered, filtered, strict=True), start=1):
        yield ", filtered", slot, moments, covariance, 0
    for slot in (1, 2):
        yield ", smoothed", slot, both.smoothed, smoothed, (slot - 1) * infos[0].basis.size


def _kinds(point: Point) -> Iterator[tuple[str, Point]]:
    """The point, and what is left of its network without its targets, and with its radars known."""
    if len(point.slots) > 1:
        yield "two slots", point
        return
    (network,) = point.slots
    if network.n_targets and not network.radars_known:
        yield LOCALIZATION, _of(point, replace(network, targets=np.empty((0, 2))))
        yield SENSING, _of(point, replace(network, radars_known=True))
    yield (BOTH if not network.radars_known else SENSING) if network.n_targets else LOCALIZATION, point


def _of(point: Point, network: Network) -> Point:
    return replace(point, slots=(network,))


def _determined(point: Point) -> bool:
    """Whether those of its nodes that may transmit determine all parameters."""
    try:
        for slot in point.slots:
            may = node_caps(slot, 1.0, point.radar_cap_w, point.anchor_cap_w) > 0
            well_determined(slot, point.radio, point.clock, may)
    except NetworkError:
        return False
    return True
