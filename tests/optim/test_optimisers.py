"""Every optimiser against its formula, written out plainly."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optim.references import KINDS, OPTIONS, REFERENCES
from strategies import FLOATS

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.optim import SGD, Adam, RMSprop, blocks

Array = Any
SHAPES = ((2, 3), (3,), (), (0, 2), (7, 2, 2))


def close(dtype: Any) -> dict[str, float]:
    # The root of a small difference, as of a centred variance, has half of the digits.
    if dtype == np.float32:
        return {"rtol": 1e-3, "atol": 1e-2}
    return {"rtol": 1e-10, "atol": 1e-6}


def parameter(values: Array) -> Tensor:
    return Tensor(values, requires_grad=True)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data(), seed=st.integers(0, 1000), dtype=FLOATS, block=st.sampled_from([4, 1 << 18]))
def test_many_steps_are_those_of_the_formula(
    kind: Any, data: st.DataObject, seed: int, dtype: Any, block: int
) -> None:
    rng = np.random.default_rng(seed)
    values = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    tensors = [parameter(value) for value in values]
    options = [data.draw(OPTIONS[kind]) for _ in range(2)]
    groups = [{"params": tensors[:2], **options[0]}, {"params": tensors[2:], **options[1]}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        optimiser = kind(groups)
    expected = [value.astype(np.float64) for value in values]
    states: list[dict[str, Any]] = [{} for _ in values]
    for _ in range(6):
        gradients = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
        for i, (tensor, g) in enumerate(zip(tensors, gradients, strict=True)):
            there = rng.random() < 0.8
            tensor.grad = g if there else None
            if there:
                own = options[0 if i < 2 else 1]
                g = g.astype(np.float64)
                expected[i] = REFERENCES[kind](expected[i], g, own, states[i])
        optimiser.step()
        for tensor, g in zip(tensors, gradients, strict=True):
            if tensor.grad is not None:
                np.testing.assert_array_equal(tensor.grad.numpy(), g)  # only read
    for tensor, value in zip(tensors, expected, strict=True):
        assert tensor.dtype == dtype
        np.testing.assert_allclose(tensor.numpy(), value, **close(dtype))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(
    data=st.data(),
    rows=st.integers(0, 9),
    columns=st.integers(0, 9),
    order=st.sampled_from("CF"),
    block=st.integers(1, 80),
)
def test_blocks_make_no_difference_to_any_bit(
    kind: Any, data: st.DataObject, rows: int, columns: int, order: Any, block: int
) -> None:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((rows, columns), np.float32)
    gradients = rng.standard_normal((3, rows, columns), np.float32)
    options = data.draw(OPTIONS[kind])
    found = []
    for size in (block, 1 << 18):
        tensor = Tensor(np.array(values, order=order), requires_grad=True, copy=False)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(blocks, "BLOCK", size)
            optimiser = kind([tensor], **options)
        for g in gradients:
            tensor.grad = Tensor(np.array(g, order="C"), copy=False)
            optimiser.step()
        found.append(tensor.numpy())
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("size", [blocks.BLOCK - 1, blocks.BLOCK, blocks.BLOCK + 1])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1)])
def test_every_element_moves_once_at_the_size_of_a_block(size: int, shape: tuple[int, ...]) -> None:
    p = parameter(np.zeros(size, np.float32).reshape(shape))
    p.grad = np.ones(p.shape, np.float32)
    optimiser = SGD([p], lr=1.0)
    optimiser.step()
    assert (p.numpy() == -1).all()
    optimiser.param_groups[0]["momentum"] = 0.5
    optimiser.step()
    optimiser.step()
    assert (p.numpy() == -3.5).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_parameter_without_a_gradient_stays_as_it_is(kind: Any) -> None:
    moved, still = (parameter([1.0, 2.0]) for _ in range(2))
    optimiser = kind([moved, still], 0.1, weight_decay=0.1)
    (moved * moved).sum().backward()
    optimiser.step()
    assert moved.tolist() != [1.0, 2.0]
    assert still.tolist() == [1.0, 2.0]
    assert [*optimiser.state_dict()["state"]] == ([] if kind is SGD else [0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_that_is_the_parameter_itself(kind: Any) -> None:
    p, q = (parameter([1.0, -2.0]) for _ in range(2))
    p.grad, q.grad = p.detach(), q.numpy().copy()
    for tensor in (p, q):
        kind([tensor], 0.1, weight_decay=0.1).step()
    assert p.tolist() == q.tolist()


def test_options_may_be_changed_between_steps() -> None:
    p = parameter([1.0])
    optimiser = SGD([p], lr=0.0)
    p.grad = [1.0]
    optimiser.step()
    assert p.tolist() == [1.0]
    optimiser.param_groups[0]["lr"] = 0.5
    optimiser.step()
    assert p.tolist() == [0.5]


@pytest.mark.parametrize("lr", [np.nan, np.inf, -0.1])
def test_a_learning_rate_that_has_become_nonsense_moves_nothing(lr: float) -> None:
    p = parameter([1.0])
    p.grad = [1.0]
    optimiser = SGD([p], lr=0.1)
    optimiser.param_groups[0]["lr"] = lr
    with pytest.raises(ValueError, match=r"^SGD: lr is .*; expected a finite number"):
        optimiser.step()
    assert p.tolist() == [1.0]


def test_a_variance_that_rounding_makes_negative_counts_as_zero() -> None:
    p = parameter(np.zeros(64, np.float32))
    optimiser = RMSprop([p], lr=1e-12, alpha=0.5, centered=True)
    for _ in range(60):
        p.grad = np.linspace(0.1, 3.0, 64, dtype=np.float32)
        optimiser.step()
    assert np.isfinite(p.numpy()).all()


def test_a_parameter_that_was_computed_and_detached_is_moved_too() -> None:
    p = (Tensor(3.0) * 2).detach()  # NumPy computes a number that can't be written to
    p.requires_grad = True
    p.grad = 1.0
    SGD([p], lr=0.5).step()
    assert p.item() == 5.5


def test_zero_grad_sets_the_gradients_to_none() -> None:
    p = parameter([1.0])
    p.grad = [1.0]
    SGD([p], lr=0.1).zero_grad()
    assert p.grad is None


def test_the_memory_of_a_parameter_stays_where_it_is() -> None:
    p = parameter([1.0])
    view = p.numpy()
    p.grad = [1.0]
    SGD([p], lr=0.25, momentum=0.9, weight_decay=1.0).step()
    assert view.tolist() == p.tolist() == [0.5]


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_is_noted_even_where_the_step_fails(kind: Any) -> None:
    p, q = parameter([1.0]), parameter([1.0])
    loss = (p * p).sum()
    optimiser = kind([p, q], lr=0.1)
    p.grad = [1.0]
    q.grad = [np.float32(3e38)]
    optimiser.param_groups[0]["lr"] = 1e30
    with np.errstate(over="raise"), suppress(FloatingPointError):
        optimiser.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_a_later_group_learns_with_options_of_its_own() -> None:
    p, q = parameter([0.0]), parameter([0.0])
    optimiser = SGD([p], lr=1.0)
    optimiser.add_param_group({"params": q, "lr": 2.0})
    p.grad, q.grad = [1.0], [1.0]
    optimiser.step()
    assert (p.item(), q.item()) == (-1.0, -2.0)


def test_it_learns() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((64, 8), np.float32), rng.integers(0, 3, 64)
    for make in (
        lambda p: SGD(p, 0.1, momentum=0.9, nesterov=True),
        lambda p: Adam(p, 0.05),
        lambda p: optim.AdamW(p, 0.05),
        lambda p: RMSprop(p, 0.01, momentum=0.5, centered=True),
    ):
        model = nn.Sequential(nn.Linear(8, 32, rng=rng), nn.ReLU(), nn.Linear(32, 3, rng=rng))
        optimiser = make(model.parameters())
        for _ in range(80):
            loss = nn.SoftmaxCrossEntropy()(model(Tensor(x)), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        assert loss.item() < 0.1


leaf = parameter([1.0])
other = parameter([1.0])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: SGD([], 0.1), "SGD: no parameters to learn"),
        (lambda: SGD([{"params": []}], 0.1), "SGD: no parameters to learn"),
        (lambda: SGD([{"lr": 0.1}], 0.1), "SGD: no parameters to learn"),
        (lambda: SGD(leaf, 0.1), "SGD: expected a list of parameters, not a single Tensor"),
        (lambda: SGD([leaf * 2], 0.1), "SGD: .* is not a leaf Tensor"),
        (lambda: SGD([np.ones(2)], 0.1), "SGD: .* is not a leaf Tensor"),  # type: ignore[list-item]
        (lambda: SGD([leaf, leaf], 0.1), "SGD: a parameter is listed twice"),
        (lambda: SGD([{"params": leaf}, {"params": [other, leaf]}]), "SGD: .* listed twice"),
        (lambda: SGD([{"params": leaf, "weight_deacy": 1}]), "SGD: weight_deacy is unknown"),
        (lambda: SGD([{"params": leaf, "lr": -1.0}]), "SGD: lr is -1.0; expected a finite"),
        (lambda: SGD([leaf], -0.1), "SGD: lr is -0.1; expected a finite number, 0 or more"),
        (lambda: SGD([leaf], np.nan), "SGD: lr is nan; expected"),
        (lambda: SGD([leaf], np.inf), "SGD: lr is inf; expected"),
        (lambda: SGD([leaf], "0.1"), "SGD: lr is '0.1'; expected"),  # type: ignore[arg-type]
        (lambda: SGD([leaf], 0.1, momentum=1.0), "SGD: momentum is 1.0; expected 0 or more"),
        (lambda: SGD([leaf], 0.1, momentum=-0.5), "SGD: momentum is -0.5; expected 0 or more"),
        (lambda: SGD([leaf], 0.1, momentum=np.nan), "SGD: momentum is nan; expected"),
        (lambda: SGD([leaf], 0.1, dampening=1.5), "SGD: dampening is 1.5; expected a number"),
        (lambda: SGD([leaf], 0.1, weight_decay=-1.0), "SGD: weight_decay is -1.0; expected"),
        (lambda: SGD([leaf], 0.1, weight_decay=np.inf), "SGD: weight_decay is inf; expected"),
        (lambda: SGD([leaf], 0.1, nesterov=True), "SGD: nesterov needs a momentum above 0"),
        (lambda: SGD([leaf], 0.1, 0.9, 0.1, nesterov=True), "SGD: nesterov needs"),
        (lambda: Adam([leaf], betas=(0.9, 1.0)), r"Adam: betas is \(0.9, 1.0\); expected two"),
        (lambda: Adam([leaf], betas=0.9), "Adam: betas is 0.9; expected two"),  # type: ignore[arg-type]
        (lambda: Adam([leaf], eps=-1e-8), "Adam: eps is -1e-08; expected a finite number"),
        (lambda: optim.AdamW([leaf], weight_decay=-1), "AdamW: weight_decay is -1; expected"),
        (lambda: RMSprop([leaf], alpha=1.0), "RMSprop: alpha is 1.0; expected 0 or more"),
        (lambda: RMSprop([leaf], centered=1), "RMSprop: centered is 1; expected True"),  # type: ignore[arg-type]
    ],
)
def test_arguments_that_make_no_sense(make: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=rf"^{sentence}") as caught:
        make()
    assert "\n" not in str(caught.value)
