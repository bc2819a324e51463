"""Einstein's summation, of subscripts that Hypothesis makes up."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multilinear import assert_multilinear, draw_array
from refusals import check_refusal
from strategies import broadcast_shapes

import tinygrad_mnist as tg
from tinygrad_mnist import Tensor

LENGTHS = {"i": 2, "j": 3, "K": 2, "l": 1, "m": 0}


@st.composite
def summations(draw: st.DrawFn) -> tuple[str, list[list[int]]]:
    """Draw subscripts, of one to three operands, and shapes that go with them."""
    letters = draw(st.sampled_from(["ijK", "ijl", "im"]))
    count = draw(st.integers(1, 3))
    stacks: Any = [None] * count
    if draw(st.booleans()):
        stacks = draw(broadcast_shapes(count))
        stacks = [None if not stack and draw(st.booleans()) else stack for stack in stacks]
    terms, shapes = [], []
    for stack in stacks:
        term = draw(st.lists(st.sampled_from(letters), max_size=3))
        # A length of 1 is stretched, if it is not one of a diagonal's.
        shape = [
            1 if term.count(letter) == 1 and draw(st.booleans()) else LENGTHS[letter]
            for letter in term
        ]
        if stack is not None:
            place = draw(st.integers(0, len(term)))
            term.insert(place, "...")
            shape[place:place] = stack
        terms.append("".join(term))
        shapes.append(shape)
    subscripts = ",".join(terms)
    if draw(st.booleans()):
        used = sorted({letter for letter in subscripts if letter.isalpha()})
        kept = draw(st.permutations(used))[: draw(st.integers(0, len(used)))]
        dots = ["..."] * any(stack is not None for stack in stacks)
        subscripts += "->" + "".join(draw(st.permutations([*kept, *dots])))
    return subscripts, shapes


@given(summations(), st.booleans(), st.integers(0, 999))
def test_any_subscripts(drawn: tuple[str, list[list[int]]], optimize: bool, seed: int) -> None:
    subscripts, shapes = drawn
    assert_multilinear(lambda *a: np.einsum(subscripts, *a, optimize=optimize), shapes, seed)


@given(summations(), st.integers(0, 999))
def test_axes_named_by_numbers(drawn: tuple[str, list[list[int]]], seed: int) -> None:
    subscripts, shapes = drawn
    inputs, arrow, result = subscripts.partition("->")

    def numbers(term: str) -> list[Any]:
        spelled = term.replace("...", ".")
        return [... if letter == "." else "Kijlm".index(letter) for letter in spelled]

    named = [numbers(term) for term in inputs.split(",")]

    def by_number(*operands: Any) -> Any:
        pairs = zip(operands, named, strict=True)
        return np.einsum(
            *(part for pair in pairs for part in pair), *([numbers(result)] * bool(arrow))
        )

    assert_multilinear(by_number, shapes, seed)
    operands = [draw_array(np.random.default_rng(seed), shape) for shape in shapes]
    np.testing.assert_array_equal(
        by_number(*map(Tensor, operands)).numpy(), np.einsum(subscripts, *operands)
    )


@pytest.mark.parametrize(
    "subscripts", ["ij,jk", "ij,jk->ki", "ii,jk->j", "iik,kj->i", "ij,ji->", "...j,jk->k..."]
)
def test_second_derivatives(subscripts: str) -> None:
    rng = np.random.default_rng(1)
    ranks = [len(term.replace("...", ".")) for term in subscripts.split("->")[0].split(",")]
    operands = [draw_array(rng, (2,) * rank) for rank in ranks]
    tg.check_grads(
        lambda *arrays: np.sin(np.einsum(subscripts, *arrays)), operands, order=2, eps=1e-5
    )


def test_a_path_is_followed_and_may_be_reused() -> None:
    operands = [Tensor(np.ones((2, 2)), requires_grad=True) for _ in range(3)]
    path: Any = np.einsum_path("ij,jk,kl->jl", *operands)[0]
    y = np.einsum("ij,jk,kl->jl", *operands, optimize=path)
    path.clear()
    y.sum().backward()
    for operand in operands:
        assert operand.grad is not None
        assert operand.grad.tolist() == [[4.0, 4.0], [4.0, 4.0]]


t = Tensor(np.ones((2, 3)), requires_grad=True)
many = "".join(chr(code) for code in (*range(65, 91), *range(97, 122)))


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: np.einsum("ij,jk", t), ValueError, "einsum: 'ij,jk' is for 2 operands, not 1"),
        (
            lambda: np.einsum("ijk", t),
            ValueError,
            "einsum: 'ijk': 'ijk' does not name the axes of 2",
        ),
        (lambda: np.einsum("i", t), ValueError, "einsum: 'i': 'i' does not name the axes of 2"),
        (lambda: np.einsum("i1", t), ValueError, "einsum: 'i1': expected letters, commas"),
        (lambda: np.einsum("i..j", t), ValueError, "einsum: 'i..j': expected letters, commas"),
        (lambda: np.einsum("ij->i->j", t), ValueError, "einsum: 'ij->i->j': expected letters"),
        (lambda: np.einsum("i...->i", t), ValueError, "einsum: 'i...->i': the result has no '...'"),
        (lambda: np.einsum("ij->k", t), ValueError, "einsum: (2, 3): einstein sum subscripts"),
        (lambda: np.einsum("ij->ii", t), ValueError, "einsum: (2, 3): einstein sum subscripts"),
        (lambda: np.einsum("ij,ij", t, t.T), ValueError, "einsum: (2, 3), (3, 2): operands could"),
        (lambda: np.einsum("ii", t), ValueError, "einsum: (2, 3): dimensions in operand 0"),
        (lambda: np.einsum(t, [0, 52]), ValueError, "einsum: [0, 52]: expected numbers from 0 to"),
        (lambda: np.einsum(t, [0, -1]), ValueError, "einsum: [0, -1]: expected numbers from 0 to"),
        (
            lambda: np.einsum(f"{many},...", np.ones((1,) * 51), t),
            ValueError,
            f"einsum: '{many},...' has more axes than there are letters",
        ),
        (
            lambda: np.einsum("ij", t, out=np.ones((2, 3))),
            TypeError,
            "einsum: not supported for Tensors: ",
        ),
        (
            lambda: np.einsum("ij", t, dtype=np.float64),
            TypeError,
            "einsum: not supported for Tensors: ",
        ),
    ],
)
def test_a_refusal_names_the_operation_and_what_is_wrong(
    call: Callable[[], Any], error: type[Exception], sentence: str
) -> None:
    check_refusal(call, error, sentence)
