"""Positions that are known only roughly when powers are chosen: clouds, balls, areas and given samples of them.

Each kind makes scenarios: networks that differ from the nominal one in where radars and targets are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, NetworkError, finite_number
from isal.model.ensemble import CLOSEST_M
from isal.model.network import Network, real_numbers

Array = NDArray[np.float64]

#: So many samples are drawn unless asked otherwise; on fresh ones their powers are 0.02 % above the best on average,
#: see docs/uncertain_positions.md.
DEFAULT_SIZE = 256

#: More places than this are refused: each has an information matrix of its own.
MOST_PLACES = 100_000


@dataclass(frozen=True, eq=False)
class Scenarios:
    """Networks, and how many samples each of them stands for, shape ``(K,)``; samples that coincide are one.

    ``left_out`` samples have a separation below :data:`isal.model.ensemble.CLOSEST_M`, where the range information of
    (14) and (15) grows without bound.
    """

    networks: tuple[Network, ...]
    counts: Array
    left_out: int

    @property
    def shares(self) -> Array:
        """Of the samples that count, shape ``(K,)``."""
        return self.counts / self.counts.sum()

    @property
    def targets(self) -> Array:
        """Where the targets are, m, shape ``(K, n_targets, d)``."""
        return np.array([network.targets for network in self.networks])


class Uncertain(ABC):
    """What is known of positions when powers are chosen."""

    #: Whether there is a farthest place, so that a worst case means something.
    bounded: ClassVar[bool] = True

    @abstractmethod
    def positions(self, network: Network) -> dict[str, Array]:
        """Positions by group ("radars", "targets"), m, shape ``(K, n, d)``; groups that are missing are certain."""

    def nominal(self, network: Network) -> Network:
        """The network that one designs for who does not know better."""
        return network

    def scenarios(self, network: Network) -> Scenarios:
        """The networks of all samples that keep their distances.

        Raises
        ------
        IsalError
            If none does, or the positions do not belong to this network.
        """
        base = self.nominal(network)
        moved = self.positions(network)
        size = len(next(iter(moved.values())))
        groups = {
            group: moved.get(group, np.broadcast_to(getattr(base, group), (size, *getattr(base, group).shape)))
            for group in ("radars", "targets")
        }
        kept = keeping_distance(base, groups)
        if not kept.any():
            raise IsalError(
                f"{network.name}: in every one of {size} samples two nodes, or a node and a target, are less than "
                f"{CLOSEST_M:g} m apart; move them, or make the uncertainty smaller"
            )
        flat = np.concatenate([each.reshape(size, -1) for each in groups.values()], axis=1)[kept]
        _, first, counts = np.unique(flat, axis=0, return_index=True, return_counts=True)
        order = np.argsort(first)
        numbers = np.flatnonzero(kept)[first[order]]
        networks = tuple(
            replace(base, name=f"{network.name}, sample {number + 1}", **{g: groups[g][number] for g in moved})
            for number in numbers.tolist()
        )
        return Scenarios(networks, counts[order].astype(float), int(size - kept.sum()))


def keeping_distance(network: Network, groups: dict[str, Array]) -> NDArray[np.bool_]:
    """In which samples nothing is too close to what moves or is sensed, shape ``(K,)``."""
    size, n_radars = len(groups["radars"]), network.n_radars
    anchors = np.broadcast_to(network.anchors, (size, *network.anchors.shape))
    nodes = np.concatenate([groups["radars"], anchors], axis=1)
    others = np.concatenate([nodes, groups["targets"]], axis=1)
    kept = np.ones(size, dtype=bool)
    for number in range(nodes.shape[1]):
        distance = np.linalg.norm(others - nodes[:, number, None], axis=2)
        distance[:, number] = np.inf
        if number >= n_radars:
            distance[:, n_radars : nodes.shape[1]] = np.inf  # between anchors nothing is measured
        kept &= (distance >= CLOSEST_M).all(axis=1)
    return kept


@dataclass(frozen=True)
class _Drawn(Uncertain):
    """Seeded samples around the nominal positions; sample ``k`` is the same whatever the size."""

    radars: float = 0.0
    targets: float = 0.0
    size: int = DEFAULT_SIZE
    seed: int = 0

    def __post_init__(self) -> None:
        what = type(self).__name__
        for group in ("radars", "targets"):
            given = finite_number(getattr(self, group))
            if given is None or given < 0:
                raise IsalError(f"{what}: {group} must be a length in m, not negative; got {getattr(self, group)!r}")
            object.__setattr__(self, group, given)
        for name, least in (("size", 1), ("seed", 0)):
            given = getattr(self, name)
            if not isinstance(given, int | np.integer) or isinstance(given, bool) or given < least:
                raise IsalError(f"{what}: {name} must be a whole number of at least {least}, got {given!r}")
        if self.size > MOST_PLACES:
            raise IsalError(f"{what}: size must be at most {MOST_PLACES}, got {self.size}")

    def positions(self, network: Network) -> dict[str, Array]:
        found = {}
        for number, group in enumerate(("radars", "targets")):
            centre, scale = getattr(network, group), getattr(self, group)
            found[group] = centre + scale * self._around([self.seed, number], (self.size, *centre.shape))
        return found

    def _around(self, seed: list[int], shape: tuple[int, ...]) -> Array:
        """Offsets of size one."""
        raise NotImplementedError


class Cloud(_Drawn):
    """Gaussian positions: standard deviations per axis of the radars' and of the targets' positions, m.

    Good for averages. The worst case over a Gaussian means nothing: it grows with the number of samples.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> scenarios = isal.Cloud(targets=5.0, size=100).scenarios(network)
    >>> len(scenarios.networks), scenarios.targets.std(axis=0).round(1).tolist()
    (100, [[5.1, 5.3]])
    """

    bounded = False

    def _around(self, seed: list[int], shape: tuple[int, ...]) -> Array:
        return np.random.default_rng(seed).standard_normal(shape)


@dataclass(frozen=True)
class Ball(_Drawn):
    """Positions anywhere in balls around the nominal ones, of the given radii of radars and of targets, m.

    Every radar and every target has a ball of its own. Half of the samples lie within it, evenly, half on its surface,
    where most of the worst places are. ``found`` are further samples, as shares of the radii, shape ``(n_radars +
    n_targets, d)`` each: :func:`isal.robust` adds the worst places that it finds.

    Examples
    --------
    >>> import isal, numpy
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> scenarios = isal.Ball(radars=1.0, targets=5.0).scenarios(network)
    >>> moved = scenarios.targets - network.targets
    >>> float(numpy.linalg.norm(moved, axis=2).max().round(9))
    5.0
    """

    found: tuple[Array, ...] = field(default=(), repr=False, compare=False)

    def positions(self, network: Network) -> dict[str, Array]:
        drawn = super().positions(network)
        further = [self.place(network, share) for share in self.found]
        return {
            group: np.concatenate([each, *(more[group][None] for more in further)]) for group, each in drawn.items()
        }

    def place(self, network: Network, share: Array) -> dict[str, Array]:
        """Positions by group, m, shape ``(n, 2)``, for offsets as shares of the radii."""
        radars, targets = np.split(share, [network.n_radars])
        return {
            "radars": network.radars + self.radars * radars,
            "targets": network.targets + self.targets * targets,
        }

    def shares(self, network: Network, moved: Network) -> Array:
        """The inverse of :meth:`place`; zero where a radius is."""
        return np.concatenate(
            [
                (getattr(moved, group) - getattr(network, group)) / (getattr(self, group) or np.inf)
                for group in ("radars", "targets")
            ]
        )

    def _around(self, seed: list[int], shape: tuple[int, ...]) -> Array:
        direction = np.random.default_rng(seed).standard_normal(shape)
        direction /= np.linalg.norm(direction, axis=-1, keepdims=True)
        distance = np.random.default_rng([*seed, 1]).uniform(size=(*shape[:-1], 1))
        distance **= 1 / shape[-1]
        distance[1::2] = 1.0
        return np.asarray(direction * distance)


@dataclass(frozen=True, eq=False)
class Samples(Uncertain):
    """Given positions of the radars, of the targets or of both, m, of shape ``(K, n, d)``, or ``(K, d)`` of one.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> scenarios = isal.Samples(targets=[[65, 45], [70, 50], [65, 45]]).scenarios(network)
    >>> scenarios.counts.tolist()
    [2.0, 1.0]
    """

    radars: ArrayLike | None = None
    targets: ArrayLike | None = None

    def __post_init__(self) -> None:
        given = [each for each in (self.radars, self.targets) if each is not None]
        if not given:
            raise IsalError("Samples: give positions of radars, of targets, or of both")
        for group in ("radars", "targets"):
            if getattr(self, group) is not None:
                object.__setattr__(self, group, _sampled(group, getattr(self, group)))
        sizes = {len(np.asarray(each)) for each in (self.radars, self.targets) if each is not None}
        if len(sizes) > 1:
            raise IsalError(f"Samples: there must be as many of radars as of targets, got {sorted(sizes)}")

    def positions(self, network: Network) -> dict[str, Array]:
        found = {}
        for group in ("radars", "targets"):
            if getattr(self, group) is not None:
                given, wanted = np.asarray(getattr(self, group)), getattr(network, group).shape
                if given.shape[1:] != wanted:
                    raise IsalError(
                        f"{network.name}: Samples of {group} must be of shape (K, {wanted[0]}, {wanted[1]}), "
                        f"got {given.shape}"
                    )
                found[group] = given
        return found


def _sampled(group: str, given: Any) -> Array:
    try:
        array = real_numbers(given)
    except (TypeError, ValueError, OverflowError) as error:
        raise IsalError(f"Samples: {group} must be positions in m, got {given!r}: {error}") from error
    if array.ndim == 2:
        array = array[:, None, :]
    if array.ndim != 3 or not array.size:
        raise IsalError(
            f"Samples: {group} must be of shape (K, n, d) with d coordinates and K at least 1, got {array.shape}"
        )
    if not np.isfinite(array).all():
        raise IsalError(f"Samples: {group} have a coordinate that is not finite")
    if len(array) > MOST_PLACES:
        raise IsalError(f"Samples: there may be at most {MOST_PLACES}, got {len(array)}")
    return array


@dataclass(frozen=True, eq=False)
class Area(Uncertain):
    """An area in which the one target may be, as a grid of places ``spacing`` metres apart.

    Parameters
    ----------
    corners
        Two opposite corners of a rectangle (or of a box), or the corners of a polygon in turn, m, shape ``(c, d)``.
    spacing
        Distance of the places along each axis, m. The grid is centred on the rectangle around the corners.

    The network has one target, which is the nominal place, or none: then that is the centre of the area.

    Examples
    --------
    >>> import isal
    >>> isal.Area([[0, 0], [40, 20]], spacing=20).places.tolist()
    [[0.0, 0.0], [0.0, 20.0], [20.0, 0.0], [20.0, 20.0], [40.0, 0.0], [40.0, 20.0]]
    >>> len(isal.Area([[0, 0], [40, 0], [0, 40]], spacing=4).places)  # a triangle
    66
    """

    corners: ArrayLike
    spacing: float

    def __post_init__(self) -> None:
        try:
            corners = real_numbers(self.corners)
        except (TypeError, ValueError, OverflowError) as error:
            raise IsalError(f"Area: corners must be positions in m, got {self.corners!r}: {error}") from error
        if corners.ndim != 2 or len(corners) < 2 or not np.isfinite(corners).all():
            raise IsalError(f"Area: corners must be two or more finite positions in m, got {self.corners!r}")
        if len(corners) > 2 and corners.shape[1] != 2:
            raise IsalError("Area: a polygon lies in the plane; give two opposite corners of a box instead")
        spacing = finite_number(self.spacing)
        if spacing is None or spacing <= 0:
            raise IsalError(f"Area: spacing must be a positive length in m, got {self.spacing!r}")
        object.__setattr__(self, "corners", corners)
        object.__setattr__(self, "spacing", spacing)
        axes = [np.floor(extent / spacing * (1 + 1e-12)) + 1 for extent in np.ptp(corners, axis=0)]
        if np.prod(axes) > MOST_PLACES:
            raise IsalError(f"Area: {np.prod(axes):.0f} places are more than {MOST_PLACES}; choose a larger spacing")
        object.__setattr__(self, "_places", self._grid([int(each) for each in axes]))

    def _grid(self, counts: Sequence[int]) -> Array:
        corners = np.asarray(self.corners)
        middle = (corners.min(axis=0) + corners.max(axis=0)) / 2
        axes = [
            centre + self.spacing * (np.arange(count) - (count - 1) / 2)
            for centre, count in zip(middle, counts, strict=True)
        ]
        places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(counts))
        if len(corners) > 2:
            places = places[_inside(places, corners, 1e-9 * self.spacing)]
        if not len(places):
            raise IsalError("Area: no place of the grid lies within the corners; choose a smaller spacing")
        return np.asarray(places)

    @property
    def places(self) -> Array:
        """All places of the grid, m, shape ``(K, d)``."""
        places: Array = self._places  # type: ignore[attr-defined]
        return places

    def nominal(self, network: Network) -> Network:
        if network.n_targets > 1:
            raise NetworkError(
                f"{network.name}: an area is where one target may be, and there are {network.n_targets}; give a "
                "network with one target or none"
            )
        if network.n_targets:
            return network
        return replace(network, targets=self.places.mean(axis=0)[None])

    def positions(self, network: Network) -> dict[str, Array]:
        return {"targets": self.places[:, None]}


def _inside(places: Array, corners: Array, margin: float) -> NDArray[np.bool_]:
    """Which places lie within a polygon, or within ``margin`` of its edges, shape ``(K,)``."""
    inside = np.zeros(len(places), dtype=bool)
    on_edge = np.zeros(len(places), dtype=bool)
    x, y = places.T
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > y) != (y2 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
        along = np.array([x2 - x1, y2 - y1])
        length2 = max(float(along @ along), 1e-300)
        share = np.clip(((places - [x1, y1]) @ along) / length2, 0, 1)
        on_edge |= np.linalg.norm(places - [x1, y1] - share[:, None] * along, axis=1) <= margin
    return inside | on_edge
