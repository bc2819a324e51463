"""The tape: what was computed from what, and the sweep that carries gradients back.

The engine knows no single operation. It is handed a `Rule`, which says how a value is
computed and how a gradient passes back through it, and does two things with it:

- `apply` computes the value with NumPy and, where somebody will want a gradient, notes
  a `Node`: the rule, the nodes of its inputs, and the values that the rule will ask for.
- `backward` and `gradients` sweep over the nodes from the newest to the oldest. A node
  is always younger than its inputs, so the order of creation is the order of the sweep.

The rules are plain NumPy, so the sweep may run them on bare arrays, which is fast, or on
`Traced` values, which is recorded in turn: that is all there is to second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from heapq import heappop, heappush
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from .grad_mode import recording
from .memory import last_write, now

__all__ = [
    "HAS_GRADIENT",
    "NO_KEYWORDS",
    "USES_RESULT",
    "Node",
    "Rule",
    "Traced",
    "apply",
    "as_array",
    "backward",
    "gradients",
    "leaf",
    "wrap",
]

Array = Any  # an array, or anything else that speaks NumPy's protocols
T = TypeVar("T", bound="Traced")

HAS_GRADIENT, USES_RESULT = 1, 2  # the lowest bits of `Rule.uses`
_new = object.__new__
NO_KEYWORDS: Mapping[str, Any] = {}


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
    uses
        One number an input: which values its vjp looks at. `HAS_GRADIENT` is set where there
        is a vjp, `USES_RESULT` stands for `y`, and the bits above it for the inputs in turn.
        Of a value that it doesn't look at, a vjp is only given the shape.
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

    __slots__ = (
        "explain",
        "formula",
        "forward",
        "keeps",
        "keywords",
        "name",
        "parameters",
        "uses",
        "vjps",
    )

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        vjps: Any,
        uses: Any,
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
        self.uses = uses
        self.formula = formula
        self.parameters = parameters
        self.keywords = keywords
        self.keeps = keeps
        self.explain = explain

    def __call__(self, *inputs: Any, **keywords: Any) -> Any:
        """Apply the rule to arrays, or to traced values, whose gradient it then passes on."""
        return apply(self, inputs, keywords)

    def __repr__(self) -> str:
        return f"<rule {self.name}>"


class Node:
    """One computed value in the graph: where it came from and what its gradient will need.

    `inputs` holds, for each input, the value that was saved for the vjps, or the input's
    node where only its shape may be asked for; `result` likewise, None for the latter.

    A leaf, the node of a value that the user made, has no rule: its gradient lands in
    `grad`. A node that was swept has no `parents` any more: the graph is gone.
    """

    __slots__ = (
        "dtype",
        "grad",
        "inputs",
        "keywords",
        "parents",
        "result",
        "rule",
        "shape",
        "time",
    )

    def __init__(
        self,
        rule: Rule | None,
        parents: Sequence[Node | None] | None,
        inputs: Sequence[Any],
        result: Array | None,
        keywords: Mapping[str, Any],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
    ) -> None:
        self.rule = rule
        self.parents = parents
        self.inputs = inputs
        self.result = result
        self.keywords = keywords
        self.shape = shape
        self.dtype = dtype
        self.grad: Any = None
        self.time = now()

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

    def __repr__(self) -> str:
        return f"<node {self.name} {self.shape} {self.dtype}>"


class Traced:
    """An array and the node that computed it: all that the engine knows of a Tensor.

    The node is None where no gradient is needed.
    """

    __slots__ = ("__weakref__", "_array", "_node")

    _array: Array
    _node: Node | None


def leaf(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Node:
    """Make the node of a value that the user made."""
    return Node(None, (), (), None, NO_KEYWORDS, shape, dtype)


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
    if dtype is None and not hasattr(value, "dtype"):
        array = np.asarray(value)
        return array if array.dtype.kind not in "fiu" else array.astype(np.float32)
    return np.array(value, dtype) if copy else np.asarray(value, dtype)


# --- forward ------------------------------------------------------------------------------


def apply(rule: Rule, inputs: Sequence[Any], keywords: Mapping[str, Any] = NO_KEYWORDS) -> Any:
    """Compute a rule's value and note how, if a gradient may be wanted.

    Parameters
    ----------
    rule
        The operation.
    inputs
        Its inputs, traced or bare.
    keywords
        Everything else that it takes.

    Returns
    -------
    A value of the class of the first traced input; a bare array where none is traced.
    """
    kind: type[Traced] | None = None
    values: list[Any] = []
    parents: list[Node | None] = []
    needed = 0
    for value, uses in zip(inputs, rule.uses, strict=False):
        if isinstance(value, Traced):
            kind = type(value)
            node = value._node
            values.append(value._array)
            parents.append(node)
            if node is not None:
                needed |= uses
        else:
            values.append(as_array(value) if type(value) is list else value)
            parents.append(None)
    try:
        result = rule.forward(*values, **keywords) if keywords else rule.forward(*values)
    except (TypeError, ValueError, IndexError) as error:
        raise _explained(error, rule, values, keywords) from None
    if rule.keeps:
        result, kept = result
        keywords = {**keywords, "kept": kept}
    if kind is None:
        return result
    traced = _new(kind)
    traced._array = result
    traced._node = None
    if needed and recording.get():
        saved: list[Any] = parents
        if needed > USES_RESULT | HAS_GRADIENT:
            saved = parents.copy()
            for i in _places(needed, len(values)):
                value = values[i]
                # An array of the caller's own is copied: nobody could notice a write to it.
                foreign = value is inputs[i] and isinstance(value, np.ndarray)
                saved[i] = value.copy() if foreign else value
        y = result if needed & USES_RESULT else None
        traced._node = Node(rule, parents, saved, y, keywords, result.shape, result.dtype)
    return traced


@cache
def _places(needed: int, inputs: int) -> tuple[int, ...]:
    """List the inputs whose values some vjp looks at, given the union of their `uses`."""
    return tuple(i for i in range(inputs) if needed & (USES_RESULT << 1 << i))


def _explained(
    error: Exception, rule: Rule, values: list[Any], keywords: Mapping[str, Any]
) -> Exception:
    """Name the operation and the shapes in an error that NumPy raised."""
    reason = rule.explain(*values, **keywords) if rule.explain else ""
    if not reason:
        reason = f"{', '.join(str(np.shape(value)) for value in values)}: {error}"
    return type(error)(f"{rule.name}: {reason}")


# --- backward -----------------------------------------------------------------------------


def backward(root: Traced, gradient: Any = None, *, retain_graph: bool, create_graph: bool) -> None:
    """Sweep from a value to the leaves that it depends on, and add to their `grad`."""
    kind = type(root)
    for node, g in _sweep(root, gradient, None, retain_graph, create_graph).items():
        if node.grad is None:
            node.grad = g if create_graph else wrap(kind, g)
        elif create_graph:
            node.grad = node.grad + g
        else:
            node.grad = wrap(kind, node.grad._array + g)


def gradients(
    root: Traced,
    targets: Sequence[Traced],
    gradient: Any = None,
    *,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> list[Any]:
    """Sweep from a value to the targets only, and return their gradients.

    No `grad` is touched. The gradients are traced with `create_graph`, else bare; None for
    a target that the value does not depend on.
    """
    wanted = {target._node for target in targets if target._node is not None}
    landed = _sweep(root, gradient, wanted, retain_graph, create_graph)
    return [None if t._node is None else landed.get(t._node) for t in targets]


def _sweep(
    root: Traced,
    gradient: Any,
    wanted: set[Node] | None,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Node, Any]:
    """Carry a gradient back from `root`, newest node first, and collect what lands.

    It lands in the leaves or, where they are given, in the `wanted` nodes. Contributions
    that reach a node over several ways are added up before the node passes them on.
    """
    kind = type(root)
    start, g = _start(root, gradient, create_graph)
    on_the_way = None if wanted is None else _leading_to(wanted, start)
    landed: dict[Node, Any] = {}
    pending = {start: g}
    queue = [(-start.time, start)]
    newest_write = last_write()
    while queue:
        node = heappop(queue)[1]
        g = pending.pop(node)
        rule, parents = node.rule, node.parents
        if wanted is not None and node in wanted:
            landed[node] = _own(g, g)
        if rule is None:  # only where the sweep starts at a leaf
            landed[node] = _own(g, g)
            continue
        if parents is None:
            raise _freed(node)
        if newest_write > node.time:
            _check_unchanged(node)
        y, inputs, keywords = node.result, node.inputs, node.keywords
        if create_graph:
            y, inputs, keywords = _retraced(node, kind)
        elif y is None:
            y = node
        for vjp, parent in zip(rule.vjps, parents):  # noqa: B905  # there may be a vjp too many
            if parent is None or vjp is None:
                continue
            if on_the_way is not None and parent not in on_the_way:
                continue
            part = vjp(g, y, *inputs, **keywords) if keywords else vjp(g, y, *inputs)
            if part.shape != parent.shape or part.dtype is not parent.dtype:
                part = _fitted(part, parent, rule)
            if parent.rule is None:
                landed[parent] = landed[parent] + part if parent in landed else _own(part, g)
            elif parent in pending:
                pending[parent] = pending[parent] + part
            else:
                pending[parent] = part
                heappush(queue, (-parent.time, parent))
        if not retain_graph:
            node.parents = node.result = None
            node.inputs = ()
            node.keywords = NO_KEYWORDS
    return landed


def _start(root: Traced, gradient: Any, create_graph: bool) -> tuple[Node, Any]:
    """Check what a sweep starts from."""
    node = root._node
    if node is None:
        raise RuntimeError(
            "backward: this Tensor needs no gradient, and was computed from nothing that does; "
            "make the values to differentiate by with requires_grad=True"
        )
    if gradient is None:
        if node.size != 1:
            raise RuntimeError(
                f"backward: only a scalar has a gradient of its own, and this Tensor has shape "
                f"{node.shape}; reduce it, as with .sum(), or pass the gradient to start with"
            )
        gradient = np.ones(node.shape, node.dtype) if node.shape else node.dtype.type(1)
    elif not isinstance(gradient, Traced):
        gradient = as_array(gradient)
    elif not create_graph:
        gradient = gradient._array
    if gradient.shape != node.shape:
        raise ValueError(
            f"backward: a gradient of shape {gradient.shape} for a Tensor of shape {node.shape}"
        )
    if gradient.dtype != node.dtype:
        gradient = gradient.astype(node.dtype)
    if create_graph and not isinstance(gradient, Traced):
        gradient = wrap(type(root), gradient)
    return node, gradient


def _freed(node: Node) -> RuntimeError:
    return RuntimeError(
        f"{node.name}: this part of the graph was already swept, and freed on the way; to sweep "
        f"it again, call backward(retain_graph=True) the first time"
    )


def _check_unchanged(node: Node) -> None:
    """Refuse to use a saved value that was written to after it was saved."""
    for place, array in enumerate((node.result, *node.inputs)):
        if isinstance(array, np.ndarray) and last_write(array) > node.time:
            what = f"input {place}" if place else "the result"
            raise RuntimeError(
                f"{node.name}: {what}, of shape {array.shape}, was changed in place after it was "
                f"saved for backward; write to a copy of it, or after backward()"
            )


def _retraced(node: Node, kind: type[Traced]) -> tuple[Any, list[Any], Mapping[str, Any]]:
    """Connect what a node saved with the graph again, so that a rule run on it is recorded."""
    inputs = [
        wrap(kind, value, parent) if parent is not None and value is not parent else value
        for value, parent in zip(node.inputs, node.parents or (), strict=True)
    ]
    y = node if node.result is None else wrap(kind, node.result, node)
    keywords = {**node.keywords, "kept": None} if "kept" in node.keywords else node.keywords
    return y, inputs, keywords


def _leading_to(wanted: set[Node], start: Node) -> set[Node]:
    """Find the nodes below `start` that a wanted node is computed into, and those themselves."""
    oldest = min((node.time for node in wanted), default=start.time)
    found = {start}
    stack = [start]
    while stack:
        node = stack.pop()
        if node.parents is None:
            raise _freed(node)
        for parent in node.parents:
            if parent is not None and parent.time >= oldest and parent not in found:
                found.add(parent)
                stack.append(parent)
    leading: set[Node] = set()
    for node in sorted(found, key=lambda node: node.time):
        if node in wanted or any(parent in leading for parent in node.parents or ()):
            leading.add(node)
    return leading


def _own(part: Any, g: Any) -> Any:
    """Copy a gradient that shares its memory with another: people write to what they get."""
    array = part._array if isinstance(part, Traced) else part
    if part is not g and array.base is None:
        return part
    return wrap(type(part), array.copy(), part._node) if isinstance(part, Traced) else array.copy()


def _fitted(g: Any, node: Node, rule: Rule) -> Any:
    """Bring a gradient to the shape and dtype of the value it belongs to.

    This is where broadcasting is undone: an input that was stretched along an axis gets the
    sum of the gradient along it.
    """
    extra = g.ndim - node.ndim
    pairs = list(zip(node.shape, g.shape[max(extra, 0) :], strict=False))
    if extra < 0 or any(own not in (1, n) for own, n in pairs):
        raise RuntimeError(
            f"{rule.name}: its rule gave a gradient of shape {g.shape} for an input of shape "
            f"{node.shape}"
        )
    axes = (*range(extra), *(extra + i for i, (own, n) in enumerate(pairs) if own != n))
    if axes:
        g = np.reshape(np.sum(g, axis=axes), node.shape)
    return g if g.dtype == node.dtype else g.astype(node.dtype)
