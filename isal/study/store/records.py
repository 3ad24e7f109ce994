"""Record files: NetCDF files of solved points, one or many, written whole or not at all, and checked when read.

A file has the dimensions ``point``, ``slot``, ``step`` (the steps of each slot in turn), ``node`` and ``link``. Points
of one file may have different numbers of these: a *shape* says which nodes, steps and links a point has, and what it
lacks is padded. A *curve* is what points have in common that differ in their split alone. The attributes hold shapes
and curves as JSON, the fingerprint of what the file depends on, and a digest of all that: a file that was cut short or
altered is noticed. Each point has a fingerprint of its own, so that it is found again in another file.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from isal.model.installation import link_ends
from isal.schemes.proof import PROOFS
from isal.study import files
from isal.study.points import Point, Solution
from isal.study.store.arrays import arrays_of
from isal.study.store.origin import CONVENTIONS, commit

#: name -> (dimensions, type, attributes); the order is that of the digest.
VARIABLES: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "speb": (("point",), "f8", {"units": "m2", "long_name": "SPEB, summed over slots"}),
    "lower_bound": (
        ("point",),
        "f8",
        {
            "units": "m2",
            "long_name": "sum of the slots' certified lower bounds, each given the powers of the slots before it; at a "
            "best split what no split reaches for which proof holds",
        },
    ),
    "proof": (
        ("point",),
        "i1",
        {
            "long_name": "which splits of the energy the lower bound holds for",
            "flag_values": np.arange(len(PROOFS), dtype="i1"),
            "flag_meanings": " ".join(proof.replace(" ", "_") for proof in PROOFS),
        },
    ),
    "problems": (("point",), "i4", {"units": "1", "long_name": "number of allocation problems solved"}),
    "problem_seconds": (("point",), "f8", {"units": "s", "long_name": "time that the solver took for all of them"}),
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
    "measured_speb": (
        ("point", "slot"),
        "f8",
        {
            "units": "m2",
            "long_name": "bound that the slot minimises, from all that was measured with the powers of all its steps, "
            "slots so far",
        },
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
    "step_slot": (("shape", "step"), "i4", {"long_name": "number of the step's slot, from 1"}),
    "energy": (("point", "step"), "f8", {"units": "J", "long_name": "energy that the step may spend"}),
    "energy_used": (("point", "step"), "f8", {"units": "J", "long_name": "energy that the step spends"}),
    "step_speb": (("point", "step"), "f8", {"units": "m2", "long_name": "what the step minimises"}),
    "step_lower_bound": (("point", "step"), "f8", {"units": "m2", "long_name": "certified lower bound of the step"}),
    "step_gap": (("point", "step"), "f8", {"units": "1", "long_name": "certified relative gap of the step"}),
    "iterations": (("point", "step"), "i4", {"units": "1", "long_name": "iterations of the solver"}),
    "seconds": (("point", "step"), "f8", {"units": "s", "long_name": "time that the solver took"}),
    "power": (("point", "step", "node"), "f8", {"units": "W", "long_name": "transmit power"}),
    "link_transmitter": (("shape", "link"), "i4", {"long_name": "index along node of the transmitter"}),
    "link_receiver": (("shape", "link"), "i4", {"long_name": "index along node of the receiver"}),
    "link_target": (("shape", "link"), "i4", {"long_name": "index of the sensed target, -1 for a ranging link"}),
    "link_snr": (
        ("point", "step", "link"),
        "f8",
        {"units": "1", "long_name": "signal-to-noise ratio of the link at the step's powers, linear"},
    ),
    "solver": (("point", "step"), "i1", {"long_name": "which of the attribute solvers made the step's powers, from 0"}),
    "shape": (("point",), "i4", {"long_name": "index along shape: what the point's nodes, links and steps are"}),
    "curve": (("point",), "i4", {"long_name": "which of the attribute curves the point is on, from 0"}),
    "fingerprint": (("point", "digest"), "i1", {"long_name": "SHA-256 of all that the point depends on"}),
}

#: Variables that say what a point is, and are no results.
TOLD_BY_NUMBER = ("solver", "shape", "curve", "fingerprint")

#: Ends of links, in the order of :attr:`Shape.links`.
LINK_ENDS = ("transmitter", "receiver", "target")

#: What pads the arrays of a point that has fewer slots, steps, nodes or links than others of its file.
PADDING: dict[str, Any] = {"f8": np.nan, "i1": -1, "i4": -1}

#: Of each variable of :data:`VARIABLES` over points, in which dimension points differ in size.
OF_POINTS = {name: described for name, described in VARIABLES.items() if "point" in described[0]}

Array = NDArray[Any]


class RecordError(IsalError):
    """A record file that is missing, damaged or out of date; the message names the file and the way out."""


@dataclass(frozen=True)
class Shape:
    """What the numbers of a point are about.

    ``nodes`` are the labels of the nodes, ``steps`` what each step minimises, ``step_slot`` the number of its slot, and
    ``links`` transmitters, receivers and targets (:data:`LINK_ENDS`) of all links that the network could have, which
    are the same in each slot, whatever its installation leaves out.
    """

    nodes: tuple[str, ...]
    steps: tuple[str, ...]
    step_slot: tuple[int, ...]
    links: tuple[tuple[int, ...], ...]

    @property
    def sizes(self) -> dict[str, int]:
        """How many there are along each dimension of a file."""
        return {
            "slot": max(self.step_slot),
            "step": len(self.steps),
            "node": len(self.nodes),
            "link": len(self.links[0]),
        }

    @classmethod
    def of(cls, result: Solution) -> Shape:
        """The shape of a solved point."""
        network = result.slots[0].information.network
        ends = link_ends(network)
        return cls(
            nodes=tuple(network.node_labels),
            steps=tuple(step.block for slot in result.slots for step in slot.steps),
            step_slot=tuple(number for number, slot in enumerate(result.slots, start=1) for _ in slot.steps),
            links=tuple(tuple(getattr(ends, end).tolist()) for end in LINK_ENDS),
        )


@dataclass(frozen=True, eq=False)
class Records:
    """Solved points.

    ``arrays`` are those of :data:`OF_POINTS` by name. Points name their shape, curve and solvers by number.
    """

    arrays: dict[str, Array]
    shapes: tuple[Shape, ...]
    curves: tuple[str, ...]
    solvers: tuple[str, ...]
    attributes: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.arrays["speb"])

    @property
    def fingerprints(self) -> list[str]:
        """That of each point."""
        return [row.tobytes().hex() for row in self.arrays["fingerprint"]]

    def take(self, rows: Sequence[int] | slice) -> Records:
        """Some of the points."""
        chosen = rows if isinstance(rows, slice) else list(rows)
        return replace(self, arrays={name: values[chosen] for name, values in self.arrays.items()})

    @classmethod
    def of(cls, points: Sequence[Point], results: Sequence[Solution], fingerprints: Sequence[str]) -> Records:
        """The records of some solved points."""
        numbers: dict[Shape, list[int]] = {}
        known: dict[tuple[int, int], Shape] = {}  # of the many points of one network
        for number, result in enumerate(results):
            slot = result.slots[0]
            told = id(slot.information), len(slot.steps)
            if told not in known:
                known[told] = Shape.of(result)
            numbers.setdefault(known[told], []).append(number)
        curves: dict[str, int] = {}
        used: dict[str, int] = {}
        parts = []
        for shape, rows in numbers.items():
            alike = [results[row] for row in rows]
            arrays = arrays_of([each.result for each in alike]) | _of_solutions(alike)
            arrays["solver"] = np.array(
                [
                    [used.setdefault(step.allocation.solver, len(used)) for slot in each.slots for step in slot.steps]
                    for each in alike
                ]
            )
            arrays["shape"] = np.zeros(len(rows), dtype="i4")
            arrays["curve"] = np.array([curves.setdefault(points[row].curve_json, len(curves)) for row in rows])
            digests = bytes.fromhex("".join(fingerprints[row] for row in rows))
            arrays["fingerprint"] = np.frombuffer(digests, dtype="i1").reshape(len(rows), -1)
            parts.append((arrays, shape))
        whole = joined(cls(arrays, (shape,), tuple(curves), tuple(used)) for arrays, shape in parts)
        order = np.argsort([row for rows in numbers.values() for row in rows], kind="stable")
        return whole.take(order.tolist())


def _of_solutions(solutions: Sequence[Solution]) -> dict[str, Array]:
    """What a solution says besides its result."""
    return {
        "lower_bound": np.array([each.lower_bound for each in solutions]),
        "proof": np.array([PROOFS.index(each.proof) for each in solutions]),
        "problems": np.array([each.work.problems for each in solutions]),
        "problem_seconds": np.array([each.work.seconds for each in solutions]),
    }


def joined(parts: Iterable[Records]) -> Records:
    """All points of several, in turn."""
    names: dict[str, dict[Any, int]] = {"shape": {}, "curve": {}, "solver": {}}
    columns: dict[str, list[Array]] = {name: [] for name in OF_POINTS}
    for part in parts:
        for name, given in (("shape", part.shapes), ("curve", part.curves), ("solver", part.solvers)):
            known, used = names[name], np.unique(part.arrays[name])
            moved = np.full(len(given) + 1, PADDING["i4"], dtype="i4")  # the last entry is for what is padded
            for number in used[used >= 0].tolist():
                moved[number] = known.setdefault(given[number], len(known))
            columns[name].append(moved[part.arrays[name]])
        for name, blocks in columns.items():
            if name not in names:
                blocks.append(part.arrays[name])
    shapes = tuple(names["shape"])
    arrays = {
        name: fitted[0] if len(fitted) == 1 else np.concatenate(fitted)
        for name, blocks in columns.items()
        for fitted in [[_fitted(block, name, shapes) for block in blocks]]
    }
    return Records(arrays, shapes, tuple(names["curve"]), tuple(names["solver"]))


def _fitted(values: Array, name: str, shapes: Sequence[Shape]) -> Array:
    """Values of points with the sizes that points of some shapes have, padded or cut where others were larger."""
    (_, *dimensions), kind, _ = OF_POINTS[name]
    sizes = tuple(
        max(shape.sizes[dimension] for shape in shapes) if dimension in shapes[0].sizes else size
        for dimension, size in zip(dimensions, values.shape[1:], strict=True)
    )
    return _padded(values[(slice(None), *map(slice, sizes))], sizes, kind)


def _padded(values: Array, sizes: Sequence[int], kind: str) -> Array:
    """Values with points of the given sizes."""
    if values.shape[1:] == tuple(sizes):
        return values.astype(kind, copy=False)
    whole = np.full((len(values), *sizes), PADDING[kind], dtype=kind)
    whole[tuple(map(slice, values.shape))] = values
    return whole


def write(path: Path, found: Records, fingerprint: str) -> None:
    """Store solved points with what they depend on. The file appears under its name only when it is complete.

    Raises
    ------
    files.WriteError
        If it can't be written.
    """
    arrays = {**found.arrays, **_of_shapes(found.shapes)}
    first = Point.from_json(found.curves[0])
    attributes = {
        "Conventions": CONVENTIONS,
        "title": f"ISAL, {len(found)} point{'s' * (len(found) > 1)} of {first.curve}"
        + (" and others" if len(found.curves) > 1 else ""),
        "source": f"isal {__version__}, numpy {np.__version__}, "
        f"{first.solver} {solvers.solver_module(first.solver).version()}, Python {platform.python_version()}",
        "history": f"{datetime.now(UTC).isoformat(timespec='seconds')} solved",
        "commit": commit(),
        "fingerprint": fingerprint,
        "shapes": json.dumps(
            [{key: value for key, value in asdict(shape).items() if key in SAID} for shape in found.shapes]
        ),
        "curves": f"[{','.join(found.curves)}]",
        "solvers": json.dumps(found.solvers),
    }
    attributes["content_sha256"] = _digest(arrays, attributes)
    # the classic format is written and read in half the time, in a third of the space; it is made in memory, as the
    # library names the cause of not writing a file now in one way, now in another
    file = netCDF4.Dataset(path.name, "w", format="NETCDF3_64BIT_OFFSET", memory=1)
    file.setncatts(attributes)
    for name, (dimensions, kind, described) in VARIABLES.items():
        for dimension, size in zip(dimensions, arrays[name].shape, strict=True):
            if dimension not in file.dimensions:
                file.createDimension(dimension, size)
        variable = file.createVariable(name, kind, dimensions, fill_value=False)
        variable.setncatts(described)
        variable[...] = arrays[name]
    files.write(path, file.close())


#: Fields of a shape that are stored as words; the others are arrays.
SAID = ("nodes", "steps")


def _of_shapes(shapes: Sequence[Shape]) -> dict[str, Array]:
    """The arrays over shapes, padded."""
    lists = {"step_slot": [shape.step_slot for shape in shapes]}
    lists |= {f"link_{end}": [shape.links[number] for shape in shapes] for number, end in enumerate(LINK_ENDS)}
    return {
        name: np.concatenate([_padded(np.array([row], "i4"), (max(map(len, rows)),), "i4") for row in rows])
        for name, rows in lists.items()
    }


def _digest(arrays: dict[str, Array], attributes: dict[str, Any]) -> str:
    told = sorted((name, str(value)) for name, value in attributes.items() if name != "content_sha256")
    digest = hashlib.sha256(repr(told).encode())
    for name, (_, kind, _) in VARIABLES.items():
        digest.update(np.ascontiguousarray(arrays[name], dtype=f"<{kind}").tobytes())
    return digest.hexdigest()


def read(path: Path, fingerprint: str | None = None) -> Records:
    """Read a record file and check it.

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
    shapes = tuple(
        Shape(
            tuple(said["nodes"]),
            tuple(said["steps"]),
            tuple(arrays["step_slot"][number][: len(said["steps"])].tolist()),
            _ends(arrays, number),
        )
        for number, said in enumerate(json.loads(attributes["shapes"]))
    )
    curves = tuple(Point.from_json(json.dumps(curve)).curve_json for curve in json.loads(attributes["curves"]))
    told = {name: arrays[name] for name in OF_POINTS}
    return Records(told, shapes, curves, tuple(json.loads(attributes["solvers"])), attributes)


def _ends(arrays: dict[str, Array], shape: int) -> tuple[tuple[int, ...], ...]:
    """Ends of the links of a shape; a transmitter is never negative but where there is no link."""
    n_links = int((arrays["link_transmitter"][shape] >= 0).sum())
    return tuple(tuple(arrays[f"link_{end}"][shape][:n_links].tolist()) for end in LINK_ENDS)


def fingerprint_of(path: Path) -> str | None:
    """The fingerprint of a sound file; None if it is missing or damaged."""
    if not path.exists():
        return None
    try:
        return str(read(path).attributes["fingerprint"])
    except (RecordError, KeyError):
        return None


def holds(path: Path, fingerprint: str) -> bool:
    """Whether there is a sound file of exactly this fingerprint."""
    return fingerprint_of(path) == fingerprint


def says(path: Path, fingerprint: str) -> bool:
    """Whether a file says that it holds; in a hundredth of the time of :func:`holds`, which reads and checks it.

    What a file says of itself stands at its beginning.
    """
    with path.open("rb") as file:
        return fingerprint.encode() in file.read(HEAD_BYTES)


#: The fingerprint stands before the curves, within so many bytes.
HEAD_BYTES = 1 << 16


def set_aside(path: Path, fingerprint: str) -> None:
    """Make room where a file of another fingerprint is, see :func:`isal.study.files.set_aside`."""
    files.set_aside(path, fingerprint, fingerprint_of)


def waiting(path: Path) -> list[Path]:
    """Where points wait that were solved for a file before all its points were."""
    return sorted(path.parent.glob(f".{path.name}.*.solved"))


def next_waiting(path: Path) -> Path:
    """Another such place."""
    return path.with_name(f".{path.name}.{len(waiting(path)):04d}.{platform.node()}.{os.getpid()}.solved")
