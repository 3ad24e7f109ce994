"""Observations of networks, against direct calls of the schemes and brute force."""

import itertools
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from builders import DUAL, LINE

import isal
from isal.claims.samples import abundance
from isal.model.ensemble import AREA_M
from isal.model.parameters import CLOCKS
from isal.schemes.carry_over import CARRIES
from isal.schemes.variant import FIRST_STEPS, Variant
from isal.study.config_keys import CHANGES
from isal.study.observations import Assumptions, Sample, gathered, observe, random_samples
from isal.study.store import storage

pytestmark = pytest.mark.long

ENERGY = 10.0
SOLVER = "interior-point"
BASE = Assumptions("base", isal.Radio(), ENERGY, None)
#: Slots that know much of each other, by radars as well as by clocks.
CLOSE = replace(BASE, name="close", radio=isal.Radio(velocity_variance=1e-5, drift_variance=1e-24))
CAPPED = replace(BASE, name="capped", cap_w=1.0)
#: What step 1 minimises, and caps on the sum over the steps.
RANGING = replace(BASE, name="ranging", scheme=Variant(step_1="ranging"))
PER_SLOT = replace(CAPPED, name="per-slot", scheme=Variant(caps_per="slot"))


@pytest.fixture(scope="module")
def samples(layouts):
    """A single slot and two pairs, whose names get longer."""
    return [Sample("7c", "layout", (layouts["7c"],)), *random_samples(1, 9, 11)]


@pytest.fixture(scope="module")
def observed(samples):
    return observe(samples, BASE, SOLVER)


@pytest.fixture(scope="module")
def capped(samples):
    return observe(samples[:1], CAPPED, SOLVER)


def rows_of(observed, samples):
    """Each network with what was observed of it."""
    slots = [slot for sample in samples for slot in sample.slots]
    return [(slot, observed.isel(network=place)) for place, slot in enumerate(slots)]


# --- one slot ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_integrated_bounds_are_those_of_the_scheme(observed, capped, samples, clock):
    rows = [(BASE, rows_of(observed, samples)), (CAPPED, rows_of(capped, samples[:1]))]
    for variant, (network, row) in [(variant, each) for variant, some in rows for each in some]:
        options = {"clock": clock, "energy": ENERGY, "caps": variant.cap_w, "solver": SOLVER}
        direct = isal.integrated(network, variant.radio, **options)
        assert float(row.integrated_speb.sel(clock=clock)) == pytest.approx(direct.speb, rel=2e-6)


def test_caps_cost_something_and_the_cap_of_all_the_energy_nothing(observed, capped, samples):
    for name in ("integrated_speb", "localization_speb", "sensing_speb"):
        assert (capped[name] > 1.01 * observed[name][:1]).all()
    # each step may spend up to the caps anew
    assert (capped.steps_speb.sel(carry="marginal") < capped.integrated_speb * 0.999).all()
    ample = observe(samples[:1], replace(BASE, cap_w=ENERGY), SOLVER)
    xr.testing.assert_allclose(ample, observe(samples[:1], BASE, SOLVER), rtol=1e-5, atol=0)


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
        return isal.step_by_step(network, BASE.radio, **options).speb

    assert speb(shares) == pytest.approx(best, rel=1e-4)
    for split in [*rng.dirichlet(np.ones(len(shares)), 8), *(shares * rng.uniform(0.9, 1.1, (8, len(shares))))]:
        assert speb(split / split.sum()) >= best * (1 - 1e-5)


def on_a_grid(network, blocks, steps=24):
    """Lowest bound of some blocks, synchronous, over a grid of node powers that add up to all the energy."""
    info = isal.information(network, BASE.radio, "synchronous")
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
    best = isal.best_split(network, BASE.radio, clock=clock, energy=ENERGY, carry=carry, solver=SOLVER)
    whole = isal.spebs(network, BASE.radio, best.power.sum(axis=0), clock=clock).targets
    assert float(row.measured_speb.sel(clock=clock, carry=carry)) == pytest.approx(whole, rel=1e-3)
    # nothing beats the integrated scheme with the same energy
    assert (
        float(row.measured_speb.sel(clock=clock, carry=carry)) >= float(row.integrated_speb.sel(clock=clock)) * 0.999999
    )


@pytest.mark.parametrize("step_1", FIRST_STEPS)
def test_what_step_1_minimises_is_passed_on(samples, step_1):
    """To the best split and to the lines, and to nothing else."""
    (sample,) = samples[:1]
    (network,) = sample.slots
    row = observe([sample], replace(BASE, scheme=Variant(step_1=step_1)), SOLVER).isel(network=0)
    plain = observe([sample], BASE, SOLVER).isel(network=0)
    options = {"clock": "asynchronous", "carry": "held", "step_1": step_1, "solver": SOLVER}
    best = isal.best_split(network, BASE.radio, energy=ENERGY, **options).speb
    assert float(row.steps_speb.sel(clock="asynchronous", carry="held")) == pytest.approx(best, rel=1e-4)
    line = isal.step_by_step(network, BASE.radio, energies=[4.5, 0.5, 5], **options).speb
    assert float(row.third_fixed_speb.sel(carry="held", share=0.9)) == pytest.approx(line, rel=1e-4)
    xr.testing.assert_allclose(row.integrated_speb, plain.integrated_speb, rtol=1e-6)
    told = bool((abs(row.steps_speb / plain.steps_speb - 1) > 1e-3).any())
    assert told == (step_1 != "block")


def test_caps_per_slot_leave_no_advantage(samples):
    """With the cap anew in each step two steps spend twice as much; with the cap on their sum they do not."""
    per_slot, per_step = (observe(samples[:1], variant, SOLVER) for variant in (PER_SLOT, CAPPED))
    sound = ["marginal", "joint"]
    ratio = (per_slot.steps_speb / per_slot.integrated_speb).sel(carry=sound)
    assert (ratio > 1 - 1e-5).all()
    joint = (per_step.steps_speb / per_step.integrated_speb).sel(carry="joint", clock="synchronous")
    assert float(joint.squeeze()) == pytest.approx(0.5, rel=1e-6)


def test_settings_say_all_that_was_assumed():
    settings = json.loads(PER_SLOT.attributes["settings"])
    assert settings == {**BASE.radio.to_mapping(), "power_cap_w": 1.0, "step_1": "block", "caps_per": "slot"}
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
        direct = isal.step_by_step(network, BASE.radio, **options).speb
        assert float(row[name].sel(carry=carry, share=share)) == pytest.approx(direct, rel=1e-4)


# --- two slots --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCKS)
def test_the_share_of_slot_1_is_that_of_the_best_of_many_splits(observed, samples, clock):
    for sample in samples[1:]:
        share = float(observed.slot_share.sel(pair=sample.name, clock=clock))
        tried = [share, *np.linspace(0.03, 0.97, 9), share * 0.98, share * 1.02]
        options = {"clock": clock, "solver": SOLVER}
        energies = [[ENERGY * each, ENERGY * (1 - each)] for each in tried]
        spebs = [isal.integrated(sample.slots, BASE.radio, energies=each, **options).speb for each in energies]
        assert int(np.argmin(spebs)) == 0


def test_what_slot_1_tells_slot_2(samples):
    (sample,) = samples[1:2]
    row = observe([sample], CLOSE, SOLVER).coupled_speb.sel(pair=sample.name)
    half, options = [ENERGY / 2] * 2, {"clock": "asynchronous", "solver": SOLVER}
    alone = isal.integrated(sample.slots[1], CLOSE.radio, energy=ENERGY / 2, **options).speb
    np.testing.assert_allclose(row.sel(coupling="none"), alone, rtol=2e-6, atol=0)
    forgotten = {"radars": {"drift_variance": 1e6}, "clocks": {"velocity_variance": 1e9}, "both": {}}
    for coupling, changes in forgotten.items():
        both = isal.integrated(sample.slots, replace(CLOSE.radio, **changes), energies=half, **options)
        np.testing.assert_allclose(row.sel(coupling=coupling), both.slots[1].speb, rtol=2e-6, atol=0)
    none, radars, clocks, both = row.values
    assert both < min(radars, clocks) < max(radars, clocks) < none * (1 - 1e-4)
    assert abs(radars - clocks) > 1e-4 * none


def test_an_exchange_counted_twice_seems_to_save_something():
    """As computed by hand: the bound of slot 2 with and without the exchange as a tie of the clocks."""
    sample = Sample("8d", "layout", DUAL["8d"])
    row = observe([sample], BASE, SOLVER)
    free = replace(BASE.radio, velocity_variance=1e12, drift_variance=1e12)
    halves = [ENERGY / 2] * 2
    options = {"clock": "asynchronous", "solver": SOLVER}
    powers = [slot.power for slot in isal.integrated(sample.slots, free, energies=halves, **options).slots]
    bounds = []
    for variance in (1e30, 2 * (150e-12) ** 2):
        radio = replace(BASE.radio, drift_variance=variance)
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
    share = float(row.counted_twice_share.sel(pair="8d"))
    assert share == pytest.approx(1 - bounds[1] / bounds[0], rel=1e-3)
    assert 1e-5 < share < 1e-3


# --- the dataset ------------------------------------------------------------------------------------------------------


def test_shards_make_the_whole(observed, samples, tmp_path):
    """Also where one has no pair, and through files."""
    parts = []
    for number, some in enumerate((samples[:1], samples[1:2], samples[2:])):
        path = tmp_path / f"{number}.nc"
        storage.write(path, observe(some, BASE, SOLVER))
        parts.append(storage.read(path))
    whole = gathered(parts)
    assert list(whole.sample.values) == ["7c", "random-1-9", "random-1-9", "random-1-10", "random-1-10"]
    assert list(whole.slot.values) == [1, 1, 2, 1, 2]
    assert list(whole.kind.values) == ["layout", *["random"] * 4]
    assert list(whole.pair.values) == ["random-1-9", "random-1-10"]
    assert list(whole.pair_kind.values) == ["random"] * 2
    told = BASE.attributes | {"solver": SOLVER, "tolerance": 1e-7}
    assert told.items() <= observed.attrs.items() <= whole.attrs.items()
    of_sample = [json.loads(layout) for layout in whole.layout.values]
    assert of_sample == [slot.to_mapping() for sample in samples for slot in sample.slots]
    assert whole.sizes == observed.sizes
    xr.testing.assert_allclose(whole, observed, rtol=1e-6, atol=0)


def test_single_slots_alone_can_be_gathered(observed, samples):
    alone = gathered([observe(samples[:1], BASE, SOLVER)])
    assert "pair" not in alone.dims
    np.testing.assert_allclose(alone.steps_speb, observed.steps_speb[:1], rtol=1e-6, atol=0)


def test_every_variable_says_what_it_is(observed, samples):
    for dataset in (observed, gathered([observed])):
        assert {name: variable.attrs["units"] for name, variable in dataset.data_vars.items()} == {
            name: "m" if name.endswith("length") else "1" if name.endswith("share") else "m2"
            for name in dataset.data_vars
        }
        told = [variable.attrs["long_name"] for variable in dataset.data_vars.values()]
        assert all(told)
        assert len(set(told)) == len(told) == 14
        assert all(np.isfinite(variable).all() for variable in dataset.data_vars.values())


def test_a_sample_that_can_not_be_solved_is_named(layouts, samples):
    with pytest.raises(ValueError, match=r"^crooked, variant close: line: its links"):
        observe([samples[0], Sample("crooked", "layout", (LINE,))], CLOSE, SOLVER)
    fewer = replace(layouts["7a"], radars=layouts["7a"].radars[:1])
    with pytest.raises(ValueError, match=r"^uneven, variant base: "):
        observe([samples[0], Sample("uneven", "layout", (layouts["7a"], fewer))], BASE, SOLVER)


# --- random samples --------------------------------------------------------------------------------------------------


def as_mappings(samples):
    return [(sample.name, sample.kind, [slot.to_mapping() for slot in sample.slots]) for sample in samples]


def test_random_samples_are_the_same_however_they_are_cut():
    whole = as_mappings(random_samples(3, 0, 40))
    for cut in (0, 1, 17, 40):
        assert as_mappings([*random_samples(3, 0, cut), *random_samples(3, cut, 40)]) == whole
    assert [name for name, _, _ in whole] == [f"random-3-{number}" for number in range(40)]


def test_random_samples_have_two_slots_of_equal_sizes_that_use_the_range():
    some = [*random_samples(3, 0, 100), *random_samples(4, 0, 100)]
    for sample in some:
        one, two = sample.slots
        assert (one.n_anchors, one.n_radars, one.n_targets) == (two.n_anchors, two.n_radars, two.n_targets)
        assert one.nodes.min() >= 0
        assert one.nodes.max() <= AREA_M
    sizes = {(sample.slots[0].n_anchors, sample.slots[0].n_radars) for sample in some}
    assert sizes == set(itertools.product((2, 3, 4), repeat=2))
    assert len({str(slot.to_mapping()) for sample in some for slot in sample.slots}) == 400
