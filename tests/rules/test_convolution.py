"""Sliding sequences of any two lengths along each other, in every mode."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multilinear import assert_multilinear

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

LENGTHS = st.integers(1, 7)


@given(LENGTHS, LENGTHS, st.sampled_from(["full", "same", "valid"]), st.integers(0, 999))
def test_any_lengths_and_mode(a: int, v: int, mode: Any, seed: int) -> None:
    assert_multilinear(lambda x, y: np.convolve(x, y, mode), [(a,), (v,)], seed)
    assert_multilinear(lambda x, y: np.correlate(x, y, mode=mode), [(a,), (v,)], seed)


@pytest.mark.parametrize("slide", [np.convolve, np.correlate])
@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("lengths", [(4, 3), (2, 5)])
def test_second_derivatives(slide: Any, mode: str, lengths: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(n) for n in lengths]
    tg.check_grads(lambda a, v: np.sin(slide(a, v, mode)), arrays, order=2, eps=1e-5)


def test_a_number_is_a_sequence_of_one_element_to_convolve() -> None:
    assert_multilinear(np.convolve, [(), (3,)], 0)
    assert_multilinear(np.convolve, [(3,), ()], 0)
    t = Tensor([1.0, 2.0], requires_grad=True)
    np.convolve(t, 3.0).sum().backward()
    assert t.grad is not None
    assert t.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    ("a", "v", "mode", "sentence"),
    [
        (np.ones(0), np.ones(2), "full", r"^convolve: \(0,\), \(2,\): [av] cannot be empty$"),
        (np.ones((2, 2)), np.ones(2), "full", r"^convolve: \(2, 2\), \(2,\): object too deep"),
        (np.ones(2), np.ones(2), "most", r"^convolve: \(2,\), \(2,\): .*'valid', 'same', or"),
    ],
)
def test_refusals(a: np.ndarray, v: np.ndarray, mode: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        np.convolve(Tensor(a, requires_grad=True), v, mode)
