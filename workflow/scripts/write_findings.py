"""Write the page of findings from the datasets of all variants.

python workflow/scripts/write_findings.py --plan results/plan.json
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.claims.page import page
from isal.claims.samples import Variant
from isal.study import tables
from isal.study.store import datasets
from isal.workflow.plan import FINDINGS_PAGE, Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    variants = [
        Variant.of(plan.variant(name), datasets.read(Path(path))) for name, path in plan.findings_paths().items()
    ]
    tables.write_text(Path(plan.in_results(FINDINGS_PAGE)), page(variants, plan.configuration.layouts_note))


if __name__ == "__main__":
    main()
