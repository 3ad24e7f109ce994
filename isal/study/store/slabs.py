"""Parts of a study that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isal.model.ensemble import Ensemble
from isal.study.points import Point
from isal.study.store.records import Records


@dataclass(frozen=True, eq=False)
class Slab:
    """Points of some networks of a study.

    ``files`` are the record files that hold them, each with its fingerprint. ``points`` returns them, and ``rows`` are
    those of the files' points that they are, or find them in the records of these. ``networks`` are the names of the
    networks, ``nodes`` the labels of all nodes that one may have.
    """

    files: Sequence[tuple[Path, str]]
    points: Callable[[], Sequence[Point]]
    rows: slice | Callable[[Records], Sequence[int]]
    n_points: int
    networks: Sequence[str]
    nodes: Sequence[str]
    ensemble: Ensemble | None = None
