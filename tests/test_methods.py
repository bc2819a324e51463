"""The methods of a Tensor, and those of NumPy's ufuncs: each is a function of NumPy's."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays, broadcast_shapes

from tinygrad_mnist import Tensor
from tinygrad_mnist.methods import Methods

MATRIX = np.array([[0.5, 0.125], [0.25, 0.75]])
SECOND: dict[str, tuple[Any, ...]] = {  # what a method takes beside the Tensor
    "swapaxes": (0, 1),
    "moveaxis": (0, -1),
    "clip": (0.2, 0.6),
    "take": (np.array([1, 0]),),
    "broadcast_to": ((3, 2, 2),),
    "choose": (MATRIX,),
    "searchsorted": (np.array([0.2]),),
    **dict.fromkeys(("repeat", "tile", "roll", "expand_dims", "argpartition"), (1,)),
    "matrix_power": (2,),
    "ldexp": (np.array([1, -1]),),
    **dict.fromkeys(["isclose", "allclose"], (MATRIX,)),
    **dict.fromkeys(["quantile", "nanquantile"], (0.25,)),
    **dict.fromkeys(["hsplit", "vsplit", "dsplit"], (2,)),
    "cross": (np.array([1.0, 2.0, 3.0]),),
}
START: dict[str, np.ndarray] = {
    "choose": np.array([[0, 1], [1, 0]]),
    "searchsorted": np.array([0.1, 0.3]),
    "arccosh": 1 + MATRIX,
    "cholesky": MATRIX @ MATRIX.T,
    "dsplit": MATRIX.reshape(1, 2, 2),
    "cross": np.array([0.5, 0.25, 2.0]),
}


def as_numpys(method: Any) -> Callable[..., Any]:
    """Look up the function that a method's docstring names."""
    value: Any = np
    for name in method.__doc__.removeprefix("As `numpy.").split("`")[0].split("."):
        value = getattr(value, name)
    return value


def is_numpys(value: Any) -> bool:
    return getattr(value, "__qualname__", "").startswith("Tensor.")


METHODS = [pytest.param(n, m, id=n) for n, m in vars(Methods).items() if is_numpys(m)]


@pytest.mark.parametrize(("name", "method"), METHODS)
def test_a_method_is_the_function_of_numpy(name: str, method: Any) -> None:
    function = as_numpys(method)
    assert method.__name__ == function.__name__
    a = START.get(function.__name__, MATRIX)
    takes_two = getattr(function, "nin", 1) == 2 or name in (
        "dot",
        "outer",
        "inner",
        "kron",
        "vdot",
    )
    second = SECOND.get(function.__name__, (MATRIX.T,) if takes_two else ())
    t = Tensor(a, requires_grad=a.dtype.kind == "f")
    found, expected = getattr(t, name)(*second), function(a, *second)
    several = isinstance(expected, tuple | list)
    for one, other in zip(*(v if several else [v] for v in (found, expected)), strict=True):
        assert isinstance(one, Tensor | int | bool)
        value = one.numpy() if isinstance(one, Tensor) else one
        np.testing.assert_allclose(value, other, rtol=1e-13)


def test_the_shape_may_be_one_argument_or_several() -> None:
    t = Tensor(np.arange(6.0), requires_grad=True)
    for found in (t.reshape(2, 3), t.reshape((2, 3)), t.reshape(2, -1), t.reshape([2, 3])):
        assert found.shape == (2, 3)
    assert t.reshape(2, 3, order="F").tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]
    cube = t.reshape(1, 2, 3)
    assert cube.transpose(2, 0, 1).shape == cube.permute((2, 0, 1)).shape == (3, 1, 2)
    assert cube.mT.shape == (1, 3, 2)
    assert cube.T.shape == (3, 2, 1)


def test_a_dtype_that_is_not_floating_point_ends_the_gradient() -> None:
    t = Tensor([1.5, 2.5], requires_grad=True)
    assert t.astype(np.float64).requires_grad
    whole = t.astype(int)
    assert not whole.requires_grad
    assert whole.tolist() == [1, 2]


REDUCTIONS = [np.add, np.multiply, np.maximum, np.minimum, np.logical_and, np.logical_or]


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=3))
@pytest.mark.parametrize("ufunc", REDUCTIONS)
def test_reduce_is_a_reduction_along_one_axis(ufunc: Any, data: st.DataObject, shape: Any) -> None:
    a = data.draw(arrays(shape))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    t = Tensor(a, requires_grad=True)
    np.testing.assert_allclose(ufunc.reduce(t).numpy(), ufunc.reduce(a), rtol=1e-13)
    y = ufunc.reduce(t, axis, keepdims=True)
    np.testing.assert_allclose(y.numpy(), ufunc.reduce(a, axis, keepdims=True), rtol=1e-13)
    assert y.requires_grad == (not ufunc.__name__.startswith("logical"))


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=3))
@pytest.mark.parametrize("ufunc", [np.add, np.multiply])
def test_accumulate_is_a_scan_along_one_axis(ufunc: Any, data: st.DataObject, shape: Any) -> None:
    a = data.draw(arrays(shape))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    y = ufunc.accumulate(Tensor(a, requires_grad=True), axis)
    np.testing.assert_allclose(y.numpy(), ufunc.accumulate(a, axis), rtol=1e-13)
    assert y.requires_grad


@given(data=st.data(), shapes=broadcast_shapes(2))
@pytest.mark.parametrize("ufunc", [np.subtract, np.power, np.hypot])
def test_outer_takes_every_pair(ufunc: Any, data: st.DataObject, shapes: Any) -> None:
    a, b = (data.draw(arrays(shape)) for shape in shapes)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    found = ufunc.outer(x, y)
    np.testing.assert_allclose(found.numpy(), ufunc.outer(a, b), rtol=1e-13)
    found.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == a.shape


@pytest.mark.parametrize(
    "call",
    [
        lambda t: np.add.at(t, [0], 1.0),
        lambda t: np.add.reduceat(t, [0]),
        lambda t: np.hypot.reduce(t),
    ],
)
def test_the_other_methods_of_ufuncs_are_refused(call: Callable[[Tensor], Any]) -> None:
    with pytest.raises(TypeError, match=r"no rule for Tensors|in place"):
        call(Tensor([1.0, 2.0], requires_grad=True))


def test_compress_takes_the_condition_first() -> None:
    t = Tensor(MATRIX, requires_grad=True)
    assert t.compress([True, False], axis=1).tolist() == [[0.5], [0.25]]
