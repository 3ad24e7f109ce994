"""``isal status``: how far a run of the workflow has come."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from isal.study.config import Configuration

HELP = "how far a study has come"
DESCRIPTION = (
    "Show how far a run has come, while it runs or after it: points done, failed and left, and what is out of date. "
    "Give it the files and values that snakemake was given, in the folder where snakemake runs."
)

#: The configuration that others are merged into: that of the working directory, else the project's. So does Snakefile.
OWN = Path("config/config.yaml")


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--configfile", type=Path, nargs="+", default=[], help="as snakemake was given it")
    parser.add_argument("--config", nargs="+", default=[], metavar="KEY=VALUE", help="as snakemake was given it")
    parser.add_argument("--folder", action="store_true", help="name the folder of the results, and nothing else")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print points done, failed and left, and what is out of date; or with ``--folder`` where the results are."""
    configuration = read(options.configfile, options.config)
    if options.folder:
        print(configuration.results)
        return
    from isal.workflow import status
    from isal.workflow.plan import Plan

    plan = Plan.of(configuration)
    print(status.of(plan))
    if stale := status.outdated(plan):
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        print(f"out of date, and made anew by a run: {stale[0]}{more}")


def read(files: list[Path], values: list[str]) -> Configuration:
    """The configuration that Snakemake would have.

    Parameters
    ----------
    files, values
        What followed ``--configfile`` and ``--config``.

    Raises
    ------
    ConfigError
        If it can't be used.
    """
    from snakemake.cli import parse_config
    from snakemake.utils import update_config

    from isal.study import config, sources

    paths = [*reversed(files), OWN if OWN.exists() else config.PROJECT / OWN]
    found = [sources.read(path, os.path.relpath(path)) for path in paths]
    if values:
        found.insert(0, sources.of_command_line(parse_config(values), values))
    merged: dict[str, object] = {}
    for source in reversed(found):
        update_config(merged, source.content or {})
    return config.load(merged, sources.Sources(tuple(found)), [Path.cwd(), config.PROJECT])
