"""A program written out as NumPy: straight-line code that anyone can read, and run.

The source defines ``build``, which takes the arrays that live on and returns the step. All memory
is set aside there, once, and every view made; the step itself only calls functions that write into
it. Calls whose result only the next one needs are written inside of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .formulas import formula
from .memory import Layout, Task, bases_of, lay_out, rewritten
from .numpy_calls import call, index_text, setitem_call, writes
from .numpy_texts import Texts, placed
from .operations import ensured, getitem, setitem
from .program import Operation, Program, Role, Value

__all__ = ["NumpySource", "write_numpy"]

WIDTH = 100
_VIEWS = {np.transpose, np.reshape, np.broadcast_to, getitem}


@dataclass(eq=False)
class NumpySource:
    """The source of a step in NumPy, and what it takes to run it.

    Attributes
    ----------
    text
        The source.
    given
        What its namespace must hold that it can't import: objects by name.
    states
        The arrays that ``build`` takes, in order.
    layout
        Where the values lie.
    statements
        How many statements the step has.
    lines
        The operation that each line of the step belongs to.
    """

    text: str
    given: dict[str, Any]
    states: list[Value]
    layout: Layout
    statements: int
    lines: dict[int, Operation]


def write_numpy(program: Program, title: str, full_names: dict[str, str]) -> NumpySource:
    """Write a program, whose values have names, as NumPy."""
    return _Writer(program, title, full_names).source()


class _Writer:
    def __init__(self, program: Program, title: str, full_names: dict[str, str]) -> None:
        self._program, self._title, self._full_names = program, title, full_names
        self._bases = bases_of(program)
        tasks = [_task(operation, self._bases) for operation in program.operations]
        self._layout = lay_out(program, tasks, self._bases)
        values = [v for o in program.operations for v in (*o.inputs, *o.results)]
        self._texts = Texts({value.name for value in (*values, *program.arguments.values())})
        self._imports: set[str] = set()
        self._readers = _readers(program)
        self._setup: list[str] = []
        self._body: list[tuple[str, Operation | None]] = []
        self._known: set[Value] = set()  # those that have a name where the step begins

    def source(self) -> NumpySource:
        """Write everything."""
        states = [state.before for state in self._program.states]
        self._set_up()
        self._write_body()
        head = self._head(states)
        lines: dict[int, Operation] = {}
        texts = list(head)
        for line, operation in self._body:
            texts.append(f"        {line}" if line else "")
            if operation is not None:
                lines[len(texts)] = operation
        texts += ["", "    return step", ""]
        statements = sum(not line.startswith("#") for line, _ in self._body)
        return NumpySource(
            "\n".join(texts), self._texts.given, states, self._layout, statements, lines
        )

    # --- what comes before the step -------------------------------------------------------

    def _head(self, states: list[Value]) -> list[str]:
        names = ", ".join(state.name for state in states)
        arguments = [value.name for value in self._program.arguments.values()]
        if self._program.numbers:
            arguments.append("numbers")
        imports = sorted(self._imports - {"copyto"}) + ["copyto"] * ("copyto" in self._imports)
        own = sorted(name for name in self._texts.given)
        head = [f'"""{self._title}"""', "", "import numpy as np"]
        if imports:
            head += _wrapped(f"from numpy import {', '.join(sorted(imports))}")
        if own:
            head += ["", f"# Given: {', '.join(own)}."]
        head += ["", "", f"def build({names}):" if len(names) < 80 else "def build("]
        if len(names) >= 80:
            head += [*(f"    {state.name}," for state in states), "):"]
        described = [
            f"    # {state.name}: {self._full_names[state.name]}, {state.dtype} {state.shape}"
            for state in states
            if state.name in self._full_names
        ]
        return [
            *head,
            *described,
            *(f"    {line}" for line in self._setup),
            "",
            f"    def step({', '.join(arguments)}):",
        ]

    def _set_up(self) -> None:
        """Set aside the memory, and make the views of what is there already."""
        self._setup.append(f"memory = np.empty({self._layout.nbytes}, np.uint8)")
        for value in self._constants():
            self._known.add(value)
            if text := self._texts.constant(value):
                self._setup.append(f"{value.name} = {text}")
        for storage in sorted(self._layout.storages, key=lambda each: each.first):
            for value in storage.values:
                self._setup.append(f"{value.name} = {placed(value, storage.offset)}")
                self._known.add(value)
        for state in self._program.states:
            self._known.add(state.before)
        for value, before in self._layout.over.items():
            value.name = before.name
            self._known.add(value)
        for operation in self._program.operations:
            if operation.is_view and operation.function in _VIEWS:
                base = operation.arguments[0]
                if base in self._known and not _moves(operation):
                    self._setup.append(f"{operation.result.name} = {self._view(operation)}")
                    self._known.add(operation.result)

    def _constants(self) -> list[Value]:
        found: dict[Value, None] = {}
        for operation in self._program.operations:
            for value in operation.inputs:
                if value.role is Role.CONSTANT:
                    found[value] = None
        for value in self._program.kept:
            if value.role is Role.CONSTANT:
                found[value] = None
        return list(found)

    # --- the step -------------------------------------------------------------------------

    def _write_body(self) -> None:
        rates = [value.name for numbers in self._program.numbers for value in numbers.values]
        if rates:
            self._body.append((f"{', '.join(rates)}{',' * (len(rates) == 1)} = numbers", None))
        inner: dict[Value, Operation] = {}
        group = ""
        operations = self._program.operations
        for place, operation in enumerate(operations):
            if operation.result in self._known and operation.is_view:
                continue
            if title := _group(operation):
                if title != group:
                    self._body.append((f"# {title}", None))
                group = title
            if self._belongs_inside(place, operation):
                inner[operation.result] = operation
                continue
            self._write_statement(operation, inner)
        for state in self._program.states:
            if state.after is not state.before and state.after not in self._layout.over:
                self._imports.add("copyto")
                self._body.append(
                    (f"copyto({state.before.name}, {self._text(state.after, {})})", None)
                )
        self._body.append((f"return {self._texts.returned(self._program.results)}", None))

    def _belongs_inside(self, place: int, operation: Operation) -> bool:
        """Tell whether the call is to be written inside of the next one."""
        if not writes(operation) or operation.is_view or operation.function is ensured:
            return False
        readers = self._readers.get(operation.result, [])
        following = next(
            (
                number
                for number in range(place + 1, len(self._program.operations))
                if not self._program.operations[number].is_view
            ),
            -1,
        )
        if readers != [following] or not writes(self._program.operations[following]):
            return False
        statements, _ = call(operation, "out", str)
        after, _ = call(self._program.operations[following], "out", str)
        return not statements and not after

    def _write_statement(self, operation: Operation, inner: dict[Value, Operation]) -> None:
        used: dict[Value, Operation] = {}
        statements, text = self._call(operation, inner, used)
        for statement in statements:
            self._body.append((statement, operation))
        if not statements:
            self._body.append((text, operation))
        if operation.is_view:
            return
        meaning = f"{operation.result.name} = {formula(operation, used)}"
        if not statements or operation.result in self._layout.of:
            line, owner = self._body[-1]
            if len(line) + len(meaning) + 12 <= WIDTH:
                self._body[-1] = f"{line}  # {meaning}", owner
            else:
                self._body.insert(len(self._body) - max(1, len(statements)), (f"# {meaning}", None))

    def _call(
        self,
        operation: Operation,
        inner: dict[Value, Operation],
        used: dict[Value, Operation],
    ) -> tuple[list[str], str]:
        def write(part: Any) -> str:
            return self._text(part, inner, used)

        if operation.is_view and operation.function in _VIEWS:
            return [], f"{operation.result.name} = {self._view(operation)}"
        if writes(operation) and operation.result in self._known:
            if operation.function is setitem:
                in_place = self._is_in_place(operation)
                statements, text = setitem_call(
                    operation, operation.result.name, write, in_place=in_place
                )
            else:
                statements, text = call(operation, operation.result.name, write)
            self._note_names(statements, text)
            return statements, text
        results = ", ".join(result.name for result in operation.results)
        comma = "," if operation.is_tuple and len(operation.results) == 1 else ""
        arguments = [write(argument) for argument in operation.arguments]
        arguments += [f"{name}={write(value)}" for name, value in operation.keywords.items()]
        return [], f"{results}{comma} = {self._texts.function(operation)}({', '.join(arguments)})"

    def _is_in_place(self, operation: Operation) -> bool:
        """Tell whether the result of a `setitem` lies where the array did."""
        target = operation.arguments[0]
        whole = self._bases.get(target, target)
        storage = self._layout.of.get(whole)
        same_storage = storage is not None and storage is self._layout.of.get(operation.result)
        return same_storage or self._layout.over.get(operation.result) is whole

    def _note_names(self, statements: list[str], text: str) -> None:
        """Note which of NumPy's functions are called by their bare names."""
        for part in (*statements, text):
            name = part.partition("(")[0].partition(".")[0]
            if name == "ensured":
                self._texts.given[name] = ensured
            elif hasattr(np, name) and name.isidentifier():
                self._imports.add(name)

    def _text(
        self,
        part: Any,
        inner: dict[Value, Operation],
        used: dict[Value, Operation] | None = None,
    ) -> str:
        """Write an argument."""

        def write(value: Value) -> str:
            if value not in inner or used is None:
                return value.name
            used[value] = inner[value]
            return self._call(inner[value], inner, used)[1]

        return self._texts.argument(part, write)

    def _view(self, operation: Operation) -> str:
        source = self._text(operation.arguments[0], {})
        if operation.function is np.transpose:
            order = operation.arguments[1]
            backwards = order == tuple(range(len(order)))[::-1]
            return f"{source}.T" if backwards else f"{source}.transpose{order}"
        if operation.function is np.reshape:
            shape = ", ".join(map(str, operation.arguments[1])) or "()"
            return f"{source}.reshape({shape})"
        if operation.function is getitem:
            return f"{source}[{index_text(operation.arguments[1], lambda v: self._text(v, {}))}]"
        return f"np.broadcast_to({source}, {operation.arguments[1]})"


def _task(operation: Operation, bases: dict[Value, Value]) -> Task:
    """Say what an operation does to memory."""
    reads = [bases.get(value, value) for value in operation.inputs]
    result = operation.result
    if operation.is_view or not writes(operation) or operation.function is ensured:
        return Task(reads, [])
    if operation.function is setitem:
        return Task(reads, [result], rewritten(operation, bases))
    if not isinstance(operation.function, np.ufunc):
        return Task(reads, [result])
    aligned = [
        value
        for value in operation.inputs
        if (value.shape, value.strides) == (result.shape, result.strides)
        and value.dtype == result.dtype
        and value not in bases
        and all(v is value for v in operation.inputs if bases.get(v, v) is value)
    ]
    return Task(reads, [result], {result: aligned})


def _readers(program: Program) -> dict[Value, list[int]]:
    """List the operations that read each value, by number; the end counts as one, too."""
    readers: dict[Value, list[int]] = {}
    for number, operation in enumerate(program.operations):
        for value in operation.inputs:
            readers.setdefault(value, []).append(number)
    for value in program.kept:
        readers.setdefault(value, []).append(len(program.operations))
    return readers


def _moves(operation: Operation) -> bool:
    """Tell whether what a view looks at depends on values of the step."""
    return len(operation.inputs) > 1


def _group(operation: Operation) -> str:
    """Say which layer computes something, or what happens after the sweep."""
    origin = operation.origin
    if origin.gradient_of is not None:
        return "backward"
    if origin.layer:
        return f"{origin.layer}: {origin.described}"
    return "update" if not origin.rule else ""


def _wrapped(line: str) -> list[str]:
    """Break an import that is too long for one line."""
    if len(line) <= WIDTH:
        return [line]
    head, _, names = line.partition("import ")
    return [f"{head}import (", *(f"    {name}," for name in names.split(", ")), ")"]
