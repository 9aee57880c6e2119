"""Workflows: an async function of one input and its services, with a name that goes to disk."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

I = TypeVar("I")
P = ParamSpec("P")
R = TypeVar("R")


class Workflow(Generic[I, R]):
    """A declared workflow; run it with `Runs.start`, it is not called directly."""

    __slots__ = ("function", "name")

    def __init__(self, function: Callable[..., Any], name: str) -> None:
        self.function = function
        self.name = name

    @property
    def where(self) -> str:
        """Return `file:line` of the function."""
        code = getattr(self.function, "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(self.function)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


@overload
def workflow(function: Callable[Concatenate[I, P], Coroutine[Any, Any, R]], /) -> Workflow[I, R]: ...
@overload
def workflow(
    *, name: str
) -> Callable[[Callable[Concatenate[I, P], Coroutine[Any, Any, R]]], Workflow[I, R]]: ...
def workflow(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Declare an async function as a workflow: one input, services as keyword-only parameters, one result.

    Args:
        function: the function.
        name: what the store knows it by; the function's own name where nothing is said.
    """
    if function is not None:
        return Workflow[Any, Any](function, function.__name__)

    def declare(function: Callable[..., Any]) -> Workflow[Any, Any]:
        return Workflow[Any, Any](function, name or function.__name__)

    return declare
