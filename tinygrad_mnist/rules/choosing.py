r"""Functions that choose between values: the gradient goes to the value that was chosen.

- Inputs of `maximum`, `minimum`, `fmax` and `fmin` that tie share the gradient equally. A
  result that is NaN passes it to the inputs that are.
- `clip` passes the gradient on at its bounds. That of a NaN goes to the first input that is one.
- `nan_to_num` has the gradient 0 where it replaces a number.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..engine import Traced, wrap
from .broadcasting import explain_broadcasting
from .casting import as_arrays, gathered
from .table import PerInput, define, derive

Array = Any


# --- the larger and the smaller of two ----------------------------------------------------


def _share(g: Array, y: Array, own: Array, other: Array) -> Array:
    """Pass the gradient to an input that is the result, or half of it if both are."""
    is_nan = np.isnan(y)
    own_won = (own == y) | (is_nan & np.isnan(own))
    other_won = (other == y) | (is_nan & np.isnan(other))
    return np.where(own_won, g, 0) / (own_won.astype(g.dtype) + other_won)


for _function, _sign in ((np.maximum, ">"), (np.minimum, "<"), (np.fmax, ">"), (np.fmin, "<")):
    define(
        _function,
        vjps=(lambda g, y, a, b: _share(g, y, a, b), lambda g, y, a, b: _share(g, y, b, a)),
        formula=(
            rf"\bar a = \bar y\,([a {_sign} b] + \tfrac12 [a = b])",
            rf"\bar b = \bar y\,([b {_sign} a] + \tfrac12 [a = b])",
        ),
        explain=explain_broadcasting,
    )

# --- bounds -------------------------------------------------------------------------------


def _kept(y: Array, a: Array) -> Array:
    """Tell where `clip` leaves its input as it is."""
    return (y == a) | np.isnan(a)


def _raised(y: Array, a: Array, low: Array) -> Array:
    """Tell where the lower bound of `clip` is the result. It may be None, which is no NaN."""
    return ((y > a) & (y == low)) | ((a == a) & (low != low))


_clip_rule = define(
    np.clip,
    vjps=(
        lambda g, y, a, low, high: np.where(_kept(y, a), g, 0),
        lambda g, y, a, low, high: np.where(_raised(y, a, low), g, 0),
        lambda g, y, a, low, high: np.where(_kept(y, a) | _raised(y, a, low), 0, g),
    ),
    formula=(
        r"\bar a = \bar y\,[l \le a \le h]",
        r"\bar l = \bar y\,[a < l]",
        r"\bar h = \bar y\,[a > h]",
    ),
    explain=explain_broadcasting,
)


def _clip(
    a: Array, a_min: Array = None, a_max: Array = None, *, min: Array = None, max: Array = None
) -> Array:
    return _clip_rule(a, a_min if min is None else min, a_max if max is None else max)


derive(np.clip, _clip, r"y = \min(\max(a, l), h)")
define(
    np.nan_to_num,
    vjps=(lambda g, y, x, *, nan=0.0, posinf=None, neginf=None: np.where(np.isfinite(x), g, 0),),
    formula=(r"\bar x = \bar y\,[x \text{ is finite}]",),
)

# --- one of several -----------------------------------------------------------------------

_where_rule = define(
    np.where,
    vjps=(
        None,
        lambda g, y, condition, x, other: np.where(condition, g, 0),
        lambda g, y, condition, x, other: np.where(condition, 0, g),
    ),
    formula=("", r"\bar x = \bar y\,[c]", r"\bar y' = \bar y\,[\lnot c]"),
    forward=lambda condition, x, other: np.where(condition, x, other),
    explain=explain_broadcasting,
)


def _where(condition: Array, x: Array = None, y: Array = None) -> Array:
    if x is None and y is None:
        return np.nonzero(condition)
    if x is None or y is None:
        raise ValueError("where: expected both x and y, or neither")
    return _where_rule(condition, gathered(x), gathered(y))


derive(np.where, _where, r"y = x \text{ where the condition holds, else } y'")
define(
    np.heaviside,
    vjps=(None, lambda g, y, a, b: np.where(a == 0, g, 0)),
    formula=("", r"\bar b = \bar y\,[a = 0]"),
    explain=explain_broadcasting,
)


def _select(condlist: Sequence[Array], choicelist: Sequence[Array], default: Array = 0) -> Array:
    if len(condlist) != len(choicelist):
        raise ValueError(
            f"select: {len(condlist)} conditions, {len(choicelist)} choices; expected as many"
        )
    conditions = as_arrays(*condlist)
    values = [v if isinstance(v, int | float) else as_arrays(v)[0] for v in (*choicelist, default)]
    *choices, y = values
    if isinstance(y, int | float):  # or two numbers would make float64
        y = np.asarray(y, np.result_type(*values))
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        if condition.dtype != bool:
            raise TypeError(f"select: a condition is {condition.dtype}; expected booleans")
        y = np.where(condition, choice, y)
    return y


derive(
    np.select,
    _select,
    r"y = x_k \text{ for the first } k \text{ whose condition holds, else the default}",
)


def _chosen(i: int) -> Callable[..., Array]:
    def vjp(g: Array, y: Array, *choices: Array, index: Array) -> Array:
        return np.where(index == i, g, 0)

    return vjp


_choose_rule = define(
    lambda *choices, index: np.choose(index, choices),
    vjps=PerInput(_chosen),
    formula=(r"\bar x_k = \bar y\,[a = k]",),
    explain=lambda *choices, index: explain_broadcasting(index, *choices),
    name="choose",
)


def _choose(a: Array, choices: Sequence[Array], *, mode: str = "raise") -> Array:
    index, choices = np.array(a), list(choices)
    if mode == "wrap":
        index = index % len(choices)
    elif mode == "clip":
        index = np.clip(index, 0, len(choices) - 1)
    elif mode != "raise":
        raise ValueError(f"choose: mode is {mode!r}; expected 'raise', 'wrap' or 'clip'")
    y = _choose_rule(*choices, index=index)
    return wrap(type(a), y) if isinstance(a, Traced) and not isinstance(y, Traced) else y


derive(np.choose, _choose, r"y = x_a")
