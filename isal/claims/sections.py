"""What a reader should know beyond the statements: the last part of the page, a section per topic.

A section is a title and a function from the evidence, and from datasets of other kinds of results, to Markdown. To add
one, write the function and put it into :data:`SECTIONS` at the end; the kinds of results that it is made from must be
sources of :class:`isal.workflow.products.FindingsPage`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from isal.claims import reached
from isal.claims.samples import EQUAL, Evidence, kept, only, singles
from isal.claims.statement import listed, paragraph, percent, rounded, slices
from isal.model.pulse import PULSES, named
from isal.study.tables import markdown
from isal.units import SPEED_OF_LIGHT
from isal.validation.clocks import LinkSetup


@dataclass(frozen=True)
class Section:
    """One topic.

    Attributes
    ----------
    title
        Its heading.
    text
        Evidence, and all datasets of the kinds of ``made_from`` in their order -> Markdown.
    made_from
        Kinds of results, by the names of their classes in :mod:`isal.workflow.products`.
    """

    title: str
    text: Callable[..., str]
    made_from: tuple[str, ...] = ()

    def markdown(self, evidence: Evidence, datasets: Mapping[str, Sequence[xr.Dataset]]) -> str:
        """Heading and text; ``datasets`` are those of each kind of result."""
        chosen = [dataset for kind in self.made_from for dataset in datasets[kind]]
        return f"### {self.title}\n\n{self.text(evidence, *chosen).strip()}\n"


# --- the bandwidth of a pulse -----------------------------------------------------------------------------------------

#: ``beta^2 / B^2`` of two tones at the edges of the band: no pulse inside it has more.
TWO_TONES = 1 / 4


def bandwidth_of_a_pulse(evidence: Evidence) -> str:
    """The factor between the paper's bounds and those of pulses that exist."""
    flat = 1 / named("flat").second_moment
    own = str(evidence.base.settings["pulse"])
    rows = [
        {
            "pulse": name,
            "spectrum": pulse.description,
            "SPEB over the paper's": f"{1 / pulse.second_moment:.3g}",
            "RMSE over the paper's": f"{1 / np.sqrt(pulse.second_moment):.3g}",
        }
        for name, pulse in PULSES.items()
    ]
    return "\n".join(
        [
            paragraph(
                f"""
                The information of a delay is 8 pi^2 beta^2 SNR, with the RMS bandwidth beta of the pulse. (14) puts the
                whole bandwidth B for beta. No pulse inside a band of width B has that: a flat spectrum has beta^2 = B^2
                / {flat:.3g}, so every true SPEB is {flat:.3g} times the paper's, and every error
                {np.sqrt(flat):.2f} times as large. Two tones at the edges of the band, the most that fits, still leave
                a factor of {1 / TWO_TONES:.3g}. The factor is the same for every link, so the best powers, the best
                splits and all ratios on this page stay as they are. SPEBs in m^2 in other tables and figures are those
                of the radio's `pulse`, here `{own}`.
                """
            ),
            markdown(pd.DataFrame(rows)),
        ]
    )


# --- which links carry the bound --------------------------------------------------------------------------------------

#: Most links that are named as those that carry a bound.
FEW = 4


def links_that_carry(evidence: Evidence, strengths: xr.Dataset) -> str:
    """Shares of links in the bound, how many of them are strong enough, and what pulses would change."""
    if not strengths.sizes["network"]:
        return paragraph("No study uses a layout of one slot with a target.")
    bandwidth = float(evidence.base.settings["bandwidth_hz"])
    rows, short = [], []
    by_ranging: list[str] = []
    by_sensing: list[str] = []
    for name in strengths.network.values:
        network = strengths.sel(network=name)
        links = strengths.isel(link=np.flatnonzero(strengths.link_network.values == name))
        threshold, share, sensing = float(network.threshold), links.share.values, links.sensing.values.astype(bool)
        strong = links.snr.values >= threshold
        needed = int(network.pulses_needed)
        of_sensing = float(share[sensing].sum())
        (by_sensing if of_sensing > 0.5 else by_ranging).append(str(name))
        if needed > 1:
            short.append(f"{needed} in {name}")
        rows.append(
            {
                "layout": str(name),
                "threshold (dB)": f"{10 * np.log10(threshold):.1f}",
                "ranging links above it": f"{int((strong & ~sensing).sum())} of {int((~sensing).sum())}",
                "sensing links above it": f"{int((strong & sensing).sum())} of {int(sensing.sum())}",
                "share of the bound on links above it": percent(float(network.usable_share)),
                "share on all sensing links": percent(of_sensing),
                f"share on the {FEW} foremost links": percent(float(np.sort(share)[-FEW:].sum())),
                "pulses needed": str(needed),
                "their length at least (us)": f"{1e6 * needed / bandwidth:.2g}",
            }
        )
    carriers = " ".join(
        f"In {listed(names)} {kind} links carry most of it."
        for kind, names in (("ranging", by_ranging), ("sensing", by_sensing))
        if names
    )
    number = float(evidence.base.settings["pulses"])
    pulses = "one pulse" if number == 1 else f"{number:g} pulses"
    enough = f"Pulses that bring the links with 99 % of it there: {listed(short)}." if short else "All have enough."
    return "\n".join(
        [
            paragraph(
                f"""
                A bound adds up what all links tell, however weak they are. An estimator of a delay reaches its own
                bound only above a threshold SNR; below, it takes noise for the pulse, and errs by as much as the
                interval that it searches is long. The share of a link is the part of the target's SPEB that comes from
                its error; all shares add up to 1. The table is about the integrated optimum of
                {evidence.base.observed.attrs["energy_j"]:g} J, synchronous, with {pulses} per link, an unknown
                amplitude and a search over the longest path of the network. {carriers}
                """
            ),
            markdown(pd.DataFrame(rows)),
            paragraph(
                f"""
                Where the share of the bound on links above the threshold is small, the SPEB is no error that anything
                reaches with these pulses. {enough} That many, added coherently, are over in microseconds of a slot of
                one second: a single pulse is the odd assumption, not many. More pulses are a factor on all information,
                as the shape of the pulse is.
                """
            ),
        ]
    )


# --- why held is no bound ---------------------------------------------------------------------------------------------


def held_is_no_bound(evidence: Evidence) -> str:
    """What is wrong with the matrix behind the paper's comparison, with the numbers of statement (iii)."""
    ratios = kept(evidence.base.observed).sel(carry="held")
    observed = evidence.base.observed.assign(kept=ratios)
    layouts, random = singles(only(observed, "layout")), only(observed, "random")
    modes = " / ".join(map(str, observed.clock.values))
    told = [
        f"{' / '.join(f'{float(ratio):.2f}' for ratio in one.kept)} times that bound in {one.sample.values}"
        for one in slices(layouts, "network")
    ]
    if random.sizes["network"]:
        below = (random.kept < 1 - EQUAL).mean("network").values
        told.append(f"less than that bound in {' / '.join(map(percent, below))} of the random networks")
    return "\n".join(
        [
            paragraph(
                """
                A bound says what no unbiased estimator beats, because its matrix is the information of measurements: a
                sum over links, each with the power that it was measured with. The matrix of `held` is no such sum. Its
                block of the radars has the powers of step 1 and counts the sensing links as if the target had been
                known, which in step 1 it is not. Its block of the target and the cross terms have the powers of the
                last step alone. So it promises too much where sensing links would tell a lot about a radar if the
                target were known (abundant networks), and mostly too little elsewhere, because what the last step tells
                about the radars does not count.
                """
            ),
            paragraph(
                f"""
                The bound of all measurements of all its steps together is the least error that an estimator can have.
                At its best split `held` promises ({modes}) {listed(told)}. Below 1 that is an error that nothing
                reaches; above 1 it is not the best that can be made of the measurements.
                """
                if told
                else "There is no network to show that on."
            ),
        ]
    )


# --- RLM-OWR ----------------------------------------------------------------------------------------------------------

#: The setting whose values the table of exchanges shows.
JITTER = "jitter_s"


def exchanges_of_clocks(evidence: Evidence, exchanges: xr.Dataset) -> str:
    """What RLM-OWR gives and what not: simulated beside closed form, and double counting."""
    predicted = np.sqrt(exchanges.predicted_bias**2 + exchanges.predicted_variance)
    rows = []
    for case in np.flatnonzero(exchanges.setting.values == JITTER):
        one, closed = exchanges.rms.isel(case=case), predicted.isel(case=case)

        def both(estimate: str, unit: float, one: xr.DataArray = one, closed: xr.DataArray = closed) -> str:
            return " / ".join(rounded(unit * float(each.sel(estimate=estimate))) for each in (one, closed))

        rows.append(
            {
                "jitter (ps)": f"{1e12 * float(exchanges.value[case]):g}",
                "clock offset (ps)": both("offset", 1e12),
                "drift (1e-9)": both("drift", 1e9),
                "range, uncorrected (m)": both("range, uncorrected", 1.0),
                "range, drift corrected (m)": both("range, corrected", 1.0),
                "range, double-sided (m)": both("range, double-sided", 1.0),
            }
        )
    apart = np.abs(exchanges.rms / predicted.where(predicted > 0) - 1)
    link = LinkSetup()
    shift = SPEED_OF_LIGHT * (link.drift_1 - link.drift_2) * link.reply_time_s / 2
    trials = exchanges.sums.sel(sum="trials").sum("block")
    twice = [float(share) for share in evidence.layouts.get("counted_twice_share", ())]
    return "\n".join(
        [
            paragraph(
                f"""
                RLM-OWR is an exchange of two messages, in which each node notes when it sends and receives. Four stamps
                give the offset of two clocks, two exchanges their drift. Reply time and drift cancel in the offset,
                because the stamps of both nodes are read at their middle. Root mean square errors, simulated / in
                closed form ({int(trials.min()):,} trials or more of each; crystals
                {1e6 * (link.drift_1 - link.drift_2):g} ppm apart, {1e3 * link.reply_time_s:g} ms reply time,
                {link.interval_s:g} s between exchanges):
                """
            ),
            markdown(pd.DataFrame(rows)),
            paragraph(
                f"""
                *It can* tell the offset as well as a stamp is good, whatever the drift; the drift to some sqrt(2)
                jitters per interval; and free a two-way range from the drift, which without correction shifts it by
                half the reply time times the drift, here by {shift:.2g} m. Over all {exchanges.sizes["case"]} settings
                of jitter, reply time, speed and interval the simulated error is within
                {percent(float(apart.sel(estimate="offset").max()), 1)} (offset) and
                {percent(float(apart.sel(estimate="drift").max()), 1)} (drift) of its closed form.
                """
            ),
            paragraph(
                """
                *It can't* see that a node moves during the reply, which shifts the offset by half of the way that it
                goes, or that the drift changes between two exchanges. Above all it tells the network nothing that its
                links do not tell: the exchange is the pair of one-way links between two nodes, and these are in the
                information
                already. Added to it as a measurement of its own it counts the same stamps twice
                """
                + (
                    f"and makes the target's bound too good, by {min(twice):.1e} to {max(twice):.1e} of it in the "
                    "layouts of two slots (statement (viii))."
                    if twice
                    else "and makes the bound too good (statement (viii))."
                )
            ),
        ]
    )


#: In the order of the page.
SECTIONS: tuple[Section, ...] = (
    Section("The true factor of the bandwidth", bandwidth_of_a_pulse),
    Section("Which links carry the bound, and how many pulses they need", links_that_carry, ("LinkStrengths",)),
    Section("Why `held` is no bound", held_is_no_bound),
    Section(reached.TITLE, lambda evidence, positions, steps: reached.section(steps), ("SimulatedErrors",)),
    Section("What RLM-OWR can give, and what not", exchanges_of_clocks, ("ExchangeSimulation",)),
)
