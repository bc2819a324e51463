"""Every optimiser once more, in the plainest lines, and random options for them."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_mnist import optim

Array = Any
State = dict[str, Any]  # what a parameter remembers; empty at first

FRACTIONS = st.floats(0.0, 0.99)
RATES = st.floats(0.0, 0.1)
DECAYS = st.just(0.0) | st.floats(0.0, 0.5)

OPTIONS: dict[Any, st.SearchStrategy[dict[str, Any]]] = {
    optim.SGD: st.fixed_dictionaries(
        {
            "lr": RATES,
            "momentum": st.just(0.0) | FRACTIONS,
            "dampening": st.just(0.0) | FRACTIONS,
            "weight_decay": DECAYS,
            "nesterov": st.booleans(),
        }
    ).map(lambda o: o if o["momentum"] and not o["dampening"] else {**o, "nesterov": False}),
    optim.RMSprop: st.fixed_dictionaries(
        {
            "lr": RATES,
            "alpha": FRACTIONS,
            "eps": st.floats(0.5, 2.0),
            "weight_decay": DECAYS,
            "momentum": st.just(0.0) | FRACTIONS,
            "centered": st.booleans(),
        }
    ),
    **dict.fromkeys(
        (optim.Adam, optim.AdamW),
        st.fixed_dictionaries(
            {
                "lr": RATES,
                "betas": st.tuples(FRACTIONS, FRACTIONS),
                "eps": st.floats(1e-3, 1e-1),
                "weight_decay": DECAYS,
            }
        ),
    ),
}


def sgd(p: Array, g: Array, o: dict[str, Any], state: State) -> Array:
    g = g + o["weight_decay"] * p
    if o["momentum"]:
        fresh = 1 - o["dampening"] if state else 1.0
        v = state["v"] = o["momentum"] * state.get("v", 0.0) + fresh * g
        g = g + o["momentum"] * v if o["nesterov"] else v
    return p - o["lr"] * g


def adam(p: Array, g: Array, o: dict[str, Any], state: State) -> Array:
    return _adam(p, g + o["weight_decay"] * p, o, state)


def adamw(p: Array, g: Array, o: dict[str, Any], state: State) -> Array:
    return _adam(p, g, o, state) - o["lr"] * o["weight_decay"] * p


def _adam(p: Array, g: Array, o: dict[str, Any], state: State) -> Array:
    (a, b), t = o["betas"], state.get("t", 0) + 1
    m, v = a * state.get("m", 0.0) + (1 - a) * g, b * state.get("v", 0.0) + (1 - b) * g**2
    state.update(t=t, m=m, v=v)
    return p - o["lr"] * (m / (1 - a**t)) / (np.sqrt(v / (1 - b**t)) + o["eps"])


def rmsprop(p: Array, g: Array, o: dict[str, Any], state: State) -> Array:
    a, g = o["alpha"], g + o["weight_decay"] * p
    v = state["v"] = a * state.get("v", 0.0) + (1 - a) * g**2
    m = state["m"] = a * state.get("m", 0.0) + (1 - a) * g if o["centered"] else 0.0
    step = g / (np.sqrt(np.maximum(v - m * m, 0)) + o["eps"])
    b = state["b"] = o["momentum"] * state.get("b", 0.0) + step
    return p - o["lr"] * b


REFERENCES = {optim.SGD: sgd, optim.Adam: adam, optim.AdamW: adamw, optim.RMSprop: rmsprop}
KINDS = [*REFERENCES]
