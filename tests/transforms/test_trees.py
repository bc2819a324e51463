"""Trees: nested lists, tuples and dicts come apart into their leaves, and together again."""

from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nested import Layer, trees

from tinygrad_mnist.transforms.trees import leaves, leaves_like, paths, rebuild

TREES = trees(st.integers())


def shuffled(tree: Any) -> Any:
    """Turn the order of all keys around, tuples into lists and lists into tuples."""
    if isinstance(tree, dict):
        return {key: shuffled(tree[key]) for key in reversed(tree)}
    if isinstance(tree, list | tuple):
        return (list if isinstance(tree, tuple) else tuple)(map(shuffled, tree))
    return tree


@given(TREES)
def test_a_tree_is_its_leaves_put_together(tree: Any) -> None:
    same = rebuild(tree, leaves(tree))
    assert same == tree
    assert repr(same) == repr(tree)  # which tells lists, tuples and named tuples apart


@given(TREES)
def test_new_leaves_are_where_the_old_ones_were(tree: Any) -> None:
    new = [object() for _ in leaves(tree)]
    assert leaves(rebuild(tree, new)) == new


@given(TREES)
def test_a_path_leads_to_its_leaf(tree: Any) -> None:
    found = [eval("tree" + path, {"tree": tree}) for path in paths(tree)]  # noqa: S307
    assert found == leaves(tree)


@given(TREES)
def test_neither_the_order_of_keys_nor_lists_for_tuples_matter(tree: Any) -> None:
    assert leaves_like(tree, shuffled(tree), "other") == leaves(tree)


def structure(tree: Any) -> Any:
    """Write down all of a tree but its leaves, and what does not matter."""
    if isinstance(tree, dict):
        return {key: structure(part) for key, part in tree.items()}
    return list(map(structure, tree)) if isinstance(tree, list | tuple) else None


@given(TREES, TREES)
def test_only_the_same_structure_is_taken(tree: Any, other: Any) -> None:
    if structure(tree) == structure(other):
        assert sorted(leaves_like(tree, other, "other")) == sorted(leaves(other))
    else:
        with pytest.raises(TypeError, match=r"^other.* is .*; expected "):
            leaves_like(tree, other, "other")


def test_arrays_are_leaves() -> None:
    array = np.ones((2, 3))
    assert leaves(array) == [array]
    assert leaves({"a": [array]})[0] is array


def test_classes_of_dicts_are_kept() -> None:
    ordered = OrderedDict(b=1, a=2)
    default = defaultdict(list, b=1)
    assert repr(rebuild([ordered, default], [3, 4, 5])) == repr(
        [OrderedDict(b=3, a=4), defaultdict(list, b=5)]
    )
    assert ordered == OrderedDict(b=1, a=2)


@pytest.mark.parametrize(
    ("tree", "other", "sentence"),
    [
        (1, [1], "t is a list of 1; expected an array"),
        ([1], 1, "t is of type int; expected a list of 1"),
        ([1, (2,)], [1, (2, 3)], r"t\[1\] is a tuple of 2; expected a tuple of 1"),
        ([1], {0: 1}, r"t is a dict with the keys \[0\]; expected a list of 1"),
        (
            Layer({"a": 1}, 2),
            Layer({"b": 1}, 2),
            r"t\.weight is a dict with the keys \['b'\]; expected a dict with the keys \['a'\]",
        ),
    ],
)
def test_what_differs_is_named(tree: Any, other: Any, sentence: str) -> None:
    with pytest.raises(TypeError, match=rf"^{sentence}$"):
        leaves_like(tree, other, "t")
