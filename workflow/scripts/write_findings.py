"""Write the page of findings from the datasets of all readings and the best splits of the studies.

python workflow/scripts/write_findings.py --plan results/plan.json
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal import findings, tables
from isal.netcdf import datasets
from isal.study import FINDINGS_PAGE, Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    readings = {name: datasets.read(Path(path)) for name, path in plan.findings_paths().items()}
    page = findings.page(readings, plan.configuration.layouts_note)
    tables.write_text(Path(plan.in_results(FINDINGS_PAGE)), page)


if __name__ == "__main__":
    main()
