"""The layers that pool: `MaxPool2d` and `AvgPool2d`."""

from __future__ import annotations

from typing import Any

from ..checks import arguments, count, no, optional, switch
from .module import Module
from .pooling import avg_pool2d, check_windows, max_pool2d
from .windows import Pair

__all__ = ["AvgPool2d", "MaxPool2d"]


class MaxPool2d(Module):
    """The largest element of each window: see `functional.max_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> MaxPool2d(2)(np.ones((8, 6, 28, 28))).shape
    (8, 6, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        check_windows("MaxPool2d", kernel_size, stride, padding, dilation)
        self.return_indices, self.ceil_mode = arguments(
            "MaxPool2d", return_indices=(no, return_indices), ceil_mode=(switch, ceil_mode)
        )
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation = padding, dilation

    def forward(self, x: Any) -> Any:
        """Map images (N, C, H, W) to smaller ones."""
        return max_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """Write the arguments that are not the usual ones."""
        return _written(self, stride=self.kernel_size, padding=0, dilation=1, ceil_mode=False)


class AvgPool2d(Module):
    """The mean of each window: see `functional.avg_pool2d`.

    Examples
    --------
    >>> import numpy as np
    >>> AvgPool2d(2)(np.ones((8, 6, 28, 28))).shape
    (8, 6, 14, 14)
    """

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        check_windows("AvgPool2d", kernel_size, stride, padding)
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode, self.count_include_pad, self.divisor_override = arguments(
            "AvgPool2d",
            ceil_mode=(switch, ceil_mode),
            count_include_pad=(switch, count_include_pad),
            divisor_override=(optional(count), divisor_override),
        )

    def forward(self, x: Any) -> Any:
        """Map images (N, C, H, W) to smaller ones."""
        return avg_pool2d(
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        """Write the arguments that are not the usual ones."""
        return _written(
            self,
            stride=self.kernel_size,
            padding=0,
            ceil_mode=False,
            count_include_pad=True,
            divisor_override=None,
        )


def _written(layer: Any, **usual: Any) -> str:
    others = (
        f"{name}={getattr(layer, name)!r}" for name in usual if getattr(layer, name) != usual[name]
    )
    return ", ".join((f"kernel_size={layer.kernel_size!r}", *others))
