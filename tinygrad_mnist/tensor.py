"""`Tensor`: the array that people hold.

A Tensor looks like a NumPy array, remembers how it was computed, and can say how it depends on
every Tensor that went into it. It speaks NumPy's own protocols, so that ``np.tanh(t)`` finds the
rule for `tanh` in the table; its operators take the short way there, and its methods are NumPy's
functions.

What a Tensor holds is changed only through the Tensor, which `memory` is told of: views handed
out are read-only, and an array that a Tensor is made from is copied unless it is given away.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from . import rules
from .engine import (
    Handle,
    Leaf,
    as_array,
    backward,
    enable_grad,
    transforming,
    watch,
    watch_of,
    wrap,
)
from .in_place import InPlace

__all__ = ["Tensor"]


class Tensor(InPlace):
    """An array of numbers that knows how it was computed.

    Parameters
    ----------
    data
        Numbers, nested lists of them, or an array. Python's numbers become float32; an array
        keeps its dtype.
    dtype
        The dtype to convert to.
    requires_grad
        Whether gradients with respect to this Tensor are wanted: it becomes a leaf, and
        `backward` adds to its `grad`. Only for floating-point numbers.
    copy
        Whether to copy an array. With ``copy=False`` the Tensor takes it over, and nobody else
        may write to it any more.

    Raises
    ------
    TypeError
        If `data` is not made of real numbers, or needs gradients and is not floating-point.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    Tensor([2., 4., 6.])
    """

    __slots__ = ("_switched_off",)

    def __init__(
        self,
        data: Any,
        dtype: DTypeLike | None = None,
        *,
        requires_grad: bool = False,
        copy: bool = True,
    ) -> None:
        try:
            array = as_array(data, dtype, copy=copy)
        except ValueError as error:
            raise ValueError(f"Tensor: {error}") from None
        if array.dtype.kind not in "fiub":
            raise TypeError(f"Tensor: holds real numbers, not {array.dtype}")
        self._array = array
        self._node = None
        if requires_grad:
            self.requires_grad = True

    # --- what it is -----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """Length along each axis."""
        return self._array.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self._array.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""
        return self._array.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether `backward` passes through here. It can be set on leaves."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not self.is_leaf:
            raise RuntimeError("requires_grad can only be set on a leaf; detach() makes one")
        if wanted and self.dtype.kind != "f":
            raise TypeError(f"requires_grad: only floating-point Tensors, not {self.dtype}")
        if wanted and self._node is None:  # the graph may know the leaf that it was before
            self._node = getattr(self, "_switched_off", None) or Leaf(self.shape, self.dtype)
        elif not wanted and self._node is not None:
            self._switched_off, self._node = self._node, None

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user, and not computed from Tensors that need a gradient."""
        return self._node is None or isinstance(self._node, Leaf)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that `backward` has added up here so far, or None."""
        node = self._node
        if node is None:
            return None
        holder = node if isinstance(node, Leaf) else watch_of(node)
        if holder is None or holder.grad is None:
            return None
        if not isinstance(holder.grad, Tensor):
            holder.grad = wrap(type(self), holder.grad)
        return holder.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        node = self._node
        if value is None and isinstance(node, Leaf):
            node.grad = None
            return
        holder = node if node is None or isinstance(node, Leaf) else watch_of(node)
        if holder is None:
            raise RuntimeError(
                "grad: only a leaf that requires a gradient has one, or a Tensor that was told to "
                "retain_grad()"
            )
        if value is not None:
            value = value if isinstance(value, Tensor) else Tensor(value, self.dtype)
            value = value if value.dtype == self.dtype else value.astype(self.dtype)
            if value.shape != self.shape:
                raise ValueError(
                    f"grad: a gradient of shape {value.shape} for a Tensor of shape {self.shape}"
                )
        holder.grad = value

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: a Tensor of shape () has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self._array), separator=", ", prefix="Tensor(")
        if self.dtype != np.float32:
            text += f", dtype={self.dtype}"
        if self._node is not None:
            text += ", requires_grad=True" if self.is_leaf else f", op={self._node.name!r}"
        return f"Tensor({text})"

    def _repr_html_(self) -> str:
        """Show the values in a notebook, and the gradient if there is one."""
        from .notebook import array_html  # its imports would slow down every program

        role = "" if self._node is None else ", a leaf" if self.is_leaf else f", {self._node.name}"
        shown = array_html(self.numpy(), f"Tensor {self.shape} {self.dtype}{role}")
        return shown if self.grad is None else shown + array_html(self.grad.numpy(), "its gradient")

    # --- to and from other things ---------------------------------------------------------

    def numpy(self) -> Any:
        """Look at the values as a NumPy array that can't be written to.

        Examples
        --------
        >>> Tensor([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        view = np.asarray(self._array).view()
        view.flags.writeable = False
        return view

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Any:
        if self._node is not None:
            raise TypeError(
                "a Tensor that needs a gradient does not turn into an array by itself, because the "
                "gradient would be lost; use t.numpy() or t.detach(), or np.stack to join several"
            )
        return np.array(self.numpy(), dtype, copy=copy)

    def item(self) -> float | int | bool:
        """Return the only element as a Python number."""
        if self.size != 1:
            raise ValueError(f"item: a Tensor of shape {self.shape} is not a single number")
        return self._array.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._array.tolist()

    def __float__(self) -> float:
        self._leave("float")
        return float(self.item())

    def __int__(self) -> int:
        self._leave("int")
        return int(self.item())

    def _leave(self, what: str) -> None:
        """Refuse to become a number within a function that is being differentiated.

        NumPy asks for numbers by itself, to write them into an array for one.
        """
        if self._node is not None and transforming.get():
            raise TypeError(
                f"{what}(t) inside a function that is being differentiated loses the gradient; "
                f"use t.item() where that is meant, and np.stack to make an array of Tensors"
            )

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"bool: a Tensor of shape {self.shape} is neither; use any() or all()")
        return bool(self.item())

    def __index__(self) -> int:
        return operator.index(self._array)

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            raise TypeError(f"format: {spec!r} is for one number, not for shape {self.shape}")
        return format(self.item(), spec) if spec else str(self)

    def __copy__(self) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("copy: only leaves can be copied; detach() makes one")
        return Tensor(self._array, requires_grad=self.requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self.__copy__()

    def __reduce__(self) -> Any:
        raise TypeError("Tensors are not pickled; save a state_dict() with safetensors")

    # --- gradients ------------------------------------------------------------------------

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add to the `grad` of every leaf the derivative of this Tensor by that leaf.

        Parameters
        ----------
        gradient
            What to start with, of this Tensor's shape; 1 if not given, for a scalar.
        retain_graph
            Whether the graph can be swept again. By default as `create_graph`.
        create_graph
            Whether to record the sweep itself, for derivatives of the gradients.

        Raises
        ------
        RuntimeError
            If nothing here needs a gradient, if this is not a scalar and no `gradient` is
            given, if the graph was already swept and freed, or if a value that an operation
            saved was changed in place since; the message names the operation.
        """
        retain = create_graph if retain_graph is None else retain_graph
        if create_graph:
            with enable_grad():
                backward(self, gradient, retain, True)
        else:
            backward(self, gradient, retain, False)

    def register_hook(self, hook: Callable[[Tensor], Any]) -> Handle:
        """Call a function with the gradient of this Tensor whenever a sweep has computed it.

        Parameters
        ----------
        hook
            Takes the gradient, a Tensor of this one's shape. What it returns takes the place of
            the gradient from there on; None leaves it as it is. Several are called in the order
            in which they were registered. It is called again when a sweep that was recorded is
            itself swept, and records what it computes only where the sweep is recorded; the
            gradient that it is given can't be written to.

        Returns
        -------
        A handle whose `remove` takes the hook away again.

        Raises
        ------
        RuntimeError
            If this Tensor needs no gradient.

        Examples
        --------
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> y = x * 10
        >>> handle = y.register_hook(lambda g: print("gradient of y:", g))
        >>> y.sum().backward()
        gradient of y: Tensor([1., 1.])
        """
        if self._node is None:
            raise RuntimeError("register_hook: this Tensor needs no gradient")
        return Handle(self._node, hook)

    def retain_grad(self) -> None:
        """Let `backward` add up this Tensor's gradient in its `grad`, though it is not a leaf.

        Raises
        ------
        RuntimeError
            If this Tensor needs no gradient.

        Examples
        --------
        >>> x = Tensor(3.0, requires_grad=True)
        >>> y = x * x
        >>> y.retain_grad()
        >>> (2 * y).backward()
        >>> y.grad
        Tensor(2.)
        """
        if self._node is None:
            raise RuntimeError("retain_grad: this Tensor needs no gradient")
        if not isinstance(self._node, Leaf):
            watch(self._node).retains = True

    def detach(self) -> Tensor:
        """Return a Tensor of the same values, and the same memory, without a gradient."""
        return wrap(type(self), self._array)

    # --- NumPy's protocols ----------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__":
            return rules.call_method(ufunc, method, inputs, keywords)
        return rules.call(ufunc, inputs, keywords)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...],
        keywords: Mapping[str, Any],
    ) -> Any:
        return rules.call(function, args, keywords)
