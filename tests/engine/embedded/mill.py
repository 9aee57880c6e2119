"""A mill: two services with books that outlive the process, attempts that end as a script says, a clock that waits."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.engine.embedded.jump_clock import JumpClock
from weft.clock import VirtualClock
from weft.engine.embedded.engine import EmbeddedEngine, Killed
from weft.errors import NotDone, OutcomeUnknown
from weft.flow.ambient import current_call
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.call import Call, Handler, Outcome, Reply
from weft.model.effect import compensated_by, idempotent, irreversible, read
from weft.model.operation import operation
from weft.model.policy import Limits
from weft.model.refusal import Declined
from weft.model.run import RunStatus, RunStory
from weft.model.service import Service
from weft.model.system import System
from weft.model.workflow import Workflow

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
TURNS = 6
LOOK_S = 0.02


class Books:
    """What the services have done, line by line; it outlives every engine of a test."""

    __weft_exactly_once_store__ = True

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.settled: set[str] = set()

    def write(self, line: str) -> None:
        """Note an effect."""
        self.lines.append(line)

    def write_once(self, line: str) -> None:
        """Note an effect unless this very call has been noted before."""
        around = current_call.get()
        assert around is not None, "services write while they work on a call"
        around.participant = _Entry(self, around.call.id, line)

    def settle(self, call_id: str, line: str) -> None:
        """Keep what a call has done, once."""
        if call_id not in self.settled:
            self.settled.add(call_id)
            self.lines.append(line)


class _Entry:
    """A line that is written when its call is over: what a transaction is to a database."""

    def __init__(self, books: Books, call_id: str, line: str) -> None:
        self.books = books
        self.call_id = call_id
        self.line = line

    async def finish(self, outcome: Outcome) -> None:
        """Write the line, where the service has not declined."""
        if isinstance(outcome, Reply):
            self.books.settle(self.call_id, self.line)

    async def abandon(self) -> None:
        """Write nothing."""


class SoldOut(Declined):
    """There is none left."""

    key: str


class Depot(Service, name="depot"):
    """Forgets which calls it has seen: what is sent twice happens twice."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @operation(read, timeout=10 * SECOND)
    async def look(self, key: str) -> int:
        """Count what was put under a key."""
        return self.books.lines.count(f"put {key}")

    @operation(idempotent, give_up_after=MINUTE, raises=SoldOut)
    async def offer(self, key: str) -> None:
        """Put something, but not for ever."""
        self.books.write(f"offer {key}")

    @operation(idempotent)
    async def put(self, key: str) -> str:
        """Put something under a key."""
        if key == "broken" and "put tools" not in self.books.lines:
            raise OSError(28, "no shelf")
        self.books.write(f"put {key}")
        return key

    @operation(idempotent)
    async def give_back(self, key: str) -> None:
        """Undo a take."""
        self.books.write(f"give back {key}")

    @operation(compensated_by(give_back), raises=SoldOut, timeout=10 * SECOND)
    async def take(self, key: str) -> str:
        """Take something."""
        if key == "none":
            raise SoldOut(key)
        self.books.write(f"take {key}")
        return key

    @operation(irreversible)
    async def ship(self, key: str) -> str:
        """Ship something."""
        self.books.write(f"ship {key}")
        return key

    @operation(read)
    async def posted(self, key: str) -> str | None:
        """Tell whether something was posted."""
        return key if f"post {key}" in self.books.lines else None

    @operation(irreversible(asks="posted"))
    async def post(self, key: str) -> str:
        """Post something."""
        self.books.write(f"post {key}")
        return key


class Safe(Service, name="safe", exactly_once=True):
    """Stores outcomes by call id: what is sent twice happens once."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @operation(idempotent)
    async def refund(self, key: str) -> None:
        """Undo a payment."""
        self.books.write_once(f"refund {key}")

    @operation(compensated_by(refund), raises=SoldOut)
    async def pay(self, key: str) -> str:
        """Pay for something."""
        self.books.write_once(f"pay {key}")
        if key == "none":
            raise SoldOut(key)
        return key

    @operation(irreversible)
    async def burn(self, key: str) -> str:
        """Burn something."""
        self.books.write_once(f"burn {key}")
        return key


Step = Callable[[Call, Handler], Awaitable[Outcome]]


async def request_lost(call: Call, _: Handler) -> Outcome:
    """Lose the call on its way to the service."""
    return OutcomeUnknown(f"no word of {call.target}", reason="lost")


async def reply_lost(call: Call, handler: Handler) -> Outcome:
    """Lose the reply on its way back."""
    await handler(call)
    return OutcomeUnknown(f"no word of {call.target}", reason="lost")


async def not_done(call: Call, _: Handler) -> Outcome:
    """Say that the service is away."""
    return NotDone(f"{call.target} is away", reason="away")


async def admission(call: Call, _: Handler) -> Outcome:
    """Turn the call away at the door."""
    return NotDone(f"{call.target} has a queue", reason="admission")


class Gate:
    """Holds an attempt in flight until it is opened; then the step that it stands before happens."""

    def __init__(self, step: Step | None = None) -> None:
        self.waiting = 0
        self._open = asyncio.Event()
        self._step = step

    async def __call__(self, call: Call, handler: Handler) -> Outcome:
        """Wait, then go on."""
        self.waiting += 1
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1
        return await (handler(call) if self._step is None else self._step(call, handler))

    def open(self) -> None:
        """Let the attempt go on."""
        self._open.set()


class Script:
    """A policy: what becomes of attempts, by operation, in order; where nothing is said they go through."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.twice: list[str] = []
        self.gates: list[Gate] = []
        self._steps: dict[str, deque[Step]] = {}
        self._always: dict[str, Step] = {}
        self._under_way: set[str] = set()

    def on(self, name: str, *steps: Step, always: Step | None = None) -> None:
        """Say what becomes of the next attempts of an operation, and of all after them."""
        self._steps[name] = deque(steps)
        self._always.pop(name, None)
        if always is not None:
            self._always[name] = always
        self.gates += [step for step in (*steps, always) if isinstance(step, Gate)]

    def sent(self, name: str) -> list[Call]:
        """Return the attempts of an operation."""
        return [call for call in self.calls if call.operation == name]

    @property
    def held(self) -> int:
        """Return how many attempts stand before a gate."""
        return sum(gate.waiting for gate in self.gates)

    def __call__(self, handler: Handler) -> Handler:
        """Return the handler with the script before it."""

        async def handle(call: Call) -> Outcome:
            self.calls.append(call)
            if call.id in self._under_way:
                self.twice.append(call.id)
            self._under_way.add(call.id)
            steps = self._steps.get(call.operation)
            step = steps.popleft() if steps else self._always.get(call.operation)
            try:
                return await (handler(call) if step is None else step(call, handler))
            finally:
                self._under_way.discard(call.id)

        return handle


class Mill:
    """A System on one store, opened, killed and opened again; books, script and clock stay."""

    def __init__(
        self,
        folder: Path,
        *workflows: Workflow[Any, Any],
        limits: Limits | None = None,
        name: str = "mill",
        clock: VirtualClock | JumpClock | None = None,
        services: Sequence[type[Service]] = (),
    ) -> None:
        self.path = folder / "mill.db"
        self.books = Books()
        self.script = Script()
        self.clock = clock or VirtualClock()
        self.dead = asyncio.Event()
        self.commits = 0
        self.die_at: int | None = None
        self._limits = limits or Limits()
        self._workflows = workflows
        self._name = name
        self._services = services
        self._host: Host | None = None

    @property
    def host(self) -> Host:
        """Return the host of the present life."""
        assert self._host is not None, "the mill is open"
        return self._host

    @property
    def engine(self) -> EmbeddedEngine:
        """Return the engine of the present life."""
        return self.host.engine

    @property
    def books_by_line(self) -> Counter[str]:
        """Return how often each effect happened."""
        return Counter(self.books.lines)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    async def open(self, *workflows: Workflow[Any, Any]) -> None:
        """Open the store, with other workflows where some are given."""
        self._workflows = workflows or self._workflows
        self.dead.clear()
        asyncio.get_running_loop().set_exception_handler(_ignore_killed)
        self._host = Host(
            System(self._name, services=[Depot, Safe, *self._services], workflows=list(self._workflows)),
            settings=Settings(engine=f"sqlite:///{self.path}", limits=self._limits),
            providers={Books: self._provide},
            policies=[self.script],
            clock=self.clock,
        )
        self._host.engine.on_commit = self._on_commit
        await self._host.__aenter__()

    @asynccontextmanager
    async def _provide(self, service: str, url: str) -> AsyncGenerator[Books]:
        del service, url
        yield self.books

    def _on_commit(self, _: int) -> None:
        self.commits += 1
        if self.commits == self.die_at:
            self.dead.set()
            raise Killed

    async def kill(self) -> None:
        """Drop everything as a crash would."""
        await self.host.kill()

    async def close(self) -> None:
        """Close in good order."""
        await self.host.close()

    async def reopen(self, *workflows: Workflow[Any, Any]) -> None:
        """Crash, and come back."""
        await self.kill()
        await self.open(*workflows)

    async def settle(self) -> None:
        """Let everything happen that can without time passing."""
        quiet = 0
        while quiet < TURNS and not self.dead.is_set():
            await asyncio.sleep(0)
            if self.engine.is_quiet(self.clock.parked + self.script.held):
                quiet += 1
                continue
            quiet = 0
            with suppress(TimeoutError):
                await asyncio.wait_for(self.engine.until_changed(), LOOK_S)

    async def spend(self, duration: timedelta) -> None:
        """Let time pass: whatever becomes due happens in order."""
        until_ms = self.clock.now_ms() + duration // timedelta(milliseconds=1)
        await self.settle()
        while (due_ms := self.clock.next_due_ms()) is not None and due_ms <= until_ms and not self.dead.is_set():
            await self.move_to(due_ms)
            await self.settle()
        if self.dead.is_set():
            return  # time stands still while nobody runs: what passes then is for a test to say
        await self.move_to(until_ms)
        await self.settle()

    async def move_to(self, at_ms: int) -> None:
        """Move the clock in a plain callback, as the system's clock does: no run is stepped inside a task."""
        loop = asyncio.get_running_loop()
        loop.call_soon(self.clock.move_to, at_ms, context=Context())
        moved = loop.create_future()
        loop.call_soon(moved.set_result, None)
        await moved

    async def status(self, workflow: Workflow[Any, Any], run_id: str) -> RunStatus:
        """Return where a run stands."""
        return (await self.story(workflow, run_id)).view.status

    async def story(self, workflow: Workflow[Any, Any], run_id: str) -> RunStory:
        """Return the story of a run."""
        return await self.engine.show(workflow.name, run_id)


def _ignore_killed(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), Killed):
        loop.default_exception_handler(context)
