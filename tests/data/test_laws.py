"""For any order of deliveries, duplicates and failures an effect is applied once or not, and answers never change."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.data.bank import Bank, Died, bank_tables, call, deliver, undo_of
from tests.data.conftest import Fresh
from weft.data import Database
from weft.errors import NotDone
from weft.model.call import Outcome, Refused, Reply

AMOUNTS = {"small": 30, "large": 80, "huge": 500}  # of 100: small and large exclude each other, huge never fits


EXAMPLES = settings(
    max_examples=settings().max_examples // 2,  # on each of two kinds of database
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # what it makes is fresh each time
)


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver a call; one that `dies` ends before its commit."""

    call_id: str
    undo: bool
    dies: bool


deliveries = st.lists(
    st.builds(Delivery, call_id=st.sampled_from(sorted(AMOUNTS)), undo=st.booleans(), dies=st.booleans()), max_size=16
)


@dataclass
class Model:
    """What a bank would do that never failed and saw each call once."""

    amount: int = 100
    answers: dict[tuple[str, bool], object] = field(default_factory=dict[tuple[str, bool], object])

    def take(self, delivery: Delivery) -> object:
        """Return what this delivery is answered; nothing if it dies before it is settled."""
        key = (delivery.call_id, delivery.undo)
        if key not in self.answers:
            answer, change = self._decide(delivery)
            # An undo with nothing to do is settled at the door, before its body could die.
            if delivery.dies and answer not in {"nothing", "undone"}:
                return None
            self.answers[key] = answer
            self.amount += change
        return self.answers[key]

    def _decide(self, delivery: Delivery) -> tuple[object, int]:
        amount = AMOUNTS[delivery.call_id]
        if not delivery.undo:
            if (delivery.call_id, True) in self.answers:
                return "undone", 0
            return (self.amount - amount, -amount) if amount <= self.amount else ("refused", 0)
        applied = isinstance(self.answers.get((delivery.call_id, False)), int)
        return (self.amount + amount, amount) if applied else ("nothing", 0)


async def attempt(bank: Bank, delivery: Delivery) -> object:
    """Deliver to the real bank; return the answer as the model writes it."""
    amount = AMOUNTS[delivery.call_id]
    outcome: Outcome | None = None
    with suppress(Died):
        if delivery.undo:
            body = undo_of(delivery.call_id)
            outcome = await deliver(body, lambda: bank.refund("ada", amount), dies=delivery.dies)
        else:
            body = call(delivery.call_id)
            outcome = await deliver(body, lambda: bank.charge("ada", amount), dies=delivery.dies)
    return _as_written(outcome)


def _as_written(outcome: Outcome | None) -> object:
    match outcome:
        case None:
            return None
        case Reply(data=data):
            return "nothing" if data == b"null" else int(data)
        case Refused():
            return "refused"
        case NotDone():
            return outcome.reason
        case _:
            raise AssertionError(outcome)


@EXAMPLES
@given(plan=deliveries)
def test_one_after_another(fresh: Fresh, plan: list[Delivery]) -> None:
    """State and every answer are those of a bank that saw each call once."""

    async def story() -> None:
        model = Model()
        with fresh() as url:
            async with Database.open(url, tables=bank_tables) as db:
                bank = Bank(db)
                await bank.open_account("ada", 100)
                for delivery in plan:
                    assert await attempt(bank, delivery) == model.take(delivery)
                assert await bank.amount("ada") == model.amount == 100 + sum(await bank.moved("ada"))

    asyncio.run(story())


@EXAMPLES
@given(plan=deliveries)
def test_all_at_once(fresh: Fresh, plan: list[Delivery]) -> None:
    """Deliveries that race end as some order of them would: one answer for each call, and books that agree with it."""

    async def story() -> None:
        with fresh() as url:
            async with Database.open(url, tables=bank_tables) as db:
                bank = Bank(db)
                await bank.open_account("ada", 100)
                answers = await asyncio.gather(*(attempt(bank, delivery) for delivery in plan))
                seen: dict[tuple[str, bool], set[object]] = {}
                for delivery, answer in zip(plan, answers, strict=True):
                    seen.setdefault((delivery.call_id, delivery.undo), set()).add(answer)
                told = {key: answer - {None} for key, answer in seen.items()}
                assert all(len(answer) <= 1 for answer in told.values())
                applied = {call_id: told.get((call_id, False), set()) for call_id in AMOUNTS}
                expected = sorted(_movements(told, applied))
                assert sorted(await bank.moved("ada")) == expected
                assert await bank.amount("ada") == 100 + sum(expected)

    asyncio.run(story())


def _movements(told: dict[tuple[str, bool], set[object]], applied: dict[str, set[object]]) -> list[int]:
    found: list[int] = []
    for call_id, amount in AMOUNTS.items():
        found += [-amount for answer in applied[call_id] if isinstance(answer, int)]
        found += [amount for answer in told.get((call_id, True), set()) if isinstance(answer, int)]
    return found
