"""What is the same in all of a dataset, as its attributes."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from isal.study.axes import BUDGET
from isal.units import UJ_PER_J

if TYPE_CHECKING:
    from isal.model.network import Network
    from isal.study.points import Point


def networks(slots: Iterable[tuple[str, Sequence[Network]]]) -> dict[str, str]:
    """The attribute ``networks``: JSON of the positions of all nodes and targets, m, by network, slot by slot."""
    return {"networks": json.dumps({name: [slot.to_mapping() for slot in along] for name, along in slots})}


def of_points(points: Iterable[Point], unnamed: Collection[str] = ()) -> dict[str, Any]:
    """What some points have in common, as attributes.

    Networks whose names are ``unnamed`` are left out of ``networks``.

    Returns
    -------
    ``networks`` (see :func:`networks`); ``settings``, JSON of the parameters of the radio and of the caps (W) by key of
    the configuration; ``energy_j``, the energy of all parts together; ``solver`` and ``tolerance``. Left out is what
    differs from point to point.
    """
    layouts: dict[str, Sequence[Network]] = {}
    alike: dict[object, Point] = {}  # one of many points
    for point in points:
        if point.name not in unnamed:
            layouts[point.name] = point.slots
        caps = point.radar_cap_w, point.anchor_cap_w
        alike[point.radio, caps, sum(point.energies_uj), len(point.slots), point.solver, point.tolerance] = point
    told = list(map(_settings, alike.values()))
    shared = {
        key: value for key, value in (told[0] if told else {}).items() if all(value == each.get(key) for each in told)
    }
    plain = {key: shared.pop(key) for key in ("energy_j", "solver", "tolerance") if key in shared}
    return networks(layouts.items()) | {"settings": json.dumps(shared)} | plain


def _settings(point: Point) -> dict[str, Any]:
    content = point.to_mapping()
    caps = {key: BUDGET if content[key] is None else content[key] for key in ("radar_cap_w", "anchor_cap_w")}
    energy = {"energy_j": sum(point.energies_uj) / UJ_PER_J}
    return content["radio"] | caps | energy | {key: content[key] for key in ("solver", "tolerance")}
