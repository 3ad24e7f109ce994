"""The radio: link budget, range information intensity and link signal-to-noise ratio (Table 1, (14), (15))."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, finite_number
from isal.pulse import AS_PRINTED, named
from isal.units import SPEED_OF_LIGHT

#: A delay estimator reaches its Cramer-Rao bound above roughly this link SNR; below it the bound is optimistic.
SNR_THRESHOLD_DB = 12.0


@dataclass(frozen=True, kw_only=True)
class Radio:
    """Radio parameters; the defaults are Table 1 of the paper.

    Raises
    ------
    IsalError
        If a parameter is not a finite number, or not positive where it must be.
    """

    carrier_frequency_hz: float = 77e9
    bandwidth_hz: float = 500e6
    antenna_gain_db: float = 10.0
    noise_density_dbm_hz: float = -174.0
    system_loss_db: float = 3.0
    radar_cross_section_m2: float = 10.0
    #: Pulses integrated coherently per link; the paper uses one.
    pulses: float = 1.0
    #: eta^2 of (20): variance of a radar's velocity, m^2/s^2.
    velocity_variance: float = 0.01
    #: rho^2 of (25): variance of the relative clock drift rate, dimensionless.
    drift_variance: float = 1e-10
    #: Name of the pulse shape, see :mod:`isal.pulse`: its RMS bandwidth is a factor on all information.
    pulse: str = AS_PRINTED

    def __post_init__(self) -> None:
        try:
            named(self.pulse)
        except IsalError as error:
            raise IsalError(f"radio: pulse: {error}") from None
        for field in fields(self):
            if field.name == "pulse":
                continue
            given = getattr(self, field.name)
            value = finite_number(given)
            if value is None:
                raise IsalError(f"radio: {field.name} must be a finite number, got {given!r}")
            if value <= 0 and not field.name.endswith(("_db", "_dbm_hz")):
                raise IsalError(f"radio: {field.name} must be positive, got {given!r}")
            object.__setattr__(self, field.name, value)
        try:
            usable = 0 < self.xi < math.inf
        except (OverflowError, ZeroDivisionError):
            usable = False
        if not usable:
            raise IsalError("radio: together its parameters leave the range of floating point; check their units")

    @property
    def xi(self) -> float:
        """``xi`` of (14), 1/W: ``8 pi^2 B^2 / c^2 * G^2 c^2 / ((4 pi)^2 N0 B L fc^2)``, simplified; linear in B.

        Times ``beta^2 / B^2`` of the pulse, which (14) takes for 1.
        """
        gain = 10 ** (self.antenna_gain_db / 10)
        noise = 10 ** (self.noise_density_dbm_hz / 10) * 1e-3  # W/Hz
        loss = 10 ** (self.system_loss_db / 10)
        xi = self.pulses * self.bandwidth_hz * gain**2 / (2 * noise * loss * self.carrier_frequency_hz**2)
        return xi * named(self.pulse).second_moment

    def ranging_intensity(self, distance: ArrayLike) -> NDArray[np.float64]:
        """Range information intensity (14) of a one-way link per watt, 1/(m^2 W); ``distance`` in metres."""
        # lambda / P = xi / d^2
        return np.asarray(self.xi / np.asarray(distance, dtype=float) ** 2)

    def sensing_intensity(self, outward: ArrayLike, back: ArrayLike) -> NDArray[np.float64]:
        """Range information intensity (15) of a reflected link per watt, 1/(m^2 W).

        ``outward`` is the distance transmitter to target, ``back`` target to receiver, in metres.
        """
        # lambda / P = xi / (d1^2 d2^2) * sigma / (4 pi)
        spread = (np.asarray(outward, dtype=float) * np.asarray(back, dtype=float)) ** 2
        return np.asarray(self.xi / spread * self.radar_cross_section_m2 / (4 * math.pi))

    def snr(self, intensity: ArrayLike) -> NDArray[np.float64]:
        """Signal-to-noise ratio (linear) that belongs to a range information intensity (1/m^2): (14) solved for it.

        That of all pulses of a link together: ``P_rx / (N0 B)`` of one pulse of length 1/B, whatever its shape, times
        their number.
        """
        # lambda = 8 pi^2 beta^2 / c^2 * SNR
        squared = self.bandwidth_hz**2 * named(self.pulse).second_moment
        return np.asarray(intensity, dtype=float) * SPEED_OF_LIGHT**2 / (8 * math.pi**2 * squared)

    def to_mapping(self) -> dict[str, Any]:
        """All parameters by name, for records and digests."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
