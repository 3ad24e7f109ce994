"""Curves of SPEB against one energy: a panel per network, clock mode and bandwidth, a curve per scheme."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import LogLocator, NullFormatter

from isal.figures import style
from isal.netcdf import datasets
from isal.radio import SNR_THRESHOLD_DB
from isal.study import Plan


def draw_curves(plan: Plan, name: str, x: tuple[str, str], labels: tuple[str, str]) -> Picture:
    """Draw the study of a figure.

    ``x`` names the variable on the horizontal axis and the axis of which its first entry counts; ``labels`` are those
    of the axes.
    """
    study = plan.configuration.figures[name].study
    assert study is not None
    dataset = datasets.read(Path(plan.dataset_path(study)))
    combinations = [
        (network, clock, bandwidth)
        for network in dataset.network.values
        for clock in dataset.clock.values
        for bandwidth in dataset.bandwidth.values
    ]
    # panels that differ only in bandwidth share their axis, so that the factor between them is seen
    share = dataset.sizes["network"] * dataset.sizes["clock"] == 1
    picture, axes = style.panels(len(combinations), height=3.1, share_y=share)
    for index, ((network, clock, bandwidth), panel) in enumerate(zip(combinations, axes, strict=True)):
        part = dataset.sel(network=network, clock=clock, bandwidth=bandwidth)
        style.panel_title(panel, index, f"{network}, {clock}, {bandwidth / 1e6:g} MHz")
        _draw_panel(panel, part.assign(x=part[x[0]].sel({x[1]: 1})), plan)
        panel.set(xlabel=labels[0], ylabel=labels[1])
    handles, texts = axes[0].get_legend_handles_labels()
    picture.legend(handles, texts, loc="outside upper center", ncols=min(len(texts), 3))
    return picture


def _draw_panel(panel: Axes, part: xr.Dataset, plan: Plan) -> None:
    remarks = []
    reference = float(part.speb.sel(scheme="integrated").min()) if "integrated" in part.scheme else None
    for scheme in part.scheme.values:
        curve = part.sel(scheme=scheme).dropna("split", subset=["speb"]).sortby("x")
        look = style.scheme_look(str(scheme), plan.configuration.style)
        label = style.scheme_label(str(scheme))
        energy, speb = curve.x.values, curve.speb.values
        if len(speb) == 1:  # the integrated scheme of one slot has nothing to split
            panel.axhline(speb[0], label=label, **look)
            continue
        panel.plot(energy, speb, label=label, **look)
        best = int(np.argmin(speb))
        panel.plot(energy[best], speb[best], "D", color=look["color"], markersize=5)
        remark = f"{label.removeprefix('step-by-step, ')}: best at {energy[best]:g} J"
        if reference is not None and scheme != "integrated":
            remark += f", {speb[best] / reference:.2f} of integrated"
        remarks.append(remark)
    strongest = 10 * np.log10(float(part.sensing_snr.max()))
    if strongest < SNR_THRESHOLD_DB:
        remarks.append(f"every sensing link is below {SNR_THRESHOLD_DB:g} dB SNR:\nthe bound is optimistic")
    panel.set_yscale("log")
    panel.set_xlim(0, float(part.slot_energy.sum("slot").max()))
    panel.yaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    panel.yaxis.set_minor_formatter(NullFormatter())
    # the curves rise at both ends, so the middle of the upper edge is free
    panel.text(0.5, 0.97, "\n".join(remarks), transform=panel.transAxes, ha="center", va="top", fontsize=7.5)
    low, high = panel.get_ylim()
    panel.set_ylim(low, high * (high / low) ** (0.05 * len(remarks)))
