"""Which parameters the links of a network leave undetermined, and what to change about it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from isal.errors import UnobservableError

if TYPE_CHECKING:
    from isal.model.information import Information

#: A direction whose information, with every parameter scaled to unit information, is below this is unobservable.
OBSERVABILITY_FLOOR = 1e-11

#: Unobservable directions concern a parameter that they move further than this over the one that they move furthest,
#: both in metres: far above rounding, which moves the others by 1e-16 over the next larger information.
LEAST_MOVE = 1e-2

#: A layout of less than this width over length is called a line.
ON_A_LINE = 1e-2


def refuse_unobservable(
    result: Information, floor: float = OBSERVABILITY_FLOOR, transmit: NDArray[np.bool_] | None = None
) -> None:
    """Refuse a network some direction of whose parameters has less information than ``floor``.

    Information is compared with every parameter scaled to unit information. ``transmit``, shape ``(n_nodes,)``, says
    which nodes transmit, by default all.

    Raises
    ------
    UnobservableError
        Naming the parameters at fault, and what to change.
    """
    silent = transmit is not None and not transmit.all()
    watts = np.ones(result.network.n_nodes) if transmit is None else transmit.astype(float)
    matrix = result.matrix(watts) + result.prior.matrix
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
    if network.installation:
        return "let more nodes transmit and receive, switch links on, or give smaller survey errors and biases"
    return "add an anchor or a radar, or move nodes that lie on one line"
