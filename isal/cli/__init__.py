"""The command line: ``isal allocate``, ``isal study init`` and ``isal status``. See docs/python.md.

Each command is a module of this package with ``add_to(parser)``, which adds its arguments, and ``run(options)``. What
computes is imported when a command runs, so that ``--help`` is there at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from isal import __version__
from isal.cli import allocate, status, study
from isal.errors import IsalError, not_installed

#: Exit codes, besides 0: a command line or an input that can't be used (as of argparse), and Ctrl-C (as of shells).
REFUSED, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        What follows ``isal``; None takes those of this process.

    Returns
    -------
    The exit code. What can't be solved ends with one message, without a traceback: 2.
    """
    parser = argparse.ArgumentParser(
        prog="isal",
        description="Share energy and power between localization and sensing in ultra-wideband networks.",
    )
    parser.add_argument("--version", action="version", version=f"isal {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    allocate.add_to(commands.add_parser("allocate", help=allocate.HELP, description=allocate.DESCRIPTION))
    study.add_to(commands.add_parser("study", help=study.HELP, description=study.HELP))
    status.add_to(commands.add_parser("status", help=status.HELP, description=status.DESCRIPTION))
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except IsalError as error:
        return refused(error)
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "isal":
            raise
        return refused(not_installed("this command", package))
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def refused(error: IsalError) -> int:
    """Say what is wrong, without a traceback."""
    print(f"isal: error: {error}", file=sys.stderr)
    return REFUSED
