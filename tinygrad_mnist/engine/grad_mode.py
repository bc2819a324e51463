"""Grad mode: whether operations are recorded, separately for every thread and task."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["Mode", "enable_grad", "is_grad_enabled", "no_grad", "recording", "transforming"]

recording: ContextVar[bool] = ContextVar("recording", default=True)
transforming: ContextVar[bool] = ContextVar("inside a transform", default=False)


class Mode:
    """A block in which a context variable has another value; a decorator as well."""

    def __init__(self, variable: ContextVar[bool], value: bool) -> None:
        self._variable = variable
        self._value = value
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(self._variable.get())
        self._variable.set(self._value)

    def __exit__(self, *_: object) -> None:
        self._variable.set(self._before.pop())

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Make a function that runs in such a block.

        Raises
        ------
        TypeError
            If it is a generator or a coroutine function: its body runs later, outside the block.
        """
        from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction

        if any(k(function) for k in (isasyncgenfunction, iscoroutinefunction, isgeneratorfunction)):
            raise TypeError(
                f"{type(self).__name__}: {function.__name__} runs bit by bit, so it can't be "
                f"decorated; write a `with` block inside it"
            )

        @functools.wraps(function)
        def inside(*args: Any, **keywords: Any) -> Any:
            with type(self)():  # type: ignore[call-arg]  # what people decorate with takes nothing
                return function(*args, **keywords)

        return inside


class no_grad(Mode):  # noqa: N801  # it is called like a function
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

    def __init__(self) -> None:
        super().__init__(recording, False)


class enable_grad(Mode):  # noqa: N801
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

    def __init__(self) -> None:
        super().__init__(recording, True)


def is_grad_enabled() -> bool:
    """Tell whether operations are being recorded here.

    Examples
    --------
    >>> is_grad_enabled()
    True
    """
    return recording.get()
