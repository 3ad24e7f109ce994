"""The parameters of one slot and their order, (7) and (8): radar positions, clock offsets, target positions.

Clock offsets are parameters of asynchronous networks only. All parameters are in metres: a clock offset ``tau`` is
carried as the range ``c tau``.

Anchors with a survey error and links with a bias add parameters of their own, of which there is a prior: *nuisances*,
in the same matrix after all others, which no step minimises.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from isal.errors import one_of
from isal.knowledge import Knowledge
from isal.model.network import Network

Clock = Literal["synchronous", "asynchronous"]
CLOCKS: tuple[Clock, ...] = get_args(Clock)

Block = Literal["radars", "clocks", "targets"]
BLOCKS: tuple[Block, ...] = get_args(Block)

#: What is unknown besides, with a prior: positions of surveyed anchors, and biases of links.
Nuisance = Literal["anchors", "biases"]
NUISANCES: tuple[Nuisance, ...] = get_args(Nuisance)


@dataclass(frozen=True)
class Basis:
    """Order of the parameters ``theta``: ``blocks`` maps each block present to its slice, ``labels`` names entries.

    ``nuisances`` does so for further parameters, which follow all blocks, and ``errors`` are their standard deviations
    before any link measures, m.
    """

    blocks: dict[Block, slice]
    labels: tuple[str, ...]
    nuisances: dict[Nuisance, slice] = field(default_factory=dict)
    errors: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        return len(self.labels)

    def indices(self, blocks: Iterable[Block | Nuisance]) -> NDArray[np.intp]:
        """Indices into ``theta`` of the named blocks; blocks that the network does not have are skipped."""
        named = tuple(blocks)
        if named not in self._indices:  # schemes ask for the same few, over and over
            parts = [self._slices[block] for block in named if block in self._slices]
            found = np.concatenate([np.empty(0, np.intp), *(np.arange(part.start, part.stop) for part in parts)])
            found.setflags(write=False)
            self._indices[named] = found
        return self._indices[named]

    def selector(self, blocks: Iterable[Block], kept: NDArray[np.intp]) -> NDArray[np.float64]:
        """Columns that pick the parameters of the named blocks among those ``kept``, ascending indices; zeros and ones.

        Shape ``(len(kept), k)``.
        """
        return np.eye(len(kept))[:, np.searchsorted(kept, self.indices(blocks))]

    def prior(self, nuisances: Iterable[Nuisance] = NUISANCES) -> Knowledge:
        """What is known of nuisances before any link measures, as knowledge of all parameters."""
        chosen = self.indices(nuisances)
        if not len(chosen):
            return Knowledge.nothing(self.size)
        errors = np.array(self.errors)[chosen - (self.size - len(self.errors))]
        return Knowledge.of_rows(np.diag(1 / errors)).embedded(self.size, chosen)

    @cached_property
    def _indices(self) -> dict[tuple[Block | Nuisance, ...], NDArray[np.intp]]:
        return {}

    @cached_property
    def _slices(self) -> dict[Block | Nuisance, slice]:
        return dict([*self.blocks.items(), *self.nuisances.items()])


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
    estimated = Basis(blocks, tuple(label for block in BLOCKS for label in labels[block]))
    return _with_nuisances(estimated, network) if network.installation else estimated


def _with_nuisances(basis: Basis, network: Network) -> Basis:
    """The same with the positions of anchors that have a survey error, and the biases of links that have one."""
    survey, biases = network.installation.survey_errors(network), network.installation.biases(network)
    unsure = np.flatnonzero(survey)
    labels: dict[Nuisance, list[str]] = {
        "anchors": [f"anchor {i + 1} {axis}" for i in unsure for axis in network.axes],
        "biases": list(biases.labels),
    }
    nuisances: dict[Nuisance, slice] = {}
    start = basis.size
    for nuisance in NUISANCES:
        if labels[nuisance]:
            nuisances[nuisance] = slice(start, start + len(labels[nuisance]))
            start += len(labels[nuisance])
    names = tuple(label for nuisance in NUISANCES for label in labels[nuisance])
    errors = np.concatenate([np.repeat(survey[unsure], network.dimension), biases.errors])
    return Basis(basis.blocks, basis.labels + names, nuisances, tuple(errors.tolist()))
