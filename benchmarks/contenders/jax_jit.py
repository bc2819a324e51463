"""JAX: a jitted step, and a jitted epoch that scans over the batches."""

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from plain_mnist import Array, Labels

from .contender import LEARNING_RATE, LENET, Contender, Order

Parameters = list[Any]


def _two_layer(parameters: Parameters, images: Any) -> Any:
    W1, b1, W2, b2 = parameters
    return jax.nn.relu(images @ W1 + b1) @ W2 + b2


def _lenet(parameters: Parameters, images: Any) -> Any:
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = parameters
    x = _pooled(jax.nn.relu(_convolved(images.reshape(-1, 1, 28, 28), K1, b1, padding=2)))
    x = _pooled(jax.nn.relu(_convolved(x, K2, b2, padding=0)))
    x = jax.nn.relu(x.reshape(len(x), -1) @ W3 + b3)
    return jax.nn.relu(x @ W4 + b4) @ W5 + b5


def _convolved(x: Any, kernel: Any, bias: Any, padding: int) -> Any:
    frame = [(padding, padding)] * 2
    return lax.conv_general_dilated(x, kernel, (1, 1), frame) + bias[:, None, None]


def _pooled(x: Any) -> Any:
    window = (1, 1, 2, 2)
    return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")


def _step(logits: Any, parameters: Parameters, images: Any, labels: Any) -> tuple[Parameters, Any]:
    """Return the parameters after a step, and the loss before it."""

    def loss(parameters: Parameters) -> Any:
        log_p = jax.nn.log_softmax(logits(parameters, images))
        return -jnp.take_along_axis(log_p, labels[:, None], axis=1).mean()

    value, gradients = jax.value_and_grad(loss)(parameters)
    return [p - LEARNING_RATE * g for p, g in zip(parameters, gradients, strict=True)], value


def _picked_step(
    logits: Any, parameters: Parameters, images: Any, labels: Any, batch: Any
) -> tuple[Parameters, Any]:
    """Pick and scale a batch, and take a step."""
    return _step(logits, parameters, _scaled(images[batch]), labels[batch])


def _scan(
    logits: Any, parameters: Parameters, images: Any, labels: Any, batches: Any
) -> tuple[Parameters, Any]:
    """Take a step for each row of indices; the digits are picked at once, which is faster."""

    def body(parameters: Parameters, batch: tuple[Any, Any]) -> tuple[Parameters, Any]:
        return _step(logits, parameters, _scaled(batch[0]), batch[1])

    return lax.scan(body, parameters, (images[batches], labels[batches]))


def _scaled(pixels: Any) -> Any:
    return pixels.astype(jnp.float32) / 255


class JittedStep(Contender):
    """A step is compiled for each size of a batch; Python loops over the batches."""

    def prepare(self, weights: list[Array]) -> None:
        """Hold weights and digits as JAX's arrays, and have steps compiled when first called."""
        self._parameters = [jnp.array(array) for array in weights]
        self._images = jnp.array(self.digits.images)
        self._labels = jnp.array(self.digits.labels, dtype=jnp.int32)
        logits = _lenet if self.network == LENET else _two_layer
        self._step, self._picked_step, self._scan = (
            jax.jit(partial(function, logits), donate_argnums=0)
            for function in (_step, _picked_step, _scan)
        )

    def epoch(self, order: Order) -> float:
        """Take a step for each batch."""
        losses = []
        for batch in self.batches(order.astype(np.int32)):
            self._parameters, loss = self._picked_step(
                self._parameters, self._images, self._labels, batch
            )
            losses.append(loss)
        return float(np.mean(jax.device_get(losses)))

    def weights(self) -> list[Array]:
        """Return the weights."""
        return [np.array(array) for array in self._parameters]

    def ready(self, images: Array, labels: Labels) -> tuple[Any, Any]:
        """Make JAX's arrays of a batch."""
        return jnp.array(images), jnp.array(labels, dtype=jnp.int32)

    def step(self, images: Any, labels: Any) -> Any:
        """Take a step."""
        self._parameters, loss = self._step(self._parameters, images, labels)
        return loss

    def steps(self, batches: Sequence[tuple[Any, Any]]) -> None:
        """Take steps without waiting for any but the last."""
        super().steps(batches)
        jax.block_until_ready(self._parameters)


class ScannedEpoch(JittedStep):
    """All whole batches are one compiled loop; a smaller last batch is a step after it."""

    takes_steps: ClassVar[bool] = False

    def epoch(self, order: Order) -> float:
        """Scan over the batches."""
        whole = len(order) - len(order) % self.batch_size
        batches = order[:whole].reshape(-1, self.batch_size).astype(np.int32)
        self._parameters, losses = self._scan(self._parameters, self._images, self._labels, batches)
        values = np.asarray(losses)
        if whole < len(order):
            self._parameters, loss = self._picked_step(
                self._parameters, self._images, self._labels, order[whole:].astype(np.int32)
            )
            values = np.append(values, loss)
        return float(values.mean())
