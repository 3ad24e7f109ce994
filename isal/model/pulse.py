"""Pulse shapes: what a band of width B tells about a delay.

A pulse is known by its energy spectrum ``|S(f)|^2``, symmetric about the carrier and of unit energy. Everything here is
in units of the bandwidth: frequencies in B, delays in 1/B, so that one pulse serves every bandwidth. The information
about a delay is ``8 pi^2 beta^2 SNR`` with the RMS bandwidth ``beta``, the root of the second moment of the spectrum.

(14) of the paper puts ``beta = B``. No pulse inside a band of width B has that: two tones at the edges, the most that
fits, have ``beta^2 = B^2 / 4``, and a flat spectrum has ``B^2 / 12``.
"""

from __future__ import annotations

import difflib
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError
from isal.units import plain

Array = NDArray[np.float64]


class Pulse(ABC):
    """A pulse shape; frequencies are in units of B, delays in units of 1/B."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name, as :func:`named` takes it."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What it is, in a phrase."""

    @property
    @abstractmethod
    def edge(self) -> float:
        """Frequency beyond which the spectrum is zero, or too small to matter (below 1e-7 of its peak)."""

    @property
    @abstractmethod
    def second_moment(self) -> float:
        """``m2`` of the spectrum: ``beta^2 / B^2``, the factor on the information relative to (14)."""

    @property
    @abstractmethod
    def fourth_moment(self) -> float:
        """``m4`` of the spectrum, in units of B^4."""

    @abstractmethod
    def spectrum(self, frequency: ArrayLike) -> Array:
        """Energy spectrum ``|S(f)|^2``, which integrates to one over all frequencies."""

    @abstractmethod
    def autocorrelation(self, delay: ArrayLike) -> Array:
        """``R(tau)``, the integral of ``|S(f)|^2 exp(2 pi j f tau)``; 1 at zero, real as the spectrum is symmetric."""

    @property
    def rms_bandwidth(self) -> float:
        """``beta / B``."""
        return math.sqrt(self.second_moment)

    @property
    def kurtosis(self) -> float:
        """``m4 / m2^2`` of the spectrum: 1.8 where it is flat, 3 where it is Gaussian."""
        return self.fourth_moment / self.second_moment**2


@dataclass(frozen=True)
class Flat(Pulse):
    """A spectrum that is constant over a band and zero outside it; the band is B wide where ``m2`` is 1/12."""

    name: str = "flat"
    description: str = "spectrum constant over the band of width B; beta^2 is B^2 / 12"
    second_moment: float = 1 / 12

    @property
    def width(self) -> float:
        """Width of the band, in units of B."""
        return math.sqrt(12 * self.second_moment)

    @property
    def edge(self) -> float:
        return self.width / 2

    @property
    def fourth_moment(self) -> float:
        return self.width**4 / 80

    def spectrum(self, frequency: ArrayLike) -> Array:
        return np.where(np.abs(frequency) <= self.edge, 1 / self.width, 0.0)

    def autocorrelation(self, delay: ArrayLike) -> Array:
        return np.asarray(np.sinc(self.width * np.asarray(delay, dtype=float)))


@dataclass(frozen=True)
class RootRaisedCosine(Pulse):
    """A pulse whose matched filter output is free of interference between symbols 1/T apart.

    Its energy spectrum is the raised cosine: flat up to ``(1 - a) / (2 T)``, then falling to zero at
    ``(1 + a) / (2 T)``, the edge of the band of width ``B = (1 + a) / T``. That is a flat spectrum of width 1/T,
    blurred with the half wave ``pi T / (2 a) cos(pi f T / a)`` of width a/T, so the moments are those of a sum of two
    independent variables.
    """

    #: ``a``, from 0 (flat) to 1.
    roll_off: float
    edge: float = field(default=0.5, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.roll_off <= 1:
            raise IsalError(f"the roll-off of a root raised cosine must be from 0 to 1, got {self.roll_off}")

    @property
    def name(self) -> str:
        return f"{RAISED_COSINE}{plain(Decimal(repr(self.roll_off)))}"

    @property
    def description(self) -> str:
        return f"root raised cosine of roll-off {self.roll_off:g} whose spectrum ends at the edges of the band"

    @property
    def period(self) -> float:
        """``T``, the time between symbols, in units of 1/B."""
        return 1 + self.roll_off

    @property
    def second_moment(self) -> float:
        return (1 / 12 + self._blur(2)) / self.period**2

    @property
    def fourth_moment(self) -> float:
        # E (u + v)^4 of independent u, uniform over (-1/2, 1/2), and v, the half wave
        return (1 / 80 + 6 / 12 * self._blur(2) + self._blur(4)) / self.period**4

    def _blur(self, order: int) -> float:
        """Second or fourth moment of the half wave for T = 1."""
        unit = {2: 1 / 4 - 2 / math.pi**2, 4: 1 / 16 - 3 / math.pi**2 + 24 / math.pi**4}[order]
        return self.roll_off**order * unit

    def spectrum(self, frequency: ArrayLike) -> Array:
        offset = np.abs(frequency) * self.period - (1 - self.roll_off) / 2  # beyond the flat part
        if self.roll_off == 0:
            return np.where(offset <= 0, self.period, 0.0)
        fall = 0.5 * (1 + np.cos(np.pi * np.clip(offset / self.roll_off, 0, 1)))
        return np.asarray(self.period * fall)

    def autocorrelation(self, delay: ArrayLike) -> Array:
        t = np.asarray(delay, dtype=float) / self.period
        # cos(pi a t) / (1 - (2 a t)^2) written so that nothing is divided by zero where 2 a t is one
        x = self.roll_off * t
        return np.asarray(np.sinc(t) * np.pi / 4 * (np.sinc(x + 0.5) + np.sinc(x - 0.5)))


@dataclass(frozen=True)
class Gaussian(Pulse):
    """A Gaussian spectrum that has fallen by 3 dB, to one half, at the edges of the band of width B."""

    name: str = "gaussian"
    description: str = "Gaussian spectrum of -3 dB width B; beta^2 is B^2 / (8 ln 2)"
    second_moment: float = field(default=1 / (8 * math.log(2)), init=False)
    fourth_moment: float = field(default=3 / (8 * math.log(2)) ** 2, init=False)
    edge: float = field(default=6 / math.sqrt(8 * math.log(2)), init=False)

    def spectrum(self, frequency: ArrayLike) -> Array:
        f = np.asarray(frequency, dtype=float)
        return np.asarray(np.exp(-(f**2) / (2 * self.second_moment)) / math.sqrt(2 * math.pi * self.second_moment))

    def autocorrelation(self, delay: ArrayLike) -> Array:
        return np.asarray(np.exp(-2 * math.pi**2 * self.second_moment * np.asarray(delay, dtype=float) ** 2))


#: Name of root raised cosines, followed by their roll-off.
RAISED_COSINE = "root-raised-cosine-"

#: Roll-offs that a name may give: one way to write each number, four decimals at most.
ROLL_OFF = r"(0|1|0\.[0-9]{0,3}[1-9])"

#: Name of the pulse that makes (14) hold as the paper prints it.
AS_PRINTED = "as-printed"

#: Pulses by name; besides them, a root raised cosine of any roll-off goes by ``root-raised-cosine-<roll-off>``.
PULSES: dict[str, Pulse] = {
    pulse.name: pulse
    for pulse in (
        Flat(AS_PRINTED, "beta is B, as (14) has it: a spectrum constant over a band of width sqrt(12) B", 1.0),
        Flat(),
        RootRaisedCosine(0.5),  # the reference pulse of IEEE 802.15.4
        Gaussian(),
    )
}


def named(name: object) -> Pulse:
    """The pulse of a name: one of :data:`PULSES`, or ``root-raised-cosine-`` and a roll-off from 0 to 1.

    Raises
    ------
    IsalError
        If there is no such pulse; the message lists those there are.
    """
    if isinstance(name, str):
        if name in PULSES:
            return PULSES[name]
        if re.fullmatch(re.escape(RAISED_COSINE) + ROLL_OFF, name):
            return RootRaisedCosine(float(name.removeprefix(RAISED_COSINE)))
    close = difflib.get_close_matches(str(name)[:100], PULSES, n=1)
    meant = f" (did you mean {close[0]!r}?)" if close else ""
    raise IsalError(
        f"there is no pulse {str(name)[:100]!r}{meant}; choose among {', '.join(PULSES)}, or {RAISED_COSINE} with "
        "another roll-off from 0 to 1 (as 0.25; at most four decimals, none of them a zero at the end)"
    )
