"""Which powers are feasible: caps and further linear constraints ``A s <= b``, such as budgets and airtime.

A certificate needs ``D(g)``, the largest ``g . s`` over the feasible powers. It is a small linear program, and every
``y >= 0`` bounds it from above,

    D(g) <= y'b + sum_m cap_m max(0, g_m - (A'y)_m),

so nothing here rests on what a solver says of itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: How many times each multiplier in turn is set to its best value given the others.
SWEEPS = 2


@dataclass(frozen=True, eq=False)
class Region:
    """Feasible powers ``0 <= s <= caps``, ``rows s <= at_most`` of ``N`` problems.

    ``caps`` has shape ``(N, n)``, W, and may be infinite; ``rows`` ``(N, R, n)``; ``at_most`` ``(N, R)``, not
    negative, so that no power at all is feasible.
    """

    caps: Array
    rows: Array
    at_most: Array

    def __len__(self) -> int:
        return len(self.caps)

    def take(self, chosen: NDArray[Any]) -> Region:
        """Those of the problems at the given indices, or where a mask is true."""
        return Region(self.caps[chosen], self.rows[chosen], self.at_most[chosen])

    def with_row(self, row: Array, at_most: Array) -> Region:
        """With one more constraint for each problem; shapes ``(N, n)`` and ``(N,)``."""
        return Region(
            self.caps,
            np.concatenate([self.rows, row[:, None, :]], axis=1),
            np.concatenate([self.at_most, at_most[:, None]], axis=1),
        )

    @cached_property
    def reach(self) -> Array:
        """What each power can't exceed by its cap or by one constraint of coefficients >= 0, W, shape ``(N, n)``."""
        whole = (self.rows >= 0).all(axis=2, keepdims=True)
        alone = np.where((self.rows > 0) & whole, 1.0, np.nan)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            most = np.where(np.isnan(alone), np.inf, self.at_most[:, :, None] / self.rows)
        return np.minimum(self.caps, most.min(axis=1, initial=np.inf))

    def promised(self, slope: Array, dual: Array) -> Array:
        """The bound on ``D(slope)`` by the multipliers ``dual`` >= 0 of the rows, shape ``(N,)``."""
        excess = slope - np.einsum("Nr,Nrn->Nn", dual, self.rows)
        with np.errstate(invalid="ignore"):
            beyond = np.where(excess > 0, excess * self.reach, 0.0)
        return np.asarray(np.einsum("Nr,Nr->N", dual, self.at_most) + beyond.sum(axis=1))

    def largest(self, slope: Array, dual: Array | None = None) -> tuple[Array, Array]:
        """A bound on ``D(slope)``, shape ``(N,)``, and its multipliers, shape ``(N, R)``, at best near ``dual``.

        Each multiplier in turn goes to the best of the places where the bound has a kink. So with one constraint the
        bound is ``D`` itself, as with several the multipliers of an optimum give it.
        """
        n_problems, n_rows, _ = self.rows.shape
        dual = np.zeros((n_problems, n_rows)) if dual is None else np.maximum(np.nan_to_num(dual), 0.0)
        least = self.promised(slope, dual)
        for _ in range(SWEEPS if n_rows > 1 else 1):
            for row in range(n_rows):
                others = slope - np.einsum("Nr,Nrn->Nn", dual, self.rows) + dual[:, row, None] * self.rows[:, row]
                with np.errstate(divide="ignore", invalid="ignore"):
                    kinks = others / self.rows[:, row]
                kinks = np.where(np.isfinite(kinks) & (kinks > 0), kinks, 0.0)
                kinks = np.concatenate([np.zeros((n_problems, 1)), kinks, dual[:, row, None]], axis=1)
                excess = others[:, None, :] - kinks[:, :, None] * self.rows[:, None, row]
                with np.errstate(invalid="ignore"):
                    beyond = np.where(excess > 0, excess * self.reach[:, None, :], 0.0).sum(axis=2)
                rest = np.einsum("Nr,Nr->N", dual, self.at_most) - dual[:, row] * self.at_most[:, row]
                promised = rest[:, None] + kinks * self.at_most[:, row, None] + beyond
                best = np.argmin(promised, axis=1)
                dual[:, row] = kinks[np.arange(n_problems), best]
                least = promised[np.arange(n_problems), best]
        return least, dual

    def feasible(self, power: Array) -> Array:
        """Powers of shape ``(N, n)`` pushed into the caps and, if they break a constraint, scaled down to all."""
        inside = np.clip(np.nan_to_num(power), 0.0, self.caps)
        return np.asarray(inside * np.minimum(1.0, self._room(inside))[:, None])

    def broken(self, power: Array) -> Array:
        """By what share of itself each constraint is exceeded at most, shape ``(N,)``; at most zero where all hold."""
        with np.errstate(divide="ignore"):
            return np.asarray(1 / self._room(power) - 1)

    def middle(self, level: Array) -> Array:
        """Powers inside, of shape ``(N, n)``, W: all but a tenth of what each cap or ``level`` allows, shape ``(N,)``.

        What breaks a constraint is scaled down until a tenth of that is left, too.
        """
        towards = np.minimum(self.reach, level[:, None])
        return np.asarray(0.9 * towards * np.minimum(1.0, self._room(towards))[:, None])

    def _room(self, power: Array) -> Array:
        """By what factor powers can be scaled until they meet a constraint, shape ``(N,)``; infinite if never."""
        used = np.einsum("Nrn,Nn->Nr", self.rows, power)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(used > 0, self.at_most / used, np.inf)
        return np.asarray(room.min(axis=1, initial=np.inf))
