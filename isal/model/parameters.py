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
        named = tuple(blocks)
        if named not in self._indices:  # schemes ask for the same few, over and over
            parts = [self.blocks[block] for block in named if block in self.blocks]
            found = np.concatenate([np.empty(0, np.intp), *(np.arange(part.start, part.stop) for part in parts)])
            found.setflags(write=False)
            self._indices[named] = found
        return self._indices[named]

    def selector(self, blocks: Iterable[Block], kept: NDArray[np.intp]) -> NDArray[np.float64]:
        """Columns that pick the parameters of the named blocks among those ``kept``, ascending indices; zeros and ones.

        Shape ``(len(kept), k)``.
        """
        return np.eye(len(kept))[:, np.searchsorted(kept, self.indices(blocks))]

    @cached_property
    def _indices(self) -> dict[tuple[Block, ...], NDArray[np.intp]]:
        return {}


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
