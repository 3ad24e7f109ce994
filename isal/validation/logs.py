"""Logs of two-way exchanges between real radios: reading them, cleaning them, and what their wrapped counters mean.

Where the files stand is in :mod:`isal.validation.log_folder`. A file is a table of comma-separated values with a
line of names; lines may end as Windows has them, the text may be UTF-8 or UTF-16, and what is neither is taken for text
that is no number.

A static log has one exchange per line (columns :data:`STATIC_COLUMNS`): the four stamps of RLM-OWR in ticks of
1 / (128 x 499.2 MHz), cut to so many bits of the counter, and the host's time.

What is left out is counted, under the name of its reason, and never silently dropped.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from isal.validation.log_folder import MeasurementError as MeasurementError
from isal.validation.log_folder import StaticFile, find_run, find_static

#: One count of the stamps, s.
TICK_S = 1 / (128 * 499.2e6)

#: Bits of the 40-bit device counter that a log keeps.
COUNTER_BITS = 32

STAMPS = ("poll_tx_ts", "poll_rx_ts", "resp_tx_ts", "resp_rx_ts")
STATIC_COLUMNS = ("timestamp", *STAMPS, "rtd_init", "rtd_resp", "Distance")
RANGE_COLUMNS = ("field.stamp", "field.x", "field.y", "field.z", "field.distanceFromTag")
REFERENCE_COLUMNS = ("timestamp", "x", "y", "z")

#: Two clocks differ by less than this; a larger jump of their offset means that a counter started anew.
LARGEST_DRIFT = 100e-6

#: The host's time of an exchange may be late by this much, s.
LARGEST_HOST_DELAY_S = 2.0

#: A number of wraps is trusted if what it was rounded from lies within this of it; by chance half of all do.
TRUSTED_ROUNDING = 0.25

#: Relative drifts below this move offsets by less per wrap than their jitter, so they can't count wraps.
SMALLEST_COUNTING_DRIFT = 0.05e-6

#: The drift's first estimate, from host time, may be off by this part.
HOST_RATE_ERROR = 0.1

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExchangeLog:
    """Exchanges of one pair of radios in time order.

    ``name``
        The file.
    ``host_s``
        Host time of each exchange from the first one on, s, shape ``(n,)``.
    ``stamps``
        ``poll_tx``, ``poll_rx``, ``resp_tx``, ``resp_rx`` in ticks as logged, wrapped, shape ``(n, 4)``.
    ``device_range_m``
        The device's own range, m, shape ``(n,)``.
    ``left_out``
        How many lines were left out, by reason.
    ``counter_bits``
        After how many bits the stamps wrap.
    """

    name: str
    host_s: Array
    stamps: Array
    device_range_m: Array
    left_out: Mapping[str, int]
    counter_bits: int = COUNTER_BITS

    def __len__(self) -> int:
        return len(self.host_s)

    @property
    def wrap(self) -> float:
        """Ticks after which a counter starts again."""
        return float(2**self.counter_bits)

    def wrapped(self, ticks: Array) -> Array:
        """Differences of stamps as the shortest way round the counter, ticks."""
        return np.asarray((ticks + self.wrap / 2) % self.wrap - self.wrap / 2)

    @property
    def round_trip_s(self) -> Array:
        """``resp_rx - poll_tx`` by the initiator's clock, s."""
        return self.wrapped(self.stamps[:, 3] - self.stamps[:, 0]) * TICK_S

    @property
    def reply_s(self) -> Array:
        """``resp_tx - poll_rx`` by the responder's clock, s."""
        return self.wrapped(self.stamps[:, 2] - self.stamps[:, 1]) * TICK_S

    @property
    def midpoint(self) -> Array:
        """``c''_1`` of step (3) in ticks, wrapped."""
        return np.asarray(self.stamps[:, 0] + self.round_trip_s / TICK_S / 2)

    @property
    def offset_s(self) -> Array:
        """``tau = c''_1 - c''_2`` of step (4), s, wrapped: only its changes mean something."""
        of_second = self.stamps[:, 1] + self.reply_s / TICK_S / 2
        return self.wrapped(self.midpoint - of_second) * TICK_S


@dataclass(frozen=True, eq=False)
class Intervals:
    """From each exchange of a log to the next, shape ``(n - 1,)``.

    ``duration_s``
        Time by the initiator's clock, s; NaN where the number of its wraps is in doubt or a counter started anew.
    ``offset_change_s``
        Change of tau, s; NaN where a counter started anew.
    ``lost``
        Exchanges that a regular spacing would have had between the two.
    ``left_out``
        How many intervals have no duration, by reason.
    """

    duration_s: Array
    offset_change_s: Array
    lost: NDArray[np.int64]
    left_out: Mapping[str, int]

    @property
    def drift(self) -> Array:
        """``k`` of step (6) for each interval; NaN where it has no duration."""
        return np.asarray(self.offset_change_s / self.duration_s)


def intervals(log: ExchangeLog) -> Intervals:
    """How long each interval of a log was, although its counters wrap and its host is late.

    The stamps give a duration up to whole wraps (67 ms for 32 bits). Host time tells how many, if it is good to a
    quarter of a wrap. Often it is not: a host that takes longer to write a line than the radios need for an exchange
    falls behind by more than a second, and *every* interval looks longer than it was, by the same amount, so nothing
    in the interval itself shows it. But the host can't fall behind for ever, so the drift over the whole log is right
    to some per cent, and as a drift is almost constant, the change of offset tells how long an interval was. This
    decides; where it can't, because the interval is long or the drift next to nothing, host time does, if it is in step
    with the counter. What neither decides has no duration.
    """
    n = max(len(log) - 1, 0)
    wrap_s = log.wrap * TICK_S
    host = np.diff(log.host_s)
    residue = (np.diff(log.midpoint) % log.wrap) * TICK_S
    change = log.wrapped(np.diff(log.offset_s) / TICK_S) * TICK_S
    anew = np.abs(change) > LARGEST_DRIFT * (host + LARGEST_HOST_DELAY_S)
    known = ~anew
    duration = np.full(n, np.nan)
    guess = np.full(n, np.nan)  # of the duration, without regard to wraps

    by_host = (host - residue) / wrap_s
    host_in_step = known & (np.abs(by_host - np.round(by_host)) < TRUSTED_ROUNDING) & (by_host > -TRUSTED_ROUNDING)
    rate = change[known].sum() / host[known].sum() if host[known].sum() > 0 else 0.0
    resolved = np.zeros(n, dtype=bool)
    if abs(rate) > SMALLEST_COUNTING_DRIFT:
        error = HOST_RATE_ERROR
        for _ in range(3):
            guess = change / rate
            wraps = (guess - residue) / wrap_s
            sure = known & (guess * error < TRUSTED_ROUNDING * wrap_s)
            resolved = sure & (np.abs(wraps - np.round(wraps)) < TRUSTED_ROUNDING) & (wraps > -TRUSTED_ROUNDING)
            if not resolved.any():
                break
            duration = np.where(resolved, residue + np.round(wraps) * wrap_s, np.nan)
            drifts = change[resolved] / duration[resolved]
            rate = float(np.median(drifts))
            # three robust standard deviations, and not less than half a per cent
            error = max(3 * 1.4826 * float(np.median(np.abs(drifts / rate - 1))), 0.005)
    # of intervals that say nothing about wraps three quarters seem out of step to one of two, so ask for more
    if host_in_step[known].mean() > 0.6 if known.any() else False:
        rest = ~resolved & host_in_step
        duration[rest] = (residue + np.round(by_host) * wrap_s)[rest]
        resolved |= rest
    usable = resolved & (duration > 0)
    duration[~usable] = np.nan
    change[anew] = np.nan
    spacing = np.nanmedian(duration) if usable.any() else np.median(host) if n else 1.0
    best = np.where(usable, duration, np.where(np.isfinite(guess) & known, guess, host))
    lost = np.maximum(np.round(best / spacing).astype(np.int64) - 1, 0)
    left_out = {"counter started anew": int(anew.sum()), "wraps in doubt": int((~usable & known).sum())}
    return Intervals(duration, change, lost, left_out)


def read_exchanges(path: Path | str, counter_bits: int = COUNTER_BITS) -> ExchangeLog:
    """Read one log of exchanges (columns :data:`STATIC_COLUMNS`).

    Left out and counted are lines that are empty, no exchange (means and deviations at the end), incomplete, at odds
    with themselves (``rtd_init`` is not ``resp_rx_ts - poll_tx_ts``, or likewise for the responder), or not later than
    the line before.

    Raises
    ------
    MeasurementError
        If the file is missing or no table, a column is missing, or a stamp does not fit the counter.
    """
    path = Path(path)
    table = _read_table(path, STATIC_COLUMNS)
    empty = table.apply(lambda column: column.str.strip().eq("")).all(axis=1).to_numpy(dtype=bool)
    numbers = table[list(STATIC_COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    no_exchange = ~empty & ~np.isfinite(numbers[:, 0])
    incomplete = ~empty & ~no_exchange & ~np.isfinite(numbers).all(axis=1)
    complete = ~(empty | no_exchange | incomplete)
    left_out = {"empty": int(empty.sum()), "no exchange": int(no_exchange.sum()), "incomplete": int(incomplete.sum())}
    lines = table.index[complete]
    numbers = numbers[complete]
    stamps = numbers[:, 1:5]
    too_large = np.argwhere(np.abs(stamps) >= 2.0**counter_bits)
    for row, column in too_large:
        raise MeasurementError(
            f"{path}: line {lines[row]}: {STAMPS[column]} {stamps[row, column]:.0f} does not fit "
            f"{counter_bits} bits; say how many bits of the counter the log keeps"
        )
    log = ExchangeLog(path.name, numbers[:, 0], stamps, numbers[:, 7], left_out, counter_bits)
    # half a tick: differences of whole ticks
    agree = (np.abs(log.wrapped(log.round_trip_s / TICK_S - numbers[:, 5])) < 0.5) & (
        np.abs(log.wrapped(log.reply_s / TICK_S - numbers[:, 6])) < 0.5
    )
    left_out["at odds with itself"] = int((~agree).sum())
    numbers = numbers[agree]
    latest = np.maximum.accumulate(np.concatenate([[-np.inf], numbers[:-1, 0]])) if len(numbers) else np.empty(0)
    in_order = numbers[:, 0] > latest
    left_out["not later than the line before"] = int((~in_order).sum())
    numbers = numbers[in_order]
    host = numbers[:, 0] - numbers[0, 0] if len(numbers) else numbers[:, 0]
    return ExchangeLog(path.name, host, numbers[:, 1:5], numbers[:, 7], left_out, counter_bits)


@dataclass(frozen=True, eq=False)
class StaticLog:
    """A log at rest, and its file."""

    file: StaticFile
    log: ExchangeLog

    @property
    def series(self) -> str:
        """Name of the series that this log belongs to, such as ``"LOS, 100 cm"``."""
        return f"{self.file.condition}, {self.file.height_cm:g} cm"


def read_static(folder: Path | str, counter_bits: int = COUNTER_BITS) -> list[StaticLog]:
    """All static logs under ``folder/static``, by condition, height and distance.

    Raises
    ------
    MeasurementError
        As :func:`isal.validation.log_folder.find_static` and :func:`read_exchanges`.
    """
    return [StaticLog(file, read_exchanges(file.path, counter_bits)) for file in find_static(folder)]


@dataclass(frozen=True, eq=False)
class DynamicRun:
    """Ranges of several anchors to one moving tag, and where it was.

    ``anchor_names``, ``anchors_m``
        File names without ending, and positions, m, shape ``(n_anchors, 3)``.
    ``time_s``, ``anchor``, ``range_m``
        Each range in time order: when, s from the reference's first time on, from which anchor, and m.
    ``reference_time_s``, ``reference_m``
        Reference track: times, s, and positions, m, shape ``(n, 3)``.
    ``left_out``
        How many lines were left out, by reason.
    """

    name: str
    anchor_names: tuple[str, ...]
    anchors_m: Array
    time_s: Array
    anchor: NDArray[np.intp]
    range_m: Array
    reference_time_s: Array
    reference_m: Array
    left_out: Mapping[str, int]

    def reference_at(self, time_s: Array) -> Array:
        """Reference position at given times by linear interpolation, m, shape ``(n, 3)``; NaN outside the track."""
        columns = [
            np.interp(time_s, self.reference_time_s, column, left=np.nan, right=np.nan) for column in self.reference_m.T
        ]
        return np.stack(columns, axis=-1)


def read_dynamic(folder: Path | str) -> DynamicRun:
    """Read one dynamic run: ``trajectory.csv`` and one file of ranges per anchor; times in nanoseconds.

    Left out and counted are lines that are incomplete, have no positive range, or repeat an anchor's time. Ranges
    outside the times of the reference are left out too.

    Raises
    ------
    MeasurementError
        If a folder, file or column is missing, an anchor moves, or there are fewer than three anchors.
    """
    files = find_run(folder)
    left_out = {"incomplete": 0, "no positive range": 0, "repeated": 0, "outside the reference": 0}
    reference = _numbers(_read_table(files.reference, REFERENCE_COLUMNS), REFERENCE_COLUMNS, left_out)
    reference = reference[np.unique(reference[:, 0], return_index=True)[1]]
    if len(reference) < 2:
        raise MeasurementError(f"{files.reference}: fewer than two reference positions")
    start = reference[0, 0]
    anchors, times, which, ranges = [], [], [], []
    for number, path in enumerate(files.ranges.values()):
        rows = _numbers(_read_table(path, RANGE_COLUMNS), RANGE_COLUMNS, left_out)
        if not len(rows):
            raise MeasurementError(f"{path}: no range in it; remove the file or mend it")
        if np.ptp(rows[:, 1:4], axis=0).max() > 0:
            raise MeasurementError(f"{path}: the anchor's position field.x, field.y, field.z changes; it must be fixed")
        positive = rows[:, 4] > 0
        left_out["no positive range"] += int((~positive).sum())
        rows = rows[positive]
        first = np.sort(np.unique(rows[:, 0], return_index=True)[1])
        left_out["repeated"] += len(rows) - len(first)
        rows = rows[first]
        anchors.append(rows[0, 1:4] if len(rows) else np.full(3, np.nan))
        times.append((rows[:, 0] - start) * 1e-9)
        which.append(np.full(len(rows), number))
        ranges.append(rows[:, 4])
    reference_time = (reference[:, 0] - start) * 1e-9
    time, anchor, measured = np.concatenate(times), np.concatenate(which), np.concatenate(ranges)
    order = np.argsort(time, kind="stable")
    order = order[(time[order] >= 0) & (time[order] <= reference_time[-1])]
    left_out["outside the reference"] = len(time) - len(order)
    if not len(order):
        raise MeasurementError(
            f"{files.folder}: no range within the times of {files.reference.name}; both must be in nanoseconds"
        )
    return DynamicRun(
        files.folder.name,
        tuple(files.ranges),
        np.array(anchors),
        time[order],
        anchor[order],
        measured[order],
        reference_time,
        reference[:, 1:],
        left_out,
    )


def _read_table(path: Path, columns: Sequence[str]) -> Any:
    """A file as a table of text with stripped names, after checking that it has the columns; indexed by line.

    A line of more fields than there are names has none that can be trusted but the first, which alone is kept.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MeasurementError(f"{path}: no such file") from error
    except OSError as error:
        raise MeasurementError(f"{path}: can't be read ({error.strerror})") from error
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # numbers are ASCII: letters of another encoding stand in lines of text, which are no numbers anyway
    text = content.decode(encoding, errors="replace").replace("\0", "")
    reader = csv.reader(text.splitlines(), skipinitialspace=True)
    try:
        lines = [(reader.line_num, fields) for fields in reader]
    except csv.Error as error:
        raise MeasurementError(f"{path}: not a table of comma-separated values ({error})") from error
    first = next((place for place, (_, fields) in enumerate(lines) if any(map(str.strip, fields))), None)
    if first is None:
        raise MeasurementError(f"{path}: not a table, it is empty; remove the file")
    names = [name.strip() for name in lines[first][1]]
    missing = [name for name in columns if name not in names]
    if missing:
        hint = "; separate fields by commas, and write decimals with a point" if ";" in "".join(names) else ""
        raise MeasurementError(
            f"{path}: no column {', '.join(missing)}; it has {', '.join(names)}, and needs {', '.join(columns)}{hint}"
        )
    if twice := [name for name in columns if names.count(name) > 1]:
        raise MeasurementError(f"{path}: the column {twice[0]} stands twice; keep one")
    rows = []
    for _, fields in lines[first + 1 :]:
        if any(map(str.strip, fields[len(names) :])):
            fields = fields[:1]
        rows.append([*fields, *[""] * len(names)][: len(names)])
    numbers = [number for number, _ in lines[first + 1 :]]
    return pd.DataFrame(rows, columns=names, index=numbers, dtype=str)


def _numbers(table: Any, columns: Sequence[str], left_out: dict[str, int]) -> Array:
    """The columns as numbers, without incomplete lines, which are counted."""
    numbers = table[list(columns)].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    complete = np.isfinite(numbers).all(axis=1)
    left_out["incomplete"] += int((~complete).sum())
    return np.asarray(numbers[complete])
