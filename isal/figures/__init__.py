"""Figures: one module per kind, one style. They are handed datasets, and never solve.

A module of a kind has ``draw(datasets, shown)``, which returns a matplotlib figure. It is handed the datasets that
``FIGURE_KINDS`` in :mod:`isal.study.config_keys` names, in that order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import xarray as xr

from isal.figures import style


@dataclass(frozen=True, eq=False)
class Shown:
    """What a figure shows besides its datasets.

    ``layouts`` are names of networks, each with its tables of positions, one per slot. ``colours`` are the
    configuration's. ``tolerance`` is the relative gap to which the bounds of a study are certified, ``note`` what is to
    be known of the layouts.
    """

    kind: str
    layouts: Sequence[tuple[str, Sequence[Mapping[str, Any]]]]
    colours: Mapping[str, str]
    tolerance: float
    note: str


def draw(datasets: Sequence[xr.Dataset], shown: Shown, paths: Sequence[Path]) -> None:
    """Draw a figure into some files, one per format, with the note below it."""
    kind = import_module(f"isal.figures.{shown.kind}")
    with style.look():
        picture = kind.draw(datasets, shown)
        style.label_logarithms(picture)
        style.add_note(picture, shown.note)
        style.save(picture, paths)
