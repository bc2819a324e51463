"""A program written out as C: one function for a step, and one for all steps of an epoch.

All shapes, strides and places in memory are numbers in the source, so that the compiler can unroll
and vectorise. `c_kernels` and its neighbours write the parts; here they are put in order, and find
their memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from .c_elements import ELEMENTS
from .c_expressions import NotInC, is_elementwise, literal, type_of
from .c_kernels import Chains, Kernel, Nest, reference
from .c_loops import Ref
from .c_prelude import PRELUDE
from .c_products import product
from .c_reductions import Sum, as_sum
from .c_windows import KERNELS
from .memory import ALIGNMENT, Layout, Task, bases_of, lay_out, rewritten, view_of
from .operations import random, setitem
from .program import Operation, Program, Role, Value, values_in

__all__ = ["CSource", "write_c"]

Array = Any


@dataclass(eq=False)
class CSource:
    """The source of a step in C, and what it takes to run it.

    Attributes
    ----------
    text
        The source.
    given
        The values whose arrays it is given by their addresses, in order; arguments come first.
    generators
        The random number generators that come behind them.
    layout
        Where the values lie.
    nbytes
        How much memory it takes.
    results
        Where the results lie that it was asked for: offsets into the memory, or the value's own
        array where it has one.
    kernels
        How many passes over memory there are.
    fused
        What is computed in one pass, where that is more than one value.
    """

    text: str
    given: list[Value]
    generators: list[np.random.Generator]
    layout: Layout
    nbytes: int
    results: dict[Value, int]
    kernels: int
    fused: list[str]


def write_c(program: Program) -> CSource:
    """Write a program, whose values have names, as C.

    Raises
    ------
    NotInC
        If it has an operation that is not written in C.
    """
    return _Writer(program).source()


class _Writer:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._bases = bases_of(program)
        self._offsets = _offsets(program)
        self._sums = {o: found for o in program.operations if (found := as_sum(o)) is not None}
        self._chains = Chains(program, self._bases, self._iterates)
        self._kernels = list(self._divided())
        tasks = [kernel.task for kernel in self._kernels]
        self._layout = lay_out(program, tasks, self._bases)
        self._scratch = self._most_scratch = 0

    def source(self) -> CSource:
        """Write everything."""
        given = self._given()
        generators = [
            operation.arguments[0]
            for operation in self._program.operations
            if operation.function is random
        ]
        body = [line for kernel in self._kernels for line in self._emitted(kernel)]
        body += self._endings()
        lines = [
            PRELUDE,
            "int tg_step(char *memory, void **given, const double *numbers) {",
            *self._declared(given),
            *body,
            "return 0;",
            "}",
            *self._epoch(),
        ]
        results = {
            value: self._layout.of[base].offset + self._offsets[value]
            for value in self._program.kept
            if (base := self._bases.get(value, value)) in self._layout.of
        }
        nbytes = self._layout.nbytes + self._most_scratch
        text = "\n".join(lines) + "\n"
        fused = [
            " · ".join(operation.result.name for operation in kernel.operations)
            for kernel in self._kernels
            if len(kernel.operations) > 1
        ]
        return CSource(
            text, given, generators, self._layout, nbytes, results, len(self._kernels), fused
        )

    # --- into kernels ---------------------------------------------------------------------

    def _iterates(self, operation: Operation, value: Value) -> tuple[int, ...] | None:
        """Return the shape over which an operation reads a value that it may compute itself."""
        if operation in self._sums:
            return self._sums[operation].iterates(value)
        if is_elementwise(operation) and not operation.is_view:
            return operation.result.shape
        return None

    def _divided(self) -> Iterator[Kernel]:
        """Divide the program into kernels."""
        nest: Nest | None = None
        for number, operation in enumerate(self._program.operations):
            if operation.is_view or self._chains.is_inner(operation.result):
                continue
            if is_elementwise(operation):
                if nest is None or not nest.takes(operation):
                    if nest is not None:
                        yield self._of_nest(nest)
                    nest = Nest(self._chains, operation.result.shape)
                nest.roots.append(operation)
                continue
            if nest is not None:
                yield self._of_nest(nest)
                nest = None
            yield self._of_other(operation, number + 1)
        if nest is not None:
            yield self._of_nest(nest)

    def _of_nest(self, nest: Nest) -> Kernel:
        return Kernel(nest.operations, nest.task(), partial(nest.emit, self._ref))

    def _of_other(self, operation: Operation, number: int) -> Kernel:
        function, reads = operation.function, [self._chains.base(v) for v in operation.inputs]
        if operation in self._sums:
            found: Sum = self._sums[operation]
            return Kernel(
                found.operations(self._chains),
                found.task(self._chains),
                partial(found.emit, self._chains, self._ref),
            )
        is_product = function in (np.dot, np.matmul) and len(operation.arguments) == 2
        if is_product and all(len(value.shape) == 2 for value in operation.inputs):
            return Kernel(
                [operation], Task(reads, [operation.result]), partial(self._product, operation)
            )
        if not any(result.size for result in operation.results):
            return Kernel([operation], Task(reads, list(operation.results)), list)
        if function in ELEMENTS:
            overwrites = rewritten(operation, self._bases) if function is setitem else {}
            return Kernel(
                [operation],
                Task(reads, list(operation.results), overwrites),
                partial(ELEMENTS[function], operation, self._ref, number),
            )
        if function in KERNELS:
            return Kernel(
                [operation], Task(reads, list(operation.results)), partial(self._windows, operation)
            )
        name = getattr(function, "__name__", repr(function)).strip("_")
        module = str(getattr(function, "__module__", "")).rpartition(".")[2]
        raise NotInC(f"{module}.{name}" if module else name)

    def _product(self, operation: Operation) -> list[str]:
        a, b = (self._ref(value) for value in operation.arguments)
        if a.dtype != b.dtype or a.dtype.kind != "f":
            raise NotInC(f"a product of {a.dtype} and {b.dtype}")
        if 0 in (*a.shape, *b.shape):
            raise NotInC("a product of empty matrices")
        return product(a, b, self._ref(operation.result), self._take_scratch)

    def _windows(self, operation: Operation) -> list[str]:
        return KERNELS[operation.function](
            operation, lambda value: self._ref(value).pointer, self._take_scratch
        )

    # --- into memory ----------------------------------------------------------------------

    def _ref(self, value: Value) -> Ref:
        base = self._bases.get(value, value)
        base = self._layout.over.get(base, base)
        if value.role is Role.CONSTANT and value.size == 1 and value.array is not None:
            kind = type_of(value.dtype)
            number = literal(value.array.item(), value.dtype)
            return Ref(
                f"((const {kind}[]){{{number}}})", value.shape, (0,) * len(value.shape), value.dtype
            )
        found = reference(value, f"v_{base.name}", self._offsets.get(value, 0))
        return replace(found, place=self._layout.of.get(base, base))

    def _take_scratch(self, nbytes: int) -> str:
        place = f"memory + {self._layout.nbytes + self._scratch}"
        self._scratch += -(-nbytes // ALIGNMENT) * ALIGNMENT
        self._most_scratch = max(self._most_scratch, self._scratch)
        return place

    def _emitted(self, kernel: Kernel) -> Iterator[str]:
        self._scratch = 0
        names = ", ".join(o.result.name for o in kernel.operations)
        yield f"/* {names} */"
        yield from kernel.emit()

    def _given(self) -> list[Value]:
        found = dict.fromkeys(self._program.arguments.values())
        found |= dict.fromkeys(state.before for state in self._program.states)
        for operation in self._program.operations:
            found |= dict.fromkeys(
                v for v in operation.inputs if v.role is Role.CONSTANT and v.size != 1
            )
        return list(found)

    def _declared(self, given: list[Value]) -> Iterator[str]:
        """Name all that lies in memory."""
        for number, value in enumerate(given):
            yield f"{type_of(value.dtype)} *v_{value.name} = given[{number}];"
        draws = [o for o in self._program.operations if o.function is random]
        for number, operation in enumerate(draws, len(given)):
            yield f"void *given_{operation.result.name} = given[{number}];"
        numbers = [value for each in self._program.numbers for value in each.values]
        for number, value in enumerate(numbers):
            kind = type_of(value.dtype)
            yield f"const {kind} v_{value.name}[1] = {{({kind})numbers[{number}]}};"
        for storage in self._layout.storages:
            for value in storage.values:
                kind = type_of(value.dtype)
                yield f"{kind} *v_{value.name} = ({kind} *)(memory + {storage.offset});"

    def _endings(self) -> Iterator[str]:
        """Write back the states that were computed elsewhere."""
        for state in self._program.states:
            if state.after is state.before or state.after in self._layout.over:
                continue
            copy = Operation(np.copy, (state.after,), {}, (state.before,))
            nest = Nest(self._chains, state.before.shape, [copy])
            yield from nest.emit(self._ref)

    # --- an epoch -------------------------------------------------------------------------

    def _epoch(self) -> Iterator[str]:
        """Write the functions that take many steps, if the step takes images and labels."""
        arguments = list(self._program.arguments.values())
        results = list(values_in(self._program.results))
        if len(arguments) != 2 or not all(argument.shape for argument in arguments):
            return
        if not results or any(
            value.size != 1 or value.role is not Role.COMPUTED for value in results
        ):
            return
        images, labels = arguments
        samples = images.shape[0]
        if not samples or labels.shape[0] != samples or images.dtype != np.float32:
            return
        found = []
        for number, value in enumerate(results):
            base = self._bases.get(value, value)
            if base not in self._layout.of:
                return
            offset = self._layout.of[base].offset + self._offsets[value]
            element = f"*({type_of(value.dtype)} *)(memory + {offset})"
            found.append(f"results[s*{len(results)} + {number}] = {element};")
        for name, kind, text in (
            ("uint8", "uint8_t", _SCALED),
            ("float32", "float", "out[j] = row[j];"),
        ):
            yield _EPOCH.format(
                name=name,
                kind=kind,
                scaled=text,
                samples=samples,
                pixels=images.size // samples,
                row=labels.nbytes // samples,
                ahead=_ROWS_AHEAD,
                count=sum(len(each.values) for each in self._program.numbers),
                found=" ".join(found),
            )


# A pixel divided by 255, rounded as a division would be: a product, and its error taken off.
_SCALED = (
    "const float x = row[j], q = x * 0x1.010102p-8f; "
    "out[j] = fmaf(fmaf(-q, 255.0f, x), 0x1.010102p-8f, q);"
)

_ROWS_AHEAD = 8

_EPOCH = """
int tg_epoch_{name}(char *memory, void **given, const double *numbers, const {kind} *images,
                 const char *labels, const int64_t *order, long steps, double *results,
                 long *done) {{
    for (long s = 0; s < steps; s++) {{
        *done = s;
        for (long i = 0; i < {samples}; i++) {{
            const {kind} *row = images + order[s*{samples} + i]*{pixels};
            const long ahead = s*{samples} + i + {ahead};
            if (ahead < steps*{samples}) {{  /* rows lie anywhere: ask for them in time */
                const char *next = (const char *)(images + order[ahead]*{pixels});
                for (long b = 0; b < {pixels}*(long)sizeof({kind}); b += 64)
                    __builtin_prefetch(next + b);
            }}
            float *out = (float *)given[0] + i*{pixels};
            #pragma GCC ivdep
            for (long j = 0; j < {pixels}; j++) {{ {scaled} }}
            memcpy((char *)given[1] + i*{row}, labels + order[s*{samples} + i]*{row}, {row});
        }}
        const int failure = tg_step(memory, given, numbers + s*{count});
        if (failure) return failure;
        {found}
    }}
    *done = steps;
    return 0;
}}"""


def _offsets(program: Program) -> dict[Value, int]:
    """Tell how far behind the beginning of an array each view of it begins, in bytes."""
    offsets: dict[Value, int] = {}
    for operation in program.operations:
        if not operation.is_view:
            for result in operation.results:
                offsets[result] = 0
            continue
        base, result = operation.arguments[0], operation.result
        if len(operation.inputs) > 1:
            raise NotInC("a view of what an array of the step says")
        look = partial(_looked_at, operation)
        offset, view = view_of(base.shape, base.strides, base.dtype, look)
        if _steps(view) != _steps(result):
            raise NotInC(f"a view by {operation.function.__name__} of elements with gaps")
        offsets[result] = offsets.get(base, 0) + offset
    return offsets


def _steps(array: Any) -> list[int]:
    """List the strides along which there is anything to step to."""
    return [s for s, n in zip(array.strides, array.shape, strict=True) if n > 1 and array.size]


def _looked_at(view: Operation, whole: Array) -> Array:
    return view.function(whole, *view.arguments[1:], **view.keywords)
