"""Where bounds end to tell errors: starts of the iterations far from the truth, and links below their threshold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.errors import IsalError
from isal.model.information import Information
from isal.model.pulse import named
from isal.study.axes import NAMED
from isal.study.points import Point, PointError, solve_all
from isal.study.simulations import STUDIES, point_of
from isal.study.store import provenance
from isal.units import SPEED_OF_LIGHT
from isal.validation import delay, links, positions

#: Which links the receiver uses, and takes all of them for sound.
ALL, USABLE = "all links", "links above the threshold"

#: What becomes of iterations, see :class:`isal.validation.positions.Basin`.
ENDS = ("same", "elsewhere", "as_likely", "not_converged")

Array = NDArray[np.float64]


def breakdown(points: Sequence[Point], off_m: Sequence[float], seed: int, blocks: int) -> xr.Dataset:
    """Starts off the truth, and links that find outliers, in one network of one slot at its integrated optimum.

    Parameters
    ----------
    points
        The integrated scheme on the network, in each clock mode.
    off_m
        By how much each start is off, m.
    seed
        Of the random numbers.
    blocks
        Blocks of :data:`isal.validation.positions.TRIALS_PER_BLOCK` trials of each.

    Returns
    -------
    Dataset over ``clock``: shares of trials over ``off_m`` and ``end``, and over ``kept`` the target errors of
    receivers that keep all links or those above the threshold, beside the bound of the links that they keep. A link is
    wrong with the probability of an outlier in closed form, and then anywhere in the search interval.

    Raises
    ------
    PointError
        If an optimum can't be found.
    """
    ends = np.full((len(points), len(off_m), len(ENDS)), np.nan)
    errors, bounds, unsettled, counts = (np.full((len(points), 2), np.nan) for _ in range(4))
    for place, (point, result) in enumerate(zip(points, solve_all(points), strict=True)):
        if isinstance(result, PointError):
            raise result
        (slot,) = result.slots
        info, power = slot.information, slot.steps[-1].power
        where = point_of(point.name, point.clock)
        found = positions.basin(info, power, off_m, (seed, STUDIES["starts"], where), range(blocks))
        ends[place] = np.stack([getattr(found, end) for end in ENDS], axis=-1)
        snr, search = info.link_snr(power), links.search_interval(info)
        heard = snr > 0
        outliers = np.zeros(len(snr))
        outliers[heard] = delay.outlier_probability(named(info.radio.pulse), snr[heard], search, "unknown")
        strong = links.usable(info, power, links.threshold_snr(info))
        for column, kept in enumerate((np.ones_like(strong), strong)):
            counts[place, column] = np.count_nonzero(kept & heard)
            if not _determines(info, power, kept):
                continue
            key = (seed, STUDIES["outliers"], where)
            length = search * SPEED_OF_LIGHT / info.radio.bandwidth_hz
            moments = positions.with_outliers(info, power, outliers, length, kept, key, range(blocks))
            targets = info.basis.indices(["targets"])
            bound = positions.covariance(positions.with_links(info, kept), power)
            errors[place, column] = moments.mean_square[targets, targets].sum()
            bounds[place, column] = bound[targets, targets].sum()
            unsettled[place, column] = moments.not_converged / moments.trials
    over = ("clock", "kept")
    return xr.Dataset(
        {
            "share": (("clock", "off_m", "end"), ends, {"units": "1", "long_name": "share of trials that end there"}),
            "links": (over, counts, {"units": "1", "long_name": "number of links that are kept and heard"}),
            "error": (over, errors, {"units": "m2", "long_name": "mean squared error of the targets"}),
            "bound": (over, bounds, {"units": "m2", "long_name": "their bound from the links kept"}),
            "not_converged": (over, unsettled, {"units": "1", "long_name": "share of trials that did not converge"}),
        },
        coords={
            "clock": ("clock", [point.clock for point in points], NAMED["clock"].attributes),
            "off_m": (
                "off_m",
                list(map(float, off_m)),
                {"units": "m", "long_name": "how far off every position starts"},
            ),
            "end": ("end", list(ENDS), {"long_name": "where the iterations end"}),
            "kept": ("kept", [ALL, USABLE], {"long_name": "links that the receiver keeps"}),
        },
        attrs={
            "title": f"starts far off and outliers in network {points[0].name}",
            "network": points[0].name,
            "seed": seed,
            "trials": blocks * positions.TRIALS_PER_BLOCK,
        }
        | provenance.of_points(points),
    )


def _determines(info: Information, power: Array, kept: NDArray[np.bool_]) -> bool:
    """Whether some links determine every parameter."""
    try:
        positions.covariance(positions.with_links(info, kept), power)
    except IsalError:
        return False
    return True
