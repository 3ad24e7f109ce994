"""Which splits of an energy a lower bound holds for; it computes nothing, so that tables do not depend on what does."""

from __future__ import annotations

from typing import Literal, get_args

#: What is proven of a best split, see :class:`isal.BestSplit`.
Proof = Literal["every split", "one ratio", "below the caps", "none"]

#: The bound is that of a split that was given.
GIVEN = "given"

#: All of these, in the order of flags.
PROOFS: tuple[str, ...] = (GIVEN, *get_args(Proof))
