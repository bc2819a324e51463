"""What an argument may be: functions that return it as Python's own, or say what was expected.

They serve the arguments of layers and losses, and the options of optimisers and schedules.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

__all__ = [
    "Check",
    "arguments",
    "at_least_0",
    "checked",
    "count",
    "each",
    "finite",
    "fraction",
    "fractions",
    "generator",
    "no",
    "not_negative",
    "one_of",
    "optional",
    "positive",
    "share",
    "steps",
    "switch",
    "whole",
]

Check = Callable[[Any], Any]


def checked(owner: str, checks: Mapping[str, Check], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as the checks for them do.

    Raises
    ------
    ValueError
        If an option is unknown or makes no sense; the message begins with the owner.
    """
    found = {}
    for name, value in given.items():
        if name not in checks:
            raise ValueError(f"{owner}: {name} is unknown; options are {', '.join(checks)}")
        try:
            found[name] = checks[name](value)
        except ValueError as expected:
            raise ValueError(f"{owner}: {name} is {value!r}; expected {expected}") from None
    return found


def arguments(owner: str, **given: tuple[Check, Any]) -> tuple[Any, ...]:
    """Return arguments, each given with its check, as the checks do.

    Raises
    ------
    ValueError
        If one makes no sense; the message names the owner and the argument.

    Examples
    --------
    >>> arguments("Dropout", p=(share, 2))
    Traceback (most recent call last):
    ValueError: Dropout: p is 2; expected a number from 0 to 1
    """
    checks = {name: check for name, (check, _) in given.items()}
    values = {name: value for name, (_, value) in given.items()}
    return tuple(checked(owner, checks, values).values())


def _number(value: Any, holds: Callable[[float], bool], expected: str) -> float:
    if not isinstance(value, Real):
        raise ValueError(expected)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not holds(number):
        raise ValueError(expected)
    return number


def finite(value: Any) -> float:
    """Take a finite number."""
    return _number(value, math.isfinite, "a finite number")


def at_least_0(value: Any) -> float:
    """Take a number of 0 or more, which may be infinite."""
    return _number(value, lambda x: x >= 0, "a number, 0 or more")


def not_negative(value: Any) -> float:
    """Take a finite number, 0 or more."""
    return _number(value, lambda x: 0 <= x < math.inf, "a finite number, 0 or more")


def positive(value: Any) -> float:
    """Take a finite number above 0."""
    return _number(value, lambda x: 0 < x < math.inf, "a finite number above 0")


def fraction(value: Any) -> float:
    """Take a number of 0 or more, but less than 1."""
    return _number(value, lambda x: 0 <= x < 1, "0 or more, but less than 1")


def fractions(value: Any) -> tuple[float, float]:
    """Take two such numbers."""
    try:
        first, second = map(fraction, value)
    except (TypeError, ValueError):
        raise ValueError("two numbers of 0 or more, but less than 1") from None
    return first, second


def share(value: Any) -> float:
    """Take a number from 0 to 1."""
    return _number(value, lambda x: 0 <= x <= 1, "a number from 0 to 1")


def switch(value: Any) -> bool:
    """Take True or False."""
    if not isinstance(value, bool):
        raise ValueError("True or False")
    return value


def whole(value: Any) -> int:
    """Take a whole number."""
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError("a whole number") from None


def no(value: Any) -> bool:
    """Take False, where there is nothing else."""
    if value is not False:
        raise ValueError("False, as there is nothing else here")
    return False


def steps(value: Any) -> int:
    """Take a count, 0 or more."""
    try:
        number = whole(value)
    except ValueError:
        number = -1
    if number < 0:
        raise ValueError("a whole number, 0 or more")
    return number


def count(value: Any) -> int:
    """Take a count, 1 or more."""
    try:
        number = steps(value)
    except ValueError:
        number = 0
    if number < 1:
        raise ValueError("a whole number, 1 or more")
    return number


def generator(value: Any) -> np.random.Generator:
    """Take a generator of random numbers; of None, make one that is new and unseeded."""
    if value is None:
        return np.random.default_rng()
    if not isinstance(value, np.random.Generator):
        raise ValueError("a numpy.random.Generator")
    return value


def optional(check: Check) -> Check:
    """Take None, too."""

    def check_optional(value: Any) -> Any:
        try:
            return None if value is None else check(value)
        except ValueError as expected:
            raise ValueError(f"{expected}, or None") from None

    return check_optional


def one_of(*names: str) -> Check:
    """Take one of these words."""

    def check(value: Any) -> str:
        if value not in names:
            raise ValueError(" or ".join(map(repr, names)))
        return str(value)

    return check


def each(number: int, check: Check) -> Check:
    """Take a value for all groups, or a list of one for each of so many; return the list."""

    def check_each(value: Any) -> list[Any]:
        values = list(value) if isinstance(value, list | tuple) else [value] * number
        if len(values) != number:
            raise ValueError(f"one for each of {number} groups")
        return [check(one) for one in values]

    return check_each
