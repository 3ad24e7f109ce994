"""Datasets of measurements: ranges of logs at rest, links fitted to them, and runs against the bound of these links."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from isal.validation import logs, measurements, tracking
from isal.validation.log_folder import MeasurementError, RunFiles
from isal.validation.measurements import LinkFit

#: Ranges that links are fitted to -> columns of :func:`isal.validation.measurements.static_table`: spread and bias.
FITTED = {"corrected": ("spread_m", "bias_m"), "device": ("device_spread_m", "device_bias_m")}

#: The ranges that a dynamic run has.
OF_RUNS = "device"

#: Columns of the table of logs that say which log it is.
OF_A_LOG = ("series", "condition", "height_cm", "distance_m")

#: The ends of an interval.
ENDS = ("low", "high")


#: Variable, or coordinate, -> its meaning; units are those of its name.
MEANINGS = {
    "log_series": "series of the log",
    "series": "series of static logs",
    "condition": "condition of the link, such as line of sight",
    "height_cm": "height of the radios",
    "distance_m": "true distance",
    "exchanges": "number of exchanges read",
    "used": "number of exchanges with a drift",
    "lost": "number of exchanges missing from the regular spacing",
    "left_out": "number of lines and intervals left out",
    "log_left_out": "number of lines and intervals of a log left out, by reason",
    "reason": "why lines or intervals are left out",
    "drift": "median relative clock drift",
    "drift_spread": "robust standard deviation of the drift between neighbouring exchanges",
    "stamp_limit": "what time stamps would cause of that standard deviation",
    "reply_s": "median reply time",
    "spacing_s": "median time from exchange to exchange",
    "uncorrected_m": "median range without drift correction",
    "corrected_m": "median range with drift correction",
    "device_m": "median range of the device",
    "shift_m": "shift that the median drift causes in the range without correction",
    "shift_ratio": "median over exchanges of uncorrected less corrected range, over the shift",
    "shift_ratio_spread": "robust standard deviation of that ratio",
    "device_ratio": "median over exchanges of uncorrected less device range, over the shift",
    "spread_m": "robust standard deviation of the corrected range",
    "uncorrected_spread_m": "robust standard deviation of the uncorrected range",
    "device_spread_m": "robust standard deviation of the device's range",
    "bias_m": "median corrected range less true distance",
    "uncorrected_bias_m": "median uncorrected range less true distance",
    "device_bias_m": "median range of the device less true distance",
    "exchange_drift": "relative clock drift of an exchange",
    "exchange_uncorrected_m": "range of an exchange without drift correction",
    "exchange_corrected_m": "range of an exchange with drift correction",
    "exchange_device_m": "range of an exchange by the device",
    "exchange_reply_s": "reply time of an exchange",
    "exchange_log": "index of the log of an exchange, from 0",
    "following": "slope of uncorrected ranges against the shift by the drift, within logs",
    "following_error": "standard error of that slope",
}

MEANINGS_OF_LINKS = {
    "link": "condition or series that the link is fitted to",
    "condition": "condition of the link, such as line of sight",
    "fitted": "ranges that are fitted",
    "end": "end of the interval",
    "why_not": "why no link could be fitted, empty where one was",
    "floor_m": "standard deviation that stays at any distance",
    "growth": "standard deviation per metre of distance",
    "bias_m": "bias at distance zero",
    "bias_per_m": "bias per metre of distance",
    "bias_spread_m": "robust standard deviation of the bias from place to place",
    "floor_interval_m": "95 % interval of floor_m",
    "growth_interval": "95 % interval of growth",
    "bias_per_m_interval": "95 % interval of bias_per_m",
    "n_logs": "number of logs fitted",
    "n_left_out": "number of logs too short to be fitted",
}

MEANINGS_OF_RUNS = {
    "time_s": "time of the epoch",
    "error_m": "distance of the position from the reference",
    "along_m": "error along the direction from the middle of the anchors",
    "across_m": "error across that direction",
    "bound_m": "root of the position bound with links as measured",
    "bias_known_bound_m": "root of the position bound with the bias of every link known",
    "nees": "squared error over the covariance of the position",
    "chi_square": "weighted sum of squared residuals",
    "degrees": "ranges less unknowns",
    "accepted": "whether the residuals pass the outlier test",
    "position_m": "estimated position",
    "reference_m": "reference position",
    "used": "whether the range of the anchor is used",
    "anchor_m": "position of the anchor",
    "summary": "what a table says of the run; medians in m, or ratios",
    "epochs": "number of epochs by what happened",
    "left_out": "number of lines left out, by reason",
    "axis": "axis of horizontal positions",
    "coordinate": "coordinate of anchors",
    "anchor": "name of the anchor",
    "quantity": "what the summary tells",
    "outcome": "what happened to an epoch",
    "reason": "why lines are left out",
}

#: Ends of names -> units; numbers with other names have none.
UNITS = {"_per_m": "1", "_per_m_interval": "1", "_m": "m", "_cm": "cm", "_s": "s"}


def ranges(folder: Path) -> xr.Dataset:
    """All static logs of a folder.

    Returns
    -------
    Dataset over ``log`` with the columns of :func:`isal.validation.measurements.static_table` and what was
    ``left_out``, by ``reason``; over ``exchange`` with ranges, drift and reply time of each (``exchange_log`` is the
    number of its log); and over ``series`` with the slope of ranges within logs, see
    :func:`isal.validation.measurements.following`, NaN where there is none.

    Raises
    ------
    MeasurementError
        As :func:`isal.validation.logs.read_static`.
    """
    static = logs.read_static(folder)
    table = measurements.static_table(static)
    found = [measurements.ranges(each.log) for each in static]
    reasons = list(found[0].left_out)
    values = [name for name in table.columns if name not in OF_A_LOG]
    series = list(dict.fromkeys(table.series))
    slopes = [_following([each for each in static if each.series == name]) for name in series]
    of_exchanges = ("drift", "uncorrected_m", "corrected_m", "device_m", "reply_s")
    exchanges = {name: np.concatenate([getattr(each, name) for each in found]) for name in of_exchanges}
    found_all = xr.Dataset(
        {name: ("log", table[name].to_numpy()) for name in values}
        | {"log_left_out": (("log", "reason"), np.array([[each.left_out[why] for why in reasons] for each in found]))}
        | {f"exchange_{name}": ("exchange", along) for name, along in exchanges.items()}
        | {"exchange_log": ("exchange", np.repeat(np.arange(len(static)), [len(each.log) for each in static]))}
        | {
            "following": ("series", [slope for slope, _ in slopes]),
            "following_error": ("series", [error for _, error in slopes]),
        },
        coords={name: ("log", table[name].to_numpy()) for name in OF_A_LOG if name != "series"}
        | {
            "log_series": ("log", table["series"].to_numpy(dtype=object)),
            "series": np.array(series, dtype=object),
            "reason": np.array(reasons, dtype=object),
        },
        attrs={"title": "static logs"},
    )
    return _described(found_all, MEANINGS)


def _described(dataset: xr.Dataset, meanings: Mapping[str, str]) -> xr.Dataset:
    """The same with meaning and units of every variable."""
    for name, variable in dataset.variables.items():
        variable.attrs["long_name"] = meanings[str(name)]
        # the medians of a run are metres, its ratios are not
        if variable.dtype.kind in "iuf" and name != "summary":
            fitting = [unit for end, unit in UNITS.items() if str(name).endswith(end)]
            variable.attrs["units"] = fitting[0] if fitting else "1"
    return dataset


def _following(static: Sequence[logs.StaticLog]) -> tuple[float, float]:
    """Slope within logs and its standard error; NaN where it can't be known."""
    try:
        slope = measurements.following(static)
    except MeasurementError:
        return math.nan, math.nan
    return slope.value, slope.standard_error


def table_of(dataset: xr.Dataset) -> pd.DataFrame:
    """The table of logs back from the dataset of ranges."""
    columns = {"series": dataset.log_series.values} | {
        name: dataset[name].values for name in measurements.STATIC_TABLE if name != "series"
    }
    return pd.DataFrame(columns)[measurements.STATIC_TABLE]


def links(dataset: xr.Dataset) -> xr.Dataset:
    """Links fitted to the dataset of ranges: to each condition, and to each of its series.

    Returns
    -------
    Dataset over ``link`` and ``fitted`` (the ranges that were fitted: corrected for drift, or the device's own), with
    the fields of :class:`isal.validation.measurements.LinkFit`, intervals over ``end``. Where a link can't be fitted
    they are NaN, and ``why_not`` says why.
    """
    table = table_of(dataset)
    groups: dict[str, Any] = {}
    for condition, of_condition in table.groupby("condition"):
        groups[str(condition)] = of_condition
        groups |= {str(series): of_series for series, of_series in of_condition.groupby("series")}
    shape = (len(groups), len(FITTED))
    found: dict[str, Any] = {
        each.name: np.full((*shape, len(ENDS)) if "interval" in each.name else shape, np.nan)
        for each in fields(LinkFit)
    }
    why_not = np.full(shape, "", dtype=object)
    for row, group in enumerate(groups.values()):
        for column, (spread, bias) in enumerate(FITTED.values()):
            try:
                fit = measurements.fit_link(group, spread_column=spread, bias_column=bias)
            except MeasurementError as error:
                why_not[row, column] = str(error)
                continue
            for name, values in found.items():
                values[row, column] = getattr(fit, name)
    along = ("link", "fitted")
    fitted_all = xr.Dataset(
        {name: ((*along, "end")[: values.ndim], values) for name, values in found.items()}
        | {"why_not": (along, why_not)},
        coords={
            "link": np.array(list(groups), dtype=object),
            "condition": ("link", np.array([group.condition.iloc[0] for group in groups.values()], dtype=object)),
            "fitted": np.array(list(FITTED), dtype=object),
            "end": list(ENDS),
        },
        attrs={"title": "links fitted to static logs"},
    )
    return _described(fitted_all, MEANINGS_OF_LINKS)


def fit_of(dataset: xr.Dataset, link: str, fitted: str) -> LinkFit:
    """One link of the dataset of links.

    Raises
    ------
    MeasurementError
        If there is none, or it could not be fitted.
    """
    if link not in dataset.link.values:
        known = ", ".join(map(str, dataset.link.values))
        raise MeasurementError(
            f"there is no static log of {link}, so no link of it; there are links of {known}: begin the run's name "
            "with one of these conditions, or add static logs"
        )
    one = dataset.sel(link=link, fitted=fitted)
    if why_not := str(one.why_not.item()):
        raise MeasurementError(f"{link}: no link could be fitted: {why_not}")
    values: dict[str, Any] = {each.name: one[each.name].values.tolist() for each in fields(LinkFit)}
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return LinkFit(**told | {name: int(told[name]) for name in ("n_logs", "n_left_out")})


def run(files: RunFiles, fitted: xr.Dataset) -> xr.Dataset:
    """Positions of a dynamic run against its reference and the bound of its geometry, with links as measured.

    Parameters
    ----------
    files
        The run.
    fitted
        The dataset of links; that of the run's condition is used, as fitted to the device's ranges.

    Returns
    -------
    Dataset over ``epoch``, see :class:`isal.validation.tracking.TrackErrors`; ``summary`` holds its medians, ``epochs``
    counts by what happened, ``left_out`` lines by reason.

    Raises
    ------
    MeasurementError
        If the run can't be read, its condition has no link, or no position passes the test of outliers.
    """
    measured = logs.read_dynamic(files.folder)
    fit = fit_of(fitted, files.condition, OF_RUNS)
    result = tracking.track(measured, fit)
    positions, alignment, summary = result.found, result.alignment, result.medians()
    count, reasons = positions.counts, measured.left_out
    along = {
        "time_s": positions.time_s,
        "error_m": result.error_m,
        "along_m": result.along_m,
        "across_m": result.across_m,
        "bound_m": result.bound_m,
        "bias_known_bound_m": result.floor_bound_m,
        "nees": result.nees,
        "chi_square": positions.chi_square,
        "degrees": positions.degrees,
        "accepted": positions.accepted,
    }
    dataset = xr.Dataset(
        {name: ("epoch", values) for name, values in along.items()}
        | {
            "position_m": (("epoch", "axis"), positions.position_m),
            "reference_m": (("epoch", "axis"), result.reference_m[:, :2]),
            "used": (("epoch", "anchor"), positions.used),
            "anchor_m": (("anchor", "coordinate"), measured.anchors_m),
            "summary": ("quantity", list(summary.values())),
            "epochs": ("outcome", list(count.values())),
            "left_out": ("reason", list(reasons.values())),
        },
        coords={
            "axis": ["x", "y"],
            "coordinate": ["x", "y", "z"],
            "anchor": np.array(measured.anchor_names, dtype=object),
            "quantity": np.array(list(summary), dtype=object),
            "outcome": np.array(list(count), dtype=object),
            "reason": np.array(list(reasons), dtype=object),
        },
        attrs={
            "title": f"run {measured.name} against its reference",
            "run": measured.name,
            "link": files.condition,
            "delay_s": alignment.delay_s,
            "height_m": alignment.height_m,
            "spread_m": alignment.spread_m,
        },
    )
    return _described(dataset, MEANINGS_OF_RUNS)
