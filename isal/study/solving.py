"""Points into record files, many at once: what is solved already is taken from where it is, and nothing is lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from isal.study import files
from isal.study.points import Point, PointError, solve_all
from isal.study.store import records
from isal.study.store.records import Records

#: So many points are solved side by side.
CHUNK = 1000

#: After so many seconds what is solved is kept, so that a job that is killed loses no more than that and one chunk.
KEEP_AFTER_S = 10.0


def solve_missing(
    path: Path, fingerprint: str, wanted: Sequence[tuple[Point, str]], elsewhere: Iterable[Path] = ()
) -> int:
    """Make a record file of exactly some points, of which only those are solved that are solved nowhere yet.

    Parameters
    ----------
    path
        The file. It appears when it is complete.
    fingerprint
        What the file depends on.
    wanted
        Its points, each with its fingerprint.
    elsewhere
        Other files that may have some of the points.

    Returns
    -------
    0, or 1 if points failed: each is named on standard error, and the others are kept for the next attempt.
    """
    kept = records.waiting(path)  # by this job, before it was killed or failed
    if records.holds(path, fingerprint):
        _remove(kept)
        print(f"{len(wanted)} points held already")
        return 0
    asked = dict.fromkeys(told for _, told in wanted)
    parts = _solved_before(asked, [*kept, path, files.earlier(path), *elsewhere])
    known = {told for part in parts for told in part.fingerprints}
    unsolved = [each for each in wanted if each[1] not in known]
    began = kept_at = time.monotonic()
    fresh: list[Records] = []  # and not kept yet
    failures = 0
    for start in range(0, len(unsolved), CHUNK):
        chunk = unsolved[start : start + CHUNK]
        results = solve_all([point for point, _ in chunk])
        solved = []
        for (point, told), result in zip(chunk, results, strict=True):
            if isinstance(result, PointError):
                failures += 1
                print(result, file=sys.stderr, flush=True)
            else:
                solved.append((point, result, told))
        try:
            if solved:
                parts.append(Records.of(*zip(*solved, strict=True)))
                fresh.append(parts[-1])
            ended = start + CHUNK >= len(unsolved)
            if fresh and (failures if ended else time.monotonic() - kept_at >= KEEP_AFTER_S):
                records.write(records.next_waiting(path), records.joined(fresh), fingerprint)
                kept_at, fresh = time.monotonic(), []
        except files.WriteError as error:
            # no use in solving on
            print(error, file=sys.stderr)
            return 1
        if len(unsolved) > CHUNK:
            done = len(wanted) - len(unsolved) + start + len(chunk) - failures
            print(f"{done} of {len(wanted)} points, {time.monotonic() - began:.0f} s", flush=True)
    if failures:
        print(f"{failures} of {len(wanted)} points failed; a re-run tries only these", file=sys.stderr)
        return 1
    whole = records.joined(parts)
    place = {told: row for row, told in enumerate(whole.fingerprints)}
    try:
        records.write(path, whole.take([place[told] for told in asked]), fingerprint)
    except files.WriteError as error:
        print(error, file=sys.stderr)
        return 1
    _remove(records.waiting(path))
    print(f"{len(unsolved)} of {len(wanted)} points solved, the others were solved before")
    return 0


def _solved_before(asked: Iterable[str], places: Iterable[Path]) -> list[Records]:
    """What is solved of the points of some fingerprints, each once; damaged files have nothing to offer."""
    left, found = set(asked), []
    for place in places:
        if not left:
            break
        try:
            part = records.read(place)
        except records.RecordError:
            continue
        rows = [row for row, told in enumerate(part.fingerprints) if told in left]
        if rows:
            found.append(part.take(rows))
            left -= set(found[-1].fingerprints)
    return found


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
