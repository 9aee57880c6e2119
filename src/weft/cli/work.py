"""A host at work for the command line: until the runs of an input have ended, or until it is stopped."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter, deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from weft.cli import exits, texts
from weft.cli.inputs import Planned
from weft.cli.output import put_json, say, shown
from weft.cli.progress import Progress
from weft.clock import SystemClock
from weft.errors import RunCancelled, RunFailed, RunTerminated, StoreFailed, WeftError
from weft.host.host import Host
from weft.host.lifecycle import StopSignals
from weft.host.settings import Settings, masked
from weft.model.queueing import FIRST_COME, Queueing
from weft.model.run import RunStatus
from weft.model.spec import WorkflowSpec
from weft.model.system import System

T = TypeVar("T")

AT_ONCE = 1_000
"""Runs that are started and waited for at one time."""

LINGER_S = 1.0
"""How long one run is waited for before the next has its turn: one that sleeps for a week holds nobody up."""

LOOK_S = 0.2
"""How often is looked whether the engine has failed."""

NOT_STARTED = "not started"


async def serve(system: System, settings: Settings) -> int:
    """Work until SIGTERM or SIGINT, then drain.

    Raises:
        StoreOwned, StoreNewer, StoreOfOtherSystem, StoreFailed: The store cannot be taken, or a commit failed.
    """
    async with StopSignals() as signals:
        async with Host(system, settings=settings) as host:
            where = masked(settings.engine)
            say(texts.SERVING.format(system=system.name, engine=where, process=os.getpid()))
            await _unless_failed(host, signals.wait())
            say(texts.DRAINING)
        say(texts.STOPPED)
    return exits.FINE


async def work_off(
    system: System,
    spec: WorkflowSpec,
    plan: Sequence[Planned],
    *,
    settings: Settings,
    out: TextIO,
    queueing: Queueing = FIRST_COME,
) -> int:
    """Start a run for each input, wait for their ends, and write each as one line, in the order of the inputs.

    Args:
        system: what works.
        spec: the workflow of the runs.
        plan: their ids and inputs.
        settings: where the store is.
        out: where the lines go.
        queueing: when their turn comes; inputs may have keys of their own.

    Raises:
        StoreOwned, StoreNewer, StoreOfOtherSystem, StoreFailed: The store cannot be taken, or a commit failed.
    """
    work = _Work(plan, spec.name, out=out, queueing=queueing.since(SystemClock().now_ms()))
    async with StopSignals() as signals:
        async with Host(system, settings=settings) as host:
            done = asyncio.create_task(_unless_failed(host, work.finish(host)))
            stopped = asyncio.create_task(signals.wait())
            await asyncio.wait({done, stopped}, return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not done.done():
                say(texts.DRAINING)
                done.cancel()
                await asyncio.wait({done})
        if not done.cancelled():
            await done  # raises what ended it
    return work.close()


async def _unless_failed(host: Host, waiting: Awaitable[T]) -> T:
    """Wait for something, or for the engine to fail: without its disk nothing it waits for will come."""
    task = asyncio.ensure_future(waiting)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LOOK_S)
            if host.engine.failed is not None:
                raise host.engine.failed
        return await task
    finally:
        task.cancel()


@dataclass(slots=True)
class _Waited:
    """One input on its way."""

    index: int
    planned: Planned
    started: bool = False
    told: bool = False


@dataclass(slots=True)
class _Ends:
    """What ended, kept until it is its turn to be written; `out` is where."""

    out: TextIO
    lines: dict[int, dict[str, object]] = field(default_factory=dict[int, dict[str, object]])
    written: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])

    def add(self, index: int, line: dict[str, object]) -> None:
        self.lines[index] = line
        self.counts[str(line["status"])] += 1
        while self.written in self.lines:
            put_json(self.lines.pop(self.written), to=self.out)
            self.written += 1
        self.out.flush()

    def flush(self) -> None:
        for index in sorted(self.lines):
            put_json(self.lines.pop(index), to=self.out)


class _Work:
    """Inputs becoming runs becoming lines."""

    def __init__(self, plan: Sequence[Planned], workflow: str, *, out: TextIO, queueing: Queueing) -> None:
        self._workflow = workflow
        self._queueing = queueing
        self._count = len(plan)
        self._todo = deque(_Waited(index, planned) for index, planned in enumerate(plan))
        self._unstarted = len(plan)
        self._ends = _Ends(out)
        self._progress = Progress(len(plan), workflow)

    async def finish(self, host: Host) -> None:
        """Wait until every run has ended, or stands blocked."""
        turns = [asyncio.create_task(self._take_turns(host)) for _ in range(min(AT_ONCE, self._count))]
        try:
            await asyncio.gather(*turns)
        finally:
            for turn in turns:
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)

    async def _take_turns(self, host: Host) -> None:
        while self._todo:
            item = self._todo.popleft()
            line = await self._end_of(item, host)
            if line is None:
                self._todo.append(item)
            else:
                name = {"workflow": self._workflow, "id": item.planned.id}
                self._ends.add(item.index, name | line)
                self._progress.show(self._ends.counts)

    async def _end_of(self, item: _Waited, host: Host) -> dict[str, object] | None:
        """Return how a run ended, or nothing if it has not yet."""
        run_id = item.planned.id
        try:
            if not item.started:
                queueing = self._queueing._replace(key=item.planned.key or self._queueing.key)
                await host.engine.start(self._workflow, run_id, item.planned.data, queueing=queueing)
                item.started = True
                self._unstarted -= 1
            async with asyncio.timeout(LINGER_S):
                result = await host.engine.result(self._workflow, run_id)
        except TimeoutError:
            self._say_started()
            return await self._standing(item, host)
        except RunFailed as error:
            return {"status": _status_of(error).label, "error": {"code": error.code, "what": error.what}}
        except StoreFailed:
            raise
        except WeftError as error:
            self._unstarted -= 1
            return {"status": NOT_STARTED, "error": {"code": error.code, "what": error.what}}
        return {"status": RunStatus.COMPLETED.label, "result": json.loads(result)}

    def _say_started(self) -> None:
        """Say once that everything is on disk and only time is needed: whoever waits may look with other commands."""
        if self._unstarted == 0:
            self._unstarted = -1
            self._progress.clear()
            say(texts.STARTED.format(workflow=self._workflow))

    async def _standing(self, item: _Waited, host: Host) -> dict[str, object] | None:
        """Look at a run that takes its time: a blocked one waits for other code, which this process does not have."""
        view = (await host.engine.show(self._workflow, item.planned.id)).view
        if view.status is RunStatus.BLOCKED:
            return {"status": view.status.label, "error": {"code": "", "what": view.reason}}
        if view.status is RunStatus.NEEDS_ATTENTION and not item.told:
            item.told = True
            self._progress.clear()
            say(texts.NEEDS_ATTENTION.format(workflow=view.workflow, id=view.id, reason=shown(view.reason)))
        return None

    def close(self) -> int:
        """Write what is left, say how it went, and return the exit code."""
        self._ends.flush()
        self._progress.clear()
        counts = self._ends.counts
        if not self._count:
            say(texts.NO_INPUTS)
        ended = ", ".join(f"{count:,} {status}" for status, count in sorted(counts.items()))
        if open_runs := self._count - counts.total():
            say(texts.INTERRUPTED_RUNS.format(ended=ended or texts.NONE, count=open_runs, workflow=self._workflow))
        elif self._count:
            say(texts.ALL_ENDED.format(workflow=self._workflow, ended=ended))
        fine = counts[RunStatus.COMPLETED.label] == self._count
        return exits.FINE if fine else exits.FINDING


def _status_of(error: RunFailed) -> RunStatus:
    match error:
        case RunCancelled():
            return RunStatus.CANCELLED
        case RunTerminated():
            return RunStatus.TERMINATED
        case _:
            return RunStatus.FAILED
