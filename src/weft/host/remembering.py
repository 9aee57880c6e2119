"""The method behind an operation of a service that remembers its calls: a refusal without a transaction gets one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from weft.flow.ambient import current_call
from weft.model.operation import Operation
from weft.model.refusal import Declined


class Memory(Protocol):
    """A service's database."""

    def transaction(self) -> AbstractAsyncContextManager[object]:
        """Return a transaction that joins the current call."""
        ...


def remembering(
    method: Callable[..., Coroutine[Any, Any, Any]], operation: Operation, memory: Memory
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return a method that puts a refusal before any transaction to the database's memory.

    Where an earlier attempt was applied and its reply lost, this one may well be refused: the goods that are out of
    stock now are those that it took. An empty transaction finds that reply, which goes to the caller instead; and where
    there is none the refusal is stored, so that a later attempt is refused alike.
    """

    async def asking_memory(**arguments: Any) -> Any:
        try:
            return await method(**arguments)
        except Declined as refusal:
            around = current_call.get()
            assert around is not None, "operations work on a call"
            if around.participant is not None or type(refusal).__name__ not in operation.refusals:
                raise
            async with memory.transaction():
                raise

    return asking_memory
