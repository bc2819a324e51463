"""The first NaN or infinity is found, and named with the line that made it."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn, no_grad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's own, of the same thing


def line_of(call: Callable[..., Any], offset: int) -> str:
    """Write down a place as messages do: a line of a function, counted from its `def`."""
    code = call.__code__
    return f"{code.co_filename}, line {code.co_firstlineno + offset}, in {code.co_name}"


@given(place=st.integers(0, 4), bad=st.sampled_from([0.0, -1.0]))
def test_the_first_bad_value_forward_is_named_with_its_place(place: int, bad: float) -> None:
    values = np.ones(5)
    values[place] = bad
    x = Tensor(values, requires_grad=True)

    def compute() -> None:
        y = x * 1
        z = np.log(y)
        (z * 0).sum()

    with tg.detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        compute()
    counted = "0 NaN and 1 infinite" if bad == 0 else "1 NaN and 0 infinite"
    assert str(caught.value) == (
        f"log: the result, of shape (5,), has {counted} elements, the first at ({place},); "
        f"called at {line_of(compute, 2)}"
    )


def test_values_that_need_no_gradient_are_looked_at_too() -> None:
    x = Tensor([0.0])
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^divide: the result"):
        1 / x
    with (
        tg.detect_anomaly(),
        no_grad(),
        pytest.raises(FloatingPointError, match=r"^divide: the result"),
    ):
        1 / x


def test_the_first_bad_gradient_is_named_with_the_line_of_its_operation() -> None:
    x = Tensor([4.0, 0.0, 1.0], requires_grad=True)

    def forward() -> Tensor:
        root = np.sqrt(x * 1)
        return (root * 2).sum()

    with tg.detect_anomaly():
        y = forward()
        with pytest.raises(FloatingPointError) as caught:
            y.backward()
    assert str(caught.value) == (
        "sqrt: the gradient of an input, of shape (3,), has 0 NaN and 1 infinite elements, the "
        f"first at (1,); sqrt was called at {line_of(forward, 1)}"
    )
    assert x.grad is None


def test_second_derivatives_are_looked_at_by_the_same_names() -> None:
    x = Tensor([4.0, 0.0], requires_grad=True)
    with tg.detect_anomaly():
        y = (x * np.sqrt(x)).sum()
        with pytest.raises(FloatingPointError, match=r"^sqrt: the gradient of an input"):
            y.backward(create_graph=True)


def test_infinities_that_a_rule_only_meets_on_its_way_are_no_anomaly() -> None:
    x = Tensor([0.0, 2.0], requires_grad=True)
    with tg.detect_anomaly():
        np.power(x, Tensor(2.0, requires_grad=True)).sum().backward(create_graph=True)
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 4.0]


def test_a_bad_gradient_to_start_with_is_named() -> None:
    x = Tensor([1.0], requires_grad=True)
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^exp: the gradient of the"):
        np.exp(x).backward([np.inf])


def test_a_graph_from_before_is_looked_at_without_its_lines() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x + 1
    y.register_hook(lambda g: g * np.inf)
    total = y.sum()
    with (
        tg.detect_anomaly(),
        pytest.raises(FloatingPointError, match=r"add was called at a line that "),
    ):
        total.backward()


def test_the_line_is_the_users_through_layers() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    with no_grad():
        model.parameters()[0][0, 0] = np.inf

    def compute() -> None:
        model(Tensor(np.ones((1, 3), np.float32)))

    with tg.detect_anomaly(), pytest.raises(FloatingPointError) as caught:
        compute()
    assert str(caught.value).startswith("affine: the result, of shape (1, 2), has ")
    assert str(caught.value).endswith(f"called at {line_of(compute, 1)}")


def test_nothing_is_looked_at_outside_or_in_another_thread() -> None:
    x = Tensor([0.0])
    with tg.detect_anomaly():
        pass
    assert np.isinf((1 / x).item())
    found: list[float] = []
    with tg.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append((1 / x).item()))
        thread.start()
        thread.join()
    assert found == [np.inf]


def test_blocks_within_blocks_end_one_by_one() -> None:
    x = Tensor([0.0])
    with tg.detect_anomaly():
        with tg.detect_anomaly():
            pass
        with pytest.raises(FloatingPointError):
            1 / x
    assert np.isinf((1 / x).item())


@given(place=st.integers(0, 9_999))
def test_any_change_of_a_large_bare_array_is_noticed_inside(place: int) -> None:
    x = Tensor(np.ones(10_000), requires_grad=True)
    bare = np.ones(10_000)
    with tg.detect_anomaly():
        y = (x * bare).sum()
    bare[place] = 2.0
    with pytest.raises(RuntimeError, match=r"^multiply: input 1, of shape \(10000,\), was changed"):
        y.backward()


def test_sums_of_finite_gradients_are_looked_at_too() -> None:
    large = np.float32(3e38)
    x = Tensor([0.0], requires_grad=True)
    y = x * 1
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^multiply: the sum of its"):
        (y * large + y * large).sum().backward()
    (x * large).sum().backward()
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^leaf: the sum of its"):
        (x * large).sum().backward()


def test_what_a_hook_returns_is_looked_at_too() -> None:
    x = Tensor([1.0], requires_grad=True)
    x.register_hook(lambda g: g * np.nan)
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^leaf: what a hook made"):
        (x * 2).sum().backward()


def test_what_has_no_gradient_and_what_is_written_in_place_is_looked_at_too() -> None:
    x = Tensor([1.0])
    with tg.detect_anomaly(), pytest.raises(FloatingPointError, match=r"^floor_divide: the result"):
        x // 0
    with (
        tg.detect_anomaly(),
        no_grad(),
        pytest.raises(FloatingPointError, match=r"^divide in place"),
    ):
        x /= 0
