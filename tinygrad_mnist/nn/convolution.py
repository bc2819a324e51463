r"""Convolution of images, which is one matrix product for every row of the result.

Under a row of results lie `kh` rows of the image. Copied once for each column of the kernel, moved
by one place each time, they are a matrix of kh·kw·C by W·N numbers; its product with the weights is
the row. The next row of results needs all but one of the same rows of the image, which stay where
they are in the matrix: it is the weights that are turned. So an image is copied kw times, and not
kh·kw times, and what is copied stays in the cache.

Convolution is linear in the images and in the weights. Its gradients are two more functions of that
kind, and the three are each other's gradients: derivatives of any order follow.

In the formulas n is a sample, c a channel of the images and o one of the result, (i, j) a place in
the kernel and (p, q) one in the result. They are those of one group without dilation, and x is what
it is with its padding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..checks import arguments, count, generator
from ..engine import Rule, apply, in_one_piece
from ..rules import define
from ..tensor import Tensor
from .init import he_normal
from .module import Module
from .windows import Pair, Windows, check_images, images, pair, rows, steps

__all__ = ["Conv2d", "conv2d"]

Array = Any

# --- the three products -------------------------------------------------------------------


def _columns(
    frame: Array, windows: Windows, count: Sequence[int], groups: int, dtype: DTypeLike
) -> Iterator[tuple[int, Array]]:
    """For each row of windows, make the matrix of what lies in them, a column a window.

    It has the shape (groups, kw·kh·C/groups, W·N). Row `i` of the kernel stands at the place
    ``(i + turn) % kh``; `turn` comes with it.
    """
    (kh, kw), (down, across), (far, wide) = windows.kernel, windows.stride, windows.dilation
    _, channels, width, samples = frame.shape
    each = channels // groups
    matrix = np.empty((groups, kw, kh, each, count[1], samples), dtype)
    columns = matrix.reshape(groups, kw * kh * each, count[1] * samples)
    held = [-1] * kh
    for y in range(count[0]):
        for row in range(y * down, y * down + kh * far, far):
            place = row // far % kh
            if held[place] != row:
                held[place] = row
                source = frame[row].reshape(groups, each, width, samples)
                for j in range(kw):
                    matrix[:, j, place] = source[:, :, steps(j * wide, across, count[1])]
        yield y * down // far % kh, columns


@in_one_piece
def _forward(x: Array, weight: Array, bias: Array, *, windows: Windows, groups: int) -> Array:
    outputs, channels, kh, kw = weight.shape
    each, count = outputs // groups, windows.fit("conv2d", x.shape)
    dtype = np.result_type(*(a for a in (x, weight, bias) if a is not None))
    taps = weight.reshape(groups, each, channels, kh, kw).transpose(0, 1, 4, 3, 2)
    twice = np.concatenate((taps, taps), axis=3)
    turned = [
        twice[:, :, :, kh - turn : 2 * kh - turn].reshape(groups, each, kw * kh * channels)
        for turn in range(kh)
    ]
    y = np.empty((count[0], groups, each, count[1] * len(x)), dtype)
    matrices = _columns(windows.frame(rows(x)), windows, count, groups, dtype)
    for row, (turn, columns) in zip(y, matrices, strict=True):
        np.matmul(turned[turn], columns, out=row)
        if bias is not None:
            row += bias.reshape(groups, each, 1)
    return images(y.reshape(count[0], outputs, count[1], len(x)))


@in_one_piece
def _input_gradient(
    g: Array, weight: Array, *, size: tuple[int, int], windows: Windows, groups: int
) -> Array:
    outputs, channels, kh, kw = weight.shape
    (down, across), (far, wide) = windows.stride, windows.dilation
    each, samples, width = outputs // groups, len(g), g.shape[3]
    dtype = np.result_type(g, weight)
    taps = weight.reshape(groups, each, channels, kh, kw).transpose(0, 4, 3, 2, 1)
    taps = taps.reshape(groups, kw * kh * channels, each)
    matrix = np.empty((groups, kw, kh, channels, width, samples), dtype)
    columns = matrix.reshape(groups, kw * kh * channels, width * samples)
    height, whole_width = windows.framed_size(size)
    frame = np.zeros((height, groups, channels, whole_width, samples), dtype)
    for y, row in enumerate(rows(g)):
        above = np.ascontiguousarray(row).reshape(groups, each, width * samples)
        np.matmul(taps, above, out=columns)
        under = frame[steps(y * down, far, kh)].swapaxes(0, 1)
        for j in range(kw):
            under[:, :, :, steps(j * wide, across, width)] += matrix[:, j]
    frame = frame.reshape(height, groups * channels, whole_width, samples)
    return images(windows.unframed(frame))


@in_one_piece
def _weight_gradient(x: Array, g: Array, *, windows: Windows, groups: int) -> Array:
    (kh, kw), channels = windows.kernel, x.shape[1] // groups
    samples, outputs, *count = g.shape
    each, dtype = outputs // groups, np.result_type(x, g)
    turned = np.zeros((kh, groups, kw * kh * channels, each), dtype)
    matrices = _columns(windows.frame(rows(x)), windows, count, groups, dtype)
    for row, (turn, columns) in zip(rows(g), matrices, strict=True):
        above = np.ascontiguousarray(row).reshape(groups, each, count[1] * samples)
        turned[turn] += np.matmul(columns, above.swapaxes(1, 2))
    turned = turned.reshape(kh, groups, kw, kh, channels, each)
    taps = sum(np.roll(part, -turn, axis=2) for turn, part in enumerate(turned))
    return taps.transpose(0, 4, 3, 2, 1).reshape(outputs, channels, kh, kw)


# --- their rules --------------------------------------------------------------------------

_WHERE = r", \text{ where } s \text{ is the stride}"

_convolution = define(
    _forward,
    vjps=(
        lambda g, y, x, weight, bias, *, windows, groups: _by_input(
            g, weight, size=x.shape[2:], windows=windows, groups=groups
        ),
        lambda g, y, x, weight, bias, *, windows, groups: _by_weight(
            x, g, windows=windows, groups=groups
        ),
        lambda g, y, x, weight, bias, *, windows, groups: np.sum(g, axis=(0, 2, 3)),
    ),
    formula=(
        r"\bar x_{n, c, sp + i, sq + j} \mathrel{+}= \bar y_{n,o,p,q}\, W_{o,c,i,j}" + _WHERE,
        r"\bar W_{o,c,i,j} = \sum_{n,p,q} \bar y_{n,o,p,q}\, x_{n, c, sp + i, sq + j}" + _WHERE,
        r"\bar b_o = \sum_{n,p,q} \bar y_{n,o,p,q}",
    ),
    name="convolution",
)

_by_input: Rule = define(
    _input_gradient,
    vjps=(
        lambda g, y, a, weight, *, size, windows, groups: _convolution(
            g, weight, None, windows=windows, groups=groups
        ),
        lambda g, y, a, weight, *, size, windows, groups: _by_weight(
            g, a, windows=windows, groups=groups
        ),
    ),
    formula=(
        r"\bar a_{n,o,p,q} = \sum_{c,i,j} \bar y_{n, c, sp + i, sq + j}\, W_{o,c,i,j}" + _WHERE,
        r"\bar W_{o,c,i,j} = \sum_{n,p,q} a_{n,o,p,q}\, \bar y_{n, c, sp + i, sq + j}" + _WHERE,
    ),
    name="convolution_by_input",
)

_by_weight: Rule = define(
    _weight_gradient,
    vjps=(
        lambda g, y, x, a, *, windows, groups: _by_input(
            a, g, size=x.shape[2:], windows=windows, groups=groups
        ),
        lambda g, y, x, a, *, windows, groups: _convolution(
            x, g, None, windows=windows, groups=groups
        ),
    ),
    formula=(
        r"\bar x_{n, c, sp + i, sq + j} \mathrel{+}= a_{n,o,p,q}\, \bar y_{o,c,i,j}" + _WHERE,
        r"\bar a_{n,o,p,q} = \sum_{c,i,j} x_{n, c, sp + i, sq + j}\, \bar y_{o,c,i,j}" + _WHERE,
    ),
    name="convolution_by_weight",
)


# --- what people call ---------------------------------------------------------------------


def _windows(kernel: tuple[int, int], stride: Any, padding: Any, dilation: Any) -> Windows:
    """Read the arguments of a convolution as PyTorch does."""
    stride = pair("conv2d: stride", stride, 1)
    dilation = pair("conv2d: dilation", dilation, 1)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f"conv2d: padding 'same' is for a stride of 1, not {stride}")
        down, across = Windows(kernel, dilation=dilation).reach
        both = (down // 2, down - down // 2), (across // 2, across - across // 2)
        return Windows(kernel, stride, both, dilation)
    if isinstance(padding, str) and padding != "valid":
        raise ValueError(f"conv2d: padding is {padding!r}; expected integers, 'valid' or 'same'")
    down, across = (0, 0) if padding == "valid" else pair("conv2d: padding", padding, 0)
    return Windows(kernel, stride, ((down, down), (across, across)), dilation)


def _check_groups(name: str, outputs: int, inputs: int, groups: int) -> None:
    if groups < 1 or outputs % groups or inputs % groups:
        raise ValueError(
            f"{name}: {inputs} channels in and {outputs} out do not fall into {groups} groups"
        )


def _check_shapes(x: Array, weight: Array, bias: Array, groups: int) -> None:
    check_images("conv2d", x.shape)
    if weight.ndim != 4 or 0 in weight.shape:
        raise ValueError(
            f"conv2d: weight of shape {weight.shape}; expected (outputs, inputs / groups, kh, kw)"
        )
    outputs, channels = weight.shape[:2]
    _check_groups("conv2d", outputs, channels * groups, groups)
    if x.shape[1] != channels * groups:
        raise ValueError(
            f"conv2d: input of shape {x.shape} for a weight of shape {weight.shape} in {groups} "
            f"groups; expected {channels * groups} channels, not {x.shape[1]}"
        )
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(f"conv2d: bias of shape {bias.shape}; expected ({outputs},)")


def conv2d(
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Any:
    """Slide a kernel over images, and take the products with what lies under it.

    Nothing is reversed: what neural networks call a convolution is a cross-correlation.

    Parameters
    ----------
    x
        Images, of shape (N, inputs, H, W).
    weight
        Kernels, of shape (outputs, inputs / groups, kh, kw).
    bias
        Of shape (outputs,); None for none.
    stride
        The distance from one window to the next: one number, or one for each direction.
    padding
        How many zeros are put around the images, at each side. ``"same"`` puts as many as keep
        the images' size, for a stride of 1, and the odd one last; ``"valid"`` puts none.
    dilation
        The distance between the taps of a kernel.
    groups
        Into how many parts the channels fall, each of which is convolved by itself.

    Returns
    -------
    Images of shape (N, outputs, H', W') and of the dtype that NumPy gives products of the inputs,
    with H' = ⌊(H + 2 padding - dilation (kh - 1) - 1) / stride⌋ + 1.

    Raises
    ------
    ValueError
        If the shapes do not belong together, the kernel is larger than the padded image, or a
        number makes no sense.
    TypeError
        If the stride, padding or dilation is not made of integers.

    Examples
    --------
    >>> x = np.arange(9.0).reshape(1, 1, 3, 3)
    >>> conv2d(x, np.ones((1, 1, 2, 2)))
    array([[[[ 8., 12.],
             [20., 24.]]]])
    """
    _check_shapes(x, weight, bias, groups)
    windows = _windows(weight.shape[2:], stride, padding, dilation)
    windows.fit("conv2d", x.shape)
    return apply(_convolution, (x, weight, bias), {"windows": windows, "groups": groups}, False)


class Conv2d(Module):
    """A convolution: see `functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels
        How many channels the images have, and the result.
    kernel_size, stride, padding, dilation
        Numbers, or pairs for height and width; `padding` also ``"same"`` or ``"valid"``.
    groups
        Into how many parts the channels fall, each of which is convolved by itself.
    bias
        Whether there is a bias.
    rng
        Where the initial weights are drawn from; a new, unseeded generator if not given.
    init
        How they are drawn: one of `tinygrad_mnist.nn.init`, or a function like those. The bias
        starts at 0.
    dtype
        The parameters' dtype.

    Attributes
    ----------
    weight
        Tensor of shape (out_channels, in_channels / groups, kh, kw).
    bias
        Tensor of shape (out_channels,), or None.

    Raises
    ------
    ValueError, TypeError
        If an argument makes no sense, or `forward` is given images that do not fit.

    Examples
    --------
    >>> layer = Conv2d(1, 6, 5, padding=2, rng=np.random.default_rng(0))
    >>> layer(np.ones((8, 1, 28, 28), np.float32)).shape
    (8, 6, 28, 28)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | None = None,
        init: Callable[..., np.ndarray] = he_normal,
        dtype: DTypeLike = np.float32,
    ) -> None:
        in_channels, out_channels, groups, rng = arguments(
            "Conv2d",
            in_channels=(count, in_channels),
            out_channels=(count, out_channels),
            groups=(count, groups),
            rng=(generator, rng),
        )
        _check_groups("Conv2d", out_channels, in_channels, groups)
        kernel = pair("Conv2d: kernel_size", kernel_size, 1)
        self.in_channels, self.out_channels, self.kernel_size = in_channels, out_channels, kernel
        self.stride, self.padding, self.dilation, self.groups = stride, padding, dilation, groups
        _windows(kernel, stride, padding, dilation)
        shape = (out_channels, in_channels // groups, *kernel)
        values = init(shape, rng, dtype)
        self.weight = Tensor(values, dtype, requires_grad=True)
        self.bias = Tensor(np.zeros(out_channels, dtype), requires_grad=True) if bias else None

    def forward(self, x: Any) -> Any:
        """Map images (N, in_channels, H, W) to images (N, out_channels, H', W')."""
        return conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """Write the arguments, those that are not the usual ones by their names."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1), ("groups", 1)):
            value = getattr(self, name)
            text += f", {name}={value!r}" if value != usual else ""
        return text if self.bias is not None else f"{text}, bias=False"
