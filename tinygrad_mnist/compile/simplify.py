"""Shortening a program: what need not be computed, or not in every step, or not twice.

Each pass takes something out: copies of values, which nobody changes anyway; operations on
constants, which are done now; constants that are there already, and operations that were done
before, on the same values; and operations whose results nobody looks at. In between, Python's
numbers become arrays, which are faster, and what the step ends with is copied if it does not
compute it. What remains is exactly what the eager step computes.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np

from .memory import bases_of
from .operations import ensured, random
from .program import Operation, Program, Role, TensorOf, Value, values_in

__all__ = ["replaced", "simplify"]

_LASTING = {ensured, random}  # they do something besides their result


def simplify(program: Program) -> dict[Value, Value]:
    """Shorten a program, in place; return what stands for the copies that went."""
    same = _drop_copies(program)
    _keep_what_is_overwritten(program)
    _fix_numbers(program)
    _fold_constants(program)
    _share_constants(program)
    _share(program)
    _drop_unused(program)
    return same


def _drop_copies(program: Program) -> dict[Value, Value]:
    same: dict[Value, Value] = {}
    kept = []
    for operation in program.operations:
        _substitute(operation, same)
        if _copies(operation):
            same[operation.result] = operation.inputs[0]
        else:
            kept.append(operation)
    program.operations = kept
    _substitute_ends(program, same)
    return same


def _keep_what_is_overwritten(program: Program) -> None:
    """Copy what the step ends with if it is computed nowhere, such as the old value of a state.

    The states are written last, one after the other: none of them is what another becomes.
    """
    bases = bases_of(program)
    copies: dict[Value, Value] = {}
    for value in program.kept:
        of_others = bases.get(value, value).role is not Role.COMPUTED
        if (of_others or value in bases) and value not in copies:
            strides = np.empty(value.shape, value.dtype).strides
            copies[value] = Value(value.shape, value.dtype, strides, Role.COMPUTED)
            arguments, keywords = (value,), {"order": "C"}
            program.operations.append(Operation(np.copy, arguments, keywords, (copies[value],)))
    program.results = replaced(program.results, copies)
    for state in program.states:
        if state.after is not state.before:
            state.after = copies.get(state.after, state.after)


def _copies(operation: Operation) -> bool:
    """Tell whether the result is the same elements, lying in the same way."""
    if operation.function is not np.copy and operation.function is not np.positive:
        return False
    source, result = operation.inputs[0], operation.result
    return _is_dense(source) and source.strides == result.strides


def _is_dense(value: Value) -> bool:
    return 0 not in value.strides or value.size <= 1


def _fix_numbers(program: Program) -> None:
    """Make arrays of Python's numbers, of the dtype that NumPy gives them: those are faster."""
    for operation in program.operations:
        if not isinstance(operation.function, np.ufunc) or operation.keywords:
            continue
        dtypes = {value.dtype for value in operation.inputs}
        if len(dtypes) == 1 and (dtype := dtypes.pop()).kind == "f":
            operation.arguments = tuple(
                _constant(np.array(part, dtype)) if type(part) in (int, float) else part
                for part in operation.arguments
            )


def _constant(array: np.ndarray) -> Value:
    array.flags.writeable = False
    return Value(array.shape, array.dtype, array.strides, Role.CONSTANT, array)


def _share_constants(program: Program) -> None:
    """Make one of constants that are alike."""
    known: dict[Hashable, Value] = {}
    same: dict[Value, Value] = {}
    for operation in program.operations:
        for value in operation.inputs:
            if value.role is Role.CONSTANT and value.array is not None:
                key = value.dtype.str, value.shape, value.strides, value.array.tobytes()
                same[value] = known.setdefault(key, value)
        _substitute(operation, same)


def _fold_constants(program: Program) -> None:
    kept = []
    for operation in program.operations:
        inputs = operation.inputs
        fixed = bool(inputs) and all(value.role is Role.CONSTANT for value in inputs)
        if not fixed or operation.function in _LASTING or operation.is_tuple:
            kept.append(operation)
            continue
        arrays = {value: value.array for value in inputs}
        found = operation.function(
            *replaced(operation.arguments, arrays), **replaced(operation.keywords, arrays)
        )
        result, constant = operation.result, _constant(np.array(found))
        result.role, result.array, result.strides = Role.CONSTANT, constant.array, constant.strides
    program.operations = kept


def _share(program: Program) -> None:
    same: dict[Value, Value] = {}
    known: dict[Hashable, Operation] = {}
    kept = []
    for operation in program.operations:
        _substitute(operation, same)
        if operation.function in _LASTING:
            kept.append(operation)
            continue
        key = operation.function, _key(operation.arguments), _key(operation.keywords)
        earlier = known.setdefault(key, operation)
        if earlier is operation:
            kept.append(operation)
        else:
            same.update(zip(operation.results, earlier.results, strict=True))
    program.operations = kept
    _substitute_ends(program, same)


def _key(part: Any) -> Hashable:
    """Tell the arguments of two operations apart."""
    if isinstance(part, Value):
        return id(part)
    if isinstance(part, tuple | list):
        return type(part), tuple(map(_key, part))
    if isinstance(part, dict):
        return tuple((name, _key(each)) for name, each in part.items())
    if isinstance(part, slice):
        return "slice", _key([part.start, part.stop, part.step])
    return type(part), repr(part) if isinstance(part, float | np.generic) else part


def _drop_unused(program: Program) -> None:
    wanted = set(program.kept)
    kept = []
    for operation in reversed(program.operations):
        if operation.function in _LASTING or not wanted.isdisjoint(operation.results):
            wanted.update(operation.inputs)
            kept.append(operation)
    program.operations = kept[::-1]


# --- putting values in the place of others ------------------------------------------------


def replaced(whole: Any, others: dict[Value, Any]) -> Any:
    """Put what belongs to values in their place, in tuples, lists, dicts and slices."""
    if isinstance(whole, Value):
        return others.get(whole, whole)
    if isinstance(whole, TensorOf):
        return TensorOf(whole.kind, replaced(whole.value, others))
    if isinstance(whole, tuple) and hasattr(whole, "_fields"):
        return whole
    if isinstance(whole, tuple | list):
        return type(whole)(replaced(part, others) for part in whole)
    if isinstance(whole, dict):
        return {name: replaced(part, others) for name, part in whole.items()}
    if isinstance(whole, slice) and any(True for _ in values_in(whole)):
        return slice(*(replaced(part, others) for part in (whole.start, whole.stop, whole.step)))
    return whole


def _substitute(operation: Operation, same: dict[Value, Value]) -> None:
    if not same.keys().isdisjoint(operation.inputs):
        operation.arguments = replaced(operation.arguments, same)
        operation.keywords = replaced(operation.keywords, same)


def _substitute_ends(program: Program, same: dict[Value, Value]) -> None:
    program.results = replaced(program.results, same)
    for state in program.states:
        state.after = same.get(state.after, state.after)
