"""The parameters of one slot and their order, (7) and (8): radar positions, clock offsets, target positions.

Clock offsets are parameters of asynchronous networks only. All parameters are in metres: a clock offset ``tau`` is
carried as the range ``c tau``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isal.errors import one_of
from isal.model.network import Network

Clock = Literal["synchronous", "asynchronous"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)

Block = Literal["radars", "clocks", "targets"]
BLOCKS: tuple[Block, ...] = get_args(Block)


@dataclass(frozen=True)
class Basis:
    """Order of the parameters ``theta``: ``blocks`` maps each block present to its slice, ``labels`` names entries."""

    blocks: dict[Block, slice]
    labels: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.labels)

    def indices(self, blocks: Iterable[Block]) -> NDArray[np.intp]:
        """Indices into ``theta`` of the named blocks; blocks that the network does not have are skipped."""
        ranges = [self._ranges[block] for block in blocks if block in self.blocks]
        return np.concatenate(ranges) if ranges else np.empty(0, dtype=np.intp)

    @cached_property
    def _ranges(self) -> dict[Block, NDArray[np.intp]]:
        return {block: np.arange(part.start, part.stop) for block, part in self.blocks.items()}


def parameter_basis(network: Network, clock: Clock) -> Basis:
    """Order and names of the parameters, (7) and (8).

    Radar 1 is the clock reference and the anchors share one clock, so there is an offset for each of the radars
    2..n_radars and one for the anchors; without radars or without anchors the latter does not exist.
    """
    one_of(clock, CLOCKS, "clock")
    labels: dict[Block, list[str]] = {
        "radars": []
        if network.radars_known
        else [f"radar {i + 1} {axis}" for i in range(network.n_radars) for axis in network.axes],
        "clocks": [],
        "targets": [f"target {i + 1} {axis}" for i in range(network.n_targets) for axis in network.axes],
    }
    if clock == "asynchronous" and network.n_radars:
        labels["clocks"] = [f"clock offset of radar {i + 1}" for i in range(1, network.n_radars)]
        if network.n_anchors:
            labels["clocks"].append("clock offset of the anchors")
    blocks: dict[Block, slice] = {}
    start = 0
    for block in BLOCKS:
        if labels[block]:
            blocks[block] = slice(start, start + len(labels[block]))
            start += len(labels[block])
    return Basis(blocks, tuple(label for block in BLOCKS for label in labels[block]))
