"""Points at the best split: against traversals of their curves, in studies, datasets and tables."""

import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import DUAL, INTEGRATED, LINE, SINGLE, TOTAL_UJ, dataset_of, plan_of, point_of, stored

import isal
from isal.allocation.solvers import interior_point
from isal.schemes.proof import GIVEN, PROOFS
from isal.schemes.registry import SCHEMES, STEP_BY_STEP
from isal.study import config, splits, tables
from isal.study.points import Point, PointError, solve_all
from isal.study.solving import solve_missing
from isal.study.store import datasets, records, storage

HALVES = (TOTAL_UJ // 2, TOTAL_UJ // 2)


def two_parts(point, firsts):
    """Points of the curve of ``point`` by the energy (microjoules) of their first part."""
    return [replace(point, energies_uj=(first, TOTAL_UJ - first)) for first in firsts]


def energies_of(solution):
    """Energies of the slots, or of the steps of the only one, J."""
    slots = solution.slots
    return slots[0].energies if len(slots) == 1 else tuple(sum(slot.energies) for slot in slots)


# --- one curve --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slots", "scheme", "proof"),
    [
        ("7c", "step-by-step-held", "every split"),
        ("8b", "integrated", "every split"),
        ("8b", "localization", "every split"),
        ("8c", "step-by-step-held", "none"),
    ],
)
def test_the_best_split_against_a_fine_traversal(layouts, slots, scheme, proof):
    """Every 0.1 J, and every 1 mJ around the best."""
    curve = point_of(slots=DUAL.get(slots) or (layouts[slots],), scheme=scheme, energies_uj=HALVES)
    found = curve.at_best().solve()
    first = energies_of(found)[0]
    around = 1000 * round(first * 1000)
    firsts = sorted({*range(100_000, TOTAL_UJ, 100_000), *range(around - 20_000, around + 21_000, 1000)})
    spebs = np.array([result.speb for result in solve_all(two_parts(curve, firsts))])
    assert spebs.min() == pytest.approx(found.speb, rel=1e-6)
    assert spebs.min() >= found.speb * (1 - curve.tolerance)  # to which both are certified
    assert firsts[int(spebs.argmin())] == pytest.approx(first * 1e6, abs=10_000)
    assert sum(energies_of(found)) == pytest.approx(10, rel=1e-12)
    assert found.proof == proof
    assert found.lower_bound <= found.speb
    if proof == "every split":
        assert found.lower_bound <= spebs.min()


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("solver", ["interior-point", "scs"])
def test_a_best_point_is_what_best_split_finds(clock, solver):
    """Alone, and side by side with others, whose problems are not counted with its own."""
    schemes = ["step-by-step-held", "step-by-step-joint", "step-by-step-plug-in"]
    curves = [point_of(scheme=scheme, clock=clock, solver=solver).at_best() for scheme in schemes]
    curves += [point_of(slots=DUAL["8b"], scheme="integrated", clock=clock, solver=solver).at_best()]
    given = point_of(solver=solver)
    options = {"clock": clock, "energy": 10.0, "solver": solver}
    *together, last = solve_all([*curves, given])
    assert (last.proof, last.work.problems) == (GIVEN, 2)
    for point, found in zip(curves, together, strict=True):
        network = point.slots if len(point.slots) > 1 else point.slots[0]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", isal.UncertifiedWarning)
            expected = isal.best_split(network, point.radio, caps=10.0, **SCHEMES[point.scheme].arguments, **options)
        assert energies_of(found) == pytest.approx(expected.energies, rel=1e-5, abs=1e-6)
        assert found.speb == pytest.approx(expected.speb, rel=1e-6)
        assert found.lower_bound == pytest.approx(expected.lower_bound, rel=1e-6)
        assert (found.proof, found.status) == (expected.proof, expected.status)
        if solver == "interior-point":  # the others end where they like
            assert found.work.problems == expected.problems
        assert found.work.seconds > 0


def test_any_point_of_a_curve_stands_for_it():
    first, second = (point.at_best() for point in two_parts(point_of(), [100_000, 9_000_000]))
    assert first.to_json() == second.to_json() == first.at_best().to_json()
    assert point_of(**INTEGRATED).at_best().to_json() == point_of(**INTEGRATED).to_json()


def test_a_best_point_has_a_name_and_a_text_of_its_own():
    given, best = point_of(), point_of().at_best()
    assert best.label == "7c/synchronous/500MHz/step-by-step-held/best"
    assert best.curve == given.curve
    assert best.to_mapping() == given.to_mapping() | {"energies_uj": (TOTAL_UJ,), "best": True}
    assert "best" not in given.to_mapping()
    again = Point.from_json(best.to_json())
    assert (again.best, again.to_json()) == (True, best.to_json())
    assert "isal.schemes.best_split" in best.modules
    assert "isal.schemes.best_split" not in given.modules


def test_the_best_split_keeps_the_caps():
    free, capped = point_of().at_best().solve(), point_of(radar_cap_w=1.0).at_best().solve()
    assert free.slots[0].power[:, :2].max() > 1
    assert capped.slots[0].power[:, :2].max() <= 1
    assert capped.speb > free.speb


def test_an_uncertified_split_names_its_curve(monkeypatch):
    monkeypatch.setattr(interior_point, "MOST_ITERATIONS", (1, 1))
    with pytest.raises(PointError, match=r"^7c/synchronous/500MHz/step-by-step-held/best: .* could not certify"):
        point_of().at_best().solve()


def test_a_curve_that_can_not_be_split_is_named():
    with pytest.raises(PointError, match=r"^line/.*/step-by-step-held/best: line: its links"):
        point_of(slots=(LINE,)).at_best().solve()
    with pytest.raises(PointError, match=r"^7c/.*/integrated/best: 7c: the integrated scheme has nothing to split"):
        replace(point_of(**INTEGRATED), best=True).solve()
    with pytest.raises(PointError, match=r"^8b/.*/best: 8b: the energy of two slots can be split, not that of 4"):
        point_of(slots=DUAL["8b"] * 2).at_best().solve()


# --- records ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["step-by-step-held", "step-by-step-plug-in", "integrated"])
def test_a_record_says_what_is_proven_and_how_much_was_solved(tmp_path, scheme):
    slots = DUAL["8b"] if scheme == "integrated" else (SINGLE["7c"],)
    best = point_of(slots=slots, scheme=scheme, energies_uj=HALVES).at_best()
    given = point_of(slots=slots, scheme=scheme, energies_uj=HALVES)
    paths = stored([best, given], tmp_path)
    found, known = best.solve(), [records.read(path) for path in paths]
    arrays = known[0].arrays
    assert PROOFS[int(arrays["proof"][0])] == found.proof
    assert PROOFS[int(known[1].arrays["proof"][0])] == GIVEN
    assert [int(each.arrays["problems"][0]) for each in known] == [found.work.problems, given.solve().work.problems]
    assert arrays["lower_bound"][0] == found.lower_bound
    energy = arrays["slot_energy" if len(slots) > 1 else "energy"][0]
    np.testing.assert_array_equal(energy, energies_of(found))
    assert known[1].arrays["lower_bound"][0] == given.solve().result.greedy_lower_bound


# --- studies ----------------------------------------------------------------------------------------------------------

BASE = {"networks": ["7c", "7a"], "clocks": ["synchronous"], "bandwidths_hz": [500e6], "total_energy_j": 10}
BOTH = {"schemes": ["integrated", "step-by-step-held"], "split": "best"}


def plan_with(**studies):
    figures = {"formats": ["svg"], "draw": {}}
    return plan_of(studies={name: BASE | study for name, study in studies.items()}, figures=figures)


def test_a_study_adds_the_best_point_of_each_curve_that_has_something_to_split():
    plan = plan_with(one=BOTH | {"step_1_energy_j": [2, 7]}, two=BOTH, three=BOTH | {"schemes": ["sensing"]})
    one, two, three = (list(plan.study_points(name)) for name in ("one", "two", "three"))
    ends = [["integrated/e10000"], [f"step-by-step-held/{split}" for split in ("e2000-8000", "e7000-3000", "best")]]
    at = "synchronous/500MHz"
    assert one == [f"{network}/{at}/{end}" for network in BASE["networks"] for some in ends for end in some]
    assert two == [name for name in one if "/e2" not in name and "/e7" not in name]
    assert three == [f"{network}/{at}/sensing/e10000" for network in BASE["networks"]]
    for study, points in plan.configuration.studies.items():
        assert points.n_points == len(plan.study_points(study))


def test_over_several_slots_every_scheme_has_something_to_split():
    slots = {"networks": ["8a"], "schemes": ["integrated", "step-by-step-held", "localization"]}
    plan = plan_with(one=BOTH | slots, two=BOTH | slots | {"slot_1_energy_j": [5]})
    at = "8a/synchronous/500MHz"
    assert list(plan.study_points("one")) == [f"{at}/{scheme}/best" for scheme in slots["schemes"]]
    assert len(plan.study_points("two")) == 6
    assert [study.n_points for study in plan.configuration.studies.values()] == [3, 6]


def test_a_network_of_one_step_has_one_point():
    plan = plan_with(one=BOTH | {"networks": ["sensing"]})
    assert [point.best for point in plan.points.values()] == [False, False]


@pytest.mark.parametrize(
    ("study", "message"),
    [
        ({"split": "worst"}, r"studies\.one\.split: 'worst' is not 'best'\. The best split"),
        (
            {"clocks": ["asynchronous"], "step_1_energy_j": [2]},
            r"studies\.one\.step_2_energy_j: is missing; its .* need step_1_energy_j and step_2_energy_j \(the last",
        ),
        ({"schemes": ["integrated"], "step_1": ["ranging"]}, r"studies\.one\.step_1: has no use, as none of the"),
        ({"schemes": ["sensing"], "caps_per": ["slot"]}, r"studies\.one\.caps_per: has no use, as none of the"),
        (
            {"networks": ["7c", "sensing"], "schemes": ["localization"]},
            r"studies\.one\.schemes: sensing has no radar of unknown position, and localization .* leave out",
        ),
        ({"splits_j": [[3, 6]]}, r"studies\.one\.splits_j\[0\]: adds up to 9 J, not to the 10 J"),
        ({"splits_j": [[1e-6, 99.999999]], "total_energy_j": 100}, "0.000001 J is less than 0.00001 J"),
        ({"splits_j": [[0, 10]]}, r"splits_j\[0\]\[0\]: 0 is out of range"),
        ({"splits_j": [[10]]}, r"splits_j\[0\]: \[10\] is too short"),
        ({"splits_j": [[1, 2, 7]]}, r"splits_j: has a split into 3, but its curves have 2 parts; remove it"),
        (
            {"splits_j": [[5, 5]], "schemes": ["integrated"]},
            "splits_j: has a split into 2, but its curves have nothing to split; remove it",
        ),
        ({"slots": "apart"}, r"studies\.one\.slots: has no use, as all of these networks have one slot; remove it"),
        ({"slots": "together"}, r"studies\.one\.slots: 'together' is not 'apart'"),
        (
            {"networks": ["localization"], "schemes": ["sensing"]},
            r"studies\.one\.schemes: localization has no target, and sensing estimates nothing else; leave out",
        ),
    ],
)
def test_a_study_that_makes_no_sense_is_refused(study, message):
    with pytest.raises(config.ConfigError, match=message):
        plan_with(one=BOTH | study)


def test_splits_that_are_written_out_come_besides_those_of_grids():
    """Each once, and each where a curve has as many parts."""
    given = {"clocks": ["synchronous", "asynchronous"], "splits_j": [[2, 8], [3, 7], [1, 2, 7], [3, 3, 4]]}
    grids = {"step_1_energy_j": [1, 3], "step_2_energy_j": [2, 4]}
    plan = plan_with(one=BOTH | given, two=BOTH | given | grids)
    assert [study.n_points for study in plan.configuration.studies.values()] == [16, 24]

    def splits_of(study, clock):
        points = plan.study_points(study).values()
        return [point.split for point in points if point.label.startswith(f"7c/{clock}/500MHz/step")]

    assert splits_of("one", "synchronous") == ["e2000-8000", "e3000-7000", "best"]
    assert splits_of("two", "synchronous") == ["e1000-9000", "e3000-7000", "e2000-8000", "best"]
    of_grid = ["e1000-2000-7000", "e1000-4000-5000", "e3000-2000-5000", "e3000-4000-3000"]
    assert splits_of("two", "asynchronous") == [*of_grid, "e3000-3000-4000", "best"]
    for name, study in plan.configuration.studies.items():
        assert study.n_points == len(plan.study_points(name))


def test_every_curve_needs_a_split_that_is_written_out():
    with pytest.raises(
        config.ConfigError, match="splits_j: has no split into 3 for 7c, asynchronous, step-by-step-held"
    ):
        plan_with(
            one={"clocks": ["asynchronous", "synchronous"], "splits_j": [[5, 5]], "schemes": ["step-by-step-held"]}
        )


def test_two_slots_take_splits_that_are_written_out():
    plan = plan_with(one={"networks": ["8a"], "schemes": ["integrated"], "splits_j": [[5, 5], [2.5, 7.5]]})
    assert [point.energies_uj for point in plan.points.values()] == [(5_000_000, 5_000_000), (2_500_000, 7_500_000)]


# --- slots on their own -----------------------------------------------------------------------------------------------

RANDOM = {"seed": 3, "size": 3, "slots": 2}


def test_slots_are_networks_of_their_own(tmp_path):
    """Of layouts and of ensembles; a network of one slot stays what it is, and so does what is solved."""
    apart = {"networks": ["7c", "8a", "some"], "slots": "apart", "schemes": ["integrated", "step-by-step-held"]}
    plan = plan_of(
        ensembles={"some": RANDOM},
        studies={"one": BASE | apart | {"split": "best"}, "two": BASE | BOTH | {"networks": ["some", "8a"]}},
        figures={"formats": ["svg"], "draw": {}},
        results=str(tmp_path),
    )
    (one, two) = plan.configuration.studies.values()
    assert (one.n_points, two.n_points) == (2 * (1 + 2 + 6), 2 * (3 + 1))
    for file in plan.record_files.values():
        assert solve_missing(Path(file.path), file.fingerprint, file.wanted()) == 0
        assert len(file.wanted()) == file.n_points
    dataset = datasets.build(plan.slabs("one"), study="one", note="", axes=plan.axes("one"))
    names = ["7c", "8a.1", "8a.2", *(f"some-{number}.{slot}" for number in range(3) for slot in (1, 2))]
    assert dataset.network.values.tolist() == names
    assert dataset.sizes["slot"] == 1
    networks = [SINGLE["7c"], *DUAL["8a"], *(slot for n in range(3) for slot in plan.ensembles["some"].network(n))]
    for name, network in zip(names, networks, strict=True):
        row = dataset.sel(network=name, scheme="integrated").squeeze().max("split")
        alone = isal.integrated(network, isal.Radio(), clock="synchronous", energy=10)
        assert float(row.speb) == pytest.approx(alone.speb, rel=1e-6)


def test_blocks_look_for_points_in_those_of_their_own_ensemble(tmp_path):
    names = ["some", "some-b"]
    plan = plan_of(
        ensembles=dict.fromkeys(names, RANDOM),
        studies={"one": BASE | BOTH | {"networks": names}},
        figures={"formats": ["svg"], "draw": {}},
        results=str(tmp_path),
    )
    folder = tmp_path / "shards/one"
    folder.mkdir(parents=True)
    for name in ("some-0-2.nc", "some-2-4.nc", "some-4-8.nc", "some-b-0-2.nc", ".some-0-3.nc.1.waiting"):
        (folder / name).touch()
    found = [sorted(path.name for path in file.elsewhere) for file in plan.record_files.values()]
    assert found == [["some-0-2.nc", "some-2-4.nc"], ["some-b-0-2.nc"]]


def test_a_slot_has_a_name_of_its_own():
    layout = {"anchors": [[0, 0], [90, 0]], "radars": [[50, 10], [20, 70]], "target": [40, 40]}
    networks = {"single_slot": {"8.2": layout}, "dual_slot": {"8": [layout, layout]}}
    study = BASE | BOTH | {"networks": ["8"], "slots": "apart"}
    options = {"networks": networks, "studies": {"one": study}, "figures": {"formats": ["svg"], "draw": {}}}
    with pytest.raises(config.ConfigError, match=r": 8\.2: is what the findings call a slot of 8; rename it"):
        plan_of(**options)
    source = plan_of(**options | {"networks": {"dual_slot": networks["dual_slot"]}}).configuration.source
    own = {"config": source["config"] | {"paper": False}, "networks": networks}
    with pytest.raises(config.ConfigError, match=r"slots: a slot of 8 would have the name of network 8\.2; rename"):
        config.parse(own)
    with pytest.raises(config.ConfigError, match=r": random-1-7: is what the findings call a random network; rename"):
        plan_of(**options | {"networks": {"single_slot": {"random-1-7": layout}}})
    networks = {"single_slot": {"some-1.2": layout}}
    with pytest.raises(config.ConfigError, match=r"ensembles\.some: network some-1\.2 has the name of"):
        plan_of(
            networks=networks,
            ensembles={"some": RANDOM},
            studies={"one": study | {"networks": ["some"]}},
            figures={"formats": ["svg"], "draw": {}},
        )


def test_a_slot_on_its_own_that_is_undetermined_is_named():
    good = {"anchors": [[0, 0], [90, 0]], "radars": [[50, 10], [20, 70]], "target": [40, 40]}
    line = {"anchors": [[0, 0], [90, 0]], "radars": [[50, 0], [20, 0]], "target": [40, 0]}
    study = BASE | BOTH | {"networks": ["two"], "slots": "apart"}
    with pytest.raises(config.ConfigError, match=r"^(?!.*slot 2 of ).*: two\.2: "):
        plan_of(
            networks={"dual_slot": {"two": [good, line]}},
            studies={"one": study},
            figures={"formats": ["svg"], "draw": {}},
        )


def test_without_energies_and_best_split_the_message_tells_of_both():
    with pytest.raises(
        config.ConfigError, match=r"step_1_energy_j: is missing; .*, or split: best, or splits_j, in place of energies"
    ):
        plan_with(one={"schemes": ["step-by-step-held"]})


def test_a_network_that_localization_alone_leaves_undetermined_is_refused():
    """With one anchor only the target fixes the rotation of the network."""
    networks = {"single_slot": {"few": {"anchors": [[0, 0]], "radars": [[50, 10], [20, 70]], "target": [40, 40]}}}
    with pytest.raises(config.ConfigError, match=r"taken for localization alone, few: "):
        plan_of(
            networks=networks,
            studies={"one": BASE | {"networks": ["few"], "schemes": ["localization"]}},
            figures={"formats": ["svg"], "draw": {}},
        )


# --- datasets and tables ----------------------------------------------------------------------------------------------


def study_of(points, folder):
    """Points, and the best of their curves, as a study has them."""
    best = {point.at_best().label: point.at_best() for point in points}
    every = {point.label: point for point in points} | best
    built = dataset_of(stored(list(every.values()), folder))
    storage.write(folder / "s.nc", built)
    return storage.read(folder / "s.nc")


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


def rows_of(dataset):
    return tables.best_splits("s", dataset).set_index(["network", "clock", "scheme"])


def test_the_axis_of_splits_has_the_grid_and_the_best(single, dual):
    for dataset, part in ((single, "step"), (dual, "slot")):
        assert list(dataset.split.values).count("best") == 1
        assert np.isnan(dataset[f"{part}_1_energy"].sel(split="best"))
        grid, best = splits.on_grid(dataset), splits.at_best(dataset)
        assert list(grid.split.values) == [split for split in dataset.split.values if split != "best"]
        assert "split" not in best.dims
        assert np.isfinite(best.speb).sum() == (best.proof > 0).sum() == len(rows_of(dataset))
        assert set(np.unique(grid.proof)) <= {datasets.NO_POINT, PROOFS.index(GIVEN)}
        meanings = dataset.proof.flag_meanings.split()
        assert meanings == ["no_point", *(proof.replace(" ", "_") for proof in PROOFS)]
        assert list(dataset.proof.flag_values) == list(range(-1, len(PROOFS)))
        assert splits.at_best(grid) is None
    assert json.loads(single.attrs["networks"]).keys() == {"7a", "7c"}


def test_no_traversed_value_is_below_the_exact_one(single, dual):
    for dataset in (single, dual):
        table = rows_of(dataset)
        assert (table["traversal over exact"] >= -point_of().tolerance).all()  # to which both are certified
        # the grids hold a point near the best but for what no grid reaches
        assert (table["traversal over exact"] < 0.1).all()
        assert (table["lower bound (m^2)"] <= table["exact SPEB (m^2)"]).all()


def test_a_curve_with_nothing_to_split_is_left_out(single):
    assert list(rows_of(single).index) == [
        ("7a", "synchronous", "step-by-step-held"),
        ("7a", "synchronous", "step-by-step-joint"),
        ("7c", "asynchronous", "step-by-step-held"),
        ("7c", "synchronous", "step-by-step-held"),
    ]


def test_a_study_with_nothing_to_split_has_no_rows(tmp_path):
    assert tables.best_splits("s", study_of([point_of(**INTEGRATED)], tmp_path)).empty


def test_a_study_of_best_splits_alone_has_tables(tmp_path):
    best = point_of().at_best()
    dataset = dataset_of(stored([point_of(**INTEGRATED), best], tmp_path))
    held = tables.best_points(dataset).set_index("scheme").loc["step-by-step-held"]
    assert held["energies (J)"].startswith("2.2")
    assert held["over integrated"] == pytest.approx(1.496, abs=1e-3)
    (row,) = tables.best_splits("s", dataset).to_dict("records")
    assert row["exact SPEB (m^2)"] == held["SPEB (m^2)"] == best.solve().speb
    assert (row["traversal (J)"], row["traversed points"], row["traversal problems"]) == ("", 0, 0)
    assert np.isnan(row["traversal over exact"])


def test_the_best_point_of_a_grid_is_one_of_the_grid(single):
    table = tables.best_points(single).set_index(["network", "clock", "scheme"])
    assert table.loc["7c", "synchronous", "step-by-step-held"]["energies (J)"] == "2.3 / 7.7"


def test_a_row_shows_both_ways_to_the_best_split(single, layouts):
    row = rows_of(single).loc["7c", "synchronous", "step-by-step-held"]
    assert row["study"] == "s"
    assert row["bandwidth"] == 500e6
    assert row["exact (J)"] == "2.26 / 7.74"
    assert row["traversal (J)"] == "2.3 / 7.7"
    found = point_of(slots=(layouts["7c"],)).at_best().solve()
    assert row["exact SPEB (m^2)"] == found.speb
    assert row["lower bound (m^2)"] == found.lower_bound
    assert row["bound holds for"] == "every split"
    assert row["problems"] == found.work.problems
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


# --- localization and sensing alone -----------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
def test_one_task_alone_is_the_integrated_scheme_without_the_other(clock):
    network = SINGLE["7a"]
    options = {"radio": isal.Radio(), "clock": clock, "energy": 10.0}
    localization, sensing = (
        point_of(slots=(network,), clock=clock, **INTEGRATED | {"scheme": scheme}).solve()
        for scheme in ("localization", "sensing")
    )
    alone = isal.integrated(isal.Network(network.anchors, network.radars, name="7a"), **options)
    known = isal.integrated(
        isal.Network(network.anchors, network.radars, network.targets, radars_known=True), **options
    )
    assert localization.speb == pytest.approx(alone.speb, rel=1e-9)
    assert sensing.speb == pytest.approx(known.speb, rel=1e-9)
    assert localization.slots[0].steps[-1].block == "radars"
    assert sensing.slots[0].steps[-1].block == "targets"
    both = point_of(slots=(network,), clock=clock, **INTEGRATED).solve()
    assert sensing.speb < both.speb  # what is known of the radars can't hurt


def test_one_task_alone_has_rows_and_no_ratio_of_other_bounds(tmp_path):
    points = [point_of(**INTEGRATED | {"scheme": scheme}) for scheme in ("integrated", "localization", "sensing")]
    dataset = dataset_of(stored(points, tmp_path))
    table = tables.best_points(dataset).set_index("scheme")
    assert table.minimised.to_dict() == {"integrated": "targets", "localization": "radars", "sensing": "targets"}
    assert np.isnan(table.loc["localization", "over integrated"])
    assert 0 < table.loc["sensing", "over integrated"] < 1
    assert np.isnan(dataset.target_speb.sel(scheme="localization")).all()
    assert np.isnan(dataset.sensing_snr.sel(scheme="localization")).all()


# --- how the step-by-step scheme is read ------------------------------------------------------------------------------


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize("change", [{"step_1": "ranging"}, {"step_1": "equivalent"}, {"caps_per": "slot"}])
@pytest.mark.parametrize("carry", ["held", "plug-in"])
def test_points_read_the_scheme_as_they_say(change, carry, best):
    point = point_of(scheme=STEP_BY_STEP[carry].name, radar_cap_w=2.0, anchor_cap_w=2.0, energies_uj=HALVES, **change)
    point = point.at_best() if best else point
    network, options = SINGLE["7c"], {"clock": "synchronous", "carry": carry, "caps": 2.0} | change
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", isal.UncertifiedWarning)
        if best:
            expected = isal.best_split(network, isal.Radio(), energy=10.0, **options)
        else:
            expected = isal.step_by_step(network, isal.Radio(), energies=(5, 5), **options)
    assert point.solve().speb == pytest.approx(expected.speb, rel=1e-6)


def test_a_point_is_as_ever_where_nothing_is_read_otherwise():
    plain, other = point_of(), point_of(step_1="ranging", caps_per="slot")
    assert "step_1" not in plain.to_mapping()
    assert other.to_mapping() == plain.to_mapping() | {"step_1": "ranging", "caps_per": "slot"}
    assert Point.from_json(other.to_json()).to_json() == other.to_json()


def test_a_study_varies_how_the_scheme_is_read():
    study = BOTH | {"networks": ["7c"], "step_1": ["block", "ranging"], "caps_per": ["slot", "step"]}
    plan = plan_with(one=study, plain=BOTH | {"networks": ["7c"]})
    found = {name: (point.step_1, point.caps_per) for name, point in plan.points.items() if point.best}
    at, end = "7c/synchronous/500MHz", "step-by-step-held/best"
    assert found == {
        f"{at}/{end}": ("block", "step"),
        f"{at}/step_1=ranging/{end}": ("ranging", "step"),
        f"{at}/caps_per=slot/{end}": ("block", "slot"),
        f"{at}/step_1=ranging/caps_per=slot/{end}": ("ranging", "slot"),
    }
    assert plan.study_points("one").keys() >= plan.study_points("plain").keys()


def test_every_variant_of_the_findings_can_be_said_as_axes_of_a_study():
    """What it changes is the same point."""
    plan = plan_of()
    keys = {"bandwidth_hz": "bandwidths_hz"}
    for name, change in plan.configuration.findings.variants.items():
        slots = {"networks": ["8a"]} if {"velocity_variance", "drift_variance"} & change.keys() else {}
        axes = {keys.get(key, key): [value] for key, value in change.items()}
        (point,) = (
            point
            for point in plan_with(
                one=BOTH | {"schemes": ["step-by-step-held"], "networks": ["7a"]} | slots | axes
            ).points.values()
        )
        assumed = plan.assumptions(name)
        assert point.radio == assumed.radio
        assert point.variant == assumed.scheme
        assert point.radar_cap_w == point.anchor_cap_w == assumed.cap_w
