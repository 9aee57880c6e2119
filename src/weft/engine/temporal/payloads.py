"""What travels to and from Temporal: weft's own bytes as `json/plain`, and the notes that go beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from weft.codec import codec_for
from weft.engine.execution.entries import PROTOCOL
from weft.errors import ValueInvalid
from weft.ids import digest
from weft.model.call import Behalf

N = TypeVar("N")

NULL = b"null"

TROUBLE = "weft.trouble"
"""The signal by which an activity tells its run that a person should look at one of its calls."""

SKIP, RETRY = "weft.skip", "weft.retry"
"""The updates by which an operator gives calls up, or has them tried again now."""

OVERHEAD_BYTES = 16 * 1024
"""What a payload's neighbours may take of Temporal's two mebibytes: a note with ids and names, a failure's text."""


@dataclass(frozen=True, slots=True)
class ToldNote:
    """A message that goes over to the next generation."""

    kind: str
    data: str
    id: str


@dataclass(frozen=True, slots=True)
class KnownNote:
    """A message that an earlier generation was told under an id that may come again; `data` is its answer."""

    id: str
    data: str | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class MarkNote:
    """A cancellation that the generation before was told too late."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class AttributeNote:
    """A value that a run was started with to be found by."""

    name: str
    kind: int
    values: tuple[str | int | float, ...]


@dataclass(frozen=True, slots=True)
class StartNote:
    """What a run is started with beside its input: the second argument of its Temporal workflow, which may be missing.

    Attributes:
        within_ms: how long it may take from its start; `deadline_ms` is what became of that.
        protocol: of the execution.
        generation: how often it has continued as new.
        carried: messages that nobody had received.
        known: messages of earlier generations that may be sent again.
        states: what it shows.
        marks: cancellations that are still to be told.
    """

    tenant: str = ""
    principal: str = ""
    trace: str = ""
    within_ms: int | None = None
    deadline_ms: int | None = None
    protocol: int = PROTOCOL
    generation: int = 0
    carried: tuple[ToldNote, ...] = ()
    known: tuple[KnownNote, ...] = ()
    states: dict[str, str] = field(default_factory=dict[str, str])
    marks: tuple[MarkNote, ...] = ()
    attributes: tuple[AttributeNote, ...] = ()

    @property
    def behalf(self) -> Behalf:
        """Return for whom the run works."""
        return Behalf(self.tenant, self.principal, self.trace)


@dataclass(frozen=True, slots=True)
class CallNote:
    """What a call says of itself: the second argument of its activity, which another program may leave out.

    Attributes:
        arrived: an attempt of an earlier activity for this call may have reached the service.
        asks: the reply is the answer of a status query about this operation.
    """

    id: str
    undoes: str | None = None
    contract: str = ""
    caller: str = ""
    tenant: str = ""
    principal: str = ""
    trace: str = ""
    issued_ms: int = 0
    arrived: bool = False
    asks: str = ""


@dataclass(frozen=True, slots=True)
class MessageNote:
    """What a signal says of itself: its second argument, which another program may leave out."""

    id: str = ""


@dataclass(frozen=True, slots=True)
class OperatorNote:
    """What an operator asks of a run, and why.

    Attributes:
        reply: JSON that stands for the service's reply.
        resend: send also what may have happened and cannot be undone.
    """

    who: str = ""
    why: str = ""
    reply: str | None = None
    resend: bool = False


@dataclass(frozen=True, slots=True)
class TroubleNote:
    """What an activity tells its run: why a person should look at one of its calls."""

    path: str
    why: str
    arrived: bool = True


NOTHING = RawValue(Payload(metadata={"encoding": b"binary/null"}))
"""What stands for a value that was never there, which is less than null."""


def payload(data: bytes) -> RawValue:
    """Return JSON bytes as a payload that Temporal's UI and other SDKs can read."""
    return RawValue(Payload(metadata={"encoding": b"json/plain"}, data=data))


def data_of(raw: RawValue) -> bytes:
    """Return the JSON bytes of a payload, whoever wrote it.

    Raises:
        ValueInvalid: it is not JSON.
    """
    encoding = raw.payload.metadata.get("encoding", b"")
    if encoding in {b"json/plain", b"json/protobuf"}:
        return raw.payload.data
    if encoding == b"binary/null":
        return NULL
    what = f"a payload has the encoding {encoding.decode('utf-8', 'replace')!r}; weft reads JSON"
    raise ValueInvalid(what, remedy="send json/plain, which is what Temporal's SDKs do with plain values")


def is_nothing(raw: RawValue) -> bool:
    """Tell whether a payload stands for a value that was never there."""
    return raw.payload.metadata.get("encoding", b"") == b"binary/null"


def noted(note: object) -> RawValue:
    """Return a note as a payload."""
    return payload(codec_for(type(note)).encode(note))


def note_of(kind: type[N], arguments: Sequence[RawValue]) -> N | None:
    """Return the note behind the first argument, or nothing where another program left it out.

    Raises:
        ValueInvalid: it is none.
    """
    if len(arguments) < 2:  # noqa: PLR2004 - the value and its note
        return None
    note: N = codec_for(kind).decode(data_of(arguments[1]))
    return note


def input_of(arguments: Sequence[RawValue]) -> bytes:
    """Return the first argument; a missing one is null."""
    return data_of(arguments[0]) if arguments else NULL


def fingerprint(data: bytes) -> str:
    """Return what a start with the same input is known by."""
    return digest(data).hex()


def start_note(behalf: Behalf, within_ms: int | None) -> StartNote:
    """Return what a run is started with for somebody."""
    attributes = tuple(AttributeNote(each.name, each.kind, each.values) for each in behalf.attributes)
    return StartNote(behalf.tenant, behalf.principal, behalf.trace, within_ms, attributes=attributes)
