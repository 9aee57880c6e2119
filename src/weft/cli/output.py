"""Stdout is data, stderr is talk: the ways to write to either."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TextIO

from weft.clock import to_datetime

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_GAP = "  "

SECOND_MS = 1_000
MINUTE_MS = 60_000


def put(text: str) -> None:
    """Write a line of data."""
    sys.stdout.write(f"{text}\n")


def put_json(value: object, *, to: TextIO | None = None) -> None:
    """Write a value as one line of JSON; to stdout, unless another stream is named."""
    (to or sys.stdout).write(f"{json.dumps(value, ensure_ascii=False)}\n")


def forget_reader() -> None:
    """Write to nobody from now on: whoever read stdout has gone, and Python must not fail at exit for what is left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Write a line of talk; whatever was answered before it is seen before it."""
    with suppress(BrokenPipeError):  # whoever reads stdout may have gone; that is found out by who writes there
        sys.stdout.flush()
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def is_terminal() -> bool:
    """Tell whether people read stdout as it is written."""
    return sys.stdout.isatty()


def shown(text: str) -> str:
    """Return a text with what would move a terminal's cursor or colours made visible; lines and tabs stay."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def in_one_line(text: str) -> str:
    """Return a text for one row of a list."""
    return shown(text.replace("\n", " ↵ ").replace("\t", " "))


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns are aligned; the last column is as wide as it is."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))] if rows else []
    return [_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def moment(at_ms: int) -> str:
    """Return a time for people: UTC, to the second."""
    return to_datetime(at_ms).strftime("%Y-%m-%d %H:%M:%SZ")


def instant(at_ms: int | None) -> str | None:
    """Return a time for programs: ISO 8601, to the millisecond."""
    return None if at_ms is None else to_datetime(at_ms).isoformat(timespec="milliseconds")


def duration(took_ms: int) -> str:
    """Return a duration for people, in its two largest units."""
    if took_ms < SECOND_MS:
        return f"{took_ms} ms"
    if took_ms < MINUTE_MS:
        return f"{took_ms / SECOND_MS:.1f} s"
    whole = timedelta(milliseconds=took_ms)
    hours, rest = divmod(whole.seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    units = [(whole.days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")]
    first = next(index for index, (count, _) in enumerate(units) if count)
    return " ".join(f"{count} {unit}" for count, unit in units[first : first + 2] if count)
