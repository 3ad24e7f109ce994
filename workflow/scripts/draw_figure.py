"""Draw one figure in all formats of the configuration.

python workflow/scripts/draw_figure.py --plan results/plan.json --figure figure_9
"""

import argparse
import os
import shlex
import sys
from pathlib import Path

# else a backend of the user's that matplotlib does not know, such as a notebook's, ends this at the import
os.environ["MPLBACKEND"] = "agg"

from isal import figures
from isal.workflow.plan import Plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", type=Path, required=True, help="plan written by the workflow")
    parser.add_argument("--figure", required=True, help="name of the figure")
    options = parser.parse_args()
    print("repeat with:", shlex.join(["python", *sys.argv]))
    figures.draw(Plan.read(options.plan), options.figure)


if __name__ == "__main__":
    main()
