"""The table of rules: one row per function, and the three ways to add a row.

- `define`: a function with a derivative. The row is the function, one vector-Jacobian product
  an input, and the same in LaTeX.
- `derive`: a function that is a few other functions in a row, such as `numpy.stack`. Its
  derivatives follow.
- `constant`: a function without a derivative, or with one that is zero wherever it exists:
  comparisons, rounding, `numpy.argmax`. Its results carry no gradient.
"""

import dis
from collections.abc import Callable, Iterator
from inspect import CO_VARARGS
from itertools import count
from typing import Any

from ..engine import HAS_GRADIENT, USES_RESULT, Rule

__all__ = ["CONSTANT", "DERIVED", "RULES", "PerInput", "constant", "define", "derive"]

Function = Callable[..., Any]
Vjp = Callable[..., Any]

RULES: dict[Function, Rule] = {}
DERIVED: dict[Function, Function] = {}
CONSTANT: set[Function] = set()

_SHAPE_OF = {"shape", "ndim", "size", "dtype"}


class PerInput:
    """A sequence without end, for functions of any number of inputs: item `i` is ``make(i)``."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self._make = make

    def __getitem__(self, i: int) -> Any:
        return self._make(i)

    def __iter__(self) -> Iterator[Any]:
        return map(self._make, count())


def define(
    function: Function,
    vjps: tuple[Vjp | None, ...] | PerInput,
    formula: tuple[str, ...],
    *,
    forward: Function | None = None,
    keeps: bool = False,
    explain: Callable[..., str] | None = None,
    name: str | None = None,
) -> Rule:
    r"""Add the row of a function to the table.

    Parameters
    ----------
    function
        What people call: ``np.tanh``, or a function of this package.
    vjps
        One an input, ``lambda g, y, *inputs, **keywords: ...``; None for an input that has no
        gradient. `g` is the gradient of the result `y`. It may be shared: never write into it.
        All take the same arguments, the inputs first, in the function's own order. Whatever a
        vjp does not name, the row does not support. Where inputs are broadcast, the engine
        sums the gradient back to their shapes. `PerInput` is for any number of inputs.
    formula
        The same in LaTeX, one an input: :math:`\bar a` is the gradient of input `a`.
    forward
        How to compute the value from bare arrays; `function` itself if not given.
    keeps, explain
        As in `Rule`.
    name
        What errors call it; the function's own name if not given.

    Returns
    -------
    The rule, which can be called like the function.

    Examples
    --------
    >>> import numpy as np, tinygrad_mnist as tg
    >>> cosh = define(np.cosh, vjps=(lambda g, y, a: g * np.sinh(a),),
    ...               formula=(r"\bar a = \bar y\,\sinh a",))
    >>> round(float(tg.grad(np.cosh)(1.0)), 4)
    1.1752
    """
    if isinstance(vjps, PerInput):
        parameters, keywords = _signature(vjps[0])
        uses: Any = PerInput(lambda i: _uses(vjps[i], [], i))
        inputs = 0
    else:
        parameters, keywords = _signature(next(vjp for vjp in vjps if vjp is not None))
        inputs = len(vjps)
        uses = [_uses(vjp, parameters[:inputs], i) for i, vjp in enumerate(vjps)]
    rule = Rule(
        name or function.__name__,
        forward or function,
        vjps,
        uses,
        formula,
        parameters=parameters,
        keywords=frozenset(parameters[inputs:] + keywords) - {"kept"},
        keeps=keeps,
        explain=explain,
    )
    RULES[function] = rule
    return rule


def derive(function: Function, implementation: Function) -> None:
    """Add a row for a function that is written in terms of others.

    `implementation` takes the arguments of `function` that are supported, in its order.
    """
    DERIVED[function] = implementation


def constant(*functions: Function) -> None:
    """Add rows for functions whose results carry no gradient."""
    CONSTANT.update(functions)


def _signature(vjp: Vjp) -> tuple[list[str], list[str]]:
    """Read the positional and the keyword-only parameters that follow ``g, y``."""
    code = vjp.__code__
    names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    return names[2 : code.co_argcount], names[code.co_argcount :]


def _uses(vjp: Vjp | None, inputs: list[str], own: int) -> int:
    """Read off a vjp's code which values it looks at, in the encoding of `Rule.uses`.

    Of its result and its own input, it may ask for the shape without counting as a user: the
    engine knows those without keeping the values.
    """
    if vjp is None:
        return 0
    code = vjp.__code__
    y = code.co_varnames[1]
    shape_is_free = {y, *inputs[own : own + 1]}
    bits = {y: USES_RESULT} | {name: USES_RESULT << i + 1 for i, name in enumerate(inputs)}
    if code.co_flags & CO_VARARGS:
        bits[code.co_varnames[code.co_argcount + code.co_kwonlyargcount]] = -USES_RESULT << 1
    uses = HAS_GRADIENT
    loaded: list[str] = []
    for instruction in dis.get_instructions(code):
        operand = instruction.argval
        if loaded and loaded[-1] in shape_is_free and operand in _SHAPE_OF:
            loaded.pop()
        for name in loaded:
            uses |= bits[name]
        operands = operand if isinstance(operand, tuple) else (operand,)
        loaded = [name for name in operands if name in bits]
    return uses
