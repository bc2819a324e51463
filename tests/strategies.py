"""What Hypothesis draws in several files: dtypes, arrays, axes, indices and broadcast shapes."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Shape = tuple[int, ...]

FLOATS = st.sampled_from([np.dtype(np.float32), np.dtype(np.float64)])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)


def arrays(
    shape: Shape, dtype: Any = np.float64, low: float = 0.5, high: float = 2.0
) -> st.SearchStrategy[np.ndarray]:
    """Draw floating-point arrays; by default of numbers that no function objects to."""
    return hnp.arrays(dtype, shape, elements=st.floats(low, high, width=32))


def broadcast_shapes(number: int) -> st.SearchStrategy[tuple[Shape, ...]]:
    """Draw shapes that broadcast against each other: empty, 0-d and stretched ones too."""
    return hnp.mutually_broadcastable_shapes(
        num_shapes=number, min_dims=0, max_dims=3, min_side=0, max_side=3
    ).map(lambda drawn: drawn.input_shapes)


def axes(ndim: int) -> st.SearchStrategy[int | Shape | None]:
    """Draw an `axis` argument in all its forms: None, one axis, several, from either end."""
    one = st.integers(-ndim, ndim - 1) if ndim else st.nothing()
    several = st.lists(one, unique_by=lambda axis: axis % ndim, max_size=ndim).map(tuple)
    return st.none() | one | several


@st.composite
def indices(draw: st.DrawFn, shape: Shape) -> Any:
    """Draw an index: slices, integers, None, an ellipsis, masks, arrays that repeat, mixtures."""
    kind = draw(st.sampled_from(["basic", "mask", "integers", "mixture"]))
    if kind == "mask":
        return draw(hnp.arrays(bool, shape[: draw(st.integers(1, len(shape)))]))
    if kind == "basic" or 0 in shape:
        return draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    chosen = hnp.array_shapes(min_dims=0, max_dims=2, max_side=4)
    if kind == "integers":
        return draw(hnp.integer_array_indices(shape, result_shape=chosen))
    length = draw(st.integers(1, 4))
    index: list[Any] = []
    for n in shape[: draw(st.integers(1, len(shape)))]:
        repeating = hnp.arrays(np.intp, length, elements=st.integers(-n, n - 1))
        index.append(draw(st.integers(-n, n - 1) | st.slices(n) | repeating))
        index += draw(st.sampled_from([[], [], [None]]))
    if len(index) < len(shape):
        index += draw(st.sampled_from([[], [...]]))
    return tuple(index)
