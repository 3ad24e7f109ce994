"""``python -m isal``: the command line."""

from isal.cli import main

raise SystemExit(main())
