"""The three solvers: time per certified point, certified shares over random networks, large networks, many slots."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cvxpy as cp
import numpy as np
import yaml
from measure import ROOT, Row, cpu_seconds, in_turns, python

import isal
import isal.allocation.certificate
from isal import IsalError
from isal.allocation import scheduler
from isal.allocation.problem import AllocationProblem
from isal.allocation.solvers import cvxpy_paper, interior_point, scs_sdp
from isal.model import ensemble
from isal.model.parameters import CLOCKS, Clock
from isal.schemes.carry_over import CARRIES, Carry
from isal.schemes.integrated import integrated_slot
from isal.schemes.schedule import no_prior
from isal.schemes.step_by_step import steps_of, steps_slot

RADIO = isal.Radio()
ENERGY_J = 10.0
TOTAL_UJ = 10_000_000
TIGHT = 1e-9
SOLVER = interior_point.NAME


def four_node_problems(clock: Clock, size: int) -> list[AllocationProblem]:
    """Integrated problems of the paper's networks and of random ones with two anchors, two radars and one target."""
    layouts = yaml.safe_load((ROOT / "config/networks.yaml").read_text())["single_slot"]
    networks = [isal.Network.from_mapping(layout, name=name) for name, layout in layouts.items()]
    networks += ensemble.random_networks(4, size - len(networks), anchors=(2, 2), radars=(2, 2))
    infos = [isal.information(network, RADIO, clock) for network in networks]
    return [AllocationProblem(no_prior(info), info.stack, info.basis.indices(["targets"]), ENERGY_J) for info in infos]


class SmallLmi:
    """``[[H, C'], [C, M(p)]] >= 0`` through cvxpy and Clarabel, compiled once, with the matrices as parameters."""

    def __init__(self, problem: AllocationProblem) -> None:
        n, d, k = problem.shape
        self.power, h = cp.Variable(n), cp.Variable((k, k), symmetric=True)
        self.matrices = [cp.Parameter((d, d), symmetric=True) for _ in range(n)]
        self.selector = cp.Parameter((d, k))
        information = sum(self.power[m] * self.matrices[m] for m in range(n))
        block = cp.bmat([[h, self.selector.T], [self.selector, information]])
        limits = [block >> 0, self.power >= 0, cp.sum(self.power) <= 1]
        self.program = cp.Problem(cp.Minimize(cp.trace(h)), limits)

    def solve(self, problem: AllocationProblem) -> isal.Allocation:
        # the same favour that the fast solvers have: M is the identity at the centre, and so is the value there
        start = problem.interior_start()
        factor = np.linalg.inv(np.linalg.cholesky(problem.matrix(start)))
        for parameter, matrix in zip(self.matrices, problem.per_watt, strict=True):
            scaled = problem.budget * factor @ matrix @ factor.T
            parameter.value = (scaled + scaled.T) / 2
        selector = factor @ problem.selector
        self.selector.value = selector / np.linalg.norm(selector)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.program.solve(solver="CLARABEL")
        power = self.power.value * problem.budget
        return isal.allocation.certificate.certify(
            problem, power, tolerance=1e-6, solver="lmi", iterations=0, seconds=0.0
        )


def time_per_point(size: int = 1000, few: int = 20, repeats: int = 5) -> list[Row]:
    """Interior point in batch against cvxpy with Clarabel and against the paper's program through SCS."""
    rows: list[Row] = []
    for clock in CLOCKS:
        problems = four_node_problems(clock, size)
        lmi = SmallLmi(problems[0])
        lmi.solve(problems[0])  # compiles
        programs: list[tuple[isal.Allocation, cvxpy_paper.Reported]] = []

        def batch(problems: Sequence[AllocationProblem] = problems) -> float:
            return cpu_seconds(lambda: interior_point.solve_all(problems, [TIGHT] * size)) / size

        def one_by_one(
            solve: Callable[[AllocationProblem], object], problems: Sequence[AllocationProblem] = problems
        ) -> float:
            return cpu_seconds(lambda: [solve(problem) for problem in problems[:few]]) / few

        def printed(
            problem: AllocationProblem, programs: list[tuple[isal.Allocation, cvxpy_paper.Reported]] = programs
        ) -> None:
            programs.append(cvxpy_paper.solve_reported(problem, 1e-6, "SCS", unit_m=1.0, options={}))

        times = in_turns(
            repeats,
            batch,
            partial(one_by_one, lmi.solve),
            partial(one_by_one, lambda problem: scs_sdp.solve(problem, 1e-6)),
        )
        times.append([one_by_one(printed)])
        fast, small, scs, paper = (min(row) for row in times)
        found = interior_point.solve_all(problems, [TIGHT] * size)
        good = sum(not isinstance(each, IsalError) and each.status == "optimal" for each in found)
        best = [each.value for each in found[:few] if not isinstance(each, IsalError)]
        told = [
            allocation.value / value - 1
            for (allocation, said), value in zip(programs, best, strict=True)
            if said.status == "optimal"
        ]
        wrong = [excess for excess in told if excess > 1e-6]
        title = f"{size} problems of 4 nodes, {clock}"
        rows += [
            (
                f"{title}: interior point, one core",
                f"{fast * 1e6:.0f} µs each, {good} certified to 1e-9",
                "at most 60 µs",
            ),
            (f"{title}: scs, one by one", f"{scs / fast:.0f} x that", ""),
            (
                f"{title}: cvxpy + Clarabel on the small LMI, compiled once",
                f"{small / fast:.0f} x that",
                "at least 50 x",
            ),
            (
                f"{title}: cvxpy + SCS on the paper's program in metres",
                f"{paper / fast:.0f} x that; reports {len(told)} of {few} optimal, {len(wrong)} of these are wrong, "
                f"by up to a factor of {1 + max(told, default=0):.3g}",
                "at least 1000 x",
            ),
        ]
    return rows


def ensemble_problems(size: int, every: bool) -> list[AllocationProblem]:
    """Allocation problems of all schemes on random networks, with slack and binding caps.

    Each network gives the problems of every combination of clock mode, scheme and caps, or those of one of them.
    """
    computations = []
    for number, network in enumerate(ensemble.random_networks(7, size)):
        rng = np.random.default_rng([5, number])
        combinations = [
            (clock, carry, caps)
            for clock in CLOCKS
            for carry in (None, *CARRIES)
            for caps in (None, ENERGY_J * rng.uniform(0.05, 0.6, network.n_nodes))
        ]
        chosen = combinations if every else [combinations[rng.integers(len(combinations))]]
        for clock, carry, caps in chosen:
            info = isal.information(network, RADIO, clock)
            prior = no_prior(info)
            if carry is None:
                computations.append(integrated_slot(info, prior, ENERGY_J, caps, TIGHT))
            else:
                energies = ENERGY_J * rng.dirichlet(np.ones(len(steps_of(info))))
                computations.append(steps_slot(info, prior, list(energies), carry, caps, TIGHT))
    results = scheduler.run_all(computations, interior_point.NAME)
    return [step.problem for result in results if not isinstance(result, IsalError) for step in result.steps]


def random_ensemble(size: int = 1000) -> list[Row]:
    """Certified shares over random networks of 2-6 anchors and 2-6 radars, abundant to limited."""
    problems = ensemble_problems(size, every=True)
    found = interior_point.solve_all(problems, [TIGHT] * len(problems))
    good = [each for each in found if not isinstance(each, IsalError) and each.status == "optimal"]
    rows: list[Row] = [
        (
            f"{size} random networks, both clocks, all schemes, caps slack and binding: interior point",
            f"{len(good)} of {len(problems)} problems certified to 1e-9, at most "
            f"{max(each.iterations for each in good)} iterations",
            "all",
        )
    ]
    few = ensemble_problems(size, every=False)
    scs = [scs_sdp.solve(problem, 1e-6) for problem in few]
    exact = [each for each in interior_point.solve_all(few, [TIGHT] * len(few)) if not isinstance(each, IsalError)]
    certified = sum(each.status == "optimal" for each in scs)
    finished = sum(each.solver != scs_sdp.NAME for each in scs)
    apart = max(abs(one.value / other.value - 1) for one, other in zip(scs, exact, strict=True))
    rows.append(
        (
            f"{size} random networks, one combination each: scs",
            f"{certified} of {len(few)} problems certified to 1e-6, {finished} of them after interior point took over; "
            f"median {statistics.median(each.seconds for each in scs) * 1e3:.1f} ms, worst "
            f"{max(each.seconds for each in scs):.2f} s; largest difference from interior point {apart:.0e}",
            "all",
        )
    )
    return rows


#: The largest memory of a process since it started; what wait4 says includes its parent's.
PEAK = """
def peak_mib():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024
"""

ALLOCATE = """
import json, time, numpy as np, isal
rng = np.random.default_rng(0)
network = isal.Network(rng.uniform(0, 200, ({half}, 2)), rng.uniform(0, 200, ({half}, 2)), [[100.0, 100.0]])
began = time.perf_counter()
best = isal.integrated(network, isal.Radio(), clock="asynchronous", energy=10.0, solver="interior-point")
print(json.dumps([time.perf_counter() - began, best.gap, peak_mib()]))
"""

SCHEDULE = """
import json, time, numpy as np, isal
rng = np.random.default_rng(0)
slots = [
    isal.Network([[20, 20], [180, 20]], [[95, 105], [105, 95]] + rng.normal(size=(2, 2)), [[102, 104]])
    for _ in range({slots})
]
radio = isal.Radio()
isal.integrated(slots[:1], radio, clock="asynchronous", energies=[10.0], solver="interior-point")
began = time.perf_counter()
best = isal.integrated(slots, radio, clock="asynchronous", energies=[10.0] * {slots}, solver="interior-point")
best.smoothed_speb
print(json.dumps([time.perf_counter() - began, max(slot.gap for slot in best.slots), peak_mib()]))
"""


def growth(repeats: int = 3) -> list[Row]:
    """Cost against the number of nodes and of slots, with the exponents of power laws through the larger half."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, sizes, code, budgets in (
            ("nodes, asynchronous, one allocation", (4, 16, 64, 128, 200, 256), ALLOCATE, {200: "2 s and 1024 MiB"}),
            ("slots of 4 nodes, asynchronous", (1, 10, 100, 300, 1000), SCHEDULE, {1000: "1 s"}),
        ):
            seconds = {}
            for size in sizes:
                runs = [python(PEAK + code.format(half=size // 2, slots=size), folder) for _ in range(repeats)]
                measured = [yaml.safe_load(run.output.splitlines()[-1]) for run in runs]
                seconds[size] = statistics.median(each[0] for each in measured)
                largest = max(each[1] for each in measured)
                figure = f"{seconds[size]:.3g} s, {max(each[2] for each in measured):.0f} MiB"
                budget = f"at most {budgets[size]}" if size in budgets else ""
                rows.append((f"{size} {title}", f"{figure}, gap {largest:.0e}", budget))
            large = [size for size in sizes if size >= 64]
            exponent = np.polyfit(np.log(large), np.log([seconds[size] for size in large]), 1)[0]
            rows.append((f"cost over {title}, from {large[0]} on", f"grows like the power {exponent:.2f}", ""))
    return rows


def best_split() -> list[Row]:
    """The exact best split against traversals of at least 400 points: every network, clock mode and carry-over."""
    rows: list[Row] = []
    layouts = yaml.safe_load((ROOT / "config/networks.yaml").read_text())
    slots = [*layouts["single_slot"].values(), *(slot for pair in layouts["dual_slot"].values() for slot in pair)]
    distinct = [slot for place, slot in enumerate(slots) if slot not in slots[:place]]
    networks = [isal.Network.from_mapping(slot, name=f"layout {number}") for number, slot in enumerate(distinct)]
    for clock, splits, most in (("synchronous", pairs(400), 3), ("asynchronous", triples(30), 40)):
        cases = [(network, carry) for network in networks for carry in CARRIES]
        began = time.process_time()
        exact = [isal.best_split(network, RADIO, clock=clock, energy=ENERGY_J, carry=carry) for network, carry in cases]
        half_time = time.process_time()
        traversed = traverse(clock, cases, splits)
        ratio = (time.process_time() - half_time) / (half_time - began)
        excess = traversed / np.array([each.speb for each in exact]) - 1
        rows.append(
            (
                f"best split, {len(networks)} networks, {clock}, every carry-over, against traversals of {len(splits)} "
                "points solved in one batch",
                f"at most {max(each.problems for each in exact)} problems instead of {len(splits) * len(splits[0])}, "
                f"{ratio:.1f} x faster; the traversal's best is {excess.min():.0e} to {excess.max():.0e} "
                "above",
                f"at most {most} problems; never above the traversal",
            )
        )
    return rows


def traverse(
    clock: Clock, cases: Sequence[tuple[isal.Network, Carry]], splits: Sequence[tuple[float, ...]]
) -> np.ndarray:
    """Lowest SPEB that each case reaches in a traversal, m^2."""
    lowest = []
    for network, carry in cases:
        info = isal.information(network, RADIO, clock)
        computations = [
            steps_slot(info, no_prior(info), ENERGY_J * np.array(split), carry, None, 1e-6) for split in splits
        ]
        found = scheduler.run_all(computations, interior_point.NAME)
        lowest.append(min(each.speb for each in found if not isinstance(each, IsalError)))
    return np.array(lowest)


def pairs(number: int) -> list[tuple[float, ...]]:
    """Splits into two, closer to each other towards both edges."""
    shares = (1 - np.cos(np.linspace(0, np.pi, number + 2)[1:-1])) / 2
    return [(share, 1 - share) for share in shares]


def triples(number: int) -> list[tuple[float, ...]]:
    """Splits into three, the same."""
    shares = [share for share, _ in pairs(number)]
    return [(first, 1 - first - last, last) for first in shares for last in shares if first + last < 0.999]


def rows() -> list[Row]:
    return time_per_point() + random_ensemble() + best_split() + growth()
