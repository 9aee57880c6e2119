"""Compare what the code does with what the journal says it did, and say where they part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from weft.engine.execution.commands import (
    CallAbandoned,
    CallIssued,
    Command,
    PatchTaken,
    RunContinued,
    RunEnded,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.entries import Entry
from weft.errors import JournalDiverged

Key = tuple[str, str, str, str]


def key_of(command: Command) -> Key | None:
    """Return what is compared of a command: kind, id, target and undo; nothing for what has no id."""
    match command:
        case CallIssued(path=path, target=target, undo=undo):
            return ("call", path, target, undo)
        case TimerSet(path=path):
            return ("timer", path, "", "")
        case CallAbandoned(path=path):
            return ("abandon", path, "", "")
        case TimerCancelled(path=path):
            return ("cancelled timer", path, "", "")
        case UpdateAnswered(id=message_id):
            return ("answer", message_id, "", "")
        case PatchTaken(id=patch, deprecated=False):
            return ("patch", patch, "", "")
        case RunContinued():
            return ("continue", "", "a new generation", "")
        case RunEnded(status=status):
            return ("end", "", str(status), "")
        case _:
            return None


def compare(
    entry: Entry, *, at: int, recorded: Sequence[Command], new: Sequence[Command], waits: Callable[[], str] = str
) -> None:
    """Raise where the commands answered to an entry differ from the recorded ones, as sets by id.

    Args:
        entry: what was told.
        at: its number.
        recorded: what it was answered with.
        new: what today's code answers.
        waits: tells the line at which today's code waits, where it answers nothing more.

    Raises:
        JournalDiverged: naming the entry, both commands and both source lines.
    """
    was = {key: command for command in recorded if (key := key_of(command)) is not None}
    does = {key: command for command in new if (key := key_of(command)) is not None}
    if was.keys() == does.keys():
        return
    gone = next((command for key, command in was.items() if key not in does), None)
    come = next((command for key, command in does.items() if key not in was), None)
    raise JournalDiverged(
        f"after entry {at} ({type(entry).__name__}) the journal has {tell(gone)}, today's code has {tell(come)}",
        where="; ".join(_places(gone, come, waits)),
        entry=at,
        parting=Parting(gone, come, tuple(was), tuple(does)),
    )


class Parting(NamedTuple):
    """Where a replay parts from its journal.

    Attributes:
        gone: the first command of the journal that today's code does not give; nothing if it gives all and more.
        come: the first one that it gives instead.
        was: what the entry was answered with, by what is compared.
        does: what today's code answers with.
    """

    gone: Command | None
    come: Command | None
    was: tuple[Key, ...]
    does: tuple[Key, ...]


def tell(command: Command | None) -> str:
    """Name a command for people."""
    key = None if command is None else key_of(command)
    if key is None:
        return "nothing more"
    kind, path, target, _ = key
    return f"{kind} {path or target}" if kind != "end" else "the run's end"


def _places(gone: Command | None, come: Command | None, waits: Callable[[], str]) -> Iterator[str]:
    if gone is not None:
        yield f"recorded {getattr(gone, 'line', '') or '(no line)'}"
    if come is not None:
        yield f"now {getattr(come, 'line', '') or '(no line)'}"
    elif line := waits():
        yield f"now waiting at {line}"
