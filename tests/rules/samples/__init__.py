"""Sample inputs for every row of the table, on which the walk in `test_rules` tries the row.

One module for each family of rules, with the same four tables: `RULES`, the samples of a rule by
its name; `DERIVED` and `CONSTANT`, calls of the functions that are not rules; and `PLAIN`, the
rules that are not NumPy's written once more in the plainest way.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from .draw import Call, Sample, restart

__all__ = ["CONSTANT_SAMPLES", "DERIVED_SAMPLES", "PLAIN", "RULE_SAMPLES", "Call", "Sample"]

Function = Callable[..., Any]


def _family(name: str) -> ModuleType:
    restart(name)
    return import_module(f"{__name__}.{name}")


_FAMILIES = [_family(module.name) for module in iter_modules(__path__) if module.name != "draw"]


def _merged(table: str) -> dict[Any, Any]:
    merged: dict[Any, Any] = {}
    for family in _FAMILIES:
        rows: Mapping[Any, Any] = getattr(family, table)
        assert not merged.keys() & rows.keys(), f"{family.__name__}: some are there twice"
        merged |= rows
    return merged


RULE_SAMPLES: dict[str, list[Sample]] = _merged("RULES")
DERIVED_SAMPLES: dict[Function, list[Call]] = _merged("DERIVED")
CONSTANT_SAMPLES: dict[Function, list[Call]] = _merged("CONSTANT")
PLAIN: dict[str, Function] = _merged("PLAIN")
