"""Commands: what an execution answers an entry with; they are on disk before anything of them leaves."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from weft.errors import EntryCorrupt
from weft.model.attribute import Attributed
from weft.model.run import RunStatus


class CallIssued(msgspec.Struct, frozen=True, array_like=True, tag="call", gc=False):
    """Call an operation, with these bytes, now and at every later attempt.

    Attributes:
        path: the call's structural id within the run.
        target: `service.operation`.
        undo: target of the operation that would undo it; empty for none.
        undoes: path of the call that this one undoes; empty for none.
        line: `file:line` of the workflow's code.
    """

    path: str
    target: str
    arguments: bytes
    undo: str = ""
    undoes: str = ""
    line: str = ""


class TimerSet(msgspec.Struct, frozen=True, array_like=True, tag="timer", gc=False):
    """Wake the run at a time."""

    path: str
    due_ms: int
    line: str = ""


class CallAbandoned(msgspec.Struct, frozen=True, array_like=True, tag="abandon", gc=False):
    """Nobody waits for the call any more: no further attempt; the one under way may end.

    Attributes:
        path: which call.
        line: `file:line` of the workflow's code.
        over: nothing more is told of it, because it changes nothing: it was a read.
    """

    path: str
    line: str = ""
    over: bool = False


class TimerCancelled(msgspec.Struct, frozen=True, array_like=True, tag="untimer", gc=False):
    """Forget a timer."""

    path: str
    line: str = ""


class StateShown(msgspec.Struct, frozen=True, array_like=True, tag="state", gc=False):
    """Show a value outside."""

    name: str
    data: bytes


class AttributeSet(msgspec.Struct, frozen=True, array_like=True, tag="attribute", gc=False):
    """Let the run be found by a value."""

    attribute: Attributed


class UpdateAnswered(msgspec.Struct, frozen=True, array_like=True, tag="answer", gc=False):
    """Answer an update; `id` is its message's, `refusal` the class of the refusal, empty for an answer."""

    id: str
    data: bytes
    refusal: str = ""
    line: str = ""


class PatchTaken(msgspec.Struct, frozen=True, array_like=True, tag="patch", gc=False):
    """The run goes by a patch of its code; a deprecated one may be missing when the journal is told again."""

    id: str
    deprecated: bool = False
    line: str = ""


class RunContinued(msgspec.Struct, frozen=True, array_like=True, tag="continue", gc=False):
    """The run goes on as a new generation, with this input and an empty journal."""

    input: bytes
    line: str = ""


class RunEnded(msgspec.Struct, frozen=True, array_like=True, tag="end", gc=False):
    """The run is over: its result, or the exception's type name and text."""

    status: int
    data: bytes = b""
    kind: str = ""
    text: str = ""
    line: str = ""

    @property
    def final(self) -> RunStatus:
        """Return the final status."""
        return RunStatus(self.status)


Command: TypeAlias = (
    CallIssued
    | TimerSet
    | CallAbandoned
    | TimerCancelled
    | StateShown
    | AttributeSet
    | UpdateAnswered
    | PatchTaken
    | RunContinued
    | RunEnded
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Command])

encode_commands = _encoder.encode


def decode_commands(data: bytes) -> list[Command]:
    """Return the commands of a journal row.

    Raises:
        EntryCorrupt: the bytes are none.
    """
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        what = f"the commands of a journal row do not parse: {error}"
        raise EntryCorrupt(what) from error
