"""What elementwise functions say of shapes that do not fit together.

Their inputs are broadcast against each other; the engine undoes that on the way back.
"""

from typing import Any

import numpy as np

__all__ = ["explain_broadcasting"]


def explain_broadcasting(*inputs: Any, **_: Any) -> str:
    """Name the shapes of the inputs if they do not broadcast; else say nothing."""
    shapes = [np.shape(value) for value in inputs if value is not None]
    try:
        np.broadcast_shapes(*shapes)
    except ValueError:
        return f"shapes {' and '.join(map(str, shapes))} do not broadcast"
    return ""
