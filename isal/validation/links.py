"""Which links carry a bound, and what is left of it without those too weak for an estimator to reach it.

A bound adds up what every link tells, however weak. A delay estimator reaches its own bound only above a threshold SNR
(:mod:`isal.validation.delay`), so a link below it should count nothing.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError
from isal.model.information import Information, Spebs
from isal.model.observability import OBSERVABILITY_FLOOR
from isal.model.parameters import BLOCKS, Block
from isal.model.pulse import named
from isal.units import SPEED_OF_LIGHT
from isal.validation import delay

Array = NDArray[np.float64]

#: Rows that are brought to triangular form at a time, so that large networks need little memory.
ROWS_AT_A_TIME = 4096

#: A block whose parameters have at most this part in a direction without information does not depend on it.
UNTOUCHED = 1e-6

#: Sums of shares and numbers of pulses may miss what they should be by rounding.
ROUNDING = 1e-12


def search_interval(information: Information) -> float:
    """Search interval of a receiver that knows of a path only that the network has none longer, in units of 1/B."""
    longest = float(information.links.distance.max())
    return max(1.0, longest * information.radio.bandwidth_hz / SPEED_OF_LIGHT)


def threshold_snr(information: Information, amplitude: delay.Amplitude = "unknown") -> float:
    """SNR (linear) from which on a link of this network reaches its bound, see :mod:`isal.validation.delay`."""
    return delay.threshold_snr(named(information.radio.pulse), search_interval(information), amplitude)


def shares(information: Information, power: ArrayLike, block: Block) -> Array:
    """Share of each link in the bound of a block, shape ``(n_links,)``; they add up to 1.

    ``lambda_l |j_l' M^-1 C|^2 / f``: ``j_l`` is the link's row of the Jacobian and ``lambda_l`` its range information
    at the given node powers (W, radars first), ``M`` their information, ``C`` selects the block, and ``f`` is
    its SPEB. A share is also the weight with which a link's own error enters, see :func:`growth_if_kept`.

    Raises
    ------
    IsalError
        If the network has no such block, or the powers leave it undetermined.
    """
    if block not in information.blocks:
        raise IsalError(
            f"{information.network.name}: there is no block {block!r} in {information.clock} mode; "
            f"choose among {', '.join(information.blocks)}"
        )
    intensity = information.link_information(power)
    bound, solved = _Directions(information, intensity).solve(information.basis.indices([block]))
    if not math.isfinite(bound):
        raise IsalError(
            f"{information.network.name}: these powers leave the {block} undetermined; give more nodes some power"
        )
    links = information.links
    weight = np.zeros(len(links))
    for column in solved.T:
        weight += np.einsum("lc,lc->l", links.entries, column[links.columns]) ** 2
    return np.asarray(intensity * weight / bound)


def usable(information: Information, power: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Links at or above a threshold SNR (linear) at the given node powers, shape ``(n_links,)``."""
    return np.asarray(information.link_snr(power) >= _checked_threshold(threshold))


def usable_spebs(information: Information, power: ArrayLike, threshold: float) -> Spebs:
    """SPEBs of each block, m^2, as :func:`isal.spebs` gives them, with links below a threshold SNR counting nothing.

    Infinite where the usable links leave a block undetermined, whatever they tell about the others; NaN where the
    network has no such block.
    """
    kept = usable(information, power, threshold)
    directions = _Directions(information, np.where(kept, information.link_information(power), 0.0))
    indices = (information.basis.indices([block]) for block in BLOCKS)
    return Spebs(*(directions.solve(each)[0] if len(each) else math.nan for each in indices))


def growth_if_kept(
    information: Information, power: ArrayLike, block: Block, amplitude: delay.Amplitude = "unknown"
) -> float:
    """Mean squared error of a block over its SPEB if the receiver trusts links below threshold like all others.

    An estimator that weights every delay with the inverse of its bound has the error ``f sum_l share_l rho_l``, where
    ``rho_l`` is the link's own mean squared error over its bound, here :func:`isal.validation.delay.predicted_error`
    over the :func:`search_interval`.
    """
    snr = information.link_snr(power)
    heard = snr > 0
    pulse, search = named(information.radio.pulse), search_interval(information)
    ratio = delay.predicted_error(pulse, snr[heard], search, amplitude) / delay.crb(pulse, snr[heard])
    return float(shares(information, power, block)[heard] @ ratio)


def pulses_needed(
    information: Information, power: ArrayLike, threshold: float, block: Block, carried: float = 0.99
) -> int:
    """Number of coherently integrated pulses that brings the links that carry a bound to a threshold SNR (linear).

    It is the least with which the :func:`shares` of usable links in the bound of a block add up to ``carried``, at the
    given node powers (W, radars first). With ``carried`` = 1 all that tell anything must be usable, however little
    power a solver leaves their node.

    Raises
    ------
    IsalError
        If ``carried`` is not above 0 and at most 1; and as :func:`shares`.
    """
    if not 0 < carried <= 1:
        raise IsalError(f"the carried share must be above 0 and at most 1, got {carried}")
    part, snr = shares(information, power, block), information.link_snr(power)
    telling = np.flatnonzero(part > 0)
    strongest_first = telling[np.argsort(-snr[telling], kind="stable")]
    enough = np.cumsum(part[strongest_first]) >= carried * (1 - ROUNDING)
    weakest = strongest_first[np.argmax(enough)] if carried < 1 else strongest_first[-1]
    ratio = information.radio.pulses * _checked_threshold(threshold) / float(snr[weakest])
    return max(1, math.ceil(ratio * (1 - ROUNDING)))


class _Directions:
    """Information of links as orthogonal directions, from the square root of the matrix instead of the matrix itself.

    The rows ``sqrt(lambda) j`` are brought to triangular form, scaled to unit columns and decomposed into singular
    values, which keeps twice the digits of ``J' Lambda J`` and shows which directions have no information.
    """

    def __init__(self, information: Information, intensity: Array) -> None:
        links, size = information.links, information.basis.size
        chosen = np.flatnonzero(intensity > 0)
        triangle = np.zeros((0, size))
        for start in range(0, len(chosen), ROWS_AT_A_TIME):
            some = chosen[start : start + ROWS_AT_A_TIME]
            rows = np.zeros((len(some), size))
            np.add.at(rows, (np.arange(len(some))[:, None], links.columns[some]), links.entries[some])
            rows *= np.sqrt(intensity[some])[:, None]
            triangle = np.asarray(np.linalg.qr(np.concatenate([triangle, rows]), mode="r"))
        self.scale = np.linalg.norm(triangle, axis=0)
        self.scale[self.scale == 0] = 1.0
        padded = np.zeros((size, size))
        padded[: len(triangle)] = triangle / self.scale
        _, self.values, transposed = np.linalg.svd(padded)
        self.vectors = transposed.T
        self.lost = self.values < math.sqrt(OBSERVABILITY_FLOOR)

    def solve(self, indices: NDArray[np.intp]) -> tuple[float, Array]:
        """SPEB of some parameters, m^2, and ``M^-1 C`` of shape ``(n_parameters, len(indices))``.

        The SPEB is infinite where a direction without information has a part in these parameters.
        """
        picked = self.vectors[indices]
        if (np.abs(picked[:, self.lost]) > UNTOUCHED).any():
            return math.inf, np.full((len(self.scale), len(indices)), math.nan)
        known = ~self.lost
        half = picked[:, known] / self.values[known] / self.scale[indices, None]
        solved = (self.vectors[:, known] / self.values[known]) @ half.T / self.scale[:, None]
        return float(np.sum(half**2)), solved


def _checked_threshold(threshold: float) -> float:
    if not 0 < threshold < math.inf:
        raise IsalError(f"a threshold must be a finite, positive ratio (not decibels), got {threshold}")
    return threshold
