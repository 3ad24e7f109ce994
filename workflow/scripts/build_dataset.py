"""Collect the records of a study into one dataset.

python workflow/scripts/build_dataset.py --plan results/plan.json --study NAME
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study.store import datasets, records
from isal.workflow.plan import Plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--study", required=True, help="name of the study")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    points = {Path(plan.in_results(path)): point for path, point in plan.study_points(options.study).items()}
    try:
        dataset = datasets.build(points, study=options.study, note=plan.configuration.layouts_note)
    except records.RecordError as error:
        print(error, file=sys.stderr)
        return 1
    datasets.write(Path(plan.dataset_path(options.study)), dataset, plan.dataset_key(options.study))
    return 0


if __name__ == "__main__":
    sys.exit(main())
