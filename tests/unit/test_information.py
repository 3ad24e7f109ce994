"""Fisher information: links, Jacobian rows (A1)-(A3), linearity in power, bounds and what can't be observed."""

import math
import re

import numpy as np
import pytest
import references
from hypothesis import given
from hypothesis import strategies as st
from strategies import CLOCKS, generators, networks, powered_networks, random_network

import isal
import isal.model.parameters
from isal.model.information import block_spebs, checked_power
from isal.model.links import network_links
from isal.model.parameters import parameter_basis

RADIO = isal.Radio()
SPEED_OF_LIGHT = 299_792_458.0

#: Any numbers of nodes, observable or not: rows and sums make sense for all of them.
ANY_NETWORK = st.one_of(
    networks(anchors=(0, 3), radars=(1, 3), targets=(1, 3), radars_known=(False, True)),
    networks(anchors=(1, 4), radars=(0, 0)),
)


def fields(spebs):
    return np.array([spebs.radars, spebs.clocks, spebs.targets])


# --- links ------------------------------------------------------------------------------------------------------------


def test_two_radars_two_anchors_and_a_target_have_16_sensing_and_10_ranging_links(paper_network, radio):
    links = network_links(paper_network, radio, "synchronous")
    assert (links.is_sensing.sum(), (~links.is_sensing).sum(), len(links)) == (16, 10, 26)


@given(ANY_NETWORK, CLOCKS)
def test_number_of_links_of_any_network(network, clock):
    links = network_links(network, RADIO, clock)
    n, n_anchors = network.n_nodes, network.n_anchors
    assert links.is_sensing.sum() == network.n_targets * n**2
    assert (~links.is_sensing).sum() == n * (n - 1) - n_anchors * (n_anchors - 1)


@given(ANY_NETWORK, CLOCKS)
def test_links_come_in_the_order_of_10(network, clock):
    links = network_links(network, RADIO, clock)
    triples = zip(links.transmitter, links.receiver, links.target, strict=True)
    assert [(m, n, None if t < 0 else t) for m, n, t in triples] == references.link_list(network)


@given(powered_networks(anchors=(0, 3), targets=(1, 3)))
def test_distances_and_intensities_of_links(powered):
    network, power = powered
    links = network_links(network, RADIO, "synchronous")
    at_rest = references.parameters(network, "synchronous", np.zeros(0))
    lengths = references.measured_ranges(network, "synchronous", at_rest)
    np.testing.assert_allclose(links.distance, lengths, rtol=1e-13)
    expected = references.intensities(network, RADIO, power)
    np.testing.assert_allclose(links.intensity * power[links.transmitter], expected, rtol=1e-12)


@given(powered_networks())
def test_link_snr_is_that_of_the_links_intensity(powered):
    network, power = powered
    snr = isal.information(network, RADIO, "synchronous").link_snr(power)
    np.testing.assert_allclose(snr, RADIO.snr(references.intensities(network, RADIO, power)), rtol=1e-12)


# --- parameters -------------------------------------------------------------------------------------------------------


def test_basis_of_the_appendix(paper_network):
    basis = parameter_basis(paper_network, "asynchronous")
    assert basis.labels == (
        "radar 1 x",
        "radar 1 y",
        "radar 2 x",
        "radar 2 y",
        "clock offset of radar 2",
        "clock offset of the anchors",
        "target 1 x",
        "target 1 y",
    )
    assert basis.blocks == {"radars": slice(0, 4), "clocks": slice(4, 6), "targets": slice(6, 8)}
    assert "clocks" not in parameter_basis(paper_network, "synchronous").blocks


@given(ANY_NETWORK, CLOCKS)
def test_sizes_of_the_blocks(network, clock):
    """As many clock offsets as radars (one less without anchors); none where all clocks are the anchors' own."""
    blocks = parameter_basis(network, clock).blocks
    sizes = {block: piece.stop - piece.start for block, piece in blocks.items()}
    expected = {
        "radars": 0 if network.radars_known else 2 * network.n_radars,
        "clocks": references.n_offsets(network, clock),
        "targets": 2 * network.n_targets,
    }
    assert sizes == {block: size for block, size in expected.items() if size}


def test_known_radars_have_clock_offsets_only():
    network = isal.Network([[0, 0]], [[50, 0], [0, 50]], [[30, 40]], radars_known=True)
    assert list(parameter_basis(network, "asynchronous").blocks) == ["clocks", "targets"]
    assert list(parameter_basis(network, "synchronous").blocks) == ["targets"]


def test_indices_pass_over_blocks_that_the_network_does_not_have(paper_network):
    basis = parameter_basis(paper_network, "synchronous")
    assert basis.indices(["clocks", "targets"]).tolist() == [4, 5]
    assert basis.indices(["clocks"]).tolist() == []


def test_unknown_clock_mode_is_named(paper_network, radio):
    with pytest.raises(ValueError, match="clock must be one of synchronous, asynchronous; got 'sync'"):
        isal.information(paper_network, radio, "sync")


# --- Jacobian ---------------------------------------------------------------------------------------------------------


def direction(start, end):
    """(cos, sin) of the angle (2) of the line from ``start`` to ``end``, with its quadrant."""
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    return np.array([math.cos(angle), math.sin(angle)])


def test_rows_of_radar_positions_are_A1(paper_network, radio):  # noqa: N802
    node = dict(enumerate(paper_network.nodes.tolist(), start=1))
    (target,) = paper_network.targets
    t1, t2 = direction(target, node[1]), direction(target, node[2])
    r21, r12 = direction(node[2], node[1]), direction(node[1], node[2])
    r31, r41 = direction(node[3], node[1]), direction(node[4], node[1])
    r32, r42 = direction(node[3], node[2]), direction(node[4], node[2])
    o = np.zeros(2)
    # fmt: off
    printed = [
        (2 * t1, o), (t1, t2), (t1, o), (t1, o),  # (1, 1) to (1, 4)
        (t1, t2), (o, 2 * t2), (o, t2), (o, t2),  # (2, 1) to (2, 4)
        (t1, o), (o, t2), (o, o), (o, o), (o, o),  # (3, 1) to (3, 4), and a row of zeros too many
        (t1, o), (o, t2), (o, o), (o, o),  # (4, 1) to (4, 4)
        (r21, r12), (r31, o), (r41, o),  # ranging 1 to 2, 3, 4
        (r21, r12), (o, r32), (o, r42),  # 2 to 1, 3, 4
        (r31, o), (o, r32),  # 3 to 1, 2
        (r41, o), (o, r42),  # 4 to 1, 2
    ]
    # fmt: on
    assert len(printed) == 27
    expected = np.delete(np.array(printed).reshape(27, 4), 12, axis=0)
    for clock in isal.model.parameters.CLOCKS:
        rows = network_links(paper_network, radio, clock).rows
        np.testing.assert_allclose(rows[:, :4], expected, rtol=0, atol=1e-14)


def test_rows_of_the_target_position_are_A2(paper_network, radio):  # noqa: N802
    (target,) = paper_network.targets
    to_target = [direction(node, target) for node in paper_network.nodes]
    printed = [a + b for a in to_target for b in to_target] + [np.zeros(2)] * 10
    for clock in isal.model.parameters.CLOCKS:
        rows = network_links(paper_network, radio, clock).rows
        np.testing.assert_allclose(rows[:, -2:], printed, rtol=0, atol=1e-14)


def test_rows_of_the_clock_offsets_are_A3(paper_network, radio):  # noqa: N802
    """As printed: offsets of radar 2 and of the anchors from radar 1."""
    # fmt: off
    printed = [
        [0, 0], [1, 0], [0, 1], [0, 1],
        [-1, 0], [0, 0], [-1, 1], [-1, 1],
        [0, -1], [1, -1], [0, 0], [0, 0],
        [0, -1], [1, -1], [0, 0], [0, 0],
        [1, 0], [0, 1], [0, 1],
        [-1, 0], [-1, 1], [-1, 1],
        [0, -1], [1, -1],
        [0, -1], [1, -1],
    ]
    # fmt: on
    assert network_links(paper_network, radio, "asynchronous").rows[:, 4:6].tolist() == printed


@given(ANY_NETWORK, CLOCKS, generators())
def test_every_row_is_a_finite_difference_of_its_delay(network, clock, rng):
    theta = references.parameters(network, clock, rng.normal(0, 30, network.n_radars))
    rows = network_links(network, RADIO, clock).rows
    assert rows.shape[1] == len(theta)
    step = 1e-4
    for column, up in enumerate(step * np.eye(len(theta))):
        above = references.measured_ranges(network, clock, theta + up)
        below = references.measured_ranges(network, clock, theta - up)
        np.testing.assert_allclose(rows[:, column], (above - below) / (2 * step), rtol=0, atol=2e-9)


# --- information as a function of power -------------------------------------------------------------------------------


@given(powered_networks(targets=(1, 3), radars_known=(False, True)), CLOCKS)
def test_information_is_a_sum_over_links(powered, clock):
    network, power = powered
    matrix = isal.information(network, RADIO, clock).matrix(power)
    expected = references.information(network, RADIO, power, clock)
    np.testing.assert_allclose(matrix, expected, rtol=0, atol=1e-13 * np.abs(expected).max())


@given(powered_networks(), CLOCKS, generators())
def test_information_is_linear_in_the_powers(powered, clock, rng):
    network, power = powered
    information = isal.information(network, RADIO, clock)
    other, share = rng.uniform(0, 5, network.n_nodes), rng.uniform(0, 4)
    combined = information.matrix(power + share * other)
    parts = information.matrix(power) + share * information.matrix(other)
    np.testing.assert_allclose(combined, parts, rtol=0, atol=1e-14 * np.abs(parts).max())
    assert not information.matrix(np.zeros(network.n_nodes)).any()


@given(powered_networks(), CLOCKS)
def test_node_matrices_are_the_information_of_one_watt(powered, clock):
    network, _ = powered
    information = isal.information(network, RADIO, clock)
    for node, watt in enumerate(np.eye(network.n_nodes)):
        assert np.array_equal(information.matrix(watt), information.node_matrices[node])
    assert (np.linalg.eigvalsh(information.node_matrices) > -1e-12 * np.abs(information.node_matrices).max()).all()


@pytest.mark.parametrize(
    ("power", "message"),
    [
        ([1, 2, 3], r"site: power needs 4 values, .* radar 1, radar 2, anchor 1, anchor 2; got shape \(3,\)"),
        (1.0, r"site: power needs 4 values, .* got shape \(\)"),
        ([1, 2, -0.1, 4], r"site: the power of anchor 1 must be finite and not negative, got -0.1 W"),
        ([1, np.nan, 1, 1], "site: the power of radar 2 must be finite and not negative, got nan W"),
        ([1, 1, 1, np.inf], "site: the power of anchor 2 must be finite"),
    ],
)
def test_bad_powers_are_refused_by_node(paper_network, power, message):
    network = isal.Network.from_mapping(paper_network.to_mapping(), "site")
    with pytest.raises(ValueError, match=message):
        checked_power(power, network)


# --- bounds -----------------------------------------------------------------------------------------------------------


@given(powered_networks(radars_known=(False, True)), CLOCKS)
def test_spebs_are_traces_of_blocks_of_the_inverse(powered, clock):
    network, power = powered
    matrix = references.information(network, RADIO, power, clock)
    basis = parameter_basis(network, clock)
    found = isal.spebs(network, RADIO, power, clock)
    for block in isal.model.parameters.BLOCKS:
        indices = basis.indices([block])
        expected = references.speb(matrix, indices) if len(indices) else math.nan
        assert getattr(found, block) == pytest.approx(expected, rel=1e-9, nan_ok=True)


@given(networks(targets=(1, 3), radars_known=(False, True)), st.floats(0.01, 100))
def test_at_equal_node_powers_clocks_cost_nothing(network, watts):
    """Both directions of a pair then weigh the same, and the offset enters them with opposite signs."""
    power = np.full(network.n_nodes, watts)
    synchronous = isal.spebs(network, RADIO, power, "synchronous")
    asynchronous = isal.spebs(network, RADIO, power, "asynchronous")
    assert asynchronous.radars == pytest.approx(synchronous.radars, rel=1e-9, nan_ok=True)
    assert asynchronous.targets == pytest.approx(synchronous.targets, rel=1e-9)


@given(powered_networks())
def test_unknown_clocks_never_help(powered):
    network, power = powered
    synchronous = isal.spebs(network, RADIO, power, "synchronous")
    asynchronous = isal.spebs(network, RADIO, power, "asynchronous")
    assert asynchronous.radars >= synchronous.radars * (1 - 1e-9)
    assert asynchronous.targets >= synchronous.targets * (1 - 1e-9)


@given(powered_networks(), CLOCKS, st.floats(-math.pi, math.pi), st.tuples(st.floats(-500, 500), st.floats(-500, 500)))
def test_turning_and_shifting_the_network_changes_nothing(powered, clock, angle, shift):
    network, power = powered
    moved = isal.spebs(network.moved(angle, shift), RADIO, power, clock)
    np.testing.assert_allclose(fields(moved), fields(isal.spebs(network, RADIO, power, clock)), rtol=1e-9)


@given(powered_networks(radars=(1, 4), targets=(1, 3)), CLOCKS, generators())
def test_the_order_of_nodes_does_not_matter(powered, clock, rng):
    """Except for the clock offsets, which depend on what radar comes first."""
    network, power = powered
    n_radars = network.n_radars
    radars, anchors = rng.permutation(n_radars), rng.permutation(network.n_anchors)
    shuffled = isal.Network(network.anchors[anchors], network.radars[radars], network.targets[::-1])
    found = isal.spebs(shuffled, RADIO, power[np.concatenate([radars, n_radars + anchors])], clock)
    expected = isal.spebs(network, RADIO, power, clock)
    assert found.radars == pytest.approx(expected.radars, rel=1e-9)
    assert found.targets == pytest.approx(expected.targets, rel=1e-9)


@given(powered_networks(), CLOCKS)
def test_a_hundredth_of_the_bandwidth_costs_exactly_a_hundred(powered, clock):
    network, power = powered
    narrow = isal.spebs(network, isal.Radio(bandwidth_hz=5e6), power, clock)
    wide = isal.spebs(network, isal.Radio(bandwidth_hz=500e6), power, clock)
    np.testing.assert_allclose(fields(narrow), 100 * fields(wide), rtol=1e-9)


@given(powered_networks(), CLOCKS, st.floats(1e-3, 1e3))
def test_bounds_are_inverse_to_the_scale_of_all_powers(powered, clock, factor):
    network, power = powered
    scaled = isal.spebs(network, RADIO, factor * power, clock)
    np.testing.assert_allclose(fields(scaled), fields(isal.spebs(network, RADIO, power, clock)) / factor, rtol=1e-9)


@given(powered_networks(anchors=(3, 5), radars_known=(False, True)), CLOCKS, st.sampled_from(["anchors", "radars"]))
def test_another_node_never_hurts_the_target(powered, clock, group):
    """It brings its own unknowns, but what it sends and receives only adds to what is known of the rest."""
    network, power = powered
    groups = {"anchors": network.anchors, "radars": network.radars}
    groups[group] = groups[group][:-1]
    smaller = isal.Network(targets=network.targets, radars_known=network.radars_known, **groups)
    last = (network.n_nodes if group == "anchors" else network.n_radars) - 1
    others = np.delete(power, last)
    before = isal.spebs(smaller, RADIO, others, clock).targets
    silent = isal.spebs(network, RADIO, np.insert(others, last, 0.0), clock).targets
    talking = isal.spebs(network, RADIO, power, clock).targets
    assert talking <= silent * (1 + 1e-9)
    assert silent <= before * (1 + 1e-9)


@given(powered_networks(targets=(2, 3)), CLOCKS)
def test_another_target_never_hurts_the_radars(powered, clock):
    network, power = powered
    fewer = isal.Network(network.anchors, network.radars, network.targets[:-1])
    with_all, with_fewer = (isal.spebs(some, RADIO, power, clock).radars for some in (network, fewer))
    assert with_all <= with_fewer * (1 + 1e-9)


@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
def test_range_bound_of_a_single_radar_by_hand(radio, clock):
    """Anchors to the west and to the south, all at 100 m and 1 W: two directions, each measured both ways."""
    network = isal.Network([[0, 100], [100, 0]], [[100, 100]])
    expected = 2 / (2 * radio.xi / 100**2)
    assert isal.spebs(network, radio, [1, 1, 1], clock).radars == pytest.approx(expected, rel=1e-13)


def test_sensing_bound_of_two_anchors_by_hand(radio):
    """Target at the corner of a square: two monostatic links and the bistatic pair along their sum."""
    network = isal.Network([[0, 100], [100, 0]], [], [[100, 100]])
    intensity = radio.xi / 100**4 * 10 / (4 * math.pi)
    matrix = intensity * np.array([[4 + 2, 2], [2, 4 + 2]])
    found = isal.spebs(network, radio, [1, 1], "synchronous")
    assert found.targets == pytest.approx(np.trace(np.linalg.inv(matrix)), rel=1e-13)


@pytest.mark.parametrize(
    ("network", "clock", "present"),
    [
        (isal.Network([[0, 0], [100, 0]], [[30, 40]]), "synchronous", ["radars"]),
        (isal.Network([[0, 0], [100, 0]], [[30, 40]]), "asynchronous", ["radars", "clocks"]),
        (isal.Network([[0, 0]], [[50, 9], [0, 50]], [[30, 40]], radars_known=True), "synchronous", ["targets"]),
        (isal.Network([], [[50, 9], [0, 50]], [[30, 40]], radars_known=True), "asynchronous", ["clocks", "targets"]),
        (isal.Network([[0, 0], [100, 0]], [], [[30, 40]]), "asynchronous", ["targets"]),
    ],
    ids=["localization", "localization with clocks", "sensing", "sensing without anchors", "sensing without radars"],
)
def test_networks_without_some_blocks(radio, network, clock, present):
    found = isal.spebs(network, radio, np.ones(network.n_nodes), clock)
    assert [block for block in isal.model.parameters.BLOCKS if np.isfinite(getattr(found, block))] == present
    assert all(math.isnan(getattr(found, block)) for block in isal.model.parameters.BLOCKS if block not in present)


def test_bounds_are_infinite_where_the_powers_leave_a_parameter_undetermined(radio):
    network = isal.Network([[20, 20], [180, 20]], [[95, 105], [105, 85]])
    assert isal.spebs(network, radio, [0, 0, 0, 0], "synchronous").radars == math.inf
    assert isal.spebs(network, radio, [0, 0, 1, 0], "synchronous").radars == math.inf


def test_bounds_over_the_parameters_met_so_far(paper_network, radio):
    information = isal.information(paper_network, radio, "asynchronous")
    met = information.basis.indices(["radars", "targets"])
    known = information.measured([1, 2, 3, 4]).over(met)
    matrix, found = known.matrix, block_spebs(known, information.basis, met)
    assert found.radars == pytest.approx(references.speb(matrix, [0, 1, 2, 3]), rel=1e-11)
    assert found.targets == pytest.approx(references.speb(matrix, [4, 5]), rel=1e-11)
    assert math.isnan(found.clocks)


# --- units of the clock offsets ---------------------------------------------------------------------------------------


def test_clock_offsets_in_seconds_give_the_same_bounds_but_an_ill_conditioned_matrix(layouts, radio):
    """Never invert the matrix in seconds; scaled to a unit diagonal first, it agrees."""
    power = [1.0, 2.0, 3.0, 4.0]
    for network in layouts.values():
        information = isal.information(network, radio, "asynchronous")
        metres = information.matrix(power)
        unit = np.ones(len(metres))
        unit[information.blocks["clocks"]] = SPEED_OF_LIGHT
        seconds = metres * np.outer(unit, unit)
        found = isal.spebs(network, radio, power, "asynchronous")
        for block, factor in (("radars", 1), ("clocks", SPEED_OF_LIGHT**2), ("targets", 1)):
            in_seconds = references.speb(seconds, information.basis.indices([block]))
            assert getattr(found, block) == pytest.approx(in_seconds * factor, rel=1e-9)
        assert np.linalg.cond(metres) < 1e8
        assert np.linalg.cond(seconds) > 1e16


# --- what can't be observed -------------------------------------------------------------------------------------------


def positions(*nodes):
    return [f"{node} {axis}" for node in nodes for axis in "xy"]


#: What can't be observed of some layouts, in both clock modes.
UNOBSERVABLE = {
    # one distance can't give two coordinates
    "one range": ({"anchors": [[0, 0]], "radars": [[30, 40]]}, positions("radar 1")),
    # one anchor leaves the network free to turn about it
    "turn": (
        {"anchors": [[0, 0]], "radars": [[30, 40], [60, 10]], "targets": [[50, 50]]},
        positions("radar 1", "radar 2", "target 1"),
    ),
    # which moves one straight above it sideways only
    "turn sideways": (
        {"anchors": [[0, 0]], "radars": [[0, 40], [60, 10]], "targets": [[50, 0]]},
        ["radar 1 x", *positions("radar 2"), "target 1 y"],
    ),
    # no anchor leaves it free to shift, too
    "shift": (
        {"anchors": [], "radars": [[3, 4], [60, 10], [9, 50]], "targets": [[50, 50]]},
        positions("radar 1", "radar 2", "radar 3", "target 1"),
    ),
    # all on the x axis: nothing measures y
    "on the axis": (
        {"anchors": [[0, 0], [100, 0]], "radars": [[40, 0]], "targets": [[70, 0]]},
        ["radar 1 y", "target 1 y"],
    ),
    # the same on a slanted line, where no coordinate by itself is lost
    "on a line": ({"anchors": [[0, 0], [50, 100]], "radars": [[20, 40]]}, positions("radar 1")),
    # two sensors and their target on one line
    "sensing on a line": ({"anchors": [[0, 0], [100, 0]], "targets": [[30, 0]], "radars": []}, ["target 1 y"]),
    # one monostatic range of each target only
    "one sensor": (
        {"anchors": [[0, 0]], "radars": [], "targets": [[30, 0], [0, 40], [30, 40]]},
        ["target 1 y", "target 2 x", *positions("target 3")],
    ),
}


def refused(network, radio, clock):
    """The parameters that the refusal of a network names."""
    with pytest.raises(isal.UnobservableError) as caught:
        isal.information(network, radio, clock)
    pattern = rf"{network.name}: its links can't tell apart the parameters (.*) in {clock} mode; .+"
    return re.fullmatch(pattern, str(caught.value))[1].split(", ")


@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
@pytest.mark.parametrize(("groups", "lost"), UNOBSERVABLE.values(), ids=UNOBSERVABLE)
def test_unobservable_layouts_are_refused_with_the_parameters_at_fault(radio, groups, lost, clock):
    assert refused(isal.Network(**groups, name="site"), radio, clock) == lost


@pytest.mark.parametrize("clock", isal.model.parameters.CLOCKS)
@pytest.mark.parametrize(("groups", "lost"), UNOBSERVABLE.values(), ids=UNOBSERVABLE)
def test_the_parameters_named_do_not_hang_on_the_last_digits(monkeypatch, radio, groups, lost, clock):
    """Whichever vectors of the unobservable space the linear algebra of a machine returns."""
    eigh, rng = np.linalg.eigh, np.random.default_rng(0)

    def rounded_otherwise(matrix):
        half = rng.uniform(-1, 1, matrix.shape)
        return eigh(matrix + 4 * np.finfo(float).eps * matrix * (half + half.T))

    monkeypatch.setattr(np.linalg, "eigh", rounded_otherwise)
    for _ in range(20):
        assert refused(isal.Network(**groups, name="site"), radio, clock) == lost


@given(networks(anchors=(0, 0), radars=(2, 4), targets=(0, 2)), CLOCKS)
def test_without_anchors_every_position_is_named_and_no_clock(network, clock):
    """A shift moves all of them alike, and the turn adds to that."""
    radars, targets = (
        [f"{kind} {number + 1}" for number in range(size)]
        for kind, size in (("radar", network.n_radars), ("target", network.n_targets))
    )
    assert refused(network, RADIO, clock) == positions(*radars, *targets)


def test_a_target_off_the_line_makes_a_radar_on_the_line_observable(radio):
    """Sensing does what ranging can't: cooperation between the two parts of the network."""
    anchors, radars = [[0, 0], [100, 0]], [[40, 0]]
    with pytest.raises(isal.UnobservableError, match="radar 1 y"):
        isal.information(isal.Network(anchors, radars), radio, "synchronous")
    found = isal.spebs(isal.Network(anchors, radars, [[50, 30]]), radio, [1, 1, 1], "synchronous")
    assert np.isfinite(found.radars)


@pytest.mark.parametrize("off_the_line", [1.0, 0.01])
def test_a_layout_close_to_a_line_is_poor_but_not_refused(radio, off_the_line):
    """Across the line the bound grows with the inverse square of the distance from it; the line is turned by 40 deg."""
    network = isal.Network([[0, 0], [100, 0]], [[50, off_the_line]]).moved(0.7)
    across = (off_the_line / math.hypot(50, off_the_line)) ** 2
    intensity = radio.xi / (50**2 + off_the_line**2)
    expected = 1 / (4 * intensity * across) + 1 / (4 * intensity * (1 - across))
    assert isal.spebs(network, radio, [1, 1, 1], "synchronous").radars == pytest.approx(expected, rel=1e-6)


def test_networks_of_ordinary_size_are_never_refused(radio):
    rng = np.random.default_rng(5)
    for _ in range(100):
        network = random_network(rng, *rng.integers((2, 1, 0), (5, 5, 3)))
        for clock in isal.model.parameters.CLOCKS:
            power = np.ones(network.n_nodes)
            assert np.isfinite(isal.spebs(network, radio, power, clock).radars)


# --- made once --------------------------------------------------------------------------------------------------------


def test_what_follows_from_the_information_alone_is_made_once(paper_network, radio):
    info = isal.information(paper_network, radio, "asynchronous")
    asked = []

    def made(information, *arguments):
        asked.append((information, *arguments))
        return None if arguments == (2,) else object()

    assert info.once(made, 1) is info.once(made, 1)
    assert info.once(made, 2) is info.once(made, 2) is None
    assert asked == [(info, 1), (info, 2)]
    assert info.ranging.once(made, 1) is not info.once(made, 1)  # another information


@given(powered_networks(), CLOCKS)
def test_products_of_known_parameters_count_nothing(powered, clock):
    network, power = powered
    info = isal.information(network, RADIO, clock)
    known = info.basis.indices(["radars"])
    expected = info.matrix(power)
    expected[np.ix_(known, known)] = 0.0
    np.testing.assert_allclose(info.measured(power, known).matrix, expected, rtol=1e-12)
    assert info.counted(known) is info.counted(known.copy())
    assert info.counted(known[:0]) is info.stack


@given(powered_networks(), CLOCKS)
def test_a_selector_picks_a_block_among_those_kept(powered, clock):
    network, power = powered
    info = isal.information(network, RADIO, clock)
    kept = info.basis.indices(["radars", "targets"])
    known = info.measured(power)
    picked = info.basis.selector(["targets"], kept).T @ known.over(kept).matrix
    np.testing.assert_array_equal(picked, known.matrix[np.ix_(info.basis.indices(["targets"]), kept)])


@given(powered_networks(), CLOCKS)
def test_links_at_many_powers_are_those_at_each(powered, clock):
    network, power = powered
    info = isal.information(network, isal.Radio(timestamp_jitter_s=150e-12), clock)
    several = np.array([power, 2 * power, 0 * power])
    for found, of_one in zip(
        info.of_links(several[:, info.links.transmitter]), (info.link_information, info.link_snr), strict=True
    ):
        np.testing.assert_array_equal(found, [of_one(each) for each in several])
