"""The samples that the paper's statements are judged on, and what is assumed of them.

A *sample* is one network or the two slots of one, a layout of the paper or a random one. A *variant* is what the paper
leaves open and may matter: power caps and what they limit, what step 1 minimises, the radar cross section, the
bandwidth, how far radars and clocks drift.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isal.errors import NetworkError
from isal.model.ensemble import Ensemble
from isal.model.information import Information, information
from isal.model.links import network_links, refuse_unlike_links
from isal.model.network import Network
from isal.model.observability import refuse_unobservable
from isal.model.parameters import CLOCKS, Clock
from isal.model.radio import Radio
from isal.schemes.registry import ALONE
from isal.schemes.variant import DEFAULT_VARIANT, Variant

if TYPE_CHECKING:
    from isal.study.config import Configuration

#: A layout is solved if each direction of its parameters has this information, scaled as in
#: :mod:`isal.model.observability`, and its links differ in length by no more than this factor. Beyond, optima can often
#: not be certified.
POOREST = 1e-6
LARGEST_LENGTH_RATIO = 2e3


def slot_name(network: str, number: int) -> str:
    """Name of a slot, from 1, that is a network of its own; names of ensembles have no dots.

    >>> slot_name("8a", 2)
    '8a.2'
    """
    return f"{network}.{number}"


@dataclass(frozen=True, eq=False)
class Sample:
    """One network, or the two slots of one."""

    name: str
    kind: str
    slots: tuple[Network, ...]


@dataclass(frozen=True)
class Assumptions:
    """A variant of the paper.

    ``cap_w`` is the power cap of every node, W; None for the total energy over 1 s. ``scheme`` is how the step-by-step
    scheme is read.
    """

    name: str
    radio: Radio
    energy: float
    cap_w: float | None
    scheme: Variant = DEFAULT_VARIANT

    @classmethod
    def of(cls, configuration: Configuration, variant: str) -> Assumptions:
        """What a variant of a configuration's findings assumes."""
        findings = configuration.findings
        changed = dict(findings.variants[variant])
        cap = changed.pop("power_cap_w", None)
        scheme = Variant(**{key: changed.pop(key) for key in asdict(DEFAULT_VARIANT) if key in changed})
        radio = Radio(**{**configuration.radio, "bandwidth_hz": findings.bandwidth_hz, **changed})
        return cls(variant, radio, findings.total_energy_j, cap, scheme)

    @property
    def settings(self) -> dict[str, Any]:
        """All of it but the energy, by key of the configuration."""
        return self.radio.to_mapping() | {"power_cap_w": self.cap_w} | asdict(self.scheme)

    @property
    def attributes(self) -> dict[str, Any]:
        """How a dataset says what was assumed: ``settings`` are JSON, by key of the configuration."""
        return {"variant": self.name, "energy_j": self.energy, "settings": json.dumps(self.settings)}


def random_samples(ensemble: Ensemble, start: int, stop: int) -> Iterator[Sample]:
    """Networks number ``start`` to ``stop`` - 1 of an ensemble."""
    for number in range(start, stop):
        yield Sample(ensemble.member(number), "random", ensemble.network(number))


def well_determined(
    network: Network, radio: Radio, clock: Clock, transmit: NDArray[np.bool_] | None = None
) -> Information:
    """Information of a network whose optima can be certified; ``transmit`` says which nodes may, by default all.

    Raises
    ------
    NetworkError
        If it leaves a parameter undetermined, or almost; the message names parameters or links, and the way out.
    """
    refuse_unlike_links(network, network_links(network, radio, clock), LARGEST_LENGTH_RATIO)
    info = information(network, radio, clock)
    refuse_unobservable(info, POOREST, transmit)
    return info


def observable(slots: Sequence[Network], radio: Radio) -> bool:
    """Whether the findings can be made of these slots: one or two, with radars, anchors and targets.

    Each must be well determined in both clock modes, and also without its targets, and with its radars known. Anchors
    must have no survey errors and links no biases, which are not for all carry-overs.
    """
    if len(slots) > 2:
        return False
    for slot in slots:
        if slot.radars_known or not (slot.n_radars and slot.n_anchors and slot.n_targets):
            return False
        if slot.installation.adds_unknowns(slot):
            return False
    try:
        for slot in slots:
            for clock in CLOCKS:
                well_determined(slot, radio, clock)
            for scheme in ALONE:
                well_determined(scheme.takes(slot), radio, "synchronous")
    except NetworkError:
        return False
    return True
