"""The networks have the layers and the sizes that they should have."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import nn
from tinygrad_mnist.models import convnet, lenet5, mlp

SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5)
SEEDS = st.integers(0, 2**32 - 1)


@given(SIZES, SEEDS)
def test_a_perceptron_has_the_sizes_it_was_built_with(sizes: list[int], seed: int) -> None:
    model = mlp(sizes, np.random.default_rng(seed))
    assert [layer.weight.shape for layer in list(model)[::2]] == list(pairwise(sizes))
    assert model(np.zeros((2, sizes[0]), np.float32)).shape == (2, sizes[-1])
    assert [type(layer) for layer in list(model)[1::2]] == [nn.ReLU] * (len(sizes) - 2)


def test_dropout_follows_every_hidden_layer() -> None:
    model = mlp([4, 3, 3, 2], np.random.default_rng(0), dropout=0.5)
    names = [type(layer).__name__ for layer in model]
    assert names == ["Linear", "ReLU", "Dropout", "Linear", "ReLU", "Dropout", "Linear"]


def test_the_convolutional_networks_have_the_sizes_of_their_papers() -> None:
    rng = np.random.default_rng(0)
    # Figure 2 of LeCun et al. 1998: 156 + 2,416 (all maps connected) + 48,120 + 10,164 + 850.
    assert sum(p.size for p in lenet5(rng).parameters()) == 61_706
    for model in (lenet5(rng), convnet(rng), convnet(rng, dropout=0.3)):
        assert model(np.zeros((3, 784), np.float32)).shape == (3, 10)


@given(SIZES, SEEDS)
def test_the_same_seed_gives_the_same_weights(sizes: list[int], seed: int) -> None:
    one, other = (mlp(sizes, np.random.default_rng(seed)).state_dict() for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("sizes", [[], [784], [784, 0, 10], [784, -1, 10]])
def test_sizes_that_make_no_model_are_refused(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="expected two or more layer sizes of at least 1"):
        mlp(sizes, np.random.default_rng(0))
