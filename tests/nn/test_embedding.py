"""Embedding: rows of a table, and the gradients that add up in them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist import Tensor, nn

INDICES = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=4).flatmap(
    lambda shape: hnp.arrays(
        st.sampled_from([np.uint8, np.int64]), shape, elements=st.integers(0, 4)
    )
)


@given(indices=INDICES, padding=st.none() | st.integers(-5, 4))
def test_every_index_picks_a_row_and_adds_to_its_gradient(
    indices: np.ndarray, padding: int | None
) -> None:
    layer = nn.Embedding(5, 3, padding, rng=np.random.default_rng(0))
    y = layer(indices)
    assert y.shape == (*indices.shape, 3)
    assert y.dtype == np.float32
    table = layer.weight.numpy()
    np.testing.assert_array_equal(y.numpy(), table[indices])
    g = np.random.default_rng(1).standard_normal(y.shape).astype(np.float32)
    y.backward(g)
    expected = np.zeros((5, 3), np.float32)
    for index, row in zip(indices.ravel(), g.reshape(-1, 3), strict=True):
        expected[index] += row
    if padding is not None:
        assert not table[padding].any()
        expected[padding] = 0
    assert layer.weight.grad is not None
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected, rtol=1e-4, atol=1e-6)


def test_a_padding_row_that_was_loaded_is_read() -> None:
    layer = nn.Embedding(2, 2, 0)
    layer.load_state_dict({"weight": [[1.0, 2.0], [3.0, 4.0]]})
    assert layer([0, 1]).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_it_begins_normally_distributed_as_its_generator_says() -> None:
    first, again = (nn.Embedding(500, 20, rng=np.random.default_rng(7)) for _ in range(2))
    values = first.weight.numpy()
    np.testing.assert_array_equal(values, again.weight.numpy())
    assert abs(values.mean()) < 0.05
    assert abs(values.std() - 1) < 0.05
    assert nn.Embedding(2, 2, dtype=np.float64).weight.dtype == np.float64


@pytest.mark.parametrize(
    ("indices", "error", "sentence"),
    [
        ([0, 5], ValueError, "index 5 is not one of 5 rows"),
        ([[-1]], ValueError, "index -1 is not one of 5 rows"),
        ([0.0], TypeError, "indices are integers, not float64"),
        (np.array([True]), TypeError, "indices are integers, not bool"),
        (Tensor([1.0]), TypeError, "indices are integers, not float32"),
    ],
)
def test_indices_that_are_no_rows(indices: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=rf"^Embedding: {sentence}$"):
        nn.Embedding(5, 3)(indices)


def test_sizes_and_padding_make_sense() -> None:
    for sizes in ((0, 2), (2, 0)):
        with pytest.raises(ValueError, match=r"^Embedding: .* is 0; expected a whole number, 1"):
            nn.Embedding(*sizes)
    for padding in (5, -6):
        with pytest.raises(ValueError, match=rf"^Embedding: padding_idx {padding} is not one of 5"):
            nn.Embedding(5, 3, padding)


def test_printed_forms() -> None:
    assert repr(nn.Embedding(5, 3)) == "Embedding(5, 3)  # 15 parameters"
    assert repr(nn.Embedding(5, 3, -1)) == "Embedding(5, 3, padding_idx=4)  # 15 parameters"
