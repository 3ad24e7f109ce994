"""What a deployment asks: powers for several targets and radars, for the worst of them, or for what each must reach.

See :mod:`isal.allocation.goals` for the problems and their certificates, and docs/goals.md for examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import solvers
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.goals import Goal, GoalsAllocation, GoalsProblem
from isal.allocation.problem import checked_caps, checked_numbers, positive_number
from isal.errors import InfeasibleError, IsalError, length
from isal.knowledge import NO_INFORMATION
from isal.matrices import at_power
from isal.model.information import Information, Spebs, block_spebs, information
from isal.model.network import Network
from isal.model.parameters import Block, Clock
from isal.model.radio import Radio
from isal.schemes.displayed import display
from isal.schemes.schedule import DEFAULT_SOLVER, tell_uncertified
from isal.units import DURATION_S

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

#: Worst cases by name -> the block whose members count.
WORST: dict[str, Block] = {"worst target": "targets", "worst radar": "radars"}

#: In front of the name of a target or radar: its error along the direction in which it is largest.
DIRECTION = "worst direction of "

#: A power below this share of all is not worth mentioning.
NEGLIGIBLE = 1e-4

#: A requirement is out of reach if the least that any powers leave is above it by this share.
BEYOND = 1e-6

#: Share of the tolerance with which requirements are tried once more near what survey errors and biases leave.
CLOSER = 0.03

#: So many goals, and nodes, are printed.
MOST_SHOWN = 8


class Certified:
    """What an ``allocation`` comes to, and its certificate."""

    allocation: GoalsAllocation

    @property
    def value(self) -> float:
        """What is minimised, m^2, or the energy, J.

        Infinite where a requirement is not met for certain; such a result is "uncertified".
        """
        return self.allocation.value

    @property
    def lower_bound(self) -> float:
        """No feasible powers reach a smaller :attr:`value`."""
        return self.allocation.lower_bound

    @property
    def gap(self) -> float:
        """Certified relative gap, ``1 - lower_bound / value``."""
        return self.allocation.gap


class CertifiedPowers(Certified):
    """The same as a result that offers its powers."""

    @property
    def power(self) -> Array:
        """Node powers, W, shape ``(n_nodes,)``, radars first."""
        return self.allocation.power

    @property
    def energy(self) -> float:
        """What the powers add up to, J."""
        return float(self.power.sum() * DURATION_S)

    @property
    def status(self) -> str:
        """``"optimal"`` if the gap meets the tolerance, else ``"uncertified"``."""
        return self.allocation.status

    def to_dataframe(self) -> pd.DataFrame:
        """Powers, W: a row for each node by name, and a column for each slot where there are several."""
        powers = np.atleast_2d(self.power)
        header = [f"slot {number}" for number in range(1, len(powers) + 1)] if len(powers) > 1 else ["power"]
        return display().by_node(powers, self._labels, header)

    @property
    def _labels(self) -> Sequence[str]:
        """Names of the nodes."""
        raise NotImplementedError

    def _sent(self) -> str:
        """The powers that are not negligible, by node, in print."""
        shown = zip(self._labels, self.power, strict=True)
        sent = [f"{label} {watts:.3g}" for label, watts in shown if watts > NEGLIGIBLE * self.power.sum()]
        return ", ".join(sent[:MOST_SHOWN]) + (f", ... ({len(sent)} nodes)" if len(sent) > MOST_SHOWN else "")


class CertifiedGoals(CertifiedPowers):
    """The same as a result about several goals, in one slot or more."""

    problem: GoalsProblem

    @property
    def values(self) -> dict[str, float]:
        """Squared error bound of each goal, given the slots so far, m^2."""
        return dict(zip(self._goals, self.allocation.values.tolist(), strict=True))

    @property
    def errors(self) -> dict[str, float]:
        """Root of the squared error bound of each goal, m."""
        return {name: value**0.5 for name, value in self.values.items()}

    @property
    def shadow(self) -> dict[str, float]:
        """How much each goal holds the optimum back: zero for those that are met with some to spare.

        The multipliers of the lower bound: of a worst case they add up to one; of requirements, J per m^2 by which a
        limit is loosened.
        """
        return dict(zip(self._goals, self.allocation.multipliers.tolist(), strict=True))

    def to_xarray(self) -> xr.Dataset:
        """Powers over ``node``, and ``slot`` if several, and over ``goal`` what each reaches, ``bound``, and costs.

        The latter is ``shadow``.
        """
        dataset: xr.Dataset = display().of_goals(self)
        return dataset

    @property
    def _goals(self) -> list[str]:
        """Names of the goals."""
        return [goal.name for goal in self.problem.goals]


@dataclass(frozen=True, eq=False, repr=False)
class GoalsResult(CertifiedGoals):
    """Powers for several goals, with their certificate.

    ``information`` is what the links could tell, ``problem`` what was solved, ``allocation`` what came out.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> best = isal.allocate(network, isal.Radio(), clock="synchronous", requirements=0.05)
    >>> best.status, {name: round(error, 4) for name, error in best.errors.items()}
    ('optimal', {'target 1': 0.05, 'target 2': 0.0369})
    """

    information: Information
    problem: GoalsProblem
    allocation: GoalsAllocation

    def __repr__(self) -> str:
        info, shown = self.information, list(self.errors.items())[:MOST_SHOWN]
        more = f", ... ({len(self.errors)} goals)" if len(self.errors) > len(shown) else ""
        told = ", ".join(f"{name} {error:.4g} m" for name, error in shown)
        return (
            f"GoalsResult of {info.network.name!r}, {info.clock}, {self.problem.kind}: {self.status}, gap "
            f"{self.gap:.1g}, {self.energy:.4g} J\n  RMSE: {told}{more}\n  W: {self._sent()}"
        )

    @property
    def _labels(self) -> Sequence[str]:
        return self.information.network.node_labels

    @property
    def informations(self) -> tuple[Information, ...]:
        """What the links of each slot could tell: of the one that there is."""
        return (self.information,)

    def plot(self) -> Figure:
        """A map of powers, of the links that carry the bound of all targets, and of errors; needs matplotlib.

        Returns
        -------
        A figure of matplotlib; ``.savefig("map.png")`` keeps it.
        """
        info = self.information
        picture: Figure = display().maps().plot_powers(f"{info.network.name}, {info.clock}", info, self.power)
        return picture

    @property
    def spebs(self) -> Spebs:
        """Bounds of radars, clock offsets and targets at these powers, m^2."""
        info = self.information
        return block_spebs(info.measured(self.power) + info.prior, info.basis)


def allocate(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    goals: str | int | Iterable[str | int] | Mapping[str | int, float] | None = None,
    energy: float | None = None,
    requirements: float | Mapping[str | int, float] | None = None,
    caps: ArrayLike | None = None,
    limits: Mapping[str, Any] | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> GoalsResult:
    """Best powers for several goals, or the least energy that meets requirements; all parameters are unknown.

    Parameters
    ----------
    network, radio, clock
        What is measured; ``clock`` is ``"synchronous"`` or ``"asynchronous"``.
    goals
        What is minimised. Names of targets and radars ("target 2", "radar 1"), of their axes ("target 2 x"; in space
        also z), of whole blocks ("targets", "radars"); a number is the index of a target, from 0. A list of them has
        equal weights, a table has weights, and the sum of their squared error bounds is minimised; by default that
        over all targets (radars where there are none), as in :func:`isal.integrated`. Or the worst case, ``"worst
        target"`` or ``"worst radar"``, also of weighted ones, ``{"worst": {"target 1": 1.0, "target 2": 4.0}}``. In the
        worst case and in requirements ``"worst direction of target 2"`` is the largest eigenvalue instead of the trace
        (mDPEB), and ``"worst direction"`` is that of any target.
    energy
        What the powers may add up to, J; a slot lasts one second. With ``goals`` it is needed unless ``caps`` or
        ``limits`` hold all nodes; with ``requirements`` it is one more limit.
    requirements
        Instead of ``goals``: root of the squared error bound that each must reach, m (RMSE), by the same names, or one
        number for every target. The least energy is found that meets all of them.
    caps
        Largest power of a node, W, a number or one per node, radars first.
    limits
        Further limits, each by a name: that of a node or of a group ("radars", "anchors") with an energy, J, or any
        other name with coefficients of shape ``(n_nodes,)``, 1/W, and what they may add up to. So ``{"radars": 6.0,
        "airtime": (1 / peak, 0.5)}`` holds ``sum_m p_m / peak_m <= 0.5`` besides the energy of the radars.
    solver
        ``"interior-point"`` or ``"cvxpy"``; a plain sum with ``energy`` also takes ``"scs"``.
    tolerance
        Certified relative gap to reach.
    require_certified
        Raise an :class:`isal.AllocationError` where it is missed; else the status is ``"uncertified"``, and a
        :class:`isal.UncertifiedWarning` tells.

    Returns
    -------
    Powers, bounds of all goals and certificate.

    Raises
    ------
    InfeasibleError
        If no powers within the caps and limits meet the requirements: by how much, and what energy would do.
    IsalError
        If an argument is unusable, the network is unobservable, or there is no finite optimum.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> least = isal.allocate(network, isal.Radio(), clock="synchronous", requirements=0.05)  # each to 5 cm
    >>> f"{least.energy:.4f} J"
    '0.1601 J'
    >>> worst = isal.allocate(network, isal.Radio(), clock="synchronous", goals="worst target", energy=least.energy)
    >>> f"{worst.value**0.5:.4f} m"  # with that energy no powers do better
    '0.0500 m'
    """
    info = information(network, radio, clock)
    refuse_jitter(network, info)
    if requirements is not None and goals is not None:
        raise IsalError(f"{network.name}: give goals or requirements, not both")
    tolerance = positive_number(tolerance, "tolerance")
    if requirements is None:
        kind, levels = goal_levels(info, goals)
    else:
        kind, levels = "energy", required_levels(info, requirements)
    rows, at_most = power_limits(network, energy, limits)
    problem = GoalsProblem(
        named_goals(info, levels),
        kind,
        list(levels.values()),
        caps=np.inf if caps is None else checked_caps(caps, network.n_nodes),
        rows=rows,
        at_most=at_most,
    )
    allocation = answered(network.name, network.node_labels, problem, solver, tolerance)
    result = GoalsResult(info, problem, allocation)
    if result.status != "optimal":
        tell_uncertified(info, result.status, f"{result.gap:.2g} (asked for {tolerance:g})", require_certified, 3)
    return result


def refuse_jitter(network: Network, info: Information) -> None:
    """Several goals take an information that is linear in the powers."""
    if info.jitters:
        raise IsalError(
            f"{network.name}: several goals take no jitter of time stamps, with which the information is not linear in "
            "the powers; set timestamp_jitter_s to 0, or use isal.integrated"
        )


def answered(name: str, labels: Sequence[str], problem: GoalsProblem, solver: str, tolerance: float) -> GoalsAllocation:
    """:func:`solved`, with errors that say what can't be had; ``labels`` are those of the powers.

    Raises
    ------
    InfeasibleError
        If no powers meet the requirements: by how much, and what energy would do.
    """
    refuse_beyond_reach(name, problem)
    try:
        return solved(problem, solver, tolerance)
    except InfeasibleError as error:
        raise _infeasible(name, labels, problem, error, solver, tolerance) from None


def solved(problem: GoalsProblem, solver: str, tolerance: float) -> GoalsAllocation:
    """The answer of a solver by name; a sum of goals of one matrix under one budget is a problem of one goal."""
    single = problem.single
    if single is None:
        module = solvers.goals_module(solver)
        found: GoalsAllocation = module.solve(problem, tolerance)
        if problem.kind == "energy" and found.status != "optimal" and problem.has_prior:
            # a solver keeps requirements by some of the tolerance, which costs more near what no powers reach
            closer = replace(module.solve(problem, CLOSER * tolerance), tolerance=tolerance)
            found = min(found, closer, key=lambda each: each.gap)
        return found
    one = solvers.solve(single, solver, tolerance)
    return GoalsAllocation(
        power=one.power,
        value=one.value,
        lower_bound=one.lower_bound,
        tolerance=one.tolerance,
        solver=one.solver,
        iterations=one.iterations,
        seconds=one.seconds,
        values=problem.values(one.power),
        multipliers=problem.levels,
    )


# --- names ------------------------------------------------------------------------------------------------------------


def _members(info: Information, block: Block) -> list[str]:
    """Names of the targets or radars whose positions are unknown."""
    labels = info.basis.labels[info.blocks[block]] if block in info.blocks else ()
    return list(dict.fromkeys(label.rsplit(" ", 1)[0] for label in labels))


def _name(info: Information, given: object) -> str:
    """The name that a user gave, with the index of a target spelled out."""
    if isinstance(given, int) and not isinstance(given, bool):
        targets = _members(info, "targets")
        if not 0 <= given < len(targets):
            raise IsalError(f"{info.network.name}: there is no target of index {given}, only {len(targets)} targets")
        return targets[given]
    if not isinstance(given, str):
        raise IsalError(f"{info.network.name}: a goal is named by text or by the index of a target, got {given!r}")
    return given


def _indices(info: Information, name: str) -> NDArray[np.intp]:
    """Parameters of a block, of a target or radar, or of one axis of it."""
    if name in info.blocks:
        return info.basis.indices([name])
    found = [n for n, label in enumerate(info.basis.labels) if label == name or label.startswith(f"{name} ")]
    if not found:
        known = [*info.blocks, *_members(info, "radars"), *_members(info, "targets")]
        raise IsalError(
            f"{info.network.name}: there is nothing to be estimated of the name {name!r}; there are "
            f"{', '.join(known)}, each of their axes, as in {info.basis.labels[-1]!r}, and {DIRECTION}each of them"
        )
    return np.array(found)


def named_goal(info: Information, name: str) -> Goal:
    """A goal of a network by name, given what is known before any link measures."""
    largest = name.startswith(DIRECTION)
    indices = _indices(info, name.removeprefix(DIRECTION))
    return Goal(info.prior, info.stack, np.eye(info.basis.size)[:, indices], name, largest)


def named_goals(info: Information, names: Iterable[str]) -> list[Goal]:
    """Several of :func:`named_goal`."""
    return [named_goal(info, name) for name in names]


def _table(info: Information, given: object, what: str) -> dict[str, float]:
    """Names and numbers, from a table or a list of names, which then count alike."""
    if isinstance(given, str | int):
        given = [given]
    if isinstance(given, Mapping):
        named = [(_name(info, name), number) for name, number in given.items()]
    elif isinstance(given, Iterable) and length(given) is not None:
        named = [(_name(info, name), 1.0) for name in given]
    else:
        raise IsalError(f"{info.network.name}: {what} must be names, or a table of names and numbers; got {given!r}")
    if not named:
        raise IsalError(f"{info.network.name}: {what} are empty; name at least one target or radar")
    twice = [name for number, (name, _) in enumerate(named) if name in dict(named[:number])]
    if twice:
        raise IsalError(f"{info.network.name}: {what} name {twice[0]} twice")
    return {name: positive_number(number, f"{what}: that of {name}") for name, number in named}


def goal_levels(info: Information, goals: Any) -> tuple[Any, dict[str, float]]:
    """Kind of problem and levels by name; the level of a worst case is the inverse of its weight."""
    if goals is None:
        goals = _members(info, "targets") or _members(info, "radars") or ["clocks"]
    if isinstance(goals, Mapping) and list(goals) == ["worst"]:
        weights = _table(info, goals["worst"], "goals")
        return "worst", {name: 1 / weight for name, weight in weights.items()}
    if isinstance(goals, str) and (goals in WORST or goals == DIRECTION.removesuffix(" of ")):
        front, block = ("", WORST[goals]) if goals in WORST else (DIRECTION, "targets")
        names = _members(info, block)
        if not names:
            raise IsalError(f"{info.network.name}: {goals}: there are no {block} to be estimated")
        return "worst", {front + name: 1.0 for name in names}
    return "sum", _table(info, goals, "goals")


def required_levels(info: Information, given: Any) -> dict[str, float]:
    """Largest squared error bound by name, m^2."""
    if not isinstance(given, Mapping):
        number = positive_number(given, "requirements", "m")
        given = dict.fromkeys(_members(info, "targets") or _members(info, "radars"), number)
    return {name: number**2 for name, number in _table(info, given, "requirements").items()}


def power_limits(network: Network, energy: Any, limits: Any) -> tuple[Array, Array]:
    """Coefficients, shape ``(R, n_nodes)``, and what they may add up to, W, shape ``(R,)``."""
    rows, at_most = [], []
    if energy is not None:
        rows.append(np.ones(network.n_nodes))
        at_most.append(positive_number(energy, "energy", "J") / DURATION_S)
    if limits is not None and not isinstance(limits, Mapping):
        raise IsalError(f"{network.name}: limits must be a table by name, got {limits!r}")
    for name, given in (limits or {}).items():
        label = f"limits: {name}"
        members = [f"{each} ".startswith(f"{str(name).removesuffix('s')} ") for each in network.node_labels]
        if isinstance(given, Sequence) and not isinstance(given, str) and len(given) == 2:
            row, most = checked_numbers(given[0], label), positive_number(given[1], label)
            if row.shape != (network.n_nodes,) or not (np.isfinite(row) & (row >= 0)).all():
                raise IsalError(
                    f"{network.name}: {label}: coefficients must not be negative, one for each of the "
                    f"{network.n_nodes} nodes; got {row.tolist()}"
                )
        elif any(members):
            row, most = np.array(members, dtype=float), positive_number(given, label, "J") / DURATION_S
        else:
            raise IsalError(
                f"{network.name}: {label}: there are no such nodes; name radars, anchors, one of "
                f"{', '.join(network.node_labels)}, or give coefficients and what they may add up to"
            )
        rows.append(row)
        at_most.append(most)
    return np.array(rows).reshape(-1, network.n_nodes), np.array(at_most)


# --- what can't be had ------------------------------------------------------------------------------------------------


def _infeasible(
    name: str,
    labels: Sequence[str],
    problem: GoalsProblem,
    error: InfeasibleError,
    solver: str,
    tolerance: float,
) -> InfeasibleError:
    """By how much requirements are missed, and what energy would meet them; ``labels`` are those of the powers."""
    reach = problem.region.reach[0]
    # more power of any node never hurts, so nothing is better than all of them at their caps
    least = problem.values(reach) if np.isfinite(reach).all() else np.zeros(len(problem.goals))
    missed = [
        f"{goal.name} reaches {value**0.5:.4g} m of {level**0.5:.4g} m ({_above(value / level)})"
        for goal, value, level in zip(problem.goals, least, problem.levels, strict=True)
        if value > level
    ]
    how = f"with every node at the most that it may send, {_some(missed)}"
    if not missed:
        how = f"each of them can be met, but not all: one stays at least {_above(error.ratio)}"
    free = GoalsProblem(problem.goals, "energy", problem.levels)
    would = solved(free, solver, tolerance)
    powers = [
        f"{label} {power:.3g} W"
        for label, power in zip(labels, would.power, strict=True)
        if power > NEGLIGIBLE * would.power.sum()
    ]
    return InfeasibleError(
        f"{name}: no powers within the caps and limits meet the requirements: {how}. Without caps and "
        f"limits {would.value:.4g} J would do: {_some(powers)}",
        error.ratio,
    )


def refuse_beyond_reach(name: str, problem: GoalsProblem) -> None:
    """Refuse requirements that survey errors and biases leave out of reach whatever the powers.

    Raises
    ------
    InfeasibleError
        Naming the goals, and what they reach as all powers grow without end.
    """
    if problem.kind != "energy" or not problem.has_prior:
        return
    may_transmit = (problem.region.reach[0] > 0).astype(float)
    together: dict[tuple[int, int], list[int]] = {}
    for number, goal in enumerate(problem.goals):
        together.setdefault((id(goal.known), id(goal.stack)), []).append(number)
    floors = np.zeros(len(problem.goals))
    for numbers in together.values():
        floors[numbers] = _floors([problem.goals[number] for number in numbers], may_transmit)
    missed = [
        f"{goal.name} above {floor**0.5:.4g} m ({_above(floor / level)} {level**0.5:.4g} m)"
        for goal, floor, level in zip(problem.goals, floors, problem.levels, strict=True)
        if floor > level * (1 + BEYOND)
    ]
    if missed:
        raise InfeasibleError(
            f"{name}: no energy meets the requirements: survey errors and biases keep "
            f"{_some(missed)}; loosen these requirements, or give a smaller survey_error_m or bias_error_m",
            float(np.max(floors / problem.levels)),
        )


def _floors(goals: Sequence[Goal], power: Array) -> Array:
    """What goals of one matrix come down to as these powers grow without end, m^2."""
    known = goals[0].known
    root = at_power(goals[0].stack, power).rooted().root
    assert root is not None
    unit = np.linalg.norm(root, axis=0)
    unit[unit == 0] = 1.0
    values, vectors = np.linalg.svd(np.concatenate([root / unit, np.zeros((len(unit), len(unit)))]))[1:]
    # of all directions that links tell anything about they tell all; the others keep their prior
    untold = (vectors[values <= NO_INFORMATION] / unit).T
    if not untold.size:
        return np.zeros(len(goals))
    left = np.linalg.inv(untold.T @ known.matrix @ untold)
    covariances = (goal.selector.T @ untold @ left @ untold.T @ goal.selector for goal in goals)
    return np.array(
        [
            np.linalg.eigvalsh(each)[-1] if goal.largest else np.trace(each)
            for goal, each in zip(goals, covariances, strict=True)
        ]
    )


def _some(said: Sequence[str]) -> str:
    """The first of many statements."""
    more = f" and {len(said) - MOST_SHOWN} more" if len(said) > MOST_SHOWN else ""
    return f"{', '.join(said[:MOST_SHOWN])}{more}"


def _above(ratio: float) -> str:
    """A ratio of squared errors, in per cent of an error."""
    return f"{100 * (ratio**0.5 - 1):.3g} % above"
