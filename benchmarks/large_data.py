"""Training on more digits than are to be in memory: two million, an IDX file of 1.6 GB.

Two processes of their own, of which this file is the program: one writes the file piece by piece,
from MNIST's digits shifted to ever other places; one trains on it, for a whole epoch in shuffled
order, and looks every few milliseconds how much memory it has of its own. That is RssAnon in
``/proc/self/status``: what the process has allocated and touched. The pages of the mapped file are
not in it, since they are the system's copy of the disk, shared by all who read the file, and given
up as soon as anybody needs the memory.
"""

import json
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import disk_usage
from threading import Event, Thread

import numpy as np
from plain_mnist import load
from processes import mnist_directory, run
from report import Row, Skip, single_row

from tinygrad_mnist import optim
from tinygrad_mnist.data import load_mnist, write_idx
from tinygrad_mnist.models import mlp
from tinygrad_mnist.training import fit

DIGITS = 2_000_000
TEST_DIGITS = 1000
BATCH = 128
EVERY = 0.005  # seconds
STATUS = Path("/proc/self/status")


def rows() -> Iterator[Row]:
    """Write the file, train on it, remove it."""
    source = mnist_directory()
    if not STATUS.exists() or "RssAnon" not in STATUS.read_text():
        raise Skip(f"{STATUS} does not say how much memory is private")
    with tempfile.TemporaryDirectory() as directory:
        if disk_usage(directory).free < 2 * DIGITS * 784:
            raise Skip(f"{directory} has not twice the {DIGITS * 784 / 1e9:.1f} GB that are needed")
        program = str(Path(__file__).resolve())
        run(program, "write", directory, str(source))
        result = json.loads(run(program, "train", directory).output)
    what = f"{DIGITS:,} digits, an epoch of 784-10-10, batch {BATCH}"
    yield single_row(f"{what}: private memory", result["megabytes"], "MB", at_most=300)
    yield single_row(f"{what}: time", result["seconds"], "s")


def write(directory: Path, source: Path) -> None:
    """Write the four files of a data set like MNIST, but larger."""
    images, labels = load(source, "train")
    images = images.reshape(-1, 28, 28)
    with (directory / "train-images-idx3-ubyte").open("wb") as file:
        file.write(struct.pack(">4B3I", 0, 0, 8, 3, DIGITS, 28, 28))
        for start in range(0, DIGITS, len(images)):
            shift = divmod(start // len(images), 6)  # MNIST's digits have margins of 4 pixels
            file.write(np.roll(images, shift, axis=(1, 2))[: DIGITS - start].data)
    write_idx(directory / "train-labels-idx1-ubyte", np.resize(labels, DIGITS))
    write_idx(directory / "t10k-images-idx3-ubyte", images[:TEST_DIGITS])
    write_idx(directory / "t10k-labels-idx1-ubyte", labels[:TEST_DIGITS])


def train(directory: Path) -> None:
    """Train for an epoch; print the seconds and the largest private memory."""
    done = Event()
    peaks = [0.0]
    watch = Thread(target=_watch, args=(done, peaks))
    watch.start()
    begin = time.perf_counter()
    try:
        loss = _epoch(directory)
    finally:
        seconds = time.perf_counter() - begin
        done.set()
        watch.join()
    if not loss < 1:
        raise SystemExit(f"the loss is {loss} after an epoch: nothing was learned")
    print(json.dumps({"megabytes": peaks[0], "seconds": seconds}))


def _epoch(directory: Path) -> float:
    """Return the mean loss of an epoch."""
    rng = np.random.default_rng(0)
    model = mlp([784, 10, 10], rng)
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    digits = load_mnist(directory).train
    (epoch,) = fit(model, digits, optimiser, epochs=1, batch_size=BATCH, rng=rng)
    return epoch.train_loss


def _watch(done: Event, peaks: list[float]) -> None:
    while not done.wait(EVERY):
        status = STATUS.read_text()
        kilobytes = int(status.partition("RssAnon:")[2].split()[0])
        peaks[0] = max(peaks[0], kilobytes * 1024 / 1e6)


if __name__ == "__main__":
    command, *paths = sys.argv[1:]
    {"write": write, "train": train}[command](*map(Path, paths))
