"""How Tensors show themselves in a notebook."""

import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image
from strategies import SHAPES

from tinygrad_mnist import Tensor
from tinygrad_mnist.notebook import array_html, colours, png

DTYPES = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_])


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 5), st.just(4))))
def test_a_png_has_the_pixels(pixels: np.ndarray) -> None:
    assert_array_equal(np.asarray(Image.open(io.BytesIO(png(pixels)))), pixels, strict=True)


@given(st.data())
def test_every_real_array_is_shown(data: st.DataObject) -> None:
    array = data.draw(hnp.arrays(data.draw(DTYPES), data.draw(SHAPES)))
    shown = array_html(array, "title <b>")
    assert "<code>title &lt;b&gt;</code>" in shown
    assert shown.count("<td") == (array.size if 1 <= array.ndim <= 2 else 0)
    assert Tensor(array)._repr_html_()


def test_signs_are_colours_and_sizes_are_their_strength() -> None:
    shades = colours(np.array([0.0, 1.0, 2.0, -2.0, np.nan, np.inf]))
    nothing, weak, strong, negative, *others = shades.tolist()
    assert (nothing[3], weak[3], strong[3], negative[3]) == (0, 127, 255, 255)
    assert weak[:3] == strong[:3]
    for colour, redder in ((strong, True), (negative, False)):  # positive orange, negative blue
        assert (colour[0] > colour[2]) is redder
    assert others[0] == others[1] == [240, 200, 0, 255]
    assert colours(np.array([1.0]), largest=4.0)[0, 3] == 63
    assert colours(np.zeros((2, 3))).shape == (2, 3, 4)


def test_a_large_array_is_a_picture() -> None:
    array = np.random.default_rng(0).standard_normal((30, 20))
    shown = array_html(array, "weights")
    found = re.search('base64,([^"]*)"', shown)
    assert found is not None
    picture = Image.open(io.BytesIO(base64.b64decode(found[1])))
    assert_array_equal(np.asarray(picture), colours(array))
    assert 'alt="heat map of 30 by 20 numbers"' in shown
    assert "<details>" in shown
    assert "<img" not in array_html(np.zeros((1001, 1000), np.uint8), "too many")


def test_a_tensor_says_what_it_is_and_shows_its_gradient() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    assert "<code>Tensor (2,) float32, a leaf</code>" in x._repr_html_()
    assert "<code>Tensor (2,) float32, multiply</code>" in y._repr_html_()
    assert "<code>Tensor (2,) float32</code>" in x.detach()._repr_html_()
    assert "gradient" not in x._repr_html_()
    y.sum().backward()
    assert x._repr_html_().endswith(array_html(np.float32([2, 4]), "its gradient"))


def test_few_programs_need_it() -> None:
    program = """
import sys, tinygrad_mnist
assert not {"tinygrad_mnist.notebook", "tinygrad_mnist.study"} & sys.modules.keys()
tinygrad_mnist.study.graph
from tinygrad_mnist import study
assert study is tinygrad_mnist.study
"""
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603


def test_another_attribute_is_still_missed() -> None:
    import tinygrad_mnist

    with pytest.raises(AttributeError, match="module 'tinygrad_mnist' has no attribute 'studio'"):
        tinygrad_mnist.studio  # noqa: B018
