"""Which conventions files follow, and which commit of the sources wrote them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

#: The metadata conventions that all files follow.
CONVENTIONS = "CF-1.11"


def commit() -> str:
    """Commit that the sources are at, with ``-dirty`` for uncommitted changes; ``ISAL_COMMIT`` saves asking git."""
    told = os.environ.get("ISAL_COMMIT")
    if told is not None:
        return told
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        asked = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return asked.stdout.strip()
