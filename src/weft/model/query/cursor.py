"""Where a list of runs goes on: a position in an order, and the question that it belongs to."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass

from weft.errors import CursorInvalid

_WHOLE = 2**63


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place behind a run.

    Attributes:
        position: of that run in the order of the list.
        now_ms: the time that times in the query are counted from, on every page the same.
    """

    position: tuple[int, int]
    now_ms: int

    def text(self, query: str) -> str:
        """Return it for a query as a text of letters, digits, - and _."""
        said = [*self.position, self.now_ms, _mark(query)]
        return base64.urlsafe_b64encode(json.dumps(said, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(text: str, query: str) -> Cursor:
    """Return the place that a text names.

    Raises:
        CursorInvalid: it is none, or one of another query.
    """
    try:
        said = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        said = None
    match said:
        case [int(first), int(key), int(now_ms), int(mark)] if all(abs(each) < _WHOLE for each in (first, key, now_ms)):
            if mark != _mark(query):
                what = "the cursor goes on with another query than this one"
                raise CursorInvalid(what, where=text)
            return Cursor((first, key), now_ms)
        case _:
            what = "the cursor is not one that a list has given"
            raise CursorInvalid(what, where=text[:80])


def _mark(query: str) -> int:
    return zlib.crc32(query.encode())
