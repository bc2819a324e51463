"""Activation modules: the functions that they are, and the arguments that they keep."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn import functional

MODULES: list[tuple[nn.Module, str, dict[str, Any]]] = [
    (nn.ReLU(), "relu", {}),
    (nn.LeakyReLU(), "leaky_relu", {}),
    (nn.LeakyReLU(0.3), "leaky_relu", {"negative_slope": 0.3}),
    (nn.ELU(2.0), "elu", {"alpha": 2.0}),
    (nn.Softplus(2.0, 0.5), "softplus", {"beta": 2.0, "threshold": 0.5}),
    (nn.Sigmoid(), "sigmoid", {}),
    (nn.Tanh(), "tanh", {}),
    (nn.SiLU(), "silu", {}),
    (nn.GELU(), "gelu", {}),
    (nn.GELU("tanh"), "gelu", {"approximate": "tanh"}),
    (nn.Softmax(), "softmax", {}),
    (nn.LogSoftmax(0), "log_softmax", {"dim": 0}),
    (nn.Softmax(dim=0), "softmax", {"axis": 0}),
    (nn.LogSoftmax(axis=0), "log_softmax", {"dim": 0}),
]


@given(data=st.data(), dtype=FLOATS, shape=SHAPES.filter(lambda s: len(s) > 0 and 0 not in s))
@pytest.mark.parametrize(("module", "name", "arguments"), MODULES, ids=lambda value: str(value))
def test_a_module_is_its_function(
    module: nn.Module,
    name: str,
    arguments: dict[str, Any],
    dtype: Any,
    shape: Any,
    data: st.DataObject,
) -> None:
    x = data.draw(arrays(shape, dtype, -3.0, 3.0))
    function = getattr(functional, name)
    y = module(Tensor(x))
    assert y.dtype == dtype
    np.testing.assert_array_equal(y.numpy(), function(Tensor(x), **arguments).numpy())
    np.testing.assert_array_equal(module(x), y.numpy())
    assert module.parameters() == []
    assert module.state_dict() == {}


def test_printed_forms() -> None:
    found = [repr(module) for module, _, _ in MODULES]
    assert found == [
        "ReLU()",
        "LeakyReLU(negative_slope=0.01)",
        "LeakyReLU(negative_slope=0.3)",
        "ELU(alpha=2.0)",
        "Softplus(beta=2.0, threshold=0.5)",
        "Sigmoid()",
        "Tanh()",
        "SiLU()",
        "GELU(approximate='none')",
        "GELU(approximate='tanh')",
        "Softmax(dim=-1)",
        "LogSoftmax(dim=0)",
        "Softmax(dim=0)",
        "LogSoftmax(dim=0)",
    ]


def test_arguments_that_make_no_sense_are_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"^GELU: approximate is 'no'; expected 'none' or 'tanh'$"):
        nn.GELU("no")


@pytest.mark.parametrize("function", [functional.softmax, functional.log_softmax])
def test_an_axis_has_two_names_and_one_value(function: Any) -> None:
    x = np.arange(6.0).reshape(2, 3)
    for found in (function(x, dim=0), function(x, axis=0), function(x, -2)):
        np.testing.assert_array_equal(found, function(x, 0))
    name = function.__name__
    with pytest.raises(ValueError, match=f"^{name}: dim and axis are the same; give one of them$"):
        function(x, 0, axis=0)
    with pytest.raises(ValueError, match=f"^{name}: dim is 1.5; expected a whole number$"):
        function(x, 1.5)
    with pytest.raises(IndexError, match=f"^{name}: .*axis 2"):
        function(x, 2)
