"""Constants and conversions that several modules share."""

from __future__ import annotations

from decimal import Decimal

SPEED_OF_LIGHT = 299_792_458.0  # m/s

#: A step or slot lasts one second, so that a budget in joules is a budget of as many watts.
DURATION_S = 1.0

#: Energies of points are whole numbers of microjoules, so that sums, names and comparisons are exact.
UJ_PER_J = 1_000_000


#: Units on a logarithmic scale as UDUNITS writes them, which the CF conventions ask for.
LOGARITHMIC = {"dB": "0.1 lg(re 1)", "dBm/Hz": "0.1 lg(re 1 mW/Hz)"}


def short(value: float) -> str:
    """A number in as few digits as tell it from every other: ``"1"``, ``"0.25"``, ``"1e-10"``."""
    text = f"{value:g}"
    return text if float(text) == value else repr(value)


def plain(value: Decimal) -> str:
    """A decimal number without exponent and trailing zeros: ``"3000"``, ``"0.5"``."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
