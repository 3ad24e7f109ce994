"""The integrated and the step-by-step scheme as sequences of allocation problems (Section 4 of the paper).

Integrated: the target block of the whole matrix is minimised with all the energy at once. Step-by-step: radars, then
clock offsets (asynchronous networks), then targets, each step minimising its own block over the parameters met so far
with its own energy. What a later step knows of the earlier ones is the *carry-over*:

``held``
    The blocks of earlier parameters stay at the earlier step's value; only the new blocks and the cross terms get this
    step's power. The reading that gives all that the paper reports; not the information of any experiment.
``added``
    The earlier step's block is added to this step's full matrix.
``marginal``
    The same after marginalising what the earlier step did not know: a consistent prior.
``joint``
    The earlier step's whole matrix is added: every measurement of both steps is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal import solvers
from isal.allocation import DEFAULT_TOLERANCE, Allocation, AllocationProblem
from isal.fisher import BLOCKS, Block, Clock, Information, Spebs, block_spebs, information, marginalised
from isal.network import Network
from isal.radio import Radio
from isal.units import DURATION_S

Carry = Literal["held", "added", "marginal", "joint"]
CARRIES: tuple[Carry, ...] = get_args(Carry)

DEFAULT_SOLVER = "scs"

#: A later step inherits an earlier step's powers, and a value good to 1e-6 leaves those uncertain to 1e-3.
EARLIER_STEP_TOLERANCE = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stage:
    """One solved allocation problem of a scheme.

    ``block`` is what it minimises, ``energy`` its budget in J, ``spebs`` the bounds (m^2) of the parameters met so
    far, given all that this stage knows; blocks not met yet are NaN.
    """

    block: Block
    energy: float
    allocation: Allocation
    spebs: Spebs

    @property
    def power(self) -> Array:
        """Node powers, W, shape ``(n_nodes,)``, radars first."""
        return self.allocation.power

    @property
    def energy_used(self) -> float:
        """What the powers add up to, J; at most ``energy``, less where more power would hurt ("held")."""
        return float(self.allocation.power.sum() * DURATION_S)


@dataclass(frozen=True, eq=False)
class SchemeResult:
    """Outcome of a scheme on one slot. ``information`` is what its links could tell, ``stages`` what was solved."""

    scheme: str
    information: Information
    stages: tuple[Stage, ...]

    @property
    def speb(self) -> float:
        """The bound that the last stage minimises (the targets' where there are targets), m^2."""
        return self.stages[-1].allocation.value

    @property
    def lower_bound(self) -> float:
        """No powers of the last stage reach less than this, m^2."""
        return self.stages[-1].allocation.lower_bound

    @property
    def gap(self) -> float:
        """Certified relative gap of the last stage, ``1 - lower_bound / speb``."""
        return self.stages[-1].allocation.gap

    @property
    def status(self) -> str:
        """``"optimal"`` if every stage is certified to its tolerance, else ``"uncertified"``."""
        return "optimal" if all(stage.allocation.status == "optimal" for stage in self.stages) else "uncertified"

    @property
    def power(self) -> Array:
        """Node powers, W, radars first: shape ``(n_nodes,)`` for one stage, ``(n_stages, n_nodes)`` for several."""
        powers = np.array([stage.power for stage in self.stages])
        return powers[0] if len(self.stages) == 1 else powers

    @property
    def energies(self) -> tuple[float, ...]:
        """Budget of each stage, J."""
        return tuple(stage.energy for stage in self.stages)

    @property
    def spebs(self) -> Spebs:
        """Bounds of radars, clock offsets and targets at the end, m^2."""
        return self.stages[-1].spebs


def steps_of(information: Information) -> tuple[Block, ...]:
    """The steps of the step-by-step scheme on a network: the blocks that it has, in the paper's order."""
    return tuple(block for block in BLOCKS if block in information.blocks)


def node_caps(network: Network, energy: float, radars: float | None = None, anchors: float | None = None) -> Array:
    """Power caps in W, shape ``(n_nodes,)``; None means the total ``energy`` over one second (MODEL: Table 1's "1")."""
    default = energy / DURATION_S
    return np.concatenate(
        [
            np.full(network.n_radars, default if radars is None else radars),
            np.full(network.n_anchors, default if anchors is None else anchors),
        ]
    )


def integrated(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    energy: float,
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
) -> SchemeResult:
    """Best powers when all parameters are estimated together, (30)-(35) and (42)-(47).

    Minimised is the bound of the targets, or, in a network without targets, that of the radars.

    Parameters
    ----------
    network, radio, clock
        What is measured; ``clock`` is ``"synchronous"`` or ``"asynchronous"``.
    energy
        Total energy, J, spent within one second.
    caps
        Largest power of a node, W, a number or one per node, radars first; default ``energy / 1 s``.
    solver
        A key of :data:`isal.solvers.SOLVERS`.
    tolerance
        Certified relative gap to reach.

    Raises
    ------
    ValueError
        If an argument is unusable, the network is unobservable, or there is no finite optimum.
    """
    info = information(network, radio, clock)
    block = next(block for block in ("targets", "radars", "clocks") if block in info.blocks)
    d = info.basis.size
    problem = AllocationProblem(np.zeros((d, d)), info.node_matrices, info.basis.indices([block]), energy, caps)
    allocation = solvers.solve(problem, solver, tolerance)
    stage = Stage(block, energy, allocation, block_spebs(problem.matrix(allocation.power), info.basis))
    return SchemeResult("integrated", info, (stage,))


def step_by_step(
    network: Network,
    radio: Radio,
    *,
    clock: Clock,
    energies: Sequence[float],
    carry: Carry = "held",
    caps: ArrayLike | None = None,
    solver: str = DEFAULT_SOLVER,
    tolerance: float = DEFAULT_TOLERANCE,
) -> SchemeResult:
    """Best powers step by step, (54)-(65) and (66)-(83).

    Parameters
    ----------
    energies
        Energy of each step, J: radars, clock offsets (asynchronous), targets; only steps that the network has.
    carry
        What a later step knows of the earlier ones: ``"held"``, ``"added"``, ``"marginal"`` or ``"joint"``.
    caps
        As in :func:`integrated`; default is the sum of ``energies`` over one second.

    The other parameters and the errors are those of :func:`integrated`. Steps before the last are solved to 1e-9.
    """
    if carry not in CARRIES:
        raise ValueError(f"carry must be one of {', '.join(CARRIES)}; got {carry!r}")
    info = information(network, radio, clock)
    steps = steps_of(info)
    if len(energies) != len(steps):
        raise ValueError(
            f"{network.name}: energies must name {len(steps)} steps ({', '.join(steps)}), got {len(energies)}"
        )
    for step, energy in zip(steps, energies, strict=True):
        if not (np.isfinite(energy) and energy > 0):
            raise ValueError(f"{network.name}: the energy of step {step} must be finite and positive, got {energy} J")
    if caps is None:
        caps = node_caps(network, sum(energies))

    stages: list[Stage] = []
    # What the steps so far have measured or were told about all parameters, as the carry-over has it.
    knowledge = np.zeros((info.basis.size, info.basis.size))
    for number, (step, energy) in enumerate(zip(steps, energies, strict=True)):
        known = info.basis.indices(steps[:number])
        met = info.basis.indices(steps[: number + 1])
        per_watt = info.node_matrices[:, met[:, None], met]
        if carry == "held":
            per_watt = per_watt.copy()
            per_watt[:, known[:, None], known] = 0.0
        objective = np.searchsorted(met, info.basis.indices([step]))
        problem = AllocationProblem(knowledge[np.ix_(met, met)], per_watt, objective, energy, caps)
        last = step == steps[-1]
        allocation = solvers.solve(problem, solver, tolerance if last else min(tolerance, EARLIER_STEP_TOLERANCE))
        matrix = problem.matrix(allocation.power)
        stages.append(Stage(step, energy, allocation, block_spebs(matrix, info.basis, met)))
        if not last:
            knowledge = _carried(knowledge, matrix, allocation.power, met, carry, info)
    return SchemeResult(f"step-by-step-{carry}", info, tuple(stages))


def _carried(
    knowledge: Array, matrix: Array, power: Array, met: NDArray[np.intp], carry: Carry, info: Information
) -> Array:
    """What a finished step hands on: a matrix over all parameters, zero where nothing is known.

    ``matrix`` is the finished step's matrix over the parameters ``met``, ``power`` its powers.
    """
    if carry == "joint":
        return knowledge + info.matrix(power)
    handed = np.zeros_like(knowledge)
    if carry == "marginal":
        matrix = marginalised(knowledge + info.matrix(power), met)
    handed[np.ix_(met, met)] = matrix
    return handed
