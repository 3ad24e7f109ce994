"""Seeded random networks, from sensing-abundant (the target close to the radars) to sensing-limited ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from isal.errors import IsalError, finite_number
from isal.model.installation import link_ends, path_names, per_link
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


def shadowed(network: Network, sigma_db: float, *, seed: int, size: int) -> list[Network]:
    """``size`` networks that differ from one in log-normal shadowing of their links, as scenarios.

    Each pair of nodes, and each pair of a node and a target, gets a gain in dB that is normal with zero mean and
    standard deviation ``sigma_db``. A direct link has that of its ends in both directions, a reflected path the sum of
    those of its two legs. These add to what ``link_gain_db`` of the installation says already.

    Returns
    -------
    The networks; number ``i`` is the same whatever the size.

    Raises
    ------
    IsalError
        If ``sigma_db`` is not a finite number of at least 0, or ``seed`` or ``size`` no whole numbers of at least 0.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> for each in isal.shadowed(network, 4.0, seed=1, size=3):
    ...     best = isal.integrated(each, isal.Radio(), clock="synchronous", energy=10.0)
    ...     print(f"{100 * best.speb**0.5:.2f} cm")
    0.88 cm
    1.45 cm
    1.74 cm
    """
    sigma = finite_number(sigma_db)
    if sigma is None or sigma < 0:
        raise IsalError(f"{network.name}: sigma_db must be a finite number of at least 0 dB, got {sigma_db!r}")
    for what, number in (("seed", seed), ("size", size)):
        if not isinstance(number, int) or isinstance(number, bool) or number < 0:
            raise IsalError(f"{network.name}: {what} must be a whole number of at least 0, got {number!r}")
    ends = link_ends(network)
    known = per_link(network, "link_gain_db", network.installation.link_gain_db, ends)
    paths, first = np.unique(ends.paths, axis=0, return_index=True)
    target, low, high = paths.T
    n, names = network.n_nodes, path_names(network, paths)
    networks = []
    for number in range(size):
        gain = np.random.default_rng([seed, number]).normal(0.0, sigma, (n, n + network.n_targets))
        total = known[first] + np.where(target < 0, gain[low, high], gain[low, n + target] + gain[high, n + target])
        table = dict(zip(names, total.tolist(), strict=True))
        networks.append(replace(network, installation=replace(network.installation, link_gain_db=table)))
    return networks


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
