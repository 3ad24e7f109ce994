"""Positions from made-up ranges: what comes out is as good as its bound, and outliers are found out."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats
from synthetic_logs import Run

from isal.validation import logs, tracking
from isal.validation.logs import MeasurementError
from isal.validation.measurements import LinkFit

#: Probability that a whole test fails although all is well; divided among the statistics of the test.
FAMILY = 0.01

#: The link that the made-up runs have, its bias the same everywhere.
FIT = LinkFit(0.022, 0.0, 0.05, 0.005, 0.0, (0.02, 0.024), (0.0, 0.0), (0.005, 0.005), 80, 0)


def tracked(folder, **settings):
    """A made-up run with its track, and the epochs, counted by number of messages, of its outliers."""
    wrong = Run(**settings).write(folder)
    run = logs.read_dynamic(folder)
    return run, tracking.track(run, FIT), wrong


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return tracked(tmp_path_factory.mktemp("clean"))


class TestEpochs:
    def test_one_range_of_each_anchor(self, clean):
        run, _, _ = clean
        found = tracking.epochs(run)
        assert found.measured.all()
        assert len(found.time_s) * 4 == len(run.time_s)
        assert np.diff(found.time_s) == pytest.approx(0.1, abs=1e-6)

    def test_lost_ranges_make_no_new_epochs(self, tmp_path):
        run, result, _ = tracked(tmp_path, lost=300)
        found = tracking.epochs(run)
        assert len(found.time_s) == 1180
        assert (~found.measured).sum() == 300
        assert result.found.counts["too few ranges"] == (found.measured.sum(axis=1) < 3).sum()

    def test_an_anchor_twice_within_the_window_starts_the_next_epoch(self, clean):
        run, _, _ = clean
        found = tracking.epochs(run, window_s=0.19)
        assert len(found.time_s) * 4 == len(run.time_s)


class TestClean:
    def test_delay_and_height(self, clean):
        _, result, _ = clean
        assert result.alignment.delay_s == pytest.approx(0.18, abs=0.01)
        assert result.alignment.height_m == pytest.approx(1.0, abs=0.02)
        assert result.alignment.spread_m == pytest.approx(0.6745 * FIT.floor_m, rel=0.1)

    def test_positions_reach_the_bound(self, clean):
        """1180 epochs: the sum of NEES against chi-square with 2 x 1180 degrees, the MSE against its normal limits."""
        _, result, _ = clean
        n = len(result.found.time_s)
        assert n == 1180
        alpha = FAMILY / 2
        low, high = stats.chi2.ppf([alpha / 2, 1 - alpha / 2], 2 * n)
        assert low < result.nees.sum() < high
        covariance = result.found.covariance_m2
        deviation = math.sqrt(2 * np.einsum("nij,nji->", covariance, covariance))
        excess = (result.error_m**2).sum() - np.trace(covariance, axis1=1, axis2=2).sum()
        assert abs(excess) < stats.norm.ppf(1 - alpha / 2) * deviation
        assert result.bound_m**2 == pytest.approx(np.trace(covariance, axis1=1, axis2=2), rel=0.05)
        assert result.floor_bound_m == pytest.approx(result.bound_m)

    def test_the_test_rejects_as_often_as_it_should(self, clean):
        """Epochs that fail the first chi-square test at 1 % are binomial."""
        _, result, _ = clean
        n = len(result.found.time_s)
        failed = n - result.found.counts["clean"]
        assert stats.binom.ppf(FAMILY / 2, n, 0.01) <= failed <= stats.binom.ppf(1 - FAMILY / 2, n, 0.01)
        assert result.found.counts["not converged"] == 0

    def test_error_along_and_across(self, clean):
        _, result, _ = clean
        assert np.hypot(result.along_m, result.across_m) == pytest.approx(result.error_m)
        # anchors side by side: across is the harder direction
        assert np.std(result.across_m) > 1.5 * np.std(result.along_m)

    def test_medians(self, clean):
        _, result, _ = clean
        found = result.medians()
        assert found["epochs"] == result.found.accepted.sum()
        assert found["median error"] == pytest.approx(np.median(result.error_m[result.found.accepted]))
        # a Rayleigh-like error: its median lies below the root mean square
        assert 0.5 < found["error over bound"] < 1.0


class TestOutliers:
    def test_they_are_found_out(self, tmp_path):
        _, result, wrong = tracked(tmp_path, outliers=118, outlier=3.0)
        counts = result.found.counts
        assert counts["one range rejected"] + counts["not accepted"] >= 118
        # the wrong range is the one that is left out, but where three others fit by chance: one residual tells no more
        right = ~result.found.used[wrong, wrong % 4]
        assert right.mean() > 0.9
        assert (result.found.used[wrong].sum(axis=1) == 3).all()
        # positions without it are as good as their covariance says: half of all NEES lie below the median, at 1 %
        kept = wrong[right & result.found.accepted[wrong]]
        below = (result.nees[kept] < stats.chi2.median(2)).sum()
        assert stats.binom.ppf(FAMILY / 2, len(kept), 0.5) <= below <= stats.binom.ppf(1 - FAMILY / 2, len(kept), 0.5)

    def test_without_the_test_they_spoil_the_positions(self, tmp_path):
        run, with_test, wrong = tracked(tmp_path, outliers=118)
        found = tracking.positions(run.anchors_m, 1.1, tracking.epochs(run), FIT, false_alarm=0.0)
        assert found.counts["clean"] == len(found.time_s)
        reference = run.reference_at(found.time_s - 0.18)[:, :2]
        error = np.linalg.norm(found.position_m - reference, axis=1)
        assert np.median(error[wrong]) > 5 * np.median(with_test.error_m[wrong])

    def test_three_ranges_tell_only_that_one_is_wrong(self):
        anchors = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 0.0]])
        distance = np.linalg.norm(anchors - [4.0, 3.0, 0.0], axis=1)
        measured = FIT.bias_m + (1 + FIT.bias_per_m) * distance
        ranges = np.array([measured, measured + np.array([0.0, 0.0, 2.0])])
        epochs = tracking.Epochs(np.array([0.0, 1.0]), ranges, np.ones((2, 3), dtype=bool))
        found = tracking.positions(anchors, 0.0, epochs, FIT)
        assert found.position_m[0] == pytest.approx([4.0, 3.0], abs=1e-6)
        assert found.accepted.tolist() == [True, False]
        assert found.used.all()
        assert found.counts["not accepted"] == 1


class TestSolver:
    def test_no_start_knows_the_answer_and_the_mirror_image_loses(self):
        """Random anchors and tags: without noise the position is found from starts around the anchors."""
        rng = np.random.default_rng(8)
        for _ in range(20):
            anchors = np.concatenate([rng.uniform(-3, 3, (4, 2)), rng.uniform(0, 2, (4, 1))], axis=1)
            tags = np.concatenate([rng.uniform(-40, 40, (50, 2)), np.full((50, 1), 1.0)], axis=1)
            distance = np.linalg.norm(tags[:, None] - anchors, axis=2)
            ranges = FIT.bias_m + (1 + FIT.bias_per_m) * distance
            epochs = tracking.Epochs(np.arange(50.0), ranges, np.ones((50, 4), dtype=bool))
            found = tracking.positions(anchors, 1.0, epochs, FIT)
            assert found.converged.all()
            assert found.chi_square.max() < 1e-3
            near = np.linalg.norm(found.position_m - tags[:, :2], axis=1) < 1e-2
            assert near.mean() > 0.95

    def test_bound_is_the_trace_of_the_inverse(self):
        rng = np.random.default_rng(3)
        anchors, tags = rng.uniform(-5, 5, (5, 3)), rng.uniform(-20, 20, (7, 3))
        measured = rng.random((7, 5)) < 0.8
        measured[:, :3] = True
        fit = dataclasses.replace(FIT, growth=1e-3, bias_spread_m=0.06)
        for known in (False, True):
            bound = tracking.position_bound(anchors, tags, fit, measured, bias_known=known)
            for row in range(7):
                matrix = np.zeros((2, 2))
                for a in np.flatnonzero(measured[row]):
                    away = tags[row] - anchors[a]
                    d = np.linalg.norm(away)
                    variance = (1e-3 * d) ** 2 + 0.022**2 + (0 if known else 0.06**2)
                    matrix += np.outer(away[:2], away[:2]) / d**2 / variance
                assert bound[row] ** 2 == pytest.approx(np.trace(np.linalg.inv(matrix)), rel=1e-9)

    def test_bound_of_what_can_not_be_told(self):
        anchors = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]])
        tags = np.array([[9.0, 0.0, 0.0], [np.nan, 0.0, 0.0], [3.0, 3.0, 0.0]])
        bound = tracking.position_bound(anchors, tags, FIT, np.ones((3, 2), dtype=bool))
        assert np.isinf(bound[0])
        assert np.isnan(bound[1])
        assert np.isfinite(bound[2])


def test_ranges_that_never_come_together_are_refused(tmp_path):
    Run(duration=10.0).write(tmp_path)
    with pytest.raises(MeasurementError, match=r"no three ranges within 0\.001 s"):
        tracking.track(logs.read_dynamic(tmp_path), FIT, window_s=0.001)
