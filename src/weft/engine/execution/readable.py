"""Journals as JSON that people and programs read, and back again, byte by byte: what `weft runs export` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from weft.engine.execution.commands import (
    CallAbandoned,
    CallIssued,
    Command,
    PatchTaken,
    RunContinued,
    RunEnded,
    StateShown,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.entries import (
    CancelAsked,
    Ended,
    Entry,
    Noted,
    Reset,
    Skipped,
    Started,
    TimerFired,
    Told,
    Undoing,
    decode_entry,
    encode_entry,
)
from weft.errors import InputInvalid

Plain: TypeAlias = Mapping[str, Any]
"""A value that JSON can hold; what is JSON itself is held as `msgspec.Raw`, as it was recorded."""

NOT_TEXT = "$hex"
"""The one key of an object that stands for bytes which are no JSON."""

ENTRIES: tuple[type[Any], ...] = (Started, Ended, TimerFired, Told, CancelAsked, Skipped, Noted, Reset)
COMMANDS: tuple[type[Any], ...] = (
    CallIssued,
    TimerSet,
    CallAbandoned,
    TimerCancelled,
    StateShown,
    UpdateAnswered,
    PatchTaken,
    RunContinued,
    RunEnded,
)
_KINDS = {kind.__struct_config__.tag: kind for kind in ENTRIES}
_COMMAND_KINDS = {kind.__struct_config__.tag: kind for kind in COMMANDS}

_raw = msgspec.json.Decoder(dict[str, msgspec.Raw])
_raws = msgspec.json.Decoder(list[msgspec.Raw])


def readable(value: Entry | Command) -> dict[str, Any]:
    """Return an entry or a command as an object: its type, then its fields by name."""
    found = {"type": type(value).__struct_config__.tag, **_fields(value)}
    if isinstance(value, Reset):
        found["told"] = readable(decode_entry(value.told))
    return found


def payload(data: bytes) -> Any:
    """Return a payload as JSON: as it was recorded where it is JSON in one line, else its bytes as an object."""
    if not data:
        return ""
    try:
        value = msgspec.json.decode(data)
    except msgspec.MsgspecError:
        return {NOT_TEXT: data.hex()}
    is_marked = value == "" or (isinstance(value, dict) and NOT_TEXT in value)
    if is_marked or b"\n" in data or b"\r" in data or data != data.strip():
        return {NOT_TEXT: data.hex()}
    return msgspec.Raw(data)


def _fields(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(value):
        each = getattr(value, field.name)
        if field.name == "seed":
            found[field.name] = each.hex()
        elif field.type in _BYTES:
            if each is not None:  # a reply of null is one, too: without one the field is missing
                found[field.name] = payload(each)
        elif field.name in _NESTED:
            found[field.name] = [_fields(one) for one in each]
        else:
            found[field.name] = each
    return found


_BYTES = (bytes, bytes | None)
_NESTED: dict[str, type[Any]] = {"carried": Told, "undos": Undoing}


def entry_from(raw: bytes) -> Entry:
    """Return the entry that an object stands for.

    Raises:
        InputInvalid: it stands for none.
    """
    return _read(raw, _KINDS)


def commands_from(raw: bytes) -> list[Command]:
    """Return the commands that a list of objects stands for.

    Raises:
        InputInvalid: one of them stands for none.
    """
    try:
        return [_read(each, _COMMAND_KINDS) for each in _raws.decode(raw)]
    except msgspec.MsgspecError as error:
        raise _invalid(str(error)) from error


def _read(raw: bytes | msgspec.Raw, kinds: Mapping[Any, type[Any]]) -> Any:
    try:
        fields = _raw.decode(raw)
        kind = kinds.get(msgspec.json.decode(fields.get("type", b"null")))
        if kind is None:
            raise _invalid(f"there is no type {bytes(fields.get('type', b'null')).decode()}")
        if kind is Reset:
            fields["told"] = msgspec.Raw(_quoted(encode_entry(entry_from(bytes(fields["told"])))))
        return _built(kind, fields)
    except msgspec.MsgspecError as error:
        raise _invalid(str(error)) from error


def _quoted(data: bytes) -> bytes:
    return json.dumps({NOT_TEXT: data.hex()}).encode()


def _built(kind: type[Any], fields: Mapping[str, msgspec.Raw]) -> Any:
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        raw = fields.get(field.name)
        if raw is None:
            continue
        if field.name == "seed":
            values[field.name] = bytes.fromhex(msgspec.json.decode(raw, type=str))
        elif field.type in _BYTES:
            values[field.name] = _bytes(raw)
        elif field.name in _NESTED:
            nested: Sequence[msgspec.Raw] = _raws.decode(raw)
            values[field.name] = tuple(_built(_NESTED[field.name], _raw.decode(each)) for each in nested)
        else:
            values[field.name] = msgspec.json.decode(raw, type=field.type)
    try:
        return kind(**values)
    except TypeError as error:
        raise _invalid(str(error)) from error


def _bytes(raw: msgspec.Raw) -> bytes:
    data = bytes(raw).strip()
    if data == b'""':
        return b""
    if data.startswith(b"{") and NOT_TEXT.encode() in data:
        value = msgspec.json.decode(data)
        if set(value) == {NOT_TEXT}:
            return bytes.fromhex(value[NOT_TEXT])
    return data


def line_of(value: Plain) -> bytes:
    """Return an object as one line, without its end."""
    return msgspec.json.encode(value)


def object_of(line: bytes) -> dict[str, bytes]:
    """Return the fields of an object, each as the JSON that it is.

    Raises:
        InputInvalid: the line is no object.
    """
    try:
        return {name: bytes(raw).strip() for name, raw in _raw.decode(line).items()}
    except msgspec.MsgspecError as error:
        raise _invalid(str(error)) from error


def value_of(data: bytes) -> Any:
    """Return the value that a field's JSON stands for."""
    return msgspec.json.decode(data)


def _invalid(what: str) -> InputInvalid:
    return InputInvalid(f"this is no entry of a journal: {what}", remedy="give a file that `weft runs export` wrote")
