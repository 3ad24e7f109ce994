"""What logs of real exchanges say: drift, ranges with and without it, spread and bias over distance, a measured link.

A log is read by :mod:`isal.validation.logs` and put through the formulas of :mod:`isal.validation.clocks`; node 1 is
the initiator. Statistics are robust throughout: medians, and standard deviations without outliers (:func:`spread`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import median_abs_deviation, theilslopes

from isal.model.floor import limited
from isal.model.radio import Radio
from isal.units import SPEED_OF_LIGHT
from isal.validation.clocks import corrected_range, single_sided_range
from isal.validation.logs import ExchangeLog, MeasurementError, StaticLog, intervals

#: What lies farther than this many robust standard deviations from the median is an outlier.
LARGEST_DEVIATION = 5.0

#: A log of fewer exchanges has no spread worth the name.
FEWEST_EXCHANGES = 10

#: Resamples of the distances for intervals of a fit.
RESAMPLES = 200

#: Ratios of variance from growth, at the farthest log, to that of the floor that a fit looks at: none, and 1e-3 to 1e4.
RATIOS = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 141)])

#: Steps of reweighting for a robust mean.
ROBUST_STEPS = 5

#: Variance of a median over that of a mean, normal noise.
MEDIAN_VARIANCE = math.pi / 2

Array = NDArray[np.float64]


def inliers(values: Array) -> NDArray[np.bool_]:
    """Which values lie within five robust standard deviations (scaled median absolute deviation) of the median."""
    away = np.abs(values - np.median(values)) if values.size else values
    scale = float(median_abs_deviation(values, scale="normal")) if values.size else 0.0
    # where more than half of all values are equal, as coarse ranges may be, the mean deviation has to do
    scale = scale or float(away.mean() if values.size else 0.0)
    return np.asarray(away <= LARGEST_DEVIATION * scale)


def spread(values: ArrayLike) -> float:
    """Standard deviation of the values that are no outliers; NaN of fewer than two.

    The median absolute deviation alone would do as robust, but knows a device's ranges only to a whole step of theirs,
    and has three times the variance.
    """
    array = np.asarray(values, dtype=float)
    kept = array[inliers(array)]
    return float(np.std(kept, ddof=1)) if kept.size > 1 else math.nan


@dataclass(frozen=True, eq=False)
class ExchangeRanges:
    """Ranges of one log, each of shape ``(n,)``, m, and what they were made with.

    ``drift``
        k of each exchange, NaN where none is known.
    ``uncorrected_m``, ``corrected_m``, ``device_m``
        Range without and with drift correction, NaN without drift, and the device's own.
    ``reply_s``
        Reply times, s.
    ``spacing_s``
        Median time from exchange to exchange, s.
    ``drift_of_intervals``
        k from each exchange to the next, shape ``(n - 1,)``.
    ``lost``
        Exchanges missing from the regular spacing.
    ``left_out``
        Counts by reason: lines of the log, its intervals, and exchanges without a drift.
    """

    drift: Array
    uncorrected_m: Array
    corrected_m: Array
    device_m: Array
    reply_s: Array
    spacing_s: float
    drift_of_intervals: Array
    lost: int
    left_out: Mapping[str, int]


def ranges(log: ExchangeLog) -> ExchangeRanges:
    """Drift and ranges of every exchange of a log.

    An exchange is corrected by the mean drift to its neighbours in time, weighted by the inverse square of the time
    between, as jitter weighs. That is good to 1e-9, where a range needs 1e-7 for 2 cm at a reply time of 1 ms.
    """
    between = intervals(log)
    drifts = between.drift
    known = np.isfinite(drifts)
    outlying = known.copy()
    outlying[known] = ~inliers(drifts[known])
    used = known & ~outlying
    weight = np.where(used, between.duration_s, np.inf) ** -2.0
    weighted = weight * np.where(used, drifts, 0.0)
    none = np.zeros(min(len(log), 1))
    total, sum_ = (np.concatenate([none, x]) + np.concatenate([x, none]) for x in (weight, weighted))
    drift = np.divide(sum_, total, out=np.full(len(log), np.nan), where=total > 0)
    left_out = dict(log.left_out) | dict(between.left_out)
    left_out["drift far from the median"] = int(outlying.sum())
    left_out["exchange without drift"] = int(np.isnan(drift).sum())
    return ExchangeRanges(
        drift,
        single_sided_range(log.round_trip_s, log.reply_s),
        corrected_range(log.round_trip_s, log.reply_s, drift),
        log.device_range_m,
        log.reply_s,
        float(np.median(between.duration_s[known])) if known.any() else math.nan,
        np.where(used, drifts, np.nan),
        int(between.lost.sum()),
        left_out,
    )


#: Median minus true distance, by the column that has the median.
BIASES = {"corrected_m": "bias_m", "uncorrected_m": "uncorrected_bias_m", "device_m": "device_bias_m"}

STATIC_TABLE = [
    "series",
    "condition",
    "height_cm",
    "distance_m",
    "exchanges",
    "used",
    "lost",
    "left_out",
    "drift",
    "drift_spread",
    "stamp_limit",
    "reply_s",
    "spacing_s",
    "uncorrected_m",
    "corrected_m",
    "device_m",
    "shift_m",
    "shift_ratio",
    "shift_ratio_spread",
    "device_ratio",
    "spread_m",
    "uncorrected_spread_m",
    "device_spread_m",
    *BIASES.values(),
]


def static_table(logs: Sequence[StaticLog]) -> Any:
    """One row per static log, a :class:`pandas.DataFrame`; NaN where a log has fewer exchanges than 10.

    ``series, condition, height_cm, distance_m``
        What was measured.
    ``exchanges, used, lost, left_out``
        Exchanges read, those with a drift, those missing from the regular spacing, lines and intervals left out.
    ``drift, drift_spread, stamp_limit``
        Median k, its robust standard deviation between neighbouring exchanges, and what of it the stamps would cause,
        ``sqrt(2) sigma / dt``, with sigma from the spread of ranges, as ``tau`` and the delay jitter alike.
    ``reply_s, spacing_s``
        Median reply time and time between exchanges, s.
    ``uncorrected_m, corrected_m, device_m``
        Median ranges, m.
    ``shift_m``
        ``c k T_reply / 2`` with the log's median k, m.
    ``shift_ratio, shift_ratio_spread``
        Median and robust standard deviation over exchanges of (uncorrected - corrected) / shift; the correction uses
        the exchange's own k.
    ``device_ratio``
        The median of (uncorrected - device) / shift, which knows nothing of the correction.
    ``spread_m, uncorrected_spread_m, device_spread_m``
        Robust standard deviation of the corrected, the uncorrected and the device's range, m.
    ``bias_m, uncorrected_bias_m, device_bias_m``
        Median range minus true distance, m.
    """
    rows = []
    for static in logs:
        found = ranges(static.log)
        used = np.isfinite(found.corrected_m)
        row: dict[str, Any] = {
            "series": static.series,
            "condition": static.file.condition,
            "height_cm": static.file.height_cm,
            "distance_m": static.file.distance_m,
            "exchanges": len(static.log),
            "used": int(used.sum()),
            "lost": found.lost,
            "left_out": sum(found.left_out.values()),
        }
        if used.sum() >= FEWEST_EXCHANGES:
            k = float(np.nanmedian(found.drift))
            shift = SPEED_OF_LIGHT * k * found.reply_s[used] / 2
            between = found.drift_of_intervals[np.isfinite(found.drift_of_intervals)]
            noise = spread(found.corrected_m[used])
            ratio = (found.uncorrected_m - found.corrected_m)[used] / shift
            row |= {
                "drift": k,
                "drift_spread": spread(between),
                "stamp_limit": math.sqrt(2) * noise / SPEED_OF_LIGHT / found.spacing_s,
                "reply_s": float(np.median(found.reply_s)),
                "spacing_s": found.spacing_s,
                "uncorrected_m": float(np.median(found.uncorrected_m[used])),
                "corrected_m": float(np.median(found.corrected_m[used])),
                "device_m": float(np.median(found.device_m[used])),
                "shift_m": float(np.median(shift)),
                "shift_ratio": float(np.median(ratio)),
                "shift_ratio_spread": spread(ratio),
                "device_ratio": float(np.median((found.uncorrected_m - found.device_m)[used] / shift)),
                "spread_m": noise,
                "uncorrected_spread_m": spread(found.uncorrected_m[used]),
                "device_spread_m": spread(found.device_m[used]),
            }
            for column, bias in BIASES.items():
                row[bias] = row[column] - static.file.distance_m
        rows.append(row)
    return pd.DataFrame(rows, columns=STATIC_TABLE)


@dataclass(frozen=True)
class Slope:
    """A slope with its standard error, from ``n`` exchanges."""

    value: float
    standard_error: float
    n: int


def following(logs: Sequence[StaticLog]) -> Slope:
    """Slope of uncorrected ranges against ``c k T_reply / 2`` *within* logs: 1, if ranges follow the drift.

    The shift of a corrected range is ``c k T_reply / 2`` by construction. This is a test: the drift between exchanges
    wanders from one to the next, and ranges that know nothing of it have to wander along. Wander faster than the
    exchanges follow each other is averaged out in k and makes the slope larger than 1.
    """
    shifts, errors = [], []
    for static in logs:
        found = ranges(static.log)
        used = np.isfinite(found.drift)
        if used.sum() < FEWEST_EXCHANGES:
            continue
        used[used] = inliers(found.uncorrected_m[used])
        shift = SPEED_OF_LIGHT * found.drift[used] * found.reply_s[used] / 2
        shifts.append(shift - shift.mean())
        errors.append(found.uncorrected_m[used] - found.uncorrected_m[used].mean())
    if not shifts:
        raise MeasurementError(f"none of {len(logs)} logs has {FEWEST_EXCHANGES} exchanges with a drift")
    x, y = np.concatenate(shifts), np.concatenate(errors)
    power = float(x @ x)
    if not power > 0:
        raise MeasurementError("the drift does not wander within these logs, so no range can follow it")
    slope = float(x @ y) / power
    return Slope(slope, float(np.sqrt(np.mean((y - slope * x) ** 2) / power)), len(x))


def left_out_table(logs: Sequence[StaticLog]) -> Any:
    """How much of each series was left out, by reason: a :class:`pandas.DataFrame`, a row per series."""
    counts = pd.DataFrame([{"series": static.series, **ranges(static.log).left_out} for static in logs])
    return counts.groupby("series").sum()


@dataclass(frozen=True, eq=False)
class LinkFit:
    """A link as measured: its range has bias ``bias_m + bias_per_m d`` and the variance of :meth:`variance`.

    ``floor_m``
        Standard deviation that stays at any distance, ``c sigma_t``, m.
    ``growth``
        Standard deviation per metre of distance, dimensionless: ``1 / lambda = (growth d)^2``, (14). Zero if the spread
        does not grow.
    ``bias_spread_m``
        Robust standard deviation of the bias about its line from place to place, m, what exchanges of one place share.
    ``floor_interval_m``, ``growth_interval``, ``bias_per_m_interval``
        95 % intervals; the first two from resampling the distances.
    ``n_logs``, ``n_left_out``
        Logs that were fitted, and those that were too short.
    """

    floor_m: float
    growth: float
    bias_m: float
    bias_per_m: float
    bias_spread_m: float
    floor_interval_m: tuple[float, float]
    growth_interval: tuple[float, float]
    bias_per_m_interval: tuple[float, float]
    n_logs: int
    n_left_out: int

    @property
    def timestamp_jitter_s(self) -> float:
        """``sigma_t`` of the floor if all four stamps jitter, s."""
        return self.floor_m / SPEED_OF_LIGHT

    def variance(self, distance_m: ArrayLike, *, bias_known: bool = False) -> Array:
        """Variance of a range, m^2: thermal noise, floor and, unless the bias of the place is known, its spread."""
        shared = 0.0 if bias_known else self.bias_spread_m
        return np.asarray((self.growth * np.asarray(distance_m, dtype=float)) ** 2 + self.floor_m**2 + shared**2)

    def intensity(self, distance_m: ArrayLike, *, bias_known: bool = False) -> Array:
        """Range information intensity of a measured link, ``1 / (1 / lambda + c^2 sigma_t^2 + sigma_b^2)``, 1/m^2."""
        return np.asarray(1 / self.variance(distance_m, bias_known=bias_known))

    def bias(self, distance_m: ArrayLike) -> Array:
        """Bias of a range at a true distance, m."""
        return np.asarray(self.bias_m + self.bias_per_m * np.asarray(distance_m, dtype=float))

    def without_bias(self, range_m: ArrayLike) -> Array:
        """The distance whose biased range is this one, m."""
        return np.asarray((np.asarray(range_m, dtype=float) - self.bias_m) / (1 + self.bias_per_m))

    def radio(self, radio: Radio, power_w: float) -> Radio:
        """A radio with the floor of the fit, by its jitter, and its thermal noise at ``power_w``, by its pulses.

        ``xi P = 1 / growth^2``. The spread of the bias from place to place is not in it.

        Raises
        ------
        MeasurementError
            If the spread does not grow with distance, so that the thermal noise is below what can be seen.
        """
        if not self.growth > 0:
            raise MeasurementError(
                "the spread of ranges does not grow with distance, so thermal noise can't be fitted; "
                "keep the radio's own and use the floor"
            )
        wanted = 1 / (self.growth**2 * power_w)
        return replace(radio, pulses=radio.pulses * wanted / radio.xi, timestamp_jitter_s=self.timestamp_jitter_s)


def limited_intensity(intensity: ArrayLike, fit: LinkFit, *, bias_known: bool = False) -> Array:
    """Links of a model as a measured floor leaves them: ``1 / (1 / lambda + c^2 sigma_t^2 + sigma_b^2)``, 1/m^2.

    ``intensity`` is lambda of (14) or (15) at the powers used, 1/m^2. The result is concave in the power.
    """
    return limited(intensity, float(fit.variance(0.0, bias_known=bias_known)))


def fit_link(
    table: Any,
    *,
    spread_column: str = "spread_m",
    bias_column: str = "bias_m",
    seed: int = 1,
    resamples: int = RESAMPLES,
) -> LinkFit:
    """Fit floor, growth and bias to rows of :func:`static_table`, say of one series.

    ``spread^2 = floor^2 + (growth d)^2`` is fitted on a logarithmic scale, as a standard deviation from n exchanges is
    known to a constant part, with a loss that grows linearly for outliers. A growth that is not seen is zero. The bias
    is the Theil-Sen line. Its spread is what is left about the line, less what medians of noisy ranges would leave.

    Raises
    ------
    MeasurementError
        If fewer than four logs, at fewer than three distances, are left.
    """
    usable = table[np.isfinite(table[spread_column]) & (table[spread_column] > 0) & np.isfinite(table[bias_column])]
    distance, width, bias, used = (
        usable[name].to_numpy(dtype=float) for name in ("distance_m", spread_column, bias_column, "used")
    )
    if len(usable) < 4 or len(np.unique(distance)) < 3:
        raise MeasurementError(
            f"{len(usable)} logs at {len(np.unique(distance))} distances have a spread; a fit over distance needs "
            "four logs at three distances"
        )
    chosen = np.random.default_rng(seed).integers(len(distance), size=(resamples, len(distance)))
    chosen = np.concatenate([np.arange(len(distance))[None], chosen])
    floors, growths = _fit_spreads(distance[chosen], width[chosen], used[chosen])
    floor_interval, growth_interval = (np.percentile(values[1:], [2.5, 97.5]) for values in (floors, growths))
    slope, intercept, slope_low, slope_high = theilslopes(bias, distance)
    about = spread(bias - intercept - slope * distance) ** 2
    of_medians = float(np.median(MEDIAN_VARIANCE * width**2 / used))
    return LinkFit(
        float(floors[0]),
        float(growths[0]),
        float(intercept),
        float(slope),
        math.sqrt(max(about - of_medians, 0.0)),
        (float(floor_interval[0]), float(floor_interval[1])),
        (float(growth_interval[0]), float(growth_interval[1])),
        (float(slope_low), float(slope_high)),
        len(usable),
        len(table) - len(usable),
    )


def _fit_spreads(distance: Array, width: Array, used: Array) -> tuple[Array, Array]:
    """Floor and growth of ``width^2 = floor^2 + (growth d)^2``, one fit per row of ``(n_fits, n_logs)``.

    For a given ratio of growth to floor the logarithm of the floor is a robust mean, so the ratio is searched over all
    of :data:`RATIOS` and nothing depends on a start.
    """
    far = distance.max()
    certainty = np.sqrt(2.0 * used)  # of log(width), normal noise
    # (ratios, fits, logs)
    level = np.log(width) - np.log1p(RATIOS[:, None, None] * (distance / far) ** 2) / 2
    middle = np.median(level, axis=-1, keepdims=True)
    for _ in range(ROBUST_STEPS):
        weight = certainty**2 / np.sqrt(1 + (certainty * (level - middle)) ** 2)
        middle = (weight * level).sum(axis=-1, keepdims=True) / weight.sum(axis=-1, keepdims=True)
    loss = np.sqrt(1 + (certainty * (level - middle)) ** 2).sum(axis=-1)
    best = np.argmin(loss, axis=0)
    floor = np.exp(middle[best, np.arange(len(best)), 0])
    return floor, floor * np.sqrt(RATIOS[best]) / far
