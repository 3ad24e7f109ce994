"""What an installation adds to the positions of its nodes: their equipment, what disturbs their links, survey errors.

Gains, noise, cross sections and path overlap are factors on the intensity of a link, and links that do not exist are
left out; all of that holds with every scheme. Biases of links and errors of surveyed anchors are unknown as well: they
are further parameters with a prior (:mod:`isal.model.parameters`), so that the information stays linear in the powers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isal.errors import NetworkError, finite_number

if TYPE_CHECKING:
    from isal.model.network import Network
    from isal.model.radio import Radio

Array = NDArray[np.float64]
T = TypeVar("T")

#: A number for all, or numbers by name.
PerName = float | Mapping[str, float]

NODE = r"(?:radar|anchor) [1-9][0-9]*"
TARGET = r"target [1-9][0-9]*"

#: How a setting names what it is about -> the pattern of a name, and an example of it.
NAMES = {
    "nodes": (rf"(?:radars|anchors|{NODE})", "radars, anchors, radar 1 or anchor 2"),
    "anchors": (r"anchor [1-9][0-9]*", "anchor 1"),
    "targets": (TARGET, "target 1"),
    "links": (
        rf"(?:ranging|sensing|{NODE} - (?:{NODE}|{TARGET}(?: - {NODE})?))",
        "ranging, sensing, radar 1 - anchor 2, radar 1 - target 1 (all paths that have this leg) or "
        "radar 1 - target 1 - anchor 2",
    ),
}

#: Kinds of links by name: without and with a target.
KINDS = ("ranging", "sensing")


def _setting(about: str, text: str, unit: str, remark: str = "", **limits: float) -> Any:
    """A setting of :class:`Installation`: numbers by name, its meaning and unit, and the limits of a number."""
    return field(default_factory=dict, metadata=_described(about, text, unit, remark, limits))


def _names(about: str, text: str, remark: str = "") -> Any:
    """A setting that is a list of names."""
    return field(default=(), metadata=_described(about, text, "", remark, None))


def _described(about: str, text: str, unit: str, remark: str, limits: Mapping[str, float] | None) -> dict[str, Any]:
    return {"about": about, "text": text, "unit": unit, "remark": remark, "limits": limits}


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Installation:
    """Equipment of nodes, disturbances of links and errors of surveyed anchors; by default there are none.

    Numbers are given for all alike, or by name. Nodes are named "radar 1" or "anchor 2", or all of a kind "radars" or
    "anchors". A link is named by its ends, "radar 1 - anchor 2" if it is direct and "radar 1 - target 1 - anchor 2" if
    it is reflected; both stand for both directions. "radar 1 - target 1" are all paths that have this leg, "ranging"
    and "sensing" all links of a kind. Of several names of one link or node the most exact one counts.

    Parameters
    ----------
    receive_only, transmit_only
        Nodes that only receive (their power is zero), or only transmit.
    links_off
        Links that do not exist.
    antenna_gain_db, transmit_gain_db, receive_gain_db
        Antenna gain of nodes, dB, instead of the radio's; the latter two count more where both are given.
    excess_noise_db
        Noise of receiving nodes, dB over the radio's.
    cross_section_m2
        Radar cross section of targets, m^2, instead of the radio's.
    link_gain_db
        Gain of links beyond that of free space, dB; below zero where something is in the way.
    path_overlap
        Path-overlap coefficient chi of links, from 0 to below 1: multipath leaves the share ``1 - chi`` of their
        information.
    bias_error_m
        Standard deviation of the bias of links, m, an unknown that both directions of a link share.
    survey_error_m
        Standard deviation of each coordinate of anchors, m, which are parameters then.

    Raises
    ------
    NetworkError
        If a name is none of these, stands twice, or a number is not usable.

    Examples
    --------
    >>> import isal
    >>> installation = isal.Installation(survey_error_m=0.01, links_off=["radar 2 - anchor 1"])
    >>> network = isal.Network(
    ...     anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]], installation=installation
    ... )
    >>> exact = isal.Network(network.anchors, network.radars, network.targets)
    >>> for each in (exact, network):
    ...     best = isal.integrated(each, isal.Radio(), clock="synchronous", energy=10.0)
    ...     print(len(best.information.links), f"links, {100 * best.speb**0.5:.2f} cm")
    26 links, 1.45 cm
    24 links, 2.21 cm
    """

    receive_only: Sequence[str] = _names("nodes", "Nodes that only receive", "their power is zero")
    transmit_only: Sequence[str] = _names("nodes", "Nodes that only transmit")
    links_off: Sequence[str] = _names("links", "Links that do not exist", "both directions")
    antenna_gain_db: float | Mapping[str, float] = _setting(
        "nodes",
        "Antenna gain of nodes, to transmit and to receive",
        "dB",
        "instead of the radio's",
        at_least=-50,
        at_most=100,
    )
    transmit_gain_db: float | Mapping[str, float] = _setting(
        "nodes", "Antenna gain of nodes to transmit", "dB", "before `antenna_gain_db`", at_least=-50, at_most=100
    )
    receive_gain_db: float | Mapping[str, float] = _setting(
        "nodes", "Antenna gain of nodes to receive", "dB", "before `antenna_gain_db`", at_least=-50, at_most=100
    )
    excess_noise_db: float | Mapping[str, float] = _setting(
        "nodes", "Noise of receiving nodes over the radio's", "dB", at_least=-50, at_most=100
    )
    cross_section_m2: float | Mapping[str, float] = _setting(
        "targets", "Radar cross section of targets", "m^2", "instead of the radio's", above=0, at_most=1e6
    )
    link_gain_db: float | Mapping[str, float] = _setting(
        "links",
        "Gain of links beyond that of free space",
        "dB",
        "negative where something is in the way",
        at_least=-200,
        at_most=100,
    )
    path_overlap: float | Mapping[str, float] = _setting(
        "links",
        "Path-overlap coefficient chi of links, a factor 1 - chi on their information",
        "1",
        at_least=0,
        below=1,
    )
    bias_error_m: float | Mapping[str, float] = _setting(
        "links",
        "Standard deviation of an unknown bias of links",
        "m",
        "both directions share it; 0 for none",
        at_least=0,
        at_most=1e6,
    )
    survey_error_m: float | Mapping[str, float] = _setting(
        "anchors",
        "Standard deviation of each coordinate of anchors",
        "m",
        "0 where they are exact",
        at_least=0,
        at_most=1e6,
    )

    def __post_init__(self) -> None:
        for setting in fields(self):
            given = getattr(self, setting.name)
            read = _read_names if setting.metadata["limits"] is None else _read_numbers
            object.__setattr__(self, setting.name, read(setting, given))

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return self._says_anything

    @cached_property
    def _says_anything(self) -> bool:
        # a gain of 0 dB says something, instead of the radio's
        return bool(self.to_mapping())

    def __repr__(self) -> str:
        return f"Installation({', '.join(f'{key}={value!r}' for key, value in self.to_mapping().items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Installation) and self.to_mapping() == other.to_mapping()

    def __hash__(self) -> int:
        return hash(repr(self))

    def to_mapping(self) -> dict[str, Any]:
        """What is set, by key: numbers, tables by name and lists of names, as in ``networks.yaml``."""
        set_ = {setting.name: getattr(self, setting.name) for setting in fields(self)}
        plain = {key: list(value) if isinstance(value, tuple) else value for key, value in set_.items()}
        # a setting of one number is kept if it is not what counts without it
        return {key: value for key, value in plain.items() if value not in ([], {}) and value != _WITHOUT.get(key)}

    def without_targets(self) -> Installation:
        """What of it is about nodes and their direct links, and so holds for a network without its targets."""

        def kept(given: Any) -> Any:
            if isinstance(given, tuple):
                return tuple(name for name in given if "target" not in name)
            if isinstance(given, dict):
                return {name: number for name, number in given.items() if "target" not in name}
            return given

        return Installation(**{setting.name: kept(getattr(self, setting.name)) for setting in fields(self)})

    def check(self, network: Network) -> None:
        """Refuse names of nodes, targets or links that a network does not have.

        Raises
        ------
        NetworkError
            Naming the key and the name, and what there is.
        """
        targets = tuple(f"target {number + 1}" for number in range(network.n_targets))
        known = {*network.node_labels, *targets, "radars", "anchors", *KINDS}
        for setting in fields(self):
            given = getattr(self, setting.name)
            for name in given if isinstance(given, tuple | dict) else ():
                where = f"{network.name}: installation: {setting.name}: "
                for part in name.split(" - "):
                    if part not in known:
                        raise NetworkError(
                            f"{where}there is no {part}; there are {', '.join(network.node_labels + targets)}"
                        )
                ends = name.split(" - ")
                if len(ends) == 2 and "target" not in name and (ends[0] == ends[1] or "radar" not in name):
                    raise NetworkError(
                        f"{where}no link runs directly from {ends[0]} to {ends[1]}, only between two nodes one of "
                        "which is a radar; name another link, or the one by a target"
                    )
        for key, numbers in ((setting.name, getattr(self, setting.name)) for setting in fields(self)):
            if isinstance(numbers, dict) and any(" - " in name for name in numbers):
                per_link(network, key, numbers, link_ends(network))
        if not self.transmits(network).any() or not self.receives(network).any():
            what = "transmit" if not self.transmits(network).any() else "receive"
            raise NetworkError(f"{network.name}: installation: no node may {what}; leave a node out of the list")

    # --- what it says of a network -----------------------------------------------------------------------------------

    def transmits(self, network: Network) -> NDArray[np.bool_]:
        """Which nodes may transmit, shape ``(n_nodes,)``."""
        return ~_named_nodes(network, self.receive_only)

    def receives(self, network: Network) -> NDArray[np.bool_]:
        """Which nodes may receive, shape ``(n_nodes,)``."""
        return ~_named_nodes(network, self.transmit_only)

    def survey_errors(self, network: Network) -> Array:
        """Standard deviation of each coordinate of each anchor, m, shape ``(n_anchors,)``."""
        return _per_name(self.survey_error_m, network.node_labels[network.n_radars :], 0.0)

    def adds_unknowns(self, network: Network) -> bool:
        """Whether survey errors or biases are further parameters."""
        return bool(self.survey_errors(network).any() or self.biases(network).labels)

    def exists(self, network: Network, ends: Ends) -> NDArray[np.bool_]:
        """Which of some links there are, shape ``(n_links,)``."""
        off = np.zeros(len(ends), dtype=bool)
        for name in self.links_off:
            off |= _links_of(network, ends, name)
        return ~off & self.transmits(network)[ends.transmitter] & self.receives(network)[ends.receiver]

    def factors(self, network: Network, radio: Radio, ends: Ends) -> Array:
        """Factors on the intensity of links, shape ``(n_links,)``."""
        labels, usual = network.node_labels, radio.antenna_gain_db
        both = _per_name(self.antenna_gain_db, labels, usual)
        decibels = _per_name(self.transmit_gain_db, labels, both)[ends.transmitter] - usual
        decibels += _per_name(self.receive_gain_db, labels, both)[ends.receiver] - usual
        decibels -= _per_name(self.excess_noise_db, labels, 0.0)[ends.receiver]
        decibels += per_link(network, "link_gain_db", self.link_gain_db, ends)
        factor = 10 ** (decibels / 10) * (1 - per_link(network, "path_overlap", self.path_overlap, ends))
        sections = _per_name(
            self.cross_section_m2, [f"target {n + 1}" for n in range(network.n_targets)], radio.radar_cross_section_m2
        )
        sensing = ends.target >= 0
        factor[sensing] *= sections[ends.target[sensing]] / radio.radar_cross_section_m2
        return np.asarray(factor)

    def biases(self, network: Network) -> Biases:
        """The unknown biases of a network's links, one for both directions of a link."""
        if self.bias_error_m in ({}, 0.0):
            return Biases((), np.zeros(0), np.zeros((0, 3), dtype=np.intp))
        ends = link_ends(network)
        ends = ends.only(self.exists(network, ends))
        error = per_link(network, "bias_error_m", self.bias_error_m, ends)
        paths, first = np.unique(ends.paths[error > 0], axis=0, return_index=True)
        labels = tuple(f"bias of {name}" for name in path_names(network, paths))
        return Biases(labels, error[error > 0][first], paths)


#: What counts where a key that takes one number for all is not given.
_WITHOUT = {
    "excess_noise_db": 0.0,
    "link_gain_db": 0.0,
    "path_overlap": 0.0,
    "bias_error_m": 0.0,
    "survey_error_m": 0.0,
}


@dataclass(frozen=True, eq=False)
class Ends:
    """Transmitter, receiver and target of links, each of shape ``(n_links,)``; ``target`` is -1 for a ranging link."""

    transmitter: NDArray[np.intp]
    receiver: NDArray[np.intp]
    target: NDArray[np.intp]

    @property
    def paths(self) -> NDArray[np.intp]:
        """Target and both nodes in ascending order, the same for both directions, shape ``(n_links, 3)``."""
        low, high = np.minimum(self.transmitter, self.receiver), np.maximum(self.transmitter, self.receiver)
        return np.stack([self.target, low, high], axis=1)

    def __len__(self) -> int:
        return len(self.transmitter)

    def only(self, chosen: NDArray[np.bool_]) -> Ends:
        """Those of the links for which ``chosen`` is true."""
        return Ends(self.transmitter[chosen], self.receiver[chosen], self.target[chosen])


@dataclass(frozen=True, eq=False)
class Biases:
    """Unknown biases: their names, standard deviations in m, and the :attr:`Ends.paths` that have them, ascending."""

    labels: tuple[str, ...]
    errors: Array
    paths: NDArray[np.intp]

    def of(self, ends: Ends) -> NDArray[np.intp]:
        """Index of the bias of each link, -1 where it has none; shape ``(n_links,)``."""
        both, inverse = np.unique(np.concatenate([self.paths, ends.paths]), axis=0, return_inverse=True)
        index = np.full(len(both), -1)
        inverse = inverse.ravel()
        index[inverse[: len(self.paths)]] = np.arange(len(self.paths))
        return np.asarray(index[inverse[len(self.paths) :]], dtype=np.intp)


def link_ends(network: Network) -> Ends:
    """The ends of all links that a network could have: sensing links first, row-major in (transmitter, receiver)."""
    n, n_targets = network.n_nodes, network.n_targets
    transmitter, receiver = (index.ravel() for index in np.indices((n, n)))
    has_radar = (transmitter < network.n_radars) | (receiver < network.n_radars)
    ranging = has_radar & (transmitter != receiver)
    return Ends(
        np.concatenate([np.tile(transmitter, n_targets), transmitter[ranging]]),
        np.concatenate([np.tile(receiver, n_targets), receiver[ranging]]),
        np.concatenate([np.repeat(np.arange(n_targets), n * n), np.full(ranging.sum(), -1)]),
    )


# --- names ------------------------------------------------------------------------------------------------------------


def _read_names(setting: Field[Any], given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise NetworkError(f"installation: {setting.name} must be a list of names, got {given!r}")
    return tuple(sorted(_distinct(setting, given), key=_in_order))


def _read_numbers(setting: Field[Any], given: object) -> float | dict[str, float]:
    if not isinstance(given, Mapping):
        return _number(setting, "", given)
    named = dict(zip(_distinct(setting, given), given.items(), strict=True))
    return {name: _number(setting, f" of {named[name][0]}", named[name][1]) for name in sorted(named, key=_in_order)}


def _number(setting: Field[Any], whose: str, given: object) -> float:
    limits, number = setting.metadata["limits"], finite_number(given)
    where = f"installation: {setting.name}{whose}"
    if number is None:
        raise NetworkError(
            f"{where} must be a finite number{', or a table by name' if not whose else ''}, got {given!r}"
        )
    checks: dict[str, Callable[[float], bool]] = {
        "at_least": lambda limit: number >= limit,
        "above": lambda limit: number > limit,
        "at_most": lambda limit: number <= limit,
        "below": lambda limit: number < limit,
    }
    for word, limit in limits.items():
        if not checks[word](limit):
            raise NetworkError(f"{where} must be {word.replace('_', ' ')} {limit:g}, got {given!r}")
    return number


def _distinct(setting: Field[Any], names: Iterable[object]) -> list[str]:
    """Names in their usual form, of which none may stand twice."""
    pattern, examples = NAMES[setting.metadata["about"]]
    found: list[str] = []
    for given in names:
        if not isinstance(given, str) or not re.fullmatch(pattern, given):
            raise NetworkError(
                f"installation: {setting.name}: {given!r} is no name of {_what(setting)}, such as {examples}"
            )
        first, *via = given.split(" - ")
        last = via.pop() if via else None
        ends = sorted([first] if last is None else [first, last], key=_in_order)
        name = " - ".join([ends[0], *via, *ends[1:]])
        if name in found:
            raise NetworkError(f"installation: {setting.name}: {name} stands twice; keep one")
        found.append(name)
    return found


def _what(setting: Field[Any]) -> str:
    return {"nodes": "a node", "anchors": "an anchor", "targets": "a target", "links": "a link"}[
        setting.metadata["about"]
    ]


def _in_order(name: str) -> tuple[tuple[str, int], ...]:
    """Radars before anchors before targets, by number, as powers have them; kinds first."""
    parts = (part.partition(" ") for part in name.split(" - "))
    order = {"radar": "1", "anchor": "2", "target": "3"}
    return tuple((order.get(kind, "0" + kind), int(number or 0)) for kind, _, number in parts)


def _named_nodes(network: Network, names: Iterable[str]) -> NDArray[np.bool_]:
    """Which nodes are among some names of nodes or of all of a kind, shape ``(n_nodes,)``."""
    return np.array([label in names or _kind(label) in names for label in network.node_labels], dtype=bool)


def _kind(label: str) -> str:
    """All of the kind of a node: "radars" of "radar 1"."""
    return label.partition(" ")[0] + "s"


def _per_name(given: PerName, labels: Sequence[str], otherwise: float | Array) -> Array:
    """The number of each label, one for all of its kind, or what counts otherwise; shape ``(len(labels),)``."""
    found = np.array(np.broadcast_to(np.asarray(otherwise, dtype=float), len(labels)))
    if not isinstance(given, Mapping):
        found[:] = given
        return found
    for index, label in enumerate(labels):
        found[index] = given.get(label, given.get(_kind(label), found[index]))
    return found


def _links_of(network: Network, ends: Ends, name: str) -> NDArray[np.bool_]:
    """Which links a name stands for, shape ``(n_links,)``."""
    if name in KINDS:
        return (ends.target >= 0) == KINDS.index(name)
    parts = name.split(" - ")
    nodes = [network.node_labels.index(part) for part in parts if not part.startswith("target")]
    target = next((int(part.split()[1]) - 1 for part in parts if part.startswith("target")), -1)
    by_target = ends.target == target
    if len(nodes) == 1:
        return np.asarray(by_target & ((ends.transmitter == nodes[0]) | (ends.receiver == nodes[0])))
    forth, back = nodes, nodes[::-1]
    either = [(ends.transmitter == one) & (ends.receiver == other) for one, other in (forth, back)]
    return np.asarray(by_target & (either[0] | either[1]))


def _exactness(name: str) -> int:
    """How exactly a name tells a link: a kind of links, a leg of several, one link."""
    parts = name.split(" - ")
    return 0 if len(parts) == 1 else 1 if len(parts) == 2 and "target" in name else 2


def per_link(network: Network, key: str, given: PerName, ends: Ends) -> Array:
    """The number of each link, zero where there is none; shape ``(n_links,)``."""
    if not isinstance(given, Mapping):
        return np.full(len(ends), float(given))
    found, told = np.zeros(len(ends)), np.full(len(ends), -1)
    clashes = np.zeros(len(found), dtype=bool)
    for name, number in sorted(given.items(), key=lambda each: _exactness(each[0])):
        meant = _links_of(network, ends, name)
        # two legs of one path can say different things; the path itself may still tell
        clashes = np.where(
            meant, (told == _exactness(name)) & (found != number) | clashes & (told == _exactness(name)), clashes
        )
        found[meant], told[meant] = number, _exactness(name)
    if clashes.any():
        (path,) = path_names(network, ends.paths[[int(np.argmax(clashes))]])
        raise NetworkError(
            f"{network.name}: installation: {key}: the two legs of {path} have different numbers; add one for {path!r}"
        )
    return found


def path_names(network: Network, paths: NDArray[np.intp]) -> list[str]:
    """Names of some :attr:`Ends.paths`."""
    labels = network.node_labels
    return [
        " - ".join([labels[low], *([f"target {target + 1}"] if target >= 0 else []), labels[high]])
        for target, low, high in paths.tolist()
    ]
