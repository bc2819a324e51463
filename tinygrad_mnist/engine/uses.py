"""Which values a vjp looks at, read off its code: only those are kept for the way back.

A rule says how to differentiate, not what to save for that. For each of its vjps there is a
number: `HAS_GRADIENT` is set in it where there is a vjp at all, `USES_RESULT` where it looks at the
result, and the bits from `USES_INPUT` on for the inputs in turn.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

__all__ = ["SOME_INPUT", "SOME_VALUE", "USES_RESULT", "places", "values_used"]

HAS_GRADIENT, USES_RESULT, USES_INPUT = 1, 2, 4
SOME_VALUE, SOME_INPUT = ~HAS_GRADIENT, -USES_INPUT  # all bits from the next one on
_SHAPE_OF = {"shape", "ndim", "size", "dtype"}


@cache
def places(needed: int, inputs: int) -> tuple[int, ...]:
    """List the inputs whose values some vjp looks at, given the union of their `uses`."""
    return tuple(i for i in range(inputs) if needed & USES_INPUT << i)


def values_used(vjp: Callable[..., Any] | None, inputs: Sequence[str], own: int) -> int:
    """Read off a vjp's code which values it looks at, as `Rule.uses` writes it down.

    Of its result and its own input, it may ask for the shape without counting as a user: the
    engine knows those without keeping the values.
    """
    if vjp is None:
        return 0
    import dis
    import inspect  # costly imports

    code = vjp.__code__
    y = code.co_varnames[1]
    shape_is_free = {y, *inputs[own : own + 1]}
    bits = {y: USES_RESULT} | {name: USES_INPUT << i for i, name in enumerate(inputs)}
    if code.co_flags & inspect.CO_VARARGS:
        bits[code.co_varnames[code.co_argcount + code.co_kwonlyargcount]] = -USES_INPUT
    uses = HAS_GRADIENT
    loaded: list[str] = []
    for instruction in dis.get_instructions(code):
        operand = instruction.argval
        is_shape = operand in _SHAPE_OF and instruction.opname.startswith("LOAD_ATTR")
        if loaded and loaded[-1] in shape_is_free and is_shape:
            loaded.pop()
        for name in loaded:
            uses |= bits[name]
        operands = operand if isinstance(operand, tuple) else (operand,)
        loaded = [name for name in operands if name in bits]
    return uses
