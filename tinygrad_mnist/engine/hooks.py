"""Who wants to see the gradient of a value while the sweep passes it: hooks, and `retain_grad`.

A node that nobody watches, which is nearly every node, knows nothing of this room.
"""

from collections.abc import Callable
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from .grad_mode import no_grad
from .tape import Node, Traced, wrap

__all__ = ["Handle", "Watch", "ever_used", "seen", "watch", "watches"]

Hook = Callable[[Any], Any]


class Watch:
    """What is to be done with the gradient of one node when it is complete."""

    __slots__ = ("grad", "hooks", "retains")

    def __init__(self) -> None:
        self.hooks: dict[int, Hook] = {}
        self.retains = False
        self.grad: Any = None


watches: WeakKeyDictionary[Node, Watch] = WeakKeyDictionary()
ever_used = False  # the sweep asks this first, which costs nothing
_numbers = count()


def watch(node: Node) -> Watch:
    """Return the watch of a node, a new one if it has none."""
    global ever_used
    ever_used = True
    return watches.setdefault(node, Watch())


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
        self._hooks = watch(node).hooks
        self._number = next(_numbers)
        self._hooks[self._number] = hook

    def remove(self) -> None:
        """Call the hook no more."""
        self._hooks.pop(self._number, None)


def seen(node: Node, g: Any, kind: type[Traced]) -> Any:
    """Show a gradient to the hooks of its node, in the order in which they were registered.

    Each may return another gradient, which takes its place.
    """
    for hook in tuple(watches[node].hooks.values()):
        if isinstance(g, Traced):
            found = hook(g)
        else:
            with no_grad():
                found = hook(wrap(kind, np.array(g)))
        if found is None:
            continue
        if np.shape(found) != node.shape:
            raise ValueError(
                f"hook on {node.name}: returned a gradient of shape {np.shape(found)} for a value "
                f"of shape {node.shape}"
            )
        if isinstance(g, Traced):
            g = found if isinstance(found, Traced) else wrap(kind, np.array(found, node.dtype))
            g = g if g.dtype == node.dtype else g.astype(node.dtype)
        else:
            g = np.array(found._array if isinstance(found, Traced) else found, node.dtype)
    return g
