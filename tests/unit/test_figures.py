"""Figures of small studies: what is marked, what is said, and that nothing runs through anything."""

import os
import re
import subprocess
import sys
import warnings
from itertools import combinations, product
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr
import yaml
from builders import CONFIG, NETWORKS, ROOT, content_of, plan_of, solve_plan
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text

from isal import figures
from isal.figures import exact, slot_energy, step_energy, step_simplex, step_surface, style, system_model
from isal.figures.curves import COLUMNS
from isal.study import splits
from isal.study.comparison import COMPARED
from isal.study.store import storage
from isal.workflow.products import Comparison, Figure, StudyDataset

pytestmark = [pytest.mark.any_kernel, pytest.mark.long]

STUDY = {"clocks": ["synchronous"], "bandwidths_hz": [500e6], "total_energy_j": 10, "split": "best"}
HELD = ["integrated", "step-by-step-held"]
EVERY = [*HELD, "step-by-step-added", "step-by-step-marginal", "step-by-step-joint"]
STUDIES = {
    "steps": STUDY | {"networks": ["7c", "7d"], "schemes": EVERY, "step_1_energy_j": [0.1, 0.7, 2.2, 5, 9, 9.8]},
    "bands": STUDY
    | {"networks": ["7c"], "schemes": HELD, "step_1_energy_j": [0.1, 2.3, 9.9], "bandwidths_hz": [500e6, 5e6]},
    "slots": STUDY | {"networks": ["8a", "8b"], "schemes": HELD, "slot_1_energy_j": [0.3, 5, 9.6]},
    "simplex": STUDY
    | {"networks": ["7a", "7d"], "clocks": ["asynchronous"], "schemes": HELD}
    | {"step_1_energy_j": [0.2, 2, 7], "step_2_energy_j": [0.05, 0.2, 2]},
}
KINDS = {"steps": "step_energy", "bands": "step_energy", "slots": "slot_energy", "simplex": "step_simplex"}
MODULES = {"step_energy": step_energy, "slot_energy": slot_energy, "step_simplex": step_simplex}
CURVES = ["steps", "bands", "slots"]

#: Share of usable links and pulses needed in 7c and 7d.
SEVEN = (("5%", "191"), ("<1%", "1,056"))


def solved(folder, studies, drawn, **changes):
    """A plan whose studies are solved."""
    plan = plan_of(
        results=str(folder),
        studies=studies,
        figures={"formats": ["png"], "draw": drawn},
        **changes,
    )
    solve_plan(plan)
    for each in StudyDataset.all(plan):
        each.make([], list(map(Path, each.outputs)), each.fingerprint)
    return plan


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A plan whose datasets are there, solved for the studies and made up for the agreement of solvers."""
    drawn = {study: {"kind": kind, "study": study} for study, kind in KINDS.items()}
    drawn |= {"maps": {"kind": "layouts", "networks": ["8a", "8b"]}, "agreement": {"kind": "agreement"}}
    plan = solved(tmp_path_factory.mktemp("results"), STUDIES, drawn)
    shape = (("solver", "problem"), np.linspace(1, 2, len(COMPARED) * 3).reshape(-1, 3))
    names = ("value", "lower_bound", "seconds", "reported_optimal", "reported_value")
    made_up = xr.Dataset(dict.fromkeys(names, shape), coords={"solver": list(COMPARED)})
    storage.write(Path(Comparison(plan).outputs[0]), made_up)
    return plan


def handed(plan, name):
    """What a figure is handed: its datasets, and what else it shows."""
    figure = Figure(plan, name)
    return [storage.read(Path(path)) for path in figure.inputs], figures.Shown(**figure.content)


def draw(plan, name, dataset=None):
    """The picture of a study's figure, of another ``dataset`` if it is given."""
    (whole,), shown = handed(plan, name)
    with style.look():
        return MODULES[shown.kind].draw([whole if dataset is None else dataset], shown)


def grid_and_best(plan, name):
    """What a study has on its grid, and its best splits with the energy of each ``part``."""
    (whole,), _ = handed(plan, name)
    best = splits.at_best(whole)
    energy = best.slot_energy.rename(slot="part") if whole.sizes["slot"] > 1 else best.energy.rename(step="part")
    return splits.on_grid(whole), xr.Dataset({"speb": best.speb, "energy": energy})


@pytest.fixture(scope="module")
def pictures(plan):
    """What the studies look like, drawn once."""
    return {study: draw(plan, study) for study in STUDIES}


def panels(picture):
    """The panels with marks, without surfaces and colour bars."""
    return [panel for panel in picture.axes if any(line.get_label() == "_grid" for line in panel.lines)]


def marks(panel, label):
    return [tuple(line.get_xydata()[0]) for line in panel.lines if line.get_label() == label]


def remarks(panel):
    return "\n".join(text.get_text() for text in panel.texts)


def table(panel):
    """The rows of the table below a panel, without its head."""
    rows = zip(*(text.get_text().split("\n") for text in panel.texts[: len(COLUMNS)]), strict=True)
    return list(rows)[2:]


def said(panel):
    """What stands below the table, of usable links."""
    return [text.get_text() for text in panel.texts[len(COLUMNS) :]]


def legend(picture):
    return [text.get_text() for text in picture.legends[0].get_texts()]


def curves(dataset):
    """Network, clock and bandwidth of every panel, in the order of the panels."""
    axes = ("network", "clock", "bandwidth")
    return [dict(zip(axes, values, strict=True)) for values in product(*(dataset[axis].values for axis in axes))]


@pytest.mark.parametrize("name", [*STUDIES, "maps", "agreement"])
def test_every_kind_draws_without_warnings(plan, name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figures.draw(*handed(plan, name), [tmp_path / "drawn.png", tmp_path / "drawn.svg"])
    assert all(path.stat().st_size > 10_000 for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("study", CURVES)
def test_the_exact_best_is_marked_where_it_is_in_the_colour_of_its_scheme(plan, pictures, study):
    picture, (dataset, best) = pictures[study], grid_and_best(plan, study)
    assert len(panels(picture)) == len(curves(dataset))
    for panel, where in zip(panels(picture), curves(dataset), strict=True):
        schemes = [scheme for scheme in dataset.scheme.values if np.isfinite(best.speb.sel(scheme=scheme)).all()]
        expected = [best.sel(where | {"scheme": scheme}) for scheme in schemes]
        found = marks(panel, "_exact")
        # what is nothing stands at the edge
        np.testing.assert_allclose(
            found, [(one.energy.sel(part=1), one.speb) for one in expected], rtol=1e-9, atol=1e-6
        )
        colours = [line.get_markeredgecolor() for line in panel.lines if line.get_label() == "_exact"]
        known = plan.configuration.style
        assert colours == [known[scheme.removeprefix("step-by-step-")] for scheme in schemes]
        assert len(marks(panel, "_grid")) == len(schemes)
    assert legend(picture).count(style.EXACT_BEST_LABEL) == legend(picture).count(style.GRID_BEST_LABEL) == 1


def test_the_exact_best_is_marked_in_every_plan_of_the_simplex(plan, pictures):
    picture, (_, best) = pictures["simplex"], grid_and_best(plan, "simplex")
    found = [marks(panel, "_exact") for panel in panels(picture)]
    expected = []
    for network in ("7a", "7d"):
        energy = best.energy.sel(network=network, scheme="step-by-step-held").squeeze()
        expected += [[(energy.sel(part=x).item(), energy.sel(part=y).item())] for x, y in ((1, 2), (1, 3), (3, 1))]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert style.EXACT_BEST_LABEL in legend(picture)
    told = [panel.get_title() for panel in panels(picture)[1::3]]
    assert told[0] == "(a) 7a, asynchronous, 500 MHz, held: best 7.053 / 0.1762 / 2.771 J, 0.72 of integrated"
    assert told[1].startswith("(b) 7d, asynchronous, 500 MHz, held: best ")
    assert [remarks(panel) for panel in panels(picture)[1::3]] == [
        "usable links carry 98% of the bound",
        "usable links carry <1% of the bound; 1,056 pulses needed",
    ]


def test_every_scheme_and_bandwidth_has_plans_and_a_surface_of_its_own_name(plan):
    (dataset,), shown = handed(plan, "simplex")

    def alike(one):
        again = one.sel(scheme="step-by-step-held").assign_coords(scheme="step-by-step-plug-in")
        schemes = xr.concat([one, again], "scheme")
        return xr.concat(
            [schemes.assign_coords(bandwidth=[band]) for band in (500e6, 1e9)], "bandwidth", data_vars="all"
        )

    expected = [
        f"{network}, asynchronous, {band} MHz, {scheme}"
        for network, band, scheme in product(("7a", "7d"), (500, 1000), ("held", "plug-in"))
    ]
    with style.look():
        plans = step_simplex.draw([alike(dataset)], shown)
        surfaces = step_surface.draw([alike(dataset)], shown)
    titles = [panel.get_title() for panel in panels(plans)[1::3]]
    assert [re.sub(r"^\(.\) |: .*$", "", title) for title in titles] == expected
    surfaces = [panel for panel in surfaces.axes if panel.name == "3d"]
    assert [panel.get_title(loc="left")[4:] for panel in surfaces] == expected
    assert all(panel.get_zlabel() for panel in surfaces)
    # what nothing proves has another mark
    assert [bool(marks(panel, "_found")) for panel in panels(plans)[::3]] == [False, True] * 4


def test_a_surface_alone_in_its_row_is_drawn(plan):
    (dataset,), shown = handed(plan, "simplex")
    with style.look():
        picture = step_surface.draw([dataset.sel(network=["7a"])], shown)
        picture.draw_without_rendering()
    assert len([panel for panel in picture.axes if panel.name == "3d"]) == 1


def test_between_the_points_of_the_grid_the_bound_is_theirs(plan):
    """A surface goes through its points, and its edges are straight."""
    for simplex in step_simplex.simplices(*handed(plan, "simplex")[0]):
        known = np.stack(list(simplex.energies.values()))
        np.testing.assert_allclose(simplex.at(known), simplex.ratio, atol=1e-9)
        energies, triangles, ratio = simplex.mesh
        np.testing.assert_allclose(energies.sum(axis=0), simplex.total)
        np.testing.assert_allclose(energies.min(axis=1), known.min(axis=1))
        # no part of the triangle is left out, and none is there twice
        first, second, third = energies[:2, triangles].transpose(2, 0, 1)
        (a, b), (c, d) = second - first, third - first
        areas = np.abs(a * d - b * c) / 2
        whole = (simplex.total - known.min(axis=1).sum()) ** 2 / 2
        np.testing.assert_allclose(areas.sum(), whole)
        assert ratio.shape == energies.shape[1:]


def test_remarks_give_the_exact_energy_and_the_ratio_of_exact_bounds(pictures):
    seven_c, seven_d = (table(panel) for panel in panels(pictures["steps"]))
    assert seven_c[:3] == [("held", "2.260", "1.50"), ("added", "0", "1.00"), ("marginal", "0", "1.00")]
    assert seven_d[0] == ("held", "0.1990", "1.04")
    eight_a, _ = (table(panel) for panel in panels(pictures["slots"]))
    assert eight_a == [("integrated", "4.700", ""), ("held", "4.225", "0.94")]


def test_where_a_curve_is_flat_no_energy_is_called_the_best(pictures):
    """At 7c the joint prior loses nothing to the last step, however little that gets."""
    seven_c, seven_d = panels(pictures["steps"])
    assert ("joint", "0.1 to 5", "1.00") in table(seven_c)
    assert not any("to" in place for _, place, _ in table(seven_d))


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("missing", ["label", "values"])
def test_a_missing_best_split_draws_none(plan, study, missing):
    (whole,), _ = handed(plan, study)
    dataset = splits.on_grid(whole)
    without = whole.assign(speb=whole.speb.where(whole.split != "best"))
    picture = draw(plan, study, {"label": dataset, "values": without}[missing])
    assert not any(marks(panel, "_exact") for panel in picture.axes)
    assert all(marks(panel, "_grid") for panel in panels(picture))
    assert style.EXACT_BEST_LABEL not in legend(picture)
    if study == "slots":
        best_of_grid = dataset.speb.sel(network="8a").min("split").squeeze()
        ratio = best_of_grid.sel(scheme="step-by-step-held") / best_of_grid.sel(scheme="integrated")
        assert ("held", "5", f"{float(ratio):.2f}") in table(panels(picture)[0])


def test_one_scheme_without_a_best_split_leaves_the_others(plan):
    """The ratio is then that of the grid's best to the exact integrated one."""
    (whole,), _ = handed(plan, "slots")
    best, steps = whole.split == "best", whole.scheme == "step-by-step-held"
    # far from the grid's, to tell them apart
    whole["speb"] = whole.speb.where(~best, whole.speb / 2).where(~(best & steps))
    panel = panels(draw(plan, "slots", whole))[0]
    assert len(marks(panel, "_exact")) == 1
    of_network = whole.speb.sel(network="8a")
    ratio = of_network.sel(scheme="step-by-step-held").min() / of_network.sel(scheme="integrated", split="best")
    assert ("held", "5", f"{ratio.item():.2f}") in table(panel)


@pytest.mark.parametrize(
    ("energies", "said", "kept"),
    [
        ([7.01634, 2.98366], "7.016", [7.01634, 2.98366]),
        ([1e-7, 10 - 1e-7], "0", [0, 10]),
        ([10 - 1e-7, 1e-7], "10", [10, 0]),
        ([1e-7, 1e-7, 10 - 2e-7], "0", [0, 0, 10]),
        ([2e-5, 10 - 2e-5, np.nan], "2.000e-05", [2e-5, 10 - 2e-5]),
    ],
)
def test_less_than_a_millionth_of_the_energy_is_nothing(energies, said, kept):
    values = {"speb": (("scheme", "split"), [[1.0]]), "energy": (("scheme", "split", "step"), [[energies]])}
    dataset = xr.Dataset(values, coords={"scheme": ["held"], "split": ["best"], "slot": [1]})
    found = exact.split_of(dataset, {"scheme": "held"})
    assert found.place() == said
    np.testing.assert_allclose(found.energies, kept, rtol=1e-12, atol=0)


def test_a_panel_says_how_much_usable_links_carry_and_warns_where_that_is_little(plan, pictures):
    """Of the integrated scheme's best point; at 5 MHz pulses are longer and have a hundred times the energy."""
    told = [[said(panel)[0].replace("\n", "; ") for panel in panels(pictures[study])] for study in CURVES]
    assert told == [
        [f"usable links carry {share} of the bound; {needed} pulses needed" for share, needed in SEVEN],
        ["usable links carry 5% of the bound; 191 pulses needed", "usable links carry 100% of the bound"],
        ["usable links carry 98% of a slot's bound", "usable links carry <1% of a slot's bound; 421 pulses needed"],
    ]
    (dataset,), shown = handed(plan, "steps")
    alone = dataset.sel(scheme=["step-by-step-held"])
    with style.look():
        first, _ = panels(step_energy.draw([alone], shown))
    # the number hangs on powers that are known to a per cent only
    assert re.fullmatch(
        r"usable links carry 5% of the bound; 2[45]\d pulses needed", said(first)[0].replace("\n", "; ")
    )
    # where a slot's links leave it undetermined, they carry nothing that could be told
    unknown = dataset.assign(usable_share=dataset.usable_share * np.nan)
    with style.look():
        first, _ = panels(step_energy.draw([unknown], shown))
    assert "usable" not in remarks(first)


@pytest.mark.parametrize("study", CURVES)
def test_what_is_said_of_a_panel_stands_below_it_and_hides_nothing(pictures, study):
    picture = pictures[study]
    picture.draw_without_rendering()
    drawn = panels(picture)
    others = [panel.get_tightbbox(for_layout_only=True) for panel in drawn]
    for panel in drawn:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert all(box.y1 < panel.xaxis.label.get_window_extent().y0 for box in boxes)
        assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
        assert all(box.x0 > 0 and box.x1 < picture.bbox.x1 and box.y0 > 0 for box in boxes)
        for other, taken in zip(drawn, others, strict=True):
            assert other is panel or not any(box.overlaps(taken) for box in boxes)
        low, high = panel.get_ylim()
        for line in panel.lines:
            if not line.get_label().startswith("_") and len(line.get_xdata()) > 2:
                assert low < min(line.get_ydata()) <= max(line.get_ydata()) < high


def test_curves_that_coincide_are_wider_the_earlier_they_are_drawn(pictures):
    """At 7d all carry-overs but the joint one leave the same bound."""
    seven_d = panels(pictures["steps"])[1]
    widths = {line.get_label(): line.get_linewidth() for line in seven_d.lines if line.get_label()[0] != "_"}
    held, added, marginal = (widths[f"step-by-step, {carry}"] for carry in ("held", "added", "marginal"))
    assert held > added > marginal == style.LINE


@pytest.mark.parametrize("limits", [(1.1, 1.9), (3.2, 3.4), (0.9, 11), (2e-7, 3e-7), (1, 1e9)])
def test_a_logarithmic_axis_has_two_labelled_ticks(limits):
    with style.look():
        picture, (panel,) = style.panels(1)
        panel.set(xscale="log", yscale="log", ylim=limits, xlim=limits)
        style.label_logarithms(picture)
        picture.draw_without_rendering()
    for axis in (panel.xaxis, panel.yaxis):
        labelled = [
            tick.label1.get_text() for tick in axis.get_major_ticks() if limits[0] <= tick.get_loc() <= limits[1]
        ]
        assert sum(bool(text) for text in labelled) >= 2
        assert len(set(labelled)) == len(labelled)


@pytest.mark.parametrize("name", [*STUDIES, "maps", "agreement"])
def test_figures_are_as_wide_as_a_column_or_a_page_and_have_one_size_of_text(plan, name, monkeypatch):
    drawn = []
    monkeypatch.setattr(style, "save", lambda picture, paths: drawn.append(picture))
    figures.draw(*handed(plan, name), [])
    (picture,) = drawn
    assert picture.get_figwidth() in (style.COLUMN, style.PAGE)
    assert {text.get_fontsize() for text in picture.findobj(Text) if text.get_text()} == {style.TEXT}


def test_marks_at_one_place_stand_around_each_other(pictures):
    """At 7c two carry-overs are best with nothing for step 1, at the same bound."""
    panel = panels(pictures["steps"])[0]
    sizes = [line.get_markersize() for line in panel.lines if line.get_label() == "_exact" and line.get_xdata()[0] == 0]
    assert len(sizes) == len(set(sizes)) == 2


# --- networks with fewer blocks of parameters, studies with fewer schemes --------------------------------------------

#: Study -> networks, clocks and what is on the axes and in the remarks of its only panel.
FEWER = {
    "no_target": (
        ["localization"],
        "asynchronous",
        "energy of step 1, radar localization (J)",
        "radar SPEB (integrated),\nclock offset bound (step-by-step) (m²)",
    ),
    "radars_known": (["sensing"], "asynchronous", "energy of step 1, clock offsets (J)", "target SPEB (m²)"),
    "all": (["7c"], "synchronous", "energy of step 1, radar localization (J)", "target SPEB (m²)"),
}
SLOTS = "slots_without_target"


@pytest.fixture(scope="module")
def fewer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fewer")
    layouts = content_of(NETWORKS)
    ranging = {"anchors": [[20, 180], [180, 180]], "radars": [[45, 71], [91, 65]]}
    layouts["single_slot"] |= {
        "localization": ranging,
        "sensing": ranging | {"target": [65, 45], "radars_known": True},
    }
    layouts["dual_slot"]["localization_twice"] = [ranging, ranging]
    (folder / "networks.yaml").write_text(yaml.safe_dump(layouts))
    studies = {
        name: STUDY | {"networks": networks, "clocks": [clock], "schemes": HELD, "step_1_energy_j": [0.1, 2, 7]}
        for name, (networks, clock, *_) in FEWER.items()
    }
    studies[SLOTS] = (
        STUDY
        | {"networks": ["localization_twice"], "clocks": ["asynchronous"], "schemes": HELD}
        | {"slot_1_energy_j": [2, 5, 8]}
    )
    studies["held_alone"] = STUDIES["simplex"] | {"networks": ["7a"], "schemes": HELD[1:]}
    drawn = {name: {"kind": "step_energy", "study": name} for name in FEWER}
    drawn |= {SLOTS: {"kind": "slot_energy", "study": SLOTS}}
    drawn |= {"held_alone": {"kind": "step_simplex", "study": "held_alone"}}
    return solved(folder, studies, drawn, networks=str(folder / "networks.yaml"))


@pytest.mark.parametrize("study", FEWER)
def test_the_axes_say_which_step_and_which_bound(fewer, study):
    *_, x, y = FEWER[study]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (panel,) = panels(draw(fewer, study))
    assert (panel.get_xlabel(), panel.get_ylabel()) == (x, y)
    # bounds of different parameters are not divided
    assert all(bool(over) == (study != "no_target") for _, _, over in table(panel))
    # ranging links of one pulse are strong enough, sensing links are not
    carried = {"no_target": "100%", "radars_known": "<1%", "all": "5%"}[study]
    assert f"usable links carry {carried} of the bound" in remarks(panel)
    assert ("pulses needed" in remarks(panel)) == (study != "no_target")


def test_bounds_of_slots_are_compared_if_they_are_of_the_same_parameters(fewer):
    (panel,) = panels(draw(fewer, SLOTS))
    bounds = "radar SPEB (integrated),\nclock offset bound (step-by-step)"
    assert panel.get_ylabel() == f"{bounds}, sum of both slots (m²)"
    assert [over for _, _, over in table(panel)] == ["", ""]


def test_three_steps_are_drawn_without_the_integrated_scheme(fewer):
    picture = draw(fewer, "held_alone")
    first = panels(picture)[1]
    assert first.get_title().endswith(", held: best 7.053 / 0.1762 / 2.771 J")
    assert remarks(first) == "usable links carry 98% of the bound"
    assert "log10 of target SPEB over the lowest of the grid" in [panel.get_xlabel() for panel in picture.axes]


# --- whoever draws ----------------------------------------------------------------------------------------------------

#: A talk's style, LaTeX where there is none, and what spoils layout and colours.
MATPLOTLIBRC = {
    "text.usetex": True,
    "font.family": "cursive",
    "figure.facecolor": "black",
    "axes.facecolor": "black",
    "text.color": "white",
    "lines.linewidth": 7,
    "figure.dpi": 30,
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "axes.prop_cycle": matplotlib.cycler(color=["red"]),
}


@pytest.mark.parametrize("name", ["maps", "steps", "agreement"])
def test_the_matplotlibrc_of_the_user_changes_no_figure(plan, name, tmp_path):
    path = tmp_path / "drawn.png"
    figures.draw(*handed(plan, name), [path])
    before = path.read_bytes()
    with matplotlib.rc_context(MATPLOTLIBRC):
        figures.draw(*handed(plan, name), [path])
        assert matplotlib.rcParams["figure.facecolor"] == "black"  # theirs again
    assert path.read_bytes() == before


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "widget", "tkagg"])
def test_the_backend_of_the_user_is_none_of_a_job(plan, tmp_path, backend):
    plan.write()
    script, output = ROOT / "workflow/scripts/make_product.py", tmp_path / "maps.png"
    options = ["--plan", plan.path, "--fingerprint", Figure(plan, "maps").fingerprint, "--outputs", output]
    subprocess.run(
        [sys.executable, script, "Figure", "maps", *options],
        env=os.environ | {"MPLBACKEND": backend, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    assert output.stat().st_size > 10_000


def test_panels_go_on_after_z():
    assert [style.panel_letter(index) for index in (0, 25, 26, 51, 52, 702)] == ["a", "z", "aa", "az", "ba", "aaa"]


def test_a_note_is_no_formula():
    from matplotlib.figure import Figure

    picture = Figure(figsize=(4, 3))
    style.add_note(picture, r"from $\nowhere to \frac$")
    picture.canvas.draw()


# --- system models ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "arrows"),
    [
        ("localization", [10]),  # every pair of nodes with a radar, both ways
        ("sensing", [8]),  # every node to the target and back
        ("7c", [18]),
        ("8d", [18, 18]),
    ],
)
def test_a_system_model_has_every_leg_of_every_link(network, arrows):
    slots = content_of(NETWORKS)
    tables = slots["dual_slot"][network] if network in slots["dual_slot"] else [slots["single_slot"][network]]
    colours = content_of(CONFIG)["style"]
    with style.look():
        picture = system_model.draw([], figures.Shown("system_model", [(network, tables)], colours, 0.0, ""))
    assert [sum(isinstance(patch, FancyArrowPatch) for patch in panel.patches) for panel in picture.axes] == arrows
    told = [text.get_text() for text in picture.legends[0].get_texts()]
    assert ("reflection link" in told) == (network != "localization")
    assert any("movement" in each for each in told) == (len(arrows) > 1)
