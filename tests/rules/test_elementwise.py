"""What all elementwise rules have in common: broadcasting, dtypes that mix, refusals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gradients import check_broadcasting, gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from refusals import check_refusal
from strategies import FLOATS, SHAPES, arrays, broadcast_shapes

from tinygrad_mnist import Tensor

BINARY = [
    np.add,
    np.arctan2,
    np.divide,
    np.float_power,
    np.fmax,
    np.fmin,
    np.fmod,
    np.hypot,
    np.logaddexp,
    np.logaddexp2,
    np.maximum,
    np.minimum,
    np.multiply,
    np.power,
    np.remainder,
    np.subtract,
]
UNARY = [
    np.absolute,
    np.arccosh,
    np.arcsin,
    np.arccos,
    np.arcsinh,
    np.arctan,
    np.arctanh,
    np.cbrt,
    np.conjugate,
    np.cos,
    np.cosh,
    np.deg2rad,
    np.degrees,
    np.exp,
    np.exp2,
    np.expm1,
    np.fabs,
    np.log,
    np.log10,
    np.log1p,
    np.log2,
    np.nan_to_num,
    np.negative,
    np.positive,
    np.rad2deg,
    np.radians,
    np.real,
    np.real_if_close,
    np.reciprocal,
    np.sin,
    np.sinc,
    np.sinh,
    np.sqrt,
    np.square,
    np.tan,
    np.tanh,
]
x = Tensor([1.0, 2.0, 3.0], requires_grad=True)


def name(function: Callable[..., Any]) -> str:
    return function.__name__


@pytest.mark.parametrize("function", BINARY, ids=name)
@settings(max_examples=30)
@given(data=st.data(), shapes=broadcast_shapes(2), dtypes=st.tuples(FLOATS, FLOATS))
def test_the_gradient_of_a_stretched_input_is_summed(
    function: Any, data: st.DataObject, shapes: Any, dtypes: Any
) -> None:
    inputs = [data.draw(arrays(*pair)) for pair in zip(shapes, dtypes, strict=True)]
    check_broadcasting(function, inputs, data)


@pytest.mark.parametrize("function", UNARY, ids=name)
@settings(max_examples=20)
@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
def test_every_element_has_the_gradient_that_it_has_alone(
    function: Any, data: st.DataObject, shape: Any, dtype: Any
) -> None:
    low, high = (1.5, 2.0) if function is np.arccosh else (0.25, 0.75)
    a = data.draw(arrays(shape, dtype, low, high))
    g = data.draw(arrays(shape, dtype, -2.0))
    (found,) = gradients(function, [a], g)
    assert found.shape == shape
    assert found.dtype == dtype
    for place in np.ndindex(shape):
        (alone,) = gradients(function, [a[place]], g[place])
        np.testing.assert_allclose(found[place], alone, rtol=1e-5)


@pytest.mark.parametrize("function", [*UNARY, *BINARY], ids=name)
def test_integers_are_computed_with_as_numpy_does(function: Any) -> None:
    inputs = [np.array([1, 2, 3])] * (2 if function in BINARY else 1)
    if function in (np.arcsin, np.arccos, np.arctanh):
        inputs = [np.zeros(3, np.int8)]
    y = function(*map(Tensor, inputs))
    assert not y.requires_grad
    np.testing.assert_array_equal(y.numpy(), function(*inputs), strict=True)


@pytest.mark.parametrize("function", BINARY, ids=name)
@given(whole=st.sampled_from([np.int8, np.uint8, np.int32, np.int64]), dtype=FLOATS)
@settings(max_examples=8)
def test_an_input_of_integers_counts_as_the_same_numbers(
    function: Any, whole: Any, dtype: Any
) -> None:
    a, b = np.array([1.5, 0.5, 2.5], dtype), np.array([1, 3, 2], whole)
    g = np.ones(3)
    for inputs in ((a, b), (b, a)):
        own = next(i for i, value in enumerate(inputs) if value is a)

        def only(t: Any, own: int = own, inputs: Any = inputs) -> Any:
            return function(*(t if i == own else value for i, value in enumerate(inputs)))

        (found,) = gradients(only, [a], g)
        exact = gradients(function, [value.astype(float) for value in inputs], g)[own]
        assert found.dtype == dtype
        np.testing.assert_allclose(found, exact, rtol=1e-6 if dtype == np.float32 else 1e-14)


@given(data=st.data(), shape=broadcast_shapes(1), dtype=FLOATS)
def test_an_input_used_for_both_places_gets_both_gradients(
    data: st.DataObject, shape: Any, dtype: Any
) -> None:
    a = data.draw(arrays(shape[0], dtype))
    leaf = Tensor(a, requires_grad=True)
    (leaf * leaf).backward(np.ones(a.shape, dtype))
    assert leaf.grad is not None
    np.testing.assert_array_equal(leaf.grad.numpy(), 2 * a)


@given(data=st.data(), dtype=FLOATS, number=st.floats(0.5, 2.0))
def test_a_number_of_python_widens_nothing(data: st.DataObject, dtype: Any, number: float) -> None:
    t = Tensor(data.draw(arrays((2, 3), dtype)), requires_grad=True)
    by_operators = t + number, number - t, t * number, number / t, t**number, number**t, t % number
    in_either_place = [
        function(*pair)
        for function in BINARY
        if function is not np.float_power  # which always makes float64
        for pair in ((t, number), (number, t))
    ]
    chosen = (
        np.where(t > 1, t, number),
        np.clip(t, 0.7, number),
        np.select([t > 1, t > 0.5], [number, 1], t),
        np.select([t > 1, t > 0.5], [t, 1], number),
        np.heaviside(t, number),
        np.copysign(t, number),
    )
    assert {y.dtype for y in (*by_operators, *in_either_place, *chosen)} == {dtype}


# --- arguments that are refused -----------------------------------------------------------

OPTIONS = [
    ("where", np.array([True, False, True])),
    ("out", np.zeros(3)),
    ("dtype", np.float32),
    ("casting", "same_kind"),
    ("order", "K"),
    ("subok", True),
]


@pytest.mark.parametrize(("option", "value"), OPTIONS)
@pytest.mark.parametrize(
    "function", [np.exp, np.add, np.maximum, np.modf, np.frexp, np.divmod, np.float_power], ids=name
)
def test_the_options_of_numpys_ufuncs_are_refused(function: Any, option: str, value: Any) -> None:
    options = {option: (value,) * function.nout if option == "out" else value}
    with pytest.raises(
        TypeError, match=f"^{name(function)}: not supported for Tensors: "
    ) as caught:
        function(*[x] * function.nin, **options)
    message = str(caught.value)
    assert option in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: np.hypot(x, [1, 2]), ValueError, "hypot: shapes (3,) and (2,) do not broadcast"),
        (lambda: np.nan_to_num(x, copy=False), TypeError, "nan_to_num: not supported for Tensors"),
        (lambda: np.sinc(), TypeError, "sinc() missing 1 required positional argument"),
        (lambda: np.where(x > 1, x), ValueError, "where: expected both x and y, or neither"),
        (
            lambda: np.select([x > 1], [x, x]),
            ValueError,
            "select: 1 conditions, 2 choices; expected as many",
        ),
        (
            lambda: np.select([x], [x]),
            TypeError,
            "select: a condition is float32; expected booleans",
        ),
        (
            lambda: np.choose([0, 2, 1], [x, x], mode="around"),
            ValueError,
            "choose: mode is 'around'; expected 'raise', 'wrap' or 'clip'",
        ),
        (lambda: np.choose([0, 2, 1], [x, x]), ValueError, "choose: (3,), (3,): invalid entry"),
        (
            lambda: np.choose([0, 0], [x, x]),
            ValueError,
            "choose: shapes (2,) and (3,) and (3,) do not broadcast",
        ),
        (
            lambda: np.choose([0, 1, 0], [x, x], out=np.zeros(3)),
            TypeError,
            "choose: not supported for Tensors: ",
        ),
        (
            lambda: np.interp(x, [1.0, 2.0], x),
            ValueError,
            "interp: (3,), (2,), (3,): fp and xp are not of the same length",
        ),
        (lambda: np.interp(x, x, x, period=0), ValueError, "interp: the period is 0"),
        (lambda: np.round(x, out=np.zeros(3)), TypeError, "round: not supported for Tensors: out"),
        (lambda: np.piecewise(x, [x > 1], [0.0]), TypeError, "numpy.piecewise has no rule"),
    ],
)
def test_a_refusal_names_the_function_and_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    check_refusal(call, error, sentence)
