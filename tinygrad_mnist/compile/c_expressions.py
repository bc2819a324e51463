"""Elementwise functions as C expressions.

What NumPy promises of its functions holds for these: a NaN wins in `maximum`, the sign of a NaN is
one, integers divide to floating-point numbers. float32 is computed in float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..rules.error_function import _erf, _erfc
from .operations import astype
from .program import Operation

__all__ = ["NotInC", "converted", "expression", "is_elementwise", "literal", "type_of"]


class NotInC(Exception):  # noqa: N818  # nothing went wrong: NumPy will do it
    """A program has an operation that is not written in C; the message names it."""


_TYPES = {
    "float32": "float",
    "float64": "double",
    "bool": "uint8_t",
    **{f"{sign}int{bits}": f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def type_of(dtype: np.dtype[Any]) -> str:
    """Name the C type of a dtype.

    Raises
    ------
    NotInC
        If there is none, as for float16.
    """
    if dtype.name not in _TYPES or not dtype.isnative:
        raise NotInC(f"arrays of {dtype}")
    return _TYPES[dtype.name]


def literal(number: Any, dtype: np.dtype[Any]) -> str:
    """Write a number of a dtype."""
    if dtype.kind == "b":
        return f"(uint8_t){int(bool(number))}"
    if dtype.kind != "f":
        return f"({type_of(dtype)}){int(number)}{'u' if dtype.kind == 'u' else ''}LL".replace(
            "uLL", "ULL"
        )
    number = float(dtype.type(number))
    suffix = "f" if dtype.itemsize == 4 else ""
    if math.isnan(number):
        return f"(({type_of(dtype)})NAN)"
    if math.isinf(number):
        return f"({'-' if number < 0 else ''}({type_of(dtype)})INFINITY)"
    return f"{number.hex()}{suffix}" if number >= 0 else f"({number.hex()}{suffix})"


# In the templates, {a} and {b} are the inputs, and {f} is "f" for float32 and else nothing.
_ARITHMETIC = {
    np.add: "({a} + {b})",
    np.subtract: "({a} - {b})",
    np.multiply: "({a} * {b})",
    np.maximum: "({a} >= {b} || {a} != {a} ? {a} : {b})",
    np.minimum: "({a} <= {b} || {a} != {a} ? {a} : {b})",
    np.negative: "(-{a})",
    np.positive: "({a})",
    np.absolute: "({a} < 0 ? -{a} : {a})",
    np.square: "({a} * {a})",
    np.sign: "({a} > 0 ? 1 : {a} < 0 ? -1 : {a})",
}
_FLOATING: dict[Any, str] = {
    np.divide: "({a} / {b})",
    np.reciprocal: "(1 / {a})",
    np.absolute: "fabs{f}({a})",
    np.fabs: "fabs{f}({a})",
    np.sqrt: "sqrt{f}({a})",
    np.cbrt: "cbrt{f}({a})",
    np.exp: "tg_exp{f}({a})",
    np.exp2: "exp2{f}({a})",
    np.expm1: "expm1{f}({a})",
    np.log: "tg_log{f}({a})",
    np.log2: "log2{f}({a})",
    np.log10: "log10{f}({a})",
    np.log1p: "log1p{f}({a})",
    np.sin: "sin{f}({a})",
    np.cos: "cos{f}({a})",
    np.tan: "tan{f}({a})",
    np.tanh: "tanh{f}({a})",
    np.sinh: "sinh{f}({a})",
    np.cosh: "cosh{f}({a})",
    np.arctan: "atan{f}({a})",
    np.arcsin: "asin{f}({a})",
    np.arccos: "acos{f}({a})",
    np.arctan2: "atan2{f}({a}, {b})",
    np.hypot: "hypot{f}({a}, {b})",
    np.power: "pow{f}({a}, {b})",
    np.copysign: "copysign{f}({a}, {b})",
    np.floor: "floor{f}({a})",
    np.ceil: "ceil{f}({a})",
    np.rint: "rint{f}({a})",
    np.trunc: "trunc{f}({a})",
}
_FLOATING |= {_erf: "erf{f}({a})", _erfc: "erfc{f}({a})"}
_COMPARISONS = {
    np.greater: "({a} > {b})",
    np.greater_equal: "({a} >= {b})",
    np.less: "({a} < {b})",
    np.less_equal: "({a} <= {b})",
    np.equal: "({a} == {b})",
    np.not_equal: "({a} != {b})",
    np.logical_and: "({a} && {b})",
    np.logical_or: "({a} || {b})",
    np.logical_xor: "(!{a} != !{b})",
    np.logical_not: "(!{a})",
    np.isnan: "({a} != {a})",
    np.isfinite: "({a} - {a} == 0)",
    np.isinf: "({a} == {a} && {a} - {a} != 0)",
}
_BITS = {
    np.bitwise_and: "({a} & {b})",
    np.bitwise_or: "({a} | {b})",
    np.bitwise_xor: "({a} ^ {b})",
}


def is_elementwise(operation: Operation) -> bool:
    """Tell whether an operation is an elementwise function, known here or not."""
    function: Any = operation.function
    plain = isinstance(function, np.ufunc) and function.nout == 1
    others = np.where, np.clip, astype, np.copy, np.broadcast_to, _erf, _erfc
    return (plain and function.signature is None) or function in others


def expression(operation: Operation, inputs: list[str], dtypes: list[np.dtype[Any]]) -> str:
    """Write an elementwise function of inputs that are C expressions.

    Parameters
    ----------
    operation
        The function.
    inputs
        Its arguments; each is a name or a number, cheap to write twice.
    dtypes
        Their dtypes.

    Raises
    ------
    NotInC
        If it is not known here.
    """
    function, result = operation.function, operation.result.dtype
    if function in (astype, np.copy, np.broadcast_to):
        return converted(inputs[0], result)
    if function is np.where:
        a, b = (f"({type_of(result)}){text}" for text in inputs[1:])
        return f"({inputs[0]} ? {a} : {b})"
    if function is np.clip:
        if operation.keywords or len(inputs) != 3:
            raise NotInC("numpy.clip with keywords, or without bounds")
        a, low, high = (f"({type_of(result)}){text}" for text in inputs)
        floor = f"({a} < {low} || {low} != {low} ? {low} : {a})"
        return f"({floor} > {high} || {high} != {high} ? {high} : {floor})"
    loop = _loop_dtype(function, dtypes, result)
    if operation.keywords.keys() - {"dtype"}:
        raise NotInC(f"{function.__name__} with {', '.join(operation.keywords)}")
    template = _template(function, loop)
    cast = [f"(({type_of(loop)}){text})" for text in inputs]
    names = dict(zip("ab", cast, strict=False))
    text = template.format(**names, f="f" if loop == np.float32 else "")
    return text if loop == result else f"({type_of(result)}){text}"


def converted(text: str, dtype: np.dtype[Any]) -> str:
    """Write an element as one of another dtype."""
    return f"({text} != 0)" if dtype.kind == "b" else f"(({type_of(dtype)}){text})"


def _loop_dtype(function: Any, dtypes: list[np.dtype[Any]], result: np.dtype[Any]) -> np.dtype[Any]:
    """Find the dtype that the function computes in."""
    return result if result.kind != "b" else np.result_type(*dtypes)


def _template(function: Any, loop: np.dtype[Any]) -> str:
    if function in _COMPARISONS:
        return _COMPARISONS[function]
    if loop.kind == "f" and function in _FLOATING:
        return _FLOATING[function]
    if function in _ARITHMETIC and loop.kind in "fiu":
        return _ARITHMETIC[function]
    if loop.kind in "iub" and function in (np.floor, np.ceil, np.trunc):
        return "({a})"
    if loop.kind == "b" and function is np.absolute:
        return "({a})"
    if function in _BITS and loop.kind in "iub":
        return _BITS[function]
    if loop.kind == "b" and function is np.invert:
        return "(!{a})"
    if loop.kind == "b" and function in (np.add, np.maximum):
        return "({a} || {b})"
    if loop.kind == "b" and function in (np.multiply, np.minimum):
        return "({a} && {b})"
    raise NotInC(f"numpy.{function.__name__} of {loop}")
