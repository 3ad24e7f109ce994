"""Solve points into NetCDF records: one point given as text, or one shard of a plan.

    python workflow/scripts/solve_points.py --point '<canonical JSON>' --fingerprint DIGEST --output FILE
    python workflow/scripts/solve_points.py --plan results/plan.json --shard 3_of_16 --fingerprint DIGEST

A point whose record still holds is left alone. A shard goes on after a point that fails, names it, and keeps what it
has solved for the next attempt.
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study.points import Point
from isal.study.solving import solve_missing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--point", help="canonical JSON of one point")
    what.add_argument("--plan", type=Path, help="plan written by the workflow")
    parser.add_argument("--output", type=Path, help="record of the point")
    parser.add_argument("--shard", help="which part of the plan, such as 3_of_16")
    parser.add_argument("--fingerprint", required=True, help="what the point, or the points of the shard, depend on")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    if options.point is not None:
        if options.output is None:
            parser.error("--point needs --output")
        return solve_missing({options.output: (Point.from_json(options.point), options.fingerprint)})
    if options.shard is None:
        parser.error("--plan needs --shard")
    from isal.workflow.plan import Plan  # a single point does without
    from isal.workflow.products import Shard

    return solve_missing(Shard(Plan.read(options.plan), options.shard).wanted(options.fingerprint))


if __name__ == "__main__":
    sys.exit(main())
