"""Points into records, many at once: what still holds is left alone, what is solved is never lost."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

from isal.study import files
from isal.study.points import Point, PointError, solve_all
from isal.study.store import records

#: So many points are solved side by side; a job that is killed loses no more.
CHUNK = 250


def solve_missing(wanted: Mapping[Path, tuple[Point, str]]) -> int:
    """Solve what is missing; everything is published at the end, as Snakemake removes outputs of a failed job.

    Parameters
    ----------
    wanted
        Point and fingerprint of each record.

    Returns
    -------
    0, or 1 if points failed: each is named on standard error, and the others are kept for the next attempt.
    """
    waiting = {path: records.unpublished(path) for path in wanted}
    missing = [path for path, (_, fingerprint) in wanted.items() if not records.holds(path, fingerprint)]
    unsolved = [path for path in missing if not records.waits(path, wanted[path][1])]
    failures: list[str] = []
    for path in wanted.keys() - set(missing):  # left by a job for the same points that was killed
        waiting[path].unlink(missing_ok=True)
    for chunk in (unsolved[start : start + CHUNK] for start in range(0, len(unsolved), CHUNK)):
        for path, result in zip(chunk, solve_all([wanted[path][0] for path in chunk]), strict=True):
            if isinstance(result, PointError):
                failures.append(str(result))
                continue
            point, fingerprint = wanted[path]
            try:
                records.write(waiting[path], point, result, fingerprint)
            except files.WriteError as error:
                # no use in solving on
                print(*failures, f"{point.label}: {error}", sep="\n", file=sys.stderr)
                return 1
    if failures:
        print("\n".join(failures), file=sys.stderr)
        print(f"{len(failures)} of {len(wanted)} points failed; a re-run tries only these", file=sys.stderr)
        return 1
    for path in missing:
        # a job for the same points, left over from a snakemake that was killed, may have been faster
        if records.holds(path, wanted[path][1]):
            waiting[path].unlink(missing_ok=True)
        else:
            with contextlib.suppress(FileNotFoundError):
                waiting[path].replace(path)
    print(f"{len(missing)} of {len(wanted)} points solved, the others held already")
    return 0
