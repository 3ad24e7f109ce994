"""Lines of progress for whoever listens: the logger ``isal`` of :mod:`logging`, at level INFO."""

from __future__ import annotations

import logging
from time import monotonic

#: Seconds between two lines. A call that is over sooner says nothing.
EVERY_S = 5.0

LOGGER = logging.getLogger("isal")


class Progress:
    """The progress of one call.

    >>> progress = Progress()
    >>> progress.tell("allocation problems answered: %d", 12)  # says nothing less than EVERY_S after it began
    """

    def __init__(self) -> None:
        self._told = monotonic()

    def tell(self, words: str, *values: object) -> None:
        """Log ``words % values``, unless the call began, or did so, less than EVERY_S ago."""
        if (now := monotonic()) - self._told >= EVERY_S:
            self._told = now
            LOGGER.info(words, *values)
