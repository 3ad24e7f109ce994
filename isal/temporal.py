"""What one slot knows of the next (Section 3 of the paper, (19), (20), (24), (25)).

Radars move and clocks drift between slots by increments of known variance, which couples the radar and clock blocks of
neighbouring slots; the target of each slot is its own unknown. A chain of slots never needs the matrix of all slots:
what a slot's neighbours tell it about its radars and clocks is one message from each side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from isal.fisher import Block, Information, marginalised
from isal.network import Network, NetworkError
from isal.units import DURATION_S, SPEED_OF_LIGHT

#: What is coupled between slots.
COUPLED: tuple[Block, ...] = ("radars", "clocks")

Array = NDArray[np.float64]


def coupling(information: Information) -> Array:
    """Diagonal of ``T_Loc`` (20) and ``T_tau`` (25): information of the increment between two slots, 1/m^2.

    Shape ``(n_coupled,)``, radar coordinates first: ``1 / (eta^2 dt^2)``, then ``1 / (rho^2 c^2 dt^2)`` for clock
    offsets, which are carried in metres.
    """
    radio = information.radio
    per_block = {
        "radars": 1 / (radio.velocity_variance * DURATION_S**2),
        "clocks": 1 / (radio.drift_variance * SPEED_OF_LIGHT**2 * DURATION_S**2),
    }
    return np.concatenate(
        [np.full(len(information.basis.indices([block])), per_block[block]) for block in COUPLED] or [np.empty(0)]
    )


def message(known: Array, coupled: Array) -> Array:
    """``(T^-1 + J^-1)^-1``: what knowledge ``J`` of a slot's radars and clocks says about the neighbouring slot's.

    Parameters
    ----------
    known
        ``J``, positive semidefinite, shape ``(n, n)``, 1/m^2.
    coupled
        Diagonal of ``T``, shape ``(n,)``, 1/m^2, not negative: zero decouples, infinite values pin.
    """
    pinned = np.isinf(coupled)
    if not pinned.any() and (coupled > 0).all():
        return _between_drifting(known, coupled)[0]
    result = np.zeros_like(known)
    live = np.flatnonzero(coupled > 0)
    # what is decoupled is an unknown nuisance to the rest
    reduced = marginalised(known, live)
    p, u = np.flatnonzero(pinned[live]), np.flatnonzero(~pinned[live])
    inner, share, solve = _between_drifting(reduced[np.ix_(u, u)], coupled[live][u])
    across = reduced[np.ix_(p, u)]
    result[np.ix_(live[u], live[u])] = inner
    result[np.ix_(live[p], live[u])] = across @ share
    result[np.ix_(live[u], live[p])] = (across @ share).T
    result[np.ix_(live[p], live[p])] = reduced[np.ix_(p, p)] - across @ solve(across.T)
    return result


def _between_drifting(known: Array, drifting: Array) -> tuple[Array, Array, Callable[[Array], Array]]:
    """``J (J + T)^-1 T``, ``(J + T)^-1 T`` and what multiplies by ``(J + T)^-1``, for finite positive ``T``.

    There is no difference of large numbers in it, whatever the ratio of T to J, and J may be singular.
    """
    unit = 1 / np.sqrt(np.diag(known) + drifting)
    total = (known + np.diag(drifting)) * (unit[:, None] * unit)

    def solve(columns: Array) -> Array:
        solved: Array = np.linalg.solve(total, unit[:, None] * columns) * unit[:, None]
        return solved

    share = solve(np.diag(drifting))
    both = known @ share
    # of an entry and its mirror image the one in the more weakly coupled column is the more accurate
    return np.where(drifting[None, :] <= drifting[:, None], both, both.T), share, solve


def knowledge(information: Information, matrix: Array) -> Array:
    """Information about radars and clocks in a slot's ``matrix`` once its target is marginalised, 1/m^2."""
    return marginalised(matrix, information.basis.indices(COUPLED))


def of_coupled(information: Information, matrix: Array) -> Array:
    """The part of a matrix about all parameters of a slot that is about radars and clocks; undoes :func:`embedded`."""
    indices = information.basis.indices(COUPLED)
    return matrix[np.ix_(indices, indices)]


def embedded(information: Information, prior: Array) -> Array:
    """A matrix about radars and clocks as one about all parameters of a slot, zero elsewhere."""
    indices = information.basis.indices(COUPLED)
    matrix = np.zeros((information.basis.size, information.basis.size))
    matrix[np.ix_(indices, indices)] = prior
    return matrix


def from_later_slots(informations: Sequence[Information], known: Sequence[Array]) -> list[Array]:
    """What all later slots say about each slot, embedded in its parameters, in one backward pass, 1/m^2.

    Parameters
    ----------
    informations
        The slots, in time order.
    known
        The :func:`knowledge` of each slot from its own measurements alone, 1/m^2.
    """
    said = [np.zeros_like(known[-1])]
    for number in range(len(informations) - 1, 0, -1):
        # what is said of a slot from outside is not about its target, so it adds to what is left without the target
        said.append(message(known[number] + said[-1], coupling(informations[number])))
    return [embedded(information, backward) for information, backward in zip(informations, said[::-1], strict=True)]


def refuse_unlike(networks: Sequence[Network]) -> None:
    """Slots of one schedule must have the same numbers of nodes, as the same radars and clocks go on.

    Raises
    ------
    NetworkError
        Naming the first slot that differs from the first one.
    """
    first = networks[0]
    for number, network in enumerate(networks[1:], start=2):
        for group in ("radars", "anchors", "targets"):
            here, there = len(getattr(network, group)), len(getattr(first, group))
            if here != there:
                raise NetworkError(
                    f"{first.name}: slot {number} has {here} {group} and slot 1 has {there}; "
                    "the slots of a schedule need equal numbers"
                )
        if network.radars_known != first.radars_known:
            raise NetworkError(f"{first.name}: slot {number} and slot 1 differ in radars_known; make them equal")
