"""Results of points as arrays, many at once: the variables of :data:`isal.study.store.records.VARIABLES`."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isal.allocation.batch import MOST_ENTRIES
from isal.allocation.certificate import STATUSES
from isal.errors import IsalError
from isal.knowledge import Knowledge, spebs_of
from isal.matrices import at_powers
from isal.model.information import Information
from isal.model.installation import link_ends
from isal.model.parameters import BLOCKS
from isal.schemes.schedule import ScheduleResult, SlotResult
from isal.units import DURATION_S
from isal.validation import links

Array = NDArray[np.float64]


def arrays_of(results: Sequence[ScheduleResult]) -> dict[str, NDArray[Any]]:
    """The variables of records of many results of one shape, side by side.

    Parameters
    ----------
    results
        At least one. They have the same numbers of slots, steps and nodes, and could have the same links; clock,
        scheme, radio, and which of these links there are, may differ.

    Returns
    -------
    Arrays by names of :data:`isal.study.store.records.OF_POINTS`, with the dimensions that stand there; ``point`` has
    the order of the results.

    Raises
    ------
    IsalError
        If there are none, or they differ in shape.

    Examples
    --------
    >>> import isal
    >>> network = isal.Network(anchors=[[20, 180], [180, 180]], radars=[[45, 71], [91, 65]], targets=[[65, 45]])
    >>> schedules = [isal.integrated([network], isal.Radio(), clock="synchronous", energies=[e]) for e in (5.0, 10.0)]
    >>> arrays = arrays_of(schedules)
    >>> arrays["power"].shape, bool(arrays["speb"][1] == schedules[1].speb)
    ((2, 1, 4), True)
    """
    if not results:
        raise IsalError("there are no results to make arrays of")
    parts = [(numbers, _of_one_kind([results[number] for number in numbers])) for numbers in _kinds(results)]
    _, first = parts[0]
    if len(parts) == 1:
        return first
    arrays = {name: np.empty((len(results), *part.shape[1:]), part.dtype) for name, part in first.items()}
    for numbers, part in parts:
        for name, values in part.items():
            if values.shape[1:] != arrays[name].shape[1:]:
                raise IsalError(
                    f"results of one shape make arrays, but {name} has the shape {arrays[name].shape[1:]} in one and "
                    f"{values.shape[1:]} in another"
                )
            arrays[name][numbers] = values
    return arrays


def _kinds(results: Sequence[ScheduleResult]) -> Iterator[list[int]]:
    """Numbers of the results that have the same parameters, links and steps, fewer together if these are many."""
    kinds: dict[Any, list[int]] = {}
    for number, result in enumerate(results):
        kind = tuple(
            (slot.information.basis.labels, slot.information.once(_existing), *(step.block for step in slot.steps))
            for slot in result.slots
        )
        kinds.setdefault(kind, []).append(number)
    for ((labels, existing, *_), *_), numbers in kinds.items():
        size = max(1, MOST_ENTRIES // (len(existing) * len(labels)))
        yield from (numbers[start : start + size] for start in range(0, len(numbers), size))


def _existing(information: Information) -> bytes:
    """Which of all links that the network could have there are, a byte for each, in the order of records."""
    network = information.network
    return network.installation.exists(network, link_ends(network)).tobytes()


def _of_one_kind(results: Sequence[ScheduleResult]) -> dict[str, NDArray[Any]]:
    slots = [result.slots for result in results]
    steps = [[step for slot in each for step in slot.steps] for each in slots]
    allocations = [[step.allocation for step in each] for each in steps]
    known = [[(so_far := slot.measured + slot.prior, so_far + slot.later) for slot in each] for each in slots]
    filtered = [[so_far for so_far, _ in each] for each in known]
    bounds = smoothed = _spebs(filtered, slots[0])
    if any(so_far is not whole for each in known for so_far, whole in each):  # else later slots say nothing
        smoothed = _spebs([[whole for _, whole in each] for each in known], slots[0])
    in_all_steps = [_in_all_steps(column) for column in zip(*slots, strict=True)]
    measured = [
        [all_steps + slot.prior if len(slot.steps) > 1 else known for known, slot, all_steps in zip(*each, strict=True)]
        for each in zip(filtered, slots, zip(*in_all_steps, strict=True), strict=True)
    ]
    minimised = [slot.information.basis.indices([slot.steps[-1].block]) for slot in slots[0]]
    usable = links.usable_links(slots)
    gap, power = _each(allocations, "gap"), _each(allocations, "power")
    return {
        "speb": np.array([result.speb for result in results]),
        "gap": gap.max(axis=1),
        "status": np.array([STATUSES.index(result.status) for result in results]),
        **bounds,
        **{f"smoothed_{name}": each for name, each in smoothed.items()},
        "measured_speb": _in_slots(measured, minimised),
        "threshold_snr": np.array([each.threshold for each in usable]).T,
        "usable_share": np.array([each.share for each in usable]).T,
        "usable_speb": np.array([each.speb for each in usable]).T,
        "pulses_needed": np.array([each.pulses for each in usable]).T,
        "slot_energy": np.array([[sum(slot.energies) for slot in each] for each in slots]),
        "energy": _each(steps, "energy"),
        "energy_used": power.sum(axis=2) * DURATION_S,
        "step_speb": _each(allocations, "value"),
        "step_lower_bound": _each(allocations, "lower_bound"),
        "step_gap": gap,
        "iterations": _each(allocations, "iterations"),
        "seconds": _each(allocations, "seconds"),
        "power": power,
        "link_snr": np.concatenate(
            [_of_all_links(each.snr, slot.information) for each, slot in zip(usable, slots[0], strict=True)], axis=1
        ),
    }


def _of_all_links(snr: Array, information: Information) -> Array:
    """SNR of all links that the network could have, along the last axis: zero where there is none."""
    existing = np.frombuffer(information.once(_existing), dtype=bool)
    if existing.all():
        return snr
    found = np.zeros((*snr.shape[:-1], len(existing)))
    found[..., existing] = snr
    return found


def _each(rows: Sequence[Sequence[Any]], attribute: str) -> NDArray[Any]:
    """An attribute of every object in every row."""
    return np.array([[getattr(each, attribute) for each in row] for row in rows])


def _spebs(known: Sequence[Sequence[Knowledge]], slots: Sequence[SlotResult]) -> dict[str, Array]:
    """Bound of each block in each slot, given what is known of all its parameters, by the name of the variable."""
    found = {}
    for block in BLOCKS:
        indices = [slot.information.basis.indices([block]) for slot in slots]
        found[f"{block[:-1]}_speb"] = _in_slots(known, indices)
    return found


def _in_slots(known: Sequence[Sequence[Knowledge]], indices: Sequence[NDArray[np.intp]]) -> Array:
    """Bound of some parameters of each slot, shape ``(N, n_slots)``."""
    return np.array([spebs_of([each[number] for each in known], some) for number, some in enumerate(indices)]).T


def _in_all_steps(slots: Sequence[SlotResult]) -> list[Knowledge]:
    """What the links of each slot tell in all its steps together."""
    found: dict[int, Knowledge] = {}
    numbers: dict[int, list[int]] = {}
    for number, slot in enumerate(slots):
        numbers.setdefault(id(slot.information), []).append(number)
    for alike in numbers.values():
        info = slots[alike[0]].information
        powers = np.array([[step.power for step in slots[number].steps] for number in alike])
        if info.jitters:
            told = [functools.reduce(operator.add, map(info.measured, each)) for each in powers]
        else:  # information is linear in the powers
            told = at_powers(info.stack, powers.sum(axis=1))
        found.update(zip(alike, told, strict=True))
    return [found[number] for number in range(len(slots))]
