"""Schemes over slots once more, in decimals of 50 digits from the positions on: what a result must agree with.

Matrices are numpy arrays of :class:`decimal.Decimal`. Nothing here is shared with ``isal`` but the numbers that go in.
"""

import itertools
import math
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import wraps

import numpy as np
import references

DIGITS = 50


def digits():
    """Where arithmetic on decimals belongs."""
    return localcontext(prec=DIGITS)


def _in_decimals(function):
    @wraps(function)
    def inside(*args, **kwargs):
        with digits():
            return function(*args, **kwargs)

    return inside


@dataclass
class Step:
    """``f(p)`` of one step at given powers, and the certified bound that these powers give, both exact, m^2."""

    value: float
    lower_bound: float


def links_of(network, radio, clock):
    """Rows (A1)-(A3) times ``c``, intensities per watt (14), (15), 1/(m^2 W), and transmitters of all links."""
    blocks = [
        0 if network.radars_known else network.radars.size,
        references.n_offsets(network, clock),
        network.targets.size,
    ]
    d = network.nodes.shape[1]
    spot = references.exact(np.concatenate([network.radars, network.anchors]))
    targets = references.exact(network.targets)
    xi = Decimal(radio.xi)
    reflected = Decimal(radio.radar_cross_section_m2) / (4 * references.PI)
    rows, intensity, transmitters = [], [], []
    for m, n, t in references.link_list(network):
        row = [Decimal(0)] * sum(blocks)
        strength = xi
        legs = (
            [(spot[m], spot[n], m, n)]
            if t is None
            else [(spot[m], targets[t], m, -t - 1), (targets[t], spot[n], -t - 1, n)]
        )
        for start, end, tail, head in legs:
            difference = end - start
            length = sum(x * x for x in difference).sqrt()
            strength /= length**2
            for node, sign in ((head, 1), (tail, -1)):
                if node < 0:
                    column = blocks[0] + blocks[1] + d * (-node - 1)
                elif node < network.n_radars and not network.radars_known:
                    column = d * node
                else:
                    continue
                for axis in range(d):
                    row[column + axis] += sign * difference[axis] / length
        for node, sign in ((n, 1), (m, -1)):
            if blocks[1] and node > 0:
                row[blocks[0] + min(node, network.n_radars) - 1] += sign
        rows.append(row)
        intensity.append(strength if t is None else strength * reflected)
        transmitters.append(m)
    return np.array(rows, dtype=object), np.array(intensity, dtype=object), np.array(transmitters)


@_in_decimals
def node_matrices(network, radio, clock):
    """``A_m``, shape ``(n, d, d)``."""
    rows, intensity, transmitter = links_of(network, radio, clock)
    weighted = rows * intensity[:, None]
    return np.array([weighted[transmitter == m].T @ rows[transmitter == m] for m in range(network.n_nodes)])


@_in_decimals
def exact_step(constant, per_watt, objective, power, budget, caps):
    """The :class:`Step` of ``min tr(C' M(p)^-1 C)`` at ``power`` (W); :mod:`isal.allocation.problem` has the
    certificate.
    """
    power, caps = references.exact(power), np.minimum(references.exact(caps), Decimal(budget))
    matrix = constant + np.tensordot(power, per_watt, 1)
    columns = inverse(matrix)[:, objective]
    value = sum(columns[row, column] for column, row in enumerate(objective))
    fixed = np.sum(columns * (constant @ columns))
    slope = [np.sum(columns * (each @ columns)) for each in per_watt]
    left, most = Decimal(budget), Decimal(0)
    for node in sorted(range(len(slope)), key=lambda node: -slope[node]):
        spent = min(left, caps[node])
        most += spent * max(slope[node], Decimal(0))
        left -= spent
    return Step(float(value), float(value**2 / (fixed + most)))


def inverse(matrix):
    """Inverse of a positive definite matrix by elimination."""
    size = len(matrix)
    work = np.concatenate([matrix, references.exact(np.eye(size))], axis=1)
    for pivot in range(size):
        row = work[pivot] / work[pivot, pivot]
        column = work[:, pivot].copy()
        column[pivot] = Decimal(0)
        work = work - np.outer(column, row)
        work[pivot] = row
    return work[:, size:]


def eliminated(matrix, keep):
    """Schur complement: what is known of ``keep`` when all others are unknown; those without information drop out."""
    drop = np.array([index for index in range(len(matrix)) if index not in set(keep.tolist())], dtype=int)
    live = np.array([index for index in drop if matrix[index, index] > 0], dtype=int)
    kept = matrix[np.ix_(keep, keep)]
    if not len(live):
        return kept
    cross = matrix[np.ix_(live, keep)]
    return kept - cross.T @ inverse(matrix[np.ix_(live, live)]) @ cross


@_in_decimals
def exact_steps(networks, radio, clock, powers, energies, caps, carry=None):
    """The :class:`Step` of every step of every slot, of the integrated scheme if ``carry`` is None, at given powers.

    ``powers`` and ``energies`` have one sequence per slot, of one entry per step.
    """
    sizes = [
        0 if networks[0].radars_known else networks[0].radars.size,
        references.n_offsets(networks[0], clock),
        networks[0].targets.size,
    ]
    ends = np.cumsum([0, *sizes])
    blocks = [np.arange(start, end) for start, end in itertools.pairwise(ends) if end > start]
    d, coupled = ends[-1], np.arange(ends[2])
    increments = np.concatenate(references.increments(networks[0], radio, clock))
    zero = references.exact(np.zeros((d, d)))
    prior, found = zero, []
    for network, power, energy in zip(networks, powers, energies, strict=True):
        own = node_matrices(network, radio, clock)
        carried, steps = zero, []
        if carry is None:
            steps.append(exact_step(prior, own, blocks[-1], power[0], energy[0], caps))
            carried = np.tensordot(references.exact(power[0]), own, 1)
        for step in range(len(blocks) if carry else 0):
            met = np.concatenate(blocks[: step + 1])
            counted = own.copy()
            if carry == "held" and step:
                known = np.concatenate(blocks[:step])
                counted[:, known[:, None], known] = Decimal(0)
            take = np.ix_(met, met)
            where = np.searchsorted(met, blocks[step])
            steps.append(
                exact_step(
                    (carried + prior)[take], counted[:, met[:, None], met], where, power[step], energy[step], caps
                )
            )
            everything = carried + np.tensordot(references.exact(power[step]), counted, 1)
            last = step + 1 == len(blocks)
            carried = everything
            if not last and carry != "joint":
                carried = zero.copy()
                carried[take] = eliminated(everything, met) if carry == "marginal" else everything[take]
        found.append(steps)
        known = eliminated(carried + prior, coupled) if len(coupled) else None
        prior = zero.copy()
        if len(coupled):
            # (T^-1 + J^-1)^-1 = J - J (J + T)^-1 J
            between = known - known @ inverse(known + np.diag(increments)) @ known
            prior[np.ix_(coupled, coupled)] = between
    return found


def disagreement(result, radio, clock, caps=math.inf, carry=None):
    """By how much the values of a result exceed their stated gaps, the largest over its steps, relative.

    At most zero if every value is right to its stated gap and every bound is below the exact one from the same powers.
    """
    slots = result.slots if hasattr(result, "slots") else (result,)
    networks = [slot.information.network for slot in slots]
    powers = [[each.power for each in slot.steps] for slot in slots]
    caps = np.broadcast_to(np.asarray(caps, dtype=float), networks[0].n_nodes)
    budgets = [[each.energy for each in slot.steps] for slot in slots]
    exact = exact_steps(networks, radio, clock, powers, budgets, np.minimum(caps, 1e300), carry)
    worst = -math.inf
    for slot, references_ in zip(slots, exact, strict=True):
        for solved, reference in zip(slot.steps, references_, strict=True):
            found = solved.allocation
            worst = max(worst, abs(found.value / reference.value - 1) - found.gap)
    return worst
