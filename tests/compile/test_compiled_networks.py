"""Random networks, losses, optimisers and schedules: compiled steps are those of Python.

In NumPy a compiled step calls the same functions on the same numbers, so that each bit is the same.
There is one exception: where a label may be ignored, Python looks whether one is, and computes the
cross-entropy in fewer operations if not; a compiled step can't look.

In C sums are added up in another order and products are added without being rounded first. What
becomes of such a difference depends on the network: a normalisation enlarges it, a saturated
activation swallows it. So the eager training itself says how much is allowed: it is taken again
with all numbers that it begins with changed in their last places, and the compiled one may deviate
a few times as far.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from random_networks import Case, cases
from small_steps import arrays_in, compiled, needs_compiler, same

from tinygrad_mnist import no_grad

STEPS = 4
LAST_PLACES = 4
TIMES = 16  # how much farther than those the deviation may be
LARGEST = 1e-3  # where last places change more than that, there is nothing to compare


def train(case: Case, backend: str = "", shaken: int | None = None) -> list[Any]:
    """Take some steps, and list everything that comes of them."""
    training, schedule = case.make()
    rng = np.random.default_rng(shaken)

    def shake(array: np.ndarray) -> Any:
        if shaken is None or array.dtype.kind != "f":
            return array
        signs = rng.choice([-1, 1], array.shape).astype(array.dtype)
        return array * (1 + LAST_PLACES * np.finfo(array.dtype).eps * signs)

    with no_grad():
        for parameter in training.model.parameters():
            parameter[...] = shake(parameter.numpy())
    step = compiled(training.step, backend) if backend else training.step
    found = []
    for number in range(STEPS):
        images, target = case.batch(number)
        loss = step(shake(images), target)
        found.append((loss.numpy(), loss.dtype, training.state()))
        if schedule is not None:
            schedule.step()
    if backend:
        assert step.backend == backend
    return found


def check_closely(case: Case, backend: str) -> None:
    expected = list(arrays_in(train(case)))
    shaken = [list(arrays_in(train(case, shaken=seed))) for seed in range(3)]
    found = list(arrays_in(train(case, backend)))
    assert len(found) == len(expected)
    for value, wanted, *others in zip(found, expected, *shaken, strict=True):
        if not isinstance(wanted, np.ndarray) or wanted.dtype.kind != "f":
            assert np.array_equal(value, wanted)
            continue
        assert (value.dtype, value.shape) == (wanted.dtype, wanted.shape)
        size = 1 + np.max(np.abs(wanted), initial=0)
        change = max(np.max(np.abs(other - wanted), initial=0) for other in others)
        assume(change < LARGEST * size)
        allowed = TIMES * (change + LAST_PLACES * np.finfo(wanted.dtype).eps * size)
        np.testing.assert_allclose(value, wanted, rtol=0, atol=allowed)


def check_in_numpy(case: Case) -> None:
    if case.loss.sees_labels(case.labels):
        check_closely(case, "numpy")
    else:
        same(train(case, "numpy"), train(case))


@settings(report_multiple_bugs=False)
@given(cases())
def test_random_networks_in_numpy_are_the_same_to_the_last_bit(case: Case) -> None:
    check_in_numpy(case)


@settings(max_examples=30, report_multiple_bugs=False)
@given(cases(images=True))
def test_random_networks_of_images_in_numpy_are_the_same_to_the_last_bit(case: Case) -> None:
    check_in_numpy(case)


@needs_compiler
@settings(max_examples=12, report_multiple_bugs=False)
@given(cases())
def test_random_networks_in_c_deviate_no_more_than_by_rounding(case: Case) -> None:
    check_closely(case, "c")


@pytest.mark.filterwarnings("ignore::tinygrad_mnist.compile.c_library.CompileWarning")
@settings(max_examples=5)
@given(cases(images=True))
def test_random_networks_of_images_run_whatever_the_backend(case: Case) -> None:
    """Where something is not written in C, NumPy takes its place."""
    training, _ = case.make()
    other, _ = case.make()
    step = compiled(training.step, "auto")
    for number in range(2):
        images, target = case.batch(number)
        loss, expected = step(images, target), other.step(images, target)
        np.testing.assert_allclose(loss.numpy(), expected.numpy(), rtol=1e-3)
