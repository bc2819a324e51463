"""Looking for the operation that made the first NaN or infinity, forward or backward.

While somebody looks, `tape.apply` holds every value that it computes against `check`, and the
sweep every gradient.
"""

from collections.abc import Callable
from contextvars import ContextVar
from threading import Lock
from typing import Any

import numpy as np

from .grad_mode import Mode

__all__ = ["blocks", "check", "check_gradient", "detect_anomaly", "is_looking", "look_away"]

blocks = 0  # how many are open, in all threads: where it is none, asking costs nothing
_looking: ContextVar[bool] = ContextVar("looking for anomalies", default=False)
_lock = Lock()


class detect_anomaly(Mode):  # noqa: N801  # it is called like a function
    """Raise at the first NaN or infinity that is computed inside this block.

    It is looked for in the result of every operation on Tensors, whether it needs a gradient or
    not, and in every gradient of a `backward`. What operations save of bare arrays is copied
    inside the block, so that any change of it is noticed; outside, of large ones only a sum and a
    hundred elements are kept. All this costs time and memory: it is for finding faults.

    Other threads and tasks do not notice.

    Raises
    ------
    FloatingPointError
        By the operation. The message names it and the line that called it, and says what was
        found and where.

    Examples
    --------
    >>> import numpy as np, tinygrad_mnist as tg
    >>> x = tg.Tensor([1.0, 0.0], requires_grad=True)
    >>> with np.errstate(divide="ignore"), tg.detect_anomaly():  # doctest: +ELLIPSIS
    ...     np.sqrt(x).sum().backward()  # the slope of the root at 0 is infinite
    Traceback (most recent call last):
    FloatingPointError: sqrt: the gradient of an input, of shape (2,), ...
    """

    def __init__(self) -> None:
        super().__init__(_looking, True)

    def __enter__(self) -> None:
        global blocks
        super().__enter__()
        with _lock:
            blocks += 1

    def __exit__(self, *error: object) -> None:
        global blocks
        super().__exit__(*error)
        with _lock:
            blocks -= 1


def is_looking() -> bool:
    """Tell whether anomalies are looked for here."""
    return blocks > 0 and _looking.get()


def look_away() -> Mode:
    """Don't look in this block, where values come up that are of no account."""
    return Mode(_looking, False)


def check(value: Any, what: str, where: Callable[[], str]) -> None:
    """Raise if a value is not finite."""
    array = np.asarray(value)
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return
    nans = int(np.isnan(array).sum())
    infinite = int(np.isinf(array).sum())
    first = tuple(map(int, np.argwhere(~np.isfinite(array))[0]))
    raise FloatingPointError(
        f"{what}, of shape {array.shape}, has {nans} NaN and {infinite} infinite elements, the "
        f"first at {first}; {where()}"
    )


def check_gradient(g: Any, node: Any, what: str) -> None:
    """Raise if a gradient, traced or bare, is not finite; it belongs to a node."""
    array = getattr(g, "_array", g)
    check(array, f"{node.name}: {what}", lambda: f"{node.name} was {node.called_at}")
