"""Who trains the same networks on the same digits: one family of contenders a file.

A file imports its own framework and no other, and is itself imported only when one of its
contenders is asked for, so that a process with a single contender has the memory of that one.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from .contender import LENET, Contender

PRODUCTS = "matrix products alone"
BY_HAND = "NumPy by hand"
PREALLOCATED = "NumPy by hand, preallocated"
EAGER = "ours, eager"
TO_NUMPY = "ours, compiled to NumPy"
TO_C = "ours, compiled to C"
TORCH = "PyTorch, eager"
JAX_SCAN = "JAX, scanned epoch"


class Entry(NamedTuple):
    """Where a contender is: the file and the class, and the framework that it needs.

    What keeps it from training LeNet-5, if something does, is said here, too.
    """

    file: str
    class_name: str
    framework: str = "numpy"
    without_lenet: str | None = None


CONTENDERS = {
    PRODUCTS: Entry(
        "by_hand",
        "Products",
        without_lenet="a convolution is no matrix product until somebody lays out its windows",
    ),
    BY_HAND: Entry("by_hand", "Plain"),
    PREALLOCATED: Entry(
        "by_hand",
        "Preallocated",
        without_lenet="only the networks of two layers are written out with every array set aside",
    ),
    EAGER: Entry("ours", "Eager"),
    TO_NUMPY: Entry("ours", "CompiledToNumPy"),
    TO_C: Entry("ours", "CompiledToC"),
    TORCH: Entry("pytorch", "Eager", "torch"),
    "PyTorch, torch.compile": Entry("pytorch", "Compiled", "torch"),
    "JAX, jitted step": Entry("jax_jit", "JittedStep", "jax"),
    JAX_SCAN: Entry("jax_jit", "ScannedEpoch", "jax"),
    "HIPS autograd": Entry(
        "hips_autograd",
        "Autograd",
        "autograd",
        "it has no convolution of many images by many kernels but SciPy's, and no pooling",
    ),
    "MyGrad": Entry("my_grad", "MyGrad", "mygrad"),
    "scikit-learn": Entry(
        "scikit_learn", "ScikitLearn", "sklearn", "MLPClassifier has no convolutions"
    ),
}
OURS = (EAGER, TO_NUMPY, TO_C)


def find(name: str) -> type[Contender]:
    """Import a contender, and with it the framework that it needs."""
    entry = CONTENDERS[name]
    contender: type[Contender] = getattr(
        import_module(f".{entry.file}", __name__), entry.class_name
    )
    return contender


def why_left_out(name: str, network: str) -> str | None:
    """Say why a contender does not train a network, if so."""
    entry = CONTENDERS[name]
    if find_spec(entry.framework) is None:
        return "not installed; the extra `peers` brings it"
    return entry.without_lenet if network == LENET else None
