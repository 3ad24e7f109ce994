"""The numbers that the paper's statements are judged by, sample by sample, from the datasets of studies.

Which studies these are is in :mod:`isal.workflow.findings`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isal.model.network import Network
from isal.model.parameters import CLOCKS
from isal.schemes.carry_over import CARRIES
from isal.schemes.registry import REFERENCE, STEP_BY_STEP
from isal.study.axes import BEST, COUPLING, axes_of
from isal.study.points import split_name
from isal.study.samples import Assumptions, Sample, slot_name
from isal.units import UJ_PER_J
from isal.validation.double_counting import double_counting

if TYPE_CHECKING:  # takes longer to import than the rest of what a plan needs
    import xarray as xr

#: Kinds of studies: each slot on its own at the best splits; the same along lines; two slots at the best split; what
#: one slot tells the other.
KINDS = ("slots", "lines", "pairs", "couplings")

TOLERANCE = 1e-7

#: Along a line with the energy of one step fixed, shares of the rest that the step in question gets.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.97, 0.99, 0.999)

#: Share of all energy that the fixed step gets there.
FIXED_SHARE = 0.5

#: What is known of the other slot in the comparison of temporal cooperation.
COUPLINGS = ("none", "radars", "clocks", "both")

#: A variance of the drift between slots at which they know nothing of each other.
UNKNOWN = 1e12

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


def line_of(total: int, fixed_last: bool) -> list[tuple[int, int, int]]:
    """Splits over three steps, microjoules: one is fixed, the first (or last) gets a share of the rest."""
    fixed, found = round(total * FIXED_SHARE), []
    for share in SHARES:
        some = round((total - fixed) * share)
        other = total - fixed - some
        found.append((some, other, fixed) if fixed_last else (fixed, other, some))
    return found


def observed(
    datasets: Mapping[str, Iterable[xr.Dataset]], samples: Sequence[Sample], assumed: Assumptions, solver: str
) -> xr.Dataset:
    """All numbers of the samples of a variant.

    Parameters
    ----------
    datasets
        The dataset of each kind of study, in parts along ``network``. They may have other networks, too. Where no
        sample has two slots, those of pairs and couplings are not looked at.
    samples
        The samples, layouts and random ones.
    assumed
        What the variant assumes.
    solver
        Name of the solver.

    Returns
    -------
    Dataset over ``network`` (each slot of each sample) with what one slot gives, and over ``pair`` (samples of two
    slots) with what two slots give; see the attributes of its variables.
    """
    import xarray as xr

    singles = [(sample, number) for sample in samples for number in range(1, len(sample.slots) + 1)]
    pairs = [sample for sample in samples if len(sample.slots) == 2]
    names = [slot_name(sample.name, number) if len(sample.slots) > 1 else sample.name for sample, number in singles]
    slots = [sample.slots[number - 1] for sample, number in singles]
    found = _merged(datasets, ("slots", "lines"), names, assumed)
    found["localization_speb"] = found.localization_speb / [slot.n_radars for slot in slots]
    found["sensing_speb"] = found.sensing_speb / [slot.n_targets for slot in slots]
    lengths = [_lengths(slot) for slot in slots]
    found = found.assign({name: ("network", [each[name] for each in lengths]) for name in lengths[0]})
    if pairs:
        of_pairs = _merged(datasets, ("pairs", "couplings"), [sample.name for sample in pairs], assumed)
        of_pairs["counted_twice_share"] = ("network", _counted_twice(of_pairs.power, pairs, assumed))
        found = xr.merge([found.drop_vars("network"), of_pairs.rename(network="pair")])
    else:
        found = found.drop_vars("network")
    variables = {
        name: found[name].transpose(dimension, *along).assign_attrs(attributes)
        for dimension, some in VARIABLES.items()
        for name, (along, attributes) in some.items()
        if name in found
    }
    layouts = [json.dumps(slot.to_mapping()) for slot in slots]
    coordinates: dict[str, tuple[str, Sequence[Any], dict[str, str]]] = {
        name: (dimension, list(values), {"long_name": meaning})
        for name, dimension, values, meaning in (
            ("sample", "network", [sample.name for sample, _ in singles], "name of the sample"),
            ("slot", "network", [number for _, number in singles], "number of the slot in its sample"),
            ("kind", "network", [sample.kind for sample, _ in singles], "a layout, or random"),
            ("layout", "network", layouts, "positions of nodes and targets in m, JSON"),
            ("pair", "pair", [sample.name for sample in pairs], "name of the sample of two slots"),
            ("pair_kind", "pair", [sample.kind for sample in pairs], "a layout, or random"),
            ("clock", "clock", CLOCKS, "clock mode"),
            ("carry", "carry", CARRIES, "what a step carries over from those before it"),
            ("part", "part", [1, 2, 3], "number of the step"),
            ("share", "share", SHARES, "share of the energy that is left"),
            ("coupling", "coupling", COUPLINGS, "what is known of the other slot"),
        )
    }
    attributes = assumed.attributes | {"solver": solver, "tolerance": TOLERANCE}
    title = {"title": f"what the paper's statements are judged by, variant {assumed.name}"}
    return xr.Dataset(variables, coords=coordinates, attrs=title | attributes)


def _by_carry(dataset: xr.Dataset) -> xr.Dataset:
    """The step-by-step schemes of a dataset, by carry-over."""
    schemes = [STEP_BY_STEP[carry].name for carry in CARRIES]
    return dataset.sel(scheme=schemes).assign_coords(scheme=list(CARRIES)).rename(scheme="carry")


def _of_slots(dataset: xr.Dataset, assumed: Assumptions) -> dict[str, xr.DataArray]:
    import xarray as xr

    best = _by_carry(dataset.sel(split=BEST, drop=True))
    spebs = dataset.speb.max("split")  # these have one split
    share = best.energy / assumed.energy
    parts = {
        "asynchronous": [share.sel(step=number) for number in (1, 2, 3)],
        # without clock offsets there is no second step
        "synchronous": [share.sel(step=1), xr.zeros_like(share.sel(step=1)), share.sel(step=2)],
    }
    shares = [xr.concat([part.sel(clock=clock, drop=True) for part in parts[clock]], "part") for clock in CLOCKS]
    return {
        "localization_speb": spebs.sel(clock="synchronous", scheme="localization", drop=True),
        "sensing_speb": spebs.sel(clock="synchronous", scheme="sensing", drop=True),
        "integrated_speb": spebs.sel(scheme=REFERENCE.name, drop=True),
        "steps_speb": best.speb,
        "measured_speb": best.measured_speb.sel(slot=1, drop=True),
        "steps_share": xr.concat([each.drop_vars("step", errors="ignore") for each in shares], "clock").assign_coords(
            clock=list(CLOCKS)
        ),
    }


def _of_lines(dataset: xr.Dataset, assumed: Assumptions) -> dict[str, xr.DataArray]:
    speb = _by_carry(dataset.sel(clock="asynchronous", drop=True)).speb
    total, found = round(assumed.energy * UJ_PER_J), {}
    for name, fixed_last in (("third_fixed_speb", True), ("first_fixed_speb", False)):
        along = speb.sel(split=[split_name(split) for split in line_of(total, fixed_last)])
        found[name] = along.rename(split="share").assign_coords(share=list(SHARES))
    return found


def _of_pairs(dataset: xr.Dataset, assumed: Assumptions) -> dict[str, xr.DataArray]:
    best = dataset.sel(split=BEST, scheme=REFERENCE.name, slot=1, drop=True)
    return {"slot_share": best.slot_energy / assumed.energy}


def _of_couplings(dataset: xr.Dataset, assumed: Assumptions) -> dict[str, xr.DataArray]:
    import xarray as xr

    half = dataset.isel(split=0, drop=True).sel(clock="asynchronous", scheme=REFERENCE.name, drop=True)
    own = [getattr(assumed.radio, key) for key in COUPLING]
    told = {"none": (False, False), "radars": (True, False), "clocks": (False, True), "both": (True, True)}
    at = {
        coupling: half.sel(
            {key: value if knows else UNKNOWN for key, value, knows in zip(COUPLING, own, told[coupling], strict=True)},
            drop=True,
        )
        for coupling in COUPLINGS
    }
    speb = xr.concat([at[coupling].step_speb.sel(step=2, drop=True) for coupling in COUPLINGS], "coupling")
    # powers for clocks that are unknown, and with radars that move as in the variant
    return {"coupled_speb": speb.assign_coords(coupling=list(COUPLINGS)), "power": at["none"].power}


_TAKEN = {"slots": _of_slots, "lines": _of_lines, "pairs": _of_pairs, "couplings": _of_couplings}


def _of_kind(kind: str, dataset: xr.Dataset, assumed: Assumptions) -> xr.Dataset:
    """What the findings take from a part of a dataset of a kind of study, over ``network``."""
    import xarray as xr

    coupling = COUPLING if kind == "couplings" else ()
    fixed = [axis.name for axis in axes_of(dataset.dims, "network", "clock", "scheme", "split", *coupling)]
    plain = dataset.isel(dict.fromkeys(fixed, 0), drop=True).reset_coords(drop=True)
    return xr.Dataset(_TAKEN[kind](plain, assumed))


def _merged(
    datasets: Mapping[str, Iterable[xr.Dataset]], kinds: Iterable[str], networks: Sequence[str], assumed: Assumptions
) -> xr.Dataset:
    """What the findings take from some kinds of studies, of some networks in turn."""
    import xarray as xr

    found = []
    for kind in kinds:
        parts = [_of_kind(kind, part, assumed) for part in datasets[kind]]
        joined = xr.concat(parts, "network", coords="minimal", compat="override", join="outer")
        found.append(joined.sel(network=list(networks)))
    return xr.merge(found)


def _lengths(network: Network) -> dict[str, float]:
    """Mean lengths of ranging links and of the ways from nodes to targets, and the shortest of these, m."""
    radars, nodes = np.arange(network.n_radars), network.nodes
    apart = np.linalg.norm(nodes[radars, None] - nodes[None], axis=-1)
    legs = np.linalg.norm(nodes[:, None] - network.targets[None], axis=-1)
    return {
        "ranging_length": apart[radars[:, None] != np.arange(network.n_nodes)].mean(),
        "sensing_length": legs.mean(),
        "shortest_sensing_length": legs.min(),
    }


def _counted_twice(power: xr.DataArray, pairs: Sequence[Sample], assumed: Assumptions) -> list[float]:
    """What an exchange of clocks that is counted twice seems to save of the bound of slot 2."""
    found = []
    for sample in pairs:
        of_sample = power.sel(network=sample.name, node=list(sample.slots[0].node_labels)).transpose("step", "node")
        found.append(double_counting(sample.slots, assumed.radio, power=of_sample.values).gain[1])
    return found
