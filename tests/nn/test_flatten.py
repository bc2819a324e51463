"""Flatten and Unflatten: each undoes the other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist import Tensor, nn


@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=3))
def test_one_undoes_the_other(data: st.DataObject, shape: tuple[int, ...]) -> None:
    ndim = len(shape)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, ndim - 1)] * 2), label="axes"))
    end -= data.draw(st.sampled_from([0, ndim]), label="from behind")
    x = np.arange(float(np.prod(shape))).reshape(shape)
    leaf = Tensor(x, requires_grad=True)
    flat = nn.Flatten(start, end)(leaf)
    last = end % ndim
    assert flat.shape == (*shape[:start], np.prod(shape[start : last + 1]), *shape[last + 1 :])
    back = nn.Unflatten(start, shape[start : last + 1])(flat)
    np.testing.assert_array_equal(back.numpy(), x)
    (back * x).sum().backward()
    assert leaf.grad is not None
    np.testing.assert_array_equal(leaf.grad.numpy(), x)


def test_the_usual_case_keeps_the_samples() -> None:
    assert nn.Flatten()(np.zeros((0, 16, 4, 4))).shape == (0, 256)
    assert nn.Unflatten(1, (1, 28, 28))(np.zeros((0, 784))).shape == (0, 1, 28, 28)
    assert nn.Unflatten(1, (-1, 28))(np.zeros((0, 784))).shape == (0, 28, 28)
    assert nn.Unflatten(-1, [2, -1])(np.zeros((3, 6))).shape == (3, 2, 3)


@pytest.mark.parametrize(
    ("layer", "shape", "sentence"),
    [
        (nn.Flatten(2), (3, 4), r"Flatten: shape \(3, 4\) has no axis 2"),
        (nn.Flatten(0, -3), (3, 4), r"Flatten: shape \(3, 4\) has no axis -3"),
        (nn.Flatten(1, 0), (3, 4), r"Flatten: axis 1 comes after axis 0 in shape \(3, 4\)"),
        (nn.Unflatten(2, (1, 2)), (3, 2), r"Unflatten: shape \(3, 2\) has no axis 2"),
        (nn.Unflatten(1, (1, 28, 28)), (32, 100), r"Unflatten: axis 1 of shape \(32, 100\) does"),
        (nn.Unflatten(1, (-1, 3)), (2, 4), r"Unflatten: axis 1 .* not divide into \(-1, 3\)"),
        (nn.Unflatten(1, (-1, 0)), (2, 4), r"Unflatten: axis 1 .* not divide into \(-1, 0\)"),
    ],
)
def test_shapes_that_do_not_fit(layer: nn.Module, shape: tuple[int, ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}"):
        layer(np.zeros(shape))


@pytest.mark.parametrize("sizes", [(), (-1, -1), (-2, 3)])
def test_sizes_that_make_no_sense(sizes: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"^Unflatten: unflattened_size is .*; expected several lengths"
    ):
        nn.Unflatten(1, sizes)


def test_printed_forms() -> None:
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
    assert repr(nn.Unflatten(1, (1, 28, 28))) == "Unflatten(dim=1, unflattened_size=(1, 28, 28))"
