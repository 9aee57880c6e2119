"""Tell runs, write down what they were told and what they answered, and let it out once it is on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NoReturn, TypeAlias

from weft.clock import Clock
from weft.engine.embedded.children import STARTS, note_child
from weft.engine.embedded.epochs import note_beginning
from weft.engine.embedded.failures import own_failure, reason_of
from weft.engine.embedded.generations import GENERATIONS_AT_ONCE, PYTHON, Handover, Listener, next_start
from weft.engine.embedded.live import UNDER_WAY, LiveRun
from weft.engine.embedded.rehearsal import Explainer
from weft.engine.embedded.rows import EntryRow
from weft.engine.embedded.watchdog import Watchdog
from weft.engine.embedded.writer import Writer
from weft.engine.execution.commands import (
    AttributeSet,
    CallIssued,
    Command,
    RunEnded,
    StateShown,
    UpdateAnswered,
    decode_commands,
    encode_commands,
)
from weft.engine.execution.entries import (
    CancelAsked,
    Entry,
    Reset,
    Started,
    Told,
    decode_entry,
    encode_entry,
    storable,
)
from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.loop import DRAIN_LIMIT
from weft.engine.execution.program import Program
from weft.engine.execution.turn import Turn
from weft.errors import DrainTooLong, EntryCorrupt, JournalDiverged, LimitExceeded, RunClosed, WeftError
from weft.flow.messages import check_message
from weft.model.operation import Operation
from weft.model.policy import Limits

log = logging.getLogger("weft.engine")

UNANSWERED = b""
"""The commands of an entry that a blocked run has not been told yet."""

_Answer: TypeAlias = tuple[list[Command], bytes]
_Booked: TypeAlias = tuple[LiveRun, Execution | None, list[Command]]
"""What is let out after a commit: of which run and generation, and what."""

_NO_ANSWER: _Answer = ([], UNANSWERED)
NO_COMMANDS = encode_commands([])


class Journal:
    """The way of every entry: told in memory, on disk with its commands in one transaction, then its outputs.

    Attributes:
        writer: what writes; there once the engine is open.
        watchdog: notes when steps begin and end.
        turn: around many steps: `with journal.turn:`.
    """

    writer: Writer

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        *,
        output: Callable[[LiveRun, list[Command]], None],
        ended: Callable[[LiveRun, RunEnded], None],
        listener: Listener,
        drain_limit: int = DRAIN_LIMIT,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._output = output
        self._ended = ended
        self._listener = listener
        self._drain_limit = drain_limit
        self._programs: Mapping[str, Program] = {}
        self._operations: Mapping[str, Operation] = {}
        self._pythons: set[str] = set()
        self._explainer = Explainer()
        self.watchdog = Watchdog()
        self.turn = Turn()

    def open(self, writer: Writer, programs: Mapping[str, Program], operations: Mapping[str, Operation]) -> None:
        """Begin to write."""
        self.writer = writer
        writer.told = self._committed
        self._programs = programs
        self._operations = operations

    @property
    def operations(self) -> Mapping[str, Operation]:
        """Return the operations of the System by target."""
        return self._operations

    def execution(self, identity: Identity) -> Execution:
        """Return an execution that has been told nothing.

        Raises:
            JournalDiverged: the System has no such workflow any more.
        """
        program = self._programs.get(identity.workflow)
        if program is None:
            what = f"the System has no workflow {identity.workflow!r} any more"
            raise JournalDiverged(what, remedy="add the workflow again until its last run has ended")
        return Execution(
            identity, program, self._operations, limits=self._limits, drain_limit=self._drain_limit, turn=self.turn
        )

    def accept(self, live: LiveRun, entry: Told | CancelAsked) -> None:
        """Tell a run what somebody outside asks of it; a message of an id that it has is told once.

        Raises:
            RunClosed: it has ended.
            EntryCorrupt: its journal cannot be read.
            LimitExceeded: the message is too large, or too many wait.
            ValueInvalid: the message is not what the classes of its kind say.
        """
        if live.sealed is not None:
            raise live.sealed
        is_message = isinstance(entry, Told)
        if is_message and live.execution is not None and live.execution.inbox.has_seen(entry.id):
            return
        if live.over:
            what = f"run {live.name} has ended"
            raise RunClosed(what)
        if is_message:
            check_message(entry.kind, entry.data)
            self._check_room(live, entry)
        if live.held and not is_message:
            self._listener.never_began(live, entry)
        else:
            self.tell(live, entry)

    def has_room(self, live: LiveRun) -> bool:
        """Tell whether a note may still be written into a run's journal; what is over its limit blocks the run."""
        return live.next_seq - live.first_seq < self._limits.journal_entries

    def _check_room(self, live: LiveRun, told: Told) -> None:
        if len(told.data) > self._limits.payload_bytes:
            what = f"the message has {len(told.data):,} bytes; the limit is {self._limits.payload_bytes:,}"
            raise LimitExceeded(what, remedy="send a reference to the data", name="payload_bytes")
        if live.execution is not None:
            live.execution.inbox.check_room()
        elif not self.has_room(live):
            what = f"run {live.name} is told nothing now, and its journal has {live.next_seq:,} entries, its limit"
            raise LimitExceeded(what, remedy="mend what blocks it, or let it begin", name="journal_entries")

    def tell(self, live: LiveRun, entry: Entry, at_ms: int | None = None) -> None:
        """Tell a run an entry; its outputs leave once both are on disk."""
        self._tell(live, entry, at_ms)
        if live.execution is not None and live.execution.continued is not None:
            self._go_on(live)

    def _go_on(self, live: LiveRun, left: Sequence[Entry] = ()) -> None:
        """Begin the next generation of a run that continues as new, in the same transaction.

        Args:
            live: the run.
            left: what came while it was blocked and was not told to the generation that ends.
        """
        handover = Handover(left)
        while live.execution is not None and live.execution.continued is not None:
            before = live.execution
            carried = handover.take(before)
            children = self._listener.continues(live, before.answered.keys() | {each.id for each in carried})
            start = next_start(before, carried=carried, children=children, journal_entries=self._limits.journal_entries)
            live.remember(before)
            self.writer.after_commit(live.forget)
            generation = before.identity.generation + 1
            live.renew(self.execution(before.identity._replace(generation=generation)))
            self.writer.batch.generations[live.key] = generation
            if handover.fruitless > GENERATIONS_AT_ONCE:
                what = f"the run continued as new {GENERATIONS_AT_ONCE:,} times and waited for nothing"
                self.block(live, DrainTooLong(what))
            self._tell(live, start)
            while handover.marks and live.is_listening:
                self._tell(live, handover.marks.pop(0))

    def _tell(self, live: LiveRun, entry: Entry, at_ms: int | None = None) -> None:
        data = encode_entry(entry)  # first: a run is never told what cannot be written
        at_ms = max(live.last_ms, self._clock.now_ms() if at_ms is None else at_ms)
        live.last_ms = at_ms
        seq = live.next_seq
        live.next_seq += 1
        answer = None if live.execution is None else self._step(live, entry, at_ms)
        commands, recorded = answer or _NO_ANSWER
        # Of bytes, `sqlite3` asks whether somebody has registered an adapter: a copy takes a fifth of that.
        self.writer.batch.entries.append((live.key, seq, at_ms, bytearray(data), bytearray(recorded)))
        self._book(live, commands)

    def _step(self, live: LiveRun, entry: Entry, at_ms: int) -> _Answer | None:
        """Return the commands, also encoded, or nothing if the step blocked the run."""
        execution = live.execution
        assert execution is not None, "a run without an execution is not stepped"
        self.watchdog.begin(live)
        try:
            if execution.entries >= self._limits.journal_entries and not isinstance(entry, Started | Reset):
                self._refuse_full()
            commands = execution.tell(entry, at_ms)
            recorded = encode_commands(commands)
        except WeftError as error:
            self.block(live, error)
            return None
        except Exception as error:  # noqa: BLE001 - a border: its journal stays whole, and the other runs go on
            self.block(live, own_failure(error))
            return None
        finally:
            self.watchdog.end()
        if execution.loop.noticed:
            for context in execution.loop.noticed:
                log.warning("run %s: %s", live.name, context.get("message"), exc_info=context.get("exception"))
            execution.loop.noticed.clear()
        return commands, recorded

    def _refuse_full(self) -> NoReturn:
        what = f"the journal has {self._limits.journal_entries:,} entries, its limit"
        raise LimitExceeded(what, remedy="end the run, or raise the limit", name="journal_entries")

    def block(self, live: LiveRun, error: WeftError) -> None:
        """Take a run out of work until its code is mended; nothing of it is lost.

        Attempts under way may end: their outcomes are written down and told once the run goes on.
        """
        log.error("run %s is blocked: %s", live.name, error)
        live.blocked = storable(str(error))
        for path, state in list(live.calls.items()):
            if not state.under_way:
                state.drop()
                del live.calls[path]
        execution, live.execution = live.execution, None
        if execution is not None:
            execution.evict()

    def fail(self, live: LiveRun, error: Exception) -> None:
        """Block a run over which weft itself failed."""
        self.block(live, own_failure(error))
        self.save_standing(live)

    def _book(self, live: LiveRun, commands: list[Command]) -> None:
        live.pending += 1
        execution = live.execution
        self.writer.tell_after_commit((live, execution, commands))
        for command in commands:
            if type(command) is CallIssued:
                if command.target in STARTS:
                    note_child(live, command)
            elif type(command) is StateShown:
                self.writer.batch.states[(live.key, command.name)] = command.data
            elif type(command) is AttributeSet:
                self.writer.batch.attributes[live.key, command.attribute.name] = command.attribute
            elif type(command) is RunEnded:
                self._book_end(live, command)
                return
        if execution is None or execution.continued is None:
            if live.saved is UNDER_WAY and not live.calls and execution is not None and execution.calls.pending:
                return  # as after nearly every step, and as it stands on disk
            self._save(live)

    def _book_end(self, live: LiveRun, end: RunEnded) -> None:
        batch = self.writer.batch
        batch.updates[live.key] = (end.status, None, live.last_ms, reason_of(end), end.data or None)
        if live.stored:
            batch.attempts_over.append(live.key)
        live.over = True
        self._listener.closing(live)

    def save_standing(self, live: LiveRun) -> None:
        """Write down where an open run stands, if that has changed; it stays loaded until that is on disk."""
        if not live.over and self._save(live):
            self.hold(live)

    def _save(self, live: LiveRun) -> bool:
        standing = live.standing()
        if standing == live.saved:
            return False
        live.saved = standing
        status, wake_ms, reason = standing
        self.writer.batch.updates[live.key] = (status, wake_ms, None, reason, None)
        return True

    def hold(self, live: LiveRun) -> None:
        """Keep a run loaded until what was just written about it is on disk."""
        live.pending += 1
        self.writer.tell_after_commit((live, live.execution, []))
        self.writer.schedule()

    def _committed(self, booked: _Booked) -> None:
        live, execution, commands = booked
        live.pending -= 1
        for command in commands:
            if type(command) is CallIssued:
                continue
            if type(command) is UpdateAnswered:
                live.note_answer(command)
                self._listener.answered(live, command)
            elif type(command) is RunEnded and not live.gone:
                self._ended(live, command)
                return
        # What another generation wanted is not this one's.
        if not live.gone and live.execution is execution:
            self._output(live, commands)

    def load(self, live: LiveRun, rows: list[EntryRow]) -> list[EntryRow]:
        """Replay a run from its journal; block it where that fails.

        Args:
            live: the run, without an execution.
            rows: its journal, in order.

        Returns:
            The entries that it has not been told yet, because it was blocked when they came.
        """
        live.next_seq = rows[-1].seq + 1 if rows else 0
        live.first_seq = rows[0].seq if rows else 0
        live.last_ms = rows[-1].at_ms if rows else 0
        self.watchdog.begin(live)
        try:
            live.execution = self.execution(live.replayed)
            started = note_beginning(live, rows)
            if started is not None:
                self._compare_python(started.python)
            self._replay(live, live.execution, rows)
            live.blocked = ""
        except WeftError as error:
            begin, code = partial(self.execution, live.replayed), (self._programs, self._operations)
            self.block(live, self._explainer.explained(error, rows, begin=begin, code=code))
            return []
        except Exception as error:  # noqa: BLE001 - a border: one run must not keep the engine from opening
            self.block(live, own_failure(error))
            return []
        finally:
            self.watchdog.end()
        return [row for row in rows if row.commands == UNANSWERED]

    def _replay(self, live: LiveRun, execution: Execution, rows: list[EntryRow]) -> None:
        for number, row in enumerate(row for row in rows if row.commands != UNANSWERED):
            if row is not rows[number]:
                what = f"the journal of {live.name} lacks what entry {rows[number].seq} was answered with"
                raise EntryCorrupt(what)
            entry = decode_entry(row.entry)
            commands = decode_commands(row.commands)
            for command in commands:
                if isinstance(command, CallIssued):
                    if command.target in STARTS:
                        note_child(live, command)
                elif isinstance(command, UpdateAnswered):
                    live.note_answer(command)
            execution.replay(entry, row.at_ms, commands)
        execution.loop.noticed.clear()

    def _compare_python(self, recorded: str) -> None:
        """Warn, once for each, of journals that were recorded under another minor version of Python."""
        if recorded != PYTHON and recorded not in self._pythons:
            self._pythons.add(recorded)
            log.warning(
                "runs that began under Python %s go on under Python %s: where the two differ, a run may be blocked",
                recorded,
                PYTHON,
            )

    def catch_up(self, live: LiveRun, untold: list[EntryRow]) -> None:
        """Tell a run that was blocked what came meanwhile."""
        for number, row in enumerate(untold, 1):
            if live.execution is None or live.over:
                break
            try:
                entry = decode_entry(row.entry)
            except EntryCorrupt as error:
                self.block(live, error)
                break
            answer = self._step(live, entry, row.at_ms)
            if answer is None:
                break
            commands, recorded = answer
            self.writer.batch.answers[(live.key, row.seq)] = recorded
            self._book(live, commands)
            if live.execution.continued is not None:
                self._pass_on(live, untold[number:])
                break

    def _pass_on(self, live: LiveRun, left: list[EntryRow]) -> None:
        """Let the next generation have what came while the run was blocked and the one before was not told."""
        for row in left:
            self.writer.batch.answers[(live.key, row.seq)] = NO_COMMANDS
        self._go_on(live, [decode_entry(row.entry) for row in left])
