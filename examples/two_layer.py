"""A digit recogniser of two layers, from the data to the answer, in one page."""

import numpy as np

from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.data import Batches, load_mnist, scale

EPOCHS = 5
rng = np.random.default_rng(0)

# The digits: images of 28 × 28 pixels as rows of 784.
digits = load_mnist()
train_images = digits.train_images.reshape(-1, 784)
test_images = Tensor(scale(digits.test_images.reshape(-1, 784)))
print(digits.source)

# The model, its loss, and what makes the loss smaller.
model = nn.Sequential(nn.Linear(784, 10, rng=rng), nn.ReLU(), nn.Linear(10, 10, rng=rng))
loss_fn = nn.SoftmaxCrossEntropy()
optimiser = optim.SGD(model.parameters(), lr=0.1)

# The loop: a batch goes down to the loss, gradients come up, the parameters take a step.
for epoch in range(1, EPOCHS + 1):
    for images, labels in Batches(train_images, digits.train_labels, batch_size=32, rng=rng):
        loss = loss_fn(model(Tensor(images, copy=False)), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    # The evaluation: the most probable digit is the answer.
    with no_grad():
        answers = model(test_images).numpy().argmax(axis=1)
    print(f"epoch {epoch}: {np.mean(answers == digits.test_labels):.2%} of the test digits right")
