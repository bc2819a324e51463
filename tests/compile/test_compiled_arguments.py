"""Arguments may lie in memory in any way, and labels may be wrong in any step."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_steps import Training, alike, backends, batch, classifier, compiled, momentum, same

from tinygrad_mnist import Tensor, nn

Array = Any


def spread(array: Array, gap: int) -> Array:
    """Lay the rows of an array apart from each other."""
    wide = np.zeros((array.shape[0] * gap, *array.shape[1:]), array.dtype)
    wide[::gap] = array
    return wide[::gap]


def unaligned(array: Array) -> Array:
    """Lay an array where no float lies."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    y = memory[1:].view(array.dtype).reshape(array.shape)
    y[...] = array
    return y


LAYOUTS = {
    "rows": np.ascontiguousarray,
    "columns": lambda a: np.asfortranarray(a),
    "backwards": lambda a: np.ascontiguousarray(a[::-1])[::-1],
    "apart": lambda a: spread(a, 3),
    "every other column": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim > 1 else a,
    "unaligned": unaligned,
    "read-only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
}


@settings(max_examples=40)
@given(
    layouts=st.lists(
        st.tuples(st.sampled_from(list(LAYOUTS)), st.sampled_from(list(LAYOUTS))),
        min_size=2,
        max_size=4,
    )
)
def test_memory_layouts_may_change_from_call_to_call(layouts: list[tuple[str, str]]) -> None:
    check_layouts("numpy", layouts)


@backends
@pytest.mark.parametrize("first", LAYOUTS)
def test_any_layout_may_come_first(first: str, backend: str) -> None:
    check_layouts(backend, [(first, "rows"), *((name, first) for name in LAYOUTS)])


def check_layouts(backend: str, layouts: list[tuple[str, str]]) -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step, backend)
    for seed, (of_images, of_labels) in enumerate(layouts):
        images, labels = batch(seed=seed)
        given_images, given_labels = LAYOUTS[of_images](images), LAYOUTS[of_labels](labels)
        found = step(given_images, given_labels)
        # Products of other layouts may be added up in another order: all are compared with rows.
        np.testing.assert_allclose(found.numpy(), eager.step(images, labels).numpy(), rtol=1e-5)
    alike("c", training.state(), eager.state())


@backends
def test_a_broadcast_argument(backend: str) -> None:
    step = compiled(lambda x: (x * 2).sum(axis=0), backend)
    for x in (np.broadcast_to(np.float32(3), (4, 5)), np.ones((4, 5), np.float32)):
        same(step(x), (x * 2).sum(axis=0))


@backends
def test_foreign_byte_orders(backend: str) -> None:
    """Files of digits have them; in C there are none, so such a step may run in NumPy."""
    eager, training = classifier(), classifier()
    step = compiled(training.step, backend)
    images, labels = batch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if backend == "c" else "error")
        found = step(images.astype(">f4"), labels.astype(">i4"))
    np.testing.assert_allclose(found.numpy(), eager.step(images, labels).numpy(), rtol=1e-5)


@backends
def test_one_array_as_two_arguments(backend: str) -> None:
    step = compiled(lambda x, y: ((x - y * 2) ** 2).sum(), backend)
    x = batch()[0]
    alike(backend, step(x, x), ((x - x * 2) ** 2).sum())
    alike(backend, step(x, x + 1), ((x - (x + 1) * 2) ** 2).sum())


@backends
def test_a_parameters_own_array_as_an_argument(backend: str) -> None:
    """The parameter is moved, and the argument with it, after everything has been read."""

    def make() -> tuple[Training, Any]:
        training = classifier()

        def step(images: Array, labels: Array, own: Array) -> Any:
            return training.step(images + own.sum(), labels)

        return training, step

    (eager, step), (training, other) = make(), make()
    run = compiled(other, backend)
    for seed in range(2):
        for one, function in ((eager, step), (training, run)):
            function(*batch(seed=seed), one.model.parameters()[0]._array)
        alike(backend, training.state(), eager.state())


@backends
def test_arguments_without_axes_and_without_elements(backend: str) -> None:
    step = compiled(lambda x, y: (x * y, x + 1), backend)
    for shape in ((), (1,), (3, 1)):
        x, y = np.full(shape, 2, np.float32), np.ones((3, 4), np.float32)
        alike(backend, step(x, y), (x * y, x + 1))


def test_empty_arguments() -> None:
    step = compiled(lambda x: (x * 2, x.sum(axis=0), x @ np.ones((4, 2))))
    x = np.zeros((0, 4))
    same(step(x), (x * 2, x.sum(axis=0), x @ np.ones((4, 2))))


@backends
def test_tensors_as_arguments(backend: str) -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step, backend)
    images, labels = batch()
    alike(backend, step(Tensor(images), labels), eager.step(images, labels))
    alike(backend, step(images, labels), eager.step(images, labels))


WRONG = {
    "too large": (2, 4),
    "far too large": (0, 1 << 40),
    "negative": (7, -1),
    "very negative": (3, -(1 << 40)),
}


@backends
def test_wrong_labels_are_refused_as_by_python_and_nothing_moves(backend: str) -> None:
    eager, training = classifier(momentum), classifier(momentum)
    step = compiled(training.step, backend)
    alike(backend, step(*batch()), eager.step(*batch()))
    before = training.state()
    for place, label in WRONG.values():
        images, labels = batch(seed=1)
        labels[place] = label
        messages = []
        for run in (eager.step, step):
            with pytest.raises(ValueError, match=r"label") as refusal:
                run(images, labels)
            messages.append(str(refusal.value))
        assert messages[0] == messages[1]
        same(training.state(), before)
    alike(backend, step(*batch(seed=2)), eager.step(*batch(seed=2)))
    alike(backend, training.state(), eager.state())


def test_wrong_labels_in_the_first_call() -> None:
    eager, training = classifier(), classifier()
    step = compiled(training.step)
    images, labels = batch()
    labels[0] = 9
    with pytest.raises(ValueError, match="label 9 "):
        step(images, labels)
    same(training.state(), eager.state())
    same(step(*batch()), eager.step(*batch()))


@pytest.mark.parametrize(
    "data",
    [
        (np.ones((8, 5), np.float32), np.zeros(8, int)),
        (np.ones((8, 6), np.float32), np.zeros(7, int)),
        (np.ones((8, 6), np.float32), np.zeros(8)),
        (np.ones((8, 6), np.float32), np.zeros((8, 4), int)),
    ],
    ids=["too few pixels", "too few labels", "labels of floats", "labels of two axes"],
)
def test_wrong_forms_are_refused_as_by_python(data: tuple[Array, Array]) -> None:
    eager, training = classifier(), classifier()
    messages = []
    for run in (eager.step, compiled(training.step)):
        with pytest.raises((ValueError, TypeError)) as refusal:
            run(*data)
        messages.append((type(refusal.value), str(refusal.value)))
    assert messages[0] == messages[1]
    same(training.state(), eager.state())


@backends
def test_numbers_that_are_not_finite_go_through(backend: str) -> None:
    rng = np.random.default_rng(0)

    def make() -> Training:
        rng = np.random.default_rng(0)
        model = nn.Sequential(nn.Linear(6, 5, rng=rng), nn.ReLU(), nn.Linear(5, 4, rng=rng))
        return classifier(model=model)

    eager, training = make(), make()
    step = compiled(training.step, backend)
    images, labels = batch()
    for bad in (np.nan, np.inf):
        spoiled = images.copy()
        spoiled[rng.integers(8), rng.integers(6)] = bad
        with np.errstate(invalid="ignore"):
            found, expected = step(spoiled, labels), eager.step(spoiled, labels)
        assert np.isnan(found.item()) == np.isnan(expected.item())
    for a, b in zip(training.model.parameters(), eager.model.parameters(), strict=True):
        np.testing.assert_array_equal(np.isnan(a.numpy()), np.isnan(b.numpy()))


@pytest.mark.parametrize("name", ["generator", "windows", "maximum", "ensured", "memory", "np_"])
def test_arguments_may_have_names_that_the_program_uses(name: str) -> None:
    names = {"layer": nn.Dropout(0.5, np.random.default_rng(0)), "np": np}
    exec(f"def step({name}): return layer({name}) + np.maximum({name}, 0)", names)
    step, images = compiled(names["step"]), np.ones((4, 6), np.float32)
    expected = nn.Dropout(0.5, np.random.default_rng(0))
    for _ in range(2):
        same(step(images), expected(images) + images)
