"""Nested arguments, as the tests of several transforms draw them."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from strategies import SHAPES, arrays


class Layer(NamedTuple):
    """A named tuple of arrays."""

    weight: Any
    bias: Any


def trees(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draw leaves and lists, tuples, named tuples and dicts of them, empty ones too."""
    return st.recursive(
        leaf,
        lambda part: (
            st.lists(part, max_size=3)
            | st.lists(part, max_size=3).map(tuple)
            | st.builds(Layer, part, part)
            | st.dictionaries(st.sampled_from(["a", "b", 0, (1, 2)]), part, max_size=3)
        ),
        max_leaves=5,
    )


def array_trees(dtype: Any = np.float64) -> st.SearchStrategy[Any]:
    """Draw nested arrays of all shapes."""
    return trees(SHAPES.flatmap(lambda shape: arrays(shape, dtype)))
