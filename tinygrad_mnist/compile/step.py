"""`compile`, and the steps that it makes: captured once for each form of their arguments."""

from __future__ import annotations

import functools
import inspect
import math
import threading
from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine import is_grad_enabled, recorder
from ..engine.anomaly import is_looking
from ..tensor import Tensor
from .calling import called_with
from .operations import CompileError
from .saying import say

if TYPE_CHECKING:
    from ..optim.lr_scheduler import LRScheduler
    from .replay import Replay

__all__ = ["CompiledStep", "compile"]

BACKENDS = ("auto", "numpy", "c")
_PLAIN = (bool, int, str, bytes, tuple, type(None))
_KEPT = 4  # replays for arguments of one form: for training and evaluation, for one


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
        # Most programs compile nothing, and need not wait for all that it takes; the first step of
        # one that does should not wait, either.
        from .capture import capturing
        from .replay import Replay

        self._capturing, self._capture = capturing, Replay
        self._signature = inspect.signature(function)
        kinds = {p.kind for p in self._signature.parameters.values()}
        if kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
            raise TypeError("compile: the step takes *args or **keywords; name its arguments")
        self._names = tuple(self._signature.parameters)
        self._only_in_order = not kinds & {inspect.Parameter.KEYWORD_ONLY}
        self._replays: dict[Any, list[Replay]] = {}
        self._latest: Replay | None = None
        self._lock = threading.RLock()
        self._said: set[str] = set()
        self.__name__ = "step"  # of what has no name
        functools.update_wrapper(self, function)

    def __get__(self, instance: Any, owner: type) -> Any:
        """Be a method: the instance is the first argument then."""
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        """Take the step: capture it if these arguments have a new form, and replay it.

        Raises
        ------
        CompileError
            If it can't be captured; nothing has changed then.
        """
        args = self._bound(args, keywords)
        if self._runs_eagerly():
            return called_with(self._function, dict(zip(self._names, args, strict=True)))
        with self._lock:
            return self._replay(args)(args)

    def prepare(self, *args: Any, **keywords: Any) -> str:
        """Capture the step for arguments of this form, and do not take it; return its backend.

        Raises
        ------
        CompileError
            As the call.
        """
        args = self._bound(args, keywords)
        with self._lock:
            return self._replay(args).backend

    def _bound(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, ...]:
        """Put all arguments in order, with those that have defaults."""
        if not keywords and len(args) == len(self._names) and self._only_in_order:
            return args
        bound = self._signature.bind(*args, **keywords)
        bound.apply_defaults()
        return tuple(bound.arguments.values())

    @staticmethod
    def _runs_eagerly() -> bool:
        """Tell whether somebody looks at every operation, or another step is being captured."""
        return is_looking() or recorder.get() is not None

    def _replay(self, args: tuple[Any, ...]) -> Replay:
        """Find a replay for arguments of this form that holds; else capture one."""
        known = self._replays.setdefault((is_grad_enabled(), *map(_form, args)), [])
        replay = _holding(known) or self._captured(args, known)
        self._latest = replay
        return replay

    def _captured(self, args: tuple[Any, ...], known: list[Replay]) -> Replay:
        """Capture the step, unless another thread did so meanwhile, and keep the replay."""
        with self._capturing:  # where nobody else's symbols are in the way
            replay = _holding(known)
            if replay is None:
                if known:
                    self._say_why(known[0])
                arguments = dict(zip(self._names, args, strict=True))
                replay = self._capture(self._function, arguments, self._backend)
                known.insert(0, replay)
                del known[_KEPT:]
        return replay

    def _say_why(self, replay: Replay) -> None:
        """Say why a step is captured again: once for each reason."""
        reason = replay.reach.change()
        if reason not in self._said:
            self._said.add(reason)
            say(f"{self.__name__} is captured again, since {reason}")

    def epoch(
        self,
        images: NDArray[Any],
        labels: NDArray[Any],
        order: NDArray[np.integer[Any]],
        batch_size: int,
        schedule: LRScheduler | None = None,
    ) -> Any:
        """Take a step for every batch of a data set; in C all at once, without Python in between.

        Parameters
        ----------
        images
            Of shape (samples, ...), and what the step takes first. Pixels of uint8 are scaled to
            [0, 1] as they are read.
        labels
            Of shape (samples, ...), and what the step takes second.
        order
            The samples to take, by number.
        batch_size
            Samples for each step; the last one takes what is left.
        schedule
            Is stepped after every step.

        Returns
        -------
        What each step returned, in arrays with one element for every step. It must be made of
        single numbers, such as the loss.

        Raises
        ------
        ValueError
            If the numbers of images and labels differ, or the batch size is not positive.
        IndexError
            If a sample is asked for that is not there.
        """
        images, labels, places = self._checked(images, labels, order, batch_size)
        whole = len(places) // batch_size * batch_size
        columns, begin = [], 0
        with self._lock:
            if whole and not self._runs_eagerly():
                replay = self._replay(self._batch(images, labels, places[:batch_size]))
                for value in replay.results:
                    _check_single(value.shape)
                if replay.can_epoch(images, labels):
                    found = replay.epoch(images, labels, places[:whole], schedule)
                    columns.append(_columns(found, whole // batch_size))
                    begin = whole
            for start in range(begin, len(places), batch_size):
                found = self(*self._batch(images, labels, places[start : start + batch_size]))
                columns.append(_columns(found, 1))
                if schedule is not None:
                    schedule.step()
            return _end_to_end(columns) if columns else np.empty(0)

    @staticmethod
    def _checked(
        images: Any, labels: Any, order: Any, batch_size: int
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
        """Check the arguments of `epoch`."""
        for name, given in (("images", images), ("labels", labels)):
            if not isinstance(given, np.ndarray):
                raise TypeError(
                    f"epoch: {name} are a {type(given).__name__}; expected a NumPy array"
                )
        places = np.asarray(order)
        if places.size and places.dtype.kind not in "iu":
            raise TypeError(f"epoch: an order is made of integers, not {places.dtype}")
        if len(images) != len(labels):
            raise ValueError(f"epoch: {len(images):,} images with {len(labels):,} labels")
        if places.ndim != 1:
            raise ValueError(f"epoch: an order of shape {places.shape}; expected one axis")
        if batch_size < 1:
            raise ValueError(f"epoch: batch_size is {batch_size}; expected 1 or more")
        if places.size and not (places.min() >= 0 and places.max() < len(images)):
            raise IndexError(f"epoch: a sample of the order is not one of {len(images):,}")
        return images, labels, np.ascontiguousarray(places, np.int64)

    @staticmethod
    def _batch(images: NDArray[Any], labels: NDArray[Any], rows: NDArray[Any]) -> tuple[Any, Any]:
        from ..data.batches import scale

        return scale(images.take(rows, axis=0)), labels.take(rows, axis=0)

    @property
    def source(self) -> str:
        """The step that was called last, as a program in NumPy."""
        return self._shown().source

    @property
    def plan(self) -> str:
        """The memory that it takes, and what became of its operations."""
        return self._shown().plan

    @property
    def backend(self) -> str:
        """How the step that was called last runs: ``"numpy"`` or ``"c"``."""
        return self._shown().backend

    def _shown(self) -> Replay:
        if self._latest is None:
            raise RuntimeError("the step was not called yet: call it once, then look at it")
        return self._latest


def _holding(replays: list[Replay]) -> Replay | None:
    """Find one for which everything is as it was when it was captured."""
    for replay in replays:
        if replay.reach.holds():
            return replay
    return None


def _form(argument: Any) -> Any:
    """Tell what a captured step depends on: shape and dtype, or the thing itself."""
    if isinstance(argument, np.ndarray | Tensor):
        return type(argument), argument.shape, argument.dtype
    if isinstance(argument, float | np.generic):  # 0.0 and -0.0 are equal, and NaN is not
        return type(argument), repr(argument)
    try:
        hash(argument)
    except TypeError:
        raise CompileError(
            f"an argument of a compiled step is a {type(argument).__name__}; expected arrays, "
            f"Tensors, models, or numbers and strings, which are fixed"
        ) from None
    return type(argument), argument if isinstance(argument, _PLAIN) else id(argument)


def _columns(found: Any, steps: int) -> Any:
    """Make a column of each number that steps returned."""
    if isinstance(found, dict):
        return {name: _columns(part, steps) for name, part in found.items()}
    if isinstance(found, tuple | list):
        return type(found)(_columns(part, steps) for part in found)
    if found is None or isinstance(found, str):
        return found
    column = np.asarray(found.numpy() if isinstance(found, Tensor) else found, np.float64)
    if column.shape != (steps,):
        _check_single(column.shape)
    return np.broadcast_to(column.reshape(-1), steps)


def _check_single(shape: tuple[int, ...]) -> None:
    if math.prod(shape) != 1:
        raise ValueError(
            f"epoch: the step returns an array of shape {shape}; expected single numbers"
        )


def _end_to_end(parts: list[Any]) -> Any:
    """Join the columns of several steps."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: _end_to_end([part[name] for part in parts]) for name in first}
    if isinstance(first, tuple | list):
        return type(first)(_end_to_end(list(column)) for column in zip(*parts, strict=True))
    return np.concatenate(parts) if isinstance(first, np.ndarray) else first


def compile(function: Callable[..., Any] | None = None, *, backend: str = "auto") -> Any:  # noqa: A001
    """Make a function of arrays run without Python in between; also a decorator.

    The first call with arguments of these shapes and dtypes captures what the function does: the
    forward pass, `backward` and the optimiser's step become one program, which is written out in
    NumPy, to be read as `source`, or in C. This call and all later ones replay it. Learning rates,
    and all that schedules change, are looked up in every step; dropout draws new numbers.

    Parameters
    ----------
    function
        Takes arrays, Tensors and models, and numbers and strings, which are fixed; returns arrays,
        Tensors or numbers, and tuples, lists and dicts of them. Models, optimisers, Tensors and
        arrays are also found by the global variables and closures that it uses. Whatever else it
        does, such as printing, happens when it is captured, and then no more.
    backend
        ``"numpy"``: functions of NumPy that write into memory set aside before. ``"c"``: one
        function in C, compiled by the system's compiler and kept in the user's cache. ``"auto"``:
        C where it can be had, and else NumPy. Where C was asked for and can't be had, a
        `CompileWarning` says so, and the step runs in NumPy.

    Returns
    -------
    CompiledStep
        Called like the function. `source` and `plan` show what became of it; `epoch` goes through a
        data set.

    Raises
    ------
    CompileError
        By the call that captures, if the function asks for the value of an array (``.item()``,
        ``if loss > 1``), adds to gradients of the step before, or does something else that could
        not be done again. Nothing has changed then.

    Notes
    -----
    In NumPy, results are those of the eager function bit for bit, where that has the same memory
    layouts; in C they may differ in the last place of each operation, since sums are added up in
    another order and products are added without being rounded first. Large matrix products have the
    threads of NumPy's BLAS; all else runs on one. After a step, the parameters' `grad` is None.

    When a model, an optimiser's options or a variable were exchanged, the step is captured again,
    and a `CompileWarning` says why. Inside of `detect_anomaly` the function itself is called.

    Examples
    --------
    >>> import numpy as np, tinygrad_mnist as tg
    >>> x = tg.Tensor([3.0, 4.0], requires_grad=True)
    >>> optimiser = tg.optim.SGD([x], lr=0.1)
    >>> @tg.compile(backend="numpy")
    ... def step():
    ...     optimiser.zero_grad()
    ...     loss = (x * x).sum()
    ...     loss.backward()
    ...     optimiser.step()
    ...     return loss
    >>> step(), step()
    (Tensor(25.), Tensor(16.))
    """
    if function is None:
        return lambda function: CompiledStep(function, backend)
    return CompiledStep(function, backend)
