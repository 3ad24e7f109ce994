"""A study of an ensemble: what runs when it grows, and that no point is solved twice."""

import copy
import json

import pytest
from project import SMALL, Project

from isal.study.store import storage

#: Energies of the two steps at each point, J.
GRID = [2, 7]
SIZE = 4
DATASET = "results/datasets/some.nc"


@pytest.fixture
def project(tmp_path):
    """A study of four networks in blocks of two, solved."""
    study = SMALL["studies"]["small"] | {"networks": ["random"], "schemes": ["step-by-step-held"]}
    changes = copy.deepcopy(SMALL) | {
        "ensembles": {"random": {"seed": 1, "size": SIZE, "anchors": 3, "radars": 2}},
        "studies": {"some": study | {"step_1_energy_j": GRID}},
        "figures": {"formats": ["svg"], "draw": {"curves": {"kind": "step_energy", "study": "some"}}},
    }
    project = Project.create(tmp_path / "project", changes)
    project.use_faulty_solver("from isal.workflow import plan\nplan.LEAST_PER_BLOCK = 4\n")
    project.succeed("paper")
    return project


def solved(project, *command):
    """Energies of the problems that a run solves, J."""
    project.energies_solved()
    project.succeed("paper", *command)
    assert project.plan("paper", *command) == {}
    return sorted(project.energies_solved())


def test_each_point_is_solved_once(project):
    assert sorted(project.records) == ["shards/some/random-0-2.nc", "shards/some/random-2-4.nc"]
    assert sorted(project.energies_solved()) == sorted([2, 8, 7, 3] * SIZE)
    dataset = storage.read(project.folder / DATASET)
    assert dataset.network.values.tolist() == [f"random-{number}" for number in range(SIZE)]
    assert set(dataset.ensemble.values) == {"random"}
    assert dict(dataset.sizes)["split"] == len(GRID)
    assert bool(dataset.speb.notnull().all())
    assert json.loads(dataset.attrs["ensembles"])["random"]["seed"] == 1
    assert dataset.attrs["points"] == SIZE * len(GRID)


def test_only_new_points_are_solved(project):
    before = project.contents()
    project.configure(lambda config: config["ensembles"]["random"].update(size=SIZE + 2))
    assert set(project.plan("paper")["solve_shard"]) == {"results/shards/some/random-4-6.nc"}
    assert solved(project) == sorted([2, 8, 7, 3] * 2)
    assert before.items() <= project.contents().items()

    # a finer grid, whose blocks are smaller
    project.configure(lambda config: config["studies"]["some"].update(step_1_energy_j=[2, 4.5, 7]))
    assert solved(project) == sorted([4.5, 5.5] * (SIZE + 2))
    assert before.items() <= project.contents().items()

    # other numbers of points per job
    for per_job in (100, 1):
        assert solved(project, "--config", f"points_per_job={per_job}") == []

    # and what has changed is
    project.configure(lambda config: config["ensembles"]["random"].update(seed=2))
    assert len(solved(project)) == 2 * 3 * (SIZE + 2)


def test_a_network_that_can_not_be_solved_is_left_out(project):
    """Its job names it, and what else is solved is kept."""
    project.configure(lambda config: config["studies"]["some"].update(step_1_energy_j=[2, 4.5, 7]))
    project.order_fault("error", 4.5)
    done = project.run("paper")
    assert done.returncode != 0
    assert "failed: random-0/synchronous/500MHz/step-by-step-held/e4500-5500: no powers at all" in done.stderr
    project.order_fault()
    before = project.contents() | project.contents(waiting=True)
    project.configure(lambda config: config["ensembles"]["random"].update(without=[0, 2]))
    project.energies_solved()
    project.succeed("paper")
    assert sorted(project.energies_solved()) == [4.5, 4.5, 5.5, 5.5]
    assert storage.read(project.folder / DATASET).network.values.tolist() == ["random-1", "random-3"]
    assert before.items() <= project.contents().items()


def test_status_counts_points_of_ensembles(project):
    every = SIZE * len(GRID) + project.n_of_findings()
    assert project.status().startswith(f"points: {SIZE * len(GRID)} of {every} done")
    (project.folder / "results/shards/some/random-0-2.nc").unlink()
    assert project.status().startswith(f"points: {SIZE * len(GRID) // 2} of {every} done")
