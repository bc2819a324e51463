"""Steps that do more than train: they write to Tensors, return what they read, go back twice."""

from collections.abc import Callable
from typing import Any

import numpy as np
from small_steps import two_layers

from tinygrad_mnist import Tensor, nn, no_grad, optim

Array = Any
Made = tuple[Callable[..., Any], Callable[[], Any]]  # a step, and how to look at what it changed


def old_weight_returned() -> Made:
    """Return a parameter's value from before it is moved."""
    model = two_layers()
    optimiser, loss_fn = optim.SGD(model.parameters(), lr=0.1), nn.SoftmaxCrossEntropy()
    weight = model.parameters()[0]

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        with no_grad():
            before = np.copy(weight)
        loss_fn(model(images), labels).backward()
        optimiser.step()
        return before, weight * 1

    return step, model.state_dict


def exchanged_tensors() -> Made:
    """Let two Tensors change places."""
    a, b = Tensor(np.arange(3.0)), Tensor(np.arange(3.0) + 10)

    def step(images: Array, labels: Array) -> Any:
        between = np.copy(a)
        a[...] = b
        b[...] = between
        return images.sum()

    return step, lambda: [a, b]


def turned_tensors() -> Made:
    """Write to Tensors what is a view of others."""
    a, b = Tensor(np.arange(9.0).reshape(3, 3)), Tensor(np.ones((3, 3)))

    def step(images: Array, labels: Array) -> Any:
        b[...] = a.T
        a[...] = a.T + 1
        return a @ b

    return step, lambda: [a, b]


def parts_written() -> Made:
    """Write to parts of Tensors, by views of views."""
    a = Tensor(np.zeros((4, 6), np.float32))

    def step(images: Array, labels: Array) -> Any:
        a[1:3] = images[:2]
        a[0, ::2] += 1
        a[labels[:2]] = 7
        a[-1] = a[0] + a[1]
        return a.sum(axis=1), a.T[2]

    return step, lambda: [a]


def two_optimisers() -> Made:
    model = two_layers()
    first, *others = model.parameters()
    optimisers = [optim.Adam([first], lr=0.01, eps=1e-3), optim.SGD(others, 0.1, momentum=0.9)]

    def step(images: Array, labels: Array) -> Any:
        model.zero_grad()
        loss = nn.SoftmaxCrossEntropy()(model(images), labels)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
        return loss

    return step, lambda: [model.state_dict(), *(o.state_dict() for o in optimisers)]


def gradients_of_parts_added() -> Made:
    """Add up the gradients of two halves before the step."""
    model = two_layers()
    optimiser, loss_fn = optim.SGD(model.parameters(), lr=0.1), nn.SoftmaxCrossEntropy()

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        for part in (slice(0, 4), slice(4, 8)):
            loss_fn(model(images[part]), labels[part]).backward()
        optimiser.step()
        return [parameter.grad * 2 for parameter in model.parameters()]

    return step, model.state_dict


def parameters_in_a_list() -> Made:
    """Write the network as formulas; the parameters have no names but their places."""
    rng = np.random.default_rng(0)
    shapes = (6, 5), (5,), (5, 4), (4,)
    parameters = [
        Tensor(rng.standard_normal(shape).astype(np.float32), requires_grad=True)
        for shape in shapes
    ]
    optimiser = optim.SGD(parameters, lr=0.1)

    def step(images: Array, labels: Array) -> Any:
        W1, b1, W2, b2 = parameters
        optimiser.zero_grad()
        y = np.maximum(images @ W1 + b1, 0) @ W2 + b2
        loss = nn.functional.softmax_cross_entropy(y, labels)
        loss.backward()
        optimiser.step()
        return loss

    return step, lambda: list(parameters)


def one_weight_twice() -> Made:
    layer = nn.Linear(6, 6, rng=np.random.default_rng(0))
    model = nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(6, 4, rng=layer_rng()))
    optimiser = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        loss = nn.SoftmaxCrossEntropy()(model(images), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step, model.state_dict


def layer_rng() -> np.random.Generator:
    return np.random.default_rng(1)


def an_average_of_the_weights() -> Made:
    model = two_layers()
    mean = [Tensor(np.zeros(p.shape, np.float32)) for p in model.parameters()]
    optimiser = optim.SGD(model.parameters(), lr=0.1)

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        loss = nn.SoftmaxCrossEntropy()(model(images), labels)
        loss.backward()
        optimiser.step()
        with no_grad():
            for own, parameter in zip(mean, model.parameters(), strict=True):
                own[...] = own * 0.9 + parameter * 0.1
        return loss

    return step, lambda: [model.state_dict(), mean]


def clipped_gradients() -> Made:
    """Clip the norm by hand: `clip_grad_norm_` returns a number of Python's."""
    model = two_layers()
    optimiser = optim.SGD(model.parameters(), lr=0.1)

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        nn.SoftmaxCrossEntropy()(model(images), labels).backward()
        squares = [(p.grad * p.grad).sum() for p in model.parameters()]
        norm = np.sqrt(sum(squares[1:], squares[0]))
        for parameter in model.parameters():
            parameter.grad = parameter.grad * np.minimum(0.1 / norm, 1)
        optimiser.step()
        return norm

    return step, model.state_dict


def second_derivatives() -> Made:
    """Punish the gradient for its size: the backward pass of a backward pass."""
    model = nn.Sequential(nn.Linear(6, 5, rng=layer_rng()), nn.Tanh(), nn.Linear(5, 4))
    with no_grad():
        model.layers[2].weight[...] = 0.3
    optimiser = optim.SGD(model.parameters(), lr=0.1)

    def step(images: Array, labels: Array) -> Any:
        optimiser.zero_grad()
        loss = nn.SoftmaxCrossEntropy()(model(images), labels)
        loss.backward(create_graph=True)
        gradient = model.layers[0].weight.grad
        penalty = (gradient * gradient).sum()
        optimiser.zero_grad()
        penalty.backward()
        optimiser.step()
        return loss, penalty

    return step, model.state_dict


def every_kind_of_result() -> Made:
    model = two_layers()

    def step(images: Array, labels: Array) -> Any:
        logits = model(images)
        return {
            "logits": logits,
            "nested": [(logits.argmax(axis=1), labels), {"one": images.sum()}],
            "argument": images,
            "view": images.T,
            "parameter": model.layers[0].weight,
            "constant": np.arange(3),
            "fixed": (1, 2.5, "text", None, True),
            "empty": (),
        }

    return step, model.state_dict


MADE = {
    made.__name__: made
    for made in (
        old_weight_returned, exchanged_tensors, turned_tensors, parts_written,
        two_optimisers, gradients_of_parts_added, parameters_in_a_list, one_weight_twice,
        an_average_of_the_weights, clipped_gradients, second_derivatives, every_kind_of_result,
    )
}  # fmt: skip
