"""Ranging and clocks by reverse-link-modified one-way ranging, RLM-OWR (Section 2 of the paper, Figures 5 and 6).

An exchange is simulated as the paper lists it: node 1 transmits "Need Feedback" (1), node 2 receives it, replies with
"Feedback Authentication" and takes the midpoint of its two stamps (2), node 1 receives the reply and takes the midpoint
of its own two (3); the difference of the midpoints is the clock offset ``tau_a`` (4). A second exchange gives
``tau_b`` (5), and both together the relative drift ``k`` (6).

A clock that runs for days reads 1e5 s, of which double precision keeps 1e-11 s, less than a stamp is good for. So a
reading is never formed: true time is carried from the start of its exchange and beside it what the clock reads more.

Signs: ``tau = c_1 - c_2`` and ``k = d tau / d c_1 = (delta_1 - delta_2) / (1 + delta_1)``. With a faster clock 1
(k > 0) node 1 measures too long a round trip, so a range that is not corrected is ``c k T_reply / 2`` too long.

What limits the exchange
------------------------
``rho^2 = 1e-10`` of Table 1 is ``(10 ppm)^2``, what two free crystals may differ by, and not what an exchange measures:
with stamps good to 150 ps, as those of a DW1000, and 1 s between exchanges the variance of k is 4.5e-20, see
:func:`drift_variance_sources`. A prior of variance ``rho^2 dt^2`` on an offset's change is then worth
``1 / (2 c^2 sigma_t^2)`` whatever dt is (:func:`clock_coupling`), until the oscillator wanders more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, one_of
from isal.units import DURATION_S, SPEED_OF_LIGHT
from isal.validation.blocks import Key, generator

#: Which stamps jitter: all of them, or receptions alone where a radio transmits at a time that it was told.
Jittering = Literal["all", "receptions"]
JITTERING: tuple[Jittering, ...] = get_args(Jittering)

#: Stamps of a DW1000, s; what its makers state.
DW1000_JITTER_S = 150e-12

#: What the crystals of two radios may differ by; its square is rho^2 of Table 1.
CRYSTAL_TOLERANCE = 10e-6

#: True clock offsets of simulated trials are drawn within this of zero, s.
LARGEST_OFFSET_S = 1.0

HEADERS = ("Need Feedback", "Feedback Authentication")

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DriftingClock:
    """A clock ``c(t) = t + offset + drift t + aging t^2 / 2``; numbers, or arrays over trials.

    ``offset_s`` in s, ``drift`` (delta) dimensionless, ``aging_per_s`` (a) in 1/s.
    """

    offset_s: ArrayLike = 0.0
    drift: ArrayLike = 0.0
    aging_per_s: ArrayLike = 0.0

    def ahead(self, time_s: ArrayLike) -> Array:
        """Reading minus true time at a true time, s."""
        time = np.asarray(time_s, dtype=float)
        offset, drift, aging = (np.asarray(v, dtype=float) for v in (self.offset_s, self.drift, self.aging_per_s))
        return np.asarray(offset + drift * time + aging * time**2 / 2)

    def drift_at(self, time_s: ArrayLike) -> Array:
        """Rate of the clock less 1, ``drift + aging t``, at a true time."""
        aging, time = np.asarray(self.aging_per_s, dtype=float), np.asarray(time_s, dtype=float)
        return np.asarray(np.asarray(self.drift, dtype=float) + aging * time)

    def true_duration(self, time_s: ArrayLike, shown_s: ArrayLike) -> Array:
        """True time in which the clock advances by ``shown_s`` from a true time on, s."""
        rate, shown = 1 + self.drift_at(time_s), np.asarray(shown_s, dtype=float)
        # the root of a x^2 / 2 + rate x = shown that does not cancel for small a
        return np.asarray(2 * shown / (rate + np.sqrt(rate**2 + 2 * np.asarray(self.aging_per_s) * shown)))


@dataclass(frozen=True, eq=False)
class MovingNode:
    """A node with a clock on a straight path.

    ``position_m`` at true time 0, m, and ``velocity_m_s``, m/s, of shape ``(2,)`` or ``(3,)``, or with trials in front.
    """

    clock: DriftingClock
    position_m: ArrayLike
    velocity_m_s: ArrayLike = 0.0

    def at(self, time_s: ArrayLike) -> Array:
        """Position at a true time, m."""
        time = np.asarray(time_s, dtype=float)[..., None]
        return np.asarray(np.asarray(self.position_m, dtype=float) + np.asarray(self.velocity_m_s, dtype=float) * time)


def delay(transmitter: MovingNode, receiver: MovingNode, time_s: ArrayLike) -> Array:
    """Time that a signal sent at a true time takes to reach the moving receiver, s.

    Solves ``|receiver(t + p) - transmitter(t)| = c p``.

    Raises
    ------
    IsalError
        If the receiver is as fast as light.
    """
    away = receiver.at(time_s) - transmitter.at(time_s)
    velocity = np.broadcast_to(np.asarray(receiver.velocity_m_s, dtype=float), away.shape)
    left = SPEED_OF_LIGHT**2 - (velocity**2).sum(axis=-1)
    if (left <= 0).any():
        raise IsalError("a node moves at the speed of light or faster; give velocities in m/s")
    along = (away * velocity).sum(axis=-1)
    return np.asarray((along + np.sqrt(along**2 + (away**2).sum(axis=-1) * left)) / left)


@dataclass(frozen=True, eq=False)
class Exchange:
    """Stamps of one exchange in the order in which they happen, over trials.

    ``start_s``
        True time of the first transmission, s.
    ``elapsed_s``
        True time of each event since then, s, shape ``(..., n_stamps)``: node 1 transmits, node 2 receives, node 2
        transmits, node 1 receives; with a third message node 1 transmits again and node 2 receives.
    ``ahead_s``
        Reading minus true time of each stamp, jitter included, s, same shape.
    """

    start_s: float
    elapsed_s: Array
    ahead_s: Array

    def between(self, earlier: int, later: int) -> Array:
        """What a clock shows between two of its stamps, s."""
        true = self.elapsed_s[..., later] - self.elapsed_s[..., earlier]
        return np.asarray(true + (self.ahead_s[..., later] - self.ahead_s[..., earlier]))

    @property
    def round_trip_s(self) -> Array:
        """``c'_1a - c_1a`` by clock 1, s."""
        return self.between(0, 3)

    @property
    def reply_s(self) -> Array:
        """``c'_2a - c_2a`` by clock 2, s."""
        return self.between(1, 2)

    @property
    def first_midpoint_s(self) -> Array:
        """``c''_1a`` of step (3), counted from the true start, s."""
        return np.asarray((self.elapsed_s[..., [0, 3]] + self.ahead_s[..., [0, 3]]).mean(axis=-1))

    @property
    def offset_s(self) -> Array:
        """``tau_a = c''_1a - c''_2a`` of step (4), s."""
        true = self.elapsed_s[..., [0, 3]].mean(axis=-1) - self.elapsed_s[..., [1, 2]].mean(axis=-1)
        return np.asarray(true + self.ahead_s[..., [0, 3]].mean(axis=-1) - self.ahead_s[..., [1, 2]].mean(axis=-1))

    @property
    def true_midpoint_s(self) -> Array:
        """True time half-way between node 1's two events, s."""
        return np.asarray(self.start_s + self.elapsed_s[..., [0, 3]].mean(axis=-1))


def exchange(
    first: MovingNode,
    second: MovingNode,
    *,
    reply_times_s: Sequence[float],
    start_s: float = 0.0,
    jitter_s: float = 0.0,
    jittering: Jittering = "all",
    rng: np.random.Generator | None = None,
    trials: int | None = None,
) -> Exchange:
    """One exchange of messages between two nodes, steps (1) to (3).

    Parameters
    ----------
    reply_times_s
        How long the receiver of each message but the last waits by its own clock before it answers, s. One reply time
        is RLM-OWR (and single-sided two-way ranging), two are double-sided two-way ranging.
    start_s
        True time of the first transmission, s.
    jitter_s, jittering
        Standard deviation of the error of a stamp, s, and which stamps have it.
    rng, trials
        Where the jitter comes from, and how many independent exchanges; without ``trials`` as many as the nodes' clocks
        and positions have.

    Raises
    ------
    IsalError
        If a reply time is not positive, the jitter is negative or has no ``rng``, or no message is replied to.
    """
    if len(reply_times_s) < 1:
        raise IsalError("an exchange needs at least one reply time; give one for RLM-OWR, two for double-sided ranging")
    for reply in reply_times_s:
        if not (math.isfinite(reply) and reply > 0):
            raise IsalError(f"a reply time must be positive, got {reply!r} s")
    if not (math.isfinite(jitter_s) and jitter_s >= 0):
        raise IsalError(f"jitter_s must not be negative, got {jitter_s!r}")
    one_of(jittering, JITTERING, "jittering")
    if jitter_s > 0 and rng is None:
        raise IsalError("jitter needs a random generator; give rng")
    nodes = (first, second)
    now: Array = np.zeros(() if trials is None else (trials,))
    elapsed, ahead = [], []

    def stamp(node: MovingNode) -> None:
        elapsed.append(now)
        ahead.append(node.clock.ahead(start_s + now))

    for number in range(len(reply_times_s) + 1):
        transmitter, receiver = nodes[number % 2], nodes[1 - number % 2]
        if number:
            now = now + transmitter.clock.true_duration(start_s + now, reply_times_s[number - 1])
        stamp(transmitter)
        now = now + delay(transmitter, receiver, start_s + now)
        stamp(receiver)
    times, errors = (np.stack(np.broadcast_arrays(*both), axis=-1) for both in (elapsed, ahead))
    shape = np.broadcast_shapes(times.shape, errors.shape)
    times, errors = np.broadcast_to(times, shape), np.broadcast_to(errors, shape).copy()
    if jitter_s > 0 and rng is not None:
        jitters = slice(None) if jittering == "all" else slice(1, None, 2)
        errors[..., jitters] += jitter_s * rng.standard_normal(errors[..., jitters].shape)
    return Exchange(start_s, times, errors)


def drift(earlier: Exchange, later: Exchange) -> Array:
    """``k = (tau_b - tau_a) / (c''_1b - c''_1a)`` of step (6), dimensionless."""
    shown = (later.start_s - earlier.start_s) + (later.first_midpoint_s - earlier.first_midpoint_s)
    return np.asarray((later.offset_s - earlier.offset_s) / shown)


def true_offset(first: MovingNode, second: MovingNode, time_s: ArrayLike) -> Array:
    """``tau = c_1 - c_2`` at a true time, s."""
    return np.asarray(first.clock.ahead(time_s) - second.clock.ahead(time_s))


def true_drift(first: MovingNode, second: MovingNode, time_s: ArrayLike) -> Array:
    """``k = d tau / d c_1`` at a true time, dimensionless."""
    return relative_drift(first.clock.drift_at(time_s), second.clock.drift_at(time_s))


def single_sided_range(round_trip_s: ArrayLike, reply_s: ArrayLike) -> Array:
    """``c (T_round - T_reply) / 2``, m: single-sided two-way ranging (SS-TWR), clocks taken as equally fast."""
    return np.asarray(SPEED_OF_LIGHT * (np.asarray(round_trip_s) - np.asarray(reply_s)) / 2)


def corrected_range(round_trip_s: ArrayLike, reply_s: ArrayLike, drift: ArrayLike) -> Array:
    """``c (T_round - T_reply / (1 - k)) / 2``, m: the reply time as clock 1 would have shown it."""
    reply = np.asarray(reply_s) / (1 - np.asarray(drift))
    return np.asarray(SPEED_OF_LIGHT * (np.asarray(round_trip_s) - reply) / 2)


def double_sided_range(three: Exchange) -> Array:
    """``c (R_a R_b - D_a D_b) / (R_a + R_b + D_a + D_b)``, m: double-sided two-way ranging (DS-TWR).

    ``R_a``, ``D_a`` are round trip and reply time of node 1, ``R_b``, ``D_b`` of node 2, in an exchange of three
    messages.
    """
    round_1, reply_2, round_2, reply_1 = _double_sided_times(three)
    total = round_1 + round_2 + reply_1 + reply_2
    return np.asarray(SPEED_OF_LIGHT * (round_1 * round_2 - reply_1 * reply_2) / total)


def _double_sided_times(three: Exchange) -> tuple[Array, Array, Array, Array]:
    if three.elapsed_s.shape[-1] != 6:
        raise IsalError("double-sided ranging needs an exchange of three messages; give two reply times")
    return three.between(0, 3), three.between(1, 2), three.between(2, 5), three.between(3, 4)


# Closed forms. Delays there and back are `out_s` and `back_s`, R is the reply's true time, T_reply what clock 2 shows.


def relative_drift(drift_1: ArrayLike, drift_2: ArrayLike) -> Array:
    """``(delta_1 - delta_2) / (1 + delta_1)``: what step (6) gives exactly for clocks of constant rate."""
    first, second = np.asarray(drift_1, dtype=float), np.asarray(drift_2, dtype=float)
    return np.asarray((first - second) / (1 + first))


def path_bias(out_s: ArrayLike, back_s: ArrayLike, drift_2: ArrayLike = 0.0) -> Array:
    """``(1 + delta_2) (p_back - p_out) / 2``: bias of ``tau_a`` where the two delays differ, s; exact.

    Reply time times drift is not in it: both stamps are midpoints, so it cancels.
    """
    return np.asarray((1 + np.asarray(drift_2)) * (np.asarray(back_s) - np.asarray(out_s)) / 2)


def motion_bias(speed_m_s: ArrayLike, reply_s: ArrayLike, drift_2: ArrayLike = 0.0) -> Array:
    """``v T_reply / (2 c)``: bias of ``tau_a`` where node 2 moves away at a radial speed, s; exact.

    The way back is longer by what node 2 moves in the true time ``T_reply / (1 + delta_2)``.
    """
    true_reply = np.asarray(reply_s) / (1 + np.asarray(drift_2))
    return path_bias(0.0, np.asarray(speed_m_s) * true_reply / SPEED_OF_LIGHT, drift_2)


def aging_bias(
    aging_1: ArrayLike, aging_2: ArrayLike, reply_s: ArrayLike, out_s: ArrayLike = 0.0, back_s: ArrayLike = 0.0
) -> Array:
    """``(a_1 (R + p_out + p_back)^2 - a_2 R^2) / 8``: bias of ``tau_a`` from clocks of changing rate, s.

    The mean of two readings of a curved clock is not its reading at the middle. Exact for the true reply time R.
    """
    reply = np.asarray(reply_s, dtype=float)
    whole = reply + np.asarray(out_s) + np.asarray(back_s)
    return np.asarray((np.asarray(aging_1) * whole**2 - np.asarray(aging_2) * reply**2) / 8)


def one_sided_bias(drift: ArrayLike, round_trip_s: ArrayLike) -> Array:
    """``k T_round / 2 = k (T_reply / 2 + p)``: what ``tau_a`` is off if dated ``c_1a`` instead of ``c''_1a``, s; exact.

    This is what the midpoints save.
    """
    return np.asarray(np.asarray(drift) * np.asarray(round_trip_s) / 2)


def single_sided_bias(drift_1: ArrayLike, drift_2: ArrayLike, reply_s: ArrayLike, delay_s: ArrayLike) -> Array:
    """``c k T_reply / (2 (1 - k)) + c delta_1 p``: bias of the uncorrected range, m; exact for nodes at rest.

    3 m at k = 20 ppm and a reply time of 1 ms.
    """
    k = relative_drift(drift_1, drift_2)
    return np.asarray(SPEED_OF_LIGHT * k / (1 - k) * np.asarray(reply_s) / 2) + corrected_bias(drift_1, delay_s)


def corrected_bias(drift_1: ArrayLike, delay_s: ArrayLike) -> Array:
    """``c delta_1 p``: bias of the range corrected by the true k, m; clock 1 measures. Exact for nodes at rest."""
    return np.asarray(SPEED_OF_LIGHT * np.asarray(drift_1) * np.asarray(delay_s))


def double_sided_bias(drift_1: ArrayLike, drift_2: ArrayLike, delay_s: ArrayLike) -> Array:
    """``c p [2 (1 + d_1) (1 + d_2) / (2 + d_1 + d_2) - 1]``, about ``c p (d_1 + d_2) / 2``: bias of DS-TWR, m.

    Exact for nodes at rest, whatever the two reply times.
    """
    first, second = np.asarray(drift_1, dtype=float), np.asarray(drift_2, dtype=float)
    # written without the difference of numbers near 1
    excess = (first + second + 2 * first * second) / (2 + first + second)
    return np.asarray(SPEED_OF_LIGHT * np.asarray(delay_s) * excess)


def _share(jittering: Jittering) -> float:
    """Half of the stamps jitter if only receptions do, so every variance that follows is half as large."""
    return 1.0 if jittering == "all" else 0.5


def offset_variance(jitter_s: ArrayLike, jittering: Jittering = "all") -> Array:
    """``sigma_t^2``, half of it if receptions alone jitter: variance of ``tau_a``, s^2; exact."""
    return np.asarray(_share(jittering) * np.asarray(jitter_s, dtype=float) ** 2)


def drift_variance(jitter_s: ArrayLike, interval_s: ArrayLike, jittering: Jittering = "all") -> Array:
    """``2 sigma_t^2 / dt^2``, half of it if receptions alone jitter: variance of k, dimensionless.

    Terms of relative size k, from jitter of the denominator, are left out.
    """
    return np.asarray(2 * offset_variance(jitter_s, jittering) / np.asarray(interval_s) ** 2)


def single_sided_variance(jitter_s: ArrayLike, jittering: Jittering = "all") -> Array:
    """``c^2 sigma_t^2``, half of it if receptions alone jitter: variance of the uncorrected range, m^2; exact."""
    return np.asarray(SPEED_OF_LIGHT**2 * offset_variance(jitter_s, jittering))


def corrected_variance(
    jitter_s: ArrayLike, reply_s: ArrayLike, interval_s: ArrayLike, jittering: Jittering = "all"
) -> Array:
    """``c^2 (sigma_t^2 + (T_reply / 2)^2 var k)``: variance of the range corrected by the k of its own exchange, m^2.

    The noise of ``tau_a`` and that of the range are uncorrelated although they come from the same four stamps. Terms of
    relative size k are left out.
    """
    of_drift = drift_variance(jitter_s, interval_s, jittering) * (SPEED_OF_LIGHT * np.asarray(reply_s) / 2) ** 2
    return np.asarray(single_sided_variance(jitter_s, jittering) + of_drift)


def double_sided_variance(
    jitter_s: ArrayLike,
    reply_2_s: ArrayLike,
    reply_1_s: ArrayLike,
    delay_s: ArrayLike = 0.0,
    jittering: Jittering = "all",
) -> Array:
    """Variance of DS-TWR, m^2, to first order in the jitter, without drifts; ``3/4 c^2 sigma_t^2`` at equal replies."""
    reply_2, reply_1, path = (np.asarray(v, dtype=float) for v in (reply_2_s, reply_1_s, delay_s))
    round_1, round_2 = 2 * path + reply_2, 2 * path + reply_1
    total = round_1 + round_2 + reply_1 + reply_2
    # derivatives of the delay (R_a R_b - D_a D_b) / S by the four times
    of_round_1, of_round_2 = (round_2 - path) / total, (round_1 - path) / total
    of_reply_1, of_reply_2 = (-reply_2 - path) / total, (-reply_1 - path) / total
    transmitted = of_round_1**2 + (of_reply_2 - of_round_2) ** 2 + of_reply_1**2
    received = of_reply_2**2 + (of_round_1 - of_reply_1) ** 2 + of_round_2**2
    gain = received + (transmitted if jittering == "all" else 0.0)
    return np.asarray((SPEED_OF_LIGHT * np.asarray(jitter_s)) ** 2 * gain)


def clock_coupling(jitter_s: ArrayLike) -> Array:
    """``T_tau = 1 / (2 c^2 sigma_t^2)``, 1/m^2: (25) with the variance of k that exchanges measure.

    Their interval does not count. It is the information of the difference of two measured offsets, in metres.
    """
    return np.asarray(1 / (2 * single_sided_variance(jitter_s)))


def drift_variance_sources(
    tolerance: float = CRYSTAL_TOLERANCE, jitter_s: float = DW1000_JITTER_S, interval_s: float = DURATION_S
) -> dict[str, float]:
    """The two meanings that ``rho^2`` of (25) can have, by name, dimensionless.

    ``"crystals"``: what is known of k before anything is measured, ``(10 ppm)^2 = 1e-10``, the value of Table 1.
    ``"exchange"``: what two exchanges leave unknown, ``2 sigma_t^2 / dt^2 = 4.5e-20`` at 150 ps and 1 s, less by a
    factor of 2.2e9.
    """
    return {"crystals": tolerance**2, "exchange": float(drift_variance(jitter_s, interval_s))}


# What figures are drawn from.

#: What is estimated, by name, with the unit of its error.
ESTIMATES: Mapping[str, str] = {
    "offset": "s",
    "drift": "",
    "range, uncorrected": "m",
    "range, corrected": "m",
    "range, double-sided": "m",
}


#: Trials of one block of a simulation: a block is always simulated as a whole.
TRIALS_PER_BLOCK = 1000

#: What is summed up over the trials of a block, and the power of the error that it is the sum of.
SUMS = {"trials": 0, "error": 1, "square": 2, "fourth": 4}


@dataclass(frozen=True, kw_only=True)
class LinkSetup:
    """Two nodes and their exchanges; the defaults are free crystals and a DW1000 at 20 m.

    ``speed_m_s`` is the radial speed of node 2, away from node 1. ``interval_s`` is the true time between the starts of
    the two exchanges.

    Raises
    ------
    IsalError
        If a number is not finite, or not positive where it must be.
    """

    distance_m: float = 20.0
    speed_m_s: float = 0.0
    drift_1: float = 10e-6
    drift_2: float = -10e-6
    aging_1_per_s: float = 0.0
    aging_2_per_s: float = 0.0
    reply_time_s: float = 1e-3
    interval_s: float = DURATION_S
    jitter_s: float = DW1000_JITTER_S
    jittering: Jittering = "all"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "jittering":
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise IsalError(f"link: {field.name} must be a finite number, got {value!r}")
            if field.name in ("distance_m", "reply_time_s", "interval_s") and value <= 0:
                raise IsalError(f"link: {field.name} must be positive, got {value!r}")
        if self.jitter_s < 0:
            raise IsalError(f"link: jitter_s must not be negative, got {self.jitter_s!r}")
        one_of(self.jittering, JITTERING, "link: jittering")
        if self.interval_s <= 3 * self.reply_time_s:
            raise IsalError(
                f"link: interval_s {self.interval_s:g} must be longer than an exchange of three messages, "
                f"three times reply_time_s {self.reply_time_s:g}"
            )

    def nodes(self, offset_1_s: ArrayLike = 0.0, offset_2_s: ArrayLike = 0.0) -> tuple[MovingNode, MovingNode]:
        """Node 1 at the origin and node 2 on the x axis, with the given clock offsets, s."""
        return (
            MovingNode(DriftingClock(offset_1_s, self.drift_1, self.aging_1_per_s), [0.0, 0.0]),
            MovingNode(
                DriftingClock(offset_2_s, self.drift_2, self.aging_2_per_s),
                [self.distance_m, 0.0],
                [self.speed_m_s, 0.0],
            ),
        )


@dataclass(frozen=True, eq=False)
class LinkErrors:
    """Errors of one set-up over trials, by the names of :data:`ESTIMATES`, each of shape ``(trials,)``."""

    errors: Mapping[str, Array]


def simulate(setup: LinkSetup, trials: int, rng: np.random.Generator) -> LinkErrors:
    """Errors of all estimates after two exchanges, each against the truth at the later exchange's midpoint.

    True clock offsets are drawn at random. The double-sided range is that of a third message in the later exchange; the
    other estimates never see it.
    """
    offsets = rng.uniform(-LARGEST_OFFSET_S, LARGEST_OFFSET_S, (2, trials))
    first, second = setup.nodes(*offsets)
    run = partial(exchange, first, second, jitter_s=setup.jitter_s, jittering=setup.jittering, rng=rng, trials=trials)
    earlier = run(reply_times_s=[setup.reply_time_s])
    later = run(reply_times_s=[setup.reply_time_s] * 2, start_s=setup.interval_s)
    k = drift(earlier, later)
    middle = later.true_midpoint_s

    def true_range(time: Array) -> Array:
        return np.asarray(np.linalg.norm(second.at(time) - first.at(time), axis=-1))

    # half of the way there and back is the distance at the middle of node 2's reply
    distance = true_range(setup.interval_s + later.elapsed_s[..., [1, 2]].mean(axis=-1))
    return LinkErrors(
        {
            "offset": later.offset_s - true_offset(first, second, middle),
            "drift": k - true_drift(first, second, middle),
            "range, uncorrected": single_sided_range(later.round_trip_s, later.reply_s) - distance,
            "range, corrected": corrected_range(later.round_trip_s, later.reply_s, k) - distance,
            # the ends of three messages lie around the middle message's way
            "range, double-sided": double_sided_range(later)
            - true_range(setup.interval_s + later.elapsed_s[..., [2, 3]].mean(axis=-1)),
        }
    )


def predicted_moments(setup: LinkSetup) -> dict[str, tuple[float, float]]:
    """Bias and variance of each of :data:`ESTIMATES` in closed form, in its unit and the square of that.

    Left out are terms of the relative size of drift or v/c beside the leading ones.
    """
    s = setup
    path = s.distance_m / SPEED_OF_LIGHT
    # distance and drifts at the later exchange
    path += s.speed_m_s * s.interval_s / SPEED_OF_LIGHT
    drift_1, drift_2 = s.drift_1 + s.aging_1_per_s * s.interval_s, s.drift_2 + s.aging_2_per_s * s.interval_s
    # two offsets give the mean drift between their exchanges, not the one at the end
    lag = (s.aging_2_per_s - s.aging_1_per_s) * s.interval_s / 2
    reply_range = SPEED_OF_LIGHT * s.reply_time_s / 2
    offset: Array = motion_bias(s.speed_m_s, s.reply_time_s, drift_2)
    offset = offset + aging_bias(s.aging_1_per_s, s.aging_2_per_s, s.reply_time_s, path, path)
    moments: dict[str, tuple[Array, Array]] = {
        "offset": (offset, offset_variance(s.jitter_s, s.jittering)),
        "drift": (np.asarray(lag), drift_variance(s.jitter_s, s.interval_s, s.jittering)),
        "range, uncorrected": (
            single_sided_bias(drift_1, drift_2, s.reply_time_s, path),
            single_sided_variance(s.jitter_s, s.jittering),
        ),
        "range, corrected": (
            corrected_bias(drift_1, path) - lag * reply_range,
            corrected_variance(s.jitter_s, s.reply_time_s, s.interval_s, s.jittering),
        ),
        "range, double-sided": (
            double_sided_bias(drift_1, drift_2, path),
            double_sided_variance(s.jitter_s, s.reply_time_s, s.reply_time_s, path, s.jittering),
        ),
    }
    return {name: (float(bias), float(variance)) for name, (bias, variance) in moments.items()}


def block_sums(setup: LinkSetup, key: Key, blocks: Iterable[int]) -> Array:
    """Sums over trials of the errors of all estimates.

    Parameters
    ----------
    setup
        The link.
    key
        ``(seed, study, point)``: block ``b`` draws from ``default_rng([seed, study, point, b])``.
    blocks
        Numbers of the blocks to simulate, each of :data:`TRIALS_PER_BLOCK` trials.

    Returns
    -------
    The sums named in :data:`SUMS` of each of :data:`ESTIMATES`, shape ``(n_blocks, n_estimates, n_sums)``. Those of
    several calls, put together, are those of one call with all their blocks.
    """
    sums = []
    for block in blocks:
        found = simulate(setup, TRIALS_PER_BLOCK, generator(key, block)).errors
        errors = np.stack([found[name] for name in ESTIMATES])
        sums.append(np.stack([(errors**power).sum(axis=1) for power in SUMS.values()], axis=1))
    return np.array(sums).reshape(-1, len(ESTIMATES), len(SUMS))


@dataclass(frozen=True)
class Event:
    """One stamp of a time line: ``name`` as in the paper, such as ``c'_1a``; true time and reading minus it, s."""

    name: str
    slot: int
    node: int
    action: Literal["transmits", "receives"]
    header: str
    true_s: float
    ahead_s: float


@dataclass(frozen=True)
class Packet:
    """What travels: its header and the readings minus true time that it carries, by name (Figure 6)."""

    slot: int
    header: str
    sender: int
    receiver: int
    carries: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Timeline:
    """One simulated run of RLM-OWR, all that Figures 5 and 6 show.

    ``events`` are the eight stamps in order, ``packets`` the four messages. ``offsets`` are ``tau_a`` and ``tau_b``, s,
    measured at the true times ``midpoints_s``; ``drift`` is k. ``line_time_s`` and ``line_offset_s`` are the true
    line ``tau(t) - t``, s; ``true_drift`` is its slope by clock 1.
    """

    events: tuple[Event, ...]
    packets: tuple[Packet, ...]
    midpoints_s: tuple[float, float]
    offsets_s: tuple[float, float]
    drift: float
    true_drift: float
    range_m: float
    line_time_s: Array
    line_offset_s: Array


def timeline(setup: LinkSetup, *, seed: int, offset_1_s: float = 0.0, offset_2_s: float = -40e-6) -> Timeline:
    """Time line of two exchanges with all stamps, from one simulated run."""
    rng = np.random.default_rng(seed)
    first, second = setup.nodes(offset_1_s, offset_2_s)
    runs = [
        exchange(
            first,
            second,
            reply_times_s=[setup.reply_time_s],
            start_s=start,
            jitter_s=setup.jitter_s,
            jittering=setup.jittering,
            rng=rng,
        )
        for start in (0.0, setup.interval_s)
    ]
    events: list[Event] = []
    packets: list[Packet] = []
    for slot, (letter, run) in enumerate(zip("ab", runs, strict=True), start=1):
        names = (f"c_1{letter}", f"c_2{letter}", f"c'_2{letter}", f"c'_1{letter}")
        for index, name in enumerate(names):
            events.append(
                Event(
                    name,
                    slot,
                    node=1 if index in (0, 3) else 2,
                    action="receives" if index % 2 else "transmits",
                    header=HEADERS[index // 2],
                    true_s=run.start_s + float(run.elapsed_s[index]),
                    ahead_s=float(run.ahead_s[index]),
                )
            )
        of_middle = float(run.ahead_s[[1, 2]].mean())
        packets.append(Packet(slot, HEADERS[0], 1, 2, {names[0]: float(run.ahead_s[0])}))
        packets.append(Packet(slot, HEADERS[1], 2, 1, {f"c''_2{letter}": of_middle}))
    middles = tuple(float(run.true_midpoint_s) for run in runs)
    k = float(drift(*runs))
    times = np.linspace(0.0, setup.interval_s + 2 * float(runs[1].elapsed_s[3]), 201)
    return Timeline(
        tuple(events),
        tuple(packets),
        (middles[0], middles[1]),
        (float(runs[0].offset_s), float(runs[1].offset_s)),
        k,
        float(true_drift(first, second, middles[1])),
        float(corrected_range(runs[1].round_trip_s, runs[1].reply_s, k)),
        times,
        true_offset(first, second, times),
    )
