"""Results in print, as tables and as datasets."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Ellipse

import isal
from isal.schemes.display import metres

RADIO = isal.Radio()
HALL = isal.Network(anchors=[[0, 0], [60, 0]], radars=[[10, 20], [30, 10]], targets=[[22, 28]], name="hall")


@pytest.fixture(scope="module")
def results():
    """One result of each kind."""
    return {
        "slot": isal.integrated(HALL, RADIO, clock="asynchronous", energy=1.0),
        "steps": isal.step_by_step(HALL, RADIO, clock="asynchronous", energies=(0.3, 0.2, 0.5)),
        "split": isal.best_split(HALL, RADIO, clock="synchronous", energy=1.0),
        "slots": isal.integrated([HALL, HALL.moved(shift=(1, 1))], RADIO, clock="asynchronous", energies=(0.5, 0.25)),
    }


@pytest.mark.parametrize("kind", ["slot", "steps", "split", "slots"])
def test_a_result_prints_in_a_few_lines_with_units(results, kind):
    text = repr(results[kind])
    assert 2 <= len(text.splitlines()) <= 10
    assert "'hall'" in text
    assert "m^2 (RMSE" in text
    assert "W: radar 1" in text
    assert "optimal" in text


def test_long_results_stay_short():
    many = isal.Network(
        anchors=[[10.0 * i, 100.0] for i in range(30)], radars=[[5, 5], [50, 7]], targets=[[20, 30]], name="many"
    )
    assert "... (32 nodes)" in repr(isal.integrated(many, RADIO, clock="synchronous", energy=1.0))
    assert repr(many) == "Network(30 anchors, 2 radars, 1 targets, name='many')"
    slots = isal.integrated([HALL] * 6, RADIO, clock="synchronous", energies=[1.0] * 6)
    assert repr(slots).splitlines()[-1] == "  ... and 3 slots more"


def test_networks_and_information_print_in_one_line():
    assert repr(HALL) == (
        "Network(anchors=[[0.0, 0.0], [60.0, 0.0]], radars=[[10.0, 20.0], [30.0, 10.0]], targets=[[22.0, 28.0]], "
        "name='hall')"
    )
    assert repr(isal.information(HALL, RADIO, "asynchronous")) == (
        "Information of 'hall', asynchronous: 26 links about parameters 4 of radars, 2 of clocks, 2 of targets"
    )


def test_tables_name_nodes_and_steps(results):
    table = results["steps"].to_dataframe()
    assert list(table.columns) == ["radars", "clocks", "targets"]
    assert list(table.index) == ["radar 1", "radar 2", "anchor 1", "anchor 2"]
    np.testing.assert_array_equal(table.to_numpy().T, results["steps"].power)
    slots = results["slots"].to_dataframe()
    assert list(slots.columns) == [(1, "targets"), (2, "targets")]
    assert slots[1, "targets"].sum() == pytest.approx(0.5)


def test_datasets_hold_powers_bounds_and_the_radio(results):
    steps = results["steps"].to_xarray()
    assert dict(steps.sizes) == {"step": 3, "node": 4, "parameter": 8}
    bounds = steps.parameter_bound
    of_target = bounds.sel(parameter=["target 1 x", "target 1 y"])
    assert float(of_target.sum()) == pytest.approx(float(steps.target_speb))
    clocks = bounds.sel(parameter=["clock offset of radar 2", "clock offset of the anchors"])
    assert float(clocks.sum()) == pytest.approx(float(steps.clock_speb))
    assert float(steps.power.sel(step="clocks", node="radar 2")) == results["steps"].power[1, 1]
    assert float(steps.step_speb.sel(step="targets")) == results["steps"].speb
    assert float(steps.target_speb) == pytest.approx(results["steps"].spebs.targets)
    assert steps.attrs["radio_bandwidth_hz"] == 5e8
    assert all({"units", "long_name"} <= set(variable.attrs) for variable in steps.data_vars.values())
    slots = results["slots"].to_xarray()
    assert dict(slots.sizes) == {"slot": 2, "step": 1, "node": 4, "parameter": 8}
    np.testing.assert_allclose(slots.smoothed_target_speb, [slot.smoothed_speb for slot in results["slots"].slots])
    split = results["split"].to_xarray()
    np.testing.assert_array_equal(split.power, results["split"].power)


def test_in_notebooks_the_powers_are_a_table(results):
    page = results["slot"]._repr_html_()
    assert "<table" in page
    assert "radar 2" in page


def test_results_are_equal_by_what_was_asked_and_found(results):
    again = isal.integrated(HALL, RADIO, clock="asynchronous", energy=1.0)
    assert results["slot"] == again
    assert results["slot"] != isal.integrated(HALL, RADIO, clock="asynchronous", energy=2.0)
    assert results["slot"] != results["split"]
    same = isal.Network(HALL.anchors, HALL.radars, HALL.targets, name="hall")
    assert same == HALL
    assert hash(same) == hash(HALL)
    assert same != HALL.moved(shift=(1, 0))
    assert same != "hall"


@pytest.mark.parametrize(
    ("length", "text"), [(1.5e4, "15 km"), (2.0, "2 m"), (0.0131, "1.31 cm"), (0.004, "4 mm"), (2e-5, "20 um")]
)
def test_lengths_have_units_of_their_size(length, text):
    assert metres(length) == text


def test_a_map_has_powers_links_and_errors_of_each_slot(results):
    """Circles of all nodes that transmit, one line per pair of ends and target, an ellipse per unknown position."""
    for kind, n_panels in (("slot", 1), ("split", 1), ("slots", 2)):
        picture = results[kind].plot()
        assert len(picture.axes) == n_panels
        for panel in picture.axes:
            circles = [patch for patch in panel.patches if isinstance(patch, Circle)]
            ellipses = [patch for patch in panel.patches if type(patch) is Ellipse]
            assert (len(circles), len(ellipses)) == (4, 3)
            (lines,) = (each for each in panel.collections if isinstance(each, LineCollection))
            assert 3 <= len(lines.get_segments()) <= 10 + 5
    picture = HALL.plot()
    assert picture.axes[0].get_title(loc="left") == "hall"


CORE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {MISSING}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import isal
hall = isal.Network(anchors=[[0, 0], [60, 0]], radars=[[10, 20], [30, 10]], targets=[[22, 28]])
radio = isal.Radio()
print(isal.integrated(hall, radio, clock="asynchronous", energy=1.0))
print(isal.step_by_step(hall, radio, clock="synchronous", energies=(0.5, 0.5)))
split = isal.best_split(hall, radio, clock="synchronous", energy=1.0)
print(split, isal.spebs(hall, radio, split.power[0], "synchronous"))
for use in (lambda: isal.integrated(hall, radio, clock="synchronous", energy=1.0, solver="cvxpy"), split.to_xarray):
    try:
        use()
    except isal.IsalError as error:
        print(error)
"""

#: What `isal-uwb[study]` brings; the core does without.
STUDY = {"clarabel", "cvxpy", "jsonschema", "matplotlib", "netCDF4", "pandas", "scs", "snakemake", "xarray", "yaml"}


def test_powers_for_several_goals_are_a_table_and_a_map():
    networks = [HALL, HALL.moved(shift=(1.0, 0.0))]
    given = {"radio": isal.Radio(), "clock": "asynchronous"}
    best = isal.allocate(HALL, **given, requirements=0.05)
    robust = isal.robust(HALL, **given, over=isal.Cloud(targets=0.5, size=8), energy=1.0)
    for result in (best, robust):
        table = result.to_dataframe()
        assert list(table.columns) == ["power"]
        assert table.power.to_dict() == dict(zip(HALL.node_labels, result.power, strict=True))
    together = isal.horizon(networks, **given, energy=2.0).to_dataframe()
    assert (list(together.columns), list(together.index)) == (["slot 1", "slot 2"], list(HALL.node_labels))
    panel = best.plot().axes[0]
    assert panel.get_title(loc="left") == f"{HALL.name}, asynchronous"
    circles = [patch for patch in panel.patches if isinstance(patch, Circle)]
    largest = max(circle.get_radius() for circle in circles)
    sizes = [(circle.get_radius() / largest) ** 2 for circle in circles]
    np.testing.assert_allclose(sizes, best.power / best.power.max(), atol=1e-9)
    assert np.sum([type(patch) is Ellipse for patch in panel.patches]) == HALL.n_radars + HALL.n_targets


def test_the_core_needs_none_of_the_packages_of_a_study():
    code = CORE.replace("{MISSING}", repr(STUDY))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("optimal") == 3
    assert (
        "the solver 'cvxpy' needs the package cvxpy, which is not installed: pip install 'isal-uwb[study]'"
        in done.stdout
    )
    assert "this needs xarray, which is not installed: pip install 'isal-uwb[study]'" in done.stdout
