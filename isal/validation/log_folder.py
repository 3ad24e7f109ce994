"""Where logs of measurements stand in a folder, told by their names alone, without reading them.

The layout is that of the public data set DOI 10.5281/zenodo.15226105::

    static/<LOS|NLOS>/height_<cm>cm/<distance>m.csv      one tag, one anchor, at rest
    dynamic/<run>/<anchor>.csv, trajectory.csv           ranges of several anchors to a moving tag, reference positions
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from isal.errors import IsalError

#: What stands between a radio and another: line of sight or not.
CONDITIONS = ("LOS", "NLOS")

STATIC_LAYOUT = "static/<LOS|NLOS>/height_<cm>cm/<distance>m.csv"
REFERENCE_FILE = "trajectory.csv"
RUN_LAYOUT = f"{REFERENCE_FILE} and one file of ranges per anchor"

#: With ranges of fewer anchors there is no position.
FEWEST_ANCHORS = 3

_SERIES = re.compile(r"height_(\d+(?:\.\d+)?)cm")
_DISTANCE = re.compile(r"(\d+(?:\.\d+)?)m")

#: A run gives files of results their name.
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class MeasurementError(IsalError):
    """Measurements that can't be used. The message names the folder, file, column or line and what to do."""


@dataclass(frozen=True)
class StaticFile:
    """A log at rest: line of sight (``"LOS"``) or not (``"NLOS"``), height in cm, and the true distance in m."""

    path: Path
    condition: str
    height_cm: float
    distance_m: float


@dataclass(frozen=True)
class RunFiles:
    """A dynamic run: its folder, the reference positions, and the ranges of each anchor by the anchor's name."""

    folder: Path
    reference: Path
    ranges: Mapping[str, Path]

    @property
    def condition(self) -> str:
        """``"NLOS"`` if the folder's name begins so, else ``"LOS"``."""
        return next((word for word in reversed(CONDITIONS) if self.folder.name.startswith(word)), CONDITIONS[0])

    @property
    def paths(self) -> list[Path]:
        """All its files."""
        return [self.reference, *self.ranges.values()]


@dataclass(frozen=True)
class LogFolder:
    """All logs of a folder: static ones by condition, height and distance, and dynamic runs by name."""

    static: tuple[StaticFile, ...]
    runs: Mapping[str, RunFiles]


def find(folder: Path | str) -> LogFolder:
    """All logs under a folder. ``dynamic/`` may be missing.

    Raises
    ------
    MeasurementError
        If there is no such folder, or it is not laid out as above.
    """
    folder = _folder(Path(folder), f"{STATIC_LAYOUT} in it")
    return LogFolder(tuple(find_static(folder)), {each.name: find_run(each) for each in run_folders(folder)})


def find_static(folder: Path | str) -> list[StaticFile]:
    """The static logs under ``folder/static``, by condition, height and distance.

    Raises
    ------
    MeasurementError
        If a folder is missing or empty, or a name does not tell height or distance.
    """
    root = _folder(Path(folder) / "static", STATIC_LAYOUT)
    found = []
    for path in _tables(root.glob("*/*/*")):
        height, distance = _SERIES.fullmatch(path.parent.name), _DISTANCE.fullmatch(path.stem)
        condition = path.parent.parent.name
        if not height or not distance or condition not in CONDITIONS or not float(distance[1]) > 0:
            raise MeasurementError(
                f"{path}: its name must be {STATIC_LAYOUT.removeprefix('static/')}, which tells the true distance"
            )
        found.append(StaticFile(path, condition, float(height[1]), float(distance[1])))
    if not found:
        raise MeasurementError(f"{root}: no log in it; expected files {STATIC_LAYOUT.removeprefix('static/')}")
    return sorted(found, key=lambda log: (log.condition, log.height_cm, log.distance_m))


def run_folders(folder: Path | str) -> list[Path]:
    """The folders of all dynamic runs under ``folder/dynamic``, by name; empty if there are none.

    Raises
    ------
    MeasurementError
        If a name can't be part of the name of a result.
    """
    root = Path(folder) / "dynamic"
    found = sorted(path for path in root.iterdir() if path.is_dir() and _shown(path)) if root.is_dir() else []
    for path in found:
        if not _RUN.fullmatch(path.name):
            raise MeasurementError(
                f"{path}: results have the name of the run; rename it to letters, digits, dot, dash and underscore, "
                "at most 100"
            )
    return found


def find_run(folder: Path | str) -> RunFiles:
    """The files of one dynamic run.

    Raises
    ------
    MeasurementError
        If the folder or the reference is missing, or there are fewer than three anchors.
    """
    root = _folder(Path(folder), RUN_LAYOUT)
    if not (root / REFERENCE_FILE).is_file():
        raise MeasurementError(f"{root}: no {REFERENCE_FILE} in it; a dynamic run needs reference positions")
    paths = [path for path in _tables(root.glob("*")) if path.name != REFERENCE_FILE]
    if len(paths) < FEWEST_ANCHORS:
        raise MeasurementError(f"{root}: {len(paths)} files of ranges; a position needs at least three anchors")
    return RunFiles(root, root / REFERENCE_FILE, {path.stem: path for path in paths})


def digests(paths: Iterable[Path]) -> list[str]:
    """Digest of the content of each file.

    Raises
    ------
    MeasurementError
        If one can't be read.
    """
    found = []
    for path in paths:
        try:
            found.append(hashlib.sha256(path.read_bytes()).hexdigest())
        except OSError as error:
            raise MeasurementError(f"{path}: can't be read ({error.strerror}); see to that and run again") from error
    return found


def _folder(path: Path, expected: str) -> Path:
    try:
        there = path.is_dir()
    except (OSError, ValueError):  # no possible path
        there = False
    if not there:
        raise MeasurementError(f"{path}: no such folder; name one with {expected}")
    return path


def _tables(paths: Iterable[Path]) -> list[Path]:
    """The files of a table, without hidden ones, which some systems leave beside each file."""
    return sorted(path for path in paths if path.suffix.lower() == ".csv" and _shown(path) and path.is_file())


def _shown(path: Path) -> bool:
    return not path.name.startswith(".")
