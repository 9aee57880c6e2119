"""A run's journal as a story: one line for each thing that happened, and what the run waits for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from weft.clock import to_datetime
from weft.engine.embedded.epochs import of_epoch
from weft.engine.embedded.queue_rows import Rows, Stand, limit_of, queued
from weft.engine.embedded.store import EntryRow, RunRow
from weft.engine.execution.commands import (
    AttributeSet,
    CallAbandoned,
    CallIssued,
    Command,
    PatchTaken,
    RunContinued,
    RunEnded,
    StateShown,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
    decode_commands,
)
from weft.engine.execution.entries import (
    CancelAsked,
    Ended,
    Entry,
    Noted,
    Reset,
    Skipped,
    Started,
    TimerFired,
    Told,
    decode_entry,
)
from weft.model.attribute import Attributed, shown_value
from weft.model.run import RunStatus, RunStory, RunView, TimelineRow

SHOWN = 160
"""Characters of arguments, replies and messages that a line shows."""

NAMES = {"reply": "replied", "refused": "declined", "not-done": "not done", "unknown": "outcome unknown"}


_NONE: Mapping[str, object] = {}


class Journalled(Rows, Protocol):
    """Where a run's journal and the failures of its calls are read."""

    def journal(self, key: int, *, generation: int = 0) -> list[EntryRow]:
        """Return the journal's rows in order, those of the last generation if it is not the first."""
        ...

    def attempts(self, key: int) -> Mapping[str, tuple[int, str, int | None]]:
        """Return (attempts, last failure, next attempt's time) by call path."""
        ...


def view_of(row: RunRow, attributes: Mapping[str, object] = _NONE) -> RunView:
    """Return what a list shows of a run, with its attributes by name."""
    return RunView(
        row.workflow,
        row.run_id,
        RunStatus(row.status),
        row.created_ms,
        row.ended_ms,
        row.tenant,
        row.reason,
        row.generation,
        attributes,
    )


def story_of(store: Journalled, row: RunRow, *, epoch: int | None = None) -> RunStory:
    """Return the story of a run.

    Args:
        store: where its journal is read.
        row: the run.
        epoch: how it stood at the end of this one, of those of its present generation; nothing for the present one.

    Raises:
        EntryCorrupt: a row of its journal does not parse.
        RunNotFound: it had no such epoch.
    """
    teller = _Teller()
    rows = store.journal(row.key, generation=row.generation)
    if row.epoch or epoch:
        rows = of_epoch(rows, now=row.epoch, epoch=row.epoch if epoch is None else epoch)
    for entry in rows:
        teller.told(decode_entry(entry.entry), entry.at_ms)
        for command in decode_commands(entry.commands) if entry.commands else ():
            teller.answered(command, entry.at_ms)
    failures = store.attempts(row.key)
    for path, (count, failure, _) in failures.items():
        teller.failing(path, count, failure)
    view = view_of(row)
    said = _waiting_for_its_turn(store, row) if view.status is RunStatus.WAITING and view.reason else ""
    # What a failed run keeps there is its refusal, which `reason` says in words.
    result = row.result if view.status is RunStatus.COMPLETED else None
    return RunStory(view, tuple(teller.rows), said or _waiting_for(view, teller, failures), result)


def _waiting_for_its_turn(store: Rows, row: RunRow) -> str:
    """Say in one sentence why a run has not begun; nothing if it has, meanwhile."""
    turn = queued(store, row.key)
    if turn is None or turn.stand is Stand.PLACED:
        return ""
    mark = f"key {turn.key}, priority {turn.priority}" if turn.key else f"priority {turn.priority}"
    if turn.stand is Stand.LATER:
        return f"It is {row.reason}, when it begins ({mark})."
    total, each_key = limit_of(store, row.workflow)
    said = ((total, row.workflow), (each_key, "one key"))
    limits = " and ".join(f"{limit:,} of {whose}" for limit, whose in said if limit is not None)
    return f"It is {row.reason}: {limits or 'any number'} may be at work at once ({mark})."


class _Teller:
    """Collects the lines; a call's line is completed when its outcome comes."""

    def __init__(self) -> None:
        self.rows: list[TimelineRow] = []
        self.open: dict[str, int] = {}
        self.timers: dict[str, int] = {}

    def _add(self, row: TimelineRow) -> None:
        self.rows.append(row)

    def told(self, entry: Entry, at_ms: int) -> None:
        match entry:
            case Started(input=data, attributes=attributes):
                self._add(_line(at_ms, "start", _short(data)))
                for attribute in attributes:
                    self._add(_line(at_ms, "attribute", _attribute(attribute)))
            case Ended(path=path):
                self._close(path, at_ms, outcome=_outcome(entry), attempts=entry.attempts)
            case TimerFired(path=path):
                self._close(path, at_ms, outcome="fired", attempts=0)
                self.timers.pop(path, None)
            case Told(kind=kind, data=data):
                self._add(_line(at_ms, "message", f"{kind} {_short(data)}"))
            case CancelAsked(who=who, why=why):
                self._add(_line(at_ms, "cancel", f"{why or 'cancel'}{_by(who)}"))
            case Skipped(path=path, who=who, why=why):
                self._close(path, at_ms, outcome=f"skipped: {why}{_by(who)}", attempts=0)
            case Noted(what=what, who=who, why=why):
                self._add(_line(at_ms, "operator", f"{what} {why}{_by(who)}"))
            case Reset():
                self.told(decode_entry(entry.told), at_ms)
                what = f"reset after {entry.step} to epoch {entry.epoch}: {entry.why}{_by(entry.who)}"
                self._add(_line(at_ms, "operator", what))

    def answered(self, command: Command, at_ms: int) -> None:
        match command:
            case CallIssued(path=path, target=target, arguments=data, undoes=undoes, line=line):
                self.open[path] = len(self.rows)
                kind = "undo" if undoes else "call"
                self._add(TimelineRow(at_ms, None, kind, f"{target} {_short(data)}", "", 0, path, line))
            case TimerSet(path=path, due_ms=due_ms, line=line):
                self.open[path] = len(self.rows)
                self.timers[path] = due_ms
                what = f"{(due_ms - at_ms) / 1000:g} s"
                self._add(TimelineRow(at_ms, None, "timer", what, "", 0, path, line))
            case CallAbandoned(path=path, line=line, over=over):
                self._add(TimelineRow(at_ms, None, "cancel", f"stopped waiting for {path}", "", 0, path, line))
                if over:
                    self._close(path, at_ms, outcome="given up", attempts=0)
            case TimerCancelled(path=path):
                self._close(path, at_ms, outcome="not needed", attempts=0)
                self.timers.pop(path, None)
            case StateShown(name=name, data=data):
                self._add(_line(at_ms, "state", f"{name} = {_short(data)}"))
            case AttributeSet(attribute):
                self._add(_line(at_ms, "attribute", _attribute(attribute)))
            case UpdateAnswered(data=data, refusal=refusal, line=line):
                what = f"{refusal} {_short(data)}" if refusal else _short(data)
                self._add(TimelineRow(at_ms, None, "answer", what, "refused" if refusal else "answered", 0, "", line))
            case PatchTaken(id=patch, line=line):
                self._add(TimelineRow(at_ms, None, "patch", patch, "", 0, "", line))
            case RunContinued(input=data, line=line):
                self._add(TimelineRow(at_ms, None, "end", _short(data), "continued as new", 0, "", line))
            case RunEnded():
                self._end(command, at_ms)

    def _end(self, command: RunEnded, at_ms: int) -> None:
        text = f"{command.kind}: {command.text}" if command.kind else _short(command.data)
        self._add(TimelineRow(at_ms, None, "end", text, command.final.label, 0, "", command.line))

    def _close(self, path: str, at_ms: int, *, outcome: str, attempts: int) -> None:
        index = self.open.pop(path, None)
        if index is not None:
            row = self.rows[index]
            self.rows[index] = replace(row, took_ms=at_ms - row.at_ms, outcome=outcome, attempts=attempts)

    def failing(self, path: str, count: int, failure: str) -> None:
        index = self.open.get(path)
        if index is not None:
            self.rows[index] = replace(self.rows[index], outcome=f"failing: {failure}", attempts=count)


def _line(at_ms: int, kind: str, what: str) -> TimelineRow:
    return TimelineRow(at_ms, None, kind, what, "", 0, "", "")


def _by(who: str) -> str:
    return f" (by {who})" if who else ""


def _attribute(attribute: Attributed) -> str:
    value = json.dumps(shown_value(attribute.kind, attribute.values), ensure_ascii=False)
    return f"{attribute.name} = {value}" if attribute.values else f"{attribute.name} has no value any more"


def _short(data: bytes) -> str:
    text = data.decode("utf-8", "replace")
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _outcome(entry: Ended) -> str:
    name = NAMES.get(entry.kind, entry.kind)
    match entry.kind:
        case "reply":
            return name if entry.data == b"null" else f"{name} {_short(entry.data)}"
        case "refused":
            return f"{name}: {entry.name} {_short(entry.data)}"
        case _:
            return f"{name}: {entry.text or entry.name}"


def _waiting_for(view: RunView, teller: _Teller, failures: Mapping[str, tuple[int, str, int | None]]) -> str:
    """Say in one sentence what a run waits for."""
    if not view.status.is_open:
        return f"It has ended: {view.status.label}."
    if view.status in {RunStatus.BLOCKED, RunStatus.NEEDS_ATTENTION}:
        return f"It {'is blocked' if view.status is RunStatus.BLOCKED else 'needs attention'}: {view.reason}"
    calls = [path for path in teller.open if path not in teller.timers]
    if calls:
        return _waiting_for_calls(calls, failures)
    if teller.timers:
        return f"It sleeps until {_iso(min(teller.timers.values()))}, or until a message comes."
    return "It waits for a message."


def _waiting_for_calls(calls: Sequence[str], failures: Mapping[str, tuple[int, str, int | None]]) -> str:
    path = calls[0]
    more = f" and {len(calls) - 1} more calls" if len(calls) > 1 else ""
    if path in failures:
        count, failure, next_ms = failures[path]
        when = f"at {_iso(next_ms)}" if next_ms else "up to an operator"
        return f"It waits for {path}{more}: attempt {count} failed ({failure}); the next is {when}."
    return f"It waits for the reply of {path}{more}."


def _iso(at_ms: int) -> str:
    return to_datetime(at_ms).isoformat(timespec="milliseconds")
