"""What a command line says of the turn of runs: their key, their priority, when they begin."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import click

from weft.cli import turn_texts as texts
from weft.model.queueing import HIGHEST_PRIORITY, LOWEST_PRIORITY, Queueing, queueing

UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
DURATION = re.compile(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?")


@dataclass(frozen=True, slots=True)
class Turn:
    """What was said; `key_field` names the field of each input that holds its key, with dots for fields of fields."""

    queueing: Queueing
    key_field: str | None = None

    def __bool__(self) -> bool:
        """Tell whether anything was said."""
        return self != Turn(Queueing())


class _Duration(click.ParamType[timedelta]):
    """A duration as people write it: 90s, 10m, 2h, 1d, or 1d12h."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = DURATION.fullmatch(value) if isinstance(value, str) and value else None
        if found is None:
            self.fail(texts.NO_DURATION.format(text=value), param, ctx)
        return timedelta(**{UNITS[each[-1]]: int(each[:-1]) for each in found.groups() if each})


class _Moment(click.ParamType[datetime]):
    """A time as ISO 8601 writes it, with its time zone."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            self.fail(texts.NO_MOMENT.format(text=value), param, ctx)
        return moment


def turn_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a turn, as one parameter `turn`."""

    @click.option("--key", default="", metavar="TEXT", help=texts.KEY_OPTION)
    @click.option("--key-field", metavar="NAME", help=texts.KEY_FIELD_OPTION)
    @click.option(
        "--priority",
        type=click.IntRange(LOWEST_PRIORITY, HIGHEST_PRIORITY),
        default=0,
        metavar="NUMBER",
        help=texts.PRIORITY_OPTION,
    )
    @click.option("--after", type=_Duration(), metavar="DURATION", help=texts.BEGIN_AFTER_OPTION)
    @click.option("--at", type=_Moment(), metavar="TIME", help=texts.BEGIN_AT_OPTION)
    @functools.wraps(function)
    def command(*given: Any, key: str, key_field: str | None, **rest: Any) -> Any:
        if key and key_field is not None:
            raise click.UsageError(texts.KEY_OR_FIELD)
        if rest["after"] is not None and rest["at"] is not None:
            raise click.UsageError(texts.AFTER_OR_AT)
        said = {name: rest.pop(name) for name in ("priority", "after", "at")}
        return function(*given, turn=Turn(queueing(key=key, **said), key_field), **rest)

    return command
