"""SPEB against the energy of step 1, both schemes, one slot of two steps (Figures 9 and 13)."""

from __future__ import annotations

from matplotlib.figure import Figure as Picture

from isal.figures.curves import draw_curves
from isal.workflow.plan import Plan


def draw(plan: Plan, name: str) -> Picture:
    """One panel per network, clock mode and bandwidth of the study."""
    return draw_curves(plan, name, ("energy", "step"), "energy of step 1, {step} (J)")
