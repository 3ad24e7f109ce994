"""Random networks: seeded, in range, and observable."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isal
from isal.model.ensemble import AREA_M, CLOSEST_M, SEPARATIONS_M, Ensemble, random_network, random_networks
from isal.model.parameters import CLOCKS

#: Places are rounded to millimetres after they are checked.
ROUNDING_M = 2e-3


def as_mappings(networks):
    return [network.to_mapping() for network in networks]


def distances(network):
    """Between nodes and targets, all pairs once."""
    spots = np.concatenate([network.nodes, network.targets])
    return np.array([np.linalg.norm(one - other) for one, other in itertools.combinations(spots, 2)])


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 6))
def test_a_network_is_the_same_whatever_the_size(seed, size, more):
    few, many = list(random_networks(seed, size)), list(random_networks(seed, size + more))
    assert len(few) == size
    assert as_mappings(many[:size]) == as_mappings(few)
    assert [network.name for network in few] == [f"random-{seed}-{number}" for number in range(size)]


def test_every_network_is_another_one():
    some = as_mappings([*random_networks(1, 30), *random_networks(2, 30)])
    assert len({str(mapping) for mapping in some}) == 60


@pytest.mark.parametrize(
    "ranges",
    [
        {},
        {"anchors": (3, 3), "radars": (1, 2), "targets": (1, 3)},
        {"anchors": (2, 20), "radars": (4, 4)},
    ],
    ids=["default", "few", "many"],
)
def test_numbers_of_nodes_keep_to_their_ranges_and_use_them(ranges):
    expected = {"anchors": (2, 6), "radars": (2, 6), "targets": (1, 1)} | ranges
    some = list(random_networks(3, 200, **ranges))
    for group, (low, high) in expected.items():
        sizes = {len(getattr(network, group)) for network in some}
        assert sizes == set(range(low, high + 1))


@given(st.integers(0, 2**32))
def test_all_lie_in_the_square_and_apart(seed):
    for network in random_networks(seed, 10, targets=(1, 3)):
        spots = np.concatenate([network.nodes, network.targets])
        assert (spots >= 0).all()
        assert (spots <= AREA_M).all()
        assert distances(network).min() >= CLOSEST_M - ROUNDING_M


@pytest.mark.parametrize("separation", [2.0, 20.0, 80.0])
def test_radars_are_as_far_from_targets_as_asked_for(separation):
    """Radars within half to one and a half, targets within half of the separation around a common place."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        network = random_network(rng, 2, 3, 2, separation, "apart")
        between = np.linalg.norm(network.radars[:, None] - network.targets, axis=-1)
        assert between.max() <= 2 * separation + ROUNDING_M
        targets = np.linalg.norm(network.targets[0] - network.targets[1])
        assert targets <= separation + ROUNDING_M
        assert network.name == "apart"


def test_an_ensemble_runs_from_abundant_to_limited_sensing():
    """Mean distances between radars and target over both ends of the scales, and as many below as above the middle."""
    scale = np.array(
        [np.linalg.norm(network.radars - network.targets[0], axis=1).mean() for network in random_networks(5, 200)]
    )
    low, high = SEPARATIONS_M
    assert scale.min() < 2 * low
    assert scale.max() > high / 2
    assert 60 < np.count_nonzero(scale < np.sqrt(low * high)) < 140


@pytest.mark.parametrize("clock", CLOCKS)
def test_networks_are_observable(radio, clock):
    for network in random_networks(6, 50):
        bounds = isal.spebs(network, radio, np.ones(network.n_nodes), clock)
        assert 0 < bounds.targets < np.inf
        assert 0 < bounds.radars < np.inf


def test_networks_with_heights_are_in_space():
    heights = {"anchor_heights_m": (4.0, 6.0), "radar_heights_m": (1.0, 2.0), "target_heights_m": (0.0, 1.5)}
    space = Ensemble(name="hall", seed=1, size=20, anchors=(3, 5), slots=2, **heights)
    plane = Ensemble(name="hall", seed=1, size=20, anchors=(3, 5), slots=2)
    for number in range(20):
        for network in space.network(number):
            for spots, (low, high) in zip(
                (network.anchors, network.radars, network.targets), space.heights_m, strict=True
            ):
                assert spots.shape[1] == 3
                assert ((spots[:, 2] >= low) & (spots[:, 2] <= high)).all()
        first, flat = space.network(number)[0], plane.network(number)[0]
        assert np.array_equal(first.anchors[:, :2], flat.anchors)
        assert np.array_equal(first.targets[:, :2], flat.targets)
    assert space.to_mapping() == {**plane.to_mapping(), **{key: list(ends) for key, ends in heights.items()}}


def test_networks_are_left_out_by_number():
    ensemble = Ensemble(name="some", seed=1, size=6, without=(0, 4, 9))
    assert ensemble.numbers() == [1, 2, 3, 5]
    assert ensemble.numbers(2, 5) == [2, 3]
    assert ensemble.numbers(4, 100) == [5]
    assert ensemble.to_mapping() == Ensemble(name="some", seed=1, size=9).to_mapping()


def test_a_network_without_room_is_refused():
    with pytest.raises(isal.NetworkError, match=r"^crowd-0: no room for 50 anchors.*take larger separations or fewer"):
        Ensemble(name="crowd", seed=1, size=1, anchors=(50, 50), radars=(50, 50), area_m=10.0).network(0)
