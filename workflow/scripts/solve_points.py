"""Solve points into NetCDF records: one point given as text, or one shard of a plan.

    python workflow/scripts/solve_points.py --point '<canonical JSON>' --output FILE
    python workflow/scripts/solve_points.py --plan results/plan.json --shard 3_of_16 --key DIGEST

A point whose record still holds is left alone. A shard goes on after a point that fails, names it, and keeps what it
has solved for the next attempt.
"""

import argparse
import contextlib
import shlex
import sys
from pathlib import Path

from isal.study import files
from isal.study.points import Point, PointError, solve_all
from isal.study.store import records

#: So many points are solved side by side; a job that is killed loses no more.
CHUNK = 250


def solve_missing(wanted: dict[Path, Point]) -> int:
    """Solve what is missing; everything is published at the end, as Snakemake removes outputs of a failed job."""
    waiting = {path: records.unpublished(path) for path in wanted}
    missing = [path for path, point in wanted.items() if not records.holds(path, point.stamp)]
    unsolved = [path for path in missing if not records.waits(path, wanted[path].stamp)]
    failures: list[str] = []
    for path in wanted.keys() - set(missing):  # left by a job for the same points that was killed
        waiting[path].unlink(missing_ok=True)
    for chunk in (unsolved[start : start + CHUNK] for start in range(0, len(unsolved), CHUNK)):
        for path, result in zip(chunk, solve_all([wanted[path] for path in chunk]), strict=True):
            if isinstance(result, PointError):
                failures.append(str(result))
                continue
            try:
                records.write(waiting[path], wanted[path], result)
            except files.WriteError as error:
                # no use in solving on
                print(*failures, f"{wanted[path].label}: {error}", sep="\n", file=sys.stderr)
                return 1
    if failures:
        print("\n".join(failures), file=sys.stderr)
        print(f"{len(failures)} of {len(wanted)} points failed; a re-run tries only these", file=sys.stderr)
        return 1
    for path in missing:
        # a job for the same points, left over from a snakemake that was killed, may have been faster
        if records.holds(path, wanted[path].stamp):
            waiting[path].unlink(missing_ok=True)
        else:
            with contextlib.suppress(FileNotFoundError):
                waiting[path].replace(path)
    print(f"{len(missing)} of {len(wanted)} points solved, the others held already")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--point", help="canonical JSON of one point")
    what.add_argument("--plan", type=Path, help="plan written by the workflow")
    parser.add_argument("--output", type=Path, help="record of the point")
    parser.add_argument("--shard", help="which part of the plan, such as 3_of_16")
    parser.add_argument("--key", help="digest of the points that the shard must have")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    if options.point is not None:
        if options.output is None:
            parser.error("--point needs --output")
        return solve_missing({options.output: Point.from_json(options.point)})
    if options.shard is None or options.key is None:
        parser.error("--plan needs --shard and --key")
    from isal.workflow.plan import Plan  # a single point does without

    return solve_missing(Plan.read(options.plan).shard(options.shard, options.key))


if __name__ == "__main__":
    sys.exit(main())
