"""Runs as lines of JSON: what `weft runs export` writes, and how a replay reads it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.clock import to_datetime
from weft.engine.embedded.rows import EntryRow, RunRow
from weft.engine.embedded.store import Store
from weft.engine.execution.commands import decode_commands, encode_commands
from weft.engine.execution.entries import decode_entry, encode_entry
from weft.engine.execution.execution import Identity
from weft.engine.execution.readable import commands_from, entry_from, line_of, object_of, payload, readable, value_of
from weft.errors import InputInvalid
from weft.model.run import RunStatus

EXPORT_FORMAT = 1
"""The version of the shape of the lines; it grows when a reader of an older one could misread them."""

AT_ONCE = 500
"""Entries read from the store at once: the memory that an export takes does not grow with the journal."""

LONGEST_LINE_BYTES = 64 * 1024 * 1024
"""A longer line is none of an export: no entry with its commands comes near it."""


def exported(store: Store, row: RunRow, *, attributes: Mapping[str, object]) -> Iterator[bytes]:
    """Yield the lines of one run, without line ends: the run, its entries, states, attempts, and how many there were.

    Raises:
        EntryCorrupt: an entry cannot be read.
    """
    yield line_of({"kind": "run", "format": EXPORT_FORMAT, **_run(row), "attributes": dict(attributes)})
    count = 0
    while rows := store.entries(row.key, since=count, until=count + AT_ONCE):
        for entry in rows:
            yield line_of(_entry(entry))
        count += len(rows)
    for name, data in store.states(row.key).items():
        yield line_of({"kind": "state", "name": name, "value": payload(data)})
    for path, (attempts, error, next_ms) in store.attempts(row.key).items():
        yield line_of({"kind": "attempt", "path": path, "count": attempts, "error": error, "next_ms": next_ms})
    yield line_of({"kind": "end", "workflow": row.workflow, "id": row.run_id, "entries": count})


def _run(row: RunRow) -> dict[str, Any]:
    return {
        "workflow": row.workflow,
        "id": row.run_id,
        "chain": row.chain,
        "generation": row.generation,
        "epoch": row.epoch,
        "status": RunStatus(row.status).label.replace(" ", "-"),
        "tenant": row.tenant,
        "reason": row.reason,
        "created": _instant(row.created_ms),
        "ended": None if row.ended_ms is None else _instant(row.ended_ms),
        "result": None if row.result is None else payload(row.result),
    }


def _entry(row: EntryRow) -> dict[str, Any]:
    told = readable(decode_entry(row.entry))
    answered = [readable(each) for each in decode_commands(row.commands)] if row.commands else None
    at = _instant(row.at_ms)
    return {"kind": "entry", "seq": row.seq, "at": at, "at_ms": row.at_ms, "entry": told, "commands": answered}


def _instant(at_ms: int) -> str:
    return to_datetime(at_ms).isoformat(timespec="milliseconds")


@dataclass(slots=True)
class Exported:
    """One run of an export: who it is, and its whole journal."""

    identity: Identity
    rows: list[EntryRow] = field(default_factory=list[EntryRow])


def read_exported(lines: Iterable[bytes], *, where: str = "") -> Iterator[Exported]:
    """Yield the runs of an export, one after the other.

    Args:
        lines: of the file.
        where: its name, for errors.

    Raises:
        InputInvalid: a line is none of an export, or a run lacks its end: the file was cut off.
    """
    run: Exported | None = None
    for number, line in enumerate(lines, 1):
        place = f"{where}:{number}" if where else f"line {number}"
        if len(line) > LONGEST_LINE_BYTES:
            raise _invalid(f"a line of {len(line):,} bytes", place)
        if not line.strip():
            continue
        fields = _located(object_of, line, place)
        kind = value_of(fields.get("kind", b"null"))
        if kind == "run" and run is None:
            run = _begin(fields, place)
        elif kind == "entry" and run is not None:
            run.rows.append(_located(_row, fields, place))
        elif kind == "end" and run is not None:
            if value_of(fields.get("entries", b"null")) != len(run.rows):
                raise _invalid("entries are missing", place)
            yield run
            run = None
        elif kind not in {"state", "attempt"} or run is None:
            raise _invalid(f"a line of kind {kind!r} has no place here", place)
    if run is not None:
        raise _invalid(f"run {run.identity.workflow}/{run.identity.run_id} has no end: the file was cut off", where)


def _begin(fields: Mapping[str, bytes], place: str) -> Exported:
    if value_of(fields.get("format", b"null")) != EXPORT_FORMAT:
        raise _invalid(f"the export has another format than {EXPORT_FORMAT}", place)
    values = [value_of(fields.get(name, b"null")) for name in ("workflow", "id", "chain", "generation", "epoch")]
    match values:
        case [str() as workflow, str() as run_id, str() as chain, int() as generation, int() as epoch]:
            return Exported(Identity(workflow, run_id, chain, generation, epoch))
        case _:
            raise _invalid("a run lacks its name", place)


def _row(fields: Mapping[str, bytes]) -> EntryRow:
    seq, at_ms = value_of(fields.get("seq", b"null")), value_of(fields.get("at_ms", b"null"))
    if not isinstance(seq, int) or not isinstance(at_ms, int):
        raise InputInvalid("an entry lacks its number or its time")
    answered = fields.get("commands", b"null")
    commands = b"" if answered == b"null" else encode_commands(commands_from(answered))
    return EntryRow(seq, at_ms, encode_entry(entry_from(fields.get("entry", b"null"))), commands)


def _located(read: Callable[[Any], Any], value: object, place: str) -> Any:
    try:
        return read(value)
    except InputInvalid as error:
        raise InputInvalid(error.what, where=place, remedy=error.advice) from error


def _invalid(what: str, place: str) -> InputInvalid:
    return InputInvalid(f"this is no export of runs: {what}", where=place, remedy="give what `weft runs export` wrote")
