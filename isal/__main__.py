"""``python -m isal``: the command line."""

from isal.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
