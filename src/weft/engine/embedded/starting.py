"""What a run may be started with."""

from __future__ import annotations

from weft.engine.execution.entries import storable
from weft.errors import InputInvalid, LimitExceeded
from weft.model.call import Behalf
from weft.model.policy import Limits


def check_start(run_id: str, data: bytes, *, behalf: Behalf, limits: Limits) -> None:
    """Raise if a run cannot be started so: what a commit would refuse must not come as far.

    Raises:
        LimitExceeded: the input, the id or a name is too large.
        InputInvalid: the id or a name is no text that can be stored.
    """
    if not 0 < len(run_id) <= limits.id_characters:
        what = f"a run id has 1 to {limits.id_characters:,} characters, this one has {len(run_id):,}"
        raise LimitExceeded(what, remedy="use a shorter business key", name="id_characters")
    for label, text in (("run id", run_id), *behalf._asdict().items()):
        if len(text) > limits.id_characters:
            what = f"a {label} has at most {limits.id_characters:,} characters, this one has {len(text):,}"
            raise LimitExceeded(what, remedy="use a shorter one", name="id_characters")
        if storable(text) != text:
            what = f"the {label} {text!r} holds half a character, which cannot be stored"
            raise InputInvalid(what, remedy="decode its bytes as what they are")
    if len(data) > limits.payload_bytes:
        what = f"the input or message has {len(data):,} bytes; the limit is {limits.payload_bytes:,}"
        raise LimitExceeded(what, remedy="send a reference to the data", name="payload_bytes")
