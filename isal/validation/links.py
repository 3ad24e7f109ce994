"""Which links carry a bound, and what is left of it without those too weak for an estimator to reach it.

A bound adds up what every link tells, however weak. A delay estimator reaches its own bound only above a threshold SNR
(:mod:`isal.validation.delay`), so a link below it should count nothing.

Powers are those of a slot, shape ``(n_nodes,)``, or of the steps of a slot, shape ``(n_steps, n_nodes)``. A link of
several steps is as many measurements, each with the SNR of its own step, and they all count together, as with the
carry-over ``joint``: no estimator knows more than what was measured, whatever a carry-over promises. With ``held`` and
``added`` the bound itself is no sum over links, so that what they say of it has no shares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError
from isal.knowledge import Knowledge, triangle_of
from isal.model import temporal
from isal.model.information import Information, Spebs
from isal.model.observability import OBSERVABILITY_FLOOR
from isal.model.parameters import BLOCKS, Block
from isal.model.pulse import Pulse, named
from isal.schemes.schedule import SlotResult
from isal.units import SPEED_OF_LIGHT
from isal.validation import delay

Array = NDArray[np.float64]

#: Rows of links that are looked at together, so that large networks need little memory and time.
ROWS_AT_A_TIME = 4096

#: A block whose parameters have at most this part in a direction without information does not depend on it.
UNTOUCHED = 1e-6

#: Sums of shares and numbers of pulses may miss what they should be by rounding.
ROUNDING = 1e-12

#: Pulses are counted until usable links have this share in a bound.
CARRIED = 0.99


def search_interval(information: Information) -> float:
    """Search interval of a receiver that knows of a path only that the network has none longer, in units of 1/B."""
    longest = float(information.links.distance.max())
    return max(1.0, longest * information.radio.bandwidth_hz / SPEED_OF_LIGHT)


def threshold_snr(information: Information, amplitude: delay.Amplitude = "unknown") -> float:
    """SNR (linear) from which on a link of this network reaches its bound, see :mod:`isal.validation.delay`."""
    return _threshold(named(information.radio.pulse), search_interval(information), amplitude)


@lru_cache(maxsize=1024)
def _threshold(pulse: Pulse, search: float, amplitude: delay.Amplitude) -> float:
    """Of all points of a study on the same layout it is the same, and takes longer than all else about them."""
    return delay.threshold_snr(pulse, search, amplitude)


def shares(information: Information, power: ArrayLike, block: Block) -> Array:
    """Share of each link in the bound of a block, of the shape of :func:`link_snr`; they add up to 1.

    With survey errors or biases the rest is what is known of these before any link measures.

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
    intensity = _intensity(information, power)
    found = _shares(information, intensity, block)
    if found is None:
        raise IsalError(
            f"{information.network.name}: these powers leave the {block} undetermined; give more nodes some power"
        )
    return found


def _shares(information: Information, intensity: Array, block: Block) -> Array | None:
    """:func:`shares` of links of given intensities; None where they leave the block undetermined."""
    links = information.links
    bound, solved = _Directions(_with_prior(information, intensity)).solve(information.basis.indices([block]))
    if not math.isfinite(bound):
        return None
    weight = np.zeros(len(links))
    for column in solved.T:
        weight += np.einsum("lc,lc->l", links.entries, column[links.columns]) ** 2
    return np.asarray(intensity * weight / bound)


def link_snr(information: Information, power: ArrayLike) -> Array:
    """SNR (linear) of every link, shape ``(n_links,)``, or ``(n_steps, n_links)`` for the powers of several steps."""
    return _of_each_step(information.link_snr, power)


def usable(information: Information, power: ArrayLike, threshold: float) -> NDArray[np.bool_]:
    """Links at or above a threshold SNR (linear) at the given node powers, of the shape of :func:`link_snr`."""
    return np.asarray(link_snr(information, power) >= _checked_threshold(threshold))


def usable_spebs(information: Information, power: ArrayLike, threshold: float) -> Spebs:
    """SPEBs of each block, m^2, as :func:`isal.spebs` gives them, with links below a threshold SNR counting nothing.

    Infinite where the usable links leave a block undetermined, whatever they tell about the others; NaN where the
    network has no such block.
    """
    kept = usable(information, power, threshold)
    directions = _Directions(_with_prior(information, np.where(kept, _intensity(information, power), 0.0)))
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
    snr = link_snr(information, power)
    heard = snr > 0
    pulse, search = named(information.radio.pulse), search_interval(information)
    ratio = delay.predicted_error(pulse, snr[heard], search, amplitude) / delay.crb(pulse, snr[heard])
    return float(shares(information, power, block)[heard] @ ratio)


def pulses_needed(
    information: Information, power: ArrayLike, threshold: float, block: Block, carried: float = CARRIED
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
    part, snr = shares(information, power, block), link_snr(information, power)
    return _pulses_needed(part, snr, information.radio.pulses, _checked_threshold(threshold), carried)


def _pulses_needed(part: Array, snr: Array, pulses: float, threshold: float, carried: float) -> int:
    """:func:`pulses_needed` of links with given shares and SNRs, the latter with so many pulses."""
    part, snr = part.ravel(), snr.ravel()
    telling = np.flatnonzero(part > 0)
    strongest_first = telling[np.argsort(-snr[telling], kind="stable")]
    enough = np.cumsum(part[strongest_first]) >= carried * (1 - ROUNDING)
    weakest = strongest_first[np.argmax(enough)] if carried < 1 else strongest_first[-1]
    return max(1, math.ceil(pulses * threshold / float(snr[weakest]) * (1 - ROUNDING)))


@dataclass(frozen=True)
class UsableLinks:
    """What the links of one slot that are strong enough tell about the block that the slot minimises.

    ``threshold``
        SNR (linear) from which on a link counts, see :func:`threshold_snr`.
    ``share``
        Their share in the bound of all links of the slot, see :func:`shares`; NaN where these leave it undetermined.
    ``speb``
        The bound from them alone, m^2, given the usable links of earlier slots; infinite where it is undetermined.
    ``pulses``
        See :func:`pulses_needed`; NaN where ``share`` is.
    """

    threshold: float
    share: float
    speb: float
    pulses: float


def usable_links(slots: Sequence[SlotResult]) -> list[UsableLinks]:
    """Usable links of each slot of a schedule, at the powers of all its steps and for the block that it minimises."""
    found: list[UsableLinks] = []
    prior = slots[0].information.prior
    for number, slot in enumerate(slots):
        info, block = slot.information, slot.steps[-1].block
        powers = [step.power for step in slot.steps]
        intensity, threshold, snr = _intensity(info, powers), threshold_snr(info), link_snr(info, powers)
        kept = snr >= threshold
        measured = Knowledge.of_rows(_root(info, np.where(kept, intensity, 0.0)))
        known = measured + prior
        assert known.root is not None, "links and messages have square roots"
        speb, _ = _Directions(known.root).solve(info.basis.indices([block]))
        part, pulses = _shares(info, intensity, block), math.nan
        if part is not None:
            pulses = _pulses_needed(part, snr, info.radio.pulses, threshold, CARRIED)
        found.append(UsableLinks(threshold, math.nan if part is None else float(part[kept].sum()), speb, pulses))
        if number + 1 < len(slots):
            said = temporal.knowledge(info, measured)
            prior = temporal.prior_of_next(info, said, prior, slots[number + 1].information)
    return found


class _Directions:
    """Information as orthogonal directions, from the square root of the matrix instead of the matrix itself.

    The square root, scaled to unit columns, is decomposed into singular values, which keeps twice the digits of
    ``J' Lambda J`` and shows which directions have no information.
    """

    def __init__(self, root: Array) -> None:
        size = root.shape[1]
        self.scale = np.linalg.norm(root, axis=0)
        self.scale[self.scale == 0] = 1.0
        padded = np.zeros((max(size, len(root)), size))
        padded[: len(root)] = root / self.scale
        _, self.values, transposed = np.linalg.svd(padded, full_matrices=False)
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


def _with_prior(information: Information, intensity: Array) -> Array:
    """:func:`_root` with what is known before any link measures."""
    told = information.prior.root
    root = _root(information, intensity)
    return root if told is None or not len(told) else np.concatenate([root, told])


def _root(information: Information, intensity: Array) -> Array:
    """Square root of what links of given intensities tell together, 1/m; of all steps if there are some.

    In a large network that of the matrix, whose rows are too many to be brought to triangular form, so that half of the
    digits are lost.
    """
    links, size = information.links, information.basis.size
    together = intensity if intensity.ndim == 1 else intensity.sum(axis=0)
    chosen, matrix = np.flatnonzero(together > 0), np.zeros((size, size))
    for start in range(0, len(chosen), ROWS_AT_A_TIME):
        some = chosen[start : start + ROWS_AT_A_TIME]
        rows = np.zeros((len(some), size))
        np.add.at(rows, (np.arange(len(some))[:, None], links.columns[some]), links.entries[some])
        rows *= np.sqrt(together[some])[:, None]
        if len(chosen) <= ROWS_AT_A_TIME:
            return triangle_of(rows)
        matrix += rows.T @ rows
    root = Knowledge.of_matrix(matrix).rooted().root
    assert root is not None
    return root


def _intensity(information: Information, power: ArrayLike) -> Array:
    """Range information of every link at the given node powers, 1/m^2, of the shape of :func:`link_snr`."""
    return _of_each_step(information.link_information, power)


def _of_each_step(of_links: Callable[[ArrayLike], Array], power: ArrayLike) -> Array:
    """What is told of every link at powers of one step, or of each of several."""
    try:
        steps = np.ndim(power) == 2
    except ValueError:  # ragged: refused below
        steps = False
    return np.array([of_links(each) for each in np.asarray(power)]) if steps else of_links(power)


def _checked_threshold(threshold: float) -> float:
    if not 0 < threshold < math.inf:
        raise IsalError(f"a threshold must be a finite, positive ratio (not decibels), got {threshold}")
    return threshold
