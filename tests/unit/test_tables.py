"""Tables of the best points."""

import pytest
from test_points import example

from isal import tables
from isal.netcdf import datasets, records


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    points = {}
    for changes in (
        {"energies_uj": (2_000_000, 8_000_000)},
        {"energies_uj": (2_300_000, 7_700_000)},
        {"energies_uj": (7_000_000, 3_000_000)},
        {"scheme": "integrated", "energies_uj": (10_000_000,)},
    ):
        point = example(**changes)
        path = folder / f"{point.split}.nc"
        records.write(path, point, point.solve())
        points[path] = point
    return datasets.build(points, study="s", note="Reconstructed.")


def test_the_best_point_of_every_curve_is_found(dataset):
    table = tables.best_points(dataset).set_index("scheme")
    assert table.loc["step-by-step-held", "energies (J)"] == "2.3 / 7.7"
    assert table.loc["step-by-step-held", "over integrated"] == pytest.approx(1.496, abs=1e-3)
    assert table.loc["integrated", "over integrated"] == 1.0
    assert table.loc["step-by-step-held", "SPEB (m^2)"] == float(dataset.speb.sel(split="e2300-7700").min())
    assert table["largest gap"].max() <= 1e-6


def test_a_markdown_table_ends_with_the_note(dataset, tmp_path):
    paths = {kind: tmp_path / f"s.{kind}" for kind in ("csv", "md")}
    tables.write(dataset, paths)
    lines = paths["md"].read_text().splitlines()
    assert lines[0].startswith("| network | clock |")
    assert len(lines) == 2 + 2 + 2  # head, two curves, note
    assert lines[-1] == "Reconstructed."
    assert paths["csv"].read_text().count("\n") == 3
