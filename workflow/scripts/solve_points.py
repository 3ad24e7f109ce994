"""Solve points into a record file: one point given as text, or those of a file of a plan.

    python workflow/scripts/solve_points.py --point '<canonical JSON>' --fingerprint DIGEST --output FILE
    python workflow/scripts/solve_points.py --plan results/plan.json --fingerprint DIGEST --output FILE

What is solved already, in this file or in another one, is not solved again. A point that fails is named, the others are
solved all the same, and kept for the next attempt.
"""

import argparse
import gc
import shlex
import sys
from pathlib import Path

from isal.study.points import Point
from isal.study.solving import solve_missing
from isal.workflow.record_files import shards_with


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--point", help="canonical JSON of one point")
    what.add_argument("--plan", type=Path, help="plan written by the workflow")
    parser.add_argument("--output", type=Path, required=True, help="the record file")
    parser.add_argument("--fingerprint", required=True, help="what the file depends on")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    gc.disable()  # there is hardly a cycle to collect, and looking for some takes a fifth of the time
    if options.point is not None:
        point = Point.from_json(options.point)
        elsewhere = shards_with(point.label, options.output)
        return solve_missing(options.output, options.fingerprint, [(point, options.fingerprint)], elsewhere)
    from isal.workflow.plan import Plan  # a single point does without

    file = Plan.read(options.plan).record_file(options.output, options.fingerprint)
    return solve_missing(options.output, options.fingerprint, file.wanted(), file.elsewhere)


if __name__ == "__main__":
    sys.exit(main())
