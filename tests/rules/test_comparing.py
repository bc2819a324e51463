"""Functions without a gradient: what they take, and that their results can be used."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import SHAPES, arrays

from tinygrad_mnist import Tensor


@given(data=st.data(), shape=SHAPES.filter(bool))
def test_where_without_values_finds_the_places(data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = data.draw(arrays(shape, low=-1.0, high=1.0))
    t = Tensor(a, requires_grad=True)
    for places in (np.where(t > 0), np.nonzero(t > 0)):
        assert isinstance(places, tuple)
        for found, expected in zip(places, np.nonzero(a > 0), strict=True):
            np.testing.assert_array_equal(np.asarray(found), expected)
        t[places].sum().backward()
        assert t.grad is not None
        np.testing.assert_array_equal(t.grad.numpy(), a > 0)
        t.grad = None


@given(data=st.data())
def test_places_among_sorted_numbers(data: st.DataObject) -> None:
    bins = np.sort(data.draw(arrays((4,))))
    a = data.draw(arrays((2, 3)))
    t = Tensor(a, requires_grad=True)
    for side in ("left", "right"):
        found = np.searchsorted(bins, t, side=side)
        np.testing.assert_array_equal(found.numpy(), np.searchsorted(bins, a, side=side))
    found = np.digitize(t, bins, right=True)
    np.testing.assert_array_equal(found.numpy(), np.digitize(a, bins, right=True))
