"""Maximum likelihood estimates of radars, clock offsets and targets from simulated ranges, beside their bounds.

Every link with positive power measures its path length plus the difference of its ends' clock offsets with a normal
error of variance ``1 / lambda`` at its transmitter's power: ``y = B phi(theta) + n``, where ``phi`` are the distinct
distances and the clock offsets. Several links share these (a network of two radars, two anchors and one target has 26
links and 11 entries of ``phi``), so the likelihood depends on the ranges through ``z = B' W y`` alone. Kept here is its
whitened form ``u = R s + L theta + e`` with standard normal ``e``: ``R`` and ``L`` are the columns of the triangular
factor of ``sqrt(W) B`` that belong to the distances ``s`` and to the offsets.

A draw is one such ``u``; the estimate is found by Gauss-Newton iterations that start at the true parameters. **So these
simulations test local maximum likelihood only**: whether the maximum next to the truth scatters as its bound says, not
whether a receiver that does not know the truth finds it. How far off a start may be is what :func:`basin` tells, and
ranges that are no normal ones, because a link is below the threshold of its delay estimator, are those of
:func:`with_outliers`. Nothing is dropped: trials that do not converge are counted, with the error that they have then.

Trials come in blocks of :data:`TRIALS_PER_BLOCK`, block ``b`` from ``default_rng([seed, study, point, b])``, and sums
are kept per block, so that no number depends on how blocks are shared out between processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from isal.errors import IsalError
from isal.knowledge import Knowledge, by_root
from isal.model import temporal
from isal.model.information import Information, refuse_nuisances
from isal.validation.blocks import Key, generator, in_order
from isal.validation.statistics import mean_square_limits, square_limits

#: Trials that are drawn from one generator; what is simulated is a whole number of blocks.
TRIALS_PER_BLOCK = 2000

#: True clock offsets are normal with this standard deviation, m: a microsecond. Ranges are linear in them, so that no
#: error may depend on it.
CLOCK_SPREAD_M = 300.0

#: Trials are handled side by side in parts whose largest product takes so many multiplications: enough to share what an
#: iteration costs, few enough for the cache, and too few for linear algebra to share them out between cores.
PRODUCT = 100_000

#: An estimate has converged where the gradient of the likelihood, in units of the bound, is below this: the maximum is
#: then as many standard deviations away.
STATIONARY = 1e-6

#: Iterations with the information at the truth; what has not converged after them starts once more, with its own.
QUICK_ITERATIONS = 12

#: Damped Gauss-Newton iterations before a trial counts as not converged.
MOST_ITERATIONS = 100

#: Damping at the start, relative to the diagonal of the information, and what is no damping any more.
FIRST_DAMPING, SMALLEST_DAMPING = 1e-3, 1e-9

#: Half the squared residual is as low as another one, up to rounding of long distances in units of a small standard
#: deviation, if it is higher by no more than this, relative to one more than that.
NOT_WORSE = 1e-8

#: Two estimates from the same ranges are the same maximum if they are no farther apart, in standard deviations.
SAME = 1e-3

Array = NDArray[np.float64]


# --- what is measured -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Model:
    """Whitened sufficient statistic ``u = R s(theta) + L theta + e`` of some ranges; ``e`` is standard normal.

    ``root``
        ``R``, shape ``(k, n_lengths)``, 1/m.
    ``linear``
        ``L``, shape ``(k, d)``, 1/m: clock offsets, and prior information of any parameters.
    ``columns``
        First of the ``D`` indices into ``theta`` of every unknown position, 2 in the plane and 3 in space, shape
        ``(n_unknown,)``.
    ``incidence``
        Length j is that of the vector ``sum_i incidence[i, j] position_i + fixed[:, j]``; shapes
        ``(n_unknown, n_lengths)`` and ``(D, n_lengths)``, the latter in m.
    ``truth``
        True parameters, m, shape ``(d,)``, clock offsets zero.

    Below, ``theta`` has shape ``(d, N)`` for ``N`` trials side by side.
    """

    root: Array
    linear: Array
    columns: NDArray[np.intp]
    incidence: Array
    fixed: Array
    truth: Array

    @classmethod
    def of(cls, info: Information, power: ArrayLike) -> Model:
        """Ranges of all links of a slot at node powers ``power``, W, radars first; a link without power has none."""
        return cls.of_ranges(info, info.link_information(power))

    @classmethod
    def of_ranges(cls, info: Information, information: Array) -> Model:
        """Ranges of all links of a slot, each of given ``information``, 1/m^2, shape ``(n_links,)``."""
        model, _ = cls.with_projection(info, information)
        return model

    @classmethod
    def with_projection(cls, info: Information, information: Array) -> tuple[Model, Array]:
        """The same, and the matrix ``Q`` that turns errors ``n`` of all ranges into ``e = Q' n``.

        ``n`` is in units of each range's standard deviation; ``Q`` has shape ``(n_links, k)``.
        """
        refuse_nuisances(info, "the simulation of positions")
        network, links, basis = info.network, info.links, info.basis
        dimension = network.dimension
        weight = np.sqrt(information)
        nodes, n = network.nodes, network.n_nodes
        # distinct lengths: every leg between a node and a target, then every pair of nodes that a link runs between
        first, second = np.minimum(links.transmitter, links.receiver), np.maximum(links.transmitter, links.receiver)
        sensing = links.is_sensing
        pairs, pair_of = np.unique(first[~sensing] * n + second[~sensing], return_inverse=True)
        n_legs = n * network.n_targets
        counts = np.zeros((len(links), n_legs + len(pairs)))
        number = np.arange(len(links))
        for end in (links.transmitter, links.receiver):
            # a monostatic link runs its one leg twice
            np.add.at(counts, (number[sensing], links.target[sensing] * n + end[sensing]), 1.0)
        counts[number[~sensing], n_legs + pair_of] = 1.0

        clocks = basis.indices(["clocks"])
        factor = np.concatenate([counts, links.rows[:, clocks]], axis=1) * weight[:, None]
        projection, triangle = np.linalg.qr(factor)
        root, linear = triangle[:, : counts.shape[1]], np.zeros((len(triangle), basis.size))
        linear[:, clocks] = triangle[:, counts.shape[1] :]

        radar_columns = [] if network.radars_known else basis.indices(["radars"])[::dimension].tolist()
        target_columns = basis.indices(["targets"])[::dimension].tolist()
        columns = np.array(radar_columns + target_columns, dtype=np.intp)
        incidence, fixed = np.zeros((len(columns), counts.shape[1])), np.zeros((dimension, counts.shape[1]))

        def add_node(node: int, length: int, sign: float) -> None:
            if node < len(radar_columns):
                incidence[node, length] += sign
            else:
                fixed[:, length] += sign * nodes[node]

        for leg in range(n_legs):
            target, node = divmod(leg, n)
            add_node(node, leg, 1.0)
            incidence[len(radar_columns) + target, leg] = -1.0
        for length, pair in enumerate(pairs.tolist(), start=n_legs):
            add_node(pair // n, length, 1.0)
            add_node(pair % n, length, -1.0)
        truth = np.zeros(basis.size)
        for block, values in (("radars", network.radars), ("targets", network.targets)):
            indices = basis.indices([block])  # type: ignore[list-item]
            truth[indices] = values.ravel()[: len(indices)]
        return cls(root, linear, columns, incidence, fixed, truth), projection

    @classmethod
    def chained(cls, first: Model, second: Model, tied: Array) -> Model:
        """Two models of different parameters with one more measurement of both, rows ``tied``, shape ``(k, d1+d2)``."""
        d_1, d_2 = len(first.truth), len(second.truth)
        k, n_1, n_2 = len(first.root) + len(second.root), first.root.shape[1], second.root.shape[1]
        root = np.zeros((k + len(tied), n_1 + n_2))
        root[: len(first.root), :n_1], root[len(first.root) : k, n_1:] = first.root, second.root
        linear = np.zeros((k + len(tied), d_1 + d_2))
        linear[: len(first.root), :d_1], linear[len(first.root) : k, d_1:] = first.linear, second.linear
        linear[k:] = tied
        incidence = np.zeros((len(first.columns) + len(second.columns), n_1 + n_2))
        incidence[: len(first.columns), :n_1], incidence[len(first.columns) :, n_1:] = first.incidence, second.incidence
        return cls(
            root,
            linear,
            np.concatenate([first.columns, d_1 + second.columns]),
            incidence,
            np.concatenate([first.fixed, second.fixed], axis=1),
            np.concatenate([first.truth, second.truth]),
        )

    def with_prior(self, rows: Array) -> Model:
        """One more measurement ``rows theta + e`` of the parameters, ``rows`` of shape ``(k, d)``, 1/m."""
        root = np.concatenate([self.root, np.zeros((len(rows), self.root.shape[1]))])
        return replace(self, root=root, linear=np.concatenate([self.linear, rows]))

    @property
    def axes(self) -> range:
        """Numbers of the coordinates."""
        return range(len(self.fixed))

    def geometry(self, theta: Array) -> tuple[Array, Array]:
        """Lengths, m, shape ``(n_lengths, N)``, and their unit vectors, shape ``(D, n_lengths, N)``."""
        across = np.stack([self.incidence.T @ theta[self.columns + axis] for axis in self.axes])
        across += self.fixed[:, :, None]
        lengths = np.sqrt(sum(part**2 for part in across))
        # an iterate may come to lie on a node, where no direction is right
        across /= np.maximum(lengths, np.finfo(float).tiny)
        return lengths, across

    def parts(self, n_trials: int) -> Iterator[slice]:
        """Which trials are handled side by side, see :data:`PRODUCT`."""
        at_once = max(1, PRODUCT // max(self.root.size, self.linear.size))
        for first in range(0, n_trials, at_once):
            yield slice(first, first + at_once)

    def mean(self, theta: Array) -> Array:
        """``R s + L theta``, shape ``(k, N)``."""
        mean = np.empty((len(self.root), theta.shape[1]))
        for part in self.parts(theta.shape[1]):
            mean[:, part] = self.root @ self.geometry(theta[:, part])[0] + self.linear @ theta[:, part]
        return mean

    def descent(self, data: Array, theta: Array) -> tuple[Array, Array]:
        """Half the squared residual, shape ``(N,)``, and ``J' r``, shape ``(d, N)``: the direction it falls in."""
        lengths, unit = self.geometry(theta)
        residual = data - self.root @ lengths - self.linear @ theta
        pushed = self.root.T @ residual
        gradient = self.linear.T @ residual
        for axis in self.axes:
            gradient[self.columns + axis] += self.incidence @ (unit[axis] * pushed)
        return 0.5 * np.einsum("kN,kN->N", residual, residual), gradient

    def squared(self, theta: Array, change: Array) -> Array:
        """``v' J' J v`` at ``theta`` for a change ``v`` of the parameters, shape ``(N,)``."""
        squared = np.empty(theta.shape[1])
        for part in self.parts(theta.shape[1]):
            _, unit = self.geometry(theta[:, part])
            moved = self.linear @ change[:, part]
            for axis in self.axes:
                moved += self.root @ (unit[axis] * (self.incidence.T @ change[self.columns + axis, part]))
            squared[part] = np.einsum("kN,kN->N", moved, moved)
        return squared

    def jacobian(self, theta: Array) -> Array:
        """``J``, 1/m, shape ``(N, k, d)``."""
        _, unit = self.geometry(theta)
        jacobian = np.repeat(self.linear[None], theta.shape[1], axis=0)
        for axis in self.axes:
            per_length = np.einsum("ij,jN->Nji", self.incidence, unit[axis])
            jacobian[:, :, self.columns + axis] += self.root @ per_length
        return jacobian

    def jacobian_at_truth(self) -> Array:
        """``J`` at the true positions, 1/m, shape ``(k, d)``; it does not depend on clock offsets."""
        return np.asarray(self.jacobian(self.truth[:, None])[0])

    def covariance(self) -> Array:
        """Inverse of the information at the truth, m^2, shape ``(d, d)``.

        Raises
        ------
        IsalError
            If the information is singular.
        """
        return inverse(Knowledge.of_rows(self.jacobian_at_truth()))


def root_of(known: Knowledge) -> Array:
    """Rows whose products add up to an information matrix, shape ``(k, d)``, 1/m."""
    root = known.rooted().root
    assert root is not None
    return root


def inverse(known: Knowledge) -> Array:
    """Covariance matrix that belongs to an information matrix, m^2, shape ``(d, d)``.

    Raises
    ------
    IsalError
        If the information is singular.
    """
    _, columns = by_root(root_of(known), np.eye(len(known)))
    if np.isnan(columns).any():
        raise IsalError("the information leaves a parameter undetermined; let more nodes transmit")
    return columns


# --- estimates --------------------------------------------------------------------------------------------------------


def estimate(
    model: Model, data: Array, start: Array, free: NDArray[np.intp] | None = None, *, near_truth: bool = True
) -> tuple[Array, NDArray[np.bool_]]:
    """Maximum likelihood estimates of many trials side by side.

    Parameters
    ----------
    model, data
        What was measured, ``data`` of shape ``(k, N)``.
    start
        Where the iterations start, m, shape ``(d, N)``.
    free
        Parameters that are estimated; default all. The others stay where they start.
    near_truth
        Whether all starts are so near the truth that the information there may serve for all of them at first.

    Returns
    -------
    The parameters, m, shape ``(d, N)``, and which trials have converged, see :data:`STATIONARY`.
    """
    free = np.arange(len(start)) if free is None else free
    inverted = _pseudo_inverse(model.jacobian_at_truth()[:, free]) if near_truth else None
    theta, converged = start.copy(), np.zeros(start.shape[1], dtype=bool)
    for part in model.parts(start.shape[1]):
        theta[:, part], converged[part] = _estimate(model, data[:, part], start[:, part], free, inverted)
    return theta, converged


def _estimate(
    model: Model, data: Array, start: Array, free: NDArray[np.intp], inverted: Array | None
) -> tuple[Array, NDArray[np.bool_]]:
    """:func:`estimate` of some trials; ``inverted`` is the covariance of the free parameters at the truth."""
    theta, converged = start.copy(), np.zeros(start.shape[1], dtype=bool)
    if inverted is not None:
        _quick(model, data, theta, free, converged, inverted)
        theta[:, ~converged] = start[:, ~converged]
    left = np.flatnonzero(~converged)
    if len(left):
        theta[:, left], converged[left] = _damped(model, data[:, left], theta[:, left], free)
    return theta, converged


def _quick(
    model: Model,
    data: Array,
    theta: Array,
    free: NDArray[np.intp],
    converged: NDArray[np.bool_],
    inverted: Array,
) -> None:
    """Gauss-Newton with the information at the truth throughout: one small product per iteration; works in place."""
    active = np.arange(theta.shape[1])
    for _ in range(QUICK_ITERATIONS):
        _, gradient = model.descent(data[:, active], theta[:, active])
        step = inverted @ gradient[free]
        done = np.einsum("dN,dN->N", gradient[free], step) <= STATIONARY**2
        converged[active[done]] = True
        active, step = active[~done], step[:, ~done]
        if not len(active):
            break
        theta[free[:, None], active] += step


def _pseudo_inverse(jacobian: Array) -> Array:
    """``(J'J)^-1``, zero along directions without information: no step is made in these."""
    unit = np.linalg.norm(jacobian, axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    half = np.linalg.pinv(jacobian / unit, rcond=1e-13) / unit[:, None]
    return np.asarray(half @ half.T)


def _damped(model: Model, data: Array, theta: Array, free: NDArray[np.intp]) -> tuple[Array, NDArray[np.bool_]]:
    """Gauss-Newton with the information at each iterate, damped (Levenberg-Marquardt) so that the residual falls."""
    theta = theta.copy()
    n_trials = theta.shape[1]
    converged = np.zeros(n_trials, dtype=bool)
    damping = np.full(n_trials, FIRST_DAMPING)
    cost, gradient = model.descent(data, theta)
    active = np.arange(n_trials)
    index = np.arange(len(free))
    for _ in range(MOST_ITERATIONS):
        jacobian = model.jacobian(theta[:, active])[:, :, free]
        matrix = jacobian.transpose(0, 2, 1) @ jacobian
        diagonal = matrix[:, index, index]
        unit = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
        scaled = matrix / (unit[:, :, None] * unit[:, None, :])
        # the least damping keeps directions without information from making the matrix singular
        scaled[:, index, index] += np.maximum(damping[active], 1e-13)[:, None]
        downhill = gradient[free][:, active].T
        step = np.linalg.solve(scaled, (downhill / unit)[:, :, None])[:, :, 0] / unit
        decrement = np.einsum("Nd,Nd->N", downhill, step)
        done = (decrement <= STATIONARY**2) & (damping[active] <= SMALLEST_DAMPING)
        converged[active[done]] = True
        active, step = active[~done], step[~done]
        if not len(active):
            break
        tried = theta[:, active]
        tried[free] += step.T
        new_cost, new_gradient = model.descent(data[:, active], tried)
        better = new_cost <= cost[active] + NOT_WORSE * (1 + cost[active])
        taken = active[better]
        theta[:, taken], cost[taken], gradient[:, taken] = tried[:, better], new_cost[better], new_gradient[:, better]
        damping[taken] = np.where(damping[taken] > SMALLEST_DAMPING, damping[taken] / 30, 0.0)
        damping[active[~better]] = np.maximum(10 * damping[active[~better]], FIRST_DAMPING)
    return theta, converged


# --- sums of errors ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over the trials of a simulation, one row per block, so that merging them is exact in any order.

    ``blocks``
        Numbers of the blocks, ascending, shape ``(n_blocks,)``.
    ``counts``
        Trials, and trials that did not converge, shape ``(n_blocks, 2)``.
    ``sums``
        Of the errors of all parameters, m, shape ``(n_blocks, d)``.
    ``squares``
        Of the outer products of the errors, m^2, shape ``(n_blocks, d, d)``.
    ``nees``
        Of the normalised squared errors ``e' P^-1 e`` (NEES), ``P`` the covariance that the estimator states: the
        inverse of the information at its estimate; shape ``(n_blocks,)``.
    """

    blocks: NDArray[np.int64]
    counts: NDArray[np.int64]
    sums: Array
    squares: Array
    nees: Array

    @classmethod
    def merged(cls, parts: Iterable[Moments]) -> Moments:
        """Blocks of several simulations of the same thing, together.

        Raises
        ------
        IsalError
            If there is nothing to merge, or a block is there twice.
        """
        gathered = list(parts)
        blocks, order = in_order([part.blocks for part in gathered])
        columns = (
            np.concatenate([getattr(part, name) for part in gathered])[order]
            for name in ("counts", "sums", "squares", "nees")
        )
        return cls(blocks, *columns)

    @classmethod
    def of_block(cls, block: int, errors: Array, converged: NDArray[np.bool_], nees: Array) -> Moments:
        """Sums of one block from its errors, m, shape ``(d, N)``, and normalised squared errors, shape ``(N,)``."""
        return cls(
            np.array([block]),
            np.array([[len(converged), np.count_nonzero(~converged)]]),
            errors.sum(axis=1)[None],
            (errors @ errors.T)[None],
            np.array([nees.sum()]),
        )

    @property
    def trials(self) -> int:
        return int(self.counts[:, 0].sum())

    @property
    def not_converged(self) -> int:
        """Trials that did not converge; they are counted in all sums like the others."""
        return int(self.counts[:, 1].sum())

    @property
    def bias(self) -> Array:
        """Mean error, m, shape ``(d,)``."""
        return np.asarray(self.sums.sum(axis=0) / self.trials)

    @property
    def mean_square(self) -> Array:
        """Mean outer product of the errors, m^2, shape ``(d, d)``."""
        return np.asarray(self.squares.sum(axis=0) / self.trials)

    @property
    def stated_nees(self) -> float:
        """Mean of ``e' P^-1 e``, with ``P`` as the estimator states it; ``d`` for an honest one."""
        return math.fsum(self.nees) / self.trials


@dataclass(frozen=True)
class Comparison:
    """A simulated mean squared error beside its bound.

    ``ratio`` is the mean squared error over the bound, and ``nees`` the mean of ``e' C^-1 e / k`` for the ``k``
    parameters in question and the covariance ``C`` of the bound. Both are 1 within their ``limits`` if errors are
    normal with that covariance, each with the probability that was asked for.
    """

    trials: int
    not_converged: int
    mean_square: float
    bound: float
    ratio: float
    ratio_limits: tuple[float, float]
    nees: float
    nees_limits: tuple[float, float]

    @property
    def agrees(self) -> bool:
        """Whether ratio and NEES keep to their limits."""
        low, high = self.ratio_limits
        least, most = self.nees_limits
        return low <= self.ratio <= high and least <= self.nees <= most


#: What is summed up over the trials of a block for some of the parameters: trials, those that did not converge,
#: ``|e|^2`` in m^2, and ``e' C^-1 e`` with the covariance C of the bound.
SUMS = ("trials", "not_converged", "square", "nees")


def sums_of(moments: Moments, covariance: Array, indices: NDArray[np.intp]) -> Array:
    """:data:`SUMS` of some parameters, shape ``(n_blocks, len(SUMS))``; ``covariance`` is of all, m^2."""
    block = np.ix_(indices, indices)
    squares = moments.squares[:, block[0], block[1]]
    inverted = np.linalg.inv(covariance[block])
    # block by block, so that no sum depends on how many there are
    sums = np.array([[np.trace(each), np.sum(inverted * each)] for each in squares])
    return np.concatenate([moments.counts, sums], axis=1)


def spread_of(covariance: Array, indices: NDArray[np.intp]) -> float:
    """Standard deviation of ``|e|^2`` over its mean for normal errors of some parameters, ``sqrt(2 tr C^2) / tr C``."""
    part = covariance[np.ix_(indices, indices)]
    return float(math.sqrt(2 * np.sum(part**2)) / np.trace(part))


def compare(moments: Moments, covariance: Array, indices: NDArray[np.intp], level: float = 0.01) -> Comparison:
    """Errors of some parameters against normal ones of a given covariance.

    Parameters
    ----------
    covariance
        Of all parameters, m^2, shape ``(d, d)``.
    indices
        Which parameters; a block of them.
    level
        Probability of a wrong alarm that each of the two limits may have, see
        :func:`isal.validation.statistics.level_of_each` for that of a whole table.
    """
    trials, _, square, weighted = sums_of(moments, covariance, indices).sum(axis=0)
    n, k = int(trials), len(indices)
    bound = float(np.trace(covariance[np.ix_(indices, indices)]))
    return Comparison(
        trials=n,
        not_converged=moments.not_converged,
        mean_square=float(square / n),
        bound=bound,
        ratio=float(square / n / bound),
        ratio_limits=square_limits(n, spread_of(covariance, indices), level),
        nees=float(weighted / n / k),
        nees_limits=mean_square_limits(n, 1.0, level, k),
    )


# --- simulations ------------------------------------------------------------------------------------------------------


def simulate(info: Information, power: ArrayLike, key: Key, blocks: Iterable[int]) -> Moments:
    """Errors of maximum likelihood in one slot, of whatever kind the network is.

    Localization only is a network without targets, sensing only one with ``radars_known``.

    Parameters
    ----------
    power
        Node powers, W, radars first; bounds must be finite there.
    key, blocks
        Seed, study and point, and the numbers of the blocks to be simulated.

    Raises
    ------
    IsalError
        If the powers are unusable or leave a parameter undetermined.
    """
    model = Model.of(info, power)
    model.covariance()

    def block(number: int) -> Moments:
        rng = generator(key, number)
        truth = drawn_truth(info, model, rng)
        data = drawn(model, truth, rng)
        theta, converged = estimate(model, data, truth)
        errors = theta - truth
        return Moments.of_block(number, errors, converged, model.squared(theta, errors))

    return Moments.merged(map(block, blocks))


def covariance(info: Information, power: ArrayLike) -> Array:
    """What :func:`simulate` is compared with: the inverse of the information (18) or (23), m^2, shape ``(d, d)``."""
    return inverse(info.measured(power) + info.prior)


def drawn_truth(info: Information, model: Model, rng: np.random.Generator, n_trials: int = TRIALS_PER_BLOCK) -> Array:
    """True parameters of each trial, m, shape ``(d, N)``: positions as they are, clock offsets at random."""
    truth = np.repeat(model.truth[:, None], n_trials, axis=1)
    clocks = info.basis.indices(["clocks"])
    truth[clocks] = CLOCK_SPREAD_M * rng.standard_normal((n_trials, len(clocks))).T
    return truth


def drawn(model: Model, truth: Array, rng: np.random.Generator) -> Array:
    """Measurements ``u`` of each trial, shape ``(k, N)``."""
    return model.mean(truth) + rng.standard_normal((truth.shape[1], len(model.root))).T


@dataclass(frozen=True, eq=False)
class SlotMoments:
    """Errors in two slots: ``filtered`` in each from the slots so far, and ``smoothed`` of both slots from both.

    Parameters of ``smoothed`` are those of slot 1, then those of slot 2. What filters the second slot is what is handed
    on to it: the estimate of slot 1 with the information that its bound states.
    """

    filtered: tuple[Moments, Moments]
    smoothed: Moments


def simulate_slots(
    infos: Sequence[Information], powers: Sequence[ArrayLike], key: Key, blocks: Iterable[int]
) -> SlotMoments:
    """Errors of maximum likelihood in two slots, filtered and smoothed.

    How radars and clocks change between the slots is measured with the variance of the increment, (20) and (25), as an
    odometer would: positions are those of the two networks in every trial, so that one bound holds for all trials.

    Raises
    ------
    IsalError
        If there are not two slots of one kind, or as :func:`simulate`.
    """
    if len(infos) != 2 or len(powers) != 2:
        raise IsalError(f"two slots with their powers are needed, got {len(infos)} slots and {len(powers)} powers")
    one, two = infos
    temporal.refuse_unlike([one.network, two.network])
    first, second = (Model.of(info, power) for info, power in zip(infos, powers, strict=True))
    d = one.basis.size
    tied = _ties(infos)
    both = Model.chained(first, second, tied)
    both.covariance()
    moved = two.basis.indices(temporal.COUPLED)
    told = root_of(_message(infos, powers[0]))
    prior = np.zeros((len(told), two.basis.size))
    prior[:, moved] = told
    filtering = second.with_prior(prior)

    def block(number: int) -> tuple[Moments, Moments, Moments]:
        rng = generator(key, number)
        truth = np.concatenate([drawn_truth(one, first, rng), drawn_truth(two, second, rng)])
        data = drawn(both, truth, rng)
        of_first, of_second, of_change = np.split(data, [len(first.root), len(first.root) + len(second.root)])
        estimate_1, converged_1 = estimate(first, of_first, truth[:d])
        # the measured change, in m: its rows are diagonal
        change = of_change / np.sqrt(temporal.coupling(two))[:, None]
        expected = told @ (estimate_1[moved] + change)
        estimate_2, converged_2 = estimate(filtering, np.concatenate([of_second, expected]), truth[d:])
        smoothed, converged = estimate(both, data, truth)
        errors = estimate_1 - truth[:d], estimate_2 - truth[d:], smoothed - truth
        return (
            Moments.of_block(number, errors[0], converged_1, first.squared(estimate_1, errors[0])),
            Moments.of_block(number, errors[1], converged_1 & converged_2, filtering.squared(estimate_2, errors[1])),
            Moments.of_block(number, errors[2], converged, both.squared(smoothed, errors[2])),
        )

    done = list(map(block, blocks))
    slot_1, slot_2, smoothed = (Moments.merged(parts) for parts in zip(*done, strict=True)) if done else _no_blocks()
    return SlotMoments((slot_1, slot_2), smoothed)


def _no_blocks() -> tuple[Moments, Moments, Moments]:
    raise IsalError("there are no blocks of trials; simulate at least one")


def slot_covariances(infos: Sequence[Information], powers: Sequence[ArrayLike]) -> tuple[tuple[Array, Array], Array]:
    """What :func:`simulate_slots` is compared with, m^2: filtered in each of two slots, and smoothed of both together.

    The filtered ones are made slot by slot (:mod:`isal.model.temporal`), the smoothed one from the matrix of both
    slots, so that the block of slot 2 comes out twice.
    """
    for info in infos:
        refuse_nuisances(info, "the simulation of positions")
    one, two = (info.measured(power) for info, power in zip(infos, powers, strict=True))
    d, indices = len(one), np.arange(len(one) + len(two))
    rows = Knowledge.of_rows(_ties(infos))
    both = one.embedded(len(indices), indices[:d]) + two.embedded(len(indices), indices[d:]) + rows
    told = temporal.embedded(infos[1], _message(infos, powers[0]))
    return (inverse(one), inverse(two + told)), inverse(both)


def _ties(infos: Sequence[Information]) -> Array:
    """Square root of the coupling of two slots, shape ``(n_coupled, d1 + d2)``, 1/m."""
    one, two = infos
    places_1, places_2 = (info.basis.indices(temporal.COUPLED) for info in infos)
    ties = np.zeros((len(places_1), one.basis.size + two.basis.size))
    number, size = np.arange(len(places_1)), np.sqrt(temporal.coupling(two))
    ties[number, places_1], ties[number, one.basis.size + places_2] = -size, size
    return ties


def _message(infos: Sequence[Information], power: ArrayLike) -> Knowledge:
    """What slot 1 says about radars and clocks of slot 2."""
    known = temporal.knowledge(infos[0], infos[0].measured(power))
    return temporal.message(known, temporal.coupling(infos[1]))


# --- where the bounds end ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Basin:
    """Where iterations end that start some distance ``off`` (m) from the truth; all of shape ``(n_off,)``.

    ``same`` is the share of trials that end at the maximum that a start at the truth leads to, ``elsewhere`` the share
    that converge to another one, and ``as_likely`` that of those where the likelihood is as large or larger there, such
    as the mirror image of a network with two anchors, which no range tells from it. ``not_converged`` are the rest.
    """

    off: Array
    same: Array
    elsewhere: Array
    as_likely: Array
    not_converged: Array
    trials: int


def basin(info: Information, power: ArrayLike, off: Sequence[float], key: Key, blocks: Iterable[int]) -> Basin:
    """Share of trials that converge to the maximum next to the truth, by how far off the start is.

    Every unknown position starts at the distance ``off`` (m) from its true place, in a random direction of its own;
    clock offsets, in which ranges are linear, start off by a normal error of that standard deviation. The iterations
    are damped Gauss-Newton.
    """
    for distance in off:
        if not (math.isfinite(distance) and distance >= 0):
            raise IsalError(f"a start must be off by a finite distance that is not negative, got {distance} m")
    model = Model.of(info, power)
    model.covariance()
    clocks = info.basis.indices(["clocks"])
    ends = np.zeros((len(off), 4), dtype=np.int64)
    trials = 0
    for number in blocks:
        rng = generator(key, number)
        truth = drawn_truth(info, model, rng)
        data = drawn(model, truth, rng)
        near, sound = estimate(model, data, truth)
        best, _ = model.descent(data, near)
        shift = np.zeros_like(truth)
        for axis, part in enumerate(_directions(model, truth.shape[1], rng)):
            shift[model.columns + axis] = part
        shift[clocks] = rng.standard_normal((truth.shape[1], len(clocks))).T
        for row, distance in enumerate(off):
            theta, converged = estimate(model, data, truth + distance * shift, near_truth=False)
            same = converged & sound & (model.squared(near, theta - near) <= SAME**2)
            cost, _ = model.descent(data, theta)
            other = converged & ~same
            rival = other & (cost <= best + NOT_WORSE * (1 + best))
            ends[row] += [np.count_nonzero(each) for each in (same, other, rival, ~converged)]
        trials += truth.shape[1]
    if not trials:
        _no_blocks()
    same_share, elsewhere, as_likely, not_converged = (ends / trials).T
    return Basin(np.asarray(off, dtype=float), same_share, elsewhere, as_likely, not_converged, trials)


def _directions(model: Model, n_trials: int, rng: np.random.Generator) -> Array:
    """A random direction for each unknown position in each trial, shape ``(D, n_unknown, N)``, all equally likely."""
    n_unknown = len(model.columns)
    if len(model.axes) == 2:
        bearing = rng.uniform(0, 2 * np.pi, (n_trials, n_unknown)).T
        return np.stack([np.cos(bearing), np.sin(bearing)])
    away = rng.standard_normal((n_trials, n_unknown, len(model.axes))).T
    return np.asarray(away / np.linalg.norm(away, axis=0))


def with_outliers(
    info: Information,
    power: ArrayLike,
    outlier_probability: ArrayLike,
    search_m: ArrayLike,
    kept: ArrayLike,
    key: Key,
    blocks: Iterable[int],
) -> Moments:
    """Errors where links below the threshold of their delay estimator find outliers instead of their paths.

    Parameters that are not listed, and the errors, are those of :func:`simulate`. Compare the moments with
    :func:`covariance` of :func:`with_links`.

    Parameters
    ----------
    outlier_probability
        Of each link, shape ``(n_links,)``: with it, its range is uniform over the search interval, and else normal as
        everywhere here.
    search_m
        Length of the search interval as a range, m, one number or one per link; the true range is in its middle.
    kept
        Which links the receiver uses, shape ``(n_links,)``, true or false. It takes all of them for normal, as the
        bound does. The others have no weight; what is kept must determine every parameter.
    """
    n_links = len(info.links)
    probability = np.asarray(outlier_probability, dtype=float)
    if probability.shape != (n_links,) or not ((probability >= 0) & (probability <= 1)).all():
        raise IsalError(f"outlier probabilities must be {n_links} numbers from 0 to 1, one for each link")
    used = np.asarray(kept)
    if used.shape != (n_links,) or used.dtype != bool:
        raise IsalError(f"kept must say true or false for each of {n_links} links, got shape {used.shape}")
    half = np.broadcast_to(np.asarray(search_m, dtype=float) / 2, n_links)
    if not (np.isfinite(half) & (half > 0)).all():
        raise IsalError("search intervals must be finite and positive, in m")
    part = with_links(info, used)
    told = part.link_information(power)
    model, projection = Model.with_projection(part, told)
    model.covariance()
    weight = np.sqrt(told)
    rate, reach = probability[used], half[used]

    def block(number: int) -> Moments:
        rng = generator(key, number)
        truth = drawn_truth(info, model, rng)
        # drawn for all links, so that the same link finds the same whichever others are kept
        shape = (TRIALS_PER_BLOCK, n_links)
        normal, uniform, chance = rng.standard_normal(shape), rng.uniform(-1, 1, shape), rng.uniform(size=shape)
        errors = np.where(chance[:, used] < rate, uniform[:, used] * (reach * weight), normal[:, used])
        data = model.mean(truth) + projection.T @ errors.T
        theta, converged = estimate(model, data, truth)
        off = theta - truth
        return Moments.of_block(number, off, converged, model.squared(theta, off))

    return Moments.merged(map(block, blocks))


def with_links(info: Information, kept: NDArray[np.bool_]) -> Information:
    """What some links alone tell; their bound is that of :func:`covariance` at the same powers."""
    return replace(info, links=info.links.only(kept))
