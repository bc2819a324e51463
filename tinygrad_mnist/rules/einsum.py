"""Einstein's summation: `numpy.einsum` with any subscripts, and its gradient, another einsum.

A call is first written out: every axis gets a letter, the ones behind an ellipsis too, and the
result is named. Take ``ij,jk->ik``: the gradient of the first operand is ``ik,jk->ij``. Two cases
need more than such an exchange:

- a letter of one operand that is nowhere else, ``ij->i``: its axis was summed away, and an array
  of ones brings it back;
- a letter that an operand has twice, ``ii->i``: only the diagonal was looked at, and an identity
  matrix puts the gradient there.

An axis of length 1 is broadcast against a longer one of the same letter, as NumPy does.
"""

from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from .table import PerInput, constant, define, derive

Array = Any

_ORDERED = sorted(ascii_letters)  # as NumPy orders the axes of a result that is not named


# --- writing a call out -------------------------------------------------------------------


def _letters(subscripts: Sequence[Any]) -> str:
    """Write a list of axis numbers as letters, and Ellipsis as dots."""
    if not all(axis is ... or 0 <= axis < len(_ORDERED) for axis in subscripts):
        raise ValueError(f"einsum: {list(subscripts)}: expected numbers from 0 to 51, or ...")
    return "".join("..." if axis is ... else _ORDERED[axis] for axis in subscripts)


def _as_text(call: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """Bring ``(a, [0, 1], b, [1, 2], [0, 2])`` into the form ``"AB,BC->AC", a, b``."""
    if isinstance(call[0], str):
        return call[0].replace(" ", ""), call[1:]
    lists = call[1::2] if len(call) % 2 == 0 else (*call[1:-1:2], call[-1])
    operands = call[: len(call) // 2 * 2 : 2]
    terms = [_letters(subscripts) for subscripts in lists]
    text = ",".join(terms[: len(operands)])
    return text + "".join("->" + result for result in terms[len(operands) :]), operands


def _written_out(text: str, ndims: Sequence[int]) -> str:
    """Give every axis a letter and name the result, for operands of so many axes."""
    inputs, arrow, result = text.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: '{text}' is for {len(terms)} operands, not {len(ndims)}")
    named = [term.replace("...", "") for term in terms]
    if not all(
        letter in _ORDERED for term in (*named, result.replace("...", "")) for letter in term
    ):
        raise ValueError(f"einsum: '{text}': expected letters, commas, '...' and one '->'")
    extra = [ndim - len(name) for ndim, name in zip(ndims, named, strict=True)]
    for term, ndim, more in zip(terms, ndims, extra, strict=True):
        if more < 0 or (more > 0 and "..." not in term):
            raise ValueError(f"einsum: '{text}': '{term}' does not name the axes of {ndim}")
    unused = [letter for letter in ascii_letters if letter not in text]
    dots = "".join(unused[: max(extra, default=0)])
    if len(dots) < max(extra, default=0):
        raise ValueError(f"einsum: '{text}' has more axes than there are letters")
    if not arrow:
        once = [x for x in _ORDERED if "".join(named).count(x) == 1]
        result = "..." + "".join(once)
    elif dots and "..." not in result:
        raise ValueError(f"einsum: '{text}': the result has no '...' for the axes of the operands")
    full = [
        term.replace("...", dots[len(dots) - more :])
        for term, more in zip(terms, extra, strict=True)
    ]
    return ",".join(full) + "->" + result.replace("...", dots)


# --- the rule -----------------------------------------------------------------------------


def _sizes(terms: Sequence[str], operands: Sequence[Array]) -> dict[str, int]:
    """Tell the length of each letter's axis; an axis of length 1 is stretched to another's."""
    sizes: dict[str, int] = {}
    for term, operand in zip(terms, operands, strict=True):
        for letter, n in zip(term, np.shape(operand), strict=True):
            sizes[letter] = n if sizes.get(letter, 1) == 1 else sizes[letter]
    return sizes


def _for_operand(i: int) -> Callable[..., Array]:
    def vjp(g: Array, y: Array, *operands: Array, subscripts: str, optimize: Any) -> Array:
        inputs, _, result = subscripts.partition("->")
        terms = inputs.split(",")
        sizes = _sizes(terms, operands)
        own = "".join(dict.fromkeys(terms[i]))
        others = [g, *operands[:i], *operands[i + 1 :]]
        given = [result, *terms[:i], *terms[i + 1 :]]
        found = _sizes(given, others)
        lost = "".join(letter for letter in own if found.get(letter) != sizes[letter])
        if lost:
            given.append(lost)
            others.append(np.ones([sizes[letter] for letter in lost], g.dtype))
        # A path leads through the operands of the value; the gradient has others.
        way = optimize if isinstance(optimize, bool | str) else True
        part = np.einsum(",".join(given) + "->" + own, *others, optimize=way)
        return part if own == terms[i] else _on_diagonals(part, own, terms[i], sizes)

    return vjp


def _on_diagonals(part: Array, own: str, term: str, sizes: dict[str, int]) -> Array:
    """Put the gradient of a diagonal where it lies in the array that it was taken from."""
    unused = iter(letter for letter in ascii_letters if letter not in own)
    inputs, identities, result = own, [], ""
    for letter in term:
        again = next(unused) if letter in result else letter
        if again != letter:
            inputs += f",{letter}{again}"
            identities.append(np.eye(sizes[letter], dtype=part.dtype))
        result += again
    return np.einsum(f"{inputs}->{result}", part, *identities)


_einsum_rule = define(
    lambda *operands, subscripts, optimize: np.einsum(subscripts, *operands, optimize=optimize),
    vjps=PerInput(_for_operand),
    formula=(r"\bar a = \operatorname{einsum}(\bar y, b, \dots)",),
    name="einsum",
)


def _einsum(*operands: Any, optimize: Any = False) -> Array:
    text, arrays = _as_text(operands)
    subscripts = _written_out(text, [np.ndim(array) for array in arrays])
    optimize = tuple(optimize) if isinstance(optimize, list) else optimize
    return _einsum_rule(*arrays, subscripts=subscripts, optimize=optimize)


derive(
    np.einsum, _einsum, r"y = \sum \prod_k a_k \text{, over the letters that the result has not}"
)
constant(np.einsum_path)
