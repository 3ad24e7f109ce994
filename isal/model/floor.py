"""Links whose variance has a floor, the jitter of time stamps: (14) and (15) with ``timestamp_jitter_s``.

A link measures a delay with the thermal variance ``1 / (a p)`` at power p, ``a`` its intensity per watt, and with the
jitter of its stamps, ``v = c^2 sigma_t^2``, which no power lowers. Its information

    lambda(p) = 1 / (1 / (a p) + v) = a p / (1 + v a p)

is concave in p, zero without power and at most ``1 / v``. It is also what is left of a link without jitter whose bias
is one more unknown of prior information ``1 / v``.

For a concave information the tangent at some powers is never below, so that the tangents of all links together are a
problem that is linear in the powers, has the same matrix at these powers, and has no larger optimum; see
:mod:`isal.allocation.concave`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.matrices import Stack

if TYPE_CHECKING:
    from isal.model.information import Information

Array = NDArray[np.float64]


def limited(thermal: ArrayLike, floor: float) -> Array:
    """Information of links of thermal information ``thermal``, 1/m^2, and a ``floor`` of their variance, m^2."""
    array = np.asarray(thermal, dtype=float)
    return np.asarray(array / (1 + floor * array))


@dataclass(frozen=True, eq=False)
class LimitedLinks:
    """The links of a slot as one matrix each, ``B_l = j j'``, about the parameters ``kept`` (ascending indices).

    Products of two parameters among ``known`` count nothing, as under the carry-over "held".
    """

    information: Information
    kept: NDArray[np.intp]
    known: NDArray[np.intp]

    @property
    def definite(self) -> bool:
        """Whether no ``B_l`` has a negative direction, so that tangents bound the matrix from above."""
        return not len(self.known)

    @property
    def floor(self) -> float:
        """``v``, m^2."""
        return self.information.radio.jitter_variance_m2

    @property
    def node(self) -> NDArray[np.intp]:
        """Transmitter of each link, shape ``(n_links,)``."""
        return self.information.links.transmitter

    @property
    def per_watt(self) -> Array:
        """``a``, 1/(m^2 W), shape ``(n_links,)``."""
        return self.information.links.intensity

    def growth(self, power: Array) -> Array:
        """``1 + v a p`` of each link, shape ``(n_links,)``, at node powers in W."""
        return np.asarray(1 + self.floor * self.per_watt * power[self.node])

    def value(self, power: Array) -> Array:
        """``lambda`` of each link, 1/m^2."""
        return limited(self.per_watt * power[self.node], self.floor)

    def slope(self, power: Array) -> Array:
        """Its derivative by the power, 1/(m^2 W)."""
        return np.asarray(self.per_watt / self.growth(power) ** 2)

    def bend(self, power: Array) -> Array:
        """Minus its second derivative, 1/(m^2 W^2)."""
        return np.asarray(2 * self.floor * self.per_watt**2 / self.growth(power) ** 3)

    def offset(self, power: Array) -> Array:
        """What its tangent is at zero power, ``lambda - p dlambda/dp``, 1/m^2; never negative."""
        return np.asarray(self.floor * self.value(power) ** 2)

    def stack(self, weight: Array) -> Stack:
        """The matrices ``sum_l w_l B_l`` over the links l of each node, for one weight per link."""
        stack = self.information.weighted(weight)
        return (stack.without_block(self.known) if len(self.known) else stack).over(self.kept)

    def squares(self, columns: Array) -> Array:
        """``tr(Y' B_l Y)`` of each link, shape ``(n_links,)``, for ``columns`` of shape ``(len(kept), k)``."""
        links = self.information.links
        whole = np.zeros((self.information.basis.size, columns.shape[1]))
        whole[self.kept] = columns
        total = _squared(links.entries, whole[links.columns])
        if len(self.known):
            total -= _squared(np.where(np.isin(links.columns, self.known), links.entries, 0.0), whole[links.columns])
        return total


def _squared(entries: Array, picked: Array) -> Array:
    """Squared lengths of ``entries`` times rows of columns, shape ``(n_links,)``."""
    return np.asarray(np.sum(np.einsum("lc,lck->lk", entries, picked) ** 2, axis=1))
