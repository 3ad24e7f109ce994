"""What the findings are made from, against direct calls of the schemes and brute force."""

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from builders import SINGLE, defaults, plan_of, point_of

import isal
from isal.claims.samples import abundance
from isal.model.ensemble import AREA_M, SEPARATIONS_M, random_network
from isal.model.parameters import CLOCKS
from isal.schemes.carry_over import CARRIES, CARRY_OVERS
from isal.schemes.variant import FIRST_STEPS
from isal.study import config as findings_config
from isal.study import findings
from isal.study.config_keys import CHANGES
from isal.study.fingerprint import digest
from isal.study.points import Point, PointError, solve_all
from isal.study.samples import random_samples
from isal.study.solving import solve_missing
from isal.study.store import datasets, storage
from isal.workflow.products import FindingsDataset

pytestmark = pytest.mark.long

ENERGY = 10.0
SOLVER = "interior-point"
RADIO = isal.Radio()
#: Slots that know much of each other, by radars as well as by clocks; what caps limit, and what step 1 minimises.
VARIANTS = {
    "close": {"velocity_variance": 1e-5, "drift_variance": 1e-26},
    "capped": {"power_cap_w": 1},
    "per-slot": {"power_cap_w": 1, "caps_per": "slot"},
    "ample": {"power_cap_w": ENERGY},
    "equivalent": {"step_1": "equivalent"},
    "ranging": {"step_1": "ranging"},
}
CLOSE = replace(RADIO, **VARIANTS["close"])


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """One layout of one slot, and two random samples."""
    study = {"networks": ["7c"], "clocks": ["synchronous"], "bandwidths_hz": [500e6], "schemes": ["integrated"]}
    layout = {"anchors": SINGLE["7c"].anchors, "radars": SINGLE["7c"].radars, "targets": SINGLE["7c"].targets}
    judged = {"seed": 1, "samples": 2, "sensitivity_samples": 1, "total_energy_j": ENERGY, "bandwidth_hz": 500e6}
    return plan_of(
        results=str(tmp_path_factory.mktemp("results")),
        networks={"single_slot": {"7c": {name: places.tolist() for name, places in layout.items()}}},
        findings=judged | {"variants": VARIANTS},
        studies={"some": study | {"total_energy_j": 10}},
        figures={"formats": ["svg"], "draw": {}},
    )


def solve(plan, path):
    file = plan.findings_files[str(path)]
    assert solve_missing(Path(path), file.fingerprint, file.wanted()) == 0


def observe(plan, variant, samples):
    """What is observed of some samples of a plan: random ones, or layouts alone."""
    parts = {}
    for kind, study in plan.findings.named[variant].items():
        slabs = [slab for slab in plan.slabs(study) if len(samples) > 1 or not slab.ensemble]
        for path in {path for slab in slabs for path, _ in slab.files}:
            solve(plan, path)
        parts[kind] = [datasets.build([slab], study=study, note="", axes=plan.axes(study)) for slab in slabs]
    return findings.observed(parts, samples, plan.assumptions(variant), SOLVER)


@pytest.fixture(scope="module")
def samples(plan):
    return plan.samples("base")


@pytest.fixture(scope="module")
def observed(plan, samples):
    return observe(plan, "base", samples)


@pytest.fixture(scope="module")
def of_layout(plan, samples):
    """What is observed of the layout, by variant."""
    return {name: observe(plan, name, samples[:1]) for name in ("base", *VARIANTS)}


def rows_of(observed, samples):
    """Each network with what was observed of it."""
    slots = [slot for sample in samples for slot in sample.slots]
    return [(slot, observed.isel(network=place)) for place, slot in enumerate(slots)]


# --- one slot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_integrated_bounds_are_those_of_the_scheme(observed, of_layout, samples, clock):
    rows = [(None, rows_of(observed, samples)), (1.0, rows_of(of_layout["capped"], samples[:1]))]
    for caps, (network, row) in [(caps, each) for caps, some in rows for each in some]:
        direct = isal.integrated(network, RADIO, clock=clock, energy=ENERGY, caps=caps, solver=SOLVER)
        assert float(row.integrated_speb.sel(clock=clock)) == pytest.approx(direct.speb, rel=2e-6)


def test_caps_cost_something_and_the_cap_of_all_the_energy_nothing(observed, of_layout):
    capped = of_layout["capped"]
    for name in ("integrated_speb", "localization_speb", "sensing_speb"):
        assert (capped[name] > 1.01 * observed[name][:1]).all()
    # each step may spend up to the caps anew
    assert (capped.steps_speb.sel(carry="marginal") < capped.integrated_speb * 0.999).all()
    xr.testing.assert_allclose(of_layout["ample"], of_layout["base"], rtol=1e-5, atol=0)


@pytest.mark.parametrize(("clock", "carry"), list(itertools.product(CLOCKS, CARRIES)))
def test_the_step_by_step_bound_is_reached_at_the_shares_and_nowhere_beaten(observed, samples, clock, carry):
    rng = np.random.default_rng(0)
    network, row = rows_of(observed, samples)[1]
    row = row.sel(clock=clock, carry=carry)
    best, shares = float(row.steps_speb), row.steps_share.values
    assert shares.sum() == pytest.approx(1, abs=1e-9)
    if clock == "synchronous":
        assert shares[1] == 0
        shares = shares[[0, 2]]

    def speb(split):
        options = {"clock": clock, "energies": ENERGY * split, "carry": carry, "solver": SOLVER}
        return isal.step_by_step(network, RADIO, **options).speb

    assert speb(shares) == pytest.approx(best, rel=1e-4)
    for split in [*rng.dirichlet(np.ones(len(shares)), 8), *(shares * rng.uniform(0.9, 1.1, (8, len(shares))))]:
        assert speb(split / split.sum()) >= best * (1 - 1e-5)


def on_a_grid(network, blocks, steps=24):
    """Lowest bound of some blocks, synchronous, over a grid of node powers that add up to all the energy."""
    info = isal.information(network, RADIO, "synchronous")
    cuts = np.array(list(itertools.combinations(range(steps + network.n_nodes - 1), network.n_nodes - 1)))
    ends = np.column_stack([np.full(len(cuts), -1), cuts, np.full(len(cuts), steps + network.n_nodes - 1)])
    matrices = np.einsum("gm,mij->gij", (np.diff(ends) - 1) * ENERGY / steps, info.node_matrices)
    usable = np.linalg.cond(matrices) < 1e12
    inverse = np.linalg.inv(matrices[usable])
    places = info.basis.indices(blocks)
    return np.trace(inverse[:, places[:, None], places], axis1=1, axis2=2).min()


def test_abundance_is_the_ratio_of_the_bounds_of_both_tasks_alone(observed, samples):
    network, row = rows_of(observed, samples)[0]
    radars = on_a_grid(isal.Network(network.anchors, network.radars), ["radars"]) / 2
    target = on_a_grid(isal.Network(network.anchors, network.radars, network.targets, radars_known=True), ["targets"])
    assert radars * 0.95 < float(row.localization_speb) <= radars * (1 + 1e-9)
    assert target * 0.95 < float(row.sensing_speb) <= target * (1 + 1e-9)
    assert float(abundance(row)) == pytest.approx(radars / target, rel=0.05)


@pytest.mark.parametrize(("clock", "carry"), list(itertools.product(CLOCKS, CARRIES)))
def test_all_that_was_measured_is_the_bound_at_the_sum_of_the_powers(observed, samples, clock, carry):
    network, row = rows_of(observed, samples)[0]
    best = isal.best_split(network, RADIO, clock=clock, energy=ENERGY, carry=carry, solver=SOLVER)
    whole = isal.spebs(network, RADIO, best.power.sum(axis=0), clock=clock).targets
    assert float(row.measured_speb.sel(clock=clock, carry=carry)) == pytest.approx(whole, rel=1e-3)
    # nothing beats the integrated scheme with the same energy
    assert (
        float(row.measured_speb.sel(clock=clock, carry=carry)) >= float(row.integrated_speb.sel(clock=clock)) * 0.999999
    )


@pytest.mark.parametrize("step_1", FIRST_STEPS)
def test_what_step_1_minimises_is_passed_on(of_layout, samples, step_1):
    """To the best split and to the lines, and to nothing else."""
    (network,) = samples[0].slots
    row, plain = (of_layout[name].isel(network=0) for name in ("base" if step_1 == "block" else step_1, "base"))
    options = {"clock": "asynchronous", "carry": "held", "step_1": step_1, "solver": SOLVER}
    best = isal.best_split(network, RADIO, energy=ENERGY, **options).speb
    assert float(row.steps_speb.sel(clock="asynchronous", carry="held")) == pytest.approx(best, rel=1e-4)
    line = isal.step_by_step(network, RADIO, energies=[4.5, 0.5, 5], **options).speb
    assert float(row.third_fixed_speb.sel(carry="held", share=0.9)) == pytest.approx(line, rel=1e-4)
    xr.testing.assert_allclose(row.integrated_speb, plain.integrated_speb, rtol=1e-6)
    told = bool((abs(row.steps_speb / plain.steps_speb - 1) > 1e-3).any())
    assert told == (step_1 != "block")


def test_caps_per_slot_leave_no_advantage(of_layout):
    """With the cap anew in each step two steps spend twice as much; with the cap on their sum they do not."""
    per_slot, per_step = of_layout["per-slot"], of_layout["capped"]
    sound = ["marginal", "joint"]
    ratio = (per_slot.steps_speb / per_slot.integrated_speb).sel(carry=sound)
    assert (ratio > 1 - 1e-5).all()
    joint = (per_step.steps_speb / per_step.integrated_speb).sel(carry="joint", clock="synchronous")
    assert float(joint.squeeze()) == pytest.approx(0.5, rel=1e-6)


def test_settings_say_all_that_was_assumed(of_layout):
    settings = json.loads(of_layout["per-slot"].attrs["settings"])
    assert settings == {**RADIO.to_mapping(), "power_cap_w": 1.0, "step_1": "block", "caps_per": "slot"}
    assert set(settings) == set(CHANGES)


def test_lengths_of_links(observed, samples):
    for network, row in rows_of(observed, samples):
        radars, anchors, (target,) = (group.tolist() for group in (network.radars, network.anchors, network.targets))
        between = [math.dist(one, other) for one, other in itertools.permutations(radars, 2)]
        ranging = [*between, *(math.dist(radar, anchor) for radar in radars for anchor in anchors)]
        sensing = [math.dist(node, target) for node in radars + anchors]
        assert float(row.ranging_length) == pytest.approx(np.mean(ranging))
        assert float(row.sensing_length) == pytest.approx(np.mean(sensing))
        assert float(row.shortest_sensing_length) == pytest.approx(min(sensing))


@pytest.mark.parametrize(
    ("name", "share", "energies"),
    [
        ("third_fixed_speb", 0.1, [0.5, 4.5, 5]),
        ("third_fixed_speb", 0.9, [4.5, 0.5, 5]),
        ("first_fixed_speb", 0.1, [5, 4.5, 0.5]),
        ("first_fixed_speb", 0.9, [5, 0.5, 4.5]),
    ],
)
def test_lines_run_between_two_steps(observed, samples, name, share, energies):
    for (network, row), carry in itertools.product(rows_of(observed, samples)[:2], CARRIES):
        options = {"clock": "asynchronous", "energies": energies, "carry": carry, "solver": SOLVER}
        direct = isal.step_by_step(network, RADIO, **options).speb
        assert float(row[name].sel(carry=carry, share=share)) == pytest.approx(direct, rel=1e-4)


# --- two slots --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_share_of_slot_1_is_that_of_the_best_of_many_splits(observed, samples, clock):
    for sample in samples[1:]:
        share = float(observed.slot_share.sel(pair=sample.name, clock=clock))
        tried = [share, *np.linspace(0.03, 0.97, 9), share * 0.98, share * 1.02]
        options = {"clock": clock, "solver": SOLVER}
        energies = [[ENERGY * each, ENERGY * (1 - each)] for each in tried]
        spebs = [isal.integrated(sample.slots, RADIO, energies=each, **options).speb for each in energies]
        assert int(np.argmin(spebs)) == 0


def test_what_slot_1_tells_slot_2(plan, samples):
    sample = samples[1]
    row = observe(plan, "close", samples[:2]).coupled_speb.sel(pair=sample.name)
    half, options = [ENERGY / 2] * 2, {"clock": "asynchronous", "solver": SOLVER}
    alone = isal.integrated(sample.slots[1], CLOSE, energy=ENERGY / 2, **options).speb
    np.testing.assert_allclose(row.sel(coupling="none"), alone, rtol=2e-6, atol=0)
    forgotten = {"radars": {"drift_variance": 1e6}, "clocks": {"velocity_variance": 1e9}, "both": {}}
    for coupling, changes in forgotten.items():
        both = isal.integrated(sample.slots, replace(CLOSE, **changes), energies=half, **options)
        np.testing.assert_allclose(row.sel(coupling=coupling), both.slots[1].speb, rtol=2e-6, atol=0)
    none, radars, clocks, both = row.values
    assert both < min(radars, clocks) < max(radars, clocks) < none * (1 - 1e-5)
    assert abs(radars - clocks) > 1e-4 * none


def test_an_exchange_counted_twice_seems_to_save_something(observed, samples):
    """As computed by hand: the bound of slot 2 with and without the exchange as a tie of the clocks."""
    sample = samples[1]
    free = replace(RADIO, velocity_variance=1e12, drift_variance=1e12)
    halves = [ENERGY / 2] * 2
    options = {"clock": "asynchronous", "solver": SOLVER}
    powers = [slot.power for slot in isal.integrated(sample.slots, free, energies=halves, **options).slots]
    bounds = []
    for variance in (1e30, 2 * (150e-12) ** 2):
        radio = replace(RADIO, drift_variance=variance)
        one, two = (isal.information(slot, radio, "asynchronous") for slot in sample.slots)
        d = one.basis.size
        whole = np.zeros((2 * d, 2 * d))
        whole[:d, :d] = np.einsum("m,mij->ij", powers[0], one.node_matrices)
        whole[d:, d:] = np.einsum("m,mij->ij", powers[1], two.node_matrices)
        for block, per_second in (("radars", radio.velocity_variance), ("clocks", variance * 299_792_458**2)):
            for index in one.basis.indices([block]):
                tie = np.zeros(2 * d)
                tie[index], tie[d + index] = 1, -1
                whole += np.outer(tie, tie) / per_second
        targets = d + two.basis.indices(["targets"])
        bounds.append(np.trace(np.linalg.inv(whole)[targets[:, None], targets]))
    share = float(observed.counted_twice_share.sel(pair=sample.name))
    assert share == pytest.approx(1 - bounds[1] / bounds[0], rel=1e-3, abs=1e-9)
    assert 0 < share < 1e-3


# --- the dataset ------------------------------------------------------------------------------------------------------


def test_the_dataset_has_all_samples(plan, observed, samples, tmp_path):
    product = FindingsDataset(plan, "base")
    product.make([], [tmp_path / "base.nc"], digest("a"))
    whole = storage.read(tmp_path / "base.nc")
    assert list(whole.sample.values) == ["7c", "random-1-0", "random-1-0", "random-1-1", "random-1-1"]
    assert list(whole.slot.values) == [1, 1, 2, 1, 2]
    assert list(whole.kind.values) == ["layout", *["random"] * 4]
    assert list(whole.pair.values) == ["random-1-0", "random-1-1"]
    assert list(whole.pair_kind.values) == ["random"] * 2
    told = plan.assumptions("base").attributes | {"solver": SOLVER, "tolerance": 1e-7}
    assert told.items() <= whole.attrs.items()
    of_sample = [json.loads(layout) for layout in whole.layout.values]
    assert of_sample == [slot.to_mapping() for sample in samples for slot in sample.slots]
    xr.testing.assert_identical(whole.drop_attrs(), observed.drop_attrs())


def test_single_slots_alone_have_no_pairs(observed, of_layout):
    alone = of_layout["base"]
    assert alone.sizes["pair"] == 0
    np.testing.assert_array_equal(alone.steps_speb, observed.steps_speb[:1])


def test_every_variable_says_what_it_is(observed):
    assert {name: variable.attrs["units"] for name, variable in observed.data_vars.items()} == {
        name: "m" if name.endswith("length") else "1" if name.endswith("share") else "m2" for name in observed.data_vars
    }
    told = [variable.attrs["long_name"] for variable in observed.data_vars.values()]
    assert all(told)
    assert len(set(told)) == len(told) == 14
    assert all(np.isfinite(variable).all() for variable in observed.data_vars.values())


# --- the studies ------------------------------------------------------------------------------------------------------


def test_variants_share_the_studies_that_do_not_depend_on_what_they_change(plan):
    """What couples slots has no use in one, and how steps are read none in the integrated scheme."""
    named = plan.findings.named
    shared = {
        variant: {kind: study.split("/")[1] for kind, study in studies.items() if variant not in study.split("/")}
        for variant, studies in named.items()
    }
    assert shared == {
        "base": {},
        "close": {"slots": "base", "lines": "base"},
        "capped": {},
        "per-slot": {"pairs": "capped", "couplings": "capped"},
        "ample": {},
        "equivalent": {"pairs": "base", "couplings": "base"},
        "ranging": {"pairs": "base", "couplings": "base"},
    }
    assert set(plan.findings.studies) == {study for studies in named.values() for study in studies.values()}
    assert plan.findings.own("close") == ("findings/close/pairs", "findings/close/couplings")


def test_the_findings_of_the_paper_take_few_jobs():
    plan = plan_of()
    n_points = sum(file.n_points for file in plan.findings_files.values())
    assert n_points > 100_000
    assert len(plan.findings_files) + len(FindingsDataset.all(plan)) <= 40
    # no file is there that no study needs; points of layouts that several studies have are solved once
    studies = plan.findings.studies
    assert 0.99 < n_points / sum(study.n_points for study in studies.values()) <= 1
    assert {file.path for name in studies for file in plan.study_files(name)} == set(plan.findings_files)


def test_what_depends_on_a_variant_alone_has_other_fingerprints(plan):
    def fingerprints(**changes):
        source = json.loads(json.dumps(plan.configuration.source))
        source["config"]["findings"].update(changes)
        other = type(plan)(findings_config.parse(source), plan.code)
        return {path: file.fingerprint for path, file in other.findings_files.items()} | {
            each.name: each.fingerprint for each in FindingsDataset.all(other)
        }

    def changed(**changes):
        after = fingerprints(**changes)
        return {
            name.removeprefix(f"{plan.configuration.results}/") for name in after if before.get(name) != after[name]
        }

    before = fingerprints()
    assert changed(samples=3) == {"shards/findings/base/0-3.nc", "base"}
    layouts = "shards/findings/layouts/1_of_1.nc"
    moved = {"close": VARIANTS["close"] | {"drift_variance": 1e-23}}
    assert changed(variants=VARIANTS | moved) == {layouts, "shards/findings/close/0-1.nc", "close"} - {layouts}
    step = VARIANTS | {"ranging": {"step_1": "equivalent"}}
    assert changed(variants=step) == {layouts, "ranging"}


def test_a_search_that_came_to_no_end_is_kept_where_it_is_allowed():
    """In a layout whose nodes nearly coincide; what the powers reach is exact, and the status tells."""
    ensemble = ensemble_of(1)
    network = ensemble.network(42)[0]
    changes = {"clock": "asynchronous", "scheme": "step-by-step-plug-in-ranging", "tolerance": 1e-7}
    strict = point_of(slots=(network,), energies_uj=(2_500_000, 2_500_000, 5_000_000), **changes)
    lenient = replace(strict, unended=True)
    refused, found = solve_all([strict, lenient])
    assert isinstance(refused, PointError)
    assert found.status == "uncertified"
    (slot,) = found.slots
    bound = isal.spebs(network, RADIO, slot.power.sum(axis=0), clock="asynchronous").targets
    assert found.speb > bound
    assert Point.from_json(lenient.to_json()).unended
    assert "unended" not in strict.to_mapping()
    # what is convex must be certified all the same
    plan = plan_of()
    points = [curve[0] for curve in plan.member_points("findings/base/slots", ensemble.name, 0)]
    assert {point.scheme for point in points if point.unended} == {
        f"step-by-step-{name}" for name, carry in CARRY_OVERS.items() if not carry.convex
    }


# --- random samples --------------------------------------------------------------------------------------------------


def ensemble_of(seed):
    return plan_of(findings=defaults()["findings"] | {"seed": seed, "variants": {}}).configuration.findings.ensemble


def test_random_samples_have_two_slots_of_equal_sizes_that_use_the_range():
    some = [*random_samples(ensemble_of(3), 0, 100), *random_samples(ensemble_of(4), 0, 100)]
    for sample in some:
        one, two = sample.slots
        assert (one.n_anchors, one.n_radars, one.n_targets) == (two.n_anchors, two.n_radars, two.n_targets)
        assert one.nodes.min() >= 0
        assert one.nodes.max() <= AREA_M
    sizes = {(sample.slots[0].n_anchors, sample.slots[0].n_radars) for sample in some}
    assert sizes == set(itertools.product((2, 3, 4), repeat=2))
    assert len({str(slot.to_mapping()) for sample in some for slot in sample.slots}) == 400
    assert [sample.name for sample in some[:100]] == [f"random-3-{number}" for number in range(100)]


def test_random_samples_are_those_that_they_were():
    """Published findings rest on them: sample 0 of seed 1."""
    (sample,) = random_samples(ensemble_of(1), 0, 1)
    rng = np.random.default_rng([1, 0])
    n_anchors, n_radars = int(rng.integers(2, 5)), int(rng.integers(2, 5))
    for slot in sample.slots:
        separation = float(np.exp(rng.uniform(*np.log(SEPARATIONS_M))))
        assert slot == random_network(rng, n_anchors, n_radars, 1, separation, "random-1-0")
