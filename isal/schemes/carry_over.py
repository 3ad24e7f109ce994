"""Carry-overs: what a later step of the step-by-step scheme knows of the earlier ones (Section 4 of the paper).

A new carry-over is a name in :data:`Carry` and an entry in :data:`CARRY_OVERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # figures and configurations ask for names and looks, and must not depend on what computes
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from isal.knowledge import Knowledge

    #: All that is known after a step, and the indices of the parameters met so far -> what the next step is told. The
    #: result is about all parameters of the network.
    HandOn = Callable[[Knowledge, NDArray[np.intp]], Knowledge]

#: Names of the carry-overs, as functions take them.
Carry = Literal["held", "added", "marginal", "joint", "plug-in", "plug-in-ranging"]


def _met_block(everything: Knowledge, met: NDArray[np.intp]) -> Knowledge:
    return everything.over(met).embedded(len(everything), met)


def _met_marginal(everything: Knowledge, met: NDArray[np.intp]) -> Knowledge:
    return everything.marginal(met).embedded(len(everything), met)


def _everything(everything: Knowledge, met: NDArray[np.intp]) -> Knowledge:
    return everything


@dataclass(frozen=True, kw_only=True)
class CarryOver:
    """One carry-over.

    ``counts_met`` says whether a step counts what its links tell of the blocks met before, ``hand_on`` what the next
    step is told, and ``consistent`` whether that is what was measured, so that an estimator can reach the bound.
    ``plugs_in`` are the links that steps before the last use if later ones hold their estimates fixed instead
    (:mod:`isal.schemes.plug_in`), else None; ``counts_met`` and ``hand_on`` then only count in networks of one step.
    ``line`` (matplotlib's line style) and ``marker`` tell its curves and dots from others without colour; its colour is
    the configuration's, by ``name``.
    """

    name: Carry
    description: str
    counts_met: bool
    consistent: bool
    hand_on: HandOn
    line: Any
    marker: str
    plugs_in: Literal["ranging", "all"] | None = None

    @property
    def convex(self) -> bool:
        """Whether every step is a convex problem, so that its optimum is certified.

        Where the last one is not, a local search finds powers; their value is exact, and nothing proves it the least.
        """
        return self.plugs_in is None

    @property
    def takes_nuisances(self) -> bool:
        """Whether it can be had where survey errors and biases are unknown as well.

        All steps share these. What is carried over must then be what was measured of them too; nothing says at what
        "held" would hold them, and an estimate that is held fixed has errors in common with the links that follow.
        """
        return self.consistent and self.convex


_ALL = (
    CarryOver(
        name="held",
        description="The blocks of earlier parameters stay at the earlier step's value; only the new blocks and the "
        "cross terms get this step's power. It gives all that the paper reports, and is not the information of any "
        "experiment.",
        counts_met=False,
        consistent=False,
        hand_on=_met_block,
        line="-",
        marker="o",
    ),
    CarryOver(
        name="added",
        description="The earlier step's block is added to this step's full matrix.",
        counts_met=True,
        consistent=False,
        hand_on=_met_block,
        line=(0, (1, 1)),
        marker="s",
    ),
    CarryOver(
        name="marginal",
        description="The same after marginalising what the earlier step did not know: a consistent prior.",
        counts_met=True,
        consistent=True,
        hand_on=_met_marginal,
        line="-.",
        marker="^",
    ),
    CarryOver(
        name="joint",
        description="The earlier step's whole matrix is added: every measurement of both steps is used.",
        counts_met=True,
        consistent=True,
        hand_on=_everything,
        line=(0, (3, 1, 1, 1, 1, 1)),
        marker="x",
    ),
    CarryOver(
        name="plug-in",
        description="Later steps hold the earlier estimates fixed as if they were true: what estimators reach that are "
        "run one after another. Its last step is no convex problem, so nothing proves its powers the best ones.",
        counts_met=True,
        consistent=True,
        hand_on=_everything,
        line=(0, (9, 1.2)),
        marker="v",
        plugs_in="all",
    ),
    CarryOver(
        name="plug-in-ranging",
        description="The same, where steps before the last use their ranging links only.",
        counts_met=True,
        consistent=True,
        hand_on=_everything,
        line=(0, (2, 2)),
        marker="+",
        plugs_in="ranging",
    ),
)

#: By name, in the order of tables and figures.
CARRY_OVERS: dict[Carry, CarryOver] = {each.name: each for each in _ALL}
CARRIES: tuple[Carry, ...] = tuple(CARRY_OVERS)

#: Those whose bound an estimator reaches, and those that only promise it: the information of no experiment.
REACHED: tuple[Carry, ...] = tuple(name for name, each in CARRY_OVERS.items() if each.consistent)
PROMISES: tuple[Carry, ...] = tuple(name for name, each in CARRY_OVERS.items() if not each.consistent)
