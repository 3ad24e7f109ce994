"""How targets move from slot to slot: at a velocity that is constant but for a random acceleration."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from isal.errors import IsalError, finite_number
from isal.units import DURATION_S

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Motion:
    """Constant velocity with process noise, for each coordinate of each target on its own.

    Parameters
    ----------
    acceleration_density
        Spectral density q of the white acceleration, m^2/s^3. Over t seconds it adds ``q t`` to the variance of the
        velocity and ``q t^3 / 3`` to that of the position. With zero the velocity stays as it is.
    speed_deviation
        Standard deviation of each coordinate of the first velocity about that by which the given positions move, m/s:
        how well it is known before any link measures. Infinite, the default: not at all.

    Raises
    ------
    IsalError
        If a number is negative or none, or the acceleration infinite.

    Examples
    --------
    >>> import isal
    >>> isal.Motion(acceleration_density=0.01, speed_deviation=0.5)
    Motion(acceleration_density=0.01, speed_deviation=0.5)
    """

    acceleration_density: float
    speed_deviation: float = math.inf

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            endless = each.name == "speed_deviation" and value == math.inf
            number = math.inf if endless else finite_number(value)
            if number is None or number < 0:
                raise IsalError(f"Motion: {each.name} must be a number that is not negative, got {value!r}")
            object.__setattr__(self, each.name, number)

    @property
    def root(self) -> Array:
        """Square root of the information about what position and velocity gain in a slot, 1/m and s/m; shape (2, 2)."""
        t = DURATION_S
        variance = self.acceleration_density * np.array([[t**3 / 3, t**2 / 2], [t**2 / 2, t]])
        return np.asarray(np.linalg.inv(np.linalg.cholesky(variance)))
