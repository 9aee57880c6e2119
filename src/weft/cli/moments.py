"""Durations and moments as people type them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from weft.cli import schedule_texts as texts
from weft.errors import InputInvalid

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)


def span(text: str) -> timedelta:
    """Return a duration written as 90s, 15m, 1h30m or 7d.

    Raises:
        InputInvalid: it is none.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or not any(found.groups()):
        raise InputInvalid(texts.NOT_A_SPAN.format(text=text), remedy=texts.SPAN_REMEDY)
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        raise InputInvalid(texts.NOT_A_SPAN.format(text=text), remedy=texts.SPAN_REMEDY) from None


def moment(text: str, zone: ZoneInfo) -> datetime:
    """Return a moment written in ISO 8601; without an offset it is one on the clocks of a zone.

    Raises:
        InputInvalid: it is none.
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InputInvalid(texts.NOT_A_MOMENT.format(text=text), remedy=texts.MOMENT_REMEDY) from None
    return read if read.utcoffset() is not None else read.replace(tzinfo=zone)
