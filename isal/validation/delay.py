"""What an estimator of one delay reaches: bounds, outliers, thresholds in closed form, and a simulation to test them.

One pulse of unit energy arrives in white noise within an interval of length ``search`` that is all that is known of its
delay. The matched filter of the maximum likelihood estimator, with noise of unit variance, puts out

    X(tau) = sqrt(2 SNR) R(tau - tau_0) + N(tau),      E N(tau + d) N*(tau) = 2 R(d),

and the estimate is where ``Re X`` is largest if the complex amplitude is known, ``|X|`` if it is not. Well above a
threshold that is near the truth, with the variance of the Cramer-Rao bound. Below it, noise somewhere else in the
interval is larger than the pulse: an outlier.

Delays are in units of 1/B and squared errors of 1/B^2, with B the bandwidth that :mod:`isal.model.pulse` is in units
of; ``snr`` is the linear ratio of :meth:`isal.Radio.snr`, energy over noise density. Multiply delays by ``c / B`` for
metres.

Functions import scipy where they use it: every job that solves a point asks for a threshold, which needs none of it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, one_of
from isal.model.pulse import Pulse
from isal.validation.blocks import Key, generator, in_order

Array = NDArray[np.float64]

#: What the receiver knows of the complex amplitude: all of it, or nothing.
Amplitude = Literal["known", "unknown"]
AMPLITUDES: tuple[Amplitude, ...] = get_args(Amplitude)

#: Trials of one block of a simulation: a block is always simulated as a whole, so what it gives depends on its number
#: alone, not on how blocks are spread over jobs.
TRIALS_PER_BLOCK = 1000

#: Samples of the matched filter per 1/B, or per reciprocal width of a flat band of the same RMS bandwidth if that is
#: less: between samples that are so close, the filter's output has at most one peak that could matter.
OVERSAMPLING = 8

#: The simulated signal repeats itself with a period longer than the search interval by this many 1/B.
GUARD = 16.0

#: Newton steps from the largest sample, and the step, relative to the distance of samples, that ends them.
MOST_STEPS = 12
CONVERGED = 1e-6

#: A search interval, in 1/B, beyond which a simulation or a Ziv-Zakai bound takes gigabytes.
LONGEST_SEARCH = 10_000.0

#: Samples that are looked at together in a simulation.
SAMPLES_AT_A_TIME = 1 << 20

#: A mean squared error of so many times the Cramer-Rao bound is where the threshold is taken to be.
THRESHOLD_RATIO = 2.0

#: Thresholds are found to this, dB.
RESOLUTION_DB = 1e-6

#: Below this a noncentrality changes no digit of a probability.
NO_NONCENTRALITY = 1e-20

#: Integrals over the height of the peak end so far beyond its mean, in standard deviations of the noise. They are made
#: of panels of this width, each by a Gauss-Legendre rule of so many points.
HEIGHT_MARGIN = 10.0
PANEL = 0.25
PANEL_POINTS = 8


def crb(pulse: Pulse, snr: ArrayLike) -> Array:
    """Cramer-Rao bound of a delay, ``1 / (8 pi^2 beta^2 SNR)``, in 1/B^2; the same for known and unknown amplitude."""
    return np.asarray(1 / (8 * math.pi**2 * pulse.second_moment * _checked_snr(snr)))


def error_of_two(pulse: Pulse, snr: ArrayLike, separation: ArrayLike, amplitude: Amplitude) -> Array:
    """``Pmin``: least probability of error between two equally likely delays that are ``separation`` apart.

    Known amplitude: ``Q(sqrt(SNR (1 - R)))``. Unknown: two correlated signals of random phase,
    ``Q1(a, b) - exp(-(a^2 + b^2) / 2) I0(a b) / 2`` with ``a, b = sqrt(SNR / 2 (1 -+ sqrt(1 - R^2)))``.
    """
    from scipy import special, stats

    correlation, ratio = pulse.autocorrelation(separation), _checked_snr(snr)
    if _checked(amplitude) == "known":
        return np.asarray(special.ndtr(-np.sqrt(ratio * np.maximum(1 - correlation, 0.0))))
    root = np.sqrt(np.maximum(1 - correlation**2, 0.0))
    # a^2 = SNR R^2 / (2 (1 + root)) keeps its digits where R is small
    a2, b2 = ratio / 2 * correlation**2 / (1 + root), ratio / 2 * (1 + root)
    a, b = np.sqrt(a2), np.sqrt(b2)
    # scipy's series fails for noncentralities near the smallest numbers, where the central distribution is exact
    central = a2 < NO_NONCENTRALITY
    marcum = np.where(central, np.exp(-b2 / 2), stats.ncx2.sf(b2, 2, np.where(central, 1.0, a2)))
    return np.asarray(np.clip(marcum - 0.5 * np.exp(-((a - b) ** 2) / 2) * special.i0e(a * b), 0.0, 0.5))


def ziv_zakai(pulse: Pulse, snr: float, search: float, amplitude: Amplitude) -> float:
    """Ziv-Zakai bound of the mean squared error, 1/B^2, for a delay that is uniform over the search interval.

    That of Bellini and Tartara, ``int_0^T h V{(1 - h / T) Pmin(h)} dh``, where V fills valleys. It holds at every SNR,
    but tests two delays against each other at a time, so it stays below what an estimator reaches near the threshold.
    """
    interval = _checked_search(search, LONGEST_SEARCH)
    deviation = math.sqrt(float(crb(pulse, snr)))
    # the integrand varies over the deviation near zero, and over 1/B further out
    near = min(interval, max(2.0, 12 * deviation))
    step = min(deviation / 24, 1 / 64 / _relative_width(pulse))
    first = np.linspace(0.0, near, math.ceil(near / step) + 1)
    rest = np.linspace(near, interval, math.ceil((interval - near) * 64 * _relative_width(pulse)) + 1)
    h = np.concatenate([first, rest[1:]])
    confused = (1 - h / interval) * error_of_two(pulse, snr, h, amplitude)
    filled = np.maximum.accumulate(confused[::-1])[::-1]
    return float(np.trapezoid(h * filled, h))


def outlier_probability(pulse: Pulse, snr: ArrayLike, search: float, amplitude: Amplitude) -> Array:
    """Probability that noise somewhere in the search interval exceeds the peak of the signal.

    ``int f(x) (1 - exp(-T nu(x))) dx``: the peak has height x with density f, and Rice's rate ``nu(x)`` says how often
    noise of that bandwidth crosses x. Known amplitude: ``nu = beta exp(-x^2 / 2)``, ``x^2`` noncentral chi-square of 2
    degrees of freedom and noncentrality ``2 SNR``. Unknown: ``nu = sqrt(2 pi) beta x exp(-x^2 / 2)`` and 3 degrees.

    It takes crossings for independent of each other and of the signal, and counts those under the signal's own main
    lobe, which are no outliers. So the rate of errors beyond :func:`outlier_limit` lies between it and the same with
    the interval shortened by the main lobe, to some per cent. A flat pulse, whose sidelobes invite outliers, is close
    to the former.
    """
    interval, known = _checked_search(search), _checked(amplitude) == "known"
    mean: Array = np.sqrt(2 * _checked_snr(snr))[..., None]
    # noise never gets to where its rate of crossings underflows
    highest = math.sqrt(2 * (math.log(interval) + math.log(sys.float_info.max)))
    panels = math.ceil(min(float(mean.max(initial=0.0)) + HEIGHT_MARGIN, highest) / PANEL)
    points, weights = _panel_rule()
    x: Array = (PANEL * (np.arange(panels)[:, None] + (points + 1) / 2)).ravel()
    near: Any = np.exp(-((x - mean) ** 2) / 2)
    if known:
        from scipy import special

        density = x * near * special.i0e(mean * x)
        rate = pulse.rms_bandwidth * np.exp(-(x**2) / 2)
    else:
        density = -np.expm1(-2 * mean * x) * near * x / (mean * math.sqrt(2 * math.pi))
        rate = math.sqrt(2 * math.pi) * pulse.rms_bandwidth * x * np.exp(-(x**2) / 2)
    exceeded = density * -np.expm1(-interval * rate)
    return np.asarray(exceeded @ np.tile(weights, panels) * PANEL / 2)


@cache
def _panel_rule() -> tuple[Array, Array]:
    """Points and weights of a panel; to find them takes longer than an integral."""
    points, weights = np.polynomial.legendre.leggauss(PANEL_POINTS)
    return points, weights


def core_error(pulse: Pulse, snr: ArrayLike, search: float, amplitude: Amplitude) -> Array:
    """Mean squared error without outliers, 1/B^2: the Cramer-Rao bound with what a finite SNR and the edges change.

    ``CRB (1 + (m4 / m2^2 + u) / (2 SNR) - 8 s / (3 sqrt(2 pi) T))``, ``u`` = 1 for an unknown amplitude, ``s`` the root
    of the bound. The last term is what is gained where the delay is so close to an edge of the interval that errors
    beyond it are known to be wrong. What is left out is of the order of ``CRB / SNR^2``.
    """
    bound, unknown = crb(pulse, snr), float(_checked(amplitude) == "unknown")
    finite = (pulse.kurtosis + unknown) / (2 * _checked_snr(snr))
    edge = 8 * np.sqrt(bound) / (3 * math.sqrt(2 * math.pi) * _checked_search(search))
    return np.asarray(bound * (1 + finite - edge))


def predicted_error(pulse: Pulse, snr: ArrayLike, search: float, amplitude: Amplitude) -> Array:
    """Mean squared error of maximum likelihood in closed form, 1/B^2.

    ``P_out T^2 / 6 + (1 - P_out) core``, see :func:`core_error`: an outlier and the truth are both anywhere in the
    interval.
    """
    outlier = outlier_probability(pulse, snr, search, amplitude)
    return np.asarray(outlier * search**2 / 6 + (1 - outlier) * core_error(pulse, snr, search, amplitude))


def threshold_snr(pulse: Pulse, search: float, amplitude: Amplitude, ratio: float = THRESHOLD_RATIO) -> float:
    """SNR (linear) above which the predicted mean squared error stays below ``ratio`` times the Cramer-Rao bound.

    At least the SNR at which that bound is the variance of the search interval, ``T^2 / 12``: below it, the interval
    tells more than the pulse.
    """
    return _last_crossing(lambda snr: float(predicted_error(pulse, snr, search, amplitude)), pulse, search, ratio)


def ziv_zakai_threshold_snr(pulse: Pulse, search: float, amplitude: Amplitude, ratio: float = THRESHOLD_RATIO) -> float:
    """The same as :func:`threshold_snr` for the Ziv-Zakai bound in place of the predicted error."""
    return _last_crossing(lambda snr: ziv_zakai(pulse, snr, search, amplitude), pulse, search, ratio)


def _last_crossing(error: Callable[[float], float], pulse: Pulse, search: float, ratio: float) -> float:
    """Largest SNR at which an error is ``ratio`` times the Cramer-Rao bound."""
    if not ratio > 1:
        raise IsalError(f"the ratio of mean squared error and bound at the threshold must be above 1, got {ratio}")

    def excess(decibels: float) -> float:
        snr = 10 ** (decibels / 10)
        return math.log(error(snr) / (ratio * float(crb(pulse, snr))))

    interval = _checked_search(search)
    # the bound is 1 / SNR of what it is at an SNR of one
    low = 10 * math.log10(12 * float(crb(pulse, 1.0)) / interval**2)
    # an outlier has about the probability T beta exp(-SNR / 2), and T^2 SNR times the bound
    high = max(low, 10 * math.log10(40 + 10 * math.log(interval) + 4 / (ratio - 1)))
    while excess(high) > 0:
        high += 1.0
    for upper in np.arange(high, low, -0.5):
        lower = max(low, float(upper) - 0.5)
        if excess(lower) > 0:
            return float(10 ** (_sign_change(excess, lower, float(upper)) / 10))
    return float(10 ** (low / 10))


def _sign_change(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at ``low`` and not at ``high`` turns, by bisection.

    It takes less time than to import scipy's, in jobs that need nothing else of scipy.
    """
    while high - low > RESOLUTION_DB:
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return (low + high) / 2


def outlier_limit(pulse: Pulse) -> float:
    """Errors beyond this are counted as outliers, 1/B: ``1 / (pi beta)``, about the first zero of ``R``."""
    return 1 / (math.pi * pulse.rms_bandwidth)


#: What is summed up over the trials of a block; errors in 1/B. The core are all trials but the outliers.
SUMS = ("trials", "outliers", "unconverged", "square", "core", "core_square", "core_fourth")


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the trials of a simulation, kept by block so that merging them is exact in any order.

    ``blocks``
        Numbers of the blocks, ascending, shape ``(n_blocks,)``.
    ``sums``
        The sums named in :data:`SUMS` of each, shape ``(n_blocks, len(SUMS))``.
    """

    blocks: NDArray[np.int64]
    sums: Array

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """Blocks of several simulations of the same thing, together.

        Raises
        ------
        IsalError
            If there is nothing to merge, or a block is there twice.
        """
        gathered = list(parts)
        blocks, order = in_order([part.blocks for part in gathered])
        return cls(blocks, np.concatenate([part.sums for part in gathered])[order])

    def total(self, name: str) -> float:
        """Sum of one of :data:`SUMS` over all blocks, rounded once, so that it does not depend on their order."""
        return math.fsum(self.sums[:, SUMS.index(name)])

    @property
    def trials(self) -> int:
        return int(self.total("trials"))

    @property
    def outliers(self) -> int:
        """Trials with an error beyond :func:`outlier_limit`."""
        return int(self.total("outliers"))

    @property
    def unconverged(self) -> int:
        """Trials whose peak Newton's method did not settle on; they are counted in all sums like the others."""
        return int(self.total("unconverged"))

    @property
    def mean_square(self) -> float:
        """Mean squared error of all trials, 1/B^2. Near the threshold it rests on few outliers: look at the parts."""
        return self.total("square") / self.trials

    @property
    def core_trials(self) -> int:
        return self.trials - self.outliers

    @property
    def core_mean(self) -> float:
        """Mean error (bias) of the trials that are no outliers, 1/B."""
        return self.total("core") / self.core_trials

    @property
    def core_mean_square(self) -> float:
        """Mean squared error of the trials that are no outliers, 1/B^2."""
        return self.total("core_square") / self.core_trials

    @property
    def core_standard_error(self) -> float:
        """Standard error of :attr:`core_mean_square`, 1/B^2, from the fourth moment of the errors."""
        spread = self.total("core_fourth") / self.core_trials - self.core_mean_square**2
        return math.sqrt(spread / self.core_trials)


def simulate(
    pulse: Pulse,
    snr: float,
    search: float,
    amplitude: Amplitude,
    key: Key,
    blocks: Iterable[int],
) -> Moments:
    """Maximum likelihood estimates of delays that are drawn uniformly over the search interval, as sums of errors.

    Parameters
    ----------
    pulse, snr, search, amplitude
        See the module; ``search`` in 1/B.
    key
        ``(seed, study, point)``: block ``b`` draws from ``default_rng([seed, study, point, b])``.
    blocks
        Numbers of the blocks to simulate, each of :data:`TRIALS_PER_BLOCK` trials. Any split of the same blocks over
        calls gives the same :class:`Moments` to the last bit once merged.
    """
    interval = _checked_search(search, LONGEST_SEARCH)
    receiver = _Receiver(pulse, float(_checked_snr(snr)), interval, _checked(amplitude))
    numbers = np.array(sorted(blocks), dtype=np.int64)
    sums = np.array([receiver.block(generator(key, int(number))) for number in numbers])
    return Moments.merged([Moments(numbers, sums.reshape(-1, len(SUMS)))])


class _Receiver:
    """The matched filter's output as a sum over lines of the spectrum: noise is made where the signal has its band.

    A spectrum of lines repeats in time, with a period that exceeds the search interval by :data:`GUARD`. The lines are
    scaled to have exactly the second moment of the pulse. If the amplitude is known only the real part counts, and
    lines at f and -f are one.
    """

    def __init__(self, pulse: Pulse, snr: float, search: float, amplitude: Amplitude) -> None:
        from scipy import fft

        self.search, self.known, self.limit = search, amplitude == "known", outlier_limit(pulse)
        width = _relative_width(pulse)
        # a whole number of lines over a flat band of the same RMS bandwidth leaves none of them on its edge
        period = math.ceil((search + GUARD) * width) / width
        half = (np.arange(math.ceil(pulse.edge * period)) + 0.5) / period
        half = half[half <= pulse.edge]
        weights = pulse.spectrum(half)
        frequency = half if self.known else np.concatenate([-half[::-1], half])
        weights = weights if self.known else np.concatenate([weights[::-1], weights])
        self.weights = weights / weights.sum()
        stretch = pulse.rms_bandwidth / math.sqrt(float(self.weights @ frequency**2))
        self.angular = 2 * math.pi * stretch * frequency
        period /= stretch
        self.size = fft.next_fast_len(max(math.ceil(OVERSAMPLING * max(width, 1.0) * period), 2 * len(frequency)))
        self.spacing = period / self.size
        #: Samples within the search interval.
        self.samples = math.floor(search / self.spacing) + 1
        self.height = math.sqrt(2 * snr)
        self.powers = np.stack([np.ones(len(frequency)), 1j * self.angular, -(self.angular**2)], axis=1)
        first = np.exp(1j * self.angular[0] * self.spacing * np.arange(self.samples))
        self.first = first.astype(np.complex64)

    def block(self, rng: np.random.Generator) -> list[float]:
        """The sums of one block."""
        truth = self.search * rng.random(TRIALS_PER_BLOCK)
        noise = rng.standard_normal((TRIALS_PER_BLOCK, len(self.weights), 2)).view(complex)[..., 0]
        lines = self.height * self.weights * self._turned(-truth) + np.sqrt(self.weights) * noise
        estimate, unconverged = self._peak(lines)
        error = estimate - truth
        outlier = np.abs(error) > self.limit
        core = error[~outlier]
        return [
            float(TRIALS_PER_BLOCK),
            float(outlier.sum()),
            float(unconverged.sum()),
            float(np.sum(error**2)),
            float(np.sum(core)),
            float(np.sum(core**2)),
            float(np.sum(core**4)),
        ]

    def _turned(self, delay: Array) -> NDArray[np.complex128]:
        """``exp(j w delay)`` of all lines, shape ``(n, n_lines)``; lines are equally spaced, so powers of one turn."""
        n_lines = len(self.angular)
        turned = np.empty((len(delay), n_lines), dtype=complex)
        turned[:, 0] = np.exp(1j * self.angular[0] * delay)
        power = np.exp(1j * (self.angular[1] - self.angular[0]) * delay) if n_lines > 1 else None
        done = 1
        while done < n_lines and power is not None:
            more = min(done, n_lines - done)
            np.multiply(turned[:, :more], power[:, None], out=turned[:, done : done + more])
            done, power = done + more, power * power
        return turned

    def _peak(self, lines: NDArray[np.complex128]) -> tuple[Array, NDArray[np.bool_]]:
        """Delay of the highest peak within the search interval, and where it was not found to :data:`CONVERGED`."""
        # single precision finds the largest sample; Newton's method on the exact sum of lines then finds the peak
        together = max(1, SAMPLES_AT_A_TIME // self.size)
        pieces = (lines[start : start + together] for start in range(0, len(lines), together))
        largest = self.spacing * np.concatenate([np.argmax(self._samples(piece), axis=1) for piece in pieces])
        low = np.maximum(largest - self.spacing, 0.0)
        high = np.minimum(largest + self.spacing, self.search)
        delay, going = largest.copy(), np.arange(len(largest))
        for _ in range(MOST_STEPS):
            slope, curve = self._derivatives(lines[going], delay[going])
            with np.errstate(divide="ignore", invalid="ignore"):
                step = np.where(curve < 0, -slope / curve, np.copysign(self.spacing, slope))
            moved = np.clip(delay[going] + step, low[going], high[going])
            # a peak at an edge of the interval does not move
            left = np.abs(moved - delay[going]) > CONVERGED * self.spacing
            delay[going] = moved
            going = going[left]
            if not len(going):
                break
        unconverged = np.zeros(len(delay), dtype=bool)
        unconverged[going] = True
        return delay, unconverged

    def _samples(self, lines: NDArray[np.complex128]) -> NDArray[np.float32]:
        """Samples within the search interval of what is maximised, ``Re X`` or ``|X|^2``."""
        from scipy import fft

        sampled = fft.ifft(lines.astype(np.complex64), self.size, axis=1, norm="forward")[:, : self.samples]
        if self.known:
            return np.asarray(sampled.real * self.first.real - sampled.imag * self.first.imag)
        return np.asarray(sampled.real**2 + sampled.imag**2)

    def _derivatives(self, lines: NDArray[np.complex128], delay: Array) -> tuple[Array, Array]:
        """First and second derivative of what is maximised, ``Re X`` or ``|X|^2 / 2``."""
        value, first, second = ((lines * self._turned(delay)) @ self.powers).T
        if self.known:
            return first.real, second.real
        return (value.conj() * first).real, np.abs(first) ** 2 + (value.conj() * second).real


def _relative_width(pulse: Pulse) -> float:
    """Width of the flat band that has the pulse's RMS bandwidth, in units of B."""
    return math.sqrt(12) * pulse.rms_bandwidth


def _checked_snr(snr: ArrayLike) -> Array:
    array = np.asarray(snr, dtype=float)
    if not (np.isfinite(array) & (array > 0)).all():
        raise IsalError(f"SNRs must be finite, positive ratios (not decibels); got {array.tolist()}")
    return array


def _checked_search(search: float, longest: float = math.inf) -> float:
    if not 1 <= search <= longest or search == math.inf:
        most = f"at most {longest:g}" if longest < math.inf else "finite"
        raise IsalError(f"the search interval must be at least 1 and {most}, in units of 1/B; got {search}")
    return float(search)


def _checked(amplitude: Amplitude) -> Amplitude:
    one_of(amplitude, AMPLITUDES, "amplitude")
    return amplitude
