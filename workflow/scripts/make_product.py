"""Make one result of a plan, other than records of points.

python workflow/scripts/make_product.py StudyTable NAME --plan results/plan.json --fingerprint DIGEST \
    --inputs results/datasets/NAME.nc --outputs results/tables/NAME.csv results/tables/NAME.md
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal import IsalError
from isal.study import files
from isal.study.store import storage
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS, help="kind of result, a class of isal.workflow.products")
    parser.add_argument("name", nargs="?", default="", help="which result of the kind, where there are several")
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--fingerprint", required=True, help="what the result depends on")
    parser.add_argument("--inputs", type=Path, nargs="*", default=[], help="files that it is made from")
    parser.add_argument("--outputs", type=Path, nargs="+", required=True, help="its files")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    kind = KINDS[options.kind]
    if kind.solves and storage.there(options.outputs[0], options.fingerprint):
        return 0
    try:
        kind(Plan.read(options.plan), options.name).make(options.inputs, options.outputs, options.fingerprint)
    except (IsalError, files.WriteError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
