"""What the walks over the table have in common: each sample of each row as one call.

A `Case` is called alike on arrays, where NumPy answers by itself, and on Tensors, where the row
does. Only functions of this package answer by their rows both ways; those have a second version
in `PLAIN`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from rules.samples import DERIVED_SAMPLES, RULE_SAMPLES, Sample

import tinygrad_mnist.nn  # noqa: F401  # its rules are rows of the table, too
from tinygrad_mnist import Tensor
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.rules import RULES

Function = Callable[..., Any]


class Case(NamedTuple):
    """One call of a row: `function` takes the inputs, and knows the keywords."""

    row: Function
    name: str
    function: Function
    inputs: tuple[Any, ...]
    keywords: Mapping[str, Any]
    derived: bool

    def __repr__(self) -> str:
        return self.name


def is_numpys(function: Function) -> bool:
    """Tell NumPy's functions from this package's."""
    return (function.__module__ or "numpy").split(".")[0] == "numpy"


def _called(function: Function, rule: Rule, sample: Sample) -> Function:
    """Fix the arguments that are not inputs: NumPy gets them by position, where it may be."""
    keywords = dict(sample.keywords)
    if not is_numpys(function):
        return lambda *inputs: rule(*inputs, **keywords)
    names = rule.parameters[len(sample.inputs) :]
    positional = [keywords.pop(name) for name in names if name in keywords]
    return lambda *inputs: function(*inputs, *positional, **keywords)


CASES = [
    Case(function, f"{rule.name}-{i}", _called(function, rule, sample), *sample, False)
    for function, rule in RULES.items()
    for i, sample in enumerate(RULE_SAMPLES.get(rule.name, []))
] + [
    Case(function, f"{function.__name__}()-{i}", *call, {}, True)
    for function, calls in DERIVED_SAMPLES.items()
    for i, call in enumerate(calls)
]


def each(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Run a test on each of the cases."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def floats_as(inputs: Sequence[Any], dtype: Any) -> list[Any]:
    """Convert the floating-point inputs, and leave the others as they are."""
    return [a.astype(dtype) if is_float(a) else a for a in inputs]


def leaves(inputs: Sequence[Any], *, copy: bool = True) -> list[Any]:
    """Make leaves of the floating-point inputs, and leave the others as they are."""
    return [Tensor(a, requires_grad=True, copy=copy) if is_float(a) else a for a in inputs]


def swept(
    values: Sequence[Any], total: Tensor, gradient: Any = None, *, create_graph: bool = False
) -> list[Any]:
    """Sweep, and take the gradients of the leaves away: None where there is none."""
    total.backward(gradient, create_graph=create_graph)
    found = []
    for value in values:
        is_leaf = isinstance(value, Tensor) and value.requires_grad
        found.append(value.grad if is_leaf else None)
        if is_leaf:
            value.grad = None
    return found
