"""How a run is started: what it may be given, and whether it exists already."""

from __future__ import annotations

from collections.abc import Callable

from weft.engine.embedded.lookups import Name
from weft.engine.embedded.shelf import Shelf
from weft.engine.execution.entries import storable
from weft.engine.execution.execution import Identity
from weft.errors import InputInvalid, LimitExceeded, RunExists
from weft.ids import Ids, digest
from weft.model.attribute import check_attributes
from weft.model.call import Behalf
from weft.model.policy import Limits


def check_start(run_id: str, data: bytes, *, behalf: Behalf, key: str, limits: Limits) -> None:
    """Raise if a run cannot be started so: what a commit would refuse must not come as far.

    Raises:
        LimitExceeded: the input, the id, the key or a name is too large.
        InputInvalid: the id, the key or a name is no text that can be stored.
        AttributeInvalid: there are too many attributes, or one is given twice.
    """
    if not 0 < len(run_id) <= limits.id_characters:
        what = f"a run id has 1 to {limits.id_characters:,} characters, this one has {len(run_id):,}"
        raise LimitExceeded(what, remedy="use a shorter business key", name="id_characters")
    if behalf.attributes:
        check_attributes(behalf.attributes)
    for label, text in (("run id", run_id), ("key", key), *zip(behalf._fields, behalf[:3], strict=False)):
        if not text:
            continue
        if len(text) > limits.id_characters:
            what = f"a {label} has at most {limits.id_characters:,} characters, this one has {len(text):,}"
            raise LimitExceeded(what, remedy="use a shorter one", name="id_characters")
        if not text.isascii() and storable(text) != text:
            what = f"the {label} {text!r} holds half a character, which cannot be stored"
            raise InputInvalid(what, remedy="decode its bytes as what they are")
    if len(data) > limits.payload_bytes:
        what = f"the input or message has {len(data):,} bytes; the limit is {limits.payload_bytes:,}"
        raise LimitExceeded(what, remedy="send a reference to the data", name="payload_bytes")


def begin_or_find(shelf: Shelf, ids: Ids, *, name: Name, data: bytes, begin: Callable[[Identity, bytes], None]) -> None:
    """Begin a run, or find that it exists with the same input; only in a plain callback.

    Raises:
        RunExists: it exists with another input.
    """
    live = shelf.loaded(*name)
    row = None if live is not None else shelf.expected(*name)
    if live is None and row is None:
        begin(Identity(*name, ids.new_id()), data)
        return
    known = shelf.first_input(row.key) if row is not None else live.input_digest if live is not None else b""
    if known != digest(data):
        what = f"run {name[0]}/{name[1]} exists with another input"
        raise RunExists(what)
