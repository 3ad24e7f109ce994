"""Information matrices with their square roots: elimination, bounds, and the error that rounding leaves."""

import math

import exact
import numpy as np
import pytest
import references
from hypothesis import given
from hypothesis import strategies as st
from strategies import generators, powered_networks

import isal
from isal.knowledge import Knowledge, cholesky_factors, spebs_of

RADIO = isal.Radio()


def in_both_forms(root):
    """The same knowledge with and without its square root."""
    return Knowledge.of_rows(root), Knowledge.of_matrix(root.T @ root)


@given(generators(), st.integers(2, 7))
def test_marginal_is_the_inverse_of_a_block_of_the_inverse(rng, size):
    root = rng.normal(size=(size + 2, size))
    kept = np.sort(rng.permutation(size)[: rng.integers(1, size)])
    expected = np.linalg.inv(np.linalg.inv(root.T @ root)[np.ix_(kept, kept)])
    for known in in_both_forms(root):
        found = known.marginal(kept)
        np.testing.assert_allclose(found.matrix, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
        root = found.rooted().root
        np.testing.assert_allclose(root.T @ root, found.matrix, rtol=0, atol=1e-12 * np.trace(expected))


@given(powered_networks())
def test_marginal_keeps_the_bound(powered):
    network, power = powered
    information = isal.information(network, RADIO, "asynchronous")
    kept = information.basis.indices(["radars"])
    reduced = information.measured(power).marginal(kept)
    expected = isal.spebs(network, RADIO, power, "asynchronous").radars
    assert reduced.speb(np.arange(len(kept))) == pytest.approx(expected, rel=1e-9)


@given(generators())
def test_unknown_directions_without_information_do_no_harm(rng):
    """A singular block of unknowns: the same as leaving the empty directions out."""
    root = rng.normal(size=(8, 5))
    turn = np.eye(7)
    turn[2:, 2:] = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    kept = np.array([0, 1])
    expected = Knowledge.of_rows(root).marginal(kept).matrix
    for known in in_both_forms(np.hstack([root, np.zeros((8, 2))]) @ turn.T):
        atol = 1e-10 * np.abs(known.matrix).max()
        np.testing.assert_allclose(known.marginal(kept).matrix, expected, rtol=0, atol=atol)
    for known in in_both_forms(np.diag([math.sqrt(3.0), 0.0])):
        assert known.marginal(np.array([0])).matrix.item() == pytest.approx(3.0, rel=1e-15)


def test_nothing_unknown_and_only_a_part():
    matrix = np.array([[2.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 4.0]])
    known = Knowledge.of_matrix(matrix)
    np.testing.assert_array_equal(known.marginal(np.arange(3)).matrix, matrix)
    part = known.over(np.array([0, 1])).marginal(np.array([0])).matrix
    assert part.item() == pytest.approx(2 - 1 / 3, rel=1e-15)


def test_bounds_of_a_diagonal_matrix():
    root = np.diag([1.0, 2.0, 1e-10])
    for known in in_both_forms(root):
        assert known.speb(np.array([0, 1])) == pytest.approx(1.25, rel=1e-14)
        assert known.speb(np.array([2])) == pytest.approx(1e20, rel=1e-14)
    for known in in_both_forms(np.diag([1.0, 0.0])):
        assert known.speb(np.array([0])) == math.inf


def nearly_singular(rng, size, log_distance):
    """A square root whose last column is the one before it but for a part of ``10 ** log_distance``."""
    root = rng.normal(size=(2 * size, size))
    root[:, -1] = root[:, -2] + 10**log_distance * root[:, -1]
    return root


@given(generators(), st.integers(2, 6), st.floats(-9, 0))
def test_elimination_from_the_square_root_keeps_half_the_digits(rng, size, log_distance):
    """Against elimination in decimals, within the error that the result states of itself."""
    root = nearly_singular(rng, size, log_distance)
    kept = np.arange(size - 1)
    found = Knowledge.of_rows(root).marginal(kept)
    with exact.digits():
        decimals = references.exact(root)
        expected = exact.eliminated(decimals.T @ decimals, kept).astype(float)
    error = np.abs(found.matrix - expected)
    norm = np.sqrt(np.diag(expected))
    stated = np.outer(found.scale, norm) + np.outer(norm, found.scale)
    assert (error <= isal.knowledge.ROUNDING * stated).all()
    # a Schur complement of the products would be off by the square of this
    assert error.max() <= 1e-12 * 10**-log_distance * np.abs(expected).max()


@given(generators(), st.integers(2, 6), st.floats(-7, 0))
def test_bounds_are_right_where_parameters_are_nearly_tied(rng, size, log_distance):
    root = nearly_singular(rng, size, log_distance)
    known = Knowledge(root.T @ root, np.linalg.norm(root, axis=0), np.zeros((size, size)), root)
    with exact.digits():
        decimals = references.exact(root)
        inverse = exact.inverse(decimals.T @ decimals)
    for index in range(size):
        expected = float(inverse[index, index])
        assert known.speb(np.array([index])) == pytest.approx(expected, rel=1e-12 * 10**-log_distance)


# --- many at once -----------------------------------------------------------------------------------------------------


def some_matrix(rng, size):
    """A symmetric matrix that is definite, indefinite, singular or nearly so, or not finite."""
    vectors, _ = np.linalg.qr(rng.normal(size=(size, size)))
    values = rng.uniform(0.1, 2.0, size)
    values[0] = rng.choice([0.5, -0.5, -1e-8, -1e-10, -1e-15, 0.0, 1e-15, 1e-12, np.nan, np.inf])
    return (vectors * values) @ vectors.T


def factor_alone(matrix):
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.full(matrix.shape, np.nan)


@given(generators(), st.integers(1, 12), st.integers(1, 6))
def test_factors_are_those_of_each_matrix_alone(rng, count, size):
    matrices = np.array([some_matrix(rng, size) for _ in range(count)])
    for found, matrix in zip(cholesky_factors(matrices), matrices, strict=True):
        np.testing.assert_array_equal(found, factor_alone(matrix))


@given(generators(), st.integers(1, 8), st.integers(2, 6))
def test_bounds_of_many_are_those_of_each_alone(rng, count, size):
    indices = np.sort(rng.permutation(size)[: rng.integers(1, size + 1)])
    roots = [rng.normal(size=(rng.integers(size - 1, size + 3), size)) for _ in range(count)]
    known = [each for root in roots for each in in_both_forms(root)]
    known.append(Knowledge.nothing(size))
    for found, each in zip(spebs_of(known, indices), known, strict=True):
        assert found == each.speb(indices)
        if len(each.root if each.root is not None else []) >= size:
            assert found == pytest.approx(np.trace(np.linalg.inv(each.matrix)[np.ix_(indices, indices)]), rel=1e-6)
    assert np.isnan(spebs_of(known, indices[:0])).all()
    assert spebs_of(known, indices)[-1] == math.inf
