"""What all tests share: how hard Hypothesis tries, and a table of rules to add to."""

import os

# Two threads on these tiny matrices only wait for each other, and make timing noisy.
# NumPy reads this when it is imported, so it comes before anything that imports NumPy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from collections.abc import Iterator

import hypothesis
import pytest

from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES

# Time limits fail by chance on busy machines; a continuous build repeats the same draws.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    max_examples=60,
    derandomize=os.environ.get("CI") == "true",
)
hypothesis.settings.load_profile("tests")


@pytest.fixture
def table() -> Iterator[None]:
    """Put the table of rules back as it was before the test."""
    rules, derived, constant = dict(RULES), dict(DERIVED), set(CONSTANT)
    yield
    for current, before in ((RULES, rules), (DERIVED, derived)):
        current.clear()
        current.update(before)  # type: ignore[arg-type]  # each with its own kind of row
    CONSTANT.intersection_update(constant)
