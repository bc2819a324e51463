"""Graphs that Hypothesis draws: values that are shared, stretched, joined, reduced and picked."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from hypothesis import strategies as st
from strategies import FLOATS, Shape, arrays, broadcast_shapes

from tinygrad_mnist import Tensor

SMOOTH = [np.add, np.subtract, np.multiply, np.logaddexp]
PAIRED = [*SMOOTH, np.maximum]
BENT = [np.tanh, np.sin, np.exp, np.negative, np.positive, np.square]


@st.composite
def graphs(
    draw: st.DrawFn, paired: Sequence[Callable[..., Any]] = PAIRED
) -> tuple[Tensor, dict[str, Tensor]]:
    """Draw a scalar and the leaves that it is computed from, by name; it uses each of them."""
    shapes = draw(broadcast_shapes(draw(st.integers(1, 4))))
    dtypes = [draw(FLOATS) for _ in shapes]
    leaves = {
        f"leaf{i}": Tensor(draw(arrays(shape, dtype)), requires_grad=True)
        for i, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True))
    }
    pool = list(leaves.values())
    for _ in range(draw(st.integers(0, 8))):
        pool.append(np.tanh(draw(steps(pool, paired))))  # which keeps the numbers small
    weight = st.sampled_from([1.0, -0.5, 2.0])
    return reduce(np.add, [np.sum(value) * draw(weight) for value in pool]), leaves


def steps(pool: list[Any], paired: Sequence[Callable[..., Any]]) -> st.SearchStrategy[Any]:
    """Draw a value that is computed from one or two, or from all that are shaped alike."""
    one = st.sampled_from(pool)
    pairs = st.tuples(one, one).filter(lambda pair: _fit(*(value.shape for value in pair)))
    return st.one_of(
        st.builds(_called, st.sampled_from(BENT), one),
        st.builds(lambda f, pair: f(*pair), st.sampled_from(paired), pairs),
        st.builds(lambda a: np.sum(a, axis=-1) if a.ndim else a * 2.0, one),
        st.builds(lambda a: np.reshape(a, -1)[::2], one),
        st.builds(lambda a: np.multiply(0.5, a), one),
        st.builds(lambda a: np.stack([b for b in pool if b.shape == a.shape]), one),
        st.builds(lambda a: np.where(a.numpy() > 1, a, a * 0.5), one),
    )


def _called(function: Callable[[Any], Any], a: Any) -> Any:
    return function(a)


def _fit(*shapes: Shape) -> bool:
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return True
