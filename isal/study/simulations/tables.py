"""What simulations say, as tables: errors beside their bounds with their tests, and where bounds end to tell errors."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

#: A simulated mean is within so many standard errors of what it estimates in 99 of 100 cases.
INTERVAL = 2.576

#: Characters in a line of running text.
WIDTH = 120

Array = NDArray[np.float64]

#: A table, and what is to be said of it in full sentences.
Told = tuple[pd.DataFrame, str]


def over_integrated(steps: xr.Dataset) -> tuple[Array, Array, Array]:
    """Of each row of step-by-step estimates, over the integrated bound: what is stated, what was simulated, half of its
    interval of 99 %; NaN where nothing was simulated."""
    stated = (steps.bound / steps.integrated).values
    error = steps.spread.values / np.sqrt(np.where(steps.trials > 0, steps.trials, np.nan))
    return stated, stated * steps.value.sel(statistic="ratio").values, INTERVAL * stated * error


def tests_told(dataset: xr.Dataset) -> str:
    """How many rows were simulated with how many trials, and how many of their tests passed."""
    simulated = dataset.isel(row=np.flatnonzero(dataset.trials.values > 0))
    if not simulated.sizes["row"]:
        return "Nothing was simulated."
    trials = sorted(set(simulated.trials.values.astype(int).tolist()))
    few = " or ".join(f"{number:,}" for number in trials)
    passed, total = int(simulated.passed.sum()), simulated.passed.size
    return (
        f"{simulated.sizes['row']} simulations of {few} trials each, of which {int(simulated.not_converged.sum())} "
        "trials did not converge (they are counted like the others). Their mean squared errors over what is stated and "
        "their NEES (mean of e' C^-1 e per parameter, C the covariance stated) are 1 but for chance: "
        f"{passed} of {total} are within their limits, in which all of them are with a probability of "
        f"{1 - dataset.attrs['family_level']:.0%} if what is stated is right."
    )


def positions(datasets: Sequence[xr.Dataset]) -> Told:
    """Errors of maximum likelihood at the integrated optimum beside their bounds."""
    (found,) = datasets
    if not found.sizes["row"]:
        return pd.DataFrame(), tests_told(found)
    labels = {name: found[name].values for name in ("network", "clock", "kind", "slot", "parameters")}
    table = pd.DataFrame(labels | {"bound (m^2)": found.bound.values})
    told = "Iterations start at the truth: this tests local maximum likelihood only."
    return table.assign(**_tests(found)), _filled(f"{tests_told(found)} {told}")


def steps(datasets: Sequence[xr.Dataset]) -> Told:
    """Step-by-step estimates as they are carried out, and what carry-overs promise."""
    (found,) = datasets
    if not found.sizes["row"]:
        return pd.DataFrame(), tests_told(found)
    labels = {name: found[name].values for name in ("network", "clock", "scheme")}
    stated, simulated, half = over_integrated(found)
    given = np.stack([found[f"energy_{number}"].values for number in (1, 2, 3)], axis=1)
    table = pd.DataFrame(
        labels
        | {
            "best split of": found.split.values,
            "energies (J)": [" / ".join(f"{each:.3g}" for each in row if each == each) for row in given],
            "over integrated": stated,
            "simulated": simulated,
            "+-": half,
        }
    )
    told = (
        "A carry-over at its own best split is what it promises, and what estimators reach at the very same powers "
        "stands below it; each estimator stands also at its own best split. Not simulated is what has no covariance to "
        "first order: a step that gets hardly any energy or hardly determines its block. Intervals are of 99 %."
    )
    return table.assign(**_tests(found)), _filled(f"{tests_told(found)} {told}")


def starts(datasets: Sequence[xr.Dataset]) -> Told:
    """What becomes of iterations that start off the truth."""
    rows = [
        {
            "network": part.attrs["network"],
            "clock": clock,
            "start off by (m)": off,
            "same maximum": shares[0],
            "another one": shares[1],
            "as likely": shares[2],
            "not converged": shares[3],
        }
        for part in datasets
        for clock, by_distance in zip(part.clock.values, part.share.values, strict=True)
        for off, shares in zip(part.off_m.values, by_distance, strict=True)
    ]
    told = (
        f"Shares of {_trials(datasets)} trials, at the integrated optimum, whose iterations start so far from the "
        "truth in every position and end at the maximum that a start at the truth leads to, or at another one; as "
        "likely are those of the latter that no range tells from it."
    )
    return pd.DataFrame(rows), _filled(told)


def outliers(datasets: Sequence[xr.Dataset]) -> Told:
    """What a receiver reaches that keeps links below their threshold, and one that leaves them out."""
    rows = [
        {
            "network": part.attrs["network"],
            "clock": clock,
            "the receiver keeps": kept,
            "links": int(part.links.sel(clock=clock, kept=kept)),
            "RMSE (m)": float(np.sqrt(part.error.sel(clock=clock, kept=kept))),
            "its bound (m)": float(np.sqrt(part.bound.sel(clock=clock, kept=kept))),
            "MSE over bound": float(part.error.sel(clock=clock, kept=kept) / part.bound.sel(clock=clock, kept=kept)),
            "not converged": float(part.not_converged.sel(clock=clock, kept=kept)),
        }
        for part in datasets
        for clock in part.clock.values
        for kept in part.kept.values
    ]
    told = (
        f"Errors of the target in {_trials(datasets)} trials at the integrated optimum. A link's delay is an outlier "
        "with the probability that its SNR says, and then anywhere in the search interval. Empty where the links above "
        "the threshold leave something undetermined."
    )
    return pd.DataFrame(rows), _filled(told)


#: By the name of the table.
TABLES: dict[str, Callable[[Sequence[xr.Dataset]], Told]] = {
    each.__name__: each for each in (positions, steps, starts, outliers)
}


def _tests(found: xr.Dataset) -> dict[str, object]:
    """Columns of what was simulated, and of its limits."""
    simulated = found.trials.values > 0
    columns: dict[str, object] = {
        name: pd.Series(found[sums].values).where(simulated).astype("Int64")
        for name, sums in (("trials", "trials"), ("not converged", "not_converged"))
    }
    for statistic, name in (("ratio", "MSE over stated"), ("nees", "NEES")):
        part = found.sel(statistic=statistic)
        columns[name] = part["value"].values
        limits = zip(part.limits.values, simulated, strict=True)
        columns[f"limits of {name}"] = [f"{low:.4f} to {high:.4f}" if some else "" for (low, high), some in limits]
    passed = found.passed.values.all(axis=1)
    columns["passed"] = [
        ("yes" if each else "no") if some else "" for each, some in zip(passed, simulated, strict=True)
    ]
    return columns


def _trials(datasets: Sequence[xr.Dataset]) -> str:
    return " or ".join(f"{number:,}" for number in sorted({int(part.attrs["trials"]) for part in datasets})) or "no"


def _filled(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)
