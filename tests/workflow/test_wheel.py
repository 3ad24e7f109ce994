"""A study of one's own with the installed wheel and no copy of the project, as `isal study init` says."""

import os
import re
import shlex
import subprocess

import pytest
from installation import ROOT, installed


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Runs a line of commands as in the environment of the wheel; returns what it printed."""
    folder = tmp_path_factory.mktemp("wheel")
    python = installed(folder)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "ISAL_"))}

    def run(line, start=folder):
        command, *arguments = shlex.split(line)
        done = subprocess.run([python, "-m", command, *arguments], cwd=start, env=kept, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run.folder = folder
    return run


def test_a_study_of_ones_own_needs_no_copy_of_the_project(run):
    printed = run("isal study init mine")
    enter, snakemake, status = re.findall(r"^    (.*)$", printed, re.MULTILINE)
    assert enter == "cd mine"
    assert str(ROOT) not in printed
    start = run.folder / "mine"
    run(f"{snakemake} --config points_per_job=50", start)
    assert run(status, start) == "points: 140 of 140 done, 0 failed, 0 left\n"
    assert (start / "results/mine/figures/networks.png").exists()


def test_the_papers_study_is_there_too(run):
    assert "points: 0 of " in run("isal status")
