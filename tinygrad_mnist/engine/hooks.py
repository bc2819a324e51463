"""Who wants to see the gradient of a value while the sweep passes it: hooks, and `retain_grad`.

A node that nobody watches, which is nearly every node, knows nothing of this room.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

import numpy as np

from . import anomaly
from .grad_mode import no_grad
from .tape import Node, Traced, wrap

__all__ = ["Handle", "Watch", "ever_used", "seen", "watch", "watch_of"]

Hook = Callable[[Any], Any]


class Watch:
    """What is to be done with the gradient of one node when it is complete."""

    __slots__ = ("grad", "hooks", "retains")

    def __init__(self) -> None:
        self.hooks: dict[int, Hook] = {}
        self.retains = False
        self.grad: Any = None


ever_used = False  # the sweep asks this first, which costs nothing
_numbers = count()


def watch(node: Node) -> Watch:
    """Return the watch of a node, a new one if it has none."""
    global ever_used
    ever_used = True
    if watch_of(node) is None:
        node.watch = Watch()
    return node.watch


def watch_of(node: Node) -> Watch | None:
    """Return the watch of a node, if somebody watches it."""
    return getattr(node, "watch", None)


class Handle:
    """What `register_hook` returns: it takes the hook away again.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> handle = x.register_hook(lambda g: g * 10)
    >>> (x * 3).backward()
    >>> x.grad
    Tensor(30.)
    >>> handle.remove()
    """

    def __init__(self, node: Node, hook: Hook) -> None:
        if not callable(hook):
            raise TypeError(f"register_hook: takes a function, not {type(hook).__name__}")
        self._hooks = watch(node).hooks
        self._number = next(_numbers)
        self._hooks[self._number] = hook

    def remove(self) -> None:
        """Call the hook no more."""
        self._hooks.pop(self._number, None)


def seen(node: Node, g: Any, kind: type[Traced], looking: bool) -> Any:
    """Show a gradient to the hooks of its node, in the order in which they were registered.

    Each may return another gradient, which takes its place.
    """
    for hook in tuple(node.watch.hooks.values()):
        if isinstance(g, Traced):
            found = hook(g)
        else:
            shown = np.asarray(g).view()
            shown.flags.writeable = False
            with no_grad():
                found = hook(wrap(kind, shown))
        if found is not None:
            g = _accepted(found, node, kind, isinstance(g, Traced))
            if looking:
                anomaly.check_gradient(g, node, "what a hook made of its gradient")
    return g


def _accepted(found: Any, node: Node, kind: Any, traced: bool) -> Any:
    """Check what a hook returned, and bring it into the form of the other gradients."""
    given: Any = found if isinstance(found, Traced) else np.array(found)
    array = given._array if isinstance(given, Traced) else given
    if array.dtype.kind not in "fiub" or array.shape != node.shape:
        raise ValueError(
            f"hook on {node.name}: returned {array.dtype} of shape {array.shape}; expected a "
            f"gradient of shape {node.shape}, {node.dtype}, or None"
        )
    if not traced:
        return array.astype(node.dtype)
    given = given if isinstance(given, Traced) else wrap(kind, given)
    return given if array.dtype == node.dtype else given.astype(node.dtype)
