"""Large studies: what Snakemake takes to see what there is to do, and what a run takes, by the number of points."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from measure import ROOT, Cost, Row, bare_workflow, configured, cost

CORES = 2
SIZES = (1500, 20_000)
#: Points that are solved.
RUNS = (1000, 10_000)
PER_JOB = 1000


def prepare(folder: Path, n_points: int) -> None:
    """One study of about so many points: the paper's four networks over a fine grid of the first step's energy."""
    networks = ["7a", "7b", "7c", "7d"]
    number = n_points // len(networks)
    step_uj = 10_000_000 // (number + 1)
    content = configured() | {
        "studies": {
            "large": {
                "networks": networks,
                "clocks": ["synchronous"],
                "bandwidths_hz": [500e6],
                "schemes": ["step-by-step-held"],
                "total_energy_j": 10,
                "step_1_energy_j": {"from": step_uj / 1e6, "to": number * step_uj / 1e6, "by": step_uj / 1e6},
            }
        },
        "figures": {"formats": ["png"], "draw": {"large": {"kind": "step_energy", "study": "large"}}},
    }
    shutil.copytree(ROOT / "config", folder / "config")
    (folder / "config/config.yaml").write_text(yaml.safe_dump(content))


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


def to_be_seen(n_points: int) -> Iterator[Row]:
    """Parsing, a dry run before anything is done, and a run with nothing left to do."""
    yield f"{n_points} bare jobs: dry run", told(bare(n_points)), ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, n_points)
        for per_job in (1, PER_JOB):
            title = f"{n_points} points, points_per_job: {per_job}"
            yield f"{title}: parse (`--list-rules`)", told(snakemake(folder, per_job, "--list-rules")), ""
            yield f"{title}: dry run", told(snakemake(folder, per_job, "paper", "--dry-run")), ""
        # of the targets `all` and `paper` the best splits and findings are no part of any batch
        batch = snakemake(folder, 1, "results/datasets/large.nc", "--dry-run", "--batch", "build_dataset=1/10")
        yield f"{n_points} points, points_per_job: 1: dry run of the first of 10 batches", told(batch), ""
        snakemake(folder, PER_JOB, "paper")
        nothing = snakemake(folder, PER_JOB, "paper")
        yield f"{n_points} points, points_per_job: {PER_JOB}: nothing to do", told(nothing), ""
        # else as many jobs as points would be started to see that their records hold
        shutil.rmtree(folder / ".snakemake")
        nothing = snakemake(folder, 1, "paper")
        yield f"{n_points} points, points_per_job: 1: nothing to do", told(nothing), ""


def solved(n_points: int, per_job: int = PER_JOB) -> tuple[Cost, float]:
    """A whole run, and the size of the records in bytes per point."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, n_points)
        measured = snakemake(folder, per_job, "paper")
        sizes = [path.stat().st_size for path in (folder / "results/points").rglob("*.nc")]
        return measured, sum(sizes) / len(sizes)


def run_of(n_points: int, per_job: int, measured: Cost) -> Row:
    title = f"run of {n_points} points, points_per_job: {per_job}, {CORES} cores"
    return title, f"{told(measured)}; CPU {measured.cpu_s:.0f} s", ""


def to_be_solved() -> list[Row]:
    """Whole runs, and what they say about a study ten times as large as the larger one."""
    (small, _), (large, size) = (solved(n_points) for n_points in RUNS)
    per_point = (large.wall_s - small.wall_s) / (RUNS[1] - RUNS[0])
    cpu_per_point = (large.cpu_s - small.cpu_s) / (RUNS[1] - RUNS[0])
    start = small.wall_s - RUNS[0] * per_point
    planned = 10 * RUNS[1]
    return [
        *(run_of(n_points, PER_JOB, each) for n_points, each in zip(RUNS, (small, large), strict=True)),
        (
            f"a run of {planned} points, points_per_job: {PER_JOB}, {CORES} cores, from these",
            f"{start:.0f} s + {planned} x {per_point * 1e3:.1f} ms = {(start + planned * per_point) / 60:.0f} min; "
            f"CPU {planned * cpu_per_point / 60:.0f} min; records {planned * size / 2**20:.0f} MiB "
            f"in {planned} files",
            "",
        ),
    ]


def rows() -> Iterator[Row]:
    for n_points in SIZES:
        yield from to_be_seen(n_points)
    n_points = min(SIZES)
    measured, _ = solved(n_points, per_job=1)
    yield run_of(n_points, 1, measured)
    yield from to_be_solved()
