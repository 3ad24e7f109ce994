"""The schemes by name, as configurations, file paths and datasets call them.

An entry owns all that differs from scheme to scheme: how it is computed, whether it has steps, what it is called and
what its curves look like. Whoever has a scheme's name asks its entry and compares no names. It names the module that
computes it and imports that module only to compute, so that names and looks do not depend on the code that computes.

>>> SCHEMES["step-by-step-held"].label
'step-by-step, held'
>>> [name for name in SCHEMES if not SCHEMES[name].has_steps]
['integrated']
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from isal.schemes.carry_over import CARRY_OVERS, Carry, CarryOver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from isal.allocation.scheduler import Computation
    from isal.model.information import Information
    from isal.schemes.schedule import ScheduleResult


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One scheme; ``carry_over`` is None where all parameters are estimated together.

    ``colour`` is the key of its colour in the configuration's style, ``line`` its line style for matplotlib.
    """

    name: str
    kind: Literal["integrated", "step-by-step"]
    description: str
    colour: str
    line: Any
    carry_over: CarryOver | None = None

    @property
    def has_steps(self) -> bool:
        """Whether it estimates the blocks of parameters in steps, each with an energy of its own."""
        return self.carry_over is not None

    @property
    def convex(self) -> bool:
        """Whether its optima are certified; see :attr:`isal.schemes.carry_over.CarryOver.convex`."""
        return self.carry_over is None or self.carry_over.convex

    @property
    def label(self) -> str:
        """How legends call it: ``"step-by-step, held"``."""
        return self.kind if self.carry_over is None else f"{self.kind}, {self.carry_over.name}"

    @property
    def short(self) -> str:
        """How remarks call it: ``"held"``."""
        return self.kind if self.carry_over is None else self.carry_over.name

    @property
    def arguments(self) -> dict[str, Any]:
        """How :func:`isal.best_split` is told of it."""
        return {"scheme": self.kind} | ({} if self.carry_over is None else {"carry": self.carry_over.name})

    def has_split(self, n_slots: int) -> bool:
        """Whether there is an energy to split: over steps, or over slots."""
        return self.has_steps or n_slots > 1

    def splits_slots(self, n_slots: int) -> bool:
        """Whether :meth:`schedule` splits the energy of each slot over its steps at best."""
        return self.has_steps and n_slots > 1

    def module(self, n_slots: int) -> str:
        """Name of the module that computes it over so many slots."""
        if not self.has_steps:
            return "isal.schemes.integrated"
        return "isal.schemes.best_split" if self.splits_slots(n_slots) else "isal.schemes.step_by_step"

    def schedule(
        self, infos: Sequence[Information], energies: Sequence[float], caps: ArrayLike | None, tolerance: float
    ) -> Computation[ScheduleResult]:
        """The scheme at energies in J: of the slots where there are several, else of the steps, or the whole."""
        module = import_module(self.module(len(infos)))
        found: Computation[ScheduleResult]
        if self.carry_over is None:
            found = module.integrated_schedule(infos, energies, caps, tolerance)
        elif self.splits_slots(len(infos)):
            found = module.best_steps_schedule(infos, energies, self.carry_over.name, caps, tolerance)
        else:
            found = module.steps_schedule(infos, [energies], self.carry_over.name, caps, tolerance)
        return found


#: What the other schemes are compared with.
REFERENCE = Scheme(
    name="integrated",
    kind="integrated",
    description="All parameters are estimated together, with all the energy at once.",
    colour="integrated",
    line=(0, (5, 2)),
)

#: The step-by-step scheme by its carry-over.
STEP_BY_STEP: dict[Carry, Scheme] = {
    carry: Scheme(
        name=f"step-by-step-{carry}",
        kind="step-by-step",
        description=f"Radars, then clock offsets, then targets, each with an energy of its own. {each.description}",
        colour=carry,
        line=each.line,
        carry_over=each,
    )
    for carry, each in CARRY_OVERS.items()
}

#: All schemes by name, in the order of configurations, tables and figures.
SCHEMES: dict[str, Scheme] = {each.name: each for each in (REFERENCE, *STEP_BY_STEP.values())}
