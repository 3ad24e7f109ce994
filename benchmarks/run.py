"""Measured claims: `make benchmark`. Every row is a ratio of two things measured in turns in the same run.

Prints the table of benchmarks/README.md; times are CPU seconds of the process and its children unless a row says wall.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import yaml

from isal import config
from isal.study import Plan

ROOT = Path(__file__).parents[1]
BARE = "import numpy, netCDF4; netCDF4.Dataset({output!r}, 'w').close()"
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "ISAL_COMMIT": "benchmark",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),  # as in a job with threads: 1
}


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command and measure it."""
    began = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} failed:\n{(folder / 'output.txt').read_text()}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024)


def in_turns(repeats: int, *measured: Callable[[], Cost]) -> list[list[Cost]]:
    """Each thing measured ``repeats`` times, in turns, so that a busy machine is busy for all of them."""
    rows: list[list[Cost]] = [[] for _ in measured]
    for _ in range(repeats):
        for row, measure in zip(rows, measured, strict=True):
            row.append(measure())
    return rows


def point_job(repeats: int = 25) -> list[tuple[str, str, str]]:
    """A job of one point against a process that imports numpy and netCDF4 and writes an empty file."""
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    points = Plan.of(config.load(content, "config/config.yaml", [ROOT])).points
    chosen = {
        "integrated": "points/7a/synchronous/500MHz/integrated/e10000.nc",
        "step-by-step": "points/7a/synchronous/500MHz/step-by-step-held/e7000-3000.nc",
    }
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = [sys.executable, "-c", BARE.format(output=str(folder / "empty.nc"))]
        for label, path in chosen.items():
            script = str(ROOT / "workflow/scripts/solve_points.py")
            job = [sys.executable, script, "--point", points[path].to_json(), "--output", str(folder / "point.nc")]

            def solve(job: list[str] = job) -> Cost:
                (folder / "point.nc").unlink(missing_ok=True)
                return cost(job, folder)

            floor, jobs = in_turns(repeats, lambda: cost(bare, folder), solve)
            ratio = statistics.median(a.cpu_s / b.cpu_s for a, b in zip(jobs, floor, strict=True))
            seconds = statistics.median(each.cpu_s for each in jobs)
            rows.append(
                (f"point job, {label}: CPU", f"{ratio:.2f} x the bare process ({seconds:.3f} s)", "at most 2 x")
            )
            peak = max(each.peak_mib for each in jobs)
            rows.append((f"point job, {label}: peak memory", f"{peak:.0f} MiB", "at most 150 MiB"))
    return rows


def study_floor(repeats: int = 2) -> list[tuple[str, str, str]]:
    """Figures 9 and 13, one point per job, against Snakemake running as many jobs of the bare process."""
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    content["studies"] = {name: content["studies"][name] for name in ("synchronous_single_slot", "bandwidths")}
    content["figures"]["draw"] = {name: content["figures"]["draw"][name] for name in ("figure_9", "figure_13")}
    n_jobs = len(Plan.of(config.load(content, "config/config.yaml", [ROOT])).points)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        code = BARE.format(output="OUT").replace("'OUT'", "'{output}'")
        (folder / "Snakefile").write_text(
            f"rule all:\n    input: expand('out/{{i}}.nc', i=range({n_jobs}))\n"
            f"rule bare:\n    output: 'out/{{i}}.nc'\n    shell: '''{sys.executable} -c \"{code}\"'''\n"
        )
        (folder / "config").mkdir()
        (folder / "config/config.yaml").write_text(yaml.safe_dump(content))
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet", "all"]

        def run(extra: list[str]) -> Cost:
            for made in ("out", "results", ".snakemake"):
                shutil.rmtree(folder / made, ignore_errors=True)
            return cost([*snakemake, *extra], folder)

        profile = ["--profile", str(ROOT / "profiles/default")]
        study = ["--snakefile", str(ROOT / "Snakefile"), *profile]
        shards = [*study, "--config", "points_per_job=500"]
        floor, single, sharded = in_turns(
            repeats, lambda: run(["--scheduler", "greedy"]), lambda: run(study), lambda: run(shards)
        )
    wall = [statistics.median(each.wall_s for each in row) for row in (floor, single, sharded)]
    against_floor = f"{wall[1] / wall[0]:.2f} x Snakemake with as many bare jobs ({wall[1]:.0f} s)"
    return [
        (f"Figures 9 and 13, one point per job, 2 cores ({n_jobs} points): wall", against_floor, "at most 1.8 x"),
        ("the same, points_per_job: 500: wall", f"{wall[1] / wall[2]:.1f} x faster ({wall[2]:.0f} s)", "at least 8 x"),
    ]


def main() -> None:
    rows = point_job() + study_floor()
    packages = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scs", "netCDF4", "snakemake"))
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {packages}\n")
    print("| what | measured | budget |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
