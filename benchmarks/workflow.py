"""Jobs and whole studies against what numpy, netCDF4 and Snakemake cost by themselves."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr
from measure import BARE, ROOT, Cost, Row, bare_workflow, configured, cost, in_turns

from isal.study import config
from isal.workflow.plan import Plan


def point_job(repeats: int = 25) -> list[Row]:
    """A job of one point against a process that imports numpy and netCDF4 and writes an empty file."""
    plan = Plan.of(config.load(configured(), "config/config.yaml", [ROOT]))
    chosen = {
        "integrated": "7a/synchronous/500MHz/integrated/e10000",
        "step-by-step": "7a/synchronous/500MHz/step-by-step-held/e7000-3000",
    }
    script = str(ROOT / "workflow/scripts/solve_points.py")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bare = [sys.executable, "-c", BARE.format(output=str(folder / "empty.nc"))]
        for label, name in chosen.items():
            for solver, budget in (("interior-point", "1.3 x"), ("scs", "2 x")):
                point = replace(plan.points[name], solver=solver)
                told = ["--point", point.to_json(), "--fingerprint", plan.fingerprint(point)]
                job = [sys.executable, script, *told, "--output", str(folder / "point.nc")]

                def solve(job: list[str] = job) -> Cost:
                    (folder / "point.nc").unlink(missing_ok=True)
                    return cost(job, folder)

                floor, jobs = in_turns(repeats, lambda: cost(bare, folder), solve)
                ratio = statistics.median(a.cpu_s / b.cpu_s for a, b in zip(jobs, floor, strict=True))
                seconds = statistics.median(each.cpu_s for each in jobs)
                peak = max(each.peak_mib for each in jobs)
                rows.append(
                    (
                        f"point job, {label}, {solver}: CPU",
                        f"{ratio:.2f} x the bare process ({seconds:.3f} s, {peak:.0f} MiB)",
                        f"at most {budget}",
                    )
                )
    return rows


def whole_study(points_per_job: int = 1000) -> list[Row]:
    """The whole paper study with one point per job, with many, and Snakemake with as many jobs of the bare process."""
    n_jobs = len(Plan.of(config.load(configured(), "config/config.yaml", [ROOT])).points)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(ROOT / "config", folder / "config")
        snakemake = [sys.executable, "-m", "snakemake", "--cores", "2", "--quiet=all"]
        profile = ["--profile", str(ROOT / "profiles/default")]
        study = [*snakemake, "paper", "--snakefile", str(ROOT / "Snakefile"), *profile]
        bare = bare_workflow(folder, n_jobs)
        quick = ["--scheduler", "greedy", "--scheduler-subsample", "100"]  # as in the profile
        floor = cost([*snakemake, "--snakefile", str(bare), *quick], folder)
        single = cost([*study, "--config", "results=single"], folder)
        sharded = cost([*study, "--config", "results=sharded", f"points_per_job={points_per_job}"], folder)
        nothing = cost([*study, "--config", "results=sharded", f"points_per_job={points_per_job}"], folder)
        apart = largest_difference(folder / "single/datasets", folder / "sharded/datasets")
    title = f"the whole paper study, 2 cores ({n_jobs} points): wall"
    return [
        (
            f"{title}, one point per job",
            f"{single.wall_s / floor.wall_s:.2f} x Snakemake with as many bare jobs ({single.wall_s:.0f} s)",
            "at most 1.8 x",
        ),
        (
            f"{title}, points_per_job: {points_per_job}",
            f"{single.wall_s / sharded.wall_s:.1f} x faster ({sharded.wall_s:.0f} s)",
            "at least 8 x",
        ),
        ("largest relative difference between the two in any dataset", f"{apart:.0e}", "at most 1e-9"),
        (f"{title}, points_per_job: {points_per_job}, nothing to do", f"{nothing.wall_s:.1f} s", ""),
    ]


def largest_difference(one: Path, other: Path) -> float:
    """Largest relative difference of any number of the studies' datasets; times left out."""
    largest = 0.0
    for path in sorted(one.glob("*.nc")):
        with xr.open_dataset(path) as first, xr.open_dataset(other / path.name) as second:
            for name in set(first.data_vars) - {"seconds"}:
                left, right = first[name].values, second[name].values
                assert (np.isnan(left) == np.isnan(right)).all(), (path.name, name)
                with np.errstate(invalid="ignore", divide="ignore"):
                    apart = np.where(left == right, 0.0, np.abs(left - right) / np.abs(left))
                largest = max(largest, float(np.nanmax(apart, initial=0.0)))
    return largest


def rows() -> list[Row]:
    return point_job() + whole_study()


if __name__ == "__main__":
    print(json.dumps(rows(), indent=2))
