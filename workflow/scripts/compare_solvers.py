"""Solve the problems behind a sample of a plan's points with every solver.

python workflow/scripts/compare_solvers.py --plan results/plan.json

Points that an earlier comparison has, see isal.study.files.earlier, are taken from there.
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study import agreement, files
from isal.study.points import PointError
from isal.study.store import datasets
from isal.workflow.plan import Plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    path, key = Path(plan.agreement_path), plan.agreement_key()
    if datasets.there(path, key):
        return 0
    kept = files.earlier(path)
    try:
        known = datasets.read(kept)
    except datasets.DatasetError:  # missing, or damaged
        known = None
    try:
        dataset = agreement.compare(plan.agreement_points(), known)
    except PointError as error:
        print(error, file=sys.stderr)
        return 1
    datasets.write(path, dataset, key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
