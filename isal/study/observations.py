"""What the statements of the paper are judged by: numbers of one network, in one variant of the paper.

A *sample* is one network or the two slots of one, a layout of the paper or a random one. A *variant* is what the paper
leaves open and may matter: power caps and what they limit, what step 1 minimises, the radar cross section, the
bandwidth, how far radars and clocks drift.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from isal.allocation import scheduler
from isal.errors import IsalError, NetworkError
from isal.model import ensemble
from isal.model.information import Information, information
from isal.model.links import network_links, refuse_unlike_links
from isal.model.network import Network
from isal.model.observability import refuse_unobservable
from isal.model.parameters import CLOCKS, Clock
from isal.model.radio import Radio
from isal.schemes import schedule as schemes
from isal.schemes.best_split import best_integrated_slots, best_steps
from isal.schemes.carry_over import CARRIES, Carry
from isal.schemes.integrated import integrated_schedule, integrated_slot
from isal.schemes.registry import ALONE
from isal.schemes.schedule import no_prior
from isal.schemes.step_by_step import steps_slot
from isal.schemes.variant import DEFAULT_VARIANT, Variant
from isal.validation.double_counting import double_counting

if TYPE_CHECKING:  # takes longer to import than the rest of what a plan needs
    import xarray as xr

TOLERANCE = 1e-7

#: Along a line with the energy of one step fixed, shares of the rest that the step in question gets.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999)

#: Share of all energy that the fixed step gets there.
FIXED_SHARE = 0.5

#: What is known of the other slot in the comparison of temporal cooperation.
COUPLINGS = ("none", "radars", "clocks", "both")

#: A layout is solved if each direction of its parameters has this information, scaled as in
#: :mod:`isal.model.observability`, and its links differ in length by no more than this factor. Beyond, optima can often
#: not be certified.
POOREST = 1e-6
LARGEST_LENGTH_RATIO = 2e3

#: A variance of the drift between slots at which they know nothing of each other.
UNKNOWN = 1e12

Array = NDArray[np.float64]


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

    @property
    def attributes(self) -> dict[str, Any]:
        """How a dataset says what was assumed: ``settings`` are JSON, by key of the configuration."""
        settings = self.radio.to_mapping() | {"power_cap_w": self.cap_w} | asdict(self.scheme)
        return {"variant": self.name, "energy_j": self.energy, "settings": json.dumps(settings)}


def random_samples(seed: int, start: int, stop: int) -> Iterator[Sample]:
    """Random samples number ``start`` to ``stop``, of two slots with equal numbers of nodes, see :mod:`ensemble`.

    Two to four anchors and radars each; each slot has a layout of its own, from abundant to limited.
    """
    for number in range(start, stop):
        rng = np.random.default_rng([seed, number])
        n_anchors, n_radars = int(rng.integers(2, 5)), int(rng.integers(2, 5))
        name = f"random-{seed}-{number}"
        slots = tuple(
            ensemble.random_network(
                rng, n_anchors, n_radars, 1, float(np.exp(rng.uniform(*np.log(ensemble.SEPARATIONS_M)))), name
            )
            for _ in range(2)
        )
        yield Sample(name, "random", slots)


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
    """Whether :func:`observe` has all that it needs: one or two slots with radars, anchors and targets.

    Each must be well determined in both clock modes, and also without its targets, and with its radars known.
    """
    if len(slots) > 2:
        return False
    for slot in slots:
        if slot.radars_known or not (slot.n_radars and slot.n_anchors and slot.n_targets):
            return False
    try:
        for slot in slots:
            for clock in CLOCKS:
                well_determined(slot, radio, clock)
            for part in _parts(slot):
                well_determined(part, radio, "synchronous")
    except NetworkError:
        return False
    return True


def _parts(network: Network) -> tuple[Network, Network]:
    """Localization alone and sensing alone."""
    localization, sensing = (scheme.takes(network) for scheme in ALONE)
    return localization, sensing


def observe(samples: Sequence[Sample], variant: Assumptions, solver: str) -> xr.Dataset:
    """All numbers of some samples.

    Returns
    -------
    Dataset over ``network`` (each slot of each sample) with what one slot gives, and over ``pair`` (samples of two
    slots) with what two slots give; see the attributes of its variables.

    Raises
    ------
    IsalError
        If a sample can't be solved; the message names it.
    """
    singles = [(sample, number) for sample in samples for number in range(len(sample.slots))]
    pairs = [sample for sample in samples if len(sample.slots) == 2]
    results = scheduler.run_all(
        [
            *(_one_slot(sample.slots[number], variant) for sample, number in singles),
            *(_two_slots(sample.slots, variant) for sample in pairs),
        ],
        solver,
    )
    names = [sample.name for sample, _ in singles] + [sample.name for sample in pairs]
    for name, result in zip(names, results, strict=True):
        if isinstance(result, IsalError):
            raise IsalError(f"{name}, variant {variant.name}: {result}") from result
    variables: dict[str, Any] = {}
    for dimension, rows in (("network", results[: len(singles)]), ("pair", results[len(singles) :])):
        for name, (dimensions, attributes) in VARIABLES[dimension].items():
            values = [row[name] for row in rows if not isinstance(row, IsalError)]
            if values:
                variables[name] = ((dimension, *dimensions), np.array(values), attributes)
    coordinates: dict[str, tuple[str, list[Any], dict[str, str]]] = {
        name: (dimension, list(values), {"long_name": meaning})
        for name, dimension, values, meaning in (
            ("sample", "network", [sample.name for sample, _ in singles], "name of the sample"),
            ("slot", "network", [number + 1 for _, number in singles], "number of the slot in its sample"),
            ("kind", "network", [sample.kind for sample, _ in singles], "a layout, or random"),
            ("layout", "network", [_positions(*each) for each in singles], "positions of nodes and targets in m, JSON"),
            ("pair", "pair", [sample.name for sample in pairs], "name of the sample of two slots"),
            ("pair_kind", "pair", [sample.kind for sample in pairs], "a layout, or random"),
            ("clock", "clock", CLOCKS, "clock mode"),
            ("carry", "carry", CARRIES, "what a step carries over from those before it"),
            ("part", "part", [1, 2, 3], "number of the step"),
            ("share", "share", SHARES, "share of the energy that is left"),
            ("coupling", "coupling", COUPLINGS, "what is known of the other slot"),
        )
    }
    import xarray as xr

    attributes = variant.attributes | {"solver": solver, "tolerance": TOLERANCE}
    title = {"title": f"what the paper's statements are judged by, variant {variant.name}"}
    return xr.Dataset(variables, coords=coordinates, attrs=title | attributes)


def _positions(sample: Sample, slot: int) -> str:
    return json.dumps(sample.slots[slot].to_mapping())


#: Dimension of rows -> variable -> (dimensions, attributes).
VARIABLES: dict[str, dict[str, tuple[tuple[str, ...], dict[str, str]]]] = {
    "network": {
        "localization_speb": ((), {"units": "m2", "long_name": "bound per radar without a target, at best powers"}),
        "sensing_speb": ((), {"units": "m2", "long_name": "bound per target with radars known, at best powers"}),
        "ranging_length": ((), {"units": "m", "long_name": "mean length of ranging links"}),
        "sensing_length": ((), {"units": "m", "long_name": "mean distance of nodes from the target"}),
        "shortest_sensing_length": ((), {"units": "m", "long_name": "smallest distance of a node from the target"}),
        "integrated_speb": (("clock",), {"units": "m2", "long_name": "integrated scheme"}),
        "steps_speb": (("clock", "carry"), {"units": "m2", "long_name": "step-by-step scheme at its best split"}),
        "measured_speb": (
            ("clock", "carry"),
            {"units": "m2", "long_name": "bound of all that was measured with the powers of all steps at that split"},
        ),
        "steps_share": (
            ("clock", "carry", "part"),
            {"units": "1", "long_name": "shares of the steps at the best split"},
        ),
        "third_fixed_speb": (
            ("carry", "share"),
            {"units": "m2", "long_name": "asynchronous, half the energy in step 3, step 1 with a share of the rest"},
        ),
        "first_fixed_speb": (
            ("carry", "share"),
            {"units": "m2", "long_name": "asynchronous, half the energy in step 1, step 3 with a share of the rest"},
        ),
    },
    "pair": {
        "slot_share": (("clock",), {"units": "1", "long_name": "share of slot 1 at the best integrated split"}),
        "coupled_speb": (
            ("coupling",),
            {"units": "m2", "long_name": "asynchronous, target of slot 2 with half the energy, by what slot 1 tells"},
        ),
        "counted_twice_share": (
            (),
            {"units": "1", "long_name": "share of that bound that an exchange of clocks counted twice seems to save"},
        ),
    },
}


async def _one_slot(network: Network, variant: Assumptions) -> dict[str, Any]:
    radio, energy, caps = variant.radio, variant.energy, variant.cap_w
    nodes, spot = network.nodes, network.targets
    radars, n = np.arange(network.n_radars), network.n_nodes
    apart = np.linalg.norm(nodes[radars, None] - nodes[None], axis=-1)
    legs = np.linalg.norm(nodes[:, None] - spot[None], axis=-1)
    found: dict[str, Any] = {
        "ranging_length": apart[radars[:, None] != np.arange(n)].mean(),
        "sensing_length": legs.mean(),
        "shortest_sensing_length": legs.min(),
    }
    infos = {clock: information(network, radio, clock) for clock in CLOCKS}
    plain = await scheduler.together(
        integrated_slot(info, no_prior(info), energy, caps, TOLERANCE)
        for info in (*(information(part, radio, "synchronous") for part in _parts(network)), *infos.values())
    )
    found["localization_speb"] = plain[0].speb / network.n_radars
    found["sensing_speb"] = plain[1].speb / len(spot)
    found["integrated_speb"] = [slot.speb for slot in plain[2:]]
    splits = await scheduler.together(
        best_steps(info, no_prior(info), energy, carry, caps, TOLERANCE, variant.scheme)
        for info in infos.values()
        for carry in CARRIES
    )
    shares = np.full((len(infos), len(CARRIES), 3), np.nan)
    measured = np.full(shares.shape[:2], np.nan)
    for index, split in zip(np.ndindex(measured.shape), splits, strict=True):
        slot = split.result
        given = np.array(slot.energies) / energy
        # without clock offsets there is no second step
        shares[index] = given if len(given) == 3 else [given[0], 0.0, given[1]]
        everything = slot.information.measured(np.sum([step.power for step in slot.steps], axis=0))
        measured[index] = everything.speb(slot.information.basis.indices(["targets"]))
    found["steps_speb"] = np.reshape([split.result.speb for split in splits], measured.shape)
    found["measured_speb"] = measured
    found["steps_share"] = shares
    for name, fixed_last in (("third_fixed_speb", True), ("first_fixed_speb", False)):
        lines = await scheduler.together(
            _steps_speb(infos["asynchronous"], _on_line(share, fixed_last), carry, variant)
            for carry in CARRIES
            for share in SHARES
        )
        found[name] = np.reshape(lines, (len(CARRIES), len(SHARES)))
    return found


def _on_line(share: float, fixed_last: bool) -> Array:
    """Shares of three steps: one fixed, the first (or last) with ``share`` of the rest."""
    rest = 1 - FIXED_SHARE
    return np.array(
        [rest * share, rest * (1 - share), FIXED_SHARE]
        if fixed_last
        else [FIXED_SHARE, rest * (1 - share), rest * share]
    )


async def _steps_speb(info: Information, shares: Array, carry: Carry, variant: Assumptions) -> float:
    energies = list(shares * variant.energy)
    result = await steps_slot(info, no_prior(info), energies, carry, variant.cap_w, TOLERANCE, variant=variant.scheme)
    return result.speb


async def _two_slots(slots: Sequence[Network], variant: Assumptions) -> dict[str, Any]:
    infos = {clock: schemes.slot_informations(slots, variant.radio, clock) for clock in CLOCKS}
    splits = await scheduler.together(
        best_integrated_slots(each, variant.energy, variant.cap_w, TOLERANCE) for each in infos.values()
    )
    unknown: dict[str, Any] = {"velocity_variance": UNKNOWN, "drift_variance": UNKNOWN}
    told: tuple[set[str], ...] = (set(), {"velocity_variance"}, {"drift_variance"}, set(unknown))
    radios = [
        replace(variant.radio, **{key: value for key, value in unknown.items() if key not in known}) for known in told
    ]
    halves = [variant.energy / 2] * 2
    schedules = await scheduler.together(
        integrated_schedule(schemes.slot_informations(slots, radio, "asynchronous"), halves, variant.cap_w, TIGHT)
        for radio in radios
    )
    # at the powers for clocks that are unknown, and with radars that move as in the variant
    counted = double_counting(slots, variant.radio, power=[slot.power for slot in schedules[0].slots])
    return {
        "counted_twice_share": counted.gain[1],
        "slot_share": [split.result.slots[0].energies[0] / variant.energy for split in splits],
        "coupled_speb": [schedule.slots[1].speb for schedule in schedules],
    }


#: Temporal cooperation changes bounds by less than a millionth.
TIGHT = 1e-9


def gathered(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """All samples of one variant, from several calls of :func:`observe`."""
    import xarray as xr

    # strings of fixed width would be cut to that of the first part
    parts = [
        part.assign_coords({name: each.astype(object) for name, each in part.coords.items() if each.dtype.kind == "U"})
        for part in parts
    ]
    separate = {
        dimension: [part[[name for name in VARIABLES[dimension] if name in part]] for part in parts]
        for dimension in VARIABLES
    }
    filled = {dimension: [part for part in some if part.sizes.get(dimension)] for dimension, some in separate.items()}
    joined = [xr.concat(some, dimension, combine_attrs="override") for dimension, some in filled.items() if some]
    return xr.merge(joined, combine_attrs="override")
