"""Outcomes as Temporal's failures, and failures as outcomes; ends of runs both ways."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    TerminatedError,
    TimeoutType,
)
from temporalio.exceptions import TimeoutError as TimedOut

from weft.codec import codec_for
from weft.engine.execution.attempts import Ask, AttemptLog, Stuck, TryAgain
from weft.engine.execution.commands import RunEnded
from weft.engine.execution.entries import UNDONE
from weft.engine.temporal.payloads import noted, payload
from weft.errors import NotDone, OutcomeUnknown, RunCancelled, RunFailed, RunTerminated, Undone
from weft.model.call import Outcome, Refused
from weft.model.effect import EffectKind
from weft.model.operation import Operation

REFUSED, NOT_DONE, UNKNOWN, ASK, STUCK = "refused", "not-done", "unknown", "ask", "stuck"
CANCELLED = "CancelledError"
"""The type of the failure with which a run ends that was cancelled by weft and not by Temporal."""


@dataclass(frozen=True, slots=True)
class FailureNote:
    """What a failure of an activity means: its last detail.

    Attributes:
        weft: refused, not-done, unknown; ask and stuck where the call has no outcome yet.
        name: the refusal's class, the failure's reason, or the status query to ask.
        text: the failure in words.
        arrived: an attempt may have reached the service.
    """

    weft: str
    name: str = ""
    text: str = ""
    arrived: bool = False


@dataclass(frozen=True, slots=True)
class EndNote:
    """Where a run failed, and with which fields where it was a refusal that failed it."""

    line: str = ""
    refused: str = ""


def standing(outcome: Refused | NotDone | OutcomeUnknown, *, arrived: bool) -> ApplicationError:
    """Return an outcome that stands as a failure that Temporal does not retry."""
    if isinstance(outcome, Refused):
        note = FailureNote(REFUSED, outcome.kind, arrived=arrived)
        text = f"declined: {outcome.kind}"
        return ApplicationError(text, payload(outcome.data), noted(note), type=outcome.kind, non_retryable=True)
    note = FailureNote(_word(outcome), outcome.reason, outcome.what, arrived)
    return ApplicationError(outcome.what, noted(note), type=type(outcome).__name__, non_retryable=True)


def trying(outcome: Outcome, verdict: TryAgain, log: AttemptLog) -> ApplicationError:
    """Return an attempt's outcome as a failure after which the server tries again."""
    if isinstance(outcome, NotDone | OutcomeUnknown):
        note = FailureNote(_word(outcome), outcome.reason, outcome.what, log.arrived)
        text = outcome.what
    else:
        kind = outcome.kind if isinstance(outcome, Refused) else "reply"
        text = f"declined: {kind}"
        note = FailureNote(UNKNOWN, "declined", text, arrived=True)
    delay = timedelta(milliseconds=verdict.after_ms)
    return ApplicationError(text, noted(note), type=type(outcome).__name__, next_retry_delay=delay)


def waiting(verdict: Ask | Stuck) -> ApplicationError:
    """Return the end of attempts that leaves the call without an outcome."""
    if isinstance(verdict, Ask):
        text = f"it may have happened; {verdict.query} is asked"
        note = FailureNote(ASK, verdict.query, text, arrived=True)
    else:
        text = verdict.attention
        note = FailureNote(STUCK, "", text, arrived=True)
    return ApplicationError(text, noted(note), type="OutcomeUnknown", non_retryable=True)


def _word(outcome: NotDone | OutcomeUnknown) -> str:
    return NOT_DONE if isinstance(outcome, NotDone) else UNKNOWN


def failure_note(error: BaseException | None) -> FailureNote | None:
    """Return the note of a failure, or nothing for one that weft did not write."""
    if not isinstance(error, ApplicationError) or not error.details:
        return None
    last = error.details[-1]
    if not isinstance(last, dict) or "weft" not in last:
        return None
    note: FailureNote = codec_for(FailureNote).decode(json.dumps(last).encode())
    return note


def unsettled(error: BaseException) -> FailureNote | None:
    """Return what is to be done about a call whose attempts have ended without an outcome: ask, or stuck."""
    note = failure_note(error.__cause__)
    return note if note is not None and note.weft in {ASK, STUCK} else None


def outcome_of(error: BaseException, operation: Operation, *, abandoned: bool) -> Refused | NotDone | OutcomeUnknown:
    """Return the outcome of a call whose activity did not complete."""
    cause = error.__cause__
    note = failure_note(cause)
    if note is not None:
        return _noted_outcome(cast("ApplicationError", cause), note, operation, abandoned=abandoned)
    if isinstance(cause, ApplicationError):
        # Another program carries the operation out: what it raises by a declared name is a refusal.
        if cause.type in operation.refusals and cause.details:
            return Refused(cause.type, json_of(cause.details[0]))
        return _may_have(operation, f"{operation.target} raised {cause.type}: {cause.message}", reason="exception")
    if isinstance(cause, CancelledError):
        if isinstance(error, ActivityError) and not error.scheduled_event_id:
            return NotDone(f"{operation.target} was abandoned before it was sent", reason="abandoned")
        return _may_have(operation, f"{operation.target} was abandoned", reason="abandoned")
    if isinstance(cause, TimedOut):
        if cause.type is TimeoutType.SCHEDULE_TO_CLOSE:
            return _may_have(operation, f"{operation.target} was given up after its time", reason="gave-up")
        return _may_have(operation, f"{operation.target} took too long, or its worker ended", reason="timeout")
    return _may_have(operation, f"{operation.target} failed: {cause or error}", reason="exception")


def _may_have(operation: Operation, what: str, *, reason: str) -> NotDone | OutcomeUnknown:
    kind = NotDone if operation.kind is EffectKind.READ else OutcomeUnknown
    return kind(what, reason=reason)


def _noted_outcome(
    cause: ApplicationError, note: FailureNote, operation: Operation, *, abandoned: bool
) -> Refused | NotDone | OutcomeUnknown:
    if note.weft == REFUSED:
        return Refused(note.name, json_of(cause.details[0]))
    if abandoned and note.arrived:
        # The last attempt came to nothing, an earlier one may have: folded over all of them it is unknown.
        return _may_have(operation, note.text, reason=note.name)
    if note.weft == NOT_DONE:
        return (Undone if note.name == UNDONE else NotDone)(note.text, reason=note.name)
    return _may_have(operation, note.text, reason=note.name)


def json_of(value: Any) -> bytes:
    """Return a detail of a failure as JSON again."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# Ends of runs.


def failed(end: RunEnded) -> ApplicationError:
    """Return the end of a run as the failure of its Temporal workflow."""
    return ApplicationError(end.text, noted(EndNote(end.line, end.data.decode())), type=end.kind, non_retryable=True)


def run_failure(error: BaseException | None, *, reason: str = "") -> RunFailed:
    """Return why a run did not complete; `reason` is what it noted itself."""
    if isinstance(error, ChildWorkflowError):
        error = error.__cause__
    match error:
        case ApplicationError():
            kind = error.type or "ApplicationError"
            note = _end_note(error)
            line = f" (at {note.line})" if note.line else ""
            what = reason or f"{kind}: {error.message}{line}"
            return (RunCancelled if kind == CANCELLED else RunFailed)(what, kind=kind, refused=note.refused.encode())
        case CancelledError():
            return RunCancelled(reason or f"{CANCELLED}: the run was cancelled", kind=CANCELLED)
        case TerminatedError():
            return RunTerminated(f"terminated: {error.message}", kind="terminated")
        case TimedOut():
            return RunFailed("TimeoutError: Temporal's own time limit for the run has passed", kind="TimeoutError")
        case _:
            return RunFailed(f"{type(error).__name__}: {error}", kind=type(error).__name__)


def _end_note(error: ApplicationError) -> EndNote:
    last = error.details[-1] if error.details else None
    if not isinstance(last, dict) or "refused" not in last:
        return EndNote()
    note: EndNote = codec_for(EndNote).decode(json_of(last))
    return note
