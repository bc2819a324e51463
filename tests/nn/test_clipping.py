"""Clipping against its formula, and whose memory it leaves alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from tinygrad_mnist import Tensor
from tinygrad_mnist.nn.utils import clip_grad_norm_, clip_grad_value_

SHAPES = ((2, 3), (), (0,), (4,))


def with_gradients(rng: np.random.Generator, dtype: Any, scale: float = 1.0) -> list[Tensor]:
    tensors = [Tensor(np.zeros(shape, dtype), requires_grad=True) for shape in SHAPES]
    for tensor in tensors[:-1]:  # the last one has none
        tensor.grad = (scale * rng.standard_normal(tensor.shape)).astype(dtype)
    return tensors


def joined(tensors: list[Tensor]) -> Any:
    return np.concatenate([t.grad.numpy().ravel() for t in tensors if t.grad is not None])


@given(
    seed=st.integers(0, 1000),
    dtype=FLOATS,
    max_norm=st.just(0.0) | st.floats(1e-3, 10.0) | st.just(np.inf),
    norm_type=st.sampled_from([1, 2, 2.0, 3.5, np.inf]),
    scale=st.sampled_from([0.0, 1e-30, 1.0, 1e30]),
)
def test_the_norm_and_what_is_left_of_it(
    seed: int, dtype: Any, max_norm: float, norm_type: float, scale: float
) -> None:
    tensors = with_gradients(np.random.default_rng(seed), dtype, scale)
    before = joined(tensors).astype(np.float64)
    norm = np.linalg.norm(before, norm_type)
    assert clip_grad_norm_(tensors, max_norm, norm_type) == pytest.approx(norm, rel=1e-5)
    after = joined(tensors)
    assert after.dtype == dtype
    expected = before * min(1.0, max_norm / (norm + 1e-6))
    np.testing.assert_allclose(after, expected, rtol=1e-5, atol=1e-40)
    assert tensors[-1].grad is None


@given(seed=st.integers(0, 1000), dtype=FLOATS, value=st.floats(0.0, 3.0) | st.just(np.inf))
def test_the_values_are_clipped(seed: int, dtype: Any, value: float) -> None:
    tensors = with_gradients(np.random.default_rng(seed), dtype)
    before = joined(tensors)
    clip_grad_value_(tensors, value)
    after = joined(tensors)
    assert after.dtype == dtype
    np.testing.assert_array_equal(after, np.clip(before, dtype.type(-value), dtype.type(value)))


CLIPS: list[Callable[[Any], Any]] = [
    lambda p: clip_grad_norm_(p, 0.5),
    lambda p: clip_grad_value_(p, 0.5),
]


@pytest.mark.parametrize("clip", CLIPS)
def test_who_holds_the_gradient_keeps_it_as_it_was(clip: Callable[[Any], Any]) -> None:
    p = Tensor([3.0, 4.0], requires_grad=True)
    seen = []
    p.register_hook(seen.append)
    (2 * p).sum().backward(retain_graph=True)
    held = p.grad
    clip([p])
    assert held is not None
    assert held.tolist() == seen[0].tolist() == [2.0, 2.0]
    assert p.grad is not held


@pytest.mark.parametrize("clip", CLIPS)
def test_nothing_is_recorded(clip: Callable[[Any], Any]) -> None:
    p = Tensor([3.0, 4.0], requires_grad=True)
    (p * p).sum().backward(create_graph=True)
    clip([p])
    assert p.grad is not None
    assert not p.grad.requires_grad


@pytest.mark.parametrize("clip", CLIPS)
def test_one_tensor_a_generator_and_the_same_one_twice(clip: Callable[[Any], Any]) -> None:
    p = Tensor([1.0, 1.0], requires_grad=True)
    found = []
    for parameters in (p, (t for t in [p]), [p, p]):
        p.grad = [3.0, 4.0]
        clip(parameters)
        found.append(p.grad.tolist())
    assert found[0] == found[1] == found[2] != [3.0, 4.0]


def test_where_there_are_no_gradients_the_norm_is_zero() -> None:
    assert clip_grad_norm_([], 1.0) == 0.0
    assert clip_grad_norm_(Tensor([1.0], requires_grad=True), 1.0) == 0.0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("norm_type", [1, 2, np.inf])
def test_a_norm_that_is_not_finite(bad: float, norm_type: float) -> None:
    p = Tensor([0.0, 0.0], requires_grad=True)
    p.grad = [1.0, bad]
    with pytest.raises(RuntimeError, match=r"^clip_grad_norm_: the norm of the .* is (inf|nan)$"):
        clip_grad_norm_([p], 1.0, norm_type, error_if_nonfinite=True)
    assert p.grad.tolist()[0] == 1.0
    assert clip_grad_norm_([p], 1.0, norm_type) == pytest.approx(abs(bad), nan_ok=True)
    assert np.isnan(p.grad.tolist()[1])
    assert p.grad.tolist()[0] == pytest.approx(np.nan if np.isnan(bad) else 0.0, nan_ok=True)


leaf = Tensor([1.0], requires_grad=True)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: clip_grad_norm_(leaf, -1.0), "clip_grad_norm_: max_norm is -1.0; expected"),
        (lambda: clip_grad_norm_(leaf, np.nan), "clip_grad_norm_: max_norm is nan; expected"),
        (lambda: clip_grad_norm_(leaf, 1.0, 0), "clip_grad_norm_: norm_type is 0; expected"),
        (lambda: clip_grad_norm_(leaf, 1.0, np.nan), "clip_grad_norm_: norm_type is nan; expected"),
        (lambda: clip_grad_value_(leaf, -1.0), "clip_grad_value_: clip_value is -1.0; expected"),
        (lambda: clip_grad_value_(leaf, np.nan), "clip_grad_value_: clip_value is nan; expected"),
    ],
)
def test_arguments_that_make_no_sense(call: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        call()
