"""Seeded random networks, from sensing-abundant (the target close to the radars) to sensing-limited ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isal.errors import IsalError, NetworkError, finite_number
from isal.model.installation import link_ends, path_names, per_link
from isal.model.network import Network

#: Side of the square in which everything lies, m, as in the paper's figures.
AREA_M = 200.0

#: No two nodes and no node and target are closer than this, m.
CLOSEST_M = 1.0

#: Smallest and largest distance scale between radars and targets, m.
SEPARATIONS_M = (2.0, 150.0)

#: So many layouts are drawn before a network that has no room is given up.
MOST_TRIES = 1000


#: Smallest and largest height of anchors, of radars and of targets, m.
Heights = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Seeded random networks; number ``i`` depends on the seed and on ``i`` alone, whatever the ``size`` is.

    Numbers of anchors, radars and targets are uniform over ranges, both ends included, and the separation of radars
    and targets, m, is log-uniform. A network of several ``slots`` has the same numbers of nodes in each, and a layout
    of its own in each. Networks ``without`` which it is to be are left out, by number. With heights, uniform over
    ranges, m, the networks are in space.

    Examples
    --------
    >>> some = Ensemble(name="some", seed=1, size=100, anchors=(3, 3), radars=(2, 2))
    >>> some.network(7)[0].name, some.network(7) == Ensemble(name="some", seed=1, size=9, anchors=(3, 3),
    ...                                                      radars=(2, 2)).network(7)
    ('some-7', True)
    """

    name: str
    seed: int
    size: int
    slots: int = 1
    anchors: tuple[int, int] = (2, 6)
    radars: tuple[int, int] = (2, 6)
    targets: tuple[int, int] = (1, 1)
    separations_m: tuple[float, float] = SEPARATIONS_M
    area_m: float = AREA_M
    without: tuple[int, ...] = ()
    anchor_heights_m: tuple[float, float] | None = None
    radar_heights_m: tuple[float, float] | None = None
    target_heights_m: tuple[float, float] | None = None

    def numbers(self, first: int = 0, stop: int | None = None) -> list[int]:
        """Numbers of its networks from ``first`` to ``stop`` - 1, or to the last one."""
        end = self.size if stop is None else min(stop, self.size)
        return [number for number in range(first, end) if number not in self.without]

    @property
    def first(self) -> int:
        """Number of its first network, which stands for all."""
        return next(number for number in range(self.size) if number not in self.without)

    def network(self, number: int) -> tuple[Network, ...]:
        """The slots of network ``number``.

        Raises
        ------
        NetworkError
            If there is no room for it: nodes and targets are at least :data:`CLOSEST_M` apart.
        """
        rng = np.random.default_rng([self.seed, number])
        ranges = (self.anchors, self.radars, self.targets)
        n_anchors, n_radars, n_targets = (int(rng.integers(low, high + 1)) for low, high in ranges)
        slots = []
        for _ in range(self.slots):
            separation = float(np.exp(rng.uniform(*np.log(self.separations_m))))
            name = self.member(number)
            slots.append(
                random_network(rng, n_anchors, n_radars, n_targets, separation, name, self.area_m, self.heights_m)
            )
        return tuple(slots)

    @property
    def heights_m(self) -> Heights | None:
        """Ranges of the heights of anchors, radars and targets; None in the plane."""
        given = self.anchor_heights_m, self.radar_heights_m, self.target_heights_m
        return None if None in given else given  # type: ignore[return-value]

    def member(self, number: int) -> str:
        """Name of network ``number``."""
        return f"{self.name}-{number}"

    @property
    def node_labels(self) -> list[str]:
        """Labels of the nodes that any of its networks has, radars first."""
        counts = {"radar": self.radars[1], "anchor": self.anchors[1]}
        return [f"{kind} {number}" for kind, count in counts.items() for number in range(1, count + 1)]

    def to_mapping(self) -> dict[str, Any]:
        """All that each of its networks depends on, as plain data."""
        content = {
            key: value
            for key, value in self.__dict__.items()
            if key not in ("size", "without") and value is not None  # so heights change nothing where there are none
        }
        return {key: list(value) if isinstance(value, tuple) else value for key, value in content.items()}


def random_network(
    rng: np.random.Generator,
    n_anchors: int,
    n_radars: int,
    n_targets: int,
    separation_m: float,
    name: str,
    area_m: float = AREA_M,
    heights_m: Heights | None = None,
) -> Network:
    """A network whose radars are at distances of about ``separation_m`` from a common place near its targets.

    The anchors lie anywhere in a square of side ``area_m``, the common place anywhere in its middle quarter, the
    targets within half the separation of it. Distances are those on the floor; heights are added to it.

    Raises
    ------
    NetworkError
        If there is no room for it.
    """
    for _ in range(MOST_TRIES):
        anchors = rng.uniform(0, area_m, (n_anchors, 2))
        middle = rng.uniform(area_m / 4, 3 * area_m / 4, 2)
        around = _scattered(rng, n_radars, middle, 0.5 * separation_m, 1.5 * separation_m, area_m)
        targets = _scattered(rng, n_targets, middle, 0.0, 0.5 * separation_m, area_m)
        if heights_m is not None:
            anchors, around, targets = (
                np.column_stack([spots, rng.uniform(*ends, len(spots))])
                for spots, ends in zip((anchors, around, targets), heights_m, strict=True)
            )
        spots = np.concatenate([anchors, around, targets])
        distances = np.linalg.norm(spots[:, None] - spots, axis=-1) + np.diag(np.full(len(spots), np.inf))
        if distances.min() >= CLOSEST_M:
            return Network(anchors.round(3), around.round(3), targets.round(3), name=name)
    raise NetworkError(
        f"{name}: no room for {n_anchors} anchors, {n_radars} radars and {n_targets} targets at least {CLOSEST_M:g} m "
        f"apart with radars some {separation_m:.3g} m from targets in {area_m:g} m x {area_m:g} m; take larger "
        "separations or fewer nodes"
    )


def random_networks(
    seed: int,
    size: int,
    *,
    anchors: tuple[int, int] = (2, 6),
    radars: tuple[int, int] = (2, 6),
    targets: tuple[int, int] = (1, 1),
) -> Iterator[Network]:
    """``size`` networks of an :class:`Ensemble` of one slot."""
    ensemble = Ensemble(name=f"random-{seed}", seed=seed, size=size, anchors=anchors, radars=radars, targets=targets)
    for number in range(size):
        yield from ensemble.network(number)


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
    rng: np.random.Generator,
    size: int,
    middle: NDArray[np.float64],
    nearest: float,
    farthest: float,
    area_m: float,
) -> NDArray[np.float64]:
    """Points in the square at random bearings from ``middle``, at distances uniform between two; ``(size, 2)``."""
    points = np.full((size, 2), np.nan)
    for _ in range(MOST_TRIES):
        if not len(missing := np.flatnonzero(~((points >= 0) & (points <= area_m)).all(axis=1))):
            break
        bearing = rng.uniform(0, 2 * np.pi, len(missing))
        distance = rng.uniform(nearest, farthest, len(missing))
        points[missing] = middle + distance[:, None] * np.stack([np.cos(bearing), np.sin(bearing)], axis=1)
    return points
