"""SGD against its formula, written out plainly."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from tinygrad_mnist import Tensor
from tinygrad_mnist.optim import SGD


def reference(
    p: np.ndarray, gradients: list[np.ndarray], lr: float, momentum: float, weight_decay: float
) -> np.ndarray:
    v = np.zeros_like(p)
    for gradient in gradients:
        v = momentum * v + (gradient + weight_decay * p)
        p = p - lr * v
    return p


@given(
    seed=st.integers(0, 1000),
    dtype=FLOATS,
    lr=st.floats(0.0, 0.5),
    momentum=st.just(0.0) | st.floats(0.0, 0.99),
    weight_decay=st.just(0.0) | st.floats(0.0, 0.5),
)
def test_many_steps_are_those_of_the_formula(
    seed: int, dtype: Any, lr: float, momentum: float, weight_decay: float
) -> None:
    rng = np.random.default_rng(seed)
    parameters = [
        Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)
        for shape in ((2, 3), (3,), ())
    ]
    begin = [np.array(p.numpy(), np.float64) for p in parameters]
    gradients = [
        [rng.standard_normal(p.shape).astype(dtype) for p in parameters] for _ in range(20)
    ]
    optimiser = SGD(parameters, lr, momentum, weight_decay)
    for step in gradients:
        for p, gradient in zip(parameters, step, strict=True):
            p.grad = gradient
        optimiser.step()
        for p, gradient in zip(parameters, step, strict=True):
            assert p.grad is not None
            np.testing.assert_array_equal(p.grad.numpy(), gradient)  # only read
    for i, p in enumerate(parameters):
        own = [step[i].astype(np.float64) for step in gradients]
        expected = reference(begin[i], own, lr, momentum, weight_decay)
        assert p.dtype == dtype
        rtol, atol = (1e-4, 1e-3) if dtype == np.float32 else (1e-10, 1e-10)
        np.testing.assert_allclose(p.numpy(), expected, rtol=rtol, atol=atol)


@given(momentum=st.sampled_from([0.0, 0.9]), weight_decay=st.sampled_from([0.0, 0.1]))
def test_a_parameter_without_a_gradient_stays_as_it_is(
    momentum: float, weight_decay: float
) -> None:
    moved, still = (Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimiser = SGD([moved, still], 0.1, momentum, weight_decay)
    (moved * moved).sum().backward()
    optimiser.step()
    assert moved.tolist() != [1.0, 2.0]
    assert still.tolist() == [1.0, 2.0]


def test_the_learning_rate_may_be_changed_between_steps() -> None:
    p = Tensor([1.0], requires_grad=True)
    optimiser = SGD([p], lr=0.0)
    p.grad = [1.0]
    optimiser.step()
    assert p.tolist() == [1.0]
    optimiser.lr = 0.5
    optimiser.step()
    assert p.tolist() == [0.5]


def test_a_parameter_that_was_computed_and_detached_is_moved_too() -> None:
    p = (Tensor(3.0) * 2).detach()  # NumPy computes a number that can't be written to
    p.requires_grad = True
    p.grad = 1.0
    SGD([p], lr=0.5).step()
    assert p.item() == 5.5


def test_zero_grad_sets_the_gradients_to_none() -> None:
    p = Tensor([1.0], requires_grad=True)
    p.grad = [1.0]
    SGD([p], lr=0.1).zero_grad()
    assert p.grad is None


def test_the_memory_of_a_parameter_stays_where_it_is() -> None:
    p = Tensor([1.0], requires_grad=True)
    view = p.numpy()
    p.grad = [1.0]
    SGD([p], lr=0.25, momentum=0.9, weight_decay=1.0).step()
    assert view.tolist() == p.tolist() == [0.5]


leaf = Tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SGD([], 0.1), "SGD: no parameters to learn"),
        (lambda: SGD([leaf * 2], 0.1), "SGD: .* is not a leaf Tensor"),
        (lambda: SGD([np.ones(2)], 0.1), "SGD: .* is not a leaf Tensor"),  # type: ignore[list-item]
        (lambda: SGD([leaf], -0.1), "SGD: lr is -0.1; expected a finite number, 0 or more"),
        (lambda: SGD([leaf], np.nan), "SGD: lr is nan; expected"),
        (lambda: SGD([leaf], np.inf), "SGD: lr is inf; expected"),
        (lambda: SGD([leaf], 0.1, momentum=1.0), "SGD: momentum is 1.0; expected 0 or more"),
        (lambda: SGD([leaf], 0.1, momentum=-0.5), "SGD: momentum is -0.5; expected 0 or more"),
        (lambda: SGD([leaf], 0.1, momentum=np.nan), "SGD: momentum is nan; expected"),
        (lambda: SGD([leaf], 0.1, weight_decay=-1.0), "SGD: weight_decay is -1.0; expected"),
        (lambda: SGD([leaf], 0.1, weight_decay=np.inf), "SGD: weight_decay is inf; expected"),
    ],
)
def test_arguments_that_make_no_sense(make: Callable[[], SGD], sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}") as caught:
        make()
    assert "\n" not in str(caught.value)
