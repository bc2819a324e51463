"""The same network twice: with gradients derived by hand, and with gradients found by autodiff.

Both start from the same weights and see the same batches, in float64. By hand, samples are columns,
as on paper; in the framework they are rows, so that its arrays are the transposed ones.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor, by_hand, nn, optim
from tinygrad_mnist.data import Batches, load_mnist

STEPS, BATCH_SIZE, ALPHA = 100, 32, 0.1
rng = np.random.default_rng(0)


def as_rows(array: by_hand.Array) -> by_hand.Array:
    """Bring a matrix (out, in) or a column (out, 1) to the form (in, out) or (out,)."""
    return array.T.squeeze()


def distances(arrays: Iterable[by_hand.Array], tensors: Iterable[Any]) -> list[float]:
    """Find the largest difference in each of four pairs."""
    pairs = zip(map(as_rows, arrays), tensors, strict=True)
    return [float(np.abs(array - tensor.numpy()).max()) for array, tensor in pairs]


digits = load_mnist()
count = STEPS * BATCH_SIZE
images, labels = digits.train_images[:count].reshape(-1, 784) / 255, digits.train_labels[:count]
print(digits.source)

parameters = by_hand.init_params(rng, dtype=np.float64)
model = nn.Sequential(
    nn.Linear(784, 10, dtype=np.float64), nn.ReLU(), nn.Linear(10, 10, dtype=np.float64)
)
model.load_state_dict(dict(zip(model.state_dict(), map(as_rows, parameters), strict=True)))
loss_fn = nn.SoftmaxCrossEntropy()
optimiser = optim.SGD(model.parameters(), lr=ALPHA)

apart = [0.0] * 4
for x, t in Batches(images, labels, BATCH_SIZE, rng):
    X, Y = x.T, by_hand.one_hot(t, dtype=np.float64)
    Z1, A1, Z2, A2 = by_hand.forward(X, *parameters)
    gradients = by_hand.backward(X, Y, Z1, A1, A2, W2=parameters[2])
    parameters = by_hand.update(parameters, gradients, ALPHA)

    loss = loss_fn(model(Tensor(x)), t)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

    now = distances(gradients, [parameter.grad for parameter in model.parameters()])
    apart = [max(pair) for pair in zip(apart, now, strict=True)]

print(f"\nThe largest differences: of gradients in {STEPS} steps, and of the trained weights\n")
print("by hand       by autodiff         gradients   weights")
rows = zip(
    ("W1", "b1", "W2", "b2"),
    parameters,
    model.named_parameters(),
    apart,
    distances(parameters, model.parameters()),
    strict=True,
)
for ours, array, (theirs, tensor), gradient, weight in rows:
    forms = f"{ours} {array.shape!s:10} {theirs:8} {tensor.shape!s:9}"
    print(f"{forms:34} {gradient:9.1e}  {weight:8.1e}")
