"""A point: one evaluation of a scheme at given energies, as plain data that can be written down, named and solved.

The canonical text of a point holds exactly what its result depends on. Together with the code that makes its record it
decides whether a stored result still holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from isal.allocation import scheduler, solvers
from isal.errors import IsalError
from isal.model.information import Information
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.schemes import schedule as schemes
from isal.schemes.registry import SCHEMES
from isal.study.axes import AXES, COUPLING
from isal.units import UJ_PER_J, plain

#: The axes in the name of a curve.
CURVE = AXES[:-1]


class PointError(IsalError):
    """A point that could not be solved or certified; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class Point:
    """What is evaluated.

    ``slots`` are the slots of one network, in time order. ``energies_uj`` holds microjoules: of the slots where there
    are several, each of which a step-by-step scheme then splits over its steps at best; of the steps, or the whole,
    where there is one. ``radar_cap_w`` and ``anchor_cap_w`` are in W, None for the total energy over one second.
    ``varied`` names the optional axes along which the point lies elsewhere than the configuration says; its name tells
    where.
    """

    slots: tuple[Network, ...]
    radio: Radio
    clock: Clock
    scheme: str
    energies_uj: tuple[int, ...]
    radar_cap_w: float | None
    anchor_cap_w: float | None
    tolerance: float
    solver: str
    varied: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.slots[0].name

    @property
    def split(self) -> str:
        """The energies in names, in mJ: ``"e3000-7000"``."""
        return "e" + "-".join(plain(Decimal(energy) / 1000) for energy in self.energies_uj)

    @property
    def curve(self) -> str:
        """The name that points share which differ in the split alone: ``"7a/synchronous/500MHz/step-by-step-held"``."""
        return "/".join(axis.part(self) for axis in CURVE if not axis.optional or axis.name in self.varied)

    @property
    def label(self) -> str:
        """The point's name: ``"7a/synchronous/500MHz/step-by-step-held/e3000-7000"``."""
        return f"{self.curve}/{self.split}"

    def to_mapping(self) -> dict[str, Any]:
        """All that the result depends on, and nothing else."""
        coupled = len(self.slots) > 1
        radio = {key: value for key, value in self.radio.to_mapping().items() if coupled or key not in COUPLING}
        return {
            "network": self.name,
            "slots": [slot.to_mapping() for slot in self.slots],
            "radio": radio,
            "clock": self.clock,
            "scheme": self.scheme,
            "energies_uj": self.energies_uj,
            "radar_cap_w": self.radar_cap_w,
            "anchor_cap_w": self.anchor_cap_w,
            "tolerance": self.tolerance,
            "solver": self.solver,
            # not even its name, where nothing is varied: so a study that varies something re-solves no other points
            **({"varied": self.varied} if self.varied else {}),
        }

    def to_json(self) -> str:
        """Canonical text: equal if and only if all that the result depends on is equal."""
        return json.dumps(self.to_mapping(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Point:
        """The inverse of :meth:`to_json`."""
        content: dict[str, Any] = json.loads(text)
        name = content.pop("network")
        return cls(
            slots=tuple(Network.from_mapping(slot, name=name) for slot in content.pop("slots")),
            radio=Radio(**content.pop("radio")),
            energies_uj=tuple(content.pop("energies_uj")),
            varied=tuple(content.pop("varied", ())),
            **content,
        )

    @property
    def scheme_module(self) -> str:
        """The module that computes the scheme."""
        return SCHEMES[self.scheme].module(len(self.slots))

    @property
    def solver_modules(self) -> Sequence[str]:
        """The modules of the solver."""
        return solvers.modules(self.solver)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that the code which makes the record starts from."""
        return ("isal.study.solving", self.scheme_module, *self.solver_modules)

    @property
    def has_split(self) -> bool:
        """Whether there is an energy to split: over steps, or over slots."""
        return SCHEMES[self.scheme].has_split(len(self.slots))

    def solve(self) -> schemes.ScheduleResult:
        """Evaluate the scheme.

        Raises
        ------
        PointError
            If the problem can't be solved, or a step misses its certified gap.
        """
        (result,) = solve_all([self])
        if isinstance(result, PointError):
            raise result
        return result

    def checked(self, result: schemes.ScheduleResult | IsalError) -> schemes.ScheduleResult | PointError:
        """A result of this point, or what is wrong with it.

        Nothing is where the last step is no convex problem and its search ended: its gap is what no search could close.
        """
        if isinstance(result, IsalError):
            return PointError(f"{self.label}: {result}")
        if result.status == "uncertified":
            reached = ", ".join(
                f"{step.block} {step.allocation.gap:.2g} (asked for {step.allocation.tolerance:g}, "
                f"{step.allocation.iterations} iterations)"
                for slot in result.slots
                for step in slot.steps
            )
            return PointError(
                f"{self.label}: solver {self.solver} could not certify this point"
                f"{'' if SCHEMES[self.scheme].convex else ', or no search for the last step ended'}; "
                f"gaps reached: {reached}; {schemes.usual_cause(self.radio)}. Nothing was stored. Raise 'tolerance' or "
                "take this point out of the grid"
            )
        return result

    async def computation(self, informations: Callable[[Point], Sequence[Information]]) -> schemes.ScheduleResult:
        """The scheme at these energies, see :mod:`isal.allocation.scheduler`; ``informations`` are what slots tell."""
        energies = [energy / UJ_PER_J for energy in self.energies_uj]
        total = sum(self.energies_uj) / UJ_PER_J
        caps = schemes.node_caps(self.slots[0], total, self.radar_cap_w, self.anchor_cap_w)
        return await SCHEMES[self.scheme].schedule(informations(self), energies, caps, self.tolerance)


def solve_all(points: Sequence[Point]) -> list[schemes.ScheduleResult | PointError]:
    """Evaluate points side by side, so that a solver that can takes their problems in batches.

    A point that can't be solved, or a step of which misses its certified gap, has its error in its place.
    """
    results: dict[int, schemes.ScheduleResult | PointError] = {}
    made: dict[tuple[tuple[Network, ...], Radio, Clock], Sequence[Information]] = {}

    def informations(point: Point) -> Sequence[Information]:
        """Those of its slots, made once for all points of a network."""
        key = point.slots, point.radio, point.clock
        found = made.get(key)
        if found is None:
            found = made[key] = schemes.slot_informations(*key)
        return found

    for solver in {point.solver for point in points}:
        numbers = [number for number, point in enumerate(points) if point.solver == solver]
        found = scheduler.run_all((points[number].computation(informations) for number in numbers), solver)
        results |= {number: points[number].checked(result) for number, result in zip(numbers, found, strict=True)}
    return [results[number] for number in range(len(points))]


def fingerprint(point: Point, code: str) -> str:
    """What the record of a point depends on: the point, and the digest of the code that makes it."""
    return hashlib.sha256(f"{point.to_json()}\n{code}".encode()).hexdigest()
