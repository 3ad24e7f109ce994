"""Powers of several slots at once: how to spend energy over time (see docs/horizon.md).

What a slot's links tell also serves the later slots, as radars, clocks and, if it is said how they move, targets are
coupled between them. So the filtered bound of slot n is a goal of the powers of slots 1 to n, and the sum or the worst
of all slots is a convex problem, with the certificate of :mod:`isal.allocation.goals`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.goals import Goal, GoalsAllocation, GoalsProblem, Kind, together
from isal.allocation.problem import checked_numbers, positive_number
from isal.errors import IsalError, length, one_of
from isal.knowledge import Knowledge
from isal.matrices import DenseStack, Rows
from isal.model import temporal
from isal.model.information import Information
from isal.model.motion import Motion
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.schemes.allocate import (
    MOST_SHOWN,
    CertifiedGoals,
    answered,
    goal_levels,
    named_goals,
    power_limits,
    refuse_jitter,
    required_levels,
)
from isal.schemes.displayed import display
from isal.schemes.schedule import DEFAULT_SOLVER, slot_informations, tell_uncertified
from isal.units import DURATION_S

Array = NDArray[np.float64]

#: What is minimised of the slots' bounds.
Case = Literal["sum", "worst"]
CASES: tuple[Case, ...] = get_args(Case)

#: The matrices of all slots may have so many entries together, which take 0.8 GB.
MOST_ENTRIES = 100_000_000


@dataclass(frozen=True, eq=False, repr=False)
class HorizonResult(CertifiedGoals):
    """Powers of all slots, with their certificate.

    ``informations`` are what the links of each slot could tell, ``problem`` what was solved, with the powers of all
    slots in turn, ``allocation`` what came out.

    Examples
    --------
    >>> import isal
    >>> anchors, radars = [[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]]
    >>> slots = [isal.Network(anchors, radars, targets=[[x, 30]]) for x in (15, 25, 35)]
    >>> found = isal.horizon(slots, isal.Radio(), clock="synchronous", energy=3.0)
    >>> found.status, found.power.shape, [f"{energy:.2f} J" for energy in found.energies]
    ('optimal', (3, 5), ['0.84 J', '1.09 J', '1.06 J'])
    """

    informations: tuple[Information, ...]
    problem: GoalsProblem
    allocation: GoalsAllocation

    def __repr__(self) -> str:
        info, n = self.informations[0], len(self.informations)
        told = [
            f"{name} {display().metres(error)}, {energy:.3g} J"
            for (name, error), energy in zip(self.errors.items(), np.repeat(self.energies, self._per_slot), strict=True)
        ]
        more = [f"... ({len(told)} goals)"] if len(told) > MOST_SHOWN else []
        return "\n  ".join(
            [
                f"HorizonResult of {info.network.name!r}, {info.clock}, {n} slot{'s' * (n > 1)}, {self.problem.kind}: "
                f"{self.status}, gap {self.gap:.1g}, {self.energy:.4g} J",
                *told[:MOST_SHOWN],
                *more,
            ]
        )

    @property
    def power(self) -> Array:
        """Node powers of each slot, W, shape ``(n_slots, n_nodes)``, radars first."""
        return self.allocation.power.reshape(len(self.informations), -1)

    @property
    def energies(self) -> Array:
        """What the powers of each slot add up to, J, shape ``(n_slots,)``."""
        return np.asarray(self.power.sum(axis=1) * DURATION_S)

    @property
    def _labels(self) -> Sequence[str]:
        return self.informations[0].network.node_labels

    @property
    def _per_slot(self) -> int:
        return len(self.problem.goals) // len(self.informations)


def horizon(
    networks: Sequence[Network],
    radio: Radio,
    *,
    clock: Clock,
    goals: str | int | Iterable[str | int] | Mapping[str | int, float] | None = None,
    case: Case | None = None,
    energy: float | Sequence[float] | None = None,
    requirements: float | Mapping[str | int, float] | None = None,
    caps: ArrayLike | None = None,
    limits: Mapping[str, Any] | None = None,
    motion: Motion | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> HorizonResult:
    """Best powers of all slots together, where what is measured in one also serves the later ones.

    The bound of a slot is that given all slots so far, as :attr:`isal.SlotResult.spebs`. All parameters are unknown.
    :func:`isal.integrated` over several slots is the greedy scheme instead: it takes the energy of each slot as given,
    and chooses powers for that slot alone.

    Parameters
    ----------
    networks, radio, clock
        The slots in time order, each a second long. Radars and clocks are coupled by ``velocity_variance`` and
        ``drift_variance`` of the radio.
    goals
        What counts in each slot, as for :func:`isal.allocate`: by default all targets (radars where there are none).
    case
        ``"sum"``: the sum over slots is minimised, by default. ``"worst"``: the worst slot, by default where the goals
        are a worst case themselves, which is then taken over all slots.
    energy
        What the powers of all slots may add up to, J, or a number for each slot.
    requirements
        Instead of goals: what each slot must reach, m, as for :func:`isal.allocate`. The least energy is found that
        meets them in every slot.
    caps
        Largest power of a node in a slot, W: a number, one per node, or shape ``(n_slots, n_nodes)``.
    limits
        Further limits of all slots together, by name, as for :func:`isal.allocate`: ``{"radars": 6.0}`` is what the
        batteries of the radars hold.
    motion
        How targets move; by default nothing is known, and the targets of each slot are unknown anew.
    solver
        ``"interior-point"`` or ``"cvxpy"``.
    tolerance, require_certified
        As for :func:`isal.allocate`.

    Returns
    -------
    Powers and bounds of all slots, and the certificate.

    Raises
    ------
    InfeasibleError
        If no powers within the caps and limits meet the requirements: by how much, and what energy would do.
    IsalError
        If an argument is unusable, a slot is unobservable, or there is no finite optimum.

    Examples
    --------
    >>> import isal
    >>> anchors, radars = [[20, 20], [180, 20]], [[95, 105], [105, 95]]
    >>> slots = [isal.Network(anchors, radars, targets=[[x, 104]]) for x in (102, 107, 112, 117)]
    >>> given = {"radio": isal.Radio(), "clock": "asynchronous"}
    >>> best = isal.horizon(slots, energy=40.0, **given)
    >>> equal = isal.horizon(slots, energy=[10.0] * 4, **given)
    >>> f"equal energies lose {100 * (equal.value / best.value - 1):.0f} %", best.energies.round(1).tolist()
    ('equal energies lose 24 %', [5.3, 6.7, 10.3, 17.8])
    """
    infos = slot_informations(networks, radio, clock)
    first = infos[0]
    name = first.network.name
    refuse_jitter(first.network, first)
    if requirements is not None and (goals is not None or case is not None):
        raise IsalError(f"{name}: give goals or requirements, not both; requirements hold in every slot")
    if motion is not None and not isinstance(motion, Motion):
        raise IsalError(f"{name}: motion must be an isal.Motion, got {motion!r}")
    tolerance = positive_number(tolerance, "tolerance")
    asked = _asked(first, goals, case, requirements)
    chain = _Chain(infos, motion)
    rows, at_most = _limits(infos, energy, limits)
    problem = GoalsProblem(
        [chain.seen(slot, goal) for slot, info in enumerate(infos) for goal in asked.goals(info)],
        asked.kind,
        list(asked.levels) * len(infos),
        caps=np.inf if caps is None else _caps(infos, caps),
        rows=rows,
        at_most=at_most,
    )
    labels = [f"slot {slot} {node}" for slot in range(1, len(infos) + 1) for node in first.network.node_labels]
    allocation = answered(name, labels, problem, solver, tolerance)
    result = HorizonResult(tuple(infos), problem, allocation)
    if result.status != "optimal":
        tell_uncertified(first, result.status, f"{result.gap:.2g} (asked for {tolerance:g})", require_certified, 3)
    return result


# --- what is asked ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Asked:
    """What is asked of each slot: goals by ``names``, one for all of them if ``joined``, with a level for each."""

    kind: Kind
    names: dict[str, float]
    joined: bool

    @property
    def levels(self) -> Iterable[float]:
        return [1.0] if self.joined else self.names.values()

    def goals(self, info: Information) -> list[Goal]:
        """The goals of a slot, about its own parameters."""
        found = named_goals(info, self.names)
        return [together(found, self.names.values(), " + ")] if self.joined else found


def _asked(info: Information, goals: Any, case: Case | None, requirements: Any) -> _Asked:
    name = info.network.name
    if requirements is not None:
        return _Asked("energy", required_levels(info, requirements), joined=False)
    if goals is None:
        goals = next(block for block in ("targets", "radars", "clocks") if block in info.blocks)
    kind, levels = goal_levels(info, goals)
    if case is not None:
        one_of(case, CASES, f"{name}: case")
    if kind == "worst":
        if case == "sum":
            raise IsalError(f"{name}: goals that are a worst case are one over all slots as well; leave case='sum' out")
        return _Asked("worst", levels, joined=False)
    return _Asked(case or "sum", levels, joined=True)


def _limits(infos: Sequence[Information], energy: Any, limits: Any) -> tuple[Array, Array]:
    """Coefficients of the powers of all slots, and what they may add up to, W."""
    n_slots, network = len(infos), infos[0].network
    each_slot = energy is not None and length(energy) is not None
    rows, at_most = power_limits(network, None if each_slot else energy, limits)
    rows = np.tile(rows, (1, n_slots))
    if not each_slot:
        return rows, at_most
    given = checked_numbers(energy, f"{network.name}: energy", "J")
    if given.shape != (n_slots,) or not (np.isfinite(given) & (given > 0)).all():
        raise IsalError(f"{network.name}: energy must be one number, or {n_slots} for as many slots; got {energy!r} J")
    own = np.kron(np.eye(n_slots), np.ones(network.n_nodes))
    return np.concatenate([own, rows]), np.concatenate([given / DURATION_S, at_most])


def _caps(infos: Sequence[Information], caps: Any) -> Array:
    """Caps of all slots in turn, W."""
    n_slots, network = len(infos), infos[0].network
    given = checked_numbers(caps, f"{network.name}: caps", "W")
    shapes = (), (network.n_nodes,), (n_slots, network.n_nodes)
    if given.shape not in shapes:
        raise IsalError(
            f"{network.name}: caps must be one number, one for each of {network.n_nodes} nodes, or such a row for each "
            f"of {n_slots} slots; got shape {given.shape}"
        )
    of_slots = np.broadcast_to(given, shapes[-1])
    if (silent := np.flatnonzero(~of_slots.any(axis=1))).size:
        raise IsalError(
            f"{network.name}: every power cap of slot {silent[0] + 1} is zero; let one node transmit in each slot"
        )
    return of_slots.ravel()


# --- all slots in one matrix ------------------------------------------------------------------------------------------


class _Chain:
    """All slots about the same parameters.

    These are the coupled parameters of slot 1 and their increments from slot to slot, of which there is a prior, and
    what is new in each slot. So what hardly moves is a small parameter of its own, which costs no digits, and where
    nothing can move there is none.
    """

    def __init__(self, infos: Sequence[Information], motion: Motion | None) -> None:
        self.infos, self.motion = infos, motion
        self.size = 0
        #: Coefficients of each slot's parameters, shape (d, size), with the columns that there are so far.
        self.maps: list[Array] = []
        #: Square root of what is known before any link measures.
        self.root = np.zeros((0, 0))
        self._add_slots()
        self.maps = [self._widened(each) for each in self.maps]
        n_entries = len(infos) ** 2 * infos[0].network.n_nodes * self.size**2
        if n_entries > MOST_ENTRIES:
            raise IsalError(
                f"{infos[0].network.name}: {len(infos)} slots of {infos[0].network.n_nodes} nodes have {self.size} "
                f"parameters, whose matrices would take {8 * n_entries / 1e9:.1f} GB; plan fewer slots at once"
            )
        self._told = [self._told_by(slot) for slot in range(len(infos))]
        #: What is known before any link measures, and what the links tell, by the end of each slot.
        self._matrices = [(self._known(slot), self._stack(slot)) for slot in range(len(infos))]

    def seen(self, slot: int, goal: Goal) -> Goal:
        """A goal of a slot, from 0, as a goal of all powers: those of later slots do not count."""
        known, stack = self._matrices[slot]
        return replace(
            goal,
            known=known,
            stack=stack,
            selector=self.maps[slot].T @ goal.selector,
            name=f"slot {slot + 1}, {goal.name}",
        )

    def _add_slots(self) -> None:
        moving = self.motion is not None
        carried = position = velocity = np.zeros((0, 0))
        for number, info in enumerate(self.infos):
            basis = info.basis
            coupled = basis.indices(temporal.COUPLED)
            targets = basis.indices(["targets"]) if moving else basis.indices([])
            if number == 0:
                carried = self._new(len(coupled))
                position, velocity = self._new(len(targets)), self._first_velocity(len(targets))
            else:
                tie = np.sqrt(temporal.coupling(info))
                carried = self._moved(carried, np.flatnonzero(np.isfinite(tie)), np.diag(tie[np.isfinite(tie)]))
                position, velocity = self._accelerated(position, velocity)
            fresh = np.setdiff1d(np.arange(basis.size), np.concatenate([coupled, targets]))
            new, whole = self._new(len(fresh)), np.zeros((basis.size, self.size))
            for indices, part in ((coupled, carried), (targets, position), (fresh, new)):
                whole[indices] = self._widened(part)
            self.maps.append(whole)
            prior = basis.prior() if number == 0 else basis.prior(temporal.RENEWED)
            if prior.root is not None and len(prior.root):
                self._know(prior.root @ whole)

    def _new(self, count: int) -> Array:
        """Coefficients of so many new parameters."""
        self.size += count
        return np.eye(self.size)[self.size - count :]

    def _widened(self, rows: Array) -> Array:
        """The same with zeros for the parameters that have been added since."""
        return np.pad(rows, ((0, 0), (0, self.size - rows.shape[1])))

    def _know(self, rows: Array) -> None:
        self.root = np.concatenate([self._widened(self.root), rows])

    def _moved(self, carried: Array, loose: NDArray[np.intp], root: Array) -> Array:
        """Coefficients after increments of some of the parameters, of whose information ``root`` is the root."""
        increments = self._new(len(loose))
        self._know(root @ increments)
        moved = self._widened(carried)
        moved[loose] += increments
        return moved

    def _first_velocity(self, count: int) -> Array:
        deviation = self.motion.speed_deviation if self.motion else 0.0
        if deviation == 0:
            return np.zeros((count, self.size))
        velocity = self._new(count)
        if np.isfinite(deviation):
            self._know(velocity / deviation)
        return velocity

    def _accelerated(self, position: Array, velocity: Array) -> tuple[Array, Array]:
        """Coefficients of positions and velocities of targets in the next slot."""
        k = len(position)
        state = np.concatenate(
            [self._widened(position) + DURATION_S * self._widened(velocity), self._widened(velocity)]
        )
        if self.motion is not None and self.motion.acceleration_density > 0:
            state = self._moved(state, np.arange(2 * k), np.asarray(np.kron(self.motion.root, np.eye(k)), dtype=float))
        return state[:k], state[k:]

    def _told_by(self, slot: int) -> tuple[Rows, Array, Array]:
        """What the links of a slot tell of all parameters: rows, products of each node, and their :attr:`squares`."""
        stack, coefficients = self.infos[slot].stack, self.maps[slot]
        own = stack.rows[0] if isinstance(stack, DenseStack) else None
        if own is None or not isinstance(stack, DenseStack):
            raise IsalError(f"{self.infos[slot].network.name}: the network is too large to plan several slots at once")
        n = stack.n_nodes
        rows = Rows(own.entries @ coefficients, own.node)
        # each of these parameters is in one of the slot's, so that the errors of entries only change their scale
        return Rows(rows.entries, own.node + slot * n), rows.products(n), stack.squares[0] @ coefficients**2

    def _stack(self, slot: int) -> DenseStack:
        """What the powers of all slots tell by the end of one."""
        n, n_slots = self.infos[0].network.n_nodes, len(self.infos)
        entries, squares = np.zeros((n_slots * n, self.size, self.size)), np.zeros((n_slots * n, 2, self.size))
        told = self._told[: slot + 1]
        for number, (_, products, own) in enumerate(told):
            entries[number * n : (number + 1) * n], squares[number * n : (number + 1) * n] = products, own
        rows = [rows for rows, _, _ in told]
        whole = Rows(np.concatenate([each.entries for each in rows]), np.concatenate([each.node for each in rows]))
        return DenseStack(entries[None], squares[None], [whole])

    def _known(self, slot: int) -> Knowledge:
        """What is known of all parameters; those that a slot and those before it do not have are taken for known."""
        root = self._widened(self.root)
        asked = np.any([each.any(axis=0) for each in self.maps[: slot + 1]], axis=0) | root.any(axis=0)
        return Knowledge.of_rows(np.concatenate([root, np.eye(self.size)[~asked]]))
