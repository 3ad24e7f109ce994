"""Random networks and allocation problems, as plain functions of a generator and as hypothesis strategies."""

import itertools

import numpy as np
from hypothesis import strategies as st

import isal
import isal.model.parameters

#: Random nodes keep this distance, so that rounding and finite differences stay far below the tolerances.
SEPARATION_M = 5.0

CLOCKS = st.sampled_from(isal.model.parameters.CLOCKS)


def random_network(rng, n_anchors, n_radars, n_targets, *, radars_known=False, name="random", dimension=2):
    """A network in a square, or cube, of 200 m."""
    n = n_anchors + n_radars + n_targets
    while True:
        spots = rng.uniform(0, 200, (n, dimension))
        distance = np.linalg.norm(spots[:, None] - spots[None], axis=-1) + np.diag(np.full(n, np.inf))
        if n == 1 or distance.min() > SEPARATION_M:
            break
    anchors, radars, targets = np.split(spots, [n_anchors, n_anchors + n_radars])
    return isal.Network(anchors, radars, targets, radars_known=radars_known, name=name)


def generators():
    """A seeded numpy generator."""
    return st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def networks(draw, anchors=(2, 4), radars=(1, 3), targets=(1, 2), radars_known=(False,), dimension=2):
    """A random network with numbers of nodes in the given ranges (both ends included)."""
    sizes = [draw(st.integers(*bounds)) for bounds in (anchors, radars, targets)]
    known = st.sampled_from(radars_known)
    return random_network(draw(generators()), *sizes, radars_known=draw(known), dimension=dimension)


@st.composite
def powered_networks(draw, **sizes):
    """A random network with positive node powers, W."""
    network = draw(networks(**sizes))
    return network, draw(generators()).uniform(0.1, 3.0, network.n_nodes)


def random_schedule(rng, n_slots, n_anchors, n_radars, n_targets, *, radars_known=False):
    """Slots with equal numbers of nodes anywhere: what couples them does not depend on how far they moved."""
    return [
        random_network(rng, n_anchors, n_radars, n_targets, radars_known=radars_known, name=f"slot {number + 1}")
        for number in range(n_slots)
    ]


@st.composite
def powered_schedules(draw, slots=(2, 3), anchors=(2, 3), radars=(1, 3), targets=(1, 2), radars_known=(False,)):
    """A random schedule with positive node powers of each slot, W, shape ``(n_slots, n_nodes)``."""
    sizes = [draw(st.integers(*bounds)) for bounds in (slots, anchors, radars, targets)]
    rng = draw(generators())
    networks = random_schedule(rng, *sizes, radars_known=draw(st.sampled_from(radars_known)))
    return networks, rng.uniform(0.1, 3.0, (len(networks), networks[0].n_nodes))


def random_problem(rng, n_nodes=None, *, kind="plain", binding=False):
    """An allocation problem without any wireless in it.

    ``kind`` is ``"plain"`` (no constant term), ``"prior"`` (a positive semidefinite one) or ``"held"`` (the constant
    is all that is known of the first half of the parameters, and the powers bring cross terms only: indefinite B_m).
    """
    n = rng.integers(2, 6) if n_nodes is None else n_nodes
    d = rng.integers(2, 6)
    half = rng.normal(size=(n, d, 3))
    per_watt = half @ half.transpose(0, 2, 1) * rng.lognormal(0, 2, (n, 1, 1))
    energy = rng.uniform(0.5, 20)
    constant = np.zeros((d, d))
    if kind == "prior":
        root = rng.normal(size=(d, 1))
        constant = root @ root.T
    known = d // 2
    if kind == "held":
        per_watt[:, :known, :known] = 0
        root = rng.normal(size=(known, known + 2))
        constant[:known, :known] = root @ root.T * energy * np.abs(per_watt).max() * rng.lognormal(-1, 2)
    caps = energy * rng.uniform(0.1, 0.9, n) if binding else None
    return isal.AllocationProblem(constant, per_watt, np.arange(known, d), energy, caps)


@st.composite
def problems(draw, n_nodes=None, kinds=("plain", "prior", "held")):
    """A random allocation problem of any kind, with binding or slack caps."""
    kind, binding = draw(st.sampled_from(kinds)), draw(st.booleans())
    return random_problem(draw(generators()), n_nodes, kind=kind, binding=binding)


def random_inside(rng, problem):
    """Random feasible powers with M(p) > 0."""
    power = problem.feasible(rng.dirichlet(np.ones(problem.n_nodes)) * problem.budget * rng.uniform(0.2, 1.0))
    for _ in range(60):
        if np.isfinite(problem.value(power)):
            return power
        power = power / 2
    # the directions of what the powers bring may be so unequal that they get lost in rounding first
    return problem.interior_start() * rng.uniform(0.5, 1.0)


def diagonal_problem(gains, energy, caps=None):
    """One parameter per node: ``f = sum_m 1 / (gain_m p_m)``, whose optimum is known in closed form."""
    gains = np.asarray(gains, dtype=float)
    per_watt = np.einsum("m,mi,mj->mij", gains, np.eye(len(gains)), np.eye(len(gains)))
    return isal.AllocationProblem(np.zeros((len(gains),) * 2), per_watt, np.arange(len(gains)), energy, caps)


def feasible_grid(problem, steps):
    """Powers on a grid of even ratios that keep to the budget, unspent energy included, and the problem's values."""
    axes = [cap * np.append(0, np.geomspace(1e-3, 1, steps)) for cap in problem.caps]
    points = np.array(list(itertools.product(*axes)))
    points = points[points.sum(axis=1) <= problem.budget * (1 + 1e-12)]
    many = problem.batch.take(np.zeros(len(points), dtype=np.intp))
    return points, many.value(many.columns(points))
