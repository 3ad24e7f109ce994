"""How far a run has come: which points are done, which failed and why, and how many are left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from isal.netcdf import records, storage
from isal.points import Point
from isal.study import Plan

#: So many failures are told in full.
MOST_SHOWN = 5


@dataclass(frozen=True)
class Status:
    """Points of a plan: ``done`` of ``total`` hold, and the last attempt at ``failed`` said what stands there."""

    total: int
    done: int
    failed: dict[str, str]

    @property
    def left(self) -> int:
        """Points that are not done and have not been tried in vain."""
        return self.total - self.done - len(self.failed)

    def __str__(self) -> str:
        lines = [f"points: {self.done} of {self.total} done, {len(self.failed)} failed, {self.left} left"]
        lines += [f"failed: {message}" for message in list(self.failed.values())[:MOST_SHOWN]]
        if len(self.failed) > MOST_SHOWN:
            lines.append(f"failed: {len(self.failed) - MOST_SHOWN} more, see the logs")
        return "\n".join(lines)


def of(plan: Plan) -> Status:
    """The status of a plan by what is on disk; every record is read and checked.

    A point that a running shard has solved but not yet published counts as done.
    """
    missing = {path: point for path, point in plan.points.items() if not _holds(Path(plan.in_results(path)), point)}
    by_label = {point.label: path for path, point in missing.items()}
    failed = {}
    for log in map(Path, plan.solving_logs(missing)):
        if log.exists():
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                label = line.partition(": ")[0]
                if label in by_label:
                    failed[by_label[label]] = f"{line} ({log})"
    return Status(len(plan.points), len(plan.points) - len(missing), failed)


def outdated(plan: Plan) -> list[str]:
    """What exists and says of itself that it was made for another configuration or by other code."""
    points = ((Path(plan.in_results(path)), point) for path, point in plan.points.items())
    stale = [str(path) for path, point in points if path.exists() and not records.stamped(path, point.stamp)]
    return stale + [
        path for path, key in plan.dataset_keys() if Path(path).exists() and not storage.holds(Path(path), key)
    ]


def _holds(path: Path, point: Point) -> bool:
    return records.holds(path, point.stamp) or records.holds(records.unpublished(path), point.stamp)
