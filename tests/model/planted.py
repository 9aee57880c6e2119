"""Workflows with hazards; each line marked `planted` is one, and no other line is."""

# Planted code, read and never run:
# ruff: noqa: ARG001, ARG002, ASYNC221, ASYNC230, ASYNC240, ASYNC251, B018, D103, DTZ003, DTZ011, PLW0603
# ruff: noqa: PTH118, PTH123, SIM115, T201

import asyncio
import concurrent.futures
import multiprocessing
import os
import random
import secrets
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import randint as roll

import weft
from tests.model import planted_helpers
from tests.model.planted_helpers import Order, Watch, elapsed, label, lookup
from weft import Service, operation, read, workflow

COUNT = 0
CONFIG = Path("config.toml")
GENERATOR = random.Random(7)
GUARD = threading.Lock()
POOL = concurrent.futures.ThreadPoolExecutor
right_now = datetime.now


class Rates(Service):
    """A service, which may do what it likes."""

    @operation(read)
    async def rate(self, currency: str) -> float:
        """Return a rate."""
        return random.random() + time.time()


@workflow
async def reads_clocks(order: Order) -> None:
    time.time()  # planted
    time.perf_counter_ns()  # planted
    datetime.now(UTC)  # planted
    datetime.utcnow()  # planted
    date.today()  # planted
    right_now()  # planted
    time.gmtime()  # planted
    time.gmtime(0)
    datetime.fromtimestamp(0, UTC).isoformat()
    isinstance(order, datetime)
    weft.now() + timedelta(days=1)


@workflow
async def draws_chance(order: Order) -> None:
    random.random()  # planted
    roll(1, 6)  # planted
    secrets.token_hex()  # planted
    os.urandom(8)  # planted
    uuid.uuid4()  # planted
    GENERATOR.choice([1, 2])  # planted
    random.Random()  # planted
    random.Random(weft.random()).choice([1, 2])
    weft.uuid4()
    uuid.uuid5(uuid.NAMESPACE_URL, order.id)


@workflow
async def leaves_the_loop(order: Order) -> None:
    time.sleep(1)  # planted  # real sleep: never run
    threading.Thread(target=print)  # planted
    multiprocessing.Process()  # planted
    concurrent.futures.ThreadPoolExecutor()  # planted
    POOL()  # planted
    with GUARD:  # planted
        pass
    subprocess.run(["true"], check=False)  # planted
    await asyncio.to_thread(print)  # planted
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, print)  # planted
    await asyncio.get_event_loop().run_in_executor(None, print)  # planted
    asyncio.run(asyncio.sleep(1))  # planted
    await asyncio.open_connection("example.com", 80)  # planted
    try:
        await asyncio.sleep(1)
    except (subprocess.CalledProcessError, socket.gaierror, concurrent.futures.TimeoutError):
        loop.time()


@workflow
async def touches_the_world(order: Order) -> None:
    os.environ["HOME"]  # planted
    os.getenv("HOME")  # planted
    open("file")  # planted
    CONFIG.read_text()  # planted
    socket.create_connection(("example.com", 80))  # planted
    os.path.join("a", "b")
    print(CONFIG.name)


@workflow
async def keeps_outside(order: Order) -> None:
    global COUNT
    COUNT += 1  # planted
    planted_helpers.FLAG = True  # type: ignore[attr-defined]  # planted
    lookup("a")


@workflow
async def goes_far(order: Order) -> None:
    import time as clock  # noqa: PLC0415 - also names bound inside are resolved
    from time import monotonic  # noqa: PLC0415 - as above

    clock.time()  # planted
    monotonic()  # planted
    label()
    elapsed()
    Watch()
    order.age
    order.due(weft.now())
    Order.new()
    Order("o-2")  # planted
    [time.time() for _ in range(3)]  # planted

    async def inner() -> AsyncIterator[float]:
        yield time.time()  # planted


@workflow
async def waits(order: Order, *, rates: Rates) -> None:
    for first in asyncio.as_completed([rates.rate("EUR"), rates.rate("USD")]):  # planted
        await first
    for first in asyncio.as_completed([asyncio.create_task(rates.rate(each)) for each in ("EUR", "USD")]):
        await first
    await asyncio.wait({asyncio.gather(rates.rate("EUR")), asyncio.gather(rates.rate("USD"))})  # type: ignore[type-var]  # planted
    await asyncio.gather(rates.rate("EUR"), rates.rate("USD"))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(rates.rate("EUR"))
