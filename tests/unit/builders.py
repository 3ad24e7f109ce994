"""What many tests build: layouts, points, plans and solved records of the paper's study, problems of networks."""

import copy
import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from isal import AllocationProblem, Network, Radio, information
from isal.schemes.carry_over import CARRY_OVERS
from isal.study import config
from isal.study.fingerprint import Code, digest
from isal.study.points import Point
from isal.study.solving import solve_missing
from isal.study.store import datasets, records
from isal.study.store.records import Records
from isal.study.store.slabs import Slab
from isal.workflow.plan import Plan

ROOT = Path(__file__).parents[2]
CONFIG, NETWORKS = "config/config.yaml", "config/networks.yaml"

#: Carry-overs whose every step is certified.
CONVEX_CARRIES = [name for name, each in CARRY_OVERS.items() if each.convex]

# --- the paper's study ------------------------------------------------------------------------------------------------


@functools.cache
def _parsed(file):
    return yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


def content_of(file):
    """A YAML file of this project, parsed, to be changed."""
    return copy.deepcopy(_parsed(file))


def defaults():
    """The paper's configuration, to be changed."""
    return content_of(CONFIG)


#: Single-slot networks by name (Figure 7).
SINGLE = {
    name: Network.from_mapping(table, name)
    for name, table in _parsed(NETWORKS)["single_slot"].items()
    if name.startswith("7")
}

#: Both slots of the dual-slot networks by name (Figure 8).
DUAL = {
    name: tuple(Network.from_mapping(table, name) for table in tables)
    for name, tables in _parsed(NETWORKS)["dual_slot"].items()
}

#: All nodes and the target on a line: nothing tells the other coordinate, so there is no optimum.
LINE = Network([[0, 0], [100, 0]], [[40, 0]], [[70, 0]], name="line")

#: The code of the package, read once for all plans.
CODE = Code()


def plan_of(**changes):
    """The paper's study with other values at the top level of its configuration.

    Its deployments are of its own networks.
    """
    if "networks" in changes:
        changes = {"deployments": {}} | changes
    return Plan.of(config.load(defaults() | changes, CONFIG, [ROOT]), CODE)


# --- points -----------------------------------------------------------------------------------------------------------

TOTAL_UJ = 10_000_000

#: What makes :func:`point_of` the point of the integrated scheme.
INTEGRATED = {"scheme": "integrated", "energies_uj": (TOTAL_UJ,)}


def point_of(**changes):
    """The best split of network 7c on the paper's grid, with other values of some fields."""
    point = Point(
        slots=(SINGLE["7c"],),
        radio=Radio(),
        clock="synchronous",
        scheme="step-by-step-held",
        energies_uj=(2_300_000, 7_700_000),
        radar_cap_w=None,
        anchor_cap_w=None,
        tolerance=1e-6,
        solver="interior-point",
    )
    return replace(point, **changes)


def write_record(path, point, fingerprint, result=None):
    """Store a point, solved or to be solved, as a file of its own."""
    found = Records.of([point], [result or point.solve()], [fingerprint])
    records.write(path, found, fingerprint)


def stored(points, folder):
    """Solve points; returns them and their fingerprints by the path of their record in ``folder``."""
    wanted = {folder / f"{number}.nc": (point, digest(point.label)) for number, point in enumerate(points)}
    for path, (point, fingerprint) in wanted.items():
        assert solve_missing(path, fingerprint, [(point, fingerprint)]) == 0
    return wanted


def solve_plan(plan):
    """Make all record files of a plan."""
    for file in plan.record_files.values():
        assert solve_missing(Path(file.path), file.fingerprint, file.wanted()) == 0


def dataset_of(wanted, **options):
    """The dataset of points and their fingerprints by the path of their record."""
    files = [(path, fingerprint) for path, (_, fingerprint) in wanted.items()]
    networks = {point.name: point.slots[0].node_labels for point, _ in wanted.values()}
    nodes = dict.fromkeys(label for labels in networks.values() for label in labels)
    points = [point for point, _ in wanted.values()]
    slab = Slab(files, lambda: points, lambda stored: range(len(stored)), len(files), list(networks), list(nodes))
    return datasets.build([slab], **{"study": "s", "note": "n"} | options)


# --- allocation problems ----------------------------------------------------------------------------------------------

#: The powers say nothing of the second parameter.
HOPELESS = AllocationProblem(np.zeros((2, 2)), [np.diag([1.0, 0.0]), np.diag([2.0, 0.0])], [0], 1.0)


def integrated_problem(network, radio, clock, energy=10.0, caps=None):
    """The problem of the integrated scheme, written out."""
    info = information(network, radio, clock)
    size = info.basis.size
    return AllocationProblem(np.zeros((size, size)), info.node_matrices, info.basis.indices(["targets"]), energy, caps)


def in_other_units(problem, information=1.0, watts=1.0):
    """The same problem with its matrices and powers multiplied by numbers: the value is divided by ``information``."""
    return AllocationProblem(
        problem.constant * information,
        problem.per_watt * information / watts,
        problem.selector,
        problem.energy * watts,
        problem.caps * watts,
    )


def schur(matrix, keep, drop):
    """Equivalent information of ``keep`` with ``drop`` unknown."""
    cross = matrix[np.ix_(keep, drop)]
    return matrix[np.ix_(keep, keep)] - cross @ np.linalg.solve(matrix[np.ix_(drop, drop)], cross.T)
