"""Grad mode: whether operations are recorded, separately for every thread and task."""

from collections.abc import Iterator
from contextlib import _GeneratorContextManager, contextmanager
from contextvars import ContextVar

__all__ = ["enable_grad", "is_grad_enabled", "no_grad", "recording"]

recording: ContextVar[bool] = ContextVar("recording", default=True)


@contextmanager
def _mode(record: bool) -> Iterator[None]:
    token = recording.set(record)
    try:
        yield
    finally:
        recording.reset(token)


def no_grad() -> _GeneratorContextManager[None]:
    """Record nothing inside this block, and allow values to be written in place.

    Also a decorator, ``@tg.no_grad()``. Other threads and tasks do not notice.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> with tg.no_grad():
    ...     y = x * x
    >>> y.requires_grad
    False
    """
    return _mode(False)


def enable_grad() -> _GeneratorContextManager[None]:
    """Record operations inside this block, even within `no_grad`.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> with tg.no_grad(), tg.enable_grad():
    ...     y = x * x
    >>> y.requires_grad
    True
    """
    return _mode(True)


def is_grad_enabled() -> bool:
    """Tell whether operations are being recorded here.

    Examples
    --------
    >>> is_grad_enabled()
    True
    """
    return recording.get()
