"""saga: a scope whose calls are undone when an error leaves it."""

from __future__ import annotations

from types import TracebackType

from weft.flow.ambient import CurrentScope, running


class saga:  # noqa: N801 - used as a verb: `async with saga():`
    """Undo what was done inside when an exception leaves the scope; SEMANTICS.md 7 to 9.

    Calls that replied, or whose outcome is unknown, are undone by their declared undo, in reverse order of what
    they depend on. Leaving by an exception waits until every undo has succeeded. Scopes nest: what an inner scope
    did is undone by the outer one once the inner ended well.
    """

    __slots__ = ("_scope",)

    def __init__(self) -> None:
        self._scope: CurrentScope | None = None

    async def __aenter__(self) -> None:
        self._scope = running("saga()").open_scope()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._scope is not None, "a saga is entered before it is left"
        await self._scope.leave(error)
