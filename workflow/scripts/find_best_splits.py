"""Find the best split of every curve of a study without traversal.

python workflow/scripts/find_best_splits.py --plan results/plan.json --study NAME
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study import best_splits as optima
from isal.study.points import PointError
from isal.study.store import datasets
from isal.workflow.plan import Plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--study", required=True, help="name of the study")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    path, key = Path(plan.best_splits_path(options.study)), plan.best_splits_key(options.study)
    if datasets.there(path, key):
        return 0
    try:
        dataset = optima.best_splits(plan.curve_points(options.study))
    except PointError as error:
        print(error, file=sys.stderr)
        return 1
    datasets.write(path, dataset, key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
