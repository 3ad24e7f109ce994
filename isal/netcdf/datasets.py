"""Datasets: all points of one study over named axes, from their records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from isal import __version__
from isal.netcdf import records
from isal.points import Point

#: Axes of a study, in the order of a point's path.
AXES = ("network", "clock", "bandwidth", "scheme", "split")


def build(points: Mapping[Path, Point], *, study: str, note: str) -> xr.Dataset:
    """Dataset of a study.

    The axes are ``network, clock, bandwidth, scheme, split`` and, where a variable has them, ``slot, stage, node``;
    ``split`` holds the energies as in the records' names, and the variable ``energy`` their values in J. A combination
    that the study does not have (the integrated scheme has one split only) is NaN.

    Parameters
    ----------
    points
        The study's points by the path of their record.
    study
        Name of the study.
    note
        What is to be known of the layouts.

    Raises
    ------
    records.RecordError
        If a record is missing, damaged or out of date.
    """
    rows, coordinates = [], []
    stage_names: dict[int, tuple[str, ...]] = {}
    for path, point in points.items():
        record = records.read(path, point.stamp)
        stage_names.setdefault(len(record.stages), record.stages)
        rows.append(_row(record))
        coordinates.append((point.name, point.clock, point.radio.bandwidth_hz, point.scheme, point.split))
    dataset = xr.concat(
        rows, "point", join="outer", coords="minimal", compat="override", combine_attrs="drop_conflicts"
    )
    axes = dict(zip(AXES, zip(*coordinates, strict=True), strict=True))
    dataset = dataset.assign_coords({axis: ("point", list(values)) for axis, values in axes.items()})
    dataset = dataset.set_index(point=AXES).unstack("point")
    # unstacking sorts; the configuration's order is the reader's
    dataset = dataset.reindex({axis: list(dict.fromkeys(values)) for axis, values in axes.items()})
    trailing = [dimension for dimension in ("slot", "stage", "node") if dimension in dataset.dims]
    dataset = dataset.transpose(*AXES, *trailing)
    dataset["bandwidth"].attrs = {"units": "Hz", "long_name": "signal bandwidth"}
    dataset["split"].attrs = {"long_name": "energy of each stage in mJ, as in the records' names"}
    dataset["slot"].attrs = {"long_name": "number of the slot"}
    dataset["stage"].attrs = {"long_name": "number of the stage, the steps of each slot in turn"}
    dataset.attrs = {
        "Conventions": "CF-1.11",
        "title": f"ISAL study {study}",
        "comment": note,
        "source": f"isal {__version__}",
        "commit": records.commit(),
        "history": f"{datetime.now(UTC).isoformat(timespec='seconds')} built from {len(points)} records",
        "stages": "; ".join(", ".join(names) for _, names in sorted(stage_names.items())),
    }
    return dataset


def _row(record: records.Record) -> xr.Dataset:
    """One record as a dataset with the dimension ``point`` of size one and labelled nodes and stages."""
    variables: dict[str, Any] = {}
    for name, (dimensions, _, attributes) in records.VARIABLES.items():
        if "point" in dimensions and "link" not in dimensions:
            # every axis product has holes, which only a float can mark
            attributes = {key: value * 1.0 if key == "flag_values" else value for key, value in attributes.items()}
            variables[name] = (dimensions, record.arrays[name].astype(float), attributes)
    sensing = record.arrays["link_target"] >= 0
    for kind, chosen in (("sensing", sensing), ("ranging", ~sensing)):
        strongest = record.arrays["link_snr"][:, :, chosen].max(axis=2, initial=0.0)
        described = {"units": "1", "long_name": f"largest signal-to-noise ratio of any {kind} link, linear"}
        variables[f"{kind}_snr"] = (("point", "stage"), strongest, described)
    coordinates = {
        "slot": np.arange(1, record.arrays["slot_energy"].shape[1] + 1),
        "stage": np.arange(1, len(record.stages) + 1),
        "node": np.array(record.nodes, dtype=object),
    }
    return xr.Dataset(variables, coords=coordinates)


def write(path: Path, dataset: xr.Dataset) -> None:
    """Store a dataset; the file appears under its name only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        dataset.to_netcdf(temporary, engine="netcdf4")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> xr.Dataset:
    """A stored dataset, in memory."""
    with xr.open_dataset(path, engine="netcdf4") as dataset:
        return dataset.load()
