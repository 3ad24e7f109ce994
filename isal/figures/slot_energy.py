"""Sum of the slots' SPEBs against the energy of slot 1, both schemes, two slots (Figures 10 and 12)."""

from __future__ import annotations

from matplotlib.figure import Figure as Picture

from isal.figures.curves import draw_curves
from isal.workflow.plan import Plan


def draw(plan: Plan, name: str) -> Picture:
    """One panel per network, clock mode and bandwidth of the study."""
    return draw_curves(plan, name, ("slot_energy", "slot"), "energy of slot 1 (J)", ", sum of both slots")
