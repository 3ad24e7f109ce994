"""Best splits of curves, against traversals of their points."""

from dataclasses import replace

import numpy as np
import pytest
from builders import DUAL, INTEGRATED, LINE, TOTAL_UJ, dataset_of, point_of, stored

from isal.allocation.solvers import interior_point
from isal.study import best_splits, tables
from isal.study.points import PointError, solve_all
from isal.study.store import storage

HALVES = (TOTAL_UJ // 2, TOTAL_UJ // 2)


def two_parts(point, firsts):
    """Points of the curve of ``point`` by the energy (microjoules) of their first part."""
    return [replace(point, energies_uj=(first, TOTAL_UJ - first)) for first in firsts]


# --- one curve --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "scheme", "proof"),
    [
        ("7c", "step-by-step-held", "every split"),
        ("8b", "integrated", "every split"),
        ("8c", "step-by-step-held", "none"),
    ],
)
def test_the_exact_split_against_a_fine_traversal(layouts, slots, scheme, proof):
    """Every 0.1 J, and every 1 mJ around the best."""
    curve = point_of(slots=DUAL.get(slots) or (layouts[slots],), scheme=scheme, energies_uj=HALVES)
    found = best_splits.exact(curve)
    around = 1000 * round(found.energies[0] * 1000)
    firsts = sorted({*range(100_000, TOTAL_UJ, 100_000), *range(around - 20_000, around + 21_000, 1000)})
    spebs = np.array([result.speb for result in solve_all(two_parts(curve, firsts))])
    assert spebs.min() == pytest.approx(found.speb, rel=1e-6)
    assert spebs.min() >= found.speb * (1 - curve.tolerance)  # to which both are certified
    assert firsts[int(spebs.argmin())] == pytest.approx(found.energies[0] * 1e6, abs=10_000)
    assert sum(found.energies) == pytest.approx(10, rel=1e-12)
    assert found.proof == proof
    assert found.lower_bound <= found.speb
    if proof == "every split":
        assert found.lower_bound <= spebs.min()


def test_any_point_of_a_curve_stands_for_it():
    first, second = (best_splits.exact(point) for point in two_parts(point_of(), [100_000, 9_000_000]))
    assert first.speb == second.speb
    assert first.energies == second.energies


def test_the_exact_split_keeps_the_caps():
    free, capped = best_splits.exact(point_of()), best_splits.exact(point_of(radar_cap_w=1.0))
    assert free.power[:, :2].max() > 1
    assert capped.power[:, :2].max() <= 1
    assert capped.speb > free.speb


def test_an_uncertified_split_names_its_curve(monkeypatch):
    monkeypatch.setattr(interior_point, "MOST_ITERATIONS", (1, 1))
    message = r"^7c/synchronous/500MHz/step-by-step-held/e2300-7700: best split: 7c: not certified, as the gap is"
    with pytest.raises(PointError, match=message):
        best_splits.exact(point_of())
    with pytest.raises(PointError, match=message):
        best_splits.best_splits([point_of(**INTEGRATED), point_of()])


def test_a_curve_that_can_not_be_split_is_named():
    with pytest.raises(PointError, match=r"^line/.*/step-by-step-held/e2300-7700: best split: line: its links"):
        best_splits.best_splits([point_of(slots=(LINE,))])


# --- studies ----------------------------------------------------------------------------------------------------------


def study_of(points, folder):
    """The traversal of points as a study has it, and the best splits of their curves."""
    by_path = stored(points, folder)
    curves = {(point.name, point.clock, point.scheme): point for point in points}
    best = best_splits.best_splits(list(curves.values()))
    built = {"traversed": dataset_of(by_path), "best": best}
    for name, dataset in built.items():
        storage.write(folder / f"{name}.nc", dataset)
    return [storage.read(folder / f"{name}.nc") for name in built]


@pytest.fixture(scope="module")
def single(layouts, tmp_path_factory):
    """Two networks, three schemes, two clock modes: not all of their products."""
    firsts = [200_000, 2_300_000, 7_000_000]
    points = [point_of(slots=(layouts[name],), **INTEGRATED) for name in ("7c", "7a")]
    for name, carry in (("7c", "held"), ("7a", "held"), ("7a", "joint")):
        points += two_parts(point_of(slots=(layouts[name],), scheme=f"step-by-step-{carry}"), firsts)
    steps = [(300_000, 30_000), (2_300_000, 30_000), (2_300_000, 1_000_000)]
    points += [
        point_of(slots=(layouts["7c"],), clock="asynchronous", energies_uj=(*split, TOTAL_UJ - sum(split)))
        for split in steps
    ]
    return study_of(points, tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="module")
def dual(tmp_path_factory):
    points = []
    for scheme in ("integrated", "step-by-step-held"):
        points += two_parts(point_of(slots=DUAL["8b"], scheme=scheme), [300_000, 5_000_000])
    return study_of(points, tmp_path_factory.mktemp("dual"))


def rows_of(study):
    return tables.best_splits("s", *study).set_index(["network", "clock", "scheme"])


def test_no_traversed_value_is_below_the_exact_one(single, dual):
    for study in (single, dual):
        table = rows_of(study)
        assert (table["traversal over exact"] >= -point_of().tolerance).all()  # to which both are certified
        # the grids hold a point near the best but for what no grid reaches
        assert (table["traversal over exact"] < 0.1).all()
        assert (table["lower bound (m^2)"] <= table["exact SPEB (m^2)"]).all()


def test_a_curve_with_nothing_to_split_is_left_out(single):
    assert set(rows_of(single).index) == {
        ("7a", "synchronous", "step-by-step-held"),
        ("7a", "synchronous", "step-by-step-joint"),
        ("7c", "synchronous", "step-by-step-held"),
        ("7c", "asynchronous", "step-by-step-held"),
    }
    assert "integrated" not in single[1].scheme


def test_a_study_with_nothing_to_split_has_no_rows(tmp_path):
    traversed, best = study_of([point_of(**INTEGRATED)], tmp_path)
    assert tables.best_splits("s", traversed, best).empty


def test_a_row_shows_both_ways_to_the_best_split(single, layouts):
    row = rows_of(single).loc["7c", "synchronous", "step-by-step-held"]
    assert row["study"] == "s"
    assert row["bandwidth"] == 500e6
    assert row["exact (J)"] == "2.26 / 7.74"
    assert row["traversal (J)"] == "2.3 / 7.7"
    found = best_splits.exact(point_of(slots=(layouts["7c"],)))
    assert row["exact SPEB (m^2)"] == found.speb
    assert row["lower bound (m^2)"] == found.lower_bound
    assert row["bound holds for"] == "every split"
    assert row["problems"] == found.problems
    assert (row["traversed points"], row["traversal problems"]) == (3, 6)
    lowest = point_of(slots=(layouts["7c"],), energies_uj=(2_300_000, 7_700_000)).solve().speb
    assert row["traversal over exact"] == pytest.approx(lowest / found.speb - 1, rel=1e-6)
    assert row["ms"] > 0
    assert row["traversal ms"] > 0


def test_three_steps_are_three_energies(single):
    row = rows_of(single).loc["7c", "asynchronous", "step-by-step-held"]
    assert len(row["exact (J)"].split(" / ")) == 3
    assert row["traversal (J)"] == "2.3 / 0.03 / 7.67"
    assert row["bound holds for"] == "one ratio"
    assert (row["traversed points"], row["traversal problems"]) == (3, 9)


def test_two_slots_show_the_energies_of_the_slots(dual):
    table = rows_of(dual).loc["8b", "synchronous"]
    assert table.loc["integrated", "exact (J)"] == "0.34 / 9.66"
    assert table.loc["integrated", "bound holds for"] == "every split"
    assert table.loc["step-by-step-held", "exact (J)"] == "0.285 / 9.71"
    assert set(table["traversal (J)"]) == {"0.3 / 9.7"}
    assert list(table["traversal problems"]) == [4, 8]
