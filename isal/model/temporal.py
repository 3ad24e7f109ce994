"""What one slot knows of the next (Section 3 of the paper, (19), (20), (24), (25)).

Radars move and clocks drift between slots by increments of known variance, which couples the radar and clock blocks of
neighbouring slots; the target of each slot is its own unknown. A chain of slots never needs the matrix of all slots:
what a slot's neighbours tell it about its radars and clocks is one message from each side.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isal.errors import NetworkError
from isal.knowledge import Knowledge
from isal.model.information import Information
from isal.model.network import Network
from isal.model.parameters import Block, Nuisance
from isal.units import DURATION_S, SPEED_OF_LIGHT

#: What is coupled between slots: radars that move, clocks that drift, anchors whose survey errors stay as they are.
COUPLED: tuple[Block | Nuisance, ...] = ("radars", "clocks", "anchors")

#: What is new in each slot, as targets are, but with a prior.
RENEWED: tuple[Nuisance, ...] = ("biases",)

Array = NDArray[np.float64]


def coupling(information: Information) -> Array:
    """Diagonal of ``T_Loc`` (20) and ``T_tau`` (25): information of the increment between two slots, 1/m^2.

    Shape ``(n_coupled,)``, radar coordinates first: ``1 / (eta^2 dt^2)``, then ``1 / (rho^2 c^2 dt^2)`` for clock
    offsets, which are carried in metres. Infinite for the coordinates of anchors with a survey error.
    """
    radio = information.radio
    per_block: dict[Block | Nuisance, float] = {
        "radars": 1 / (radio.velocity_variance * DURATION_S**2),
        "clocks": 1 / (radio.drift_variance * SPEED_OF_LIGHT**2 * DURATION_S**2),
        "anchors": np.inf,
    }
    return np.concatenate(
        [np.full(len(information.basis.indices([block])), per_block[block]) for block in COUPLED] or [np.empty(0)]
    )


def message(known: Knowledge, coupled: Array) -> Knowledge:
    """``(T^-1 + J^-1)^-1``: what knowledge ``J`` of a slot's radars and clocks says about the neighbouring slot's.

    Parameters
    ----------
    known
        ``J``, about ``n`` parameters.
    coupled
        Diagonal of ``T``, shape ``(n,)``, 1/m^2, not negative: zero decouples, infinite values pin.
    """
    everything = np.arange(len(known))
    live = everything[coupled > 0]
    if len(live) < len(known):
        # what is decoupled is an unknown nuisance to the rest
        return message(known.marginal(live), coupled[live]).embedded(len(known), live)
    root = known.rooted()
    # increments of different parameters are independent, so they are added in two turns, each in the form that suits it
    stiff = coupled >= np.diag(root.matrix)
    root = _after_small_increments(root, everything[stiff], coupled[stiff])
    return _after_large_increments(root, everything[~stiff], coupled[~stiff])


def _after_small_increments(known: Knowledge, moved: NDArray[np.intp], coupled: Array) -> Knowledge:
    """:func:`message` with an increment of variance ``1 / coupled``, at most that known, of the parameters ``moved``.

    ``(Q + J^-1)^-1 = R' (1 + R Q R')^-1 R`` for ``J = R' R``: it needs no inverse of J and no difference.
    """
    root, inverse = known.root, 1 / coupled
    assert root is not None
    if not inverse.any():
        return known
    part = root[:, moved]
    factor = np.linalg.cholesky(np.eye(len(root)) + (part * inverse) @ part.T)
    half = np.linalg.solve(factor, root)
    follow = np.eye(len(known))
    follow[moved] -= inverse[:, None] * (part.T @ np.linalg.solve(factor.T, half))
    weight = np.abs(follow).T
    return Knowledge.of_rows(half, weight @ known.scale, weight @ known.doubt @ weight.T)


def _after_large_increments(known: Knowledge, moved: NDArray[np.intp], coupled: Array) -> Knowledge:
    """The same for any other increments: the parameters before them are unknown, and tied to those after them."""
    root, n = known.root, len(known)
    assert root is not None
    if not len(moved):
        return known
    tie = np.sqrt(coupled)
    rows = np.zeros((len(root) + len(moved), n + len(moved)))
    # the first n columns are the parameters after the increment, the others those before it
    rows[: len(root), :n] = root
    rows[: len(root), n:], rows[: len(root), moved] = root[:, moved], 0.0
    tied = np.arange(len(moved))
    rows[len(root) + tied, moved], rows[len(root) + tied, n + tied] = tie, -tie
    scale = np.append(known.scale, np.hypot(known.scale[moved], tie))
    scale[moved] = tie
    # what was known of the parameters that moved is known of them as they were before
    before = np.arange(n)
    before[moved] = n + tied
    doubt = known.embedded(n + len(moved), before).doubt
    return Knowledge(rows.T @ rows, scale, doubt, rows).marginal(np.arange(n))


def knowledge(information: Information, measured: Knowledge) -> Knowledge:
    """Information about radars and clocks in what a slot has ``measured`` once its target is unknown."""
    return (measured + information.basis.prior(RENEWED)).marginal(information.basis.indices(COUPLED))


def of_coupled(information: Information, known: Knowledge) -> Knowledge:
    """The part of a slot's knowledge that is about radars and clocks; undoes :func:`embedded`."""
    return known.over(information.basis.indices(COUPLED))


def embedded(information: Information, prior: Knowledge) -> Knowledge:
    """Knowledge of radars and clocks as knowledge of all parameters of a slot, of which nothing else is known."""
    return prior.embedded(information.basis.size, information.basis.indices(COUPLED))


def prior_of_next(information: Information, known: Knowledge, prior: Knowledge, following: Information) -> Knowledge:
    """What the slots so far say of the ``following`` one, about all its parameters.

    ``known`` is the :func:`knowledge` of the last of them from its own measurements, and ``prior`` what those before it
    say of it.
    """
    so_far = known + of_coupled(information, prior)
    return embedded(following, message(so_far, coupling(following))) + following.basis.prior(RENEWED)


def from_later_slots(informations: Sequence[Information], known: Sequence[Knowledge]) -> list[Knowledge]:
    """What all later slots say about each slot, embedded in its parameters, in one backward pass.

    Parameters
    ----------
    informations
        The slots, in time order.
    known
        The :func:`knowledge` of each slot but the first from its own measurements alone.
    """
    said = [of_coupled(informations[-1], informations[-1].nothing)]
    for information, own in zip(reversed(informations[1:]), reversed(known), strict=True):
        # what is said of a slot from outside is not about its target, so it adds to what is left without the target
        said.append(message(own + said[-1], coupling(information)))
    return [embedded(information, backward) for information, backward in zip(informations, said[::-1], strict=True)]


def refuse_unlike(networks: Sequence[Network]) -> None:
    """Slots of one schedule must have the same numbers of nodes and of coordinates: the same radars and clocks go on.

    Raises
    ------
    NetworkError
        Naming the first slot that differs from the first one.
    """
    first = networks[0]
    for number, network in enumerate(networks[1:], start=2):
        if network.dimension != first.dimension:
            raise NetworkError(
                f"{first.name}: positions of slot {number} have {network.dimension} coordinates and those of slot 1 "
                f"{first.dimension}; the slots of a schedule need equal numbers"
            )
        for group in ("radars", "anchors", "targets"):
            here, there = len(getattr(network, group)), len(getattr(first, group))
            if here != there:
                raise NetworkError(
                    f"{first.name}: slot {number} has {here} {group} and slot 1 has {there}; "
                    "the slots of a schedule need equal numbers"
                )
        if network.radars_known != first.radars_known:
            raise NetworkError(f"{first.name}: slot {number} and slot 1 differ in radars_known; make them equal")
        mine, others = (each.installation.survey_errors(each).tolist() for each in (network, first))
        if mine != others:
            raise NetworkError(
                f"{first.name}: slot {number} and slot 1 differ in survey_error_m, which is of anchors that stay where "
                "they are; make them equal"
            )
