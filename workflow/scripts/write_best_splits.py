"""Write the table of best splits against the traversals of all studies.

python workflow/scripts/write_best_splits.py --plan results/plan.json --csv FILE --md FILE
"""

import argparse
import shlex
import sys
from pathlib import Path

import pandas as pd

from isal.study import best_splits as optima
from isal.study import tables
from isal.study.store import datasets
from isal.workflow.plan import Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--csv", type=Path, required=True)
    parser.add_argument("--md", type=Path, required=True)
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    parts = []
    for study in plan.configuration.studies:
        traversed, best = (
            datasets.read(Path(path)) for path in (plan.dataset_path(study), plan.best_splits_path(study))
        )
        parts.append(optima.table(study, traversed, best))
    # studies with nothing to split have no rows, and types of their own
    table = pd.concat([part for part in parts if len(part)] or parts)
    tables.write_text(options.csv, table.to_csv(index=False))
    tables.write_text(options.md, f"{tables.markdown(table)}\n{plan.configuration.layouts_note}\n")


if __name__ == "__main__":
    main()
