"""Figures: one module per kind, one style. They read datasets and never solve.

A module of a kind has ``draw(plan, name)``, which returns a matplotlib figure.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from isal.figures import style
from isal.workflow.plan import FIGURE_PATTERN, Plan


def draw(plan: Plan, name: str) -> None:
    """Draw a figure of the plan's configuration into all its files, with the note on the layouts below it."""
    configuration = plan.configuration
    kind = import_module(f"isal.figures.{configuration.figures[name].kind}")
    with style.look():
        picture = kind.draw(plan, name)
        style.add_note(picture, configuration.layouts_note)
        paths = [FIGURE_PATTERN.format(figure=name, format=suffix) for suffix in configuration.formats]
        style.save(picture, [Path(plan.in_results(path)) for path in paths])
