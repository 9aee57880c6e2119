"""What Temporal lets a run hold: asked when a System is bound to it, and met before its server meets it."""

from __future__ import annotations

import dataclasses

from weft.engine.errors import EngineCannot
from weft.engine.execution.entries import storable
from weft.engine.temporal.naming import workflow_id
from weft.engine.temporal.payloads import OVERHEAD_BYTES
from weft.errors import InputInvalid, LimitExceeded
from weft.model.call import Behalf
from weft.model.policy import Limits

MOST = Limits()
"""What Temporal's servers let a run hold unless they are told otherwise."""

ID_CHARACTERS = 1_000
"""Of a Temporal workflow's id: `workflow/run id`."""


def check_bound(limits: Limits) -> None:
    """Raise if a limit is beyond what the server allows: it would be met by the server, and not by weft.

    Raises:
        EngineCannot: it is.
    """
    for each in dataclasses.fields(Limits):
        asked, most = getattr(limits, each.name), getattr(MOST, each.name)
        if asked > most:
            what = f"limits.{each.name} is {asked:,}, and Temporal allows {most:,}"
            raise EngineCannot(what, remedy="lower the limit, or stay on the embedded engine")


def fitting(limits: Limits) -> Limits:
    """Return the limits with room for what travels beside a payload."""
    return dataclasses.replace(limits, payload_bytes=min(limits.payload_bytes, MOST.payload_bytes - OVERHEAD_BYTES))


def check_start(workflow: str, run_id: str, data: bytes, *, behalf: Behalf, limits: Limits) -> None:
    """Raise if a run cannot be started so.

    Raises:
        LimitExceeded: the input, the id or a name is too large.
        InputInvalid: the id or a name is no text that can be stored.
    """
    longest = min(limits.id_characters, ID_CHARACTERS - len(workflow_id(workflow, "")))
    if not 0 < len(run_id) <= longest:
        what = f"a run id of {workflow} has 1 to {longest:,} characters, this one has {len(run_id):,}"
        raise LimitExceeded(what, remedy="use a shorter business key", name="id_characters")
    for label, text in (("run id", run_id), *zip(Behalf._fields, behalf[:3], strict=False)):
        if len(text) > limits.id_characters:
            what = f"a {label} has at most {limits.id_characters:,} characters, this one has {len(text):,}"
            raise LimitExceeded(what, remedy="use a shorter one", name="id_characters")
        if storable(text) != text:
            what = f"the {label} {text!r} holds half a character, which cannot be stored"
            raise InputInvalid(what, remedy="decode its bytes as what they are")
    check_message_size(data, limits)


def check_message_size(data: bytes, limits: Limits) -> None:
    """Raise if an input or a message is too large.

    Raises:
        LimitExceeded: it is.
    """
    if len(data) > limits.payload_bytes:
        what = f"the input or message has {len(data):,} bytes; the limit is {limits.payload_bytes:,}"
        raise LimitExceeded(what, remedy="send a reference to the data", name="payload_bytes")
