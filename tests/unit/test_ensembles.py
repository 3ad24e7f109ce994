"""Ensembles of random networks in tables and figures: quantiles that are those of the networks one by one."""

import re
from pathlib import Path

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from builders import CODE, CONFIG, ROOT, defaults
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st

from isal import figures
from isal.figures import slot_energy, spread, step_energy, step_simplex, step_surface, style
from isal.study import config, ensemble_tables, ensembles, tables
from isal.study.solving import solve_missing
from isal.study.sources import Source, Sources
from isal.study.store import datasets as stored_datasets
from isal.study.store import storage
from isal.workflow.plan import Plan
from isal.workflow.products import KINDS, EnsembleTable, Figure, StudyDataset, StudyTable, targets, wanted

pytestmark = pytest.mark.any_kernel

HELD = ["integrated", "step-by-step-held"]
STUDY = {"clocks": ["synchronous"], "bandwidths_hz": [500e6], "schemes": HELD, "total_energy_j": 10}
GRID = {"step_1_energy_j": [0.5, 2, 5, 8]}
ENSEMBLES = {
    "some": {"seed": 1, "size": 7, "anchors": [3, 4], "radars": 2},
    "pairs": {"seed": 2, "size": 3, "anchors": 3, "radars": 2, "slots": 2},
}
STUDIES = {
    "steps": STUDY | GRID | {"networks": ["some", "7a"], "schemes": [*HELD, "step-by-step-marginal"]},
    "slots": STUDY | {"networks": ["pairs"], "slot_1_energy_j": [1, 4, 9]},
    "simplex": STUDY
    | GRID
    | {"networks": ["some"], "clocks": ["asynchronous"], "step_2_energy_j": [0.1, 1], "step_1_energy_j": [0.5, 2, 5]},
    "tasks": STUDY | GRID | {"networks": ["some"], "schemes": [*HELD, "localization", "sensing"]},
    "exact": STUDY | GRID | {"networks": ["some"], "split": "best"},
    "alone": STUDY | GRID | {"networks": ["some"], "schemes": HELD[1:], "bandwidths_hz": [5e8, 1e9]},
}
OF_STUDIES = {
    "steps": "step_energy",
    "exact": "step_energy",
    "tasks": "step_energy",
    "slots": "slot_energy",
    "simplex": "step_simplex",
    "alone": "step_energy",
}


def plan_of(folder, studies, **drawn):
    """The plan of a file of one's own, which draws these figures; those that fit where there are none."""
    mine = {"paper": False, "results": str(folder), "ensembles": ENSEMBLES, "studies": studies, "points_per_job": 1000}
    mine |= {"figures": {"formats": ["png"], "draw": drawn}}
    origin = Sources((Source("my.yaml", mine), Source(CONFIG, defaults())))
    return Plan.of(config.load(defaults() | mine, origin, [ROOT]), CODE)


def solved(folder, studies, **drawn):
    """The same, and its points are solved."""
    plan = plan_of(folder, studies, **drawn)
    for file in plan.record_files.values():
        assert solve_missing(Path(file.path), file.fingerprint, file.wanted()) == 0
    return plan


def make(product):
    product.make(list(map(Path, product.inputs)), list(map(Path, product.outputs)), product.fingerprint)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    drawn = {name: {"kind": kind, "study": name} for name, kind in OF_STUDIES.items()}
    plan = solved(tmp_path_factory.mktemp("results"), STUDIES, **drawn)
    for product in wanted(plan):
        if product.sealed:
            make(product)
    return plan


@pytest.fixture(scope="module")
def datasets(plan):
    return {each.name: storage.read(Path(each.outputs[0])) for each in StudyDataset.all(plan)}


def one_by_one(dataset):
    """The table of named networks, of the members of ensembles."""
    within = dataset.isel(network=np.flatnonzero(dataset.ensemble.values != "")).drop_vars("ensemble")
    return tables.best_points(within)


# --- parts of a dataset -----------------------------------------------------------------------------------------------


def test_a_dataset_has_named_networks_and_ensembles(datasets):
    dataset = datasets["steps"]
    assert ensembles.members(dataset) == {"some": slice(1, 8)}
    assert ensembles.named(dataset).network.values.tolist() == ["7a"]
    assert "ensemble" not in ensembles.named(dataset).coords
    shown = ensembles.represented(dataset)
    assert shown.network.values.tolist() == ["7a", "some"]
    for name, number in (("some", "some-0"), ("7a", "7a")):
        np.testing.assert_array_equal(shown.speb.sel(network=name), dataset.speb.sel(network=number))


def test_a_dataset_without_ensembles_stays_as_it_is(datasets):
    alone = ensembles.named(datasets["steps"])
    assert ensembles.members(alone) == {}
    assert ensembles.named(alone) is alone
    assert ensembles.represented(alone) is alone
    assert ensemble_tables.best_points(alone).empty


@given(st.lists(st.sampled_from(["", "a", "b"]), max_size=3, unique=True), st.data())
def test_every_network_belongs_to_one_part(order, data):
    sizes = [data.draw(st.integers(1, 4)) for _ in order]
    names = [name for name, size in zip(order, sizes, strict=True) for _ in range(size)]
    dataset = xr.Dataset(
        coords={"network": list(map(str, range(len(names)))), "ensemble": ("network", np.array(names, dtype=object))}
    )
    found = [dataset.network.values[where] for where in ensembles.members(dataset).values()]
    parts = [ensembles.named(dataset).network.values, *found]
    assert sorted(np.concatenate(parts)) == sorted(dataset.network.values)
    assert [part.size for part in found] == [size for name, size in zip(order, sizes, strict=True) if name]


# --- numbers ----------------------------------------------------------------------------------------------------------


@given(
    numpy_st.arrays(
        float,
        st.tuples(st.integers(1, 9), st.integers(1, 3)),
        elements=st.floats(-1e6, 1e6) | st.just(float("nan")),
    )
)
def test_quantiles_leave_out_nan(values):
    found = ensembles.quantiles(values)
    for column, quantiles in zip(values.T, found.T, strict=True):
        known = column[~np.isnan(column)]
        expected = np.quantile(known, ensembles.QUANTILES) if known.size else np.full(3, np.nan)
        np.testing.assert_array_equal(quantiles, expected)


@pytest.mark.parametrize("study", ["steps", "slots", "simplex", "alone"])
def test_best_points_are_those_of_each_network(datasets, study, monkeypatch):
    dataset = datasets[study]
    (where,) = ensembles.members(dataset).values()
    monkeypatch.setattr(ensembles, "MOST_VALUES", 1)  # network by network
    best = ensembles.best_points(dataset.isel(network=where))
    monkeypatch.undo()
    xr.testing.assert_identical(best, ensembles.best_points(dataset.isel(network=where)))
    rows = one_by_one(dataset)
    assert len(rows) == best.speb.notnull().sum()
    for _, row in rows.iterrows():
        found = best.sel(
            network=row.network, clock=row.clock, bandwidth=row["bandwidth (MHz)"] * 1e6, scheme=row.scheme
        )
        assert float(found.speb) == row["SPEB (m^2)"]
        assert float(found.usable_share) == row["usable share"]
        assert float(found.pulses_needed) == row["pulses needed"]
        assert float(found.gap) == row["largest gap"]
        np.testing.assert_equal(float(found.over_integrated), row["over integrated"])
        energies = np.array([float(energy) for energy in row["energies (J)"].split(" / ")])
        np.testing.assert_allclose(found.share.values[: energies.size], energies / 10)


def test_bounds_of_other_blocks_are_not_compared(datasets):
    dataset = datasets["alone"].isel(network=slice(0, 3))
    both = xr.concat([dataset.assign_coords(scheme=[name]) for name in HELD], "scheme", data_vars="all")
    best = ensembles.best_points(both)
    assert (best.over_integrated == 1).all()
    blocks = both.minimises.copy(data=np.where(both.scheme == HELD[0], "radars", both.minimises))
    best = ensembles.best_points(both.assign(minimises=blocks))
    assert best.over_integrated.sel(scheme=HELD[1]).isnull().all()


# --- tables -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("study", ["steps", "slots", "alone"])
def test_a_table_has_quantiles_over_the_networks(datasets, study):
    rows = one_by_one(datasets[study])
    table = ensemble_tables.best_points(datasets[study])
    keys = ["clock", "bandwidth (MHz)", "scheme"]
    assert len(table) == len(rows[keys].drop_duplicates())
    for _, row in table.iterrows():
        curves = rows[(rows[keys] == row[keys]).all(axis=1)]
        assert row.networks == len(curves) == ENSEMBLES[row.ensemble]["size"]
        for quantity in ("SPEB (m^2)", "over integrated", "usable share", "pulses needed"):
            if curves[quantity].notna().all():
                expected = np.quantile(curves[quantity], [0.05, 0.5, 0.95])
                np.testing.assert_allclose(row[ensemble_tables.columns(quantity)].astype(float), expected)
        assert row["largest gap"] == curves["largest gap"].max()
        assert row.status == "optimal"


def test_a_table_says_how_energy_is_shared(datasets):
    table = ensemble_tables.best_points(datasets["steps"]).set_index("scheme")
    assert table["share of step 1 50 %"].isna().to_dict() == {name: name == HELD[0] for name in table.index}
    columns = [f"share of step {number} 50 %" for number in (1, 2)]
    np.testing.assert_allclose(table.loc[HELD[1], columns].sum(), 1)
    assert "share of slot 2 95 %" in ensemble_tables.best_points(datasets["slots"])
    assert "share of step 3 5 %" in ensemble_tables.best_points(datasets["simplex"])


def test_what_a_study_lacks_has_no_column(datasets):
    assert not [each for each in ensemble_tables.best_points(datasets["alone"]) if each.startswith("over integrated")]


def test_readers_get_a_range_in_one_cell(plan, datasets):
    (product,) = (each for each in EnsembleTable.all(plan) if each.name == "steps")
    make(product)
    csv, page, _ = map(Path, product.outputs)
    table = ensemble_tables.best_points(datasets["steps"])
    pd.testing.assert_frame_equal(pd.read_csv(csv), table, check_dtype=False)
    text = page.read_text()
    assert text.startswith(ensemble_tables.SAYS)
    low, middle, high = table.set_index("scheme").loc[HELD[1], ensemble_tables.columns("over integrated")]
    assert f"| {middle:.3f} ({low:.3f} to {high:.3f}) |" in text
    assert "| 1.000 |  |  |" in text  # nothing is split, and each network is its own measure


def test_named_networks_have_the_table_that_they_have_alone(plan, datasets, tmp_path):
    studies = {"steps": STUDIES["steps"] | {"networks": ["7a"]}}
    alone = solved(tmp_path, studies)
    (dataset,), (table,) = StudyDataset.all(alone), StudyTable.all(alone)
    make(dataset)
    make(table)
    assert "ensemble" not in storage.read(Path(dataset.outputs[0])).coords
    (mixed,) = StudyTable.all(plan)
    make(mixed)
    assert [Path(path).read_bytes() for path in mixed.outputs] == [Path(path).read_bytes() for path in table.outputs]


def test_a_dataset_that_is_not_in_memory_gives_the_same(plan, datasets, monkeypatch):
    path = Path(StudyDataset(plan, "steps").outputs[0])
    monkeypatch.setattr(storage, "LARGEST_IN_MEMORY", 0)
    lazy = storage.read(path)
    assert not lazy.speb._in_memory
    pd.testing.assert_frame_equal(ensemble_tables.best_points(lazy), ensemble_tables.best_points(datasets["steps"]))


def test_a_dataset_is_the_same_in_parts_and_as_a_whole(tmp_path, monkeypatch):
    """Named networks, and an ensemble in blocks of two networks, whose numbers of nodes differ."""
    monkeypatch.setattr("isal.workflow.plan.LEAST_PER_BLOCK", 8)
    study = STUDY | GRID | {"networks": ["some", "7a"], "clocks": ["synchronous"]}
    plan = plan_of(tmp_path, {"one": study}, maps={"kind": "layouts", "networks": ["7a"]})
    monkeypatch.setitem(plan.configuration.source["config"], "points_per_job", 1)
    plan = Plan.of(config.parse(plan.configuration.source), CODE)
    for file in plan.record_files.values():
        assert solve_missing(Path(file.path), file.fingerprint, file.wanted()) == 0
    slabs = plan.slabs("one")
    assert [len(slab.networks) for slab in slabs] == [1, 1, 1, 1, 1, 1, 1, 1]
    stored_datasets.write(tmp_path / "one.nc", slabs, "0" * 64, study="one", note="n", axes=plan.axes("one"))
    whole = stored_datasets.build(slabs, study="one", note="n", axes=plan.axes("one"))
    parts = storage.read(tmp_path / "one.nc")
    xr.testing.assert_identical(parts.drop_attrs(deep=False), whole.drop_attrs(deep=False))
    assert parts.attrs["points"] == whole.attrs["points"] == sum(file.n_points for file in plan.record_files.values())


def test_what_is_stored_part_by_part_has_large_pieces(tmp_path):
    def part(size):
        return xr.Dataset(
            {"speb": (("network", "split"), np.ones((size, 100)))}, {"network": [f"{i}" for i in range(size)]}
        )

    with storage.writing(tmp_path / "parts.nc", part(1), "0" * 64, "network") as append:
        append(part(5000))
    with netCDF4.Dataset(tmp_path / "parts.nc") as file:
        assert file["speb"].chunking() == [storage.CHUNK_VALUES // 100, 100]
        assert file["speb"].filters()["zlib"]
        assert file["network"].chunking() == [storage.LONGEST_CHUNK]
    assert storage.read(tmp_path / "parts.nc").speb.sum() == 5001 * 100


# --- figures ----------------------------------------------------------------------------------------------------------


def drawn(plan, name, module):
    """A figure and the datasets that it is drawn from."""
    figure = Figure(plan, name)
    handed = [storage.read(Path(path)) for path in figure.inputs]
    with style.look():
        return module.draw(handed, figures.Shown(**figure.content))


def ratios(dataset, scheme):
    """Ratios of an ensemble's curves to the integrated bound, network by network, shape (network, split)."""
    found = []
    for network in dataset.network.values[dataset.ensemble.values != ""]:
        of_network = dataset.sel(network=network, clock=dataset.clock[0], bandwidth=dataset.bandwidth[0]).speb
        curve = of_network.sel(scheme=scheme).dropna("split")
        found.append(curve.values / float(of_network.sel(scheme="integrated").min()))
    return np.array(found)


def lines_of(panel):
    return {line.get_label(): line for line in panel.lines}


@pytest.mark.long
def test_a_panel_of_an_ensemble_shows_the_median_over_integrated(plan, datasets):
    of_7a, of_some = drawn(plan, "steps", step_energy).axes
    assert [panel.get_title(loc="left") for panel in (of_7a, of_some)] == ["(a) 7a", "(b) some (7 networks)"]
    assert [panel.get_ylabel() for panel in (of_7a, of_some)] == ["target SPEB (m²)", "target SPEB\nover integrated"]
    lines = lines_of(of_some)
    np.testing.assert_array_equal(lines["integrated"].get_ydata(), 1)
    for carry in ("held", "marginal"):
        line = lines[f"step-by-step, {carry}"]
        np.testing.assert_array_equal(line.get_xdata(), GRID["step_1_energy_j"])
        expected = np.median(ratios(datasets["steps"], f"step-by-step-{carry}"), axis=0)
        order = np.argsort(datasets["steps"].step_1_energy.dropna("split").values)
        np.testing.assert_allclose(line.get_ydata(), expected[order])
    # bands of two schemes: the outer one of each
    assert {band.get_label() for band in of_some.collections} == {"_band_0"}
    assert len(of_some.collections) == 2


@pytest.mark.long
def test_the_table_of_a_panel_is_that_of_the_networks(plan, datasets):
    figure = drawn(plan, "slots", slot_energy)
    (panel,) = figure.axes
    table = ensemble_tables.best_points(datasets["slots"]).set_index("scheme")
    low, middle, high = table.loc[HELD[1], ensemble_tables.columns("over integrated")]
    texts = "\n".join(text.get_text() for text in panel.texts)
    assert f"{middle:.2f} ({low:.2f}\N{EN DASH}{high:.2f})" in texts
    assert re.search(r"usable links carry <?\d+% (\(<?\d+%.<?\d+%\) )?of a slot's\sbound", texts)
    assert panel.get_ylabel() == "target SPEB, sum of both slots\nover integrated"
    assert {text.get_text() for text in figure.legends[0].texts} == {
        *("integrated", "step-by-step, held", "5 to 95 % of the networks; line: median")
    }


@pytest.mark.long
def test_best_splits_count_for_each_network_and_lie_on_no_curve(plan, datasets):
    (panel,) = drawn(plan, "exact", step_energy).axes
    np.testing.assert_array_equal(lines_of(panel)["step-by-step, held"].get_xdata(), GRID["step_1_energy_j"])
    exact = datasets["exact"].sel(split="best", clock="synchronous", bandwidth=5e8, scheme=HELD[1])
    best = ensembles.best_points(datasets["exact"]).sel(clock="synchronous", bandwidth=5e8, scheme=HELD[1])
    np.testing.assert_array_equal(best.speb, exact.speb)
    np.testing.assert_allclose(best.share.sel(part=1) * 10, exact.energy.sel(step=1))
    table = ensemble_tables.best_points(datasets["exact"]).set_index("scheme")
    assert f"{10 * table.loc[HELD[1], 'share of step 1 50 %']:.2g} (" in panel.texts[1].get_text()


@pytest.mark.long
def test_without_the_integrated_scheme_bounds_are_in_square_metres(plan, datasets):
    first, second = drawn(plan, "alone", step_energy).axes
    assert first.get_ylabel() == "target SPEB (m²)"
    line = lines_of(first)["step-by-step, held"]
    curves = datasets["alone"].sel(clock="synchronous", bandwidth=5e8, scheme=HELD[1]).sortby("step_1_energy").speb
    np.testing.assert_allclose(line.get_ydata(), np.median(curves.values, axis=0))
    # one scheme has room for both bands
    assert [band.get_label() for band in second.collections] == ["_band_0", "_band_1"]


def test_plans_of_an_ensemble_are_those_of_the_median(plan, datasets):
    figure = Figure(plan, "simplex")
    (simplex,) = step_simplex.simplices(*(storage.read(Path(path)) for path in figure.inputs))
    medians = np.median(ratios(datasets["simplex"], HELD[1]), axis=0)
    np.testing.assert_allclose(10**simplex.ratio, medians)
    assert simplex.best == int(np.argmin(medians))
    assert simplex.title == "some (median of 7 networks), asynchronous, 500 MHz, held"
    assert sum(energy[simplex.best] for energy in simplex.energies.values()) == pytest.approx(10)


@pytest.mark.long
def test_one_surface_alone_is_drawn(plan):
    picture = drawn(plan, "simplex", step_surface)
    with style.look():
        picture.draw_without_rendering()
    assert [axes.get_title(loc="left") for axes in picture.axes if axes.name == "3d"] == [
        "(a) some (median of 7 networks), asynchronous, 500 MHz, held"
    ]


@pytest.mark.long
def test_what_does_not_compare_with_the_integrated_scheme_is_left_out(plan):
    (panel,) = drawn(plan, "tasks", step_energy).axes
    assert panel.get_ylabel() == "target SPEB\nover integrated"
    assert {"integrated", "step-by-step, held", "sensing"} <= set(lines_of(panel))
    assert "localization" not in lines_of(panel)


def test_nothing_is_said_of_links_that_nothing_is_known_of(datasets):
    best = ensembles.best_points(datasets["alone"].sel(clock="synchronous", bandwidth=5e8))
    assert spread._usable(best, 1) is not None
    assert spread._usable(best.assign(usable_share=best.usable_share * np.nan), 1) is None


# --- the workflow -----------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_study_of_ensembles_alone_is_made_as_a_whole(tmp_path):
    plan = solved(tmp_path / "results", {"own": STUDIES["alone"]})
    for product in wanted(plan):
        make(product)
    names = {type(product).__name__: product.outputs for product in targets(plan)}
    assert "StudyTable" not in names
    assert "Allocations" not in names
    assert names["Figure"] == [str(tmp_path / "results/figures/own.png")]
    assert all(Path(path).exists() for outputs in names.values() for path in outputs)
    assert "Reconstructed" not in Path(*KINDS["Overview"](plan).outputs).read_text()
    assert Figure(plan, "own").content["note"] == ""


def test_maps_need_networks_with_names(tmp_path):
    studies = {"own": STUDIES["alone"]}
    with pytest.raises(
        config.ConfigError, match=r"own has no networks but those of ensembles.*add one of the networks file"
    ):
        plan_of(tmp_path, studies, maps={"kind": "allocations", "study": "own"})
    with pytest.raises(config.ConfigError, match="there is no network 'some'"):
        plan_of(tmp_path, studies, maps={"kind": "layouts", "networks": ["some"]})


def test_named_networks_beside_ensembles_have_a_map(tmp_path):
    changes = {"networks": ["some", "7a"], "schemes": HELD}
    plan = plan_of(tmp_path, {"own": STUDIES["alone"] | changes})
    drawn = plan.configuration.figures
    assert drawn["networks"].networks == ("7a",)
    assert {point.name for point in plan.curve_points("own")} == {"7a"}
    assert "own_allocations" in drawn
    assert Figure(plan, "own").content["note"].startswith("Reconstructed")
