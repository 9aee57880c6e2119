"""Which trials end otherwise on Temporal; those whose ending hangs on time are left out.

On the virtual clock calls take no time; on a server they take as long as the machine needs. So each program is
performed on the embedded engine a few times with all waits and calls late by chance: where that changes its ending,
which of two things comes first is nobody's promise, and the program is not compared. The others must end alike. A
server that was later than that proves nothing: what differs then is performed again, slower, until it was not.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from differential.endings import Ending, differences, is_stuck
from differential.shrinking import smaller
from differential.stages import Stage, on_embedded, on_temporal
from differential.trials import Trial, draw

LATE_S = 1.0
"""How late waits and calls may be, in seconds of the program."""

LUCKS = (1, 2)
"""Performances with late waits and calls."""

SLOWER = 3
"""How often a difference is performed again where the server was late, each time at half the speed."""

SLOWER_AT_ONCE = 24
SHRINKING_AT_ONCE = 8
MOST_SHRINKINGS = 20
SPARE = 1.3
"""How many more programs are drawn than are compared: some are left out."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A program that ends otherwise on Temporal, and how."""

    trial: Trial
    differences: list[str]


@dataclass(slots=True)
class Report:
    """What came of all.

    Attributes:
        programs: how many were compared.
        unsteady: how many were left out, because time decides how they end.
        again: how many performances were repeated, because the server was late.
        late_ms: how late it was at most in the first performance.
    """

    programs: int = 0
    unsteady: int = 0
    again: int = 0
    late_ms: int = 0
    findings: list[Finding] = field(default_factory=list[Finding])


@dataclass(frozen=True, slots=True)
class Judge:
    """Compares engines.

    Attributes:
        address: of the server.
        seed: decides programs and faults.
        second_ms: how long a program's second takes at first.
        at_once: programs on the server at most.
        over: is told each trial that has ended there.
    """

    address: str
    seed: int
    second_ms: int
    at_once: int
    over: Callable[[Trial], object]

    def stage(self, *, slower: int = 0, at_once: int | None = None) -> Stage:
        """Return a stage that no other shares its name with."""
        second_ms = self.second_ms << slower
        return Stage(uuid.uuid4().hex[:12], self.seed, second_ms, at_once or self.at_once, self.over)

    async def compare(self, count: int) -> Report:
        """Draw programs and compare as many."""
        drawn = [each for each in draw(int(count * SPARE) + 10, seed_number=self.seed) if not each.is_apart]
        expected = await self.steady(drawn)
        trials = [each for each in drawn if each.number in expected][:count]
        report = Report(len(trials), len(drawn) - len(expected))
        left: Sequence[Trial] = trials
        for slower in range(SLOWER + 1):
            stage = self.stage(slower=slower, at_once=SLOWER_AT_ONCE if slower else None)
            performed = await on_temporal(stage, left, address=self.address)
            report.late_ms = report.late_ms or performed.late_ms
            found = [
                Finding(each, told)
                for each in left
                if (told := differences(expected[each.number], performed.endings[each.number]))
            ]
            if performed.late_ms <= LATE_S * stage.second_ms or slower == SLOWER or not found:
                report.findings += found
                break
            # No server is so late that a run never ends.
            report.findings += [each for each in found if is_stuck(performed.endings[each.trial.number])]
            left = [each.trial for each in found if not is_stuck(performed.endings[each.trial.number])]
            report.again += len(left)
        return report

    async def steady(self, trials: Sequence[Trial]) -> dict[int, Ending]:
        """Return how trials end on the embedded engine, those whose ending does not hang on time."""
        stage = self.stage()
        expected = await on_embedded(stage, trials)
        for luck in LUCKS:
            late = await on_embedded(replace(stage, late_s=LATE_S, luck=luck), trials)
            expected = {number: end for number, end in expected.items() if not differences(end, late[number])}
        return expected

    async def shrink(self, finding: Finding) -> Finding:
        """Return the smallest program that can be found to differ, too."""
        left = list(smaller(finding.trial))
        for _ in range(MOST_SHRINKINGS):
            if not left:
                break
            some, left = left[:SHRINKING_AT_ONCE], left[SHRINKING_AT_ONCE:]
            numbered = [replace(each, number=number) for number, each in enumerate(some)]
            found = await self._differing(numbered)
            if found:
                finding = min(found, key=lambda each: each.trial.size)
                left = list(smaller(finding.trial))
        return finding

    async def _differing(self, trials: Sequence[Trial]) -> list[Finding]:
        expected = await self.steady(trials)
        steady = [each for each in trials if each.number in expected]
        performed = await on_temporal(self.stage(slower=1), steady, address=self.address)
        return [
            Finding(each, told)
            for each in steady
            if (told := differences(expected[each.number], performed.endings[each.number]))
        ]
