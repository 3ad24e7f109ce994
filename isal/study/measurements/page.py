"""The page about measurements, and its tables: drift, ranges, links, how to use them as a radio, and runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import theilslopes

from isal.study import tables
from isal.study.measurements.datasets import FITTED, OF_RUNS, fit_of, table_of
from isal.units import SPEED_OF_LIGHT
from isal.validation.measurements import LinkFit, spread

#: Distances are put together in bins of this width, m.
BIN_M = 10.0

#: The radio of the public data set: a DW1000 on channel 5.
CARRIER_HZ, BANDWIDTH_HZ = 6489.6e6, 499.2e6


def _paragraph(text: str) -> str:
    return " ".join(text.split()) + "\n"


OF_ALL = _paragraph("""
    What logs of real radios say, from the folder that `measurements` names. Spreads are standard deviations of what
    lies within five robust ones of the median.
""")

OF_DRIFT = _paragraph("""
    `shift` is the uncorrected less the corrected range. Its ratio to `c k T_reply / 2`, with the median drift `k`
    of the log, is 1 by construction, and its spread says how far the drift wanders. What follows is no
    construction: the ratio of the uncorrected less the device's own range, which differs by the bias of either; the
    slope of that difference *between* logs, which does not; and the slope of uncorrected ranges against `c k
    T_reply / 2` of exchanges *within* logs, whose drift wanders. `by stamps` is the spread of `k` that the jitter
    of stamps alone would cause; where that within a log is larger, the oscillators limit `k`.
""")

OF_LINKS = _paragraph("""
    `spread^2 = floor^2 + (growth d)^2`; the bias is a line over distance, and its spread is from place to place,
    what all exchanges of a place share.
""")

OF_RADIOS = _paragraph("""
    A link of a model of intensity `lambda` is left with `1 / (1 / lambda + c^2 sigma_t^2)` by a floor of `c
    sigma_t`. With the bias of each link known, sigma_t is `timestamp_jitter_s`; with all of its spread counted as
    noise it is the larger number beside it (the bias of a place is then taken for new with every exchange).
""")

NOT_TOLD = _paragraph("""
    Carrier and bandwidth are those of a DW1000 on channel 5; write those of your radios. Transmit power, antenna
    gain, noise density, losses and pulses can't be told from these logs: ranges show them only as `xi P = 1 /
    growth^2` (no unit; `lambda = xi P / d^2`), of which the growth's interval gives a least value. Nor can the
    radar cross section: nothing was sensed.
""")

OF_THE_RUNS = _paragraph(f"""
    Least squares from the device's ranges of each epoch, with an outlier test, against the bound of that geometry
    with the links of {OF_RUNS} ranges above. The bound takes the biases of the anchors for independent; with all of
    them known it is the smaller one. Anchors close together share most of their bias, so the truth lies between. An
    estimator that reaches its bound has a median error of 0.67 of it (errors along a line) to 0.83 (round).
""")


def of_series(dataset: xr.Dataset) -> pd.DataFrame:
    """One row per series: how many exchanges, drift, and ranges without less ranges with its correction."""
    table = table_of(dataset)
    rows = []
    for series, logs in table.groupby("series"):
        known = logs[np.isfinite(logs["drift"])]
        slope = dataset.sel(series=series)
        rows.append(
            {
                "series": series,
                "logs": len(logs),
                "exchanges": int(logs.exchanges.sum()),
                "used": int(logs.used.sum()),
                "drift (ppm)": known.drift.median() * 1e6,
                "between logs (ppm)": spread(known.drift * 1e6),
                "within a log (ppm)": known.drift_spread.median() * 1e6,
                "by stamps (ppm)": known.stamp_limit.median() * 1e6,
                "shift (m)": known.shift_m.median(),
                "shift over c k T / 2": known.shift_ratio.median(),
                "its spread": known.shift_ratio_spread.median(),
                "from device's range": known.device_ratio.median(),
                "slope between logs": _slope(known.shift_m, known.uncorrected_m - known.device_m),
                "slope within logs": float(slope.following),
                "its error": float(slope.following_error),
            }
        )
    return pd.DataFrame(rows)


def _slope(x: pd.Series, y: pd.Series) -> float:
    """Theil-Sen slope; NaN of fewer than two."""
    return float(theilslopes(y, x).slope) if len(x) > 1 and np.ptp(x) > 0 else np.nan


def by_distance(dataset: xr.Dataset) -> pd.DataFrame:
    """Medians over the logs of each series in bins of distance: spread and bias of ranges."""
    table = table_of(dataset)
    table = table[np.isfinite(table["spread_m"])]
    rows = []
    for (series, place), logs in table.groupby(["series", np.ceil(table.distance_m / BIN_M)]):
        rows.append(
            {
                "series": series,
                "distance (m)": f"{(place - 1) * BIN_M:g} to {place * BIN_M:g}",
                "logs": len(logs),
                **{
                    f"{name} (cm)": logs[column].median() * 100
                    for name, column in {
                        "spread, corrected": "spread_m",
                        "spread, uncorrected": "uncorrected_spread_m",
                        "spread, device": "device_spread_m",
                        "bias, corrected": "bias_m",
                        "bias, uncorrected": "uncorrected_bias_m",
                        "bias, device": "device_bias_m",
                    }.items()
                },
            }
        )
    return pd.DataFrame(rows)


def left_out(dataset: xr.Dataset) -> pd.DataFrame:
    """What was left out of each series, by reason."""
    counts = pd.DataFrame(dataset.log_left_out.values, columns=list(dataset.reason.values))
    return counts.groupby(dataset.log_series.values).sum().rename_axis("series").reset_index()


def _fitted(dataset: xr.Dataset) -> dict[tuple[str, str], LinkFit]:
    """All links that could be fitted, by name and the ranges that they are fitted to."""
    names = [(str(link), fitted) for fitted in FITTED for link in dataset.link.values]
    return {
        (link, fitted): fit_of(dataset, link, fitted)
        for link, fitted in names
        if not dataset.why_not.sel(link=link, fitted=fitted).item()
    }


def of_links(dataset: xr.Dataset) -> pd.DataFrame:
    """One row per link and kind of range: what was fitted, with intervals of 95 %, or why it was not."""
    known = _fitted(dataset)
    rows = []
    for fitted in FITTED:
        for link in map(str, dataset.link.values):
            row: dict[str, object] = {"link": link, "ranges": fitted}
            if fit := known.get((link, fitted)):
                row |= {
                    "logs": fit.n_logs,
                    "left out": fit.n_left_out,
                    "floor (cm)": fit.floor_m * 100,
                    "its 95 %": _interval(fit.floor_interval_m, 100),
                    "growth (mm/m)": fit.growth * 1000,
                    "growth, 95 %": _interval(fit.growth_interval, 1000),
                    "bias at 0 m (cm)": fit.bias_m * 100,
                    "bias over distance (mm/m)": fit.bias_per_m * 1000,
                    "slope, 95 %": _interval(fit.bias_per_m_interval, 1000),
                    "spread of bias (cm)": fit.bias_spread_m * 100,
                }
            row["why not"] = dataset.why_not.sel(link=link, fitted=fitted).item()
            rows.append(row)
    table = pd.DataFrame(rows)
    return table if table["why not"].any() else table.drop(columns="why not")


def _interval(ends: tuple[float, float], factor: float) -> str:
    return " to ".join(f"{end * factor:.3g}" for end in ends)


def as_radio(fit: LinkFit) -> str:
    """The lines of a configuration for a study with links as measured, as YAML."""
    return (
        "radio:\n"
        f"  carrier_frequency_hz: {_exact(CARRIER_HZ)}\n"
        f"  timestamp_jitter_s: {fit.timestamp_jitter_s:.3e}\n"
        "studies:\n"
        "  synchronous_single_slot: # or any other\n"
        f"    bandwidths_hz: [{_exact(BANDWIDTH_HZ)}]\n"
    )


def _exact(value: float) -> str:
    """A frequency as YAML takes it for a number."""
    return f"{value / 1e6:.1f}e+6"


def of_radios(dataset: xr.Dataset) -> pd.DataFrame:
    """One row per condition: the jitter that makes a model's links those that were measured."""
    known = _fitted(dataset)
    rows = []
    for link in dict.fromkeys(map(str, dataset.condition.values)):
        if fit := known.get((link, "corrected")):
            largest = fit.growth_interval[1]
            rows.append(
                {
                    "link": link,
                    "floor (cm)": fit.floor_m * 100,
                    "timestamp_jitter_s": fit.timestamp_jitter_s,
                    "with the bias unknown (s)": float(np.sqrt(fit.variance(0.0))) / SPEED_OF_LIGHT,
                    "xi P": 1 / fit.growth**2 if fit.growth else np.nan,
                    "xi P at least": 1 / largest**2 if largest else np.nan,
                }
            )
    return pd.DataFrame(rows)


def of_runs(runs: Sequence[xr.Dataset]) -> pd.DataFrame:
    """One row per dynamic run: medians over accepted positions, the bound, and counts."""
    rows = []
    for each in runs:
        told = {str(name): float(value) for name, value in zip(each.quantity.values, each.summary.values, strict=True)}
        epochs = dict(zip(map(str, each.outcome.values), each.epochs.values.tolist(), strict=True))
        rows.append(
            {
                "run": each.attrs["run"],
                "link": each.attrs["link"],
                "positions": int(told["epochs"]),
                "median error (m)": told["median error"],
                "median bound (m)": told["median bound"],
                "ratio": told["error over bound"],
                "bound, biases known (m)": told["median bound, biases known"],
                "its ratio": told["error over bound, biases known"],
                "along (m)": told["median error along"],
                "across (m)": told["median error across"],
                "95 % (m)": told["error, 95 %"],
                "without test: median (m)": told["median error without test"],
                "95 % without test (m)": told["error, 95 %, without test"],
                "median NEES": told["median NEES"],
                "delay (s)": each.attrs["delay_s"],
                "height (m)": each.attrs["height_m"],
                **epochs,
                "lines left out": int(each.left_out.sum()),
            }
        )
    return pd.DataFrame(rows)


def csv_tables(measured: xr.Dataset, links: xr.Dataset, runs: Sequence[xr.Dataset]) -> list[pd.DataFrame]:
    """The tables with all digits: every log, every link, every run."""
    return [table_of(measured), of_links(links), of_runs(runs)]


def page(measured: xr.Dataset, links: xr.Dataset, runs: Sequence[xr.Dataset]) -> str:
    """The page in Markdown."""
    known = _fitted(links)
    radios = (
        f"A study with the links of {link}; what all links share of the bias has to be calibrated:\n\n"
        f"```yaml\n{as_radio(fit)}```\n"
        for (link, fitted), fit in known.items()
        if fitted == "corrected" and link in links.condition.values
    )
    shown = [
        ("Measurements", OF_ALL),
        ("Drift and its correction", OF_DRIFT, of_series(measured)),
        ("Ranges over distance", by_distance(measured)),
        ("Links", OF_LINKS, of_links(links)),
        ("As a radio", OF_RADIOS, of_radios(links), *radios, NOT_TOLD),
        *([("Dynamic runs", OF_THE_RUNS, of_runs(runs))] if runs else []),
        ("Left out", left_out(measured)),
    ]
    parts = []
    for level, (title, *content) in enumerate(shown):
        parts.append(f"{'##' if level else '#'} {title}\n")
        parts += [part if isinstance(part, str) else tables.markdown(_rounded(part)) for part in content]
    return "\n".join(parts)


#: Columns whose numbers are not shown to three digits.
DIGITS = {"shift over c k T / 2": "{:.6f}", "timestamp_jitter_s": "{:.3e}", "with the bias unknown (s)": "{:.3e}"}


def _rounded(table: pd.DataFrame, digits: Mapping[str, str] = DIGITS) -> pd.DataFrame:
    """Numbers as text of a few digits, whole ones in full."""
    shown = table.copy().astype(object)
    for column in table:
        if table[column].dtype.kind == "f":
            form = digits.get(str(column), "{:.3g}")
            shown[column] = [form.format(value) if np.isfinite(value) else "" for value in table[column]]
    return shown
