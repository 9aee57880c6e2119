"""Where a run can be reset to, and what that means: which calls are taken back, which messages are told again."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from weft.engine.embedded.children import child_of
from weft.engine.embedded.rows import EntryRow
from weft.engine.execution.commands import CallAbandoned, CallIssued, Command, StateShown, decode_commands
from weft.engine.execution.entries import (
    Ended,
    Entry,
    Reset,
    Skipped,
    Started,
    TimerFired,
    Told,
    Undoing,
    decode_entry,
    encode_entry,
)
from weft.engine.execution.resetting import cut_path, undoes_as_recorded
from weft.errors import ResetRefused
from weft.model.effect import EffectKind
from weft.model.operation import Operation

Effects: TypeAlias = Literal["undo", "keep"]
"""What becomes of the effects after a cut."""

START = "start"
"""The step that stands for the start of the run, or of its present generation."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A place at which a journal can be cut.

    Attributes:
        index: of the entry from which the run goes on, among those that count.
        seq: the number of that entry.
        told: what it says, encoded.
        undoes: calls after it that may have had an effect which can be undone, as they are recorded.
        after: other calls after it that may have had an effect.
        undos: targets of the undos that are recorded, by target of the call.
        messages: what the run was told after it, in order.
        children: runs that it started after it and that are closed with it.
        states: what it showed after it, with what it had shown under that name before; nothing for nothing.
    """

    index: int
    seq: int
    told: bytes
    undoes: list[Undoing] = field(default_factory=list[Undoing])
    after: list[str] = field(default_factory=list[str])
    undos: dict[str, str] = field(default_factory=dict[str, str])
    messages: list[Told] = field(default_factory=list[Told])
    children: dict[tuple[str, str, str], None] = field(default_factory=dict[tuple[str, str, str], None])
    states: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None])


@dataclass(frozen=True, slots=True)
class _Step:
    row: EntryRow
    entry: Entry
    commands: list[Command]

    @property
    def told(self) -> Entry:
        """Return what the run was told: a reset tells an earlier entry again."""
        return decode_entry(self.entry.told) if isinstance(self.entry, Reset) else self.entry


def cut_at(rows: Sequence[EntryRow], step: str, *, epoch: int) -> Cut:
    """Return the cut after a step.

    Args:
        rows: the entries of the present generation that count, in order.
        step: the path of a call or timer that has ended, the number of an entry, or `start`.
        epoch: the one in which the first of them was told.

    Raises:
        ResetRefused: there is no such step, or the journal cannot be cut there; SEMANTICS.md says where it can.
        EntryCorrupt: an entry cannot be read.
    """
    steps = [_Step(row, decode_entry(row.entry), decode_commands(row.commands) if row.commands else []) for row in rows]
    index = _find(steps, step)
    before, after = steps[:index], steps[index:]
    told = steps[index].told
    if any(not each.row.commands for each in before):
        raise ResetRefused(f"the run was never told entry {steps[index].row.seq}: it was blocked before")
    _check_at_rest(before, told, step)
    _check_not_undone(before, after, step)
    cut = Cut(index, steps[index].row.seq, encode_entry(told))
    for each in before:
        if isinstance(each.entry, Reset):
            epoch = each.entry.epoch
    _gather(cut, before, after, epoch=epoch)
    return cut


def check_effects(cut: Cut, operations: Mapping[str, Operation], effects: Effects) -> None:
    """Raise where the effects after a cut are to be undone and cannot be.

    Raises:
        ResetRefused: one of them is irreversible, or today's code does not know its undo.
    """
    if effects == "keep":
        return
    for target in cut.after:
        if target in operations and operations[target].kind is EffectKind.IRREVERSIBLE:
            what = f"{target} was called after the cut and cannot be undone"
            raise ResetRefused(what, remedy="cut after it, or keep the effects: --keep")
    for target, undo in cut.undos.items():
        if not undoes_as_recorded(operations, target, undo):
            what = f"{target} was called after the cut and is undone by {undo}, which today's code does not do"
            raise ResetRefused(what, remedy="put the undo back into the code, or keep the effects: --keep")


def _find(steps: Sequence[_Step], step: str) -> int:
    if step == START:
        if steps and isinstance(steps[0].told, Started):
            return 0
        raise ResetRefused("the journal has no start entry")
    if step.isdecimal():
        for index, each in enumerate(steps):
            if each.row.seq == int(step):
                return index
        numbers = f"{steps[0].row.seq} to {steps[-1].row.seq}" if steps else "none"
        raise ResetRefused(f"entry {step} is not in the journal as it stands now; its entries are {numbers}")
    ends = {told.path: index for index, each in enumerate(steps) if isinstance(told := each.told, _OUTCOMES)}
    if step in ends:
        return ends[step]
    alike = [path for path in ends if path.rpartition(".")[0] == step]
    if len(alike) == 1:
        return ends[alike[0]]
    raise _unknown(steps, step, ends=[*ends], alike=alike)


_OUTCOMES = (Ended, Skipped, TimerFired)


def _unknown(steps: Sequence[_Step], step: str, *, ends: Sequence[str], alike: Sequence[str]) -> ResetRefused:
    if any(call.path == step for each in steps for call in _calls(each)):
        return ResetRefused(f"{step} has no outcome to go on from", remedy="cut after a step that has ended")
    if alike:
        return ResetRefused(f"{step} was called more than once", remedy=f"name one: {', '.join(alike)}")
    near = difflib.get_close_matches(step, ends, n=3) or list(ends)[:3]
    known = ", ".join([*near, START])
    return ResetRefused(
        f"the journal as it stands now has no step {step}", remedy=f"name the path of a step that has ended: {known}"
    )


def _calls(step: _Step) -> Iterator[CallIssued]:
    return (command for command in step.commands if isinstance(command, CallIssued))


def _check_at_rest(before: Sequence[_Step], told: Entry, step: str) -> None:
    under_way: dict[str, None] = {}
    for each in before:
        _end(each.told, under_way)
        for command in each.commands:
            if isinstance(command, CallIssued):
                under_way[command.path] = None
            elif isinstance(command, CallAbandoned) and command.over:
                under_way.pop(command.path, None)
    _end(told, under_way)
    if under_way:
        names = ", ".join(under_way)
        what = f"{names} had no outcome yet when {step} ended"
        raise ResetRefused(what, remedy=f"cut after {next(reversed(under_way))} has ended, or before it was called")


def _end(entry: Entry, under_way: dict[str, None]) -> None:
    if isinstance(entry, Ended | Skipped):
        under_way.pop(entry.path, None)


def _check_not_undone(before: Sequence[_Step], after: Sequence[_Step], step: str) -> None:
    kept = {call.path for each in before for call in _calls(each) if not call.undoes}
    for each in after:
        for call in _calls(each):
            if call.undoes in kept:
                what = f"{call.undoes} was called before the end of {step}, and has been undone since"
                raise ResetRefused(what, remedy=f"cut before {call.undoes}, so that it is done again")


def _gather(cut: Cut, before: Sequence[_Step], after: Sequence[_Step], *, epoch: int) -> None:
    """Collect what came after a cut: effects that stand, messages, children, states."""
    open_: dict[str, Undoing] = {}
    undone_by: dict[str, str] = {}
    others: dict[str, str] = {}
    for position, each in enumerate(after):
        if isinstance(each.entry, Reset):
            epoch = each.entry.epoch
            open_ |= {cut_path(undoing): undoing for undoing in each.entry.undos}
            cut.children.update(dict.fromkeys(each.entry.children))
        if position:
            _take(each.told, open_=open_, others=others, undone_by=undone_by, seq=each.row.seq)
            if isinstance(each.entry, Told):
                cut.messages.append(each.entry)
        for command in each.commands:
            if isinstance(command, StateShown):
                cut.states[command.name] = None
            elif isinstance(command, CallIssued):
                child = child_of(command)
                if child is not None:
                    cut.children[child] = None
                if command.undoes:
                    undone_by[command.path] = command.undoes
                elif command.undo:
                    cut.undos[command.target] = command.undo
                    open_[command.path] = _undoing(command, each.row, epoch)
                else:
                    others[command.path] = command.target
    for each in before:
        for command in each.commands:
            if isinstance(command, StateShown) and command.name in cut.states:
                cut.states[command.name] = command.data
    cut.undoes.extend(open_.values())
    cut.after.extend(dict.fromkeys(others.values()))


def _undoing(command: CallIssued, row: EntryRow, epoch: int) -> Undoing:
    return Undoing(epoch, command.path, command.target, command.arguments, row.seq, None, row.at_ms)


def _take(
    told: Entry, *, open_: dict[str, Undoing], others: dict[str, str], undone_by: Mapping[str, str], seq: int
) -> None:
    """Note an outcome: what was not done needs no undo, what was undone none any more."""
    if not isinstance(told, Ended | Skipped):
        return
    path = told.path
    if path in undone_by:
        if isinstance(told, Skipped) or told.kind == "reply":
            open_.pop(undone_by[path], None)
        return
    if not _stands(told):
        open_.pop(path, None)
        others.pop(path, None)
    elif path in open_:
        was = open_[path]
        open_[path] = Undoing(was.epoch, was.path, was.target, was.arguments, was.issued, seq, was.issued_ms)


def _stands(told: Ended | Skipped) -> bool:
    if isinstance(told, Ended):
        return told.kind in {"reply", "unknown"}
    return told.arrived or told.reply is not None
