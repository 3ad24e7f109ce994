"""A certificate as a trigger: whether powers that were chosen earlier still serve where everything is now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isal.allocation.certificate import DEFAULT_TOLERANCE
from isal.allocation.goals import GoalsAllocation, GoalsProblem, certify
from isal.allocation.problem import positive_number
from isal.errors import IsalError, NetworkError
from isal.model.information import Information, information
from isal.model.network import Network
from isal.schemes.allocate import Certified, GoalsResult, named_goal, solved
from isal.schemes.robust import RobustResult
from isal.schemes.schedule import DEFAULT_SOLVER, ScheduleResult, SlotResult
from isal.units import DURATION_S

#: Relative loss below which powers are kept unless asked otherwise.
DEFAULT_THRESHOLD = 0.01


@dataclass(frozen=True, eq=False)
class StillGood(Certified):
    """Whether powers may be kept: true where their certified gap at new positions is at most the threshold.

    ``value`` is what they reach there, m^2 (or J, infinite where a requirement is missed), ``lower_bound`` what no
    powers can go below. The true loss is smaller than ``gap``, mostly by far.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> best = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10.0)
    >>> moved = isal.Network(network.anchors, network.radars, targets=[[65.5, 45]])
    >>> isal.still_good(best, moved)
    StillGood: kept, at most 0.62 % above the best powers (threshold 1 %)
    """

    allocation: GoalsAllocation
    threshold: float

    def __bool__(self) -> bool:
        return bool(self.gap <= self.threshold)

    def __repr__(self) -> str:
        if not np.isfinite(self.value):
            return "StillGood: not kept, as a requirement is missed"
        what = "kept, at most" if self else "not kept, perhaps"
        return f"StillGood: {what} {100 * self.loss:.2g} % above the best powers (threshold {100 * self.threshold:g} %)"

    @property
    def loss(self) -> float:
        """By what share of the best value the powers can exceed it at most, ``value / lower_bound - 1``."""
        return self.value / self.lower_bound - 1 if self.lower_bound > 0 else float("inf")


def still_good(
    allocation: SlotResult | GoalsResult | RobustResult,
    network: Network,
    threshold: float = DEFAULT_THRESHOLD,
    *,
    solve: bool = False,
) -> StillGood:
    """Whether the powers of a result still serve at new positions, proven from the powers alone.

    Parameters
    ----------
    allocation
        Result of :func:`isal.integrated` in one slot, of :func:`isal.allocate` or of :func:`isal.robust`.
    network
        The same nodes and targets where they are now.
    threshold
        Certified relative gap up to which the powers may be kept.
    solve
        The gap that powers certify on their own grows with the distance, their true loss with its square. So where it
        exceeds the threshold, the problem may be solved for a bound that tells the true loss: that is for who can
        compute at any time, but would rather not tell the nodes new powers.

    Returns
    -------
    An object that is true if they may be kept, with the gap and the bound.

    Raises
    ------
    IsalError
        If the result is of another kind, or the network has other nodes.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network([[0, 0], [60, 0], [60, 40]], [[10, 20], [50, 25]], [[22, 28], [41, 16]])
    >>> best = isal.allocate(network, isal.Radio(), clock="synchronous", goals="worst target", energy=1.0)
    >>> near = isal.Network(network.anchors, network.radars, [[22.1, 28], [41, 16]])
    >>> far = isal.Network(network.anchors, network.radars, [[40, 28], [41, 16]])
    >>> bool(isal.still_good(best, near)), bool(isal.still_good(best, far))
    (True, False)
    """
    threshold = positive_number(threshold, "threshold")
    problem = _posed_anew(allocation, network)
    kept = certify(problem, allocation.power, tolerance=threshold, solver="kept")
    if solve and threshold < kept.gap < 1:
        best = solved(problem, DEFAULT_SOLVER, min(DEFAULT_TOLERANCE, threshold / 10))
        kept = replace(kept, lower_bound=max(kept.lower_bound, min(best.lower_bound, kept.value)))
    return StillGood(kept, threshold)


def _posed_anew(result: Any, network: Network) -> GoalsProblem:
    """The problem of a result at new positions."""
    if isinstance(result, RobustResult):
        _refuse_others(result.network, network)
        return result.design.on(network).problem
    if isinstance(result, ScheduleResult):
        raise IsalError("still_good takes one slot; ask it of a slot that was solved alone")
    if not isinstance(result, SlotResult | GoalsResult):
        raise IsalError(f"still_good takes a result of isal.integrated, isal.allocate or isal.robust, got {result!r}")
    old = result.information
    _refuse_others(old.network, network)
    new = information(network, old.radio, old.clock)
    if isinstance(result, SlotResult):
        return _of_slot(result, new)
    goals = [named_goal(new, goal.name) for goal in result.problem.goals]
    return result.problem.of_goals(goals, result.problem.levels)


def _of_slot(result: SlotResult, new: Information) -> GoalsProblem:
    step, old = result.steps[-1], result.information
    if len(result.steps) > 1 or not np.array_equal(result.prior.matrix, old.prior.matrix) or new.jitters:
        raise IsalError(
            f"{new.network.name}: still_good takes results of isal.integrated in a slot that starts from nothing, "
            "without jitter of time stamps; steps, and slots that build on others, have to be solved again"
        )
    rows = np.ones((1, new.network.n_nodes))
    goals = [named_goal(new, step.block)]
    at_most = [step.problem.energy / DURATION_S]
    return GoalsProblem(goals, "sum", caps=step.problem.caps, rows=rows, at_most=at_most)


def _refuse_others(old: Network, new: Any) -> None:
    if not isinstance(new, Network):
        raise NetworkError(f"expected an isal.Network, got {type(new).__name__}: {new!r}")
    if (old.node_labels, old.n_targets, old.radars_known) != (new.node_labels, new.n_targets, new.radars_known):
        raise NetworkError(
            f"{new.name}: has {new.n_radars} radars, {new.n_anchors} anchors and {new.n_targets} targets; the powers "
            f"were chosen for {old.n_radars}, {old.n_anchors} and {old.n_targets}"
        )
