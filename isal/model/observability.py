"""Which parameters the links of a network leave undetermined, and what to change about it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isal.errors import UnobservableError

if TYPE_CHECKING:
    from isal.model.information import Information
    from isal.model.network import Network
    from isal.model.parameters import Block

#: A direction whose information, with every parameter scaled to unit information, is below this is unobservable.
OBSERVABILITY_FLOOR = 1e-11

#: Unobservable directions concern a parameter that they move further than this over the one that they move furthest,
#: both in metres: far above rounding, which moves the others by 1e-16 over the next larger information.
LEAST_MOVE = 1e-2

#: A layout of less than this width over length is called a line, and one of less than this thickness a plane.
FLAT = 1e-2

#: The same, but for rounding.
EXACT = 1e-6

#: Blocks of positions.
POSITIONS: tuple[Block, ...] = ("radars", "targets")

#: Why one node alone does not do.
ONE_NODE = "one node measures one distance of each target; add an anchor or a radar"


def refuse_unobservable(
    result: Information, floor: float = OBSERVABILITY_FLOOR, transmit: NDArray[np.bool_] | None = None
) -> None:
    """Refuse a network some direction of whose parameters has less information than ``floor``.

    Information is compared with every parameter scaled to unit information, in space with every position scaled to that
    on average over its coordinates, so that it does not matter how a plane of nodes lies. ``transmit``, shape
    ``(n_nodes,)``, says which nodes transmit, by default all.

    Raises
    ------
    UnobservableError
        Naming the parameters at fault, and what to change.
    """
    silent = transmit is not None and not transmit.all()
    watts = np.ones(result.network.n_nodes) if transmit is None else transmit.astype(float)
    matrix = result.matrix(watts) + result.prior.matrix
    diagonal = np.diag(matrix).copy()
    if result.network.dimension == 3:
        for positions in (result.blocks[block] for block in POSITIONS if block in result.blocks):
            of_each = diagonal[positions].reshape(-1, 3)
            of_each[:] = of_each.mean(axis=1, keepdims=True)
    diagonal = np.sqrt(diagonal)
    unit = 1 / np.where(diagonal > 0, diagonal, 1.0)  # in m
    values, vectors = np.linalg.eigh(matrix * np.outer(unit, unit))
    if values[0] > floor:
        return
    # Of several such directions, like the shifts and the turn of a network without anchors, rounding chooses the
    # vectors, but not the space that they span. So what counts is how far a step of one metre within it can move a
    # parameter: the root of the diagonal of the projector onto it.
    space, _ = np.linalg.qr(vectors[:, values <= floor] * unit[:, None])
    moved = np.linalg.norm(space, axis=1)
    lost = list(itertools.compress(result.basis.labels, moved > LEAST_MOVE * moved.max()))
    hardly = " well" if values[0] > OBSERVABILITY_FLOOR else ""
    raise UnobservableError(
        f"{result.network.name}: its links can't tell apart{hardly} the parameters {', '.join(lost)} in "
        f"{result.clock} mode{' as some nodes may not transmit' if silent else ''}; "
        + ("give their power caps another value than 0, or " if silent else "")
        + _way_out(result, lost)
    )


def _way_out(result: Information, lost: Sequence[str]) -> str:
    """Why a network is unobservable, as far as its layout tells, and what to change; ``lost`` are the parameters."""
    network = result.network
    if network.dimension == 3:
        return _way_out_in_space(result, lost)
    if "radars" in result.blocks and network.n_anchors < 2:
        free = "turn about its only anchor" if network.n_anchors else "shift and turn, as it has no anchor"
        return f"all of it is free to {free}; give at least two anchors"
    if network.n_nodes == 1:
        return ONE_NODE
    if _extent(network.nodes, network.targets)[1] < FLAT:
        return "all its nodes and targets lie on one line, or almost; move one off it"
    return _last_way_out(network, "on one line")


def _way_out_in_space(result: Information, lost: Sequence[str]) -> str:
    """:func:`_way_out` in space, where it takes three anchors, and a plane is what a line is in the plane."""
    network = result.network
    known, what = (network.anchors, "anchors") if "radars" in result.blocks else (network.nodes, "nodes")
    if what == "anchors" and len(known) < 3:
        free = {0: "shift and turn, as it has no anchor", 1: "turn about its only anchor"}
        about = free.get(len(known), "turn about the line through its two anchors")
        return f"all of it is free to {about}; give at least three anchors that are not on one line"
    if len(known) == 1:
        return ONE_NODE
    spots = dict(_spots(network))
    names = [name for name in dict.fromkeys(label.rsplit(" ", 1)[0] for label in lost) if name in spots]
    width = _extent(known)[1]
    thickness = _extent(network.nodes, [spots[name] for name in names])[2]
    # what is on a line lies in a plane, too, but what lies in a plane is at most almost on a line
    if width < FLAT and width <= max(thickness, EXACT):
        turning = "all else" if what == "anchors" else "each target"
        return (
            f"its {what} lie on one line, or almost, about which {turning} is free to turn; move one off it, or add one"
        )
    # a range to a spot in the plane of all nodes does not change, to first order, as the spot leaves the plane
    if names and thickness < FLAT:
        return (
            f"all its nodes{_and_targets(names)} lie in one plane, or almost, and no link tells the height above it of "
            f"{', '.join(names)}; move a node well off the plane"
        )
    return _last_way_out(network, "in one plane")


def _last_way_out(network: Network, layout: str) -> str:
    """What to change where the layout is not at fault: ``layout`` says what is, as a rule."""
    if network.installation:
        return "let more nodes transmit and receive, switch links on, or give smaller survey errors and biases"
    return f"add an anchor or a radar, or move nodes that lie {layout}"


def _and_targets(names: Sequence[str]) -> str:
    targets = [name for name in names if name.startswith("target")]
    return f" and {', '.join(targets)}" if targets else ""


def _spots(network: Network) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Names and positions of radars and targets."""
    for group, places in (("radar", network.radars), ("target", network.targets)):
        for number, place in enumerate(places, start=1):
            yield f"{group} {number}", place


def _extent(*groups: Sequence[NDArray[np.float64]] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Length, width and, in space, thickness of some positions as shares of the length, shape ``(d,)``."""
    spots = np.concatenate([np.asarray(group) for group in groups if len(group)])
    across = np.zeros(spots.shape[1])
    found = np.linalg.svd(spots - spots.mean(axis=0), compute_uv=False)
    across[: len(found)] = found
    return across / (across[0] or 1.0)
