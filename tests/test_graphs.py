"""Graphs with shared nodes, drawn at random, against forward-mode differentiation.

The reference carries three arrays forward through the same program: the value, its gradient
and its Hessian by all leaves. It shares no idea with the sweep but the derivatives themselves.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor


class Jet(NamedTuple):
    """A number, its gradient and its Hessian."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def product(a: Jet, b: Jet) -> Jet:
    cross = np.outer(a.gradient, b.gradient)
    return Jet(
        a.value * b.value,
        a.value * b.gradient + b.value * a.gradient,
        a.value * b.hessian + b.value * a.hessian + cross + cross.T,
    )


def total(a: Jet, b: Jet, sign: int = 1) -> Jet:
    return Jet(
        a.value + sign * b.value,
        a.gradient + sign * b.gradient,
        a.hessian + sign * b.hessian,
    )


def through(a: Jet, value: float, slope: float, curvature: float) -> Jet:
    """Apply a function of one number, given its derivatives there."""
    outer = np.outer(a.gradient, a.gradient)
    return Jet(value, slope * a.gradient, slope * a.hessian + curvature * outer)


def tanh(a: Jet) -> Jet:
    y = math.tanh(a.value)
    return through(a, y, 1 - y * y, -2 * y * (1 - y * y))


def sine(a: Jet) -> Jet:
    return through(a, math.sin(a.value), math.cos(a.value), -math.sin(a.value))


def bell(a: Jet) -> Jet:
    """Compute exp(-a²), which never grows."""
    y = math.exp(-a.value * a.value)
    return through(a, y, -2 * a.value * y, (4 * a.value * a.value - 2) * y)


Operation = tuple[Callable[..., Any], Callable[..., Jet]]
UNARY: list[Operation] = [
    (np.tanh, tanh),
    (np.sin, sine),
    (lambda a: np.exp(-(a * a)), bell),
]
BINARY: list[Operation] = [
    (np.add, total),
    (np.subtract, lambda a, b: total(a, b, -1)),
    (np.multiply, product),
]


class Program(NamedTuple):
    """Leaves, and steps that each take one or two of all values so far."""

    leaves: list[float]
    steps: list[tuple[Operation, list[int]]]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    leaves = draw(st.lists(st.floats(-1.5, 1.5, width=32), min_size=1, max_size=3))
    steps: list[tuple[Operation, list[int]]] = []
    for count in range(len(leaves), len(leaves) + draw(st.integers(1, 10))):
        arity = draw(st.integers(1, 2))
        # Recent values are taken more often, so that most of the graph leads to the result.
        place = st.integers(max(0, count - 3), count - 1) | st.integers(0, count - 1)
        operation = draw(st.sampled_from([UNARY, BINARY][arity - 1]))
        steps.append((operation, draw(st.lists(place, min_size=arity, max_size=arity))))
    return Program(leaves, steps)


def run(program: Program, leaves: list[Any], kind: int) -> Any:
    """Run a program on Tensors (kind 0) or on jets (kind 1); all unused values are summed."""
    values = list(leaves)
    unused = set(range(len(values)))
    for operation, places in program.steps:
        unused -= set(places)
        unused.add(len(values))
        values.append(operation[kind](*(values[i] for i in places)))
    result, *rest = (values[i] for i in sorted(unused))
    for value in rest:
        result = (np.add, total)[kind](result, value)
    return result


def reference(program: Program) -> Jet:
    n = len(program.leaves)
    jets = [Jet(x, np.eye(n)[i], np.zeros((n, n))) for i, x in enumerate(program.leaves)]
    return run(program, jets, 1)  # type: ignore[no-any-return]


@given(programs())
def test_backward_agrees_with_forward_mode(program: Program) -> None:
    expected = reference(program)
    leaves = [Tensor(np.array(x), requires_grad=True) for x in program.leaves]
    y = run(program, leaves, 0)
    y.backward()
    gradient = [leaf.grad.item() for leaf in leaves if leaf.grad is not None]
    np.testing.assert_allclose(y.item(), expected.value, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient, expected.gradient, rtol=1e-9, atol=1e-9)


@given(programs())
def test_grad_of_grad_agrees_with_forward_mode(program: Program) -> None:
    expected = reference(program)
    n = len(program.leaves)
    places = range(n)

    def f(*leaves: Any) -> Any:
        return run(program, list(leaves), 0)

    leaves = [np.array(x) for x in program.leaves]
    gradient = tg.grad(f, places)(*leaves)
    hessian = [
        tg.grad(lambda *leaves, i=i: tg.grad(f, places)(*leaves)[i], places)(*leaves)
        for i in places
    ]
    np.testing.assert_allclose(gradient, expected.gradient, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(hessian, expected.hessian, rtol=1e-8, atol=1e-8)


@given(st.integers(1, 60))
def test_a_value_that_is_reused_at_every_step_costs_no_more(depth: int) -> None:
    x = Tensor(np.array(1.0), requires_grad=True)
    y = x
    for _ in range(depth):  # there are 2 ** depth ways from the result to the leaf
        y = y + y
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 2.0**depth
