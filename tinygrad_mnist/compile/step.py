"""`compile`, and the steps that it makes: captured once for each form of their arguments, replayed."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.batches import scale
from ..engine import is_grad_enabled
from ..engine.anomaly import is_looking
from ..tensor import Tensor
from .operations import CompileError
from .replay import Replay

__all__ = ["CompiledStep", "compile"]

BACKENDS = ("auto", "numpy", "c")


class CompiledStep:
    """A training step, or any function of arrays, that is captured once and then replayed.

    `compile` makes it, and says more.

    Attributes
    ----------
    source
        The step that was called last, as a program in NumPy.
    plan
        The memory that it takes, and what became of its operations.
    """

    def __init__(self, function: Callable[..., Any], backend: str = "auto") -> None:
        if backend not in BACKENDS:
            raise ValueError(f"compile: backend is {backend!r}; expected 'auto', 'numpy' or 'c'")
        if not callable(function):
            raise TypeError(f"compile: takes a function, not {type(function).__name__}")
        self._function = function
        self._backend = backend
        self._signature = inspect.signature(function)
        kinds = {p.kind for p in self._signature.parameters.values()}
        if kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            raise TypeError("compile: the step takes *args or **keywords; name its arguments")
        self._names = tuple(self._signature.parameters)
        self._replays: dict[Any, Replay] = {}
        self._latest: Replay | None = None
        self._lock = threading.RLock()
        self.__name__ = getattr(function, "__name__", "step")
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Take the step: capture it if these arguments have a new form, and replay it.

        Raises
        ------
        CompileError
            If it can't be captured; nothing has changed then.
        """
        if keywords or len(args) != len(self._names):
            bound = self._signature.bind(*args, **keywords)
            bound.apply_defaults()
            args = tuple(bound.arguments[name] for name in self._names)
        with self._lock:
            if is_looking():  # somebody looks at every operation
                return self._function(*args)
            key = (is_grad_enabled(), *map(_form, args))
            replay = self._replays.get(key)
            if replay is None or not replay.reach.holds():
                replay = self._captured(key, args, replay)
            self._latest = replay
            return replay(args)

    def _captured(self, key: Any, args: tuple[Any, ...], old: Replay | None) -> Replay:
        arguments = dict(zip(self._names, args, strict=True))
        replay = Replay(self._function, arguments, self._backend, old)
        self._replays[key] = replay
        return replay

    def epoch(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        order: NDArray[np.integer],
        batch_size: int,
    ) -> NDArray[Any]:
        """Take a step for every batch of a data set.

        Parameters
        ----------
        images
            Of shape (samples, ...). Pixels of uint8 are scaled to [0, 1] as they are read.
        labels
            Of shape (samples, ...).
        order
            The samples to take, by number.
        batch_size
            Samples for each step; the last one takes what is left.

        Returns
        -------
        numpy.ndarray
            What each step returned, which must be one number, such as the loss.
        """
        found = []
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            x = scale(images.take(rows, axis=0))
            found.append(self(x, labels.take(rows, axis=0)))
        return np.array([float(each) for each in found], np.float32)

    @property
    def source(self) -> str:
        """The step that was called last, as a program in NumPy."""
        return self._shown().source

    @property
    def plan(self) -> str:
        """The memory that it takes, and what became of its operations."""
        return self._shown().plan

    def _shown(self) -> Replay:
        if self._latest is None:
            raise RuntimeError("the step was not called yet: call it once, then look at it")
        return self._latest


def _form(argument: Any) -> Any:
    """Tell what a captured step depends on: shape and dtype, or the thing itself."""
    if isinstance(argument, np.ndarray | Tensor):
        return type(argument), argument.shape, argument.dtype
    try:
        hash(argument)
    except TypeError:
        raise CompileError(
            f"an argument of a compiled step is a {type(argument).__name__}; expected arrays, "
            f"Tensors, or numbers and strings, which are fixed"
        ) from None
    return type(argument), argument


def compile(function: Callable[..., Any] | None = None, *, backend: str = "auto") -> Any:  # noqa: A001
    """Compile a training step."""
    if function is None:
        return lambda function: CompiledStep(function, backend)
    return CompiledStep(function, backend)
