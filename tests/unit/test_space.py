"""Networks in space, and that those in the plane are what they were."""

import doctest
import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import references
import yaml
from builders import CODE, CONFIG, DUAL, INTEGRATED, ROOT, SINGLE, defaults, point_of
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.patches import Circle, Ellipse
from strategies import CLOCKS, generators, networks

import isal
import isal.model.network
from isal.cli import main
from isal.figures import Shown, layouts, style, system_model
from isal.figures import allocations as maps_of_allocations
from isal.model.information import Information
from isal.model.links import network_links
from isal.model.parameters import CLOCKS as CLOCK_MODES
from isal.model.parameters import parameter_basis
from isal.study import allocations, config, sources
from isal.validation import positions, step_estimators
from isal.validation.positions import Model
from isal.workflow.plan import Plan

RADIO = isal.Radio()

HALL = isal.Network(
    anchors=[[0, 0, 12], [60, 0, 3], [60, 40, 12], [0, 40, 3]],
    radars=[[10, 20, 1.5], [50, 25, 6]],
    targets=[[25, 30, 1]],
    name="hall",
)
FLAT = isal.Network([[0, 0], [60, 0], [60, 40], [0, 40]], [[10, 20], [50, 25]], [[25, 30]], name="flat")

#: Any network in space whose anchors hold it.
IN_SPACE = networks(anchors=(4, 5), radars=(1, 3), targets=(1, 2), radars_known=(False, True), dimension=3)
ANGLES = st.floats(-10, 10)
VECTORS = st.tuples(*[st.floats(-500, 500)] * 3)
AXES = VECTORS.filter(lambda vector: max(map(abs, vector)) > 1e-3)


@st.composite
def powered(draw, some):
    """A network of a strategy, with positive node powers, W."""
    network = draw(some)
    return network, draw(generators()).uniform(0.1, 3.0, network.n_nodes)


def lifted(network, height=0.0):
    """A network in the plane as one in space, all of it at one height (m)."""
    groups = ([(*place, height) for place in group] for group in (network.anchors, network.radars, network.targets))
    return isal.Network(*groups, radars_known=network.radars_known, name=network.name)


def fields(found):
    return [found.radars, found.clocks, found.targets]


# --- networks ---------------------------------------------------------------------------------------------------------


def test_groups_without_nodes_have_as_many_coordinates_as_the_others():
    network = isal.Network([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [[1, 2, 3]], np.empty((0, 2)))
    assert (network.axes, network.dimension) == ("xyz", 3)
    assert (network.targets.shape, network.nodes.shape) == ((0, 3), (4, 3))
    assert isal.Network([[0, 0], [9, 0]], [[1, 2]], np.empty((0, 3))).targets.shape == (0, 2)


@given(IN_SPACE)
def test_a_mapping_holds_all_of_a_network(network):
    again = isal.Network.from_mapping(json.loads(json.dumps(network.to_mapping())), network.name)
    assert again == network
    assert hash(again) == hash(network)


@given(IN_SPACE, ANGLES, VECTORS, AXES)
def test_moved_keeps_distances_and_handedness(network, angle, shift, axis):
    def sides(some):
        spots = np.concatenate([some.nodes, some.targets])
        return spots[1:4] - spots[0], np.linalg.norm(spots[:, None] - spots[None], axis=-1)

    moved = network.moved(angle, shift, axis)
    (before, distances), (after, others) = sides(network), sides(moved)
    np.testing.assert_allclose(others, distances, rtol=0, atol=1e-10)
    assert np.linalg.det(after) == pytest.approx(np.linalg.det(before), abs=1e-6)
    back = moved.moved(shift=[-each for each in shift]).moved(-angle, axis=axis)
    np.testing.assert_allclose(back.nodes, network.nodes, atol=1e-10)


@given(networks(), ANGLES, st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
def test_a_turn_about_z_is_that_of_the_plane(network, angle, shift):
    found = lifted(network, 7.0).moved(angle, (*shift, 0.0))
    np.testing.assert_allclose(found.nodes, lifted(network.moved(angle, shift), 7.0).nodes, atol=1e-12)
    assert lifted(network).moved(angle) == lifted(network).moved(angle, axis=(0, 0, 2e-9))


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        (HALL, {"shift": (1, 2)}, r"hall: shift must be \[x, y, z\], finite numbers, got \(1, 2\)"),
        (HALL, {"shift": (1, 2, math.nan)}, r"hall: shift must be \[x, y, z\], finite"),
        (HALL, {"axis": (0, 0, 0)}, r"hall: axis must be a direction, got \(0, 0, 0\); make one of its numbers not 0"),
        (HALL, {"axis": "xyz"}, "hall: axis must be numbers, got 'xyz': these are text"),
        (FLAT, {"shift": (1, 2, 3)}, r"flat: shift must be \[x, y\], finite"),
        (FLAT, {"axis": (0, 0, 1)}, "flat: a network in the plane turns about the origin; leave out the axis"),
    ],
)
def test_an_unusable_movement_is_refused(network, arguments, message):
    with pytest.raises(isal.NetworkError, match=message):
        network.moved(1.0, **arguments)


def test_nodes_above_each_other_do_not_coincide():
    isal.Network([[0, 0, 0], [0, 0, 5], [9, 0, 1], [0, 9, 0]], [[3, 3, 3]], [[3, 3, 1]])
    with pytest.raises(isal.NetworkError, match=r"radar 1 and anchor 2 coincide at \[0.0, 0.0, 5.0\] m"):
        isal.Network([[0, 0, 0], [0, 0, 5]], [[0, 0, 5]])


def test_slots_of_one_schedule_are_all_in_the_plane_or_all_in_space():
    with pytest.raises(isal.NetworkError, match="flat: positions of slot 2 have 3 coordinates and those of slot 1 2"):
        isal.integrated([FLAT, lifted(FLAT)], RADIO, clock="synchronous", energies=(1, 1))


# --- links and information --------------------------------------------------------------------------------------------


def test_links_of_networks_in_the_plane_are_what_they_were_to_the_last_bit():
    """As before there was space: sums of two squares, roots and ratios, which every processor rounds alike."""
    digest = hashlib.sha256()
    for network in [*SINGLE.values(), *(slot for slots in DUAL.values() for slot in slots)]:
        for clock in CLOCK_MODES:
            links = network_links(network, RADIO, clock)
            for array, kind in ((links.columns, "<i8"), (links.entries, "<f8"), (links.distance, "<f8")):
                digest.update(array.astype(kind).tobytes())
    assert digest.hexdigest() == "e13dfd1f63f663f68b6c6a3e0b7615fe52c7787ca6bddc1f45495b2edaf81d9e"


@given(networks(targets=(0, 2)), CLOCKS, st.floats(-50, 50))
def test_lifted_from_the_plane_links_are_the_same_to_the_last_bit(network, clock, height):
    """Of what is all at one height, no delay changes with a height."""
    plane, space = (network_links(some, RADIO, clock) for some in (network, lifted(network, height)))
    basis = parameter_basis(lifted(network, height), clock)
    of_heights = np.array([label.endswith(" z") for label in basis.labels])
    assert np.array_equal(space.rows[:, ~of_heights], plane.rows)
    assert not space.rows[:, of_heights].any()
    for field in ("transmitter", "receiver", "target", "distance", "intensity"):
        assert np.array_equal(getattr(space, field), getattr(plane, field))


def test_a_position_has_three_parameters():
    basis = parameter_basis(HALL, "asynchronous")
    assert basis.labels[:4] == ("radar 1 x", "radar 1 y", "radar 1 z", "radar 2 x")
    assert basis.blocks == {"radars": slice(0, 6), "clocks": slice(6, 8), "targets": slice(8, 11)}


@given(IN_SPACE, CLOCKS, generators())
def test_rows_are_derivatives_of_the_delays(network, clock, rng):
    """By azimuth and elevation of each leg, and by finite differences."""
    rows = network_links(network, RADIO, clock).rows
    np.testing.assert_allclose(rows, references.jacobian(network, clock), atol=1e-12)
    theta = references.parameters(network, clock, rng.normal(0, 30, network.n_nodes))
    change, step = rng.normal(size=len(theta)), 1e-3
    ahead, behind = (references.measured_ranges(network, clock, theta + sign * step * change) for sign in (1, -1))
    np.testing.assert_allclose((ahead - behind) / (2 * step), rows @ change, atol=1e-5 * np.linalg.norm(change))


@given(powered(IN_SPACE), CLOCKS)
def test_bounds_are_those_of_the_sum_over_links(drawn, clock):
    network, power = drawn
    matrix, basis = references.information(network, RADIO, power, clock), parameter_basis(network, clock)
    found = isal.spebs(network, RADIO, power, clock)
    for block in basis.blocks:
        assert getattr(found, block) == pytest.approx(references.speb(matrix, basis.indices([block])), rel=1e-8)


@given(powered(IN_SPACE), CLOCKS, ANGLES, VECTORS, AXES)
def test_turning_shifting_and_mirroring_change_no_bound(drawn, clock, angle, shift, axis):
    network, power = drawn
    expected = fields(isal.spebs(network, RADIO, power, clock))
    np.testing.assert_allclose(
        fields(isal.spebs(network.moved(angle, shift, axis), RADIO, power, clock)), expected, rtol=1e-7
    )
    mirror = np.array([1, 1, -1])
    groups = (network.anchors * mirror, network.radars * mirror, network.targets * mirror)
    mirrored = isal.Network(*groups, radars_known=network.radars_known)
    np.testing.assert_allclose(fields(isal.spebs(mirrored, RADIO, power, clock)), expected, rtol=1e-9)


@given(powered(networks()), CLOCKS, ANGLES, AXES)
def test_across_a_plane_of_all_nodes_nothing_is_known_and_within_it_all_that_the_plane_tells(drawn, clock, angle, axis):
    network, power = drawn
    space = lifted(network).moved(angle, axis=axis)
    basis = parameter_basis(space, clock)
    matrix = Information(space, RADIO, clock, basis, network_links(space, RADIO, clock)).matrix(power)
    # parameters along the plane's own axes
    turn = isal.Network(np.eye(3), [], [[5, 5, 5]]).moved(angle, axis=axis).anchors
    turned, clocks = np.eye(basis.size), basis.indices(["clocks"])
    for start in np.delete(np.arange(basis.size), clocks)[::3]:
        turned[start : start + 3, start : start + 3] = turn
    matrix = turned @ matrix @ turned.T
    across = [number for number, label in enumerate(basis.labels) if label.endswith(" z")]
    np.testing.assert_allclose(matrix[across], 0, atol=1e-12 * matrix.max())
    within = np.delete(np.delete(matrix, across, axis=0), across, axis=1)
    expected = references.information(network, RADIO, power, clock)
    np.testing.assert_allclose(within, expected, atol=1e-11 * expected.max())


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize("height", [3.0, 40.0])
def test_bound_of_a_radar_above_three_anchors_by_hand(height, clock):
    """Anchors at 120 degrees about the foot of its height, 1 W each: each range is measured there and back."""
    radius = 30.0
    angles = 2 * np.pi / 3 * np.arange(3)
    anchors = np.column_stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(3)])
    squared = radius**2 + height**2
    each = 2 * RADIO.xi / squared
    expected = 2 / (1.5 * each * radius**2 / squared) + 1 / (3 * each * height**2 / squared)
    found = isal.spebs(isal.Network(anchors, [[0, 0, height]]), RADIO, [1, 1, 1, 1], clock)
    assert found.radars == pytest.approx(expected, rel=1e-11)


# --- what can't be observed -------------------------------------------------------------------------------------------

SQUARE = [[0, 0, 3], [60, 0, 3], [60, 40, 3], [0, 40, 3]]
TILTED = lifted(FLAT).moved(0.7, axis=(1, 2, 3))

#: Layouts, what of them can't be observed, and why.
UNOBSERVABLE = {
    "all at one height": (
        (SQUARE, [[10, 20, 3]], [[25, 30, 3]]),
        "radar 1 z, target 1 z",
        "all its nodes and target 1 lie in one plane, or almost, and no link tells the height above it of radar 1, "
        "target 1; move a node well off the plane",
    ),
    "one of two targets": (
        (SQUARE, [], [[25, 30, 1], [20, 20, 3]]),
        "target 2 z",
        "all its nodes and target 2 lie in one plane, or almost, and no link tells the height above it of target 2; "
        "move a node well off the plane",
    ),
    "without targets": (
        (SQUARE, [[10, 20, 3]], []),
        "radar 1 z",
        "all its nodes lie in one plane, or almost, and no link tells the height above it of radar 1; move a node well "
        "off the plane",
    ),
    "a tilted plane": (
        (TILTED.anchors, TILTED.radars, TILTED.targets),
        "radar 1 x, radar 1 y, radar 1 z, radar 2 x, radar 2 y, radar 2 z, target 1 x, target 1 y, target 1 z",
        "all its nodes and target 1 lie in one plane, or almost, and no link tells the height above it of radar 1, "
        "radar 2, target 1; move a node well off the plane",
    ),
    "two anchors": (
        ([[0, 0, 0], [60, 0, 0]], [[10, 0, 5], [30, 9, 9]], []),
        "radar 1 y, radar 2 y, radar 2 z",
        "all of it is free to turn about the line through its two anchors; give at least three anchors that are not on "
        "one line",
    ),
    "one anchor": (
        ([[0, 0, 0]], [[10, 0, 5], [30, 9, 9]], []),
        "radar 1 x, radar 1 y, radar 1 z, radar 2 x, radar 2 y, radar 2 z",
        "all of it is free to turn about its only anchor; give at least three anchors that are not on one line",
    ),
    "no anchor": (
        ([], [[10, 0, 5], [30, 9, 9]], []),
        "radar 1 x, radar 1 y, radar 1 z, radar 2 x, radar 2 y, radar 2 z",
        "all of it is free to shift and turn, as it has no anchor; give at least three anchors that are not on one "
        "line",
    ),
    "anchors on a line": (
        ([[0, 0, 0], [10, 0, 0], [30, 0, 0]], [[10, 0, 5]], []),
        "radar 1 y",
        "its anchors lie on one line, or almost, about which all else is free to turn; move one off it, or add one",
    ),
    "nodes on a line": (
        ([[0, 0, 0], [10, 0, 0]], [], [[5, 4, 0]]),
        "target 1 z",
        "its nodes lie on one line, or almost, about which each target is free to turn; move one off it, or add one",
    ),
    "one node": (
        ([[0, 0, 0]], [], [[5, 0, 0]]),
        "target 1 y, target 1 z",
        "one node measures one distance of each target; add an anchor or a radar",
    ),
}


@pytest.mark.parametrize("clock", CLOCK_MODES)
@pytest.mark.parametrize(("groups", "lost", "why"), UNOBSERVABLE.values(), ids=UNOBSERVABLE)
def test_unobservable_layouts_are_refused_with_the_reason(groups, lost, why, clock):
    with pytest.raises(isal.UnobservableError) as caught:
        isal.information(isal.Network(*groups, name="site"), RADIO, clock)
    assert str(caught.value) == f"site: its links can't tell apart the parameters {lost} in {clock} mode; {why}"


@given(networks(anchors=(3, 5), targets=(1, 2)), generators(), ANGLES, AXES)
def test_what_is_refused_does_not_hang_on_how_the_network_is_turned(network, rng, angle, axis):
    """Heights of a metre are enough, those of a micrometre are none."""
    heights = rng.choice([-1, 1], (3, 5)) * rng.uniform(1, 2, (3, 5))
    heights[:, 0] *= -np.sign(heights[:, 0] * heights[:, 1])  # not all to one side

    def moved(height):
        groups = (network.anchors, network.radars, network.targets)
        places = [np.column_stack([each, height * up[: len(each)]]) for each, up in zip(groups, heights, strict=True)]
        return [isal.Network(*places), isal.Network(*places).moved(angle, axis=axis)]

    for some in moved(1e-6):
        with pytest.raises(isal.UnobservableError, match="lie in one plane, or almost"):
            isal.information(some, RADIO, "synchronous")
    flat, turned = (isal.spebs(some, RADIO, np.ones(some.n_nodes), "synchronous").targets for some in moved(1.0))
    assert turned == pytest.approx(flat, rel=1e-5)


# --- allocation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_axes_are_goals_and_add_up_to_the_target(clock):
    given = {"clock": clock, "energy": 1.0}
    axes = [isal.allocate(HALL, RADIO, goals=f"target 1 {axis}", **given) for axis in "xyz"]
    together = isal.allocate(HALL, RADIO, goals=[f"target 1 {axis}" for axis in "xyz"], **given)
    whole = isal.integrated(HALL, RADIO, **given)
    assert together.value == pytest.approx(whole.speb, rel=1e-6)
    assert together.value == pytest.approx(together.spebs.targets, rel=1e-9)
    assert all(each.value < value for each, value in zip(axes, together.values.values(), strict=True))
    worst = isal.allocate(HALL, RADIO, goals="worst direction", **given)
    assert worst.lower_bound >= (1 - 1e-6) * max(each.value for each in axes)
    assert worst.value <= whole.speb
    need = {"target 1 z": 0.05, "target 1 x": 0.02, "radar 2 z": 0.004}
    least = isal.allocate(HALL, RADIO, clock=clock, requirements=need)
    assert least.status == "optimal"
    assert all(least.errors[name] <= error * (1 + 1e-9) for name, error in need.items())


@pytest.mark.parametrize("goals", ["target 1 z", "worst direction", "worst radar", ["radar 2 z", "target 1"]])
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_cvxpy_agrees(goals, clock):
    found, other = (
        isal.allocate(HALL, RADIO, clock=clock, energy=1.0, goals=goals, solver=solver)
        for solver in ("interior-point", "cvxpy")
    )
    assert (found.status, other.status) == ("optimal", "optimal")
    assert found.value == pytest.approx(other.value, rel=2e-6)


@given(networks(anchors=(4, 5), radars=(1, 2), targets=(1, 2), dimension=3), CLOCKS, ANGLES, VECTORS, AXES)
def test_turning_and_shifting_keeps_the_certified_optimum(network, clock, angle, shift, axis):
    found = isal.integrated(network, RADIO, clock=clock, energy=10.0)
    moved = isal.integrated(network.moved(angle, shift, axis), RADIO, clock=clock, energy=10.0)
    assert found.status == moved.status == "optimal"
    assert moved.speb == pytest.approx(found.speb, rel=2e-6)
    even = np.full(network.n_nodes, 10.0 / network.n_nodes)
    assert found.speb <= isal.spebs(network, RADIO, even, clock).targets


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_every_scheme_works_and_none_beats_integrated(clock):
    best = isal.integrated(HALL, RADIO, clock=clock, energy=1.0)
    for carry in ("marginal", "joint"):
        split = isal.best_split(HALL, RADIO, clock=clock, energy=1.0, carry=carry)
        assert len(split.energies) == (2 if clock == "synchronous" else 3)
        assert split.speb >= best.lower_bound


# --- installations ----------------------------------------------------------------------------------------------------


def installed(**settings):
    return replace(HALL, installation=isal.Installation(**settings))


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_installations_go_with_networks_in_space(clock):
    given = {"radio": RADIO, "clock": clock, "energy": 1.0}
    plain, lost = isal.integrated(HALL, **given), []
    for sigma in (1e-7, 1e-3, 1e-1):
        found = isal.integrated(installed(survey_error_m=sigma, bias_error_m={"ranging": sigma}), **given)
        labels = found.information.basis.labels
        # the biases of the links between two radars, and between a radar and an anchor, are last
        assert labels[-21:-9] == tuple(f"anchor {number} {axis}" for number in range(1, 5) for axis in "xyz")
        lost.append(found.speb / plain.speb - 1)
    assert abs(lost[0]) < 1e-6 < lost[1] < lost[2]
    louder = installed(antenna_gain_db=RADIO.antenna_gain_db + 3, excess_noise_db=6, path_overlap=0.5)
    assert isal.integrated(louder, **given).speb == pytest.approx(2 * plain.speb, rel=1e-6)
    off = isal.integrated(installed(links_off=["radar 1 - anchor 2"], receive_only=["radar 2"]), **given)
    assert off.power[1] == 0
    assert off.speb > plain.speb


def test_turning_changes_no_bound_of_a_surveyed_network():
    network = installed(survey_error_m={"anchor 1": 0.02, "anchor 2": 0.1}, bias_error_m={"radar 1 - anchor 3": 0.05})
    power = np.array([1.0, 2.0, 0.5, 0.0, 1.0, 0.3])
    for clock in CLOCK_MODES:
        expected = fields(isal.spebs(network, RADIO, power, clock))
        turned = fields(isal.spebs(network.moved(0.7, (5, -3, 8), (1, 2, 3)), RADIO, power, clock))
        np.testing.assert_allclose(turned, expected, rtol=1e-9)


def test_a_link_that_is_missed_in_space_is_named_as_the_way_out():
    lone = installed(links_off=["ranging", "radar 1 - target 1", "radar 2 - target 1"])
    with pytest.raises(
        isal.UnobservableError, match=r"radar 1 x.* mode; let more nodes transmit and receive, switch l"
    ):
        isal.information(lone, RADIO, "asynchronous")
    low = replace(lifted(FLAT, 3.0), installation=isal.Installation(antenna_gain_db=20.0))
    with pytest.raises(isal.UnobservableError, match="lie in one plane"):
        isal.information(low, RADIO, "asynchronous")


# --- slots ------------------------------------------------------------------------------------------------------------


def test_slots_are_those_of_the_whole_matrix():
    """The radars' increments couple all three coordinates."""
    slots = [HALL, HALL.moved(shift=(4, 3, -2))]
    found = isal.integrated(slots, RADIO, clock="asynchronous", energies=(1.0, 2.0))
    infos = [slot.information for slot in found.slots]
    filtered, whole = positions.slot_covariances(infos, [slot.power for slot in found.slots])
    size, targets = infos[0].basis.size, infos[0].basis.indices(["targets"])
    for number, slot in enumerate(found.slots):
        assert slot.speb == pytest.approx(np.trace(filtered[number][np.ix_(targets, targets)]), rel=1e-8)
        smoothed = whole[np.ix_(number * size + targets, number * size + targets)]
        assert slot.smoothed_speb == pytest.approx(np.trace(smoothed), rel=1e-8)
    coupled = np.concatenate(references.increments(HALL, RADIO, "asynchronous")).astype(float)
    assert coupled[:6].tolist() == [1 / RADIO.velocity_variance] * 6


# --- estimators -------------------------------------------------------------------------------------------------------


@given(powered(IN_SPACE), CLOCKS, generators())
def test_slopes_of_the_likelihood_are_finite_differences(drawn, clock, rng):
    network, power = drawn
    info = isal.information(network, RADIO, clock)
    model = Model.of(info, power)
    theta = model.truth[:, None] + rng.normal(size=(len(model.truth), 2))
    data = model.mean(theta) + rng.standard_normal((len(model.root), 2))
    change, step = rng.normal(size=theta.shape), 1e-4
    along = np.einsum("Nkd,dN->kN", model.jacobian(theta), change)
    ahead, behind = (model.mean(theta + sign * step * change) for sign in (1, -1))
    np.testing.assert_allclose((ahead - behind) / (2 * step), along, rtol=1e-3, atol=1e-5 * np.abs(along).max())
    np.testing.assert_allclose(model.squared(theta, change), np.sum(along**2, axis=0), rtol=1e-9)
    expected = np.einsum("Nkd,kN->dN", model.jacobian(theta), data - model.mean(theta))
    np.testing.assert_allclose(model.descent(data, theta)[1], expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max())
    found, unit = model.covariance(), np.sqrt(np.diag(model.covariance()))
    whole = references.information(network, RADIO, power, clock)
    np.testing.assert_allclose(found @ whole * unit / unit[:, None], np.eye(len(found)), atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_maximum_likelihood_reaches_the_bound(clock):
    """All blocks, of 20,000 trials; wrong alarms of 1 % in all."""
    info = isal.information(HALL, RADIO, clock)
    power = isal.integrated(HALL, RADIO, clock=clock, energy=10.0).power
    moments = positions.simulate(info, power, (20240401, 3, 3), range(10))
    assert moments.not_converged == 0
    for indices in (np.arange(info.basis.size)[part] for part in info.blocks.values()):
        assert positions.compare(moments, positions.covariance(info, power), indices, level=0.01 / 10).agrees


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["plug-in", "marginal"])
def test_steps_as_they_are_carried_out_reach_their_closed_form(scheme):
    info = isal.information(HALL, RADIO, "asynchronous")
    powers = step_estimators.best_powers(info, 10.0, "plug-in")
    moments = step_estimators.simulate(info, powers, scheme, (20240401, 3, 4), range(10))
    assert moments.not_converged == 0
    expected = step_estimators.covariance(info, powers, scheme)
    assert positions.compare(moments, expected, info.basis.indices(["targets"]), level=0.01 / 4).agrees


def test_starts_off_the_truth_lie_in_every_direction():
    info = isal.information(HALL, RADIO, "synchronous")
    model = Model.of(info, np.ones(6))
    found = positions._directions(model, 4000, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, atol=1e-12)
    np.testing.assert_allclose(found.mean(axis=(1, 2)), 0, atol=0.03)
    np.testing.assert_allclose((found**2).mean(axis=(1, 2)), 1 / 3, atol=0.02)
    ends = positions.basin(info, np.ones(6), [0.0, 0.5], (1, 2, 3), range(1))
    assert ends.same.tolist() == [1.0, 1.0]


# --- figures ----------------------------------------------------------------------------------------------------------


def patches(panel, kind):
    return [patch for patch in panel.patches if type(patch) is kind]


def test_a_map_is_a_projection_from_above_and_one_from_the_side_to_one_scale():
    best = isal.integrated(HALL, RADIO, clock="asynchronous", energy=1.0)
    picture = best.plot()
    above, aside = picture.axes
    assert [panel.get_ylabel() for panel in picture.axes] == ["y (m)", "z (m)"]
    assert {panel.get_xlabel() for panel in picture.axes} == {"x (m)"}
    assert above.get_title(loc="left") == "hall, asynchronous"
    assert above.get_xlim() == aside.get_xlim()
    picture.draw_without_rendering()
    scales = [panel.get_window_extent().height / np.ptp(panel.get_ylim()) for panel in picture.axes]
    scales += [panel.get_window_extent().width / np.ptp(panel.get_xlim()) for panel in picture.axes]
    assert scales == pytest.approx([scales[0]] * 4)
    covariance = positions.covariance(best.information, best.power)
    for panel, view in ((above, [0, 1]), (aside, [0, 2])):
        assert [circle.center for circle in patches(panel, Circle)] == [tuple(each) for each in HALL.nodes[:, view]]
        ellipses = patches(panel, Ellipse)
        assert [ellipse.center for ellipse in ellipses] == [
            tuple(each) for each in np.concatenate([HALL.radars, HALL.targets])[:, view]
        ]
        own = best.information.basis.indices(["targets"])[view]
        values = np.linalg.eigvalsh(covariance[np.ix_(own, own)])
        found = sorted([ellipses[-1].width, ellipses[-1].height])
        assert found[1] / found[0] == pytest.approx(math.sqrt(values[1] / values[0]), rel=1e-6)
    assert [panel.get_ylabel() for panel in HALL.plot().axes] == ["y (m)", "z (m)"]


def test_networks_in_the_plane_and_in_space_stand_in_one_figure():
    later = HALL.moved(shift=(4, 3, 2))
    drawn = [("flat", [FLAT.to_mapping()]), ("moving", [HALL.to_mapping(), later.to_mapping()])]
    shown = Shown("layouts", drawn, style.COLOURS, 0.0, "")
    with style.look():
        picture = layouts.draw([], shown)
        assert [panel.get_visible() for panel in picture.axes] == [True, False, True, True]
        assert len({np.ptp(panel.get_xlim()) for panel in picture.axes if panel.get_visible()}) == 1
        model = system_model.draw([], shown)
        assert [panel.get_visible() for panel in model.axes] == [True, False, True, True, True, True]
        model.draw_without_rendering()
    for panel in model.axes[2:]:
        boxes = [text.get_window_extent() for text in panel.texts]
        assert len(boxes) == 7
        assert not any(a.overlaps(b) for number, a in enumerate(boxes) for b in boxes[:number])


def test_a_link_along_which_one_looks_is_no_arrow():
    above = isal.Network([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [], [[0, 0, 5]], name="above")
    with style.look():
        shown = Shown("system_model", [("above", [above.to_mapping()])], style.COLOURS, 0.0, "")
        picture = system_model.draw([], shown)
        picture.draw_without_rendering()
    assert [len(panel.patches) for panel in picture.axes] == [4, 6]


def test_allocations_of_both_kinds_of_networks_are_kept():
    points = [point_of(slots=(network,), **INTEGRATED) for network in (SINGLE["7c"], HALL)]
    found = allocations.allocations(points)
    assert found.sizes["axis"] == 3
    for (_, allocation), network in zip(allocations.read(found), (SINGLE["7c"], HALL), strict=True):
        assert allocation.network == network
        assert np.array_equal(allocation.places, np.concatenate([network.radars, network.targets]))
        assert allocation.covariances.shape == (3, network.dimension, network.dimension)
        assert np.isfinite(allocation.covariances).all()
    with style.look():
        picture = maps_of_allocations.draw([found], Shown("allocations", [], style.COLOURS, 0.0, ""))
    assert [panel.get_visible() for panel in picture.axes] == [True, False, True, True]


# --- files ------------------------------------------------------------------------------------------------------------

MAPPING = {"anchors": HALL.anchors.tolist(), "radars": HALL.radars.tolist(), "target": HALL.targets[0].tolist()}
STUDY = {
    "networks": ["hall"],
    "clocks": ["synchronous"],
    "bandwidths_hz": [500e6],
    "schemes": ["integrated", "step-by-step-held"],
    "total_energy_j": 1,
    "step_1_energy_j": [0.1, 0.5],
}


def plan_of_hall(**changes):
    """The plan of a file with the hall and a study of it."""
    mine = {"paper": False, "networks": {"single_slot": {"hall": MAPPING | changes}}, "studies": {"hall": STUDY}}
    places = sources.Sources((sources.Source("my.yaml", mine), sources.Source(CONFIG, defaults())))
    return Plan.of(config.load(defaults() | mine, places, [ROOT]), CODE)


def test_a_study_of_a_network_in_space():
    plan = plan_of_hall()
    assert plan.networks["hall"] == (HALL,)
    assert {point.slots for point in plan.points.values()} == {(HALL,)}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": [1, 2]}, "targets have 2 coordinates and anchors have 3; give all positions as"),
        ({"target": [1, 2, 3, 4]}, "target: "),
        ({"anchors": SQUARE, "radars": [[10, 20, 3], [20, 10, 3]], "target": [9, 9, 3]}, "lie in one plane, or almost"),
        # enough for a bound, but not for one that is sure to be certified
        ({"anchors": SQUARE, "radars": [[10, 20, 3], [20, 10, 3.01]], "target": [9, 9, 3]}, "can't tell apart well"),
    ],
)
def test_what_is_no_network_in_space_is_refused_by_file_and_name(changes, message):
    with pytest.raises(config.ConfigError, match=r"my\.yaml: (networks\.single_slot\.)?hall") as caught:
        plan_of_hall(**changes)
    assert message in str(caught.value)


def test_the_command_line_takes_positions_in_space(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hall.yaml").write_text(yaml.safe_dump(MAPPING))
    assert main(["allocate", "hall.yaml", "--energy", "1", "--output", "best.json"]) == 0
    assert repr(isal.integrated(HALL, RADIO, clock="synchronous", energy=1.0)) in capsys.readouterr().out
    assert json.loads((tmp_path / "best.json").read_text())["slots"][0]["positions_m"] == HALL.to_mapping()


# --- documents --------------------------------------------------------------------------------------------------------


def test_the_examples_of_the_page_on_networks_in_space():
    page = str(ROOT / "docs/deployment_3d.md")
    failed, tried = doctest.testfile(page, module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried > 10
    assert not failed
    assert not doctest.testmod(isal.model.network).failed
