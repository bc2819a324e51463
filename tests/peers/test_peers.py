"""Every function that PyTorch or JAX has, too: the same values, first and second gradients.

``make test-peers`` runs this. The inputs are the samples on which the walk over the table tries
every row. A function that is neither compared nor listed as absent fails, and so does one of
which the peer refuses some samples, unless it is listed with the reason. Rows that nobody calls
but other rows are compared through those.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from peers.foreign import Foreign, Peer, Refused, name_of
from rules.samples import CONSTANT_SAMPLES, DERIVED_SAMPLES, RULE_SAMPLES, Call, Sample

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor, rules
from tinygrad_mnist.engine import Rule
from tinygrad_mnist.nn import functional
from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore::UserWarning"),  # PyTorch warns where NumPy does not
]

Function = Callable[..., Any]

EXACT = {"rtol": 1e-9, "atol": 1e-11}


def _is_called(function: Function, rule: Rule) -> bool:
    """Tell whether people can call a row: one of NumPy's, or one that the package exports."""
    exported = [getattr(rules, name) for name in rules.__all__]
    return (
        name_of(function).startswith("np.")
        or any(rule is one for one in exported)
        or rule.name in functional.__all__
    )


def _as_call(function: Function, rule: Rule, sample: Sample) -> Call:
    """Call a rule as NumPy is called: what is positional to NumPy is given by position."""
    keywords = dict(sample.keywords)
    names = rule.parameters[len(sample.inputs) :]
    positional = [keywords.pop(name) for name in names if name in keywords]
    if name_of(function).startswith("np."):
        return Call(lambda *inputs: function(*inputs, *positional, **keywords), sample.inputs)
    return Call(lambda *inputs: _own(rule, inputs, sample.keywords), sample.inputs)


def _own(rule: Rule, inputs: Sequence[Any], keywords: dict[str, Any]) -> Any:
    """Call a rule that is not NumPy's, on foreign arrays or on ours."""
    for value in inputs:
        if isinstance(value, Foreign):
            return value.peer.call(rule.name, inputs, keywords)
    return rule(*inputs, **keywords)


def _calls() -> dict[str, list[Call]]:
    """List the calls of every function: as a rule, as a derived function, or as both."""
    calls: dict[str, list[Call]] = {}
    for function, rule in RULES.items():
        if not _is_called(function, rule):
            continue
        samples = [_as_call(function, rule, s) for s in RULE_SAMPLES.get(rule.name, [])]
        calls.setdefault(name_of(function), []).extend(samples)
    for function in DERIVED:
        calls.setdefault(name_of(function), []).extend(DERIVED_SAMPLES.get(function, []))
    return calls


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.floating) and value.dtype.kind == "f"


CALLS = _calls()

# Only what is floating-point could carry a gradient.
CONSTANT_CALLS = {
    name_of(function): floating
    for function in CONSTANT
    if (floating := [c for c in CONSTANT_SAMPLES.get(function, []) if is_float(c[0](*c.inputs))])
}


def everything(
    grad: Callable[[Function, Sequence[int]], Function], function: Function, inputs: Sequence[Any]
) -> Function:
    """Make the function that returns a call's value, and its first and second gradients.

    It takes the floating-point inputs; then weights, which make a scalar of the value and are an
    input, too; then for each of those a direction, in which the gradients are differentiated.
    """
    places = [i for i, value in enumerate(inputs) if is_float(value)]
    number = len(places) + 1

    def value(*moved: Any) -> Any:
        filled = list(inputs)
        for place, array in zip(places, moved, strict=True):
            filled[place] = array
        return function(*filled)

    def total(*values: Any) -> Any:
        *moved, weights = values
        return np.sum(value(*moved) * weights)

    first = grad(total, range(number))

    def slope(*values: Any) -> Any:
        slopes = first(*values[:number])
        parts = [np.sum(g * v) for g, v in zip(slopes, values[number:], strict=True)]
        return sum(parts[1:], parts[0])

    second = grad(slope, range(number))

    def found(*values: Any) -> list[Any]:
        moved = values[: number - 1]
        return [value(*moved), *first(*values[:number]), *second(*values)]

    return found


def compare(peer: Peer, function: Function, inputs: tuple[Any, ...]) -> None:
    """Hold a call's value, first and second gradients against the peer's."""
    rng = np.random.default_rng(3)
    arrays = [a for a in inputs if is_float(a)]
    arrays.append(np.array(rng.standard_normal(np.shape(function(*inputs)))))
    arrays += [np.array(rng.standard_normal(a.shape)) for a in arrays]
    ours = everything(tg.grad, function, inputs)(*map(Tensor, arrays))
    theirs = peer.run(everything(peer.grad, function, inputs), peer.foreign(arrays))
    for mine, its in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.numpy(), its.numpy(), **EXACT)


def compare_constant(peer: Peer, function: Function, inputs: tuple[Any, ...]) -> None:
    """Hold a call's value against the peer's, whose gradient should be zero."""
    places = [i for i, a in enumerate(inputs) if is_float(a)]

    def total(*values: Any) -> Any:
        return np.sum(function(*values))

    foreign = peer.foreign(inputs)
    np.testing.assert_allclose(function(*foreign).numpy(), function(*inputs), **EXACT)
    for g in peer.grad(total, places)(*foreign):
        np.testing.assert_array_equal(g.numpy(), 0.0)


def compare_all(peer: Peer, name: str, calls: Sequence[Call], compare: Function) -> None:
    """Compare each call of a function, but for what is listed."""
    if name in peer.absent:
        pytest.skip(peer.absent[name])
    assert peer.find(name), "neither compared nor listed as absent"
    refused, differing = [], []
    for number, call in enumerate(calls):
        try:
            compare(peer, *call)
        except Refused as error:
            refused.append(f"sample {number}: {error}")
        except AssertionError as error:
            differing.append(f"sample {number}: {error}")
    if len(refused) + len(differing) == len(calls) or not (
        bool(refused) == (name in peer.partly) and bool(differing) == (name in peer.differently)
    ):
        pytest.fail("\n".join(["not as listed:", *refused, *differing]), pytrace=False)


@pytest.mark.parametrize("name", CALLS)
def test_values_first_and_second_gradients_are_the_peers(peer: Peer, name: str) -> None:
    compare_all(peer, name, CALLS[name], compare)


@pytest.mark.parametrize("name", CONSTANT_CALLS)
def test_what_carries_no_gradient_here_carries_none_there(peer: Peer, name: str) -> None:
    compare_all(peer, name, CONSTANT_CALLS[name], compare_constant)


def test_what_is_listed_is_in_the_table(peer: Peer) -> None:
    known = CALLS.keys() | CONSTANT_CALLS.keys()
    listed = peer.absent.keys() | peer.partly.keys() | peer.differently.keys()
    assert sorted(listed - known) == []
