"""A step captured once and replayed: autodiff that writes the backpropagation out.

`compile` turns the step that people write into a program: `capture` runs it once on symbols and
writes down what is done with them; `simplify` and `memory` make it short and find it room; then it
is written out as NumPy that anyone can read, or as C. `step` has what people hold.
"""

from .operations import CompileError
from .saying import CompileWarning
from .step import CompiledStep, compile

__all__ = ["CompileError", "CompileWarning", "CompiledStep", "compile"]
