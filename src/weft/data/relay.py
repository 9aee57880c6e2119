"""The relay: carries what waits in an outbox to the engine, once it is committed, in order, and again after a crash."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from weft.data.outbox import Outbox, OutboxRow, claim, settle
from weft.data.port import Store
from weft.flow.ambient import Overtaken
from weft.flow.port import RunsPort
from weft.flow.posting import Destination, carry_out, refusal_text
from weft.model.call import Outcome, Refused, Reply

log = logging.getLogger("weft.data")

POLL_S = 1.0
"""How often is looked for what others have left: other hosts that died, scripts without a host."""

FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
"""Waits after a pass in which something could not leave; each twice the one before."""

TRIES = 20
"""After so many failures that are not the engine's absence a request counts as refused."""

AWAY = frozenset({"StoreFailed", "EngineUnreachable"})
"""Failures that say nothing about the request: the engine is away."""


class OutboxRelay:
    """Look into an outbox after each commit that wrote to it, at the start, and now and then; a `Relay`.

    A request is removed only once the engine has it on disk, so a crash in between sends it again: the engine knows a
    run by its id and a message by its. Time is the machine's and not the clock's: what is waited for is done by others.
    """

    def __init__(self, store: Store, outbox: Outbox, *, port: RunsPort, destination: Destination) -> None:
        self._store = store
        self._port = port
        self._destination = destination
        self._wake = asyncio.Event()
        self._passing = False
        self._closing = False
        self._failures: dict[int, int] = {}
        self._task: asyncio.Task[None] | None = None
        outbox.destination = destination
        outbox.committed = self._wake.set

    @property
    def busy(self) -> bool:
        """Tell whether something is under way, or about to be."""
        return self._task is not None and (self._passing or self._wake.is_set())

    def start(self) -> None:
        """Begin with what was left behind."""
        self._wake.set()
        self._task = asyncio.get_running_loop().create_task(self._run())

    def look(self) -> None:
        """Look at once, instead of after the wait: the engine is back, or somebody has changed the outbox."""
        self._wake.set()

    async def close(self) -> None:
        """End the pass under way, and begin no more."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
            self._task = None

    async def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._closing:
            self._passing = True
            self._wake.clear()
            try:
                all_left = await self._pass()
            finally:
                self._passing = False
            wait_s = FIRST_WAIT_S if all_left else min(2 * wait_s, LONGEST_WAIT_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S if all_left else wait_s):
                    await self._wake.wait()

    async def _pass(self) -> bool:
        """Carry out what may leave, until nothing may; tell whether that is all."""
        try:
            while not self._closing:
                tried, failed = await (self._pass_locked() if self._store.skips_locked else self._pass_looked_up())
                if failed:
                    return False
                if not tried:
                    break
        except (Exception, Overtaken) as error:  # noqa: BLE001 - the border of a task that nobody awaits: it goes on
            log.warning("the outbox of %s cannot be read or written: %s", self._store.name, error)
            return False
        return True

    async def _pass_locked(self) -> tuple[int, int]:
        """Keep rows locked until they are gone, so that no other host takes them."""
        unit = self._store.queue_unit()
        await unit.begin()
        try:
            rows = await unit.ask(claim(self._destination(), skipping=True))
            gone, refused = await self._carry_out(rows)
            await unit.commit(settle(gone, refused))
        except BaseException:
            unit.drop()
            raise
        return len(rows), len(rows) - len(gone) - len(refused)

    async def _pass_looked_up(self) -> tuple[int, int]:
        view = self._store.view("the outbox")
        await view.begin()
        try:
            rows = await view.ask(claim(self._destination(), skipping=False))
        finally:
            view.end()
        gone, refused = await self._carry_out(rows)
        if gone or refused:
            unit = self._store.queue_unit()
            await unit.begin()
            await unit.commit(settle(gone, refused))
        return len(rows), len(rows) - len(gone) - len(refused)

    async def _carry_out(self, rows: list[OutboxRow]) -> tuple[list[int], list[tuple[str, int]]]:
        """Ask the engine for each row, all at once: no two are for one run or from one transaction."""
        asked = (carry_out(self._port, row.request, message_id=row.message_id) for row in rows)
        outcomes = await asyncio.gather(*asked)
        gone: list[int] = []
        refused: list[tuple[str, int]] = []
        for row, outcome in zip(rows, outcomes, strict=True):
            reason = self._reason(row, outcome)
            if isinstance(outcome, Reply):
                gone.append(row.id)
            elif reason:
                log.warning(
                    "%s of %s was refused and stays in %s: %s", row.operation, row.run, self._store.name, reason
                )
                refused.append((reason, row.id))
        return gone, refused

    def _reason(self, row: OutboxRow, outcome: Outcome) -> str:
        """Return why a request can never leave; empty if it has left, or may leave later."""
        if isinstance(outcome, Refused):
            return f"{outcome.kind}: {refusal_text(outcome.data)}"
        if isinstance(outcome, Reply):
            self._failures.pop(row.id, None)
            return ""
        if outcome.reason in AWAY:
            return ""
        self._failures[row.id] = self._failures.get(row.id, 0) + 1
        if self._failures[row.id] < TRIES:
            return ""
        del self._failures[row.id]
        return f"{outcome.reason}: {outcome.what}, {TRIES} times"
