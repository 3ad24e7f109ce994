"""Point records: one NetCDF file per solved point, written whole or not at all, and checked when read.

A record has the dimensions ``point`` (1), ``slot``, ``step`` (the steps of each slot in turn), ``node`` and ``link``.
Its attributes hold the point's canonical text, the fingerprint of what it depends on, and a digest of all that: a file
that was cut short or altered is noticed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from isal import __version__
from isal.allocation import solvers
from isal.allocation.certificate import STATUSES
from isal.errors import IsalError
from isal.model.information import Information
from isal.model.installation import link_ends
from isal.schemes.schedule import ScheduleResult
from isal.study import files
from isal.study.points import Point
from isal.study.store.origin import CONVENTIONS, commit
from isal.validation import links

#: name -> (dimensions, type, attributes); the order is that of the digest.
VARIABLES: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "speb": (("point",), "f8", {"units": "m2", "long_name": "SPEB, summed over slots"}),
    "lower_bound": (
        ("point",),
        "f8",
        {
            "units": "m2",
            "long_name": "sum of the slots' certified lower bounds, each given the powers of the slots before it",
        },
    ),
    "gap": (("point",), "f8", {"units": "1", "long_name": "largest certified relative gap of any step"}),
    "status": (
        ("point",),
        "i1",
        {
            "long_name": "whether every step is certified, or the last one a local minimum that nothing proves",
            "flag_values": np.arange(len(STATUSES), dtype="i1"),
            "flag_meanings": " ".join(STATUSES),
        },
    ),
    "radar_speb": (("point", "slot"), "f8", {"units": "m2", "long_name": "position bound of all radars, slots so far"}),
    "clock_speb": (
        ("point", "slot"),
        "f8",
        {"units": "m2", "long_name": "bound of clock offsets as ranges, slots so far"},
    ),
    "target_speb": (
        ("point", "slot"),
        "f8",
        {"units": "m2", "long_name": "position bound of all targets, slots so far"},
    ),
    "smoothed_radar_speb": (("point", "slot"), "f8", {"units": "m2", "long_name": "bound of all radars, all slots"}),
    "smoothed_clock_speb": (("point", "slot"), "f8", {"units": "m2", "long_name": "bound of clock offsets, all slots"}),
    "smoothed_target_speb": (("point", "slot"), "f8", {"units": "m2", "long_name": "bound of all targets, all slots"}),
    "threshold_snr": (
        ("point", "slot"),
        "f8",
        {"units": "1", "long_name": "signal-to-noise ratio from which on a link is usable, linear"},
    ),
    "usable_share": (
        ("point", "slot"),
        "f8",
        {
            "units": "1",
            "long_name": "share of usable links in the bound that the slot minimises, from all links of all its steps",
        },
    ),
    "usable_speb": (
        ("point", "slot"),
        "f8",
        {
            "units": "m2",
            "long_name": "bound that the slot minimises, from the usable links of all its steps, slots so far; "
            "infinite where these leave it undetermined",
        },
    ),
    "pulses_needed": (
        ("point", "slot"),
        "f8",
        {"units": "1", "long_name": "pulses per link with which usable links have a share of 99 %"},
    ),
    "slot_energy": (("point", "slot"), "f8", {"units": "J", "long_name": "energy that the slot may spend"}),
    "step_slot": (("step",), "i4", {"long_name": "number of the step's slot, from 1"}),
    "energy": (("point", "step"), "f8", {"units": "J", "long_name": "energy that the step may spend"}),
    "energy_used": (("point", "step"), "f8", {"units": "J", "long_name": "energy that the step spends"}),
    "step_speb": (("point", "step"), "f8", {"units": "m2", "long_name": "what the step minimises"}),
    "step_lower_bound": (("point", "step"), "f8", {"units": "m2", "long_name": "certified lower bound of the step"}),
    "step_gap": (("point", "step"), "f8", {"units": "1", "long_name": "certified relative gap of the step"}),
    "iterations": (("point", "step"), "i4", {"units": "1", "long_name": "iterations of the solver"}),
    "seconds": (("point", "step"), "f8", {"units": "s", "long_name": "time that the solver took"}),
    "power": (("point", "step", "node"), "f8", {"units": "W", "long_name": "transmit power"}),
    "link_transmitter": (("link",), "i4", {"long_name": "index along node of the transmitter"}),
    "link_receiver": (("link",), "i4", {"long_name": "index along node of the receiver"}),
    "link_target": (("link",), "i4", {"long_name": "index of the sensed target, -1 for a ranging link"}),
    "link_snr": (
        ("point", "step", "link"),
        "f8",
        {"units": "1", "long_name": "signal-to-noise ratio of the link at the step's powers, linear"},
    ),
}


class RecordError(IsalError):
    """A record that is missing, damaged or out of date; the message names the file and the way out."""


@dataclass(frozen=True, eq=False)
class Record:
    """Content of a record: arrays by name as in :data:`VARIABLES`, labels of nodes and steps, attributes."""

    arrays: dict[str, NDArray[Any]]
    nodes: tuple[str, ...]
    steps: tuple[str, ...]
    attributes: dict[str, Any]


def write(path: Path, point: Point, result: ScheduleResult, fingerprint: str) -> None:
    """Store a solved point with what it depends on. The file appears under its name only when it is complete.

    Raises
    ------
    files.WriteError
        If it can't be written.
    """
    arrays = _arrays(result)
    steps = [step for slot in result.slots for step in slot.steps]
    info = result.slots[0].information
    attributes = {
        "Conventions": CONVENTIONS,
        "title": f"ISAL point {point.label}",
        "source": f"isal {__version__}, numpy {np.__version__}, "
        f"{point.solver} {solvers.solver_module(point.solver).version()}, Python {platform.python_version()}",
        "history": f"{datetime.now(UTC).isoformat(timespec='seconds')} solved",
        "commit": commit(),
        "point": point.to_json(),
        "fingerprint": fingerprint,
        "label": point.label,
        "nodes": ", ".join(info.network.node_labels),
        "steps": ", ".join(step.block for step in steps),
        "solvers": ", ".join(step.allocation.solver for step in steps),
    }
    attributes["content_sha256"] = _digest(arrays, attributes)
    sizes = {
        "point": 1,
        "slot": len(result.slots),
        "step": len(steps),
        "node": info.network.n_nodes,
        "link": len(link_ends(info.network)),
    }
    # the classic format is written and read in half the time, in a third of the space; it is made in memory, as the
    # library names the cause of not writing a file now in one way, now in another
    file = netCDF4.Dataset(path.name, "w", format="NETCDF3_64BIT_OFFSET", memory=1)
    file.setncatts(attributes)
    for dimension, size in sizes.items():
        file.createDimension(dimension, size)
    for name, (dimensions, kind, described) in VARIABLES.items():
        variable = file.createVariable(name, kind, dimensions, fill_value=False)
        variable.setncatts(described)
        variable[...] = arrays[name]
    files.write(path, file.close())


def _arrays(result: ScheduleResult) -> dict[str, NDArray[Any]]:
    slots = result.slots
    steps = [step for slot in slots for step in slot.steps]
    ends = link_ends(slots[0].information.network)
    values: dict[str, Any] = {
        "speb": [result.speb],
        "lower_bound": [result.greedy_lower_bound],
        "gap": [max(step.allocation.gap for step in steps)],
        "status": [STATUSES.index(result.status)],
        "step_slot": [number for number, slot in enumerate(slots, start=1) for _ in slot.steps],
        "link_transmitter": ends.transmitter,
        "link_receiver": ends.receiver,
        "link_target": ends.target,
    }
    filtered = [slot.spebs for slot in slots]
    smoothed = [slot.smoothed_spebs for slot in slots]
    usable = links.usable_links(slots)
    per_slot = {
        "radar_speb": [bounds.radars for bounds in filtered],
        "clock_speb": [bounds.clocks for bounds in filtered],
        "target_speb": [bounds.targets for bounds in filtered],
        "smoothed_radar_speb": [bounds.radars for bounds in smoothed],
        "smoothed_clock_speb": [bounds.clocks for bounds in smoothed],
        "smoothed_target_speb": [bounds.targets for bounds in smoothed],
        "threshold_snr": [each.threshold for each in usable],
        "usable_share": [each.share for each in usable],
        "usable_speb": [each.speb for each in usable],
        "pulses_needed": [each.pulses for each in usable],
        "slot_energy": [sum(slot.energies) for slot in slots],
    }
    per_step = {
        "energy": [step.energy for step in steps],
        "energy_used": [step.energy_used for step in steps],
        "step_speb": [step.allocation.value for step in steps],
        "step_lower_bound": [step.allocation.lower_bound for step in steps],
        "step_gap": [step.allocation.gap for step in steps],
        "iterations": [step.allocation.iterations for step in steps],
        "seconds": [step.allocation.seconds for step in steps],
        "power": [step.power for step in steps],
        "link_snr": [_link_snr(slot.information, step.power) for slot in slots for step in slot.steps],
    }
    values |= {name: [value] for name, value in (per_slot | per_step).items()}
    return {name: np.asarray(values[name], dtype=kind) for name, (_, kind, _) in VARIABLES.items()}


def _link_snr(info: Information, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """SNR of all links that the network could have, the same in each slot; zero where there is none."""
    ends = link_ends(info.network)
    snr = np.zeros(len(ends))
    snr[info.network.installation.exists(info.network, ends)] = info.link_snr(power)
    return snr


def _digest(arrays: dict[str, NDArray[Any]], attributes: dict[str, Any]) -> str:
    told = sorted((name, str(value)) for name, value in attributes.items() if name != "content_sha256")
    digest = hashlib.sha256(repr(told).encode())
    for name, (_, kind, _) in VARIABLES.items():
        digest.update(np.ascontiguousarray(arrays[name], dtype=f"<{kind}").tobytes())
    return digest.hexdigest()


def read(path: Path, fingerprint: str | None = None) -> Record:
    """Read a record and check it.

    Parameters
    ----------
    path
        The file.
    fingerprint
        What it must have been made with; None accepts any.

    Raises
    ------
    RecordError
        If the file is missing, damaged, or was solved for something else.
    """
    remedy = "delete it and run snakemake again"
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            attributes = {name: file.getncattr(name) for name in file.ncattrs()}
            arrays = {name: np.asarray(file.variables[name][...]) for name in VARIABLES}
        digest = _digest(arrays, attributes)
    except FileNotFoundError as error:
        raise RecordError(f"{path}: there is no such record; run snakemake again") from error
    except (OSError, RuntimeError, ValueError, KeyError, IndexError, AttributeError, MemoryError) as error:
        raise RecordError(f"{path}: not a complete record ({error}); {remedy}") from error
    if digest != attributes.get("content_sha256"):
        raise RecordError(f"{path}: its content is not what was written; {remedy}")
    if fingerprint is not None and attributes.get("fingerprint") != fingerprint:
        raise RecordError(f"{path}: was solved for another configuration or by other code; {remedy}")
    return Record(
        arrays=arrays,
        nodes=tuple(str(attributes["nodes"]).split(", ")),
        steps=tuple(str(attributes["steps"]).split(", ")),
        attributes=attributes,
    )


def fingerprint_of(path: Path) -> str | None:
    """The fingerprint of a sound record; None if it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return str(read(path).attributes["fingerprint"])
    except (RecordError, KeyError):
        return None


def holds(path: Path, fingerprint: str) -> bool:
    """Whether there is a sound record of exactly this fingerprint."""
    return fingerprint_of(path) == fingerprint


def says(path: Path, fingerprint: str) -> bool:
    """Whether a file says that it holds; in a hundredth of the time of :func:`holds`, which reads and checks it."""
    return fingerprint.encode() in path.read_bytes()


def unpublished(path: Path) -> Path:
    """Where the record of a point that a shard has solved waits until all points of the shard are."""
    return path.with_name(f".{path.name}.solved")


def set_aside(path: Path, fingerprint: str) -> None:
    """Make room where a record of another fingerprint is, see :func:`isal.study.files.set_aside`."""
    files.set_aside(path, fingerprint, fingerprint_of)


def waits(path: Path, fingerprint: str) -> bool:
    """Whether a record that holds waits to be published; one that was set aside and holds again then does."""
    if holds(unpublished(path), fingerprint):
        return True
    kept = files.earlier(path)
    if not holds(kept, fingerprint):
        return False
    with contextlib.suppress(FileNotFoundError):  # another job for the same points was faster
        os.utime(kept)
        kept.replace(unpublished(path))
    return holds(unpublished(path), fingerprint)
