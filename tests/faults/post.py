"""A post office that counts what reaches it, behind a plan of faults on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

from weft.clock import VirtualClock
from weft.data import Database
from weft.faults.plan import Plan
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.operation import operation
from weft.model.refusal import Declined
from weft.model.service import Service
from weft.model.system import System

ARRIVED = Reply(b'"arrived"')


class Lost(Declined):
    """The parcel is not there."""

    parcel: str


class Post(Service, name="post"):
    """Takes parcels; outcomes are stored by nobody."""

    @operation(read)
    async def where(self, parcel: str) -> str:
        """Find a parcel."""
        return parcel

    @operation(idempotent)
    async def label(self, parcel: str, text: str) -> str:
        """Label a parcel."""
        return parcel + text

    @operation(idempotent)
    async def take_back(self, parcel: str) -> None:
        """Undo a hand-over."""

    @operation(compensated_by(take_back), raises=Lost)
    async def hand_over(self, parcel: str) -> str:
        """Hand a parcel over."""
        return parcel

    @operation(irreversible)
    async def send(self, parcel: str) -> str:
        """Send a parcel off."""
        return parcel


class FastPost(Service, name="fast-post", exactly_once=True):
    """Takes parcels, and knows each call again."""

    def __init__(self, db: Database) -> None:
        self.db = db

    @operation(irreversible)
    async def send(self, parcel: str) -> str:
        """Send a parcel off."""
        return parcel


class CityPost(Post, name="post"):
    """Carries out the contract of the post."""

    async def where(self, parcel: str) -> str:
        """Find a parcel in the city."""
        return parcel


office = System("office", services=[CityPost])


class Counter:
    """What stands behind the faults: answers at once and keeps what arrived."""

    def __init__(self, system: System = office, *, seed: int = 7) -> None:
        self.system = system
        self.clock = VirtualClock()
        self.plan = Plan(system, seed=seed, clock=self.clock)
        self.arrived: list[Call] = []
        self.send: Handler = self.plan(self.answer)

    async def answer(self, call: Call) -> Outcome:
        """Answer at once."""
        self.arrived.append(call)
        return ARRIVED

    async def pass_time(self, milliseconds: int) -> None:
        """Let everything come as far as it can, move the clock, and do so again."""
        await give_way()
        self.clock.move_to(self.clock.now_ms() + milliseconds)
        await give_way()


async def give_way() -> None:
    """Let every task come as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def call(target: str, *arguments: object, system: System = office, **fields: Any) -> Call:
    """Return a call as a run would make it."""
    service, _, name = target.partition(".")
    data = system.operations[target].parameters.encode_arguments(arguments, {})
    fields.setdefault("id", f"chain/0/0/{target}.1")
    return Call(service=service, operation=name, arguments=data, **fields)
