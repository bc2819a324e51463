"""What becomes of the losses of single elements or samples: `reduction`, as PyTorch has it."""

from typing import Any

import numpy as np

__all__ = ["check_reduction", "reduced"]


def check_reduction(name: str, reduction: str, *others: str) -> None:
    """Refuse a reduction that is neither one of the usual three nor one of the others."""
    known = ("mean", "sum", "none", *others)
    if reduction not in known:
        *most, last = map(repr, known)
        raise ValueError(
            f"{name}: reduction is {reduction!r}; expected {', '.join(most)} or {last}"
        )


def reduced(name: str, losses: Any, reduction: str) -> Any:
    """Average the losses, add them up, or leave them as they are."""
    check_reduction(name, reduction)
    if reduction == "sum":
        return np.sum(losses)
    if reduction == "none":
        return losses
    if not losses.size:
        raise ValueError(f"{name}: there is nothing to average; reduction='sum' gives 0")
    return np.mean(losses)
