"""Drive a file through the shop: orders side by side, each customer's returns after the orders they refer to."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from examples.shop.feed.shelf import opening_plans
from examples.shop.feed.survey import Survey
from examples.shop.values import CustomerId, Ended, Order, OrderId, ReturnRequest, Settled
from examples.shop.workflows.cancel_or_return import cancel_or_return
from examples.shop.workflows.place_order import place_order
from examples.shop.workflows.restock import restock
from weft import Run, RunFailed, Runs

AT_ONCE = 256
"""Runs under way at once; orders that are on hold are not counted, since all they do is wait."""


@dataclass(slots=True)
class Tally:
    """What came of the requests so far.

    Attributes:
        outcomes: orders by how they ended, counted as they do.
        failed: runs that ended in an error, with its text; no business outcome is one.
    """

    ended: dict[OrderId, Ended] = field(default_factory=dict[OrderId, Ended])
    outcomes: Counter[str] = field(default_factory=Counter[str])
    settled: list[Settled] = field(default_factory=list[Settled])
    failed: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def refusals(self) -> Counter[str]:
        """Returns by the reasons for which parts of them were refused."""
        return Counter(reason.value for settled in self.settled for reason in settled.refused)

    @property
    def net(self) -> dict[str, Decimal]:
        """What the shop kept of each order's money, as the workflows say."""
        net: dict[str, Decimal] = {name: ended.net for name, ended in self.ended.items()}
        for settled in self.settled:
            for refund in settled.refunds:
                net[refund.order_id] = net.get(refund.order_id, Decimal("0.00")) - refund.amount
        return net


class Drive:
    """Starts a run for each request and waits for its end.

    Everything is started under an id of the file, so that a drive may be repeated from the beginning after a crash:
    what has been started is found, what has ended answers at once.
    """

    def __init__(self, runs: Runs, *, progressed: Callable[[Tally], None]) -> None:
        self.tally = Tally()
        self._runs = runs
        self._progressed = progressed
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._earlier: defaultdict[CustomerId, list[asyncio.Task[None]]] = defaultdict(list)
        self._started: dict[OrderId, asyncio.Future[None]] = {}

    async def open_shop(self, found: Survey) -> None:
        """Fill the shelf for the whole file, and wait until that is done."""
        for plan in opening_plans(found):
            run = await self._runs.start(restock, plan, id=plan.id)
            await run.result()

    async def feed(self, requests: Iterable[Order | ReturnRequest]) -> None:
        """Run all requests to their ends."""
        async with asyncio.TaskGroup() as group:
            for request in requests:
                await self._turns.acquire()
                before = self._earlier[request.customer] if request.customer else []
                if isinstance(request, ReturnRequest):
                    task = group.create_task(self._return(request, tuple(before)))
                    before[:] = [task]
                elif request.hold:
                    # It waits for the return that cancels it: no return may wait for it.
                    self._started[request.id] = asyncio.get_running_loop().create_future()
                    group.create_task(self._held_order(request))
                else:
                    before.append(group.create_task(self._order(request)))

    async def _order(self, order: Order) -> None:
        try:
            run = await self._runs.start(place_order, order, id=order.id)
            await self._end(run)
        finally:
            self._turns.release()

    async def _held_order(self, order: Order) -> None:
        try:
            run = await self._runs.start(place_order, order, id=order.id)
        finally:
            self._turns.release()
        self._started[order.id].set_result(None)
        await self._end(run)

    async def _end(self, run: Run[Ended]) -> None:
        try:
            ended = await run.result()
            self.tally.ended[ended.order_id] = ended
            self.tally.outcomes[ended.ending.value] += 1
        except RunFailed as error:
            self.tally.failed[run.id] = error.what
        self._progressed(self.tally)

    async def _return(self, request: ReturnRequest, before: tuple[asyncio.Task[None], ...]) -> None:
        try:
            if before:
                await asyncio.wait(before)
            if request.cancels is not None:
                await self._started[request.cancels]
            run = await self._runs.start(cancel_or_return, request, id=request.id)
            self.tally.settled.append(await run.result())
        except RunFailed as error:
            self.tally.failed[request.id] = error.what
        finally:
            self._turns.release()
        self._progressed(self.tally)
