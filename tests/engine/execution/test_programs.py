"""Laws that hold for random programs, whatever happens to them and wherever they crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.engine.execution.driver import Driver, crash_everywhere
from tests.engine.execution.programs import STEPS, Fate, Program, calm_programs, programs
from weft.engine.execution.commands import CallIssued
from weft.engine.execution.entries import Ended
from weft.engine.execution.scopes import Scope

fates = st.builds(Fate, st.integers(0, 2**16), cancels=st.integers(0, 2))
scale = int(os.environ.get("WEFT_TEST_SCALE", "1"))
thorough = settings(max_examples=60 * scale, suppress_health_check=[HealthCheck.too_slow])


def live(program: Program, fate: Fate) -> Driver:
    """Let a program live to its end."""
    run = Driver(program.flow).start()
    while run.ended is None:
        assert len(run.journal) < STEPS, f"it waits for {run.calls} and {run.timers}"
        fate.live(run)
    note(f"{[str(step.entry) for step in run.journal]}")
    return run


class Fact(NamedTuple):
    """What became of one call; the numbers are those of entries."""

    call: CallIssued
    issued: int
    ended: int
    kind: str


def facts(run: Driver) -> dict[str, Fact]:
    """Return what became of each call by path."""
    calls = {
        command.path: (command, number)
        for number, step in enumerate(run.journal)
        for command in step.commands
        if isinstance(command, CallIssued)
    }
    ends = {
        step.entry.path: (number, step.entry.kind)
        for number, step in enumerate(run.journal)
        if type(step.entry) is Ended
    }
    return {path: Fact(*calls[path], *ends.get(path, (-1, "open"))) for path in calls}


def number_of(call: CallIssued) -> int:
    """Return the number of the node that made a call: its argument."""
    return int(call.arguments.removeprefix(b'{"n":').removesuffix(b"}"))


def scopes_of(program: Program, call: CallIssued) -> list[Scope]:
    """Return the scopes around a call, innermost first."""
    number = number_of(call)
    node = next(node for node in program.root.walk() if node.number == number and node.kind == "call")
    return [program.scopes[each] for each in reversed(node.sagas)]


def undone_pairs(program: Program, known: dict[str, Fact]) -> Iterator[tuple[Fact, Fact]]:
    """Yield each two undone calls of which the second was issued after the end of the first, in its saga or inside."""
    undone = [fact for path, fact in known.items() if f"{path}~undo" in known]
    by = {fact: next(scope for scope in scopes_of(program, fact.call) if scope.closed) for fact in undone}
    yield from ((a, b) for a in undone for b in undone if by[b].within(by[a]) and 0 <= a.ended <= b.issued)


@thorough
@given(programs, fates)
def test_crash_after_every_entry_changes_nothing(program: Program, fate: Fate) -> None:
    """A run that crashes after any entry, or after every one, answers with the same commands and ends alike."""
    run = live(program, fate)

    crash_everywhere(run)

    assert run.evict() == []


@thorough
@given(programs, fates)
def test_every_effect_of_a_failed_saga_is_undone_once(program: Program, fate: Fate) -> None:
    """What may have happened under a failed saga is undone exactly once; under sagas that ended well nothing is."""
    run = live(program, fate)
    known = facts(run)

    for path, fact in known.items():
        if fact.call.undo:
            failed = any(scope.closed for scope in scopes_of(program, fact.call))
            expected = failed and fact.kind in {"reply", "unknown"}
            assert (f"{path}~undo" in known) == expected, (path, fact)
    run.evict()


@thorough
@given(programs, fates)
def test_undos_follow_dependencies(program: Program, fate: Fate) -> None:
    """An undo starts after every undo of what was issued after the end of its call."""
    run = live(program, fate)
    known = facts(run)

    for first, second in undone_pairs(program, known):
        later, earlier = known[f"{first.call.path}~undo"], known[f"{second.call.path}~undo"]
        assert later.issued >= earlier.ended > 0, (first, second)
    run.evict()


@thorough
@given(programs, fates)
def test_no_call_under_a_closed_saga(program: Program, fate: Fate) -> None:
    """A call under a saga that has closed is no command, unless a saga inside of it can only go forward."""
    run = live(program, fate)

    assert program.refused.isdisjoint(number_of(fact.call) for fact in facts(run).values() if not fact.call.undoes)
    run.evict()


@thorough
@given(programs, fates)
def test_a_run_ends_at_rest(program: Program, fate: Fate) -> None:
    """A run ends after the outcome of every effect and with no timer left, and nothing is undone that was refused."""
    run = live(program, fate)

    assert [path for path, command in run.open.items() if command.target != "desk.look"] == []
    assert run.timers == {}
    assert len(run.issued) == len(set(run.issued))
    run.evict()


@thorough
@given(calm_programs, st.integers(0, 2**16), st.integers(0, 2**16))
def test_interleavings_do_not_shift_ids(program: Program, seed: int, other: int) -> None:
    """A program without races issues the same calls under the same ids, in whatever order replies come."""
    first = live(program, Fate(seed, kind=True))
    second = live(program, Fate(other, kind=True))

    assert set(first.issued) == set(second.issued)
    assert first.status == second.status
    first.evict()
    second.evict()


@thorough
@given(programs, fates, st.integers(0, STEPS))
def test_eviction_at_any_point_leaves_nothing_behind(program: Program, fate: Fate, point: int) -> None:
    """A run that is evicted at any point is suspended nowhere, and goes on from its journal as if nothing had been."""
    run = Driver(program.flow).start()
    while run.ended is None and len(run.journal) <= point % 25:
        fate.live(run)

    again = run.again()
    assert run.evict() == []
    while again.ended is None and len(again.journal) < STEPS:
        fate.live(again)

    assert again.ended is not None
    assert again.evict() == []
