"""The samples that statements are judged on, under the paper's assumptions and in variants of them.

A *sample* is one network, or the two slots of one. A dataset of samples is what :func:`isal.study.findings.observed`
returns: variables over ``network`` (every slot of every sample) and over ``pair`` (samples of two slots).

A *variant* solves the same samples again with some assumptions changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from isal.schemes.carry_over import REACHED

#: Abundances of two slots within this factor of each other are alike.
ALIKE = 1.5

#: Of two slots one is clearly the more limited if their abundances differ by more than this factor.
UNLIKE = 2

#: Sensing links are as long as ranging links where no node is closer to the target than this share of the mean length
#: of the ranging links.
CLOSE = 0.5

#: SPEBs that differ by less than this, relative, are equal.
EQUAL = 1e-6

#: Name of the variant that changes nothing.
BASE = "base"


def abundance(observed: xr.Dataset) -> xr.DataArray:
    """Sensing abundance of each network: bound per radar without a target over bound per target with radars known.

    Each bound is that of all the energy at its own best powers. Above 1, sensing is easier than localization.
    """
    return observed.localization_speb / observed.sensing_speb


def advantage(observed: xr.Dataset) -> xr.DataArray:
    """SPEB of the step-by-step scheme at its best split over the integrated one; below 1 step-by-step wins."""
    return observed.steps_speb / observed.integrated_speb


def best_reached(observed: xr.Dataset) -> xr.DataArray:
    """The lowest SPEB of the step-by-step scheme that an estimator reaches, at its best split, m^2."""
    return observed.steps_speb.sel(carry=list(REACHED)).min("carry")


def kept(observed: xr.Dataset) -> xr.DataArray:
    """What the step-by-step scheme promises over the bound of all that its steps measure together, at its best split.

    Below 1 no unbiased estimator keeps the promise, whatever it makes of the measurements.
    """
    return observed.steps_speb / observed.measured_speb


def only(observed: xr.Dataset, kind: str) -> xr.Dataset:
    """The layouts of the paper (``"layout"``) or the random networks (``"random"``) alone."""
    chosen = observed.isel(network=np.flatnonzero(observed.kind.values == kind))
    return chosen.isel(pair=np.flatnonzero(chosen.pair_kind.values == kind)) if "pair" in chosen.dims else chosen


def singles(observed: xr.Dataset) -> xr.Dataset:
    """Samples of one slot."""
    names, counts = np.unique(observed.sample.values.astype(str), return_counts=True)
    alone = np.isin(observed.sample.values.astype(str), names[counts == 1])
    return observed.isel(network=np.flatnonzero(alone))


def pair_slots(observed: xr.Dataset) -> NDArray[np.intp]:
    """Indices of slots 1 and 2 of each pair along ``network``, of shape (pairs, 2)."""
    pairs = observed.pair.values if "pair" in observed.dims else ()
    indices = [
        np.flatnonzero((observed.sample.values == pair) & (observed.slot.values == slot))[0]
        for pair in pairs
        for slot in (1, 2)
    ]
    return np.array(indices, dtype=np.intp).reshape(-1, 2)


def abundance_ratio(observed: xr.Dataset) -> NDArray[np.float64]:
    """Abundance of slot 1 over that of slot 2, of each pair."""
    first, second = abundance(observed).values[pair_slots(observed)].T
    return first / second


# --- which samples a statement is about -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Population:
    """The samples that a statement is about.

    ``chosen`` returns a boolean per network, or per pair where ``dimension`` is ``"pair"``. ``none`` is why a statement
    is not judged if no random sample belongs to the population.
    """

    chosen: Callable[[xr.Dataset], NDArray[np.bool_]]
    none: str
    dimension: str = "network"

    def indices(self, observed: xr.Dataset) -> NDArray[np.intp]:
        """Indices of the population along its dimension."""
        return np.flatnonzero(self.chosen(observed))


def _differ(observed: xr.Dataset, factor: float) -> NDArray[np.bool_]:
    ratio = abundance_ratio(observed)
    return (ratio > factor) | (ratio < 1 / factor)


def _are_alike(observed: xr.Dataset) -> NDArray[np.bool_]:
    ratio = abundance_ratio(observed)
    return (ratio < ALIKE) & (ratio > 1 / ALIKE)


EVERY = Population(lambda observed: np.ones(observed.sizes["network"], bool), "there is no random network")
LIMITED = Population(lambda observed: abundance(observed).values <= 1, "no random network is sensing-limited")
ABUNDANT = Population(lambda observed: abundance(observed).values > 1, "no random network is sensing-abundant")
EVEN_LINKS = Population(
    lambda observed: (observed.shortest_sensing_length > CLOSE * observed.ranging_length).values,
    "no random network has links about equally long",
)
UNLIKE_SLOTS = Population(lambda observed: _differ(observed, UNLIKE), "no random pair differs enough", "pair")
ALIKE_SLOTS = Population(_are_alike, "no random pair is alike enough", "pair")


# --- variants ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Variant:
    """Samples solved under one set of assumptions.

    ``settings`` holds these assumptions by key of the configuration: all of ``radio``, and what else a variant of the
    findings may change.
    """

    name: str
    settings: Mapping[str, Any]
    observed: xr.Dataset

    @classmethod
    def of(cls, observed: xr.Dataset) -> Variant:
        """What was observed; the dataset says under which assumptions."""
        return cls(observed.attrs["variant"], json.loads(observed.attrs["settings"]), observed)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that statements are judged by: the variants, the one named ``base`` among them."""

    variants: Sequence[Variant]

    @cached_property
    def base(self) -> Variant:
        """The variant that changes nothing."""
        return next(variant for variant in self.variants if variant.name == BASE)

    @cached_property
    def random(self) -> xr.Dataset:
        """Random networks under the base assumptions."""
        return only(self.base.observed, "random")

    @cached_property
    def layouts(self) -> xr.Dataset:
        """The paper's layouts under the base assumptions."""
        return only(self.base.observed, "layout")

    @cached_property
    def single_layouts(self) -> xr.Dataset:
        """The paper's layouts of one slot under the base assumptions."""
        return singles(self.layouts)

    def changing(self, *keys: str) -> list[Variant]:
        """The variants that differ from the base in some of these settings and in no other one."""
        return [variant for variant in self.variants if set() < self._changed(variant) <= set(keys)]

    def _changed(self, variant: Variant) -> set[str]:
        return {key for key, value in variant.settings.items() if value != self.base.settings[key]}


def same_samples(observed: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """The samples of another dataset, in its order."""
    indices = {
        (name, slot): index
        for index, (name, slot) in enumerate(zip(observed.sample.values, observed.slot.values, strict=True))
    }
    wanted = [indices[key] for key in zip(other.sample.values, other.slot.values, strict=True)]
    chosen = observed.isel(network=wanted)
    if "pair" not in observed.dims:
        return chosen
    return chosen.isel(pair=[list(observed.pair.values).index(pair) for pair in other.pair.values])
