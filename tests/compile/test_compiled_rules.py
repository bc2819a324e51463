"""Every row of the table is compiled: on its samples, forwards, backwards and once more."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from rules.walk import CASES, Case, floats_as, leaves
from small_steps import alike, compiled, needs_compiler

from tinygrad_mnist import CompileError, Tensor, optim
from tinygrad_mnist.compile.c_expressions import NotInC
from tinygrad_mnist.compile.c_source import write_c

ROWS = {name: list(cases) for name, cases in groupby(CASES, lambda case: case.name.rsplit("-")[0])}

# What they return depends on values, in some samples or in all; and what the error says then.
NOT_ALWAYS = {
    "trim_zeros()": "as many elements",
    "lstsq()": "asks for the value",  # the rank, as an integer
    "normalise": "once only",  # it notes the statistics in a list of the caller's
}


def squares(results: Any) -> Any:
    """Add up the squares of all results that have a gradient."""
    parts = results if isinstance(results, tuple | list) else [results]
    return sum(
        (part * part).sum() for part in parts if isinstance(part, Tensor) and part.requires_grad
    )


def training(cases: Sequence[Case]) -> tuple[list[Tensor], Callable[[], list[Tensor]]]:
    """Make a step that moves the inputs of samples."""
    calls = [(case, leaves(floats_as(case.inputs, np.float64))) for case in cases]
    moved = [value for _, values in calls for value in values if isinstance(value, Tensor)]
    optimiser = optim.SGD(moved, lr=0.01)

    def step() -> list[Tensor]:
        optimiser.zero_grad()
        losses = [squares(case.function(*values)) for case, values in calls]
        sum(losses).backward()  # type: ignore[union-attr]
        optimiser.step()
        return losses

    return moved, step


def check(cases: Sequence[Case], backend: str) -> Any:
    """Take steps in Python and compiled, and see that they come to the same."""
    (expected, eager), (found, step) = training(cases), training(cases)
    run = compiled(step, backend)
    with np.errstate(all="ignore"):
        for _ in range(2):
            alike(backend, run(), eager())
            alike(backend, found, expected)
    return run


def prepared(case: Case) -> Any:
    run = compiled(training([case])[1])
    run.prepare()
    return run


def is_written_in_c(run: Any) -> bool:
    try:
        write_c(run._latest._program)
    except NotInC:
        return False
    return True


@pytest.mark.parametrize("name", ROWS)
def test_every_row_compiles_to_numpy(name: str) -> None:
    for case in ROWS[name]:
        try:
            is_written_in_c(check([case], "numpy"))
        except CompileError as error:
            if not re.search(NOT_ALWAYS.get(name, "never"), str(error)):
                raise


@needs_compiler
@pytest.mark.parametrize("part", range(8))
def test_rows_compile_to_c(part: int) -> None:
    """Many in one step, since a compiler takes its time."""
    names = [name for name in ROWS if name not in NOT_ALWAYS][part::8]
    cases = [case for name in names for case in ROWS[name][:2]]
    written = [case for case in cases if is_written_in_c(prepared(case))]
    assert len(written) > len(cases) / 4
    assert check(written, "c").backend == "c"
