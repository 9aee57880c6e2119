"""A pure execution driven by hand: told entries, its answers kept, built again from its journal at any point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tests.engine.execution.desk import ENCODED_TAKEN, Desk
from weft.codec import codec_for
from weft.engine.execution.commands import (
    CallAbandoned,
    CallIssued,
    Command,
    RunContinued,
    RunEnded,
    StateShown,
    TimerCancelled,
    TimerSet,
    UpdateAnswered,
)
from weft.engine.execution.entries import CancelAsked, Ended, Entry, Skipped, Started, TimerFired, Told
from weft.engine.execution.execution import DEFAULT_LIMITS, Execution, Identity
from weft.engine.execution.loop import DRAIN_LIMIT
from weft.engine.execution.program import Program
from weft.flow.proxy import make_proxy
from weft.ids import SeededIds
from weft.model.call import Call, Outcome
from weft.model.message import Message
from weft.model.operation import Operation
from weft.model.policy import Limits
from weft.model.problem import Problem
from weft.model.resolve import resolve_workflow
from weft.model.run import RunStatus
from weft.model.spec import WorkflowSpec
from weft.model.system import System
from weft.model.workflow import Workflow

SEED = b"sixteen bytes ok"
START_MS = 1_000_000
NAME = "desk."


class Step(NamedTuple):
    """One entry of a journal with its time and the commands it was answered with."""

    entry: Entry
    at_ms: int
    commands: list[Command]


class Settings(NamedTuple):
    """What an execution is built from besides its journal."""

    run_id: str = "1"
    epoch: int = 0
    seed: bytes = SEED
    input: bytes = b"0"
    limits: Limits = DEFAULT_LIMITS
    drain_limit: int = DRAIN_LIMIT
    start: dict[str, Any] = {}  # noqa: RUF012 - never changed


DEFAULTS = Settings()


class Driver:
    """An execution with its journal, and what an engine would know of it: open calls and timers.

    Calls are named by their path without the service: `reserve.1`, `task.2/charge.1`, `reserve.1~undo`.
    """

    def __init__(
        self, flow: Workflow[Any, Any], settings: Settings = DEFAULTS, *, journal: Sequence[Step] = ()
    ) -> None:
        self.flow = flow
        self.settings = settings
        self.execution = build(flow, settings)
        self.journal: list[Step] = []
        self.open: dict[str, CallIssued] = {}
        self.abandoned: list[str] = []
        self.timers: dict[str, int] = {}
        self.shown: dict[str, bytes] = {}
        self.issued: list[str] = []
        self.ended: RunEnded | None = None
        self.answers: list[UpdateAnswered] = []
        self.continued: RunContinued | None = None
        self.now_ms = START_MS
        for step in journal:
            self.execution.replay(step.entry, step.at_ms, step.commands)
            self._note(step)

    # What it is told.

    def start(self) -> Driver:
        """Tell the start."""
        limit = self.settings.limits.journal_entries
        started = Started(self.settings.input, self.settings.seed, "3.11", journal_entries=limit)
        self.tell(msgspec.structs.replace(started, **self.settings.start), self.now_ms)
        return self

    def tell(self, entry: Entry, at_ms: int | None = None) -> list[Command]:
        """Tell an entry, a millisecond after the one before if no time is given."""
        at_ms = self.now_ms + 1 if at_ms is None else at_ms
        step = Step(entry, at_ms, self.execution.tell(entry, at_ms))
        self._note(step)
        return step.commands

    def reply(self, path: str, value: Any = 1) -> Driver:
        """End a call with a reply; an undo with none."""
        data = b"null" if "~undo" in path else codec_for(int).encode(value)
        self.tell(Ended(full(path), "reply", data))
        return self

    def refuse(self, path: str) -> Driver:
        """End a call with a refusal."""
        self.tell(Ended(full(path), "refused", ENCODED_TAKEN, "Taken"))
        return self

    def not_done(self, path: str) -> Driver:
        """End a call that certainly did not happen."""
        self.tell(Ended(full(path), "not-done", name="lost", text="it did not arrive"))
        return self

    def unknown(self, path: str) -> Driver:
        """End a call that may have happened."""
        self.tell(Ended(full(path), "unknown", name="timeout", text="no answer"))
        return self

    def fire(self, path: str = "") -> Driver:
        """Let the timer come due that is due first, or a certain one."""
        path = path or min(self.timers, key=lambda path: (self.timers[path], path))
        self.tell(TimerFired(path), self.timers[path])
        return self

    def send(self, signal: Message, *, at_ms: int | None = None) -> Driver:
        """Tell a message."""
        kind = type(signal)
        self.tell(Told(kind.__name__, codec_for(kind).encode(signal), f"m{len(self.journal)}"), at_ms)
        return self

    def cancel(self, why: str = "enough") -> Driver:
        """Ask the run to cancel."""
        self.tell(CancelAsked("somebody", why))
        return self

    def skip(self, path: str, reply: bytes | None = None) -> Driver:
        """Give a call up as an operator does."""
        self.tell(Skipped(full(path), "operator", "because", reply))
        return self

    # What is seen of it.

    @property
    def calls(self) -> list[str]:
        """Return the calls without an outcome, by name, sorted."""
        return sorted(short(path) for path in self.open)

    @property
    def undos(self) -> list[str]:
        """Return which calls were undone, in the order in which their undos were issued."""
        return [path.removesuffix("~undo") for path in self.issued if path.endswith("~undo")]

    @property
    def status(self) -> RunStatus | None:
        """Return the final status, or nothing while the run goes on."""
        return None if self.ended is None else self.ended.final

    @property
    def result(self) -> Any:
        """Return the run's result."""
        assert self.ended is not None, f"the run waits for {self.calls}, {self.timers}"
        assert self.ended.final is RunStatus.COMPLETED, self.ended
        return spec_of(self.flow).result.decode(self.ended.data)

    @property
    def failure(self) -> str:
        """Return the kind and text of the exception that ended the run."""
        assert self.ended is not None, f"the run waits for {self.calls}, {self.timers}"
        return f"{self.ended.kind}: {self.ended.text}"

    def again(self, count: int | None = None) -> Driver:
        """Return a driver that was built from the first `count` steps of the journal; from all if none is given."""
        return Driver(self.flow, self.settings, journal=self.journal[:count])

    def evict(self) -> list[object]:
        """Drop the execution from memory; return what is still suspended of it, which should be nothing."""
        coroutines = [task.get_coro() for task in self.execution.loop.tasks]
        self.execution.evict()
        return [coro for coro in coroutines if getattr(coro, "cr_frame", None) is not None]

    def _note(self, step: Step) -> None:
        self.journal.append(step)
        self.now_ms = max(self.now_ms, step.at_ms)
        match step.entry:
            case Ended(path=path) | Skipped(path=path):
                self.open.pop(path, None)
            case TimerFired(path=path):
                del self.timers[path]
            case _:
                pass
        for command in step.commands:
            self._note_command(command)

    def _note_command(self, command: Command) -> None:
        match command:
            case CallIssued(path=path):
                assert short(path) not in self.issued, f"{path} was issued twice"
                self.open[path] = command
                self.issued.append(short(path))
            case CallAbandoned(path=path):
                self.abandoned.append(short(path))
                if self.open[path].target == "desk.look":
                    del self.open[path]
            case TimerSet(path=path, due_ms=due_ms):
                self.timers[path] = due_ms
            case TimerCancelled(path=path):
                del self.timers[path]
            case StateShown(name=name, data=data):
                self.shown[name] = data
            case UpdateAnswered():
                self.answers.append(command)
            case RunContinued():
                assert self.continued is None, "a generation ends once"
                self.continued = command
            case RunEnded():
                assert self.ended is None, "a run ends once"
                self.ended = command


Begin = Callable[..., Driver]
"""The fixture's type: begin a run of a workflow and return its driver; all promises are checked when the test ends."""


def full(path: str) -> str:
    """Return the structural path of a call that is named without its service."""
    head, slash, tail = path.rpartition("/")
    return path if tail.startswith(NAME) else f"{head}{slash}{NAME}{tail}"


def short(path: str) -> str:
    """Return the name of a call: its path without the service."""
    return path.replace(NAME, "")


def crash_everywhere(driver: Driver) -> None:
    """Check that a run which loses its memory after any entry, or after every entry, goes on as if it had not."""
    journal = driver.journal
    for count in range(len(journal)):
        again = driver.again(count)
        for step in journal[count:]:
            answer = again.execution.tell(step.entry, step.at_ms)
            assert answer == step.commands, f"crash at {count}: {step.entry} -> {answer}, not {step.commands}"
        assert again.evict() == [], f"suspended after eviction at entry {count}"
        once_more = driver.again(count)
        assert once_more.tell(journal[count].entry, journal[count].at_ms) == journal[count].commands
        assert once_more.evict() == [], f"suspended after eviction at entry {count}"


def spec_of(flow: Workflow[Any, Any]) -> WorkflowSpec:
    """Return a workflow as a System knows it, but for the look at its source: here the loop itself must refuse."""
    if flow not in _specs:
        problems: list[Problem] = []
        _specs[flow] = resolve_workflow(flow, problems)
        assert problems == [], [str(problem) for problem in problems]
    return _specs[flow]


def build(flow: Workflow[Any, Any], settings: Settings) -> Execution:
    """Return a fresh execution."""
    spec = spec_of(flow)
    operations = _desk.services["desk"].operations
    services = {
        name: make_proxy(kind, operations, send=_nowhere, ids=SeededIds(1)) for name, kind in spec.services.items()
    }
    identity = Identity(flow.name, settings.run_id, f"chain-{settings.run_id}", epoch=settings.epoch)
    limits, drain_limit = settings.limits, settings.drain_limit
    return Execution(identity, Program(spec, services), _desk.operations, limits=limits, drain_limit=drain_limit)


def operations() -> Mapping[str, Operation]:
    """Return the operations that there are, by target."""
    return _desk.operations


async def _nowhere(call: Call) -> Outcome:
    message = f"{call.target} was sent from outside of its run"
    raise AssertionError(message)


_desk = System("test", services=[Desk])
_specs: dict[Workflow[Any, Any], WorkflowSpec] = {}
