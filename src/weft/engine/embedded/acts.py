"""What operators ask of an engine: each act is in the run's own journal, with who and why."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial

from weft.engine.embedded.cuts import Effects
from weft.engine.embedded.resets import ResetAsked
from weft.engine.embedded.work import Work
from weft.errors import WeftError


class OperatorActs(ABC):
    """An engine as operators know it."""

    _work: Work

    @abstractmethod
    def _do(self, act: Callable[[], None]) -> asyncio.Future[None]:
        """Return a future that is done once what `act` caused is on disk, or fails with what it raised."""

    async def retry(self, workflow: str, run_id: str, *, who: str, why: str = "", resend: bool = False) -> None:
        """Try the waiting calls of a run now, to `resend` also those that may have happened; look at a blocked one."""
        act = self._work.operators.retry
        await self._do(lambda: act(self._work.shelf.live(workflow, run_id), who=who, why=why, resend=resend))

    async def skip(self, workflow: str, run_id: str, *, who: str, why: str, reply: bytes | None = None) -> None:
        """Give up the calls of a run that need attention, as an operator's decision with its reason."""
        await self._do(
            lambda: self._work.operators.skip(self._work.shelf.live(workflow, run_id), who=who, why=why, reply=reply)
        )

    async def terminate(self, workflow: str, run_id: str, *, who: str, why: str) -> None:
        """End a run without its undos."""
        await self._do(
            lambda: self._work.operators.terminate(self._work.shelf.live(workflow, run_id), who=who, why=why)
        )

    async def reset(
        self, workflow: str, run_id: str, *, at: str, effects: Effects = "undo", who: str, why: str
    ) -> None:
        """Cut a run after a step and let it go on from there in a new epoch; returns once that is on disk.

        Works on open, blocked and ended runs. What came after the cut stays as the history of the old epoch.

        Args:
            workflow: its workflow's name.
            run_id: its id.
            at: the path of a call or timer that has ended, the number of an entry, or `start`.
            effects: whether the effects after the cut are undone first, or kept.
            who: who decides.
            why: the reason; kept with the run.

        Raises:
            RunNotFound: there is no such run.
            ResetRefused: its journal cannot be cut there.
            InputInvalid: no reason was given.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked = ResetAsked(workflow, run_id, at, effects, who, why)
        await self._do(partial(self._work.operators.resets.begin, asked, partial(self._settled, done)))
        await done

    def _settled(self, done: asyncio.Future[None], error: WeftError | None) -> None:
        if done.done():
            return  # nobody waits any more
        if error is not None:
            done.set_exception(error)
        else:
            self._work.journal.writer.after_commit(partial(_finish, done), partial(_fail, done))


def _finish(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _fail(done: asyncio.Future[None], error: WeftError) -> None:
    if not done.done():
        done.set_exception(error)
