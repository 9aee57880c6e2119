"""Runs that a run has started: how they are closed when it ends, or when it stops waiting for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Protocol, cast

from weft.engine.embedded.live import CallState, LiveRun
from weft.engine.embedded.rows import EntryRow
from weft.engine.execution.commands import CallIssued, decode_commands
from weft.engine.execution.entries import CancelAsked, Reset, Started, decode_entry
from weft.errors import NotDone, OutcomeUnknown, RunClosed, WeftError
from weft.flow.ambient_runs import OPERATIONS, SERVICE
from weft.flow.port import OnClose
from weft.model.call import Outcome

RUN = f"{SERVICE}.run"
ASK = f"{SERVICE}.ask"
STARTS = frozenset({RUN, f"{SERVICE}.start"})


def child_of(call: CallIssued) -> tuple[str, str, OnClose] | None:
    """Return the run that a call starts, if it is closed with the run that calls: workflow, id and how."""
    if call.target not in STARTS:
        return None
    child = child_in(call.target, call.arguments)
    return None if child[2] == "abandon" else child


def note_child(live: LiveRun, call: CallIssued) -> None:
    """Let a run remember a run that a call of its starts, if that is closed with it."""
    child = child_of(call)
    if child is not None:
        live.note_children({child[:2]: child[2]})


def child_in(target: str, arguments: bytes) -> tuple[str, str, OnClose]:
    """Return the run that the arguments of a start name, and how it is closed."""
    values = OPERATIONS[target].parameters.decode(arguments)
    return values["workflow"], values["run_id"], values["on_close"]


def children_at(start: Started | Reset) -> dict[tuple[str, str], OnClose]:
    """Return the children that came over from the generation, or the epochs, before."""
    return {(workflow, run_id): cast("OnClose", how) for workflow, run_id, how in start.children}


def children_in(rows: Iterable[EntryRow]) -> dict[tuple[str, str], OnClose]:
    """Return the children that a journal tells of, whether or not it can be told again."""
    found: dict[tuple[str, str], OnClose] = {}
    for row in rows:
        entry = decode_entry(row.entry)
        if isinstance(entry, Started):
            found |= children_at(entry)
        for command in decode_commands(row.commands) if row.commands else ():
            child = child_of(command) if isinstance(command, CallIssued) else None
            if child is not None:
                found[child[:2]] = child[2]
    return found


class Closer(Protocol):
    """What can be done to a run."""

    def find(self, workflow: str, run_id: str) -> LiveRun | None:
        """Return a run, loaded if it is open; nothing if there is none.

        Raises:
            RunClosed: it has ended.
        """
        ...

    def cancel(self, live: LiveRun, asked: CancelAsked) -> None:
        """Ask a run to cancel."""
        ...

    def terminate(self, live: LiveRun, *, who: str, why: str) -> None:
        """End a run without its undos."""
        ...


class Children:
    """Closes runs, one after the other: what one of them closes itself waits its turn."""

    def __init__(self, closer: Closer) -> None:
        self._closer = closer
        self._todo: deque[tuple[str, str, OnClose, str, str]] = deque()
        self._busy = False

    def close_all(self, parent: LiveRun, children: Iterable[tuple[tuple[str, str], OnClose]]) -> None:
        """Close the children of a run that ends; all of it is in the transaction of its end."""
        self._todo.extend((*name, how, parent.name, "the run that started it has ended") for name, how in children)
        if self._busy:
            return
        self._busy = True
        try:
            while self._todo:
                workflow, run_id, how, who, why = self._todo.popleft()
                self.close(workflow, run_id, how, who=f"run {who}", why=why)
        finally:
            self._busy = False

    def close(self, workflow: str, run_id: str, how: OnClose, *, who: str, why: str) -> bool:
        """Close a run; who asked for it before is not heard again. Tell whether there is such a run."""
        with suppress(RunClosed):
            live = self._closer.find(workflow, run_id)
            if live is None:
                return False
            with suppress(WeftError):  # its journal cannot be read: only an operator can do anything with it
                if how == "terminate":
                    self._closer.terminate(live, who=who, why=why)
                elif how == "cancel" and not _is_cancelled(live, who):
                    self._closer.cancel(live, CancelAsked(who, why))
        return True


def _is_cancelled(live: LiveRun, who: str) -> bool:
    return live.execution is not None and who in live.execution.cancelled_by


class CloseChild(Protocol):
    """Closes a run."""

    def __call__(self, workflow: str, run_id: str, how: OnClose, *, who: str, why: str) -> bool:
        """Tell whether there is such a run."""
        ...


class Waits:
    """How calls end early that wait for other runs.

    Attributes:
        close_child: closes a run.
        later: does something once what was asked of runs before is done.
    """

    def __init__(self, settled: Callable[[CallState, Outcome], None]) -> None:
        self._settled = settled
        self.close_child: CloseChild = _closes_nothing
        self.later: Callable[[Callable[[], None]], object] = lambda act: act()

    def abandon(self, state: CallState) -> None:
        """End a wait that nobody shares any more: for a child once that is closed, for an answer now."""
        target = state.call.target
        if target == RUN and child_in(RUN, state.call.arguments)[2] != "abandon" and state.worker:
            self.later(partial(self._close_later, state))
        elif target in {RUN, ASK}:
            failure = OutcomeUnknown if state.worker else NotDone
            state.drop()
            self._settled(state, failure(f"nobody waits for {target} any more", reason="abandoned"))

    def _close_later(self, state: CallState) -> None:
        if not state.live.gone:
            self.close(state)

    def close(self, state: CallState) -> bool:
        """Close the run that a call waits for; tell whether there is one."""
        workflow, run_id, how = child_in(RUN, state.call.arguments)
        if how == "abandon":
            return False
        return self.close_child(workflow, run_id, how, who=f"run {state.live.name}", why="nobody waits for it")


def _closes_nothing(workflow: str, run_id: str, how: OnClose, *, who: str, why: str) -> bool:
    del workflow, run_id, how, who, why
    return False
