"""One walk over the table: every row is tried on its samples, and a row without them fails.

The derivatives, first and second, are held against central differences in float64. Second
derivatives are differences of the first ones, which makes them as exact: 1e-6.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from differences import STEP, central_differences
from rules.samples import CONSTANT_SAMPLES, DERIVED_SAMPLES, PLAIN, RULE_SAMPLES, Sample
from rules.walk import CASES, Case, Function, each, floats_as, is_float, is_numpys, leaves, swept

from tinygrad_mnist import Tensor
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES

BY_POSITION = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
RULE_CASES = [
    pytest.param(rule, sample, id=f"{rule.name}-{i}")
    for rule in RULES.values()
    for i, sample in enumerate(RULE_SAMPLES.get(rule.name, []))
]


# --- the table is complete ----------------------------------------------------------------


def test_every_row_has_samples() -> None:
    assert [rule.name for rule in RULES.values() if not RULE_SAMPLES.get(rule.name)] == []
    assert [f.__name__ for f in DERIVED if not DERIVED_SAMPLES.get(f)] == []
    assert [f.__name__ for f in CONSTANT if not CONSTANT_SAMPLES.get(f)] == []


def test_every_name_is_that_of_one_row() -> None:
    names = [rule.name for rule in RULES.values()]
    assert sorted(names) == sorted(set(names))


def test_every_function_that_is_not_numpys_has_a_plain_version_here() -> None:
    own = {rule.name for f, rule in RULES.items() if not is_numpys(f)}
    assert own <= PLAIN.keys() <= {rule.name for rule in RULES.values()}


@pytest.mark.parametrize("rule", list(RULES.values()), ids=lambda rule: rule.name)
def test_every_derivative_is_written_as_a_formula(rule: Rule) -> None:
    vjps = list(rule.vjps) if isinstance(rule.vjps, tuple | list) else [rule.vjps[0]]
    assert len(rule.formula) == len(vjps)
    for vjp, formula in zip(vjps, rule.formula, strict=True):
        assert bool(formula.strip()) == (vjp is not None)
        braces = formula.replace(r"\{", "").replace(r"\}", "")
        assert braces.count("{") == braces.count("}")


@pytest.mark.parametrize("function", list(DERIVED), ids=lambda function: function.__name__)
def test_every_derived_function_is_written_as_a_formula(function: Function) -> None:
    formula = DERIVED[function].formula
    assert formula.startswith("y = ")
    assert formula.count("{") - formula.count("\\{") == formula.count("}") - formula.count("\\}")


def parameters_of_vjps(rule: Rule) -> list[dict[str, inspect.Parameter]]:
    """List what each vjp takes after ``g, y``."""
    some = list(rule.vjps) if isinstance(rule.vjps, tuple | list) else [rule.vjps[0]]
    signatures = [inspect.signature(vjp) for vjp in some if vjp is not None]
    return [dict(list(signature.parameters.items())[2:]) for signature in signatures]


@pytest.mark.parametrize("rule", list(RULES.values()), ids=lambda rule: rule.name)
def test_the_vjps_of_a_row_take_the_same_arguments(rule: Rule) -> None:
    first, *others = (
        [(name, p.kind, p.default) for name, p in parameters.items()]
        for parameters in parameters_of_vjps(rule)
    )
    assert all(other == first for other in others)


EMPTY = inspect.Parameter.empty


@pytest.mark.parametrize(
    "function", [f for f in RULES | DERIVED if is_numpys(f)], ids=lambda function: function.__name__
)
def test_arguments_mean_what_they_mean_to_numpy(function: Function) -> None:
    try:
        numpys = inspect.signature(function).parameters
    except ValueError:
        pytest.skip("this NumPy does not say what arguments its ufuncs take")
    if function in DERIVED:
        own = dict(inspect.signature(DERIVED[function].implementation).parameters)
        inputs = 0
    else:
        own = parameters_of_vjps(RULES[function])[0]
        own.pop("kept", None)
        inputs = len(RULES[function].vjps)
    in_order = [name for name, p in numpys.items() if p.kind in BY_POSITION]
    nameless = sum(p.kind is p.POSITIONAL_ONLY for p in numpys.values())
    takes_any = any(p.kind is p.VAR_KEYWORD for p in numpys.values())
    for place, (name, parameter) in enumerate(own.items()):
        if parameter.kind in BY_POSITION:
            assert place < len(in_order)
            if place < max(inputs, nameless):
                continue
            assert name == in_order[place]
        assert name in numpys or takes_any
        if name in numpys and numpys[name].default not in (EMPTY, np._NoValue):
            assert parameter.default in (numpys[name].default, EMPTY)


# --- values -------------------------------------------------------------------------------


@each(CASES)
def test_the_value_is_the_one_that_numpy_computes(case: Case) -> None:
    found = case.function(*leaves(case.inputs))
    assert isinstance(found, Tensor)
    assert found.requires_grad
    rule = None if case.derived else RULES[case.row]
    if rule is not None and rule.name in PLAIN:
        expected = PLAIN[rule.name](*case.inputs, **case.keywords)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=1e-14)
    else:
        expected = case.function(*case.inputs)
        # What is computed by way of other functions may differ in the last digits.
        digits = 1e-13 if case.derived else 0
        np.testing.assert_allclose(found.numpy(), expected, digits, digits, strict=True)


@pytest.mark.parametrize(
    ("function", "inputs"),
    [pytest.param(*call, id=f.__name__) for f, calls in CONSTANT_SAMPLES.items() for call in calls],
)
def test_a_constant_function_computes_what_numpy_does_and_carries_no_gradient(
    function: Function, inputs: tuple[Any, ...]
) -> None:
    tensors = [Tensor(a, requires_grad=is_float(a)) for a in inputs]
    found, expected = function(*tensors), function(*inputs)
    if isinstance(expected, np.ndarray | np.generic):
        assert isinstance(found, Tensor)
        assert not found.requires_grad
        np.testing.assert_array_equal(found.numpy(), expected, strict=True)
    else:
        assert type(found) is type(expected)
        assert found == expected


# --- derivatives --------------------------------------------------------------------------


class Total:
    """A case reduced to a scalar, by weights that are an input, too: thus `g` is one as well."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(1)
        self.function = case.function
        weights = np.array(rng.standard_normal(np.shape(case.function(*case.inputs))))
        self.arrays = [*case.inputs, weights]
        self.places = [i for i, array in enumerate(self.arrays) if is_float(array)]
        self.directions = [
            {i: rng.standard_normal(self.arrays[i].shape) for i in self.places} for _ in range(3)
        ]

    def __call__(self, *values: Any) -> Any:
        *inputs, weights = values
        return np.sum(self.function(*inputs) * weights)

    def slope(self, values: Sequence[Any], order: int, *, recorded: bool = False) -> Any:
        """Differentiate along one direction after the other: a scalar again."""
        y = self(*values)
        for nth, direction in enumerate(self.directions[:order], 1):
            if not y.requires_grad:  # the slope is the same everywhere
                return Tensor(0.0)
            found = swept(values, y, create_graph=recorded or nth < order)
            parts = [np.sum(found[i] * v) for i, v in direction.items() if found[i] is not None]
            y = sum(parts[1:], parts[0])
        return y

    def moved(self, step: float) -> list[Any]:
        """Move all inputs along the last of the directions."""
        last = self.directions[-1]
        moved = {i: np.array(self.arrays[i] + step * v) for i, v in last.items()}
        return [moved.get(i, a) for i, a in enumerate(self.arrays)]


@each(CASES)
def test_first_and_second_derivatives(case: Case) -> None:
    total = Total(case)
    tensors = leaves(total.arrays)
    first = swept(tensors, total(*tensors))
    recorded = swept(tensors, total(*tensors), create_graph=True)
    second = swept(tensors, total.slope(tensors, 1, recorded=True))
    for i in total.places:
        exact = first[i].numpy()
        numeric = central_differences(total, total.arrays, i)
        np.testing.assert_allclose(exact, numeric, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(recorded[i].numpy(), exact, rtol=1e-9, atol=1e-11)
        exact = np.zeros(numeric.shape) if second[i] is None else second[i].numpy()
        numeric = central_differences(lambda *a: total.slope(leaves(a), 1), total.arrays, i)
        np.testing.assert_allclose(exact, numeric, rtol=1e-6, atol=1e-8)


@each(CASES)
def test_third_derivatives_along_a_direction(case: Case) -> None:
    total = Total(case)
    try:
        exact = total.slope(leaves(total.arrays), 3)
    except np.linalg.LinAlgError as error:
        pytest.skip(f"refused, and not wrong: {error}")
    above, below = (float(total.slope(leaves(total.moved(s)), 2)) for s in (STEP, -STEP))
    assert float(exact) == pytest.approx((above - below) / (2 * STEP), rel=1e-5, abs=1e-6)


@each(CASES)
def test_float32_stays_float32(case: Case) -> None:
    arrays = floats_as(case.inputs, np.float32)
    single, double = leaves(arrays), leaves(case.inputs)
    value = case.function(*single)
    if is_numpys(case.row):  # NumPy may widen, as float_power does, but here nobody else may
        assert value.dtype in (np.float32, np.asarray(case.function(*arrays)).dtype)
    else:
        assert value.dtype == case.keywords.get("dtype", np.float32)
    np.testing.assert_allclose(value.numpy(), case.function(*double).numpy(), rtol=1e-4, atol=1e-5)
    found = swept(single, value.sum())
    exact = swept(double, case.function(*double).sum())
    for a, b in zip(found, exact, strict=True):
        if b is not None:
            assert a.dtype == np.float32
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("rule", "sample"), RULE_CASES)
def test_a_vjp_writes_nowhere_and_returns_no_memory_but_gs(rule: Rule, sample: Sample) -> None:
    y = rule.forward(*sample.inputs, **sample.keywords)
    keywords = dict(sample.keywords)
    if rule.keeps:
        y, keywords["kept"] = y
    g = np.random.default_rng(2).standard_normal(np.shape(y))
    values = [y, *sample.inputs, keywords.get("kept")]
    saved = [value for value in values if isinstance(value, np.ndarray)]
    for array in (g, *saved):
        array.flags.writeable = False
    for vjp, value in zip(rule.vjps, sample.inputs, strict=False):
        if vjp is not None and is_float(value):
            part = vjp(g, y, *sample.inputs, **keywords)
            assert not any(np.shares_memory(part, array) for array in saved)
