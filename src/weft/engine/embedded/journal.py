"""Tell runs, write down what they were told and what they answered, and let it out once it is on disk."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Mapping
from functools import partial

from weft.clock import Clock
from weft.engine.embedded.live import LiveRun
from weft.engine.embedded.writer import Writer
from weft.engine.execution.commands import Command, RunEnded, StateShown, decode_commands, encode_commands
from weft.engine.execution.entries import Entry, Started, decode_entry, encode_entry
from weft.engine.execution.execution import Execution, Identity
from weft.engine.execution.loop import DRAIN_LIMIT
from weft.engine.execution.program import Program
from weft.errors import DrainTooLong, EntryCorrupt, JournalDiverged, LimitExceeded, ProtocolUnknown, WeftError
from weft.model.operation import Operation
from weft.model.policy import Limits
from weft.model.run import RunStatus

log = logging.getLogger("weft.engine")

UNANSWERED = b""
"""The commands of an entry that a blocked run has not been told yet."""

SLOW_STEP_S = 2.0
PYTHON = ".".join(platform.python_version_tuple()[:2])


class Journal:
    """The way of every entry: told in memory, on disk with its commands in one transaction, then its outputs."""

    def __init__(
        self,
        clock: Clock,
        limits: Limits,
        *,
        output: Callable[[LiveRun, list[Command]], None],
        ended: Callable[[LiveRun, RunEnded], None],
        drain_limit: int = DRAIN_LIMIT,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._output = output
        self._ended = ended
        self._drain_limit = drain_limit
        self._writer: Writer | None = None
        self._programs: Mapping[str, Program] = {}
        self._operations: Mapping[str, Operation] = {}

    def open(self, writer: Writer, programs: Mapping[str, Program], operations: Mapping[str, Operation]) -> None:
        """Begin to write."""
        self._writer = writer
        self._programs = programs
        self._operations = operations

    @property
    def writer(self) -> Writer:
        """Return the writer, which is there while the engine is open."""
        assert self._writer is not None, "the engine is open"
        return self._writer

    def execution(self, identity: Identity) -> Execution:
        """Return an execution that has been told nothing.

        Raises:
            JournalDiverged: the System has no such workflow any more.
        """
        program = self._programs.get(identity.workflow)
        if program is None:
            what = f"the System has no workflow {identity.workflow!r} any more"
            raise JournalDiverged(what, remedy="add the workflow again until its last run has ended")
        return Execution(identity, program, self._operations, limits=self._limits, drain_limit=self._drain_limit)

    def tell(self, live: LiveRun, entry: Entry, at_ms: int | None = None) -> None:
        """Tell a run an entry; its outputs leave once both are on disk."""
        at_ms = max(live.last_ms, self._clock.now_ms() if at_ms is None else at_ms)
        live.last_ms = at_ms
        seq = live.next_seq
        live.next_seq += 1
        if live.execution is None:
            self._write(live, seq, at_ms, encode_entry(entry), UNANSWERED)
            self.writer.after_commit(partial(self._committed, live, []))
            return
        commands = self._step(live, entry, at_ms)
        recorded = UNANSWERED if commands is None else encode_commands(commands)
        self._write(live, seq, at_ms, encode_entry(entry), recorded)
        self._book(live, commands or [])
        self.writer.after_commit(partial(self._committed, live, commands or []))

    def _write(self, live: LiveRun, seq: int, at_ms: int, entry: bytes, commands: bytes) -> None:
        self.writer.batch.entries.append((live.key, seq, at_ms, entry, commands))
        live.pending += 1

    def _step(self, live: LiveRun, entry: Entry, at_ms: int) -> list[Command] | None:
        """Return the commands, or nothing if the step blocked the run."""
        execution = live.execution
        assert execution is not None, "a run without an execution is not stepped"
        began = time.perf_counter()
        try:
            if live.next_seq > self._limits.journal_entries and not isinstance(entry, Started):
                what = f"the journal has {self._limits.journal_entries:,} entries, its limit"
                raise LimitExceeded(what, remedy="end the run, or raise the limit", name="journal_entries")
            commands = execution.tell(entry, at_ms)
        except WeftError as error:
            self.block(live, error)
            return None
        if time.perf_counter() - began > SLOW_STEP_S:
            log.warning("run %s took %.1f s for one step", live.name, time.perf_counter() - began)
        for context in execution.loop.noticed:
            log.warning("run %s: %s", live.name, context.get("message"), exc_info=context.get("exception"))
        execution.loop.noticed.clear()
        return commands

    def block(self, live: LiveRun, error: WeftError) -> None:
        """Take a run out of work until its code is mended; nothing of it is lost."""
        log.error("run %s is blocked: %s", live.name, error)
        live.blocked = str(error)
        for state in live.calls.values():
            state.drop()
        live.calls.clear()
        execution, live.execution = live.execution, None
        if execution is not None:
            execution.evict()

    def _book(self, live: LiveRun, commands: list[Command]) -> None:
        batch = self.writer.batch
        for command in commands:
            if isinstance(command, StateShown):
                batch.states[(live.key, command.name)] = command.data
            elif isinstance(command, RunEnded):
                reason = "" if command.final is RunStatus.COMPLETED else _reason(command)
                result = command.data if command.final is RunStatus.COMPLETED else None
                batch.updates[live.key] = (command.status, None, live.last_ms, reason, result)
                return
        self.save_standing(live)

    def save_standing(self, live: LiveRun) -> None:
        """Write down where an open run stands, if that has changed."""
        standing = live.standing()
        if standing != live.saved:
            live.saved = standing
            status, wake_ms, reason = standing
            self.writer.batch.updates[live.key] = (status, wake_ms, None, reason, None)
            self.writer.schedule()

    def _committed(self, live: LiveRun, commands: list[Command]) -> None:
        live.pending -= 1
        if live.gone:
            return
        for command in commands:
            if isinstance(command, RunEnded):
                self._ended(live, command)
                return
        self._output(live, commands)

    def load(self, live: LiveRun, rows: list[tuple[int, int, bytes, bytes]]) -> list[tuple[int, int, bytes]]:
        """Replay a run from its journal; block it where that fails.

        Args:
            live: the run, without an execution.
            rows: (seq, time, entry, commands), in order.

        Returns:
            The entries that it has not been told yet: (seq, time, entry).
        """
        live.next_seq = rows[-1][0] + 1 if rows else 0
        live.last_ms = rows[-1][1] if rows else 0
        answered = [row for row in rows if row[3] != UNANSWERED]
        try:
            live.execution = self.execution(live.identity)
            for number, (seq, at_ms, entry, commands) in enumerate(answered):
                if seq != number:
                    what = f"the journal of {live.name} lacks entry {number}"
                    raise EntryCorrupt(what)
                live.execution.replay(decode_entry(entry), at_ms, decode_commands(commands))
            live.blocked = ""
        except (JournalDiverged, DrainTooLong, EntryCorrupt, ProtocolUnknown, LimitExceeded) as error:
            self.block(live, error)
            return []
        return [(seq, at_ms, entry) for seq, at_ms, entry, commands in rows if commands == UNANSWERED]

    def catch_up(self, live: LiveRun, untold: list[tuple[int, int, bytes]]) -> None:
        """Tell a run that was blocked what came meanwhile."""
        for seq, at_ms, data in untold:
            if live.execution is None:
                return
            commands = self._step(live, decode_entry(data), at_ms)
            if commands is None:
                break
            self.writer.batch.answers[(live.key, seq)] = encode_commands(commands)
            live.pending += 1
            self._book(live, commands)
            self.writer.after_commit(partial(self._committed, live, commands))
        self.save_standing(live)


def _reason(command: RunEnded) -> str:
    line = f" (at {command.line})" if command.line else ""
    return f"{command.kind}: {command.text}{line}"
