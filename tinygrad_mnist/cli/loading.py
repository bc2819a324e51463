"""Loading a saved model for the commands that use one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.model_files import load_model
from tinygrad_mnist.recipes import DIGITS, PIXELS
from tinygrad_mnist.training import predict

__all__ = ["load_recogniser"]


def load_recogniser(path: Path) -> nn.Sequential:
    """Load a model, and try it on a blank image."""
    model = load_model(path)
    expected = f"{path}: expected a model from {PIXELS} pixels to {DIGITS} digits"
    try:
        predict(model, np.zeros((1, PIXELS), np.uint8))
    except ValueError as error:
        raise ValueError(f"{expected}: {error}") from error
    return model
