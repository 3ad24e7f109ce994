"""What one run of a command costs, and ratios of things measured in turns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import yaml

ROOT = Path(__file__).parents[1]
ENVIRONMENT = {
    # compiled modules are kept, as they are unless somebody forbids it
    **{name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    "PYTHONPATH": str(ROOT),
    "ISAL_COMMIT": "benchmark",
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),  # as in a job with threads: 1
}

#: What is measured, the figure, the budget.
Row = tuple[str, str, str]

T = TypeVar("T")


def configured() -> dict[str, object]:
    """The paper's study."""
    content: dict[str, object] = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return content


@dataclass(frozen=True)
class Cost:
    """What one run of a command cost."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    output: str


def cost(command: list[str], folder: Path) -> Cost:
    """Run a command and measure it."""
    began = time.perf_counter()
    with (folder / "output.txt").open("w") as output:
        process = subprocess.Popen(command, cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
    text = (folder / "output.txt").read_text()
    if status:
        raise RuntimeError(f"{command} failed:\n{text}")
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 1024, text)


def python(code: str, folder: Path) -> Cost:
    """Run Python code in a process of its own."""
    return cost([sys.executable, "-c", code], folder)


#: A process that does nothing but import what a point job imports and write an empty file.
BARE = "import numpy, netCDF4; netCDF4.Dataset({output!r}, 'w').close()"


def bare_workflow(folder: Path, n_jobs: int) -> Path:
    """A Snakefile of so many bare processes."""
    code = BARE.format(output="OUT").replace("'OUT'", "'{output}'")
    path = folder / "bare.smk"
    path.write_text(
        f"rule all:\n    input: expand('out/{{i}}.nc', i=range({n_jobs}))\n"
        f"rule bare:\n    output: 'out/{{i}}.nc'\n    shell: '''{sys.executable} -c \"{code}\"'''\n"
    )
    return path


def in_turns(repeats: int, *measured: Callable[[], T]) -> list[list[T]]:
    """Each thing measured ``repeats`` times, in turns, so that a busy machine is busy for all of them."""
    rows: list[list[T]] = [[] for _ in measured]
    for _ in range(repeats):
        for row, measure in zip(rows, measured, strict=True):
            row.append(measure())
    return rows


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU time of one call in this process."""
    began = time.process_time()
    function()
    return time.process_time() - began
