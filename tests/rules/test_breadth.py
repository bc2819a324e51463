"""Every function that NumPy lets a Tensor answer has a row, or a reason why it has none."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist.rules import CONSTANT, DERIVED, RULES

Function = Callable[..., Any]

# Why there is no row, and for which functions, by the names that NumPy's users know.
NO_ROW: dict[str, str] = {
    "it is about complex numbers": """
        np.linalg.eig np.linalg.eigvals np.sort_complex np.roots
        np.fft.fft np.fft.fft2 np.fft.fftn np.fft.hfft np.fft.ifft np.fft.ifft2 np.fft.ifftn
        np.fft.ihfft np.fft.irfft np.fft.irfft2 np.fft.irfftn np.fft.rfft np.fft.rfft2
        np.fft.rfftn
    """,
    "it writes to its argument": """
        np.copyto np.fill_diagonal np.place np.put np.put_along_axis np.putmask
    """,
    "it is about files or text": """
        np.array2string np.array_repr np.array_str np.save np.savetxt np.savez
        np.savez_compressed
    """,
    "it is about dates": """
        np.busday_count np.busday_offset np.datetime_as_string np.is_busday np.isnat
    """,
    "it is about bits": """
        np.packbits np.unpackbits
    """,
    "it is about sets, whose size depends on the values": """
        np.intersect1d np.setdiff1d np.setxor1d np.union1d np.unique np.unique_all
        np.unique_counts np.unique_inverse np.unique_values
    """,
    "it is about polynomials, for which NumPy has numpy.polynomial": """
        np.poly np.polyadd np.polyder np.polydiv np.polyfit np.polyint np.polymul np.polysub
        np.polyval np.vander
    """,
    "its derivative is no function of NumPy's": """
        np.i0
    """,
    "it is of numpy.fft, which takes long to import": """
        np.fft.fftshift np.fft.ifftshift
    """,
    "it counts, and its counts jump": """
        np.bincount np.histogram np.histogram2d np.histogram_bin_edges np.histogramdd
    """,
    "it calls a function of the user's": """
        np.apply_along_axis np.apply_over_axes np.piecewise
    """,
    "NumPy has withdrawn it": """
        np.in1d
    """,
}

# What the framework promises to differentiate at the least, or to answer without a gradient.
PROMISED: dict[str, str] = {
    "elementwise": """
        add subtract multiply divide power float_power negative positive absolute fabs sign
        reciprocal square sqrt cbrt exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos
        arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh hypot maximum minimum fmax fmin clip
        where logaddexp logaddexp2 remainder mod fmod copysign deg2rad rad2deg degrees radians
        sinc nan_to_num
    """,
    "rounding and comparing": """
        round around rint fix floor ceil trunc equal not_equal less less_equal greater
        greater_equal
    """,
    "reductions and scans": """
        sum mean prod max min amax amin ptp var std average median cumsum cumprod nansum nanmean
        nanmax nanmin linalg.norm
    """,
    "shape": """
        reshape ravel transpose swapaxes moveaxis rollaxis expand_dims squeeze broadcast_to
        broadcast_arrays atleast_1d atleast_2d atleast_3d concatenate stack vstack hstack dstack
        column_stack append split array_split hsplit vsplit dsplit tile repeat pad roll flip
        fliplr flipud rot90 take take_along_axis diag diagonal diagflat trace tril triu sort
        partition select choose insert delete
    """,
    "linear algebra": """
        matmul dot vdot inner outer tensordot einsum kron cross linalg.multi_dot linalg.inv
        linalg.pinv linalg.det linalg.slogdet linalg.solve linalg.cholesky linalg.qr linalg.eigh
        linalg.svd linalg.matrix_power
    """,
    "the rest": """
        diff ediff1d gradient convolve interp trapezoid meshgrid full_like zeros_like ones_like
        copy
    """,
}
PROMISED_BY_NAME = ["getitem", "logsumexp", "astype"]  # rows that are not NumPy's functions


def named(names: str) -> Iterator[tuple[str, Function]]:
    """Look functions up by their names, those that this NumPy has."""
    for name in names.split():
        value: Any = np
        for part in name.removeprefix("np.").split("."):
            value = getattr(value, part, None)
        if value is not None:
            yield name, value


def answered(module: ModuleType, prefix: str) -> dict[str, Function]:
    """List the functions of a module that ask their arguments' class first: by two protocols."""
    kinds = (np.ufunc, type(np.sum))
    names = [name for name in dir(module) if not name.startswith("_")]
    found = {prefix + name: getattr(module, name) for name in names}
    return {name: value for name, value in found.items() if isinstance(value, kinds)}


ANSWERED = answered(np, "np.") | answered(np.linalg, "np.linalg.") | answered(np.fft, "np.fft.")
WITHOUT = {name: reason for reason, names in NO_ROW.items() for name, _ in named(names)}
ROWS = RULES.keys() | DERIVED.keys() | CONSTANT


def test_the_functions_of_both_protocols_are_found() -> None:
    assert {"np.add", "np.sum", "np.linalg.norm", "np.fft.fft"} <= ANSWERED.keys()
    assert "np.array" not in ANSWERED
    assert len(ANSWERED) > 350


def test_every_function_that_a_tensor_can_answer_has_a_row_or_a_reason() -> None:
    missing = [name for name, f in ANSWERED.items() if f not in ROWS and name not in WITHOUT]
    if missing:
        pytest.fail(f"{len(missing)} functions have neither: " + " ".join(missing))


def test_no_function_has_both_a_row_and_a_reason() -> None:
    both = [name for name in WITHOUT if ANSWERED.get(name) in ROWS]
    if both:
        pytest.fail("these have a row, too: " + " ".join(both))


def test_every_reason_is_for_functions_that_a_tensor_could_answer() -> None:
    assert WITHOUT.keys() <= ANSWERED.keys()
    listed = [name for names in NO_ROW.values() for name in names.split()]
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("group", PROMISED)
def test_what_is_promised_has_a_row(group: str) -> None:
    missing = [name for name, f in named(PROMISED[group]) if f not in ROWS]
    if missing:
        pytest.fail(f"{group}: without a row: " + " ".join(missing))


def test_promised_names_are_numpys() -> None:
    names = " ".join(PROMISED.values())
    assert [name for name, _ in named(names)] == names.split()


def test_what_is_promised_and_not_numpys_has_a_row() -> None:
    assert set(PROMISED_BY_NAME) <= {rule.name for rule in RULES.values()}


def test_only_rounding_and_comparing_carry_no_gradient() -> None:
    promised = {group: dict(named(names)) for group, names in PROMISED.items()}
    flat = promised.pop("rounding and comparing")
    assert not [name for name, f in flat.items() if f in RULES or f in DERIVED]
    smooth = [(name, f) for group in promised.values() for name, f in group.items()]
    without = {name for name, f in smooth if f in CONSTANT}
    assert without <= {"sign", "zeros_like", "ones_like"}
