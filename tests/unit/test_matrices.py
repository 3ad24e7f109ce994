"""Stacks of matrices: the sparse form is the dense one in every operation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from strategies import CLOCKS, generators, networks

import isal
from isal.knowledge import Knowledge
from isal.matrices import LARGEST_DENSE, DenseStack, Rows, SparseStack, at_power, at_powers
from isal.model.parameters import CLOCKS as CLOCK_MODES

RADIO = isal.Radio()


def sparse_entries(rng, n_nodes, size, *, semidefinite=False):
    """Symmetric matrices with few entries, shape ``(1, n, d, d)``; some have none at all."""
    half = rng.normal(size=(n_nodes, size, size)) * (rng.random((n_nodes, size, size)) < rng.uniform(0, 0.6))
    transposed = half.transpose(0, 2, 1)
    return (half @ transposed if semidefinite else half + transposed)[None]


def in_both_forms(entries):
    _, n, d, _ = entries.shape
    dense = DenseStack(entries)
    return dense, SparseStack(csr_array(entries.reshape(n * d, d)), n, dense.squares)


@st.composite
def stacks(draw, semidefinite=False):
    """The same matrices as a dense and as a sparse stack, and a generator for what they are multiplied with."""
    rng = draw(generators())
    n_nodes, size = draw(st.integers(1, 6)), draw(st.integers(1, 7))
    return *in_both_forms(sparse_entries(rng, n_nodes, size, semidefinite=semidefinite)), rng


def some_of(rng, size):
    """Some of the parameters, ascending, at least one."""
    return np.flatnonzero(rng.permutation(size) < rng.integers(1, size + 1))


def assert_same(sparse, dense):
    assert (sparse.n_nodes, sparse.n_parameters, sparse.shape) == (dense.n_nodes, dense.n_parameters, dense.shape)
    np.testing.assert_allclose(sparse.dense(), dense.dense(), rtol=1e-14)
    np.testing.assert_allclose(sparse.squares, dense.squares, rtol=1e-14)


# --- dense stacks -----------------------------------------------------------------------------------------------------


@given(generators(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(1, 3))
def test_dense_operations_problem_by_problem(rng, n_problems, n, d, k):
    entries = np.concatenate([sparse_entries(rng, n, d) for _ in range(n_problems)])
    stack, weights, columns = DenseStack(entries), rng.normal(size=(n_problems, n)), rng.normal(size=(n_problems, d, k))
    factors, unit = rng.uniform(0.1, 3, (n_problems, d)), rng.uniform(0.1, 3, n_problems)
    kept = some_of(rng, d)
    assert (stack.n_nodes, stack.n_parameters, stack.shape) == (n, d, (n, d, d))
    for number in range(n_problems):
        matrices = entries[number]
        combined = sum(w * b for w, b in zip(weights[number], matrices, strict=True))
        np.testing.assert_allclose(stack.combine(weights)[number], combined, rtol=0, atol=1e-13)
        applied = [b @ columns[number] for b in matrices]
        np.testing.assert_allclose(stack.apply(columns)[number], applied, rtol=0, atol=1e-13)
        scaled = [unit[number] * np.diag(factors[number]) @ b @ np.diag(factors[number]) for b in matrices]
        np.testing.assert_allclose(stack.scaled(factors, unit).dense()[number], scaled, rtol=1e-13)
        over = [b[np.ix_(kept, kept)] for b in matrices]
        np.testing.assert_array_equal(stack.over(kept).dense()[number], over)
        cleared = matrices.copy()
        for b in cleared:
            b[np.ix_(kept, kept)] = 0
        np.testing.assert_array_equal(stack.without_block(kept).dense()[number], cleared)
        chosen = some_of(rng, n)
        np.testing.assert_array_equal(stack.of_nodes(chosen).dense()[number], matrices[chosen])
    np.testing.assert_array_equal(stack.dense(), entries)


def test_taking_problems_by_index_and_by_mask():
    entries = np.arange(4.0)[:, None, None, None] * np.ones((4, 2, 3, 3))
    stack = DenseStack(entries)
    assert stack.take(np.array([2, 0])).dense()[:, 0, 0, 0].tolist() == [2, 0]
    assert stack.take(np.array([False, True, False, True])).dense()[:, 0, 0, 0].tolist() == [1, 3]


def test_indefinite_matrices_have_a_negative_minor():
    definite, held = [[2.0, 1.0], [1.0, 2.0]], [[0.0, 1.0], [1.0, 4.0]]
    singular, nothing = [[1.0, 2.0], [2.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]]
    for stack in in_both_forms(np.array([[definite, held, singular, nothing]])):
        assert stack.indefinite().tolist() == [[False, True, False, False]]


# --- sparse stacks ----------------------------------------------------------------------------------------------------


@given(stacks())
def test_sums_are_the_same(both):
    dense, sparse, rng = both
    weights = rng.normal(size=(1, dense.n_nodes))
    np.testing.assert_allclose(sparse.combine(weights), dense.combine(weights), rtol=0, atol=1e-13)


@given(stacks(), st.integers(1, 4))
def test_products_are_the_same(both, k):
    dense, sparse, rng = both
    columns = rng.normal(size=(1, dense.n_parameters, k))
    np.testing.assert_allclose(sparse.apply(columns), dense.apply(columns), rtol=0, atol=1e-13)


@given(stacks())
def test_entries_are_the_same(both):
    dense, sparse, _ = both
    assert_same(sparse, dense)
    for chosen in (np.array([0]), np.array([True])):
        assert_same(sparse.take(chosen), dense.take(chosen))


@given(stacks())
def test_scaled_stacks_are_the_same(both):
    dense, sparse, rng = both
    factors, unit = 10 ** rng.uniform(-4, 4, (1, dense.n_parameters)), 10 ** rng.uniform(-4, 4, 1)
    assert_same(sparse.scaled(factors, unit), dense.scaled(factors, unit))


@given(stacks())
def test_parts_are_the_same(both):
    dense, sparse, rng = both
    kept = some_of(rng, dense.n_parameters)
    assert_same(sparse.over(kept), dense.over(kept))
    assert_same(sparse.without_block(kept), dense.without_block(kept))
    assert_same(sparse.without_block(kept[:0]), dense)


@given(stacks())
def test_another_node_before_all_is_the_same(both):
    dense, sparse, rng = both
    (matrix,) = sparse_entries(rng, 1, dense.n_parameters)[0]
    first = Knowledge.of_matrix(matrix)
    assert_same(sparse.with_first(first), dense.with_first(first))
    np.testing.assert_array_equal(dense.with_first(first).dense()[0], [matrix, *dense.entries[0]])


@given(stacks())
def test_some_nodes_and_more_parameters_are_the_same(both):
    dense, sparse, rng = both
    chosen, size = some_of(rng, dense.n_nodes), dense.n_parameters + 3
    places = np.sort(rng.permutation(size)[: dense.n_parameters])
    assert_same(sparse.of_nodes(chosen), dense.of_nodes(chosen))
    assert_same(sparse.embedded(size, places), dense.embedded(size, places))
    np.testing.assert_array_equal(dense.embedded(size, places).over(places).entries, dense.entries)


@given(generators(), st.integers(1, 5), st.integers(1, 4))
def test_rows_are_the_square_root_in_every_operation(rng, n_nodes, size):
    """What is done to a stack is done to the rows whose products it is made of."""
    rows = Rows(rng.normal(size=(3 * n_nodes, size)), np.repeat(np.arange(n_nodes), 3))
    stack = DenseStack(rows.products(n_nodes)[None], None, [rows])
    power, chosen, kept = rng.uniform(0, 2, n_nodes), some_of(rng, n_nodes), some_of(rng, size)
    places = np.sort(rng.permutation(size + 2)[:size])
    first = Knowledge.of_rows(rng.normal(size=(2, size)))
    columns = rng.normal(size=(size, 2))
    expected = np.einsum("ik,mij,jk->m", columns, stack.dense()[0], columns)
    np.testing.assert_allclose(rows.squares(columns, n_nodes), expected, rtol=1e-12, atol=1e-12)
    for changed in (stack, stack.over(kept), stack.of_nodes(chosen), stack.embedded(size + 2, places)):
        weights = power[: changed.n_nodes]
        known = at_power(changed, weights)
        np.testing.assert_allclose(known.root.T @ known.root, known.matrix, rtol=0, atol=1e-12)
    joined = at_power(stack.with_first(first), np.append(0.5, power))
    np.testing.assert_allclose(joined.root.T @ joined.root, joined.matrix, rtol=0, atol=1e-12)
    assert stack.without_block(kept).rows == (None,)


@given(stacks(semidefinite=True))
def test_nodes_that_are_indefinite_are_the_same(both):
    """Semidefinite matrices, and what is left of them without a block."""
    dense, sparse, rng = both
    known = some_of(rng, dense.n_parameters)
    assert not dense.indefinite().any()
    assert not sparse.indefinite().any()
    found, expected = sparse.without_block(known).indefinite(), dense.without_block(known).indefinite()
    np.testing.assert_array_equal(found, expected)
    crossing = dense.entries[0][:, known[:, None], np.setdiff1d(np.arange(dense.n_parameters), known)].any(axis=(1, 2))
    np.testing.assert_array_equal(expected[0], crossing)


@given(stacks())
def test_operations_one_after_another_are_the_same(both):
    """As a step does them: without a block, over some parameters, one more node, scaled."""
    dense, sparse, rng = both
    known, kept = (some_of(rng, dense.n_parameters) for _ in range(2))
    factors, unit = rng.uniform(0.1, 3, (1, len(kept))), rng.uniform(0.1, 3, 1)
    (first,) = sparse_entries(rng, 1, len(kept))[0]
    weights, columns = rng.normal(size=(1, dense.n_nodes + 1)), rng.normal(size=(1, len(kept), 2))
    found, expected = (
        stack.without_block(known).over(kept).with_first(Knowledge.of_matrix(first)).scaled(factors, unit)
        for stack in (sparse, dense)
    )
    assert_same(found, expected)
    np.testing.assert_allclose(found.combine(weights), expected.combine(weights), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.apply(columns), expected.apply(columns), rtol=0, atol=1e-12)


@given(stacks())
def test_operations_leave_the_stack_as_it_was(both):
    dense, sparse, rng = both
    before, kept = dense.entries.copy(), some_of(rng, dense.n_parameters)
    for stack in (dense, sparse):
        stack.without_block(kept)
        stack.over(kept)
        stack.scaled(np.full((1, dense.n_parameters), 2.0), np.array([3.0]))
        stack.with_first(Knowledge.of_matrix(before[0, 0]))
        stack.of_nodes(np.array([0]))
        stack.embedded(dense.n_parameters + 1, np.arange(dense.n_parameters))
        np.testing.assert_array_equal(stack.dense(), before)


# --- the information of a network -------------------------------------------------------------------------------------


@given(networks(anchors=(2, 4), radars=(1, 4), targets=(1, 3), radars_known=(False, True)), CLOCKS)
def test_information_kept_sparse_is_the_same(network, clock):
    dense = isal.information(network, RADIO, clock)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("isal.model.information.LARGEST_DENSE", 0)
        sparse = isal.information(network, RADIO, clock)
        assert isinstance(sparse.stack, SparseStack)
    assert isinstance(dense.stack, DenseStack)
    atol = 1e-13 * np.abs(dense.node_matrices).max()
    np.testing.assert_allclose(sparse.node_matrices, dense.node_matrices, rtol=1e-12, atol=atol)
    power = np.linspace(1, 2, network.n_nodes)
    np.testing.assert_allclose(sparse.matrix(power), dense.matrix(power), rtol=1e-12, atol=10 * atol)


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_a_large_network_is_kept_sparse(clock):
    """100 radars and 100 anchors: most entries of a node's matrix are zero."""
    network = random_network_without_distances(100, 100)
    stack = isal.information(network, RADIO, clock).stack
    assert isinstance(stack, SparseStack)
    assert np.prod(stack.shape) > LARGEST_DENSE
    assert stack.tall.nnz < 0.1 * np.prod(stack.shape)


def random_network_without_distances(n_anchors, n_radars):
    """So many nodes that some are close to each other."""
    rng = np.random.default_rng(0)
    return isal.Network(rng.uniform(0, 200, (n_anchors, 2)), rng.uniform(0, 200, (n_radars, 2)), [[90, 110]])


def test_problems_that_share_a_stack_are_as_if_each_had_its_own():
    rng = np.random.default_rng(0)
    one, other = (DenseStack(rng.normal(size=(count, 3, 4, 4))) for count in (2, 1))
    order = [one, other, one, one, other]
    found = DenseStack.of(order)
    np.testing.assert_array_equal(found.entries, np.concatenate([each.entries for each in order]))
    np.testing.assert_array_equal(found.squares, np.concatenate([each.squares for each in order]))
    assert len(found.rows) == len(found.entries)
    assert found.entries.flags.c_contiguous


@pytest.mark.parametrize("clock", CLOCK_MODES)
def test_many_powers_tell_what_each_tells(clock):
    network = isal.Network([[0, 0], [50, 0], [0, 40]], [[10, 20], [30, 25]], [[25, 30]])
    stack = isal.information(network, isal.Radio(), clock).stack
    powers = np.random.default_rng(1).uniform(0, 5, (6, network.n_nodes))
    for stored in (stack, DenseStack(stack.dense())):  # without rows, too
        for together, power in zip(at_powers(stored, powers), powers, strict=True):
            alone = at_power(stored, power)
            np.testing.assert_array_equal(together.matrix, alone.matrix)
            np.testing.assert_allclose(together.scale, alone.scale, rtol=1e-14)
            np.testing.assert_allclose(together.doubt, alone.doubt, rtol=1e-14)
            assert (together.root is None) == (alone.root is None)
            if alone.root is not None:
                np.testing.assert_array_equal(together.root, alone.root)
