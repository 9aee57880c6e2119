"""Entries: what a run is told, as it stands in the journal, one row each."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from weft.errors import EntryCorrupt, NotDone, OutcomeUnknown, Undone
from weft.model.attribute import Attributes
from weft.model.call import Outcome, Refused, Reply

UNDONE = "undone"
"""The reason of a NotDone that stands for ever: the operation arrived after its undo."""

PROTOCOL = 1
"""The version of the rules by which an execution answers entries; it grows when the answers change."""

START_MARK = b"\xa5start"
"""What follows the first byte of every encoded start entry; a store finds the last start of a run by it."""

LATE = "its deadline has passed"
"""Why a run was cancelled whose time was over."""

TEXT_LIMIT = 10_000
"""Characters that are kept of what an exception says."""


class Started(msgspec.Struct, frozen=True, array_like=True, tag="start", gc=False):
    """The first entry: everything that a run is a function of, besides its code and what follows.

    Attributes:
        principal: on whose behalf it works; its tenant stands in its row.
        trace: W3C traceparent.
        deadline_ms: when the run is cancelled; kept from generation to generation.
        journal_entries: the limit of the journal when this was written: `journal_nearly_full` is told against it.
        carried: messages that the generation before had not received, in order.
        children: runs that are closed with this one: workflow, id and how.
        within_ms: how long after this entry the run is cancelled, in the place of `deadline_ms`: when a run that waits
            for its turn begins is not known before it does.
        attributes: what the run was started with to be found by; what it has stands beside its row.
        occurrence: which time of which schedule it was started for, encoded; empty for other runs.
    """

    input: bytes
    seed: bytes
    python: str
    protocol: int = PROTOCOL
    principal: str = ""
    trace: str = ""
    deadline_ms: int | None = None
    journal_entries: int = 51_200
    carried: tuple[Told, ...] = ()
    children: tuple[tuple[str, str, str], ...] = ()
    within_ms: int | None = None
    attributes: Attributes = ()
    occurrence: bytes = b""

    def begun(self, now_ms: int) -> Started:
        """Return it with its deadline, now that the run begins."""
        if self.within_ms is None:
            return self
        return replace(self, deadline_ms=now_ms + self.within_ms, within_ms=None)


class Ended(msgspec.Struct, frozen=True, array_like=True, tag="reply", gc=False):
    """The outcome of a call, folded over all its attempts.

    Attributes:
        path: which call.
        kind: `reply`, `refused`, `not-done` or `unknown`.
        data: the reply's or refusal's bytes.
        name: the refusal's class, or the failure's reason.
        text: the failure in words.
        attempts: how many there were.
        began_ms: when the last attempt began; for the timeline only.
    """

    path: str
    kind: str
    data: bytes = b""
    name: str = ""
    text: str = ""
    attempts: int = 1
    began_ms: int = 0

    def outcome(self) -> Outcome:
        """Return the outcome that the caller sees."""
        match self.kind:
            case "reply":
                return Reply(self.data)
            case "refused":
                return Refused(self.name, self.data)
            case "not-done":
                kind = Undone if self.name == UNDONE else NotDone
                return kind(self.text, reason=self.name)
            case _:
                return OutcomeUnknown(self.text, reason=self.name)


class TimerFired(msgspec.Struct, frozen=True, array_like=True, tag="timer", gc=False):
    """A timer came due; the entry's time is the one it was due at."""

    path: str


class Told(msgspec.Struct, frozen=True, array_like=True, tag="message", gc=False):
    """A message arrived; `id` tells repeated deliveries of one message."""

    kind: str
    data: bytes
    id: str


class CancelAsked(msgspec.Struct, frozen=True, array_like=True, tag="cancel", gc=False):
    """Somebody asked the run to cancel."""

    who: str
    why: str


class Skipped(msgspec.Struct, frozen=True, array_like=True, tag="skip", gc=False):
    """An operator gave a call up, with a reply in its place where one was given.

    Attributes:
        path: which call.
        who: who decided.
        why: the reason.
        reply: what stands for the service's reply.
        arrived: an attempt may have reached the service.
    """

    path: str
    who: str
    why: str
    reply: bytes | None = None
    arrived: bool = False


class Noted(msgspec.Struct, frozen=True, array_like=True, tag="note", gc=False):
    """An operator's act that changes nothing inside the run, kept for the record."""

    what: str
    who: str
    why: str


class Undoing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One call that a reset takes back.

    Attributes:
        epoch: in which it was made.
        path: its path then.
        target: what was called; `arguments`: with which bytes.
        issued: the entry that it was issued in answer to.
        ended: the entry that was its outcome; nothing if it had none.
        issued_ms: when it was issued.
    """

    epoch: int
    path: str
    target: str
    arguments: bytes
    issued: int
    ended: int | None
    issued_ms: int


class Reset(msgspec.Struct, frozen=True, array_like=True, tag="reset", gc=False):
    """The run goes on from an earlier entry in a new epoch; what came after it is history.

    Attributes:
        cut: number of the entry from which it goes on: this and all later ones before this are told no more.
        told: that entry, encoded; it is told again once the undos are done.
        epoch: the new one.
        step: what the operator named.
        who: who decided.
        why: the reason.
        undos: calls after the cut that are taken back first.
        children: runs that were started after the cut and are closed with this one: workflow, id and how.
    """

    cut: int
    told: bytes
    epoch: int
    step: str
    who: str
    why: str
    undos: tuple[Undoing, ...] = ()
    children: tuple[tuple[str, str, str], ...] = ()


RESET_MARK = b"\xa5reset"
"""What follows the first byte of every encoded reset."""

Entry: TypeAlias = Started | Ended | TimerFired | Told | CancelAsked | Skipped | Noted | Reset

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Entry)

encode_entry = _encoder.encode


def decode_entry(data: bytes) -> Entry:
    """Return the entry of a journal row.

    Raises:
        EntryCorrupt: the bytes are none.
    """
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        what = f"a journal row does not parse: {error}"
        raise EntryCorrupt(what) from error


def storable(text: str) -> str:
    """Return a text as it can be stored: of bounded length, without lone surrogates, which no encoder takes."""
    if len(text) > TEXT_LIMIT:
        text = text[:TEXT_LIMIT]
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def ended(path: str, outcome: Outcome, *, attempts: int = 1, began_ms: int = 0) -> Ended:
    """Return the entry for a call's outcome."""
    if isinstance(outcome, Reply):
        return Ended(path, "reply", outcome.data, attempts=attempts, began_ms=began_ms)
    if isinstance(outcome, Refused):
        return Ended(path, "refused", outcome.data, outcome.kind, attempts=attempts, began_ms=began_ms)
    kind = "not-done" if isinstance(outcome, NotDone) else "unknown"
    return Ended(path, kind, b"", storable(outcome.reason), storable(outcome.what), attempts, began_ms)
