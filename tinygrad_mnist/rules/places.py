"""Where elements and axes go: NumPy itself is asked, on small arrays of places.

Whatever ``np.delete`` or ``np.pad`` do to an array along an axis, they do to the numbers 0, 1, …
of the places along it. What comes out says where each element of the result was picked from, so
that these functions are all `numpy.take`, of whose gradient there is one fast version.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..engine import Traced, is_known, plain_error
from .axes import axis_index

__all__ = ["along", "axis_order", "bare", "naming"]

Array = Any
Function = Callable[..., Any]


@contextmanager
def naming(function: Function, axis: int = 0) -> Iterator[None]:
    """Name a function in the errors of NumPy, and the axis for which it was asked on places."""
    try:
        yield
    except (TypeError, ValueError, IndexError) as error:
        message = str(error).replace("axis 0", f"axis {axis}")
        raise plain_error(error, f"{function.__name__}: {message}") from None


def bare(value: Any) -> Any:
    """Make an array of a Tensor that only says where, or how often; it needs no gradient."""
    if not isinstance(value, Traced):
        return value
    return np.asarray(value) if is_known(value) else value._array


def axis_order(function: Function, ndim: int, *args: Any) -> tuple[int, ...]:
    """List the axes in the order into which a function like ``np.moveaxis`` brings them."""
    as_long_as_their_places = np.empty(tuple(range(ndim)))
    with naming(function):
        return function(as_long_as_their_places, *args).shape


def along(function: Function, a: Array, axis: int | None, pick: Callable[[Array], Array]) -> Array:
    """Take from an array along an axis what `pick` makes of the places along it."""
    if axis is None:
        a, axis = np.reshape(a, -1), 0
    axis = axis_index(function.__name__, axis, np.shape(a))
    with naming(function, axis):
        places = pick(np.arange(np.shape(a)[axis]))
    return np.take(a, places, axis)
