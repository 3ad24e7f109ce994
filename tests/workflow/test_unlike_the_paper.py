"""Studies and networks unlike the paper's run to their end."""

import pandas as pd
import pytest
import yaml
from project import SIMULATIONS, Project, run_once

RANGING = {"anchors": [[20, 180], [180, 180]], "radars": [[45, 71], [91, 65]]}
NETWORKS = {
    "note": "Measured layouts.",
    "single_slot": {
        "localization": RANGING,
        "sensing": RANGING | {"target": [65, 45], "radars_known": True},
        "both": RANGING | {"target": [65, 45]},
    },
}
STUDY = {"clocks": ["synchronous"], "bandwidths_hz": [500.0e6], "total_energy_j": 10, "split": "best"}
HELD = ["integrated", "step-by-step-held"]
STUDIES = {
    "integrated_alone": STUDY | {"networks": ["both"], "schemes": ["integrated"]},
    "one_step": STUDY | {"networks": ["localization", "sensing"], "schemes": HELD},
    "no_target": STUDY
    | {"networks": ["localization"], "schemes": HELD, "clocks": ["asynchronous"], "step_1_energy_j": [2, 7]},
}
CHANGES = {
    "networks": "config/mine.yaml",
    "findings": {
        "samples": 1,
        "sensitivity_samples": 1,
        "variants": {"capped": {"power_cap_w": 20}},
    },
    "simulations": SIMULATIONS,
    "deployments": {},
    "studies": STUDIES,
    "figures": {
        "formats": ["png"],
        "draw": {
            "curves": {"kind": "step_energy", "study": "no_target"},
            "solvers": {"kind": "agreement"},
            "abundance": {"kind": "abundance"},
            "delays": {"kind": "delay_error"},
            "variants": {"kind": "variants"},
        },
    },
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """No network of two slots, one pair of random networks, studies of one step, none that compares like with like."""

    def run(folder):
        project = Project.create(folder, CHANGES)
        (folder / "config/mine.yaml").write_text(yaml.safe_dump(NETWORKS))
        project.succeed("--config", "points_per_job=10")

    project = run_once(tmp_path_factory, "unlike", run)
    for log in (project.folder / "results/logs").rglob("*.log"):
        assert "Warning" not in log.read_text(), log
    return project.folder / "results"


def test_every_study_has_its_table(results):
    for study, described in STUDIES.items():
        table = pd.read_csv(results / f"tables/{study}.csv")
        assert len(table) == len(described["networks"]) * len(described["schemes"])
    table = pd.read_csv(results / "tables/no_target.csv").set_index("scheme")
    assert table.minimised.to_dict() == {"integrated": "radars", "step-by-step-held": "clocks"}
    assert table["over integrated"].isna().to_dict() == {"integrated": False, "step-by-step-held": True}
    splits = pd.read_csv(results / "tables/best_splits.csv")
    assert set(splits[splits.study == "no_target"].minimised) == {"clocks"}


def test_the_findings_leave_out_what_there_is_no_network_for(results):
    page = (results / "findings.md").read_text()
    assert "on 1 layouts of the networks file\n(0 of them of two slots" in page
    assert "on 2 random networks (1 pairs" in page
    assert "left out, as there are none." in page
    assert "not judged, as no random " in page
    assert "nan" not in page.lower()


def test_every_figure_is_drawn(results):
    for figure in CHANGES["figures"]["draw"]:
        assert (results / f"figures/{figure}.png").stat().st_size > 5_000
