"""The two-layer network with every gradient derived by hand, on NumPy alone.

This is the network that the framework was made for, written as one writes it on paper: no tape,
no tensors, no classes. The tests use it as an oracle: what automatic differentiation finds must be
what stands here. It shares no code with the rest of the package, so the two can only agree by
both being right.

**The network.** A sample is a *column*: ``X`` holds m images of 784 pixels as 784 × m. A hidden
layer of 10 units with ReLU and an output layer of 10 units with softmax turn it into ``A2``, whose
column j says how probable each of the ten digits is for image j::

    Z1 = W1 X + b1                   dZ2 = A2 − Y
    A1 = relu(Z1)                    dW2 = 1/m dZ2 A1ᵀ
    Z2 = W2 A1 + b2                  db2 = 1/m Σ dZ2
    A2 = softmax(Z2)                 dZ1 = W2ᵀ dZ2 .* relu'(Z1)
                                     dW1 = 1/m dZ1 Xᵀ
    W := W − α dW                    db1 = 1/m Σ dZ1
    b := b − α db

**What the gradients are gradients of.** ``Y`` is 10 × m and has a single 1 in each column, in the
row of the right digit. The loss is the mean cross-entropy, L = −1/m Σ Y .* log A2. ``dW1``,
``db1``, ``dW2`` and ``db2`` are its derivatives. ``dZ1`` and ``dZ2`` are m times its derivatives:
the 1/m waits until the samples are summed.

**Where they come from.** Take one sample, with the right digit in row r. Its loss is
−log A2[r] = log Σₖ exp Z2[k] − Z2[r]; the derivative of the first term for Z2[k] is the softmax
A2[k], that of the second is Y[k]. Hence ``dZ2 = A2 − Y``: softmax and logarithm undo each other.
The rest is the chain rule. In Z2 = W2 A1 + b2, the weight W2[k, i] is multiplied by A1[i], so its
derivative is dZ2[k] A1[i], an outer product; over all samples, the sum of outer products is the
matrix product ``dZ2 A1ᵀ``. b2 is added to every column, so its derivative is the sum of the
columns. A1[i] reaches every Z2[k] with the factor W2[k, i], so what comes back to it is
``W2ᵀ dZ2``. ReLU lets that through where Z1 is positive and stops it elsewhere (at exactly 0,
where ReLU has a kink, the derivative is taken to be 0). The first layer repeats the second.

**Three slips.** The description from which the project grew lists the shapes of all these
variables, three of them wrongly. What it calls the second ``W1`` is ``W2``, and is 10 × 10;
``dW1`` is 10 × 784, as ``W1`` is, not 10 × 10; and Σ in ``db1`` and ``db2`` sums over the samples
only (axis 1), which leaves 10 × 1 and not a single number.

Nothing below depends on the sizes 784 and 10, which stand in the comments because they are easier
to read than letters. Dtypes are NumPy's affair: float32 in, float32 out; float64 likewise.

Examples
--------
Two kinds of images of two pixels, told apart by which pixel is lit:

>>> X = np.array([[1.0, 0.9, 0.1, 0.0],
...               [0.0, 0.2, 0.8, 1.0]])
>>> labels = np.array([0, 0, 1, 1])
>>> rng = np.random.default_rng(0)
>>> parameters, history = gradient_descent(
...     X, labels, alpha=0.5, iterations=100, rng=rng, hidden=4, classes=2)
>>> history[-1].loss < history[0].loss
True
>>> Z1, A1, Z2, A2 = forward(X, *parameters)
>>> predictions(A2)
array([0, 0, 1, 1])
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[np.floating[Any]]
Labels: TypeAlias = NDArray[np.integer[Any]]
FourArrays: TypeAlias = tuple[Array, Array, Array, Array]

# n0, n1, n2: the sizes of the layers, 784, 10 and 10. A gradient is shaped like its variable.
SHAPES = {
    "X": ("n0", "m"),
    "W1": ("n1", "n0"),
    "b1": ("n1", "1"),
    "Z1": ("n1", "m"),
    "A1": ("n1", "m"),
    "W2": ("n2", "n1"),
    "b2": ("n2", "1"),
    "Z2": ("n2", "m"),
    "A2": ("n2", "m"),
    "Y": ("n2", "m"),
    "labels": ("m",),
}


class Progress(NamedTuple):
    """How well the network did before one step of gradient descent."""

    loss: float
    accuracy: float


def init_params(
    rng: np.random.Generator,
    sizes: tuple[int, int, int] = (784, 10, 10),
    dtype: DTypeLike = np.float32,
) -> FourArrays:
    """Draw the weights at random and set the biases to zero.

    A weight is normal with mean 0 and variance 2/n, n being the number of inputs of its layer:
    He initialisation (He, Zhang, Ren, Sun: Delving Deep into Rectifiers, 2015, equation 10), which
    keeps the signal at the same strength through layers with ReLU.

    Parameters
    ----------
    rng
        The source of randomness.
    sizes
        Pixels, hidden units, classes.
    dtype
        Of all four arrays. The draws are made in float64, so that one seed gives the same
        network, up to rounding, in every precision.

    Returns
    -------
    W1, b1, W2, b2
        For the default sizes: 10 × 784, 10 × 1, 10 × 10, 10 × 1.

    Raises
    ------
    ValueError
        If a size is less than 1.

    Examples
    --------
    >>> [array.shape for array in init_params(np.random.default_rng(0))]
    [(10, 784), (10, 1), (10, 10), (10, 1)]
    """
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(f"sizes must be three layer sizes of at least 1, but is {sizes}")
    n0, n1, n2 = sizes
    W1 = rng.standard_normal((n1, n0)) * math.sqrt(2 / n0)  # 10 x 784
    b1 = np.zeros((n1, 1))  # 10 x 1
    W2 = rng.standard_normal((n2, n1)) * math.sqrt(2 / n1)  # 10 x 10
    b2 = np.zeros((n2, 1))  # 10 x 1
    return W1.astype(dtype), b1.astype(dtype), W2.astype(dtype), b2.astype(dtype)


def relu(Z: Array) -> Array:
    """Replace what is negative by 0.

    Examples
    --------
    >>> relu(np.array([-1.5, 0.0, 2.0]))
    array([0., 0., 2.])
    """
    A: Array = np.maximum(Z, 0)
    return A


def softmax(Z: Array) -> Array:
    """Turn each column into probabilities: exp(Z) divided by its sum over the column.

    Parameters
    ----------
    Z
        Classes × samples, of any size: the largest number of a column is subtracted first,
        which cancels in the quotient and keeps exp from overflowing.

    Examples
    --------
    >>> softmax(np.array([[0.0, 10000.0], [0.0, 0.0]]))
    array([[0.5, 1. ],
           [0.5, 0. ]])
    """
    E: Array = np.exp(Z - Z.max(axis=0))
    A: Array = E / E.sum(axis=0)
    return A


def one_hot(labels: Labels, classes: int = 10, dtype: DTypeLike = np.float32) -> Array:
    """Write each label as a column with a single 1: ``Y``, classes × m.

    Parameters
    ----------
    labels
        Integers from 0 to ``classes − 1``, shape (m,).
    classes, dtype
        The number of rows of the result, and its dtype.

    Raises
    ------
    TypeError
        If the labels are not integers.
    ValueError
        If the labels are none, not one-dimensional or out of range.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), classes=3)
    array([[0., 1.],
           [0., 0.],
           [1., 0.]], dtype=float32)
    """
    if not np.issubdtype(labels.dtype, np.integer):
        raise TypeError(f"labels must be integers, but their dtype is {labels.dtype}")
    _check_shapes(labels=labels)
    strangers = labels[(labels < 0) | (labels >= classes)]
    if strangers.size:
        raise ValueError(f"labels must be from 0 to {classes - 1}, but one is {strangers[0]}")
    Y: Array = np.eye(classes, dtype=dtype)[:, labels]  # 10 x m
    return Y


def forward(X: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> FourArrays:
    """Compute what the network makes of the images.

    Parameters
    ----------
    X
        The images as columns, 784 × m, m at least 1.
    W1, b1, W2, b2
        The parameters.

    Returns
    -------
    Z1, A1, Z2, A2
        Before and after ReLU, before and after softmax, each 10 × m.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> parameters = init_params(np.random.default_rng(0))
    >>> [array.shape for array in forward(np.zeros((784, 3)), *parameters)]
    [(10, 3), (10, 3), (10, 3), (10, 3)]
    """
    _check_shapes(X=X, W1=W1, b1=b1, W2=W2, b2=b2)
    Z1 = W1 @ X + b1  # 10 x m
    A1 = relu(Z1)  # 10 x m
    Z2 = W2 @ A1 + b2  # 10 x m
    A2 = softmax(Z2)  # 10 x m
    return Z1, A1, Z2, A2


def backward(X: Array, Y: Array, Z1: Array, A1: Array, A2: Array, W2: Array) -> FourArrays:
    """Compute the gradients of the mean cross-entropy for the four parameters.

    Parameters
    ----------
    X, Y
        The images, 784 × m, and their one-hot labels, 10 × m.
    Z1, A1, A2
        What `forward` computed from ``X``.
    W2
        The weights of the second layer that `forward` used.

    Returns
    -------
    dW1, db1, dW2, db2
        Shaped like the parameters: 10 × 784, 10 × 1, 10 × 10, 10 × 1.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> one, half = np.ones((1, 1)), np.full((1, 1), 0.5)
    >>> dW1, db1, dW2, db2 = backward(X=half, Y=one, Z1=one, A1=one, A2=half, W2=one)
    >>> dW1, dW2
    (array([[-0.25]]), array([[-0.5]]))
    """
    _check_shapes(X=X, Z1=Z1, A1=A1, A2=A2, W2=W2, Y=Y)
    m = X.shape[1]
    dZ2 = A2 - Y  # 10 x m
    dW2 = 1 / m * dZ2 @ A1.T  # 10 x 10
    db2 = 1 / m * dZ2.sum(axis=1, keepdims=True)  # 10 x 1
    dZ1 = W2.T @ dZ2 * (Z1 > 0)  # 10 x m; relu' is 1 where Z1 > 0 and 0 elsewhere
    dW1 = 1 / m * dZ1 @ X.T  # 10 x 784
    db1 = 1 / m * dZ1.sum(axis=1, keepdims=True)  # 10 x 1
    return dW1, db1, dW2, db2


def update(parameters: FourArrays, gradients: FourArrays, alpha: float) -> FourArrays:
    """Take one step against the gradient: new parameters; the old arrays stay as they are.

    Parameters
    ----------
    parameters, gradients
        ``(W1, b1, W2, b2)`` and ``(dW1, db1, dW2, db2)``.
    alpha
        The learning rate.

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> one, half = np.ones((1, 1)), np.full((1, 1), 0.5)
    >>> W1, b1, W2, b2 = update((one, one, one, one), (half, half, half, half), alpha=0.1)
    >>> W1
    array([[0.95]])
    """
    W1, b1, W2, b2 = parameters
    dW1, db1, dW2, db2 = gradients
    _check_shapes(W1=W1, b1=b1, W2=W2, b2=b2, dW1=dW1, db1=db1, dW2=dW2, db2=db2)
    alpha = float(alpha)  # a NumPy float64 would widen float32 parameters
    W2 = W2 - alpha * dW2  # 10 x 10
    b2 = b2 - alpha * db2  # 10 x 1
    W1 = W1 - alpha * dW1  # 10 x 784
    b1 = b1 - alpha * db1  # 10 x 1
    return W1, b1, W2, b2


def cross_entropy(Z2: Array, Y: Array) -> float:
    """Compute the mean cross-entropy, −1/m Σ Y .* log softmax(Z2), in nats.

    It starts from ``Z2`` and not from ``A2``, because a probability that has been rounded to 0
    has lost its logarithm.

    Parameters
    ----------
    Z2, Y
        What `forward` computed and the one-hot labels, both 10 × m.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> Y = one_hot(np.array([0, 1]), classes=2)
    >>> cross_entropy(np.zeros((2, 2)), Y) == math.log(2)
    True
    >>> cross_entropy(np.array([[0.0, 10000.0], [0.0, 0.0]]), Y) > 4999
    True
    """
    _check_shapes(Z2=Z2, Y=Y)
    m = Z2.shape[1]
    S = Z2 - Z2.max(axis=0)  # 10 x m
    log_A2 = S - np.log(np.exp(S).sum(axis=0))  # 10 x m
    return float(-1 / m * (Y * log_A2).sum())


def predictions(A2: Array) -> NDArray[np.intp]:
    """Name the most probable class of each column, shape (m,).

    Examples
    --------
    >>> predictions(np.array([[0.2, 0.6], [0.8, 0.4]]))
    array([1, 0])
    """
    digits: NDArray[np.intp] = A2.argmax(axis=0)
    return digits


def accuracy(A2: Array, labels: Labels) -> float:
    """Compute the share of samples whose most probable class is the right one, from 0 to 1.

    Raises
    ------
    ValueError
        If there is not one label for each column.

    Examples
    --------
    >>> accuracy(np.array([[0.2, 0.6], [0.8, 0.4]]), np.array([1, 1]))
    0.5
    """
    _check_shapes(A2=A2, labels=labels)
    return float((predictions(A2) == labels).mean())


def gradient_descent(
    X: Array,
    labels: Labels,
    alpha: float = 0.1,
    iterations: int = 500,
    *,
    rng: np.random.Generator,
    hidden: int = 10,
    classes: int = 10,
) -> tuple[FourArrays, list[Progress]]:
    """Train a new network on all the samples at once, step after step.

    Parameters
    ----------
    X
        The images as columns, 784 × m, pixels from 0 to 1, float32 or float64; the network
        computes in this dtype.
    labels
        Integers from 0 to ``classes − 1``, shape (m,).
    alpha, iterations
        The learning rate and the number of steps.
    rng
        Draws the initial weights.
    hidden, classes
        The sizes of the two layers.

    Returns
    -------
    parameters
        ``(W1, b1, W2, b2)`` after the last step.
    history
        For every iteration, the loss and accuracy on the samples before its step.

    Raises
    ------
    TypeError
        If ``X`` is not floating or the labels are not integers.
    ValueError
        If shapes do not fit together, a label is out of range, ``alpha`` or ``iterations`` is
        negative, or ``alpha`` is not finite.

    Examples
    --------
    >>> X, labels = np.eye(784, 10), np.arange(10)
    >>> parameters, history = gradient_descent(X, labels, rng=np.random.default_rng(0))
    >>> len(history), history[-1].accuracy
    (500, 1.0)
    """
    if not np.issubdtype(X.dtype, np.floating):
        raise TypeError(f"X must hold floats from 0 to 1, but its dtype is {X.dtype}")
    if not 0 <= alpha < math.inf or iterations < 0:
        raise ValueError(
            "alpha and iterations must be finite and not negative, "
            f"but are {alpha} and {iterations}"
        )
    _check_shapes(X=X, labels=labels)
    Y = one_hot(labels, classes, X.dtype)
    parameters = init_params(rng, (X.shape[0], hidden, classes), X.dtype)
    history = []
    for _ in range(iterations):
        Z1, A1, Z2, A2 = forward(X, *parameters)
        history.append(Progress(cross_entropy(Z2, Y), accuracy(A2, labels)))
        gradients = backward(X, Y, Z1, A1, A2, W2=parameters[2])
        parameters = update(parameters, gradients, alpha)
    return parameters, history


def _check_shapes(**arrays: NDArray[Any]) -> None:
    """Hold arrays against `SHAPES`: NumPy would broadcast some wrong shapes without a word."""
    sizes = {"1": 1}
    for name, array in arrays.items():
        letters = SHAPES[name.removeprefix("d")]
        expected = tuple(sizes.get(letter, letter) for letter in letters)
        fits = tuple(map(sizes.setdefault, letters, array.shape)) == array.shape
        if not fits or array.ndim != len(letters):
            wanted = str(expected).replace("'", "")
            raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")
        if array.size == 0:
            raise ValueError(f"{name} must not be empty, but its shape is {array.shape}")
