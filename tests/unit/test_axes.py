"""The axes of a study: what may be listed, names of points, and what follows from them in datasets, tables, figures."""

import dataclasses
import doctest
import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from builders import solve_plan
from hypothesis import given
from hypothesis import strategies as st

import isal
from isal import figures
from isal.figures import panels, step_energy, step_simplex, style
from isal.model.pulse import PULSES
from isal.schemes.variant import CAPS_PER, FIRST_STEPS
from isal.study import agreement, axes, comparison, config, config_keys, splits, tables
from isal.study.axes import AXES, COUPLING, axes_of
from isal.study.fingerprint import Code
from isal.study.points import Point
from isal.study.store import datasets
from isal.workflow import products
from isal.workflow.plan import Plan, curves

pytestmark = pytest.mark.any_kernel

ROOT = Path(__file__).parents[2]
OPTIONAL = [axis for axis in AXES if axis.optional]
SIGMA = "radar_cross_section_m2"

BASE = {
    "networks": ["7a", "7c"],
    "clocks": ["synchronous"],
    "bandwidths_hz": [500e6],
    "schemes": ["integrated", "step-by-step-held"],
    "total_energy_j": 10,
    "step_1_energy_j": [2.3, 7],
}
SLOTS = {key: value for key, value in BASE.items() if key != "step_1_energy_j"}
SLOTS |= {"networks": ["8a"], "slot_1_energy_j": [5]}

#: A list of values along each optional axis of which the first is the configuration's own.
LISTS = {
    "carrier_frequency_hz": [77e9, 24e9],
    "antenna_gain_db": [10, -3.5],
    "noise_density_dbm_hz": [-174, -170],
    "system_loss_db": [3, 0],
    SIGMA: [10, 1],
    "pulses": [1, 16],
    "velocity_variance": [0.01, 1e-6],
    "drift_variance": [1e-10, 1e-24],
    "timestamp_jitter_s": [0, 1.5e-10],
    "pulse": ["as-printed", "root-raised-cosine-0.25"],
    "power_cap_w": ["budget", 2.5],
    "step_1": ["block", "ranging"],
    "caps_per": ["step", "slot"],
}


def plan_of(studies, **changes):
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    figures = {"formats": ["png"], "draw": {}}
    content |= {"solver": "interior-point", "studies": studies, "figures": figures} | changes
    return Plan.of(config.load(content, "config.yaml", [ROOT]))


def plan_with(key, values):
    """A plan of a study that lists values along an axis, and of one that does not."""
    plain = SLOTS if key in COUPLING else BASE  # what couples slots has no use with one
    return plan_of({"one": plain | {key: values}, "plain": plain})


def refusal(**study):
    with pytest.raises(config.ConfigError) as error:
        plan_of({"one": BASE | study})
    return str(error.value)


# --- the table --------------------------------------------------------------------------------------------------------


def test_the_examples_hold():
    failed, tried = doctest.testmod(axes)
    assert tried
    assert not failed


def test_every_parameter_of_the_radio_is_an_axis():
    assert {axis.parameter for axis in AXES if axis.parameter} == {
        field.name for field in dataclasses.fields(isal.Radio)
    }
    assert {axis.name for axis in OPTIONAL} == set(LISTS)


def test_axes_and_keys_of_a_study_are_the_same():
    keys = [axis.key for axis in AXES if axis.key]
    assert keys == [
        key for key in config_keys.STUDY_KEYS if "energy" not in key and key not in ("slots", "splits_j", "split")
    ]
    assert {axis.key for axis in AXES if axis.optional} == {key for key in keys if config_keys.STUDY_KEYS[key].optional}


def test_the_table_depends_on_nothing_that_solves():
    """So figures and tables, which have it, do not either."""
    reached = Code().closure(["isal.study.axes"])
    assert reached <= {
        name for name in reached if re.match(r"isal\.(errors|units|model|study|schemes$|schemes\.variant)\b", name)
    }
    assert {"isal.study.points", "isal.study.solving"}.isdisjoint(reached)


@pytest.mark.parametrize(
    ("axis", "value", "label", "column"),
    [
        ("network", "7a", "7a", "network"),
        ("bandwidth", 5e8, "500 MHz", "bandwidth (MHz)"),
        (SIGMA, 0.5, "radar cross section 0.5 m²", "radar cross section (m^2)"),
        ("noise_density_dbm_hz", -174.0, "noise density -174 dBm/Hz", "noise density (dBm/Hz)"),
        ("velocity_variance", 1e-6, "velocity variance 1e-06 m²/s²", "velocity variance (m^2/s^2)"),
        ("carrier_frequency_hz", 77000000001.0, "carrier frequency 77000000001.0 Hz", "carrier frequency (Hz)"),
        ("pulses", 16.0, "pulses 16", "pulses"),
        ("pulse", "flat", "pulse flat", "pulse"),
        ("power_cap_w", 2.5, "power cap 2.5 W", "power cap (W)"),
        ("step_1", "ranging", "step 1 ranging", "step 1"),
        ("caps_per", "slot", "caps per slot", "caps per"),
    ],
)
def test_titles_and_columns_say_value_and_unit(axis, value, label, column):
    assert axes.NAMED[axis].label(value) == label
    assert axes.NAMED[axis].column == column


# --- configuration ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ({"radar_cross_section": [1]}, ["unknown key (did you mean 'radar_cross_section_m2'?)"]),
        ({SIGMA: 5}, [f"studies.one.{SIGMA}: 5 is not a list"]),
        ({SIGMA: []}, [f"studies.one.{SIGMA}: [] should be non-empty"]),
        (
            {SIGMA: [1, 0]},
            [f"studies.one.{SIGMA}[1]: 0 is out of range", "Radar cross section", "above 0, at most 1e+06"],
        ),
        ({SIGMA: [1, 10, 1.0]}, [f"studies.one.{SIGMA}: 1.0 stands twice; keep one"]),
        ({SIGMA: ["1e1"]}, [f"{SIGMA}[0]: '1e1' is text, not a number; write 10"]),
        ({"pulse": ["flat", "flt"]}, ["studies.one.pulse[1]: 'flt' is not one of", "did you mean 'flat'"]),
        ({"velocity_variance": [1]}, ["velocity_variance: has no use with networks of one slot", "remove it"]),
        ({"power_cap_w": [0]}, ["studies.one.power_cap_w[0]: 0 is none of what is accepted", 'above 0, or "budget"']),
        ({"power_cap_w": ["budget", 10]}, ["power_cap_w: 10 W is the 'budget' here; keep one of them"]),
    ],
)
def test_a_refusal_names_the_key_and_the_way_out(study, expected):
    message = refusal(**study)
    for part in expected:
        assert part in message


def test_whether_a_network_is_observable_is_asked_at_the_caps_of_the_study(tmp_path):
    """One way alone does not tell a radar's place from its clock offset."""
    site = {"anchors": [[20, 180], [180, 180]], "radars": [[45, 71]], "targets": []}
    (tmp_path / "networks.yaml").write_text(yaml.safe_dump({"note": "n", "single_slot": {"site": site}}))
    study = {"networks": ["site"], "clocks": ["asynchronous"]}
    changes = {"networks": str(tmp_path / "networks.yaml"), "power_caps_w": {"radars": "budget", "anchors": 0}}
    changes["deployments"] = {}
    with pytest.raises(config.ConfigError, match="as some nodes may not transmit"):
        plan_of({"one": BASE | study}, **changes)
    assert plan_of({"one": BASE | study | {"power_cap_w": [5]}}, **changes).points


@pytest.mark.parametrize("key", LISTS)
def test_points_are_counted_over_all_axes(key):
    plan = plan_with(key, LISTS[key])
    study = plan.configuration.studies["one"]
    assert study.n_points == len(plan.study_points("one")) == 2 * len(plan.study_points("plain"))


@pytest.mark.parametrize("key", LISTS)
def test_findings_take_every_parameter_and_the_cap(key):
    findings = yaml.safe_load((ROOT / "config/config.yaml").read_text())["findings"]
    findings["variants"] = {"other": {key: LISTS[key][1]}}
    assumed = plan_of({"one": BASE}, findings=findings).assumptions("other")
    assert found_at(key, assumed.cap_w, assumed.radio, assumed.scheme) == LISTS[key][1]


def found_at(key, cap_w, radio, variant):
    """The value along an axis."""
    return cap_w if key == "power_cap_w" else getattr(variant if hasattr(variant, key) else radio, key)


# --- names of points --------------------------------------------------------------------------------------------------


def test_names_and_texts_without_such_lists_are_what_they_were():
    plan = plan_of({"one": BASE, "two": BASE | {"networks": ["7a"], "bandwidths_hz": [62_500.5]}})
    assert list(plan.points) == [
        f"{network}/synchronous/{band}MHz/{rest}"
        for network, band in (("7a", "500"), ("7c", "500"), ("7a", "0.0625005"))
        for rest in ("integrated/e10000", "step-by-step-held/e2300-7700", "step-by-step-held/e7000-3000")
    ]
    for name, point in plan.points.items():
        assert point.label == name
        assert "varied" not in point.to_mapping()


@pytest.mark.parametrize("key", LISTS)
def test_a_point_at_the_value_of_the_configuration_is_shared_and_another_says_its_value(key):
    plan = plan_with(key, LISTS[key])
    plain, both = plan.study_points("plain"), plan.study_points("one")
    assert {name: both[name].to_json() for name in plain} == {name: point.to_json() for name, point in plain.items()}
    others = {name: point for name, point in both.items() if name not in plain}
    part = f"/{key}={LISTS[key][1]}/".replace("24000000000.0", "2.4e+10")
    assert [name.replace(part, "/") for name in others] == list(plain)
    for name, point in others.items():
        for cap in (point.radar_cap_w, point.anchor_cap_w):
            assert found_at(key, cap, point.radio, point.variant) == LISTS[key][1]
        assert Point.from_json(point.to_json()).label == point.label == name


def test_what_is_the_value_of_the_configuration_depends_on_the_configuration():
    radio = yaml.safe_load((ROOT / "config/config.yaml").read_text())["radio"]
    plan = plan_of({"one": BASE | {SIGMA: [1, 10]}}, radio=radio | {SIGMA: 1})
    assert {point.radio.radar_cross_section_m2 for name, point in plan.points.items() if "=" not in name} == {1.0}
    assert sum(f"/{SIGMA}=10/" in name for name in plan.points) == 6


def test_one_cap_differs_from_two():
    caps = {"radars": 1, "anchors": "budget"}
    plan = plan_of({"one": BASE | {"power_cap_w": ["budget", 1]}, "plain": BASE}, power_caps_w=caps)
    assert len(plan.points) == 3 * 6
    assert {(name.split("/")[3], point.radar_cap_w, point.anchor_cap_w) for name, point in plan.points.items()} >= {
        ("power_cap_w=budget", None, None),
        ("power_cap_w=1", 1.0, 1.0),
        ("integrated", 1.0, None),
    }


NUMBERS = {
    "carrier_frequency_hz": st.floats(1e9, 1e12),
    "antenna_gain_db": st.floats(-50, 100),
    "noise_density_dbm_hz": st.floats(-250, 0),
    "system_loss_db": st.floats(0, 100),
    SIGMA: st.floats(1e-100, 1e6),
    "pulses": st.floats(1, 1e9),
    "velocity_variance": st.floats(0, 1e12, exclude_min=True),
    "drift_variance": st.floats(0, 1e12, exclude_min=True),
    "timestamp_jitter_s": st.floats(0, 1e-6),
    "pulse": st.sampled_from([*PULSES, "root-raised-cosine-0.25", "root-raised-cosine-0.251"]),
    "power_cap_w": st.just("budget") | st.floats(0, 1e9, exclude_min=True),
    "step_1": st.sampled_from(FIRST_STEPS),
    "caps_per": st.sampled_from(CAPS_PER),
}


@st.composite
def varied_studies(draw):
    """Studies of two slots that list values along some axes, among them neighbours that differ in the last digit."""
    studies = {}
    for name in ("one", "two"):
        study = SLOTS | {"schemes": ["step-by-step-held"]}
        for key in draw(st.lists(st.sampled_from(sorted(NUMBERS)), max_size=3, unique=True)):
            values = draw(st.lists(NUMBERS[key], min_size=1, max_size=3, unique=True))
            close = [math.nextafter(value, 2) for value in values if isinstance(value, float) and 1 < value < 100]
            study[key] = list(dict.fromkeys([*LISTS[key][:1], *values, *close]))
        if 10.0 in study.get("power_cap_w", ()):
            study["power_cap_w"].remove(10.0)
        studies[name] = study
    return studies


@given(varied_studies())
def test_points_of_different_values_never_share_a_record(studies):
    plan = plan_of(studies)
    texts = {}
    for name, study in studies.items():
        points = plan.study_points(name)
        assert len(points) == math.prod(len(values) for values in study.values() if isinstance(values, list))
        for path, point in points.items():
            assert texts.setdefault(path, point.to_json()) == point.to_json()
            assert re.fullmatch(r"[A-Za-z0-9._=+/-]+", path)
            assert all(0 < len(part) < config.LONGEST_PART for part in path.split("/"))
    assert len(set(texts.values())) == len(texts)


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """A plan whose points are stored: studies that vary something, and one that does not."""
    studies = {
        "sigmas": BASE | {SIGMA: [1, 10, 100]},
        "own": BASE | {SIGMA: [10]},
        "both": BASE | {"networks": ["7c"], "pulse": ["as-printed", "flat"], "power_cap_w": ["budget", 2]},
        "plain": BASE,
    }
    studies = {name: study | {"split": "best"} for name, study in studies.items()}
    plan = plan_of(studies, results=str(tmp_path_factory.mktemp("results")))
    solve_plan(plan)
    return plan


def dataset_of(plan, study):
    return datasets.build(plan.slabs(study), study=study, note="n", axes=plan.axes(study))


def best_of(plan, study):
    return splits.at_best(dataset_of(plan, study))


def test_a_dataset_has_the_dimensions_that_its_study_lists(solved):
    plain = ("network", "clock", "bandwidth", "scheme", "split")
    assert dataset_of(solved, "plain").speb.dims == plain
    with_sigma = (*plain[:3], SIGMA, *plain[3:])
    sigmas = dataset_of(solved, "sigmas")
    assert sigmas.speb.dims == dataset_of(solved, "own").speb.dims == with_sigma
    assert list(sigmas[SIGMA].values) == [1, 10, 100]
    assert sigmas[SIGMA].attrs == {"units": "m^2", "long_name": "radar cross section sigma of a target"}
    own, plain_dataset = dataset_of(solved, "own"), dataset_of(solved, "plain")
    np.testing.assert_array_equal(own.speb.sel({SIGMA: 10}), plain_dataset.speb)
    np.testing.assert_array_equal(sigmas.speb.sel({SIGMA: 10}), plain_dataset.speb)


def test_a_dataset_tells_caps_in_watts_and_pulses_by_name(solved):
    both = dataset_of(solved, "both")
    assert list(both.pulse.values) == ["as-printed", "flat"]
    assert list(both.power_cap_w.values) == [10, 2]
    assert both.power_cap_w.attrs == {"units": "W", "long_name": "largest power of every node"}
    assert "units" not in both.pulse.attrs
    assert both.power.sel(power_cap_w=2).max() <= 2 * (1 + 1e-9)
    assert both.power.sel(power_cap_w=10).max() > 2
    # a flat spectrum has a twelfth of the information, whatever the powers
    ratio = both.speb.sel(pulse="flat") / both.speb.sel(pulse="as-printed")
    np.testing.assert_allclose(ratio.values[np.isfinite(ratio.values)], 12, rtol=1e-5)


def test_the_numbers_are_those_of_the_radio_solved_directly(solved):
    dataset, radio = dataset_of(solved, "sigmas"), isal.Radio(radar_cross_section_m2=100.0)
    for network in ("7a", "7c"):
        (slot,) = solved.networks[network]
        options = {"clock": "synchronous", "tolerance": 1e-9}
        found = dataset.speb.sel({SIGMA: 100, "network": network}).squeeze()
        whole = isal.integrated(slot, radio, energy=10, **options)
        parts = isal.step_by_step(slot, radio, energies=[7, 3], carry="held", **options)
        assert float(found.sel(scheme="integrated", split="e10000")) == pytest.approx(whole.speb, rel=1e-6)
        assert float(found.sel(scheme="step-by-step-held", split="e7000-3000")) == pytest.approx(parts.speb, rel=1e-6)


def test_a_change_of_what_a_study_lists_makes_its_datasets_again(solved):
    """Though all points are the same."""
    own, plain = (products.StudyDataset(solved, study) for study in ("own", "plain"))
    assert own.content != plain.content
    assert sorted(own.inputs) == sorted(plain.inputs)


def test_best_splits_have_the_axes_of_the_study(solved):
    best = best_of(solved, "sigmas")
    assert set(best.speb.dims) == {"network", "clock", "bandwidth", SIGMA, "scheme"}
    held = best.sel(scheme="step-by-step-held")
    assert np.isfinite(best.speb).sum() == held.speb.size == 2 * 3
    np.testing.assert_allclose(held.energy.sum("step"), 10)
    lowest = splits.on_grid(dataset_of(solved, "sigmas")).speb.sel(scheme="step-by-step-held").min("split")
    assert (held.speb <= lowest * (1 + 1e-6)).all()


def test_tables_have_a_column_and_rows_for_each_value(solved):
    table = tables.best_points(dataset_of(solved, "sigmas"))
    assert list(table.columns[:6]) == [
        *("network", "clock", "bandwidth (MHz)", "radar cross section (m^2)", "scheme", "minimised")
    ]
    assert len(table) == 2 * 3 * 2
    integrated = table[table.scheme == "integrated"]
    assert (integrated["over integrated"] == 1).all()  # each compared with that of its own radio
    assert "| 7a | synchronous | 500 | 100 | integrated |" in tables.markdown(table)
    assert "radar cross section (m^2)" not in tables.best_points(dataset_of(solved, "plain"))


def test_the_table_of_all_studies_leaves_out_what_a_study_does_not_list(solved):
    table = tables.best_splits_of_all({study: dataset_of(solved, study) for study in ("plain", "sigmas", "both")})
    assert list(table.columns[:9]) == [
        *("study", "network", "clock", "bandwidth", SIGMA, "pulse", "power_cap_w", "scheme", "minimised")
    ]
    listed = table.set_index("study")[[SIGMA, "pulse", "power_cap_w"]].notna().groupby("study").agg(["min", "max"])
    assert listed.loc["plain"].tolist() == [False] * 6
    assert listed.loc["sigmas"].tolist() == [True, True, *[False] * 4]
    assert listed.loc["both"].tolist() == [False, False, *[True] * 4]
    assert "| plain | 7a | synchronous | 5e+08 |  |  |  | step-by-step-held |" in tables.markdown(table)


def test_solvers_are_compared_by_all_axes_also_with_what_was_compared_before(solved):
    kept = ("integrated/e10000", "step-by-step-held/e7000-3000")
    plain = {
        name: point
        for name, point in solved.study_points("plain").items()
        if name.startswith("7c") and name.endswith(kept)
    }
    before = comparison.compare(plain)
    assert SIGMA not in before.coords
    more = {name: point for name, point in solved.study_points("sigmas").items() if "7c" in name and "e10000" in name}
    after = comparison.compare(plain | more, before, [SIGMA])
    assert list(after[SIGMA].values) == [point.radio.radar_cross_section_m2 for point in curves_of(after, plain | more)]
    rows = agreement.table(after, [SIGMA])
    assert rows.groupby(SIGMA).problems.first().to_dict() == {1.0: 1, 10.0: 3, 100.0: 1}
    assert "problems" in agreement.table(after.assign_coords({SIGMA: after[SIGMA] * np.nan}), [SIGMA])


def curves_of(compared, points):
    """The point of each problem."""
    return [points[label] for label in compared.label.values]


def test_every_curve_has_points_that_solvers_are_compared_on(solved):
    chosen = {point.curve for point in products.Comparison(solved).points.values()}
    assert chosen == {point.curve for point in solved.points.values()}
    assert len(curves(solved.points)) == len(chosen) == 2 * 3 * 2 + 3 * 2


# --- figures ----------------------------------------------------------------------------------------------------------


def drawn(kind, dataset):
    shown = figures.Shown(
        kind="step_energy",
        layouts=[],
        colours=yaml.safe_load((ROOT / "config/config.yaml").read_text())["style"],
        tolerance=1e-6,
        note="n",
    )
    with style.look():
        picture = kind.draw([dataset], shown)
        picture.draw_without_rendering()
    return picture


def test_a_row_of_panels_per_network_and_a_panel_per_value(solved):
    dataset = dataset_of(solved, "sigmas")
    picture = drawn(step_energy, dataset)
    titles = [panel.get_title(loc="left") for panel in picture.axes]
    assert titles == [
        f"({letter}) {network},\nradar cross section {sigma} m²"
        for letter, (network, sigma) in zip("abcdef", itertools.product(("7a", "7c"), (1, 10, 100)), strict=True)
    ]
    assert picture.legends[0].get_title().get_text() == "synchronous, 500 MHz"
    limits = [panel.get_ylim() for panel in picture.axes]
    assert limits[0] == limits[1] == limits[2] != limits[3] == limits[4] == limits[5]
    for panel, where in zip(picture.axes, panels.combinations(dataset), strict=True):
        (line,) = (line for line in panel.lines if line.get_label() == "step-by-step, held")
        expected = splits.on_grid(dataset).speb.sel(where | {"scheme": "step-by-step-held"}).dropna("split")
        np.testing.assert_array_equal(line.get_ydata(), expected)
        (ring,) = (line for line in panel.lines if line.get_label() == "_exact")
        assert ring.get_ydata()[0] <= expected.min()


def test_panels_without_such_axes_are_named_and_placed_as_before(solved):
    picture = drawn(step_energy, dataset_of(solved, "plain"))
    assert [panel.get_title(loc="left") for panel in picture.axes] == ["(a) 7a", "(b) 7c"]
    assert picture.legends[0].get_title().get_text() == "synchronous, 500 MHz"
    assert picture.axes[0].get_ylim() != picture.axes[1].get_ylim()


def arranged(dataset):
    return panels.Arrangement.of(dataset, panels.combinations(dataset))


def test_the_axes_of_radios_are_shared_and_those_of_caps_are_not(solved):
    both = dataset_of(solved, "both")
    assert arranged(both) == panels.Arrangement(2, "row")
    assert arranged(both.isel(pulse=[0])) == panels.Arrangement(2, False)
    assert arranged(both.isel(power_cap_w=[0])) == panels.Arrangement(2, "row")
    titles = [panels.title(where) for where in panels.combinations(both)]
    assert titles[:2] == [
        f"7c, synchronous, 500 MHz,\npower cap 10 W, pulse {pulse}" for pulse in ("as-printed", "flat")
    ]
    many = both.isel(pulse=[0] * 5, power_cap_w=[0])
    assert arranged(many) == panels.Arrangement(2, True)


def test_plans_of_three_steps_say_what_differs_between_them(tmp_path):
    study = {"networks": ["7a"], "clocks": ["asynchronous"], SIGMA: [10, 1]}
    study |= {"step_1_energy_j": [0.2, 2, 7], "step_2_energy_j": [0.05, 0.2, 2], "split": "best"}
    plan = plan_of({"one": BASE | study}, results=str(tmp_path))
    solve_plan(plan)
    picture = drawn(step_simplex, dataset_of(plan, "one"))
    titles = [panel.get_title() for panel in picture.axes if panel.get_title()]
    assert [re.sub(r"^\(.\) |: .*$", "", title) for title in titles] == [
        f"7a, asynchronous, 500 MHz, radar cross section {sigma} m², held" for sigma in (10, 1)
    ]


def test_only_listed_axes_are_chosen():
    assert [axis.name for axis in axes_of([SIGMA], "split")] == ["network", "clock", "bandwidth", SIGMA, "scheme"]
