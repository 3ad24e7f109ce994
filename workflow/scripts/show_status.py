"""Show how far a run has come, while it runs or after it: points done, failed and left, and what is out of date.

python workflow/scripts/show_status.py --configfile my.yaml --config results=mine
"""

import argparse
import os
from pathlib import Path

from snakemake.cli import parse_config
from snakemake.utils import update_config

from isal.errors import IsalError
from isal.study import config, sources
from isal.workflow import status
from isal.workflow.plan import Plan

ROOT = Path(__file__).parents[2]


def read(options: argparse.Namespace) -> config.Configuration:
    """The configuration that Snakemake would have with the same files and values."""
    paths = [*reversed(options.configfile), ROOT / "config/config.yaml"]
    found = [sources.read(path, os.path.relpath(path)) for path in paths]
    if options.config:
        found.insert(0, sources.of_command_line(parse_config(options.config), options.config))
    merged: dict[str, object] = {}
    for source in reversed(found):
        update_config(merged, source.content or {})
    return config.load(merged, sources.Sources(tuple(found)), [Path.cwd(), ROOT])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="as snakemake was given it")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="as snakemake was given it")
    parser.add_argument("--folder", action="store_true", help="name the folder of the results, and nothing else")
    options = parser.parse_args()
    try:
        configuration = read(options)
        if options.folder:
            print(configuration.results)
            return
        plan = Plan.of(configuration)
    except IsalError as error:
        parser.error(str(error))
    print(status.of(plan))
    if stale := status.outdated(plan):
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        print(f"out of date, and made anew by a run: {stale[0]}{more}")


if __name__ == "__main__":
    main()
