import fcntl
import os
import shutil

import pytest
import reruns
from project import Project


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """A small study, run to its end; not to be changed."""
    project = Project.create(tmp_path_factory.mktemp("finished") / "project")
    project.succeed()
    return project


@pytest.fixture
def finished(finished_once, tmp_path):
    """A copy of the finished study with all its dates, to be changed."""
    return copied(finished_once, tmp_path / "project")


@pytest.fixture
def fresh(tmp_path):
    """A small study that has not been run."""
    return Project.create(tmp_path / "project")


@pytest.fixture(scope="session")
def settled_once(tmp_path_factory):
    """The study of reruns.py, run to its end, with a point per job and with several; not to be changed."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # all workers share one
    root = root / "settled"
    root.mkdir(exist_ok=True)
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        single, sharded = Project(root / "single"), Project(root / "sharded")
        if not (root / "done").exists():
            Project.create(single.folder, reruns.STUDY).succeed()
            copied(single, sharded.folder)
            sharded.configure(lambda config: config.update(points_per_job=reruns.POINTS_PER_JOB))
            sharded.succeed()
            (root / "done").touch()
    return single, sharded


@pytest.fixture
def settled(settled_once, tmp_path):
    """``settled()`` copies the finished study of the matrix, which then is to be changed."""

    def copy(sharded=False):
        return copied(settled_once[sharded], tmp_path / ("sharded" if sharded else "project"))

    yield copy
    shutil.rmtree(tmp_path)  # of hundreds


def copied(project, folder):
    shutil.copytree(project.folder, folder)
    return Project(folder)
