"""Windows that slide over images: what convolution and pooling have in common.

Images are arrays of shape (N, C, H, W), as in PyTorch. In memory, though, those that are computed
here lie in the order (H, C, W, N): `rows` is that view, `images` the way back. A row of all images
of a batch is then one piece of memory, and so is the part of it under one tap of a kernel, sample
beside sample; whatever is done along a row is done in long runs. To everybody else it is a matter
of strides, which NumPy's elementwise functions hand on.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Pair", "Windows", "check_images", "images", "pair", "rows", "steps"]

Array = Any
Pair = int | tuple[int, int]


def rows(x: Array) -> Array:
    """See images (N, C, H, W) as rows (H, C, W, N)."""
    return x.transpose(2, 1, 3, 0)


def images(x: Array) -> Array:
    """See rows (H, C, W, N) as images (N, C, H, W)."""
    return x.transpose(3, 1, 0, 2)


def pair(name: str, value: Any, least: int) -> tuple[int, int]:
    """Make a pair of what is one integer for both directions, or two; `name` is for errors."""
    try:
        down, across = value if isinstance(value, tuple | list) else (value, value)
        found = operator.index(down), operator.index(across)
    except (TypeError, ValueError):
        raise TypeError(f"{name} is {value!r}; expected an integer or a pair of them") from None
    if min(found) < least:
        raise ValueError(f"{name} is {value!r}; expected {least} or more")
    return found


def check_images(name: str, shape: tuple[int, ...]) -> None:
    """Refuse what has not the four axes of images."""
    if len(shape) != 4:
        raise ValueError(f"{name}: input of shape {shape}; expected (N, C, H, W)")


class Windows(NamedTuple):
    """The size of a window and the way it takes; each pair is for height and width.

    `padding` is a pair of pairs: how much is put before and behind the image, each way.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)

    @property
    def reach(self) -> tuple[int, int]:
        """How far it is from a window's first tap to its last."""
        (height, width), (down, across) = self.kernel, self.dilation
        return (height - 1) * down, (width - 1) * across

    @property
    def are_apart(self) -> bool:
        """Whether no place is in two windows."""
        return all(step > reach for step, reach in zip(self.stride, self.reach, strict=True))

    def framed_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Tell how large an image is with its padding."""
        (top, bottom), (left, right) = self.padding
        return size[0] + top + bottom, size[1] + left + right

    def fit(self, name: str, shape: tuple[int, ...]) -> tuple[int, int]:
        """Tell how many windows fit down and across images; `name` is who asks."""
        height, width = self.framed_size((shape[2], shape[3]))
        down, across = height - self.reach[0], width - self.reach[1]
        if down < 1 or across < 1:
            raise ValueError(
                f"{name}: input of shape {shape}: a window of {self.reach[0] + 1} × "
                f"{self.reach[1] + 1} is larger than the image, {height} × {width} with its padding"
            )
        return (down - 1) // self.stride[0] + 1, (across - 1) // self.stride[1] + 1

    def rounded_up(self, size: tuple[int, int]) -> Windows:
        """Let a last window in, which ends behind the image but begins within it or before."""
        padding: list[tuple[int, int]] = []
        for length, reach, step, (before, behind) in zip(
            size, self.reach, self.stride, self.padding, strict=True
        ):
            left = length + before + behind - reach - 1  # where the last window may begin
            number = -(-left // step) + 1
            if (number - 1) * step >= length + before:
                number -= 1
            padding.append((before, behind + max(0, (number - 1) * step - left)))
        down, across = padding
        return self._replace(padding=(down, across))

    def frame(self, x: Array, value: float = 0) -> Array:
        """Put the padding around rows; without any, they are only made contiguous."""
        if not any(map(any, self.padding)):
            return np.ascontiguousarray(x)
        height, width = self.framed_size((len(x), x.shape[2]))
        frame = np.full((height, x.shape[1], width, x.shape[3]), value, x.dtype)
        self.unframed(frame)[...] = x
        return frame

    def unframed(self, frame: Array) -> Array:
        """Take the padding away again."""
        (top, bottom), (left, right) = self.padding
        height, width = len(frame) - bottom, frame.shape[2] - right
        return frame[top:height, :, left:width]

    def taps(self, frame: Array, count: tuple[int, int]) -> Iterator[Array]:
        """See what lies under each tap of the kernel in turn, in all windows."""
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                down = steps(i * self.dilation[0], self.stride[0], count[0])
                across = steps(j * self.dilation[1], self.stride[1], count[1])
                yield frame[down, :, across]


def steps(first: int, step: int, count: int) -> slice:
    """Pick a number of places, one step apart."""
    return slice(first, first + step * (count - 1) + 1, step)
