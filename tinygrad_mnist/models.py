"""Models: how the digit recogniser is built, saved and loaded.

A saved model is one safetensors file: the weights under their names in the model, and a record in
the metadata that tells the format's version and the sizes of the layers, so that whoever loads it
needs nothing else. `training` teaches a model; `nn` has the layers that it is made of.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.extras import need
from tinygrad_mnist.regular import open_regular

__all__ = ["ModelFileError", "layer_sizes", "load_model", "mlp", "read_record", "save_model"]

_VERSION = 1
# One entry, since the order of several would change from one process to the next, and with it
# the bytes of the file.
_ENTRY = "tinygrad_mnist"


class ModelFileError(ValueError):
    """A file that does not hold a sound model of this package."""


def mlp(sizes: Sequence[int], rng: np.random.Generator) -> nn.Sequential:
    """Build a multilayer perceptron: linear layers with a ReLU between each two.

    Parameters
    ----------
    sizes
        The number of inputs, the units of each hidden layer, and the number of classes.
    rng
        Draws the weights, float32, by He's rule; the biases start at 0.

    Returns
    -------
    Sequential
        Maps an array of shape (samples, inputs) to logits of shape (samples, classes).

    Raises
    ------
    ValueError
        If there are fewer than two sizes, or one is less than 1.

    Examples
    --------
    >>> mlp([784, 10, 10], np.random.default_rng(0))
    Sequential(
      (0): Linear(784, 10)  # 7,850 parameters
      (1): ReLU()
      (2): Linear(10, 10)  # 110 parameters
    )  # 7,960 parameters
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"expected two or more layer sizes of at least 1, found {list(sizes)}")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs, rng=rng), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def layer_sizes(model: nn.Sequential) -> list[int]:
    """Return the sizes from which `mlp` would build a model of this form.

    Raises
    ------
    ValueError
        If `mlp` builds no such models.

    Examples
    --------
    >>> layer_sizes(mlp([784, 10, 10], np.random.default_rng(0)))
    [784, 10, 10]
    """
    weights = [layer.weight for layer in list(model)[::2] if isinstance(layer, nn.Linear)]
    between = list(model)[1::2]
    if len(model) == 2 * len(weights) - 1 and all(type(layer) is nn.ReLU for layer in between):
        sizes = [weights[0].shape[0], *(weight.shape[1] for weight in weights)]
        state = model.state_dict()
        shapes = {name: array.shape for name, array in state.items()}
        if shapes == _shapes(sizes) and all(a.dtype == np.float32 for a in state.values()):
            return sizes
    found = " ".join(repr(model).split())
    raise ValueError(
        f"expected linear layers of float32 with a ReLU between each two, found {found}"
    )


def save_model(path: str | os.PathLike[str], model: nn.Sequential, trained_on: str = "") -> None:
    """Save a model to one file, which appears whole or not at all.

    The same weights always give the same bytes.

    Parameters
    ----------
    path
        The file to create or to replace. By custom its name ends in ``.safetensors``.
    model
        A model of the form that `mlp` builds.
    trained_on
        The kind of data that it learned from, for the record: an `MNIST.kind`.

    Raises
    ------
    ValueError
        If the model has another form, or a weight is not finite.
    OSError
        If the file cannot be written.
    ImportError
        If safetensors is not installed.

    Examples
    --------
    >>> import os, tempfile
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.safetensors")
    ...     save_model(path, model, trained_on="sample")
    ...     load_model(path).state_dict().keys() == model.state_dict().keys()
    True
    """
    safetensors = need("safetensors.numpy", "cli", "saving a model")
    record = {"version": _VERSION, "sizes": layer_sizes(model), "trained_on": trained_on}
    # safetensors writes an array's memory as it lies, whatever its strides.
    weights = {name: np.ascontiguousarray(a) for name, a in model.state_dict().items()}
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite: such a model is not saved")
    content = safetensors.save(weights, {_ENTRY: json.dumps(record)})
    with atomic_write(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> nn.Sequential:
    """Load a model that `save_model` saved.

    Raises
    ------
    ModelFileError
        If the file is damaged, or is not a model of this format and version.
    OSError
        If the file cannot be read.
    ImportError
        If safetensors is not installed.
    """
    record, weights = _read(path)
    model = mlp(record["sizes"], np.random.default_rng(0))
    model.load_state_dict(weights)
    return model


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a saved model says of itself.

    Returns
    -------
    dict
        ``version`` of the format, ``sizes`` of the layers, and ``trained_on``.

    Raises
    ------
    ModelFileError, OSError, ImportError
        As `load_model`.
    """
    return _read(path)[0]


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read the record and the weights of a saved model, and check them against each other."""
    safetensors = need("safetensors", "cli", "loading a model")
    name = os.fspath(path)
    with open_regular(path):
        pass  # a missing file is told in Python's own words
    try:
        with safetensors.safe_open(name, framework="np") as file:
            record = _checked_record(name, file.metadata())
            found = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            _check_weights(
                name,
                expected=_shapes(record["sizes"]),
                found={
                    key: (part.get_dtype(), tuple(part.get_shape())) for key, part in found.items()
                },
            )
            weights = {key: file.get_tensor(key) for key in found}
    except safetensors.SafetensorError as error:
        raise ModelFileError(f"{name}: not a sound safetensors file: {error}") from None
    for key, array in weights.items():
        if not np.isfinite(array).all():
            raise ModelFileError(f"{name}: {key} holds values that are not finite numbers")
    return record, weights


def _checked_record(name: str, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    entry = (metadata or {}).get(_ENTRY)
    if entry is None:
        raise ModelFileError(f"{name}: a safetensors file, but not a model of tinygrad_mnist")
    damaged = ModelFileError(f"{name}: its metadata is damaged: found {entry[:80]!r}")
    try:
        record = json.loads(entry)
    except (ValueError, RecursionError):
        raise damaged from None
    if not isinstance(record, dict) or "version" not in record:
        raise damaged
    if record["version"] != _VERSION:
        raise ModelFileError(
            f"{name}: written in version {record['version']!r} of the format, "
            f"expected version {_VERSION}"
        )
    sizes = record.get("sizes")
    if (
        not isinstance(sizes, list)
        or len(sizes) < 2
        or not all(type(size) is int and size > 0 for size in sizes)
        or not isinstance(record.get("trained_on"), str)
    ):
        raise damaged
    return record


def _shapes(sizes: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Say which arrays belong to a model, and their shapes, before any of it is built."""
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        shapes[f"{2 * i}.weight"] = inputs, outputs
        shapes[f"{2 * i}.bias"] = (outputs,)
    return shapes


def _check_weights(
    name: str,
    expected: Mapping[str, tuple[int, ...]],
    found: Mapping[str, tuple[str, tuple[int, ...]]],
) -> None:
    if expected.keys() != found.keys():
        raise ModelFileError(
            f"{name}: expected the arrays {', '.join(sorted(expected))}, "
            f"found {', '.join(sorted(found)) or 'none'}"
        )
    for key, (dtype, shape) in found.items():
        if (dtype, shape) != ("F32", expected[key]):
            raise ModelFileError(
                f"{name}: expected {key} as F32 of shape {expected[key]}, "
                f"found {dtype} of shape {shape}"
            )
