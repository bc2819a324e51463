"""The sweep: gradients come up the stairs that values went down.

It passes the nodes from the newest to the oldest. A node is always younger than its inputs, so
that the order of creation, backwards, is an order in which every node has heard from all that
were computed from it before it passes its own gradient on. Nothing recurses, and what has been
passed is freed.

The rules are plain NumPy. On bare arrays they just compute, which is the fast path; on traced
values they are recorded in turn, and that is all there is to second derivatives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from threading import Lock
from typing import Any

import numpy as np

from . import anomaly, hooks
from .capturing import ForeignArray
from .memory import fingerprint, last_write
from .tape import NO_KEYWORDS, Node, Rule, Saved, Traced, as_array, wrap

__all__ = ["backward", "fitted", "freed", "gradients", "swept"]

_adding_up = Lock()  # other threads may sweep to the same leaves


def backward(root: Traced, gradient: Any, retain_graph: bool, create_graph: bool) -> None:
    """Sweep from a value to the leaves that it depends on, and add to their `grad`.

    There the gradients are traced with `create_graph`, else bare.
    """
    landed = swept(root, gradient, None, retain_graph, create_graph)
    with _adding_up:
        for node, g in landed.items():
            holder = node if node.rule is None else node.watch
            earlier = holder.grad
            if earlier is None:
                holder.grad = g
                continue
            if not create_graph and isinstance(earlier, Traced):
                earlier = earlier._array
            holder.grad = earlier + g
            if anomaly.is_looking():
                anomaly.check_gradient(holder.grad, node, "the sum of its gradients")


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
    landed = swept(root, gradient, wanted, retain_graph, create_graph)
    return [None if t._node is None else landed.get(t._node) for t in targets]


def swept(
    root: Traced,
    gradient: Any,
    wanted: set[Node] | None,
    retain_graph: bool,
    create_graph: bool,
) -> dict[Any, Any]:
    """Carry a gradient back from `root`, newest node first, and collect what lands.

    It lands in the leaves or, where they are given, in the `wanted` nodes; without those, in
    nodes that retain theirs, too.
    """
    if anomaly.blocks and anomaly.is_looking():
        with anomaly.look_away():  # what a rule computes on its way may well be infinite
            return _carry(root, gradient, wanted, retain_graph, create_graph, looking=True)
    return _carry(root, gradient, wanted, retain_graph, create_graph)


def _carry(
    root: Traced,
    gradient: Any,
    wanted: set[Node] | None,
    retain_graph: bool,
    create_graph: bool,
    *,
    looking: bool = False,
) -> dict[Any, Any]:
    """Pass the nodes from the newest to the oldest, and return what landed where.

    Contributions that reach a node over several ways are added up before the node passes
    them on.
    """
    kind = type(root)
    start, g = _start(root, gradient, create_graph)
    if looking:
        anomaly.check_gradient(g, start, "the gradient of the result")
    on_the_way = None if wanted is None else _leading_to(wanted, start)
    if on_the_way is not None and start not in on_the_way:
        return {}
    watching = hooks.ever_used
    landed: dict[Any, Any] = {}
    pending = {start: g}
    queue: list[tuple[int, Node]] = []  # of those pending, where they are several; others are old
    newest_write = last_write()
    while pending:
        if len(pending) == 1:
            node, g = pending.popitem()
        else:
            while (node := heappop(queue)[1]) not in pending:
                pass
            g = pending.pop(node)
        rule, parents = node.rule, node.parents
        if watching and rule is not None and (watch := hooks.watch_of(node)) is not None:
            g = hooks.seen(node, g, kind, looking)
            newest_write = last_write()
            if wanted is None and watch.retains:
                landed[node] = _own(g, g)
        if rule is None or (wanted is not None and node in wanted):
            landed[node] = _own(g, g)
        if rule is None:  # only where the sweep starts at a leaf
            continue
        if parents is None:
            raise freed(node)
        alone = node.place >= 0
        if alone:
            edges: Any = ((rule.vjps[node.place], parents),)
        else:
            edges = zip(rule.vjps, parents)  # noqa: B905  # PerInput has no end
        y: Any = node
        if node.saved is None:  # then a vjp asks for its own input's shape at most
            inputs = (parents,) * rule.arity if alone else parents
            keywords = NO_KEYWORDS
        else:
            inputs, result, keywords, prints, _ = node.saved
            if prints or newest_write > node.time:
                _check_unchanged(node, (*inputs, result), prints)
            if create_graph:
                inputs, result, keywords = _retraced(node, node.saved, kind)
            if result is not None:
                y = result
        for vjp, parent in edges:
            if parent is None or vjp is None:
                continue
            if on_the_way is not None and parent not in on_the_way:
                continue
            part = vjp(g, y, *inputs, **keywords) if keywords else vjp(g, y, *inputs)
            if part.shape != parent.shape or part.dtype is not parent.dtype:
                part = fitted(part, parent, rule)
            if looking:
                anomaly.check_gradient(part, node, "the gradient of an input")
            if parent.rule is None:
                if parent in landed:
                    part = landed[parent] + part
                    if looking:
                        anomaly.check_gradient(part, parent, "the sum of its gradients")
                elif create_graph or part is g or part.base is not None:
                    part = _own(part, g)
                landed[parent] = part
            elif parent in pending:
                pending[parent] = pending[parent] + part
                if looking:
                    anomaly.check_gradient(pending[parent], parent, "the sum of its gradients")
            else:
                if pending:
                    if len(pending) == 1:
                        heappush(queue, _in_turn(*pending))
                    heappush(queue, _in_turn(parent))
                pending[parent] = part
        if not retain_graph:
            node.parents = node.saved = None
    if watching:
        for leaf in [node for node in landed if node.rule is None]:
            if hooks.watch_of(leaf) is not None:
                landed[leaf] = hooks.seen(leaf, landed[leaf], kind, looking)
    return landed


def _in_turn(node: Node) -> tuple[int, Node]:
    return -node.time, node


def _start(root: Traced, gradient: Any, create_graph: bool) -> tuple[Node, Any]:
    """Check what a sweep starts from."""
    node = root._node
    if node is None and root._array.dtype.kind != "f":
        raise RuntimeError(
            f"backward: this Tensor is {root._array.dtype}; only floating-point values have a "
            f"gradient"
        )
    if node is None:
        raise RuntimeError(
            "backward: this Tensor needs no gradient, and was computed from nothing that does; "
            "make the values to differentiate by with requires_grad=True"
        )
    if gradient is None and not node.shape and not create_graph:
        return node, node.dtype.type(1)  # the usual case
    if gradient is None:
        if node.size != 1:
            raise RuntimeError(
                f"backward: only a scalar has a gradient of its own, and this Tensor has shape "
                f"{node.shape}; reduce it, as with .sum(), or pass the gradient to start with"
            )
        gradient = np.ones(node.shape, node.dtype)
    elif not isinstance(gradient, Traced):
        gradient = as_array(gradient, copy=create_graph)
    elif not create_graph:
        gradient = gradient._array
    if gradient.shape != node.shape:
        raise ValueError(
            f"backward: a gradient of shape {gradient.shape} for a Tensor of shape {node.shape}"
        )
    if gradient.dtype.kind not in "fiub":
        raise TypeError(f"backward: a gradient of {gradient.dtype} for a Tensor of {node.dtype}")
    if gradient.dtype != node.dtype:
        gradient = gradient.astype(node.dtype)
    if create_graph and not isinstance(gradient, Traced):
        gradient = wrap(type(root), gradient)
    return node, gradient


def freed(node: Node) -> RuntimeError:
    """Make the error that says that a node's part of the graph is gone, and how to keep it."""
    return RuntimeError(
        f"{node.name}: this part of the graph was already swept, and freed on the way; to sweep "
        f"it again, call backward(retain_graph=True) the first time"
    )


def _check_unchanged(node: Node, saved: Sequence[Any], prints: Mapping[int, bytes]) -> None:
    """Refuse to use a saved value, an input or last the result, that was written to since."""
    for place, array in enumerate(saved):
        if not isinstance(array, np.ndarray):
            continue
        before = prints.get(place)
        if last_write(array) > node.time or (before is not None and _differs(array, before)):
            what = f"input {place}" if place < len(saved) - 1 else "the result"
            raise RuntimeError(
                f"{node.name}: {what}, of shape {array.shape}, was changed in place after it was "
                f"saved for backward; write to a copy of it, or after backward(); {node.name} was "
                f"{node.called_at}"
            )


def _differs(array: Any, before: bytes) -> bool:
    return before != fingerprint(array, whole=len(before) == array.nbytes)


def _retraced(
    node: Node, saved: Saved, kind: type[Traced]
) -> tuple[list[Any], Any, Mapping[str, Any]]:
    """Connect what a node saved with the graph again, so that a rule run on it is recorded."""
    inputs, result, keywords, *_ = saved
    nodes = list(node.parents) if node.place < 0 else [None] * len(inputs)
    if node.place >= 0:
        nodes[node.place] = node.parents
    if "kept" in keywords:
        keywords = {**keywords, "kept": None}
    connected = [_connected(*pair, kind) for pair in zip(inputs, nodes, strict=True)]
    return connected, _connected(result, node, kind), keywords


def _connected(value: Any, node: Node | None, kind: type[Traced]) -> Any:
    arrays = np.ndarray | np.generic | ForeignArray
    return wrap(kind, value, node) if isinstance(value, arrays) else value


def _leading_to(wanted: set[Node], start: Node) -> set[Node]:
    """Find the nodes below `start` that a wanted node is computed into, and those themselves."""
    oldest = min((node.time for node in wanted), default=start.time)
    found = {start}
    stack = [start]
    while stack:
        node = stack.pop()
        if node.parents is None:
            raise freed(node)
        for parent in node.followed:
            if parent.time >= oldest and parent not in found:
                found.add(parent)
                stack.append(parent)
    leading: set[Node] = set()
    for node in sorted(found, key=lambda node: node.time):
        if node in wanted or not leading.isdisjoint(node.followed):
            leading.add(node)
    return leading


def _own(part: Any, g: Any) -> Any:
    """Copy a gradient that shares its memory with another: people write to what they get."""
    array, other = (t._array if isinstance(t, Traced) else t for t in (part, g))
    owner = array if array.base is None else array.base
    if owner is not other and owner is not other.base and array.flags.writeable:
        return part
    return wrap(type(part), array.copy(), part._node) if isinstance(part, Traced) else array.copy()


def fitted(g: Any, node: Node, rule: Rule) -> Any:
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
    if g.dtype.kind == "c":
        raise RuntimeError(f"{rule.name}: complex numbers have no gradient here")
    return g if g.dtype == node.dtype else g.astype(node.dtype)
