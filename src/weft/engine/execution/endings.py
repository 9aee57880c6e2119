"""How a run that failed says so."""

from __future__ import annotations

from weft.engine.execution.entries import storable
from weft.errors import WeftError


def text_of(error: BaseException) -> str:
    """Return what an exception says, as text that can be stored: of bounded length, without lone surrogates."""
    try:
        text = error.what if isinstance(error, WeftError) else str(error)
    except Exception:  # noqa: BLE001 - the border to the user's __str__, which must not take the engine down
        text = "(its text cannot be shown)"
    return storable(text)
