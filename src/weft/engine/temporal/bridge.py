"""Between a run and Temporal: what happens there is told to the run, what the run answers is asked of Temporal.

The run is stepped from plain callbacks of Temporal's loop and never inside one of its tasks. What it answers is asked
of Temporal afterwards, back on Temporal's loop, in order of id.
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.common import RawValue

from weft.engine.execution.commands import (
    AttributeSet,
    CallAbandoned,
    CallIssued,
    Command,
    RunContinued,
    RunEnded,
    StateShown,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.entries import CancelAsked, Entry, Noted, Started, TimerFired, Told, ended
from weft.engine.execution.execution import Identity
from weft.engine.execution.inbox import Received
from weft.engine.execution.paths import call_id
from weft.engine.execution.scopes import CallRecord
from weft.engine.temporal.attributes import show
from weft.engine.temporal.calls import Calls
from weft.engine.temporal.children import STARTS, Child
from weft.engine.temporal.failures import failed
from weft.engine.temporal.house import House
from weft.engine.temporal.messages import Messages, refusal_of
from weft.engine.temporal.naming import ATTENTION, CANCELLED, REASON, run_id_of, show_status
from weft.engine.temporal.payloads import MarkNote, OperatorNote, StartNote, noted, payload
from weft.engine.temporal.steps import (
    HISTORY_BYTES,
    HISTORY_EVENTS,
    RESERVE,
    SIGNALS,
    UPDATES,
    TemporalExecution,
)
from weft.errors import JournalDiverged, LimitExceeded
from weft.ids import digest
from weft.model.attribute import Attributed
from weft.model.call import Outcome
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

_PYTHON = ".".join(platform.python_version_tuple()[:2])

T = TypeVar("T")

TURNS = 3
"""Turns of Temporal's loop in which everything is told that came in one of its tasks."""


class Bridge:
    """One run inside one Temporal workflow.

    Attributes:
        closed: the run leaves memory, or has ended: nothing is told it any more.
        states: what it shows, by name.
    """

    def __init__(self, house: House, data: bytes, note: StartNote) -> None:
        info = workflow.info()
        self._house = house
        self._note = note
        self._loop = asyncio.get_running_loop()
        self._out: asyncio.Future[RunEnded | RunContinued] = self._loop.create_future()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._children: dict[str, tuple[Child, asyncio.Task[None]]] = {}
        self._marks = list(note.marks)
        self._left: list[Received] = []
        self._cancelled = False
        self._shown = ""
        self.closed = False
        self.states = {name: text.encode() for name, text in note.states.items()}
        self.messages = Messages(self._loop, note.known)
        program = house.programs.get(info.workflow_type)
        if program is None:
            what = f"the System has no workflow {info.workflow_type!r} any more"
            raise JournalDiverged(what, remedy="add the workflow again until its last run has ended")
        run_id = run_id_of(info.workflow_type, info.workflow_id)
        chain = info.original_execution_run_id
        identity = Identity(info.workflow_type, run_id, chain, note.generation)
        prefix = call_id(chain, generation=note.generation, epoch=0, path="")
        self._execution = TemporalExecution(
            identity,
            program,
            house.operations,
            limits=house.limits,
            outer=self._loop,
            fullness=self._fullness,
        )
        caller = f"{info.workflow_type}/{run_id}"
        self.calls = Calls(self, house, loop=self._loop, prefix=prefix, caller=caller, behalf=note.behalf)
        self._begin(data, chain)

    def _begin(self, data: bytes, chain: str) -> None:
        note, now_ms = self._note, self._now_ms()
        deadline_ms = note.deadline_ms
        if deadline_ms is None and note.within_ms is not None:
            deadline_ms = now_ms + note.within_ms
        for each in note.carried:
            self.messages.carry(each.id)
        self._tell(
            Started(
                data,
                digest(f"seed/{chain}".encode()),
                _PYTHON,
                note.protocol,
                note.principal,
                note.trace,
                deadline_ms,
                attributes=tuple(Attributed(each.name, each.kind, each.values) for each in note.attributes),
                carried=tuple(Told(each.kind, each.data.encode(), each.id) for each in note.carried),
            )
        )
        while self._marks and not self._out.done():
            mark = self._marks.pop(0)
            self._tell(CancelAsked(mark.who, mark.why))

    @staticmethod
    def _now_ms() -> int:
        return workflow.time_ns() // 1_000_000

    def _fullness(self) -> float:
        info = workflow.info()
        return max(
            info.get_current_history_length() / min(HISTORY_EVENTS, self._house.limits.journal_entries),
            info.get_current_history_size() / HISTORY_BYTES,
            self.messages.signals / SIGNALS,
            self.messages.updates / UPDATES,
        )

    # Telling.

    def tell(self, entry: Entry, at_ms: int | None = None) -> None:
        """Tell the run an entry; only in a plain callback. What fails here blocks the run: its workflow task fails."""
        if self.closed:
            return
        if self._out.done():
            self._keep(entry)
            return
        try:
            self._tell(entry, at_ms)
        except Exception as error:  # noqa: BLE001 - a callback's error would be logged and forgotten
            self._out.set_exception(error)

    def _keep(self, entry: Entry) -> None:
        """Keep what came once the generation had decided to go on as the next one; what has ended hears nothing."""
        if self._execution.continued is None:
            return
        if isinstance(entry, Told):
            self._left.append((entry.kind, entry.data, entry.id))
        elif isinstance(entry, CancelAsked):
            self._marks.append(MarkNote(entry.who, entry.why))

    def _tell(self, entry: Entry, at_ms: int | None = None) -> None:
        if self._fullness() >= RESERVE:
            what = "the history has nearly reached the limit at which Temporal ends a run without its undos"
            raise LimitExceeded(
                what, remedy="continue as new while journal_nearly_full() says so", name="journal_entries"
            )
        at_ms = self._now_ms() if at_ms is None else at_ms
        commands = self._execution.tell(entry, at_ms)
        if self._house.recorder is not None:
            self._house.recorder(entry, self._execution.loop.now_ms, commands)
        for context in self._execution.loop.noticed:
            log.warning("run: %s", context.get("message"), exc_info=context.get("exception"))
        self._execution.loop.noticed.clear()
        ending = next((each for each in commands if isinstance(each, RunEnded | RunContinued)), None)
        for command in sorted(commands, key=_order):
            self._carry_out(command, ending)
        if ending is not None:
            self._out.set_result(ending)

    def _carry_out(self, command: Command, ending: Command | None) -> None:
        match command:
            case StateShown(name=name, data=data):
                self.states[name] = data
            case AttributeSet(attribute=attribute):
                if self._house.require is not None:
                    self._house.require(attribute)
                show(attribute)
            case UpdateAnswered():
                self.messages.answered(command)
            case _ if ending is not None:
                return
            case CallIssued(path=path, line=line):
                record = self._execution.calls.get(path)
                if record is not None:
                    self._issue(record, line)
            case CallAbandoned(path=path):
                self._abandon(path)
            case TimerSet(path=path, due_ms=due_ms):
                delay_ms = max(1, due_ms - self._now_ms())
                self._timers[path] = self._loop.call_later(delay_ms / 1000, self._fire, path, due_ms)
            case TimerCancelled(path=path):
                timer = self._timers.pop(path, None)
                if timer is not None:
                    timer.cancel()
            case _:
                pass

    def _fire(self, path: str, due_ms: int) -> None:
        if self._timers.pop(path, None) is not None:
            self.tell(TimerFired(path), due_ms)

    def is_open(self, record: CallRecord) -> bool:
        """Tell whether the run still waits for a call."""
        return self._execution.calls.get(record.path) is record

    # Calls, and runs that the run starts.

    def _issue(self, record: CallRecord, line: str) -> None:
        if record.operation.target not in STARTS:
            self.calls.issue(record, line)
            return
        child = Child(
            record,
            self._note.behalf,
            settled=lambda child, outcome: self._loop.call_soon(self._child_settled, child, outcome),
            exists=lambda child: self._loop.call_soon(self._child_exists, child),
            terminate=self._terminate,
        )
        self._children[record.path] = (child, self._loop.create_task(child.live()))

    def _child_settled(self, child: Child, outcome: Outcome) -> None:
        if self._children.pop(child.record.path, None) is not None and self.is_open(child.record):
            self.tell(ended(child.record.path, outcome, began_ms=child.record.issued_ms))

    def _child_exists(self, child: Child) -> None:
        # Somebody started it: whether with the same input, and how it ends, is asked as anybody asks.
        if self._children.pop(child.record.path, None) is not None and self.is_open(child.record):
            self.calls.issue(child.record, "")

    def _terminate(self, child: Child) -> None:
        self._loop.call_soon(self.calls.terminate, child.workflow, child.run_id, child.record.path)

    def _abandon(self, path: str) -> None:
        found = self._children.get(path)
        if found is None:
            self.calls.abandon(path)
        else:
            found[0].abandon()

    # What Temporal asks of it.

    def cancelled(self, reason: str) -> None:
        """Tell the run that it is to cancel."""
        self.tell(CancelAsked("", reason))

    def signalled(self, kind: str, data: bytes, message_id: str) -> None:
        """Tell the run a signal."""
        if not self.closed:
            told = self.messages.signal(kind, data, message_id)
            if told is not None:
                self.tell(told)

    async def asked(self, told: Told) -> RawValue:
        """Tell the run an update and return its answer."""
        if self._execution.ended is not None:
            self._loop.call_soon(self.messages.close, "it has ended")
        answer = await self.messages.ask(told, self.tell)
        if answer.refusal:
            raise refusal_of(answer)
        return payload(answer.data)

    def noted(self, what: str, note: OperatorNote) -> None:
        """Keep an operator's act in the record."""
        self.tell(Noted(what, note.who, note.why))

    # Where it stands.

    def standing_changed(self) -> None:
        """Show in Temporal's search that the run needs attention, or does not any more."""
        trouble = self.calls.trouble
        if trouble == self._shown or self.closed:
            return
        if bool(trouble) != bool(self._shown):
            show_status(ATTENTION if trouble else None)
        workflow.upsert_memo({REASON: trouble or None})
        self._shown = trouble

    # The end.

    async def end(self) -> RawValue:
        """Wait for the run's end and give it to Temporal, as the return or the failure of its workflow."""
        ending = await self._unless_evicted(lambda: asyncio.shield(self._out))
        # What came in the same task is told first: it goes over to the next generation, or hears that this has ended.
        for _ in range(TURNS):
            await self._unless_evicted(lambda: asyncio.sleep(0))
        if isinstance(ending, RunContinued):
            over = self._next()
        else:
            over = None
            self.messages.close(RunStatus(ending.status).label)
        # Whoever asked is told before the workflow ends: an update without an answer would be an error of Temporal's.
        await self._unless_evicted(lambda: workflow.wait_condition(workflow.all_handlers_finished))
        self._evict()
        if isinstance(ending, RunContinued):
            workflow.continue_as_new(args=[payload(ending.input), noted(over)])
        return self._result(ending)

    async def _unless_evicted(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait through the one cancellation that the run is told; any other means that it leaves memory."""
        while True:
            try:
                return await wait()
            except asyncio.CancelledError:
                reason = workflow.cancellation_reason()
                if reason is None or self._cancelled:
                    self._evict()
                    raise
                self._cancelled = True
                self._loop.call_soon(self.cancelled, reason)

    def _evict(self) -> None:
        self.closed = True
        self._loop.call_soon(self._execution.evict)

    def _next(self) -> StartNote:
        """Return what the next generation is given beside its input."""
        started = self._execution.started
        assert started is not None, "a run that continues has begun"
        carried, known = self.messages.go_over([*self._execution.inbox.waiting, *self._left])
        marks = [*(MarkNote(each.who, each.why) for each in self._execution.marks), *self._marks]
        note = self._note
        return StartNote(
            note.tenant,
            note.principal,
            note.trace,
            None,
            started.deadline_ms,
            note.protocol,
            note.generation + 1,
            carried,
            known,
            {name: data.decode() for name, data in self.states.items()},
            tuple(marks),
        )

    def _result(self, ending: RunEnded) -> RawValue:
        match ending.final:
            case RunStatus.COMPLETED:
                return payload(ending.data)
            case RunStatus.CANCELLED:
                raise self._cancellation(ending)
            case _:
                raise failed(ending)

    @staticmethod
    def _cancellation(ending: RunEnded) -> BaseException:
        """Return what ends a cancelled run as Temporal knows that."""
        workflow.upsert_memo({REASON: f"{ending.kind}: {ending.text}"})
        if workflow.cancellation_reason() is not None:
            return asyncio.CancelledError()
        # Its deadline has passed, which Temporal knows nothing of: its own word for the end would be "failed".
        show_status(CANCELLED)
        return failed(ending)


def _order(command: Command) -> tuple[str, str]:
    return (
        getattr(command, "path", "") or getattr(command, "id", "") or getattr(command, "name", ""),
        type(command).__name__,
    )
