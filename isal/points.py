"""A point: one evaluation of a scheme at given energies, as plain data that can be written down, named and solved.

The canonical text of a point holds exactly what its result depends on. Together with :func:`code_digest` it decides
whether a stored result still holds.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from isal import schemes, solvers
from isal.fisher import Clock
from isal.network import Network
from isal.radio import Radio
from isal.units import UJ_PER_J, plain

#: What a point's result can depend on in this package, besides the module of its solver.
MODULES = (
    "allocation",
    "fisher",
    "netcdf.records",
    "network",
    "points",
    "radio",
    "schemes",
    "solvers",
    "units",
)

#: Parameters of the radio that only couple slots; the result of one slot can't depend on them.
COUPLING = ("velocity_variance", "drift_variance")


class PointError(RuntimeError):
    """A point that could not be solved or certified; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class Point:
    """What is evaluated: network, radio, clock mode, scheme, energies in microjoules (one per stage), caps in W."""

    network: Network
    radio: Radio
    clock: Clock
    scheme: str
    energies_uj: tuple[int, ...]
    radar_cap_w: float | None
    anchor_cap_w: float | None
    tolerance: float
    solver: str

    @property
    def band(self) -> str:
        """The bandwidth in names: ``"500MHz"``."""
        return plain(Decimal(repr(self.radio.bandwidth_hz)) / 1_000_000) + "MHz"

    @property
    def split(self) -> str:
        """The energies in names, in mJ: ``"e3000-7000"``."""
        return "e" + "-".join(plain(Decimal(energy) / 1000) for energy in self.energies_uj)

    @property
    def label(self) -> str:
        """The point's name: ``"7a/synchronous/500MHz/step-by-step-held/e3000-7000"``."""
        return f"{self.network.name}/{self.clock}/{self.band}/{self.scheme}/{self.split}"

    def to_json(self) -> str:
        """Canonical text: equal if and only if all that the result depends on is equal."""
        radio = {key: value for key, value in self.radio.to_mapping().items() if key not in COUPLING}
        content = {
            "network": self.network.name,
            "layout": self.network.to_mapping(),
            "radio": radio,
            "clock": self.clock,
            "scheme": self.scheme,
            "energies_uj": self.energies_uj,
            "radar_cap_w": self.radar_cap_w,
            "anchor_cap_w": self.anchor_cap_w,
            "tolerance": self.tolerance,
            "solver": self.solver,
        }
        return json.dumps(content, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Point:
        """The inverse of :meth:`to_json`."""
        content: dict[str, Any] = json.loads(text)
        return cls(
            network=Network.from_mapping(content.pop("layout"), name=content.pop("network")),
            radio=Radio(**content.pop("radio")),
            energies_uj=tuple(content.pop("energies_uj")),
            **content,
        )

    @property
    def stamp(self) -> str:
        """Digest of the canonical text and of the code: a stored result with this stamp still holds."""
        return hashlib.sha256(f"{self.to_json()}\n{code_digest(self.solver)}".encode()).hexdigest()

    def solve(self) -> schemes.SchemeResult:
        """Evaluate the scheme.

        Raises
        ------
        PointError
            If the problem can't be solved, or a stage misses its certified gap.
        """
        energies = [energy / UJ_PER_J for energy in self.energies_uj]
        caps = schemes.node_caps(self.network, sum(energies), self.radar_cap_w, self.anchor_cap_w)
        common: dict[str, Any] = {
            "clock": self.clock,
            "caps": caps,
            "solver": self.solver,
            "tolerance": self.tolerance,
        }
        name, _, carry = self.scheme.partition("step-by-step-")
        try:
            if name == "integrated":
                result = schemes.integrated(self.network, self.radio, energy=energies[0], **common)
            else:
                result = schemes.step_by_step(self.network, self.radio, energies=energies, carry=carry, **common)  # type: ignore[arg-type]
        except ValueError as error:
            raise PointError(f"{self.label}: {error}") from error
        if result.status != "optimal":
            reached = ", ".join(
                f"{stage.block} {stage.allocation.gap:.2g} (asked for {stage.allocation.tolerance:g}, "
                f"{stage.allocation.iterations} iterations)"
                for stage in result.stages
            )
            raise PointError(
                f"{self.label}: solver {self.solver} could not certify this point; gaps reached: {reached}. "
                "Nothing was stored. Raise 'tolerance' or take this point out of the grid"
            )
        return result


@cache
def code_digest(solver: str) -> str:
    """Digest of the sources that a point's result can depend on, the same whatever their dates and folder."""
    digest = hashlib.sha256()
    solver_module = solvers.SOLVERS[solver].removeprefix("isal.")
    for module in (*MODULES, solver_module):
        digest.update(source_file(module).read_bytes())
    return digest.hexdigest()


def source_file(module: str) -> Path:
    """Source file of a module of this package, named without the leading ``isal.``."""
    stem = Path(__file__).parent.joinpath(*module.split("."))
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")
