"""The tree of weft's exceptions, each with data and a code; E351 to E359 of engines are in weft.engine.errors.

WeftError
├── DeclarationInvalid        E101  the System is declared wrongly: every problem, with file and line
├── TypeCannotTravel          E801  a type that cannot become bytes
├── ValueCannotTravel         E802  a value that cannot become bytes
├── ValueInvalid              E803  bytes that do not parse as the declared type
├── CallFailed                      a call ended without an answer
│   ├── NotDone               E402  it certainly did not happen
│   │   └── Undone            E404  and never will: the operation arrived after its undo
│   └── OutcomeUnknown        E403  it may have happened
├── OutsideRun                E201  a verb of runs was used outside one
├── ScopeClosed               E202  a call under a saga that is unwinding
├── NotDeterministic          E203  something that would differ in a replay
├── JournalDiverged           E204  the code does not do what the journal says it did
├── DrainTooLong              E205  a step that never ends
├── LimitExceeded             E206  a payload, journal or backlog over its named limit
├── ProtocolUnknown           E207  a journal written by a newer weft
├── EntryCorrupt              E208  a row of the journal that does not parse
├── AlreadyAnswered           E209  an update was answered a second time
├── ContinuationRefused       E210  continue_as_new where something would be left behind
├── OutsideCall               E211  this_call was used outside an operation
├── RunFailed                 E301  the awaited run failed
│   ├── RunCancelled          E302  the awaited run was cancelled
│   └── RunTerminated         E303  the awaited run was ended by an operator
├── RunExists                 E304  the id is taken by a run with another input
├── RunNotFound               E305  no such run
├── RunClosed                 E306  a message to a run that has ended
├── QueueingInvalid           E307  a start with a priority, time or key that cannot be
├── StoreOwned                E311  another engine owns the store
├── StoreNewer                E312  the store was written by a newer weft
├── StoreFailed               E313  a commit failed; the engine has stopped
├── StoreOfOtherSystem        E314  the store belongs to another System
├── ScheduleNotFound          E321  no such schedule
├── ScheduleExists            E322  the id is taken by a schedule that says something else
├── ScheduleInvalid           E323  a schedule that names no time, or whose parts do not fit
├── ScheduleDeclared          E324  the schedule is declared in code, and changed there only
├── QueryInvalid              E331  a query for runs that cannot be read; it points at the column
├── CursorInvalid             E332  a cursor that is not one of this query
├── AttributeInvalid          E333  an attribute, or a value of one, that cannot be kept
├── RunOpen                   E334  only runs that have ended can be deleted
├── ResetRefused              E341  a run cannot be reset to this step
├── BackupRefused             E342  a backup would go where something is
├── TransactionMisused        E501  a second transaction, or a call inside or after one
├── UndoTooOld                E502  an undo for a call older than the barrier remembers
├── DatabaseUnreachable       E503  no database server answers
├── SettingInvalid            E601  a setting, URL or target that cannot be used
├── InputInvalid              E602  input that does not parse
└── PropertyBroken            E701  a check of weft.testing found a difference
"""

from __future__ import annotations

from typing import ClassVar


class WeftError(Exception):
    """Say what happened, to which thing, and what to do."""

    code: ClassVar[str] = ""
    remedy: ClassVar[str] = ""

    def __init__(self, what: str, *, where: str = "", remedy: str = "", **data: object) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.advice = remedy or self.remedy
        self.data = data

    def __str__(self) -> str:
        """Render as: code, what, where, what to do."""
        parts = [f"{self.code}: {self.what}" if self.code else self.what]
        if self.where:
            parts.append(f"  at {self.where}")
        if self.advice:
            parts.append(f"  do: {self.advice}")
        return "\n".join(parts)


class DeclarationInvalid(WeftError):
    """Tell every problem of a System's declaration at once; `data["problems"]` holds them."""

    code = "WEFT-E101"
    remedy = "mend each line named above; `weft explain WEFT-E101` lists the rules"


class TypeCannotTravel(WeftError):
    """Tell that a declared type cannot become bytes."""

    code = "WEFT-E801"
    remedy = "use frozen dataclasses, enums, Decimal, aware datetimes, tuples, lists and dicts"


class ValueCannotTravel(WeftError):
    """Tell that a value cannot become bytes as its declared type."""

    code = "WEFT-E802"
    remedy = "pass a value of the declared type; datetimes need a time zone, floats must be finite"


class ValueInvalid(WeftError):
    """Tell that bytes do not parse as the declared type."""

    code = "WEFT-E803"
    remedy = "send what the declared type says; a field added later needs a default"


class CallFailed(WeftError):
    """Tell that a call ended without an answer; the two subclasses say what is certain.

    `reason` is a stable word for programs (`timeout`, `admission`, `exception`, `gave-up`, `recovered`, ...);
    `retry_after_ms` is set where the callee or a local limiter said when to come back.
    """

    def __init__(self, what: str, *, reason: str = "", retry_after_ms: int | None = None, **data: object) -> None:
        super().__init__(what, **data)  # pyright: ignore[reportArgumentType]
        self.reason = reason
        self.retry_after_ms = retry_after_ms


class NotDone(CallFailed):
    """Tell that a call certainly had no effect."""

    code = "WEFT-E402"
    remedy = "it is safe to try again or to do something else"


class Undone(NotDone):
    """Tell that an operation arrived after its undo and will never be applied; final, whatever attempts come."""

    code = "WEFT-E404"
    remedy = "let it be: whoever asked for the operation has taken it back"


class OutcomeUnknown(CallFailed):
    """Tell that a call may have had its effect."""

    code = "WEFT-E403"
    remedy = "ask the service, or undo; do not fall back to another effect"


class OutsideRun(WeftError):
    """Tell that a verb of runs was used where no run is executing."""

    code = "WEFT-E201"
    remedy = "use it inside a workflow; in services and scripts use the ordinary Python means"


class OutsideCall(WeftError):
    """Tell that `this_call` was used where no operation is executing."""

    code = "WEFT-E211"
    remedy = "use it in an operation, or in what an operation calls; a workflow has no call, but an input and an id"


class ScopeClosed(WeftError):
    """Tell that a saga is unwinding: calls under it are refused and never sent."""

    code = "WEFT-E202"


class NotDeterministic(WeftError):
    """Tell that a workflow asked for something that would differ in a replay."""

    code = "WEFT-E203"


class JournalDiverged(WeftError):
    """Tell that today's code does not do what the journal says the run did."""

    code = "WEFT-E204"
    remedy = "restore the old order of steps; nothing is lost, and the run goes on once the code is mended"


class DrainTooLong(WeftError):
    """Tell that one step of a run passed its limit of callbacks."""

    code = "WEFT-E205"
    remedy = "await something durable in the loop that the line above is in"


class LimitExceeded(WeftError):
    """Tell that something is larger than its named limit; `data` has limit, value and name."""

    code = "WEFT-E206"


class ProtocolUnknown(WeftError):
    """Tell that a run was journalled by a newer version of weft."""

    code = "WEFT-E207"
    remedy = "run it with the newer weft; it is blocked and nothing is lost"


class EntryCorrupt(WeftError):
    """Tell that a row of the journal does not parse."""

    code = "WEFT-E208"
    remedy = "restore the store from a backup; the run is blocked, the others go on"


class AlreadyAnswered(WeftError):
    """Tell that an update was answered, or refused, a second time."""

    code = "WEFT-E209"
    remedy = "answer or refuse each update once"


class ContinuationRefused(WeftError):
    """Tell that a run cannot continue as new here: something that it still owes would be left behind."""

    code = "WEFT-E210"
    remedy = "leave the saga and await every call first; continue in the workflow itself, not in a task that it made"


class RunFailed(WeftError):
    """Tell that an awaited run failed; `kind` is the exception's type name, `what` its text.

    Where it failed by a refusal, `refusal` is that very refusal, with its fields, for whoever has its class; it is also
    the cause of this error. `refused` are its fields as they travel.
    """

    code = "WEFT-E301"

    def __init__(self, what: str, *, kind: str = "", refused: bytes = b"", **data: object) -> None:
        super().__init__(what, **data)  # pyright: ignore[reportArgumentType]
        self.kind = kind
        self.refused = refused
        self.refusal: Exception | None = None


class RunCancelled(RunFailed):
    """Tell that an awaited run was cancelled."""

    code = "WEFT-E302"


class RunTerminated(RunFailed):
    """Tell that an awaited run was ended by an operator without its undos."""

    code = "WEFT-E303"


class RunExists(WeftError):
    """Tell that a run id is taken by a run with another input."""

    code = "WEFT-E304"
    remedy = "choose another id, or start it with the same input to get the run that exists"


class RunNotFound(WeftError):
    """Tell that no run has this workflow and id."""

    code = "WEFT-E305"
    remedy = "look for it with `weft runs list`"


class RunClosed(WeftError):
    """Tell that a run has ended and takes no more messages."""

    code = "WEFT-E306"


class QueueingInvalid(WeftError):
    """Tell that what a start says about its turn cannot be."""

    code = "WEFT-E307"


class StoreOwned(WeftError):
    """Tell that another engine owns the store, and which."""

    code = "WEFT-E311"
    remedy = "stop the owner, or use `weft runs ...`, which work beside it"


class StoreNewer(WeftError):
    """Tell that the store was written by a newer weft."""

    code = "WEFT-E312"
    remedy = "install that version, or restore a backup taken before the upgrade"


class StoreFailed(WeftError):
    """Tell that a commit failed: nothing of it happened, and the engine has stopped."""

    code = "WEFT-E313"
    remedy = "mend the disk (space, permissions, hardware) and start again: every run resumes from its journal"


class StoreOfOtherSystem(WeftError):
    """Tell that a store belongs to another System."""

    code = "WEFT-E314"
    remedy = "give each System a store of its own"


class QueryInvalid(WeftError):
    """Tell where a query for runs cannot be read: `data["column"]`, from 1."""

    code = "WEFT-E331"


class CursorInvalid(WeftError):
    """Tell that a cursor does not go on with this query."""

    code = "WEFT-E332"
    remedy = "give the same query that the cursor came with, or begin again without one"


class AttributeInvalid(WeftError):
    """Tell that an attribute, or a value of one, cannot be kept."""

    code = "WEFT-E333"
    remedy = "give a value of the attribute's type, within its limits"


class ScheduleNotFound(WeftError):
    """Tell that no schedule has this id."""

    code = "WEFT-E321"
    remedy = "look for it with `weft schedules list`"


class ScheduleExists(WeftError):
    """Tell that an id is taken by a schedule that says something else."""

    code = "WEFT-E322"
    remedy = "choose another id, or update the schedule that is there"


class ScheduleInvalid(WeftError):
    """Tell that a schedule names no time, or that its parts do not fit."""

    code = "WEFT-E323"


class ScheduleDeclared(WeftError):
    """Tell that a schedule is declared in the System's code, so that it is changed or removed there only."""

    code = "WEFT-E324"
    remedy = "change it in System(schedules=[...]) and start again; until then it can be paused"


class ResetRefused(WeftError):
    """Tell that a run cannot be reset to a step: it stays as it is."""

    code = "WEFT-E341"


class BackupRefused(WeftError):
    """Tell that a backup was not made, because something is where it would go."""

    code = "WEFT-E342"
    remedy = "name a file that does not exist, on a disk with room for the store"


class RunOpen(WeftError):
    """Tell that a run has not ended, so that it cannot be deleted."""

    code = "WEFT-E334"


class TransactionMisused(WeftError):
    """Tell that a service used its database in a way that cannot be exactly once."""

    code = "WEFT-E501"
    remedy = "one transaction per call, every effect inside it, no call to another service inside or after it"


class UndoTooOld(WeftError):
    """Tell that an undo is older than what the barrier remembers."""

    code = "WEFT-E502"
    remedy = "look at the service's books, undo by hand where needed, then skip it with a reason"


class DatabaseUnreachable(WeftError):
    """Tell that no database server answers at the place that a URL names."""

    code = "WEFT-E503"
    remedy = "start the server, or mend host and port of the URL; nothing was lost, and the host can be started again"


class SettingInvalid(WeftError):
    """Tell that a setting, URL or target cannot be used."""

    code = "WEFT-E601"


class InputInvalid(WeftError):
    """Tell that input does not parse, with its line."""

    code = "WEFT-E602"


class PropertyBroken(WeftError):
    """Tell that a check of weft.testing found a difference."""

    code = "WEFT-E701"
