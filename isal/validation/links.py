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
from collections.abc import Callable, Iterator, Sequence
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
    links = _Links.of_one(information, power)
    found = links.shares(block)[0].reshape(links.shape)
    if np.isnan(found).any():
        raise IsalError(
            f"{information.network.name}: these powers leave the {block} undetermined; give more nodes some power"
        )
    return found


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
    links = _Links.of_one(information, power)
    directions = _Directions(links.with_prior(links.roots(links.snr >= _checked_threshold(threshold))))
    indices = (information.basis.indices([block]) for block in BLOCKS)
    return Spebs(*(float(directions.solve(each)[0][0]) if len(each) else math.nan for each in indices))


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
    part, snr = (np.ravel(each)[None] for each in (shares(information, power, block), link_snr(information, power)))
    pulses, thresholds = np.array([information.radio.pulses]), np.array([_checked_threshold(threshold)])
    return int(_pulses_needed(part, snr, pulses, thresholds, carried)[0])


def _pulses_needed(part: Array, snr: Array, pulses: Array, threshold: Array, carried: float) -> Array:
    """:func:`pulses_needed` of N slots, shape ``(N,)``.

    Shares and SNRs of their links, the latter with so many ``pulses``, have shape ``(N, n_links)``; the others
    ``(N,)``.
    """
    telling = part > 0
    strongest_first = np.argsort(np.where(telling, -snr, np.inf), axis=1, kind="stable")
    enough = np.cumsum(np.take_along_axis(part, strongest_first, 1), axis=1) >= carried * (1 - ROUNDING)
    weakest = np.argmax(enough, axis=1) if carried < 1 else telling.sum(axis=1) - 1
    least = np.take_along_axis(np.take_along_axis(snr, strongest_first, 1), weakest[:, None], 1)[:, 0]
    return np.maximum(1.0, np.ceil(pulses * threshold / least * (1 - ROUNDING)))


@dataclass(frozen=True, eq=False)
class UsableLinks:
    """What the links of N slots that are strong enough tell about the block that each slot minimises.

    All but ``snr`` have the shape ``(N,)``.

    ``threshold``
        SNR (linear) from which on a link counts, see :func:`threshold_snr`.
    ``share``
        Their share in the bound of all links of the slot, see :func:`shares`; NaN where these leave it undetermined.
    ``speb``
        The bound from them alone, m^2, given the usable links of earlier slots; infinite where it is undetermined.
    ``pulses``
        See :func:`pulses_needed`; NaN where ``share`` is.
    ``snr``
        That of each link in each step, see :func:`link_snr`; shape ``(N, n_steps, n_links)``.
    """

    threshold: Array
    share: Array
    speb: Array
    pulses: Array
    snr: Array


def usable_links(schedules: Sequence[Sequence[SlotResult]]) -> list[UsableLinks]:
    """Usable links of each slot of N schedules, at the powers of all its steps and for the block that it minimises.

    The schedules have the same numbers of slots, with the same parameters, links and steps in each.

    Returns
    -------
    One for each slot, in time order.
    """
    found: list[UsableLinks] = []
    priors = [slots[0].information.prior for slots in schedules]
    for number, one in enumerate(schedules[0]):
        slots = [schedule[number] for schedule in schedules]
        block, infos = one.steps[-1].block, [slot.information for slot in slots]
        links = _Links.of(infos, np.array([[step.power for step in slot.steps] for slot in slots]))
        threshold = np.array([info.once(threshold_snr) for info in infos])
        kept = links.snr >= threshold[:, None, None]
        measured, indices = links.roots(kept), infos[0].basis.indices([block])
        part, snr = (each.reshape(len(slots), -1) for each in (links.shares(block), links.snr))
        told = ~np.isnan(part).any(axis=1)
        share, pulses = np.empty((2, len(slots)))
        for some, chosen in _by_number(kept.reshape(len(slots), -1)):
            share[some] = part[some[:, None], chosen].sum(axis=1)
        share[~told], pulses[~told] = math.nan, math.nan
        integrated = np.array([info.radio.pulses for info in infos])
        pulses[told] = _pulses_needed(part[told], snr[told], integrated[told], threshold[told], CARRIED)
        if number == 0:
            speb, _ = _Directions(links.with_prior(measured)).solve(indices)
        else:
            roots = [(Knowledge.of_rows(root) + prior).root for root, prior in zip(measured, priors, strict=True)]
            speb = np.array([_Directions(np.asarray(root)[None]).solve(indices)[0][0] for root in roots])
        found.append(UsableLinks(threshold, share, speb, pulses, links.snr))
        if number + 1 < len(schedules[0]):
            for place, (info, root, schedule) in enumerate(zip(infos, measured, schedules, strict=True)):
                said = temporal.knowledge(info, Knowledge.of_rows(root))
                priors[place] = temporal.prior_of_next(info, said, priors[place], schedule[number + 1].information)
    return found


@dataclass(frozen=True, eq=False)
class _Links:
    """The links of N slots at their powers, side by side: of networks with the same links and parameters.

    ``which``, shape ``(N,)``, is the place of each slot among the different ``informations``. ``intensity``, 1/m^2, and
    ``snr``, linear, have shape ``(N, n_steps, n_links)``; ``shape`` is that of one slot's as it was asked for.
    """

    informations: Sequence[Information]
    which: NDArray[np.intp]
    intensity: Array
    snr: Array
    shape: tuple[int, ...]

    @classmethod
    def of(cls, infos: Sequence[Information], power: Array) -> _Links:
        """Those at the powers of the steps, W, shape ``(N, n_steps, n_nodes)``."""
        places = {id(info): place for place, info in enumerate({id(info): info for info in infos}.values())}
        different = list({id(info): info for info in infos}.values())
        which = np.array([places[id(info)] for info in infos], dtype=np.intp)
        watts = power[:, :, different[0].links.transmitter]
        intensity, snr = np.empty_like(watts), np.empty_like(watts)
        for place, info in enumerate(different):
            own = which == place
            intensity[own], snr[own] = info.of_links(watts[own])
        return cls(different, which, intensity, snr, intensity.shape[1:])

    @classmethod
    def of_one(cls, information: Information, power: ArrayLike) -> _Links:
        """Those of one slot at the powers of one step, or of each of several, W."""
        both = [_of_each_step(each, power) for each in (information.link_information, information.link_snr)]
        intensity, snr = (each.reshape(1, -1, len(information.links)) for each in both)
        return cls([information], np.zeros(1, np.intp), intensity, snr, both[0].shape)

    def roots(self, kept: NDArray[np.bool_] | None = None) -> Array:
        """Square roots of what the links tell together in all steps, 1/m, shape ``(N, d, d)``.

        ``kept``, of the shape of ``snr``, says which count, by default all. In a large network, with more rows than
        can be brought to triangular form, it is the root of the matrix, so that half of the digits are lost.
        """
        together = (self.intensity if kept is None else np.where(kept, self.intensity, 0.0)).sum(axis=1)
        size = self.informations[0].basis.size
        if together.shape[1] > ROWS_AT_A_TIME:
            slots = zip(self.which.tolist(), together, strict=True)
            return np.array([_padded_root(self.informations[place], each) for place, each in slots])
        roots, rows = np.zeros((len(together), size, size)), np.array([info.links.rows for info in self.informations])
        for some, chosen in _by_number(together > 0):
            if chosen.shape[1]:
                told = rows[self.which[some, None], chosen] * np.sqrt(together[some[:, None], chosen])[:, :, None]
                roots[some, : min(chosen.shape[1], size)] = triangle_of(told)
        return roots

    def with_prior(self, roots: Array) -> Array:
        """:meth:`roots` with the rows of what is known before any link measures."""
        told = np.array([info.prior.root for info in self.informations])
        return np.concatenate([roots, told[self.which]], axis=1) if told.shape[1] else roots

    def shares(self, block: Block) -> Array:
        """:func:`shares`, of the shape of ``snr``; NaN where the links leave the block undetermined."""
        bound, solved = _Directions(self.with_prior(self.roots())).solve(self.informations[0].basis.indices([block]))
        links = [info.links for info in self.informations]
        weight = np.zeros((len(bound), len(links[0])))
        for place, each in enumerate(links):
            own = self.which == place
            for column in solved[own].transpose(2, 0, 1):
                told = np.take(column, each.columns, axis=1)  # in the order of memory that sums of one slot have
                weight[own] += np.einsum("lc,Nlc->Nl", each.entries, told) ** 2
        with np.errstate(invalid="ignore"):
            found = self.intensity * weight[:, None, :] / bound[:, None, None]
        return np.where(np.isfinite(bound)[:, None, None], found, math.nan)


def _by_number(chosen: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows of a mask in which equally many are true, and where these are, shape ``(n_rows, n_true)``.

    Sums of as many numbers are the same to the last bit, whether rows are alone or side by side.
    """
    numbers = chosen.sum(axis=1)
    for number in np.unique(numbers).tolist():
        rows = np.flatnonzero(numbers == number)
        yield rows, np.nonzero(chosen[rows])[1].reshape(len(rows), number)


class _Directions:
    """Information as orthogonal directions, from square roots of matrices instead of the matrices, ``(N, k, d)``.

    A square root, scaled to unit columns, is decomposed into singular values, which keeps twice the digits of
    ``J' Lambda J`` and shows which directions have no information.
    """

    def __init__(self, roots: Array) -> None:
        self.scale = np.linalg.norm(roots, axis=1)
        self.scale[self.scale == 0] = 1.0
        _, values, self.directions = np.linalg.svd(roots / self.scale[:, None, :], full_matrices=False)
        self.lost = values < math.sqrt(OBSERVABILITY_FLOOR)
        self.values = np.where(self.lost, math.inf, values)

    def solve(self, indices: NDArray[np.intp]) -> tuple[Array, Array]:
        """SPEBs of some parameters, m^2, shape ``(N,)``, and ``M^-1 C`` of shape ``(N, d, len(indices))``.

        The SPEB is infinite where a direction without information has a part in these parameters.
        """
        picked = self.directions[:, :, indices]
        touched = ((np.abs(picked) > UNTOUCHED) & self.lost[:, :, None]).any(axis=(1, 2))
        half = picked / self.values[:, :, None] / self.scale[:, None, indices]
        bound = (half**2).reshape(len(half), -1).sum(axis=1)
        solved = (self.directions / self.values[:, :, None]).transpose(0, 2, 1) @ half / self.scale[:, :, None]
        return np.where(touched, math.inf, bound), np.where(touched[:, None, None], math.nan, solved)


def _padded_root(information: Information, together: Array) -> Array:
    """One slot of :meth:`_Links.roots`, without the rows of all links at once."""
    links, size = information.links, information.basis.size
    chosen, matrix = np.flatnonzero(together > 0), np.zeros((size, size))
    for start in range(0, len(chosen), ROWS_AT_A_TIME):
        some = chosen[start : start + ROWS_AT_A_TIME]
        rows = np.zeros((len(some), size))
        np.add.at(rows, (np.arange(len(some))[:, None], links.columns[some]), links.entries[some])
        rows *= np.sqrt(together[some])[:, None]
        if len(chosen) <= ROWS_AT_A_TIME:
            triangle = triangle_of(rows)
            return np.concatenate([triangle, np.zeros((size - len(triangle), size))])
        matrix += rows.T @ rows
    root = Knowledge.of_matrix(matrix).rooted().root
    assert root is not None
    return root


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
