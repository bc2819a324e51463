import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.data import Digits, load_mnist, split


@given(st.integers(2, 20), st.data())
def test_the_last_digits_are_set_apart_without_a_copy(count: int, data: st.DataObject) -> None:
    digits = Digits(np.zeros((count, 28, 28), np.uint8), np.arange(count))
    apart = data.draw(st.integers(1, count - 1))
    first, last = split(digits, apart)
    assert len(last.labels) == len(last.images) == apart
    np.testing.assert_array_equal(np.concatenate([first.labels, last.labels]), digits.labels)
    for part in (first, last):
        assert len(part.images) == len(part.labels)
        assert np.shares_memory(part.images, digits.images)
        assert np.shares_memory(part.labels, digits.labels)


@pytest.mark.parametrize("count", [-1, 0, 5, 6])
def test_some_are_set_apart_and_not_all(count: int) -> None:
    digits = Digits(np.zeros((5, 28, 28)), np.zeros(5))
    with pytest.raises(ValueError, match=f"at least 1 and less than the 5 digits, not {count}"):
        split(digits, count)


def test_digits_that_do_not_belong_together_are_an_error() -> None:
    with pytest.raises(ValueError, match="as many labels as images"):
        split(Digits(np.zeros((5, 28, 28)), np.zeros(4)), 1)
    with pytest.raises(TypeError, match="float"):
        split(Digits(np.zeros((5, 28, 28)), np.zeros(5)), 0.2)  # type: ignore[arg-type]


def test_mnist_gives_its_digits() -> None:
    mnist = load_mnist("sample")
    assert mnist.train.images is mnist.train_images
    assert mnist.train.labels is mnist.train_labels
    assert mnist.test == (mnist.test_images, mnist.test_labels)
