"""A value that was changed in place after it was saved: an error, never a wrong gradient."""

import re
from array import array
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, optim


def by_item(t: Tensor) -> None:
    with tg.no_grad():
        t[0] = 7.0


def by_operator(t: Tensor) -> None:
    with tg.no_grad():
        t += 1.0


def by_detached(t: Tensor) -> None:
    t.detach()[1] = 7.0


def by_reshaped(t: Tensor) -> None:
    with tg.no_grad():
        t.reshape(2, 2)[0, 0] = 7.0


def by_slice(t: Tensor) -> None:
    with tg.no_grad():
        part = t[1:3]
        part *= 2.0


def by_transposed_slice(t: Tensor) -> None:
    view = t.detach()[::-1].reshape(4, 1).T
    view[...] = 7.0


def by_optimiser(t: Tensor) -> None:
    t.grad = np.ones(4, np.float32)
    optim.SGD([t], lr=0.1).step()


def by_state(t: Tensor) -> None:
    class Holder(nn.Module):
        def __init__(self) -> None:
            self.t = t

    Holder().load_state_dict({"t": np.zeros(4)})


WRITES = [
    by_item,
    by_operator,
    by_detached,
    by_reshaped,
    by_slice,
    by_transposed_slice,
    by_optimiser,
    by_state,
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("graph", ["first", "second"])
def test_a_write_to_a_saved_input_is_noticed(write: Callable[[Tensor], None], graph: str) -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = np.square(x).sum()
    write(x)
    x.grad = None
    with pytest.raises(RuntimeError, match=r"^square: .*changed in place") as caught:
        y.backward(create_graph=graph == "second")
    assert "(4,)" in str(caught.value)
    assert x.grad is None


@pytest.mark.parametrize("write", [by_item, by_operator, by_detached, by_slice])
def test_a_write_to_a_saved_result_is_noticed(write: Callable[[Tensor], None]) -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y: Any = np.exp(x)
    total = y.sum()
    write(y)
    with pytest.raises(RuntimeError, match=r"^exp: the result.* was changed in place"):
        total.backward()


def test_the_line_of_the_operation_is_named() -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = np.exp(
        x * x,
    )
    by_item(x)
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    code = test_the_line_of_the_operation_is_named.__code__
    assert str(caught.value) == (
        "multiply: input 0, of shape (4,), was changed in place after it was saved for backward; "
        "write to a copy of it, or after backward(); multiply was called at "
        f"{code.co_filename}, line {code.co_firstlineno + 3}, in {code.co_name}"
    )


@pytest.mark.parametrize("looking", [False, True])
def test_the_line_of_a_layer_is_noted_within_detect_anomaly(looking: bool) -> None:
    layer = nn.Linear(2, 2)
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    with tg.detect_anomaly() if looking else nullcontext():
        y = layer(x)
    by_item(layer.weight)
    where = (
        rf"{re.escape(__file__)}, line \d+, in " if looking else r"a line that is noted within tg"
    )
    with pytest.raises(RuntimeError, match=f"affine was called at {where}"):
        y.sum().backward()


@pytest.mark.parametrize("write", WRITES)
def test_a_write_to_a_value_that_no_rule_looks_at_is_fine(
    write: Callable[[Tensor], None],
) -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = (x + 1.0 - x[::-1]).reshape(2, 2).T.sum() + x.mean()
    write(x)
    x.grad = None
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.25] * 4


LINEAR: list[Callable[[Any], Any]] = [
    lambda t: t + t,
    lambda t: 3.0 - t,
    lambda t: -t,
    lambda t: 3.0 * t,
    lambda t: t / 3.0,
    lambda t: t.sum(axis=0),
    lambda t: t.mean(),
    lambda t: t.reshape(2, 2),
    lambda t: np.transpose(t, (0,)),
    lambda t: t.swapaxes(0, 0),
    lambda t: np.expand_dims(t, 0),
    lambda t: np.squeeze(t),
    lambda t: np.broadcast_to(t, (3, 4)),
    lambda t: np.concatenate([t, t]),
    lambda t: np.stack([t, t]),
    lambda t: t[[0, 0, 1]],
    lambda t: t.astype(np.float64),
]


@pytest.mark.parametrize("function", LINEAR)
def test_a_linear_function_needs_none_of_its_values(function: Callable[[Any], Any]) -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = function(x).sum()
    by_operator(x)
    y.backward()
    assert x.grad is not None


@pytest.mark.parametrize("write", WRITES)
def test_a_write_to_another_tensor_is_fine(write: Callable[[Tensor], None]) -> None:
    x, other = (Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True) for _ in range(2))
    y = np.square(x).sum()
    write(other)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0, 6.0, 8.0]


def test_a_write_before_the_value_is_saved_is_fine() -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    by_item(x)
    np.square(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [14.0, 4.0, 6.0, 8.0]


def test_a_write_after_the_sweep_is_fine_and_the_next_round_works() -> None:
    x = Tensor([3.0], requires_grad=True)
    optimiser = optim.SGD([x], lr=0.5)
    for expected in ([6.0], [0.0]):
        optimiser.zero_grad()
        (x * x).backward()
        assert x.grad is not None
        assert x.grad.tolist() == expected
        optimiser.step()


USERS: list[tuple[str, Callable[[Tensor, Any], Any]]] = [
    ("multiply", lambda t, own: t * own),
    ("divide", lambda t, own: t / own),
    ("power", lambda t, own: own**t),
    ("maximum", np.maximum),
    ("where", lambda t, own: np.where(own, t, 0.0)),
    ("matmul", lambda t, own: own @ t),
    ("affine", lambda t, own: nn.functional.affine(own, t, np.zeros(2))),
]


@pytest.mark.parametrize(("name", "function"), USERS, ids=[name for name, _ in USERS])
@given(data=st.data())
def test_a_change_to_an_array_of_the_callers_is_noticed(
    name: str, function: Callable[[Tensor, Any], Any], data: st.DataObject
) -> None:
    t = Tensor(data.draw(arrays((2, 2))), requires_grad=True)
    own = data.draw(arrays((2, 2)))
    unchanged, changed = (function(t, own).sum() for _ in range(2))
    unchanged.backward()
    t.grad = None
    own[data.draw(st.integers(0, 1)), data.draw(st.integers(0, 1))] += 1.0
    with pytest.raises(RuntimeError, match=rf"^{name}: input .* was changed in place"):
        changed.backward()
    assert t.grad is None


def test_a_change_to_the_labels_comes_too_late_to_matter() -> None:
    slopes = []
    for late in (False, True):
        logits, labels = Tensor(np.eye(2, 3), requires_grad=True), np.array([0, 2])
        loss = nn.SoftmaxCrossEntropy()(logits, labels)
        if late:
            labels[0] = 1
        loss.backward(create_graph=True)  # which computes with the labels again
        assert logits.grad is not None
        slopes.append(logits.grad.numpy())
    np.testing.assert_array_equal(*slopes)


def test_a_large_array_that_is_filled_anew_is_noticed() -> None:
    """Think of a buffer that every batch is read into."""
    buffer, weight = np.ones((64, 784)), Tensor(np.ones((784, 10)), requires_grad=True)
    y = (buffer @ weight).sum()
    buffer[...] = np.random.default_rng(0).random(buffer.shape)
    with pytest.raises(RuntimeError, match=r"^matmul: .* was changed in place"):
        y.backward()


@pytest.mark.parametrize("function", [np.add, np.subtract])
def test_a_change_to_an_array_that_no_rule_looks_at_is_fine(function: Any) -> None:
    t, own = Tensor([1.0, 2.0], requires_grad=True), np.ones(2)
    y = function(t, own).sum()
    own[...] = 5.0
    y.backward()
    assert t.grad is not None
    assert t.grad.tolist() == [1.0, 1.0]


def test_the_array_that_a_tensor_was_made_from_may_change_too() -> None:
    own = np.array([1.0, 2.0])
    x = Tensor(own, requires_grad=True)
    y = (x * x).sum()
    own[...] = 9.0
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]


def test_numpy_hands_out_memory_that_cannot_be_written_to() -> None:
    x = Tensor([1.0, 2.0])
    for view in (x.numpy(), x.numpy()[:1], np.asarray(x), Tensor(3.0).numpy()):
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0.0


@pytest.mark.parametrize("order", ["first", "second"])
def test_a_write_between_a_traced_sweep_and_the_next_is_noticed(order: str) -> None:
    x = Tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad is not None
    slope: Any = x.grad.sum()
    (by_item if order == "first" else by_detached)(x)
    with pytest.raises(RuntimeError, match="changed in place"):
        slope.backward()


@given(
    place=st.integers(0, 4_999),
    dtype=st.sampled_from([np.float64, np.float32, np.float16, np.int8]),
)
def test_a_change_of_one_element_of_a_large_array_is_noticed(place: int, dtype: Any) -> None:
    x = Tensor(np.ones(5_000), requires_grad=True)
    bare = np.ones(5_000, dtype)
    y = (x * bare).sum()
    bare[place] = 2
    with pytest.raises(RuntimeError, match=r"^multiply: input 1, of shape \(5000,\), was changed"):
        y.backward()


@given(start=st.integers(0, 90), step=st.sampled_from([-2, -1, 1, 2, 3]))
def test_a_change_of_a_few_rows_of_a_large_view_is_noticed(start: int, step: int) -> None:
    whole = np.random.default_rng(0).standard_normal((100, 90))
    view = whole[::step, 1:]
    x = Tensor(np.ones(view.shape), requires_grad=True)
    y = (x * view).sum()
    view[start % len(view)] += 1
    with pytest.raises(RuntimeError, match=r"^multiply: input 1"):
        y.backward()


class Like:
    """Something that NumPy makes an array of."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values


def test_what_stands_for_an_array_is_copied() -> None:
    values = np.array([1.0, 2.0])
    for like in (Like(values), memoryview(values), array("d", [1.0, 2.0])):
        x = Tensor(np.ones(2), requires_grad=True)
        y = (x * like).sum()
        values[0] = 50.0
        if isinstance(like, array):
            like[0] = 50.0
        y.backward()
        values[0] = 1.0
        assert x.grad is not None
        assert x.grad.tolist() == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_multiplies_as_an_array_both_ways() -> None:
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    (x * np.matrix([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^masked arrays lose their masks here; choose with np\.w"):
        Tensor([1.0, 2.0]) * np.ma.masked_array([1.0, 2.0], [True, False])


def test_the_gradient_to_start_with_may_change_afterwards() -> None:
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True)
    g = np.ones(2)
    (x * x).backward(g, create_graph=True)
    g[:] = 100.0
    first = x.grad
    assert first is not None
    x.grad = None
    first.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0]
