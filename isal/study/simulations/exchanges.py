"""Errors of RLM-OWR and of two-way ranging over the settings of a link: exchanges simulated, beside closed forms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.study.simulations import BLOCK, STUDIES, SUM
from isal.validation.clocks import ESTIMATES, SUMS, LinkSetup, block_sums, predicted_moments

#: Values of each setting at which closed forms are given.
CURVE_POINTS = 81


def exchanges(seed: int, sweeps: Mapping[str, Sequence[float]], blocks: int) -> xr.Dataset:
    """Errors of clock offset, drift and ranges while one setting of a link changes.

    Parameters
    ----------
    seed
        Of the random numbers.
    sweeps
        Settings of :class:`isal.validation.clocks.LinkSetup` and their values; all else is at its default.
    blocks
        Blocks of :data:`isal.validation.clocks.TRIALS_PER_BLOCK` trials at each value.

    Returns
    -------
    Dataset over ``case`` (a setting and its value) and ``estimate`` with ``sums`` over ``block`` and what follows from
    them, and closed forms; those over ``curve`` are at many values of each setting.
    """
    cases = [(setting, point, value) for setting, values in sweeps.items() for point, value in enumerate(values)]
    sums = np.array(
        [
            block_sums(_link(setting, value), (seed, STUDIES[setting], point), range(blocks))
            for setting, point, value in cases
        ]
    )
    trials, error, square, fourth = np.moveaxis(sums.sum(axis=1), -1, 0)
    rms = np.sqrt(square / trials)
    spread = np.sqrt(np.maximum(fourth / trials - rms**4, 0) / trials)  # rounding must not make it negative
    curve = [(setting, value) for setting, values in sweeps.items() for value in _between(values)]
    bias, variance = _moments([(setting, value) for setting, _, value in cases])
    curve_bias, curve_variance = _moments(curve)
    units = ", ".join(f"{name}: {unit or '1'}" for name, unit in ESTIMATES.items())
    of_case, of_curve = ("case", "estimate"), ("curve", "estimate")
    return xr.Dataset(
        {
            "sums": (
                ("case", "block", "estimate", "sum"),
                sums,
                {"long_name": "sums over the trials of a block of powers of the error"},
            ),
            "bias": (of_case, error / trials, {"long_name": "mean error"}),
            "rms": (of_case, rms, {"long_name": "root mean square error"}),
            "standard_error": (of_case, spread / (2 * rms), {"long_name": "standard error of rms"}),
            "predicted_bias": (of_case, bias, {"long_name": "bias in closed form"}),
            "predicted_variance": (of_case, variance, {"long_name": "variance in closed form"}),
            "curve_rms": (
                of_curve,
                np.sqrt(curve_bias**2 + curve_variance),
                {"long_name": "root mean square error in closed form"},
            ),
        },
        coords={
            "setting": (
                "case",
                [setting for setting, _, _ in cases],
                {"long_name": "setting of the link that changes"},
            ),
            "value": (
                "case",
                [float(value) for _, _, value in cases],
                {"long_name": "its value, in the unit of its name"},
            ),
            "curve_setting": ("curve", [setting for setting, _ in curve], {"long_name": "setting, of closed forms"}),
            "curve_value": ("curve", [value for _, value in curve], {"long_name": "value, of closed forms"}),
            "block": ("block", range(blocks), BLOCK),
            "estimate": ("estimate", list(ESTIMATES), {"long_name": f"what is estimated; {units}"}),
            "sum": ("sum", list(SUMS), SUM),
        },
        attrs={
            "title": "errors of RLM-OWR and of two-way ranging",
            "seed": seed,
            "estimate_units": units,
            "settings": json.dumps(asdict(LinkSetup())),
        },
    )


def _link(setting: str, value: float) -> LinkSetup:
    return LinkSetup(**{setting: float(value)})  # type: ignore[arg-type]


def _between(values: Sequence[float]) -> list[float]:
    """Values from the least to the largest, evenly spread if there is a zero, else by equal factors."""
    low, high = min(values), max(values)
    spread = np.geomspace if low > 0 else np.linspace
    # rounding must not lead beyond what was checked
    return [min(max(float(value), low), high) for value in spread(low, high, CURVE_POINTS)]


def _moments(cases: Sequence[tuple[str, float]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Biases and variances in closed form, each of shape ``(n_cases, n_estimates)``."""
    found = [predicted_moments(_link(setting, value)) for setting, value in cases]
    bias, variance = np.moveaxis(np.array([[each[name] for name in ESTIMATES] for each in found]), -1, 0)
    return bias, variance
