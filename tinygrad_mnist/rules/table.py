"""The table of rules: one row per function, and the three ways to add a row.

- `define`: a function with a derivative. The row is the function, one vector-Jacobian product
  an input, and the same in LaTeX.
- `derive`: a function that is a few other functions in a row, such as `numpy.stack`. Its
  derivatives follow.
- `constant`: a function without a derivative, or with one that is zero wherever it exists:
  comparisons, rounding, `numpy.argmax`. Its results carry no gradient.

Of several rows for one function the newest counts; a derived one may call the rule that it
covers. A function that writes into its argument has none: `in_place` notes what to write instead.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from ..engine import PerInput, Rule

__all__ = [
    "CONSTANT",
    "DERIVED",
    "IN_PLACE",
    "RULES",
    "Derived",
    "PerInput",
    "constant",
    "define",
    "derive",
    "in_place",
]

Function = Callable[..., Any]
Vjp = Callable[..., Any]


class Derived(NamedTuple):
    """How a function is written in terms of others, for Python and for people."""

    implementation: Function
    formula: str


RULES: dict[Function, Rule] = {}
DERIVED: dict[Function, Derived] = {}
CONSTANT: set[Function] = set()
IN_PLACE: dict[Function, str] = {}


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
    >>> softplus = define(lambda a: np.logaddexp(a, 0), name="softplus",
    ...                   vjps=(lambda g, y, a: g * (1 - np.exp(-y)),),
    ...                   formula=(r"\bar a = \bar y\,(1 - e^{-y})",))
    >>> float(tg.grad(softplus)(0.0))
    0.5
    """
    name = name or function.__name__
    some = (vjps[0],) if isinstance(vjps, PerInput) else vjps
    if not all(vjp is None or hasattr(vjp, "__code__") for vjp in some):
        raise TypeError(f"define: the vjps of {name} must be functions or lambdas")
    inputs = 0 if isinstance(vjps, PerInput) else len(vjps)
    parameters, keywords = _signature(next(vjp for vjp in some if vjp is not None))
    rule = Rule(
        name,
        forward or function,
        vjps,
        formula,
        parameters=parameters,
        keywords=frozenset(parameters[inputs:] + keywords) - {"kept"},
        keeps=keeps,
        explain=explain,
    )
    RULES[function] = rule
    DERIVED.pop(function, None)
    return rule


def derive(function: Function, implementation: Function, formula: str) -> None:
    r"""Add a row for a function that is written in terms of others.

    Parameters
    ----------
    function
        What people call.
    implementation
        Takes the arguments of `function` that are supported, by the same names and in the same
        order, and calls functions that have rows.
    formula
        The same in LaTeX: the result :math:`y` in terms of the arguments.

    Examples
    --------
    >>> import numpy as np, tinygrad_mnist as tg
    >>> derive(np.polyval, lambda p, x: sum(c * x ** i for i, c in enumerate(p[::-1])),
    ...        r"y = \sum_i p_i\, x^{n - 1 - i}")
    >>> float(tg.grad(lambda x: np.polyval([1.0, 0.0, 0.0], x))(3.0))
    6.0
    """
    DERIVED[function] = Derived(implementation, formula)


def constant(*functions: Function) -> None:
    """Add rows for functions whose results carry no gradient."""
    CONSTANT.update(functions)
    for function in functions:
        RULES.pop(function, None)
        DERIVED.pop(function, None)


def in_place(function: Function, instead: str) -> None:
    """Note a function that writes in place, which Tensors refuse, and what to write instead."""
    IN_PLACE[function] = instead


def _signature(vjp: Any) -> tuple[list[str], list[str]]:
    """Read the positional and the keyword-only parameters that follow ``g, y``."""
    code = vjp.__code__
    names = list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
    return names[2 : code.co_argcount], names[code.co_argcount :]
