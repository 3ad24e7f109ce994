"""The studies that the findings are made from.

Each variant of the findings has one of every kind of :data:`isal.study.findings.KINDS`, in which layouts and random
samples are the networks. Those that do not depend on what two variants differ in are one study: all that couples slots
has no use where each slot is a network of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isal.model.parameters import CLOCKS, Clock
from isal.schemes.registry import ALONE, REFERENCE, STEP_BY_STEP
from isal.schemes.variant import DEFAULT_VARIANT
from isal.study.axes import AXES, COUPLING
from isal.study.config import Configuration, Study
from isal.study.findings import KINDS, TOLERANCE, UNKNOWN, line_of
from isal.study.samples import Assumptions
from isal.units import UJ_PER_J

#: Temporal cooperation changes bounds by less than a millionth.
TIGHT = 1e-9

#: Where the studies stand below datasets and records.
FOLDER = "findings"

#: Steps of networks with radars, anchors and targets.
STEPS: dict[Clock, int] = {"synchronous": 2, "asynchronous": 3}


@dataclass(frozen=True, eq=False)
class Studies:
    """The studies by name, and by variant and kind the name of the one that it is."""

    studies: Mapping[str, Study]
    named: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, configuration: Configuration, layouts: Mapping[str, int]) -> Studies:
        """Those of a configuration's variants; ``layouts`` are the numbers of slots of the layouts that take part."""
        studies: dict[str, Study] = {}
        named: dict[str, dict[str, str]] = {}
        alike: dict[str, str] = {}
        for variant in configuration.findings.variants:
            named[variant] = {}
            for kind in KINDS:
                name = f"{FOLDER}/{variant}/{kind}"
                study = _study(name, kind, configuration, Assumptions.of(configuration, variant), layouts)
                # the base comes first and has all samples that the others have
                known = alike.setdefault(repr([kind, study.axes]), name)
                studies.setdefault(known, study)
                named[variant][kind] = known
        return cls(studies, named)

    def own(self, variant: str) -> tuple[str, ...]:
        """Names of the studies that a variant does not share with one before it."""
        return tuple(name for name in self.named[variant].values() if name.startswith(f"{FOLDER}/{variant}/"))


def _study(
    name: str, kind: str, configuration: Configuration, assumed: Assumptions, layouts: Mapping[str, int]
) -> Study:
    ensemble, total = configuration.findings.ensemble, round(assumed.energy * UJ_PER_J)
    n_slots = {**layouts, ensemble.name: ensemble.slots}
    apart = kind in ("slots", "lines")
    networks = tuple(network for network, count in n_slots.items() if apart or count == ensemble.slots)
    clocks: tuple[Clock, ...] = ("asynchronous",) if kind in ("lines", "couplings") else CLOCKS
    schemes = {"slots": (REFERENCE, *STEP_BY_STEP.values(), *ALONE), "lines": tuple(STEP_BY_STEP.values())}
    axes: dict[str, tuple[Any, ...]] = {
        axis.name: (value if value is None else axis.read(value),)
        for axis in AXES
        if axis.optional and _matters(axis.name, kind, configuration, assumed)
        for value in [assumed.settings[axis.name]]
    }
    if kind == "couplings":
        own = assumed.radio.to_mapping()
        axes |= {key: tuple(dict.fromkeys((own[key], UNKNOWN))) for key in COUPLING}
    along: dict[str, tuple[Any, ...]] = {
        "network": networks,
        "clock": clocks,
        "bandwidth": (assumed.radio.bandwidth_hz,),
        "scheme": tuple(scheme.name for scheme in schemes.get(kind, (REFERENCE,))),
        **axes,
    }
    given: dict[str, list[tuple[int, ...]]] = {
        "lines": [*line_of(total, True), *line_of(total, False)],
        "couplings": [(total // 2, total - total // 2)],
    }
    return Study(
        name=name,
        axes={axis.name: along[axis.name] for axis in AXES if axis.name in along},
        total_energy_uj=total,
        step_grids=(),
        slot_grids=(),
        steps={(network, clock): STEPS[clock] for network in networks for clock in clocks},
        sizes={ensemble.name: configuration.findings.samples_of(assumed.name)},
        n_slots=1 if apart else ensemble.slots,
        best=kind in ("slots", "pairs"),
        given=tuple(given.get(kind, ())),
        apart={network: n_slots[network] for network in networks} if apart else None,
        tolerance=TIGHT if kind == "couplings" else TOLERANCE,
        # one point in a thousand, in layouts with nodes that nearly coincide
        unended=True,
    )


def _matters(axis: str, kind: str, configuration: Configuration, assumed: Assumptions) -> bool:
    """Whether a study lists an optional axis: where the variant differs from the configuration, and it has a use."""
    single = kind in ("slots", "lines")
    own = {**configuration.radio, **vars(DEFAULT_VARIANT)}
    # what couples slots has no use in one slot, and how steps are read none without steps
    useless = COUPLING if single else tuple(vars(DEFAULT_VARIANT))
    return axis not in useless and (axis not in own or assumed.settings[axis] != own[axis])
