"""The statements of the paper, one object each."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from isal.claims.samples import (
    ABUNDANT,
    ALIKE,
    ALIKE_SLOTS,
    BASE,
    EQUAL,
    EVEN_LINKS,
    EVERY,
    LIMITED,
    UNLIKE,
    UNLIKE_SLOTS,
    Evidence,
    Variant,
    abundance,
    abundance_ratio,
    advantage,
    best_reached,
    kept,
    only,
    pair_slots,
    same_samples,
    singles,
)
from isal.claims.statement import (
    MANY,
    Criterion,
    Statement,
    Tables,
    by_carry,
    judged,
    layout_rows,
    listed,
    not_judged,
    percent,
    rounded,
    share_of,
    share_table,
    slices,
    span,
    word,
)
from isal.model.radio import Radio
from isal.schemes.carry_over import CARRIES, PROMISES, REACHED
from isal.units import DURATION_S, SPEED_OF_LIGHT
from isal.validation.clocks import CRYSTAL_TOLERANCE, DW1000_JITTER_S, drift_variance

#: A step that gets less than this share of the energy gets nothing.
NOTHING = 1e-3


def _split(one: xr.Dataset, clock: str, carry: str) -> str:
    """Shares of the steps of a layout at its best split, in per cent."""
    shares = 100 * one.steps_share.sel(clock=clock, carry=carry).values
    if clock == "synchronous":
        shares = shares[[0, 2]]
    return " / ".join(f"{share:.0f}" if share >= 10 else f"{share:.2g}" if share >= 0.01 else "0" for share in shares)


# --- (i) --------------------------------------------------------------------------------------------------------------


def _ordered(observed: xr.Dataset) -> xr.DataArray:
    """E2 < E1 < E3 at the best split, with something for the radars."""
    shares = observed.steps_share.sel(clock="asynchronous")
    one, two, three = (shares.sel(part=part) for part in (1, 2, 3))
    return (two < one) & (one < three) & (one > NOTHING)


class OrderOfSteps(Statement):
    number = "i"
    title = "In sensing-limited asynchronous networks the energies are ordered clocks < radars < target"
    criteria = (Criterion(LIMITED, _ordered, "i", "i\nclocks <\nradars < target"),)
    remark = "A step with less than 0.1 % of the energy counts as getting nothing: then there is no order to speak of."

    def tables(self, evidence: Evidence) -> Tables:
        (ordered,) = self.criteria
        return [
            (
                "Shares of steps 1 / 2 / 3 (radars, clocks, target) at the exact best split, in per cent:",
                layout_rows(
                    evidence.layouts, lambda one: {carry: _split(one, "asynchronous", carry) for carry in CARRIES}
                ),
            ),
            (
                f"Share of the {len(LIMITED.indices(evidence.random))} limited random networks in which E2 < E1 < E3:",
                share_table({"clocks < radars < target": ordered.shares(evidence.random)}),
            ),
        ]


# --- (ii) -------------------------------------------------------------------------------------------------------------

#: Slots get about equal energies where 90 % of the pairs are within this of one half.
HALF = 0.1


def slot_shares(observed: xr.Dataset) -> pd.DataFrame:
    """Share of slot 1, a row for each pair and a column for each scheme and clock mode.

    The integrated share is that of the best split of both slots. Those of the step-by-step scheme are of slots that
    know nothing of each other, which changes most of them by less than a thousandth: slot s reaches ``c_s / E_s``, so
    the best energies are as the roots of ``c_s``.
    """
    pairs = pair_slots(observed)
    columns = {}
    for clock in observed.clock.values:
        integrated = observed.slot_share.sel(clock=clock).values if len(pairs) else np.empty(0)
        columns[f"integrated, {clock}"] = integrated
        for carry in CARRIES:
            first, second = np.sqrt(observed.steps_speb.sel(clock=clock, carry=carry).values[pairs]).T
            columns[f"{carry}, {clock}"] = first / (first + second)
    return pd.DataFrame(columns)


def _limited_gets_more(observed: xr.Dataset) -> xr.DataArray:
    shares = slot_shares(observed)
    first_gets_more, first_is_limited = shares.to_numpy() > 0.5, abundance_ratio(observed) < 1
    return xr.DataArray(
        first_gets_more == first_is_limited[:, None], dims=("pair", "scheme"), coords={"scheme": list(shares.columns)}
    )


class EnergyOfSlots(Statement):
    number = "ii"
    title = "Of two slots the sensing-limited one gets more energy, and similar slots get about equal energies"
    criteria = (
        Criterion(
            UNLIKE_SLOTS,
            _limited_gets_more,
            "ii",
            "ii\nlimited slot\ngets more",
            shown=(("scheme", "integrated, asynchronous"),),
            note="(ii) is the integrated scheme's first half",
        ),
    )
    remark = (
        "With slots that hardly know of each other, slot s reaches c_s / E_s, and the best energies are as the roots "
        "of c_s: the slot with the larger bound gets more. Similar topologies in the paper's sense (8a, 8d) also have "
        "similar bounds; pairs of equal abundance but different size do not."
    )

    def verdict(self, evidence: Evidence) -> str:
        more, alike = self._more(evidence.random), self._alike(evidence.random)
        if more.size:
            shares = more.mean("pair")  # by scheme
            low, high = float(shares.min()), float(shares.max())
            first = f"the first half {word(low)} ({100 * low:.0f} to {percent(high)} of the pairs, by scheme)"
        else:
            first = f"the first half is {not_judged(UNLIKE_SLOTS.none)}"
        if alike.empty:
            second = f"the second half is {not_judged(ALIKE_SLOTS.none)}"
        elif (alike.quantile(0.95) - 0.5).max() <= HALF and (0.5 - alike.quantile(0.05)).max() <= HALF:
            second = "the second holds"
        else:
            second = "the second does not: what counts is the bound itself"
        return f"{first}; {second}"

    def tables(self, evidence: Evidence) -> Tables:
        more, alike = self._more(evidence.random), self._alike(evidence.random)
        columns: dict[str, list[str]] = {}
        if more.size:
            columns["limited slot gets more"] = [percent(float(share), 1) for share in more.mean("pair")]
        if len(alike):
            levels = {"share of slot 1, alike slots: 5 %": 0.05, "median": 0.5, "95 %": 0.95}
            columns |= {title: [f"{share:.2f}" for share in alike.quantile(level)] for title, level in levels.items()}
        return [
            (
                "Share of slot 1 in the paper's layouts (abundance ratio: slot 1 over slot 2):",
                self._layouts(evidence.layouts),
            ),
            (
                f"{more.sizes['pair']} random pairs whose abundances differ by more than a factor of {UNLIKE}, and "
                f"{len(alike)} within a factor of {ALIKE:g}:",
                pd.DataFrame({"scheme": list(alike.columns), **columns} if columns else {}),
            ),
        ]

    def _more(self, random: xr.Dataset) -> xr.DataArray:
        return self.criteria[0].obeyed(random)

    def _alike(self, random: xr.Dataset) -> pd.DataFrame:
        return slot_shares(random).iloc[ALIKE_SLOTS.indices(random)]

    def _layouts(self, layouts: xr.Dataset) -> pd.DataFrame:
        shares = slot_shares(layouts)
        kept = shares[[name for name in shares if name.startswith(("integrated", "held"))]].map("{:.3g}".format)
        kept.insert(0, "abundance ratio", [f"{ratio:.3g}" for ratio in abundance_ratio(layouts)])
        kept.insert(0, "layout", list(layouts.pair.values) if len(kept) else [])
        return kept


# --- (iii) ------------------------------------------------------------------------------------------------------------

#: Networks of one range of abundance have a median if there are so many or more.
FEWEST = 3


def _steps_win(observed: xr.Dataset) -> xr.DataArray:
    return advantage(observed) < 1 - EQUAL


def _steps_win_twice(observed: xr.Dataset) -> xr.DataArray:
    """Step-by-step wins in both clock modes."""
    return _steps_win(observed).all("clock")


def _integrated_wins_twice(observed: xr.Dataset) -> xr.DataArray:
    """Integrated wins in both clock modes."""
    return (advantage(observed) > 1 + EQUAL).all("clock")


def separation(amounts: NDArray[np.float64], above: NDArray[np.bool_], below: NDArray[np.bool_]) -> tuple[float, float]:
    """The amount that best separates networks with the property ``above`` from those with ``below``.

    Also the share of the networks that have the property of their side.
    """
    order = np.argsort(amounts)
    right = np.append(0, np.cumsum(below[order])) + np.append(np.cumsum(above[order][::-1])[::-1], 0)
    best = int(np.argmax(right))
    edges = amounts[order][[max(best - 1, 0), min(best, len(order) - 1)]]
    return float(np.sqrt(edges.prod())), float(right[best] / len(order))


def medians_by_abundance(random: xr.Dataset) -> pd.DataFrame:
    """Median advantage in half decades of abundance."""
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


class BetterScheme(Statement):
    number = "iii"
    title = "Step-by-step suits sensing-abundant networks, integrated suits sensing-limited ones"
    wins = Criterion(ABUNDANT, _steps_win_twice, "iii, abundant", "iii\nsteps win\nif abundant")
    loses = Criterion(LIMITED, _integrated_wins_twice, "iii, limited", "iii\nintegrated wins\nif limited")
    with_marginal = Criterion(
        EVERY,
        _steps_win,
        "iii, marginal",
        "iii\nsteps win\nwith marginal",
        shown=(("carry", "marginal"),),
        note='"iii, marginal" is the share in which step-by-step with `marginal` beats the integrated scheme, which is '
        "impossible unless caps bind",
    )
    criteria = (wins, loses, with_marginal)
    remark = """\
**Why step-by-step can't win where an estimator reaches its value.** Add up the powers that each node spends in all
steps: they cost no more than the total energy, so the integrated scheme may use these sums, and its optimum is at least
as good. Information is linear in the powers and adds up over independent measurements, so the bound at these sums is
that of all measurements of all steps together. No unbiased estimator that is made of these measurements beats it
(Cramér and Rao), however it goes about it. `joint` uses all of them and reaches that bound, `marginal` throws some
away. *Plug-in*, the scheme as one would carry it out, holds the estimates of earlier steps fixed as if they were true:
its estimate of the target is still made of these measurements, and unbiased to first order, so it can't beat the bound
either; it even pays for the errors that it takes for granted. Nothing here asks whether sensing is abundant.

**What the promises are.** `added` counts the earlier step's block as if what that step did not know, the target, had
been known. `held` keeps the earlier block, too, and gives the powers of the later step to the cross terms and the new
block only. Neither is the information of a measurement. Where such a value lies below the bound of all measurements,
no estimator keeps it, and only there does step-by-step seem to win. How much is promised hangs on what step 1
minimises, too, because that is the block which is kept.

**Caps.** Where caps bind, the sums may be more than a node may send in one step, and the proof ends there: with the cap
anew in each step, two steps may spend twice as much. With the cap on the sum over the steps the proof holds again."""

    def verdict(self, evidence: Evidence) -> str:
        random = evidence.random
        wins, loses = self.wins.shares(random), self.loses.shares(random)
        if not judged(loses):
            return f"on abundant networks: {by_carry(wins)}; the other half is {not_judged(LIMITED.none)}"
        if not judged(wins):
            return f"on limited networks: {by_carry(loses)}; the other half is {not_judged(ABUNDANT.none)}"
        text = by_carry({carry: min(wins[carry], loses[carry]) for carry in wins})
        if any(min(wins[carry], loses[carry]) >= MANY for carry in PROMISES):
            held = random.sel(carry="held")
            border, share = separation(
                abundance(random).values, _steps_win_twice(held).values, _integrated_wins_twice(held).values
            )
            text += (
                f". With held, abundance {border:.2g} is the border: {percent(share)} of all networks are better off "
                "with step-by-step above it and with integrated below"
            )
        parts = [self._of_promises(random), self._of_first_steps(evidence), self._of_what_is_reached(random)]
        return ". ".join([text, *filter(None, parts)])

    def _of_promises(self, random: xr.Dataset) -> str:
        """In how many networks no estimator keeps a promise."""
        broken = (kept(random) < 1 - EQUAL).mean("network")
        told = [f"of {carry} in {span(broken.sel(carry=carry).values)}" for carry in PROMISES]
        return f"No estimator keeps the promise {listed(told)} of the networks, by clock mode" if broken.any() else ""

    def _of_first_steps(self, evidence: Evidence) -> str:
        """What becomes of the promise where step 1 minimises something else."""
        shares = {
            variant.settings["step_1"]: self.wins.share(only(variant.observed, "random"))
            for variant in evidence.changing("step_1")
        }
        told = [f"{percent(share)} ({what})" for what, share in shares.items() if not np.isnan(share)]
        return (
            f"Held wins in {listed(told)} of the abundant networks where step 1 minimises something else than the "
            "radars' block"
            if told
            else ""
        )

    def _of_what_is_reached(self, random: xr.Dataset) -> str:
        """Which scheme wins where an estimator reaches what is compared."""
        wins = _steps_win(random).sel(carry=list(REACHED)).any(["carry", "clock"])
        losses = _integrated_wins_twice(random)
        losing = {carry: share_of(losses.sel(carry=carry)) for carry in REACHED}
        told = [f"{carry} ({percent(share)})" for carry, share in losing.items() if share >= MANY]
        return (
            f"Where an estimator reaches the value ({listed(REACHED)}), step-by-step wins in "
            f"{percent(share_of(wins))} of the networks"
            + (f", and integrated wins with {listed(told)}" if told else "")
        )

    def tables(self, evidence: Evidence) -> Tables:
        random = evidence.random
        columns = {
            f"step-by-step wins in abundant ({len(ABUNDANT.indices(random))})": self.wins.shares(random),
            f"integrated wins in limited ({len(LIMITED.indices(random))})": self.loses.shares(random),
        }
        return [
            (
                "Step-by-step over integrated at the best split, below 1 where step-by-step wins. With "
                f"{listed(REACHED)} an estimator reaches the value; {listed(PROMISES)} only promise it:",
                layout_rows(
                    evidence.layouts,
                    lambda one: {carry: f"{float(advantage(one).sel(carry=carry)):.4f}" for carry in CARRIES},
                    by_clock=True,
                ),
            ),
            ("Random networks, both clock modes:", share_table(columns)),
            (
                f"Median of step-by-step over integrated, by abundance, of {FEWEST} networks or more (synchronous / "
                "asynchronous):",
                medians_by_abundance(random),
            ),
            (
                "First number: the promised value over the bound of all that its own steps measure together. Below 1 "
                "no estimator keeps it. Second number: the same value over the best that an estimator reaches step by "
                "step with the same energy, which is the integrated value if no energy goes to the radars alone:",
                layout_rows(evidence.layouts, _promises, by_clock=True),
            ),
            ("The same in the random networks; shares are of networks:", promises_in(random)),
            ("What estimators reach, over integrated, in the random networks and in the layouts:", prices(evidence)),
            *(each for each in self._of_variants(evidence) if not each[1].empty),
        ]

    def _of_variants(self, evidence: Evidence) -> Tables:
        """What step 1 minimises, and caps."""
        return [
            (
                "What step 1 minimises: what is promised over integrated in the layouts (synchronous / asynchronous), "
                "and in how many of the same random networks either scheme wins in both clock modes:",
                self._first_steps(evidence),
            ),
            (
                "Caps: step-by-step over integrated under the same caps, synchronous; smallest to largest of the "
                "layouts, then the median of the same random networks:",
                _caps(evidence),
            ),
        ]

    def _first_steps(self, evidence: Evidence) -> pd.DataFrame:
        rows: list[dict[str, object]] = []
        for (variant, observed), carry in itertools.product(_on_the_same(evidence, "step_1"), PROMISES):
            row = {"variant": variant.name, "step 1 minimises": variant.settings["step_1"], "carry-over": carry}
            for one in slices(singles(only(observed, "layout")), "network"):
                ratios = advantage(one).sel(carry=carry)
                row[str(one.sample.values)] = " / ".join(f"{float(ratio):.2f}" for ratio in ratios)
            random = only(observed, "random")
            row["step-by-step wins in abundant"] = percent(self.wins.shares(random)[carry])
            row["integrated wins in limited"] = percent(self.loses.shares(random)[carry])
            rows.append(row)
        return pd.DataFrame(rows if len({row["variant"] for row in rows}) > 1 else [])


def _on_the_same(evidence: Evidence, *keys: str) -> list[tuple[Variant, xr.Dataset]]:
    """Base and the variants that change nothing but some settings, all on the samples of the one with the fewest."""
    variants = [evidence.base, *evidence.changing(*keys)]
    fewest = min((variant.observed for variant in variants), key=lambda observed: observed.sizes["network"])
    return [(variant, same_samples(variant.observed, fewest)) for variant in variants]


def _promises(one: xr.Dataset) -> dict[str, object]:
    """What is promised over the bound of all measurements, and over the best that is reached, of one network."""
    over_best = one.steps_speb / best_reached(one)
    return {
        carry: " / ".join(f"{float(ratio.sel(carry=carry)):.3f}" for ratio in (kept(one), over_best))
        for carry in PROMISES
    }


def promises_in(random: xr.Dataset) -> pd.DataFrame:
    """How far promises are from the integrated bound and from all that is measured, a row for each and clock mode."""
    over = {
        "integrated": advantage(random),
        "all that its steps measure": kept(random),
        "the best that is reached": random.steps_speb / best_reached(random),
    }
    rows = []
    for carry, clock, (name, ratios) in itertools.product(PROMISES, random.clock.values, over.items()):
        chosen = ratios.sel(carry=carry, clock=clock)
        if chosen.size:
            rows.append(
                {
                    "promise": carry,
                    "clocks": str(clock),
                    "over": name,
                    "below 1": percent(share_of(chosen < 1 - EQUAL)),
                    "median": f"{float(chosen.median()):.3g}",
                    "smallest": f"{float(chosen.min()):.2g}",
                    "largest": f"{float(chosen.max()):.3g}",
                }
            )
    return pd.DataFrame(rows)


def prices(evidence: Evidence) -> pd.DataFrame:
    """What step-by-step costs where an estimator reaches its value, a row for each carry-over and clock mode."""
    random, layouts = advantage(evidence.random), advantage(evidence.single_layouts)
    rows = []
    for carry, clock in itertools.product(REACHED, evidence.random.clock.values):
        ratios, few = (ratio.sel(carry=carry, clock=clock) for ratio in (random, layouts))
        row: dict[str, object] = {"carry-over": carry, "clocks": str(clock)}
        if ratios.size:
            row["step-by-step wins"] = percent(share_of(ratios < 1 - EQUAL))
            row["integrated wins"] = percent(share_of(ratios > 1 + EQUAL))
            row |= {"median": rounded(float(ratios.median()), 4), "largest": rounded(float(ratios.max()), 4)}
        if few.size:
            most = int(few.values.argmax())
            costs = float(few[most]) > 1 + EQUAL
            row["most in the layouts"] = f"{float(few[most]):.3f} ({few.sample.values[most]})" if costs else "1"
        rows.append(row)
    return pd.DataFrame(rows)


def _caps(evidence: Evidence) -> pd.DataFrame:
    rows = []
    for variant, observed in _on_the_same(evidence, "power_cap_w", "caps_per"):
        cap = variant.settings["power_cap_w"]
        row: dict[str, object] = {
            "variant": variant.name,
            "cap (W)": "the total energy over 1 s" if cap is None else f"{cap:g}",
            "per": variant.settings["caps_per"],
        }
        layouts, random = singles(only(observed, "layout")), only(observed, "random")
        for carry in CARRIES:
            few, many = (advantage(some).sel(carry=carry, clock="synchronous") for some in (layouts, random))
            told = [f"{float(few.min()):.3g} to {float(few.max()):.3g}"] if few.size else []
            row[carry] = "; ".join([*told, *([f"{float(many.median()):.3g}"] if many.size else [])])
        rows.append(row)
    return pd.DataFrame(rows if len(rows) > 1 else [])


# --- (iv) -------------------------------------------------------------------------------------------------------------


def _sensing_over_localization(observed: xr.Dataset) -> xr.DataArray:
    """Bound per target over bound per radar, each with the other task solved."""
    return observed.sensing_speb / observed.localization_speb


class SensingIsHarder(Statement):
    number = "iv"
    title = "Sensing a passive target is harder than localizing radars when the links are about equally long"
    criteria = (
        Criterion(
            EVEN_LINKS,
            lambda observed: observed.sensing_speb > observed.localization_speb,
            "iv",
            "iv\nsensing\nis harder",
        ),
    )
    remark = (
        "A reflected path loses power twice: its information is that of a direct path of equal length times sigma / "
        "(4 pi d^2), about 1e-4 at 100 m and 10 m^2. Where a radar is right beside the target this is made up for."
    )

    def tables(self, evidence: Evidence) -> Tables:
        ratios = _sensing_over_localization(evidence.random)
        groups = {"links alike": ratios.isel(network=EVEN_LINKS.indices(evidence.random)), "all": ratios}
        numbers = [
            {
                "random networks": title,
                "number": chosen.sizes["network"],
                "target harder": percent(float((chosen > 1).mean())),
                "target over radar bound: 5 %": f"{float(chosen.quantile(0.05)):.2g}",
                "median": f"{float(chosen.median()):.2g}",
                "95 %": f"{float(chosen.quantile(0.95)):.2g}",
            }
            for title, chosen in groups.items()
            if chosen.size
        ]
        return [
            (
                "The paper's layouts; bounds with all the energy on one task, the other one solved:",
                layout_rows(
                    evidence.layouts,
                    lambda one: {
                        "ranging links (m)": f"{float(one.ranging_length):.0f}",
                        "nearest node to target (m)": f"{float(one.shortest_sensing_length):.0f}",
                        "target over radar bound": f"{float(_sensing_over_localization(one)):.3g}",
                    },
                ),
            ),
            (
                "Links are alike where no node is closer to the target than half the mean length of the ranging links:",
                pd.DataFrame(numbers),
            ),
        ]


# --- (v) --------------------------------------------------------------------------------------------------------------


def _both_get_something(observed: xr.Dataset) -> xr.DataArray:
    """The radars' and the target's step get something at the best split, in both clock modes."""
    shares = observed.steps_share
    return ((shares.sel(part=1) > NOTHING) & (shares.sel(part=3) > NOTHING)).all("clock")


class TradeOff(Statement):
    number = "v"
    title = "There is a trade-off between localization and sensing"
    criteria = (Criterion(EVERY, _both_get_something, "v", "v\nthere is\na trade-off"),)
    remark = (
        "With `marginal` and `joint` a step for the radars alone never pays (see iii): the best split gives it "
        "nothing, or with `joint` at most what the integrated scheme would have spent in the same way."
    )

    def tables(self, evidence: Evidence) -> Tables:
        (trade_off,) = self.criteria
        return [
            (
                "Shares of steps 1 / 2 (radars, target) at the exact best split, synchronous, in per cent:",
                layout_rows(
                    evidence.layouts, lambda one: {carry: _split(one, "synchronous", carry) for carry in CARRIES}
                ),
            ),
            (
                f"Share of the {evidence.random.sizes['network']} random networks whose best split gives something to "
                "both the radars' and the target's step, in both clock modes:",
                share_table({"trade-off": trade_off.shares(evidence.random)}),
            ),
        ]


# --- (vi) -------------------------------------------------------------------------------------------------------------


#: Variables over the share of what is left that a step gets while another step has a fixed half of the energy.
STEP_1_GROWS, STEP_3_GROWS = "third_fixed_speb", "first_fixed_speb"


def _falls(line: str, up_to: float) -> Callable[[xr.Dataset], xr.DataArray]:
    """The SPEB falls from each share of a line to the next one, up to a share."""
    return lambda observed: (observed[line].sel(share=slice(None, up_to)).diff("share") < 0).all("share")


class MoreIsBetter(Statement):
    number = "vi"
    title = "With the energy of step 3 fixed, more for step 1 is better; with that of step 1 fixed, more for step 3"
    criteria = (
        Criterion(
            EVERY,
            _falls(STEP_1_GROWS, 0.9),
            "vi, step 1",
            "vi\nmore for\nstep 1",
            note="(vi) is up to nine tenths",
        ),
        Criterion(EVERY, _falls(STEP_3_GROWS, 0.9), "vi, step 3", "vi\nmore for\nstep 3"),
    )
    to_the_end = (Criterion(EVERY, _falls(STEP_1_GROWS, 0.999)), Criterion(EVERY, _falls(STEP_3_GROWS, 0.999)))
    remark = (
        "The statement is about a direction, so it is read as: the SPEB falls from each ratio to the next. With `held` "
        "the clocks' step must keep something, so the SPEB rises again before the last of it is taken."
    )

    def verdict(self, evidence: Evidence) -> str:
        first, second = (half.verdict(evidence.random) for half in self.criteria)
        ends = [half.shares(evidence.random) for half in self.to_the_end]
        both = by_carry({carry: min(end[carry] for end in ends) for carry in ends[0]}, EVERY.none)
        return (
            f"up to nine tenths of what is left, the first half: {first}; the second half: {second}; both to the very "
            f"end: {both}"
        )

    def tables(self, evidence: Evidence) -> Tables:
        random = evidence.random
        lines = {"step 1, E3 fixed": STEP_1_GROWS, "step 3, E1 fixed": STEP_3_GROWS}
        columns = {}
        for title, to_nine_tenths, to_the_end in zip(lines, self.criteria, self.to_the_end, strict=True):
            columns[f"{title}: falls up to 90 %"] = to_nine_tenths.shares(random)
            columns[f"{title}: falls up to 99.9 %"] = to_the_end.shares(random)
        table = share_table(columns)
        for title, line in lines.items():
            best = random[line].idxmin("share").median("network")
            table[f"{title}: median best share"] = [
                f"{100 * float(best.sel(carry=carry)):g} %" for carry in table["carry-over"]
            ]
        return [
            (
                "Half of the energy fixed in one step, the rest shared between the other two in 8 ratios up to "
                f"99.9 %, {random.sizes['network']} random networks, asynchronous:",
                table,
            )
        ]


# --- (vii) ------------------------------------------------------------------------------------------------------------

#: An SPEB that is so many times as large is far worse.
FAR = 10


class Bandwidth(Statement):
    number = "vii"
    title = "5 MHz is far worse than 500 MHz"
    remark = (
        "In (14) the square of the bandwidth meets a noise power that grows with the bandwidth, so the information of "
        "every link is proportional to the bandwidth, whatever the powers: the best powers and splits are the same."
    )

    def verdict(self, evidence: Evidence) -> str:
        tried = self._narrower(evidence)
        if not tried:
            return "not tried, as no variant has a smaller bandwidth and nothing else changed"
        narrowest = min(tried, key=lambda variant: _bandwidth(variant))
        ratios = self._ratios(evidence, narrowest)
        middle = float(np.median(ratios))
        return (
            f"{'holds' if ratios.min() >= FAR else 'does not hold'}: every SPEB is {middle:.6g} times as large "
            f"(to {np.abs(ratios / middle - 1).max():.0e})"
        )

    def tables(self, evidence: Evidence) -> Tables:
        rows = []
        for variant in self._narrower(evidence):
            ratios = self._ratios(evidence, variant)
            rows.append(
                {
                    "variant": variant.name,
                    "networks": variant.observed.sizes["network"],
                    "smallest": ratios.min(),
                    "largest": ratios.max(),
                }
            )
        sentence = "SPEB in this variant over that in the base, all schemes, clock modes and carry-overs:"
        return [(sentence, pd.DataFrame(rows))] if rows else []

    def _narrower(self, evidence: Evidence) -> list[Variant]:
        """Variants of a smaller bandwidth and nothing else changed."""
        changed = evidence.changing("bandwidth_hz")
        return [variant for variant in changed if _bandwidth(variant) < _bandwidth(evidence.base)]

    def _ratios(self, evidence: Evidence, variant: Variant) -> NDArray[np.float64]:
        """SPEBs of both schemes over those of the base."""
        base = same_samples(evidence.base.observed, variant.observed)
        return np.concatenate(
            [(variant.observed[name] / base[name]).values.ravel() for name in ("integrated_speb", "steps_speb")]
        )


def _bandwidth(variant: Variant) -> float:
    return float(variant.settings["bandwidth_hz"])


# --- (viii) -----------------------------------------------------------------------------------------------------------


#: rho^2 that two exchanges of clocks, one in each slot, leave open, and the jitter of a stamp that it is of.
EXCHANGED = float(drift_variance(DW1000_JITTER_S, DURATION_S))
STAMP_PS = 1e12 * DW1000_JITTER_S

#: rho^2 of the paper.
TABLE_1 = Radio().drift_variance


def _saved(variant: Variant, known: str) -> NDArray[np.float64]:
    """Share of the target's bound in slot 2 that is saved where this is known of slot 1, of each pair."""
    bounds = variant.observed.coupled_speb
    return 1 - (bounds.sel(coupling=known) / bounds.sel(coupling="none")).values


#: Variances of the drift within this of each other, relative, are the same.
SAME_DRIFT = 0.02


def _drift(variant: Variant) -> float:
    return float(variant.settings["drift_variance"])


def _is_drift(variant: Variant, variance: float) -> bool:
    return abs(_drift(variant) / variance - 1) < SAME_DRIFT


class TemporalCooperation(Statement):
    number = "viii"
    title = "Temporal cooperation of clocks helps"
    remark = f"""\
What slot 1 knows of a clock is worth as much in slot 2 as the clock runs steadily in between: with rho^2 (s/s)^2 it
moves by rho times 1 s, as a range by rho c times 1 s. The information of that increment is 1 / (rho c 1 s)^2, and it
counts only where it is not far below what the links of one slot tell of the clocks.

Table 1's rho^2, {TABLE_1:g}, is ({1e6 * TABLE_1**0.5:g} ppm)^2: what is known of two free crystals before anything is
measured. What an exchange measures is far better, rho^2 = 2 sigma_t^2 / (1 s)^2 = {EXCHANGED:.2g} with stamps of
{STAMP_PS:.0f} ps. Read in m^2/s^2, as clock offsets are carried as ranges, Table 1's number is
{TABLE_1 / SPEED_OF_LIGHT**2:.2g} (s/s)^2: no crystal is that steady.

*But the exchange may not be counted.* It is the pair of one-way links between two nodes, and both links are in the
information of each slot already. Half their difference is the clock offset, so the difference of two slots' offsets
says nothing that the slots do not say. Added once more it makes the bound too good. What may be counted is what is
known of the drift from elsewhere: the crystal's tolerance, or a history of other slots, as far as the oscillator keeps
to it."""

    def verdict(self, evidence: Evidence) -> str:
        clocks, radars = _saved(evidence.base, "clocks"), _saved(evidence.base, "radars")
        most = clocks.max()
        text = (
            f"{word((clocks > EQUAL).mean())} at the paper's values: clocks save at most {most:.0e} of the target's "
            f"bound{', which is rounding' if most <= EQUAL else ''} (radars: {np.median(radars):.0e} in the median)"
        )
        if alike := [variant for variant in self._drifts(evidence) if _is_drift(variant, EXCHANGED)]:
            text += (
                f"; with the rho^2 of what an exchange measures, at most {_saved(alike[0], 'clocks').max():.0e}, and "
                "the links hold that already"
            )
        best = max(self._drifts(evidence), key=lambda variant: float(_saved(variant, "clocks").max()))
        best_saved = _saved(best, "clocks").max()
        if best.name != BASE and best_saved > EQUAL:
            text += f"; they save most with {best.name}: up to {percent(best_saved, 1 if best_saved < 0.1 else 0)}"
        return text

    def tables(self, evidence: Evidence) -> Tables:
        rows = []
        for variant in self._drifts(evidence):
            moved = np.sqrt(_drift(variant)) * SPEED_OF_LIGHT * DURATION_S
            row: dict[str, object] = {
                "variant": variant.name,
                "rho^2 ((s/s)^2)": f"{_drift(variant):.2g}",
                "a clock moves in 1 s by (m)": rounded(moved, 2),
                "eta^2 (m^2/s^2)": f"{float(variant.settings['velocity_variance']):g}",
                "what rho^2 is": self._meaning(evidence, variant),
                "pairs": variant.observed.sizes["pair"],
            }
            for known in ("radars", "clocks", "both"):
                saved = _saved(variant, known)
                row[f"{known}: median"] = f"{np.median(saved):.1e}"
                row[f"{known}: largest"] = f"{saved.max():.1e}"
            rows.append(row)
        return [
            (
                "Share of the target's bound in slot 2 that knowing slot 1 saves, integrated, asynchronous, half the "
                "energy each; values below 1e-11 are rounding:",
                pd.DataFrame(rows),
            ),
            (
                f"Share of the target's bound in slot 2 that an exchange of clocks (rho^2 = {EXCHANGED:.2g}) seems to "
                "save where it is counted beside its own links, by which the bound is too good:",
                counted_twice(evidence),
            ),
        ]

    def _drifts(self, evidence: Evidence) -> list[Variant]:
        """The base, and the variants in which radars or clocks drift otherwise and nothing else is changed."""
        return [evidence.base, *evidence.changing("velocity_variance", "drift_variance")]

    def _meaning(self, evidence: Evidence, variant: Variant) -> str:
        """What a drift variance stands for, where that is known."""
        known = {
            f"two free crystals of {1e6 * CRYSTAL_TOLERANCE:g} ppm": CRYSTAL_TOLERANCE**2,
            f"what an exchange measures with stamps of {STAMP_PS:.0f} ps": EXCHANGED,
            "Table 1's number read in m^2/s^2": TABLE_1 / SPEED_OF_LIGHT**2,
        }
        return next((words for words, variance in known.items() if _is_drift(variant, variance)), "")


def counted_twice(evidence: Evidence) -> pd.DataFrame:
    """By how much an exchange counted twice makes the bound of slot 2 too good, in layouts and random pairs."""
    rows = [
        {"slots of": str(each.pair.values), "share": f"{float(each.counted_twice_share):.1e}"}
        for each in (slices(evidence.layouts, "pair") if "pair" in evidence.layouts.dims else [])
    ]
    if evidence.random.sizes.get("pair"):
        shares = evidence.random.counted_twice_share
        for name, share in (("median", shares.median()), ("largest", shares.max())):
            rows.append({"slots of": f"random pairs, {name}", "share": f"{float(share):.1e}"})
    return pd.DataFrame(rows)


#: In the order of the page.
STATEMENTS: tuple[Statement, ...] = (
    OrderOfSteps(),
    EnergyOfSlots(),
    BetterScheme(),
    SensingIsHarder(),
    TradeOff(),
    MoreIsBetter(),
    Bandwidth(),
    TemporalCooperation(),
)
