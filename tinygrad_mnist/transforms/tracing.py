"""What all transforms do: call a function on Tensors of its own, and sweep back from its results.

The function sees its arguments as fresh Tensors, whose nodes nobody else has: what the outside
world computes from the same values can't be taken for what the function computes. A Tensor that
requires a gradient is passed on through `numpy.positive`, which gives it a node of its own but
keeps the connection to where it came from. Transforms inside one another therefore need no
bookkeeping but a mark that there is one around, so that its sweep finds what was recorded.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..engine import NO_KEYWORDS, Leaf, as_array, gradients, recording, transforming, wrap
from ..tensor import Tensor
from .trees import leaves, paths, rebuild

__all__ = [
    "Manner",
    "Trace",
    "cut_up",
    "differentiable",
    "end_to_end",
    "given_manner",
    "pull",
    "trace",
]

Array = Any  # a bare array or a Tensor


class Manner(NamedTuple):
    """How results are handed out: as Tensors or as arrays, and whether with their graph."""

    tensors: bool
    connected: bool

    def hand_out(self, found: Array) -> Array:
        """Make of a result what the caller expects. An array is nobody else's."""
        if not isinstance(found, Tensor):
            return wrap(Tensor, found) if self.tensors else found
        if not self.tensors:
            return found._array.copy()
        return found if self.connected else found.detach()


def given_manner(values: Sequence[Any], others: Sequence[Any] = ()) -> Manner:
    """Tell how results are handed out that are computed from these values, and from others.

    Where somebody may differentiate again, because a Tensor among them requires a gradient or
    because this happens inside a transform, they are connected, and so Tensors. Of those that
    need no gradient, only `values` make Tensors of the results.
    """
    tensors = [value for value in values if isinstance(value, Tensor)]
    followed = (
        transforming.get()
        or any(tensor.requires_grad for tensor in tensors)
        or any(isinstance(other, Tensor) and other.requires_grad for other in others)
    )
    return Manner(followed or bool(tensors), followed and recording.get())


class Trace(NamedTuple):
    """A call of a function on Tensors of its own.

    `name` is what errors call the transform, `like` the argument that is differentiated by, or
    the tuple of several, and `inputs` the Tensors in the places of its leaves. `result` is what
    the function returned, and `manner` says how to hand out what is found.
    """

    name: str
    like: Any
    inputs: list[Tensor]
    result: Any
    manner: Manner

    def outputs(self) -> list[Tensor]:
        """List the leaves of the result, all of which must be differentiable."""
        return [differentiable(self.name, leaf) for leaf in leaves(self.result)]

    def gradient(self, found: Iterable[Array]) -> Any:
        """Hand out gradients, one an input, built like the argument."""
        return rebuild(self.like, map(self.manner.hand_out, found))


def trace(
    name: str,
    function: Callable[..., Any],
    args: Sequence[Any],
    argnums: int | Sequence[int],
    keywords: Mapping[str, Any] = NO_KEYWORDS,
    beside: Any = (),
) -> Trace:
    """Call a function with Tensors of its own in some places.

    Parameters
    ----------
    name
        What errors call the transform.
    function, args, keywords
        What to call, and with what.
    argnums
        By which of `args` to differentiate.
    beside
        Values that the results will be computed from beside those.
    """
    if hasattr(argnums, "__index__"):
        argnums = operator.index(argnums)
    places = _places(name, argnums, len(args))
    called, values = list(args), leaves(beside)
    own: dict[int, list[Tensor]] = {}
    for place in places:
        given = leaves(args[place])
        own[place] = [
            _own(leaf, f"{name}: argument {place}{path}")
            for leaf, path in zip(given, paths(args[place]), strict=True)
        ]
        called[place] = rebuild(args[place], own[place])
        values += given
    others = leaves((args, keywords)) if len(places) < len(args) or keywords else ()
    manner = given_manner(values, others)
    # By hand, which takes a third of the time of two `with` blocks.
    inside, recorded = transforming.set(True), recording.set(True)
    try:
        result = function(*called, **keywords)
    finally:
        transforming.reset(inside)
        recording.reset(recorded)
    if manner.tensors and not manner.connected and recording.get():
        manner = Manner(tensors=True, connected=_depends_on_others(leaves(result), own))
    like = args[argnums] if isinstance(argnums, int) else tuple(args[i] for i in places)
    inputs = [tensor for place in places for tensor in own[place]]
    return Trace(name, like, inputs, result, manner)


def _depends_on_others(results: Sequence[Any], own: Mapping[int, list[Tensor]]) -> bool:
    """Tell whether a function used Tensors that require a gradient and are not its arguments."""
    nodes = [result._node for result in results if isinstance(result, Tensor)]
    found = {tensor._node for tensors in own.values() for tensor in tensors}
    stack = [node for node in nodes if node is not None and node not in found]
    while stack:
        node = stack.pop()
        if node.rule is None:
            return True
        new = [parent for parent in node.followed if parent not in found]
        found.update(new)
        stack += new
    return False


def _places(name: str, argnums: int | Sequence[int], count: int) -> list[int]:
    """Count the arguments to differentiate by from the first."""
    try:
        numbers = list(map(operator.index, [argnums] if isinstance(argnums, int) else argnums))
    except TypeError:
        raise TypeError(f"{name}: argnums is {argnums!r}; expected integers") from None
    if not numbers or not all(-count <= number < count for number in numbers):
        raise TypeError(f"{name}: argnums is {argnums}, with {count} positional arguments")
    return [number % count for number in numbers]


def _own(value: Any, name: str) -> Tensor:
    """Make the Tensor to differentiate by of a leaf of an argument."""
    if isinstance(value, Tensor):
        if value.requires_grad and recording.get():
            return +value
        array = value._array
    else:
        array = as_array(value, copy=True)
    if array.dtype.kind != "f":
        what = type(value).__name__ if array.dtype.kind == "O" else array.dtype
        raise TypeError(f"{name} is {what}; expected floating-point")
    return wrap(Tensor, array, Leaf(array.shape, array.dtype))


def differentiable(name: str, value: Any) -> Tensor:
    """Check that what a function returned can be differentiated."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name}: the function returned {type(value).__name__}, not a Tensor: somewhere its "
            f"value left the graph"
        )
    if value.dtype.kind != "f":
        raise TypeError(f"{name}: the function returned {value.dtype}; expected floating-point")
    return value


def pull(
    y: Array,
    inputs: Sequence[Tensor],
    gradient: Array | None = None,
    *,
    retain: bool,
    connected: bool,
) -> list[Array]:
    """Sweep from a value to the inputs. Those that it does not depend on have the gradient 0.

    The gradients are Tensors if `connected`, else arrays; zeros are always arrays.
    """
    found: Sequence[Any] = [None] * len(inputs)
    if isinstance(y, Tensor) and y.requires_grad:
        found = gradients(y, inputs, gradient, retain_graph=retain, create_graph=connected)
    return [
        np.zeros(tensor.shape, tensor.dtype) if g is None else g
        for g, tensor in zip(found, inputs, strict=True)
    ]


def end_to_end(parts: Sequence[Array]) -> Array:
    """Lay arrays end to end, so that one sweep passes through them all. A single one is itself."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate([np.reshape(part, -1) for part in parts]) if parts else np.zeros(0)


def cut_up(laid: Array, values: Sequence[Tensor]) -> list[Array]:
    """Cut what is shaped like values laid end to end into pieces of their shapes and dtypes."""
    if len(values) == 1:
        return [laid]
    ends = np.cumsum([value.size for value in values])
    pieces = [laid[end - value.size : end] for end, value in zip(ends, values, strict=True)]
    return [
        np.reshape(piece, value.shape).astype(value.dtype)
        for piece, value in zip(pieces, values, strict=True)
    ]
