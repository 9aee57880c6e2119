"""One run live in memory: told an entry, it answers with commands; it knows no store and no network."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from contextvars import Context
from typing import Any, NamedTuple, NoReturn

from weft.engine.execution.calls import CallFuture, Calls
from weft.engine.execution.commands import (
    AttributeSet,
    Command,
    RunContinued,
    RunEnded,
    StateShown,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.continuing import Continued, is_continued, nearly_full, refuse_to_continue
from weft.engine.execution.divergence import compare
from weft.engine.execution.endings import ended_by
from weft.engine.execution.entries import (
    LATE,
    PROTOCOL,
    CancelAsked,
    Ended,
    Entry,
    Noted,
    Reset,
    Skipped,
    Started,
    TimerFired,
    Told,
)
from weft.engine.execution.eviction import RunEvicted
from weft.engine.execution.handles import Ready, RunTimer
from weft.engine.execution.inbox import Inbox, Received
from weft.engine.execution.loop import DRAIN_LIMIT, RunLoop, RunTask
from weft.engine.execution.patches import Patches
from weft.engine.execution.program import Program
from weft.engine.execution.resetting import Resetting
from weft.engine.execution.scopes import Scope
from weft.engine.execution.turn import Turn
from weft.errors import AlreadyAnswered, EntryCorrupt, LimitExceeded, ProtocolUnknown
from weft.flow.ambient import CurrentScope, current_run
from weft.ids import digest
from weft.model.attribute import Attributed
from weft.model.call import Outcome
from weft.model.message import Answer
from weft.model.operation import Operation
from weft.model.policy import Limits

DEFAULT_LIMITS = Limits()

DEADLINE = "~deadline"
"""The path of the timer that cancels a run whose time is over."""

_BY_NOBODY: frozenset[str] = frozenset()
"""Who has cancelled nearly every run: made once, since an empty frozenset takes 216 bytes."""


class Identity(NamedTuple):
    """Which run this is."""

    workflow: str
    run_id: str
    chain: str
    generation: int = 0
    epoch: int = 0


class Execution:
    """A run as a function of its code, its input and its journal.

    `tell` and `replay` are called from a plain callback or from no loop at all, never inside a task of another loop.
    """

    def __init__(
        self,
        identity: Identity,
        program: Program,
        operations: Mapping[str, Operation],
        *,
        limits: Limits = DEFAULT_LIMITS,
        drain_limit: int = DRAIN_LIMIT,
        turn: Turn | None = None,
    ) -> None:
        self.identity = identity
        self.limits = limits
        self.entries = 0
        self.ended: RunEnded | None = None
        self.continued: RunContinued | None = None
        self.marks: tuple[CancelAsked, ...] = ()
        self.cancelled_by = _BY_NOBODY
        self.started: Started | None = None
        self.resetting: Resetting | None = None
        self.timers: dict[str, RunTimer] = {}
        name = f"{identity.chain}/{identity.generation}"
        self.loop = RunLoop(name=name, timers=self, drain_limit=drain_limit, turn=turn)
        self.root_scope = Scope(self.loop, self, parent=None, owner=None)
        self.commands: dict[str, Command] = {}
        self.calls = Calls(self, operations)
        self.loop.holds = self.calls.holds_cancellation
        self._inbox: Inbox | None = None
        self._answered: dict[str, UpdateAnswered] | None = None
        self._patches: Patches | None = None
        self._recorded: Sequence[Command] | None = None
        self._program = program
        self._root: RunTask | None = None
        self._seed = b""
        self._closing = False
        self._why = ""
        self._continuing: RunContinued | None = None

    @property
    def inbox(self) -> Inbox:
        """Return the messages of the run; most runs never get one."""
        if self._inbox is None:
            self._inbox = Inbox(self.loop, limit=self.limits.pending_messages)
        return self._inbox

    @property
    def answered(self) -> Mapping[str, UpdateAnswered]:
        """Return the answers that were given, by the ids of the updates."""
        return self._answered or {}

    # What the engine does with it.

    def tell(self, entry: Entry, at_ms: int) -> list[Command]:
        """Tell one entry and return the commands it is answered with; one entry, one drain.

        Raises:
            DrainTooLong: the step does not end; the run is blocked and must leave memory.
            ProtocolUnknown: the journal was written by a newer weft.
        """
        loop = self.loop
        loop.now_ms = max(loop.now_ms, at_ms)
        if self.resetting is None and type(entry) is Ended:  # nearly every entry
            self.calls.end(entry.path, entry.outcome())
            loop.drain()
        else:
            self._apply(entry)
            loop.drain()
            if self.resetting is not None:
                self._go_on_after_undos(self.resetting)
        root = self._root
        if root is not None and root.done():
            self._end_if_over(root)
        self.entries += 1
        commands = list(self.commands.values())
        self.commands.clear()
        return commands

    def replay(self, entry: Entry, at_ms: int, recorded: Sequence[Command]) -> list[Command]:
        """Tell an entry again, and return today's answer; what was recorded wins where arguments and delays drifted.

        Raises:
            JournalDiverged: the code answers with other commands.
        """
        at = self.entries
        self._recorded = recorded
        try:
            new = self.tell(entry, at_ms)
        finally:
            self._recorded = None
        compare(entry, at=at, recorded=recorded, new=new, waits=self.loop.waits_at)
        for command in recorded:
            if isinstance(command, TimerSet) and command.path in self.timers:
                self.timers[command.path].due_ms = command.due_ms
            else:
                self.calls.adopt(command)
        return new

    def evict(self) -> None:
        """Leave memory without a trace: no code of the run has a say in it any more."""
        self.loop.evict()
        self.calls.clear()
        self.timers.clear()
        # References in circles would leave the run to the garbage collector: dear at thousands of runs a second.
        self.root_scope.forget()
        self._root = None

    # Entries.

    def _apply(self, entry: Entry) -> None:
        if self.resetting is not None and self.resetting.keeps(entry, self.timers):
            return
        match entry:
            case Started():
                self._start(entry)
            case Ended(path=path):
                self.calls.end(path, entry.outcome())
            case TimerFired(path=path):
                timer = self.timers.pop(path, None)
                if timer is None:
                    what = f"timer {path} fired, and the run has no such timer"
                    raise EntryCorrupt(what)
                timer.fire()
            case Told(kind=kind, data=data, id=message_id):
                self.inbox.put(kind, data, message_id=message_id)
            case CancelAsked(why=why):
                if self._root is not None and self._root.done():
                    self.marks += (entry,)
                self.cancelled_by |= {entry.who}
                self._cancel(why)
            case Skipped(path=path):
                self.calls.skip(path, entry.reply, arrived=entry.arrived)
            case Reset(epoch=epoch):
                self.resetting = Resetting(self, entry, was=self.identity.epoch)
                self.identity = self.identity._replace(epoch=epoch)
            case Noted():
                pass

    def _go_on_after_undos(self, resetting: Resetting) -> None:
        """Tell what waited for the undos of a reset, once they are done; each with a drain of its own."""
        if resetting.is_over:
            self.resetting = None
            for entry in resetting.kept:
                if not isinstance(entry, RunTimer):
                    self._apply(entry)
                elif not entry.cancelled():
                    entry.fire()
                self.loop.drain()

    def _cancel(self, why: str) -> None:
        # Once the workflow has returned, what is left to cancel is the tasks that ignored it the first time.
        for task in self._unfinished() if self._closing else filter(None, [self._root]):
            task.cancel(why or None)

    def _start(self, entry: Started) -> None:
        if entry.protocol > PROTOCOL:
            what = f"the run was started under protocol {entry.protocol}; this weft knows up to {PROTOCOL}"
            raise ProtocolUnknown(what)
        self.loop.start_ms = self.loop.now_ms
        self._seed = entry.seed
        self.started = entry = entry.begun(self.loop.now_ms)
        for told in entry.carried:
            self.inbox.put(told.kind, told.data, message_id=told.id)
        if entry.deadline_ms is not None:
            late = Ready(self._late, (), Context(), origin=None)
            due_ms = max(entry.deadline_ms, self.loop.now_ms + 1)
            self.timer_set(RunTimer(self.loop, due_ms=due_ms, ready=late, path=DEADLINE))
        context = Context()
        context.run(current_run.set, self)
        root = RunTask(self._main(entry.input), loop=self.loop, path=self.calls.root_path, context=context)
        root.scope = self.root_scope
        self.loop.tasks.append(root)
        self._root = root

    def _late(self) -> None:
        self._why = LATE
        self._cancel(self._why)

    async def _main(self, data: bytes) -> bytes:
        spec = self._program.spec
        result = await spec.workflow.function(spec.input.decode(data), **self._program.services)
        return spec.result.encode(result)

    def _end_if_over(self, root: RunTask) -> None:
        """Once the workflow returned: cancel and drain what is left over, wait for effects, then record the end."""
        if self.ended is not None or self.continued is not None:
            return
        if not self._closing:
            self._closing = True
            self.root_scope.closed = True
            for task in self._unfinished():
                task.cancel()
            self.loop.drain()
        if self._unfinished() or self.calls.open_effects():
            return
        if self._continuing is not None and not root.cancelled() and is_continued(root.exception()):
            self.commands["end"] = self.continued = self._continuing
        else:
            self.commands["end"] = self.ended = ended_by(root, why=self._why, limit=self.limits.payload_bytes)
        for path in list(self.timers):
            self.timers[path].cancel()

    def _unfinished(self) -> list[RunTask]:
        return [task for task in self.loop.tasks if not task.done()]

    # The loop's timers.

    def timer_set(self, timer: RunTimer) -> None:
        """Note a new timer as a command."""
        self.timers[timer.path] = timer
        self.commands[f"timer {timer.path}"] = TimerSet(timer.path, timer.due_ms, self.loop.line())

    def timer_cancelled(self, timer: RunTimer) -> None:
        """Take a timer back: as if it never was within its own step, as a command later."""
        if self.timers.pop(timer.path, None) is None or self.loop.dead:
            return
        if self.commands.pop(f"timer {timer.path}", None) is None:
            self.commands[f"untimer {timer.path}"] = TimerCancelled(timer.path, self.loop.line())

    # What the verbs ask for.

    def call(self, operation: Operation, arguments: bytes) -> Awaitable[Outcome]:
        """Issue a call under the current saga."""
        if self.loop.dead:
            raise RunEvicted
        return self.calls.issue(operation, arguments)

    def issue_undo(self, record: Any) -> CallFuture:
        """Issue the undo of a call."""
        return self.calls.issue_undo(record)

    def open_scope(self) -> CurrentScope:
        """Open a saga in the current task."""
        self._check_alive()
        task = self.loop.current
        if task is None:
            message = "a saga is entered in a task, not in a callback"
            raise RuntimeError(message)
        scope = Scope(self.loop, self, parent=task.scope, owner=task)
        task.scope = scope
        return scope

    def receive(self, kinds: Sequence[str], within_ms: int | None) -> Awaitable[Received]:
        """Take the first message of one of the kinds."""
        self._check_alive()
        return self.inbox.receive(kinds, within_ms)

    def answer(self, message_id: str, answer: Answer) -> None:
        """Answer an update once this step is on disk.

        Raises:
            AlreadyAnswered: it was answered before.
            LimitExceeded: the answer is too large.
        """
        self._check_alive()
        answered = self._answered = {} if self._answered is None else self._answered
        if message_id in answered:
            what = "an update was answered a second time"
            raise AlreadyAnswered(what, where=self.loop.line())
        self.check_payload(answer.data, "the answer to an update")
        said = answered[message_id] = UpdateAnswered(message_id, answer.data, answer.refusal, self.loop.line())
        self.commands[f"answer {message_id}"] = said

    def continue_as_new(self, input: object) -> NoReturn:  # noqa: A002 - the model's word
        """End this generation and begin the next."""
        self._check_alive()
        refuse_to_continue(self.loop, self.calls, closing=self._closing)
        data = self._program.spec.input.encode(input)
        self.check_payload(data, "the input of the next generation")
        self._continuing = RunContinued(data, self.loop.line())
        raise Continued

    def journal_nearly_full(self) -> bool:
        """Tell whether it is time to continue as new."""
        self._check_alive()
        return nearly_full(self.started, self.entries)

    def patched(self, patch: str, *, deprecated: bool) -> bool:
        """Tell whether the run goes by a patch of its code."""
        self._check_alive()
        patches = self._patches = self._patches or Patches(self)
        return patches.taken(patch, deprecated=deprecated, recorded=self._recorded)

    def set_state(self, name: str, data: bytes) -> None:
        """Show a value outside once this step is on disk."""
        self._check_alive()
        self.check_payload(data, f"state {name}")
        self.commands[f"state {name}"] = StateShown(name, data)

    def set_attribute(self, attribute: Attributed) -> None:
        """Let the run be found by a value, once this step is on disk."""
        self._check_alive()
        self.commands[f"attribute {attribute.name}"] = AttributeSet(attribute)

    def now_ms(self) -> int:
        """Return the time of the entry that is being told."""
        self._check_alive()
        return self.loop.now_ms

    def chance(self, purpose: str) -> bytes:
        """Return 16 bytes: a function of seed, epoch, task path and count."""
        self._check_alive()
        return digest(self._seed + f"{self.identity.epoch}/{self.loop.path().next(purpose)}".encode())

    def check_payload(self, data: bytes, what: str) -> None:
        """Raise LimitExceeded if a payload is over the limit."""
        if len(data) > self.limits.payload_bytes:
            message = f"{what} has {len(data):,} bytes; the limit is {self.limits.payload_bytes:,}"
            raise LimitExceeded(message, remedy="send a reference to the data", name="payload_bytes")

    def _check_alive(self) -> None:
        if self.loop.dead:
            raise RunEvicted
