"""Saved models: one safetensors file that whoever loads it needs nothing else for.

It holds the weights under their names in the model, and in its metadata a record that tells the
format's version and every layer with its arguments. `models` has the networks of this package, but
any layers in a row can be saved that compute with what the one before them computed: all of `nn`
except Embedding, which takes indices.
"""

from __future__ import annotations

import inspect
import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.atomic import atomic_write
from tinygrad_mnist.extras import need
from tinygrad_mnist.regular import open_regular

__all__ = ["ModelFileError", "load_model", "read_record", "save_model"]

_VERSION = 2
# One entry, since the order of several would change from one process to the next, and with it
# the bytes of the file.
_ENTRY = "tinygrad_mnist"

_LAYERS: dict[str, Any] = {
    layer.__name__: layer
    for layer in (
        nn.AvgPool2d,
        nn.BatchNorm1d,
        nn.BatchNorm2d,
        nn.Conv2d,
        nn.Dropout,
        nn.ELU,
        nn.Flatten,
        nn.GELU,
        nn.LayerNorm,
        nn.LeakyReLU,
        nn.Linear,
        nn.LogSoftmax,
        nn.MaxPool2d,
        nn.ReLU,
        nn.SiLU,
        nn.Sigmoid,
        nn.Softmax,
        nn.Softplus,
        nn.Tanh,
        nn.Unflatten,
    )
}
_NOT_SAVED = ("rng", "init", "dtype")  # of a layer's arguments
# These are read but not written: another name of `dim`, and what can only be False.
_NOT_WRITTEN = ("axis", "return_indices")
# A file has several bytes for each number of its layers; but some, such as BatchNorm1d with
# affine=False, make arrays that it does not hold. More of these than so many are not believed.
_UNSTORED = 2**20


class ModelFileError(ValueError):
    """A file that does not hold a sound model of this package."""


def save_model(path: str | os.PathLike[str], model: nn.Sequential, trained_on: str = "") -> None:
    """Save a model to one file, which appears whole or not at all.

    The same weights always give the same bytes.

    Parameters
    ----------
    path
        The file to create or to replace. By custom its name ends in ``.safetensors``.
    model
        A Sequential of layers of `nn`, without Embedding, a loss or a module of one's own; with
        parameters of float32.
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
    >>> from tinygrad_mnist.models import mlp
    >>> model = mlp([784, 10, 10], np.random.default_rng(0))
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     path = os.path.join(directory, "model.safetensors")
    ...     save_model(path, model, trained_on="sample")
    ...     load_model(path).state_dict().keys() == model.state_dict().keys()
    True
    """
    safetensors = need("safetensors.numpy", "cli", "saving a model")
    layers = _describe(model)
    # safetensors writes an array's memory as it lies, whatever its strides.
    weights = {name: np.asarray(a, order="C") for name, a in model.state_dict().items()}
    if _forms(_build(layers)) != {name: (a.dtype, a.shape) for name, a in weights.items()}:
        raise ValueError(_unknown(model))
    for name, array in weights.items():
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds values that are not finite: such a model is not saved")
    record = {"version": _VERSION, "layers": layers, "trained_on": trained_on}
    content = safetensors.save(weights, {_ENTRY: json.dumps(record)})
    with atomic_write(path) as file:
        file.write(content)


def load_model(path: str | os.PathLike[str]) -> nn.Sequential:
    """Load a model that `save_model` saved. It is in evaluation mode.

    Raises
    ------
    ModelFileError
        If the file is damaged, or is not a model of this format and version.
    OSError
        If the file cannot be read.
    ImportError
        If safetensors is not installed.
    """
    return _read(path)[1]


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what a saved model says of itself.

    Returns
    -------
    dict
        ``version`` of the format, ``layers``, each as its name and its arguments, and
        ``trained_on``.

    Raises
    ------
    ModelFileError, OSError, ImportError
        As `load_model`.
    """
    return _read(path)[0]


def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], nn.Sequential]:
    """Read the record and the model, and check them against each other."""
    safetensors = need("safetensors", "cli", "loading a model")
    name = os.fspath(path)
    with open_regular(path) as content:
        size = os.fstat(content.fileno()).st_size
    try:
        with safetensors.safe_open(name, framework="np") as file:
            record = _checked_record(name, file.metadata())
            model = _build_sound(name, record["layers"], size)
            found = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
            _check_weights(
                name,
                expected=_forms(model),
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
    model.load_state_dict(weights)
    return record, model.eval()


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
    if record["version"] not in (1, _VERSION):
        raise ModelFileError(
            f"{name}: written in version {record['version']!r} of the format, "
            f"expected version {_VERSION} or 1"
        )
    if record["version"] == 1:
        record["layers"] = _layers_of_version_1(record.pop("sizes", None))
    if not (_is_description(record.get("layers")) and isinstance(record.get("trained_on"), str)):
        raise damaged
    return record


def _layers_of_version_1(sizes: Any) -> list[Any] | None:
    """Write the layers of the first format, which knew the sizes of `mlp` and nothing else."""
    if not isinstance(sizes, list) or len(sizes) < 2:
        return None
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        arguments = {"in_features": inputs, "out_features": outputs, "bias": True}
        layers += [["Linear", arguments], ["ReLU", {}]]
    return layers[:-1]


def _is_description(layers: Any) -> bool:
    return isinstance(layers, list) and all(
        isinstance(layer, list)
        and len(layer) == 2
        and isinstance(layer[0], str)
        and isinstance(layer[1], dict)
        for layer in layers
    )


# --- layers as data -----------------------------------------------------------------------


def _describe(model: nn.Sequential) -> list[list[Any]]:
    """Name every layer of a model, with its arguments."""
    if type(model) is not nn.Sequential or any(
        _LAYERS.get(type(layer).__name__) is not type(layer) for layer in model
    ):
        raise ValueError(_unknown(model))
    return [
        [type(layer).__name__, {name: _argument(layer, name) for name in _saved(type(layer))}]
        for layer in model
    ]


def _saved(layer: type[nn.Module]) -> list[str]:
    names = inspect.signature(layer).parameters
    return [name for name in names if name not in _NOT_SAVED + _NOT_WRITTEN]


def _argument(layer: nn.Module, name: str) -> Any:
    """Tell with which argument a layer was made; layers keep them as attributes."""
    value = getattr(layer, name)
    return value is not None if name == "bias" else _plain(value)


def _plain(value: Any) -> Any:
    """Make Python's own numbers of NumPy's."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _unknown(model: nn.Module) -> str:
    found = " ".join(repr(model).split())
    return (
        f"expected a Sequential of layers that are one of {', '.join(_LAYERS)}, with parameters "
        f"of float32, found {found}"
    )


def _build(layers: Sequence[Any], most: float = math.inf) -> nn.Sequential:
    """Build a model of empty layers, with not many more than so many weights in all of them."""
    left = most

    def take(shape: tuple[int, ...]) -> None:
        nonlocal left
        left -= math.prod(shape)
        if left < 0:
            raise ValueError(f"expected at most {most:,} weights, found the shape {shape}")

    def blank(shape: tuple[int, ...], *_: Any) -> np.ndarray:
        take(shape)
        return np.zeros(shape, np.float32)

    built = []
    for name, arguments in layers:
        layer = _LAYERS[name]
        arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
        _check_arguments(layer, arguments)
        taken = inspect.signature(layer).parameters
        if "init" in taken:
            arguments = arguments | {"init": blank}
        if "dtype" in taken:  # it makes arrays, which are to be bounded before they are made
            shapes = (v if isinstance(v, tuple) else (v,) for v in arguments.values())
            sizes = [shape for shape in shapes if all(type(n) is int for n in shape)]
            take(max(sizes, key=math.prod, default=()))
        built.append(layer(**arguments))
    return nn.Sequential(*built)


def _check_arguments(layer: type[nn.Module], arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that a layer does not have, or that are of another type."""
    taken = inspect.signature(layer, eval_str=True).parameters
    for name, value in arguments.items():
        if name not in taken or name in _NOT_SAVED:
            raise ValueError(f"{layer.__name__} has no argument {name}")
        if not _is_of(taken[name].annotation, value):
            raise ValueError(f"{layer.__name__}: {name} is {value!r}")


def _is_of(kind: Any, value: Any) -> bool:
    """Tell whether a value is of a type such as the arguments of layers have."""
    if isinstance(kind, UnionType):
        return any(_is_of(each, value) for each in get_args(kind))
    if get_origin(kind) is not None:  # a tuple or another sequence
        return isinstance(value, tuple) and all(_is_of(get_args(kind)[0], v) for v in value)
    if kind is float and type(value) is int:
        return abs(value) <= sys.float_info.max
    return type(value) is (NoneType if kind is None else kind)


def _build_sound(name: str, layers: Sequence[Any], size: int) -> nn.Sequential:
    """Build what the record of a file of so many bytes says, if it can be."""
    try:
        return _build(layers, size + _UNSTORED)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"{name}: its layers make no sense: {error}") from None


def _forms(model: nn.Module) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Tell dtype and shape of everything that a model holds."""
    return {name: (tensor.dtype, tensor.shape) for name, tensor in model.named_state()}


_SAFETENSORS_NAMES = {np.dtype(np.float32): "F32", np.dtype(np.int64): "I64"}


def _check_weights(
    name: str,
    expected: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]],
    found: Mapping[str, tuple[str, tuple[int, ...]]],
) -> None:
    if expected.keys() != found.keys():
        raise ModelFileError(
            f"{name}: expected the arrays {', '.join(sorted(expected)) or 'none'}, "
            f"found {', '.join(sorted(found)) or 'none'}"
        )
    for key, (dtype, shape) in found.items():
        kind = _SAFETENSORS_NAMES[expected[key][0]]
        if (dtype, shape) != (kind, expected[key][1]):
            raise ModelFileError(
                f"{name}: expected {key} as {kind} of shape {expected[key][1]}, "
                f"found {dtype} of shape {shape}"
            )
