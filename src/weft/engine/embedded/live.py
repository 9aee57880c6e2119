"""A run that is loaded: its execution, where its journal stands, its calls under way."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from weft.clock import Alarm
from weft.engine.embedded.queue_rows import Queued
from weft.engine.execution.attempts import AttemptLog
from weft.engine.execution.commands import UpdateAnswered
from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.paths import call_id
from weft.engine.execution.scopes import CallRecord
from weft.errors import WeftError
from weft.flow.port import OnClose
from weft.model.call import NOBODY, Behalf, Call, Outcome
from weft.model.run import RunStatus

IN_FLIGHT = 0
"""The wake time of a run that has calls under way: it is loaded at every start."""

UNDER_WAY = (RunStatus.RUNNING, IN_FLIGHT, "")
"""Where a run stands after nearly every step: made once."""


class Maker(Protocol):
    """Who makes calls."""

    def make(self, state: CallState) -> Awaitable[Outcome]:
        """Begin an attempt."""
        ...

    def came_to_wait(self, state: CallState) -> None:
        """Note that an attempt has come to wait for something."""
        ...

    def ended(self, state: CallState, outcome: Outcome | None) -> None:
        """Take the outcome of an attempt; nothing if it was cancelled."""
        ...

    def dropped(self, state: CallState) -> None:
        """End an attempt that is not wanted any more."""
        ...


class CallState(msgspec.Struct, eq=False):
    """A call that is being made: its attempts, and what it waits for.

    Attributes:
        under_way: an attempt is being made; `worker` makes it, unless `cancelled` ends it.
        alarm: the wait for the next one, which is `again`.
        query: the status query that is asked in its place.
        deadline_ms: when the attempt under way, which waits for something, has taken too long; else 0.
        attention: why an operator should look; empty while all is well.
        halted: it may have happened and cannot be undone: it is sent again on an operator's word only.
        stored: a row of the store tells of its failures.
    """

    maker: Maker
    live: LiveRun
    record: CallRecord
    call: Call
    log: AttemptLog
    under_way: bool = False
    cancelled: bool = False
    worker: asyncio.Task[None] | None = None
    query: str = ""
    alarm: Alarm | None = None
    again: Callable[[], None] | None = None
    deadline_ms: int = 0
    attention: str = ""
    halted: bool = False
    stored: bool = False

    def make(self) -> Awaitable[Outcome]:
        """Begin an attempt."""
        return self.maker.make(self)

    def came_to_wait(self) -> None:
        """Note that the attempt has come to wait for something."""
        self.maker.came_to_wait(self)

    def ended(self, outcome: Outcome | None) -> None:
        """Take the outcome of an attempt; nothing if it was cancelled."""
        self.maker.ended(self, outcome)

    def drop(self) -> None:
        """Forget the call: whatever still comes of it is not told."""
        if self.alarm is not None:
            self.alarm.cancel()
        if self.under_way:
            self.maker.dropped(self)


class LiveRun:
    """One loaded run.

    Attributes:
        key: its row; `next_seq`: the next row of its journal; `first_seq`: the first one of this generation.
        name: `workflow/run id`; what is told to services as the caller.
        prefix: what the ids of its calls begin with.
        behalf: for whom it works, and so do its calls.
        execution: nothing while the run is blocked.
        pending: commits that are on their way.
        timers: its timers in the timetable.
        over: its end is on disk or on its way there: nothing may be told it any more.
        sealed: why its journal cannot be read, so that nothing can be written behind it either.
        held: it waits for its turn: it has been told nothing, and what is told to it is kept.
        queued: its row in the queue, where it has one and that was looked for.
        saved: status, wake time and reason as the store has them.
        stored: rows of the store tell of failures of its calls.
        resets: how often its present generation was reset.
        answers: what updates of this generation were answered with, by id, once that is on disk; nothing until then.
        unwritten: the same of each generation that has ended and is not on disk yet, the oldest first.
        earlier: the same of the messages before this generation, nothing for one without an answer; nothing until it
            is asked for.
        children: how to close the runs that this one started, by workflow and id; nothing until it starts one.
    """

    __slots__ = (
        "answers",
        "behalf",
        "blocked",
        "calls",
        "children",
        "created_ms",
        "earlier",
        "execution",
        "first_seq",
        "gone",
        "held",
        "identity",
        "input_digest",
        "key",
        "last_ms",
        "name",
        "next_seq",
        "over",
        "pending",
        "prefix",
        "queued",
        "resets",
        "saved",
        "sealed",
        "stored",
        "timers",
        "unwritten",
    )

    def __init__(self, key: int, identity: Identity, execution: Execution | None, *, behalf: Behalf = NOBODY) -> None:
        self.key = key
        self.identity = identity
        self.name = f"{identity.workflow}/{identity.run_id}"
        self.prefix = call_id(identity.chain, generation=identity.generation, epoch=identity.epoch, path="")
        self.execution = execution
        self.behalf = behalf
        self.created_ms = 0
        self.next_seq = 0
        self.first_seq = 0
        self.last_ms = 0
        self.pending = 0
        self.timers = 0
        self.gone = False
        self.over = False
        self.stored = False
        self.resets = 0
        self.held = False
        self.queued: Queued | None = None
        self.sealed: WeftError | None = None
        self.blocked = ""
        self.calls: dict[str, CallState] = {}
        self.saved: tuple[int, int | None, str] = UNDER_WAY
        self.input_digest = b""
        self.answers: dict[str, UpdateAnswered] | None = None
        self.earlier: dict[str, UpdateAnswered | None] | None = None
        self.unwritten: deque[dict[str, UpdateAnswered | None]] | None = None
        self.children: dict[tuple[str, str], OnClose] | None = None

    @property
    def is_listening(self) -> bool:
        """Tell whether its present generation may be told something."""
        return not self.over and (self.execution is None or self.execution.continued is None)

    def standing(self) -> tuple[int, int | None, str]:
        """Return status, wake time and reason as they are now."""
        if self.blocked:
            return (RunStatus.BLOCKED, IN_FLIGHT, self.blocked)
        execution = self.execution
        if execution is None:
            assert self.held, "a run without an execution is blocked, or has not begun"
            return self.saved
        for state in self.calls.values():
            if state.attention:
                return (RunStatus.NEEDS_ATTENTION, IN_FLIGHT, state.attention)
        if self.calls or len(execution.calls):
            return UNDER_WAY
        wake_ms = min((timer.due_ms for timer in execution.timers.values()), default=None)
        return (RunStatus.WAITING, wake_ms, "")

    @property
    def replayed(self) -> Identity:
        """Return who the run was when the first entry of its present generation was told."""
        return self.identity._replace(epoch=self.identity.epoch - self.resets)

    def ids_of(self, record: CallRecord) -> tuple[str, str | None]:
        """Return the id of a call that belongs to an earlier epoch, and of the one that it undoes."""
        chain, generation, epoch = self.identity.chain, self.identity.generation, record.epoch
        mark = f"~{epoch}/"
        ids = [
            call_id(chain, generation=generation, epoch=epoch, path=path.removeprefix(mark))
            for path in (record.path, record.undoes)
            if path
        ]
        return ids[0], ids[1] if record.undoes else None

    def note_answer(self, said: UpdateAnswered) -> None:
        """Remember what an update was answered with."""
        if self.answers is None:
            self.answers = {}
        self.answers[said.id] = said

    def note_children(self, children: Mapping[tuple[str, str], OnClose]) -> None:
        """Remember runs that are closed with this one."""
        if not children:
            return
        if self.children is None:
            self.children = {}
        self.children.update(children)

    def remember(self, before: Execution) -> None:
        """Keep what a generation that ends was told, with its answers, until that is on disk."""
        if self.unwritten is None:
            self.unwritten = deque()
        self.unwritten.append(heard_by(before))

    def forget(self) -> None:
        """Forget what was kept of the oldest generation: it is on disk."""
        if self.unwritten:
            self.unwritten.popleft()

    def renew(self, execution: Execution) -> None:
        """Go on as the next generation."""
        before, self.execution = self.execution, execution
        self.identity = execution.identity
        self.prefix = call_id(
            self.identity.chain, generation=self.identity.generation, epoch=self.identity.epoch, path=""
        )
        for state in self.calls.values():
            state.drop()
        self.calls.clear()
        self.first_seq = self.next_seq
        self.resets = 0
        self.answers = self.earlier = None
        if before is not None:
            before.evict()

    def leave(self) -> None:
        """Leave memory: the execution, its timers and its calls."""
        self.gone = True
        for state in self.calls.values():
            state.drop()
        self.calls.clear()
        if self.execution is not None:
            self.execution.evict()
            self.execution = None


def heard_by(execution: Execution) -> dict[str, UpdateAnswered | None]:
    """Return the ids of the messages that an execution was told, with its answers where there is one."""
    return {each: execution.answered.get(each) for each in execution.inbox.seen}
