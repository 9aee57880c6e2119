"""Why a replay parts from its journal: the likely cause, from evidence, and what the evidence is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from weft.engine.execution.commands import CallIssued, Command, PatchTaken, TimerSet
from weft.engine.execution.divergence import Parting
from weft.engine.execution.entries import Ended, Entry, Skipped, TimerFired
from weft.engine.execution.execution import Execution
from weft.errors import JournalDiverged, WeftError
from weft.model.determinism import judge_determinism
from weft.model.operation import Operation
from weft.model.reach import Reach
from weft.model.symbols import plain_function
from weft.model.workflow import Workflow

LOOKED_AT = 1_000
"""Entries behind the divergence that are looked at, at most: what came long after it explains nothing."""


class Step(NamedTuple):
    """One entry of a journal, when it was told, and what it was answered with."""

    entry: Entry
    at_ms: int
    commands: Sequence[Command]


@dataclass(slots=True)
class _Way:
    """What was asked for from the divergence on: calls and timers, counted without their place."""

    asked: Counter[str] = field(default_factory=Counter[str])
    first: dict[str, CallIssued] = field(default_factory=dict[str, CallIssued])
    is_cut_short: bool = False

    def add(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, CallIssued):
                self.asked[command.target] += 1
                self.first.setdefault(command.target, command)
            elif isinstance(command, TimerSet):
                self.asked[_TIMER] += 1


_TIMER = "a timer"


def diagnose(
    error: JournalDiverged,
    steps: Sequence[Step],
    *,
    begin: Callable[[], Execution],
    workflow: Workflow[Any, Any],
    operations: Mapping[str, Operation],
) -> JournalDiverged:
    """Return the divergence with its likely cause.

    The steps are replayed once more: code that now parts elsewhere is no function of its journal. Then today's code is
    led on, with the outcomes that the journal has, to see what else it asks for. All of it without effects.

    Args:
        error: what the first replay ended with.
        steps: the journal that was replayed, up to its end.
        begin: makes an execution that has been told nothing.
        workflow: whose code it is.
        operations: of the System, by target.
    """
    parting, at = error.data.get("parting"), error.data.get("entry")
    if not isinstance(parting, Parting) or not isinstance(at, int):
        return error
    execution = begin()
    try:
        again = _replay(execution, steps)
        if again is None or again.data["parting"] != parting:
            cause = _unstable(again, workflow)
        else:
            was, does = _recorded(steps, at), _led_on(execution, steps, at=at, parting=parting)
            cause = _cause(parting, was=was, does=does, names=_Named(workflow, operations))
    finally:
        execution.evict()
    hazards = "" if cause.startswith("the code does") else _hazards(workflow)
    return JournalDiverged(
        f"{error.what}; likely cause: {cause}{hazards}", where=error.where, entry=at, parting=parting
    )


def _replay(execution: Execution, steps: Sequence[Step]) -> JournalDiverged | None:
    try:
        for step in steps:
            execution.replay(step.entry, step.at_ms, step.commands)
    except JournalDiverged as error:
        return error
    return None


def _unstable(again: JournalDiverged | None, workflow: Workflow[Any, Any]) -> str:
    how = "went through" if again is None else f"parted elsewhere ({again.what})"
    return (
        "the code does something else each time: global state, chance, the clock or the order of a set; "
        f"a second replay {how}{_hazards(workflow)}"
    )


def _hazards(workflow: Workflow[Any, Any]) -> str:
    """Say what a look at the source finds that differs in each replay; nothing if it finds nothing."""
    found = [f"{problem.where}: {problem.what}" for problem in judge_determinism([workflow])]
    return f"; the source has {'; '.join(found)}" if found else ""


def _recorded(steps: Sequence[Step], at: int) -> _Way:
    way = _Way()
    for step in steps[at : at + LOOKED_AT]:
        way.add(step.commands)
    return way


def _led_on(execution: Execution, steps: Sequence[Step], *, at: int, parting: Parting) -> _Way:
    """Lead today's code on behind the divergence: calls get the outcomes that their targets have in the journal."""
    way = _Way()
    way.add([*_given(execution), *_instant(parting)])
    targets = {call.path: call.target for step in steps for call in _calls(step.commands)}
    for step in steps[at + 1 : at + LOOKED_AT]:
        if execution.ended is not None or execution.continued is not None:
            return way
        entry = _as_asked(step.entry, targets, execution)
        if entry is None:
            continue
        try:
            way.add(execution.tell(entry, step.at_ms))
        except WeftError:
            way.is_cut_short = True
            return way
    # Today's code waits for outcomes that the journal cannot give: what it would do then nobody knows.
    way.is_cut_short = bool(Counter(record.operation.target for record in execution.calls.open()) - _waited_for(steps))
    return way


def _waited_for(steps: Sequence[Step]) -> Counter[str]:
    """Return for which calls the journal has no outcome, by target."""
    open_: dict[str, str] = {}
    for step in steps:
        if isinstance(step.entry, Ended | Skipped):
            open_.pop(step.entry.path, None)
        open_.update({call.path: call.target for call in _calls(step.commands)})
    return Counter(open_.values())


def _given(execution: Execution) -> Iterator[Command]:
    """Yield the calls that are open behind the divergence and were issued at it."""
    for record in execution.calls.open():
        if record.entry == execution.entries - 1:
            yield CallIssued(record.path, record.operation.target, record.arguments)


def _instant(parting: Parting) -> Iterator[Command]:
    for kind, path, _, _ in parting.does:
        if kind == "timer":
            yield TimerSet(path, 0)


def _calls(commands: Sequence[Command]) -> Iterator[CallIssued]:
    return (command for command in commands if isinstance(command, CallIssued))


def _as_asked(entry: Entry, targets: Mapping[str, str], execution: Execution) -> Entry | None:
    """Return an entry as it would be told to today's code; nothing where that has not asked for it."""
    if isinstance(entry, Ended | Skipped):
        target = targets.get(entry.path, "")
        for record in execution.calls.open():
            if record.path == entry.path or record.operation.target == target:
                return msgspec.structs.replace(entry, path=record.path)
        return None
    if isinstance(entry, TimerFired):
        path = entry.path if entry.path in execution.timers else next(iter(execution.timers), None)
        return None if path is None else TimerFired(path)
    return entry


class _Named:
    """Which operations today's code names, wherever it leads."""

    def __init__(self, workflow: Workflow[Any, Any], operations: Mapping[str, Operation]) -> None:
        self.operations = operations
        found = plain_function(workflow.function)
        sights = () if found is None else Reach().sights(found[0], name=workflow.name)
        self._words = {sight.use.text.rpartition(".")[2] for sight in sights}

    def has(self, target: str) -> bool:
        """Tell whether the code names the operation of a target; of a timer nobody can tell."""
        return target == _TIMER or target.rpartition(".")[2] in self._words


def _cause(parting: Parting, *, was: _Way, does: _Way, names: _Named) -> str:
    gone, come = parting.gone, parting.come
    if isinstance(gone, PatchTaken):
        return f"patched({gone.id!r}) was removed while runs go by it: write deprecate_patch({gone.id!r}) first"
    if isinstance(gone, CallIssued) and gone.target not in names.operations:
        return _renamed(gone, come)
    if _without_place(parting.was) == _without_place(parting.does):
        return (
            "an unordered set, or steps that moved into another task: the entry is answered with the same steps, "
            "in tasks that were made in another order"
        )
    missing, extra = was.asked - does.asked, does.asked - was.asked
    removed = [target for target in missing if not names.has(target)]
    if missing[_TIMER] and not does.is_cut_short:
        removed.append(_TIMER)
    if not extra and not removed and come is None:
        return "today's code waits for something else first: a condition changed, or a wait was added"
    if not extra and not removed:
        return (
            f"the order of steps changed: today's code still has {_listed(missing) or 'all of them'}, and no other step"
        )
    if extra and not removed:
        return f"a step was added: {_listed(extra)}"
    if not extra:
        return f"a step was removed: {_listed(removed)} {'is' if len(removed) == 1 else 'are'} no more in the code"
    if isinstance(gone, CallIssued) and isinstance(come, CallIssued) and gone.arguments == come.arguments:
        return f"a step was replaced, with the same arguments: {gone.target} by {come.target}"
    return f"steps were replaced: {_listed(removed)} by {_listed(extra)}"


def _renamed(gone: CallIssued, come: Command | None) -> str:
    what = f"{gone.target} is no operation of the System any more"
    if isinstance(come, CallIssued) and come.arguments == gone.arguments:
        return f"an operation was renamed: {what}, and {come.target} is called with the same arguments"
    return f"an operation was removed or renamed: {what}"


def _without_place(keys: Sequence[tuple[str, str, str, str]]) -> Counter[tuple[str, str, str]]:
    return Counter((kind, target, undo) for kind, _, target, undo in keys)


def _listed(targets: Sequence[str] | Counter[str]) -> str:
    return ", ".join(targets)
