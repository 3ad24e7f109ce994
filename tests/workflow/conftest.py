import shutil

import pytest
import reruns
from project import Project, run_once


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory):
    """A small study, run to its end; not to be changed."""
    return run_once(tmp_path_factory, "finished", lambda folder: Project.create(folder).succeed())


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
    single = run_once(tmp_path_factory, "single", lambda folder: reruns.create(folder).succeed())

    def sharded(folder):
        project = copied(single, folder)
        project.configure(lambda config: config.update(points_per_job=reruns.POINTS_PER_JOB))
        project.succeed()

    return single, run_once(tmp_path_factory, "sharded", sharded)


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
