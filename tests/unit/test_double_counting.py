"""The exchange counted beside the links that it consists of."""

import numpy as np
import pytest
import references
from builders import DUAL

import isal
from isal.schemes.schedule import slot_informations
from isal.units import SPEED_OF_LIGHT
from isal.validation import clocks
from isal.validation.double_counting import double_counting

RADIO = isal.Radio()


@pytest.mark.parametrize("name", ["8a", "8b", "8c", "8d"])
def test_it_changes_the_target_by_next_to_nothing(name):
    result = double_counting(DUAL[name], RADIO, energies=[5, 5])
    assert result.exchange_variance == pytest.approx(4.5e-20)
    # slot 1 has nothing before it; smoothed, both have a neighbour
    assert result.gain[0] == 0
    gains = [result.gain[1], *result.smoothed_gain]
    assert 5e-6 < max(gains) < 2e-4
    assert min(gains) > 1e-6
    # what Table 1's prior brings is far less
    assert abs(1 - result.prior_m2 / result.decoupled_m2).max() < 1e-9


def test_bounds_are_those_of_the_whole_matrix():
    networks, power = DUAL["8b"], np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 0.5, 1.0, 1.5]])
    result = double_counting(networks, RADIO, power=power)
    infos = slot_informations(networks, RADIO, "asynchronous")
    size = infos[0].basis.size
    for variance, filtered, smoothed in (
        (RADIO.drift_variance, result.prior_m2, result.smoothed_prior_m2),
        (4.5e-20, result.exchange_m2, result.smoothed_exchange_m2),
        (np.inf, result.decoupled_m2, result.smoothed_decoupled_m2),
    ):
        coupled = np.concatenate(
            [
                np.full(4, 1 / RADIO.velocity_variance),
                np.full(2, 1 / (variance * SPEED_OF_LIGHT**2)),
                np.zeros(2),
            ]
        )
        whole = np.kron([[1, -1], [-1, 1]], np.diag(coupled))
        for slot, info in enumerate(infos):
            place = slice(slot * size, (slot + 1) * size)
            whole[place, place] += info.matrix(power[slot])
        inverse = np.asarray(references.exact_inverse(references.exact(whole)), dtype=float)
        for slot in range(2):
            target = np.arange(slot * size + 6, slot * size + 8)
            assert smoothed[slot] == pytest.approx(inverse[target, target].sum(), rel=1e-9)
        assert filtered[1] == pytest.approx(smoothed[1], rel=1e-12)


def test_the_better_the_stamps_the_more_is_counted_twice():
    gains = [double_counting(DUAL["8d"], RADIO, energies=[5, 5], jitter_s=j).gain[1] for j in (1e-9, 1e-10, 1e-11)]
    assert 0 < gains[0] < gains[1] < gains[2]
    assert gains[1] == pytest.approx(100 * gains[0], rel=0.1)  # as 1 / sigma_t^2 as long as it is small


def test_the_variance_is_that_of_the_exchange():
    result = double_counting(DUAL["8a"], RADIO, energies=[5, 5], jitter_s=3e-10)
    assert result.exchange_variance == pytest.approx(float(clocks.drift_variance(3e-10, 1.0)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"energies": None}, "either the slots' energies or the nodes' powers"),
        ({"power": np.ones((2, 4))}, "either the slots' energies or the nodes' powers"),
        ({"energies": None, "power": np.ones(4)}, "one row of node powers per slot, 2; got shape"),
    ],
)
def test_refusals(change, words):
    arguments = {"energies": [5, 5]} | change
    with pytest.raises(ValueError, match=words):
        double_counting(DUAL["8a"], RADIO, **arguments)


def test_one_slot_and_no_target_are_refused():
    with pytest.raises(ValueError, match="at least two slots"):
        double_counting(DUAL["8a"][:1], RADIO, energies=[5])
    blind = [isal.Network(net.anchors, net.radars, name="blind") for net in DUAL["8a"]]
    with pytest.raises(ValueError, match="blind: no target"):
        double_counting(blind, RADIO, energies=[5, 5])
