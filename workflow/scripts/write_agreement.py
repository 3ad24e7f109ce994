"""Write the tables of solver agreement from their dataset.

python workflow/scripts/write_agreement.py --dataset results/datasets/solver_agreement.nc --csv FILE --md FILE
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study import agreement, tables
from isal.study.store import datasets

GROUPS = ("clock", "bandwidth", "scheme")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True, help="dataset of the comparison")
    parser.add_argument("--csv", type=Path, required=True, help="table by network, clock, bandwidth, scheme and route")
    parser.add_argument("--md", type=Path, required=True, help="the same over all, and by clock, bandwidth and scheme")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    dataset = datasets.read(options.dataset)
    tables.write_text(options.csv, agreement.table(dataset, ("network", *GROUPS)).to_csv(index=False))
    whole, parts = (tables.markdown(agreement.table(dataset, by)) for by in ((), GROUPS))
    tables.write_text(options.md, f"# All problems\n\n{whole}\n# By clock mode, bandwidth and scheme\n\n{parts}")


if __name__ == "__main__":
    main()
