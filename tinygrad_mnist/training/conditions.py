"""Under which conditions a run goes on with the same bits, and what is different in others."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist import nn
    from tinygrad_mnist.data import Digits

__all__ = ["describe_data", "describe_kind", "describe_model", "differences"]

_IMAGES = 100  # that are compared bit by bit; the labels all are


def describe_model(model: nn.Module) -> dict[str, str]:
    """Say what each Tensor of a model looks like."""
    return {name: f"{tensor.dtype} {tensor.shape}" for name, tensor in model.named_state()}


def describe_data(digits: Digits | None) -> str:
    """Say which digits these are: how many, and a checksum of all labels and some images."""
    if digits is None:
        return "none"
    images, labels = digits
    checksum = hashlib.sha256(f"{images.dtype} {images.shape} {labels.dtype}".encode())
    for part in (labels, images[:: max(1, len(images) // _IMAGES)]):
        checksum.update(np.ascontiguousarray(part).data)
    return f"{len(labels):,} (checksum {checksum.hexdigest()[:16]})"


def describe_kind(part: object) -> str:
    """Name a function, or the type of an object."""
    if part is None:
        return "none"
    return str(getattr(part, "__qualname__", type(part).__qualname__))


def differences(there: dict[str, Any], here: dict[str, Any], within: str = "") -> list[str]:
    """List what differs between the conditions of a checkpoint and those at hand."""
    found = []
    for key in there.keys() | here.keys():
        a, b = there.get(key, "missing"), here.get(key, "missing")
        if isinstance(a, dict) and isinstance(b, dict):
            found += differences(a, b, f"{within}{key} ")
        elif a != b:
            found.append(f"{within}{key} is {a} there and {b} here")
    return sorted(found)
