"""SPEB against the energy of step 1, both schemes, a panel per network and bandwidth (Figures 9 and 13)."""

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

#: A line style of its own for every step-by-step carry-over, so that the picture works without colour.
CARRY_LINES = {"held": "-", "added": "--", "marginal": "-.", "joint": ":"}


def draw(plan: Plan, name: str) -> Picture:
    """One panel per network, clock mode and bandwidth of the study."""
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
        _draw_panel(panel, part, plan)
    handles, labels = axes[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside upper center", ncols=2)
    return picture


def _draw_panel(panel: Axes, part: xr.Dataset, plan: Plan) -> None:
    colours = plan.configuration.style
    remarks = []
    integrated = None
    if "integrated" in part.scheme:
        integrated = float(part.speb.sel(scheme="integrated").dropna("split").item())
        panel.axhline(integrated, color=colours["integrated"], linestyle=(0, (5, 2)), label="integrated")
    for scheme in part.scheme.values:
        if scheme == "integrated":
            continue
        curve = part.sel(scheme=scheme).dropna("split", subset=["speb"])
        curve = curve.sortby(curve.energy.sel(stage=1))
        energy, speb = curve.energy.sel(stage=1).values, curve.speb.values
        carry = str(scheme).removeprefix("step-by-step-")
        colour = colours["step_by_step"]
        panel.plot(energy, speb, color=colour, linestyle=CARRY_LINES[carry], label=f"step-by-step, {carry}")
        best = int(np.argmin(speb))
        panel.plot(energy[best], speb[best], "D", color=colour, markersize=5)
        remarks.append(f"{carry}: best at {energy[best]:g} J")
        if integrated is not None:
            remarks[-1] += f", {speb[best] / integrated:.2f} of integrated"
    strongest = 10 * np.log10(float(part.sensing_snr.max()))
    if strongest < SNR_THRESHOLD_DB:
        remarks.append(f"every sensing link is below {SNR_THRESHOLD_DB:g} dB SNR:\nthe bound is optimistic")
    panel.set_yscale("log")
    panel.set_xlim(0, float(part.energy.sum("stage").max()))
    panel.set(xlabel="energy of step 1, radar localization (J)", ylabel="target SPEB (m²)")
    panel.yaxis.set_minor_locator(LogLocator(subs=range(2, 10)))
    panel.yaxis.set_minor_formatter(NullFormatter())
    # the curves rise at both ends, so the middle of the upper edge is free
    panel.text(0.5, 0.96, "\n".join(remarks), transform=panel.transAxes, ha="center", va="top", fontsize=8)
