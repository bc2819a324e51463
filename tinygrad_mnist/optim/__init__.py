"""Optimisers: how the parameters follow their gradients.

`optimiser` holds what all optimisers are, `sgd`, `adam` and `rmsprop` how each moves a parameter,
`lr_scheduler` how the learning rate changes on the way, and `averaging` the moving average of the
weights. `blocks` is how large arrays pass through the cache.
"""

from . import lr_scheduler
from .adam import Adam, AdamW
from .averaging import ExponentialMovingAverage
from .optimiser import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "ExponentialMovingAverage",
    "Optimizer",
    "RMSprop",
    "lr_scheduler",
]
