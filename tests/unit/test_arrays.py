"""Results of many points as arrays: the same numbers as one at a time, and what single results say of themselves."""

from dataclasses import replace

import numpy as np
import pytest
from builders import DUAL, INTEGRATED, SINGLE, point_of

import isal
from isal.model.ensemble import random_networks
from isal.model.installation import link_ends
from isal.schemes.registry import SCHEMES
from isal.study.points import PointError, solve_all
from isal.study.store.arrays import arrays_of
from isal.study.store.records import OF_POINTS, TOLD_BY_NUMBER
from isal.validation import links

#: Networks of four nodes, and energies of two or three steps, J.
NETWORKS = [*SINGLE.values(), *random_networks(3, 3, anchors=(2, 2), radars=(2, 2))]
SPLITS = {2: [(0.5, 9.5), (6.0, 4.0)], 3: [(0.5, 0.1, 9.4), (3.0, 2.0, 5.0)]}


def solved(points):
    results = solve_all(points)
    assert not any(isinstance(result, PointError) for result in results), results
    return [result.result for result in results]


def of_steps(scheme, clock, radio=None, networks=NETWORKS):
    number = 2 if clock == "synchronous" else 3
    return [
        point_of(
            slots=(network,),
            radio=radio or isal.Radio(),
            clock=clock,
            scheme=scheme,
            energies_uj=tuple(int(1e6 * energy) for energy in split),
        )
        for network in networks
        for split in SPLITS[number]
    ]


def assert_as_alone(results):
    together = arrays_of(results)
    told = {"lower_bound", "proof", "problems", "problem_seconds", *TOLD_BY_NUMBER}  # of points, or by solutions
    assert together.keys() == OF_POINTS.keys() - told
    for number, result in enumerate(results):
        for name, alone in arrays_of([result]).items():
            np.testing.assert_array_equal(together[name][[number]], alone, err_msg=name)


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
@pytest.mark.parametrize("scheme", [name for name, each in SCHEMES.items() if each.has_steps and each.convex])
def test_no_number_depends_on_the_company(scheme, clock):
    few = solved(of_steps(scheme, clock))
    many_pulses = solved(of_steps(scheme, clock, isal.Radio(pulses=3000.0), NETWORKS[:2]))
    assert_as_alone([*few, *many_pulses])


def test_local_minima_and_slots_too():
    assert_as_alone(solved(of_steps("step-by-step-plug-in", "synchronous", networks=NETWORKS[:2])))
    changes = INTEGRATED | {"energies_uj": (4_000_000, 6_000_000)}
    networks = [DUAL["8a"], DUAL["8b"]]
    assert_as_alone(solved([point_of(**changes | {"slots": each}) for each in networks]))


def test_clocks_and_radios_may_differ():
    points = [
        point_of(**INTEGRATED | {"slots": (network,), "clock": clock, "radio": radio})
        for network in NETWORKS[:2]
        for clock in ("synchronous", "asynchronous")
        for radio in (isal.Radio(), isal.Radio(bandwidth_hz=5e6), isal.Radio(timestamp_jitter_s=150e-12))
    ]
    results = solved(points)
    assert_as_alone(results)
    synchronous = [point.clock == "synchronous" for point in points]
    np.testing.assert_array_equal(np.isnan(arrays_of(results)["clock_speb"][:, 0]), synchronous)


def test_the_arrays_are_what_results_say_of_themselves():
    results = solved(of_steps("step-by-step-joint", "asynchronous"))
    arrays = arrays_of(results)
    for number, result in enumerate(results):
        (slot,) = result.slots
        assert arrays["speb"][number] == result.speb
        assert arrays["gap"][number] == max(step.allocation.gap for step in slot.steps)
        for block in ("radars", "clocks", "targets"):
            assert arrays[f"{block[:-1]}_speb"][number, 0] == getattr(slot.spebs, block)
            assert arrays[f"smoothed_{block[:-1]}_speb"][number, 0] == getattr(slot.smoothed_spebs, block)
        np.testing.assert_array_equal(arrays["power"][number], slot.power)
        np.testing.assert_array_equal(arrays["link_snr"][number], links.link_snr(slot.information, slot.power))
        share = links.shares(slot.information, slot.power, "targets")
        kept = links.usable(slot.information, slot.power, arrays["threshold_snr"][number, 0])
        assert arrays["usable_share"][number, 0] == pytest.approx(share[kept].sum(), rel=1e-12)
        usable = links.usable_spebs(slot.information, slot.power, arrays["threshold_snr"][number, 0])
        assert arrays["usable_speb"][number, 0] == pytest.approx(usable.targets, rel=1e-12)


#: Settings of one network whose links differ, but not their number.
UNLIKE = [
    {"links_off": ["radar 1 - anchor 1"], "survey_error_m": 0.01},
    {"links_off": ["radar 2 - anchor 2"], "survey_error_m": 0.02},
    {"links_off": ["radar 2 - anchor 1"], "survey_error_m": 0.01, "bias_error_m": {"radar 1 - anchor 2": 0.1}},
    {},
]


@pytest.mark.parametrize("clock", ["synchronous", "asynchronous"])
def test_links_that_do_not_exist_leave_zeros(clock):
    networks = [replace(SINGLE["7c"], installation=isal.Installation(**each)) for each in UNLIKE]
    results = solved(of_steps("step-by-step-joint", clock, isal.Radio(pulses=1e5), networks))
    assert_as_alone(results)
    arrays = arrays_of(results)
    assert arrays["link_snr"].shape[2] == 26  # also of slots with a link less
    for number, result in enumerate(results):
        (slot,) = result.slots
        info = slot.information
        there = info.network.installation.exists(info.network, link_ends(info.network))
        snr = arrays["link_snr"][number]
        np.testing.assert_array_equal(snr[:, there], links.link_snr(info, slot.power))
        assert not snr[:, ~there].any()
        assert arrays["usable_speb"][number, 0] == pytest.approx(slot.spebs.targets, rel=1e-5)  # with all these pulses
        assert arrays["usable_share"][number, 0] < (1 if info.prior else 1 + 1e-12)


def test_usable_links_of_slots_know_what_slots_before_them_do():
    """Survey errors stay, biases are new; with enough pulses all links are usable: the bounds are the schedule's."""
    networks = [replace(SINGLE["7c"], installation=isal.Installation(**each)) for each in (UNLIKE[0], UNLIKE[2])]
    later = networks[1].moved(shift=(3, 4))
    changes = INTEGRATED | {"energies_uj": (4_000_000, 6_000_000), "radio": isal.Radio(pulses=1e5)}
    with_biases = replace(later, installation=replace(later.installation, survey_error_m=0.01))
    (result,) = solved([point_of(**changes | {"slots": (networks[0], with_biases)})])
    assert result.slots[0].information.basis.size < result.slots[1].information.basis.size
    arrays = arrays_of([result])
    np.testing.assert_allclose(arrays["usable_speb"][0], [slot.speb for slot in result.slots], rtol=1e-5)
    assert arrays["link_snr"].shape == (1, 2, 26)
    assert (arrays["link_snr"] == 0).sum(axis=2).min() >= 2


@pytest.mark.parametrize("scheme", ["held", "marginal", "joint"])
def test_all_that_was_measured_is_the_bound_at_the_sum_of_the_powers(scheme):
    """By the matrix of all links, and for `joint`, which keeps every measurement, what the scheme says itself."""
    results = solved(of_steps(f"step-by-step-{scheme}", "asynchronous"))
    arrays = arrays_of(results)
    measured, promised = arrays["measured_speb"][:, 0], arrays["speb"]
    for result, found in zip(results, measured, strict=True):
        (slot,) = result.slots
        info = slot.information
        places = info.basis.indices(["targets"])
        direct = np.trace(np.linalg.inv(info.matrix(slot.power.sum(axis=0)))[np.ix_(places, places)])
        assert found == pytest.approx(direct, rel=1e-6)
    if scheme == "joint":
        np.testing.assert_allclose(measured, promised, rtol=1e-9)
    elif scheme == "marginal":  # a consistent prior loses information, and never makes any
        assert (promised >= measured * (1 - 1e-9)).all()


@pytest.mark.parametrize("scheme", ["integrated", "localization", "sensing"])
def test_in_one_step_all_that_was_measured_is_what_is_minimised(scheme):
    for slots, energies in (((SINGLE["7c"],), (10_000_000,)), (DUAL["8a"], (4_000_000, 6_000_000))):
        (result,) = solved([point_of(slots=slots, scheme=scheme, energies_uj=energies)])
        arrays = arrays_of([result])
        block = {"localization": "radar"}.get(scheme, "target")
        np.testing.assert_array_equal(arrays["measured_speb"], arrays[f"{block}_speb"])


def test_time_stamps_that_jitter_limit_each_step_on_its_own():
    """Two steps measure twice, so that the error of stamps averages out; one step at the sum of the powers does not."""
    radio = isal.Radio(timestamp_jitter_s=150e-12)
    (point,) = of_steps("step-by-step-joint", "synchronous", radio, [SINGLE["7c"]])[:1]
    (result,) = solved([point])
    (slot,) = result.slots
    info = slot.information
    matrix = np.sum([info.matrix(step.power) for step in slot.steps], axis=0)
    places = info.basis.indices(["targets"])
    bound = np.trace(np.linalg.inv(matrix)[np.ix_(places, places)])
    found = arrays_of([result])["measured_speb"][0, 0]
    assert found == pytest.approx(bound, rel=1e-8)
    assert found < info.measured(slot.power.sum(axis=0)).speb(places)


def test_large_results_are_taken_in_parts(monkeypatch):
    results = solved(of_steps("step-by-step-held", "synchronous"))
    whole = arrays_of(results)
    monkeypatch.setattr("isal.study.store.arrays.MOST_ENTRIES", 700)
    for name, parts in arrays_of(results).items():
        np.testing.assert_array_equal(parts, whole[name], err_msg=name)


@pytest.mark.parametrize("pulses", [30.0, 1e9])
def test_a_large_network_has_the_root_of_its_matrix(pulses, monkeypatch):
    """Half of the digits are lost, so that what is said of usable links is the same to some digits."""
    results = solved(of_steps("step-by-step-held", "synchronous", isal.Radio(pulses=pulses)))
    rows = arrays_of(results)
    monkeypatch.setattr(links, "ROWS_AT_A_TIME", 17)
    for name in ("usable_speb", "usable_share"):
        np.testing.assert_allclose(arrays_of(results)[name], rows[name], rtol=1e-6)


def test_results_of_other_shapes_are_refused():
    with pytest.raises(isal.IsalError, match="no results"):
        arrays_of([])
    (two,) = solved(of_steps("step-by-step-held", "synchronous", networks=NETWORKS[:1])[:1])
    (whole,) = solved([point_of(**INTEGRATED)])
    with pytest.raises(isal.IsalError, match=r"results of one shape make arrays, but \w+ has the shape"):
        arrays_of([two, whole])


def test_points_of_a_network_share_its_information():
    points = of_steps("step-by-step-held", "synchronous", networks=NETWORKS[:2])
    copied = [replace(point, slots=(another_like(point.slots[0]),)) for point in points]
    infos = [result.slots[0].information for result in solved([*points, *copied])]
    assert len({id(info) for info in infos}) == 2
    other = replace(points[0], radio=isal.Radio(pulses=2.0))
    assert len({id(result.slots[0].information) for result in solved([points[0], other])}) == 2


def another_like(network):
    """An equal network that is another object."""
    return isal.Network(network.anchors, network.radars, network.targets, name=network.name)
