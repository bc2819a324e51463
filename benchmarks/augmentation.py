"""What distorting digits costs: alone, against SciPy, and beside a training step.

The contenders take turns in one process, and a ratio is taken between two times of the same turn,
so that a slow moment of the machine strikes both. SciPy distorts image by image, as the recipe is
usually written with it: a function of an image that smooths two fields by `gaussian_filter` and
samples by `map_coordinates`.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from plain_mnist import load
from processes import mnist_directory
from report import Row, Skip, median_row
from turns import seconds
from written_alike import training_step, two_layer

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.data import Batches, ElasticTransform, Prefetch

DIGITS = 60_000
TURNS = 15
SCIPY_DIGITS = 500  # of each turn, scaled up to all
TRAINING_TURNS = 21
STEPS_A_TURN = 100
BATCH = 128

Images = Any


def rows() -> Iterator[Row]:
    """Measure the elastic distortion, and training with it."""
    images, labels = load(mnist_directory(), "train")
    pictures = images.reshape(-1, 28, 28)
    yield from _training_rows(pictures, labels)
    yield from _distortion_rows(pictures)  # ends the section if SciPy is missing


def _distortion_rows(images: Images) -> Iterator[Row]:
    augment = ElasticTransform()
    rng = np.random.default_rng(0)
    distort_all = partial(seconds, lambda: augment(images, rng))
    distort_all()
    what = f"elastic distortion of {DIGITS:,} digits"
    try:
        by_scipy = partial(seconds, _scipy_distortion(augment, images[:SCIPY_DIGITS]))
    except ImportError:
        yield median_row(what, [distort_all() for _ in range(TURNS)], "s", at_most=4)
        raise Skip("SciPy is not installed; the extra `peers` brings it") from None
    pairs = [(distort_all(), by_scipy() * DIGITS / SCIPY_DIGITS) for _ in range(TURNS)]
    yield median_row(what, [ours for ours, _ in pairs], "s", at_most=4)
    speed_up = [theirs / ours for ours, theirs in pairs]
    yield median_row(f"{what}: SciPy ÷ ours", speed_up, "×", at_least=20)


def _scipy_distortion(augment: ElasticTransform, images: Images) -> Callable[[], object]:
    from scipy.ndimage import gaussian_filter, map_coordinates

    rng = np.random.default_rng(0)

    def distorted(image: Images) -> Images:
        dy, dx = (
            augment.alpha * gaussian_filter(rng.uniform(-1, 1, image.shape), augment.sigma)
            for _ in range(2)
        )
        y, x = np.indices(image.shape)
        return map_coordinates(image, [y + dy, x + dx], order=1)

    return lambda: [distorted(image) for image in images]


def _training_rows(images: Images, labels: Images) -> Iterator[Row]:
    """Train in turns of an epoch on so many digits, with and without distortions."""
    count = STEPS_A_TURN * BATCH
    images, labels = images[:count], labels[:count]
    rng = np.random.default_rng(0)
    plain = Batches(images, labels, BATCH, rng)
    ahead = Prefetch(Batches(images, labels, BATCH, rng, augment=ElasticTransform()))
    train_plain, train_distorted = (_training(batches) for batches in (plain, ahead))
    ratios, milliseconds, waits = [], [], []
    for turn in range(TRAINING_TURNS + 1):
        without, distorted = train_plain(), train_distorted()
        if turn > 0:
            ratios.append(distorted / without)
            milliseconds.append(1e3 * without / STEPS_A_TURN)
            waits.append(100 * ahead.waits / STEPS_A_TURN)
    what = f"784-800-10, batch {BATCH}"
    yield median_row(f"{what}: training with distortions ÷ without", ratios, "×", at_most=2)
    yield median_row(f"{what}: steps that waited for their digits", waits, "%")
    yield median_row(f"{what}: a step without distortions", milliseconds, "ms")


def _training(batches: Iterable[Any]) -> Callable[[], float]:
    """Make the training of a network of its own, for one epoch at a time."""
    rng = np.random.default_rng(0)
    model = two_layer(nn, 800, rng=rng)
    optimiser = optim.SGD(model.parameters(), lr=0.1)
    step = training_step(model, nn.SoftmaxCrossEntropy(), optimiser)

    def train() -> None:
        for x, y in batches:
            step(Tensor(x.reshape(len(x), -1), copy=False), y)

    return partial(seconds, train)
