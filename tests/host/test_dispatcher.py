"""The dispatcher: from a call to exactly one of four outcomes, with the effect committed first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.host.bank import Accounts, NotToday, Rates, RunsNotebook, TooPoor, bank
from weft.clock import VirtualClock
from weft.errors import NotDone, OutcomeUnknown
from weft.flow.ambient import current_call
from weft.flow.proxy import make_proxy
from weft.flow.runs import Runs
from weft.host.dispatcher import Bound, Dispatcher, Ending
from weft.ids import SeededIds
from weft.model.call import Call, Outcome, Refused, Reply


class Counter:
    """One bank in front of a dispatcher."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.endings: list[Ending] = []
        self.rates = Rates()
        proxy = make_proxy(Rates, bank.services["rates"].operations, send=self.send, ids=SeededIds(1))
        self.accounts = Accounts(proxy, self.clock, Runs(bank, RunsNotebook()))
        instances: dict[str, Any] = {"rates": self.rates, "accounts": self.accounts}
        self.bound = {
            operation.target: Bound(operation, getattr(instances[operation.service], operation.name))
            for operation in bank.operations.values()
        }
        self.dispatch = self.dispatcher()

    def dispatcher(self) -> Dispatcher:
        """Return a dispatcher over what is bound now."""
        return Dispatcher(
            self.bound, send=self.send, clock=self.clock, witness=lambda _, ending: self.endings.append(ending)
        )

    def send(self, call: Call) -> Awaitable[Outcome]:
        """Send a call as proxies do."""
        return self.dispatch(call)

    def replace(self, target: str, method: Any, *, alone: bool = True, exactly_once: bool = False) -> None:
        """Put another method behind an operation."""
        self.bound[target] = Bound(bank.operations[target], method, alone=alone, exactly_once=exactly_once)
        self.dispatch = self.dispatcher()


def call(target: str, *arguments: object, **fields: Any) -> Call:
    """Return a call as a caller would encode it."""
    service, _, name = target.partition(".")
    operation = bank.operations[target]
    data = operation.parameters.encode_arguments(arguments, {})
    return Call(id="c-1", service=service, operation=name, arguments=data, **fields)


@pytest.fixture
def counter() -> Counter:
    """Return a bank without money."""
    return Counter()


async def test_reply_is_the_encoded_result(counter: Counter) -> None:
    """An operation that returns is a reply with its result."""
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 5))

    assert outcome == Reply(b"5")
    assert counter.endings == [Ending.APPLIED]


async def test_operation_sees_its_call_and_the_context_is_as_it_was(counter: Counter) -> None:
    """The current call is set while the method runs, and not a moment longer."""
    asked = call("accounts.deposit", "ada", 5, tenant="t", attempt=3)

    await counter.dispatch(asked)

    assert counter.accounts.seen == [asked]
    assert current_call.get() is None


async def test_declared_refusal_travels_with_its_fields(counter: Counter) -> None:
    """A refusal that the operation declares is an outcome with its data."""
    outcome = await counter.dispatch(call("accounts.withdraw", "ada", 7))

    assert isinstance(outcome, Refused)
    assert bank.operations["accounts.withdraw"].refusal(outcome) == TooPoor(7)
    assert counter.endings == [Ending.REFUSED]


async def test_undeclared_refusal_is_an_undeclared_exception(counter: Counter) -> None:
    """Nobody can decode a refusal that was not declared, so it is an unknown outcome with its cause."""
    outcome = await counter.dispatch(call("accounts.lose_patience"))

    assert isinstance(outcome, OutcomeUnknown)
    assert (outcome.reason, outcome.data["kind"]) == ("exception", NotToday.__name__)


async def test_exception_of_a_read_is_not_done_with_its_cause(counter: Counter) -> None:
    """What only reads has no effect, however it ends; type, text and line of the cause are kept."""
    outcome = await counter.dispatch(call("rates.rate", "none"))

    assert isinstance(outcome, NotDone)
    assert (outcome.data["kind"], outcome.data["text"]) == ("KeyError", "'none'")
    assert "bank.py:" in outcome.data["raised_at"]
    assert "KeyError: 'none'" in outcome.what
    assert counter.endings == [Ending.FAILED]


async def test_exception_of_an_effect_is_unknown(counter: Counter) -> None:
    """Without a transaction nobody knows how far an effect came."""
    outcome = await counter.dispatch(call("accounts.put_back", "nobody", 1))

    assert isinstance(outcome, OutcomeUnknown)


class Unspeakable(Exception):
    """An exception without words."""

    def __str__(self) -> str:
        return str(1 / 0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("half: \ud800"), "half: ?"),
        (ValueError("x" * 5000), "x" * 2000 + " (and 3,000 characters more)"),
        (Unspeakable(), "(ZeroDivisionError in its text)"),
    ],
)
async def test_words_of_a_cause_can_be_written_down(counter: Counter, error: Exception, text: str) -> None:
    """Whatever an exception says, its outcome has a text that fits into a journal."""

    async def rate(currency: str) -> int:
        raise error from KeyError(currency)

    counter.replace("rates.rate", rate)
    outcome = await counter.dispatch(call("rates.rate", "EUR"))

    assert isinstance(outcome, NotDone)
    assert outcome.data["text"] == text
    assert text in outcome.what


async def test_unknown_operation_is_not_done(counter: Counter) -> None:
    """A call for something that is not here certainly did not happen."""
    outcomes = [
        await counter.dispatch(Call(id="c", service=service, operation=name, arguments=b"{}"))
        for service, name in [("accounts", "rob"), ("casino", "deposit")]
    ]

    assert [(type(each), each.reason) for each in outcomes if isinstance(each, NotDone)] == [
        (NotDone, "unknown-operation")
    ] * 2


@pytest.mark.parametrize("data", [b"", b"[]", b'{"account": "ada"}', b'{"account": 1, "amount": 2}'])
async def test_arguments_that_do_not_parse_are_not_done(counter: Counter, data: bytes) -> None:
    """Bytes that are no arguments never reach the method."""
    asked = Call(id="c", service="accounts", operation="deposit", arguments=data)

    outcome = await counter.dispatch(asked)

    assert isinstance(outcome, NotDone)
    assert outcome.reason == "arguments"
    assert counter.accounts.seen == []


async def test_names_beat_positions_and_fingerprints(counter: Counter) -> None:
    """Arguments in another order, with a field from the future and another fingerprint are understood."""
    data = b'{"amount": 2, "from_the_future": true, "account": "ada"}'
    asked = Call(id="c", service="accounts", operation="deposit", arguments=data, contract="another")

    assert await counter.dispatch(asked) == Reply(b"2")


@pytest.mark.parametrize("target", ["accounts.repeat", "accounts.repeat_in_group"])
async def test_stored_outcome_is_answered(counter: Counter, target: str) -> None:
    """A duplicate that leaves by its stored outcome is answered with it, also out of a task group."""
    outcome = await counter.dispatch(call(target, "as before"))

    assert outcome == Reply(b'"as before"')
    assert counter.endings == [Ending.SETTLED]


async def test_nested_call_reaches_the_other_service(counter: Counter) -> None:
    """A proxy inside an operation sends through the pipe; the outer call is current again afterwards."""
    await counter.dispatch(call("accounts.deposit", "ada", 5))

    assert await counter.dispatch(call("accounts.value", "ada", "EUR")) == Reply(b"15")


async def test_failure_of_a_nested_call_follows_the_same_rule(counter: Counter) -> None:
    """A failed call inside a read is the read's failure: it had no effect, and says why."""
    await counter.dispatch(call("accounts.deposit", "ada", 5))

    outcome = await counter.dispatch(call("accounts.value", "ada", "none"))

    assert isinstance(outcome, NotDone)
    assert "rates.rate raised KeyError" in outcome.what


async def test_deadline_ends_the_method(counter: Counter) -> None:
    """A method that takes longer than what is left is cancelled; what it did so far nobody knows."""
    attempt = asyncio.ensure_future(counter.dispatch(call("accounts.wait", 60, remaining_ms=1000)))
    await asyncio.sleep(0)

    counter.clock.move_to(counter.clock.now_ms() + 1000)
    outcome = await attempt

    assert isinstance(outcome, OutcomeUnknown)
    assert (outcome.reason, counter.accounts.cancelled) == ("timeout", 1)


async def test_deadline_that_is_kept_leaves_nothing_behind(counter: Counter) -> None:
    """A method that is in time replies, and its alarm is gone."""
    attempt = asyncio.ensure_future(counter.dispatch(call("accounts.wait", 1, remaining_ms=1001)))
    await asyncio.sleep(0)

    counter.clock.move_to(counter.clock.now_ms() + 1000)

    assert await attempt == Reply(b'"done"')
    assert counter.clock.next_due_ms() is None


async def test_deadline_that_has_passed_is_not_done(counter: Counter) -> None:
    """Work that is late already is not begun."""
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1, remaining_ms=0))

    assert isinstance(outcome, NotDone)
    assert (outcome.reason, counter.accounts.seen) == ("deadline", [])


async def test_cancellation_passes(counter: Counter) -> None:
    """A cancelled attempt has no outcome."""
    attempt = asyncio.ensure_future(counter.dispatch(call("accounts.wait", 60, remaining_ms=100_000)))
    await asyncio.sleep(0)

    attempt.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert (counter.endings, counter.clock.next_due_ms()) == ([], None)


async def test_nested_call_has_what_is_left_of_the_deadline(counter: Counter) -> None:
    """Time that the calling operation has used is gone for those that it calls."""
    left: list[int | None] = []

    async def rate(currency: str) -> int:
        around = current_call.get()
        assert around is not None
        left.append(around.call.remaining_ms)
        counter.clock.move_to(counter.clock.now_ms() + 400)
        return len(currency)

    counter.replace("rates.rate", rate)

    async def value(account: str, currency: str) -> int:
        return sum([await counter.accounts.rates.rate(each) for each in (account, currency)])

    counter.replace("accounts.value", value)
    await counter.dispatch(call("accounts.value", "ada", "EUR", remaining_ms=1_000))
    await counter.dispatch(call("accounts.value", "ada", "EUR"))

    assert left == [1_000, 600, None, None]
