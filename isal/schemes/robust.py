"""Powers that are chosen before positions are known: best on average over samples of them, or in the worst case.

Every sample has a matrix of the same powers of its own, and is one goal of :mod:`isal.allocation.goals`. See
docs/uncertain_positions.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.allocation import solvers
from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.goals import Goal, GoalsAllocation, GoalsProblem, Kind, certify, evaluate, pointed, together
from isal.allocation.problem import checked_caps, positive_number
from isal.errors import AllocationError, InfeasibleError, IsalError, not_installed, one_of
from isal.model.information import Information, information
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.places import Ball, Scenarios, Uncertain
from isal.model.radio import Radio
from isal.schemes.allocate import (
    CertifiedPowers,
    answered,
    goal_levels,
    named_goals,
    power_limits,
    refuse_beyond_reach,
    refuse_jitter,
    required_levels,
    solved,
)
from isal.schemes.schedule import DEFAULT_SOLVER, tell_uncertified
from isal.schemes.worse_places import Climb
from isal.units import DURATION_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

Case = Literal["average", "worst"]
CASES: tuple[Case, ...] = get_args(Case)

#: Powers that are scaled to meet requirements are larger by this share, so that rounding does not break them.
MET = 1e-9

#: In a ball worse places are sought from so many of the worst samples, in at most so many rounds. One that is worse
#: than all samples by this share joins them, unless another one does that is as near, in shares of the radii.
STARTS = 4
ROUNDS = 10
WORSE = 1e-3
APART = 1e-2

#: Powers are multiplied by at most e to this, and at least e to minus this, to meet requirements.
LARGEST_LOG = 60.0

#: Caps and limits may be exceeded by this share, which is rounding.
EXCEEDED = 1e-12


@dataclass(frozen=True, eq=False)
class Posed:
    """A problem over scenarios, and the one that is posed to who knows only the nominal network.

    ``names`` are the goals of each scenario; those of ``problem`` stand scenario by scenario. ``informations`` are
    those of the scenarios, ``middle`` that of the nominal network.
    """

    scenarios: Scenarios
    informations: tuple[Information, ...]
    middle: Information
    problem: GoalsProblem
    nominal: GoalsProblem
    alone: tuple[GoalsProblem, ...]
    names: tuple[str, ...]

    def badness(self, values: Array) -> Array:
        """What a worst case counts in each sample, shape ``(K,)``, for values of shape ``(K G,)``."""
        levels = self.problem.levels
        if self.problem.kind == "sum":  # of a single sample
            return (levels * values).sum(keepdims=True)
        return np.asarray((values / levels).reshape(-1, len(self.names)).max(axis=1))

    def total(self, power: Array, values: Array) -> float:
        """What is minimised, at powers that reach ``values``, shape ``(K G,)``.

        Of requirements that is the energy at which powers of these ratios meet them all; infinite if caps forbid it.
        """
        problem = self.problem
        if problem.kind != "energy":
            each = problem.levels * values if problem.kind == "sum" else values / problem.levels
            return float(each.sum() if problem.kind == "sum" else each.max())
        needed = power * _to_meet(problem, power, values)
        allowed = np.isfinite(needed).all() and (needed <= problem.caps * (1 + EXCEEDED)).all()
        if not allowed or problem.region.broken(needed[None])[0] > EXCEEDED:
            return float("inf")
        return float(problem.cost @ needed * DURATION_S)


@dataclass(frozen=True, eq=False, kw_only=True)
class Design:
    """What was asked of :func:`robust`, but for the network."""

    radio: Radio
    clock: Clock
    over: Uncertain
    case: Case
    goals: Any
    energy: float | None
    requirements: Any
    caps: ArrayLike | None
    limits: Mapping[str, Any] | None

    def badness(self, power: Array, network: Network) -> float:
        """What a worst case counts in one network at some powers: the largest error over its level."""
        info = information(network, self.radio, self.clock)
        kind, levels = self._levels(info)
        goals, weights = named_goals(info, levels), np.array(list(levels.values()))
        values = evaluate(pointed(goals, power), power).value
        return float(weights @ values if kind == "sum" else (values / weights).max())

    def _levels(self, info: Information) -> tuple[Kind, dict[str, float]]:
        """Kind of problem in one network, and its levels by name."""
        if self.requirements is None:
            return goal_levels(info, self.goals)
        return "energy", required_levels(info, self.requirements)

    def on(self, network: Network) -> Posed:
        """The problem for a nominal network.

        Raises
        ------
        IsalError
            If an argument is unusable, or a sample is unobservable.
        """
        scenarios = self.over.scenarios(network)
        infos = tuple(information(each, self.radio, self.clock) for each in scenarios.networks)
        middle = information(self.over.nominal(network), self.radio, self.clock)
        refuse_jitter(network, middle)
        kind, levels = self._levels(middle)
        if kind == "worst" and self.case == "average":
            raise IsalError(
                f"{network.name}: an average counts sums of squared errors, not the worst of them; choose goals "
                "without 'worst', or case='worst'"
            )
        rows, at_most = power_limits(network, self.energy, self.limits)
        allowed = {
            "caps": np.inf if self.caps is None else checked_caps(self.caps, network.n_nodes),
            "rows": rows,
            "at_most": at_most,
        }
        own = [named_goals(info, levels) for info in infos]
        weights = np.array(list(levels.values()))
        nominal = GoalsProblem(named_goals(middle, levels), kind, weights, **allowed)
        alone = tuple(nominal.of_goals(goals, nominal.levels) for goals in own)
        names = tuple(levels)
        if len(infos) == 1:
            problem = alone[0]
        elif self.case == "average":
            shares = np.outer(scenarios.shares, weights).ravel()
            problem = nominal.changed(goals=_named(scenarios, own), kind="sum", levels=shares)
        else:
            if kind == "sum":
                own, weights, kind = [[together(goals, weights)] for goals in own], np.ones(1), "worst"
                names = (", ".join(names),)
            problem = nominal.changed(goals=_named(scenarios, own), kind=kind, levels=np.tile(weights, len(infos)))
        return Posed(scenarios, infos, middle, problem, nominal, alone, names)


def _to_meet(problem: GoalsProblem, power: Array, values: Array) -> float:
    """What powers that reach ``values`` have to be multiplied by to meet all requirements; infinite if nothing helps.

    Without a prior k times the powers leave 1 / k of every bound. With one they leave more for k above 1, and less for
    k below 1.
    """
    ratio = float((values / problem.levels).max())
    if not (problem.has_prior and 0 < ratio < np.inf):
        return ratio

    def missed(log: float) -> float:
        return float(np.log((problem.values(np.exp(log) * power) / problem.levels).max()))

    low = high = np.log(ratio)
    if missed(low) > 0:
        while missed(high := high + 1) > 0:
            if high > LARGEST_LOG:
                return float("inf")
    else:
        while missed(low := low - 1) <= 0:
            if low < -LARGEST_LOG:
                return 0.0
    from scipy.optimize import brentq

    return float(np.exp(brentq(missed, low, high, xtol=1e-13)))


def _named(scenarios: Scenarios, own: Sequence[Sequence[Goal]]) -> tuple[Goal, ...]:
    """All goals, named by their scenarios, too."""
    return tuple(
        replace(goal, name=f"{goal.name} in {network.name.rpartition(', ')[2]}")
        for network, goals in zip(scenarios.networks, own, strict=True)
        for goal in goals
    )


@dataclass(frozen=True, eq=False, repr=False)
class RobustResult(CertifiedPowers):
    """Powers for positions that are known only roughly, with their certificate over the samples.

    ``network`` is the nominal one, ``design`` what was asked, ``posed`` what was solved, ``allocation`` what came out.
    ``nominal`` are the powers that are best for the nominal positions. ``value`` is the average or worst squared error
    bound of the samples, m^2, or the energy, J; no powers reach less than ``lower_bound`` on the same samples.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40], [0, 40]], [[10, 20], [50, 25]])
    >>> hall = isal.Area([[0, 0], [60, 40]], spacing=5)
    >>> cover = isal.robust(network, isal.Radio(), clock="synchronous", over=hall, case="worst", energy=1.0)
    >>> cover.n_samples, cover.left_out, cover.status
    (111, 6, 'optimal')
    >>> f"worst {cover.value**0.5:.4f} m; designed for the centre {cover.nominal_value**0.5:.4f} m"
    'worst 0.0289 m; designed for the centre 0.0340 m'
    >>> cover.errors.shape, bool(cover.errors.max() == cover.value**0.5)
    ((111, 1), True)
    """

    network: Network
    design: Design
    posed: Posed
    allocation: GoalsAllocation
    nominal: GoalsAllocation
    solver: str

    def __repr__(self) -> str:
        left_out = f", {self.left_out} left out" if self.left_out else ""
        counted = f"{self.design.case} of {self.n_samples} samples{left_out}"
        return (
            f"RobustResult of {self.network.name!r}, {self.design.clock}, {counted}: {self.status}, gap "
            f"{self.gap:.1g}, {self.energy:.4g} J\n  {self._compared()}\n  W: {self._sent()}"
        )

    def _compared(self) -> str:
        """The result beside that of the nominal powers, in words."""
        if self.posed.problem.kind == "energy":
            return f"energy {self.value:.4g} J; designed for the nominal positions {self.nominal_value:.4g} J"
        what = "worst" if self.design.case == "worst" else "root of the average"
        return (
            f"RMSE: {what} {self.value**0.5:.4g} m; designed for the nominal positions {self.nominal_value**0.5:.4g} m"
        )

    @property
    def n_samples(self) -> int:
        """Number of the samples that count; those that coincide count as often as they were given."""
        return int(self.posed.scenarios.counts.sum())

    @property
    def left_out(self) -> int:
        """Number of samples in which a node and a target, or two nodes, are less than 1 m apart."""
        return self.posed.scenarios.left_out

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the errors of each sample, as in the columns of :attr:`errors`."""
        return self.posed.names

    @property
    def errors(self) -> Array:
        """Root of the squared error bounds of each sample, m, shape ``(K, len(names))``."""
        return self._errors(self.allocation.values)

    @property
    def nominal_errors(self) -> Array:
        """The same with the powers that are best for the nominal positions."""
        return self._errors(self._nominal_values)

    @property
    def nominal_value(self) -> float:
        """:attr:`value` of the powers that are best for the nominal positions, on the same samples.

        Of requirements that is the energy, J, that powers of these ratios need; infinite if caps or limits forbid it.
        """
        if self.nominal is self.allocation:
            return self.value
        return self.posed.total(self.nominal.power, self._nominal_values)

    @property
    def value_of_robustness(self) -> float:
        """The most that any robust powers gain over the nominal ones, ``1 - lower_bound / nominal_value``; certified.

        A share of the average or worst squared error, or of the energy: near zero one may as well design for the
        nominal positions.
        """
        return max(0.0, 1 - self.lower_bound / self.nominal_value)

    @cached_property
    def clairvoyant(self) -> float:
        """Lower bound on what powers reach that are chosen anew in each sample, as if its positions were known.

        Average or largest over the samples, in the units of :attr:`value`. Solves a problem for each sample.
        """
        bounds = np.array([each.lower_bound for each in _all_solved(self.posed.alone, self.solver, self.tolerance)])
        if self.design.case == "average":
            return float(self.posed.scenarios.shares @ bounds)
        return float(bounds.max())

    @property
    def tolerance(self) -> float:
        """Certified relative gap that was asked for."""
        return self.allocation.tolerance

    @property
    def _labels(self) -> Sequence[str]:
        return self.network.node_labels

    def plot(self) -> Figure:
        """A map of the errors with these powers beside one with the nominal powers; needs matplotlib.

        Each place of the targets has the colour of its error, the largest where there are several.

        Returns
        -------
        A figure of matplotlib; ``.savefig("map.png")`` keeps it.
        """
        try:
            picture: Figure = import_module("isal.figures.coverage").plot_coverage(self)
        except ModuleNotFoundError as error:
            raise not_installed("a map", str(error.name)) from error
        return picture

    @cached_property
    def _nominal_values(self) -> Array:
        return self.posed.problem.values(self.nominal.power)

    def _errors(self, values: Array) -> Array:
        return np.sqrt(values).reshape(-1, len(self.names))


def robust(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    over: Uncertain,
    case: Case | None = None,
    goals: str | int | Iterable[str | int] | Mapping[str | int, float] | None = None,
    energy: float | None = None,
    requirements: float | Mapping[str | int, float] | None = None,
    caps: ArrayLike | None = None,
    limits: Mapping[str, Any] | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
    require_certified: bool = False,
) -> RobustResult:
    """Best powers for positions that are known only roughly when the powers are chosen.

    Parameters
    ----------
    network, radio, clock
        What is measured, at the nominal positions; ``clock`` is ``"synchronous"`` or ``"asynchronous"``.
    over
        What is known of the positions: :class:`isal.Cloud`, :class:`isal.Ball`, :class:`isal.Area` or
        :class:`isal.Samples`. Samples with a separation below 1 m are left out and counted.
    case
        ``"average"`` minimises the average over the samples, ``"worst"`` the largest; by default the average, and the
        worst case with ``requirements``. A cloud has no worst case.
    goals
        What counts in each sample, as in :func:`isal.allocate`: by default the sum of the targets' squared error
        bounds.
    energy
        What the powers may add up to, J; a slot lasts one second.
    requirements
        Instead of ``goals``: errors that no sample may exceed, m (RMSE), as in :func:`isal.allocate`. The least energy
        is found.
    caps, limits
        Largest powers, W, and further limits, as in :func:`isal.allocate`.
    solver, tolerance, require_certified
        As in :func:`isal.allocate`.

    Returns
    -------
    Powers and errors of all samples with their certificate, beside the powers for the nominal positions.

    Raises
    ------
    InfeasibleError
        If no powers within the caps and limits meet the requirements in all samples.
    IsalError
        If an argument is unusable, a sample is unobservable, or there is no finite optimum.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 20], [180, 20]], radars=[[95, 105], [105, 95]], targets=[[102, 104]])
    >>> near = isal.Cloud(radars=5.0, targets=5.0, size=64)
    >>> found = isal.robust(network, isal.Radio(), clock="asynchronous", over=near, energy=10.0)
    >>> f"{found.value:.3e} m^2, at most {100 * found.value_of_robustness:.1f} % better than the nominal design"
    '4.152e-05 m^2, at most 9.1 % better than the nominal design'
    """
    if not isinstance(network, Network):
        raise IsalError(f"expected an isal.Network, got {type(network).__name__}: {network!r}")
    if not isinstance(over, Uncertain):
        raise IsalError(
            f"{network.name}: over must be an isal.Cloud, isal.Ball, isal.Area or isal.Samples, got {over!r}"
        )
    if requirements is not None and goals is not None:
        raise IsalError(f"{network.name}: give goals or requirements, not both")
    if case is None:
        case = "average" if requirements is None else "worst"
    one_of(case, CASES, f"{network.name}: case")
    if requirements is not None and case == "average":
        raise IsalError(
            f"{network.name}: requirements hold in every sample, not on average. An average goes with energy=...: "
            "without caps and limits k times the energy leaves 1 / k of it"
        )
    if case == "worst" and not over.bounded:
        raise IsalError(
            f"{network.name}: a cloud has no worst case: it grows with the number of samples, and powers for the tails "
            "would sacrifice all others. Take an isal.Ball, an isal.Area or isal.Samples, or case='average'"
        )
    tolerance = positive_number(tolerance, "tolerance")
    design = Design(
        radio=radio,
        clock=clock,
        over=over,
        case=case,
        goals=goals,
        energy=energy,
        requirements=requirements,
        caps=caps,
        limits=limits,
    )
    found = _found(network, design, solver, tolerance)
    if case == "worst" and isinstance(over, Ball):
        found = _with_worse_places(found, over)
    if found.nominal_value < found.value:
        # both are as good as can be told; what is returned should not be the worse of the two
        found = replace(found, allocation=_better(found, tolerance))
    if found.status != "optimal":
        info = found.posed.informations[0]
        tell_uncertified(info, found.status, f"{found.gap:.2g} (asked for {tolerance:g})", require_certified, 3)
    return found


def _found(network: Network, design: Design, solver: str, tolerance: float) -> RobustResult:
    """The best powers over the samples."""
    posed = design.on(network)
    allocation = answered(network.name, network.node_labels, posed.problem, solver, tolerance)
    nominal = _nominal(posed, allocation, solver, tolerance)
    return RobustResult(network, design, posed, allocation, nominal, solver)


def _with_worse_places(found: RobustResult, ball: Ball) -> RobustResult:
    """The best powers over the samples of a ball and the worst places that are found in it."""
    for _ in range(ROUNDS):
        further = list(_worse_places(found, ball))
        if not further:
            break
        ball = replace(ball, found=(*ball.found, *further))
        found = _found(found.network, replace(found.design, over=ball), found.solver, found.tolerance)
    return found


def _worse_places(found: RobustResult, ball: Ball) -> Iterator[Array]:
    """Places in the balls that are worse than all samples, with the robust or with the nominal powers."""
    network, posed = found.network, found.posed
    for power, values in (
        (found.power, found.allocation.values),
        (found.nominal.power, posed.problem.values(found.nominal.power)),
    ):
        every = posed.badness(values)
        climb = Climb(network, ball, partial(found.design.badness, power))
        reached: list[Array] = []
        for number in np.argsort(-every)[:STARTS].tolist():
            share, worst = climb.uphill(ball.shares(network, posed.scenarios.networks[number]))
            apart = all(np.abs(share - other).max() > APART for other in reached)
            if worst > every.max() * (1 + WORSE) and apart:
                reached.append(share)
        yield from reached


def _nominal(posed: Posed, allocation: GoalsAllocation, solver: str, tolerance: float) -> GoalsAllocation:
    """The best powers for the nominal positions."""
    if len(posed.informations) == 1 and _same(posed.nominal, posed.problem):
        return allocation
    try:
        refuse_beyond_reach(posed.middle.network.name, posed.nominal)
        return solved(posed.nominal, solver, tolerance)
    except InfeasibleError:
        # the nominal positions need not be among the samples, and can be worse than all of them
        return solved(posed.nominal.changed(kind="worst"), solver, tolerance)


def _same(nominal: GoalsProblem, problem: GoalsProblem) -> bool:
    """Whether the only sample has the nominal positions."""
    mine, other = (each.goals[0].stack.combine(np.ones((1, each.n_nodes))) for each in (nominal, problem))
    return np.array_equal(mine, other)


def _better(found: RobustResult, tolerance: float) -> GoalsAllocation:
    """The nominal powers as the robust ones, with the lower bound that is there."""
    power, problem = found.nominal.power, found.posed.problem
    if problem.kind == "energy":
        power = power * _to_meet(problem, power, problem.values(power)) * (1 + MET)
    again = certify(problem, power, tolerance=tolerance, solver=found.nominal.solver)
    if not again.value < found.value:
        return found.allocation
    return replace(again, lower_bound=min(again.value, max(again.lower_bound, found.lower_bound)))


def _all_solved(problems: Sequence[GoalsProblem], solver: str, tolerance: float) -> list[Any]:
    """Answers to many problems of one kind, side by side where the solver can.

    Raises
    ------
    AllocationError
        If one of them has no finite optimum.
    """
    singles = [problem.single for problem in problems]
    answers: list[Any]
    if all(single is not None for single in singles):
        requests = [solvers.Request(single, tolerance) for single in singles if single is not None]
        answers = solvers.answers(solvers.solver_module(solver), requests)
    else:
        module = solvers.goals_module(solver)
        if hasattr(module, "solve_all"):
            answers = module.solve_all(problems, [tolerance] * len(problems))
        else:
            answers = [module.solve(problem, tolerance) for problem in problems]
    for answer in answers:
        if isinstance(answer, AllocationError):
            raise answer
    return answers
