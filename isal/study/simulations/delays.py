"""Errors of one delay over SNR: maximum likelihood simulated, beside bounds and predictions in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr

from isal.model.pulse import named
from isal.study.simulations import BLOCK, STUDIES, SUM
from isal.units import LOGARITHMIC
from isal.validation import delay

#: The amplitude is unknown, as it is to the receivers of :mod:`isal.validation.links`.
AMPLITUDE: delay.Amplitude = "unknown"

#: Closed forms are given at SNRs that are at most so far apart, dB.
CURVE_STEP_DB = 0.5

DECIBELS = {"units": LOGARITHMIC["dB"]}

#: With fewer outliers among its trials a simulation says little about how often they happen, or what they cost.
FEWEST_OUTLIERS = 10


def delays(pulse: str, seed: int, search: float, snr_db: Sequence[float], blocks: int) -> xr.Dataset:
    """Mean squared error and outliers of the delay of a pulse, in units of 1/B.

    Parameters
    ----------
    pulse
        Name of the pulse.
    seed
        Of the random numbers; all pulses have the same ones.
    search
        Search interval, 1/B.
    snr_db
        SNRs of the simulation, dB.
    blocks
        Blocks of :data:`isal.validation.delay.TRIALS_PER_BLOCK` trials at each SNR.

    Returns
    -------
    Dataset with ``sums``, see :data:`isal.validation.delay.SUMS`, over ``snr_db, block, sum``, what follows from them
    over ``snr_db``, and closed forms over ``curve_snr_db``.
    """
    shape, linear = named(pulse), [10 ** (decibels / 10) for decibels in snr_db]
    found = [
        delay.simulate(shape, snr, search, AMPLITUDE, (seed, STUDIES["delays"], point), range(blocks))
        for point, snr in enumerate(linear)
    ]
    steps = math.ceil((max(snr_db) - min(snr_db)) / CURVE_STEP_DB)
    curve_db = np.linspace(min(snr_db), max(snr_db), steps + 1)
    curve = 10 ** (curve_db / 10)
    known = (shape, curve, search, AMPLITUDE)
    square = {"units": "1"}
    few = f"that of all trials where {FEWEST_OUTLIERS} outliers or more were seen, else without outliers"
    return xr.Dataset(
        {
            "sums": (
                ("snr_db", "block", "sum"),
                np.array([each.sums for each in found]),
                {"long_name": "sums over the trials of a block, errors in 1/B"},
            ),
            "outlier_share": (
                "snr_db",
                [each.outliers / each.trials for each in found],
                {"units": "1", "long_name": "share of trials that are outliers"},
            ),
            "outliers": (
                "snr_db",
                [each.outliers for each in found],
                {"units": "1", "long_name": "number of trials that are outliers"},
            ),
            "error": (
                "snr_db",
                [each.mean_square if each.outliers >= FEWEST_OUTLIERS else each.core_mean_square for each in found],
                square | {"long_name": f"mean squared error in 1/B^2: {few}"},
            ),
            "crb": ("curve_snr_db", delay.crb(shape, curve), square | {"long_name": "Cramer-Rao bound in 1/B^2"}),
            "ziv_zakai": (
                "curve_snr_db",
                [delay.ziv_zakai(shape, float(snr), search, AMPLITUDE) for snr in curve],
                square | {"long_name": "Ziv-Zakai bound in 1/B^2"},
            ),
            "predicted_error": (
                "curve_snr_db",
                delay.predicted_error(*known),
                square | {"long_name": "mean squared error in 1/B^2, in closed form"},
            ),
            "predicted_outlier_share": (
                "curve_snr_db",
                delay.outlier_probability(*known),
                {"units": "1", "long_name": "probability of an outlier in closed form"},
            ),
            "threshold_db": (
                (),
                10 * math.log10(delay.threshold_snr(shape, search, AMPLITUDE)),
                DECIBELS | {"long_name": "SNR from which the predicted error is below twice the Cramer-Rao bound, dB"},
            ),
        },
        coords={
            "snr_db": ("snr_db", list(map(float, snr_db)), DECIBELS | {"long_name": "SNR, dB"}),
            "curve_snr_db": ("curve_snr_db", curve_db, DECIBELS | {"long_name": "SNR of closed forms, dB"}),
            "block": ("block", range(blocks), BLOCK),
            "sum": ("sum", list(delay.SUMS), SUM),
        },
        attrs={
            "title": f"errors of one delay, {pulse} pulse",
            "pulse": pulse,
            "search": search,
            "amplitude": AMPLITUDE,
            "seed": seed,
        },
    )
