"""The schemes by name, as configurations, file paths and datasets call them.

An entry owns all that differs from scheme to scheme: what it takes a network for, how it is computed, whether it has
steps, what it is called and what its curves look like. Whoever has a scheme's name asks its entry and compares no
names. It names the module that computes it and imports that module only to compute, so that names and looks do not
depend on the code that computes.

>>> SCHEMES["step-by-step-held"].label
'step-by-step, held'
>>> [name for name in SCHEMES if not SCHEMES[name].has_steps]
['integrated', 'localization', 'sensing']
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from isal.errors import NetworkError
from isal.schemes.carry_over import CARRY_OVERS, Carry, CarryOver
from isal.schemes.variant import DEFAULT_VARIANT, Variant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from isal.allocation.scheduler import Computation
    from isal.model.information import Information
    from isal.model.network import Network
    from isal.schemes.best_split import Split
    from isal.schemes.schedule import ScheduleResult


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """One scheme; ``carry_over`` is None where all parameters are estimated together.

    ``alone`` is the block of positions that it estimates without the other: where it is ``"radars"`` a network counts
    without its targets, where it is ``"targets"`` with its radars at known positions. It is empty where both count.
    ``colour`` is the key of its colour in the configuration's style, ``line`` its line style for matplotlib.
    """

    name: str
    kind: Literal["integrated", "step-by-step", "localization", "sensing"]
    description: str
    colour: str
    line: Any
    carry_over: CarryOver | None = None
    alone: Literal["", "radars", "targets"] = ""

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
        """How :func:`isal.best_split` is told of it, with the network that it :meth:`takes`."""
        if self.carry_over is None:
            return {"scheme": "integrated"}
        return {"scheme": self.kind, "carry": self.carry_over.name}

    def refusal(self, n_unknown_radars: int, n_targets: int) -> str:
        """Why it does not apply to a network with so many radars of unknown position and targets; empty if it does."""
        if self.alone == "radars" and not n_unknown_radars:
            return f"has no radar of unknown position, and {self.name} estimates nothing else"
        if self.alone == "targets" and not n_targets:
            return f"has no target, and {self.name} estimates nothing else"
        return ""

    def takes(self, network: Network) -> Network:
        """What the scheme takes a network for: itself, or localization alone, or sensing alone.

        Raises
        ------
        NetworkError
            If the scheme does not apply to it.
        """
        if reason := self.refusal(0 if network.radars_known else network.n_radars, network.n_targets):
            raise NetworkError(f"{network.name}: {reason}")
        if self.alone == "radars":
            return replace(network, targets=network.targets[:0], installation=network.installation.without_targets())
        return replace(network, radars_known=True) if self.alone == "targets" else network

    def has_split(self, n_slots: int) -> bool:
        """Whether there is an energy to split: over steps, or over slots."""
        return self.has_steps or n_slots > 1

    def splits_slots(self, n_slots: int) -> bool:
        """Whether :meth:`schedule` splits the energy of each slot over its steps at best."""
        return self.has_steps and n_slots > 1

    def module(self, n_slots: int, best: bool = False) -> str:
        """Name of the module that computes it over so many slots, at given energies or at the ``best`` split."""
        if best or self.splits_slots(n_slots):
            return "isal.schemes.best_split"
        return "isal.schemes.step_by_step" if self.has_steps else "isal.schemes.integrated"

    def best_schedule(
        self,
        infos: Sequence[Information],
        energy: float,
        caps: ArrayLike | None,
        tolerance: float,
        variant: Variant = DEFAULT_VARIANT,
    ) -> Computation[Split[ScheduleResult]]:
        """The scheme at the best split of ``energy`` (J), for the information of what it :meth:`takes` networks for."""
        module = import_module(self.module(len(infos), best=True))
        carry = None if self.carry_over is None else self.carry_over.name
        found: Computation[Split[ScheduleResult]] = module.best_schedule(infos, energy, carry, caps, tolerance, variant)
        return found

    def schedule(
        self,
        infos: Sequence[Information],
        energies: Sequence[float],
        caps: ArrayLike | None,
        tolerance: float,
        variant: Variant = DEFAULT_VARIANT,
    ) -> Computation[ScheduleResult]:
        """The scheme at energies in J: of the slots where there are several, else of the steps, or the whole.

        The information is that of what it :meth:`takes` networks for.
        """
        module = import_module(self.module(len(infos)))
        found: Computation[ScheduleResult]
        if self.carry_over is None:
            found = module.integrated_schedule(infos, energies, caps, tolerance)
        elif self.splits_slots(len(infos)):
            found = module.best_steps_schedule(infos, energies, self.carry_over.name, caps, tolerance, variant)
        else:
            found = module.steps_schedule(infos, [energies], self.carry_over.name, caps, tolerance, variant)
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

#: One task without the other, with all the energy at once.
ALONE = (
    Scheme(
        name="localization",
        kind="localization",
        description="The network without its targets; its bound is that of the radars.",
        colour="localization",
        line=(0, (1, 3)),
        alone="radars",
    ),
    Scheme(
        name="sensing",
        kind="sensing",
        description="The network with its radars at known positions; its bound is that of the targets.",
        colour="sensing",
        line=(0, (7, 2, 1, 2)),
        alone="targets",
    ),
)

#: All schemes by name, in the order of configurations, tables and figures.
SCHEMES: dict[str, Scheme] = {each.name: each for each in (REFERENCE, *STEP_BY_STEP.values(), *ALONE)}
