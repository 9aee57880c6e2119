"""The two context variables, current run and current call, and what each offers to the verbs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn, Protocol

import msgspec

from weft.errors import OutsideRun, TransactionMisused
from weft.model.attribute import Attributed
from weft.model.call import Call, Handler, Outcome
from weft.model.message import Answer
from weft.model.operation import Operation


class CurrentScope(Protocol):
    """An open saga."""

    async def leave(self, error: BaseException | None) -> None:
        """Close the scope: wait for its calls, and undo them if an error leaves it."""
        ...


class Beginning(Protocol):
    """How a run began."""

    @property
    def occurrence(self) -> bytes:
        """Return which time of which schedule it was started for, encoded; empty for other runs."""
        ...


class CurrentRun(Protocol):
    """What the execution offers to the verbs of flow; used only while its code is running."""

    @property
    def started(self) -> Beginning | None:
        """Return how this generation began."""
        ...

    def call(self, operation: Operation, arguments: bytes) -> Awaitable[Outcome]:
        """Issue a call; it is on disk before it is sent."""
        ...

    def open_scope(self) -> CurrentScope:
        """Open a saga in the current task."""
        ...

    def receive(self, kinds: Sequence[str], within_ms: int | None) -> Awaitable[tuple[str, bytes, str]]:
        """Take the first message of one of the kinds, with its id; TimeoutError once the time has passed."""
        ...

    def answer(self, message_id: str, answer: Answer) -> None:
        """Answer an update, once this step is on disk."""
        ...

    def continue_as_new(self, input: object) -> NoReturn:  # noqa: A002 - the model's word
        """End this generation and begin the next with another input."""
        ...

    def journal_nearly_full(self) -> bool:
        """Tell whether it is time to continue as new."""
        ...

    def patched(self, patch: str, *, deprecated: bool) -> bool:
        """Tell whether the run goes by a patch of its code."""
        ...

    def set_state(self, name: str, data: bytes) -> None:
        """Show a value outside, once this step is on disk."""
        ...

    def set_attribute(self, attribute: Attributed) -> None:
        """Let the run be found by a value, once this step is on disk."""
        ...

    def now_ms(self) -> int:
        """Return the time of the entry that is being told."""
        ...

    def chance(self, purpose: str) -> bytes:
        """Return 16 bytes that are a function of seed, epoch, task path and count."""
        ...


class Participant(Protocol):
    """A transaction that commits together with the outcome of the call that it works for."""

    async def finish(self, outcome: Outcome) -> None:
        """Store the outcome beside the effect and commit both; returns once they are on disk.

        A cancellation does not end it: whoever cancels a commit would never know what became of it.
        """
        ...

    async def abandon(self) -> None:
        """Roll everything back."""
        ...


class CurrentCall(msgspec.Struct, eq=False):
    """The call that an operation is working on.

    Attributes:
        call: what was asked.
        operation: its declaration.
        send: where calls to other services go.
        participant: the transaction that has joined, if one has.
        wrote_elsewhere: another service was called with an effect, so a rolled-back transaction was not all.
        left_ms: tells what is left of the call's deadline; nothing where it has none.
        timed_out: its deadline has passed.
        overtaken: so often has its transaction been rolled back because others came first.
        ordinals: how often equal calls were made to others; nothing before the first.
        over: its outcome is decided; a task that still sees it was not waited for, and may not commit anything.
    """

    call: Call
    operation: Operation
    send: Handler
    participant: Participant | None = None
    wrote_elsewhere: bool = False
    left_ms: Callable[[], int] | None = None
    timed_out: bool = False
    overtaken: int = 0
    over: bool = False
    ordinals: dict[str, int] | None = None

    def count(self, stem: str) -> int:
        """Return how often this was asked of others, this time included."""
        ordinals = self.ordinals = {} if self.ordinals is None else self.ordinals
        ordinals[stem] = ordinals.get(stem, 0) + 1
        return ordinals[stem]

    def refuse_others(self, what: str) -> None:
        """Raise if the call may not ask others any more.

        Its transaction keeps the database's only write slot until the reply is known: it may not wait for others.

        Raises:
            TransactionMisused: A transaction has joined the call.
        """
        if self.participant is not None:
            text = f"{self.call.target} {what} inside or after its transaction"
            raise TransactionMisused(text, where=self.operation.where, remedy=BEFORE)


BEFORE = "call other services, and ask for runs, ahead of `async with self.db.transaction()`"


class AlreadySettled(BaseException):
    """Leave an operation whose outcome is stored; only the dispatcher catches it, and sends that outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class Overtaken(BaseException):
    """Leave an operation whose transaction was rolled back because others came first; the dispatcher runs it again."""


current_run: ContextVar[CurrentRun | None] = ContextVar("weft_current_run", default=None)
current_call: ContextVar[CurrentCall | None] = ContextVar("weft_current_call", default=None)


def running(verb: str) -> Any:
    """Return the current run.

    Raises:
        OutsideRun: no run is executing here.
    """
    run = current_run.get()
    if run is None:
        what = f"{verb} works inside a workflow only"
        raise OutsideRun(what)
    return run
