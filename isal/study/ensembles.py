"""Ensembles in datasets of studies: their networks as one, by quantiles, apart from those that have names.

A dataset may be larger than memory and is then read as it is looked at, so networks of ensembles are read in blocks and
never one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.schemes.registry import REFERENCE

#: Quantiles over the networks of an ensemble that tables state: the median is in the middle.
QUANTILES = (0.05, 0.5, 0.95)

#: Values of a variable that are read at once.
MOST_VALUES = 1 << 19

#: The coordinate along ``network`` that names the ensemble of a network; empty for networks with names.
COORDINATE = "ensemble"


def members(dataset: xr.Dataset) -> dict[str, slice]:
    """Where the networks of each ensemble are along ``network``, by the name of the ensemble.

    Examples
    --------
    >>> import xarray as xr
    >>> members(xr.Dataset(coords={"network": ["7a", "r-0", "r-1"], "ensemble": ("network", ["", "r", "r"])}))
    {'r': slice(1, 3, None)}
    """
    if COORDINATE not in dataset.coords:
        return {}
    names = dataset[COORDINATE].values
    # a study writes the networks of an ensemble one after the other
    starts = [place for place in range(names.size) if place == 0 or names[place] != names[place - 1]]
    ends = [*starts[1:], names.size][: len(starts)]
    return {str(names[at]): slice(at, end) for at, end in zip(starts, ends, strict=True) if names[at] != ""}


def named(dataset: xr.Dataset) -> xr.Dataset:
    """The networks of a dataset that have names: without those of ensembles."""
    if COORDINATE not in dataset.coords:
        return dataset
    return dataset.isel(network=np.flatnonzero(dataset[COORDINATE].values == "")).drop_vars(COORDINATE)


def represented(dataset: xr.Dataset) -> xr.Dataset:
    """The networks with names, and of each ensemble the first network, which has the name of the ensemble here.

    What is the same for all networks of an ensemble can be read from it: energies of splits, steps, what is minimised.
    """
    found = members(dataset)
    if COORDINATE not in dataset.coords:
        return dataset
    alone = np.flatnonzero(dataset[COORDINATE].values == "")
    chosen = dataset.isel(network=[*alone, *(where.start for where in found.values())]).drop_vars(COORDINATE)
    return chosen.assign_coords(network=[*map(str, dataset.network.values[alone]), *found])


def best_points(networks: xr.Dataset) -> xr.Dataset:
    """Each network at the best point of each of its curves.

    Parameters
    ----------
    networks
        A dataset of a study, or a part of it that has its ``network``, ``scheme`` and ``split``.

    Returns
    -------
    Dataset over the same axes but ``split``, in memory: ``speb`` (m^2), ``over_integrated``, its ratio to the lowest
    SPEB of the integrated scheme in the same network (NaN where that is of another block), ``share`` (1) of the energy
    by ``part``, a step or, where there are several slots, a slot; ``usable_share`` (1) and ``pulses_needed`` (1) of the
    slot that is worst off, ``gap`` (1) and ``status``, the largest of all points of the curve. All are NaN, and
    ``status`` negative, where there is no point.
    """
    return xr.concat(list(map(_best, _blocks(networks))), "network", coords="minimal", compat="override")


def quantiles(values: NDArray[np.float64], levels: Sequence[float] = QUANTILES) -> NDArray[np.float64]:
    """Quantiles along the first axis, which becomes that of ``levels``; NaN counts for nothing.

    Examples
    --------
    >>> quantiles(np.array([3.0, 1.0, 2.0, np.nan])).tolist()
    [1.1, 2.0, 2.9]
    """
    if not np.isnan(values).any():  # many times faster
        return np.asarray(np.quantile(values, levels, axis=0))
    shape = values.shape[1:]
    found = np.full((len(levels), *shape), np.nan)
    for where in np.ndindex(shape):
        known = values[(slice(None), *where)]
        known = known[~np.isnan(known)]
        if known.size:
            found[(slice(None), *where)] = np.quantile(known, levels)
    return found


def _blocks(networks: xr.Dataset) -> Iterator[xr.Dataset]:
    """What :func:`_best` takes, of so many networks that it fits into memory well."""
    names: list[Any] = ["speb", "gap", "status", "energy", "slot_energy", "usable_share", "pulses_needed", "minimises"]
    of_each = networks.speb.size // max(1, networks.sizes["network"])
    step = max(1, MOST_VALUES // max(1, of_each))
    for start in range(0, networks.sizes["network"], step):
        yield networks[names].isel(network=slice(start, start + step)).load()


def _best(block: xr.Dataset) -> xr.Dataset:
    block = block.reset_coords(drop=True)
    point = block.isel(split=block.speb.fillna(np.inf).argmin("split")).drop_vars("split")
    total = point.slot_energy.sum("slot")
    if block.sizes["slot"] > 1:
        share = (point.slot_energy / total).rename(slot="part")
    else:
        share = (point.energy / total).rename(step="part")
    return xr.Dataset(
        {
            "speb": point.speb,
            "over_integrated": _over_integrated(block, point.speb),
            "share": share,
            "usable_share": point.usable_share.min("slot"),
            "pulses_needed": point.pulses_needed.max("slot"),
            "gap": block.gap.max("split"),
            "status": block.status.max("split"),
        }
    )


def _over_integrated(block: xr.Dataset, speb: xr.DataArray) -> xr.DataArray:
    """Ratio of each network's lowest SPEBs to the integrated scheme's."""
    if REFERENCE.name not in block.scheme:
        return speb * np.nan
    integrated, blocks = speb.sel(scheme=REFERENCE.name, drop=True), block.minimises
    return (speb / integrated).where(blocks == blocks.sel(scheme=REFERENCE.name, drop=True))
