"""SPEB over the energies of three steps, as plans (Figure 11); :mod:`isal.figures.step_surface` has the surfaces.

The three energies add up to the total, so two of them tell a point. As in the paper the step whose energy is held fixed
changes from plan to plan; the dots show along the other axis how what is left is best shared. Between the points of the
grid the logarithm of the bound is interpolated over those of the energies, over which it is smooth up to the edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm
from matplotlib.figure import Figure as Picture
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.tri import Triangulation
from numpy.typing import NDArray
from scipy.interpolate import RBFInterpolator

from isal.figures import Shown, exact, panels, spread, style
from isal.figures.exact import Exact
from isal.figures.usable import Said, usable
from isal.schemes.registry import REFERENCE, SCHEMES, Scheme
from isal.study import ensembles, splits

#: Plans side by side: the step held fixed, and the step on the other axis.
PLANS = ((2, 1), (3, 1), (1, 3))
STEP_NAMES = {1: "radars", 2: "clocks", 3: "target"}
LEVELS = np.arange(-0.4, 2.01, 0.2)
COLOURS = "viridis_r"

#: Height of a row of plans with its title, inches, and of what stands above all.
ROW_INCHES, ABOVE_INCHES = 2.1, 1.1

#: Parts of each edge of the mesh that is drawn, which are shorter towards the ends, where the bound is steep.
PARTS = 70

#: With fewer points there is no surface with slopes through them; it is then made of cones.
FEWEST_SMOOTH = 5

#: Where shares are as good as the best one but for so much, in log10 (0.2 %), the middle of them is marked.
FLAT = 0.001

#: Energies are at least this share of the total where their logarithm is asked for.
SMALLEST_SHARE = 1e-9

#: Marks that stand out from every colour of the plans.
_GRID_BEST: dict[str, Any] = style.GRID_BEST | {"color": "#D55E00", "markeredgecolor": "white", "markersize": 6}
_RING: dict[str, Any] = {
    "markeredgecolor": "#D55E00",
    "markersize": 11,
    "markeredgewidth": 1.4,
    "path_effects": [withStroke(linewidth=2.6, foreground="white")],
}
_EXACT_BEST, _FOUND_BEST = style.EXACT_BEST | _RING, style.FOUND_BEST | _RING
_BEST_SHARE: dict[str, Any] = {"linestyle": "", "marker": "o", "color": "0.1", "markersize": 2.5}

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Simplex:
    """One scheme at one combination of a study's other axes.

    ``energies`` by step in J, ``ratio`` the log10 of the SPEB over the :func:`_reference`, of an ensemble that of the
    median over its networks, ``best`` the index of the
    best point of the grid, and ``split`` the best split found without traversal, if there is one.
    """

    title: str
    scheme: Scheme
    energies: dict[int, Array]
    ratio: Array
    best: int
    split: Exact | None
    remark: str
    said: Said | None

    @property
    def total(self) -> float:
        """Energy of all steps, J."""
        return float(sum(energy[0] for energy in self.energies.values()))

    @cached_property
    def _smooth(self) -> RBFInterpolator:
        smooth = len(self.ratio) >= FEWEST_SMOOTH
        kernel: dict[str, Any] = {"kernel": "cubic", "degree": 1} if smooth else {"kernel": "linear", "degree": 0}
        return RBFInterpolator(self._logs(np.stack(list(self.energies.values()))), self.ratio, **kernel)

    def _logs(self, energies: Array) -> Array:
        """Logarithms of energies of shape (3, points), of shape (points, 3)."""
        return np.asarray(np.log(np.maximum(energies.T / self.total, SMALLEST_SHARE)))

    def at(self, energies: Array) -> Array:
        """The ratio between the points of the grid, at energies in J of shape (3, points)."""
        return np.asarray(self._smooth(self._logs(energies)))

    @cached_property
    def mesh(self) -> tuple[Array, NDArray[np.intp], Array]:
        """What is drawn: energies of shape (3, corners), corners of each triangle, and the ratio at each corner.

        It is the triangle of all energies that are no less than the lowest of the grid, so its edges are straight.
        """
        first, second = np.array([(i, j) for i in range(PARTS + 1) for j in range(PARTS + 1 - i)]).T
        shares = np.stack([first, second, PARTS - first - second]) / PARTS
        shares = shares**2 / (shares**2).sum(axis=0)
        lowest = np.array([energy.min() for energy in self.energies.values()])[:, None]
        energies = lowest + (self.total - lowest.sum()) * shares
        number = {pair: index for index, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True))}
        triangles = [
            [number[i + turned, j + turned], number[i + 1, j], number[i, j + 1]]
            for i, j in number
            for turned in (0, 1)
            if i + j + turned < PARTS
        ]
        return energies, np.array(triangles), self.at(energies)

    def triangles(self, other: int, fixed: int) -> Triangulation:
        """The mesh over the energies of two steps, in J."""
        energies, corners, _ = self.mesh
        return Triangulation(energies[other - 1], energies[fixed - 1], corners)


def simplices(whole: xr.Dataset) -> Iterator[Simplex]:
    """One for each scheme of a study that has steps, of each combination of the study's other axes."""
    dataset = ensembles.represented(splits.on_grid(whole))
    schemes = [str(scheme) for scheme in dataset.scheme.values if SCHEMES[str(scheme)].has_steps]
    for where, name in product(panels.combinations(dataset, n_steps=len(STEP_NAMES)), schemes):
        part, scheme = dataset.sel(where), SCHEMES[name]
        points = part.sel(scheme=name).dropna("split", subset=["speb"])
        energies = {step: points.energy.sel(step=step).values for step in STEP_NAMES}
        if where["network"] in ensembles.members(whole):
            split = None  # another one in each network
            ratio, said = _of_ensemble(whole, where, part, name)
        else:
            split = exact.split_of(whole, where | {"scheme": name})
            ratio, said = np.log10(points.speb.values / _reference(part)), usable(part)
        best = int(np.argmin(ratio))
        shares, nothing, over = [energies[step][best] for step in STEP_NAMES], "", 10 ** ratio[best]
        if split is not None:
            shares, nothing, over = list(split.energies), split.nothing("step"), split.speb / _reference(part)
        told = " / ".join(f"{energy:#.4g}" if energy else "0" for energy in shares)
        against = f"{over:.2f} of integrated" if against_integrated(dataset) else ""
        remark = ", ".join(clause for clause in (f"best {told} J", nothing, against) if clause)
        titled = spread.titled(where, whole, "median of {:,} networks")
        title = f"{panels.title(titled)}, {scheme.short}".replace("\n", " ")
        yield Simplex(title, scheme, energies, ratio, best, split, remark, said)


def _of_ensemble(whole: xr.Dataset, where: Mapping[str, Any], part: xr.Dataset, name: str) -> tuple[Array, Said | None]:
    """The median over the networks of an ensemble, log10, and what is said of their usable links."""
    compared = [REFERENCE.name, name] if against_integrated(part) else [name]
    part = part.sel(scheme=compared)
    shown = spread.read(whole, where, part.assign(x=part.speb.copy(data=_numbers(part.speb.values))))
    median = shown.medians[name]
    return np.log10(median if shown.relative else median / median.min()), shown.said


def _numbers(values: Array) -> Array:
    """Numbers along the last axis, NaN where the values are."""
    return np.asarray(np.where(np.isfinite(values), np.arange(values.shape[-1]), np.nan))


def against_integrated(dataset: xr.Dataset) -> bool:
    """Whether the bounds are compared with the integrated scheme's; else with the lowest of the grid."""
    return REFERENCE.name in dataset.scheme


def draw(datasets: Sequence[xr.Dataset], shown: Shown) -> Picture:
    """A row of three plans, one for each step held fixed, for each scheme of each combination of the other axes."""
    found = list(simplices(*datasets))
    picture = style.blank(style.PAGE, ROW_INCHES * len(found) + ABOVE_INCHES)
    axes = picture.subplots(len(found), len(PLANS), squeeze=False)
    for index, (simplex, row) in enumerate(zip(found, axes, strict=True)):
        # in the middle, as the layout would make room beside the first plan for half of what is longer
        title = f"({style.panel_letter(index)}) {simplex.title}: {simplex.remark}"
        row[1].set_title(title, pad=None if simplex.said is None else 6 + style.LINE_INCHES * 72)
        if simplex.said is not None:
            _say(row[1], simplex.said)
        for panel, plan in zip(row, PLANS, strict=True):
            _draw_plan(panel, simplex, plan)
    add_colours(picture, list(axes.ravel()), datasets[0])
    marks = [
        Line2D([], [], label=style.GRID_BEST_LABEL, **_GRID_BEST),
        Line2D([], [], label="best share for each fixed energy", **_BEST_SHARE),
    ]
    drawn = {simplex.scheme.convex for simplex in found if simplex.split is not None}
    if False in drawn:
        marks.insert(1, Line2D([], [], label=style.FOUND_BEST_LABEL, **_FOUND_BEST))
    if True in drawn:
        marks.insert(1, Line2D([], [], label=style.EXACT_BEST_LABEL, **_EXACT_BEST))
    picture.legend(handles=marks, loc="outside upper center", ncols=min(len(marks), 3))
    return picture


def _say(panel: Axes, said: Said) -> None:
    """What usable links carry, between the title of a row and its plans."""
    place: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 5), "textcoords": "offset points"}
    text = panel.annotate(
        "; ".join(said.clauses), (0.5, 1), color=said.colour, ha="center", annotation_clip=False, **place
    )
    text.set_in_layout(False)  # it may be longer than the plan below it is wide


def add_colours(picture: Picture, axes: Sequence[Axes], dataset: xr.Dataset, line: bool = True) -> None:
    """The bar that says what the colours mean; ``line`` says whether there is one where both schemes are equal."""
    norm = BoundaryNorm(LEVELS, 256, extend="both")
    equal = "0, the white line: equal" if line else "0: equal"
    compared = f"integrated scheme's ({equal})" if against_integrated(dataset) else "lowest of the grid"
    bar = picture.colorbar(
        ScalarMappable(norm, COLOURS),
        ax=axes,
        location="top",
        orientation="horizontal",
        aspect=50,
        shrink=0.7,
        pad=0.01,
    )
    bar.set_label(f"log10 of target SPEB over the {compared}")


def _reference(part: xr.Dataset) -> float:
    """SPEB of the integrated scheme, which has nothing to split; the lowest of all in a study without it."""
    return float((part.speb.sel(scheme=REFERENCE.name) if REFERENCE.name in part.scheme else part.speb).min())


def _draw_plan(panel: Axes, simplex: Simplex, plan: tuple[int, int]) -> None:
    fixed, other = plan
    x, y = simplex.energies[other], simplex.energies[fixed]
    total, rest = simplex.total, 6 - fixed - other
    triangles, (_, _, smooth) = simplex.triangles(other, fixed), simplex.mesh
    filled = panel.tricontourf(triangles, smooth, levels=LEVELS, cmap=COLOURS, extend="both")
    filled.set(edgecolor="face", linewidth=0.4)  # or the paper shows through between two colours
    if smooth.min() < 0 < smooth.max():
        panel.tricontour(triangles, smooth, levels=[0.0], colors="white", linewidths=1.2)
    # the best share of what is left, for each fixed energy
    lowest = {step: float(energy.min()) for step, energy in simplex.energies.items()}
    for level in np.linspace(0.05, 0.95, 10) * total:
        left = total - level - lowest[rest]
        if level < lowest[fixed] or left < lowest[other]:
            continue
        along = np.geomspace(lowest[other], left, 400)
        energies = {fixed: np.full_like(along, level), other: along, rest: total - level - along}
        at = simplex.at(np.stack([energies[step] for step in STEP_NAMES]))
        alike = along[at <= at.min() + FLAT]
        panel.plot((alike.min() + alike.max()) / 2, level, **_BEST_SHARE)
    panel.plot(x[simplex.best], y[simplex.best], zorder=5, clip_on=False, label="_grid", **_GRID_BEST)
    if (split := simplex.split) is not None:
        label, look = ("_exact", _EXACT_BEST) if simplex.scheme.convex else ("_found", _FOUND_BEST)
        place = (split.energies[other - 1], split.energies[fixed - 1])
        panel.plot(*place, zorder=4, clip_on=False, label=label, **look)
    panel.set(xlim=(0, total), ylim=(0, total))
    panel.set_xlabel(f"E{other}, {STEP_NAMES[other]} (J)")
    panel.set_ylabel(f"E{fixed}, {STEP_NAMES[fixed]} (J), fixed")
