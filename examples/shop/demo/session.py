"""One session of the demo: from the store's memory, through all orders, to the report."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from examples.shop.books.compare import Books, compare
from examples.shop.books.expected import read_file
from examples.shop.books.places import servers_named
from examples.shop.books.written import SERVICES, read_store
from examples.shop.demo.drive import Drive, Tally
from examples.shop.demo.memory import Memory, StoreMismatch, recall, remember
from examples.shop.demo.options import Options
from examples.shop.demo.report import Report
from examples.shop.demo.timelines import tell
from examples.shop.demo.watch import Watch
from examples.shop.demo.weather import weather
from examples.shop.feed.lines import read_lines
from examples.shop.feed.requests import requests
from examples.shop.feed.survey import Kind, Survey, survey
from examples.shop.system import shop
from weft import Host

SIGNALLED = 128
"""Exit codes of processes that a signal stopped are this and the signal's number."""

ON_A_SERVER = (
    "--fresh forgets files, and settings put databases of services on a server: empty it there, remove the store's "
    "folder, and leave --fresh away"
)

T = TypeVar("T")


class Stopped(Exception):
    """A signal asked the demo to stop, and it has stopped in order."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.exit_code = SIGNALLED + number


async def run(options: Options, talk: Console) -> Report:
    """Run or carry on a demo, and return its report.

    Raises:
        StoreMismatch: The store holds something else, or is not only files.
        InputInvalid: The file does not parse; the store is as it was.
        Stopped: A signal came.
    """
    if options.fresh and _servers():
        raise StoreMismatch(ON_A_SERVER)
    memory = recall(options)
    found = survey(read_lines(Path(memory.input)))
    total = min(memory.orders or found.kinds[Kind.ORDER], found.kinds[Kind.ORDER])
    if memory.finished >= total:
        talk.print(
            f"Nothing to do: all {memory.finished:,} orders in {options.store} have ended. --fresh begins anew.",
            soft_wrap=True,
        )
        memory = replace(memory, orders=memory.finished)
        return Report(memory, _books(options.store, memory, memory.finished), already=True)
    remember(options.store, memory)
    tally, memory = await _stoppable(_work(options, memory, found=found, total=total, talk=talk))
    books = _books(options.store, memory, total)
    if not tally.failed:
        memory = replace(memory, finished=total)
        remember(options.store, memory)
    return Report(memory, books, tally)


async def _work(options: Options, memory: Memory, *, found: Survey, total: int, talk: Console) -> tuple[Tally, Memory]:
    watch = Watch()
    watch.repaired.extend(memory.repaired)
    policies = (watch.policy, weather(shop, memory.faults, seed=memory.seed))
    folder = str(options.store.absolute())
    named = os.environ.get("WEFT_ENGINE", "")
    # Runs may be kept by a Temporal server; the services' books lie in the store all the same.
    engine = named if named.startswith("temporal:") else f"sqlite:///{folder}/engine.db"
    witness = watch.witness if options.crash_at_reply is None else _assassin(options.crash_at_reply)
    async with Host(shop, engine=engine, store=folder, policies=policies, witness=witness) as host:
        if options.crash_at is not None:
            host.embedded.on_commit = _killer(options.crash_at)
        note_repair = _noting(options.store, memory)
        begun = time.monotonic()
        with _bar(talk) as bar:
            task = bar.add_task("", total=total, outcomes="", rate="")

            def progressed(tally: Tally) -> None:
                # What had ended before this process began is no work of its own.
                rate = min(len(watch.orders), len(tally.ended)) / max(time.monotonic() - begun, 1e-3)
                words = " · ".join(f"{name} {count:,}" for name, count in tally.outcomes.most_common())
                bar.update(task, completed=len(tally.ended), outcomes=words, rate=f"{rate:,.0f}/s")
                note_repair(watch.repaired)

            drive = Drive(host, progressed=progressed)
            await drive.open_shop(found)
            await drive.feed(requests(read_lines(Path(memory.input)), found, orders=total))
        took = time.monotonic() - begun
        telling = await tell(drive.tally, watch, host.engine)
    memory = replace(
        memory,
        orders_per_s=len(watch.orders) / took,
        retries=watch.retries,
        telling=telling,
        repaired=tuple(watch.repaired),
    )
    return drive.tally, memory


def _noting(store: Path, memory: Memory) -> Callable[[list[str]], None]:
    """Return what notes the first repaired order at once: whoever is killed later still knows one."""
    noted = bool(memory.repaired)

    def note(repaired: list[str]) -> None:
        nonlocal noted
        if repaired and not noted:
            noted = True
            remember(store, replace(memory, repaired=tuple(repaired)))

    return note


def _bar(talk: Console) -> Progress:
    return Progress(
        TextColumn("orders"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[outcomes]}"),
        console=talk,
        refresh_per_second=4,
    )


def _books(store: Path, memory: Memory, orders: int) -> Books:
    """Compute the books a second time, from the file."""
    expected = read_file(Path(memory.input), orders=orders)
    return compare(expected, read_store(store, _servers()), refusals=memory.faults > 0)


def _servers() -> dict[str, str]:
    """Return the URLs of services whose databases are on a server, as the host will read them."""
    return servers_named(SERVICES, environ=os.environ, file=Path("weft.toml"))


def _killer(at: int) -> Callable[[int], None]:
    """Return what kills this process, as kill -9 does, once so many commits were made and before anybody hears."""

    def on_commit(commits: int) -> None:
        if commits >= at:
            os.kill(os.getpid(), signal.SIGKILL)

    return on_commit


async def _stoppable(work: Coroutine[Any, Any, T]) -> T:
    """Await the work; the first SIGINT or SIGTERM lets it end in order, the second ends the process.

    Raises:
        Stopped: A signal came.
    """
    task = asyncio.ensure_future(work)
    received: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        if received:
            os._exit(SIGNALLED + number)  # an orderly exit would wait for what does not end
        received.append(number)
        task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Stopped(received[0]) from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _assassin(at: int) -> Any:
    """Return what kills this process between the commit of a service's N-th effect and its reply."""
    effects = itertools.count(1)

    def witness(call: Any, ending: Any) -> None:
        del call
        if ending.value == "applied" and next(effects) >= at:
            os.kill(os.getpid(), signal.SIGKILL)

    return witness
