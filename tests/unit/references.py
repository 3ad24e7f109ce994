"""The paper's formulas once more, written as loops over single links and independently of ``isal``."""

import math
from decimal import Decimal, localcontext

import cvxpy as cp
import numpy as np

#: Digits of what is computed in decimals: enough for temporal information of any size next to that of the links.
DIGITS = 120
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")


def link_list(network):
    """(transmitter, receiver, target or None) of every link in the order of (10)."""
    n, n_radars = network.n_nodes, network.n_radars
    sensing = [(m, k, t) for t in range(network.n_targets) for m in range(n) for k in range(n)]
    ranging = [(m, k, None) for m in range(n) for k in range(n) if m != k and (m < n_radars or k < n_radars)]
    return sensing + ranging


def n_offsets(network, clock):
    """Clock offsets to be estimated: radars 2, 3, ... and the anchors' common one."""
    if clock == "synchronous" or network.n_radars == 0:
        return 0
    return network.n_radars - 1 + (1 if network.n_anchors else 0)


def parameters(network, clock, offsets):
    """``theta``: radar positions, clock offsets (m), target positions."""
    radars = [] if network.radars_known else network.radars.ravel()
    return np.concatenate([radars, offsets[: n_offsets(network, clock)], network.targets.ravel()])


def measured_ranges(network, clock, theta):
    """``c`` times the delay that each link would measure, m, at any parameters ``theta``."""
    d = network.nodes.shape[1]
    n_position = 0 if network.radars_known else d * network.n_radars
    n_clock = n_offsets(network, clock)
    radars = network.radars if network.radars_known else theta[:n_position].reshape(-1, d)
    offsets = theta[n_position : n_position + n_clock]
    targets = theta[n_position + n_clock :].reshape(-1, d)
    spot = [*radars, *network.anchors]

    def tau(node):
        """Offset of a node's clock from the clock of radar 1, as a range."""
        if n_clock == 0 or node == 0:
            return 0.0
        return offsets[node - 1] if node < network.n_radars else offsets[-1]

    ranges = []
    for m, n, t in link_list(network):
        if t is None:
            length = math.dist(spot[m], spot[n])
        else:
            length = math.dist(spot[m], targets[t]) + math.dist(targets[t], spot[n])
        ranges.append(length + tau(n) - tau(m))
    return np.array(ranges)


def jacobian(network, clock):
    """Rows of (A1)-(A3) times ``c``, from angles by ``atan2``."""
    d = network.nodes.shape[1]
    blocks = [0 if network.radars_known else d * network.n_radars, n_offsets(network, clock), d * network.n_targets]
    spot = [*network.radars, *network.anchors]
    rows = []
    for m, n, t in link_list(network):
        row = np.zeros(sum(blocks))

        def leg(start, end, start_column, end_column, row=row):
            angle = math.atan2(end[1] - start[1], end[0] - start[0])
            direction = np.array([math.cos(angle), math.sin(angle)])
            if d == 3:
                elevation = math.atan2(end[2] - start[2], math.hypot(end[0] - start[0], end[1] - start[1]))
                direction = np.append(math.cos(elevation) * direction, math.sin(elevation))
            if end_column is not None:
                row[end_column : end_column + d] += direction
            if start_column is not None:
                row[start_column : start_column + d] -= direction

        def column(node):
            return d * node if node < network.n_radars and not network.radars_known else None

        if t is None:
            leg(spot[m], spot[n], column(m), column(n))
        else:
            target_column = blocks[0] + blocks[1] + d * t
            leg(spot[m], network.targets[t], column(m), target_column)
            leg(network.targets[t], spot[n], target_column, column(n))
        for node, sign in ((n, 1), (m, -1)):
            if blocks[1] and node > 0:
                row[blocks[0] + min(node, network.n_radars) - 1] += sign
        rows.append(row)
    return np.array(rows)


def intensities(network, radio, power):
    """Range information intensity of every link, (14) and (15), 1/m^2."""
    spot = [*network.radars, *network.anchors]
    values = []
    for m, n, t in link_list(network):
        if t is None:
            values.append(radio.xi * power[m] / math.dist(spot[m], spot[n]) ** 2)
        else:
            legs = math.dist(spot[m], network.targets[t]) * math.dist(network.targets[t], spot[n])
            values.append(radio.xi * power[m] / legs**2 * radio.radar_cross_section_m2 / (4 * math.pi))
    return np.array(values)


def information(network, radio, power, clock):
    """``I(p)`` of (16) as a sum over the links, 1/m^2."""
    rows = jacobian(network, clock)
    total = np.zeros((rows.shape[1], rows.shape[1]))
    for row, intensity in zip(rows, intensities(network, radio, power), strict=True):
        total += intensity * np.outer(row, row)
    return total


def speb(matrix, indices):
    """Trace of a block of the inverse, after scaling to a unit diagonal."""
    unit = 1 / np.sqrt(np.diag(matrix))
    inverse = np.linalg.inv(matrix * np.outer(unit, unit)) * np.outer(unit, unit)
    return np.trace(inverse[np.ix_(indices, indices)])


def exact(matrix):
    """The same numbers as decimals; arithmetic on them belongs inside ``localcontext(prec=DIGITS)``."""
    return np.array([Decimal(float(value)) for value in np.ravel(matrix)], dtype=object).reshape(np.shape(matrix))


def exact_inverse(matrix):
    """Inverse of a positive definite matrix of decimals, by elimination with :data:`DIGITS` digits."""
    size = len(matrix)
    with localcontext(prec=DIGITS):
        work = np.concatenate([matrix, exact(np.eye(size))], axis=1)
        for pivot in range(size):
            row = work[pivot] / work[pivot, pivot]
            work = work - np.outer(work[:, pivot], row)
            work[pivot] = row
        return work[:, size:]


def increments(network, radio, clock):
    """Diagonals of ``T_Loc`` (20) and of ``T_tau`` (25), the latter for offsets in metres, as decimals, 1/m^2."""
    n_coordinates = 0 if network.radars_known else network.radars.size
    with localcontext(prec=DIGITS):
        velocity, drift = Decimal(radio.velocity_variance), Decimal(radio.drift_variance)
        radars = np.full(n_coordinates, 1 / velocity)
        clocks = np.full(n_offsets(network, clock), 1 / (drift * Decimal(299792458) ** 2))
    return radars, clocks


def printed_19(first, second, t_loc):
    """(19) as printed, from the two slots' matrices over radars and target and the diagonal of ``T_Loc``."""
    r, t = slice(0, len(t_loc)), slice(len(t_loc), len(first))
    T, zero = np.diag(t_loc), exact(np.zeros((len(t_loc), len(first) - len(t_loc))))
    none = exact(np.zeros((zero.shape[1], zero.shape[1])))
    with localcontext(prec=DIGITS):
        return np.block(
            [
                [first[r, r] + T, first[r, t], T, zero],
                [first[t, r], first[t, t], zero.T, none],
                [T, zero, second[r, r] + T, second[r, t]],
                [zero.T, none, second[t, r], second[t, t]],
            ]
        )


def printed_24(first, second, t_loc, t_tau):
    """(24) as printed, from the two slots' matrices over radars, clock offsets and target."""
    n_r, n_c, n_t = len(t_loc), len(t_tau), len(first) - len(t_loc) - len(t_tau)
    r, c, t = slice(0, n_r), slice(n_r, n_r + n_c), slice(n_r + n_c, len(first))

    def zero(rows, columns):
        return exact(np.zeros((rows, columns)))

    L, K = np.diag(t_loc), np.diag(t_tau)
    with localcontext(prec=DIGITS):
        return np.block(
            [
                [first[r, r] + L, first[r, c], first[r, t], L, zero(n_r, n_c), zero(n_r, n_t)],
                [first[c, r], first[c, c] + K, first[c, t], zero(n_c, n_r), K, zero(n_c, n_t)],
                [first[t, r], first[t, c], first[t, t], zero(n_t, n_r), zero(n_t, n_c), zero(n_t, n_t)],
                [L, zero(n_r, n_c), zero(n_r, n_t), second[r, r] + L, second[r, c], second[r, t]],
                [zero(n_c, n_r), K, zero(n_c, n_t), second[c, r], second[c, c] + K, second[c, t]],
                [zero(n_t, n_r), zero(n_t, n_c), zero(n_t, n_t), second[t, r], second[t, c], second[t, t]],
            ]
        )


def schedule_matrix(matrices, coupled, sign=-1):
    """(19) and (24) for any number of slots: block tridiagonal, ``sign * T`` between neighbouring slots, decimals.

    ``matrices`` are the slots' own in time order, as decimals; ``coupled`` is the diagonal of ``T`` about their first
    parameters.
    """
    size, n = len(matrices[0]), len(coupled)
    T = np.diag(coupled)
    total = exact(np.zeros((size * len(matrices), size * len(matrices))))
    with localcontext(prec=DIGITS):
        for slot, matrix in enumerate(matrices):
            start = slot * size
            total[start : start + size, start : start + size] += matrix
            if slot:
                here, before = slice(start, start + n), slice(start - size, start - size + n)
                total[before, before] += T
                total[here, here] += T
                total[before, here] += sign * T
                total[here, before] += sign * T
    return total


def block_traces(inverse, network, clock, slot=0):
    """Traces of the blocks of radars, clock offsets and targets of one slot in the inverse of a schedule's matrix."""
    sizes = [0 if network.radars_known else network.radars.size, n_offsets(network, clock), network.targets.size]
    ends = np.cumsum(sizes)
    diagonal = np.diag(inverse)[slot * ends[-1] :]
    with localcontext(prec=DIGITS):
        return [
            float(sum(diagonal[end - size : end])) if size else math.nan for size, end in zip(sizes, ends, strict=True)
        ]


def small_lmi(problem, solver, *, scaled, **options):
    """Powers, objective and status of ``min tr H`` subject to ``[[H, C'], [C, M(p)]] >= 0``, written with cvxpy.

    ``scaled`` applies a congruence that turns M into the identity at even powers; else all stays in raw units.
    """
    d, k = problem.selector.shape
    transform, unit, value = np.eye(d), 1.0, 1.0
    if scaled:
        even = problem.interior_start()
        vectors, values = np.linalg.eigh(problem.matrix(even))[::-1]
        transform, unit, value = vectors / np.sqrt(values), problem.budget, problem.value(even)
    power = cp.Variable(problem.n_nodes, nonneg=True)
    h = cp.Variable((k, k), symmetric=True)
    matrix = transform.T @ problem.constant @ transform + cp.sum(
        [p * (unit * transform.T @ b @ transform) for p, b in zip(power, problem.per_watt, strict=True)]
    )
    cross = transform.T @ problem.selector / np.sqrt(value)
    lmi = cp.Variable((k + d, k + d), PSD=True)
    program = cp.Problem(
        cp.Minimize(cp.trace(h)),
        [
            lmi == cp.bmat([[h, cross.T], [cross, matrix]]),
            power <= problem.caps / unit,
            cp.sum(power) <= problem.budget / unit,
        ],
    )
    program.solve(solver=solver, **options)
    return power.value * unit, program.value * value, program.status
