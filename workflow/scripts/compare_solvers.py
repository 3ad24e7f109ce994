"""Solve the problems behind a sample of a plan's points with every solver.

python workflow/scripts/compare_solvers.py --plan results/plan.json
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal import agreement
from isal.netcdf import datasets
from isal.points import PointError
from isal.study import AGREEMENT_DATASET, Plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    try:
        dataset = agreement.compare(plan.agreement_points())
    except PointError as error:
        print(error, file=sys.stderr)
        return 1
    datasets.write(Path(plan.in_results(AGREEMENT_DATASET)), dataset, plan.agreement_key())
    return 0


if __name__ == "__main__":
    sys.exit(main())
