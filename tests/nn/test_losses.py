"""The losses of single elements against plain formulas, and the modules that keep options."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS, SHAPES, arrays

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.nn import functional

Function = Callable[..., Any]


def plain_bce(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    p = 1 / (1 + np.exp(-z))
    return np.array(-t * np.log(p) - (1 - t) * np.log(1 - p))


def plain_smooth(x: np.ndarray, t: np.ndarray, beta: float = 1.0) -> np.ndarray:
    d = np.abs(x - t)
    return np.where(d < beta, d * d / (2 * beta), d - beta / 2)


# The function, the module, and the formula for an input and a target.
LOSSES: list[tuple[Function, Function, Function]] = [
    (functional.mse_loss, nn.MSELoss, lambda x, t: (x - t) ** 2),
    (functional.l1_loss, nn.L1Loss, lambda x, t: np.abs(x - t)),
    (functional.smooth_l1_loss, nn.SmoothL1Loss, plain_smooth),
    (functional.binary_cross_entropy_with_logits, nn.BCEWithLogitsLoss, plain_bce),
    (functional.kl_div, nn.KLDivLoss, lambda x, t: t * (np.log(t) - x)),
]
NAMES = [function.__name__ for function, _, _ in LOSSES]


@given(data=st.data(), shape=SHAPES, dtype=FLOATS)
@pytest.mark.parametrize(("function", "module", "plain"), LOSSES, ids=NAMES)
def test_a_loss_is_its_formula_in_every_reduction(
    function: Function, module: Any, plain: Function, data: st.DataObject, shape: Any, dtype: Any
) -> None:
    x = data.draw(arrays(shape, dtype, -3.0, 3.0))
    t = data.draw(arrays(shape, dtype, 0.25, 1.0))
    losses = np.asarray(plain(x.astype(float), t.astype(float)))
    leaf = Tensor(x, requires_grad=True)
    each = module(reduction="none")(leaf, t)
    assert each.shape == shape
    assert each.dtype == dtype
    np.testing.assert_allclose(each.numpy(), losses, rtol=1e-4, atol=1e-5)
    total = function(leaf, Tensor(t), reduction="sum")
    assert total.dtype == dtype
    assert total.item() == pytest.approx(losses.sum(), rel=1e-4, abs=1e-5)
    total.backward()
    assert leaf.grad is not None
    assert leaf.grad.dtype == dtype
    if x.size:
        for mean in (function(x, t), module()(x, t)):
            assert mean.dtype == dtype
            assert mean == pytest.approx(losses.mean(), rel=1e-4, abs=1e-5)


@given(data=st.data())
@pytest.mark.parametrize(("function", "module", "plain"), LOSSES, ids=NAMES)
def test_both_inputs_have_first_and_second_derivatives(
    function: Function, module: Any, plain: Function, data: st.DataObject
) -> None:
    x = data.draw(arrays((2, 3), low=-3.0, high=3.0))
    t = data.draw(arrays((2, 3), low=0.25, high=0.75))
    x = np.where(np.abs(np.abs(x - t) % 1) < 0.01, x + 0.05, x)  # away from the kinks
    tg.check_grads(lambda *pair: function(*pair, reduction="sum"), [x, t], order=2)


@pytest.mark.parametrize(("function", "module", "plain"), LOSSES, ids=NAMES)
def test_what_every_loss_refuses(function: Function, module: Any, plain: Function) -> None:
    name, x = function.__name__, np.full((2, 3), 0.5)
    refusals: list[tuple[Function, type[Exception], str]] = [
        (
            lambda: function(x[:, :1], x[:, 0]),
            ValueError,
            f"{name}: input of shape (2, 1) with a target of shape (2,); expected equal shapes",
        ),
        (
            lambda: function(x, x, reduction="total"),
            ValueError,
            f"{name}: reduction is 'total'; expected 'mean', 'sum'",
        ),
        (
            lambda: module(reduction="total"),
            ValueError,
            f"{module.__name__}: reduction is 'total'; expected 'mean', 'sum'",
        ),
        (
            lambda: function(x.astype(int), x),
            TypeError,
            f"{name}: the input is floating-point, not int64",
        ),
        (
            lambda: function(x, x.astype(complex)),
            TypeError,
            f"{name}: the target is made of real numbers, not complex128",
        ),
        (
            lambda: function(x[:0], x[:0]),
            ValueError,
            f"{name}: there is nothing to average; reduction='sum' gives 0",
        ),
    ]
    for call, error, sentence in refusals:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value).startswith(sentence)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("function", "module", "plain"), LOSSES, ids=NAMES)
def test_targets_take_the_dtype_of_the_input(
    function: Function, module: Any, plain: Function
) -> None:
    x = np.array([0.5, 2.0], np.float32)
    for t in ([0, 1], [0.0, 1.0], np.array([0, 1]), np.array([0.0, 1.0]), np.array([False, True])):
        assert function(x, t).dtype == np.float32
        assert function(x, t) == function(x, np.array([0, 1], np.float32))


@pytest.mark.parametrize(("function", "module", "plain"), LOSSES, ids=NAMES)
def test_what_is_not_a_number_does_not_hide(
    function: Function, module: Any, plain: Function
) -> None:
    x = np.array([0.5, math.nan])
    assert math.isnan(function(x, np.array([0.5, 0.5])))
    assert math.isnan(function(np.array([0.5, 0.5]), x))


# --- conventions of each ------------------------------------------------------------------


def test_at_its_kink_the_absolute_error_has_the_gradient_0() -> None:
    assert tg.grad(functional.l1_loss)(np.ones(2), np.ones(2)).tolist() == [0, 0]


@given(beta=st.floats(0.1, 3), d=st.floats(-4, 4))
def test_smooth_l1_joins_its_pieces(beta: float, d: float) -> None:
    def loss(x: Any) -> Any:
        return functional.smooth_l1_loss(x, np.zeros(()), beta=beta)

    assert loss(np.array(d)) == pytest.approx(plain_smooth(np.array(d), np.zeros(()), beta))
    assert tg.grad(loss)(d) == pytest.approx(max(-1, min(1, d / beta)), rel=1e-5)
    assert tg.grad(tg.grad(loss))(0.0) == pytest.approx(1 / beta)


@given(data=st.data(), dtype=FLOATS, exponent=st.integers(-320, 3))
def test_smooth_l1_with_a_tiny_smooth_part_is_l1(
    data: st.DataObject, dtype: Any, exponent: int
) -> None:
    beta = 10.0**exponent
    d = data.draw(arrays((4,), dtype, -100.0, 100.0)) * data.draw(st.sampled_from([1, 1e-3]))
    d = d.astype(dtype)
    leaf = Tensor(d, requires_grad=True)
    losses = functional.smooth_l1_loss(leaf, np.zeros(4), "none", beta)
    losses.sum().backward()
    wide = np.abs(d.astype(float))
    part = np.minimum(wide, beta) / beta
    expected = part * (wide - part * beta / 2)
    np.testing.assert_allclose(losses.numpy(), expected, 2e-3, 1e-7)
    assert leaf.grad is not None
    np.testing.assert_allclose(leaf.grad.numpy(), np.sign(d) * part, 2e-3, 1e-7)


def test_smooth_l1_without_a_smooth_part_is_l1() -> None:
    x, t = np.array([1.0, -3.0]), np.array([0.5, 0.5])
    assert functional.smooth_l1_loss(x, t, beta=0) == functional.l1_loss(x, t)
    for beta in (-1.0, math.nan):
        sentence = rf"beta is {beta}; expected a finite number, 0 or more"
        with pytest.raises(ValueError, match=rf"^smooth_l1_loss: {sentence}"):
            functional.smooth_l1_loss(x, t, beta=beta)
        with pytest.raises(ValueError, match=rf"^SmoothL1Loss: {sentence}"):
            nn.SmoothL1Loss(beta=beta)


@given(dtype=FLOATS, size=st.sampled_from([50.0, 1e4, 1e30]), target=st.sampled_from([0.0, 1.0]))
def test_no_logit_is_too_large(dtype: Any, size: float, target: float) -> None:
    z = Tensor(np.array([-size, size], dtype), requires_grad=True)
    losses = nn.BCEWithLogitsLoss(reduction="none")(z, np.full(2, target))
    losses.sum().backward()
    assert z.grad is not None
    right = np.array([1 - target, target])
    np.testing.assert_allclose(losses.numpy(), size * (1 - right), rtol=1e-6, atol=1e-20)
    np.testing.assert_allclose(z.grad.numpy(), [-target, 1 - target] * (1 - right), atol=1e-20)


@given(data=st.data(), shape=st.sampled_from([(), (3,), (2, 1), (2, 3)]))
def test_weights_of_answers_and_of_positive_ones(data: st.DataObject, shape: Any) -> None:
    z, t = data.draw(arrays((2, 3), low=-3.0)), data.draw(arrays((2, 3), low=0.0, high=1.0))
    weight, positive = data.draw(arrays(shape)), data.draw(arrays(shape))
    p = 1 / (1 + np.exp(-z))
    expected = -weight * (positive * t * np.log(p) + (1 - t) * np.log(1 - p))
    loss = nn.BCEWithLogitsLoss(weight, pos_weight=positive)
    assert loss(z, t) == pytest.approx(expected.mean())
    assert set(loss.state_dict()) == {"weight", "pos_weight"}


def test_what_binary_cross_entropy_refuses() -> None:
    z, name = np.zeros((2, 3)), "binary_cross_entropy_with_logits"
    loss = functional.binary_cross_entropy_with_logits
    for wrong in (-1.0, 1.5):
        with pytest.raises(ValueError, match=rf"^{name}: a target is no probability"):
            loss(z, np.full((2, 3), wrong))
    for shape in ((2,), (1, 2, 3), (4, 2, 3)):
        for argument in ("weight", "pos_weight"):
            with pytest.raises(ValueError, match=rf"^{name}: {argument} of shape .* \(2, 3\)$"):
                loss(z, z, **{argument: np.ones(shape)})


def test_divergence_of_what_is_impossible() -> None:
    predicted, certain = np.array([[math.log(0.5), -math.inf]]), np.array([[1.0, 0.0]])
    for t, log_target in ((certain, False), (np.array([[0.0, -1e3]]), True)):
        loss = nn.KLDivLoss(reduction="batchmean", log_target=log_target)
        assert loss(predicted, t) == pytest.approx(math.log(2))
        assert tg.grad(loss)(predicted, t).tolist() == [[-1, 0]]


@given(data=st.data(), n=st.integers(1, 4))
def test_batchmean_divides_by_the_samples(data: st.DataObject, n: int) -> None:
    x, t = data.draw(arrays((n, 3))), data.draw(arrays((n, 3)))
    total = functional.kl_div(x, t, reduction="sum")
    assert functional.kl_div(x, t, reduction="batchmean") == pytest.approx(total / n)
    assert functional.kl_div(x, np.log(t), "sum", log_target=True) == pytest.approx(total)


def test_what_divergence_refuses() -> None:
    with pytest.raises(ValueError, match=r"^kl_div: a target is negative; expected prob"):
        functional.kl_div([0.0], [-0.5])
    for empty in (np.zeros((0, 3)), np.zeros(())):
        with pytest.raises(ValueError, match=r"^kl_div: shape \(.*\) has no samples to average"):
            functional.kl_div(empty, empty, reduction="batchmean")
    with pytest.raises(ValueError, match=r"expected 'mean', 'sum', 'none' or 'batchmean'$"):
        functional.kl_div([0.0], [0.5], reduction="batch")


# --- modules ------------------------------------------------------------------------------


def test_modules_keep_their_options() -> None:
    x, t = np.array([[0.3, 2.0]]), np.array([[0.5, 0.25]])
    pairs = [
        (nn.SmoothL1Loss(beta=0.5)(x, t), functional.smooth_l1_loss(x, t, beta=0.5)),
        (nn.KLDivLoss(log_target=True)(x, t), functional.kl_div(x, t, log_target=True)),
        (
            nn.CrossEntropyLoss([1.0, 3.0], ignore_index=0, label_smoothing=0.5)(x, [1]),
            functional.cross_entropy(x, [1], [1.0, 3.0], ignore_index=0, label_smoothing=0.5),
        ),
        (
            nn.NLLLoss([1.0, 3.0], ignore_index=0, reduction="sum")(x, [1]),
            functional.nll_loss(x, [1], [1.0, 3.0], ignore_index=0, reduction="sum"),
        ),
    ]
    for found, expected in pairs:
        assert found == expected
    plain = functional.cross_entropy(x, [1])
    assert all(found != plain for found, _ in pairs)


def test_weights_belong_to_the_state_and_are_not_learned() -> None:
    for loss in (nn.CrossEntropyLoss([1.0, 2.0]), nn.NLLLoss([1.0, 2.0])):
        assert loss.state_dict()["weight"].tolist() == [1, 2]
        assert loss.parameters() == []
    assert nn.CrossEntropyLoss().state_dict() == {}


def test_printed_forms_and_options_that_make_no_sense() -> None:
    assert repr(nn.MSELoss()) == "MSELoss(reduction='mean')"
    assert repr(nn.KLDivLoss(reduction="batchmean")) == "KLDivLoss(reduction='batchmean')"
    with pytest.raises(ValueError, match=r"^CrossEntropyLoss: label_smoothing is 2; expected a"):
        nn.CrossEntropyLoss(label_smoothing=2)
    with pytest.raises(ValueError, match=r"^NLLLoss: reduction is None; expected 'mean', 'sum'"):
        nn.NLLLoss(reduction=None)  # type: ignore[arg-type]
