"""`isal status` from a copy of the project, whether or not the command is installed."""

import sys

from isal.cli import main

sys.exit(main(["status", *sys.argv[1:]]))
