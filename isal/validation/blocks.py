"""Blocks of trials: the generator of each, and merging what was kept of them, exact in any order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from isal.errors import IsalError

#: Seed, number of the study and number of the point: what with the number of a block makes a generator.
Key = tuple[int, int, int]


def generator(key: Key, block: int) -> np.random.Generator:
    """The generator of one block of trials."""
    return np.random.default_rng([*key, block])


def in_order(parts: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Numbers of all blocks, ascending, and the places of their rows among those of all parts, one part after another.

    Raises
    ------
    IsalError
        If there are no parts, or a block is there twice.
    """
    if not parts:
        raise IsalError("there are no blocks of trials; simulate at least one")
    blocks = np.concatenate(parts)
    order = np.argsort(blocks, kind="stable")
    twice = blocks[order][1:][np.diff(blocks[order]) == 0]
    if len(twice):
        raise IsalError(f"block {twice[0]} is there twice; merge every block once")
    return blocks[order], order
