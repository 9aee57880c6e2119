"""A round: one store, many lives, each killed at another moment, one that survives, and the audit of what is left."""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from torture.audit import audit
from torture.life import SPEED, Life, jump_of, live, orders_of, others_of
from torture.outsider import meddle
from torture.processes import FINE, Child, told_by

LONGEST_LIFE_S = 120.0
"""Real seconds after which a round whose last life has not ended is held to be stuck."""

SOONEST_KILL_S, LATEST_KILL_S = 0.005, 0.3
MOST_COMMITS, MOST_EFFECTS = 25, 15
FEWEST_KILLS, MOST_KILLS = 5, 60
BEGIN_MS = 1_700_000_000_000
JUMPING = 0.5
"""The fraction of lives whose clock jumps."""

LOG_KEPT = 3_000
"""Characters of the log of a life that ended by itself."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What all rounds share: the seed, where stores are made, how many purchases, what fraction meets a fault."""

    seed: int
    folder: Path
    orders: int
    faults: float


@dataclass(slots=True)
class Outcome:
    """What became of a round."""

    number: int
    kills: int = 0
    lost: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    wrong: list[str] = field(default_factory=list[str])
    store: str = ""

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing was found."""
        return not (self.lost or self.doubled or self.wrong)


class Round:
    """One round; its plan is a function of seed and number, the moments of its deaths are those of the machine."""

    def __init__(self, asked: Asked, number: int, killed: Callable[[], None]) -> None:
        self._chance = Random(f"{asked.seed}/{number}")  # noqa: S311 - a moment to kill, not a secret
        self._life = Life(self._chance.randrange(2**31), BEGIN_MS, asked.orders, asked.faults)
        self._killed = killed
        self._begun = time.monotonic()
        self._jumped_ms = 0
        self.folder = asked.folder / f"round-{number}"
        self.outcome = Outcome(number)

    def run(self, most_kills: int) -> Outcome:
        """Kill, survive, and look at the books."""
        self.folder.mkdir(parents=True)
        chance, life = Random(self._life.seed), self._life  # noqa: S311 - as above
        outsider = Child(lambda: meddle(self.folder, life, chance), log=self.folder / "outsider.log")
        try:
            done = self._be_killed(min(most_kills, self._chance.randint(FEWEST_KILLS, MOST_KILLS)))
            if done or self._survive():
                self._close(outsider)
                self._audit()
        finally:
            if outsider.wait(0) is None:
                outsider.kill()
        if self.outcome.is_sound:
            shutil.rmtree(self.folder)
        else:
            self.outcome.store = str(self.folder)
        return self.outcome

    def _be_killed(self, kills: int) -> bool:
        """Live and die; tell whether the market came to its end meanwhile."""
        while self.outcome.kills < kills and self.outcome.is_sound:
            way = self._chance.choice(("", "", "commit", "reply"))
            count = self._chance.randint(1, MOST_COMMITS if way == "commit" else MOST_EFFECTS)
            jump = jump_of(self._chance) if self._chance.random() < JUMPING else None
            life = dataclasses.replace(self._next(), moment=way, count=count, jump=jump)
            child = self._begin(life)
            code = child.wait(LONGEST_LIFE_S if way else self._chance.uniform(SOONEST_KILL_S, LATEST_KILL_S))
            if code is None and way:
                self.outcome.lost.append(f"a life that was to die after {count} {way} did nothing any more")
            if code is None:
                code = child.kill()
            if jump is not None:
                self._jumped_ms += jump[0]
            if code == FINE:
                return True
            self._note_end(code)
        return False

    def _next(self) -> Life:
        passed_ms = int((time.monotonic() - self._begun) * 1000 * SPEED)
        return dataclasses.replace(self._life, start_ms=BEGIN_MS + passed_ms + self._jumped_ms)

    def _begin(self, life: Life) -> Child:
        return Child(lambda: asyncio.run(live(self.folder, life)), log=self.folder / "life.log")

    def _note_end(self, code: int) -> None:
        if code == -signal.SIGKILL:
            self.outcome.kills += 1
            self._killed()
        else:
            log = (self.folder / "life.log").read_text()[-LOG_KEPT:]
            self.outcome.lost.append(f"a life ended by itself with {code}: {log}")

    def _survive(self) -> bool:
        if not self.outcome.is_sound:
            return False
        child = self._begin(self._next())
        code = child.wait(LONGEST_LIFE_S)
        if code is None:
            child.kill()
            self.outcome.lost.append(f"the last life did not end within {LONGEST_LIFE_S} s")
        elif code != FINE:
            self._note_end(code)
        return code == FINE

    def _close(self, outsider: Child) -> None:
        code = outsider.wait(LONGEST_LIFE_S)
        if code != FINE:
            log = (self.folder / "outsider.log").read_text()[-LOG_KEPT:]
            self.outcome.wrong.append(f"the second process ended with {code}: {log}")

    def _audit(self) -> None:
        orders = orders_of(self._life)
        runs = {("basket", "basket"), *(("purchase", order.key) for order in orders)}
        runs |= {(flow.name, order.key) for flow, order in others_of(self._life)}
        in_order = {order.key for order in orders if order.plan != "together"}

        def look() -> Any:
            return dataclasses.asdict(audit(self.folder, runs, in_order=in_order))

        found = told_by(look, folder=self.folder, timeout_s=LONGEST_LIFE_S)
        self.outcome.lost += found["lost"]
        self.outcome.doubled += found["doubled"]
        self.outcome.wrong += found["wrong"]
