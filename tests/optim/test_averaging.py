"""The moving average of a model against its formula, and its stay in the model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FLOATS

from tinygrad_mnist import Tensor, nn, no_grad
from tinygrad_mnist.optim import ExponentialMovingAverage, blocks


class Model(nn.Module):
    """A parameter with two names, a running statistic, and a counter."""

    def __init__(self, values: Any) -> None:
        self.weight = Tensor(values, requires_grad=True)
        self.tied = self.weight
        self.mean = Tensor(values[:, 0])
        self.count = Tensor(np.array(0))

    def set(self, values: Any) -> None:
        with no_grad():
            self.weight[...] = values
            self.mean[...] = values[:, 0]
            self.count += 1


@given(
    dtype=FLOATS,
    decay=st.floats(0.0, 0.999),
    steps=st.integers(0, 8),
    block=st.sampled_from([4, 1 << 18]),
    seed=st.integers(0, 100),
)
def test_the_formula(dtype: Any, decay: float, steps: int, block: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = Model(rng.standard_normal((5, 3)).astype(dtype))
    expected = model.weight.numpy().astype(np.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", block)
        average = ExponentialMovingAverage(model, decay)
    for n in range(steps):
        model.set(rng.standard_normal((5, 3)))
        d = min(decay, (1 + n) / (10 + n))
        expected = d * expected + (1 - d) * model.weight.numpy()
        average.update()
    state = average.state_dict()
    assert state["updates"] == steps
    assert [*state["values"]] == ["weight", "mean", "count"]
    assert state["values"]["weight"].dtype == dtype
    close = {"rtol": 1e-5, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(state["values"]["weight"], expected, **close)
    np.testing.assert_allclose(state["values"]["mean"], expected[:, 0], **close)
    assert state["values"]["count"] == steps


@pytest.mark.parametrize("fails", [False, True])
def test_the_model_has_the_average_within_the_block_only(fails: bool) -> None:
    rng = np.random.default_rng(0)
    model = Model(rng.standard_normal((5, 3), np.float32))
    average = ExponentialMovingAverage(model, 0.5)
    model.set(rng.standard_normal((5, 3)))
    average.update()
    before, memory = model.state_dict(), model.weight.numpy()
    try:
        with average.applied():
            for name, value in average.state_dict()["values"].items():
                np.testing.assert_array_equal(model.state_dict()[name], value)
            assert not np.array_equal(model.state_dict()["weight"], before["weight"])
            model.set(rng.standard_normal((5, 3)))  # lost
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    for name, value in before.items():
        np.testing.assert_array_equal(model.state_dict()[name], value)
    assert np.shares_memory(memory, model.weight.numpy())


def test_a_graph_that_needs_the_values_notices() -> None:
    model = Model(np.ones((2, 2), np.float32))
    average = ExponentialMovingAverage(model)
    loss = (model.weight * model.weight).sum()
    with average.applied():
        pass
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_a_tensor_that_took_the_place_of_another_is_averaged() -> None:
    model = Model(np.zeros((2, 2), np.float32))
    average = ExponentialMovingAverage(model, 0.0)
    model.mean = Tensor(np.ones(2, np.float32))
    average.update()
    assert average.state_dict()["values"]["mean"].tolist() == [1.0, 1.0]


def test_an_average_that_is_loaded_continues_with_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    start = rng.standard_normal((5, 3), np.float32)
    models = [Model(start), Model(start)]
    first, second = (ExponentialMovingAverage(model, 0.9) for model in models)
    for _ in range(3):
        models[0].set(rng.standard_normal((5, 3)))
        first.update()
    second.load_state_dict(first.state_dict())
    values = rng.standard_normal((5, 3))
    for model, average in zip(models, (first, second), strict=True):
        model.set(values)
        average.update()
    assert first.state_dict()["updates"] == second.state_dict()["updates"] == 4
    np.testing.assert_array_equal(
        first.state_dict()["values"]["weight"], second.state_dict()["values"]["weight"]
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("updates"), "expected 'updates' and 'values'"),
        (lambda s: s.update(updates=-1), "updates is -1; expected"),
        (lambda s: s.update(updates=0.5), "updates is 0.5; expected"),
        (lambda s: s["values"].pop("mean"), "mean is missing"),
        (lambda s: s["values"].update(more=np.ones(2)), "more is unknown"),
        (
            lambda s: s["values"].update(mean=np.ones(3)),
            r"mean is float64 of shape \(3,\) where float32 of shape \(2,\) was expected",
        ),
    ],
)
def test_a_state_of_something_else_is_refused_and_changes_nothing(
    change: Any, sentence: str
) -> None:
    average = ExponentialMovingAverage(Model(np.ones((2, 2), np.float32)))
    state = average.state_dict()
    state["values"]["weight"][...] = 7.0
    change(state)
    with pytest.raises(
        ValueError, match=f"^ExponentialMovingAverage: load_state_dict: .*{sentence}"
    ):
        average.load_state_dict(state)
    assert (average.state_dict()["values"]["weight"] == 1).all()
    assert average.updates == 0


def test_a_model_with_other_tensors_is_refused() -> None:
    model = Model(np.ones((2, 2), np.float32))
    average = ExponentialMovingAverage(model)
    model.mean = Tensor(np.ones(5, np.float32))
    with pytest.raises(ValueError, match=r"^ExponentialMovingAverage: update: mean is .* \(5,\)"):
        average.update()
    with pytest.raises(ValueError, match="applied: mean is"), average.applied():
        pass


@pytest.mark.parametrize("decay", [1.0, -0.1, np.nan])
def test_a_decay_that_makes_no_sense(decay: float) -> None:
    with pytest.raises(ValueError, match=r"^ExponentialMovingAverage: decay is .*; expected 0 or"):
        ExponentialMovingAverage(Model(np.ones((2, 2), np.float32)), decay)
