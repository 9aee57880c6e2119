"""What a run was told and what it answered, as a story: one line for each thing that happened."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from weft.clock import to_datetime
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
from weft.model.run import RunStatus, RunView, TimelineRow

SHOWN = 160
"""Characters of arguments, replies and messages that a line shows."""

NAMES = {"reply": "replied", "refused": "declined", "not-done": "not done", "unknown": "outcome unknown"}


class Teller:
    """Collects the lines; a call's line is completed when its outcome comes."""

    def __init__(self) -> None:
        self.rows: list[TimelineRow] = []
        self.open: dict[str, int] = {}
        self.timers: dict[str, int] = {}

    def _add(self, row: TimelineRow) -> None:
        self.rows.append(row)

    def told(self, entry: Entry, at_ms: int) -> None:
        """Take an entry."""
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
        """Take a command that the entry was answered with."""
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
        """Tell of a call that has no outcome yet."""
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


def waiting_for(view: RunView, teller: Teller, failures: Mapping[str, tuple[int, str, int | None]]) -> str:
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
