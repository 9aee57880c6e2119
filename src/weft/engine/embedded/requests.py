"""What other processes ask of the owner of a store: rows they append, which the owner reads and journals."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from weft.engine.embedded import schema
from weft.engine.execution.entries import storable

APPEND = "INSERT INTO requests (workflow, run_id, kind, body, who, why, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)"

CACHE_KIB = 1_024
"""One row needs little memory."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        workflow: the run's workflow.
        run_id: the run's id within it.
        kind: signal, ask, cancel, retry, resend, skip, terminate or reset.
        body: what kind of message and its bytes, as the owner expects them.
        who: who asked.
        why: the reason given; empty where none is needed.
        at_ms: when, in milliseconds since 1970.
    """

    workflow: str
    run_id: str
    kind: str
    body: bytes
    who: str
    why: str
    at_ms: int


class RequestRow(NamedTuple):
    """A request as it lies in the store; ids grow and are never given twice."""

    id: int
    workflow: str
    run_id: str
    kind: str
    body: bytes
    who: str
    why: str
    at_ms: int


def message_id_of(number: int, at_ms: int) -> str:
    """Return the id of the message that a request becomes."""
    return f"request/{number}/{at_ms}"


def append_request(path: Path, request: Request) -> int:
    """Append a request to the store at `path`, durably, and return its id.

    Works beside a running engine and when none runs: then the next one takes it up. Waits while another process
    commits. Does not look whether the run exists: only the owner knows what is still on its way to the disk.

    Raises:
        SettingInvalid: there is no store.
        StoreNewer: a newer weft wrote it.
        StoreFailed: it is not a store, or the request could not be written.
    """
    return append_requests(path, [request])[0]


def append_requests(path: Path, requests: Sequence[Request]) -> range:
    """Append requests in one transaction, durably, and return their ids, which follow one another.

    Raises:
        SettingInvalid, StoreNewer, StoreFailed: as `append_request` does.
    """
    with closing(schema.connect(path)) as connection:
        schema.prepare(connection, path, cache_kib=CACHE_KIB, checkpoints=False)
        schema.verify(connection, path, system=None)
        with schema.mapped(path, doing="written"):
            cursor: sqlite3.Cursor | None = None
            connection.execute("BEGIN IMMEDIATE")
            for request in requests:
                said = dataclasses.replace(request, who=storable(request.who), why=storable(request.why))
                cursor = connection.execute(APPEND, dataclasses.astuple(said))
            connection.execute("COMMIT")
    assert cursor is not None, "something was asked"
    assert cursor.lastrowid is not None, "an insert has an id"
    return range(cursor.lastrowid - len(requests) + 1, cursor.lastrowid + 1)
