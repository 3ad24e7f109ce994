"""Networks: what they hold and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import networks

from isal import Network, NetworkError

ANCHORS, RADARS, TARGETS = [[0, 0], [100, 0]], [[30, 40], [70, 60]], [[50, 20]]


def test_nodes_are_radars_then_anchors():
    network = Network(ANCHORS, RADARS, TARGETS)
    assert network.nodes.tolist() == RADARS + ANCHORS
    assert network.node_labels == ("radar 1", "radar 2", "anchor 1", "anchor 2")
    assert (network.n_anchors, network.n_radars, network.n_targets, network.n_nodes) == (2, 2, 1, 4)


def test_positions_are_copied_and_read_only():
    anchors = np.array(ANCHORS, dtype=float)
    network = Network(anchors, RADARS, TARGETS)
    anchors[0, 0] = 5.0
    assert network.anchors.tolist() == ANCHORS
    with pytest.raises(ValueError, match="read-only"):
        network.anchors[0, 0] = 1.0


@pytest.mark.parametrize(
    ("anchors", "radars", "targets", "message"),
    [
        ([[0, 0], [0, 0]], RADARS, TARGETS, r"site: anchor 1 and anchor 2 coincide at \[0.0, 0.0\] m"),
        (ANCHORS, [[30, 40], [30, 40]], TARGETS, "site: radar 1 and radar 2 coincide"),
        (ANCHORS, [[30, 40], [100, 0]], TARGETS, "site: radar 2 and anchor 2 coincide"),
        (ANCHORS, RADARS, [[50, 20], [70, 60.0005]], "site: radar 2 and target 2 coincide"),
        (ANCHORS, RADARS, [[100, 0]], "site: anchor 2 and target 1 coincide"),
        ([[0, 0], [np.nan, 1]], RADARS, TARGETS, r"site: anchor 2 has a coordinate that is not finite: \[nan, 1.0\]"),
        (ANCHORS, [[np.inf, 40]], TARGETS, "site: radar 1 has a coordinate that is not finite"),
        (ANCHORS, RADARS, [[50, 20], [1, -np.inf]], "site: target 2 has a coordinate that is not finite"),
        (
            [0, 0],
            RADARS,
            TARGETS,
            r"site: anchors must be a list of \[x, y\], or of \[x, y, z\], in metres, got an array of shape \(2,\)",
        ),
        (ANCHORS, [[1, 2, 3, 4]], TARGETS, r"site: radars must be .* shape \(1, 4\)"),
        (ANCHORS, [[1, 2, 3]], TARGETS, "site: radars have 3 coordinates and anchors have 2; give all"),
        (ANCHORS, RADARS, [[[1, 2]]], r"site: targets must be .* shape \(1, 1, 2\)"),
        (ANCHORS, [[1, 2], [3]], TARGETS, r"site: radars must be .* got \[\[1, 2\], \[3\]\]"),
        ([["a", "b"]], RADARS, TARGETS, "site: anchors must be a list"),
        ([], [], TARGETS, "site: no anchors and no radars"),
        (ANCHORS, [], [], "site: nothing to estimate"),
    ],
)
def test_unusable_networks_are_refused_by_name(anchors, radars, targets, message):
    with pytest.raises(NetworkError, match=message):
        Network(anchors, radars, targets, name="site")


def test_known_radars_without_a_target_leave_nothing_to_estimate():
    with pytest.raises(NetworkError, match="site: nothing to estimate"):
        Network(ANCHORS, RADARS, radars_known=True, name="site")


def test_two_targets_may_share_a_spot():
    """No link runs between targets."""
    assert Network(ANCHORS, RADARS, TARGETS * 2).n_targets == 2


@given(networks(anchors=(0, 3), targets=(0, 3)))
def test_mapping_round_trip(network):
    again = Network.from_mapping(network.to_mapping(), "again")
    assert again.to_mapping() == network.to_mapping()
    assert again.name == "again"


def test_mapping_keeps_that_radars_are_known():
    network = Network(ANCHORS, RADARS, TARGETS, radars_known=True)
    assert Network.from_mapping(network.to_mapping()).radars_known


def test_mapping_with_one_target_and_without_groups():
    network = Network.from_mapping({"radars": RADARS, "target": [1, 2], "resources": "limited"})
    assert network.targets.tolist() == [[1, 2]]
    assert network.n_anchors == 0
    assert Network.from_mapping({"radars": RADARS}).n_targets == 0


def test_moved_turns_about_the_origin_then_shifts():
    moved = Network([[1, 0]], [[0, 2]], [[3, 3]], radars_known=True, name="site").moved(np.pi / 2, (10, 20))
    np.testing.assert_allclose(moved.anchors, [[10, 21]], atol=1e-12)
    np.testing.assert_allclose(moved.radars, [[8, 20]], atol=1e-12)
    np.testing.assert_allclose(moved.targets, [[7, 23]], atol=1e-12)
    assert moved.radars_known
    assert moved.name == "site"


@given(networks(), st.floats(-10, 10), st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)))
def test_moved_keeps_all_distances(network, angle, shift):
    def distances(some):
        everything = np.concatenate([some.nodes, some.targets])
        return np.linalg.norm(everything[:, None] - everything[None], axis=-1)

    np.testing.assert_allclose(distances(network.moved(angle, shift)), distances(network), rtol=0, atol=1e-10)
