"""Activations: kinks and large numbers."""

from typing import Any

import numpy as np
import pytest
from gradients import slopes
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from tinygrad_mnist import Tensor


def test_relu_has_the_gradient_0_at_0() -> None:
    assert slopes(lambda a: a.relu(), 0.0) == [0.0]


@given(st.floats(-1e4, 1e4), FLOATS)
def test_sigmoid_never_overflows(x: float, dtype: Any) -> None:
    t = Tensor(np.array(x, dtype), requires_grad=True)
    y = t.sigmoid()
    y.backward()
    assert t.grad is not None
    assert 0 <= y.item() <= 1
    assert 0 <= t.grad.item() <= 0.25
    assert y.item() == pytest.approx(0.5 * (1 + np.tanh(np.float64(x) / 2)), rel=1e-5, abs=1e-15)
