"""A program to be killed: it trains, goes on from where it was, and notes what came out.

``python killed_run.py DIR`` keeps a checkpoint of every step in DIR, and goes on from the newest if
there is one. It prints a line when the training begins, and at the end writes a checksum of all
that the run has led to, to the file ``outcome``. ``python killed_run.py DIR PLACE`` kills itself at
a place, one of `PLACES`, within the writing of its third checkpoint.
"""

import hashlib
import os
import signal
import sys
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from small_runs import Shaken, outcome, small

from tinygrad_mnist import optim
from tinygrad_mnist.data import RandomAffine, load_mnist, split
from tinygrad_mnist.training import Checkpoints, fit

EPOCHS, BATCH_SIZE = 4, 100
# The function in which it dies, and in which call: a directory is flushed after each file.
PLACES = {
    "half of the file": ("fsync", 5),
    "before the name": ("replace", 3),
    "before what is old goes": ("fsync", 6),
}


def die(place: str) -> None:
    """Make a function of the system kill this process."""
    name, number = PLACES[place]
    original, calls = getattr(os, name), count(1)

    def dying(*arguments: Any) -> None:
        if next(calls) == number:
            if place == "half of the file":
                os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        original(*arguments)

    setattr(os, name, dying)


def main(directory: Path) -> None:
    digits, valid = split(load_mnist("sample").train, 400)
    rng = np.random.default_rng(7)
    model = Shaken(small(), rng)
    optimiser = optim.Adam(model.parameters(), lr=0.005)
    arguments = {
        "model": model,
        "optimiser": optimiser,
        "schedule": optim.lr_scheduler.LinearLR(optimiser, total_iters=120),
        "average": optim.ExponentialMovingAverage(model, 0.99),
        "rng": rng,
    }
    checkpoints = Checkpoints(directory, every=0)
    resume = checkpoints.latest() if checkpoints.paths() else None
    print("begins", flush=True)  # noqa: T201
    history = fit(
        **arguments,
        digits=digits,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        augment=RandomAffine(degrees=10.0, translate=0.1),
        valid=valid,
        patience=EPOCHS,
        checkpoints=checkpoints,
        resume=resume,
    )
    checksum = hashlib.sha256(repr(outcome(arguments, history)).encode()).hexdigest()
    (directory / "outcome").write_text(checksum)


if __name__ == "__main__":
    for place in sys.argv[2:]:
        die(place)
    main(Path(sys.argv[1]))
