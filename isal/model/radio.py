"""The radio: link budget, range information intensity and link signal-to-noise ratio (Table 1, (14), (15))."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError, finite_number
from isal.model.pulse import AS_PRINTED, named
from isal.units import SPEED_OF_LIGHT

T = TypeVar("T")


def _parameter(default: T, text: str, unit: str, remark: str = "", **limits: float) -> T:
    """A parameter of :class:`Radio`: its default, meaning and unit, and the limits of it in a configuration.

    :mod:`isal.study.config_keys` makes a key of it. The limits are ``at_least``, ``above`` and ``at_most``; they catch
    wrong units in a configuration. :class:`Radio` itself accepts values beyond them.
    """
    return field(default=default, metadata={"text": text, "unit": unit, "remark": remark, "limits": limits})


@dataclass(frozen=True, kw_only=True)
class Radio:
    """Radio parameters; the defaults are Table 1 of the paper.

    Raises
    ------
    IsalError
        If a parameter is not a finite number, or not positive where it must be.

    Examples
    --------
    >>> import isal
    >>> radio = isal.Radio(bandwidth_hz=1e9)
    >>> round(radio.xi / isal.Radio().xi, 6)  # (14) is linear in the bandwidth
    2.0
    >>> f"{radio.ranging_intensity(100.0):.3e} 1/(m^2 W)"
    '1.062e+05 1/(m^2 W)'
    """

    carrier_frequency_hz: float = _parameter(77e9, "Carrier frequency f_c", "Hz", at_least=1e6, at_most=1e13)
    bandwidth_hz: float = _parameter(500e6, "Signal bandwidth B", "Hz", at_least=1, at_most=1e12)
    antenna_gain_db: float = _parameter(10.0, "Gain G of every antenna", "dB", at_least=-50, at_most=100)
    noise_density_dbm_hz: float = _parameter(
        -174.0, "Power spectral density N_0 of the thermal noise", "dBm/Hz", at_least=-250, at_most=0
    )
    system_loss_db: float = _parameter(3.0, "System loss L", "dB", at_least=0, at_most=100)
    radar_cross_section_m2: float = _parameter(
        10.0, "Radar cross section sigma of a target", "m^2", above=0, at_most=1e6
    )
    pulses: float = _parameter(
        1.0, "Pulses integrated coherently per link", "1", "the paper uses one", at_least=1, at_most=1e9
    )
    #: eta^2 of (20).
    velocity_variance: float = _parameter(
        0.01,
        "Variance eta^2 of a radar's velocity",
        "m^2/s^2",
        "couples the radar positions of two slots",
        above=0,
        at_most=1e12,
    )
    #: rho^2 of (25).
    drift_variance: float = _parameter(
        1e-10,
        "Variance rho^2 of the relative clock drift rate",
        "1",
        "couples the clock offsets of two slots",
        above=0,
        at_most=1e12,
    )
    #: sigma_t; see :mod:`isal.model.floor`.
    timestamp_jitter_s: float = _parameter(
        0.0,
        "Standard deviation sigma_t of the time-stamp error of a measured delay, which no power lowers",
        "s",
        "150e-12 is that of a DW1000",
        at_least=0,
        at_most=1e-6,
    )
    #: See :mod:`isal.model.pulse`.
    pulse: str = _parameter(
        AS_PRINTED,
        "Pulse shape, whose RMS bandwidth is a factor on all information",
        "",
        f"the paper's (14) is {AS_PRINTED}",
    )

    def __post_init__(self) -> None:
        try:
            named(self.pulse)
        except IsalError as error:
            raise IsalError(f"radio: pulse: {error}") from None
        for parameter in fields(self):
            if parameter.name == "pulse":
                continue
            given = getattr(self, parameter.name)
            value = finite_number(given)
            if value is None:
                raise IsalError(f"radio: {parameter.name} must be a finite number, got {given!r}")
            if not parameter.metadata["unit"].startswith("dB"):
                may_be_zero = parameter.metadata["limits"].get("at_least") == 0
                if value < 0 or (value == 0 and not may_be_zero):
                    wanted = "not be negative" if may_be_zero else "be positive"
                    raise IsalError(f"radio: {parameter.name} must {wanted}, got {given!r}")
            object.__setattr__(self, parameter.name, value)
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

    @property
    def jitter_variance_m2(self) -> float:
        """Variance of a range by the jitter of its stamps, ``c^2 sigma_t^2``, m^2."""
        return (SPEED_OF_LIGHT * self.timestamp_jitter_s) ** 2

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
        return {parameter.name: getattr(self, parameter.name) for parameter in fields(self)}
