"""Datasets: all points of one study over named axes, from their records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.allocation.certificate import STATUSES
from isal.schemes.proof import PROOFS
from isal.study.axes import axes_of
from isal.study.points import Point
from isal.study.store import provenance, records
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


def build(points: Mapping[Path, tuple[Point, str]], *, study: str, note: str, axes: Collection[str] = ()) -> xr.Dataset:
    """Dataset of a study.

    The axes are those of the study (:data:`isal.study.axes.AXES`) and, where a variable has them, ``slot, step, node``;
    ``split`` holds the energies as in the records' names; along it ``step_1_energy, step_2_energy, ...``, or
    ``slot_1_energy, ...`` where there are several slots, are their values in J, NaN where a split has no such part and
    at the best split, whose energies differ from curve to curve (:mod:`isal.study.splits`). A combination that the
    study does not have (the integrated scheme has one split only) is NaN, and its flags are :data:`NO_POINT`.
    ``step_minimises`` and ``minimises`` name the block of parameters whose bound a step's ``step_speb``, and ``speb``,
    are. Attributes hold what is the same in all points, see :func:`isal.study.store.provenance.of_points`.

    Parameters
    ----------
    points
        The study's points and their fingerprints by the path of their record.
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
    rows, errors = {}, []
    for path, (_, fingerprint) in points.items():
        try:
            rows[path] = records.read(path, fingerprint)
        except records.RecordError as error:
            errors.append(str(error))
    if errors:
        raise records.RecordError("\n".join(errors))
    attributes_of = INNER_ATTRIBUTES | {axis.name: axis.attributes for axis in axes_of(axes)}
    outer_axes = [axis.name for axis in axes_of(axes)]
    values = [{axis.name: axis.value(point) for axis in axes_of(axes)} for point, _ in points.values()]
    labels = {axis: _ordered(list(dict.fromkeys(at[axis] for at in values))) for axis in outer_axes}
    labels["slot"] = list(range(1, max(len(row.arrays["slot_energy"][0]) for row in rows.values()) + 1))
    labels["step"] = list(range(1, max(len(row.steps) for row in rows.values()) + 1))
    labels["node"] = list(dict.fromkeys(node for row in rows.values() for node in row.nodes))

    dataset = xr.Dataset(coords={name: (name, along, attributes_of.get(name, {})) for name, along in labels.items()})
    places = {axis: {label: place for place, label in enumerate(along)} for axis, along in labels.items()}
    for name, (dimensions, attributes) in _variables().items():
        trailing = dimensions[1:]
        # every product of axes has holes, which a float marks, or a flag
        hole: Any = np.int8(NO_POINT) if name in FLAGS else np.nan
        table = np.full([len(labels[axis]) for axis in (*outer_axes, *trailing)], hole)
        for at, row in zip(values, rows.values(), strict=True):
            found = _strongest(row, name) if name in STRONGEST else row.arrays[name]
            outer = [slice(place, place + 1) for place in (places[axis][at[axis]] for axis in outer_axes)]
            inner: list[Any] = [slice(size) for size in found.shape[1:]]
            if "node" in trailing:
                inner[-1] = [places["node"][node] for node in row.nodes]
            table[(*outer, *inner)] = found
        dataset[name] = ((*outer_axes, *trailing), table, attributes)
    blocks = np.full([len(labels[axis]) for axis in (*BLOCK_AXES, "step")], "", dtype=object)
    last = np.full(blocks.shape[:-1], "", dtype=object)
    for at, row in zip(values, rows.values(), strict=True):
        block = tuple(places[axis][at[axis]] for axis in BLOCK_AXES)
        blocks[block][: len(row.steps)] = row.steps
        last[block] = row.steps[-1]
    said = "block of parameters whose bound is minimised"
    dataset["step_minimises"] = ((*BLOCK_AXES, "step"), blocks, {"long_name": f"{said} by the step"})
    dataset["minimises"] = (BLOCK_AXES, last, {"long_name": said})
    dataset.attrs = {
        "title": f"ISAL study {study}",
        "comment": note,
        "points": len(points),
        "steps": "; ".join(sorted({", ".join(row.steps) for row in rows.values()}, key=lambda names: names.count(","))),
    } | provenance.of_points(point for point, _ in points.values())
    return dataset.assign_coords(_energies((point for point, _ in points.values()), places["split"]))


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
    for point in points:
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
        if "point" in dimensions and "link" not in dimensions
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


def _strongest(record: records.Record, name: str) -> NDArray[np.float64]:
    """Largest ratio of any link of the kind, by step; NaN if there is none."""
    sensing = record.arrays["link_target"] >= 0
    chosen = {"sensing": sensing, "ranging": ~sensing}[STRONGEST[name]]
    ratios: NDArray[np.float64] = record.arrays["link_snr"][:, :, chosen]
    return ratios.max(axis=2) if chosen.any() else np.full(ratios.shape[:2], np.nan)
