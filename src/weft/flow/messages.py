"""receive: take a message that was sent to the run; set_state behind State.set."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TypeVar, overload

from weft.codec import codec_for
from weft.errors import ValueInvalid
from weft.flow.ambient import running
from weft.model.message import Message, answered_by, kinds_named

M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)
L = TypeVar("L", bound=Message)
MILLISECOND = timedelta(milliseconds=1)


@overload
async def receive(kind: type[M], /, *, within: timedelta | None = None) -> M: ...
@overload
async def receive(kind: type[M], other: type[N], /, *, within: timedelta | None = None) -> M | N: ...
@overload
async def receive(
    kind: type[M], other: type[N], third: type[L], /, *, within: timedelta | None = None
) -> M | N | L: ...
@overload
async def receive(*kinds: type[M], within: timedelta | None = None) -> M: ...
async def receive(*kinds: type[Message], within: timedelta | None = None) -> Message:
    """Take the first message of one of the kinds, in order of arrival over all kinds.

    A message is taken only by the `receive` that returns it; one that is cancelled or timed out takes none.

    Raises:
        TimeoutError: `within` has passed.
    """
    by_name = {kind.__name__: kind for kind in kinds}
    within_ms = None if within is None else max(0, -(-within // MILLISECOND))
    run = running("receive()")
    name, data, message_id = await run.receive(tuple(by_name), within_ms)
    message: Message = codec_for(by_name[name]).decode(data)
    answered_by(message, partial(run.answer, message_id))
    return message


def check_message(name: str, data: bytes) -> None:
    """Raise if a message fits no class of its kind: it must not fail the run that receives it.

    A kind that no class in this process has is let pass: the run that waits for it may be in a later version.

    Raises:
        ValueInvalid: no class of this name reads the bytes.
    """
    refusal: ValueInvalid | None = None
    for kind in kinds_named(name):
        try:
            codec_for(kind).decode(data)
        except ValueInvalid as error:
            refusal = error
        else:
            return
    if refusal is not None:
        raise refusal
