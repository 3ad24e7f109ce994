"""Datasets: all points of one study over named axes, from their records.

A study that has several parts (:mod:`isal.study.store.slabs`) is written part by part along ``network``, so that no
more than one of them is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.allocation.certificate import STATUSES
from isal.model.installation import KINDS
from isal.schemes.proof import PROOFS
from isal.study.axes import axes_of
from isal.study.points import Point
from isal.study.store import provenance, records, storage
from isal.study.store.slabs import Slab
from isal.units import UJ_PER_J

#: Axes along which what is minimised can differ.
BLOCK_AXES = ("network", "clock", "scheme")

INNER_ATTRIBUTES = {
    "slot": {"long_name": "number of the slot"},
    "step": {"long_name": "number of the step, the steps of each slot in turn"},
    "node": {"long_name": "node"},
}

#: The flag where a study has no point.
NO_POINT = -1

#: Variables that hold flags: what these mean, in order.
FLAGS = {"status": STATUSES, "proof": PROOFS}

#: Variable -> the kind of links whose largest signal-to-noise ratio it holds.
STRONGEST = {"sensing_snr": "sensing", "ranging_snr": "ranging"}

Labels = Mapping[str, list[Any]]


def write(
    path: Path, slabs: Sequence[Slab], fingerprint: str, *, study: str, note: str, axes: Collection[str] = ()
) -> None:
    """Store the dataset of a study; the parameters are those of :func:`build`, and where it is stored.

    Raises
    ------
    records.RecordError
        If records are missing, damaged or out of date; the message has a line for each.
    files.WriteError
        If it can't be written.
    """
    if len(slabs) == 1:
        storage.write(path, build(slabs, study=study, note=note, axes=axes), fingerprint)
        return
    _refuse_missing(slabs)
    whole = _Study(slabs, axes)
    first = whole.described(whole.table(slabs[0]), study=study, note=note)
    with storage.writing(path, first, fingerprint, "network") as append:
        for slab in slabs[1:]:
            append(whole.table(slab))


def build(slabs: Sequence[Slab], *, study: str, note: str, axes: Collection[str] = ()) -> xr.Dataset:
    """Dataset of a study, in memory.

    The axes are those of the study (:data:`isal.study.axes.AXES`) and, where a variable has them, ``slot, step, node``;
    ``split`` holds the energies as in the records' names; along it ``step_1_energy, step_2_energy, ...``, or
    ``slot_1_energy, ...`` where there are several slots, are their values in J, NaN where a split has no such part and
    at the best split, whose energies differ from curve to curve (:mod:`isal.study.splits`). A combination that the
    study does not have (the integrated scheme has one split only) is NaN, and its flags are :data:`NO_POINT`.
    ``step_minimises`` and ``minimises`` name the block of parameters whose bound a step's ``step_speb``, and ``speb``,
    are. Along ``network``, ``ensemble`` names the ensemble of a network where the study has ensembles. Attributes hold
    what is the same in all points, see :func:`isal.study.store.provenance.of_points`.

    Parameters
    ----------
    slabs
        The study's points.
    study
        Name of the study.
    note
        What is to be known of the layouts.
    axes
        Names of the axes that the study lists; those that every study has may be left out.

    Raises
    ------
    records.RecordError
        If records are missing, damaged or out of date; the message has a line for each.
    """
    whole = _Study(slabs, axes)
    tables = list(map(whole.table, slabs))
    dataset = tables[0] if len(tables) == 1 else xr.concat(tables, "network")
    return whole.described(dataset, study=study, note=note)


class _Part:
    """The records of a slab, and where each point lies along the outer axes."""

    def __init__(self, points: Sequence[Point], found: records.Records, axes: Collection[str]) -> None:
        self.points, self.records = points, found
        self.along: dict[str, list[Any]] = {axis.name: [] for axis in axes_of(axes)}
        curve, same = "", {}
        for point in points:
            if point.curve_json is not curve:  # the points of a curve share its text
                curve, same = point.curve_json, {axis.name: axis.value(point) for axis in axes_of(axes, "split")}
            for name, value in same.items():
                self.along[name].append(value)
            self.along["split"].append(point.split)

    def at(self, labels: Labels) -> dict[str, NDArray[np.intp]]:
        """Index of each point along each outer axis."""
        places = {axis: {label: place for place, label in enumerate(labels[axis])} for axis in self.along}
        return {
            axis: np.fromiter(map(places[axis].__getitem__, values), np.intp, len(values))
            for axis, values in self.along.items()
        }


def _refuse_missing(slabs: Sequence[Slab]) -> None:
    """Name all files that are missing or out of date; whether their content is sound shows when it is read."""
    errors = []
    for path, fingerprint in chain.from_iterable(slab.files for slab in slabs):
        if not path.exists() or not records.says(path, fingerprint):
            errors.append(_fault(path, fingerprint))
    _raise(filter(None, errors))


def _fault(path: Path, fingerprint: str) -> str:
    """What is wrong with a record file, if anything."""
    try:
        records.read(path, fingerprint)
    except records.RecordError as error:
        return str(error)
    return ""


def _raise(errors: Iterable[str]) -> None:
    if lines := list(errors):
        raise records.RecordError("\n".join(lines))


def _part(slab: Slab, axes: Collection[str]) -> _Part:
    points, parts, errors = slab.points(), [], []
    for path, fingerprint in slab.files:
        try:
            parts.append(records.read(path, fingerprint))
        except records.RecordError as error:
            errors.append(str(error))
    _raise(errors)
    found = records.joined(parts)
    rows = slab.rows if isinstance(slab.rows, slice) else slab.rows(found)
    # without what other studies have in these files
    return _Part(points, records.joined([found.take(rows)]), axes)


class _Study:
    """All slabs of a study, of which one of each kind is kept: that of points with names, and one of each ensemble."""

    def __init__(self, slabs: Sequence[Slab], axes: Collection[str]) -> None:
        self.slabs, self.axes = slabs, axes
        first = {slab.ensemble: slab for slab in reversed(slabs)}
        self.kinds = {slab: _part(slab, axes) for slab in reversed(first.values())}
        some = list(self.kinds.values())
        #: The values along each axis.
        self.labels: Labels = {
            axis: _ordered(list(dict.fromkeys(chain.from_iterable(part.along[axis] for part in some))))
            for axis in some[0].along
        } | {
            "network": [name for slab in slabs for name in slab.networks],
            "slot": list(range(1, max(part.records.arrays["slot_energy"].shape[1] for part in some) + 1)),
            "step": list(range(1, max(len(shape.steps) for part in some for shape in part.records.shapes) + 1)),
            "node": list(dict.fromkeys(label for slab in slabs for label in slab.nodes)),
        }

    def table(self, slab: Slab) -> xr.Dataset:
        """The variables of a slab, without what describes all of the study."""
        part = self.kinds[slab] if slab in self.kinds else _part(slab, self.axes)
        table = _table(part, {**self.labels, "network": list(slab.networks)})
        if self.random:
            name = slab.ensemble.name if slab.ensemble else ""
            table = table.assign_coords(ensemble=("network", [name] * len(slab.networks)))
        return table

    @cached_property
    def random(self) -> set[str]:
        """Names of networks of ensembles."""
        return {name for slab in self.slabs if slab.ensemble for name in slab.networks}

    def described(self, dataset: xr.Dataset, *, study: str, note: str) -> xr.Dataset:
        """A dataset, or its first part, with all that is said of the study."""
        said = "block of parameters whose bound is minimised"
        attributes_of: dict[str, Any] = INNER_ATTRIBUTES | {axis.name: axis.attributes for axis in axes_of(self.axes)}
        attributes_of |= {name: attributes for name, (_, attributes) in _variables().items()}
        attributes_of |= {"step_minimises": {"long_name": f"{said} by the step"}, "minimises": {"long_name": said}}
        for name in dataset.variables:
            dataset[name].attrs = dict(attributes_of.get(str(name), {}))
        points = [point for part in self.kinds.values() for point in part.points]
        steps = {", ".join(shape.steps) for part in self.kinds.values() for shape in part.records.shapes}
        dataset.attrs = {
            "title": f"ISAL study {study}",
            "comment": note if any(not slab.ensemble for slab in self.slabs) else "",
            "points": sum(slab.n_points for slab in self.slabs),
            "steps": "; ".join(sorted(steps, key=lambda names: names.count(","))),
        } | provenance.of_points(points, self.random)
        if self.random:
            dataset.ensemble.attrs = {"long_name": "name of the ensemble that a random network is of"}
            known = {slab.ensemble.name: slab.ensemble.to_mapping() for slab in self.slabs if slab.ensemble}
            dataset.attrs["ensembles"] = json.dumps(known)
        places = {split: place for place, split in enumerate(self.labels["split"])}
        return dataset.assign_coords(_energies(points, places))


def _table(part: _Part, labels: Labels) -> xr.Dataset:
    """The variables of a part, without what describes all of the study."""
    found, places = part.records, part.at(labels)
    outer = list(part.along)
    where = tuple(places[axis] for axis in outer)
    variables: dict[str, Any] = {}
    for name, (dimensions, _) in _variables().items():
        trailing = dimensions[1:]
        # every product of axes has holes, which a float marks, or a flag
        hole: Any = np.int8(NO_POINT) if name in FLAGS else np.nan
        table = np.full([len(labels[axis]) for axis in (*outer, *trailing)], hole)
        if name in STRONGEST:
            values = _strongest(found, name)
        elif "node" in trailing:
            values = _by_node(found, name, labels["node"])
        else:
            values = found.arrays[name]
        if name not in FLAGS and values.dtype.kind == "i":
            values = np.where(values < 0, np.nan, values)  # where it is padded
        inner: tuple[Any, ...] = tuple(map(slice, values.shape[1:]))
        table[(*where, *inner)] = values
        variables[name] = ((*outer, *trailing), table)
    blocks = np.full([len(labels[axis]) for axis in (*BLOCK_AXES, "step")], "", dtype=object)
    last = np.full(blocks.shape[:-1], "", dtype=object)
    shapes = found.arrays["shape"]
    chosen = np.unique(np.stack([*(places[axis] for axis in BLOCK_AXES), shapes]), axis=1)
    for *block, shape in chosen.T.tolist():
        steps = found.shapes[shape].steps
        blocks[tuple(block)][: len(steps)] = steps
        last[tuple(block)] = steps[-1]
    variables["step_minimises"] = ((*BLOCK_AXES, "step"), blocks)
    variables["minimises"] = (BLOCK_AXES, last)
    return xr.Dataset(variables, coords={name: (name, along) for name, along in labels.items()})


def _ordered(along: list[Any]) -> list[Any]:
    """Values along an axis in the configuration's order, which is the reader's.

    Numbers that neither ascend nor descend are made to ascend, as the CF conventions allow no other order.
    """
    if any(isinstance(value, str) for value in along):
        return along
    ascending = sorted(along)
    return along if along == ascending[::-1] else ascending


def _energies(points: Iterable[Point], places: Mapping[str, int]) -> dict[str, Any]:
    """Coordinates along ``split``: the energy of each step, or slot, J."""
    found: dict[str, Any] = {}
    for point in {(len(point.slots), point.energies_uj): point for point in points}.values():
        if len(point.energies_uj) == 1:  # nothing is split, or at best
            continue
        part = "step" if len(point.slots) == 1 else "slot"
        for number, energy in enumerate(point.energies_uj, start=1):
            told = {"units": "J", "long_name": f"energy of {part} {number}"}
            along = found.setdefault(f"{part}_{number}_energy", ("split", np.full(len(places), np.nan), told))
            along[1][places[point.split]] = energy / UJ_PER_J
    return found


def _variables() -> dict[str, tuple[tuple[str, ...], dict[str, Any]]]:
    """Dimensions (``point`` first) and attributes of each variable of a dataset."""
    variables = {
        name: (dimensions, attributes)
        for name, (dimensions, _, attributes) in records.VARIABLES.items()
        if "point" in dimensions and "link" not in dimensions and name not in records.TOLD_BY_NUMBER
    }
    for name, meanings in FLAGS.items():
        dimensions, attributes = variables[name]
        flags = {
            "flag_values": np.arange(NO_POINT, len(meanings), dtype="i1"),
            "flag_meanings": f"no_point {attributes['flag_meanings']}",
        }
        variables[name] = (dimensions, attributes | flags)
    for name, kind in STRONGEST.items():
        described = {"units": "1", "long_name": f"largest signal-to-noise ratio of any {kind} link, linear"}
        variables[name] = (("point", "step"), described)
    return variables


def _by_node(found: records.Records, name: str, nodes: Sequence[str]) -> NDArray[np.float64]:
    """A variable over nodes, in the order of a dataset's nodes."""
    values = found.arrays[name]
    whole = np.full((*values.shape[:-1], len(nodes)), np.nan)
    for number, shape in enumerate(found.shapes):
        chosen = np.flatnonzero(found.arrays["shape"] == number)
        places = [nodes.index(node) for node in shape.nodes]
        whole[chosen[:, None], :, places] = values[chosen][..., : len(places)].swapaxes(1, 2)
    return whole


def _strongest(found: records.Records, name: str) -> NDArray[np.float64]:
    """Largest ratio of any link of the kind, by point and step; NaN if there is none."""
    ratios = found.arrays["link_snr"]
    strongest = np.full(ratios.shape[:2], np.nan)
    for number, shape in enumerate(found.shapes):
        chosen = np.flatnonzero(found.arrays["shape"] == number)
        sensing = np.array(shape.links[records.LINK_ENDS.index("target")]) >= 0
        of_kind = np.flatnonzero(sensing == KINDS.index(STRONGEST[name]))
        if len(of_kind):
            strongest[chosen] = ratios[chosen][..., of_kind].max(axis=2)
    return strongest
