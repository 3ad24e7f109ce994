"""Parts of a study that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from isal.model.ensemble import Ensemble
from isal.study.points import Point


@dataclass(frozen=True, eq=False)
class Slab:
    """Points of some networks of a study.

    ``files`` are the record files that hold them, each with its fingerprint. ``points`` returns them, and ``rows``
    tells which of the files' points they are, given the fingerprints of these. ``networks`` are the names of the
    networks, ``nodes`` the labels of all nodes that one may have.
    """

    files: Sequence[tuple[Path, str]]
    points: Callable[[], Sequence[Point]]
    rows: Callable[[Sequence[str]], Sequence[int]]
    n_points: int
    networks: Sequence[str]
    nodes: Sequence[str]
    ensemble: Ensemble | None = None
