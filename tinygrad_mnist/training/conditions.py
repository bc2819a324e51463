"""Under which conditions a run goes on with the same bits, and what is different in others."""

from __future__ import annotations

import hashlib
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import Tensor, nn

if TYPE_CHECKING:
    from tinygrad_mnist import optim
    from tinygrad_mnist.data import Digits

__all__ = [
    "describe",
    "describe_data",
    "describe_loss",
    "describe_model",
    "describe_optimiser",
    "describe_schedule",
    "differences",
]

_IMAGES = 100  # that are compared bit by bit; the labels all are
_RESTORED = ("lr", "initial_lr", "base_lrs", "last_epoch")
_CYCLED = ("momentum", "betas")  # what a schedule may set besides the learning rate


def describe_model(model: nn.Module) -> dict[str, str]:
    """Say what each Tensor of a model looks like, and how each part is printed."""
    parts = (f"{type(part).__qualname__}({part.extra_repr()})" for part in model.modules())
    return {f"part {number}": part for number, part in enumerate(parts)} | {
        name: f"{tensor.dtype} {tensor.shape}" for name, tensor in model.named_state()
    }


def describe_loss(loss_fn: object) -> str | dict[str, str]:
    """Say of what kind a loss function is; of a module with a state or parts, what these are."""
    described = describe(loss_fn)
    if not isinstance(loss_fn, nn.Module):
        return described
    within = describe_model(loss_fn)
    return described if len(within) == 1 else {"kind": described, **within}


def describe_optimiser(optimiser: optim.Optimizer) -> dict[str, Any]:
    """Say of what kind an optimiser is, with its options and what it learns in each group."""
    groups = [
        {name: describe(value) for name, value in group.items() if name not in _RESTORED + _CYCLED}
        for group in optimiser.param_groups
    ]
    options = {k: describe(v) for k, v in optimiser.defaults.items() if k not in _RESTORED}
    return {
        "kind": type(optimiser).__qualname__,
        **options,
        **{f"group {number}": group for number, group in enumerate(groups)},
    }


def describe_schedule(schedule: optim.lr_scheduler.LRScheduler | None) -> str:
    """Say of what kind a schedule is, with its options."""
    if schedule is None:
        return "none"
    return f"{type(schedule).__qualname__}({_without_progress(schedule.state_dict())})"


def _without_progress(state: Any) -> Any:
    if isinstance(state, dict):
        return {k: _without_progress(v) for k, v in state.items() if k not in _RESTORED}
    return [_without_progress(v) for v in state] if isinstance(state, list) else state


def describe_data(digits: Digits | None) -> str:
    """Say which digits these are: how many, and a checksum of all labels and some images."""
    if digits is None:
        return "none"
    images, labels = digits
    checksum = hashlib.sha256(f"{images.dtype} {images.shape} {labels.dtype}".encode())
    for part in (labels, images[:: max(1, len(images) // _IMAGES)]):
        checksum.update(np.ascontiguousarray(part).data)
    return f"{len(labels):,} (checksum {checksum.hexdigest()[:16]})"


def describe(part: object, *above: int) -> str:
    """Name a function; or the type of an object, with the arguments of which it was made.

    These are the attributes that have the names of the constructor's arguments. An object has to
    be described alike in another process, so that nothing is said by its own `repr`. `above` are
    the identities of the objects that this one is within.
    """
    if part is None:
        return "none"
    if isinstance(part, np.generic):
        part = part.item()
    if isinstance(part, bool | int | float | str):
        return repr(part)
    if isinstance(part, Tensor | np.ndarray):
        form = f"{part.dtype} {part.shape}"
        if isinstance(part, Tensor):
            if part.requires_grad:  # it is learned: what it holds is no condition
                return form
            part = np.asarray(part.numpy())
        return f"{form} (checksum {hashlib.sha256(part.tobytes()).hexdigest()[:16]})"
    above = (*above, id(part))
    if isinstance(part, list | tuple):
        return f"({', '.join(describe(each, *above) for each in part if id(each) not in above)})"
    name = str(getattr(part, "__qualname__", type(part).__qualname__))
    held = getattr(part, "__dict__", {})
    if hasattr(part, "__qualname__") or not held:
        return name
    try:
        arguments = inspect.signature(type(part)).parameters
    except (TypeError, ValueError):  # some types of C have none
        return name
    found = (
        f"{argument}={describe(held[argument], *above)}"
        for argument in arguments
        if argument in held and id(held[argument]) not in above
    )
    return f"{name}({', '.join(found)})"


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
