"""The workflow through profiles/slurm on a real Slurm of this one machine: `make test-slurm`."""

import os
import subprocess
from pathlib import Path

import pytest
import xarray as xr
from project import Project

CLUSTER = Path(__file__).with_name("cluster.sh")
# jobs here last seconds, so look after 1 s instead of 10
PROFILE = ("--workflow-profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1")


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    """A cluster of this machine alone, found through the environment; stopped whatever happens."""
    folder = tmp_path_factory.mktemp("slurm")
    started = subprocess.run([CLUSTER, "start", folder], capture_output=True, text=True, timeout=120)
    if started.returncode != 0:
        pytest.fail(started.stderr, pytrace=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
        try:
            yield
        finally:
            subprocess.run([CLUSTER, "stop", folder], check=True, timeout=120)


def on_cluster(project, *arguments):
    """Run through Slurm; returns the rules of the jobs that Slurm was given by this run."""
    before = set(jobs())
    done = project.run(*PROFILE, *arguments, cores=None)
    assert done.returncode == 0, done.stdout + done.stderr
    return [
        comment.removeprefix("rule_").split("_wildcards_")[0] for job, comment in jobs().items() if job not in before
    ]


def jobs():
    """Comments of all jobs by number, also of those that have ended."""
    command = ["squeue", "--states=all", "--noheader", "--format=%i %k"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split() for line in lines)


def datasets(folder):
    """Datasets of a results folder by path, without what tells runs apart."""
    found = {}
    for path in (folder / "datasets").rglob("*.nc"):
        dataset = xr.load_dataset(path).drop_vars(["seconds", "problem_seconds"], errors="ignore")
        dataset.attrs.pop("history", None)
        found[str(path.relative_to(folder))] = dataset
    return found


def assert_same_results(local, slurm):
    expected, found = datasets(local), datasets(slurm)
    assert set(found) == set(expected) != set()
    for name, dataset in found.items():
        xr.testing.assert_identical(dataset, expected[name])
    for table in (local / "tables").iterdir():
        if table.stem != "best_splits":  # with times
            assert (slurm / "tables" / table.name).read_text() == table.read_text()


def test_one_point_per_job(tmp_path):
    project = Project.create(tmp_path / "project")
    project.configure(lambda config: config["studies"]["small"].update(networks=["7b"]))  # each job takes seconds
    rules = on_cluster(project, "paper", "--config", "results=slurm")
    # figures and tables don't go through Slurm
    assert sorted(rules) == ["build_dataset"] + ["solve_point"] * 3
    project.succeed("paper", "--config", "results=local")
    assert_same_results(tmp_path / "project/local", tmp_path / "project/slurm")


def test_the_smoke_study_with_many_points_per_job(tmp_path):
    """All kinds of jobs; of the variants, which are jobs of one kind, the first."""
    project = Project.create(tmp_path / "project", changes={})

    def command(results):
        made = (f"{results}/datasets/{name}.nc" for name in ("findings/base", "solver_agreement"))
        settings = ("--configfile", "config/smoke.yaml", "--config", f"results={results}", "points_per_job=100")
        return "paper", *made, *settings

    rules = on_cluster(project, *command("slurm"))
    project.succeed(*command("local"))
    assert 2 <= rules.count("solve_shard") <= 10
    assert {"build_dataset", "compare_solvers"} <= set(rules)
    assert "solve_point" not in rules
    assert_same_results(tmp_path / "project/local", tmp_path / "project/slurm")


def test_a_cancelled_job_is_tried_again_and_keeps_what_it_solved(tmp_path):
    """What Slurm does to a job out of time, too."""
    project = Project.create(tmp_path / "project")
    energies = {"from": 0.01, "to": 4, "by": 0.01}  # more points than are solved side by side
    project.configure(lambda config: config["studies"]["small"].update(networks=["7b"], step_1_energy_j=energies))
    project.use_faulty_solver("from isal.study import solving\nsolving.CHUNK = 250; solving.KEEP_AFTER_S = 0\n")
    project.order_fault("cancelled once", 3.9)
    rules = on_cluster(project, "paper", "--config", "points_per_job=1000", "--until", "solve_shard")
    assert rules == ["solve_shard"] * 2
    solved = project.energies_solved()
    assert len(solved) == len(set(solved)) == 1 + 2 * 400
