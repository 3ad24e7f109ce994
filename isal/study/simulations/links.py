"""How strong the links of layouts are at their integrated optimum, and which of them carry the bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.study.axes import NAMED
from isal.study.points import Point, PointError, solve_all
from isal.study.store import provenance
from isal.validation import links

#: Variable -> its attributes; the first four are of links, the others of networks.
VARIABLES = {
    "link_network": {"long_name": "network that the link is of"},
    "sensing": {"long_name": "whether it is a sensing link, and not one for ranging"},
    "snr": {"units": "1", "long_name": "signal-to-noise ratio, linear"},
    "share": {"units": "1", "long_name": "share in the bound of the target"},
    "threshold": {"units": "1", "long_name": "SNR from which on a link reaches its bound, linear"},
    "usable_share": {"units": "1", "long_name": "share in the bound of the links from the threshold on"},
    "pulses_needed": {"units": "1", "long_name": "pulses that bring links with 99 % of the bound to the threshold"},
}


def link_strengths(points: Sequence[Point]) -> xr.Dataset:
    """SNR of each link of some points of one slot, and its share in the bound of their target.

    Returns
    -------
    Dataset over ``link``, the links of all networks, and ``network``; see the attributes of its variables.

    Raises
    ------
    PointError
        If a point can't be solved.
    """
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in VARIABLES}
    for point, result in zip(points, solve_all(points), strict=True):
        if isinstance(result, PointError):
            raise result
        (slot,) = result.slots
        info, (step,) = slot.information, slot.steps
        threshold, share = links.threshold_snr(info), links.shares(info, step.power, "targets")
        usable = links.usable(info, step.power, threshold)
        needed = links.pulses_needed(info, step.power, threshold, "targets")
        of_links = (
            np.full(len(share), point.name, dtype=object),
            info.links.is_sensing,
            info.link_snr(step.power),
            share,
        )
        of_network = (np.array([value]) for value in (threshold, share[usable].sum(), needed))
        for values, of_variable in zip((*of_links, *of_network), found.values(), strict=True):
            of_variable.append(values)
    variables = {
        name: ("link" if place < 4 else "network", np.concatenate(parts or [np.zeros(0)]), VARIABLES[name])
        for place, (name, parts) in enumerate(found.items())
    }
    return xr.Dataset(
        variables,
        coords={"network": ("network", [point.name for point in points], NAMED["network"].attributes)},
        attrs={"title": "links at the integrated optimum", "points": ", ".join(point.label for point in points)}
        | provenance.of_points(points),
    )
