"""The best split of every curve of a study, without traversal."""

from __future__ import annotations

import time
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import xarray as xr

from isal.errors import IsalError
from isal.schemes import schedule as schemes
from isal.schemes.best_split import BestSplit, best_split
from isal.schemes.registry import SCHEMES
from isal.study.axes import axes_of
from isal.study.points import Point, PointError
from isal.study.store import provenance
from isal.units import UJ_PER_J

#: Variable, or coordinate, -> its attributes.
VARIABLES = {
    "part": {"long_name": "number of the step, or of the slot where there are several"},
    "energy": {"units": "J", "long_name": "energy of the part"},
    "speb": {"units": "m2", "long_name": "what the scheme minimises, at the best split"},
    "lower_bound": {"units": "m2", "long_name": "lower bound of the same, which holds for what proof says"},
    "proof": {"long_name": "which splits the lower bound holds for"},
    "problems": {"units": "1", "long_name": "number of allocation problems solved"},
    "seconds": {"units": "s", "long_name": "time that it took"},
}


def exact(point: Point) -> BestSplit:
    """The best split of a point's total energy, whatever its own split is.

    Raises
    ------
    PointError
        If it can't be found or certified; where the last step of the scheme is no convex problem, if no search ended.
    """
    total, scheme = sum(point.energies_uj) / UJ_PER_J, SCHEMES[point.scheme]
    try:
        with warnings.catch_warnings():
            if not scheme.convex:
                warnings.simplefilter("ignore", schemes.UncertifiedWarning)
            found = best_split(
                point.slots[0] if len(point.slots) == 1 else point.slots,
                point.radio,
                clock=point.clock,
                energy=total,
                **scheme.arguments,
                caps=schemes.node_caps(point.slots[0], total, point.radar_cap_w, point.anchor_cap_w),
                solver=point.solver,
                tolerance=point.tolerance,
                require_certified=scheme.convex,
            )
    except IsalError as error:
        raise PointError(f"{point.label}: best split: {error}") from error
    if found.status == "uncertified":
        raise PointError(f"{point.label}: best split: a step before the last is not certified, or no search ended")
    return found


def best_splits(points: Sequence[Point], axes: Collection[str] = ()) -> xr.Dataset:
    """Best splits of curves, each given by one of its points.

    Parameters
    ----------
    points
        The points.
    axes
        Names of the axes that their study lists; those that every study has may be left out.

    Returns
    -------
    Dataset with the dimensions of the study but ``split``, and ``part`` (steps, or slots where there are
    several): ``energy`` (J) of each part, ``speb`` and ``lower_bound`` (m^2), ``proof``, ``problems``, ``seconds``. A
    curve with nothing to split (the integrated scheme in one slot) is left out.

    Raises
    ------
    PointError
        See :func:`exact`.
    """
    rows, chosen = [], axes_of(axes, "split")
    names = [axis.name for axis in chosen]
    for point in points:
        if not point.has_split:
            continue
        began = time.perf_counter()
        found = exact(point)
        seconds = time.perf_counter() - began
        variables = {
            "energy": ("part", np.array(found.energies)),
            "speb": found.speb,
            "lower_bound": found.lower_bound,
            "proof": found.proof,
            "problems": found.problems,
            "seconds": seconds,
        }
        where = {axis.name: axis.value(point) for axis in chosen}
        rows.append(xr.Dataset(variables, coords={"part": np.arange(1, len(found.energies) + 1)} | where))
    attributes = {"title": "best splits without traversal"} | provenance.of_points(
        point for point in points if point.has_split
    )
    if not rows:
        coords: dict[str, Any] = {axis.name: (axis.name, [], axis.attributes) for axis in chosen}
        return xr.Dataset(coords=coords, attrs=attributes)
    flat = xr.concat([row.expand_dims("point") for row in rows], "point", join="outer", coords="all")
    dataset = flat.set_index(point=names).unstack("point")
    dataset["proof"] = dataset.proof.fillna("").astype(str)
    for name, described in (VARIABLES | {axis.name: axis.attributes for axis in chosen}).items():
        dataset[name].attrs = dict(described)
    return dataset.assign_attrs(attributes)
