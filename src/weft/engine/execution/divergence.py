"""Compare what the code does with what the journal says it did, and say where they part."""

from __future__ import annotations

from collections.abc import Sequence

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


def compare(entry: Entry, *, at: int, recorded: Sequence[Command], new: Sequence[Command]) -> None:
    """Raise where the commands answered to an entry differ from the recorded ones, as sets by id.

    Raises:
        JournalDiverged: naming the entry, both commands and both source lines.
    """
    was = {key: command for command in recorded if (key := key_of(command)) is not None}
    does = {key: command for command in new if (key := key_of(command)) is not None}
    if was.keys() == does.keys():
        return
    gone = next((command for key, command in was.items() if key not in does), None)
    come = next((command for key, command in does.items() if key not in was), None)
    what = (
        f"after entry {at} ({type(entry).__name__}) the journal has {_tell(gone)}, today's code has {_tell(come)}; "
        f"likely cause: {_cause(gone, come, was=set(was), does=set(does))}"
    )
    lines = [f"recorded {_line(gone)}" if gone is not None else "", f"now {_line(come)}" if come is not None else ""]
    raise JournalDiverged(what, where="; ".join(line for line in lines if line), entry=at)


def _tell(command: Command | None) -> str:
    key = None if command is None else key_of(command)
    if key is None:
        return "nothing more"
    kind, path, target, _ = key
    return f"{kind} {path or target}" if kind != "end" else "the run's end"


def _line(command: Command) -> str:
    return getattr(command, "line", "") or "(no line)"


def _cause(gone: Command | None, come: Command | None, *, was: set[Key], does: set[Key]) -> str:
    if isinstance(gone, PatchTaken):
        return f"patched({gone.id!r}) was removed while runs go by it: write deprecate_patch({gone.id!r}) first"
    if gone is None:
        return "a step was added"
    if come is None:
        return "a step was removed, or now waits for something else"
    if {key[2] for key in was} == {key[2] for key in does}:
        return "an unordered set, or a step moved into another task"
    return "the order of steps changed, or a step was replaced"
