"""Training: teach a model the digits, lose nothing to a crash, and see what it has learned.

`fit` (loop.py) is the loop: a batch goes down through the model to the loss, its gradients come
up again, and the optimiser takes a step; arguments.py refuses what can't be trained, before that.
`evaluate` and `predict` (evaluation.py) look at the model from outside. They work with any module
that maps images, one a row, to ten logits. history.py has what a training tells while it runs. A
`Run` (run.py) is all that changes on the way; checkpoints.py keeps it in files, whose form
checkpoint_file.py defines, and conditions.py sees that a run is resumed under the conditions in
which it began.
"""

from .checkpoints import Checkpoint, CheckpointError, Checkpoints, load_checkpoint
from .evaluation import DIGITS, Evaluation, evaluate, predict
from .history import Callback, DivergedError, Epoch, Step
from .loop import fit

__all__ = [
    "DIGITS",
    "Callback",
    "Checkpoint",
    "CheckpointError",
    "Checkpoints",
    "DivergedError",
    "Epoch",
    "Evaluation",
    "Step",
    "evaluate",
    "fit",
    "load_checkpoint",
    "predict",
]
