"""How the step-by-step scheme is read where the paper is silent, besides the carry-over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from isal.errors import one_of

#: What step 1 minimises, see :mod:`isal.schemes.step_by_step`.
FirstStep = Literal["block", "equivalent", "ranging"]
FIRST_STEPS: tuple[FirstStep, ...] = get_args(FirstStep)

#: What the cap of a node limits: its power in each step, or the sum of its powers over the steps of a slot.
CapsPer = Literal["step", "slot"]
CAPS_PER: tuple[CapsPer, ...] = get_args(CapsPer)


@dataclass(frozen=True)
class Variant:
    """How the step-by-step scheme is read where the paper is silent; the defaults are the study's.

    ``step_1``
        What step 1 minimises.
    ``caps_per``
        Whether a cap limits a node's power in each ``"step"``, or the sum of its powers over the steps of a ``"slot"``.
    """

    step_1: FirstStep = field(default="block", metadata={"text": "What step 1 minimises"})
    caps_per: CapsPer = field(default="step", metadata={"text": "What the cap of a node limits"})

    def __post_init__(self) -> None:
        one_of(self.step_1, FIRST_STEPS, "step_1")
        one_of(self.caps_per, CAPS_PER, "caps_per")


DEFAULT_VARIANT = Variant()
