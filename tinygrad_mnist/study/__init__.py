"""Seeing inside: the graph as data and as a picture, the backward sweep step by step.

Nothing here is needed to compute: it all looks at what the engine has recorded anyway. `tape` reads
that, `names` finds out what people call it, and `layers` which module an operation belongs to. From
these come the `graph`, which `dot` and `mermaid` draw, the `trace` of a sweep over a copy that is
`noting` it, the `check` of one entry of a gradient, by a `replay` of the forward pass or by a
function whose modules `reach` finds, and the `derivations` by hand and by autodiff.
"""

from .check import Check, check
from .derivations import Comparison, Derivation, compare_by_hand
from .graph import Graph, graph
from .parts import GraphEdge, GraphNode, Group
from .trace import Contribution, Step, Trace, trace

__all__ = [
    "Check",
    "Comparison",
    "Contribution",
    "Derivation",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Group",
    "Step",
    "Trace",
    "check",
    "compare_by_hand",
    "graph",
    "trace",
]
