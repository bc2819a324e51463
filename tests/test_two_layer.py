"""The two-layer network: what the sweep finds is what was derived by hand.

By hand, samples are columns; in the framework they are rows. Hence the transposes.
"""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, by_hand, nn, optim


class Case(NamedTuple):
    """Images as columns, their labels, and the four parameters, as by hand."""

    X: np.ndarray
    labels: np.ndarray
    parameters: by_hand.FourArrays


@st.composite
def cases(draw: st.DrawFn) -> Case:
    pixels, hidden, classes, samples = (
        draw(st.integers(1, n), label=name)
        for name, n in [("pixels", 20), ("hidden", 12), ("classes", 12), ("samples", 20)]
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    scale = draw(st.sampled_from([0.1, 1.0, 10.0]), label="scale")
    X = rng.standard_normal((pixels, samples)) * scale
    if draw(st.booleans(), label="blank"):
        X[:, 0] = 0.0  # with the bias at 0, ReLU then stands exactly at its kink
    W1, b1, W2, b2 = by_hand.init_params(rng, (pixels, hidden, classes), np.float64)
    if draw(st.booleans(), label="biases"):
        b1, b2 = rng.standard_normal(b1.shape), rng.standard_normal(b2.shape)
    return Case(X, rng.integers(0, classes, samples), (W1, b1, W2, b2))


def network(parameters: by_hand.FourArrays) -> nn.Sequential:
    """Make the same network of layers."""
    W1, b1, W2, b2 = parameters
    (hidden, pixels), classes = W1.shape, len(W2)
    model = nn.Sequential(
        nn.Linear(pixels, hidden, dtype=np.float64),
        nn.ReLU(),
        nn.Linear(hidden, classes, dtype=np.float64),
    )
    model.load_state_dict(
        {"0.weight": W1.T, "0.bias": b1[:, 0], "2.weight": W2.T, "2.bias": b2[:, 0]}
    )
    return model


def as_columns(arrays: list[Any]) -> list[np.ndarray]:
    """Write weights and biases as by hand."""
    return [np.atleast_2d(array).T for array in arrays]


def gradients_by_hand(case: Case) -> by_hand.FourArrays:
    Z1, A1, _, A2 = by_hand.forward(case.X, *case.parameters)
    W2 = case.parameters[2]
    Y = by_hand.one_hot(case.labels, len(W2), np.float64)
    return by_hand.backward(case.X, Y, Z1, A1, A2, W2)


def check(found: list[np.ndarray], expected: by_hand.FourArrays, tolerance: float) -> None:
    for a, b in zip(found, expected, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@given(cases())
def test_gradients_of_the_layers_are_those_by_hand(case: Case) -> None:
    model = network(case.parameters)
    logits = model(case.X.T)
    loss = nn.SoftmaxCrossEntropy()(logits, case.labels)
    loss.backward()
    *_, Z2, A2 = by_hand.forward(case.X, *case.parameters)
    Y = by_hand.one_hot(case.labels, len(A2), np.float64)
    np.testing.assert_allclose(logits.numpy().T, Z2, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(loss.item(), by_hand.cross_entropy(Z2, Y), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(nn.Softmax()(logits).numpy().T, A2, rtol=1e-10, atol=1e-10)
    gradients = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    check(as_columns(gradients), gradients_by_hand(case), 1e-10)


@given(cases())
def test_gradients_of_the_formulas_on_tensors_are_those_by_hand(case: Case) -> None:
    """Write the network as on paper, with NumPy's functions on Tensors and columns."""
    W1, b1, W2, b2 = (Tensor(array, requires_grad=True) for array in case.parameters)
    A1 = np.maximum(W1 @ case.X + b1, 0.0)
    Z2 = W2 @ A1 + b2
    shifted = Z2 - np.max(Z2, axis=0, keepdims=True)
    log_A2 = shifted - np.log(np.sum(np.exp(shifted), axis=0, keepdims=True))
    Y = by_hand.one_hot(case.labels, len(case.parameters[2]), np.float64)
    loss = -np.sum(Y * log_A2) / len(case.labels)
    loss.backward()
    gradients = [t.grad.numpy() for t in (W1, b1, W2, b2) if t.grad is not None]
    if (by_hand.forward(case.X, *case.parameters)[0] != 0).all():  # `maximum` halves at the kink
        check(gradients, gradients_by_hand(case), 1e-10)
    check(gradients[2:], gradients_by_hand(case)[2:], 1e-10)  # type: ignore[arg-type]


def test_a_hundred_steps_by_hand_and_by_sweep_stay_together() -> None:
    rng = np.random.default_rng(3)
    X, labels = rng.random((784, 256)), rng.integers(0, 10, 256)
    parameters = by_hand.init_params(rng, (784, 10, 10), np.float64)
    model, loss_fn = network(parameters), nn.SoftmaxCrossEntropy()
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(100):
        batch = rng.choice(256, 32, replace=False)
        case = Case(X[:, batch], labels[batch], parameters)
        parameters = by_hand.update(parameters, gradients_by_hand(case), 0.1)
        loss = loss_fn(model(case.X.T), case.labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        check(as_columns(list(model.state_dict().values())), parameters, 1e-8)
    assert np.mean(losses[-10:]) < np.mean(losses[:10])
