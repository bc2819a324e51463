"""Seeing inside: the graph as data and as a picture, and the backward sweep step by step."""

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
