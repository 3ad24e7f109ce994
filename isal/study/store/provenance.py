"""What is the same in all of a dataset, as its attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from isal.study.axes import BUDGET
from isal.units import UJ_PER_J

if TYPE_CHECKING:
    from isal.model.network import Network
    from isal.study.points import Point


def networks(slots: Iterable[tuple[str, Sequence[Network]]]) -> dict[str, str]:
    """The attribute ``networks``: JSON of the positions of all nodes and targets, m, by network, slot by slot."""
    return {"networks": json.dumps({name: [slot.to_mapping() for slot in along] for name, along in slots})}


def of_points(points: Iterable[Point]) -> dict[str, Any]:
    """What some points have in common, as attributes.

    Returns
    -------
    ``networks`` (see :func:`networks`); ``settings``, JSON of the parameters of the radio and of the caps (W) by key of
    the configuration; ``energy_j``, the energy of all parts together; ``solver`` and ``tolerance``. Left out is what
    differs from point to point.
    """
    all_points = list(points)
    told = [_settings(point) for point in all_points]
    shared = {
        key: value for key, value in (told[0] if told else {}).items() if all(value == each.get(key) for each in told)
    }
    plain = {key: shared.pop(key) for key in ("energy_j", "solver", "tolerance") if key in shared}
    layouts = {point.name: point.slots for point in all_points}
    return networks(layouts.items()) | {"settings": json.dumps(shared)} | plain


def _settings(point: Point) -> dict[str, Any]:
    content = point.to_mapping()
    caps = {key: BUDGET if content[key] is None else content[key] for key in ("radar_cap_w", "anchor_cap_w")}
    energy = {"energy_j": sum(point.energies_uj) / UJ_PER_J}
    return content["radio"] | caps | energy | {key: content[key] for key in ("solver", "tolerance")}
