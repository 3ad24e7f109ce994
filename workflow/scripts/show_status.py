"""Show how far a run has come, while it runs or after it: points done, failed and left.

python workflow/scripts/show_status.py --plan results/plan.json
"""

import argparse
from pathlib import Path

from isal.workflow import status
from isal.workflow.plan import Plan, PlanError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, default=Path("results/plan.json"), help="plan written by the workflow")
    options = parser.parse_args()
    try:
        plan = Plan.read(options.plan, by_hand=True)
    except PlanError as error:
        parser.error(str(error))
    print(status.of(plan))


if __name__ == "__main__":
    main()
