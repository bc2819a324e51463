"""Seeing inside: the graph as data and as a picture, and the backward sweep step by step."""

from .check import Check, check
from .graph import Graph, GraphEdge, GraphNode, Group, graph
from .trace import Contribution, Step, Trace, trace

__all__ = [
    "Check",
    "Contribution",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Group",
    "Step",
    "Trace",
    "check",
    "graph",
    "trace",
]
