"""Run a workflow to its end as a child: one call of a run, or a start and a wait of anybody else."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from weft.errors import WeftError
from weft.flow.ambient import current_run
from weft.flow.ambient_runs import ask_engine, recorded
from weft.flow.port import OnClose, RunsPort, Terms
from weft.model.call import Behalf

WHO = "whoever waited for it"


async def run_to_its_end(
    port: RunsPort,
    *,
    workflow: str,
    run_id: str,
    data: bytes,
    behalf: Behalf,
    terms: Terms,
) -> bytes:
    """Start a run, wait for its end and return its result; who stops waiting closes it.

    Raises:
        RunFailed: it did not end well.
        RunExists: the id is taken by a run with another input.
    """
    if current_run.get() is not None:
        values = {"workflow": workflow, "run_id": run_id, "data": data, **recorded(terms), **behalf._asdict()}
        result: bytes = await ask_engine("run", values)
        return result
    await port.start(workflow, run_id, data, behalf=behalf, **terms)
    try:
        return await port.result(workflow, run_id)
    except asyncio.CancelledError:
        with suppress(WeftError):  # it has ended meanwhile, or the engine has: there is nothing left to close
            await _close(port, workflow, run_id, on_close=terms["on_close"])
        raise


async def _close(port: RunsPort, workflow: str, run_id: str, *, on_close: OnClose) -> None:
    match on_close:
        case "cancel":
            await port.cancel(workflow, run_id, f"{WHO} was cancelled")
        case "terminate":
            await port.terminate(workflow, run_id, who=WHO, why="the wait was cancelled")
        case "abandon":
            return
    await port.result(workflow, run_id)
