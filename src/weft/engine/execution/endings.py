"""How a run that failed says so."""

from __future__ import annotations

from weft.engine.execution.commands import RunEnded
from weft.engine.execution.entries import storable
from weft.engine.execution.paths import place_raised
from weft.errors import WeftError
from weft.flow.failures import fields_of
from weft.model.run import RunStatus


def text_of(error: BaseException) -> str:
    """Return what an exception says, as text that can be stored: of bounded length, without lone surrogates."""
    try:
        text = error.what if isinstance(error, WeftError) else str(error)
    except Exception:  # noqa: BLE001 - the border to the user's __str__, which must not take the engine down
        text = "(its text cannot be shown)"
    return storable(text)


def failed_by(error: BaseException, *, limit: int) -> RunEnded:
    """Return the end of a run that failed by an exception, with its fields where it is a refusal within the limit."""
    data = fields_of(error, limit=limit)
    return RunEnded(RunStatus.FAILED, data, type(error).__name__, text_of(error), place_raised(error))
