"""Runs: start runs and find them, from outside, from services and from workflows alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypedDict, TypeVar, Unpack

from weft.codec import codec_for
from weft.errors import DeclarationInvalid, RunFailed
from weft.flow.children import run_to_its_end
from weft.flow.failures import with_refusal
from weft.flow.port import OnClose, RunsPort, Terms
from weft.flow.state import State
from weft.model.attribute import Attributed
from weft.model.call import NOBODY, Behalf
from weft.model.message import Signal, Update, read_answer
from weft.model.queueing import FIRST_COME, queueing
from weft.model.spec import WorkflowSpec
from weft.model.system import System
from weft.model.workflow import Workflow

Input = TypeVar("Input")
R = TypeVar("R")
V = TypeVar("V")
MILLISECOND = timedelta(milliseconds=1)


class ForWhom(TypedDict, total=False):
    """For whom a run works; a run that is started from inside another, or from an operation, takes the rest from there.

    Attributes:
        tenant: Every service that it calls sees this, and so does `weft runs list`.
        principal: On whose behalf.
        trace: A W3C traceparent.
        attributes: By what it is found, as in `[region.of("eu")]`; they are its own.
    """

    tenant: str
    principal: str
    trace: str
    attributes: Sequence[Attributed]


class StartOptions(ForWhom, total=False):
    """What a start may say besides: for whom the run works, and when its turn comes.

    Attributes:
        key: Whose turn it takes. `at_once_per_key` of the workflow counts runs of one key, and keys take turns.
        priority: From -1,000 to 1,000, 0 where nothing is said; of those that wait for a place the larger go first.
        at: It begins at this time, which has a time zone; until then it is a row and nothing more.
        after: It begins this long from now: in a run from the run's own `now()`.
    """

    key: str
    priority: int
    at: datetime
    after: timedelta


class Run(Generic[R]):
    """A run, found by its workflow and id."""

    __slots__ = ("_port", "_spec", "id")

    def __init__(self, port: RunsPort, spec: WorkflowSpec, run_id: str) -> None:
        self._port = port
        self._spec = spec
        self.id = run_id

    @property
    def workflow(self) -> str:
        """Return the workflow's name."""
        return self._spec.name

    async def result(self) -> R:
        """Wait for the run's end and return its result.

        Raises:
            RunFailed: it failed, was cancelled or terminated; its `refusal` is the one by which it failed, if it did.
        """
        try:
            result: R = self._spec.result.decode(await self._port.result(self._spec.name, self.id))
        except RunFailed as failed:
            raise with_refusal(failed) from failed.refusal
        return result

    async def send(self, signal: Signal) -> None:
        """Send a signal; returns once it is on disk.

        Raises:
            RunClosed: the run has ended.
        """
        kind = type(signal)
        data = codec_for(kind).encode(signal)
        await self._port.send(self._spec.name, self.id, kind=kind.__name__, data=data)

    async def ask(self, update: Update[V], *, id: str = "") -> V:  # noqa: A002 - the model's word
        """Send an update and wait for its answer.

        Args:
            update: what is asked.
            id: by which the run knows it again: who asks a second time gets the first answer. Inside a run it follows
                from the place in the code, elsewhere it is a fresh one where none is given.

        Raises:
            Declined: the run refused, with this very refusal.
            RunClosed: the run has ended, or ended without answering.
            RunNotFound: there is none.
        """
        kind = type(update)
        data = codec_for(kind).encode(update)
        answer = await self._port.ask(self._spec.name, self.id, kind=kind.__name__, data=data, message_id=id)
        return read_answer(kind, answer)

    async def read(self, state: State[V]) -> V:
        """Return what the run last showed, or the state's initial value if it has shown nothing yet."""
        data = await self._port.read(self._spec.name, self.id, state.name)
        return state.initial if data is None else state.codec.decode(data)

    async def cancel(self, reason: str = "") -> None:
        """Ask the run to cancel: its tasks get CancelledError, its sagas are undone."""
        await self._port.cancel(self._spec.name, self.id, reason)

    def __repr__(self) -> str:
        return f"<run {self._spec.name}/{self.id}>"


class Runs:
    """Start and find runs. A service like any other: a workflow or a constructor asks for `runs: Runs`."""

    __weft_runs__: ClassVar[bool] = True

    def __init__(self, system: System, port: RunsPort) -> None:
        self._system = system
        self._port = port

    def _spec(self, workflow: Workflow[Any, Any]) -> WorkflowSpec:
        spec = self._system.workflows.get(workflow.name)
        if spec is None or spec.workflow is not workflow:
            what = f"workflow {workflow.name} is not part of System {self._system.name!r}"
            raise DeclarationInvalid(what, where=workflow.where, remedy="add it to System(workflows=[...])")
        return spec

    async def start(
        self,
        workflow: Workflow[Input, R],
        input: Input,  # noqa: A002 - the model's words
        /,
        *,
        id: str,  # noqa: A002
        within: timedelta | None = None,
        on_close: OnClose = "abandon",
        **options: Unpack[StartOptions],
    ) -> Run[R]:
        """Start a run; returns once it is on disk. Starting it again with the same input finds it.

        Args:
            workflow: of which.
            input: what it is given.
            id: unique within its workflow.
            within: how long it may take from its beginning, over all its generations; then it is cancelled. Nothing
                for ever.
            on_close: what becomes of it when the run that starts it ends; nobody else closes it.
            options: for whom it works and when its turn comes, see StartOptions.

        Raises:
            RunExists: the id is taken by a run with another input.
            QueueingInvalid: its turn cannot be so.
            ValueCannotTravel: the input is not of the declared type.
        """
        spec = self._spec(workflow)
        data = spec.input.encode(input)
        behalf, terms = split_options(options, within=within, on_close=on_close)
        await self._port.start(spec.name, id, data, behalf=behalf, **terms)
        return Run(self._port, spec, id)

    async def run(
        self,
        workflow: Workflow[Input, R],
        input: Input,  # noqa: A002 - the model's words
        /,
        *,
        id: str,  # noqa: A002
        within: timedelta | None = None,
        on_close: OnClose = "cancel",
        **options: Unpack[StartOptions],
    ) -> R:
        """Start a run and wait for its result: a child.

        Whoever stops waiting closes it: `on_close` says how, and the cancellation goes on once the child has ended.
        In a workflow the child is also closed when the run ends.

        Raises:
            RunFailed: it failed, was cancelled or terminated; `kind` names its exception, `refusal` is its refusal.
            RunExists: the id is taken by a run with another input.
        """
        spec = self._spec(workflow)
        data = spec.input.encode(input)
        behalf, terms = split_options(options, within=within, on_close=on_close)
        name = spec.name
        try:
            done = await run_to_its_end(self._port, workflow=name, run_id=id, data=data, behalf=behalf, terms=terms)
        except RunFailed as failed:
            raise with_refusal(failed) from failed.refusal
        result: R = spec.result.decode(done)
        return result

    def find(self, workflow: Workflow[Input, R], id: str, /) -> Run[R]:  # noqa: A002 - the model's words
        """Return the run with this id; whether it exists shows when it is used."""
        return Run(self._port, self._spec(workflow), id)


def split_options(options: StartOptions, *, within: timedelta | None, on_close: OnClose) -> tuple[Behalf, Terms]:
    """Return for whom a run works, and on which terms."""
    if not options:
        return NOBODY, {"within_ms": _milliseconds(within), "on_close": on_close, "queueing": FIRST_COME}
    rest = dict(options)
    attributes: Any = rest.pop("attributes", ())
    names = [name for name in Behalf._fields if name in rest]
    behalf = Behalf(**{name: str(rest.pop(name)) for name in names}, attributes=tuple(attributes))
    turn = queueing(**rest) if rest else FIRST_COME  # pyright: ignore[reportArgumentType] - what is left by name
    return behalf, {"within_ms": _milliseconds(within), "on_close": on_close, "queueing": turn}


def _milliseconds(duration: timedelta | None) -> int | None:
    return None if duration is None else max(1, -(-duration // MILLISECOND))
