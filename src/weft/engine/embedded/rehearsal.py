"""Recorded journals against today's code: replayed without effects, and what is found told entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from weft.engine.embedded.epochs import effective, resets_in
from weft.engine.embedded.rows import EntryRow
from weft.engine.execution.commands import Command, RunEnded, StateShown, decode_commands
from weft.engine.execution.diagnosis import Step, diagnose
from weft.engine.execution.divergence import key_of, tell
from weft.engine.execution.entries import START_MARK, CancelAsked, Noted, decode_entry
from weft.engine.execution.execution import DEFAULT_LIMITS, Execution, Identity
from weft.engine.execution.program import Program
from weft.errors import JournalDiverged, WeftError
from weft.model.operation import Operation
from weft.model.policy import Limits

SHOWN = 200
"""Characters that are shown of what has drifted."""

CAUSES = 1_000
"""Divergences whose causes are remembered; of the others they are found each time."""

Code: TypeAlias = tuple[Mapping[str, Program], Mapping[str, Operation]]
"""The programs by workflow, the operations by target."""

DRIFTS = 100
"""Drifts of one run that are told; the rest is counted."""


class Drift(NamedTuple):
    """Something that today's code does otherwise and that is no divergence: what is on record wins.

    Attributes:
        entry: number of the entry after which it shows.
        what: which command.
        field: its field: arguments, due_ms, data, text or input.
        recorded: as the journal has it.
        now: as today's code has it.
    """

    entry: int
    what: str
    field: str
    recorded: str
    now: str


@dataclass(slots=True)
class Rehearsal:
    """What came of replaying one run.

    Attributes:
        workflow: its workflow.
        run_id: its id.
        entries: how many were replayed.
        untold: how many came while it was blocked, and are still to be told.
        drifts: what today's code does otherwise without diverging, the first ones.
        drifted: how many there are.
        error: why it could not be replayed to its end.
    """

    workflow: str
    run_id: str
    entries: int = 0
    untold: int = 0
    drifts: list[Drift] = field(default_factory=list[Drift])
    drifted: int = 0
    error: WeftError | None = None


@dataclass(frozen=True, slots=True)
class Rehearser:
    """Today's code, as far as a replay needs it: nothing that it calls is ever reached."""

    programs: Mapping[str, Program]
    operations: Mapping[str, Operation]
    limits: Limits = DEFAULT_LIMITS

    def rehearse(self, identity: Identity, rows: Sequence[EntryRow], *, every_generation: bool = False) -> Rehearsal:
        """Replay a run, in its last generation or in every one.

        Args:
            identity: of the run as it stands now.
            rows: its journal: of the last generation, or of all.
            every_generation: whether generations that have ended are replayed, too.
        """
        done = Rehearsal(identity.workflow, identity.run_id)
        parts = list(generations_of(rows))
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            if done.error is None and (is_last or every_generation):
                back = len(parts) - 1 - number
                resets = sum(map(resets_in, parts[number:]))
                begun = identity._replace(generation=identity.generation - back, epoch=identity.epoch - resets)
                self._replay(begun, effective(part), done)
        return done

    def _replay(self, identity: Identity, rows: Sequence[EntryRow], done: Rehearsal) -> None:
        program = self.programs.get(identity.workflow)
        if program is None:
            what = f"the System has no workflow {identity.workflow!r} any more"
            done.error = JournalDiverged(what, remedy="add the workflow again until its last run has ended")
            return
        told = [row for row in rows if row.commands]
        if _is_ended_from_outside(rows):
            told.pop()
        else:
            done.untold += len(rows) - len(told)
        execution = self._begin(identity, program)
        steps: list[Step] = []
        try:
            steps += [Step(decode_entry(row.entry), row.at_ms, decode_commands(row.commands)) for row in told]
            for row, step in zip(told, steps, strict=True):
                new = execution.replay(step.entry, step.at_ms, step.commands)
                done.entries += 1
                _note_drifts(done, row.seq, step.commands, new=new)
        except JournalDiverged as error:
            done.error = diagnose(
                error,
                steps,
                begin=lambda: self._begin(identity, program),
                workflow=program.spec.workflow,
                operations=self.operations,
            )
        except WeftError as error:
            done.error = error
        finally:
            execution.evict()

    def _begin(self, identity: Identity, program: Program) -> Execution:
        return Execution(identity, program, self.operations, limits=self.limits)


class Explainer:
    """Finds the causes of divergences when runs are loaded; runs that part at the same lines share one."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str], JournalDiverged] = {}

    def explained(
        self, error: WeftError, rows: Sequence[EntryRow], *, begin: Callable[[], Execution], code: Code
    ) -> WeftError:
        """Return an error with its likely cause, if it is a divergence.

        Args:
            error: what a replay ended with.
            rows: the entries that were replayed.
            begin: makes an execution that has been told nothing.
            code: the programs by workflow, and the operations by target.
        """
        if not isinstance(error, JournalDiverged) or "parting" not in error.data:
            return error
        programs, operations = code
        workflow = begin().identity.workflow
        key = (workflow, error.what, error.where)
        known = self._known.get(key)
        if known is None:
            steps = [
                Step(decode_entry(row.entry), row.at_ms, decode_commands(row.commands)) for row in rows if row.commands
            ]
            flow = programs[workflow].spec.workflow
            known = diagnose(error, steps, begin=begin, workflow=flow, operations=operations)
            if len(self._known) < CAUSES:
                self._known[key] = known
        return known


def generations_of(rows: Sequence[EntryRow]) -> Iterator[list[EntryRow]]:
    """Yield the entries of each generation."""
    part: list[EntryRow] = []
    for row in rows:
        if part and row.entry.startswith(START_MARK, 1):
            yield part
            part = []
        part.append(row)
    if part:
        yield part


def _is_ended_from_outside(rows: Sequence[EntryRow]) -> bool:
    """Tell whether the last entry is an end that the code was not asked for: no replay comes to it.

    So ends a run that was terminated, and one that was cancelled before it began: its start was told to no code.
    """
    if not rows or not rows[-1].commands:
        return False
    match decode_entry(rows[-1].entry), decode_commands(rows[-1].commands):
        case Noted(what="terminate"), [RunEnded()]:
            return True
        case CancelAsked(), [RunEnded()]:
            return not rows[0].commands
        case _:
            return False


_DRIFTING = ("arguments", "due_ms", "data", "text", "input")


def _note_drifts(done: Rehearsal, seq: int, recorded: Sequence[Command], *, new: Sequence[Command]) -> None:
    was = {_identity_of(command): command for command in recorded}
    for command in new:
        before = was.get(_identity_of(command))
        if before is None or before == command:
            continue
        for name in _DRIFTING:
            old, now = getattr(before, name, None), getattr(command, name, None)
            if old != now:
                done.drifted += 1
                if len(done.drifts) < DRIFTS:
                    done.drifts.append(Drift(seq, _told(command), name, _shown(old), _shown(now)))


def _identity_of(command: Command) -> object:
    return key_of(command) or (type(command).__name__, getattr(command, "name", ""))


def _told(command: Command) -> str:
    return f"state {command.name}" if isinstance(command, StateShown) else tell(command)


def _shown(value: object) -> str:
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
