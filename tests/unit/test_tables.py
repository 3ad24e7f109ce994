"""Tables of the best points and best splits."""

import math

import builders
import pytest
from builders import DUAL, INTEGRATED, point_of, stored

from isal.model.network import Network
from isal.study import tables
from isal.study.store import storage

ANCHORS, RADARS, TARGETS = [[20, 180], [180, 180]], [[45, 71], [91, 65]], [[65, 45]]
#: Networks with fewer blocks of parameters, and the one step that they have with synchronous clocks.
ONE_STEP = {
    "radars": Network(ANCHORS, RADARS, name="no target"),
    "targets": Network(ANCHORS, RADARS, TARGETS, radars_known=True, name="radars known"),
}


def dataset_of(folder, *changes):
    """The dataset of examples with changes, solved."""
    points = stored([point_of(**change) for change in changes], folder)
    storage.write(folder / "s.nc", builders.dataset_of(points, note="Reconstructed."))
    return storage.read(folder / "s.nc")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    splits = [(2_000_000, 8_000_000), (2_300_000, 7_700_000), (7_000_000, 3_000_000)]
    return dataset_of(tmp_path_factory.mktemp("table"), *({"energies_uj": split} for split in splits), INTEGRATED)


def test_the_best_point_of_every_curve_is_found(dataset):
    table = tables.best_points(dataset).set_index("scheme")
    assert table.loc["step-by-step-held", "energies (J)"] == "2.3 / 7.7"
    assert table.loc["step-by-step-held", "over integrated"] == pytest.approx(1.496, abs=1e-3)
    assert table.loc["integrated", "over integrated"] == 1.0
    assert table.loc["step-by-step-held", "SPEB (m^2)"] == float(dataset.speb.sel(split="e2300-7700").min())
    assert table["largest gap"].max() <= 1e-6
    assert table.loc["integrated", "usable share"] == pytest.approx(0.0533, abs=1e-4)
    assert table.loc["integrated", "pulses needed"] == 191
    assert list(table["usable SPEB (m^2)"]) == [math.inf] * 2


@pytest.mark.parametrize("name", ["8a", "8b"])
def test_of_two_slots_the_one_that_is_worst_off_counts(tmp_path, name):
    """In 8b slot 2 has no usable sensing link, and so the sum of both has no bound."""
    dataset = dataset_of(tmp_path, {"slots": DUAL[name], "scheme": "integrated", "energies_uj": (4_000_000, 6_000_000)})
    shares, spebs, pulses = (dataset[each].values.ravel() for each in ("usable_share", "usable_speb", "pulses_needed"))
    (row,) = tables.best_points(dataset).to_dict("records")
    assert row["usable share"] == shares.min()
    assert row["usable SPEB (m^2)"] == spebs.sum()
    assert row["pulses needed"] == pulses.max()
    assert (shares[0] > 0.9, shares[1] > 0.9) == (True, name == "8a")
    assert math.isfinite(spebs.sum()) == (name == "8a")


def test_a_markdown_table_ends_with_the_note(dataset, tmp_path):
    csv, md, page = (tmp_path / f"s.{suffix}" for suffix in ("csv", "md", "html"))
    tables.write(tables.best_points(dataset), [csv, md, page], "Reconstructed.", "Best points")
    lines = md.read_text().splitlines()
    assert lines[0].startswith("| network | clock |")
    assert len(lines) == 2 + 2 + 2  # head, two curves, note
    assert lines[-1] == "Reconstructed."
    assert lines[0].count("|") == lines[2].count("|")
    assert "| 5.33% | infinite | 191 |" in lines[2]
    assert csv.read_text().count("\n") == 3
    shown = page.read_text()
    assert "<h1>Best points</h1>" in shown
    assert shown.count("<tr>") == 1 + 2
    assert "<p>Reconstructed.</p>" in shown


@pytest.mark.parametrize("schemes", [["integrated"], ["step-by-step-held"], ["integrated", "step-by-step-held"]])
@pytest.mark.parametrize("block", ONE_STEP)
def test_points_of_one_step_have_a_table(tmp_path, block, schemes):
    """With one slot, one step and one split every axis has one entry."""
    network = {"slots": (ONE_STEP[block],)}
    dataset = dataset_of(tmp_path, *(network | INTEGRATED | {"scheme": scheme} for scheme in schemes))
    assert dataset.sizes["step"] == dataset.sizes["slot"] == dataset.sizes["split"] == 1
    table = tables.best_points(dataset)
    assert list(table.scheme) == schemes
    assert set(table["energies (J)"]) == {"10"}
    assert set(table.minimised) == {block}
    assert list(table["SPEB (m^2)"]) == dataset.speb.values.ravel().tolist()
    if "integrated" in schemes:
        assert list(table["over integrated"]) == pytest.approx([1.0] * len(schemes), rel=1e-6)
    else:
        assert table["over integrated"].isna().all()


@pytest.mark.parametrize("scheme", ["integrated", "step-by-step-held"])
def test_one_point_has_a_table(tmp_path, scheme):
    changes = INTEGRATED if scheme == "integrated" else {}
    table = tables.best_points(dataset_of(tmp_path, changes))
    assert list(table["energies (J)"]) == ["10" if scheme == "integrated" else "2.3 / 7.7"]


def test_bounds_of_different_parameters_are_not_compared(tmp_path):
    """Without a target, step-by-step ends with the clock offsets and integrated minimises the radars' bound."""
    network = {"slots": (ONE_STEP["radars"],)}
    asynchronous = network | {"clock": "asynchronous"}
    dataset = dataset_of(tmp_path, asynchronous | INTEGRATED, asynchronous, network | INTEGRATED)
    table = tables.best_points(dataset).set_index(["clock", "scheme"])
    held = table.loc["asynchronous", "step-by-step-held"]
    assert held["minimised"] == "clocks"
    assert held["SPEB (m^2)"] == dataset.clock_speb.sel(clock="asynchronous", scheme="step-by-step-held").min()
    assert table.isna()["over integrated"].to_dict() == {
        ("asynchronous", "integrated"): False,
        ("asynchronous", "step-by-step-held"): True,
        ("synchronous", "integrated"): False,
    }
    assert table.loc["asynchronous", "integrated"]["minimised"] == "radars"
    given = point_of(**asynchronous)
    best = builders.dataset_of(stored([given, given.at_best()], tmp_path))
    (row,) = tables.best_splits("s", best).to_dict("records")
    assert row["minimised"] == "clocks"
    assert row["traversal over exact"] >= -1e-9


def test_a_table_without_rows_says_so_and_keeps_its_head(dataset):
    empty = tables.best_splits("s", dataset)
    assert tables.markdown(empty) == "Nothing to show.\n"
    assert empty.to_csv(index=False).startswith("study,network,clock,bandwidth,scheme,minimised,")
