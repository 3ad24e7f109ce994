"""Simulations: trials of positions and of delays per second of one core."""

from __future__ import annotations

import numpy as np
import yaml
from measure import ROOT, Row, cpu_seconds

import isal
from isal.model.information import Information
from isal.model.parameters import CLOCKS
from isal.model.pulse import named
from isal.validation import delay, positions

POSITION_TRIALS, DELAY_TRIALS = 100_000, 10_000

#: Search interval of a delay, 1/B.
SEARCH = 32.0


def position_trials(repeats: int = 5) -> list[Row]:
    """Maximum likelihood of radars, clock offsets and target in 7a at its integrated optimum."""
    layout = yaml.safe_load((ROOT / "config/networks.yaml").read_text())["single_slot"]["7a"]
    rows = []
    for clock in CLOCKS:
        best = isal.integrated(isal.Network.from_mapping(layout, name="7a"), isal.Radio(), clock=clock, energy=10.0)
        blocks = range(POSITION_TRIALS // positions.TRIALS_PER_BLOCK)
        info = best.information
        found: list[positions.Moments] = []

        def simulate(
            info: Information = info,
            power: np.ndarray = best.power,
            found: list[positions.Moments] = found,
            blocks: range = blocks,
        ) -> None:
            found.append(positions.simulate(info, power, (1, 0, 0), blocks))

        seconds = min(cpu_seconds(simulate) for _ in range(repeats))
        targets = info.basis.indices(["targets"])
        ratio = positions.compare(found[0], positions.covariance(info, best.power), targets).ratio
        rows.append(
            (
                f"{POSITION_TRIALS} position trials of a 4-node network, {clock}, one core",
                f"{seconds:.2f} s, {found[0].not_converged} not converged, MSE {ratio:.3f} x the bound",
                "under 3 s",
            )
        )
    return rows


def delay_trials(repeats: int = 5) -> list[Row]:
    """Maximum likelihood of a delay above and at the threshold of a flat pulse."""
    rows = []
    blocks = range(DELAY_TRIALS // delay.TRIALS_PER_BLOCK)
    for decibels in (14.0, 20.0):
        for amplitude in delay.AMPLITUDES:
            snr = 10 ** (decibels / 10)

            def simulate(snr: float = snr, amplitude: delay.Amplitude = amplitude) -> None:
                delay.simulate(named("flat"), snr, SEARCH, amplitude, (1, 0, 0), blocks)

            seconds = min(cpu_seconds(simulate) for _ in range(repeats))
            title = (
                f"{DELAY_TRIALS} delays searched over {SEARCH:g}/B at {decibels:g} dB, {amplitude} amplitude, one core"
            )
            rows.append((title, f"{seconds:.2f} s", "under 0.5 s"))
    return rows


def rows() -> list[Row]:
    return position_trials() + delay_trials()
