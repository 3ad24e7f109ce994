"""Write the table of the best points of a study's dataset.

python workflow/scripts/write_table.py --plan results/plan.json --study NAME
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study import tables
from isal.study.store import datasets
from isal.workflow.plan import TABLE_FORMATS, TABLE_PATTERN, Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--study", required=True, help="name of the study")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    names = {kind: TABLE_PATTERN.format(study=options.study, format=kind) for kind in TABLE_FORMATS}
    dataset = datasets.read(Path(plan.dataset_path(options.study)))
    tables.write(dataset, {kind: Path(plan.in_results(name)) for kind, name in names.items()})


if __name__ == "__main__":
    main()
