"""Random networks, losses, optimisers and schedules: compiled steps are those of Python.

In NumPy a compiled step calls the same functions on the same numbers, so that each bit is the same.
There are two exceptions. Where a label may be ignored, Python looks whether one is, and computes
the cross-entropy in fewer operations if not; a compiled step can't look. And a convolution's result
lies in memory in an order of its own, so that a normalisation behind it adds up its sums in another
order now and then.

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

# OpenBLAS computes with what lies behind small matrices, and throws it away; NumPy may see that.
pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid value encountered in (dot|matmul):RuntimeWarning"
)

STEPS = 4
LAST_PLACES = 4
TIMES = 4  # how much farther than those the deviation may be; mostly it is a tenth as far
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
        rounding = LAST_PLACES * np.finfo(wanted.dtype).eps
        if any(options.get("centered") for options in case.options):
            # The root of a small difference, as of a centred variance, has half of the digits.
            rounding = np.sqrt(np.finfo(wanted.dtype).eps)
        allowed = TIMES * (change + rounding * size)
        np.testing.assert_allclose(value, wanted, rtol=0, atol=allowed)


def check_in_numpy(case: Case) -> None:
    if case.is_the_same_to_the_last_bit:
        same(train(case, "numpy"), train(case))
    else:
        check_closely(case, "numpy")


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


@needs_compiler
@settings(max_examples=6, report_multiple_bugs=False)
@given(cases(images=True))
def test_random_networks_of_images_in_c_deviate_no_more_than_by_rounding(case: Case) -> None:
    check_closely(case, "c")
