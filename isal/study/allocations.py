"""Who transmits how much, which links carry the bound, and what is known in the end: what maps of allocations show.

A study's dataset has, for each network, the integrated scheme and the best step-by-step scheme at its best split.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.errors import IsalError
from isal.knowledge import Knowledge
from isal.model.information import Information
from isal.model.network import Network
from isal.model.parameters import Block
from isal.schemes.display import NOTHING
from isal.schemes.registry import SCHEMES
from isal.schemes.schedule import SlotResult
from isal.study.axes import NAMED, axes_of
from isal.study.points import Point
from isal.validation import links, positions

Array = NDArray[np.float64]

#: Variable or coordinate -> its attributes; those of axes are the axes' own.
ATTRIBUTES: dict[str, dict[str, str]] = {
    "layout": {"long_name": "positions of the network, as JSON"},
    "slot": {"long_name": "number of the slot"},
    "energies": {"long_name": "energies of the steps or slots at the best split, J, as text"},
    "power": {"long_name": "transmit power of all steps together", "units": "W"},
    "ends": {"long_name": "indices of both nodes of a pair of links and of its target, -1 for ranging"},
    "share": {"long_name": "share of a pair of links in the bound of the last step", "units": "1"},
    "place": {"long_name": "positions of the estimated radars and of the targets", "units": "m"},
    "covariance": {"long_name": "covariances of the estimates of these positions", "units": "m2"},
    "node": {"long_name": "index of the node, radars first"},
    "path": {"long_name": "number of the pair of links"},
    "estimate": {"long_name": "number of the estimated position, radars first"},
}


@dataclass(frozen=True, eq=False)
class Allocation:
    """An allocation in one slot.

    ``power`` of each node, radars first, is that of all steps together, W. ``ends`` has two nodes and the target, -1
    for a ranging link, of each pair of links there and back, and ``shares`` their share in the bound of the last step
    (none where its own links do not determine all). ``places`` and ``covariances`` are of the estimated radars and of
    the targets, as the scheme believes them, m and m^2.
    """

    network: Network
    power: Array
    ends: NDArray[np.intp]
    shares: Array
    places: Array
    covariances: Array

    @classmethod
    def of(cls, slot: SlotResult) -> Allocation:
        """What a slot came to."""
        info, step = slot.information, slot.steps[-1]
        power = np.sum([step.power for step in slot.steps], axis=0)
        return cls._of(info, power, _paths(info, step.power, step.block), slot.measured + slot.prior)

    @classmethod
    def of_powers(cls, info: Information, power: Array) -> Allocation:
        """What powers of one step come to, W, with shares in the bound of the targets, or of radars without these."""
        block: Block = "targets" if "targets" in info.blocks else "radars"
        return cls._of(info, power, _paths(info, power, block), info.measured(power) + info.prior)

    @classmethod
    def _of(
        cls, info: Information, power: Array, paths: Mapping[tuple[int, int, int], float], known: Knowledge
    ) -> Allocation:
        ends = np.array(list(paths), dtype=np.intp).reshape(-1, 3)
        return cls(info.network, power, ends, np.array(list(paths.values())), *_errors(info, known))


def _paths(info: Information, power: Array, block: Block) -> dict[tuple[int, int, int], float]:
    """Share of the links in the bound of a block, there and back together."""
    try:
        shares = links.shares(info, power, block)
    except IsalError:  # the powers of a last step alone need not determine everything
        return {}
    found: dict[tuple[int, int, int], float] = {}
    ends = zip(info.links.transmitter, info.links.receiver, info.links.target, shares, strict=True)
    for transmitter, receiver, target, share in ends:
        path = (min(transmitter, receiver), max(transmitter, receiver), target)
        found[path] = found.get(path, 0.0) + share
    return found


def _errors(info: Information, known: Knowledge) -> tuple[Array, Array]:
    """Positions of radars and targets, and the covariances of their estimates."""
    whole = positions.inverse(known)
    dimension = info.network.dimension
    places, covariances = [np.empty((0, dimension))], [np.empty((0, dimension, dimension))]
    for block, of_block in (("radars", info.network.radars), ("targets", info.network.targets)):
        if block in info.blocks:
            of_each = info.basis.indices([block]).reshape(-1, dimension)
            places.append(of_block)
            covariances.append(np.array([whole[np.ix_(own, own)] for own in of_each]))
    return np.concatenate(places), np.concatenate(covariances)


def allocations(points: Sequence[Point], axes: Collection[str] = ()) -> xr.Dataset:
    """Allocations of the integrated scheme and of the best step-by-step scheme, at their best splits.

    Parameters
    ----------
    points
        One point of each curve of a study, whatever its split.
    axes
        Names of the axes that the study lists.

    Returns
    -------
    Dataset over ``map``, a slot of a scheme in a network, with the value of each axis there, ``slot`` from 1,
    ``energies`` as text, and what :class:`Allocation` holds, padded.

    Raises
    ------
    PointError
        If a curve can't be solved at its best split.
    """
    chosen = axes_of(axes, "split")
    names = [axis.name for axis in chosen]
    curves: dict[tuple[Any, ...], dict[str, Any]] = {}
    found: dict[tuple[Any, ...], dict[str, tuple[float, Sequence[SlotResult], str]]] = {}
    for point in points:
        where = {axis.name: axis.value(point) for axis in chosen}
        key = tuple(value for name, value in where.items() if name != NAMED["scheme"].name)
        curves[key] = where
        found.setdefault(key, {})[point.scheme] = _solved(point)
    rows = []
    for key, schemes in found.items():
        best = {SCHEMES[name].kind: name for name in sorted(schemes, key=lambda name: -schemes[name][0])}
        for name in sorted(best.values(), key=lambda name: SCHEMES[name].has_steps):
            _, slots, energies = schemes[name]
            for number, slot in enumerate(slots, start=1):
                labels = curves[key] | {"scheme": name, "slot": number, "energies": energies}
                rows.append(_row(labels, Allocation.of(slot)))
    if not rows:
        return xr.Dataset(coords={name: [] for name in names})
    widest = max(row.sizes["axis"] for row in rows)
    for index, row in enumerate(rows):
        # positions in the plane beside others in space
        if more := widest - row.sizes["axis"]:
            rows[index] = row.pad(axis=(0, more), other_axis=(0, more))
    dataset = xr.concat(rows, "map", join="outer")
    for name, attributes in (ATTRIBUTES | {axis.name: axis.attributes for axis in chosen}).items():
        dataset[name].attrs.update(attributes)
    return dataset.assign_attrs(Conventions="CF-1.11", title="allocations at the best splits")


def _solved(point: Point) -> tuple[float, Sequence[SlotResult], str]:
    """What a curve reaches at its best split, m^2, its slots there, and the energies as text."""
    best = point.at_best().solve()
    if not point.has_split:
        return best.speb, best.slots, ""
    split = [sum(slot.energies) for slot in best.slots] if len(best.slots) > 1 else best.slots[0].energies
    energies = (f"{energy:.3g}" if energy > NOTHING * sum(split) else "0" for energy in split)
    return best.speb, best.slots, " / ".join(energies)


def _row(labels: Mapping[str, Any], allocation: Allocation) -> xr.Dataset:
    variables = {
        "layout": json.dumps(allocation.network.to_mapping()),
        "power": ("node", allocation.power),
        "ends": (("path", "end"), allocation.ends.astype(float)),
        "share": ("path", allocation.shares),
        "place": (("estimate", "axis"), allocation.places),
        "covariance": (("estimate", "axis", "other_axis"), allocation.covariances),
    }
    sizes = {"node": allocation.power.size, "path": allocation.shares.size, "estimate": len(allocation.places)}
    padded = {name: np.arange(size) for name, size in sizes.items()}
    return xr.Dataset({**variables, **labels}, coords=padded)


def read(dataset: xr.Dataset) -> Iterator[tuple[xr.Dataset, Allocation]]:
    """Each map of a dataset: its labels, and the allocation."""
    for number in range(dataset.sizes.get("map", 0)):
        row = dataset.isel(map=number)
        network = Network.from_mapping(json.loads(str(row.layout.item())), name=str(row.network.item()))
        own = slice(network.dimension)
        paths = row.dropna("path", subset=["share"])
        estimates = row.isel(axis=own, other_axis=own).dropna("estimate", subset=["place"])
        yield (
            row,
            Allocation(
                network,
                row.power.values[: network.n_nodes],
                paths.ends.values.astype(np.intp),
                paths.share.values,
                estimates.place.values,
                estimates.covariance.values,
            ),
        )
