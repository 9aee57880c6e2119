"""The inputs of a command: every line parsed and named before anything starts."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from weft.cli import texts
from weft.cli.documents import NotJson, read_json
from weft.codec import fingerprint
from weft.errors import InputInvalid, WeftError
from weft.model.policy import Limits
from weft.model.spec import WorkflowSpec

STDIN = "-"
LINES = (".jsonl", ".ndjson")
"""Ends of the names of files that hold one input a line; standard input does, too."""

DEFAULT_FIELD = "id"
"""The field that names a run where nothing else was said and the input has it."""

SHOWN = 20
"""Wrong lines that one error names."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A run to start; `where` is `file:line`, `key` whose turn it takes, empty where its input does not say."""

    id: str
    data: bytes
    where: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How a run gets its id and its key.

    Attributes:
        id: the id itself, for a single input.
        field: the input's field that holds it, with dots for fields of fields; nothing for `id` where there is one.
        key_field: the input's field that holds its key.
    """

    id: str | None = None
    field: str | None = None
    key_field: str | None = None


def read_plan(source: str, spec: WorkflowSpec, *, naming: Naming, limits: Limits) -> list[Planned]:
    """Parse a file of inputs.

    Args:
        source: a file with one JSON value, one with a value a line (its name ends in .jsonl), or `-` for such lines.
        spec: the workflow that they are for.
        naming: how their runs get their ids.
        limits: what a run may hold.

    Raises:
        InputInvalid: The file cannot be read, or some of it is no input of the workflow: which lines, and why.
    """
    documents = list(_documents(source))
    if naming.id is not None and len(documents) > 1:
        what = texts.ONE_ID_MANY_INPUTS.format(count=len(documents))
        raise InputInvalid(what, where=source, remedy=texts.NAME_FIELD)
    planned: dict[str, Planned] = {}
    problems: list[InputInvalid] = []
    derived: dict[str, int] = {}
    for where, text in documents:
        try:
            value = _parse(text, where)
            data = _encoded(text, spec, where=where, limits=limits)
            run_id = _id_of(value, naming, where=where) or _derived(data, derived)
            key = "" if naming.key_field is None else _needed(value, naming.key_field, where=where)
            _keep(Planned(run_id, data, where, key), planned, limits)
        except InputInvalid as error:
            problems.append(error)
    if problems:
        raise _together(problems)
    return list(planned.values())


def _documents(source: str) -> Iterator[tuple[str, bytes]]:
    """Yield each value's text with its place."""
    if source == STDIN:
        yield from _lines("<stdin>", sys.stdin.buffer.read())
        return
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        what = texts.NO_INPUT_FILE.format(path=source, reason=error.strerror)
        raise InputInvalid(what, remedy=texts.NAME_INPUT) from error
    if source.lower().endswith(LINES):
        yield from _lines(source, content)
    else:
        yield source, content


def _lines(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield f"{name}:{number}", line


def _parse(text: bytes, where: str) -> Any:
    try:
        return read_json(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InputInvalid(texts.NOT_UTF_8.format(place=error.start), where=where, remedy=texts.SAVE_AS_UTF_8) from None
    except NotJson as error:
        is_line = where.rpartition(":")[2].isdigit()
        place = where if is_line else f"{where}:{error.line}"
        raise InputInvalid(error.what, where=place, remedy=texts.MEND_JSON) from None


def _encoded(text: bytes, spec: WorkflowSpec, *, where: str, limits: Limits) -> bytes:
    """Return the input as the engine keeps it: read as the declared type and written again."""
    try:
        data = spec.input.encode(spec.input.decode(text.removeprefix(codecs.BOM_UTF8)))
    except WeftError as error:
        raise InputInvalid(error.what, where=where, remedy=error.advice) from error
    if len(data) > limits.payload_bytes:
        what = texts.INPUT_TOO_LARGE.format(size=len(data), limit=limits.payload_bytes)
        raise InputInvalid(what, where=where, remedy=texts.SEND_REFERENCE)
    return data


def _id_of(value: Any, naming: Naming, *, where: str) -> str:
    """Return the id that was said or that the input holds; empty where neither is so."""
    if naming.id is not None:
        return naming.id
    return _field_of(value, DEFAULT_FIELD) if naming.field is None else _needed(value, naming.field, where=where)


def _needed(value: Any, field: str, *, where: str) -> str:
    found = _field_of(value, field)
    if not found:
        raise InputInvalid(texts.NO_ID_FIELD.format(field=field), where=where, remedy=texts.NAME_OTHER_FIELD)
    return found


def _field_of(value: Any, field: str) -> str:
    """Return the text or whole number in a field, empty where there is none."""
    found = value
    for part in field.split("."):
        found = found.get(part) if isinstance(found, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if (isinstance(found, str) and found) or type(found) is int:  # pyright: ignore[reportUnknownArgumentType]
        return str(found)
    return ""


def _derived(data: bytes, seen: dict[str, int]) -> str:
    """Return an id that the input itself decides, so that a second start finds the run; equal inputs are numbered."""
    mark = fingerprint(data)
    seen[mark] = seen.get(mark, 0) + 1
    return mark if seen[mark] == 1 else f"{mark}-{seen[mark]}"


def _keep(item: Planned, planned: dict[str, Planned], limits: Limits) -> None:
    if not 0 < len(item.id) <= limits.id_characters:
        what = texts.ID_TOO_LONG.format(size=len(item.id), limit=limits.id_characters)
        raise InputInvalid(what, where=item.where, remedy=texts.SHORTER_ID)
    known = planned.setdefault(item.id, item)
    if known.data != item.data:
        what = texts.ID_TWICE.format(id=item.id, where=known.where)
        raise InputInvalid(what, where=item.where, remedy=texts.NAME_OTHER_FIELD)


def _together(problems: Sequence[InputInvalid]) -> InputInvalid:
    """Make one error of all."""
    if len(problems) == 1:
        return problems[0]
    lines = [f"{error.where}: {error.what}" for error in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(texts.MORE_LINES.format(count=len(problems) - SHOWN))
    what = texts.LINES_INVALID.format(count=len(problems), lines="\n".join(lines))
    return InputInvalid(what, remedy=texts.MEND_INPUT, problems=tuple(problems))
