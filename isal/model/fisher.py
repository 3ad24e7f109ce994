"""Fisher information of one slot: links, Jacobian rows, information linear in power, blocks, SPEB (Section 3).

Parameters are ordered as in (7) and (8): radar positions, clock offsets (asynchronous networks), target positions.
Everything is in metres: a clock offset ``tau`` is carried as the range ``c tau``, and a row is ``c`` times the
derivative of a delay, so the information has units 1/m^2 throughout and stays well conditioned.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, NetworkError, UnobservableError, one_of
from isal.knowledge import Knowledge
from isal.matrices import LARGEST_DENSE, DenseStack, Rows, SparseStack, Stack, at_power
from isal.model.network import Network, real_numbers
from isal.model.radio import Radio

Clock = Literal["synchronous", "asynchronous"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)

Block = Literal["radars", "clocks", "targets"]
BLOCKS: tuple[Block, ...] = get_args(Block)

Points = NDArray[np.float64]  # shape (n, 2)

#: A direction whose information, with every parameter scaled to unit information, is below this is unobservable.
OBSERVABILITY_FLOOR = 1e-11

#: Unobservable directions concern a parameter that they move further than this over the one that they move furthest,
#: both in metres: far above rounding, which moves the others by 1e-16 over the next larger information.
LEAST_MOVE = 1e-2

#: A layout of less than this width over length is called a line.
ON_A_LINE = 1e-2


@dataclass(frozen=True)
class Basis:
    """Order of the parameters ``theta``: ``blocks`` maps each block present to its slice, ``labels`` names entries."""

    blocks: dict[Block, slice]
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.labels)

    def indices(self, blocks: Iterable[Block]) -> NDArray[np.intp]:
        """Positions in ``theta`` of the named blocks; blocks that the network does not have are passed over."""
        ranges = [self._ranges[block] for block in blocks if block in self.blocks]
        return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.intp)

    @cached_property
    def _ranges(self) -> dict[Block, NDArray[np.intp]]:
        return {block: np.arange(part.start, part.stop) for block, part in self.blocks.items()}


@dataclass(frozen=True, eq=False)
class Links:
    """All links of one slot: sensing links first, row-major in (transmitter, receiver) as in (10), then ranging.

    ``transmitter``, ``receiver``, ``target``
        Node and target indices, shape ``(n_links,)``; ``target`` is -1 for a ranging link.
    ``distance``
        Length of the path in metres, shape ``(n_links,)``.
    ``intensity``
        Range information intensity per watt of the transmitter, (14) and (15), 1/(m^2 W), shape ``(n_links,)``.
    ``columns``, ``entries``
        Parameters that each delay depends on and ``c`` times its derivatives, (A1)-(A3), dimensionless, both of shape
        ``(n_links, 10)``: position of the transmitter, of the receiver, of the target as the end of the first and as
        the start of the second leg, and the two clock offsets. What a link does not depend on is a zero in column 0; a
        column that stands twice (a target, a radar that hears itself) adds up.
    ``n_parameters``
        Number of parameters.
    """

    transmitter: NDArray[np.intp]
    receiver: NDArray[np.intp]
    target: NDArray[np.intp]
    distance: NDArray[np.float64]
    intensity: NDArray[np.float64]
    columns: NDArray[np.intp]
    entries: NDArray[np.float64]
    n_parameters: int

    @property
    def rows(self) -> NDArray[np.float64]:
        """The rows of the Jacobian, ``entries`` in their places, shape ``(n_links, n_parameters)``."""
        rows = np.zeros((len(self), self.n_parameters))
        np.add.at(rows, (np.arange(len(self))[:, None], self.columns), self.entries)
        return rows

    @property
    def squares(self) -> NDArray[np.float64]:
        """Squares of the sums of the magnitudes of what adds up to each row, shape ``(n_links, n_parameters)``.

        In units of their square roots the rows have relative errors of rounding only, also where they cancel: those of
        a target between two nodes, whose legs lengthen and shorten by the same.
        """
        total = np.zeros((len(self), self.n_parameters))
        np.add.at(total, (np.arange(len(self))[:, None], self.columns), np.abs(self.entries))
        return total**2

    @property
    def is_sensing(self) -> NDArray[np.bool_]:
        return self.target >= 0

    def only(self, chosen: NDArray[np.bool_]) -> Links:
        """The links for which ``chosen``, shape ``(n_links,)``, is true, about the same parameters."""
        return Links(
            self.transmitter[chosen],
            self.receiver[chosen],
            self.target[chosen],
            self.distance[chosen],
            self.intensity[chosen],
            self.columns[chosen],
            self.entries[chosen],
            self.n_parameters,
        )

    def __len__(self) -> int:
        return len(self.transmitter)


@dataclass(frozen=True, eq=False)
class Information:
    """Fisher information of one slot as a linear function of the node powers: ``I(p) = sum_m p_m A_m``."""

    network: Network
    radio: Radio
    clock: Clock
    basis: Basis
    links: Links

    @property
    def blocks(self) -> dict[Block, slice]:
        """Slices of the blocks that this network has, in the order radars, clocks, targets."""
        return self.basis.blocks

    @cached_property
    def stack(self) -> Stack:
        """``A_m``: information per watt of each node, 1/(m^2 W), kept sparse where that is smaller."""
        n, d = self.network.n_nodes, self.basis.size
        if n * d * d <= LARGEST_DENSE:
            rows = Rows(self.links.rows * np.sqrt(self.links.intensity)[:, None], self.links.transmitter)
            matrices = rows.products(n)
            matrices.setflags(write=False)
            squares = np.zeros((1, n, 2, d))
            np.add.at(squares[0, :, 0], rows.node, self.links.squares * self.links.intensity[:, None])
            return DenseStack(matrices[None], squares, [rows])
        from scipy.sparse import csr_array, vstack

        places = np.arange(0, self.links.columns.size + 1, self.links.columns.shape[1])
        entries = self.links.entries * np.sqrt(self.links.intensity)[:, None]
        sparse, magnitudes = (
            csr_array((each.ravel(), self.links.columns.ravel(), places), shape=(len(self.links), d), copy=True)
            for each in (entries, np.abs(entries))
        )
        magnitudes.sum_duplicates()
        own = [self.links.transmitter == node for node in range(n)]
        squares = np.zeros((1, n, 2, d))
        squares[0, :, 0] = [magnitudes[links].power(2).sum(axis=0) for links in own]
        products = [sparse[links].T @ sparse[links] for links in own]
        return SparseStack(vstack(products, format="csr"), n, squares)

    @cached_property
    def ranging(self) -> Information:
        """What the ranging links alone tell, about the same parameters: nothing about targets."""
        return replace(self, links=self.links.only(~self.links.is_sensing))

    @property
    def node_matrices(self) -> NDArray[np.float64]:
        """``A_m``: information per watt of node m, 1/(m^2 W), shape ``(n_nodes, n_parameters, n_parameters)``."""
        return self.stack.dense()[0]

    def matrix(self, power: ArrayLike) -> NDArray[np.float64]:
        """``I(p)`` of (18) or (23), 1/m^2, shape ``(n_parameters, n_parameters)``; ``power`` in W, radars first.

        Raises
        ------
        IsalError
            If the power vector has the wrong length, or an entry is negative or not finite.
        """
        return self.stack.combine(checked_power(power, self.network)[None])[0]

    def measured(self, power: ArrayLike) -> Knowledge:
        """What the slot's links tell at the given node powers, W, radars first; errors as in :meth:`matrix`."""
        return at_power(self.stack, checked_power(power, self.network))

    def link_snr(self, power: ArrayLike) -> NDArray[np.float64]:
        """Signal-to-noise ratio of every link (linear), shape ``(n_links,)``, at the given node powers in W."""
        watts = checked_power(power, self.network)[self.links.transmitter]
        return self.radio.snr(self.links.intensity * watts)


@dataclass(frozen=True)
class Spebs:
    """Squared position error bounds (9) per block, m^2: the trace of its block of the inverse information."""

    radars: float
    clocks: float
    targets: float


def checked_power(power: ArrayLike, network: Network) -> NDArray[np.float64]:
    """``power`` as an array of shape ``(n_nodes,)``, or an IsalError that names the node at fault."""
    try:
        array = real_numbers(power)
    except (TypeError, ValueError) as error:
        raise IsalError(f"{network.name}: power must be numbers of W, got {power!r}: {error}") from error
    if array.shape != (network.n_nodes,):
        raise IsalError(
            f"{network.name}: power needs {network.n_nodes} values, one per node in the order "
            f"{', '.join(network.node_labels)}; got shape {array.shape}"
        )
    for label, value in zip(network.node_labels, array, strict=True):
        if not (np.isfinite(value) and value >= 0):
            raise IsalError(f"{network.name}: the power of {label} must be finite and not negative, got {value} W")
    return array


def parameter_basis(network: Network, clock: Clock) -> Basis:
    """Order and names of the parameters, (7) and (8).

    Radar 1 is the clock reference and the anchors share one clock, so there is an offset for each of the radars
    2..n_radars and one for the anchors; without radars or without anchors the latter does not exist.
    """
    one_of(clock, CLOCKS, "clock")
    labels: dict[Block, list[str]] = {
        "radars": []
        if network.radars_known
        else [f"radar {i + 1} {axis}" for i in range(network.n_radars) for axis in "xy"],
        "clocks": [],
        "targets": [f"target {i + 1} {axis}" for i in range(network.n_targets) for axis in "xy"],
    }
    if clock == "asynchronous" and network.n_radars:
        labels["clocks"] = [f"clock offset of radar {i + 1}" for i in range(1, network.n_radars)]
        if network.n_anchors:
            labels["clocks"].append("clock offset of the anchors")
    blocks: dict[Block, slice] = {}
    start = 0
    for block in BLOCKS:
        if labels[block]:
            blocks[block] = slice(start, start + len(labels[block]))
            start += len(labels[block])
    return Basis(blocks, tuple(label for block in BLOCKS for label in labels[block]))


def network_links(network: Network, radio: Radio, clock: Clock) -> Links:
    """Every sensing and ranging link of the network with its intensity and Jacobian row; see :class:`Links`.

    One-way ranging runs between every ordered pair of active nodes with at least one radar, sensing between every
    ordered pair including a node and itself, once per target.
    """
    basis = parameter_basis(network, clock)
    n, n_targets = network.n_nodes, network.n_targets
    transmitter, receiver = (index.ravel() for index in np.indices((n, n)))
    has_radar = (transmitter < network.n_radars) | (receiver < network.n_radars)
    ranging = has_radar & (transmitter != receiver)

    tx = np.concatenate([np.tile(transmitter, n_targets), transmitter[ranging]])
    rx = np.concatenate([np.tile(receiver, n_targets), receiver[ranging]])
    target = np.concatenate([np.repeat(np.arange(n_targets), n * n), np.full(ranging.sum(), -1)])
    sensing = target >= 0

    columns = np.zeros((len(tx), 10), dtype=np.intp)
    entries = np.zeros((len(tx), 10))

    def add_position(place: int, links: NDArray[np.bool_], start: NDArray[np.intp], gradient: Points) -> None:
        columns[links, place : place + 2] = start[:, None] + np.arange(2)
        entries[links, place : place + 2] = gradient

    def add_node(place: int, links: NDArray[np.bool_], node: NDArray[np.intp], gradient: Points) -> None:
        free = (node < network.n_radars) & ("radars" in basis.blocks)
        add_position(place, links, np.where(free, 2 * node, 0), gradient * free[:, None])

    # A path is one or two legs; its length grows along the unit vector at the head of a leg and against it at its tail.
    distance = np.zeros(len(tx))
    intensity = np.zeros(len(tx))
    nodes = network.nodes
    # one-way legs: transmitter to receiver
    direct = nodes[tx[~sensing]] - nodes[rx[~sensing]]
    distance[~sensing] = np.linalg.norm(direct, axis=1)
    intensity[~sensing] = radio.ranging_intensity(distance[~sensing])
    unit = direct / distance[~sensing, None]
    add_node(0, ~sensing, tx[~sensing], unit)
    add_node(2, ~sensing, rx[~sensing], -unit)
    # reflected paths: transmitter to target, target to receiver
    spot = network.targets[target[sensing]]
    legs = []
    for place, node in ((0, tx[sensing]), (2, rx[sensing])):
        away = nodes[node] - spot
        legs.append(np.linalg.norm(away, axis=1))
        unit = away / legs[-1][:, None]
        add_node(place, sensing, node, unit)
        if n_targets:
            add_position(place + 4, sensing, basis.blocks["targets"].start + 2 * target[sensing], -unit)
    distance[sensing] = legs[0] + legs[1]
    intensity[sensing] = radio.sensing_intensity(*legs)
    if "clocks" in basis.blocks:
        # tau_mn = tau_1n - tau_1m (A3); radar 1 has no offset, all anchors share the last one.
        for place, node, sign in ((8, rx, 1.0), (9, tx, -1.0)):
            offset = np.minimum(node, network.n_radars) - 1
            columns[:, place] = np.where(offset >= 0, basis.blocks["clocks"].start + offset, 0)
            entries[:, place] = np.where(offset >= 0, sign, 0.0)
    return Links(tx, rx, target, distance, intensity, columns, entries, basis.size)


def information(network: Network, radio: Radio, clock: Clock) -> Information:
    """Fisher information of one slot, ready to be evaluated at any powers.

    Raises
    ------
    UnobservableError
        If some parameter is left undetermined with every node transmitting; the message names it.
    IsalError
        If ``network`` or ``radio`` is something else.
    """
    if not isinstance(network, Network):
        raise NetworkError(f"expected an isal.Network, got {type(network).__name__}: {network!r}")
    if not isinstance(radio, Radio):
        raise IsalError(f"{network.name}: radio must be an isal.Radio, got {radio!r}; isal.Radio() is Table 1's")
    result = Information(network, radio, clock, parameter_basis(network, clock), network_links(network, radio, clock))
    refuse_unobservable(result)
    return result


def refuse_unobservable(
    result: Information, floor: float = OBSERVABILITY_FLOOR, transmit: NDArray[np.bool_] | None = None
) -> None:
    """Refuse a network some direction of whose parameters has less information than ``floor``, scaled as above.

    ``transmit``, shape ``(n_nodes,)``, says which nodes do, by default all.

    Raises
    ------
    UnobservableError
        Naming the parameters at fault, and what to change.
    """
    silent = transmit is not None and not transmit.all()
    matrix = result.matrix(np.ones(result.network.n_nodes) if transmit is None else transmit.astype(float))
    diagonal = np.sqrt(np.diag(matrix))
    unit = 1 / np.where(diagonal > 0, diagonal, 1.0)  # in m
    values, vectors = np.linalg.eigh(matrix * np.outer(unit, unit))
    if values[0] > floor:
        return
    # Of several such directions, like the shifts and the turn of a network without anchors, rounding chooses the
    # vectors, but not the space that they span. So what counts is how far a step of one metre within it can move a
    # parameter: the root of the diagonal of the projector onto it.
    space, _ = np.linalg.qr(vectors[:, values <= floor] * unit[:, None])
    moved = np.linalg.norm(space, axis=1)
    lost = itertools.compress(result.basis.labels, moved > LEAST_MOVE * moved.max())
    hardly = " well" if values[0] > OBSERVABILITY_FLOOR else ""
    raise UnobservableError(
        f"{result.network.name}: its links can't tell apart{hardly} the parameters {', '.join(lost)} in "
        f"{result.clock} mode{' as some nodes may not transmit' if silent else ''}; "
        + ("give their power caps another value than 0, or " if silent else "")
        + _way_out(result)
    )


def refuse_unlike_links(network: Network, links: Links, largest_ratio: float) -> None:
    """Refuse a network with links of lengths that differ by more than a factor.

    Raises
    ------
    NetworkError
        Naming the shortest and the longest link.
    """
    ends = int(np.argmin(links.distance)), int(np.argmax(links.distance))
    shortest, longest = links.distance[list(ends)]
    if longest > largest_ratio * shortest:
        raise NetworkError(
            f"{network.name}: its links are too unlike, {shortest:.3g} m ({_named(network, links, ends[0])}) and "
            f"{longest:.3g} m ({_named(network, links, ends[1])}), more than 1 to {largest_ratio:g}; move these nodes, "
            "or leave some out"
        )


def _way_out(result: Information) -> str:
    """Why a network is unobservable, as far as its layout tells, and what to change."""
    network = result.network
    if "radars" in result.blocks and network.n_anchors < 2:
        free = "turn about its only anchor" if network.n_anchors else "shift and turn, as it has no anchor"
        return f"all of it is free to {free}; give at least two anchors"
    if network.n_nodes == 1:
        return "one node measures one distance of each target; add an anchor or a radar"
    spots = np.concatenate([network.nodes, network.targets])
    across = np.linalg.svd(spots - spots.mean(axis=0), compute_uv=False)
    if across[1] < ON_A_LINE * across[0]:
        return "all its nodes and targets lie on one line, or almost; move one off it"
    return "add an anchor or a radar, or move nodes that lie on one line"


def _named(network: Network, links: Links, link: int) -> str:
    labels = network.node_labels
    via = f" by target {links.target[link] + 1}" if links.is_sensing[link] else ""
    return f"{labels[links.transmitter[link]]}{via} to {labels[links.receiver[link]]}"


def block_spebs(known: Knowledge, basis: Basis, met: NDArray[np.intp] | None = None) -> Spebs:
    """SPEB of each block, m^2.

    ``known`` is about the parameters ``met`` (ascending; default all). A block that is not among them, or that the
    network does not have, is NaN.
    """
    met = np.arange(basis.size) if met is None else met
    wanted = (basis.indices([block]) for block in BLOCKS)
    return Spebs(
        *(
            known.speb(np.searchsorted(met, indices)) if np.isin(indices, met).all() else float("nan")
            for indices in wanted
        )
    )


def spebs(network: Network, radio: Radio, power: ArrayLike, clock: Clock) -> Spebs:
    """SPEBs of radars, clock offsets and targets at given node powers (W, radars first), all unknown together, m^2."""
    result = information(network, radio, clock)
    return block_spebs(result.measured(power), result.basis)
