"""Random programs, built step by step out of the table, against differences.

A program is a pool of values: some leaves at first, and every step adds what it computes from one
or two values, so that they are shared, stretched, reduced, joined and picked from. The same steps
run on Tensors and, as plain NumPy, on arrays: there the value and the differences come from.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from rules.walk import CASES, Case, is_float
from strategies import axes, indices

from tinygrad_mnist import Tensor
from tinygrad_mnist.rules import DERIVED, RULES

Shape = tuple[int, ...]

STEP = 1e-5
LARGEST = 2.0  # values beyond are squashed, so that slopes do not grow from step to step
PHASES = set(Phase) - {Phase.explain}  # which takes minutes here
PLACES = 5  # to look for one without kinks
NUDGE = 0.01  # how far the inputs of a row are moved from its samples, which avoid all kinks

# Addition is drawn more often: it hands one and the same gradient to both of its inputs.
PAIRED = [np.add, np.add, np.add, np.subtract, np.multiply, np.maximum, np.minimum]
BENT = [np.sin, np.cos, np.tanh, np.square, np.negative, np.absolute, np.positive]
REDUCED = [
    f
    for f in (np.sum, np.mean, np.max, np.min, np.var, np.prod, np.ptp, np.median)
    if f in RULES | DERIVED
]
PRODUCTS: list[tuple[Shape, Shape]] = [
    ((2, 3), (3, 2)),
    ((3,), (3, 2)),
    ((2, 3), (3,)),
    ((3,), (3,)),
    ((2, 1, 3), (2, 3, 2)),
]


def _is_usable(case: Case) -> bool:
    """Tell whether a row may be a part of a program: numbers go in, a few of them come out."""
    y = np.asarray(case.function(*case.inputs))
    numbers = [a for a in case.inputs if is_float(a)]
    return (
        bool(numbers)
        and all(a.size and np.isfinite(a).all() for a in numbers)
        and 0 < y.size <= 30
        and np.isfinite(y).all()
    )


def _rows() -> list[list[Case]]:
    rows: dict[Any, list[Case]] = {}
    for case in CASES:
        if _is_usable(case):
            rows.setdefault(case.row, []).append(case)
    return list(rows.values())


ROWS = _rows()


def fitted(a: Any, shape: Shape) -> Any:
    """Bring a value to a shape: some of its elements are left out, or used repeatedly."""
    return np.reshape(np.reshape(a, -1)[np.arange(prod(shape)) % a.size], shape)


def nudged(case: Case) -> Callable[..., Any]:
    """Make a step of a row: how its value moves when the inputs of a sample are moved a little."""
    start = case.function(*case.inputs)

    def step(*values: Any) -> Any:
        moving = iter(values)
        inputs = [
            a + NUDGE * np.tanh(fitted(next(moving), a.shape)) if is_float(a) else a
            for a in case.inputs
        ]
        return case.function(*inputs) - start

    return step


Program = Callable[[Sequence[Any]], Any]


class Step(NamedTuple):
    """One step: a function of values, given by their places in the pool."""

    function: Callable[..., Any]
    places: tuple[int, ...]


class Programs(RuleBasedStateMachine):
    """A program that grows, with its values as Tensors and as arrays."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[Any] = []
        self.steps: list[Step] = []
        self.tensors: list[Any] = []
        self.arrays: list[Any] = []

    @initialize(
        shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=1, max_side=3, max_dims=2),
        seed=st.integers(0, 2**32 - 1),
    )
    def begin(self, shapes: Any, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.leaves = [np.array(self.rng.uniform(-1.5, 1.5, s)) for s in shapes.input_shapes]
        self.tensors = [Tensor(a, requires_grad=True) for a in self.leaves]
        self.arrays = list(self.leaves)

    # --- growing --------------------------------------------------------------------------

    def draw_place(self, data: st.DataObject) -> int:
        """Draw one of the values, a recent one more often, so that programs grow deep."""
        last = len(self.arrays) - 1
        return data.draw(st.integers(max(0, last - 2), last) | st.integers(0, last), label="place")

    def add(self, function: Callable[..., Any], *places: int) -> None:
        """Take a step, and shrink its value if it is large. One of no or many elements is not."""
        expected = function(*(self.arrays[i] for i in places))
        if not 0 < np.size(expected) <= 30:
            return
        value = function(*(self.tensors[i] for i in places))
        np.testing.assert_allclose(value.numpy(), expected, rtol=1e-12, atol=1e-12, strict=True)
        self.steps.append(Step(function, places))
        self.tensors.append(value)
        self.arrays.append(np.asarray(expected))
        if np.abs(expected).max() > LARGEST:
            self.add(np.tanh, len(self.arrays) - 1)

    @rule(data=st.data(), function=st.sampled_from(PAIRED))
    def combine(self, data: st.DataObject, function: Any) -> None:
        a, b = self.draw_place(data), self.draw_place(data)
        try:
            np.broadcast_shapes(self.arrays[a].shape, self.arrays[b].shape)
        except ValueError:
            shape = self.arrays[a].shape
            self.add(lambda x, y: function(x, fitted(y, shape)), a, b)
        else:
            self.add(function, a, b)

    @rule(data=st.data(), function=st.sampled_from(BENT))
    def bend(self, data: st.DataObject, function: Any) -> None:
        self.add(function, self.draw_place(data))

    @rule(data=st.data(), function=st.sampled_from(REDUCED), keepdims=st.booleans())
    def reduce(self, data: st.DataObject, function: Any, keepdims: bool) -> None:
        place = self.draw_place(data)
        axis = data.draw(axes(self.arrays[place].ndim), label="axis")
        self.add(lambda a: function(a, axis=axis, keepdims=keepdims), place)

    @rule(data=st.data())
    def rearrange(self, data: st.DataObject) -> None:
        place = self.draw_place(data)
        a = self.arrays[place]
        order = data.draw(st.permutations(range(a.ndim)), label="order")
        axis = data.draw(st.integers(-a.ndim - 1, a.ndim), label="axis")
        shape = data.draw(st.sampled_from([-1, (1, a.size), (a.size, 1), a.shape[::-1]]))
        choices: list[Callable[..., Any]] = [
            lambda a: np.reshape(a, shape),
            lambda a: np.transpose(a, order),
            lambda a: np.expand_dims(a, axis),
            lambda x: np.broadcast_to(x, (2, *a.shape)),
        ]
        self.add(data.draw(st.sampled_from(choices)), place)

    @rule(data=st.data(), function=st.sampled_from([np.concatenate, np.stack]))
    def join(self, data: st.DataObject, function: Any) -> None:
        a, b = self.draw_place(data), self.draw_place(data)
        shape = self.arrays[a].shape
        axis = data.draw(st.integers(-len(shape), len(shape) - 1)) if shape else None
        if shape or function is np.stack:
            self.add(lambda x, y: function([x, fitted(y, shape)], axis=axis or 0), a, b)

    @rule(data=st.data())
    def pick(self, data: st.DataObject) -> None:
        place = self.draw_place(data)
        if self.arrays[place].ndim:
            index = data.draw(indices(self.arrays[place].shape), label="index")
            self.add(lambda a: a[index], place)

    @rule(data=st.data(), shapes=st.sampled_from(PRODUCTS))
    def multiply_matrices(self, data: st.DataObject, shapes: tuple[Shape, Shape]) -> None:
        def function(a: Any, b: Any) -> Any:
            return fitted(a, shapes[0]) @ fitted(b, shapes[1]) / 3

        self.add(function, self.draw_place(data), self.draw_place(data))

    @rule(data=st.data(), cases=st.sampled_from(ROWS))
    def use_a_row(self, data: st.DataObject, cases: list[Case]) -> None:
        case = data.draw(st.sampled_from(cases), label="case")
        numbers = [a for a in case.inputs if is_float(a)]
        step = nudged(case)
        moved = np.abs(step(*(9 * self.rng.standard_normal(a.shape) for a in numbers))).max()
        scale = 1 / max(moved, NUDGE / 10)
        self.add(lambda *values: scale * step(*values), *(self.draw_place(data) for _ in numbers))

    # --- checking -------------------------------------------------------------------------

    @rule(data=st.data())
    def differentiate(self, data: st.DataObject) -> None:
        """Sweep from one of the values, and let the program grow on."""
        self.check([self.draw_place(data)])

    def teardown(self) -> None:
        """Sweep from all values that nothing was computed from."""
        used = {place for step in self.steps for place in step.places}
        if self.arrays:
            self.check([i for i in range(len(self.arrays)) if i not in used])

    def check(self, roots: Sequence[int]) -> None:
        """Hold what a sweep can say about the sum of some of the values against differences."""
        weights = [self.rng.uniform(-1, 1, self.arrays[root].shape) for root in roots]

        def total(values: Sequence[Any]) -> Any:
            parts = [np.sum(values[i] * w) for i, w in zip(roots, weights, strict=True)]
            return sum(parts[1:], parts[0])

        def program(leaves: Sequence[Any]) -> Any:
            values = list(leaves)
            for step in self.steps:
                values.append(step.function(*(values[i] for i in step.places)))
            return total(values)

        leaves = self.tensors[: len(self.leaves)]
        y = total(self.tensors)
        once = gradient(leaves, y, keep=True)
        np.testing.assert_array_equal(gradient(leaves, y, sweeps=2, keep=True), 2 * once)
        y.backward(create_graph=True)
        np.testing.assert_allclose(joined(taken(leaves)), once, rtol=1e-9, atol=1e-11)
        for attempt in range(PLACES):
            nearby = [a + attempt * NUDGE * self.rng.standard_normal(a.shape) for a in self.leaves]
            place = [np.array(a) for a in nearby]
            fresh = gradient(*run(program, place))
            if attempt == 0:
                np.testing.assert_array_equal(fresh, once)
            direction = [np.array(self.rng.standard_normal(a.shape)) for a in place]
            numeric = differences(program, place), curvatures(program, place, direction)
            if numeric[0] is not None and numeric[1] is not None:
                exact = fresh, curvature(program, place, direction)
                for own, other in zip(exact, numeric, strict=True):
                    np.testing.assert_allclose(own, other, 1e-6, 1e-6 * (1 + np.abs(other).max()))
                return
        raise AssertionError("there was a kink wherever differences were taken")


Programs.TestCase.settings = settings(max_examples=100, stateful_step_count=12, phases=PHASES)
TestPrograms = Programs.TestCase


# --- sweeps -------------------------------------------------------------------------------


def joined(parts: Sequence[Any]) -> np.ndarray:
    return np.concatenate([part.numpy().ravel() for part in parts])


def run(program: Program, place: Sequence[np.ndarray]) -> tuple[list[Tensor], Any]:
    """Run a program on new leaves."""
    leaves = [Tensor(a, requires_grad=True) for a in place]
    return leaves, program(leaves)


def taken(leaves: Sequence[Tensor]) -> list[Any]:
    """Take the gradients of the leaves away: zeros where there is none."""
    found = [Tensor(np.zeros(leaf.shape)) if leaf.grad is None else leaf.grad for leaf in leaves]
    for leaf in leaves:
        leaf.grad = None
    return found


def gradient(
    leaves: Sequence[Tensor], y: Any, *, sweeps: int = 1, keep: bool = False
) -> np.ndarray:
    """Sweep, and join the gradients."""
    for _ in range(sweeps):
        y.backward(retain_graph=keep)
    return joined(taken(leaves))


def curvature(
    program: Program, place: Sequence[np.ndarray], direction: Sequence[np.ndarray]
) -> np.ndarray:
    """Differentiate the slope in a direction, by sweeping over a sweep."""
    leaves, y = run(program, place)
    y.backward(create_graph=True)
    parts = [np.sum(part * v) for part, v in zip(taken(leaves), direction, strict=True)]
    along = sum(parts[1:], parts[0])
    if not along.requires_grad:
        return np.zeros(sum(a.size for a in place))  # the slope is the same everywhere
    return gradient(leaves, along)


# --- differences --------------------------------------------------------------------------


def slope(curve: Callable[[float], Any]) -> Any:
    """Differentiate a curve at 0, by differences of two widths; None where there is a kink.

    On a smooth curve both are the same slope, and the narrower one has half of the bend. Put
    together, they are exact up to the fourth power of the step.
    """
    middle = curve(0.0)
    ends = [(curve(h), curve(-h), h) for h in (STEP, STEP / 2)]
    wide, narrow = ((above - below) / (2 * h) for above, below, h in ends)
    bends = [np.abs(above + below - 2 * middle) / h for above, below, h in ends]
    size = 1 + np.abs(narrow).max()
    broken = (np.abs(wide - narrow) > 1e-6 * size) | (bends[1] > 0.75 * bends[0] + 1e-7 * size)
    return None if np.any(broken) else (4 * narrow - wide) / 3


def differences(program: Program, place: Sequence[np.ndarray]) -> Any:
    """Differentiate by every element of every leaf; None where there is a kink."""

    def along(i: int, index: tuple[int, ...]) -> Any:
        unit = np.zeros(place[i].shape)
        unit[index] = 1
        return slope(lambda h: program([*place[:i], place[i] + h * unit, *place[i + 1 :]]))

    slopes = [along(i, index) for i, a in enumerate(place) for index in np.ndindex(a.shape)]
    return None if None in slopes else np.array(slopes)


def curvatures(
    program: Program, place: Sequence[np.ndarray], direction: Sequence[np.ndarray]
) -> Any:
    """Differentiate the gradient in a direction; None where there is a kink."""
    return slope(
        lambda h: gradient(
            *run(program, [a + h * v for a, v in zip(place, direction, strict=True)])
        )
    )
