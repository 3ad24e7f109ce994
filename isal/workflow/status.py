"""How far a run has come: which points are done, which failed and why, and how many are left."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from isal.study.store import records, storage
from isal.workflow.plan import Plan
from isal.workflow.products import Product, record_files, wanted
from isal.workflow.record_files import RecordFile

#: So many failures are told in full.
MOST_SHOWN = 5

#: First words of every log, before anything has happened.
REPEAT = "repeat with: "

#: What Python prints for a warning; the line of code that it is about follows.
WARNING = re.compile(r"\S.*:\d+: \w*Warning: ")

#: Seconds by which a date must be ahead to be one in the future: dates of network file systems are that coarse.
AHEAD_BY = 2.0


@dataclass(frozen=True)
class Failure:
    """What the last attempt at a point said, and the log where it stands."""

    message: str
    log: str

    def __str__(self) -> str:
        return f"{self.message} ({self.log})"


@dataclass(frozen=True)
class Status:
    """Points of a plan: ``done`` of ``total`` hold, and the last attempts at ``failed`` failed.

    ``of_findings`` are not done, and only the findings need them.
    """

    total: int
    done: int
    failed: dict[str, Failure]
    of_findings: int = 0

    @property
    def left(self) -> int:
        """Points that are not done and have not been tried in vain."""
        return self.total - self.done - len(self.failed)

    def __str__(self) -> str:
        findings = f", {self.of_findings} of these for the findings" if self.of_findings else ""
        lines = [f"points: {self.done} of {self.total} done, {len(self.failed)} failed, {self.left} left{findings}"]
        return "\n".join(lines + _shortened(self.failed.values()))


def of(plan: Plan) -> Status:
    """The status of a plan by what is on disk; every record file is read and checked.

    Points count as done, too, that a job has solved and not yet published, and those that are in files of another
    number of points per job.
    """
    done, of_findings, failed = 0, 0, dict[str, Failure]()
    files, known = record_files(plan), dict[Path, set[str]]()
    for file in files.values():
        path = Path(file.path)
        if records.holds(path, file.fingerprint):
            done += file.n_points
            continue
        before = done + len(failed)
        solved: set[str] = set()
        for place in (*records.waiting(path), *file.elsewhere):
            if place not in known:
                known[place] = _fingerprints(place)
            solved |= known[place]
        if solved:
            done += len(solved & {told for _, told in file.wanted()})
        failed |= _failures(file, solved)
        if file.path not in plan.record_files:
            of_findings += file.n_points - (done + len(failed) - before)
    total = sum(file.n_points for file in files.values())
    return Status(total, done, failed, of_findings)


def _failures(file: RecordFile, solved: Collection[str]) -> dict[str, Failure]:
    """What the log of a file says of its points, but for those that are solved."""
    log = Path(file.log)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    starts = {line.partition(": ")[0]: line for line in lines if line.count("/") > 2}
    left = {point.label for point, told in file.wanted() if told not in solved} if starts else set()
    return {name: Failure(line, str(log)) for name, line in starts.items() if name in left}


def _fingerprints(path: Path) -> set[str]:
    """Those of the points in a record file; none if it is damaged, or just being removed."""
    try:
        return set(records.read(path).fingerprints)
    except records.RecordError:
        return set()


def told(plan: Plan, logs: Iterable[str]) -> str:
    """Why a run failed: the status of its plan, and the last words of failed jobs whose points it says nothing of.

    Parameters
    ----------
    plan
        The plan of the run.
    logs
        Logs of all jobs that failed.
    """
    status = of(plan)
    known = {failure.log for failure in status.failed.values()}
    words = [Failure(last_words(Path(log)), log) for log in logs if log not in known]
    return "\n".join([*_shortened(words), str(status)])


def last_words(log: Path) -> str:
    """The last line of the log of a failed job; one that was killed had no time to say anything."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    words = ""
    for before, line in zip(["", *lines], lines, strict=False):
        is_warning = WARNING.match(line) or (WARNING.match(before) and line.startswith("  "))
        if line.strip() and not line.startswith(REPEAT) and not is_warning:
            words = line
    return words or "without a word (killed?)"


def _shortened(failures: Iterable[Failure]) -> list[str]:
    failures = list(failures)
    more = len(failures) - MOST_SHOWN
    lines = [f"failed: {failure}" for failure in failures[:MOST_SHOWN]]
    return lines + ([f"failed: {more} more, see the logs"] if more > 0 else [])


def bring_to_now(plan: Plan, now: float) -> list[str]:
    """Give what is dated in the future the date of today, and tell what that was.

    Snakemake takes what is made from such a file for older than it, fails the job and deletes the result, at every
    re-run. Dates of results say nothing here (each says itself what it was made from), so they may be set.

    Parameters
    ----------
    plan
        The plan whose results are looked at.
    now
        The time, in seconds since 1970, by the clock that dates the results.

    Raises
    ------
    OSError
        If a date can't be set.
    """
    # in the order in which they are made, so that nothing becomes older than what it was made from
    names = [*record_files(plan), *(product.outputs[0] for product in sealed(plan))]
    paths = [path for path in map(Path, names) if path.exists() and path.stat().st_mtime > now + AHEAD_BY]
    for path in paths:
        os.utime(path)
    return [str(path) for path in paths]


def outdated(plan: Plan) -> list[str]:
    """What exists and says of itself that it was made for another configuration or by other code."""
    stale = [
        name
        for name, file in record_files(plan).items()
        if Path(name).exists() and not records.says(Path(name), file.fingerprint)
    ]
    for product in sealed(plan):
        path = Path(product.outputs[0])
        if path.exists() and not storage.says(path, product.fingerprint):
            stale.append(str(path))
    return stale


def sealed(plan: Plan) -> Iterator[Product]:
    """The results that hold their fingerprint, each after those that it is made from."""
    return (product for product in wanted(plan) if product.sealed)
