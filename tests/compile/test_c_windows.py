"""Convolution and pooling in C against the NumPy functions, however images lie in memory.

What a test draws is compiled at once, a few operations at a time: compilers are slow to start. The
memory for intermediate values is full of NaN before, so that whoever reads what was never written
is found out, and has a margin that must stay as it is.
"""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nn.test_conv2d import LAYOUTS, laid_out
from strategies import FLOATS

from tinygrad_mnist.compile.c_expressions import type_of
from tinygrad_mnist.compile.c_prelude import PRELUDE
from tinygrad_mnist.compile.c_windows import KERNELS
from tinygrad_mnist.compile.program import Operation, Role, Value
from tinygrad_mnist.nn import convolution, pooling
from tinygrad_mnist.nn.windows import Windows

Array = np.ndarray

COMPILER = shutil.which("gcc") or shutil.which("cc")
FLAGS = ["-O1", "-march=native", "-ffp-contract=fast", "-fopenmp-simd", "-Wno-psabi"]
MARGIN = 64

pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")

few = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Call(NamedTuple):
    """A function, what it is called with, and how its results are to lie in memory."""

    function: Callable[..., Any]
    arguments: tuple[Array | None, ...]
    keywords: dict[str, Any]
    layout: str = "batch last"

    def expected(self) -> tuple[Array, ...]:
        found = self.function(*self.arguments, **self.keywords)
        return found if isinstance(found, tuple) else (found,)


def compute_in_c(calls: list[Call], path: Path) -> list[tuple[Array, ...]]:
    """Compute what some functions return, with a C function for each."""
    results = [
        tuple(laid_out(np.full(y.shape, 77, y.dtype), call.layout) for y in call.expected())
        for call in calls
    ]
    text, given, sizes = [PRELUDE], [], []
    for number, (call, result) in enumerate(zip(calls, results, strict=True)):
        lines, arrays, size = written(call, result)
        given.append(arrays)
        sizes.append(size)
        text += [f"void call_{number}(char **given, char *memory) {{", *lines, "}"]
    source, library = path / "calls.c", path / f"calls_{len(list(path.iterdir()))}.so"
    source.write_text("\n".join(text))
    assert COMPILER is not None
    subprocess.run([COMPILER, *FLAGS, "-shared", "-fPIC", source, "-o", library], check=True)  # noqa: S603
    functions = ctypes.CDLL(str(library))
    for number, (arrays, size) in enumerate(zip(given, sizes, strict=True)):
        memory = np.full(size + 2 * MARGIN, 255, np.uint8)
        start = memory.ctypes.data + -memory.ctypes.data % 64
        addresses = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
        getattr(functions, f"call_{number}")(addresses, ctypes.c_void_p(start))
        assert (memory[-MARGIN:] == 255).all()
    return results


def written(call: Call, results: tuple[Array, ...]) -> tuple[list[str], list[Array], int]:
    """Write a call in C; return the arrays it is given, and how much memory it takes, too.

    Its values have names that are likely to be those of indices, too.
    """
    values: dict[Value, Array] = {}
    sizes: list[int] = []

    def value(array: Any) -> Any:
        if not isinstance(array, np.ndarray):
            return array
        found = Value(array.shape, array.dtype, array.strides, Role.ARGUMENT)
        values[found] = array
        return found

    def pointer(value: Value) -> str:
        return "xyncios"[list(values).index(value)]

    def scratch(nbytes: int) -> str:
        sizes.append(-(-nbytes // 64) * 64)
        return f"memory + {sum(sizes[:-1])}"

    operation = Operation(
        call.function,
        tuple(map(value, call.arguments)),
        {name: value(part) for name, part in call.keywords.items()},
        tuple(map(value, results)),
        is_tuple=len(results) > 1,
    )
    pointers = [
        f"{type_of(value.dtype)} *{pointer(value)} = (void *)given[{number}];"
        for number, value in enumerate(values)
    ]
    lines = KERNELS[call.function](operation, pointer, scratch)
    return pointers + lines, list(values.values()), sum(sizes)


def check(calls: list[Call], path: Path, rtol: float = 1e-4, atol: float = 1e-4) -> None:
    """Compare what C and NumPy compute."""
    for call, found in zip(calls, compute_in_c(calls, path), strict=True):
        for result, expected in zip(found, call.expected(), strict=True):
            if expected.dtype.kind == "f":
                np.testing.assert_allclose(result, expected, rtol, atol)
            else:
                np.testing.assert_array_equal(result, expected)


def windows_and_sizes(kernels: int, paddings: int) -> st.SearchStrategy[Any]:
    """Draw windows, and the size of images that they fit into."""

    def drawn(kernel: Any, stride: Any, padding: Any, dilation: Any, more: Any) -> Any:
        windows = Windows(kernel, stride, padding, dilation)
        least = (1 + reach - sum(p) for reach, p in zip(windows.reach, padding, strict=True))
        return windows, tuple(max(1, low) + m for low, m in zip(least, more, strict=True))

    def pairs(least: int, most: int) -> Any:
        return st.tuples(st.integers(least, most), st.integers(least, most))

    around = st.tuples(pairs(0, paddings), pairs(0, paddings))
    return st.builds(drawn, pairs(1, kernels), pairs(1, 3), around, pairs(1, 2), pairs(0, 5))


SAMPLES = st.sampled_from([1, 2, 5, 16, 23, 70])
SEEDS = st.integers(0, 99)


@st.composite
def convolutions(draw: st.DrawFn) -> list[Call]:
    """Draw a convolution and its gradients."""
    windows, size = draw(windows_and_sizes(kernels=4, paddings=3))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = draw(st.integers(1, 4)), groups * draw(st.integers(1, 7))
    rng, dtype = np.random.default_rng(draw(SEEDS)), draw(FLOATS)

    def numbers(*shape: int) -> Array:
        return rng.standard_normal(shape).astype(dtype)

    def images(*shape: int) -> Array:
        return laid_out(numbers(*shape), draw(LAYOUTS))

    x = images(draw(SAMPLES), groups * inputs, *size)
    weight = images(outputs, inputs, *windows.kernel)
    bias = numbers(outputs) if draw(st.booleans()) else None
    both: dict[str, Any] = {"windows": windows, "groups": groups}
    g = images(len(x), outputs, *windows.fit("convolution", x.shape))
    layout = draw(LAYOUTS)
    return [
        Call(convolution._forward, (x, weight, bias), both, layout),
        Call(convolution._input_gradient, (g, weight), {"size": size, **both}, layout),
        Call(convolution._weight_gradient, (x, g), both, "C"),
    ]


@few
@given(calls=st.lists(convolutions(), min_size=3, max_size=3))
def test_convolutions_are_those_of_numpy(calls: Any, tmp_path: Path) -> None:
    check(list(chain.from_iterable(calls)), tmp_path)


@st.composite
def poolings(draw: st.DrawFn) -> list[Call]:
    """Draw poolings of images in which there are ties, NaNs and infinities."""
    windows, size = draw(windows_and_sizes(kernels=3, paddings=2))
    rng, dtype = np.random.default_rng(draw(SEEDS)), draw(FLOATS)
    numbers = [*range(-3, 4), *draw(st.sampled_from([(), (np.nan,), (np.inf, -np.inf, np.nan)]))]

    def images(*shape: int) -> Array:
        return laid_out(rng.choice(numbers, shape).astype(dtype), draw(LAYOUTS))

    x = images(draw(SAMPLES), draw(st.integers(1, 3)), *size)
    y, winners = pooling._largest(x, windows=windows)
    a, layout = images(*y.shape), draw(LAYOUTS)
    if draw(st.booleans()):
        winners = laid_out(winners, draw(LAYOUTS))
    # What reaches beyond the padding, on one side only, never counts, and is not written in C.
    even = all(before == behind for before, behind in windows.padding)
    both: dict[str, Any] = {"windows": windows, "count_include_pad": even and draw(st.booleans())}
    return [
        Call(pooling._largest, (x,), {"windows": windows}, layout),
        Call(pooling._of_winners, (x,), {"windows": windows, "winners": winners}, layout),
        Call(
            pooling._to_winners,
            (a,),
            {"windows": windows, "winners": winners, "size": size},
            layout,
        ),
        Call(pooling._mean, (x,), both, layout),
        Call(pooling._shares, (a,), {"size": size, **both}, layout),
    ]


@few
@given(calls=st.lists(poolings(), min_size=3, max_size=3))
@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
def test_poolings_are_those_of_numpy(calls: Any, tmp_path: Path) -> None:
    check(list(chain.from_iterable(calls)), tmp_path, rtol=1e-6, atol=1e-6)


def test_a_window_of_many_taps_has_winners_of_a_larger_dtype(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((20, 1, 18, 18)).astype(np.float32)
    windows = Windows((17, 17))
    winners = pooling._largest(x, windows=windows)[1]
    assert winners.dtype == np.uint16
    a = np.ones((20, 1, 2, 2), np.float32)
    back = {"windows": windows, "winners": winners, "size": (18, 18)}
    calls = [
        Call(pooling._largest, (x,), {"windows": windows}),
        Call(pooling._to_winners, (a,), back),
    ]
    check(calls, tmp_path)


def test_no_images_at_all(tmp_path: Path) -> None:
    x, g = np.empty((0, 2, 5, 5), np.float32), np.empty((0, 3, 3, 3), np.float32)
    weight = np.ones((3, 2, 3, 3), np.float32)
    windows, pool = Windows((3, 3)), Windows((2, 2), (2, 2))
    call = partial(Call, layout="C")
    both: dict[str, Any] = {"windows": windows, "groups": 1}
    calls = [
        call(convolution._forward, (x, weight, None), both),
        call(convolution._input_gradient, (g, weight), {"size": (5, 5), **both}),
        call(convolution._weight_gradient, (x, g), both),
        call(pooling._largest, (x,), {"windows": pool}),
        call(pooling._mean, (x,), {"windows": pool, "count_include_pad": True}),
    ]
    check(calls, tmp_path)


def test_dtypes_are_mixed_as_numpy_mixes_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((9, 2, 6, 6)).astype(np.float32)
    weight, bias = rng.standard_normal((3, 2, 3, 3)), rng.standard_normal(3).astype(np.float32)
    both: dict[str, Any] = {"windows": Windows((3, 3)), "groups": 1}
    g = rng.standard_normal((9, 3, 4, 4))
    calls = [
        Call(convolution._forward, (x, weight, bias), both),
        Call(convolution._input_gradient, (g, weight.astype(np.float32)), {"size": (6, 6), **both}),
        Call(convolution._weight_gradient, (x, g), both),
    ]
    assert all(call.expected()[0].dtype == np.float64 for call in calls)
    check(calls, tmp_path, rtol=1e-6, atol=1e-6)
