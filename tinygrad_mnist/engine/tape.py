"""The tape: what was computed from what.

A `Rule` says how an operation is computed and differentiated, a `Node` notes one use of it, and
a `Traced` value is an array together with its node. `apply` computes a rule's value with NumPy
and, where somebody will want a gradient, notes the node: the rule, the nodes of the inputs, and
the values that the rule will ask for on the way back.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import count
from math import prod
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from . import anomaly
from .capturing import ForeignArray
from .grad_mode import recording
from .memory import clock, fingerprint
from .origin import Origin, described, origin
from .uses import SOME_INPUT, SOME_VALUE, USES_RESULT, places, values_used

if TYPE_CHECKING:
    from .hooks import Watch

__all__ = [
    "NO_KEYWORDS",
    "Leaf",
    "Node",
    "PerInput",
    "Rule",
    "Saved",
    "Traced",
    "apply",
    "as_array",
    "check_result",
    "owned",
    "plain_error",
    "wrap",
]

Array = Any  # an array, or anything else that speaks NumPy's protocols
T = TypeVar("T", bound="Traced")

NO_KEYWORDS: Mapping[str, Any] = {}
NO_PRINTS: Mapping[int, bytes] = {}
_new = object.__new__
_AS_IT_IS = {np.ndarray, float, int, bool, type(None), np.float32, np.float64, np.bool_, np.int64}


Saved = tuple[Sequence[Any], Array | None, Mapping[str, Any], Mapping[int, bytes], Origin | None]


class PerInput:
    """A sequence without end, for functions of any number of inputs: item `i` is ``make(i)``."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def __getitem__(self, i: int) -> Any:
        return self._make(i)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, count())


class Rule:
    """How one operation computes its value and passes a gradient back.

    Parameters
    ----------
    name
        What errors and pictures call the operation.
    forward
        Takes bare arrays and keywords, returns the value; with `keeps`, the pair of the
        value and whatever the first-order sweep should not have to compute again.
    vjps
        One vector-Jacobian product an input: ``vjp(g, y, *inputs, **keywords)`` is the
        gradient of that input when `g` is the gradient of the value `y`. None marks an
        input that has no gradient.
    formula
        The vjps in LaTeX, one an input.
    parameters
        The names of the positional arguments, inputs first.
    keywords
        The names of all arguments that are not inputs.
    keeps
        Whether `forward` returns a pair, and the vjps take a keyword `kept`. It is None
        when a vjp runs on traced values: it then computes what it needs from its inputs.
    explain
        Given the inputs of a forward computation that failed, what was wrong with them.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjps: Any,
        formula: tuple[str, ...],
        *,
        parameters: Sequence[str] = (),
        keywords: frozenset[str] = frozenset(),
        keeps: bool = False,
        explain: Callable[..., str] | None = None,
    ) -> None:
        self.name = name
        self.forward = forward
        self.vjps = vjps
        self.arity = 0 if isinstance(vjps, PerInput) else len(vjps)  # 0 for any number of inputs
        self.formula = formula
        self.parameters = parameters
        self.keywords = keywords
        self.keeps = keeps
        self.explain = explain

        self.uses: Any = None

    def look_up_uses(self) -> Any:
        """Find out which values each vjp looks at: one number an input, kept in `uses`.

        `HAS_GRADIENT` is set where there is a vjp, `USES_RESULT` stands for `y`, and the bits
        above it for the inputs in turn. A value that no vjp looks at is not kept; in its place
        a vjp finds a node, which knows the shape.
        """
        vjps = self.vjps
        if isinstance(vjps, PerInput):
            self.uses = PerInput(cache(lambda i: values_used(vjps[i], (), i)))
        else:
            inputs = self.parameters[: len(vjps)]
            self.uses = tuple(values_used(vjp, inputs, i) for i, vjp in enumerate(vjps))
        return self.uses

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """Apply the rule to arrays, or to traced values, whose gradient it then passes on."""
        if self.arity and len(inputs) != self.arity:
            raise TypeError(f"{self.name}: takes {self.arity} inputs, not {len(inputs)}")
        return apply(self, inputs, keywords)

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


class Node:
    """One computed value in the graph: where it came from and what its gradient will need.

    `parents` are the nodes of the inputs, None for those that need no gradient. Where just one
    needs it, which is the usual case, `parents` is that node alone, and `place` says which input
    it is; else `place` is -1. `saved` is None where the vjps ask for nothing but shapes, and else
    holds

    - for each input its value, or its node where only the shape may be asked for,
    - the result, or None likewise,
    - the keywords,
    - the fingerprints of those inputs that belong to somebody else, by their places,
    - where in the user's program the operation was called, or None if that was not noted.

    A node that was swept has no `parents` any more: the graph is gone. Nodes are filled in by
    `apply`, since calling a constructor would take a quarter of its time.
    """

    # Little to hold, since a graph may have millions of nodes, which Python's collector visits
    # with all that they refer to, again and again.
    __slots__ = ("dtype", "parents", "place", "rule", "saved", "shape", "time", "watch")

    rule: Rule | None
    parents: Any  # a tuple of nodes and None, one node, or None if it was swept
    place: int
    saved: Saved | None
    watch: Watch  # not there where nobody watches: see `hooks`
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    time: int

    @property
    def ndim(self) -> int:
        """Number of dimensions of the value."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements of the value."""
        return prod(self.shape)

    @property
    def name(self) -> str:
        """Name of the operation, or ``"leaf"``."""
        return "leaf" if self.rule is None else self.rule.name

    @property
    def followed(self) -> tuple[Node, ...]:
        """The nodes of the inputs that need a gradient."""
        parents = self.parents
        if isinstance(parents, Node):
            return (parents,)
        return tuple(parent for parent in parents or () if parent is not None)

    @property
    def called_at(self) -> str:
        """Where in the user's program the operation was called, as far as that was noted."""
        if self.rule is None:
            return "made by the user"
        place = self.saved[4] if self.saved else None
        return described(place)

    def __repr__(self) -> str:
        return f"<node {self.name} {self.shape} {self.dtype}>"


class Leaf(Node):
    """The node of a value that the user made: here gradients land, and add up in `grad`."""

    __slots__ = ("grad",)

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.rule = None
        self.parents = ()
        self.place = -1
        self.saved = None
        self.shape = shape
        self.dtype = dtype
        self.time = next(clock)
        self.grad: Any = None


class Traced:
    """An array and the node that computed it: all that the engine knows of a Tensor.

    The node is None where no gradient is needed.
    """

    __slots__ = ("__weakref__", "_array", "_node")

    _array: Array
    _node: Node | None


def wrap(kind: type[T], array: Array, node: Node | None = None) -> T:
    """Make a traced value of the given class without calling its constructor."""
    traced = kind.__new__(kind)
    traced._array = array
    traced._node = node
    return traced


def as_array(value: Any, dtype: DTypeLike | None = None, *, copy: bool = False) -> Array:
    """Turn numbers and lists into arrays: Python's numbers become float32.

    An array keeps its dtype, and is not copied unless asked for.
    """
    if isinstance(value, ForeignArray):
        return value if dtype is None else value.astype(dtype)
    if dtype is None and not hasattr(value, "dtype"):
        array = np.asarray(value)
        return array if array.dtype.kind not in "fiu" else array.astype(np.float32)
    return np.array(value, dtype) if copy else np.asarray(value, dtype)


def owned(value: Any) -> Array:
    """Copy an array, or what becomes one, so that nobody else can change it."""
    if isinstance(value, Traced) and value._node is None:
        value = value._array
    return value.copy() if isinstance(value, ForeignArray) else np.array(value)


def apply(
    rule: Rule,
    inputs: Sequence[Any],
    keywords: Mapping[str, Any] = NO_KEYWORDS,
    note_origin: bool = True,
) -> Any:
    """Compute a rule's value and note how, if a gradient may be wanted.

    Parameters
    ----------
    rule
        The operation.
    inputs
        Its inputs, traced or bare.
    keywords
        Everything else that it takes.
    note_origin
        Whether to note the user's line even where nobody looks for anomalies. To find it
        from within a layer takes longer than the rest of what is noted.

    Returns
    -------
    A value of the class of the traced inputs; a bare array where none is traced.
    """
    kind: type[Traced] | None = None
    values: list[Any] = []
    nodes: list[Node | None] = []
    needed = followed = 0
    for value, uses in zip(inputs, rule.uses or rule.look_up_uses()):  # noqa: B905  # as it is faster
        if type(value) is kind or isinstance(value, Traced):
            kind = type(value)
            node = value._node
            values.append(value._array)
            nodes.append(node)
            if node is not None and uses:
                needed |= uses
                followed += 1
                last = node
        else:
            values.append(value if type(value) in _AS_IT_IS else _bare(value, inputs))
            nodes.append(None)
    try:
        result = rule.forward(*values, **keywords) if keywords else rule.forward(*values)
    except (TypeError, ValueError, IndexError) as error:
        raise _explained(error, rule, values, keywords) from None
    if rule.keeps:
        result, kept = result
        keywords = {**keywords, "kept": kept}
    if kind is None:
        return result
    looking = anomaly.blocks
    if looking:
        check_result(result, rule.name)
    traced = _new(kind)
    traced._array = result
    traced._node = None
    if needed and recording.get():
        traced._node = node = _new(Node)
        node.rule = rule
        if followed == 1:
            node.parents, node.place = last, nodes.index(last)
        else:
            node.parents, node.place = tuple(nodes), -1
        node.shape = result.shape
        node.dtype = dtype = result.dtype
        if dtype.kind != "f":
            raise TypeError(f"{rule.name}: the result is {dtype}, which has no gradient")
        node.time = next(clock)
        node.saved = None
        if needed & SOME_VALUE or looking:
            prints = NO_PRINTS
            if needed & SOME_INPUT:
                for i in places(needed, len(values)):
                    nodes[i] = value = values[i]
                    if value is inputs[i] and isinstance(value, np.ndarray):
                        prints = {**prints, i: fingerprint(value, whole=looking > 0)}
            saved_result = result if needed & USES_RESULT else None
            place = origin() if note_origin or looking else None
            node.saved = nodes, saved_result, keywords, prints, place
        elif keywords or not rule.arity:
            node.saved = nodes, None, keywords, NO_PRINTS, None
    return traced


def check_result(result: Array, name: str) -> None:
    """Raise if somebody looks for NaNs and infinities here, and a result has some."""
    if anomaly.is_looking():
        anomaly.check(result, f"{name}: the result", lambda: described(origin()))


def _bare(value: Any, inputs: Sequence[Any]) -> Any:
    """Make an ordinary array of whatever stands for one, which nobody else can write to.

    A list of numbers gets the dtype of what it meets, as numbers alone do. Matrices lose their
    own way to multiply; masked arrays are refused, since their masks would be lost.
    """
    if isinstance(value, ForeignArray):
        return value
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("masked arrays lose their masks here; choose with np.where(mask, a, b)")
    if isinstance(value, np.ndarray | memoryview) or hasattr(value, "__array__"):
        return np.array(np.asarray(value))
    if not isinstance(value, list | tuple | array):
        return value
    arrays = (i._array for i in inputs if isinstance(i, Traced) and i._array.dtype.kind == "f")
    like = next(arrays, np.float32(0))
    numbers = np.array(value)
    return numbers.astype(like.dtype) if numbers.dtype.kind in "fiu" else numbers


def _explained(
    error: Exception, rule: Rule, values: list[Any], keywords: Mapping[str, Any]
) -> Exception:
    """Name the operation and the shapes in an error that NumPy raised."""
    reason = rule.explain(*values, **keywords) if rule.explain else ""
    shapes = ", ".join(str(np.shape(value)) for value in values)
    return plain_error(error, f"{rule.name}: {reason or f'{shapes}: {error}'}")


_ERRORS = (TypeError, IndexError, np.linalg.LinAlgError, ValueError)


def plain_error(error: Exception, message: str) -> Exception:
    """Make an error of the same kind, of Python's own kinds, with another message."""
    kind = next(k for k in _ERRORS if isinstance(error, k))
    return kind(message)
