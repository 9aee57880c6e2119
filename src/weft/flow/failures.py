"""What a failed run is told as: its refusal, with the fields that travelled, where its class is known."""

from __future__ import annotations

from weft.codec import codec_for
from weft.errors import RunFailed, ValueCannotTravel, ValueInvalid
from weft.model.refusal import Declined, refusal_class, refusals_named


def fields_of(error: BaseException, *, limit: int) -> bytes:
    """Return the fields of the refusal that a run fails by; nothing for any other error, or for more than the limit."""
    kind = refusal_class(type(error))
    if kind is None:
        return b""
    try:
        data = codec_for(kind).encode(error)
    except ValueCannotTravel:
        return b""
    return data if len(data) <= limit else b""


def with_refusal(failed: RunFailed) -> RunFailed:
    """Return the error with the refusal that the run failed by, if it did."""
    failed.refusal = read_refusal(failed.kind, failed.refused) if failed.refused else None
    return failed


def read_refusal(kind: str, data: bytes) -> Declined | None:
    """Return a refusal by its class's name and its fields, or nothing where no class that is loaded reads them.

    Of several classes with the name it is the one that would have written these very fields: another that has fewer
    would read them, too, and lose some.
    """
    read: list[Declined] = []
    for each in refusals_named(kind):
        codec = codec_for(each)
        try:
            refusal = codec.decode(data)
        except ValueInvalid:
            continue
        if codec.encode(refusal) == data:
            return refusal
        read.append(refusal)
    return read[0] if read else None
