"""Uncertain positions: certified shares, time beside Clarabel, and the figures of docs/uncertain_positions.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from goals import ENERGY_J, RADIO, REQUIRED_M, TOLERANCE, clarabel_seconds, networks
from measure import Row, cpu_seconds

import isal
from isal.allocation.goals import GoalsProblem
from isal.allocation.solvers import goals_newton
from isal.errors import IsalError
from isal.model import ensemble
from isal.model.parameters import CLOCKS, Clock
from isal.model.places import Uncertain
from isal.schemes.robust import Design

NETWORKS = Path(__file__).parents[1] / "config/networks.yaml"

#: Title -> what is known of the positions, and what is asked.
KINDS: dict[str, tuple[Uncertain, dict[str, Any]]] = {
    "average over 16 samples of a cloud of 5 m": (
        isal.Cloud(radars=5.0, targets=5.0, size=16),
        {"case": "average", "energy": ENERGY_J, "requirements": None},
    ),
    "worst of 16 samples of balls of 5 m": (
        isal.Ball(radars=5.0, targets=5.0, size=16),
        {"case": "worst", "energy": ENERGY_J, "requirements": None},
    ),
    "least energy for requirements in 16 samples of balls of 5 m": (
        isal.Ball(radars=5.0, targets=5.0, size=16),
        {"case": "worst", "energy": None, "requirements": REQUIRED_M},
    ),
}


def of_the_paper(*names: str) -> Iterator[isal.Network]:
    """The networks of the paper that are named, by default 7a to 7d."""
    mappings = yaml.safe_load(NETWORKS.read_text())["single_slot"]
    for name in names or ("7a", "7b", "7c", "7d"):
        yield isal.Network.from_mapping(mappings[name], name)


def asked(network: isal.Network, clock: Clock, kind: str) -> GoalsProblem:
    """The problem of a kind over the samples of a network."""
    over, options = KINDS[kind]
    design = Design(radio=RADIO, clock=clock, over=over, goals=None, caps=None, limits=None, **options)
    return design.on(network).problem


def certified(size: int = 1000, few: int = 3, at_once: int = 50) -> Iterator[Row]:
    """Certified shares, and time beside Clarabel."""
    for kind in KINDS:
        for clock in CLOCKS:
            seconds, good, iterations, why = 0.0, 0, 0, Counter[str]()
            drawn = networks(size)
            while chunk := list(islice(drawn, at_once)):
                problems = []
                for network in chunk:
                    try:
                        problems.append(asked(network, clock, kind))
                    except IsalError as error:
                        why[str(error)] += 1
                found: list[Any] = []

                def solve(problems: list[GoalsProblem] = problems, found: list[Any] = found) -> None:
                    found[:] = goals_newton.solve_all(problems, [TOLERANCE] * len(problems))

                seconds += cpu_seconds(solve)
                for each in found:
                    if isinstance(each, IsalError):
                        why[str(each)] += 1
                    elif each.status == "optimal":
                        good, iterations = good + 1, max(iterations, each.iterations)
                    else:
                        why[f"gap {each.gap:.1g}"] += 1
            first = [asked(network, clock, kind) for network in networks(few)]
            alone = np.median([cpu_seconds(partial(goals_newton.solve, each, TOLERANCE)) for each in first])
            whole, own = np.median([clarabel_seconds(each) for each in first], axis=0)
            rest = f"; not: {dict(why)}" if why else ""
            yield (
                f"{kind}, {size} random networks, {clock}",
                f"{good} certified to {TOLERANCE:g}, at most {iterations} iterations{rest}; "
                f"{seconds / size * 1e3:.1f} ms each in a batch, {alone * 1e3:.0f} ms alone; Clarabel "
                f"{own * 1e3:.0f} ms, with cvxpy {whole * 1e3:.0f} ms (medians of {few})",
                "all",
            )


def value_of_robustness(size: int = 1024) -> list[Row]:
    """In the paper's networks, clouds and balls of 5 m."""
    rows: list[Row] = []
    for clock in CLOCKS:
        clouds, balls = [], []
        for network in of_the_paper():
            options: dict[str, Any] = {"clock": clock, "energy": ENERGY_J}
            cloud = isal.robust(network, RADIO, over=isal.Cloud(radars=5.0, targets=5.0, size=size), **options)
            ball = isal.robust(network, RADIO, over=isal.Ball(radars=5.0, targets=5.0), case="worst", **options)
            clouds.append(f"{network.name} {100 * cloud.value_of_robustness:.2f} %")
            balls.append(f"{network.name} {100 * ball.value_of_robustness:.1f} %")
        rows.append(
            (f"value of robustness, average over {size} samples of a cloud of 5 m, {clock}", ", ".join(clouds), "")
        )
        rows.append((f"value of robustness, worst case of balls of 5 m, {clock}", ", ".join(balls), ""))
    return rows


def random_networks(size: int = 200, sigma: float = 15.0) -> list[Row]:
    """The same over random networks, with the clairvoyant bound, and with the information averaged over the samples."""
    rows: list[Row] = []
    for clock in CLOCKS:
        gains, known, averaged, skipped = [], [], [], Counter[str]()
        for network in ensemble.random_networks(10, size):
            try:
                found = isal.robust(
                    network, RADIO, clock=clock, over=isal.Cloud(radars=sigma, targets=sigma), energy=ENERGY_J
                )
            except IsalError as error:
                skipped[type(error).__name__] += 1
                continue
            gains.append(100 * found.value_of_robustness)
            known.append(found.clairvoyant / found.value)
            averaged.append(by_averaged_information(found) / found.value)
        low, median, high = np.percentile(gains, [5, 50, 95])
        rows.append(
            (
                f"value of robustness, {size} random networks, cloud of {sigma:g} m, {clock}",
                f"median {median:.1f} %, 90 % {low:.1f} to {high:.1f} %, at most {max(gains):.1f} %"
                + (f"; left out {dict(skipped)}" if skipped else ""),
                "",
            )
        )
        rows.append(
            (
                f"the same: clairvoyant powers over robust ones, {clock}",
                f"median {np.median(known):.2f}, least {min(known):.2f}",
                "",
            )
        )
        rows.append(
            (
                f"the same: powers for the averaged information over robust ones, {clock}",
                f"median {np.median(averaged):.2f}, at most {max(averaged):.1f}",
                "",
            )
        )
    return rows


def by_averaged_information(found: isal.RobustResult) -> float:
    """Average error of the powers that are best for the mean of the samples' matrices, m^2."""
    posed = found.posed
    shares = posed.scenarios.shares
    mean = np.tensordot(shares, [info.node_matrices for info in posed.informations], 1)
    info = posed.informations[0]
    problem = isal.AllocationProblem(np.zeros((info.basis.size,) * 2), mean, info.basis.indices(["targets"]), ENERGY_J)
    power = isal.allocation.solvers.solve(problem, "interior-point", TOLERANCE).power
    return posed.total(power, posed.problem.values(power))


def samples_needed(sizes: tuple[int, ...] = (16, 64, 256), fresh: int = 1024) -> list[Row]:
    """How far powers for few samples are from the best on fresh ones."""
    excess: dict[int, list[float]] = {size: [] for size in sizes}
    for network in of_the_paper():
        for clock in CLOCKS:
            options: dict[str, Any] = {"clock": clock, "energy": ENERGY_J}
            best = isal.robust(network, RADIO, over=isal.Cloud(radars=5.0, targets=5.0, size=fresh, seed=1), **options)
            for size in sizes:
                few = isal.robust(network, RADIO, over=isal.Cloud(radars=5.0, targets=5.0, size=size), **options)
                reached = best.posed.total(few.power, best.posed.problem.values(few.power))
                excess[size].append(100 * (reached / best.lower_bound - 1))
    told = "; ".join(f"{size}: mean {np.mean(each):.2f} %, at most {max(each):.2f} %" for size, each in excess.items())
    return [(f"powers for so many samples of a cloud of 5 m, above the best on {fresh} fresh ones, 7a-7d", told, "")]


def balls(fresh: int = 2000) -> list[Row]:
    """What powers for 256 samples alone miss, and what those miss that also count the worse places that are found."""
    alone, all_ = [], []
    for network in of_the_paper():
        ball = isal.Ball(radars=5.0, targets=5.0)
        options: dict[str, Any] = {"clock": "asynchronous", "energy": ENERGY_J, "case": "worst"}
        drawn = ball.positions(network)
        found = isal.robust(network, RADIO, over=ball, **options)
        few = isal.robust(network, RADIO, over=isal.Samples(**drawn), **options)
        missed = found.posed.total(few.power, found.posed.problem.values(few.power))
        others = replace(ball, size=fresh, seed=1).scenarios(network).networks
        beyond = max(isal.spebs(each, RADIO, found.power, "asynchronous").targets for each in others)
        alone.append(f"{network.name} {missed / few.value:.2f}")
        all_.append(f"{network.name} {beyond / found.value:.3f}")
    title = "balls of 5 m, asynchronous: "
    return [
        (
            title + "worst place that is found over the worst of 256 samples, with powers for these",
            ", ".join(alone),
            "",
        ),
        (title + f"worst of {fresh} fresh samples over the worst place that is found", ", ".join(all_), ""),
    ]


def hall() -> tuple[isal.Network, isal.Area]:
    """A hall of 190 m x 170 m with anchors in its corners and two radars near its centre: 356 places."""
    corners = [[0, 0], [190, 0], [190, 170], [0, 170]]
    return isal.Network(corners, [[90, 88], [100, 82]], name="hall"), isal.Area(corners, spacing=10.0)


def coverage() -> list[Row]:
    network, area = hall()
    rows: list[Row] = []
    for clock in CLOCKS:
        found = isal.robust(network, RADIO, clock=clock, over=area, case="worst", energy=ENERGY_J)
        rows.append(
            (
                f"{found.n_samples} places of a hall, {clock}: worst RMSE with robust powers, and for the centre",
                f"{found.value**0.5:.3f} m, {found.nominal_value**0.5:.3f} m",
                "",
            )
        )
    return rows


def trigger(ticks: int = 400, step: float = 0.25, threshold: float = 0.01) -> list[Row]:
    """A target on a random walk around its place, 10 m at most along each axis."""
    rows: list[Row] = []
    for network in of_the_paper("7a", "7c"):
        for clock in CLOCKS:
            for solve in (False, True):
                told, losses = follow(
                    network, clock, ticks, step, partial(isal.still_good, threshold=threshold, solve=solve)
                )
                rows.append(
                    (
                        f"{network.name}, {clock}, {step:g} m per tick, threshold {threshold:.0%}"
                        + (", with a solution in doubt" if solve else ""),
                        f"new powers in {told:.0%} of ticks; loss {100 * np.mean(losses):.3f} % on average, "
                        f"{100 * max(losses):.2f} % at most",
                        "",
                    )
                )
    return rows


def follow(
    network: isal.Network, clock: Clock, ticks: int, step: float, keep: Callable[..., object]
) -> tuple[float, list[float]]:
    """Share of ticks with new powers, and the loss at each tick."""
    rng, spot = np.random.default_rng(1), network.targets.copy()
    powers, told, losses = None, 0, []
    while len(losses) < ticks:
        moved = spot + step * rng.normal(size=spot.shape) / np.sqrt(2)
        near = np.linalg.norm(network.nodes - moved, axis=1).min() < ensemble.CLOSEST_M
        if near or np.abs(moved - network.targets).max() > 10.0:
            continue
        spot = moved
        here = replace(network, targets=spot)
        best = isal.integrated(here, RADIO, clock=clock, energy=ENERGY_J)
        if powers is None or not keep(powers, here):
            powers, told = best, told + 1
        losses.append(isal.spebs(here, RADIO, powers.power, clock).targets / best.speb - 1)
    return told / ticks, losses


def rows() -> list[Row]:
    return [
        *certified(),
        *value_of_robustness(),
        *samples_needed(),
        *balls(),
        *random_networks(),
        *coverage(),
        *trigger(),
    ]
