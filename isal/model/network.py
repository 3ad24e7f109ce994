"""Networks of anchors, radars and targets in the plane (Section 2 of the paper, Figures 1 to 4), or in space."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import NetworkError, not_installed
from isal.model.installation import Installation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Nodes closer than this are refused: the direction between them, and so every Jacobian row, loses its meaning.
MINIMUM_DISTANCE_M = 1e-3

#: Positions of so many nodes and targets are printed; of more, only their numbers.
MOST_SHOWN = 20

#: Farther from the origin nothing is placed: differences of positions would lose their digits.
LARGEST_COORDINATE_M = 1e6

#: Names of the coordinates; a network in the plane has the first two.
AXES = "xyz"

#: What a network has positions of.
GROUPS = ("anchors", "radars", "targets")

#: How positions are written, in messages.
POSITIONS = "a list of [x, y], or of [x, y, z], in metres"

#: What a network has besides its positions unless something is said of it.
PLAIN = Installation()


def real_numbers(values: ArrayLike) -> NDArray[np.float64]:
    """A new array of floats; a TypeError or ValueError says why ``values`` are none (text, complex, masked, ragged)."""
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError("a masked array leaves some numbers out")
    array = np.asarray(values)
    if array.dtype.kind not in "fiu" and array.size:
        kind = {"c": "complex numbers", "U": "text", "S": "text", "b": "truth values"}.get(
            array.dtype.kind, "not numbers"
        )
        raise TypeError(f"these are {kind}")
    return np.array(array, dtype=float)


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Positions of all nodes of one slot, in the plane (``d`` = 2 coordinates each) or in space (3).

    Parameters
    ----------
    anchors
        Known positions, shape ``(n_anchors, d)``, in metres. Anchors share one clock.
    radars
        Positions to be estimated, shape ``(n_radars, d)``, in metres. Radar 1 is the clock reference.
    targets
        Passive nodes to be sensed, shape ``(n_targets, d)``, in metres. Empty for localization only (Figure 1).
    radars_known
        True for target sensing only (Figure 2): the radars' positions are known, their clocks need not be.
    installation
        Equipment of nodes, disturbances of links and survey errors, see :class:`isal.Installation`; none by default.
    name
        Used in error messages.

    Raises
    ------
    NetworkError
        If an array has the wrong shape or another number of coordinates than the others, a coordinate is not finite
        or out of bounds, two nodes coincide, or the installation names what the network does not have.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> network.node_labels  # the order of all powers
    ('radar 1', 'radar 2', 'anchor 1', 'anchor 2')
    >>> network == network.moved(shift=(0, 0)), network.n_targets
    (True, 1)
    >>> hall = isal.Network(anchors=[[0, 0, 3], [9, 0, 3], [9, 6, 1], [0, 6, 3]], radars=[], targets=[[4, 2, 1.2]])
    >>> hall.axes, hall.dimension
    ('xyz', 3)
    """

    anchors: NDArray[np.float64]
    radars: NDArray[np.float64]
    targets: NDArray[np.float64]
    radars_known: bool = False
    name: str = "network"
    installation: Installation = PLAIN

    def __init__(
        self,
        anchors: ArrayLike,
        radars: ArrayLike,
        targets: ArrayLike = (),
        *,
        radars_known: bool = False,
        name: str = "network",
        installation: Installation | None = None,
    ) -> None:
        set_ = object.__setattr__  # the dataclass is frozen
        set_(self, "name", name)
        set_(self, "radars_known", bool(radars_known))
        for group, values in (("anchors", anchors), ("radars", radars), ("targets", targets)):
            set_(self, group, self._positions(group, values))
        self._agree_on_dimension()
        if self.n_nodes == 0:
            raise NetworkError(f"{name}: no anchors and no radars; give at least one active node")
        if self.n_targets == 0 and (self.n_radars == 0 or radars_known):
            raise NetworkError(f"{name}: nothing to estimate; give a target, or radars whose positions are unknown")
        self._refuse_coincident_nodes()
        set_(self, "installation", PLAIN if installation is None else installation)
        if not isinstance(self.installation, Installation):
            raise NetworkError(f"{name}: installation must be an isal.Installation, got {installation!r}")
        if self.installation:
            self.installation.check(self)

    def _positions(self, group: str, values: ArrayLike) -> NDArray[np.float64]:
        try:
            array = real_numbers(values)
        except (TypeError, ValueError, OverflowError) as error:
            raise NetworkError(f"{self.name}: {group} must be {POSITIONS}, got {values!r}: {error}") from error
        if array.size == 0:
            array = array.reshape(0, 2)
        if array.ndim != 2 or array.shape[1] not in (2, 3):
            raise NetworkError(f"{self.name}: {group} must be {POSITIONS}, got an array of shape {array.shape}")
        for index, position in enumerate(array):
            if not np.isfinite(position).all():
                raise NetworkError(
                    f"{self.name}: {group[:-1]} {index + 1} has a coordinate that is not finite: {position.tolist()}"
                )
            if (np.abs(position) > LARGEST_COORDINATE_M).any():
                raise NetworkError(
                    f"{self.name}: {group[:-1]} {index + 1} at {position.tolist()} m is more than "
                    f"{LARGEST_COORDINATE_M:g} m from the origin along an axis; check the unit, or move the origin"
                )
        array.setflags(write=False)
        return array

    def _agree_on_dimension(self) -> None:
        """Give empty groups as many coordinates as the others have, which must have equally many."""
        widths = {group: getattr(self, group).shape[1] for group in GROUPS if len(getattr(self, group))}
        for group, width in widths.items():
            if width != (first := next(iter(widths.values()))):
                raise NetworkError(
                    f"{self.name}: {group} have {width} coordinates and {next(iter(widths))} have {first}; give all "
                    "positions as [x, y], or all as [x, y, z]"
                )
        for group in GROUPS:
            if widths and group not in widths:
                empty = np.empty((0, *set(widths.values())))
                empty.setflags(write=False)
                object.__setattr__(self, group, empty)

    def _refuse_coincident_nodes(self) -> None:
        everything = np.concatenate([self.nodes, self.targets])
        labels = self.node_labels + tuple(f"target {i + 1}" for i in range(self.n_targets))
        distance = np.linalg.norm(everything[:, None] - everything[None], axis=-1)
        near = np.argwhere(np.triu(distance < MINIMUM_DISTANCE_M, k=1))
        for i, j in near:
            if i >= self.n_nodes:  # two targets may sit close together: no link runs between them
                continue
            raise NetworkError(
                f"{self.name}: {labels[i]} and {labels[j]} coincide at {everything[i].tolist()} m "
                f"({distance[i, j]:.2g} m apart); move one of them by at least {MINIMUM_DISTANCE_M} m"
            )

    def __repr__(self) -> str:
        if self.n_nodes + self.n_targets > MOST_SHOWN:
            told = ", ".join(f"{len(getattr(self, group))} {group}" for group in GROUPS)
        else:
            told = ", ".join(f"{group}={getattr(self, group).tolist()}" for group in GROUPS)
        known = ", radars_known=True" if self.radars_known else ""
        installed = f", installation={self.installation!r}" if self.installation else ""
        return f"Network({told}{known}, name={self.name!r}{installed})"

    def __eq__(self, other: object) -> bool:
        """Whether all positions, the name, what is known and the installation are the same."""
        if not isinstance(other, Network):
            return NotImplemented
        return (self.name, self.to_mapping()) == (other.name, other.to_mapping())

    def __hash__(self) -> int:
        return hash((self.name, self.radars_known, *(group.tobytes() for group in self._groups())))

    @property
    def nodes(self) -> NDArray[np.float64]:
        """Active nodes, radars first, then anchors; shape ``(n_nodes, d)``, metres."""
        return np.concatenate([self.radars, self.anchors])

    @property
    def node_labels(self) -> tuple[str, ...]:
        """``("radar 1", ..., "anchor 1", ...)``, in the order of every power vector."""
        return tuple(f"radar {i + 1}" for i in range(self.n_radars)) + tuple(
            f"anchor {i + 1}" for i in range(self.n_anchors)
        )

    @property
    def dimension(self) -> int:
        """Number of coordinates ``d`` of every position: 2 in the plane, 3 in space."""
        return int(self.anchors.shape[1])

    @property
    def axes(self) -> str:
        """Names of the coordinates, ``"xy"`` or ``"xyz"``."""
        return AXES[: self.dimension]

    @property
    def n_anchors(self) -> int:
        return len(self.anchors)

    @property
    def n_radars(self) -> int:
        return len(self.radars)

    @property
    def n_targets(self) -> int:
        return len(self.targets)

    @property
    def n_nodes(self) -> int:
        """Number of active nodes, the length of every power vector."""
        return self.n_radars + self.n_anchors

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], name: str = "network") -> Network:
        """Network from a table as in ``config/networks.yaml``; ``target: [x, y]``, or with z, means one target."""
        targets = mapping["targets"] if "targets" in mapping else [mapping["target"]] if "target" in mapping else []
        return cls(
            anchors=mapping.get("anchors", []),
            radars=mapping.get("radars", []),
            targets=targets,
            radars_known=mapping.get("radars_known", False),
            name=name,
            installation=_installation(mapping.get("installation"), name),
        )

    def to_mapping(self) -> dict[str, Any]:
        """The inverse of :meth:`from_mapping`, without the name: all that a result can depend on."""
        found = {
            "anchors": self.anchors.tolist(),
            "radars": self.radars.tolist(),
            "targets": self.targets.tolist(),
            "radars_known": self.radars_known,
        }
        # results of networks without one stay what they are
        return {**found, "installation": self.installation.to_mapping()} if self.installation else found

    def plot(self) -> Figure:
        """A map of anchors, radars and targets; needs matplotlib.

        Returns
        -------
        A figure of matplotlib; ``.savefig("map.png")`` keeps it.
        """
        try:
            # above this module, and not part of the core
            picture: Figure = import_module("isal.figures.maps").plot_network(self)
        except ModuleNotFoundError as error:
            raise not_installed("a map", str(error.name)) from error
        return picture

    def moved(
        self, angle: float = 0.0, shift: Sequence[float] | None = None, axis: Sequence[float] | None = None
    ) -> Network:
        """This network turned by ``angle``, then shifted.

        Parameters
        ----------
        angle
            Radians, counterclockwise about the origin; in space about a line through the origin.
        shift
            Metres, one number for each coordinate; by default none.
        axis
            In space, direction of that line, of any length; by default z. The turn is counterclockwise as seen from
            where it points to.

        Returns
        -------
        A network with the same name and installation.

        Raises
        ------
        NetworkError
            If ``shift`` or ``axis`` is unusable.

        Examples
        --------
        >>> import isal, math
        >>> room = isal.Network([[1, 0, 2], [0, 1, 0], [3, 0, 0]], [], [[1, 1, 1]])
        >>> room.moved(math.pi / 2, shift=(0, 0, 5), axis=(1, 0, 0)).targets.round(9).tolist()
        [[1.0, -1.0, 6.0]]
        """
        by = self._vector("shift", np.zeros(self.dimension) if shift is None else shift)
        turn = self._turn(angle, axis)
        anchors, radars, targets = (group @ turn.T + by for group in self._groups())
        return replace(self, anchors=anchors, radars=radars, targets=targets)

    def _turn(self, angle: float, axis: Sequence[float] | None) -> NDArray[np.float64]:
        """Matrix of a turn about the origin, shape ``(d, d)``."""
        cos, sin = math.cos(angle), math.sin(angle)
        if self.dimension == 2:
            if axis is not None:
                raise NetworkError(f"{self.name}: a network in the plane turns about the origin; leave out the axis")
            return np.array([[cos, -sin], [sin, cos]])
        along = self._vector("axis", (0.0, 0.0, 1.0) if axis is None else axis)
        largest = np.abs(along).max()
        if largest == 0:
            raise NetworkError(f"{self.name}: axis must be a direction, got {axis!r}; make one of its numbers not 0")
        x, y, z = along / largest / np.linalg.norm(along / largest)
        # Rodrigues' formula
        across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        return np.eye(3) + sin * across + (1 - cos) * (across @ across)

    def _vector(self, what: str, values: ArrayLike) -> NDArray[np.float64]:
        try:
            array = real_numbers(values)
        except (TypeError, ValueError, OverflowError) as error:
            raise NetworkError(f"{self.name}: {what} must be numbers, got {values!r}: {error}") from error
        if array.shape != (self.dimension,) or not np.isfinite(array).all():
            raise NetworkError(f"{self.name}: {what} must be [{', '.join(self.axes)}], finite numbers, got {values!r}")
        return array

    def _groups(self) -> Iterator[NDArray[np.float64]]:
        yield from (getattr(self, group) for group in GROUPS)


def _installation(table: Any, name: str) -> Installation | None:
    if table is None or isinstance(table, Installation):
        return table
    known = [setting.name for setting in fields(Installation)]
    if not isinstance(table, Mapping):
        raise NetworkError(f"{name}: installation must be a table of {', '.join(known)}; got {table!r}")
    if unknown := [key for key in table if key not in known]:
        raise NetworkError(f"{name}: installation: unknown key {unknown[0]!r}; it takes {', '.join(known)}")
    try:
        return Installation(**table)
    except NetworkError as error:
        raise NetworkError(f"{name}: {error}") from None
