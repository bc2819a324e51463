"""One walk over the table: every row is tried on its samples, and a row without them fails.

The derivatives, first and second, are held against central differences in float64. Second
derivatives are differences of the first ones, which makes them as exact: 1e-6.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from differences import central_differences
from samples import CONSTANT_SAMPLES, DERIVED_SAMPLES, PLAIN, RULE_SAMPLES, Call, Sample

import tinygrad_mnist.nn  # noqa: F401  # its rules are rows of the table, too
from tinygrad_mnist import Tensor
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES

Function = Callable[..., Any]


RULE_CASES = [
    pytest.param(function, rule, sample, id=f"{rule.name}-{i}")
    for function, rule in RULES.items()
    for i, sample in enumerate(RULE_SAMPLES.get(rule.name, []))
]


def _as_call(rule: Rule, sample: Sample) -> Call:
    return Call(lambda *inputs: rule(*inputs, **sample.keywords), sample.inputs)


# Rules and derived functions alike, as calls, with the dtype of their results for float32.
CALLS = [
    pytest.param(*_as_call(rule, s), s.keywords.get("dtype", np.float32), id=f"{rule.name}-{i}")
    for rule in RULES.values()
    for i, s in enumerate(RULE_SAMPLES.get(rule.name, []))
] + [
    pytest.param(*call, np.float32, id=f"{function.__name__}()-{i}")
    for function, calls in DERIVED_SAMPLES.items()
    for i, call in enumerate(calls)
]


def leaves(inputs: Sequence[Any], dtype: Any = np.float64) -> list[Any]:
    """Make leaves of the floating-point inputs, and leave the others as they are."""
    return [Tensor(a, dtype, requires_grad=True) if is_float(a) else a for a in inputs]


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def arrays_of(values: Sequence[Any]) -> list[np.ndarray]:
    return [value.numpy() if isinstance(value, Tensor) else value for value in values]


def swept(values: Sequence[Any], total: Tensor, *, create_graph: bool = False) -> list[Any]:
    """Sweep, and take the gradients of the leaves away: None where there is none."""
    total.backward(create_graph=create_graph)
    found = []
    for value in values:
        found.append(value.grad if isinstance(value, Tensor) else None)
        if isinstance(value, Tensor):
            value.grad = None
    return found


# --- the table is complete ----------------------------------------------------------------


def test_every_row_has_samples() -> None:
    assert [rule.name for rule in RULES.values() if not RULE_SAMPLES.get(rule.name)] == []
    assert [f.__name__ for f in DERIVED if not DERIVED_SAMPLES.get(f)] == []
    assert [f.__name__ for f in CONSTANT if not CONSTANT_SAMPLES.get(f)] == []


def test_every_name_is_that_of_one_row() -> None:
    names = [rule.name for rule in RULES.values()]
    assert sorted(names) == sorted(set(names))


def test_every_function_that_is_not_numpys_has_a_plain_version_here() -> None:
    own = {rule.name for f, rule in RULES.items() if (f.__module__ or "numpy") != "numpy"}
    assert own == set(PLAIN)


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


@pytest.mark.parametrize(
    "function",
    [f for f in RULES | DERIVED if (f.__module__ or "numpy") == "numpy"],
    ids=lambda function: function.__name__,
)
def test_positional_arguments_mean_what_they_mean_to_numpy(function: Function) -> None:
    numpys = inspect.signature(function).parameters
    if function in DERIVED:
        own = inspect.signature(DERIVED[function].implementation).parameters
        positional = [name for name, p in own.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
        keywords = set(own) - set(positional)
        named = positional
    else:
        rule = RULES[function]
        positional = list(rule.parameters)
        keywords = set(rule.keywords) - set(positional)
        named = positional[len(rule.vjps) :]
    in_order = [name for name, p in numpys.items() if p.kind is not p.KEYWORD_ONLY]
    by_position = sum(p.kind is p.POSITIONAL_ONLY for p in numpys.values())
    for place, name in enumerate(positional):
        assert place < len(in_order)
        if name in named and place >= by_position:
            assert name == in_order[place]
    assert keywords <= numpys.keys()


# --- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(("function", "rule", "sample"), RULE_CASES)
def test_the_value_is_the_one_that_numpy_computes(
    function: Function, rule: Rule, sample: Sample
) -> None:
    keywords = dict(sample.keywords)
    if rule.name in PLAIN:
        found, expected = rule(*leaves(sample.inputs), **keywords), PLAIN[rule.name]
        np.testing.assert_allclose(
            found.numpy(), expected(*sample.inputs, **keywords), rtol=1e-14, atol=1e-14
        )
    else:
        names = rule.parameters[len(sample.inputs) :]
        positional = [keywords.pop(name) for name in names if name in keywords]
        found = function(*leaves(sample.inputs), *positional, **keywords)
        expected = function(*sample.inputs, *positional, **keywords)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected, strict=True)
    assert isinstance(found, Tensor)
    assert found.requires_grad


@pytest.mark.parametrize(
    ("function", "inputs"), [call for calls in DERIVED_SAMPLES.values() for call in calls]
)
def test_the_value_of_a_derived_function_is_numpys(
    function: Function, inputs: tuple[Any, ...]
) -> None:
    found = function(*leaves(inputs))
    assert isinstance(found, Tensor)
    np.testing.assert_array_equal(found.numpy(), function(*inputs), strict=True)


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


@pytest.mark.parametrize(("function", "inputs", "_"), CALLS)
def test_first_and_second_derivatives(function: Function, inputs: tuple[Any, ...], _: Any) -> None:
    rng = np.random.default_rng(1)
    weights = rng.standard_normal(np.shape(function(*inputs)))
    tensors = [*leaves(inputs), Tensor(weights, requires_grad=True)]
    places = [i for i, tensor in enumerate(tensors) if isinstance(tensor, Tensor)]
    directions = [rng.standard_normal(tensors[i].shape) for i in places]

    def total(*values: Any) -> Any:
        """Reduce to a scalar, by weights that are an input, too: thus `g` is one as well."""
        *inputs, weights = values
        return np.sum(function(*inputs) * weights)

    def slope(*arrays: Any, create_graph: bool = False, values: Any = None) -> Any:
        """Add up the gradients by all inputs in some direction: a scalar again."""
        values = values or leaves(arrays)
        found = swept(values, total(*values), create_graph=create_graph)
        parts = [np.sum(found[i] * v) for i, v in zip(places, directions, strict=True)]
        return sum(parts[1:], parts[0])

    arrays = arrays_of(tensors)
    first = swept(tensors, total(*tensors))
    second = swept(tensors, slope(values=tensors, create_graph=True))
    for place in places:
        numeric = central_differences(total, arrays, place)
        np.testing.assert_allclose(first[place].numpy(), numeric, rtol=1e-6, atol=1e-8)
        exact = np.zeros(numeric.shape) if second[place] is None else second[place].numpy()
        numeric = central_differences(lambda *moved: slope(*moved).item(), arrays, place)
        np.testing.assert_allclose(exact, numeric, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(("function", "inputs", "dtype"), CALLS)
def test_float32_stays_float32(function: Function, inputs: tuple[Any, ...], dtype: Any) -> None:
    single, double = leaves(inputs, np.float32), leaves(inputs, np.float64)
    value = function(*single)
    assert value.dtype == dtype
    np.testing.assert_allclose(value.numpy(), function(*double).numpy(), rtol=1e-4, atol=1e-5)
    found = swept(single, value.sum())
    exact = swept(double, function(*double).sum())
    for a, b in zip(found, exact, strict=True):
        if b is not None:
            assert a.dtype == np.float32
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("function", "rule", "sample"), RULE_CASES)
def test_a_vjp_writes_nowhere_and_returns_no_memory_but_gs(
    function: Function, rule: Rule, sample: Sample
) -> None:
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
