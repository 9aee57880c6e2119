"""Runs: start runs and find them, from outside, from services and from workflows alike."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, Protocol, TypeVar

from weft.codec import codec_for
from weft.errors import DeclarationInvalid
from weft.flow.state import State
from weft.model.call import NOBODY, Behalf
from weft.model.message import Signal
from weft.model.spec import WorkflowSpec
from weft.model.system import System
from weft.model.workflow import Workflow

Input = TypeVar("Input")
R = TypeVar("R")
V = TypeVar("V")


class RunsPort(Protocol):
    """What stands behind Runs: an engine, or the execution of the run that asks."""

    async def start(self, workflow: str, run_id: str, data: bytes, *, behalf: Behalf = NOBODY) -> None:
        """Start a run, or find that it exists with the same input; returns once it is on disk.

        Raises:
            RunExists: it exists with another input.
        """
        ...

    async def result(self, workflow: str, run_id: str) -> bytes:
        """Wait for the end of a run and return its result.

        Raises:
            RunFailed: it failed, was cancelled or terminated.
            RunNotFound: there is none.
        """
        ...

    async def send(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> None:
        """Tell a run a message; returns once it is on disk. Messages of one id are told once.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
        """
        ...

    async def read(self, workflow: str, run_id: str, state: str) -> bytes | None:
        """Return what a run last showed under a name, or nothing if it has shown nothing yet.

        Raises:
            RunNotFound: there is none.
        """
        ...

    async def cancel(self, workflow: str, run_id: str, reason: str) -> None:
        """Ask a run to cancel; returns once the request is on disk. A run that has ended is left as it is.

        Raises:
            RunNotFound: there is none.
        """
        ...


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
            RunFailed: it failed, was cancelled or terminated.
        """
        result: R = self._spec.result.decode(await self._port.result(self._spec.name, self.id))
        return result

    async def send(self, signal: Signal) -> None:
        """Send a signal; returns once it is on disk.

        Raises:
            RunClosed: the run has ended.
        """
        kind = type(signal)
        data = codec_for(kind).encode(signal)
        await self._port.send(self._spec.name, self.id, kind=kind.__name__, data=data)

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
        id: str,  # noqa: A002 - as above
        tenant: str = "",
        principal: str = "",
        trace: str = "",
    ) -> Run[R]:
        """Start a run; returns once it is on disk. Starting it again with the same input finds it.

        Args:
            workflow: What it runs.
            input: What it is started with.
            id: The business key.
            tenant: For whom it works. Every service that it calls sees this, and so does `weft runs list`; a run that
                is started from inside another, or from an operation, takes what is not said here from there.
            principal: On whose behalf; likewise.
            trace: A W3C traceparent; likewise.

        Raises:
            RunExists: the id is taken by a run with another input.
            ValueCannotTravel: the input is not of the declared type.
        """
        spec = self._spec(workflow)
        behalf = Behalf(tenant, principal, trace)
        await self._port.start(spec.name, id, spec.input.encode(input), behalf=behalf)
        return Run(self._port, spec, id)

    def find(self, workflow: Workflow[Input, R], id: str, /) -> Run[R]:  # noqa: A002 - the model's words
        """Return the run with this id; whether it exists shows when it is used."""
        return Run(self._port, self._spec(workflow), id)
