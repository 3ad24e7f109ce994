"""Panels of ensembles: for each scheme the median over the networks, before bands between quantiles.

Bounds of random networks differ by orders of magnitude, so each stands over the integrated scheme's lowest one in the
same network, if the study has that scheme and others that minimise the same. Schemes that do not are then left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from numpy.typing import NDArray

from isal.figures import style, usable
from isal.schemes.registry import REFERENCE, SCHEMES, Scheme
from isal.study import ensembles

#: Quantiles over the networks, the median in the middle, and the opacity of the bands from the outermost on. The inner
#: one is left out where bands of several schemes overlap, which then have edges, of so many points.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
OPACITIES = (0.14, 0.26)
EDGE = 0.6

#: Column of the table below a panel: two lines of its head, the edge of the panel at which it is aligned, and how.
COLUMNS = (
    (("", "scheme"), 0.0, "left"),
    (("own best", "at (J)"), 0.6, "right"),
    (("there over", "integrated"), 1.0, "right"),
)
MEDIANS = "median (5\N{EN DASH}95 %)"


@dataclass(frozen=True, eq=False)
class Spread:
    """A scheme in the networks of an ensemble.

    ``energy`` in J is that of the grid in ascending order, and ``levels`` has a row for each of :data:`LEVELS`; where
    nothing is split, there is one point. ``best_at`` and ``over_integrated`` are the quantiles of each network's best
    energy, J, and of the ratio there.
    """

    scheme: Scheme
    energy: NDArray[np.float64]
    levels: NDArray[np.float64]
    best_at: NDArray[np.float64]
    over_integrated: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Panel:
    """What the panel of an ensemble shows; ``relative`` says whether bounds stand over integrated ones."""

    spreads: Sequence[Spread]
    relative: bool
    said: usable.Said | None

    @property
    def medians(self) -> dict[str, NDArray[np.float64]]:
        """The median over the networks along the grid, by scheme."""
        return {spread.scheme.name: spread.levels[len(LEVELS) // 2] for spread in self.spreads}


def read(whole: xr.Dataset, where: Mapping[str, Any], part: xr.Dataset) -> Panel:
    """What the panel of an ensemble shows.

    Parameters
    ----------
    whole
        A study.
    where
        The values along all axes but scheme and split; along ``network`` the name of the ensemble.
    part
        What is the same for all networks (:func:`isal.study.ensembles.represented`), of the schemes that are shown and
        the splits of the grid. Its ``x`` by scheme and split are the energies, or what else orders the splits, NaN
        where a scheme has none.
    """
    others = {name: value for name, value in where.items() if name != "network"}
    networks = whole.isel(network=ensembles.members(whole)[where["network"]]).sel(others)
    best = ensembles.best_points(networks)
    relative = REFERENCE.name in part.scheme and len(np.unique(part.minimises)) == 1
    over = best.speb.sel(scheme=REFERENCE.name).values if relative else np.ones(networks.sizes["network"])
    slots, on_grid = part.sizes["slot"], np.isin(whole.split.values, part.split.values)
    total = float(part.slot_energy.sum("slot").max())
    spreads = []
    for name in map(str, part.scheme.values):
        energy = part.x.sel(scheme=name).values
        # read whole: a file is read much more slowly split by split
        values = networks.speb.sel(scheme=name).values[:, on_grid]
        order = np.argsort(energy, kind="stable")[: np.isfinite(energy).sum()]
        curves = values[:, order] / over[:, None]
        curve = best.sel(scheme=name)
        spreads.append(
            Spread(
                SCHEMES[name],
                energy[order],
                ensembles.quantiles(curves, LEVELS),
                ensembles.quantiles(curve.share.isel(part=0).values * total)
                if SCHEMES[name].has_split(slots)
                else np.full(len(ensembles.QUANTILES), np.nan),
                ensembles.quantiles(curve.over_integrated.values),
            )
        )
    return Panel(spreads, relative, _usable(best, slots))


def comparable(part: xr.Dataset) -> xr.Dataset:
    """A part of a study with the schemes that compare with the integrated one; with all where no other one does."""
    if REFERENCE.name not in part.scheme:
        return part
    alike = part.minimises == part.minimises.sel(scheme=REFERENCE.name)
    return part.isel(scheme=np.flatnonzero(alike)) if alike.sum() > 1 else part


def titled(where: Mapping[str, Any], whole: xr.Dataset, form: str = "{:,} networks") -> dict[str, Any]:
    """What an ensemble's panel shows, with the number of networks in some form; other panels as they are."""
    found = ensembles.members(whole).get(str(where["network"]))
    if found is None:
        return dict(where)
    return {**where, "network": f"{where['network']} ({form.format(found.stop - found.start)})"}


def draw(panel: Axes, shown: Panel, slots: int, total: float, colours: Mapping[str, str]) -> None:
    """Draw medians and bands over energies up to the ``total``."""
    panel.set_yscale("log")
    panel.set_xlim(0, total)
    wide = [spread for spread in shown.spreads if (spread.levels[-1] > spread.levels[0]).any()]
    bands = list(enumerate(OPACITIES[:1] if len(wide) > 1 else OPACITIES))
    for spread in shown.spreads:
        split = spread.scheme.has_split(slots)
        across = spread.energy if split else np.array([0.0, total])
        levels = spread.levels if split else np.broadcast_to(spread.levels, (len(LEVELS), 2))
        look = style.scheme_look(spread.scheme, colours)
        for outer, opacity in bands if spread in wide else ():
            low, high = levels[outer], levels[-1 - outer]
            fill = {"color": look["color"], "alpha": opacity, "linewidth": 0}
            panel.fill_between(across, low, high, label=f"_band_{outer}", **fill)
            if len(wide) > 1:
                panel.plot(across, np.stack([low, high]).T, label="_edge", **look | {"linewidth": EDGE})
        panel.plot(across, levels[len(LEVELS) // 2], label=spread.scheme.label, **look)


def rows(shown: Panel, slots: int, width: int) -> list[tuple[str, ...]]:
    """The table below a panel of so many characters: where each network is best, and its bound there over integrated.

    The quantiles beside the medians are left out where they have no room, the last column where nothing is in it.
    """
    split = [spread for spread in shown.spreads if spread.scheme.has_split(slots)]
    compared = any(np.isfinite(spread.over_integrated).any() for spread in split)
    for told, said in ((_range, MEDIANS), (_median, MEDIANS.partition(" ")[0])):
        (_, *above), below = zip(*(head for head, *_ in COLUMNS), strict=True)
        found = [(said, *above), below]
        for spread in split:
            best_at, over = told(spread.best_at, "{:.2g}".format), told(spread.over_integrated, "{:.2f}".format)
            found.append((spread.scheme.short, best_at, over))
        found = found if compared else [(*row[:-1], "") for row in found]
        if max(len("".join(row)) for row in found) + len(COLUMNS) - 1 <= width:
            break
    return found


def legend(labels: Collection[str]) -> list[Artist]:
    """What the bands are, if any of these labels is of one."""
    return [
        Patch(
            color="0.3",
            alpha=opacity,
            linewidth=0,
            label=f"{100 * LEVELS[outer]:g} to {100 * LEVELS[-1 - outer]:g} % of the networks"
            + ("" if outer else "; line: median"),
        )
        for outer, opacity in enumerate(OPACITIES)
        if f"_band_{outer}" in labels
    ]


def _usable(best: xr.Dataset, slots: int) -> usable.Said | None:
    """What is said of the usable links of the networks: of the integrated scheme, in a study without it of the best."""
    if REFERENCE.name in best.scheme:
        chosen = best.sel(scheme=REFERENCE.name)
    else:
        chosen = best.isel(scheme=best.speb.fillna(np.inf).argmin("scheme"))
    share = ensembles.quantiles(chosen.usable_share.values)
    if np.isnan(share).any():
        return None
    pulses = ensembles.quantiles(chosen.pulses_needed.values)
    return usable.said(_range(share, usable.percent), float(share[1]), _range(pulses, "{:,.0f}".format), slots)


def _range(values: NDArray[np.float64], told: Callable[[float], str]) -> str:
    """The median, and the outer quantiles in brackets if they differ; empty where there is nothing."""
    low, middle, high = map(told, values.tolist())
    if np.isnan(values).any():
        return ""
    return middle if low == high else f"{middle} ({low}\N{EN DASH}{high})"


def _median(values: NDArray[np.float64], told: Callable[[float], str]) -> str:
    return "" if np.isnan(values).any() else told(float(values[1]))
