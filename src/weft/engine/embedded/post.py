"""Messages to runs: told once, asked and answered, known again by their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import NamedTuple

from weft.engine.embedded.journal import Journal
from weft.engine.embedded.live import LiveRun, heard_by
from weft.engine.embedded.rows import EntryRow
from weft.engine.embedded.shelf import Shelf
from weft.engine.embedded.waiters import Waiters
from weft.engine.execution.commands import UpdateAnswered, decode_commands
from weft.engine.execution.entries import Started, Told, decode_entry
from weft.errors import RunClosed
from weft.model.message import Answer

LOOK_BACK = 10_000
"""Entries before the present generation in which a message is known again that is sent a second time."""

Known = dict[str, UpdateAnswered | None]
"""Ids of messages that were told, with their answers where they have one."""


class Asked(NamedTuple):
    """An update that somebody waits for; `fresh` if its id cannot have been used before."""

    workflow: str
    run_id: str
    told: Told
    fresh: bool
    answer: asyncio.Future[Answer]


class Post:
    """Tells runs messages; its methods are called in plain callbacks, but for `wait`."""

    def __init__(
        self, journal: Journal, shelf: Shelf, waiters: Waiters, *, live: Callable[[str, str], LiveRun]
    ) -> None:
        self._journal = journal
        self._shelf = shelf
        self._waiters = waiters
        self._live = live
        self._keys: dict[asyncio.Future[Answer], int] = {}

    def send(self, workflow: str, run_id: str, told: Told, *, fresh: bool) -> None:
        """Tell a run a message, unless it was told one of this id before.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
        """
        try:
            live = self._live(workflow, run_id)
            if fresh or told.id not in self._earlier(live):
                self._journal.accept(live, told)
        except RunClosed:
            # A sender that never heard of its first delivery: what it wanted has happened.
            if fresh or not self._was_told(workflow, run_id, told.id):
                raise

    def _was_told(self, workflow: str, run_id: str, message_id: str) -> bool:
        return message_id in self._of_a_closed_run(workflow, run_id)

    def ask(self, asked: Asked) -> None:
        """Tell a run an update; the answer comes, or has come, with a commit.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended, or ended without an answer.
        """
        told = asked.told
        try:
            live = self._live(asked.workflow, asked.run_id)
        except RunClosed:
            said = None
            if not asked.fresh:
                said = self._of_a_closed_run(asked.workflow, asked.run_id).get(told.id)
            if said is None:
                raise
            asked.answer.set_result(Answer(said.data, said.refusal))
            return
        said = None if live.answers is None else live.answers.get(told.id)
        if said is None and not asked.fresh and told.id in (earlier := self._earlier(live)):
            said = earlier[told.id]
            if said is None:
                what = f"run {live.name} continued as new without an answer"
                raise RunClosed(what)
        if said is not None:
            asked.answer.set_result(Answer(said.data, said.refusal))
            return
        self._keys[asked.answer] = live.key
        self._waiters.ask(live.key, told.id, asked.answer)
        self._journal.accept(live, told)

    async def wait(self, asked: Asked, told: asyncio.Future[None]) -> Answer:
        """Return the answer once the update is told.

        Raises:
            RunClosed: there will be none.
        """
        try:
            await told
            return await self._waiters.answer(asked.answer)
        finally:
            key = self._keys.pop(asked.answer, None)
            if key is not None:
                self._waiters.unask(key, asked.told.id, asked.answer)
            if asked.answer.done() and not asked.answer.cancelled():
                asked.answer.exception()  # looked at: nobody is left to be told

    def _earlier(self, live: LiveRun) -> Known:
        """Return what was told to the generations before, as far as it is remembered, and did not go over."""
        if not live.identity.generation:
            return {}
        if live.earlier is not None:
            return live.earlier
        since = max(0, live.first_seq - LOOK_BACK)
        known = _known(self._shelf.store.entries(live.key, since=since, until=live.first_seq))
        for generation in live.unwritten or ():  # told a moment ago: a look at the disk does not find it yet
            known |= generation
        for message_id in self._carried(live):
            known.pop(message_id, None)
        if not live.pending:  # else a part of it may not be on disk yet
            live.earlier = known
        return known

    def _carried(self, live: LiveRun) -> Iterable[str]:
        started = None if live.execution is None else live.execution.started
        if started is not None:
            return [told.id for told in started.carried]
        return _known(self._shelf.store.entries(live.key, since=live.first_seq, until=live.first_seq + 1))

    def _of_a_closed_run(self, workflow: str, run_id: str) -> Known:
        row = self._shelf.store.find(workflow, run_id)
        known = {} if row is None else _known(self._shelf.store.journal(row.key))
        live = self._shelf.loaded(workflow, run_id)
        if live is not None:  # its end is on its way to the disk
            for generation in live.unwritten or ():
                known |= generation
            known |= {} if live.execution is None else heard_by(live.execution)
        return known


def _known(rows: Iterable[EntryRow]) -> Known:
    known: Known = {}
    for row in rows:
        entry = decode_entry(row.entry)
        told = (entry,) if isinstance(entry, Told) else entry.carried if isinstance(entry, Started) else ()
        for each in told:
            known.setdefault(each.id, None)
        for command in decode_commands(row.commands) if row.commands else ():
            if isinstance(command, UpdateAnswered):
                known[command.id] = command
    return known
