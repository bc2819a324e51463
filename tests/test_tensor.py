"""`Tensor`: what it is made of, its methods and operators, conversions, refusals."""

import copy
import operator
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

# --- making one ---------------------------------------------------------------------------


@pytest.mark.parametrize("data", [1.0, 1, [1.0, 2.0], [[1, 2], [3, 4]], []])
def test_numbers_and_lists_become_float32(data: Any) -> None:
    t = Tensor(data)
    assert t.dtype == np.float32
    assert t.tolist() == data


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64, np.bool_])
def test_an_array_keeps_its_dtype(dtype: Any) -> None:
    assert Tensor(np.ones(2, dtype)).dtype == dtype
    assert Tensor(np.ones((), dtype)[()]).dtype == dtype


def test_a_dtype_may_be_asked_for() -> None:
    assert Tensor([1.5], np.float64).dtype == np.float64
    assert Tensor(np.array([1.5]), np.float32).dtype == np.float32


def test_an_array_is_copied_unless_it_is_given_away() -> None:
    array = np.zeros(2)
    copied, taken = Tensor(array), Tensor(array, copy=False)
    array[0] = 1.0
    assert copied.tolist() == [0.0, 0.0]
    assert taken.tolist() == [1.0, 0.0]
    assert np.shares_memory(taken.numpy(), array)


def test_requires_grad_can_be_set_on_leaves() -> None:
    t = Tensor([1.0])
    assert not t.requires_grad
    t.requires_grad = True
    assert t.requires_grad
    assert t.is_leaf
    y = t * 2
    assert y.requires_grad
    assert not y.is_leaf
    t.requires_grad = False
    assert not (t * 2).requires_grad
    with pytest.raises(RuntimeError, match=r"only be set on a leaf; detach\(\) makes one"):
        y.requires_grad = False


def test_grad_can_be_set_to_what_fits() -> None:
    t = Tensor([1.0, 2.0], requires_grad=True)
    t.grad = [3.0, 4.0]
    assert t.grad is not None
    assert t.grad.tolist() == [3.0, 4.0]
    t.grad = None
    assert t.grad is None
    with pytest.raises(ValueError, match=r"^grad: a gradient of shape \(1,\) .* shape \(2,\)$"):
        t.grad = [3.0]
    with pytest.raises(RuntimeError, match="requires a gradient has one"):
        Tensor([1.0]).grad = [1.0]


@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
def test_it_has_the_shape_of_its_array(data: st.DataObject, shape: Any, dtype: Any) -> None:
    array = data.draw(arrays(shape, dtype))
    t = Tensor(array, requires_grad=True)
    assert (t.shape, t.ndim, t.size) == (array.shape, array.ndim, array.size)
    assert (np.shape(t), np.ndim(t), np.size(t)) == (array.shape, array.ndim, array.size)
    np.testing.assert_array_equal(t.numpy(), array, strict=True)
    assert t.tolist() == array.tolist()


# --- operators and methods ----------------------------------------------------------------

ARITHMETIC = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.matmul,
]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]
LOGIC = [operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("function", ARITHMETIC + COMPARISONS, ids=lambda f: f.__name__)
@given(a=arrays((3,)), b=arrays((3,)))
def test_operators_are_numpys_from_both_sides(function: Any, a: Any, b: Any) -> None:
    expected = function(a, b)
    for left, right in ((Tensor(a), Tensor(b)), (Tensor(a), b), (a, Tensor(b))):
        found = function(left, right)
        assert isinstance(found, Tensor)
        np.testing.assert_array_equal(found.numpy(), expected, strict=True)


@pytest.mark.parametrize("function", ARITHMETIC[:-1] + COMPARISONS, ids=lambda f: f.__name__)
@given(a=arrays((3,), np.float32), number=st.floats(0.5, 2.0))
def test_operators_take_numbers_on_both_sides(function: Any, a: Any, number: float) -> None:
    t = Tensor(a)
    np.testing.assert_array_equal(function(t, number).numpy(), function(a, number), strict=True)
    np.testing.assert_array_equal(function(number, t).numpy(), function(number, a), strict=True)


@pytest.mark.parametrize("other", [[0.5, 1.5], (0.5, 1.5)])
def test_operators_take_lists_and_tuples_as_float32(other: Any) -> None:
    t = Tensor([1.0, 2.0], requires_grad=True)
    for y in (t * other, other * t, np.maximum(t, other)):
        assert isinstance(y, Tensor)
        assert y.dtype == np.float32


@pytest.mark.parametrize("function", LOGIC, ids=lambda f: f.__name__)
def test_logical_operators(function: Any) -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert function(Tensor(a), Tensor(b)).tolist() == function(a, b).tolist()
    assert (~Tensor(a)).tolist() == (~a).tolist()


METHODS: list[Callable[[Any], Any]] = [
    lambda t: t.sum(),
    lambda t: t.sum(axis=1, keepdims=True),
    lambda t: t.mean(axis=0),
    lambda t: t.var(axis=1, ddof=1),
    lambda t: t.max(axis=1),
    lambda t: t.min(),
    lambda t: t.argmax(axis=1),
    lambda t: t.argmin(),
    lambda t: t.dot(t.T),
    lambda t: t.reshape(3, 2),
    lambda t: t.reshape((6,)),
    lambda t: t.reshape(-1),
    lambda t: t.transpose(),
    lambda t: t.transpose(1, 0),
    lambda t: t.transpose((1, 0)),
    lambda t: t.T,
    lambda t: t.swapaxes(0, 1),
    lambda t: t[:1].squeeze(axis=0),
    lambda t: t.astype(np.float32),
    lambda t: t.clip(0.0, 1.0),
    lambda t: t.clip(max=1.0),
    lambda t: -t,
    lambda t: +t,
    lambda t: abs(t),
]


@pytest.mark.parametrize("method", METHODS)
def test_methods_are_those_of_numpys_arrays(method: Callable[[Any], Any]) -> None:
    array = np.random.default_rng(0).standard_normal((2, 3))
    np.testing.assert_array_equal(method(Tensor(array)).numpy(), method(array), strict=True)


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "square", "tanh", "abs"])
def test_methods_that_numpy_has_as_functions(name: str) -> None:
    array = np.random.default_rng(0).uniform(0.5, 2.0, (2, 3))
    found = getattr(Tensor(array), name)()
    np.testing.assert_array_equal(found.numpy(), getattr(np, name)(array), strict=True)


def test_activations() -> None:
    t = Tensor([[-1.0, 0.0, 2.0]])
    assert t.relu().tolist() == [[0.0, 0.0, 2.0]]
    np.testing.assert_allclose(t.sigmoid().numpy(), 1 / (1 + np.exp(-t.numpy())), rtol=1e-6)
    np.testing.assert_allclose(t.softmax(axis=1).sum().item(), 1, rtol=1e-6)
    np.testing.assert_allclose(t.log_softmax().exp().numpy(), t.softmax().numpy(), rtol=1e-6)
    np.testing.assert_allclose(t.logsumexp().exp().item(), t.exp().sum().item(), rtol=1e-6)


def test_astype_carries_the_gradient_to_floating_point_only() -> None:
    t = Tensor([1.5, 2.5], requires_grad=True)
    assert not t.astype(np.int64).requires_grad
    t.astype(np.float64).sum().backward()
    assert t.grad is not None
    assert t.grad.dtype == np.float32
    assert t.grad.tolist() == [1.0, 1.0]


# --- conversions --------------------------------------------------------------------------


def test_it_turns_into_numbers() -> None:
    t = Tensor([[2.5]], requires_grad=True)
    assert (float(t), int(t), bool(t), t.item()) == (2.5, 2, True, 2.5)
    assert [10, 20, 30][Tensor(np.array(1))] == 20
    assert f"{t:.2f}" == "2.50"


@pytest.mark.parametrize(
    ("convert", "sentence"),
    [
        (float, r"item: a Tensor of shape \(2,\) is not a single number"),
        (int, r"item: a Tensor of shape \(2,\) is not a single number"),
        (bool, r"bool: a Tensor of shape \(2,\) is neither; use any\(\) or all\(\)"),
        ("{:.2f}".format, r"format: '.2f' is for one number, not for shape \(2,\)"),
    ],
)
def test_many_elements_are_not_a_number(convert: Callable[[Any], Any], sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{sentence}$"):
        convert(Tensor([1.0, 2.0]))


def test_a_number_has_no_length() -> None:
    with pytest.raises(TypeError, match=r"^len: a Tensor of shape \(\) has no length$"):
        len(Tensor(1.0))


def test_a_leaf_that_is_switched_off_and_on_is_the_same_leaf() -> None:
    x = Tensor(2.0, requires_grad=True)
    y = x * x
    x.requires_grad = False
    assert not (x * x).requires_grad
    x.requires_grad = True
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 4.0


def test_a_gradient_that_is_given_has_the_dtype_of_its_value() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = Tensor(np.array([1.0, 2.0]))
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("dtype", [complex, object, "U3"])
def test_a_tensor_becomes_nothing_but_real_numbers(dtype: Any) -> None:
    with pytest.raises(TypeError, match=r"^astype: a Tensor holds real numbers, not "):
        Tensor([1.0], requires_grad=True).astype(dtype)


def test_it_iterates_over_its_first_axis() -> None:
    t = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = t
    (first * 2 + second).sum().backward()
    assert t.grad is not None
    assert t.grad.tolist() == [[2.0, 2.0], [1.0, 1.0]]
    assert len(t) == 2
    for function in (len, iter):
        with pytest.raises(TypeError):
            function(Tensor(1.0))


def test_it_becomes_an_array_by_itself_only_without_a_gradient() -> None:
    t = Tensor([1.0, 2.0])
    assert np.asarray(t).tolist() == [1.0, 2.0]
    assert np.array(t, np.float64).dtype == np.float64
    t.requires_grad = True
    with pytest.raises(TypeError, match=r"t\.numpy\(\) or t\.detach\(\)"):
        np.asarray(t)
    with pytest.raises(TypeError, match="the gradient would be lost"):
        np.zeros(2)[:] = t


def test_its_printed_form() -> None:
    t = Tensor([1.0, 2.0], requires_grad=True)
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(t) == "Tensor([1., 2.], requires_grad=True)"
    assert repr(t * 2) == "Tensor([2., 4.], op='multiply')"
    assert repr(Tensor(np.array([1, 2]))) == "Tensor([1, 2], dtype=int64)"


def test_deepcopy_makes_a_new_leaf() -> None:
    t = Tensor([1.0, 2.0], requires_grad=True)
    twin = copy.deepcopy(t)
    assert twin.requires_grad
    assert twin.tolist() == t.tolist()
    assert not np.shares_memory(twin.numpy(), t.numpy())
    with pytest.raises(RuntimeError, match="only leaves"):
        copy.deepcopy(t * 2)


def test_it_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="state_dict"):
        pickle.dumps(Tensor([1.0]))


def test_detach_shares_the_values_but_not_the_graph() -> None:
    t = Tensor([1.0, 2.0], requires_grad=True)
    apart = (t * 2).detach()
    assert not apart.requires_grad
    assert np.shares_memory(t.detach().numpy(), t.numpy())


# --- writing in place ---------------------------------------------------------------------


@given(st.slices(4), st.floats(-1.0, 1.0, width=32))
def test_writing_is_numpys(index: slice, number: float) -> None:
    array = np.arange(4, dtype=np.float32)
    t = Tensor(array)
    t[index] = number
    array[index] = number
    assert t.tolist() == array.tolist()


def test_augmented_assignment_makes_a_new_tensor_while_recording() -> None:
    x = y = Tensor([2.0], requires_grad=True)
    y += 2.0
    y -= 2.0
    y *= 2.0
    y /= 2.0
    assert y is not x
    assert x.tolist() == [2.0]
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0]


def test_augmented_assignment_writes_in_place_otherwise() -> None:
    x = y = Tensor([2.0, 4.0], requires_grad=True)
    memory = x.numpy()
    with tg.no_grad():
        y += Tensor([1.0, 2.0])
        y -= 1.0
        y *= 3.0
        y /= 2.0
    assert y is x
    assert memory.tolist() == [3.0, 7.5]


def test_augmented_assignment_in_place_does_not_change_the_dtype() -> None:
    t = Tensor(np.array([1, 2]))
    with tg.no_grad(), pytest.raises(TypeError, match=r"^add in place: "):
        t += 0.5
    assert t.tolist() == [1, 2]


def test_a_result_without_axes_can_be_written_to_as_well() -> None:
    t = Tensor([1.0, 2.0]).sum()
    t[...] = 7.0
    assert t.item() == 7.0


@pytest.mark.parametrize(
    ("write", "error", "sentence"),
    [
        (
            lambda t, leaf: Tensor.__setitem__(leaf, 0, 1.0),
            RuntimeError,
            r"t\[\.\.\.\] = v: a Tensor that needs a gradient .*np\.where.*no_grad\(\)",
        ),
        (
            lambda t, leaf: Tensor.__setitem__(t, 0, leaf[0]),
            RuntimeError,
            r"t\[\.\.\.\] = v: the gradient of v would be lost; .*v\.detach\(\)",
        ),
        (
            lambda t, leaf: Tensor.__setitem__(t, slice(None), [1.0, 2.0, 3.0]),
            ValueError,
            r"t\[\.\.\.\] = v on a Tensor of shape \(2,\): ",
        ),
        (lambda t, leaf: Tensor.__setitem__(t, 5, 1.0), IndexError, r"t\[\.\.\.\] = v .*\(2,\): "),
        (
            lambda t, leaf: Tensor.__setitem__(Tensor(read_only(), copy=False), 0, 1.0),
            ValueError,
            r"this Tensor of shape \(2,\) looks at read-only memory",
        ),
    ],
)
def test_writes_that_are_refused(
    write: Callable[[Tensor, Tensor], None], error: type[Exception], sentence: str
) -> None:
    t, leaf = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=True)
    with pytest.raises(error, match=rf"^{sentence}") as caught:
        write(t, leaf)
    assert "\n" not in str(caught.value)
    assert t.tolist() == [1.0, 2.0]
    assert leaf.tolist() == [3.0, 4.0]


def read_only() -> np.ndarray:
    array = np.zeros(2)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("make", "error", "sentence"),
    [
        (lambda: Tensor([1j]), TypeError, "Tensor: holds real numbers, not complex128"),
        (lambda: Tensor("text"), TypeError, "Tensor: holds real numbers, not "),
        (lambda: Tensor([[1.0], [1.0, 2.0]]), ValueError, "Tensor: "),
        (
            lambda: Tensor(np.array([1]), requires_grad=True),
            TypeError,
            "requires_grad: only floating-point Tensors, not int64",
        ),
    ],
)
def test_what_it_cannot_be_made_of(
    make: Callable[[], Tensor], error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error) as caught:
        make()
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "function",
    [lambda t: np.imag(t * 1j), lambda t: t + np.array([1j, 2j]), lambda t: np.angle(t + 1j)],
)
def test_complex_numbers_are_refused_where_a_gradient_would_be_lost(function: Any) -> None:
    with pytest.raises(TypeError, match=r"^\w+: the result is complex\d+, which has no gradient$"):
        function(Tensor([1.0, 2.0], requires_grad=True))
