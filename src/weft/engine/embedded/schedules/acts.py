"""What people do to schedules: from this process, or by requests from another; each with who and why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from weft.codec import codec_for
from weft.engine.embedded.requests import RequestRow
from weft.engine.embedded.schedules import deciding, table
from weft.engine.embedded.schedules.keeper import Keeper
from weft.engine.embedded.schedules.state import BACKFILLS_AT_MOST, DEEDS, Backfill, begin
from weft.engine.embedded.schedules.table import Kept
from weft.engine.embedded.schedules.view import view_of
from weft.engine.execution.entries import storable
from weft.engine.execution.program import Program
from weft.errors import InputInvalid, LimitExceeded, ScheduleDeclared, ScheduleExists, ScheduleInvalid
from weft.model.schedule import SPEC, Deed, Overlap, ScheduleSpec, ScheduleView, check

REQUEST = "schedule."
"""What the kinds of requests about schedules begin with."""


@dataclass(frozen=True)
class Range:
    """A range to fill, both ends in it; in milliseconds since 1970."""

    from_ms: int
    until_ms: int
    overlap: Overlap | None = None


@dataclass(frozen=True)
class By:
    """Who does something, why, and when that was asked; nothing for now."""

    who: str
    why: str = ""
    at_ms: int | None = None


RANGE = codec_for(Range)

Do = Callable[[Callable[[], None]], "asyncio.Future[None]"]
"""Does something in a plain callback; done once what it caused is on disk."""


class Acts:
    """Carries out what people ask; its methods are called in plain callbacks."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def create(self, spec: ScheduleSpec, by: By) -> None:
        """Create a schedule, or find that it exists and says the same.

        Raises:
            ScheduleExists: it says something else.
            ScheduleInvalid: it cannot be used.
        """
        check(spec)
        spec = self._keeper.checked(spec)
        kept = self._keeper.find(spec.id)
        if kept is None:
            now_ms = self._keeper.now_ms
            self._note(Kept(spec, begin(spec, now_ms, declared=False), now_ms), "create", by)
        elif kept.spec != spec:
            what = f"schedule {spec.id} exists and says something else"
            raise ScheduleExists(what)

    def update(self, spec: ScheduleSpec, by: By) -> None:
        """Let a schedule say something else; its runs, counts and pause stay.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleDeclared: it is declared in code.
            ScheduleInvalid: it cannot be used.
        """
        check(spec)
        kept = self._own(spec.id)
        spec = self._keeper.checked(spec)
        self._note(Kept(spec, self._keeper.renewed(kept, spec), self._keeper.now_ms), "update", by)

    def delete(self, schedule: str, by: By) -> None:
        """Forget a schedule; its runs go on.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleDeclared: it is declared in code, and would come back.
        """
        del by
        self._own(schedule)
        self._keeper.write(schedule, None)

    def pause(self, schedule: str, by: By) -> None:
        """Let a schedule start nothing by itself."""
        kept = self._keeper.get(schedule)
        state = replace(kept.state, paused=True, note=storable(by.why))
        self._note(Kept(kept.spec, state, None), "pause", by)

    def resume(self, schedule: str, by: By) -> None:
        """Let a schedule go on; the times that have passed meanwhile are left out."""
        kept = self._keeper.get(schedule)
        done_ms = max(kept.state.done_ms, self._keeper.now_ms) if kept.state.paused else kept.state.done_ms
        state = replace(kept.state, paused=False, note="", done_ms=done_ms)
        self._note(Kept(kept.spec, state, self._keeper.now_ms), "resume", by)

    def trigger(self, schedule: str, overlap: Overlap | None, by: By) -> str | None:
        """Start a run now, paused or not; return its id, or nothing if it waits or is left out."""
        kept = self._noted(self._keeper.get(schedule), "trigger", by)
        now = self._keeper.now(kept)
        decision = deciding.trigger(kept.spec, kept.state, now, overlap=overlap or kept.spec.overlap)
        self._keeper.carry_out(kept, decision)
        by_hand = [start.run_id for start in decision.starts if start.run_id.startswith(f"{schedule}!")]
        return by_hand[-1] if by_hand else None

    def backfill(self, schedule: str, asked: Range, by: By) -> None:
        """Start the runs of a range that has passed, paused or not; those that there are already are left as they are.

        Raises:
            ScheduleNotFound: there is none.
            ScheduleInvalid: the range has not passed.
            LimitExceeded: too many ranges are being filled.
        """
        kept = self._keeper.get(schedule)
        if asked.until_ms > self._keeper.now_ms or asked.until_ms < asked.from_ms:
            what = f"schedule {schedule}: the range to fill has not passed, or ends before it starts"
            raise ScheduleInvalid(what, remedy="end it now at the latest: what is to come is started by itself")
        if len(kept.state.backfills) >= BACKFILLS_AT_MOST:
            what = f"schedule {schedule} is filling {BACKFILLS_AT_MOST} ranges"
            raise LimitExceeded(what, remedy="wait until one is filled", name="backfills")
        filled = Backfill(asked.from_ms - 1, asked.until_ms, asked.overlap or kept.spec.overlap)
        state = replace(kept.state, backfills=(*kept.state.backfills, filled))
        self._note(Kept(kept.spec, state, self._keeper.now_ms), "backfill", by)

    def take(self, row: RequestRow) -> None:
        """Carry out a request of another process.

        Raises:
            WeftError: it is refused.
        """
        by = By(row.who, row.why, row.at_ms)
        match row.kind.removeprefix(REQUEST):
            case "create":
                self.create(SPEC.decode(row.body), by)
            case "update":
                self.update(SPEC.decode(row.body), by)
            case "delete":
                self.delete(row.run_id, by)
            case "pause":
                self.pause(row.run_id, by)
            case "resume":
                self.resume(row.run_id, by)
            case "trigger":
                self.trigger(row.run_id, Overlap(row.body.decode()) if row.body else None, by)
            case "backfill":
                self.backfill(row.run_id, RANGE.decode(row.body), by)
            case _:
                what = f"nothing is known by the name of {row.kind}"
                raise InputInvalid(what, remedy="ask for create, update, delete, pause, resume, trigger or backfill")

    def _own(self, schedule: str) -> Kept:
        kept = self._keeper.get(schedule)
        if kept.state.declared:
            what = f"schedule {schedule} is declared in code"
            raise ScheduleDeclared(what)
        return kept

    def _note(self, kept: Kept, what: str, by: By) -> None:
        self._keeper.write(kept.spec.id, self._noted(kept, what, by))
        self._keeper.visit(kept.spec.id)

    def _noted(self, kept: Kept, what: str, by: By) -> Kept:
        at_ms = self._keeper.now_ms if by.at_ms is None else by.at_ms
        deed = Deed(at_ms, what, storable(by.who), storable(by.why))
        return kept._replace(state=replace(kept.state, deeds=(*kept.state.deeds, deed)[-DEEDS:]))


class EmbeddedSchedules:
    """The schedules of an embedded engine; each method returns once what it did is on disk."""

    def __init__(self, keeper: Keeper, do: Do) -> None:
        self._keeper = keeper
        self._acts = Acts(keeper)
        self._do = do
        self._declared: Sequence[ScheduleSpec] = ()

    def declare(self, declared: Sequence[ScheduleSpec]) -> None:
        """Note what the System's code declares, before the engine is opened."""
        self._declared = declared

    async def open(self, programs: Mapping[str, Program]) -> None:
        """Take over what is declared, look at what has happened since, and begin to start runs."""
        workflows = {name: program.spec for name, program in programs.items()}
        await self._do(partial(self._keeper.prepare, workflows, self._declared))
        after: list[str | None] = [""]
        while after[-1] is not None:
            await self._do(lambda: after.append(self._keeper.look(after[-1] or "")))
        await self._do(self._keeper.open)

    async def create(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Create a schedule, or find that it exists and says the same."""
        await self._do(partial(self._acts.create, spec, By(who, why)))

    async def update(self, spec: ScheduleSpec, *, who: str, why: str = "") -> None:
        """Let a schedule say something else."""
        await self._do(partial(self._acts.update, spec, By(who, why)))

    async def delete(self, schedule: str, *, who: str, why: str = "") -> None:
        """Forget a schedule; its runs go on."""
        await self._do(partial(self._acts.delete, schedule, By(who, why)))

    async def pause(self, schedule: str, *, who: str, why: str = "") -> None:
        """Let a schedule start nothing by itself."""
        await self._do(partial(self._acts.pause, schedule, By(who, why)))

    async def resume(self, schedule: str, *, who: str, why: str = "") -> None:
        """Let a schedule go on from now."""
        await self._do(partial(self._acts.resume, schedule, By(who, why)))

    async def trigger(self, schedule: str, *, overlap: Overlap | None = None, who: str, why: str = "") -> str | None:
        """Start a run now; return its id, or nothing if it waits or is left out."""
        started: list[str | None] = []
        await self._do(lambda: started.append(self._acts.trigger(schedule, overlap, By(who, why))))
        return started[0]

    async def backfill(
        self, schedule: str, *, between: tuple[int, int], overlap: Overlap | None = None, who: str, why: str = ""
    ) -> None:
        """Start the runs of a range of times that has passed."""
        await self._do(partial(self._acts.backfill, schedule, Range(*between, overlap), By(who, why)))

    async def describe(self, schedule: str) -> ScheduleView:
        """Return a schedule as it stands."""
        await self._do(lambda: None)
        return view_of(self._keeper.get(schedule), self._keeper.status)

    async def list(self, *, after: str = "", limit: int = 100) -> list[ScheduleView]:
        """Return schedules in order of their ids, as they stand on disk."""
        await self._do(lambda: None)
        found = table.listed(self._keeper.reader, after=after, limit=limit)
        return [view_of(kept, self._keeper.status) for kept in found]
