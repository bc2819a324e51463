"""One entry of a gradient, held against a central difference."""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..engine import Leaf, Node, enable_grad, gradients, no_grad
from ..engine.memory import last_write
from ..nn import Module
from ..nn.module import walk
from ..tensor import Tensor
from .names import Names, UnknownName, Variables, find_names, models_in, variables_of
from .reach import modules_reached
from .replay import replay
from .tape import Tape, hooked_among, recorded

__all__ = ["Check", "check"]

Array = Any


@dataclass(frozen=True, slots=True)
class Check:
    """A derivative by one number, found in two ways.

    Attributes
    ----------
    name, index
        Which number: an entry of the Tensor of this name.
    value
        The number.
    autodiff
        The derivative of the loss by it, as the sweep found it.
    numeric
        The same by a central difference, ``(above - below) / (2 * step)``.
    step
        How far the number was moved in both directions.
    below, above
        The loss with the number moved down and up.
    dtype, numeric_dtype
        What the sweep and the difference were computed in.
    hooked
        What the values are called that have hooks, which may have changed `autodiff` on its way.
    """

    name: str
    index: tuple[int, ...]
    value: float
    autodiff: float
    numeric: float
    step: float
    below: float
    above: float
    dtype: np.dtype[Any]
    numeric_dtype: np.dtype[Any]
    hooked: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """How far the two derivatives are apart."""
        return abs(self.autodiff - self.numeric)

    @property
    def relative(self) -> float:
        """The same as a share of the larger one; 0 where both are 0."""
        return self.difference / (max(abs(self.autodiff), abs(self.numeric)) or 1.0)

    def __str__(self) -> str:
        place = ", ".join(map(str, self.index))
        hooked = ", ".join(self.hooked)
        share = f"       ({self.relative:.1e} of the larger)" if np.isfinite(self.relative) else ""
        return (
            f"{self.name}[{place}] = {self.value:.9g}\n"
            f"  by autodiff              {self.autodiff: .9e}  ({self.dtype})\n"
            f"  by central differences   {self.numeric: .9e}  ({self.numeric_dtype}, steps of "
            f"{self.step:.1e})\n"
            f"  apart                    {self.difference: .1e}{share}"
            + (f"\n  hooks may have changed the gradient, on {hooked}" if hooked else "")
        )


def check(loss: Any, name: str, index: int | Sequence[int] = (), model: Any = None) -> Check:
    """Hold one entry of a gradient against a central difference.

    The loss is computed again with the entry moved a little up and down, in float64 where no
    operation insists on less. Nothing is left behind: no ``grad`` is touched, the graph is kept,
    and parameters, running statistics and the random generators of all modules that the function
    reaches are as before.

    Parameters
    ----------
    loss
        A Tensor that holds one number; it is then computed again from its graph. Or a function
        without arguments that computes one, which must be the same each time. A graph does not keep
        what no gradient depends on: constants that were added or subtracted, such as the targets of
        `MSELoss` and `L1Loss`. Such losses need a function; cross-entropies do not.
    name
        What the model or a variable calls the leaf, such as ``"0.weight"``.
    index
        Which entry of it: an integer for each axis.
    model
        As for `graph`: where the names come from. If not given, the caller's variables.

    Raises
    ------
    KeyError
        If nothing in the graph has this name; the message offers those that are spelt like it.
    IndexError
        If there is no such entry.
    RuntimeError
        If the Tensor has no history, if its graph was already swept and freed, or if a leaf was
        changed since.
    ValueError
        If the loss is not one number, if it or one of those beside it is not finite, if a function
        computes another one each time, or if the graph does not know enough to compute it again;
        the message says what.

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> from tinygrad_mnist import study
    >>> x = tg.Tensor([1.0, 2.0], requires_grad=True)
    >>> found = study.check((x * x * x).sum(), "x", 1)
    >>> found.autodiff, round(found.numeric, 6)
    (12.0, 12.0)
    """
    variables = variables_of(sys._getframe(1))
    if isinstance(loss, Tensor) or not callable(loss):
        return _of_graph(loss, name, index, model, variables)
    return _of_function(loss, name, index, model, variables)


def _of_graph(loss: Any, name: str, index: Any, model: Any, variables: Variables) -> Check:
    """Check a derivative of what was computed, by computing it again from its graph."""
    tape = recorded(loss, "study.check")
    names = find_names(model, variables, tape.nodes)
    asked = _asked(loss, tape, names, name, index)
    leaves = {node: _widened(array) for node, array in _values(tape, names).items()}

    def moved(step: float) -> Array:
        values = np.array(leaves[asked.leaf])
        values[asked.entry] += step
        return replay(tape, {**leaves, asked.leaf: values})

    return _compared(asked, moved)


def _of_function(
    function: Callable[[], Any], name: str, index: Any, model: Any, variables: Variables
) -> Check:
    """Check a derivative of what a function computes, by calling it again."""
    modules = modules_reached([function, model, *models_in(variables).values()])
    parts = [part for module in modules for _, part in walk("", module)]
    generators = _generators(modules)
    state = {id(part): part for part in parts if isinstance(part, Tensor)}
    with _standing_in(state.values(), generators), enable_grad():
        loss = function()
        tape = recorded(loss, "study.check, of what the function returns")
        names = find_names(model, variables, tape.nodes)
        asked = _asked(loss, tape, names, name, index)
    state |= {id(tensor): tensor for tensor in names.tensors.values() if tensor.is_leaf}

    def moved(step: float) -> Array:
        with _standing_in(state.values(), generators), no_grad():
            for tensor in state.values():
                tensor._array = _widened(tensor._array)
            asked.tensor._array[asked.entry] += step
            return function()._array

    first, second = moved(0.0).item(), moved(0.0).item()
    if first != second and not np.isnan([first, second]).all():
        raise ValueError(
            f"study.check: the function computed a loss of {first} and then of {second}; it must "
            f"compute the same each time, with what is random in it drawn from a fixed seed"
        )
    return _compared(asked, moved)


class _Asked(NamedTuple):
    """The number whose derivative is checked, and the derivative."""

    name: str
    entry: tuple[int, ...]
    tensor: Tensor
    leaf: Node
    autodiff: float
    hooked: tuple[str, ...]


def _asked(loss: Tensor, tape: Tape, names: Names, name: str, index: Any) -> _Asked:
    """Find the number, and its derivative by a sweep."""
    if loss.size != 1:
        raise ValueError(f"study.check: the loss must be one number, not of shape {loss.shape}")
    leaves = {node for node in tape.nodes if isinstance(node, Leaf)}
    known = {k: (t, t._node) for k, t in names.tensors.items() if t._node in leaves}
    if name not in known:
        raise UnknownName(name, "study.check: the loss depends on no leaf that is called", known)
    tensor, leaf = known[name]
    entry = _entry(tensor, name, index)
    (found,) = gradients(loss, [tensor], np.ones(loss.shape), retain_graph=True)
    hooked = tuple(sorted(names.of(node) or node.name for node in hooked_among(tape)))
    return _Asked(name, entry, tensor, leaf, 0.0 if found is None else found[entry].item(), hooked)


def _entry(tensor: Tensor, name: str, index: Any) -> tuple[int, ...]:
    """Bring an index into the form of one non-negative integer for each axis."""
    try:
        places = tuple(map(operator.index, index if isinstance(index, Sequence) else (index,)))
    except TypeError:
        places = ()
    fits = len(places) == tensor.ndim and all(map(range.__contains__, _ranges(tensor), places))
    if not fits:
        raise IndexError(
            f"study.check: {name} has shape {tensor.shape}, and {index!r} is not the index of an "
            f"entry; expected {tensor.ndim} integers"
        )
    return tuple(place % size for place, size in zip(places, tensor.shape, strict=True))


def _ranges(tensor: Tensor) -> Iterator[range]:
    return (range(-size, size) for size in tensor.shape)


def _values(tape: Tape, names: Names) -> dict[Node, Array]:
    """Take the leaves' values, which must be what they were when the loss was computed."""
    tensors = {tensor._node: tensor for tensor in names.tensors.values()}
    values: dict[Node, Array] = {}
    for node in tape.nodes:
        if isinstance(node, Leaf):
            if node not in tensors:
                raise ValueError(
                    f"study.check: nothing here holds the leaf of shape {node.shape} that the loss "
                    f"was computed from; give its model, or a function that computes the loss anew"
                )
            values[node] = tensors[node]._array
        for _, leaf in tape.inputs[node]:
            if leaf in values and last_write(values[leaf]) > node.time:
                raise RuntimeError(
                    f"study.check: {names.of(leaf)} was changed after the loss was computed; "
                    f"compute it again"
                )
    return values


def _compared(asked: _Asked, moved: Callable[[float], Array]) -> Check:
    """Compare the derivative with a central difference.

    The step is the cube root of the precision, relative to numbers above 1: there the errors of
    rounding, which grow as it shrinks, and of the curve, which grow with its square, are about as
    large (Press, Teukolsky, Vetterling, Flannery: Numerical Recipes, 2007, section 5.7).
    """
    value = asked.tensor._array[asked.entry].item()
    with np.errstate(all="ignore"):  # what is not finite is told of below
        loss = moved(0.0)
        dtype = loss.dtype
        step = float(np.cbrt(np.finfo(dtype).eps)) * max(1.0, abs(value))
        above, below = moved(step).item(), moved(-step).item()
    place = f"{asked.name}[{', '.join(map(str, asked.entry))}] = {value:.9g}"
    if not np.isfinite(loss):
        raise ValueError(f"study.check: the loss is {loss.item()}, which has no derivative")
    for moved_to, found in ((f"+ {step:.1e}", above), (f"- {step:.1e}", below)):
        if not np.isfinite(found):
            raise ValueError(
                f"study.check: with {place} {moved_to} the loss is {found}, so that there is no "
                f"central difference; take a number further inside of where it is finite"
            )
    return Check(
        asked.name,
        asked.entry,
        value,
        asked.autodiff,
        (above - below) / (2 * step),
        step,
        below,
        above,
        asked.tensor.dtype,
        dtype,
        asked.hooked,
    )


def _widened(value: Any) -> Any:
    """Make float64 of floating-point arrays, and leave everything else as it is."""
    if isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f":
        return value.astype(np.float64)
    return value


@contextmanager
def _standing_in(
    tensors: Collection[Tensor], generators: Collection[np.random.Generator]
) -> Iterator[None]:
    """Let copies stand in for Tensors' arrays in this block, and set generators back after it."""
    arrays = [tensor._array for tensor in tensors]
    states = [generator.bit_generator.state for generator in generators]
    try:
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor._array = np.array(array)
        yield
    finally:
        for tensor, array in zip(tensors, arrays, strict=True):
            tensor._array = array
        for generator, state in zip(generators, states, strict=True):
            generator.bit_generator.state = state


def _generators(modules: Iterable[Module]) -> list[np.random.Generator]:
    """List the random number generators that modules hold, each once."""
    found = {
        id(part): part
        for module in modules
        for part in vars(module).values()
        if isinstance(part, np.random.Generator)
    }
    return list(found.values())
