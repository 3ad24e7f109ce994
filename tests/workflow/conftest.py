import shutil

import pytest
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
    folder = tmp_path / "project"
    shutil.copytree(finished_once.folder, folder)
    return Project(folder)


@pytest.fixture
def fresh(tmp_path):
    """A small study that has not been run."""
    return Project.create(tmp_path / "project")
