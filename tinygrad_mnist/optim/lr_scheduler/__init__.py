"""Schedules: how the learning rate changes from step to step.

Each is a formula of the number of steps so far and of the learning rate that each group began
with, so that a schedule that continues from its `state_dict` sets the same numbers, bit for bit.
They have PyTorch's names and arguments, and its "closed forms".

As in PyTorch, a group notes the learning rate that it began with as ``"initial_lr"`` when it gets
its first schedule; later schedules start from that one, too.
"""

from .formulas import CosineAnnealingLR, ExponentialLR, LinearLR, StepLR
from .one_cycle import OneCycleLR
from .schedule import LRScheduler
from .sequential import SequentialLR

__all__ = [
    "CosineAnnealingLR",
    "ExponentialLR",
    "LRScheduler",
    "LinearLR",
    "OneCycleLR",
    "SequentialLR",
    "StepLR",
]
