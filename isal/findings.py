"""Verdicts on the paper's statements, as a page whose every number comes from the datasets of observations.

``base`` in the names below is the dataset of the base reading; each other reading has one on fewer random networks.
What there is no network for is not judged, and the page says so: a share of no networks is NaN, never a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from isal.schemes import CARRIES
from isal.tables import markdown

#: A statement holds where at least the first share of the networks that it is about obey it, mostly from the second on.
MOST, MANY = 0.95, 0.75

#: In a table, where there are no networks to tell of.
NOTHING_SHOWN = "-"

#: A step that gets less than this share of the energy gets nothing.
NOTHING = 1e-3

#: SPEBs that differ by less than this, relative, are equal.
EQUAL = 1e-6

#: Abundances of two slots within this factor of each other are alike.
ALIKE = 1.5

#: A median is told of so many networks or more.
FEWEST = 3

#: Of two slots one is the more limited if their abundances differ by more than this factor.
UNLIKE = 2

#: Sensing links are as long as ranging links where no node is closer to the target than this share of the mean length
#: of the ranging links.
CLOSE = 0.5

#: Slots get about equal energies where 90 % of the pairs are within this of one half.
HALF = 0.1

#: An SPEB that is so many times as large is far worse.
FAR = 10

#: What a statement is about -> why it is not judged if there is none of it.
NONE_LIMITED = "no random network is sensing-limited"
NONE_ABUNDANT = "no random network is sensing-abundant"
NONE_APART = "no random pair differs enough"
NONE_ALIKE = "no random pair is alike enough"
NONE_EVEN = "no random network has links about equally long"

TITLES = {
    "i": "In sensing-limited asynchronous networks the energies are ordered clocks < radars < target",
    "ii": "Of two slots the sensing-limited one gets more energy, and similar slots get about equal energies",
    "iii": "Step-by-step suits sensing-abundant networks, integrated suits sensing-limited ones",
    "iv": "Sensing a passive target is harder than localizing radars when the links are about equally long",
    "v": "There is a trade-off between localization and sensing",
    "vi": "With the energy of step 3 fixed, more for step 1 is better; with that of step 1 fixed, more for step 3",
    "vii": "5 MHz is far worse than 500 MHz",
    "viii": "Temporal cooperation of clocks helps",
}


@dataclass(frozen=True)
class Finding:
    """One statement: its verdict and the tables that it rests on, with a sentence before each.

    A table without rows is one of which there is nothing to tell.
    """

    number: str
    verdict: str
    tables: tuple[tuple[str, pd.DataFrame], ...]
    remark: str = ""


def abundance(observed: xr.Dataset) -> xr.DataArray:
    """Sensing abundance of each network: bound per radar without a target over bound per target with radars known.

    Each with all the energy at its own best powers. Above 1, sensing is easier than localization.
    """
    return observed.localization_speb / observed.sensing_speb


def advantage(observed: xr.Dataset) -> xr.DataArray:
    """SPEB of the step-by-step scheme at its best split over the integrated one; below 1 step-by-step wins."""
    return observed.steps_speb / observed.integrated_speb


def only(observed: xr.Dataset, kind: str) -> xr.Dataset:
    """The layouts of the paper (``"layout"``) or the random networks (``"random"``) alone."""
    chosen = observed.isel(network=np.flatnonzero(observed.kind.values == kind))
    return chosen.isel(pair=np.flatnonzero(chosen.pair_kind.values == kind)) if "pair" in chosen.dims else chosen


# --- each statement: where it holds, by carry-over --------------------------------------------------------------------
# Each returns booleans over the networks (or pairs) that the statement is about, and over carry where it matters.


def ordered(observed: xr.Dataset) -> xr.DataArray:
    """(i) clocks < radars < target, with something for the radars, in limited networks."""
    shares = observed.steps_share.sel(clock="asynchronous")
    one, two, three = (shares.sel(part=part) for part in (1, 2, 3))
    return ((two < one) & (one < three) & (one > NOTHING)).isel(network=_limited(observed))


def interior(observed: xr.Dataset) -> xr.DataArray:
    """(v) both the radars' and the target's step get something at the best split, in both clock modes."""
    shares = observed.steps_share
    return ((shares.sel(part=1) > NOTHING) & (shares.sel(part=3) > NOTHING)).all("clock")


def wins_if_abundant(observed: xr.Dataset) -> xr.DataArray:
    """(iii) step-by-step wins, in both clock modes, in abundant networks."""
    return (advantage(observed) < 1 - EQUAL).all("clock").isel(network=_abundant(observed))


def loses_if_limited(observed: xr.Dataset) -> xr.DataArray:
    """(iii) integrated wins, in both clock modes, in limited networks."""
    return (advantage(observed) > 1 + EQUAL).all("clock").isel(network=_limited(observed))


def falls(observed: xr.Dataset, name: str, up_to: float) -> xr.DataArray:
    """(vi) the SPEB falls from each share of a line to the next one, up to a share."""
    line = observed[name].sel(share=slice(None, up_to))
    return (line.diff("share") < 0).all("share")


def harder(observed: xr.Dataset) -> xr.DataArray:
    """(iv) the target's bound is above the radars', where no node is much closer to the target than nodes are apart."""
    return (observed.sensing_speb > observed.localization_speb).isel(network=_alike(observed))


def slot_shares(observed: xr.Dataset) -> pd.DataFrame:
    """(ii) per pair: share of slot 1, and abundance of slot 1 over that of slot 2.

    The integrated share is that of the best split of both slots; those of the step-by-step scheme are of slots that
    know nothing of each other, which changes most of them by less than a thousandth: slot s reaches ``c_s / E_s``, so
    the best energies are as the roots of ``c_s``.
    """
    rows = []
    amounts = abundance(observed)
    for place, pair in enumerate(observed.pair.values if "pair" in observed.dims else ()):
        one, two = (
            int(np.flatnonzero((observed.subject.values == pair) & (observed.slot.values == slot))[0])
            for slot in (1, 2)
        )
        row = {"pair": pair, "abundance ratio": float(amounts[one] / amounts[two])}
        for clock in observed.clock.values:
            row[f"integrated, {clock}"] = float(observed.slot_share.sel(clock=clock)[place])
            for carry in CARRIES:
                roots = np.sqrt(observed.steps_speb.sel(clock=clock, carry=carry).values[[one, two]])
                row[f"{carry}, {clock}"] = float(roots[0] / roots.sum())
        rows.append(row)
    columns = [f"{scheme}, {clock}" for clock in observed.clock.values for scheme in ("integrated", *CARRIES)]
    return pd.DataFrame(rows, columns=["pair", "abundance ratio", *columns])


def _different(table: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`slot_shares`, the pairs of slots of which one is clearly the more limited."""
    return table[(table["abundance ratio"] > UNLIKE) | (table["abundance ratio"] < 1 / UNLIKE)]


def _limited_gets_more(apart: pd.DataFrame, scheme: str) -> float:
    """Share of the pairs in which the limited slot gets more."""
    return _share((apart[scheme] > 0.5) == (apart["abundance ratio"] < 1))


def _alike(observed: xr.Dataset) -> np.ndarray:
    return np.flatnonzero((observed.shortest_sensing_length > CLOSE * observed.ranging_length).values)


def _abundant(observed: xr.Dataset) -> np.ndarray:
    return np.flatnonzero(abundance(observed).values > 1)


def _limited(observed: xr.Dataset) -> np.ndarray:
    return np.flatnonzero(abundance(observed).values <= 1)


# --- verdicts ---------------------------------------------------------------------------------------------------------


def findings(readings: Mapping[str, xr.Dataset]) -> list[Finding]:
    """All statements, judged on the base reading."""
    base = readings["base"]
    random, layouts = only(base, "random"), only(base, "layout")
    return [
        _ordered(random, layouts),
        _slots(random, layouts),
        _advantage(random, layouts),
        _harder(random, layouts),
        _interior(random, layouts),
        _lines(random),
        _bandwidth(readings),
        _temporal(readings),
    ]


def by_carry(holds: xr.DataArray) -> dict[str, float]:
    """Share of the networks that obey a statement, by carry-over."""
    return {str(carry): _share(holds.sel(carry=carry)) for carry in holds.carry.values}


def verdict(shares: Mapping[str, float], none: str = "") -> str:
    """``holds``, ``holds only with ...; mostly with ... (share)``, or ``does not hold``; the rest is where it fails.

    Where there are no networks to judge by, ``none`` says which there are none of.
    """
    if np.isnan(list(shares.values())).any():
        return _not_judged(none)
    good = [carry for carry, share in shares.items() if share >= MOST]
    fair = [f"{carry} ({percent(share)})" for carry, share in shares.items() if MANY <= share < MOST]
    if len(good) == len(shares):
        return "holds"
    if not good and not fair:
        return "does not hold"
    parts = [f"holds only with carry-over {' and '.join(good)}"] if good else []
    return "; ".join([*parts, *([f"mostly holds with carry-over {' and '.join(fair)}"] if fair else [])])


def _not_judged(none: str) -> str:
    return f"not judged, as {none}"


def _share(obey: xr.DataArray | pd.Series) -> float:
    """Share of what obeys; NaN of nothing."""
    return float(obey.mean()) if obey.size else float("nan")


def _word(share: float) -> str:
    return "holds" if share >= MOST else "mostly holds" if share >= MANY else "does not hold"


def percent(share: float, digits: int = 0) -> str:
    """A share in per cent, or what is shown of one of no networks."""
    return NOTHING_SHOWN if np.isnan(share) else f"{100 * share:.{digits}f} %"


def _share_table(columns: Mapping[str, Mapping[str, float]]) -> pd.DataFrame:
    """Rows are carry-overs, columns shares in per cent; without columns of no networks, and without rows if all are."""
    judged = {title: shares for title, shares in columns.items() if not np.isnan(list(shares.values())).any()}
    rows = [
        {"carry-over": carry, **{title: percent(shares[carry], 1) for title, shares in judged.items()}}
        for carry in CARRIES
    ]
    return pd.DataFrame(rows if judged else [])


def _layout_rows(layouts: xr.Dataset, columns: Callable[[xr.Dataset], Mapping[str, object]]) -> pd.DataFrame:
    """A row for each layout of one slot."""
    rows = []
    for place, name in enumerate(layouts.subject.values):
        if int((layouts.subject.values == name).sum()) == 1:
            one = layouts.isel(network=place)
            rows.append({"layout": str(name), "abundance": f"{float(abundance(one)):.3g}", **columns(one)})
    return pd.DataFrame(rows)


def _split(one: xr.Dataset, clock: str, carry: str) -> str:
    shares = 100 * one.steps_share.sel(clock=clock, carry=carry).values
    if clock == "synchronous":
        shares = shares[[0, 2]]
    return " / ".join(f"{share:.0f}" if share >= 10 else f"{share:.2g}" if share >= 0.01 else "0" for share in shares)


def _ordered(random: xr.Dataset, layouts: xr.Dataset) -> Finding:
    holds = ordered(random)
    shares = by_carry(holds)
    table = _layout_rows(layouts, lambda one: {carry: _split(one, "asynchronous", carry) for carry in CARRIES})
    return Finding(
        "i",
        verdict(shares, NONE_LIMITED),
        (
            ("Shares of steps 1 / 2 / 3 (radars, clocks, target) at the exact best split, in per cent:", table),
            (
                f"Share of the {holds.sizes['network']} limited random networks in which E2 < E1 < E3:",
                _share_table({"clocks < radars < target": shares}),
            ),
        ),
        "A step with less than 0.1 % of the energy counts as getting nothing: then there is no order to speak of.",
    )


#: Half of statement (ii) -> what there is none of if it is not judged.
HALVES_OF_SLOTS = {"first": NONE_APART, "second": NONE_ALIKE}


def _slots(random: xr.Dataset, layouts: xr.Dataset) -> Finding:
    table = slot_shares(random)
    schemes = [column for column in table.columns if column not in ("pair", "abundance ratio")]
    apart = _different(table)
    alike = table[(table["abundance ratio"] < ALIKE) & (table["abundance ratio"] > 1 / ALIKE)]
    more = {name: _limited_gets_more(apart, name) for name in schemes}
    levels = {"share of slot 1, alike slots: 5 %": 0.05, "median": 0.5, "95 %": 0.95}
    spread = {title: alike[schemes].quantile(level) for title, level in levels.items()}
    columns: dict[str, list[str]] = {}
    first, second = (f"the {half} half is {_not_judged(none)}" for half, none in HALVES_OF_SLOTS.items())
    if len(apart):
        low_share, high_share = min(more.values()), max(more.values())
        first = f"the first half {_word(low_share)} "
        first += f"({100 * low_share:.0f} to {percent(high_share)} of the pairs, by scheme)"
        columns["limited slot gets more"] = [percent(more[name], 1) for name in schemes]
    if len(alike):
        low, _, high = spread.values()
        off = float(max((high - 0.5).max(), (0.5 - low).max()))
        second = "the second holds" if off <= HALF else "the second does not: what counts is the bound itself"
        columns |= {title: [f"{values[name]:.2f}" for name in schemes] for title, values in spread.items()}
    rows = pd.DataFrame({"scheme": schemes, **columns} if columns else {})
    layout_table = slot_shares(layouts)
    layout_pairs = layout_table.pop("pair")
    layout_table = layout_table.map("{:.3g}".format)
    layout_table.insert(0, "layout", layout_pairs)
    kept = ["layout", "abundance ratio", *(name for name in schemes if name.startswith(("integrated", "held")))]
    return Finding(
        "ii",
        f"{first}; {second}",
        (
            ("Share of slot 1 in the paper's layouts (abundance ratio: slot 1 over slot 2):", layout_table[kept]),
            (
                f"{len(apart)} random pairs whose abundances differ by more than a factor of {UNLIKE}, and "
                f"{len(alike)} within a factor of {ALIKE:g}:",
                rows,
            ),
        ),
        "With slots that hardly know of each other, slot s reaches c_s / E_s, and the best energies are as the roots "
        "of c_s: the slot with the larger bound gets more. Similar topologies in the paper's sense (8a, 8d) also have "
        "similar bounds; pairs of equal abundance but different size do not.",
    )


def _advantage(random: xr.Dataset, layouts: xr.Dataset) -> Finding:
    wins, loses = wins_if_abundant(random), loses_if_limited(random)
    columns = {
        f"step-by-step wins in abundant ({wins.sizes['network']})": by_carry(wins),
        f"integrated wins in limited ({loses.sizes['network']})": by_carry(loses),
    }
    amounts, ratio = abundance(random).values, advantage(random).sel(carry="held")
    # min() would pass over what is not a number
    judged = [shares for shares in columns.values() if not np.isnan(list(shares.values())).any()]
    text = verdict({carry: min(shares[carry] for shares in judged) for carry in CARRIES})
    if len(judged) < len(columns):
        half, none = ("limited", NONE_ABUNDANT) if loses.sizes["network"] else ("abundant", NONE_LIMITED)
        text = f"on {half} networks: {text}; the other half is {_not_judged(none)}"
    elif text != "does not hold":
        border, share = separation(
            amounts, (ratio < 1 - EQUAL).all("clock").values, (ratio > 1 + EQUAL).all("clock").values
        )
        text += (
            f". With held, abundance {border:.2g} is the border: {percent(share)} of all networks are better off with "
            "step-by-step above it and with integrated below"
        )
    table = _layout_rows(
        layouts,
        lambda one: {
            f"{carry}, {clock}": f"{float(advantage(one).sel(clock=clock, carry=carry)):.4f}"
            for carry in CARRIES
            for clock in one.clock.values
        },
    )
    return Finding(
        "iii",
        text,
        (
            ("Step-by-step over integrated at the best split, below 1 where step-by-step wins:", table),
            ("Random networks, both clock modes:", _share_table(columns)),
            (
                f"Median of step-by-step over integrated, by abundance, of {FEWEST} networks or more (synchronous / "
                "asynchronous):",
                curve(random),
            ),
        ),
        PROOF,
    )


PROOF = """\
Why there can be no advantage with `marginal` or `joint` while caps are slack: the powers of all steps together spend no
more than the total energy, so the integrated scheme may use them. With `joint` the last step then knows exactly what
the integrated scheme would know at these summed powers, because information adds up over measurements; the integrated
optimum is at least as good. With `marginal` the last step knows less than that: of the earlier steps' measurements
only what they say about the earlier parameters is kept. So the integrated scheme wins or draws in every network,
abundant or not. `added` counts the earlier step's block as if what it did not know (the target) had been known, and
`held` keeps the earlier block and gives the new powers to the cross terms and the new block only: neither is the
information of an experiment, and only this makes the step-by-step scheme look better. Where caps bind the proof fails,
since each step may spend up to the caps anew."""


def separation(amounts: np.ndarray, above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """The amount that best separates networks with the property ``above`` from those with ``below``.

    Also the share of the networks that have the property of their side.
    """
    order = np.argsort(amounts)
    right = np.append(0, np.cumsum(below[order])) + np.append(np.cumsum(above[order][::-1])[::-1], 0)
    best = int(np.argmax(right))
    edges = amounts[order][[max(best - 1, 0), min(best, len(order) - 1)]]
    return float(np.sqrt(edges.prod())), float(right[best] / len(order))


def curve(random: xr.Dataset) -> pd.DataFrame:
    """Median advantage by abundance, in half decades."""
    amounts, ratio = abundance(random).values, advantage(random)
    edges = 10 ** np.arange(-3.5, 4.1, 0.5)
    rows = []
    for low, high in zip([0, *edges], [*edges, np.inf], strict=True):
        chosen = np.flatnonzero((amounts >= low) & (amounts < high))
        if len(chosen) < FEWEST:
            continue
        medians = ratio.isel(network=chosen).median("network")
        row: dict[str, object] = {"abundance": f"{low:.2g} to {high:.2g}", "networks": len(chosen)}
        for carry in CARRIES:
            row[carry] = " / ".join(
                f"{float(medians.sel(carry=carry, clock=clock)):.3f}" for clock in ratio.clock.values
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _harder(random: xr.Dataset, layouts: xr.Dataset) -> Finding:
    holds = harder(random)
    share = _share(holds)
    ratios = random.sensing_speb / random.localization_speb
    table = _layout_rows(
        layouts,
        lambda one: {
            "ranging links (m)": f"{float(one.ranging_length):.0f}",
            "nearest node to target (m)": f"{float(one.shortest_sensing_length):.0f}",
            "target over radar bound": f"{float(one.sensing_speb / one.localization_speb):.3g}",
        },
    )
    numbers = pd.DataFrame(
        [
            {
                "random networks": title,
                "number": chosen.sizes["network"],
                "target harder": percent(float((chosen > 1).mean())),
                "target over radar bound: 5 %": f"{float(chosen.quantile(0.05)):.2g}",
                "median": f"{float(chosen.median()):.2g}",
                "95 %": f"{float(chosen.quantile(0.95)):.2g}",
            }
            for title, chosen in (("links alike", ratios.isel(network=_alike(random))), ("all", ratios))
            if chosen.sizes["network"]
        ]
    )
    return Finding(
        "iv",
        _not_judged(NONE_EVEN) if np.isnan(share) else f"{_word(share)}: in {percent(share)} of the networks",
        (
            ("The paper's layouts; bounds with all the energy on one task, the other one solved:", table),
            (
                "Links are alike where no node is closer to the target than half the mean length of the ranging links:",
                numbers,
            ),
        ),
        "A reflected path loses power twice: its information is that of a direct path of equal length times sigma / "
        "(4 pi d^2), about 1e-4 at 100 m and 10 m^2. Where a radar is right beside the target this is made up for.",
    )


def _interior(random: xr.Dataset, layouts: xr.Dataset) -> Finding:
    shares = by_carry(interior(random))
    table = _layout_rows(layouts, lambda one: {carry: _split(one, "synchronous", carry) for carry in CARRIES})
    return Finding(
        "v",
        verdict(shares),
        (
            ("Shares of steps 1 / 2 (radars, target) at the exact best split, synchronous, in per cent:", table),
            (
                f"Share of the {random.sizes['network']} random networks whose best split gives something to both the "
                "radars' and the target's step, in both clock modes:",
                _share_table({"trade-off": shares}),
            ),
        ),
        "With `marginal` and `joint` a step for the radars alone never pays (see iii): the best split gives it "
        "nothing, or with `joint` at most what the integrated scheme would have spent in the same way.",
    )


def _lines(random: xr.Dataset) -> Finding:
    columns: dict[str, dict[str, float]] = {}
    best: dict[str, dict[str, str]] = {}
    for name, title in (("third_fixed_speb", "step 1, E3 fixed"), ("first_fixed_speb", "step 3, E1 fixed")):
        for limit in (0.9, 0.999):
            columns[f"{title}: falls up to {100 * limit:g} %"] = by_carry(falls(random, name, limit))
        at = random[name].idxmin("share")
        best[f"{title}: median best share"] = {
            carry: f"{100 * float(at.sel(carry=carry).median()):g} %" for carry in CARRIES
        }
    table = _share_table(columns)
    for title, values in best.items():
        table[title] = [values[carry] for carry in table["carry-over"]]
    halves: list[dict[str, float]] = [
        {str(carry): min(columns[f"{title}: falls up to 90 %"][carry] for title in titles) for carry in CARRIES}
        for titles in (("step 1, E3 fixed",), ("step 3, E1 fixed",))
    ]
    whole = [title for title in columns if title.endswith("99.9 %")]
    end = {str(carry): min(columns[title][carry] for title in whole) for carry in CARRIES}
    return Finding(
        "vi",
        f"up to nine tenths of what is left, the first half: {verdict(halves[0])}; the second half: "
        f"{verdict(halves[1])}; both to the very end: {verdict(end)}",
        (
            (
                "Half of the energy fixed in one step, the rest shared between the other two in 8 ratios up to "
                f"99.9 %, {random.sizes['network']} random networks, asynchronous:",
                table,
            ),
        ),
        "The statement is about a direction, so it is read as: the SPEB falls from each ratio to the next. With `held` "
        "the clocks' step must keep something, so the SPEB rises again before the last of it is taken.",
    )


def _bandwidth(readings: Mapping[str, xr.Dataset]) -> Finding:
    name = next((name for name in readings if "bandwidth" in name), None)
    if name is None:
        return Finding("vii", "not tried: there is no reading with another bandwidth", ())
    narrow, base = readings[name], _same_subjects(readings["base"], readings[name])
    ratios = np.concatenate(
        [(narrow[field] / base[field]).values.ravel() for field in ("integrated_speb", "steps_speb")]
    )
    table = pd.DataFrame(
        [{"reading": name, "networks": narrow.sizes["network"], "smallest": ratios.min(), "largest": ratios.max()}]
    )
    middle = float(np.median(ratios))
    return Finding(
        "vii",
        f"{'holds' if ratios.min() >= FAR else 'does not hold'}: every SPEB is {middle:.6g} times as large "
        f"(to {np.abs(ratios / middle - 1).max():.0e})",
        (("SPEB in this reading over that in the base reading, all schemes, clock modes and carry-overs:", table),),
        "In (14) the square of the bandwidth meets a noise power that grows with the bandwidth, so the information of "
        "every link is proportional to the bandwidth, whatever the powers: the best powers and splits are the same.",
    )


def _temporal(readings: Mapping[str, xr.Dataset]) -> Finding:
    rows = []
    for name, observed in readings.items():
        if name != "base" and not any(word in name for word in ("eta", "rho")):
            continue
        pairs = observed.coupled_speb
        row: dict[str, object] = {"reading": name, "pairs": pairs.sizes["pair"]}
        for coupling in ("radars", "clocks", "both"):
            saved = 1 - (pairs.sel(coupling=coupling) / pairs.sel(coupling="none")).values
            row[f"{coupling}: median"] = f"{np.median(saved):.1e}"
            row[f"{coupling}: largest"] = f"{saved.max():.1e}"
        rows.append(row)
    saved = {
        name: 1 - (each.coupled_speb.sel(coupling="clocks") / each.coupled_speb.sel(coupling="none")).values
        for name, each in readings.items()
    }
    base = readings["base"].coupled_speb
    radars = float((1 - base.sel(coupling="radars") / base.sel(coupling="none")).median())
    clocks = saved["base"].max()
    best = max(saved, key=lambda name: float(saved[name].max()))
    text = (
        f"{_word((saved['base'] > EQUAL).mean())} at the paper's values: clocks save at most {clocks:.0e} of the "
        f"target's bound{', which is rounding' if clocks <= EQUAL else ''} (radars: {radars:.0e} in the median)"
    )
    if best != "base" and saved[best].max() > EQUAL:
        text += f"; they save most with {best}: up to {saved[best].max():.0%}"
    return Finding(
        "viii",
        text,
        (
            (
                "Share of the target's bound in slot 2 that knowing slot 1 saves, integrated, asynchronous, half the "
                "energy each; values near 1e-13 are rounding:",
                pd.DataFrame(rows),
            ),
        ),
        "At Table 1's rho^2 the drift of a second moves a clock by 3 km: what slot 1 knew to centimetres is worth "
        "nothing.",
    )


def _same_subjects(base: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """The base reading on the networks of another one, in its order."""
    places = {
        (subject, slot): place
        for place, (subject, slot) in enumerate(zip(base.subject.values, base.slot.values, strict=True))
    }
    wanted = [places[key] for key in zip(other.subject.values, other.slot.values, strict=True)]
    chosen = base.isel(network=wanted)
    if "pair" not in base.dims:
        return chosen
    return chosen.isel(pair=[list(base.pair.values).index(pair) for pair in other.pair.values])


def sensitivity(readings: Mapping[str, xr.Dataset]) -> pd.DataFrame:
    """Share of the random networks that obey each statement, with the carry-over held, by reading.

    ``iii, marginal``: share in which step-by-step with ``marginal`` beats integrated, which slack caps forbid. NaN
    where a statement is about none of the networks.
    """
    rows = []
    smallest = min(readings.values(), key=lambda each: each.sizes["network"])
    for name, observed in readings.items():
        random = only(_same_subjects(observed, smallest), "random")
        table = slot_shares(random)
        more = _limited_gets_more(_different(table), "integrated, asynchronous")
        better = (advantage(random).sel(carry="marginal") < 1 - EQUAL).mean()
        rows.append(
            {
                "reading": name,
                "networks": random.sizes["network"],
                "abundant": len(_abundant(random)),
                "i": by_carry(ordered(random))["held"],
                "ii": more,
                "iii, abundant": by_carry(wins_if_abundant(random))["held"],
                "iii, limited": by_carry(loses_if_limited(random))["held"],
                "iii, marginal": float(better),
                "iv": _share(harder(random)),
                "v": by_carry(interior(random))["held"],
                "vi, step 1": by_carry(falls(random, "third_fixed_speb", 0.9))["held"],
                "vi, step 3": by_carry(falls(random, "first_fixed_speb", 0.9))["held"],
            }
        )
    return pd.DataFrame(rows)


# --- the page ---------------------------------------------------------------------------------------------------------

INTRODUCTION = """\
# The paper's statements, one verdict each

Statements (i) to (viii) are those of Zhang et al., *Appl. Sci.* 2024, 14, 2665, in our words. Each is judged at the
**exact** best split of {energy:g} J (found without traversal and certified), on {layouts} layouts of the networks file
({layout_pairs} of them of two slots; left out are those without anchors, targets or radars to locate, and almost
undetermined ones) and on {networks} random networks ({pairs} pairs of slots; 2 to 4 anchors and radars; radars and
target from {near:g} m to {far:g} m apart), for each of four readings of what a later step knows of an earlier one
(`held` is the one that gives what the paper reports; config/README.md explains them). A statement *holds* where at
least {most:.0f} % of the networks that it is about obey it, and *mostly holds* from {many:.0f} % on; where there is no
network that it is about, it is not judged.

*Sensing abundance* of a network is the bound per radar without a target over the bound per target with radars known,
each with all the energy at its own best powers. Above 1 sensing is the easier task (the paper's "sensing-resource-
abundant"), below 1 the harder one ("limited").

{note}
"""

SENSITIVITY = """\
## In other readings

Share of the same random networks that obey each statement, with carry-over `held`, when one thing is read differently.
"abundant" counts networks of abundance above 1; "iii, marginal" is the share in which step-by-step with `marginal`
beats the integrated scheme, which is impossible unless caps bind; (ii) is the integrated scheme's first half; (vi) is
up to nine tenths.
"""


def page(readings: Mapping[str, xr.Dataset], note: str) -> str:
    """The page of findings in Markdown.

    Parameters
    ----------
    readings
        Observations by name of the reading, ``"base"`` first; see :func:`isal.observations.observe`.
    note
        What is to be known of the layouts.
    """
    from isal.ensemble import SEPARATIONS_M

    base = readings["base"]
    random, layouts = only(base, "random"), only(base, "layout")
    near, far = SEPARATIONS_M
    parts = [
        INTRODUCTION.format(
            energy=base.attrs["energy_j"],
            networks=random.sizes["network"],
            pairs=random.sizes.get("pair", 0),
            layouts=len(set(layouts.subject.values)),
            layout_pairs=layouts.sizes.get("pair", 0),
            near=near,
            far=far,
            most=100 * MOST,
            many=100 * MANY,
            note=note,
        )
    ]
    all_findings = findings(readings)
    overview = pd.DataFrame(
        [{"": each.number, "statement": TITLES[each.number], "verdict": each.verdict} for each in all_findings]
    )
    parts.append(markdown(overview))
    for each in all_findings:
        parts.append(f"## ({each.number}) {TITLES[each.number]}\n\n**Verdict: {each.verdict}.**\n")
        for sentence, table in each.tables:
            parts.append(
                f"{sentence} left out, as there are none.\n" if table.empty else f"{sentence}\n\n{markdown(table)}"
            )
        if each.remark:
            parts.append(f"{each.remark}\n")
    shares = sensitivity(readings)
    for column in shares.columns[3:]:
        shares[column] = [percent(value) for value in shares[column]]
    parts.append(f"{SENSITIVITY}\n{markdown(shares)}")
    return "\n".join(parts)
