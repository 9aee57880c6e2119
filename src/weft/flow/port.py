"""What stands behind Runs: an engine, or the execution of the run that asks."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias, TypedDict

from weft.model.call import NOBODY, Behalf
from weft.model.message import Answer
from weft.model.queueing import FIRST_COME, Queueing

OnClose: TypeAlias = Literal["cancel", "abandon", "terminate"]
"""What becomes of a child when its parent ends, or stops waiting for it."""


class Terms(TypedDict):
    """On which terms a run is started: how long it may take, what closes it, when its turn comes; see RunsPort."""

    within_ms: int | None
    on_close: OnClose
    queueing: Queueing


class RunsPort(Protocol):
    """Start runs, tell them, ask them, wait for them."""

    async def start(
        self,
        workflow: str,
        run_id: str,
        data: bytes,
        *,
        behalf: Behalf = NOBODY,
        within_ms: int | None = None,
        on_close: OnClose = "abandon",
        queueing: Queueing = FIRST_COME,
    ) -> None:
        """Start a run, or find that it exists with the same input; returns once it is on disk.

        Args:
            workflow: its workflow's name.
            run_id: its id.
            data: its input.
            behalf: for whom it works.
            within_ms: how long it may take until it is cancelled.
            on_close: what becomes of it when the run that started it ends; without meaning for others.
            queueing: when its turn comes.

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

    async def ask(self, workflow: str, run_id: str, *, kind: str, data: bytes, message_id: str = "") -> Answer:
        """Tell a run an update and wait for its answer; asked again with the same id it gets the same answer.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended, or ended without an answer.
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

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos.

        Raises:
            RunNotFound: there is none.
            RunClosed: it has ended.
        """
        ...
