"""The record files of a plan: which points each holds, where it is, and what it depends on.

A named point, of a network of the networks file, has a file of its own, or is in a :class:`Shard` of a :class:`Pool`.
Points of ensembles are in a :class:`Block` of networks.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from isal.study.fingerprint import digest
from isal.study.points import Point, fingerprint

if TYPE_CHECKING:
    from isal.workflow.plan import Plan

#: Folders of the files, below the results.
POINTS, SHARDS = "points", "shards"


def shard_name(point: str, n_shards: int) -> str:
    """Name of the shard, of so many, that a point of this name belongs to: ``"3_of_16"``."""
    number = int(hashlib.sha256(point.encode()).hexdigest(), 16) % n_shards
    return f"{number + 1}_of_{n_shards}"


def shards_with(point: str, path: Path) -> list[Path]:
    """Shards that may hold a point of this name, whose own file would be at a path."""
    folder = Path(str(path).removesuffix(f"{POINTS}/{point}.nc"), SHARDS)
    sizes = {int(each.stem.split("_of_")[1]) for each in folder.glob("*_of_*.nc")}
    return [folder / f"{shard_name(point, size)}.nc" for size in sorted(sizes)]


@dataclass(frozen=True, eq=False)
class RecordFile(ABC):
    """A record file of a plan."""

    plan: Plan

    @property
    @abstractmethod
    def name(self) -> str:
        """Its path below its folder, without the suffix."""

    @property
    def path(self) -> str:
        """Where it is, as seen from the working directory."""
        return self.plan.in_results(f"{SHARDS}/{self.name}.nc")

    @property
    def log(self) -> str:
        """Where the log of its job is."""
        return self.plan.in_results(f"logs/{SHARDS}/{self.name}.log")

    @property
    @abstractmethod
    def n_points(self) -> int:
        """How many points it has."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Digest of all that its points depend on."""

    @abstractmethod
    def wanted(self) -> list[tuple[Point, str]]:
        """Its points with their fingerprints."""

    @property
    @abstractmethod
    def elsewhere(self) -> list[Path]:
        """Other files that may hold its points, for another number of points per job."""


@dataclass(frozen=True, eq=False)
class PointFile(RecordFile):
    """A file of one point, which is named by value."""

    label: str

    @property
    def name(self) -> str:
        return self.label

    @property
    def path(self) -> str:
        return self.plan.in_results(f"{POINTS}/{self.name}.nc")

    @property
    def log(self) -> str:
        return self.plan.in_results(f"logs/{POINTS}/{self.name}.log")

    @property
    def n_points(self) -> int:
        return 1

    @property
    def fingerprint(self) -> str:
        return self.plan.fingerprint(self.plan.points[self.label])

    def wanted(self) -> list[tuple[Point, str]]:
        return [(self.plan.points[self.label], self.fingerprint)]

    @property
    def elsewhere(self) -> list[Path]:
        return shards_with(self.label, Path(self.path))


@dataclass(frozen=True, eq=False)
class Pool:
    """Named points that are spread over shards of about ``per_shard`` points, which are in ``folder``."""

    points: Mapping[str, Point]
    per_shard: int
    folder: str = ""

    @cached_property
    def n_shards(self) -> int:
        """Number of shards: a power of two, so that a grown grid keeps most of them."""
        wanted = max(1, -(-len(self.points) // self.per_shard))
        return 1 << (wanted - 1).bit_length()

    def shard_of(self, point: str) -> str:
        """The shard of a point is what the hash of its name says, whatever else there is."""
        return shard_name(point, self.n_shards)

    @cached_property
    def shards(self) -> dict[str, dict[str, Point]]:
        """Points by name, by shard."""
        shards: dict[str, dict[str, Point]] = {}
        for name, point in self.points.items():
            shards.setdefault(self.shard_of(name), {})[name] = point
        return dict(sorted(shards.items(), key=lambda item: int(item[0].split("_")[0])))


@dataclass(frozen=True, eq=False)
class Shard(RecordFile):
    """A file of the points of a pool whose names have some hash."""

    pool: Pool
    part: str

    @property
    def name(self) -> str:
        return f"{self.pool.folder}{self.part}"

    @property
    def n_points(self) -> int:
        return len(self._named)

    @cached_property
    def fingerprint(self) -> str:
        return digest(sorted([name, self.plan.fingerprint(point)] for name, point in self._named.items()))

    def wanted(self) -> list[tuple[Point, str]]:
        return [(point, self.plan.fingerprint(point)) for point in self._named.values()]

    @property
    def _named(self) -> dict[str, Point]:
        return self.pool.shards[self.part]

    @property
    def elsewhere(self) -> list[Path]:
        folder = Path(self.path).parent
        number, size = map(int, self.part.split("_of_"))
        overlapping = [
            path
            for path in folder.glob("*_of_*.nc")
            if _overlap((number, size), tuple(map(int, path.stem.split("_of_"))))  # type: ignore[arg-type]
        ]
        alone = () if self.pool.folder else (Path(PointFile(self.plan, name).path) for name in self._named)
        return [*overlapping, *(path for path in alone if path.exists())]


@dataclass(frozen=True, eq=False)
class Block(RecordFile):
    """A file of all points that some studies have on networks ``first`` to ``stop`` - 1 of an ensemble.

    ``prefix`` is what the names of its files begin with.
    """

    prefix: str
    studies: tuple[str, ...]
    ensemble: str
    first: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.prefix}{self.first}-{self.stop}"

    @property
    def n_points(self) -> int:
        return sum(map(self.n_points_of, self.studies))

    def n_points_of(self, study: str) -> int:
        """How many points of a study it has."""
        return len(self.numbers) * self.plan.study(study).n_points_of(self.ensemble)

    @cached_property
    def numbers(self) -> list[int]:
        """Numbers of its networks."""
        return self.plan.ensembles[self.ensemble].numbers(self.first, self.stop)

    @cached_property
    def fingerprint(self) -> str:
        return digest([[self.plan.of_members(each, self.ensemble) for each in self.studies], self.numbers])

    def wanted(self) -> list[tuple[Point, str]]:
        return [
            (point, fingerprint(point, self.plan.code.digest(point.modules)))
            for study in self.studies
            for point in self.points_of(study)
        ]

    def rows_of(self, study: str) -> slice:
        """Which points of the file are those of a study."""
        start = sum(map(self.n_points_of, self.studies[: self.studies.index(study)]))
        return slice(start, start + self.n_points_of(study))

    def points_of(self, study: str) -> list[Point]:
        """The points of a study, as they are in the file."""
        return [
            point
            for number in self.numbers
            for curve in self.plan.member_points(study, self.ensemble, number)
            for point in curve
        ]

    @property
    def elsewhere(self) -> list[Path]:
        start = Path(self.prefix).name if self.prefix[-1:] != "/" else ""
        named = re.compile(rf"{re.escape(start)}(\d+)-(\d+)\.nc")  # of no ensemble whose name is longer
        return [
            path
            for path in Path(self.path).parent.glob(f"{start}*.nc")
            if (ends := named.fullmatch(path.name)) and int(ends[1]) < self.stop and int(ends[2]) > self.first
        ]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two shards, given by number and how many there are, can have points in common."""
    size = min(one[1], other[1])
    return (one[0] - other[0]) % size == 0
