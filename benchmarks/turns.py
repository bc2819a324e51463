"""Timing in turns: what is compared runs in one process, and a slow moment strikes all alike."""

import time
from collections.abc import Callable

import numpy as np

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """Return how long some work takes."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def take_turns(
    contenders: dict[str, Work], turns: int, warm_up: int, rest: float = 0.0
) -> dict[str, list[float]]:
    """Return the seconds that each took for each turn, in an order drawn anew for every turn.

    Each contender does what makes a turn whenever it is called. So many turns more, to warm up,
    come before the first that counts. Before each turn there is a rest of so many seconds.
    """
    rng = np.random.default_rng(0)
    names = list(contenders)
    took: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warm_up + turns):
        rng.shuffle(names)
        for name in names:
            time.sleep(rest)
            time_of_turn = seconds(contenders[name])
            if turn >= warm_up:
                took[name].append(time_of_turn)
    return took
