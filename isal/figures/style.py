"""One look for all figures: sizes, colours from the configuration, redundant line styles, the note on layouts.

It does not depend on the matplotlibrc or the backend of whoever draws.
"""

from __future__ import annotations

import io
import string
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from isal.schemes.registry import Scheme
from isal.study import files

#: Widths of all figures, inches: of a column of a journal, and of its page. Text has its size at these widths.
COLUMN, PAGE = 3.5, 7.2

#: Size of all text, points.
TEXT = 8

#: Width of a curve, points.
LINE = 1.3

#: Curves coincide that are this close, in shares of the height of all, over that share of their length. The one that is
#: drawn below is wider by so many points.
ALIKE = 0.008
ALIKE_OVER = 0.15
WIDTH_STEP = 1.2

#: Height of a panel, inches.
PANEL_INCHES = 3.2

#: Height of a line of text, inches.
LINE_INCHES = 1.3 * TEXT / 72

#: Colours of maps that no configuration is given for, colour-blind safe (Okabe and Ito).
COLOURS = {"anchor": "#D55E00", "radar": "#009E73", "target": "#000000", "integrated": "#0072B2"}

#: Marks of the best point of a grid and of the best split found without traversal, which goes around the former.
GRID_BEST: dict[str, Any] = {"linestyle": "", "marker": "D", "markersize": 5}
EXACT_BEST: dict[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 9,
    "markerfacecolor": "none",
    "markeredgewidth": 1.2,
}
#: The same where nothing proves the powers there, as the scheme is no convex problem.
FOUND_BEST: dict[str, Any] = EXACT_BEST | {"marker": "s"}
GRID_BEST_LABEL = "best of the grid"
EXACT_BEST_LABEL = "exact best split, no traversal"
FOUND_BEST_LABEL = "best split found, not proven"

#: Block of parameters -> how its bound is called, and the step that minimises it.
BOUND_NAMES = {"radars": "radar SPEB", "clocks": "clock offset bound", "targets": "target SPEB"}
STEP_NAMES = {"radars": "radar localization", "clocks": "clock offsets", "targets": "target sensing"}

_SETTINGS: Any = {  # matplotlib's own type lists every parameter there is
    "font.size": TEXT,
    **{f"{part}size": TEXT for part in ("axes.title", "axes.label", "xtick.label", "ytick.label", "legend.font")},
    "figure.labelsize": TEXT,
    "figure.titlesize": TEXT,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "isal",  # the same picture gives the same file
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}


@contextmanager
def look() -> Iterator[None]:
    """The settings of all figures, for as long as one is drawn: matplotlib's defaults but for our own."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def panels(
    count: int, columns: int = 2, height: float = PANEL_INCHES, share_y: bool | Literal["row"] = False
) -> tuple[Figure, Sequence[Axes]]:
    """A figure with ``count`` panels in rows of ``columns``; all, or those of a row, may share their vertical axis.

    It is as wide as a column if it has one column of panels, else as wide as a page.
    """
    columns = min(columns, count)
    rows = -(-count // columns)
    figure = blank(COLUMN if columns == 1 else PAGE, height * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=share_y).ravel()
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, list(axes[:count])


def blank(width: float, height: float) -> Figure:
    """An empty figure of a size in inches."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def scheme_look(scheme: Scheme, colours: Mapping[str, str]) -> dict[str, Any]:
    """Colour and line style of a scheme's curves."""
    return {"color": colours[scheme.colour], "linestyle": scheme.line, "linewidth": LINE}


def nested_widths(curves: Sequence[NDArray[np.float64]]) -> list[float]:
    """Line widths in points of curves in the order in which they are drawn, each given by heights at the same places.

    Where curves coincide, those drawn before are wider, so that they are seen on both sides of those drawn later.
    """
    close = ALIKE * max(float(np.ptp(curves)), 1e-9)
    return [
        LINE + WIDTH_STEP * sum(np.mean(np.abs(curve - later) < close) > ALIKE_OVER for later in curves[index + 1 :])
        for index, curve in enumerate(curves)
    ]


def panel_title(axes: Axes, index: int, text: str) -> None:
    """Title with the panel's letter, as in the paper: "(a) 7a, abundant"."""
    axes.set_title(f"({panel_letter(index)}) {text}".rstrip(), loc="left")


def panel_letter(index: int) -> str:
    """``a`` to ``z``, then ``aa``."""
    before, place = divmod(index, 26)
    return (panel_letter(before - 1) if before else "") + string.ascii_lowercase[place]


def add_note(figure: Figure, note: str) -> None:
    """The note on the layouts, below everything."""
    if not note:
        return
    width = int(figure.get_figwidth() * 17)
    lines = "\n".join(textwrap.wrap(note, width))
    figure.supxlabel(lines, color="0.35", ha="left", x=0.02, parse_math=False)


def label_logarithms(figure: Figure) -> None:
    """See to it that every logarithmic axis has two labelled ticks at least, from which a reader tells its scale.

    Where the range has fewer powers of ten, multiples of them are labelled, and where it has fewer of these, too, it is
    divided evenly.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() != "log" or len(_labelled(axis)) >= 2:
                continue
            axis.set_minor_formatter(NullFormatter())
            for multiples in ((1, 2, 5), range(1, 10)):
                axis.set_major_locator(LogLocator(subs=multiples, numticks=50))
                axis.set_major_formatter(FuncFormatter(_plainly))
                if len(_labelled(axis)) >= 2:
                    break
            else:
                axis.set_major_locator(MaxNLocator(nbins=4))


def _labelled(axis: Axis) -> list[float]:
    """Ticks with a label within the limits of an axis."""
    low, high = sorted(axis.get_view_interval())
    ticks = list(axis.get_majorticklocs())
    texts = axis.get_major_formatter().format_ticks(ticks)
    return [tick for tick, text in zip(ticks, texts, strict=True) if text and low <= tick <= high]


def _plainly(value: float, position: int | None = None) -> str:
    """A number as it is written: ``0.02``, or ``2×10⁻⁷`` where that takes too many digits."""
    if 1e-3 <= value < 1e5:
        return f"{value:.6g}"
    digits, power = f"{value:.6e}".split("e")
    return rf"${float(digits):g}\times10^{{{int(power)}}}$"


def save(figure: Figure, paths: Sequence[Path]) -> None:
    """Write every format; a file appears under its name only when it is complete."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the layout stays; it takes longer than a format takes to write
    for path in paths:
        content = io.BytesIO()
        figure.savefig(content, format=path.suffix[1:], metadata=_metadata(path.suffix[1:]))
        files.write(path, content.getbuffer())


def _metadata(kind: str) -> Mapping[str, None]:
    """No dates, so that an unchanged figure is an unchanged file."""
    return {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
