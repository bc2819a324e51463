"""From NumPy's calls to the table: what is refused, and in which words; how rows are added."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from refusals import check_refusal

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import constant, define, derive

x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
matrix = Tensor(np.zeros((2, 2)))
out = np.zeros(3)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: Tensor(np.zeros((32, 784))) @ np.zeros((10, 784)),
            ValueError,
            "matmul: (32, 784) @ (10, 784): inner sizes 784 and 10 differ",
        ),
        (
            lambda: np.zeros((2, 3)) @ matrix,
            ValueError,
            "matmul: (2, 3) @ (2, 2): inner sizes 3 and 2 differ",
        ),
        (
            lambda: x @ 2.0,
            ValueError,
            "matmul: (3,) @ (): a scalar has no inner size; multiply with *",
        ),
        (
            lambda: Tensor(np.zeros((2, 1, 1))) @ np.zeros((3, 1, 1)),
            ValueError,
            "matmul: (2, 1, 1) @ (3, 1, 1): shapes (2,) and (3,) of the stacks do not broadcast",
        ),
        (lambda: x + matrix, ValueError, "add: shapes (3,) and (2, 2) do not broadcast"),
        (
            lambda: np.where(matrix > 0, x, 0.0),
            ValueError,
            "where: shapes (2, 2) and (3,) and () do not broadcast",
        ),
        (lambda: np.i0(x), TypeError, "numpy.i0 has no rule for Tensors; add one with "),
        (lambda: np.linalg.eig(x), TypeError, "numpy.linalg.eig has no rule for Tensors"),
        (lambda: np.hypot.reduce(x), TypeError, "numpy.hypot.reduce has no rule for Tensors"),
        (
            lambda: np.add(x, 1, out=out),
            TypeError,
            "add: not supported for Tensors: out; instead of f(..., out=t), write t = f(...)",
        ),
        (
            lambda: np.sum(x, out=np.zeros(())),
            TypeError,
            "sum: not supported for Tensors: out; instead of f(..., out=t), write t = f(...)",
        ),
        (
            lambda: np.concatenate([x, x], out=np.zeros(6)),
            TypeError,
            "concatenate: not supported for Tensors: ",
        ),
        (lambda: np.add(x, 1, where=out > 0), TypeError, "add: not supported for Tensors: where"),
        (
            lambda: np.sum(x, dtype=np.int64),
            TypeError,
            "sum: (3,): dtype int64 has no gradient",
        ),
        (
            lambda: np.sum(x, 0, None, None),
            TypeError,
            "sum: not supported for Tensors: 4 positional arguments",
        ),
        (lambda: np.sum(x, axis=3), IndexError, "sum: (3,): axis 3 is out of bounds"),
        (lambda: x.reshape(2, 2), ValueError, "reshape: (3,): cannot reshape array of size 3"),
        (lambda: np.concatenate([x, matrix]), ValueError, "concatenate: (3,), (2, 2): "),
        (lambda: np.stack([x, x[:2]]), ValueError, "concatenate: (1, 3), (1, 2): "),
        (lambda: np.max(Tensor(out[:0])), ValueError, "max: (0,): zero-size array"),
        (lambda: x[3], IndexError, "getitem: (3,): index 3 is out of bounds"),
        (lambda: x + "text", TypeError, "add: (3,), (): "),
    ],
)
def test_a_refusal_names_the_operation_and_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    check_refusal(call, error, sentence)


def test_out_is_refused_by_functions_without_a_derivative_too() -> None:
    t: Any = Tensor(out)
    with pytest.raises(TypeError, match=r"^floor: not supported for Tensors: out"):
        np.floor(x, out=t)
    assert t.tolist() == [0.0] * 3


def test_a_function_without_a_rule_says_how_to_add_one() -> None:
    with pytest.raises(TypeError, match=r"tinygrad_mnist\.rules\.define\(numpy\.i0, "):
        np.i0(x)


@pytest.mark.usefixtures("table")
def test_a_row_makes_a_function_work_to_any_order() -> None:
    define(np.cosh, vjps=(lambda g, y, a: g * np.sinh(a),), formula=(r"\bar a = \bar y \sinh a",))
    define(np.sinh, vjps=(lambda g, y, a: g * np.cosh(a),), formula=(r"\bar a = \bar y \cosh a",))
    third = tg.grad(tg.grad(tg.grad(np.cosh)))
    np.testing.assert_allclose(third(np.float64(0.5)), np.sinh(0.5))


@pytest.mark.usefixtures("table")
def test_a_derived_row_follows_from_others() -> None:
    derive(np.hypot, lambda a, b: np.sqrt(a * a + b * b), r"y = \sqrt{a^2 + b^2}")
    assert tg.grad(np.hypot)(np.float64(3.0), np.float64(4.0)) == pytest.approx(0.6)
    with pytest.raises(TypeError, match=r"^hypot: not supported for Tensors: "):
        np.hypot(x, x, out=out)


@pytest.mark.usefixtures("table")
def test_a_constant_row_carries_no_gradient() -> None:
    constant(np.heaviside)
    y: Any = np.heaviside(x, Tensor(0.5))
    assert y.tolist() == [1.0] * 3
    assert not y.requires_grad


@pytest.mark.usefixtures("table")
def test_the_newest_row_of_a_function_counts() -> None:
    def clipped(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
        return a * 2

    derive(np.clip, clipped, r"y = 2 a")
    assert tg.grad(np.clip)(np.float64(3.0)) == 2
    define(np.clip, vjps=(lambda g, y, a: g * 3,), formula=(r"\bar a = 3 \bar y",), forward=np.abs)
    assert tg.grad(np.clip)(np.float64(3.0)) == 3
    constant(np.clip)
    assert not np.clip(x, 0.0, 1.0).requires_grad  # type: ignore[attr-defined]


@pytest.mark.usefixtures("table")
def test_a_rule_whose_gradient_has_the_wrong_shape_is_named() -> None:
    def shorten(a: Any) -> Any:
        return a[1:]

    rule = define(shorten, vjps=(lambda g, y, a: g,), formula=(r"\bar a = \bar y",))
    message = r"^shorten: .* shape \(2,\) for an input of shape \(3,\)$"
    with pytest.raises(RuntimeError, match=message):
        rule(x).sum().backward()
    assert x.grad is None
