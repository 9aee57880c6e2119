"""The calls of a run as Temporal's activities: issued, given up, tried anew, and what becomes of their failures."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityHandle

from weft.engine.execution.entries import Ended, Skipped, ended
from weft.engine.execution.scopes import CallRecord
from weft.engine.temporal.cancelling import cancel_later
from weft.engine.temporal.failures import ASK, outcome_of, unsettled
from weft.engine.temporal.house import House
from weft.engine.temporal.payloads import CallNote, OperatorNote, TroubleNote, data_of, noted, payload
from weft.flow.ambient_runs import SERVICE
from weft.model.call import Behalf, Outcome, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation

TERMINATE = f"{SERVICE}.terminate"
ASKED = "~asked"
AGAIN = "~again"

GRACE_MS = 5_000
"""Beyond an operation's timeout, which its worker keeps, the server waits so long until it takes a worker for lost."""

HEARTBEAT = timedelta(seconds=15)
"""Without a word for so long a worker is taken for lost; only for attempts that may take longer than this."""

LONGEST = timedelta(days=3650)
"""For how long a call may wait that has no timeout."""

UNDO_ATTENTION_S = 120.0
"""An undo that is not done after so long needs attention, whatever its worker could still say."""

RETRIES = RetryPolicy(
    initial_interval=timedelta(milliseconds=50),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=0,
)
"""What the server does where a worker vanished; else each failure says itself when the next attempt is due."""


class Owner(Protocol):
    """What the calls need of their bridge."""

    @property
    def closed(self) -> bool:
        """Tell whether the run leaves memory, or has ended."""
        ...

    def tell(self, entry: Ended | Skipped) -> None:
        """Tell the run an entry."""
        ...

    def is_open(self, record: CallRecord) -> bool:
        """Tell whether the run still waits for a call."""
        ...

    def standing_changed(self) -> None:
        """Show that a call needs attention, or does not any more."""
        ...


@dataclass(slots=True, eq=False)
class _Live:
    """A call that is being made.

    Attributes:
        handle: its activity; nothing where only an operator can go on.
        trouble: why a person should look.
        arrived: an attempt may have reached the service, as far as that is known.
        abandoned: nobody waits for it any more.
        skipped: an operator gives it up: what to tell once its activity has come to rest.
        again: how often it was issued anew.
        alarm: tells that an undo takes too long.
    """

    record: CallRecord
    note: CallNote
    handle: ActivityHandle[Any] | None = None
    trouble: str = ""
    arrived: bool = True
    abandoned: bool = False
    skipped: OperatorNote | None = None
    hurried: bool = False
    again: int = 0
    alarm: asyncio.TimerHandle | None = None


class Calls:
    """Every call of one run that is under way."""

    def __init__(
        self, owner: Owner, house: House, *, loop: asyncio.AbstractEventLoop, prefix: str, caller: str, behalf: Behalf
    ) -> None:
        self._owner = owner
        self._house = house
        self._loop = loop
        self._prefix = prefix
        self._caller = caller
        self._behalf = behalf
        self._live: dict[str, _Live] = {}
        self._by_activity: dict[str, str] = {}

    @property
    def trouble(self) -> str:
        """Return why the run needs attention; empty where it does not."""
        return next((live.trouble for live in self._live.values() if live.trouble), "")

    def note(self, record: CallRecord) -> CallNote:
        """Return what a call says of itself."""
        return CallNote(
            id=self._prefix + record.path,
            undoes=self._prefix + record.undoes if record.undoes else None,
            contract=record.operation.contract,
            caller=self._caller,
            tenant=self._behalf.tenant,
            principal=self._behalf.principal,
            trace=self._behalf.trace,
            issued_ms=record.issued_ms,
        )

    def issue(self, record: CallRecord, line: str) -> None:
        """Issue a call as an activity whose id is the call's path."""
        live = _Live(record, self.note(record))
        self._live[record.path] = live
        self._start(live, record.operation, activity_id=record.path, note=live.note, line=line)
        if record.undoes:
            live.alarm = self._loop.call_later(UNDO_ATTENTION_S, self._late, live)

    def _start(self, live: _Live, operation: Operation, *, activity_id: str, note: CallNote, line: str = "") -> None:
        house = self._house
        is_read = operation.kind is EffectKind.READ
        self._by_activity[activity_id] = live.record.path
        queue = house.waits if operation.service == SERVICE else house.queues.get(operation.service)
        handle: ActivityHandle[Any] = workflow.start_activity(
            operation.target,
            args=[payload(live.record.arguments), noted(note)],
            activity_id=activity_id,
            task_queue=queue,
            result_type=RawValue,
            start_to_close_timeout=_attempt_time(operation),
            schedule_to_close_timeout=None if note.undoes or note.asks else _whole_time(operation),
            heartbeat_timeout=HEARTBEAT if operation.timeout_ms > HEARTBEAT / timedelta(milliseconds=1) else None,
            retry_policy=RETRIES,
            cancellation_type=ActivityCancellationType.TRY_CANCEL
            if is_read
            else ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=line or None,
        )
        live.handle = handle
        handle.add_done_callback(partial(self._done, live))

    def _done(self, live: _Live, done: asyncio.Future[Any]) -> None:
        if self._owner.closed or done.cancelled():
            return
        error = done.exception()
        live.handle = None
        if error is None:
            self._settle(live, Reply(data_of(done.result())))
            return
        if not isinstance(error, Exception):  # the workflow is being evicted
            return
        pending = unsettled(error)
        if live.skipped is not None:
            self._skip(live, live.skipped)
        elif pending is not None and pending.weft == ASK:
            self._ask(live, pending.name)
        elif pending is not None:
            self._stand(live, pending.text, arrived=True)
        elif live.hurried and not live.abandoned:
            self._again(live)
        else:
            self._settle(live, outcome_of(error, live.record.operation, abandoned=live.abandoned))

    def _settle(self, live: _Live, outcome: Outcome) -> None:
        record = live.record
        self._forget(live)
        if self._owner.is_open(record):
            self._owner.tell(ended(record.path, outcome, began_ms=record.issued_ms))

    def _forget(self, live: _Live) -> None:
        if self._live.get(live.record.path) is live:
            del self._live[live.record.path]
        if live.alarm is not None:
            live.alarm.cancel()
        if live.trouble:
            live.trouble = ""
            self._owner.standing_changed()

    # An irreversible call whose outcome is unknown is not repeated: its status query is, until it answers.

    def _ask(self, live: _Live, query: str) -> None:
        operation = self._house.operations[f"{live.record.operation.service}.{query}"]
        note = replace(
            live.note, id=f"{live.note.id}{ASKED}", contract=operation.contract, asks=live.record.operation.target
        )
        self._start(live, operation, activity_id=f"{live.record.path}{ASKED}{_number(live.again)}", note=note)

    def _stand(self, live: _Live, why: str, *, arrived: bool) -> None:
        if live.trouble != why:
            live.trouble = why
            live.arrived = arrived
            self._owner.standing_changed()

    def _late(self, live: _Live) -> None:
        live.alarm = None
        if not self._owner.closed and not live.trouble:
            self._stand(live, f"{live.record.path} is not done after {UNDO_ATTENTION_S:g} s", arrived=True)

    def trouble_told(self, note: TroubleNote) -> None:
        """Note what an activity says about its call."""
        live = self._live.get(self._by_activity.get(note.path, ""))
        if live is not None:
            self._stand(live, note.why, arrived=note.arrived)

    # What the run and operators ask for.

    def abandon(self, path: str) -> None:
        """Make no further attempt; the one under way may end."""
        live = self._live.get(path)
        if live is None:
            return
        live.abandoned = True
        if live.record.operation.kind is EffectKind.READ:
            self._forget(live)
        if live.handle is not None:
            cancel_later(self._loop, live.handle.cancel)

    def skip(self, note: OperatorNote) -> int:
        """Give up the calls that need attention; return how many there were."""
        troubled = [live for live in self._live.values() if live.trouble]
        for live in troubled:
            if live.handle is None:
                self._skip(live, note)
            else:
                live.skipped = note
                cancel_later(self._loop, live.handle.cancel)
        return len(troubled)

    def _skip(self, live: _Live, note: OperatorNote) -> None:
        record = live.record
        self._forget(live)
        if self._owner.is_open(record):
            reply = None if note.reply is None else note.reply.encode()
            self._owner.tell(Skipped(record.path, note.who, note.why, reply, live.arrived))

    def retry(self, *, resend: bool) -> None:
        """Try waiting calls now; what may have happened and cannot be undone only to `resend` it."""
        for live in list(self._live.values()):
            if live.handle is None:
                if resend or live.record.operation.repeatable:
                    self._again(live)
            elif not live.abandoned:
                live.hurried = True
                cancel_later(self._loop, live.handle.cancel)

    def _again(self, live: _Live) -> None:
        live.hurried = False
        live.again += 1
        note = replace(live.note, arrived=live.arrived if live.trouble else True)
        if live.trouble:
            live.trouble = ""
            self._owner.standing_changed()
        self._start(
            live, live.record.operation, activity_id=f"{live.record.path}{AGAIN}{_number(live.again)}", note=note
        )

    def terminate(self, workflow_name: str, run_id: str, path: str) -> None:
        """End another run without its undos; whoever waits for that run hears of it by its end."""
        operation = self._house.operations[TERMINATE]
        values = {
            "workflow": workflow_name,
            "run_id": run_id,
            "who": f"run {self._caller}",
            "why": "nobody waits for it",
        }
        note = CallNote(
            f"{self._prefix}{path}~terminate", caller=self._caller, issued_ms=workflow.time_ns() // 1_000_000
        )
        workflow.start_activity(
            TERMINATE,
            args=[payload(operation.parameters.encode(values)), noted(note)],
            activity_id=f"{path}~terminate",
            task_queue=self._house.waits,
            result_type=RawValue,
            start_to_close_timeout=LONGEST,
            heartbeat_timeout=HEARTBEAT,
            retry_policy=RETRIES,
        )

    def is_halted(self) -> str:
        """Return a call that only `resend` sends again, where no other could be tried; empty where one can."""
        halted = [
            live.record.operation.target
            for live in self._live.values()
            if live.handle is None and not live.record.operation.repeatable
        ]
        return halted[0] if halted and len(halted) == len(self._live) else ""


def _number(again: int) -> str:
    return f".{again}" if again else ""


def _attempt_time(operation: Operation) -> timedelta:
    return min(timedelta(milliseconds=operation.timeout_ms + GRACE_MS), LONGEST)


def _whole_time(operation: Operation) -> timedelta | None:
    """Return when the server gives a call up that no worker takes; a worker gives it up sooner."""
    limit_ms = operation.give_up_after_ms
    if operation.kind is EffectKind.READ:
        limit_ms = operation.timeout_ms if limit_ms is None else min(limit_ms, operation.timeout_ms)
    if limit_ms is None:
        return None
    return min(timedelta(milliseconds=limit_ms + 2 * (operation.timeout_ms + GRACE_MS)), LONGEST)
