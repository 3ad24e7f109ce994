"""Seeded random networks, from sensing-abundant (the target close to the radars) to sensing-limited ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from isal.model.network import Network

#: Side of the square in which everything lies, m, as in the paper's figures.
AREA_M = 200.0

#: No two nodes and no node and target are closer than this, m.
CLOSEST_M = 1.0

#: Smallest and largest distance scale between radars and targets, m.
SEPARATIONS_M = (2.0, 150.0)


def random_network(
    rng: np.random.Generator, n_anchors: int, n_radars: int, n_targets: int, separation_m: float, name: str
) -> Network:
    """A network whose radars are at distances of about ``separation_m`` from a common place near its targets.

    The anchors lie anywhere in the square, the common place anywhere in its middle quarter, the targets within half
    the separation of it.
    """
    while True:
        anchors = rng.uniform(0, AREA_M, (n_anchors, 2))
        middle = rng.uniform(AREA_M / 4, 3 * AREA_M / 4, 2)
        around = _scattered(rng, n_radars, middle, 0.5 * separation_m, 1.5 * separation_m)
        targets = _scattered(rng, n_targets, middle, 0.0, 0.5 * separation_m)
        spots = np.concatenate([anchors, around, targets])
        distances = np.linalg.norm(spots[:, None] - spots, axis=-1) + np.diag(np.full(len(spots), np.inf))
        if distances.min() >= CLOSEST_M:
            return Network(anchors.round(3), around.round(3), targets.round(3), name=name)


def random_networks(
    seed: int,
    size: int,
    *,
    anchors: tuple[int, int] = (2, 6),
    radars: tuple[int, int] = (2, 6),
    targets: tuple[int, int] = (1, 1),
) -> Iterator[Network]:
    """``size`` networks with numbers of nodes drawn from the given ranges (both ends included).

    The separation is log-uniform over :data:`SEPARATIONS_M`. Network ``i`` is the same whatever the size.
    """
    for number in range(size):
        rng = np.random.default_rng([seed, number])
        n_anchors, n_radars, n_targets = (int(rng.integers(low, high + 1)) for low, high in (anchors, radars, targets))
        separation = float(np.exp(rng.uniform(*np.log(SEPARATIONS_M))))
        yield random_network(rng, n_anchors, n_radars, n_targets, separation, f"random-{seed}-{number}")


def _scattered(
    rng: np.random.Generator, size: int, middle: NDArray[np.float64], nearest: float, farthest: float
) -> NDArray[np.float64]:
    """Points in the square at random bearings from ``middle``, at distances uniform between two; ``(size, 2)``."""
    points = np.full((size, 2), np.nan)
    while len(missing := np.flatnonzero(~((points >= 0) & (points <= AREA_M)).all(axis=1))):
        bearing = rng.uniform(0, 2 * np.pi, len(missing))
        distance = rng.uniform(nearest, farthest, len(missing))
        points[missing] = middle + distance[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
    return points
