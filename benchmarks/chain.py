"""A chain of a million additions, forward and backward: prints the seconds that it took.

It is a program of its own, so that its peak memory is that of the chain and nothing else.
"""

import sys
import time

from tinygrad_mnist import Tensor


def main(nodes: int) -> None:
    """Build the chain, sweep it, free it."""
    start = time.perf_counter()
    first = Tensor(0.0, requires_grad=True)
    x = first
    for _ in range(nodes):
        x = x + 1.0
    x.backward()
    value = x.item()
    del x
    seconds = time.perf_counter() - start
    gradient = first.grad
    if value != nodes or gradient is None or gradient.item() != 1:
        raise SystemExit(f"the chain gave {value} and the gradient {gradient}, not {nodes} and 1")
    print(seconds)


if __name__ == "__main__":
    main(int(sys.argv[1]))
