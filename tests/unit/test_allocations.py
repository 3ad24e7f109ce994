"""Allocations at the best splits, as maps show them."""

import numpy as np
import pytest
from builders import DUAL, INTEGRATED, TOTAL_UJ, point_of

from isal.figures import Shown, style
from isal.figures import allocations as figure
from isal.schemes.registry import SCHEMES
from isal.study import allocations
from isal.study.allocations import Allocation

HALVES = {"energies_uj": (TOTAL_UJ // 2, TOTAL_UJ // 2)}
SHOWN = Shown("allocations", [], style.COLOURS, 0.0, "")


@pytest.fixture
def single(layouts):
    """One slot, in two networks: in 7b held promises the lower bound, in 7d marginal, which leaves out step 1."""
    steps = ["step-by-step-marginal", "step-by-step-held"]
    return [
        point_of(slots=(layouts[name],), **where)
        for name in ("7b", "7d")
        for where in (*({"scheme": scheme} for scheme in steps), INTEGRATED)
    ]


@pytest.fixture
def double():
    """Two slots in one network."""
    return [point_of(slots=DUAL["8b"], scheme=scheme, **HALVES) for scheme in ("integrated", "step-by-step-held")]


def test_each_network_has_the_integrated_and_the_best_step_by_step_scheme(single):
    dataset = allocations.allocations(single)
    assert list(dataset.network.values) == ["7b", "7b", "7d", "7d"]
    assert list(dataset.scheme.values) == ["integrated", "step-by-step-held", "integrated", "step-by-step-marginal"]
    assert list(dataset.energies.values) == ["", "6.75 / 3.25", "", "0 / 10"]


def test_what_is_stored_is_what_was_solved(single, double):
    for points in (single, double):
        read = list(allocations.read(allocations.allocations(points)))
        for point in points:
            slots = point.at_best().solve().slots
            found = [each for row, each in read if (row.network, row.scheme) == (point.name, point.scheme)]
            assert len(found) in (0, len(slots))  # none of the step-by-step scheme that is not the best one
            for one, slot in zip(found, slots, strict=False):
                told = Allocation.of(slot)
                assert one.network == told.network
                assert one.power == pytest.approx(told.power, rel=1e-6, abs=1e-9)
                assert one.ends.tolist() == told.ends.tolist()
                assert one.shares == pytest.approx(told.shares, rel=1e-4, abs=1e-9)
                assert one.covariances == pytest.approx(told.covariances, rel=1e-4)


def test_powers_are_the_energy_and_errors_the_bound(single):
    """A step lasts one second; the trace of the target's covariance is its bound."""
    integrated = [point for point in single if not SCHEMES[point.scheme].has_steps]
    for point, (_, found) in zip(integrated, allocations.read(allocations.allocations(integrated)), strict=True):
        assert found.power.sum() == pytest.approx(10, rel=1e-6)
        assert found.shares.sum() == pytest.approx(1, rel=1e-9)
        assert np.trace(found.covariances[-1]) == pytest.approx(point.solve().speb, rel=1e-6)
        assert found.places[-1] == pytest.approx(found.network.targets[0])


@pytest.mark.parametrize(
    ("points", "titles"),
    [
        ("single", ["(a) 7b\nintegrated", "(b) 7b\nstep-by-step, held: 6.75 / 3.25 J"]),
        ("double", ["(a) 8b, slot 1\nintegrated: 0.34 / 9.66 J", "(b) 8b, slot 2\nintegrated: 0.34 / 9.66 J"]),
    ],
)
def test_every_map_says_what_it_shows(request, points, titles):
    dataset = allocations.allocations(request.getfixturevalue(points))
    picture = figure.draw([dataset], SHOWN)
    assert [panel.get_title(loc="left") for panel in picture.axes[:2]] == titles
    assert len(picture.axes) == 4
    (legend,) = picture.legends
    assert "power (area)" in {text.get_text() for text in legend.texts}
    for panel in picture.axes:
        assert any("ellipses: " in text.get_text() for text in panel.texts)
