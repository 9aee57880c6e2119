"""Workflows: an async function of one input and its services, with a name that goes to disk."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from weft.model.queueing import NO_LIMIT, AtOnce

Input = TypeVar("Input")
P = ParamSpec("P")
Result = TypeVar("Result")


class Workflow(Generic[Input, Result]):
    """A declared workflow; run it with `Runs.start`, it is not called directly.

    Attributes:
        function: the async function.
        name: what the store knows it by.
        at_once: how many of its runs may be at work at the same time.
    """

    __slots__ = ("at_once", "function", "name")

    def __init__(self, function: Callable[..., Any], name: str, at_once: AtOnce = NO_LIMIT) -> None:
        self.function = function
        self.name = name
        self.at_once = at_once

    @property
    def where(self) -> str:
        """Return `file:line` of the function."""
        code = getattr(self.function, "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(self.function)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


@overload
def workflow(function: Callable[Concatenate[Input, P], Coroutine[Any, Any, Result]], /) -> Workflow[Input, Result]: ...
@overload
def workflow(
    *, name: str | None = None, at_once: int | None = None, at_once_per_key: int | None = None
) -> Callable[[Callable[Concatenate[Input, P], Coroutine[Any, Any, Result]]], Workflow[Input, Result]]: ...
def workflow(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    at_once: int | None = None,
    at_once_per_key: int | None = None,
) -> Any:
    """Declare an async function as a workflow: one input, services as keyword-only parameters, one result.

    Args:
        function: the function.
        name: what the store knows it by; the function's own name where nothing is said.
        at_once: how many of its runs may be at work at the same time; others wait for a place, as rows. A run has its
            place from its beginning to its end, also while it sleeps. Nothing for any number.
        at_once_per_key: the same of runs that were started with one `key=`.
    """
    limits = AtOnce(at_once, at_once_per_key)
    if function is not None:
        return _declare(function, name, limits)

    def declare(function: Callable[..., Any]) -> Workflow[Any, Any]:
        return _declare(function, name, limits)

    return declare


def _declare(function: object, name: str | None, limits: AtOnce) -> Workflow[Any, Any]:
    if not callable(function) or isinstance(function, type):
        raise TypeError(
            f"@workflow declares an async function, not {function!r}; a name goes in as @workflow(name=...)"
        )
    return Workflow(function, str(getattr(function, "__name__", "")) if name is None else name, limits)
