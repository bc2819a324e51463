"""A program to be killed: it trains, goes on from where it was, and says what came out.

``python killed_run.py DIR SECONDS`` keeps checkpoints in DIR every SECONDS, and goes on from the
newest if there is one. It prints a line when the training begins, and at the end a checksum of
all that the run has led to.
"""

import hashlib
import sys

import numpy as np
from small_runs import Shaken, outcome, small

from tinygrad_mnist import optim
from tinygrad_mnist.data import RandomAffine, load_mnist, split
from tinygrad_mnist.training import Checkpoints, fit

EPOCHS, BATCH_SIZE = 10, 100


def main(directory: str, every: float) -> None:
    digits, valid = split(load_mnist("sample").train, 400)
    rng = np.random.default_rng(7)
    model = Shaken(small(), rng)
    optimiser = optim.Adam(model.parameters(), lr=0.005)
    arguments = {
        "model": model,
        "optimiser": optimiser,
        "schedule": optim.lr_scheduler.LinearLR(optimiser, total_iters=300),
        "average": optim.ExponentialMovingAverage(model, 0.99),
        "rng": rng,
    }
    checkpoints = Checkpoints(directory, every=every)
    resume = checkpoints.latest() if checkpoints.paths() else None
    print("begins at", resume.step if resume else 0, flush=True)  # noqa: T201
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
    print(hashlib.sha256(repr(outcome(arguments, history)).encode()).hexdigest())  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
