"""The hand-derived network: its gradients are true, its formulas hold for any size and dtype."""

import doctest
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist import by_hand
from tinygrad_mnist.by_hand import (
    accuracy,
    backward,
    cross_entropy,
    forward,
    gradient_descent,
    init_params,
    one_hot,
    predictions,
    relu,
    softmax,
    update,
)

Network = tuple[by_hand.Array, by_hand.Labels, by_hand.FourArrays]

DTYPES = st.sampled_from([np.float32, np.float64])
LOGITS = hnp.arrays(
    DTYPES,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.floats(-10_000, 10_000, width=32),
)


@st.composite
def networks(draw: st.DrawFn, dtypes: st.SearchStrategy[Any] = DTYPES) -> Network:
    """Draw images, labels and parameters of one small network; the biases are not zero."""
    n0, n1, n2, m = (draw(st.integers(1, 6), label=name) for name in ("n0", "n1", "n2", "m"))
    dtype = draw(dtypes)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    labels = np.array(draw(st.lists(st.integers(0, n2 - 1), min_size=m, max_size=m)))
    X = rng.standard_normal((n0, m)).astype(dtype)
    W1, b1, W2, b2 = init_params(rng, (n0, n1, n2), dtype)
    b1 += rng.standard_normal(b1.shape).astype(dtype)
    b2 += rng.standard_normal(b2.shape).astype(dtype)
    return X, labels, (W1, b1, W2, b2)


def gradients_at(
    X: by_hand.Array, labels: by_hand.Labels, parameters: by_hand.FourArrays
) -> by_hand.FourArrays:
    W2 = parameters[2]
    Z1, A1, _, A2 = forward(X, *parameters)
    return backward(X, one_hot(labels, len(W2), X.dtype), Z1, A1, A2, W2)


def central_difference(
    f: Callable[[], float], x: by_hand.Array, step: float = 1e-5
) -> by_hand.Array:
    """Differentiate ``f`` for every number of ``x``, which it reads."""
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        here = x[index]
        x[index] = here + step
        above = f()
        x[index] = here - step
        below = f()
        x[index] = here
        gradient[index] = (above - below) / (2 * step)
    return gradient


@given(networks(dtypes=st.just(np.float64)))
def test_gradients_are_those_of_the_mean_cross_entropy(network: Network) -> None:
    X, labels, parameters = network
    Y = one_hot(labels, len(parameters[2]), np.float64)
    assume(np.abs(forward(X, *parameters)[0]).min() > 1e-3)  # no step crosses the kink of ReLU

    def loss() -> float:
        return cross_entropy(forward(X, *parameters)[2], Y)

    for parameter, gradient in zip(parameters, gradients_at(X, labels, parameters), strict=True):
        numerical = central_difference(loss, parameter)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-9)


@given(networks())
def test_every_array_has_the_shape_and_dtype_it_should(network: Network) -> None:
    X, labels, parameters = network
    n0, m = X.shape
    n1, n2 = len(parameters[0]), len(parameters[2])
    shapes = [(n1, n0), (n1, 1), (n2, n1), (n2, 1)]
    gradients = gradients_at(X, labels, parameters)
    alpha = np.float64(0.1)  # this too must not widen float32
    updated = update(parameters, gradients, alpha)
    assert [array.shape for array in forward(X, *parameters)] == [(n1, m)] * 2 + [(n2, m)] * 2
    assert [array.shape for array in gradients] == shapes
    assert [array.shape for array in updated] == shapes
    everything = *forward(X, *parameters), *gradients, *updated
    assert {array.dtype for array in everything} == {X.dtype}


@given(networks())
def test_the_gradient_is_the_mean_of_the_gradients_of_the_samples(network: Network) -> None:
    X, labels, parameters = network
    each = [gradients_at(X[:, [j]], labels[[j]], parameters) for j in range(X.shape[1])]
    for together, *alone in zip(gradients_at(X, labels, parameters), *each, strict=True):
        np.testing.assert_allclose(together, np.mean(alone, axis=0), rtol=1e-4, atol=1e-5)


@given(networks(dtypes=st.just(np.float64)))
def test_a_small_step_lowers_the_loss_as_much_as_the_gradient_says(network: Network) -> None:
    X, labels, parameters = network
    assume(np.abs(forward(X, *parameters)[0]).min() > 1e-3)
    Y = one_hot(labels, len(parameters[2]), np.float64)
    gradients = gradients_at(X, labels, parameters)
    slope = sum(float((gradient**2).sum()) for gradient in gradients)
    alpha = 1e-6
    before = cross_entropy(forward(X, *parameters)[2], Y)
    after = cross_entropy(forward(X, *update(parameters, gradients, alpha))[2], Y)
    assert math.isclose(before - after, alpha * slope, rel_tol=1e-2, abs_tol=1e-14)


@given(networks())
def test_update_leaves_its_arguments_alone(network: Network) -> None:
    X, labels, parameters = network
    gradients = gradients_at(X, labels, parameters)
    before = [array.copy() for array in (*parameters, *gradients)]
    update(parameters, gradients, 0.1)
    for array, copy in zip((*parameters, *gradients), before, strict=True):
        np.testing.assert_array_equal(array, copy)


@given(LOGITS)
def test_softmax_columns_are_probabilities_at_any_size(Z: by_hand.Array) -> None:
    A = softmax(Z)
    assert A.dtype == Z.dtype
    assert (A >= 0).all()
    np.testing.assert_allclose(A.sum(axis=0), 1, rtol=1e-6)


@given(LOGITS, st.integers(-100, 100))
def test_softmax_does_not_see_a_shift(Z: by_hand.Array, shift: int) -> None:
    Z = Z.astype(np.float64)
    np.testing.assert_allclose(softmax(Z + shift), softmax(Z), rtol=1e-6)


@given(LOGITS, st.data())
def test_cross_entropy_is_minus_the_mean_log_probability(
    Z2: by_hand.Array, data: st.DataObject
) -> None:
    classes, m = Z2.shape
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=m, max_size=m)))
    exact = [
        math.log(math.fsum(math.exp(z - column.max()) for z in column)) + column.max() - column[r]
        for column, r in zip(Z2.T.astype(np.float64), labels, strict=True)
    ]
    loss = cross_entropy(Z2, one_hot(labels, classes, Z2.dtype))
    assert math.isclose(loss, math.fsum(exact) / m, rel_tol=1e-5, abs_tol=1e-5)


@given(st.lists(st.integers(0, 9), min_size=1), DTYPES)
def test_one_hot_has_its_ones_where_the_labels_say(labels: list[int], dtype: Any) -> None:
    Y = one_hot(np.array(labels, dtype=np.uint8), 10, dtype)
    assert Y.dtype == dtype
    assert Y.tolist() == [[float(label == row) for label in labels] for row in range(10)]
    assert predictions(Y).tolist() == labels


@given(networks())
def test_relu_keeps_what_is_positive(network: Network) -> None:
    Z = network[0]
    assert relu(Z).dtype == Z.dtype
    assert relu(Z).tolist() == [[max(z, 0) for z in row] for row in Z.tolist()]


@given(networks())
def test_accuracy_counts_the_hits(network: Network) -> None:
    X, labels, parameters = network
    A2 = forward(X, *parameters)[3]
    hits = sum(max(p) == p[r] for p, r in zip(A2.T.tolist(), labels, strict=True))
    assume(all(p.count(max(p)) == 1 for p in A2.T.tolist()))
    assert accuracy(A2, labels) == hits / len(labels)


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(0, 100))
def test_a_seed_gives_one_network_in_either_precision(n0: int, n1: int, n2: int, seed: int) -> None:
    single = init_params(np.random.default_rng(seed), (n0, n1, n2))
    double = init_params(np.random.default_rng(seed), (n0, n1, n2), np.float64)
    for a, b in zip(single, double, strict=True):
        assert a.dtype == np.float32
        assert b.dtype == np.float64
        np.testing.assert_array_equal(a, b.astype(np.float32))


def test_initial_weights_have_the_variance_of_he() -> None:
    W1, b1, W2, b2 = init_params(np.random.default_rng(0), (784, 200, 100))
    assert math.isclose(W1.var(), 2 / 784, rel_tol=0.05)
    assert math.isclose(W2.var(), 2 / 200, rel_tol=0.05)
    assert not b1.any()
    assert not b2.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_descent_learns(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.random((20, 50)).astype(dtype), rng.integers(3, size=50)
    parameters, history = gradient_descent(
        X, labels, alpha=0.5, iterations=400, rng=rng, hidden=30, classes=3
    )
    assert len(history) == 400
    assert history[-1].loss < 0.5 * history[0].loss
    assert history[-1].accuracy > 0.95
    assert {array.dtype for array in parameters} == {np.dtype(dtype)}


def test_gradient_descent_starts_from_init_params_and_steps_once_an_iteration() -> None:
    rng = np.random.default_rng(7)
    X, labels = rng.random((6, 4)), np.array([0, 2, 1, 1])
    start = init_params(np.random.default_rng(1), (6, 5, 3), np.float64)
    trained, history = gradient_descent(
        X, labels, 0.3, 1, rng=np.random.default_rng(1), hidden=5, classes=3
    )
    Z2, A2 = forward(X, *start)[2:]
    assert history == [(cross_entropy(Z2, one_hot(labels, 3, np.float64)), accuracy(A2, labels))]
    for array, expected in zip(
        trained, update(start, gradients_at(X, labels, start), 0.3), strict=True
    ):
        np.testing.assert_array_equal(array, expected)


def zeros(*shape: int) -> by_hand.Array:
    return np.zeros(shape, np.float32)


PARAMETERS = zeros(3, 4), zeros(3, 1), zeros(2, 3), zeros(2, 1)
RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: forward(zeros(5, 6), *PARAMETERS),
            ValueError,
            "W1 must have shape (n1, 5), not (3, 4)",
        ),
        (
            lambda: forward(zeros(4, 3), PARAMETERS[0], zeros(3), *PARAMETERS[2:]),
            ValueError,
            "b1 must have shape (3, 1), not (3,)",
        ),
        (
            lambda: forward(zeros(4, 3), PARAMETERS[0], zeros(1, 3), *PARAMETERS[2:]),
            ValueError,
            "b1 must have shape (3, 1), not (1, 3)",
        ),
        (
            lambda: forward(zeros(4, 0), *PARAMETERS),
            ValueError,
            "X must not be empty, but its shape is (4, 0)",
        ),
        (
            lambda: backward(
                zeros(4, 6), zeros(2, 1), zeros(3, 6), zeros(3, 6), zeros(2, 6), zeros(2, 3)
            ),
            ValueError,
            "Y must have shape (2, 6), not (2, 1)",
        ),
        (
            lambda: update(PARAMETERS, (zeros(1, 4), *PARAMETERS[1:]), 0.1),
            ValueError,
            "dW1 must have shape (3, 4), not (1, 4)",
        ),
        (
            lambda: cross_entropy(zeros(2, 6), zeros(2, 1)),
            ValueError,
            "Y must have shape (2, 6), not (2, 1)",
        ),
        (
            lambda: one_hot(np.array([3, 10, 1])),
            ValueError,
            "labels must be from 0 to 9, but one is 10",
        ),
        (
            lambda: one_hot(np.array([3, -1])),
            ValueError,
            "labels must be from 0 to 9, but one is -1",
        ),
        (
            lambda: one_hot(np.array([[3], [1]])),
            ValueError,
            "labels must have shape (m,), not (2, 1)",
        ),
        (
            lambda: one_hot(np.array([3.0, 1.0])),
            TypeError,
            "labels must be integers, but their dtype is float64",
        ),
        (
            lambda: accuracy(zeros(2, 6), np.array([0, 1])),
            ValueError,
            "labels must have shape (6,), not (2,)",
        ),
        (
            lambda: init_params(RNG, (784, 0, 10)),
            ValueError,
            "sizes must be three layer sizes of at least 1, but is (784, 0, 10)",
        ),
        (
            lambda: gradient_descent(zeros(784, 6), np.array([0, 1]), rng=RNG),
            ValueError,
            "labels must have shape (6,), not (2,)",
        ),
        (
            lambda: gradient_descent(zeros(784), np.array([0]), rng=RNG),
            ValueError,
            "X must have shape (n0, m), not (784,)",
        ),
        (
            lambda: gradient_descent(
                np.zeros((784, 1), np.uint8),
                np.array([0]),
                rng=RNG,
            ),
            TypeError,
            "X must hold floats from 0 to 1, but its dtype is uint8",
        ),
        (
            lambda: gradient_descent(zeros(784, 1), np.array([0]), alpha=-1.0, rng=RNG),
            ValueError,
            "alpha and iterations must be finite and not negative, but are -1.0 and 500",
        ),
        (
            lambda: gradient_descent(zeros(784, 1), np.array([0]), alpha=math.nan, rng=RNG),
            ValueError,
            "alpha and iterations must be finite and not negative, but are nan and 500",
        ),
        (
            lambda: gradient_descent(zeros(784, 1), np.array([0]), alpha=math.inf, rng=RNG),
            ValueError,
            "alpha and iterations must be finite and not negative, but are inf and 500",
        ),
    ],
)
def test_bad_input_gets_one_clear_sentence(
    call: Callable[[], object], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value) == sentence


def test_the_examples_in_the_docstrings_run() -> None:
    assert doctest.testmod(by_hand).failed == 0
