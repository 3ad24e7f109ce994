"""A point: one evaluation of a scheme, as plain data that can be written down, named and solved.

The canonical text of a point holds exactly what its result depends on. Together with the code that makes its record it
decides whether a stored result still holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from isal.allocation import scheduler, solvers
from isal.errors import IsalError
from isal.model.information import Information
from isal.model.network import Network
from isal.model.parameters import Clock
from isal.model.radio import Radio
from isal.schemes import schedule as schemes
from isal.schemes.proof import GIVEN
from isal.schemes.registry import SCHEMES
from isal.schemes.variant import DEFAULT_VARIANT, CapsPer, FirstStep, Variant
from isal.study.axes import AXES, BEST, COUPLING
from isal.units import UJ_PER_J, plain

#: The axes in the name of a curve.
CURVE = AXES[:-1]

#: What tells the points of a curve apart, by field.
OF_A_SPLIT = ("energies_uj", BEST)

#: How the step-by-step scheme is read unless a point says otherwise.
AS_READ = asdict(DEFAULT_VARIANT)


class PointError(IsalError):
    """A point that could not be solved or certified; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class Point:
    """What is evaluated.

    ``slots`` are the slots of one network, in time order. ``energies_uj`` holds microjoules: of the slots where there
    are several, each of which a step-by-step scheme then splits over its steps at best; of the steps, or the whole,
    where there is one. Where the split is to be the ``best`` one, they hold the energy of all together alone.
    ``radar_cap_w`` and ``anchor_cap_w`` are in W, None for the total energy over one second. ``step_1`` and
    ``caps_per`` say how the step-by-step scheme is read (:class:`isal.schemes.variant.Variant`).
    ``varied`` names the optional axes along which the point lies elsewhere than the configuration says; its name tells
    where. Where the last step is no convex problem, ``unended`` says that powers will do at which no search ended: what
    they reach is exact, and the status tells.
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
    best: bool = False
    step_1: FirstStep = DEFAULT_VARIANT.step_1
    caps_per: CapsPer = DEFAULT_VARIANT.caps_per
    unended: bool = False

    @property
    def name(self) -> str:
        """Name of the network."""
        return self.slots[0].name

    @property
    def split(self) -> str:
        """The energies in names, in mJ: ``"e3000-7000"``; ``"best"`` where they are to be found."""
        return BEST if self.best else split_name(self.energies_uj)

    @cached_property
    def curve(self) -> str:
        """The name that points share which differ in the split alone: ``"7a/synchronous/500MHz/step-by-step-held"``."""
        return "/".join(axis.part(self) for axis in CURVE if not axis.optional or axis.name in self.varied)

    @property
    def label(self) -> str:
        """The point's name: ``"7a/synchronous/500MHz/step-by-step-held/e3000-7000"``."""
        return f"{self.curve}/{self.split}"

    def at(self, energies_uj: tuple[int, ...], best: bool = False) -> Point:
        """Another point of this curve; what is found out of the curve once it need not find out again."""
        _ = self.curve_digest, self.curve
        other = object.__new__(Point)  # which takes less time than copy.copy, where points are many
        other.__dict__.update(self.__dict__, **dict(zip(OF_A_SPLIT, (energies_uj, best), strict=True)))
        return other

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
            **({BEST: True} if self.best else {}),
            **({"unended": True} if self.unended else {}),
            **{key: getattr(self, key) for key, value in AS_READ.items() if getattr(self, key) != value},
        }

    def to_json(self) -> str:
        """Canonical text: equal if and only if all that the result depends on is equal."""
        return _canonical(self.to_mapping())

    @cached_property
    def curve_json(self) -> str:
        """Canonical text of all that the points of a curve have in common."""
        return _canonical({key: value for key, value in self.to_mapping().items() if key not in OF_A_SPLIT})

    @cached_property
    def curve_digest(self) -> str:
        """Digest of :attr:`curve_json`."""
        return hashlib.sha256(self.curve_json.encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Point:
        """The inverse of :meth:`to_json`, or, without energies, of :attr:`curve_json`."""
        content: dict[str, Any] = json.loads(text)
        name = content.pop("network")
        return cls(
            slots=tuple(Network.from_mapping(slot, name=name) for slot in content.pop("slots")),
            radio=Radio(**content.pop("radio")),
            energies_uj=tuple(content.pop("energies_uj", ())),
            varied=tuple(content.pop("varied", ())),
            **content,
        )

    @property
    def variant(self) -> Variant:
        """How the step-by-step scheme is read."""
        return Variant(self.step_1, self.caps_per)

    @property
    def scheme_module(self) -> str:
        """The module that computes the scheme."""
        return self.modules[1]

    @property
    def solver_modules(self) -> Sequence[str]:
        """The modules of the solver."""
        return solvers.modules(self.solver)

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that the code which makes the record starts from."""
        return _modules(self.scheme, len(self.slots), self.best, self.solver)

    @property
    def has_split(self) -> bool:
        """Whether there is an energy to split: over steps, or over slots."""
        return SCHEMES[self.scheme].has_split(len(self.slots))

    def at_best(self) -> Point:
        """The point of the same curve at the best split; itself where nothing is split."""
        return self.at((sum(self.energies_uj),), best=True) if self.has_split else self

    def solve(self) -> Solution:
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

    def checked(self, result: Solution | IsalError) -> Solution | PointError:
        """A solution of this point, or what is wrong with it.

        Nothing is where the last step is no convex problem and its search ended: its gap is what no search could close.
        """
        if isinstance(result, IsalError):
            return PointError(f"{self.label}: {result}")
        if result.status == "uncertified" and not (self.unended and _only_no_search_ended(result)):
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
                "take this point out of the grid, or its network out of an ensemble (its key 'without')"
            )
        return result

    async def computation(self, informations: Callable[[Point], Sequence[Information]]) -> Solution:
        """The scheme at these energies, or at the best split, see :mod:`isal.allocation.scheduler`.

        ``informations`` are what the slots that the scheme takes tell.
        """
        scheme, energies = SCHEMES[self.scheme], [energy / UJ_PER_J for energy in self.energies_uj]
        total = sum(self.energies_uj) / UJ_PER_J
        caps = schemes.node_caps(self.slots[0], total, self.radar_cap_w, self.anchor_cap_w)
        infos, given = informations(self), (caps, self.tolerance, self.variant)
        if self.best:
            split, work = await scheduler.counted(scheme.best_schedule(infos, total, *given))
            return Solution(split.result, split.lower_bound, split.proof, work)
        result, work = await scheduler.counted(scheme.schedule(infos, energies, *given))
        return Solution(result, result.greedy_lower_bound, GIVEN, work)


@dataclass(frozen=True, eq=False)
class Solution:
    """What a point came to.

    ``lower_bound`` (m^2) holds for the splits that ``proof`` says, one of :data:`isal.schemes.proof.PROOFS`; over
    several given slots it is the :attr:`greedy one <isal.schemes.schedule.ScheduleResult.greedy_lower_bound>`. ``work``
    is what the solver had to do for it.
    """

    result: schemes.ScheduleResult
    lower_bound: float
    proof: str
    work: scheduler.Work

    @property
    def slots(self) -> tuple[schemes.SlotResult, ...]:
        """What each slot came to."""
        return self.result.slots

    @property
    def speb(self) -> float:
        """What the scheme minimises, summed over slots, m^2."""
        return self.result.speb

    @property
    def status(self) -> str:
        """The worst of its steps' :data:`isal.allocation.certificate.STATUSES`."""
        return self.result.status


def _only_no_search_ended(solution: Solution) -> bool:
    """Whether all is certified but last steps that are searches."""
    return all(step.allocation.status != "uncertified" for slot in solution.slots for step in slot.steps[:-1])


def solve_all(points: Sequence[Point]) -> list[Solution | PointError]:
    """Evaluate points side by side, so that a solver that can takes their problems in batches.

    A point that can't be solved, or a step of which misses its certified gap, has its error in its place.
    """
    results: dict[int, Solution | PointError] = {}
    made: dict[Any, Sequence[Information]] = {}

    def informations(point: Point) -> Sequence[Information]:
        """Those of its slots, made once for all points of a network."""
        scheme = SCHEMES[point.scheme]
        # most points of a network share its objects, which are compared sooner than their content
        same = id(point.slots), scheme.alone, id(point.radio), point.clock
        if same not in made:
            equal = point.slots, scheme.alone, point.radio, point.clock
            if equal not in made:
                taken = [scheme.takes(slot) for slot in point.slots]
                made[equal] = schemes.slot_informations(taken, point.radio, point.clock)
            made[same] = made[equal]
        return made[same]

    for solver in {point.solver for point in points}:
        numbers = [number for number, point in enumerate(points) if point.solver == solver]
        found = scheduler.run_all((points[number].computation(informations) for number in numbers), solver)
        results |= {number: points[number].checked(result) for number, result in zip(numbers, found, strict=True)}
    return [results[number] for number in range(len(points))]


def fingerprint(point: Point, code: str) -> str:
    """What the record of a point depends on: the point, and the digest of the code that makes it."""
    return hashlib.sha256(f"{point.curve_digest}\n{point.energies_uj} {point.best}\n{code}".encode()).hexdigest()


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


@cache
def _modules(scheme: str, n_slots: int, best: bool, solver: str) -> tuple[str, ...]:
    return ("isal.study.solving", SCHEMES[scheme].module(n_slots, best), *solvers.modules(solver))


@cache
def split_name(energies_uj: tuple[int, ...]) -> str:
    """Energies, microjoules, in names, in mJ: ``"e3000-7000"``."""
    return "e" + "-".join(plain(Decimal(energy) / 1000) for energy in energies_uj)
