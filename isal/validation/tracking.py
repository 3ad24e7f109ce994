"""Positions of a moving tag from measured ranges, against the bound of that geometry with links as measured.

The ranges of one epoch give a position by least squares, weighted by the variance of a measured link. Nothing of the
reference enters it but two numbers of the installation, found once per run (:func:`align`): how late ranges are logged,
and how high the tag is carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.stats import chi2

from isal.validation.logs import DynamicRun, MeasurementError
from isal.validation.measurements import LinkFit

#: Ranges within this time make one position, s.
EPOCH_S = 0.05

#: Probability with which the test of an epoch without outliers rejects it.
FALSE_ALARM = 0.01

#: Least squares start in this many directions from the anchors, so that no start knows the answer.
STARTS = 8

#: Steps of Gauss-Newton at most, and the relative change of the chi-square at which it has converged.
STEPS, CONVERGED = 100, 1e-10

#: Residuals of the alignment beyond this weigh less than in proportion, m.
ALIGNMENT_SCALE_M = 0.05

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Alignment:
    """What ranges and reference differ by: ranges are logged ``delay_s`` late, the tag is ``height_m`` above its track.

    ``spread_m`` is the median absolute residual of the ranges after it, m.
    """

    delay_s: float
    height_m: float
    spread_m: float


@dataclass(frozen=True, eq=False)
class Epochs:
    """Ranges put together: time, s, shape ``(n,)``; ranges, m, and whether there is one, shape ``(n, n_anchors)``."""

    time_s: Array
    range_m: Array
    measured: Mask


@dataclass(frozen=True, eq=False)
class Positions:
    """Positions of all epochs with at least three ranges.

    ``time_s``
        Shape ``(n,)``, s.
    ``position_m``, ``covariance_m2``
        Horizontal position and its covariance to first order, shapes ``(n, 2)`` and ``(n, 2, 2)``.
    ``used``
        Which ranges, shape ``(n, n_anchors)``.
    ``chi_square``, ``degrees``
        Weighted sum of squared residuals, and ranges less unknowns.
    ``accepted``
        Whether the residuals pass the chi-square test, in the end.
    ``converged``
        Whether the iteration did.
    ``counts``
        Epochs by what happened: ``too few ranges``, ``clean``, ``one range rejected``, ``not accepted``,
        ``not converged``.
    """

    time_s: Array
    position_m: Array
    covariance_m2: Array
    used: Mask
    chi_square: Array
    degrees: NDArray[np.intp]
    accepted: Mask
    converged: Mask
    counts: Mapping[str, int]


def epochs(run: DynamicRun, window_s: float = EPOCH_S) -> Epochs:
    """Group the ranges of a run: an epoch starts with a range and takes those within the window, one of each anchor."""
    n_anchors = len(run.anchor_names)
    time, ranges = [], []
    first = 0
    while first < len(run.time_s):
        start = run.time_s[first]
        row = np.full(n_anchors, np.nan)
        last = first
        while last < len(run.time_s) and run.time_s[last] <= start + window_s and np.isnan(row[run.anchor[last]]):
            row[run.anchor[last]] = run.range_m[last]
            last += 1
        time.append(run.time_s[first:last].mean())
        ranges.append(row)
        first = last
    found = np.array(ranges).reshape(-1, n_anchors)
    return Epochs(np.array(time), found, np.isfinite(found))


def align(run: DynamicRun, fit: LinkFit) -> Alignment:
    """Delay and height of a run by robust least squares: its ranges, freed of the fit's bias, against its reference."""
    distance = fit.without_bias(run.range_m)
    spot = run.anchors_m[run.anchor]

    def residual(x: Array) -> Array:
        # the ends of the track stand still for times outside it
        times = np.clip(run.time_s - x[0], run.reference_time_s[0], run.reference_time_s[-1])
        tag = run.reference_at(times) + np.array([0.0, 0.0, x[1]])
        return np.asarray(distance - np.linalg.norm(tag - spot, axis=1))

    starts = [(0.0, height) for height in (0.0, 2.0)]
    best = min(
        (
            least_squares(
                residual, start, loss="soft_l1", f_scale=ALIGNMENT_SCALE_M, diff_step=1e-3, x_scale=[0.1, 0.5]
            )
            for start in starts
        ),
        key=lambda found: float(found.cost),
    )
    return Alignment(float(best.x[0]), float(best.x[1]), float(np.median(np.abs(residual(best.x)))))


def positions(
    anchors_m: Array,
    height_m: float,
    found: Epochs,
    fit: LinkFit,
    *,
    false_alarm: float = FALSE_ALARM,
) -> Positions:
    """Horizontal positions at a known height by weighted least squares, with an outlier test.

    An epoch whose chi-square is improbable is solved again without each of its ranges in turn, and loses the one that
    leaves the least chi-square, as long as a residual is left to test by; so one of four ranges can be found out, and
    with three only that one is wrong. (For small residuals the drop of chi-square is the squared normalised residual of
    the range left out; an outlier of metres is not small.) These solutions start from that of all ranges, as three
    ranges alone often fit a mirror image just as well. All other starts lie around the anchors: what comes out is the
    least of all minima found, not the one nearest to the truth.

    Parameters
    ----------
    anchors_m
        Positions, m, shape ``(n_anchors, 3)``.
    height_m
        The tag's z coordinate, m.
    found
        The ranges.
    fit
        The link as measured: its bias is removed, its variance weighs.
    """
    enough = found.measured.sum(axis=1) >= 3
    measured = found.measured[enough]
    distance = np.where(measured, fit.without_bias(found.range_m[enough]), 1.0)
    weight = np.where(measured, fit.intensity(distance), 0.0)
    spot, cost, converged = _solve(anchors_m, height_m, distance, weight)
    degrees = measured.sum(axis=1) - 2
    passed = cost <= chi2.ppf(1 - false_alarm, degrees)
    used, rejected = measured.copy(), np.zeros(len(measured), dtype=bool)
    again = np.flatnonzero(~passed & (degrees > 1))
    if len(again):
        # (epochs, range left out, anchors)
        left = np.repeat(weight[again, None], len(anchors_m), axis=1)
        left[:, np.arange(len(anchors_m)), np.arange(len(anchors_m))] = 0.0
        every = np.repeat(distance[again, None], len(anchors_m), axis=1)
        flat = (len(again) * len(anchors_m), len(anchors_m))
        start = np.repeat(spot[again], len(anchors_m), axis=0)[:, None]
        spots, costs, settled = _solve(anchors_m, height_m, every.reshape(flat), left.reshape(flat), start)
        costs = np.where(measured[again], costs.reshape(len(again), -1), np.inf)
        worst = np.argmin(costs, axis=1)
        rows = np.arange(len(again))
        index = rows * len(anchors_m) + worst
        weight[again, worst] = 0.0
        used[again, worst] = False
        degrees[again] -= 1
        spot[again], cost[again], converged[again] = spots[index], costs[rows, worst], settled[index]
        passed[again] = cost[again] <= chi2.ppf(1 - false_alarm, degrees[again])
        rejected[again] = passed[again]
    accepted = passed & converged
    counts = {
        "too few ranges": int((~enough).sum()),
        "clean": int((accepted & ~rejected).sum()),
        "one range rejected": int((accepted & rejected).sum()),
        "not accepted": int((~passed & converged).sum()),
        "not converged": int((~converged).sum()),
    }
    matrix = _normal_matrix(anchors_m, height_m, spot, weight)
    covariance = np.asarray(np.linalg.pinv(matrix, hermitian=True), dtype=float)
    return Positions(found.time_s[enough], spot, covariance, used, cost, degrees, accepted, converged, counts)


def position_bound(anchors_m: Array, tag_m: Array, fit: LinkFit, measured: Mask, *, bias_known: bool = False) -> Array:
    """Root of the SPEB of the horizontal position, m, shape ``(n,)``: the geometry's bound with links as measured.

    ``tag_m`` has shape ``(n, 3)``, ``measured`` shape ``(n, n_anchors)``. The links' biases are independent with the
    fit's spread, or known. Infinite where the ranges leave a direction undetermined, NaN where ``tag_m`` is.
    """
    known = np.isfinite(tag_m).all(axis=1)
    bound = np.full(len(tag_m), np.nan)
    tag_m, measured = tag_m[known], measured[known]
    away = tag_m[:, None] - anchors_m
    distance = np.linalg.norm(away, axis=2)
    unit = away[..., :2] / distance[..., None]
    matrix = np.einsum(
        "na,nai,naj->nij", np.where(measured, fit.intensity(distance, bias_known=bias_known), 0.0), unit, unit
    )
    determinant = np.linalg.det(matrix)
    trace = np.trace(matrix, axis1=1, axis2=2)
    usable = determinant > 1e-12 * trace**2
    # the trace of the inverse of a 2 x 2 matrix
    bound[known] = np.sqrt(np.divide(trace, determinant, out=np.full(len(trace), np.inf), where=usable))
    return bound


@dataclass(frozen=True, eq=False)
class TrackErrors:
    """A run against its reference; all but ``alignment`` and ``found`` NaN outside the track.

    ``reference_m``
        The reference at each (aligned) time, m, shape ``(n, 3)``.
    ``error_m``, ``along_m``, ``across_m``
        Distance to it, and its parts along and across the direction from the middle of the anchors, m, shape ``(n,)``.
    ``bound_m``, ``floor_bound_m``
        Root of the SPEB with links as measured, biases independent from link to link, and with the bias of every link
        known, m, shape ``(n,)``. Anchors close together share what the place does to their ranges, so the truth is
        between the two: a shared bias moves the position along, not across.
    ``nees``
        Squared error over the position's own covariance, shape ``(n,)``; 2 on average if that is honest.
    """

    alignment: Alignment
    found: Positions
    reference_m: Array
    error_m: Array
    along_m: Array
    across_m: Array
    bound_m: Array
    floor_bound_m: Array
    nees: Array

    def medians(self) -> dict[str, float]:
        """What a table says of the run: medians over accepted epochs, m, and the same without the outlier test.

        Raises
        ------
        MeasurementError
            If no epoch is accepted.
        """
        inside = np.isfinite(self.error_m) & np.isfinite(self.bound_m)
        kept = self.found.accepted & inside
        if not kept.any():
            told = ", ".join(f"{what}: {count}" for what, count in self.found.counts.items())
            raise MeasurementError(
                f"no position within the track passes the outlier test ({told}); see whether the anchors' positions "
                "and times belong to this run and the links to these radios"
            )
        error, bound, floor = self.error_m[kept], np.median(self.bound_m[kept]), np.median(self.floor_bound_m[kept])
        return {
            "epochs": float(kept.sum()),
            "median error": float(np.median(error)),
            "median bound": float(bound),
            "median bound, biases known": float(floor),
            "error over bound": float(np.median(error) / bound),
            "error over bound, biases known": float(np.median(error) / floor),
            "median error along": float(np.median(np.abs(self.along_m[kept]))),
            "median error across": float(np.median(np.abs(self.across_m[kept]))),
            "error, 95 %": float(np.percentile(error, 95)),
            "median NEES": float(np.median(self.nees[kept])),
            "epochs without test": float(inside.sum()),
            "median error without test": float(np.median(self.error_m[inside])),
            "error, 95 %, without test": float(np.percentile(self.error_m[inside], 95)),
        }


def track(run: DynamicRun, fit: LinkFit, *, window_s: float = EPOCH_S, false_alarm: float = FALSE_ALARM) -> TrackErrors:
    """Positions of a dynamic run and what they are worth.

    Raises
    ------
    MeasurementError
        If no epoch has three ranges.
    """
    alignment = align(run, fit)
    height = float(np.median(run.reference_m[:, 2])) + alignment.height_m
    found = positions(run.anchors_m, height, epochs(run, window_s), fit, false_alarm=false_alarm)
    if not len(found.time_s):
        raise MeasurementError(
            f"{run.name}: no three ranges within {window_s:g} s of each other; give a longer window_s, "
            "or mend the times of the anchors"
        )
    reference = run.reference_at(found.time_s - alignment.delay_s)
    error = found.position_m - reference[:, :2]
    away = reference[:, :2] - run.anchors_m[:, :2].mean(axis=0)
    along = away / np.linalg.norm(away, axis=1)[:, None]
    inverse = np.linalg.pinv(found.covariance_m2, hermitian=True)
    tag = reference + np.array([0.0, 0.0, alignment.height_m])
    return TrackErrors(
        alignment,
        found,
        reference,
        np.linalg.norm(error, axis=1),
        np.einsum("ni,ni->n", error, along),
        along[:, 0] * error[:, 1] - along[:, 1] * error[:, 0],
        position_bound(run.anchors_m, tag, fit, found.used),
        position_bound(run.anchors_m, tag, fit, found.used, bias_known=True),
        np.einsum("ni,nij,nj->n", error, inverse, error),
    )


def _model(anchors_m: Array, height_m: float, spot: Array) -> tuple[Array, Array]:
    """Distances and their horizontal derivatives at positions of shape ``(..., 2)``."""
    flat = spot[..., None, :] - anchors_m[:, :2]
    distance = np.sqrt((flat**2).sum(axis=-1) + (height_m - anchors_m[:, 2]) ** 2)
    distance = np.maximum(distance, 1e-9)
    return distance, flat / distance[..., None]


def _normal_matrix(anchors_m: Array, height_m: float, spot: Array, weight: Array) -> Array:
    _, slope = _model(anchors_m, height_m, spot)
    return np.asarray(np.einsum("...a,...ai,...aj->...ij", weight, slope, slope))


def _around(anchors_m: Array, distance: Array, weight: Array) -> Array:
    """Starts on a circle about the anchors as wide as the ranges, shape ``(n, STARTS, 2)``."""
    angle = 2 * np.pi * np.arange(STARTS) / STARTS
    far = np.sqrt((weight * distance**2).sum(axis=1) / weight.sum(axis=1))
    around = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.asarray(anchors_m[:, :2].mean(axis=0) + far[:, None, None] * around)


def _solve(
    anchors_m: Array, height_m: float, distance: Array, weight: Array, starts: Array | None = None
) -> tuple[Array, Array, Mask]:
    """Damped Gauss-Newton of all epochs from all starts at once; the best of each epoch, its cost, if it converged.

    ``starts`` has shape ``(n, n_starts, 2)``; by default they lie on a circle about the anchors.
    """
    if starts is None:
        starts = _around(anchors_m, distance, weight)
    n_starts = starts.shape[1]
    spot = starts.reshape(-1, 2).copy()
    target, share = np.repeat(distance, n_starts, axis=0), np.repeat(weight, n_starts, axis=0)

    def cost_of(x: Array, chosen: NDArray[np.intp]) -> Array:
        predicted, _ = _model(anchors_m, height_m, x)
        return np.asarray((share[chosen] * (target[chosen] - predicted) ** 2).sum(axis=-1))

    live = np.arange(len(spot))
    cost = cost_of(spot, live)
    damping = np.full(len(spot), 1e-3)
    for _ in range(STEPS):
        predicted, slope = _model(anchors_m, height_m, spot[live])
        weighted = share[live, :, None] * slope
        gradient = np.einsum("na,nai->ni", target[live] - predicted, weighted)
        matrix = np.einsum("nai,naj->nij", weighted, slope)
        lift = damping[live] * np.trace(matrix, axis1=1, axis2=2)
        step = np.linalg.solve(matrix + lift[:, None, None] * np.eye(2), gradient[..., None])[..., 0]
        trial = cost_of(spot[live] + step, live)
        better = trial <= cost[live]
        # a damped step that does not help is too long; one that changes nothing is at a minimum, if it helps or not
        settled = np.abs(trial - cost[live]) <= CONVERGED * (1 + cost[live])
        helped = live[better]
        spot[helped] += step[better]
        cost[helped] = trial[better]
        damping[live] = np.clip(np.where(better, damping[live] / 10, damping[live] * 10), 1e-12, 1e6)
        live = live[~settled]
        if not len(live):
            break
    converged = np.ones(len(spot), dtype=bool)
    converged[live] = False
    best = np.arange(len(distance)) * n_starts + np.argmin(cost.reshape(-1, n_starts), axis=1)
    return spot[best], cost[best], converged[best]
