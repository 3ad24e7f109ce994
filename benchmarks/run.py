"""Measured claims: `make benchmark`. Every row is a figure, or a ratio of two things measured in turns in the same run.

Prints the table of benchmarks/README.md. Times are CPU seconds of one core unless a row says wall.
"""

from __future__ import annotations

import argparse
import os

# one core, as in a job with threads: 1; read when numpy is imported
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

import platform
from importlib import import_module
from importlib.metadata import version

#: The solvers last: a process counts as large as the one that starts it was.
PARTS = ("workflow", "scale", "simulations", "goals", "uncertain", "solvers")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="which part to measure")
    packages = ("numpy", "scs", "cvxpy", "clarabel", "netCDF4", "snakemake")
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    only = parser.parse_args().only
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}\n")
    print("| what | measured | budget |\n|---|---|---|", flush=True)
    for part in [only] if only else PARTS:
        for row in import_module(part).rows():
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
