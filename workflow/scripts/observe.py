"""Observe what the paper's statements are judged by, on some samples in one variant.

python workflow/scripts/observe.py --plan results/plan.json --variant base --samples random-0-75
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal import IsalError
from isal.study import observations
from isal.study.store import datasets
from isal.workflow.plan import Plan


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--variant", required=True, help="name of the variant")
    parser.add_argument("--samples", required=True, help="layouts, or a range of random samples")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    plan = Plan.read(options.plan)
    path = Path(plan.observations_path(options.variant, options.samples))
    key = plan.observations_key(options.variant, options.samples)
    if datasets.there(path, key):
        return 0
    samples, variant = plan.samples(options.samples), plan.variant(options.variant)
    try:
        dataset = observations.observe(samples, variant, plan.configuration.solver)
    except IsalError as error:
        print(error, file=sys.stderr)
        return 1
    datasets.write(path, dataset, key)
    return 0


if __name__ == "__main__":
    sys.exit(main())
