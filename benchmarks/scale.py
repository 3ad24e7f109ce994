"""Large studies: what a point costs in a large job beside its solver, and what runs take, by the number of points."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from measure import ENVIRONMENT, ROOT, Cost, Row, bare_workflow, configured, cost, cpu_seconds

from isal.allocation.solvers import interior_point
from isal.study import config
from isal.study.points import PointError, solve_all
from isal.workflow.plan import Plan
from isal.workflow.products import StudyDataset

CORES = 2

#: Named points, one per job.
SIZES = (1500, 20_000)

#: Networks of ensembles, each with so many splits of its energy.
NETWORKS, SPLITS = (1000, 2000, 10_000), 100
PER_JOB = 60_000

#: Points whose costs are taken apart.
TAKEN_APART = 51_200


def named(folder: Path, n_points: int) -> None:
    """One study of about so many points: the paper's four networks over a fine grid of the first step's energy."""
    networks = ["7a", "7b", "7c", "7d"]
    step_uj = 10_000_000 // (n_points // len(networks) + 1)
    energies = {"from": step_uj / 1e6, "to": n_points // len(networks) * step_uj / 1e6, "by": step_uj / 1e6}
    _prepare(folder, networks, energies)


def random(folder: Path, n_networks: int) -> None:
    """One study of random networks of four anchors and two radars over 100 energies, with its figure and table."""
    ensembles = {"random": {"seed": 1, "size": n_networks, "anchors": 4, "radars": 2}}
    _prepare(folder, ["random"], {"from": 0.05, "to": 9.95, "by": 10 / SPLITS}, ensembles=ensembles)


def _prepare(folder: Path, networks: list[str], energies: dict[str, float], **changes: object) -> None:
    content = configured() | {
        "studies": {
            "large": {
                "networks": networks,
                "clocks": ["synchronous"],
                "bandwidths_hz": [500e6],
                "schemes": ["step-by-step-held"],
                "total_energy_j": 10,
                "step_1_energy_j": energies,
            }
        },
        "figures": {"formats": ["png"], "draw": {"large": {"kind": "step_energy", "study": "large"}}},
    }
    shutil.copytree(ROOT / "config", folder / "config")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content | changes))


def snakemake(folder: Path, per_job: int, *arguments: str) -> Cost:
    program = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    profile = ["--profile", str(ROOT / "profiles/default"), "--quiet=all", "--cores", str(CORES)]
    return cost([*program, *arguments, *profile, "--config", f"points_per_job={per_job}"], folder)


def bare(n_jobs: int) -> Cost:
    """A dry run of as many bare jobs: what Snakemake takes by itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        program = [sys.executable, "-m", "snakemake", "--snakefile", str(bare_workflow(folder, n_jobs))]
        return cost([*program, "--dry-run", "--quiet=all", "--cores", str(CORES)], folder)


def told(measured: Cost) -> str:
    return f"{measured.wall_s:.1f} s, {measured.peak_mib:.0f} MiB"


# --- the cost of a point ----------------------------------------------------------------------------------------------


def apart() -> Iterator[Row]:
    """The CPU that a point takes in a job and in gathering, beside that of the solver for the same problems."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        random(folder, TAKEN_APART // SPLITS)
        content = yaml.safe_load((folder / "config/config.yaml").read_text()) | {"points_per_job": PER_JOB}
        plan = Plan.of(config.load(content, "config.yaml", [folder, ROOT]))
        os.chdir(folder)
        plan.write()
        points = [point for file in plan.record_files.values() for point, _ in file.wanted()]
        solutions = [each for each in solve_all(points) if not isinstance(each, PointError)]
        assert len(solutions) == len(points) == TAKEN_APART
        steps = [[each.slots[0].steps[number] for each in solutions] for number in (0, 1)]
        solver = sum(
            min(cpu_seconds(lambda step=step: _solve_alone(step)) for _ in range(3))  # type: ignore[misc]
            for step in steps
        )
        job = min(_jobs(plan, _emptied(folder)) for _ in range(3))
        gathering = min(_gathering(plan, folder) for _ in range(3))
        per_point = {name: 1e3 * value / TAKEN_APART for name, value in (("job", job), ("gathering", gathering))}
        ratio = (job + gathering) / solver
        yield (
            f"a point of two steps, {TAKEN_APART} points of {TAKEN_APART // SPLITS} networks in one job: CPU of it and "
            "of gathering, the start of Python included, over that of the solver alone",
            f"{ratio:.2f} x ({per_point['job']:.3f} and {per_point['gathering']:.3f} ms beside "
            f"{1e3 * solver / TAKEN_APART:.3f} ms)",
            "at most 4 x",
        )


def _jobs(plan: Plan, folder: Path) -> float:
    """CPU time of all jobs that solve the points of a plan, as Snakemake starts them."""
    program = [sys.executable, str(ROOT / "workflow/scripts/solve_points.py"), "--plan", plan.path]
    told = ((path, file.fingerprint) for path, file in plan.record_files.items())
    return sum(cost([*program, "--output", path, "--fingerprint", each], folder).cpu_s for path, each in told)


def _gathering(plan: Plan, folder: Path) -> float:
    """CPU time of the job that makes the one dataset of a plan, as Snakemake starts it."""
    (dataset,) = StudyDataset.all(plan)
    program = [sys.executable, str(ROOT / "workflow/scripts/make_product.py"), "StudyDataset", dataset.name]
    told = ["--plan", plan.path, "--fingerprint", dataset.fingerprint, "--outputs", *dataset.outputs]
    return cost([*program, *told], folder).cpu_s


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder / "results/shards", ignore_errors=True)
    return folder


def _solve_alone(steps: list) -> None:  # type: ignore[type-arg]
    problems = [step.problem for step in steps]
    tolerances = [step.allocation.tolerance for step in steps]
    size = 1000  # as many as a job solves side by side
    for start in range(0, len(problems), size):
        interior_point.solve_all(problems[start : start + size], tolerances[start : start + size])


# --- runs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a whole run takes; ``peak_mib`` is the most memory of all its processes together."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    mib: float


def run(folder: Path, *arguments: str) -> Run:
    """Run the target `paper` and watch it."""
    program = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "paper", *arguments]
    profile = ["--profile", str(ROOT / "profiles/default"), "--quiet=all", "--cores", str(CORES)]
    command = [*program, *profile, "--config", f"points_per_job={PER_JOB}"]
    began, peak = time.perf_counter(), 0.0
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
        ended = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not ended.wait(0.5):
                peak = max(peak, sum(map(_resident_mib, _family(process.pid))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        _, status, used = os.wait4(process.pid, 0)
        ended.set()
        watcher.join()
    if status:
        raise RuntimeError((folder / "output.txt").read_text())
    size = sum(path.stat().st_size for path in (folder / "results").rglob("*") if path.is_file())
    return Run(time.perf_counter() - began, used.ru_utime + used.ru_stime, peak, size / 2**20)


def _family(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:  # it has just ended
            continue
        for child in children:
            found += _family(int(child))
    return found


def _resident_mib(pid: int) -> float:
    """Memory that a process has for itself or shares, by its share in it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def runs() -> Iterator[Row]:
    """Whole runs of ensembles of several sizes, and the same commands with nothing done and nothing left to do."""
    for n_networks in NETWORKS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            random(folder, n_networks)
            dry = snakemake(folder, PER_JOB, "paper", "--dry-run")
            whole = run(folder)
            nothing = snakemake(folder, PER_JOB, "paper")
            million = n_networks * SPLITS >= 1_000_000
            yield (
                f"{n_networks * SPLITS:,} points of {n_networks:,} networks: wall, CPU, memory of all processes, files",
                f"{whole.wall_s:.0f} s, {whole.cpu_s:.0f} s, {whole.peak_mib:.0f} MiB, {whole.mib:.0f} MiB",
                "under 1200 s, 3072 MiB, 2048 MiB" if million else "",
            )
            yield (
                f"{n_networks * SPLITS:,} points: dry run; nothing to do",
                f"{told(dry)}; {told(nothing)}",
                "under 15 s" if million else "",
            )


def seen() -> Iterator[Row]:
    """What Snakemake takes to see what there is to do where each point has a job of its own."""
    for n_points in SIZES:
        yield f"{n_points} bare jobs: dry run", told(bare(n_points)), ""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            named(folder, n_points)
            for per_job in (1, PER_JOB):
                dry = snakemake(folder, per_job, "paper", "--dry-run")
                yield f"{n_points} named points, points_per_job: {per_job}: dry run", told(dry), ""


def rows() -> Iterator[Row]:
    yield from apart()
    yield from runs()
    yield from seen()
