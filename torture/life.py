"""One life of the market: a process that starts what is not started, waits for all of it, and is killed on its way."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from torture.basket import Add, Basket, Full, basket, filled
from torture.clock import JumpyClock
from torture.services import BASKET, Order
from torture.stories import approval, branching, children_of, family, market, nap, purchase, visit
from weft import Host, RunFailed, RunNotFound
from weft.faults.plan import Plan
from weft.host.settings import Settings

SPEED = 100
"""How much faster than the world the market lives."""

PLANS = ("plain", "together", "broke", "sold out", "regret", "torn box", "slow box")
OTHERS = (approval, branching, family, visit, nap)
ASKED = 8
"""Things that the customers of each life see that they are in the basket."""

LOOK_S = 0.5
LATEST_JUMP_S = 0.3
JUMPS_MS = (-20_000, -500, 900, 40_000, 3_600_000, 86_400_000)


@dataclass(frozen=True, slots=True)
class Life:
    """What one life is told.

    Attributes:
        seed: of its round.
        start_ms: the wall time when it begins.
        orders: purchases, one for each plan in turn.
        faults: the fraction of attempts that meet a fault.
        jump: how far its clock jumps, and after how many real seconds; nothing for a clock that only runs.
        moment: `commit` or `reply` for a planned death; empty for none.
        count: of commits, or of effects, until then.
    """

    seed: int
    start_ms: int
    orders: int
    faults: float
    jump: tuple[int, float] | None = None
    moment: str = ""
    count: int = 0


def orders_of(life: Life) -> list[Order]:
    """Return the purchases of a round."""
    return [Order(f"order {number}", PLANS[number % len(PLANS)]) for number in range(life.orders)]


def others_of(life: Life) -> list[tuple[Any, Order]]:
    """Return the other runs of a round, with their workflows."""
    return [(each, Order(f"{each.name} {number}")) for each in OTHERS for number in range(max(1, life.orders // 7))]


def jump_of(chance: Random) -> tuple[int, float]:
    """Return how far a clock jumps, and when."""
    return chance.choice(JUMPS_MS), chance.uniform(0, LATEST_JUMP_S)


async def live(folder: Path, life: Life) -> None:
    """Live until every run has ended."""
    clock = JumpyClock(life.start_ms, speed=SPEED)
    settings = Settings(engine=f"sqlite:///{folder}/engine.db")
    faults = Plan.from_rate(market, life.faults, seed=life.seed, clock=clock)
    host = Host(market, settings=settings, policies=[faults], clock=clock, witness=_assassin(life))
    if life.moment == "commit":
        host.engine.on_commit = lambda commits: die() if commits >= life.count else None
    if life.jump is not None:
        by_ms, after_s = life.jump
        asyncio.get_running_loop().call_later(after_s, clock.jump, by_ms)
    watch = asyncio.ensure_future(_die_with(os.getppid()))
    async with host:
        kept = await host.start(basket, Basket(), id=BASKET)
        await asyncio.gather(_others(host, life), *(_ask(host, folder, f"asked {number}") for number in range(ASKED)))
        (folder / "settled").touch()
        await kept.result()
    watch.cancel()


async def _die_with(parent: int) -> None:
    """Kill this process once its parent is gone: nobody would count it any more."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells a process of the end of its parent
        await asyncio.sleep(LOOK_S)
    die()


async def _others(host: Host, life: Life) -> None:
    await asyncio.gather(
        *(_run(host, purchase, order) for order in orders_of(life)),
        *(_run(host, flow, order) for flow, order in others_of(life)),
    )


async def _run(host: Host, flow: Any, order: Order) -> None:
    run = await host.start(flow, order, id=order.key)
    with suppress(RunFailed):
        await run.result()
    for child in children_of(order) if flow is family else ():
        with suppress(RunFailed, RunNotFound):  # what it abandons nobody else waits for
            await host.find(nap, child).result()


async def _ask(host: Host, folder: Path, key: str) -> None:
    """Put a thing into the basket, and write down that it was said to be there."""
    kept = host.find(basket, BASKET)
    with suppress(Full):
        await kept.ask(Add(f"{key}!"), id=f"{key}!")
    await kept.ask(Add(key), id=key)
    await kept.read(filled)
    with (folder / "acknowledged").open("a") as file:
        file.write(f"{key}\n")


def _assassin(life: Life) -> Any:
    """Return what ends this process between the commit of a service's N-th effect and its reply."""
    effects = itertools.count(1)

    def witness(call: Any, ending: Any) -> None:
        del call
        if life.moment == "reply" and ending.value == "applied" and next(effects) >= life.count:
            die()

    return witness


def die() -> None:
    """End this process, and all of its group, as `kill -9` does."""
    os.killpg(os.getpgrp(), signal.SIGKILL)
