"""The smoke configuration as a user runs it: every dataset and figure, with the paper's statements in the numbers."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conventions import broken_in, forbidden
from project import Project, run_once

import isal
from isal.allocation.certificate import STATUSES
from isal.schemes.registry import SCHEMES
from isal.study import splits

STUDIES = [
    "synchronous_single_slot",
    "synchronous_dual_slot",
    "asynchronous_single_slot",
    "asynchronous_dual_slot",
    "bandwidths",
    "cross_sections",
    "enough_pulses",
    "carry_over",
    "carry_over_dual_slot",
]
FORMATS = {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Of the variants, which are jobs of one kind, one that takes little."""

    def run(folder):
        project = Project.create(folder, {"findings": {"variants": {"bandwidth-5-MHz": {"bandwidth_hz": 5.0e6}}}})
        project.succeed("--configfile", "config/smoke.yaml", "--config", "points_per_job=100")

    return run_once(tmp_path_factory, "smoke", run).folder / "results" / "smoke"


def speb(dataset, network, scheme):
    return splits.on_grid(dataset).speb.sel(network=network, scheme=scheme).squeeze().dropna("split")


@pytest.mark.parametrize("study", STUDIES)
def test_every_point_is_certified(results, study):
    """But for schemes whose last step is no convex problem: their status says so, and the bound is one all the same."""
    dataset = xr.load_dataset(results / f"datasets/{study}.nc")
    solved = dataset.speb.notnull()
    assert (dataset.gap.notnull() == solved).all()
    assert (dataset.lower_bound.where(solved, 0) <= dataset.speb.where(solved, 1)).all()
    convex = [name for name in dataset.scheme.values if SCHEMES[str(name)].convex]
    assert (dataset.gap.where(solved, 0).sel(scheme=convex) <= 1e-6).all()
    assert set(np.unique(dataset.status.where(solved, 0).sel(scheme=convex))) == {STATUSES.index("optimal")}
    assert dataset.status.where(solved, 0).max() <= STATUSES.index("local")
    assert dataset.step_gap.sel(scheme="step-by-step-held", step=1).max() <= 1e-9
    assert "Reconstructed" in dataset.attrs["comment"]


def test_datasets_keep_to_the_conventions(results):
    """Of every kind but measurements; and so do record files, of studies and of what the findings are made from."""
    assert broken_in(results / "datasets", "*.nc") == {}
    for folder in ("shards", "shards/findings"):
        record = min((results / folder).rglob("[!.]*.nc"))
        assert forbidden(record) == [], record


def test_a_curve_is_plotted_in_three_lines(results):
    dataset = isal.open_study(results / "datasets/asynchronous_single_slot.nc")
    curve = dataset.speb.sel(network="7a", scheme="step-by-step-held", step_2_energy=0.2).squeeze()
    (line,) = curve.plot(x="step_1_energy")
    assert line.get_xdata().tolist() == [0.2, 2.3, 7.0]
    assert line.axes.get_xlabel() == "energy of step 1 [J]"


@pytest.mark.parametrize(
    ("network", "ratio", "best"),
    [("7a", 0.76, "e7000-3000"), ("7b", 0.54, "e6800-3200"), ("7c", 1.50, "e2300-7700"), ("7d", 1.04, "e200-9800")],
)
def test_figure_9_has_the_optima_of_the_model_page(results, network, ratio, best):
    dataset = xr.load_dataset(results / "datasets/synchronous_single_slot.nc")
    steps = speb(dataset, network, "step-by-step-held")
    assert steps.split[int(steps.values.argmin())] == best
    assert steps.min().item() / speb(dataset, network, "integrated").item() == pytest.approx(ratio, abs=0.005)


def test_figure_13_has_a_hundred_times_between_the_bands(results):
    dataset = xr.load_dataset(results / "datasets/bandwidths.nc")
    ratio = (dataset.speb.sel(bandwidth=5e6) / dataset.speb.sel(bandwidth=500e6)).sel(network="7c").squeeze()
    assert ratio.sel(scheme="integrated").dropna("split").item() == pytest.approx(100, rel=1e-12)
    assert ratio.sel(scheme="step-by-step-held").dropna("split").values == pytest.approx(100, rel=1e-6)


def test_enough_pulses_have_the_bounds_of_figure_9_over_their_number(results):
    enough, paper = (
        splits.on_grid(xr.load_dataset(results / f"datasets/{study}.nc")).squeeze(["clock", "bandwidth"])
        for study in ("enough_pulses", "synchronous_single_slot")
    )
    (pulses,) = enough.pulses.values
    ratio = (paper.speb / enough.squeeze("pulses").speb).stack(point=("network", "scheme", "split")).dropna("point")
    assert ratio.size == 4 * (1 + 4)
    assert ratio.values == pytest.approx(pulses, rel=1e-9)
    # all that counts is usable with so many pulses, in 7c and 7d almost nothing with one
    for dataset, least in ((enough, [0.99] * 4), (paper, [0.98, 0.98, 0, 0])):
        integrated = dataset.sel(scheme="integrated").max("split").squeeze()
        shares = integrated.usable_share.sel(network=["7a", "7b", "7c", "7d"]).values
        assert (shares >= least).all()
        assert (np.isfinite(integrated.usable_speb) == (shares > 0.06)).all()


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("scheme", ["integrated", "step-by-step-held"])
@pytest.mark.parametrize(("network", "best"), [("8a", 5), ("8b", 0.3), ("8c", 9.6), ("8d", 5)])
def test_figures_10_and_12_give_the_limited_slot_the_energy(results, clock, scheme, network, best):
    dataset = splits.on_grid(xr.load_dataset(results / f"datasets/{clock}_dual_slot.nc")).squeeze()
    curve = dataset.sel(scheme=scheme, network=network)
    assert float(curve.slot_energy.sel(slot=1)[int(curve.speb.argmin("split"))]) == pytest.approx(best)


@pytest.mark.parametrize("network", ["7c", "7d"])
def test_figure_11_needs_least_for_clocks_and_most_for_the_target(results, network):
    dataset = splits.on_grid(xr.load_dataset(results / "datasets/asynchronous_single_slot.nc")).squeeze()
    curve = dataset.sel(scheme="step-by-step-held", network=network).dropna("split", subset=["speb"])
    radars, clocks, target = curve.energy[int(curve.speb.argmin("split"))].values
    assert clocks < radars < target
    # with step 2 fixed neither little nor much for step 1 is best
    fixed = curve.isel(split=curve.energy.sel(step=2).values == 0.05)
    fixed = fixed.sortby(fixed.energy.sel(step=1))
    assert list(fixed.energy.sel(step=1).values) == [0.2, 2.3, 7]
    assert int(fixed.speb.argmin("split")) < 2


def test_every_study_has_its_table(results):
    table = (results / "tables/carry_over.md").read_text()
    for scheme in (
        "integrated",
        "step-by-step-held",
        "step-by-step-added",
        "step-by-step-marginal",
        "step-by-step-joint",
    ):
        assert table.count(f"| {scheme} |") == 4
    assert "Reconstructed layouts" in table
    assert {path.stem for path in (results / "tables").glob("*.csv")} >= set(STUDIES)


@pytest.mark.parametrize("study", STUDIES)
def test_every_curve_has_its_best_split(results, study):
    """Not above any point of its grid, within its bound, and all of the energy."""
    dataset = xr.load_dataset(results / f"datasets/{study}.nc")
    best = splits.at_best(dataset)
    lowest = splits.on_grid(dataset).speb.min("split")
    split = (dataset.sizes["slot"] > 1) | (dataset.scheme != "integrated")
    assert (best.speb.notnull() == (lowest.notnull() & split)).all()
    assert (lowest.where(split) / best.speb - 1).min() >= -1e-6  # each is certified to so much
    gap = (1 - best.lower_bound / best.speb).where(best.speb.notnull(), 0)
    assert (gap >= 0).all()
    assert (gap.sel(scheme=[name for name in best.scheme.values if SCHEMES[str(name)].convex]) <= 1e-6).all()
    total = best.slot_energy.sum("slot").where(best.speb.notnull(), 10)
    assert total.values == pytest.approx(10, rel=1e-9)


def test_the_table_of_best_splits_has_every_curve(results):
    table = pd.read_csv(results / "tables/best_splits.csv").set_index("study")
    curves = {"asynchronous_dual_slot": 8, "asynchronous_single_slot": 4, "bandwidths": 2, "carry_over": 20}
    curves |= {"cross_sections": 12, "enough_pulses": 4, "carry_over_dual_slot": 24}
    curves |= {"synchronous_dual_slot": 8, "synchronous_single_slot": 4}
    assert table.groupby(level=0).size().to_dict() == curves
    assert (table["traversal over exact"] >= -1e-6).all()
    assert (table["lower bound (m^2)"] <= table["exact SPEB (m^2)"]).all()
    held = table.loc["synchronous_single_slot"].set_index("network")
    assert (held["bound holds for"] == "every split").all()
    for network, energy in {"7a": 7.016, "7b": 6.755, "7c": 2.260, "7d": 0.199}.items():
        shown = [float(part) for part in held.loc[network, "exact (J)"].split(" / ")]
        assert shown == pytest.approx([energy, 10 - energy], abs=0.01)
    page = (results / "tables/best_splits.md").read_text()
    assert page.count("\n| ") == 1 + len(table)  # the head is the first line
    assert "Reconstructed layouts" in page


def test_independent_solvers_agree_on_every_problem_of_the_sample(results):
    dataset = xr.load_dataset(results / "datasets/solver_agreement.nc")
    best = dataset.value.min("solver")
    certified = 1 - dataset.lower_bound / dataset.value <= 1e-6
    assert certified.sel(solver=["interior-point", "scs"]).all()
    assert (dataset.lower_bound.max("solver") <= best * (1 + 1e-9)).all()
    assert ((dataset.value / best - 1).where(certified, 0) <= 1e-6).all()
    table = pd.read_csv(results / "tables/solver_agreement.csv")
    assert (table.groupby("solver").problems.sum() == dataset.sizes["problem"]).all()
    share = certified.sel(solver="cvxpy, Clarabel").mean().item()
    assert share > 0.8
    page = (results / "tables/solver_agreement.md").read_text()
    assert f"| cvxpy, Clarabel | {dataset.sizes['problem']} | {share:.1%} |" in page
    for solver in ("as printed, Clarabel", "as printed, SCS"):
        rows = table[table.solver == solver]
        assert rows["of these wrong"].sum() > rows["reports optimal"].sum() / 2
    assert table[table.solver == "cvxpy, Clarabel"]["of these wrong"].sum() == 0


def test_every_statement_of_the_paper_has_its_verdict(results):
    page = (results / "findings.md").read_text()
    for number in ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii"):
        assert f"({number})" in page
    assert "Reconstructed layouts" in page


OF_LAYOUTS = [
    *(f"figure_{number}" for number in (1, 2, 3, 4, *range(7, 14))),
    *("figure_11_surfaces", "cross_sections", "enough_pulses", "carry_over", "carry_over_dual_slot"),
    *("allocations", "allocations_asynchronous", "allocations_dual_slot", "abundance", "reached", "delay_error"),
    *("least_energy", "worst_target", "robust", "survey_error"),
]
OTHERS = ["figure_5", "figure_6", "exchange_error", "solver_agreement", "variants"]


@pytest.mark.parametrize("figure", [*OF_LAYOUTS, *OTHERS])
@pytest.mark.parametrize("suffix", FORMATS)
def test_every_figure_is_there_in_every_format(results, figure, suffix):
    assert (results / f"figures/{figure}.{suffix}").read_bytes().startswith(FORMATS[suffix])


@pytest.mark.parametrize("figure", [*OF_LAYOUTS, *OTHERS])
def test_figures_of_layouts_say_that_these_are_reconstructed(results, figure):
    assert ("Reconstructed layouts" in (results / f"figures/{figure}.svg").read_text()) == (figure in OF_LAYOUTS)
