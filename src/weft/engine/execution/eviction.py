"""How a run's code is made to leave memory: coroutines and asynchronous generators are thrown at until they end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextvars import Context
from typing import Any
from weakref import WeakSet

CLOSER_LIMIT = 1_000
"""How often a coroutine that is being evicted may await again before it is dropped."""


class RunEvicted(BaseException):
    """Leave memory: the run goes on from its journal; not a cancellation, so sagas do not unwind."""


class Generators:
    """The asynchronous generators that a run's code has begun; most runs have none, so they cost nothing then."""

    __slots__ = ("_begun", "_dropped")

    def __init__(self) -> None:
        self._begun: WeakSet[AsyncGenerator[Any, Any]] | None = None
        self._dropped: list[AsyncGenerator[Any, Any]] = []

    def __bool__(self) -> bool:
        """Tell whether there may be one that is suspended."""
        return self._begun is not None or bool(self._dropped)

    def begin(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Note a generator that is asked for its first value."""
        if self._begun is None:
            self._begun = WeakSet()
        self._begun.add(generator)

    def keep(self, generator: AsyncGenerator[Any, Any]) -> None:
        """Keep a generator that was found dropped while the run rests: its `finally` waits for the eviction."""
        self._dropped.append(generator)

    def close(self, context: Context) -> None:
        """Throw RunEvicted into each until none is suspended."""
        left = CLOSER_LIMIT
        while left and (generators := [*(self._begun or ()), *self._dropped]):
            left -= 1
            self._begun = None
            self._dropped.clear()
            for generator in generators:
                context.run(close, _closing(generator), begin=True)


async def _closing(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.athrow(RunEvicted())


def close(coro: Any, *, begin: bool = False) -> None:
    """Throw RunEvicted into a coroutine until it ends, or until it has awaited again too often."""
    try:
        if begin:
            coro.send(None)
        for _ in range(CLOSER_LIMIT):
            coro.throw(RunEvicted())
    except BaseException:  # noqa: BLE001 - whatever leaves it, the coroutine has ended
        return
