"""The links of one slot: their lengths, intensities and Jacobian rows (Section 3 and Appendix A of the paper)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from isal.errors import NetworkError
from isal.model.installation import Ends, link_ends
from isal.model.network import Network
from isal.model.parameters import Basis, Clock, parameter_basis
from isal.model.radio import Radio

Points = NDArray[np.float64]  # shape (n, d)


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
        ``(n_links, 4 d + 2)`` for d coordinates: position of the transmitter, of the receiver, of the target as the end
        of the first and as the start of the second leg, and the two clock offsets. What a link does not depend on is a
        zero in column 0. A column can occur twice (a target, a radar that receives its own signal); its entries add up.
        An installation adds one more for the bias.
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

    @cached_property
    def rows(self) -> NDArray[np.float64]:
        """The rows of the Jacobian, ``entries`` in their ``columns``, shape ``(n_links, n_parameters)``."""
        rows = np.zeros((len(self), self.n_parameters))
        np.add.at(rows, (np.arange(len(self))[:, None], self.columns), self.entries)
        rows.setflags(write=False)
        return rows

    @cached_property
    def squares(self) -> NDArray[np.float64]:
        """Squares of the sums of the magnitudes of what adds up to each row, shape ``(n_links, n_parameters)``.

        In units of their square roots the rows have relative errors of rounding only, also where they cancel: those of
        a target between two nodes, whose legs lengthen and shorten by the same.
        """
        total = np.zeros((len(self), self.n_parameters))
        np.add.at(total, (np.arange(len(self))[:, None], self.columns), np.abs(self.entries))
        total **= 2
        total.setflags(write=False)
        return total

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


def network_links(network: Network, radio: Radio, clock: Clock) -> Links:
    """Every sensing and ranging link of the network with its intensity and Jacobian row; see :class:`Links`.

    One-way ranging runs between every ordered pair of active nodes with at least one radar, sensing between every
    ordered pair including a node and itself, once per target; all but those that the network's installation leaves out.
    """
    basis = parameter_basis(network, clock)
    ends, n_targets, d = link_ends(network), network.n_targets, network.dimension
    tx, rx, target = ends.transmitter, ends.receiver, ends.target
    sensing = target >= 0
    first_columns = _first_columns(network, basis)

    columns = np.zeros((len(tx), 4 * d + 2), dtype=np.intp)
    entries = np.zeros((len(tx), 4 * d + 2))

    def add_position(entry: int, links: NDArray[np.bool_], start: NDArray[np.intp], gradient: Points) -> None:
        columns[links, entry : entry + d] = start[:, None] + np.arange(d)
        entries[links, entry : entry + d] = gradient

    def add_node(entry: int, links: NDArray[np.bool_], node: NDArray[np.intp], gradient: Points) -> None:
        free = first_columns[node] >= 0
        add_position(entry, links, np.where(free, first_columns[node], 0), gradient * free[:, None])

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
    add_node(d, ~sensing, rx[~sensing], -unit)
    # reflected paths: transmitter to target, target to receiver
    spot = network.targets[target[sensing]]
    legs = []
    for entry, node in ((0, tx[sensing]), (d, rx[sensing])):
        away = nodes[node] - spot
        legs.append(np.linalg.norm(away, axis=1))
        unit = away / legs[-1][:, None]
        add_node(entry, sensing, node, unit)
        if n_targets:
            add_position(entry + 2 * d, sensing, basis.blocks["targets"].start + d * target[sensing], -unit)
    distance[sensing] = legs[0] + legs[1]
    intensity[sensing] = radio.sensing_intensity(*legs)
    if "clocks" in basis.blocks:
        # tau_mn = tau_1n - tau_1m (A3); radar 1 has no offset, all anchors share the last one.
        for entry, node, sign in ((4 * d, rx, 1.0), (4 * d + 1, tx, -1.0)):
            offset = np.minimum(node, network.n_radars) - 1
            columns[:, entry] = np.where(offset >= 0, basis.blocks["clocks"].start + offset, 0)
            entries[:, entry] = np.where(offset >= 0, sign, 0.0)
    links = Links(tx, rx, target, distance, intensity, columns, entries, basis.size)
    return _installed(network, radio, basis, links, ends) if network.installation else links


def _first_columns(network: Network, basis: Basis) -> NDArray[np.intp]:
    """First parameter of the position of each node, -1 where it is known; shape ``(n_nodes,)``."""
    found = np.full(network.n_nodes, -1)
    free = np.arange(network.n_radars) if "radars" in basis.blocks else np.empty(0, dtype=np.intp)
    found[free] = basis.indices(["radars"])[:: network.dimension]
    if "anchors" in basis.nuisances:
        unsure = network.n_radars + np.flatnonzero(network.installation.survey_errors(network))
        found[unsure] = basis.indices(["anchors"])[:: network.dimension]
    return found


def _installed(network: Network, radio: Radio, basis: Basis, links: Links, ends: Ends) -> Links:
    """The links as the network's installation has them; those with a bias depend on it, in one more column."""
    installation = network.installation
    intensity = links.intensity * installation.factors(network, radio, ends)
    bias = installation.biases(network).of(ends)
    places = np.append(basis.indices(["biases"]), 0)[bias]
    columns = np.append(links.columns, places[:, None], axis=1)
    entries = np.append(links.entries, (bias >= 0)[:, None].astype(float), axis=1)
    changed = replace(links, intensity=intensity, columns=columns, entries=entries)
    return changed.only(installation.exists(network, ends))


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


def _named(network: Network, links: Links, link: int) -> str:
    labels = network.node_labels
    via = f" by target {links.target[link] + 1}" if links.is_sensing[link] else ""
    return f"{labels[links.transmitter[link]]}{via} to {labels[links.receiver[link]]}"
