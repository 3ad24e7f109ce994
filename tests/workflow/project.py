"""A copy of this project in a folder of its own, on which tests run Snakemake for real."""

from __future__ import annotations

import contextlib
import copy
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from dry_runs import dry_run

from isal.study.points import Point
from isal.study.store import records
from isal.units import UJ_PER_J
from isal.workflow.findings import FOLDER
from isal.workflow.plan import Plan
from isal.workflow.record_files import POINTS, SHARDS

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config", "envs", "isal", "profiles", "workflow")

#: Simulations of some milliseconds.
SIMULATIONS = {
    "seed": 1,
    "delays": {"pulses": ["flat"], "search": 8, "snr_db": [0, 20], "blocks": 1},
    "exchanges": {"jitter_s": [1e-10], "reply_time_s": [1e-3], "speed_m_s": [0], "interval_s": [1], "blocks": 1},
    "positions": {"blocks": 1},
    "steps": {"blocks": 1, "networks": 1, "network_blocks": 1},
    "breakdown": {"off_m": [1], "blocks": 1},
}

#: Two networks, two splits and the integrated scheme each, a map and curves, and findings from four random samples.
SMALL = {
    "findings": {"samples": 4, "sensitivity_samples": 4, "variants": {}},
    "simulations": SIMULATIONS,
    "deployments": {},
    "studies": {
        "small": {
            "networks": ["7b", "7c"],
            "clocks": ["synchronous"],
            "bandwidths_hz": [500.0e6],
            "schemes": ["integrated", "step-by-step-held"],
            "total_energy_j": 10,
            "step_1_energy_j": [2, 7],
        }
    },
    "figures": {
        "formats": ["svg"],
        "draw": {
            "maps": {"kind": "layouts", "networks": ["7b"]},
            "curves": {"kind": "step_energy", "study": "small"},
        },
    },
}


class Project:
    """The copy in ``folder``; ``run`` and ``plan`` call Snakemake there, or in ``start``."""

    def __init__(self, folder: Path, start: Path | None = None) -> None:
        self.folder = folder
        self.start = start or folder

    @classmethod
    def create(cls, folder: Path, changes: dict[str, Any] = SMALL) -> Project:
        """A fresh clone in ``folder`` with the studies, figures and findings of ``changes``."""
        project = cls(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(
                    ROOT / part,
                    folder / part,
                    copy_function=shutil.copyfile,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                shutil.copyfile(ROOT / part, folder / part)

        def change(config: dict[str, Any]) -> None:
            findings = config["findings"] | changes.get("findings", {})
            config.update(copy.deepcopy(changes | {"findings": findings}))

        project.configure(change)
        return project

    def configure(self, change: Callable[[dict[str, Any]], Any], file: str = "config/config.yaml") -> None:
        """Edit a YAML file in place."""
        path = self.folder / file
        content = yaml.safe_load(path.read_text())
        change(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a source file; the text must be there."""
        path = self.folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def run_at_start(self, code: str) -> None:
        """Code that every Python of the project runs before anything else: Snakemake, its dry runs, and all jobs."""
        (self.folder / "sitecustomize.py").write_text(code)

    def use_faulty_solver(self, more: str = "") -> None:
        """Register ``faulty_solver.py`` for the interior-point solver; it does well until :meth:`order_fault`.

        ``more`` is code that every Python of the project runs at its start.
        """
        shutil.copyfile(Path(__file__).with_name("faulty_solver.py"), self.folder / "isal/allocation/solvers/faulty.py")
        self.run_at_start(
            "from isal.allocation.solvers import SOLVERS\n"
            f"SOLVERS['interior-point'] = 'isal.allocation.solvers.faulty'\n{more}"
        )

    def order_fault(self, fault: str = "none", *energies_j: float) -> None:
        """What the faulty solver does from now on to problems of some energies, or to all."""
        (self.start / "solver-fault.json").write_text(json.dumps([fault, energies_j]))

    def energies_solved(self) -> list[float]:
        """Energy of every problem that the faulty solver has solved since this was asked last, J."""
        path = self.start / "solved-energies.txt"
        energies = [float(line) for line in path.read_text().split()] if path.exists() else []
        path.unlink(missing_ok=True)
        return energies

    def environment(self) -> dict[str, str]:
        # the copy's own sources, whatever is installed in this environment
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "ISAL_"))}
        if (self.folder / "sitecustomize.py").exists():
            kept["PYTHONPATH"] = str(self.folder)
        return kept | {"ISAL_TEST": "1"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def run(self, *arguments: str, cores: int | None = 2) -> subprocess.CompletedProcess[str]:
        """`snakemake --cores N ...`, without `--cores` for None; the result is not checked."""
        return subprocess.run(
            self.command(*([] if cores is None else ["--cores", str(cores)]), *arguments),
            cwd=self.start,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=600,
        )

    def succeed(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def status(self, *arguments: str) -> str:
        """What the status script of the copy prints, which must not fail."""
        told = subprocess.run(
            [sys.executable, str(self.folder / "workflow/scripts/show_status.py"), *arguments],
            cwd=self.start,
            env=self.environment() | {"PYTHONPATH": str(self.folder)},
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    def plan(self, *arguments: str) -> dict[str, list[str]]:
        """Outputs that a run would make, sorted, by rule, from a dry run."""
        code, text = dry_run(["--cores", "2", *arguments, "--quiet", "progress"], self.start, self.environment())
        assert code == 0, text
        return jobs_of(text)

    def read_plan(self) -> Plan:
        """The plan that the last run wrote."""
        return Plan.read(self.folder / "results/plan.json")

    def n_of_findings(self) -> int:
        """Points that the findings are made from, which no study has."""
        return sum(file.n_points for file in self.read_plan().findings_files.values())

    @property
    def records(self) -> dict[str, Path]:
        """Record files of the studies by their path below the results."""
        results = self.folder / "results"
        paths = sorted(path for folder in (POINTS, SHARDS) for path in (results / folder).rglob("[!.]*.nc"))
        of_findings = results / SHARDS / FOLDER
        return {str(path.relative_to(results)): path for path in paths if of_findings not in path.parents}

    def contents(self, waiting: bool = False) -> dict[str, str]:
        """Digest of each solved point by its name, or of those that wait to be published.

        It holds times, so it changes if and only if the point is solved again.
        """
        paths: Iterable[Path] = self.records.values()
        if waiting:
            paths = (self.folder / "results").rglob(".*.solved")
        found = {}
        for path in paths:
            with contextlib.suppress(records.RecordError):  # it may just be replaced or removed
                found |= contents_of(records.read(path))
        return found


def contents_of(found: records.Records) -> dict[str, str]:
    """Digest of each point by its name, whatever else is in the file."""
    digests = {}
    for row in range(len(found)):
        numbers = {name: found.arrays[name][row] for name in found.arrays if name not in records.TOLD_BY_NUMBER}
        kept = {name: values[(values == values) & (values != -1)] for name, values in numbers.items()}  # no padding
        point = Point.from_json(found.curves[found.arrays["curve"][row]])
        energies = kept["energy" if len(point.slots) == 1 else "slot_energy"]
        name = point.at(tuple(round(energy * UJ_PER_J) for energy in energies)).label
        content = b"".join(values.tobytes() for values in kept.values())
        digests[name] = hashlib.sha256(content + found.arrays["fingerprint"][row].tobytes()).hexdigest()
    return digests


def run_once(tmp_path_factory: Any, name: str, run: Callable[[Path], Any]) -> Project:
    """The project that ``run`` makes in a folder, once for all of pytest's workers; not to be changed."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # all workers share one
    folder = root / name
    folder.mkdir(exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            shutil.rmtree(folder / "project", ignore_errors=True)  # of a worker that failed
            run(folder / "project")
            (folder / "done").touch()
    return Project(folder / "project")


def jobs_of(text: str) -> dict[str, list[str]]:
    """Outputs by rule, sorted, as a dry run tells them."""
    jobs: dict[str, list[str]] = {}
    for rule, outputs in re.findall(r"^(?:local)?rule (\w+):\n(?:    input: .*\n)?    output: (.*)$", text, re.M):
        jobs.setdefault(rule, []).extend(outputs.replace(" (update)", "").split(", "))
    return {rule: sorted(outputs) for rule, outputs in jobs.items()}
