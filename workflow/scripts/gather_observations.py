"""Gather the observations of one variant into one dataset.

python workflow/scripts/gather_observations.py --output results/datasets/findings/base.nc --key KEY PART.nc PART.nc ...
"""

import argparse
import shlex
import sys
from pathlib import Path

from isal.study import observations
from isal.study.store import datasets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--key", required=True, help="what the dataset depends on, stored in it")
    parser.add_argument("parts", type=Path, nargs="+", help="datasets of the parts")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    dataset = observations.gathered([datasets.read(part) for part in options.parts])
    datasets.write(options.output, dataset, options.key)


if __name__ == "__main__":
    main()
