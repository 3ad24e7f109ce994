"""Several goals: certified shares over random networks, time beside Clarabel, least energy against even powers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from measure import Row, cpu_seconds

import isal
from isal.allocation.goals import Goal, GoalsAllocation, GoalsProblem
from isal.allocation.solvers import goals_cvxpy, goals_newton
from isal.allocation.solvers.cvxpy_paper import OPTIONS
from isal.errors import AllocationError
from isal.model import ensemble
from isal.model.parameters import CLOCKS, Clock
from isal.schemes.schedule import no_prior

RADIO = isal.Radio()
ENERGY_J = 10.0
REQUIRED_M = 0.05
TOLERANCE = 1e-6

KINDS = ("sum", "worst", "energy", "direction", "limits")


def networks(size: int) -> Iterator[isal.Network]:
    """Networks of 2-6 anchors, 2-6 radars and 1-6 targets, sensing-abundant to sensing-limited."""
    for number in range(size):
        rng = np.random.default_rng([15, number])
        counts = [int(rng.integers(low, 7)) for low in (2, 2, 1)]
        yield ensemble.random_network(rng, *counts, float(np.exp(rng.uniform(*np.log((10.0, 150.0))))), f"{number}")


def problem(network: isal.Network, clock: Clock, kind: str) -> GoalsProblem:
    """One problem of a kind, about the network's targets."""
    info = isal.information(network, RADIO, clock)
    known, size = no_prior(info), info.basis.size
    blocks = np.split(info.basis.indices(["targets"]), network.n_targets)
    goals = [Goal(known, info.stack, np.eye(size)[:, block], largest=kind == "direction") for block in blocks]
    rng = np.random.default_rng(network.n_nodes)
    if kind == "energy":
        return GoalsProblem(goals, "energy", REQUIRED_M**2 * rng.uniform(0.3, 3.0, len(goals)))
    if kind == "limits":
        radars = np.arange(network.n_nodes) < network.n_radars
        rows, at_most = [radars, ~radars, rng.uniform(0.1, 1.0, network.n_nodes)], ENERGY_J * np.array([0.4, 0.6, 0.3])
        return GoalsProblem(goals, "worst", rows=np.array(rows, dtype=float), at_most=at_most, caps=ENERGY_J / 4)
    return GoalsProblem(
        goals,
        "sum" if kind == "sum" else "worst",
        rng.uniform(0.3, 3.0, len(goals)),
        rows=np.ones((1, network.n_nodes)),
        at_most=[ENERGY_J],
        caps=ENERGY_J / 2,
    )


def clarabel_seconds(asked: GoalsProblem) -> tuple[float, float]:
    """CPU seconds of cvxpy with Clarabel, and those of Clarabel alone."""
    began = time.process_time()
    program, _ = goals_cvxpy._program(asked, goals_cvxpy._even(asked))
    data, chain, _ = program.get_problem_data("CLARABEL")
    own = cpu_seconds(lambda: chain.solve_via_data(program, data, solver_opts=OPTIONS["CLARABEL"]))
    return time.process_time() - began, own


def certified(size: int = 1000, few: int = 10) -> list[Row]:
    """Certified shares, and time beside Clarabel."""
    rows: list[Row] = []
    titles = {
        "sum": "weighted sum over the targets",
        "worst": "worst target",
        "energy": "least energy for requirements",
        "direction": "worst direction of any target",
        "limits": "worst target, energies of radars and anchors apart, airtime, caps",
    }
    for kind in KINDS:
        for clock in CLOCKS:
            asked = [problem(network, clock, kind) for network in networks(size)]
            found: list[GoalsAllocation | AllocationError] = []

            def batch(
                asked: list[GoalsProblem] = asked, found: list[GoalsAllocation | AllocationError] = found
            ) -> None:
                found[:] = goals_newton.solve_all(asked, [TOLERANCE] * len(asked))

            seconds = cpu_seconds(batch) / size
            alone = np.median([cpu_seconds(partial(goals_newton.solve, each, TOLERANCE)) for each in asked[:few]])
            whole, own = np.median([clarabel_seconds(each) for each in asked[:few]], axis=0)
            good = [each for each in found if isinstance(each, GoalsAllocation) and each.status == "optimal"]
            why = Counter(str(each) for each in found if isinstance(each, AllocationError))
            missed = [each.gap for each in found if isinstance(each, GoalsAllocation) and each.status != "optimal"]
            rest = f"; not: {dict(why)}, gaps {sorted(missed)}" if len(good) < size else ""
            rows.append(
                (
                    f"{titles[kind]}, {size} random networks, {clock}",
                    f"{len(good)} certified to {TOLERANCE:g}, at most {max(each.iterations for each in good)} "
                    f"iterations{rest}; {seconds * 1e3:.2f} ms each in a batch, {alone * 1e3:.0f} ms alone; Clarabel "
                    f"{own * 1e3:.0f} ms, with cvxpy {whole * 1e3:.0f} ms (medians of {few})",
                    "all",
                )
            )
    return rows


def against_even_powers(size: int = 200) -> list[Row]:
    """How much more energy even powers need: 4 anchors, 3 radars and 6 targets anywhere in the square."""
    rows: list[Row] = []
    for clock in CLOCKS:
        ratios = []
        for number in range(size):
            spots = np.random.default_rng([1015, number]).uniform(0, ensemble.AREA_M, (13, 2))
            network = isal.Network(spots[:4], spots[4:7], spots[7:])
            best = isal.allocate(network, RADIO, clock=clock, requirements=REQUIRED_M)
            worst = best.problem.values(np.ones(network.n_nodes)).max()
            ratios.append(network.n_nodes * worst / REQUIRED_M**2 / best.value)
        low, first, median, third, high = np.percentile(ratios, [5, 25, 50, 75, 95])
        rows.append(
            (
                f"six targets to one requirement, {size} networks of 4 anchors and 3 radars, {clock}: energy of even "
                "powers over the least",
                f"median {median:.2f}, half of them {first:.2f} to {third:.2f}, 90 % {low:.2f} to {high:.2f}",
                "",
            )
        )
    return rows


def slots(number: int, size: int = 6) -> list[isal.Network]:
    """Slots of a random network of 2-5 anchors and radars, from which a target goes straight by 1 to 10 m a slot."""
    for attempt in range(100):
        rng = np.random.default_rng([16, number, attempt])
        counts = [int(rng.integers(2, 6)) for _ in range(2)]
        separation = float(np.exp(rng.uniform(*np.log((10.0, 150.0)))))
        network = ensemble.random_network(rng, *counts, 1, separation, f"{number}")
        angle = rng.uniform(0, 2 * np.pi)
        step = rng.uniform(1.0, 10.0) * np.array([np.cos(angle), np.sin(angle)])
        places = [network.targets + slot * step for slot in range(size)]
        nodes = np.concatenate([network.anchors, network.radars])
        if min(np.linalg.norm(nodes - place, axis=1).min() for place in places) >= ensemble.CLOSEST_M:
            return [replace(network, targets=place) for place in places]
    raise AssertionError("no room")


def horizons(size: int = 200) -> list[Row]:
    """Six slots planned together: certified shares, and what equal energies and the closed form lose."""
    rows: list[Row] = []
    schedules, energy = [slots(number) for number in range(size)], 6 * ENERGY_J
    asked = {
        "sum": {"energy": energy},
        "worst": {"energy": energy, "case": "worst"},
        "least energy": {"requirements": REQUIRED_M},
        "sum, moving target": {"energy": energy, "motion": isal.Motion(0.01)},
    }
    for clock in CLOCKS:
        given = {"radio": RADIO, "clock": clock}
        best = {}
        for kind, arguments in asked.items():
            found = best[kind] = []
            seconds = cpu_seconds(
                lambda found=found, given=given, arguments=arguments: found.extend(
                    isal.horizon(each, **given, **arguments) for each in schedules
                )
            )
            good = [each for each in found if each.status == "optimal"]
            # of the others it is about as slow: minutes in asynchronous mode
            own = f"; Clarabel {clarabel_seconds(found[0].problem)[1]:.0f} s (one problem)" if kind == "sum" else ""
            rows.append(
                (
                    f"six slots planned together, {kind}, {size} random networks, {clock}",
                    f"{len(good)} certified to {TOLERANCE:g}, {1e3 * seconds / size:.0f} ms each{own}",
                    "all",
                )
            )
        equal = {
            kind: [isal.horizon(each, **given, energy=[ENERGY_J] * 6, case=kind).value for each in schedules]
            for kind in ("sum", "worst")
        }
        roots = [np.sqrt([isal.integrated(slot, **given, energy=1.0).speb for slot in each]) for each in schedules]
        closed = [
            isal.integrated(each, **given, energies=tuple(energy * root / root.sum())).speb
            for each, root in zip(schedules, roots, strict=True)
        ]
        losses = {f"{kind}, equal energies": (equal[kind], best[kind]) for kind in equal}
        losses["sum, energies in proportion to sqrt(f), greedy powers"] = closed, best["sum"]
        for title, (values, reference) in losses.items():
            loss = [100 * (value / each.value - 1) for value, each in zip(values, reference, strict=True)]
            low, first, median, third, high = np.percentile(loss, [5, 25, 50, 75, 95])
            rows.append(
                (
                    f"six slots, {title}, {clock}: loss",
                    f"median {median:.2g} %, half of them {first:.2g} to {third:.2g} %, 90 % {low:.2g} to "
                    f"{high:.2g} %, at most {max(loss):.2g} %",
                    "",
                )
            )
    return rows


def rows() -> list[Row]:
    return certified() + against_even_powers() + horizons()
