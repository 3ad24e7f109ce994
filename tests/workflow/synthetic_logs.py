"""Logs of made-up radios in the columns of the measurements, with known drift, jitter, bias, wraps and gaps."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from isal.units import SPEED_OF_LIGHT
from isal.validation.logs import TICK_S

EPOCH_NS = 1_734_501_485_000_000_000


@dataclass
class Link:
    """How a made-up log comes about; times in s, distances in m."""

    distance: float = 20.0
    bias: float = 0.0
    drift: float = 1.5e-6
    wander: float = 0.0  # standard deviation of a step of the drift's random walk
    jitter: float = 0.0
    reply: float = 1.128e-3
    spacing: float = 0.0989
    exchanges: int = 90
    bits: int = 32
    first_ticks: tuple[float, float] = (2.0**31 - 1e9, -(2.0**31) + 5e8)  # both counters wrap within a second
    lost: list[int] = field(default_factory=list)  # numbers of exchanges that are not in the log
    restart: int | None = None  # before this exchange the responder's counter starts anew
    host: str = "punctual"  # or "slow": needs 0.143 s for a line, and catches up where exchanges were lost

    def drifts(self, rng):
        """k of each exchange, responder as reference: clock 1 runs at 1 / (1 - k) of clock 2."""
        return self.drift + np.cumsum(self.wander * rng.standard_normal(self.exchanges))

    def table(self, rng):
        """The log as a table, and the true time, drift and numbers of what is in it."""
        n = self.exchanges
        k = self.drifts(rng)
        # clock 1 shows true time; clock 2 shows (1 - k) of it
        true = self.spacing * np.arange(n)
        path = (self.distance + self.bias) / SPEED_OF_LIGHT
        reply = self.reply / (1 - k)
        events = np.stack([true, true + path, true + path + reply, true + 2 * path + reply], axis=1)
        behind = np.concatenate([[0.0], np.cumsum((k[:-1] + k[1:]) / 2 * self.spacing)])
        shown = events.copy()
        shown[:, 1] -= behind + k * path
        shown[:, 2] = shown[:, 1] + self.reply
        shown += self.jitter * rng.standard_normal(shown.shape)
        ticks = np.round(shown / TICK_S)
        ticks[:, [0, 3]] += self.first_ticks[0]
        ticks[:, [1, 2]] += self.first_ticks[1]
        if self.restart is not None:
            ticks[self.restart :, [1, 2]] += 1.1e9
        size = 2.0**self.bits
        wrapped = (ticks + size / 2) % size - size / 2
        kept = np.setdiff1d(np.arange(n), self.lost)
        wrapped, true = wrapped[kept], true[kept]
        written = true + 0.01
        if self.host == "slow":
            after_gap = np.diff(kept, prepend=kept[0] - 1) > 1
            for row in range(1, len(written)):
                written[row] = (
                    max(true[row] + 0.01, written[row - 1] + 0.143) if not after_gap[row] else true[row] + 0.01
                )
                written[row] = max(written[row], written[row - 1] + 0.05)
        initiator = (wrapped[:, 3] - wrapped[:, 0] + size / 2) % size - size / 2
        responder = (wrapped[:, 2] - wrapped[:, 1] + size / 2) % size - size / 2
        return pd.DataFrame(
            {
                "timestamp": 1.7e9 + written,
                "Distance": self.distance + self.bias,
                "rtd_init": initiator,
                "rtd_resp": responder,
                "resp_rx_ts": wrapped[:, 3],
                "poll_tx_ts": wrapped[:, 0],
                "resp_tx_ts": wrapped[:, 2],
                "poll_rx_ts": wrapped[:, 1],
            }
        ), k[kept]

    def write(self, path, seed=1, tail=True):
        """Write the log, with its authors' means after it; the table and k of each exchange."""
        table, k = self.table(np.random.default_rng(seed))
        path.parent.mkdir(parents=True, exist_ok=True)
        table.to_csv(path, index=False)
        if tail:
            with path.open("a") as file:
                file.write(f"Distance Mean,{self.distance}\nDistance Std,0.02\n")
        return table, k


@dataclass
class Run:
    """A made-up dynamic run: a tag walks a circle in front of four anchors; times in s, distances in m."""

    floor: float = 0.022
    bias: float = 0.05
    bias_per_m: float = 0.005
    delay: float = 0.18
    height: float = 1.0
    duration: float = 120.0
    outliers: int = 0
    outlier: float = 3.0
    lost: int = 0
    anchors: tuple[tuple[float, float, float], ...] = (
        (0.7, 0.9, 0.5),
        (2.6, 2.9, 2.0),
        (2.6, -2.9, 2.0),
        (-1.5, -0.9, 0.5),
    )

    def track(self, time):
        angle = 2 * np.pi * time / 60
        return np.stack([9 + 5 * np.cos(angle), 6 * np.sin(angle), np.full_like(time, 0.1)], axis=-1)

    def write(self, folder, seed=1):
        """Write the run; numbers (anchor, line) of its outliers."""
        rng = np.random.default_rng(seed)
        folder.mkdir(parents=True, exist_ok=True)
        time = np.arange(0.0, self.duration, 0.125)
        reference = pd.DataFrame(self.track(time), columns=["x", "y", "z"])
        reference.insert(0, "timestamp", EPOCH_NS + time * 1e9)
        reference.to_csv(folder / "trajectory.csv", index=False)
        sent = np.arange(1.0, self.duration - 1.0, 0.1)
        wrong = rng.choice(len(sent), self.outliers, replace=False)
        gone = rng.choice(np.setdiff1d(np.arange(len(sent)), wrong), self.lost, replace=False)
        for number, anchor in enumerate(self.anchors):
            logged = sent + 0.002 * number + self.delay
            tag = self.track(sent + 0.002 * number) + np.array([0, 0, self.height])
            distance = np.linalg.norm(tag - anchor, axis=1)
            measured = self.bias + (1 + self.bias_per_m) * distance + self.floor * rng.standard_normal(len(sent))
            hit = wrong[wrong % len(self.anchors) == number]
            measured[hit] += self.outlier
            table = pd.DataFrame(
                {
                    "%time": EPOCH_NS + np.round(logged * 1e9).astype(np.int64),
                    "field.stamp": EPOCH_NS + np.round(logged * 1e9).astype(np.int64),
                    "field.id": number,
                    "field.x": anchor[0],
                    "field.y": anchor[1],
                    "field.z": anchor[2],
                    "field.distanceFromTag": measured,
                }
            )
            table.drop(gone[gone % len(self.anchors) == number]).to_csv(folder / f"A{number}.csv", index=False)
        return wrong


#: Logs at rest of :func:`write_folder`: condition, height in cm, distances in m.
AT_REST = (("LOS", 100, (2, 10, 20, 40)), ("NLOS", 150, (5, 15, 30)))


def write_folder(folder, floor=0.022, drift=1.5e-6, bias_per_m=0.005, exchanges=40, run="LOS_walk", duration=20.0):
    """A folder of measurements: seven logs at rest, of links with this floor in m, and a dynamic run."""
    for condition, height, distances in AT_REST:
        for distance in distances:
            # a range of two stamps of each clock has the error of one of them
            link = Link(
                distance=float(distance),
                bias=0.05 + bias_per_m * distance,
                drift=drift,
                jitter=floor / SPEED_OF_LIGHT,
                exchanges=exchanges,
            )
            path = folder / f"static/{condition}/height_{height}cm/{distance}m.csv"
            table, _ = link.write(path, seed=distance)
            rng = np.random.default_rng([2, distance])
            # devices that round their own range to centimetres
            table["Distance"] = np.round(link.distance + link.bias + floor * rng.standard_normal(len(table)), 2)
            table.to_csv(path, index=False)
    if run:
        Run(floor=floor, bias_per_m=bias_per_m, duration=duration).write(folder / "dynamic" / run)
    return folder
