"""The layers and losses, with whatever arguments they take, against PyTorch's of the same names.

Values and first gradients are compared, and second ones where there are some.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import arrays

from tinygrad_mnist import Tensor, nn

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore::UserWarning")]

Function = Callable[..., Any]

EXACT = {"rtol": 1e-9, "atol": 1e-11}
REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="the extra `peers` brings what to compare with")


def ours(function: Function, inputs: Sequence[np.ndarray], directions: Sequence[Any]) -> list[Any]:
    """Return the value, the first gradients, and the second along the directions."""
    leaves = [Tensor(a, requires_grad=True) for a in inputs]
    y = function(*leaves)
    (y * directions[0]).sum().backward(create_graph=True)
    first = [leaf.grad for leaf in leaves if leaf.grad is not None]
    slope = sum((g * v).sum() for g, v in zip(first, directions[1:], strict=True))
    for leaf in leaves:
        leaf.grad = None
    if slope.requires_grad:
        slope.backward()
    second = [np.zeros(leaf.shape) if leaf.grad is None else leaf.grad for leaf in leaves]
    return [y, *first, *second]


def theirs(
    torch: ModuleType, function: Function, inputs: Sequence[np.ndarray], directions: Sequence[Any]
) -> list[Any]:
    """Do the same with PyTorch."""
    leaves = [torch.tensor(a, requires_grad=True) for a in inputs]
    first_direction, *others = map(torch.tensor, directions)
    y = function(*leaves)
    options = {"allow_unused": True, "materialize_grads": True}
    first = torch.autograd.grad((y * first_direction).sum(), leaves, create_graph=True, **options)
    slope = sum((g * v).sum() for g, v in zip(first, others, strict=True))
    second = (
        torch.autograd.grad(slope, leaves, **options)
        if slope.requires_grad
        else [torch.zeros_like(leaf) for leaf in leaves]
    )
    return [a.numpy(force=True) for a in (y, *first, *second)]


def compare(
    torch: ModuleType, function: Function, peer: Function, inputs: Sequence[np.ndarray]
) -> None:
    """Hold the values and gradients of a function of arrays against the peer's."""
    rng = np.random.default_rng(5)
    shapes = [np.shape(function(*map(Tensor, inputs))), *(a.shape for a in inputs)]
    directions = [np.array(rng.standard_normal(shape)) for shape in shapes]
    found = ours(function, inputs, directions)
    expected = theirs(torch, peer, inputs, directions)
    for mine, its in zip(found, expected, strict=True):
        values = mine.numpy() if isinstance(mine, Tensor) else mine
        np.testing.assert_allclose(values, its, **EXACT, strict=True)


def normal(data: st.DataObject, *shape: int, scale: float = 2.0) -> np.ndarray:
    """Draw normally distributed numbers, which meet no kink."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6), label="seed"))
    return np.array(scale * rng.standard_normal(shape))


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


# --- activations and shapes ---------------------------------------------------------------

ACTIVATIONS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "ReLU": {},
    "LeakyReLU": {"negative_slope": st.floats(-2, 2)},
    "ELU": {"alpha": st.floats(0.1, 3)},
    "Softplus": {"beta": st.floats(0.2, 5), "threshold": st.sampled_from([0.0, 1.0, 20.0])},
    "Sigmoid": {},
    "Tanh": {},
    "SiLU": {},
    "GELU": {"approximate": st.sampled_from(["none", "tanh"])},
}


@settings(max_examples=10)
@given(data=st.data())
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(torch: ModuleType, name: str, data: st.DataObject) -> None:
    arguments = data.draw(st.fixed_dictionaries(ACTIVATIONS[name]))
    layer, peer = getattr(nn, name)(**arguments), getattr(torch.nn, name)(**arguments)
    compare(torch, layer, peer, [normal(data, 3, 4)])


@settings(max_examples=10)
@given(data=st.data(), axis=st.integers(-3, 2))
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax(torch: ModuleType, name: str, axis: int, data: st.DataObject) -> None:
    x = normal(data, 2, 3, 4)
    compare(torch, getattr(nn, name)(dim=axis), getattr(torch.nn, name)(dim=axis), [x])
    function = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[name]
    mine, its = (getattr(f, function) for f in (nn.functional, torch.nn.functional))
    compare(torch, lambda a: mine(a, dim=axis), lambda a: its(a, dim=axis), [x])


@settings(max_examples=10)
@given(data=st.data(), start=st.integers(0, 3), end=st.integers(0, 3))
def test_flatten_and_unflatten(
    torch: ModuleType, start: int, end: int, data: st.DataObject
) -> None:
    start, end = sorted((start, end))
    end -= data.draw(st.sampled_from([0, 4]))  # from behind, too
    x = normal(data, 2, 3, 2, 2)
    compare(torch, nn.Flatten(start, end), torch.nn.Flatten(start, end), [x])
    sizes = data.draw(st.sampled_from([(2, 3, 2), (-1, 4), (12,), (1, -1)]))
    x = normal(data, 2, 12)
    compare(torch, nn.Unflatten(-1, sizes), torch.nn.Unflatten(-1, sizes), [x])


@settings(max_examples=20)
@given(
    indices=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    padding=optional(st.integers(-4, 3)),
)
def test_embedding(torch: ModuleType, indices: list[int], padding: int | None) -> None:
    layer = nn.Embedding(4, 3, padding, rng=np.random.default_rng(0))
    peer = torch.nn.Embedding(4, 3, padding, dtype=torch.float32)
    peer.weight.data = torch.tensor(layer.weight.numpy().copy())
    g = np.random.default_rng(1).standard_normal((len(indices), 3)).astype(np.float32)
    y, its = layer(indices), peer(torch.tensor(indices))
    np.testing.assert_array_equal(y.numpy(), its.detach().numpy(), strict=True)
    y.backward(g)
    its.backward(torch.tensor(g))
    assert layer.weight.grad is not None
    np.testing.assert_allclose(layer.weight.grad.numpy(), peer.weight.grad.numpy(), rtol=1e-5)


@settings(max_examples=5)
@given(data=st.data())
@pytest.mark.parametrize(("p", "training"), [(0.0, True), (1.0, True), (0.5, False)])
def test_dropout_where_nothing_is_random(
    torch: ModuleType, p: float, training: bool, data: st.DataObject
) -> None:
    layer, peer = nn.Dropout(p).train(training), torch.nn.Dropout(p).train(training)
    compare(torch, layer, peer, [normal(data, 3, 4)])


# --- losses -------------------------------------------------------------------------------


@st.composite
def score_shapes(draw: st.DrawFn) -> tuple[int, ...]:
    """Draw the shape of logits: of one sample, of several, of several places in each."""
    classes = draw(st.integers(1, 4))
    behind = draw(st.lists(st.integers(1, 3), max_size=2))
    return draw(st.sampled_from([(classes,), (draw(st.integers(1, 4)), classes, *behind)]))


def classes_of(shape: tuple[int, ...]) -> int:
    return shape[min(1, len(shape) - 1)]


def labels_for(shape: tuple[int, ...], ignore_index: int, data: st.DataObject) -> np.ndarray:
    """Draw a label for every sample, of which some may not count."""
    samples = shape[:1] + shape[2:] if len(shape) > 1 else ()
    drawn = st.integers(0, classes_of(shape) - 1) | st.just(ignore_index)
    return data.draw(hnp.arrays(np.int64, samples, elements=drawn), label="labels")


@settings(max_examples=100)
@given(data=st.data(), shape=score_shapes(), reduction=REDUCTIONS)
@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss"])
def test_losses_of_labels(
    torch: ModuleType, name: str, reduction: str, shape: tuple[int, ...], data: st.DataObject
) -> None:
    ignore_index = data.draw(st.sampled_from([-100, -1, 0, 2]), label="ignore_index")
    labels = labels_for(shape, ignore_index, data)
    assume(reduction != "mean" or (labels != ignore_index).any())
    options: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
    if name == "CrossEntropyLoss":
        options["label_smoothing"] = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
    weight = data.draw(optional(arrays((classes_of(shape),))), label="weight")
    loss = getattr(nn, name)(weight, **options)
    peer = getattr(torch.nn, name)(None if weight is None else torch.tensor(weight), **options)
    inputs = [normal(data, *shape)]
    compare(torch, lambda z: loss(z, labels), lambda z: peer(z, torch.tensor(labels)), inputs)


@settings(max_examples=60)
@given(data=st.data(), shape=score_shapes(), reduction=REDUCTIONS)
def test_cross_entropy_with_probabilities(
    torch: ModuleType, reduction: str, shape: tuple[int, ...], data: st.DataObject
) -> None:
    weight = data.draw(optional(arrays((classes_of(shape),))), label="weight")
    options = {"reduction": reduction, "label_smoothing": data.draw(st.sampled_from([0.0, 0.3]))}
    loss = nn.CrossEntropyLoss(weight, **options)
    peer = torch.nn.CrossEntropyLoss(None if weight is None else torch.tensor(weight), **options)
    compare(torch, loss, peer, [normal(data, *shape), np.abs(normal(data, *shape))])


ELEMENTWISE: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "MSELoss": {},
    "L1Loss": {},
    "SmoothL1Loss": {"beta": st.sampled_from([0.0, 1e-310, 1e-30, 0.3, 1.0, 2.5])},
}


@settings(max_examples=20)
@given(data=st.data(), reduction=REDUCTIONS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_losses_of_differences(
    torch: ModuleType, name: str, reduction: str, data: st.DataObject
) -> None:
    options = data.draw(st.fixed_dictionaries(ELEMENTWISE[name]))
    loss = getattr(nn, name)(reduction=reduction, **options)
    peer = getattr(torch.nn, name)(reduction=reduction, **options)
    compare(torch, loss, peer, [normal(data, 3, 4), normal(data, 3, 4)])


@settings(max_examples=40)
@given(data=st.data(), reduction=REDUCTIONS)
def test_binary_cross_entropy(torch: ModuleType, reduction: str, data: st.DataObject) -> None:
    factors = optional(st.sampled_from([(4,), (3, 1), (3, 4), ()]).flatmap(arrays))
    weights = {name: data.draw(factors, label=name) for name in ("weight", "pos_weight")}
    loss = nn.BCEWithLogitsLoss(**weights, reduction=reduction)
    foreign = {k: None if w is None else torch.tensor(w) for k, w in weights.items()}
    peer = torch.nn.BCEWithLogitsLoss(**foreign, reduction=reduction)
    targets = data.draw(arrays((3, 4), low=0.0, high=1.0))
    compare(torch, loss, peer, [normal(data, 3, 4), targets])


@settings(max_examples=40)
@given(
    data=st.data(),
    reduction=st.sampled_from(["mean", "sum", "none", "batchmean"]),
    log_target=st.booleans(),
)
def test_divergence(
    torch: ModuleType, reduction: str, log_target: bool, data: st.DataObject
) -> None:
    loss = nn.KLDivLoss(reduction=reduction, log_target=log_target)
    peer = torch.nn.KLDivLoss(reduction=reduction, log_target=log_target)
    target = normal(data, 3, 4)
    compare(torch, loss, peer, [normal(data, 3, 4), target if log_target else np.exp(target)])
