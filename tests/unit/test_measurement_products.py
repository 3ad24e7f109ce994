"""Measurements through the products of a plan, on logs of made-up radios: datasets, page, figures, refusals."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from builders import CONFIG, ROOT, defaults, plan_of
from conventions import broken_in
from synthetic_logs import AT_REST, write_folder

from isal import figures
from isal.figures import measured_drift, measured_ranges, measured_track, style
from isal.study import config, config_keys
from isal.study.measurements.datasets import fit_of, table_of
from isal.study.store import storage
from isal.units import SPEED_OF_LIGHT
from isal.validation.measurements import MeasurementError
from isal.workflow.plan import PlanError
from isal.workflow.products import (
    OF_MEASUREMENTS,
    Figure,
    MeasuredLinks,
    MeasuredRanges,
    MeasuredRun,
    MeasurementsPage,
)

pytestmark = [pytest.mark.any_kernel, pytest.mark.long]

FLOOR, DRIFT, BIAS_PER_M, EXCHANGES = 0.03, -0.8e-6, 0.004, 80
FIGURES = {"measured_ranges": measured_ranges, "measured_drift": measured_drift, "measured_track": measured_track}


def make(product):
    product.make(list(map(Path, product.inputs)), list(map(Path, product.outputs)), product.fingerprint)


def dataset(plan, kind, name=""):
    return storage.read(Path(kind(plan, name).outputs[0]))


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A plan with all that is made of its measurements."""
    folder = tmp_path_factory.mktemp("measured")
    write_folder(folder / "logs", FLOOR, DRIFT, BIAS_PER_M, EXCHANGES, duration=40.0)
    plan = plan_of(
        results=str(folder / "results"), measurements=str(folder / "logs"), figures={"formats": ["png"], "draw": {}}
    )
    for product in (each for kind in OF_MEASUREMENTS for each in kind.all(plan)):
        make(product)
    return plan


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_datasets_keep_to_the_conventions(plan):
    assert broken_in(Path(plan.in_results("datasets/measurements")), "*.nc") == {}


def test_ranges_are_those_of_the_radios(plan):
    found = dataset(plan, MeasuredRanges)
    table = table_of(found)
    assert list(zip(table.condition, table.distance_m, strict=True)) == [
        (condition, distance) for condition, _, distances in AT_REST for distance in distances
    ]
    assert (table.exchanges == EXCHANGES).all()
    # stamps of 30 mm / c jitter move k over 0.1 s by 1e-9
    assert table.drift.to_numpy() == pytest.approx(DRIFT, abs=2e-9)
    assert table.shift_ratio.to_numpy() == pytest.approx(1, abs=0.002)
    assert table.device_ratio.to_numpy() == pytest.approx(1, abs=5 * np.sqrt(np.pi * FLOOR**2 / EXCHANGES) / 0.135)
    # a standard deviation of 80 is known to 8 %
    assert table.spread_m.to_numpy() == pytest.approx(FLOOR, rel=0.35)
    assert table.bias_m.to_numpy() == pytest.approx(0.05 + BIAS_PER_M * table.distance_m.to_numpy(), abs=0.02)
    assert found.sizes["exchange"] == EXCHANGES * len(table)
    less = found.exchange_uncorrected_m - found.exchange_corrected_m
    shift = SPEED_OF_LIGHT * found.exchange_drift * found.exchange_reply_s / 2
    assert less.values == pytest.approx(shift.values, rel=1e-4)


def test_links_are_those_of_the_radios_and_say_where_there_is_none(plan):
    found = dataset(plan, MeasuredLinks)
    assert list(found.link.values) == ["LOS", "LOS, 100 cm", "NLOS", "NLOS, 150 cm"]
    fit = fit_of(found, "LOS", "corrected")
    assert vars(fit) == vars(fit_of(found, "LOS, 100 cm", "corrected"))
    assert fit.floor_m == pytest.approx(FLOOR, rel=0.2)
    assert fit.timestamp_jitter_s == fit.floor_m / SPEED_OF_LIGHT
    # a median of 80 is known to 4 mm, and four of them over 40 m give a slope to 0.3 mm/m
    assert fit.bias_per_m == pytest.approx(BIAS_PER_M, abs=0.001)
    assert fit.n_logs == 4
    with pytest.raises(MeasurementError, match="NLOS: no link could be fitted: 3 logs at 3 distances"):
        fit_of(found, "NLOS", "device")
    with pytest.raises(MeasurementError, match="no static log of fog, so no link of it; there are links of LOS, "):
        fit_of(found, "fog", "device")


def test_a_run_is_as_good_as_its_bound(plan):
    """Biases are a line over distance, so the bound with known biases is what is reached."""
    found = dataset(plan, MeasuredRun, "LOS_walk")
    told = dict(zip(found.quantity.values, found.summary.values, strict=True))
    assert found.attrs["link"] == "LOS"
    assert told["epochs"] > 300
    # the median of errors along a line is 0.67 of their root mean square, that of round ones 0.83; it is known to 6 %
    known = told["error over bound, biases known"] * fit_of(dataset(plan, MeasuredLinks), "LOS", "device").floor_m
    assert 0.67 * 0.85 < known / FLOOR < 0.83 * 1.15
    assert float(np.nanmedian(found.error_m[found.accepted])) == pytest.approx(told["median error"], rel=0.02)
    assert found.attrs["delay_s"] == pytest.approx(0.18, abs=0.02)


def test_the_page_and_its_tables_say_the_same(plan):
    page, _, *paths = map(Path, MeasurementsPage(plan).outputs)
    text = page.read_text()
    logs, links, runs = map(pd.read_csv, paths)
    assert len(logs) == 7
    assert list(links[links.ranges == "corrected"].link) == ["LOS", "LOS, 100 cm", "NLOS", "NLOS, 150 cm"]
    assert list(runs.run) == ["LOS_walk"]
    assert f"{links['floor (cm)'][0]:.3g}" in text
    assert f"{runs['median error (m)'][0]:.3g}" in text
    assert "3 logs at 3 distances" in text
    assert re.search(r"^\| LOS, 100 cm \| 4 \| 320 \| 320 \| -0\.8 \|", text, re.M)


def test_the_page_has_the_lines_of_a_radio(plan):
    """As a configuration takes them."""
    (block,) = re.findall(r"```yaml\n(.*?)```", Path(MeasurementsPage(plan).outputs[0]).read_text(), re.S)
    content = yaml.safe_load(block)
    jitter = content["radio"]["timestamp_jitter_s"]
    assert jitter == pytest.approx(
        fit_of(dataset(plan, MeasuredLinks), "LOS", "corrected").floor_m / 299792458, rel=1e-3
    )
    changed = defaults()
    changed["radio"] |= content["radio"]
    for name, study in content["studies"].items():
        changed["studies"][name] |= study
    configuration = config.load(changed, CONFIG, [ROOT])
    assert configuration.radio["carrier_frequency_hz"] == 6.4896e9
    assert configuration.radio["timestamp_jitter_s"] == jitter
    assert configuration.studies["synchronous_single_slot"].axes["bandwidth"] == (499.2e6,)


def test_lines_that_are_left_out_are_counted_on_the_page(plan, tmp_path):
    shutil.copytree(plan.configuration.measurements, tmp_path / "logs")
    path = tmp_path / "logs/static/LOS/height_100cm/10m.csv"
    path.write_text(path.read_text() + "Distance Mean,10\n\n")
    other = plan_of(results=str(tmp_path / "results"), measurements=str(tmp_path / "logs"))
    make(MeasuredRanges(other))
    found = dataset(other, MeasuredRanges)
    counts = found.log_left_out.sel(reason=["no exchange", "empty"]).sum("log")
    assert counts.values.tolist() == [1, 1]
    assert table_of(found).left_out.sum() == table_of(dataset(plan, MeasuredRanges)).left_out.sum() + 2


# --- figures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_drawn_of_what_is_there(plan, name):
    assert list(Figure.names(plan)) == list(FIGURES)
    figure = Figure(plan, name)
    make(figure)
    assert Path(figure.outputs[0]).stat().st_size > 10_000
    shown = figures.Shown(**figure.content)
    with style.look():
        picture = FIGURES[name].draw([storage.read(Path(path)) for path in figure.inputs], shown)
    texts = [text for panel in picture.axes for text in panel.get_legend_handles_labels()[1]]
    assert "fitted link" in texts or "slope 1" in texts or "bound" in texts


def test_without_runs_there_is_no_figure_of_them(plan, tmp_path):
    write_folder(tmp_path, run="")
    other = plan_of(measurements=str(tmp_path), figures={"formats": ["png"], "draw": {}})
    assert list(Figure.names(other)) == ["measured_ranges", "measured_drift"]
    assert MeasuredRun.all(other) == []


def test_without_measurements_there_is_nothing():
    other = plan_of()
    assert [product for kind in OF_MEASUREMENTS for product in kind.all(other)] == []
    assert not set(Figure.names(other)) & set(FIGURES)


def test_logs_too_short_for_anything_are_still_told_of(tmp_path):
    """Empty ones, too: no drift, no spread, no link, and a page and figures that say so."""
    write_folder(tmp_path / "logs", exchanges=5, run="")
    path = tmp_path / "logs/static/LOS/height_100cm/10m.csv"
    path.write_text(path.read_text().splitlines()[0])
    other = plan_of(
        results=str(tmp_path / "results"),
        measurements=str(tmp_path / "logs"),
        figures={"formats": ["png"], "draw": {}},
    )
    for product in (each for kind in (*OF_MEASUREMENTS, Figure) for each in kind.all(other)):
        make(product)
    page, _, logs, links, runs = map(Path, MeasurementsPage(other).outputs)
    assert "0 logs at 0 distances have a spread; a fit over distance needs four logs" in page.read_text()
    assert pd.read_csv(logs).exchanges.tolist() == [5, 0, 5, 5, 5, 5, 5]
    assert pd.read_csv(links)["why not"].notna().all()
    assert runs.read_text().split() == []


# --- fingerprints -----------------------------------------------------------------------------------------------------


def test_content_counts_and_neither_place_nor_dates(plan, tmp_path):
    shutil.copytree(plan.configuration.measurements, tmp_path / "elsewhere", copy_function=shutil.copyfile)
    other = plan_of(measurements=str(tmp_path / "elsewhere"))
    for kind in OF_MEASUREMENTS:
        assert [each.fingerprint for each in kind.all(other)] == [each.fingerprint for each in kind.all(plan)]


def test_files_that_change_under_way_are_not_stored_as_those_before(plan, tmp_path):
    write_folder(tmp_path / "logs", exchanges=20, duration=10.0)
    other = plan_of(results=str(tmp_path / "results"), measurements=str(tmp_path / "logs"))
    before = {kind: kind.all(other)[0].fingerprint for kind in (MeasuredRanges, MeasuredRun)}
    for name in ("static/LOS/height_100cm/10m.csv", "dynamic/LOS_walk/A1.csv"):
        path = tmp_path / "logs" / name
        path.write_text(path.read_text() + "\n")
    for kind, fingerprint in before.items():
        product = kind.all(other)[0]
        inputs = [Path(MeasuredLinks(plan).outputs[0])]
        with pytest.raises(PlanError, match="its files have changed since snakemake looked at them"):
            product.make(inputs, list(map(Path, product.outputs)), fingerprint)
        assert not Path(product.outputs[0]).exists()


# --- refusals ---------------------------------------------------------------------------------------------------------


def refusal(**changes):
    with pytest.raises(config.ConfigError) as error:
        config.load(defaults() | changes, CONFIG, [ROOT])
    return str(error.value)


def test_a_folder_that_is_not_laid_out_is_refused(tmp_path):
    folder = str(tmp_path)
    told = f"{CONFIG}: measurements: "
    assert refusal(measurements=f"{folder}/no").startswith(f"{told}{folder}/no: no such folder; name one with static/")
    assert refusal(measurements=folder).startswith(f"{told}{folder}/static: no such folder; name one with static/<LOS|")
    (tmp_path / "static").mkdir()
    assert f"{folder}/static: no log in it; expected files <LOS|NLOS>/height_" in refusal(measurements=folder)
    write_folder(tmp_path, exchanges=5, duration=4.0)
    assert config.load(defaults() | {"measurements": folder}, CONFIG, [ROOT]).measurements == folder
    near = tmp_path / "static/LOS/height_100cm/near.csv"
    near.touch()
    assert "near.csv: its name must be <LOS|NLOS>/height_<cm>cm/<distance>m.csv" in refusal(measurements=folder)
    near.unlink()
    for name in ("A1", "A2"):
        (tmp_path / f"dynamic/LOS_walk/{name}.csv").unlink()
    assert "2 files of ranges; a position needs at least three anchors" in refusal(measurements=folder)


def test_what_is_no_folder_is_refused():
    assert "measurements: 5 is not text; put it in quotes" in refusal(measurements=5)
    assert "does not stand for a home folder here; write the path out" in refusal(measurements="~/logs")
    assert "no such folder" in refusal(measurements="x" * 5000)


def test_figures_that_are_drawn_by_themselves_have_no_entry():
    draw = {"mine": {"kind": "measured_track"}}
    assert "'measured_track' is not one of layouts, " in refusal(figures={"formats": ["png"], "draw": draw})
    draw = {"measured_track": {"kind": "abundance"}}
    told = "figures.draw.measured_track: is drawn without an entry wherever its datasets are; rename this one"
    assert told in refusal(figures={"formats": ["png"], "draw": draw})
    assert set(FIGURES) == {word for word, kind in config_keys.FIGURE_KINDS.items() if kind.automatic}
