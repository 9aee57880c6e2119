"""The dispatcher and a transaction that has joined: committed with the outcome, or rolled back."""

from __future__ import annotations

import asyncio

import pytest

from tests.host.bank import TooPoor, Vault
from tests.host.test_dispatcher import Counter, call
from weft.errors import NotDone, OutcomeUnknown
from weft.faults.crash import Crashed, doomed
from weft.flow.ambient import Overtaken, current_call
from weft.host.dispatcher import TIMES_OVERTAKEN, Ending
from weft.model.call import Refused, Reply


@pytest.fixture
def counter() -> Counter:
    """Return a bank without money."""
    return Counter()


async def test_effect_and_reply_are_committed_before_the_answer(counter: Counter) -> None:
    """The participant gets the very reply that is answered."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        return amount + len(account)

    counter.replace("accounts.deposit", deposit)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert outcome == Reply(b"4")
    assert vault.steps == [outcome]


async def test_refusal_is_committed(counter: Counter) -> None:
    """A refusal is stored as well, so that a late duplicate is refused alike."""
    vault = Vault()

    async def withdraw(account: str, amount: int) -> None:
        vault.join()
        raise TooPoor(amount - len(account))

    counter.replace("accounts.withdraw", withdraw)
    outcome = await counter.dispatch(call("accounts.withdraw", "ada", 1))

    assert isinstance(outcome, Refused)
    assert vault.steps == [outcome]


async def test_refusal_that_nobody_remembers(counter: Counter) -> None:
    """A service that promised to remember its calls and refuses without a transaction may have done it before."""

    async def withdraw(account: str, amount: int) -> None:
        raise TooPoor(amount - len(account))

    counter.replace("accounts.withdraw", withdraw, exactly_once=True)
    outcome = await counter.dispatch(call("accounts.withdraw", "ada", 1))

    assert isinstance(outcome, OutcomeUnknown)
    assert "declined and wrote nothing in a transaction" in outcome.what
    assert counter.endings == [Ending.FAILED]


@pytest.mark.parametrize(
    ("alone", "elsewhere", "certain"),
    [(True, False, NotDone), (False, False, OutcomeUnknown), (True, True, OutcomeUnknown)],
)
async def test_exception_rolls_back(
    counter: Counter, *, alone: bool, elsewhere: bool, certain: type[Exception]
) -> None:
    """A rolled-back transaction is proof only where it was all that the service could change."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        around = current_call.get()
        assert around is not None
        around.wrote_elsewhere = elsewhere
        raise RuntimeError(account * amount)

    counter.replace("accounts.deposit", deposit, alone=alone)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert type(outcome) is certain
    assert vault.steps == ["abandoned"]


async def test_result_that_cannot_travel_rolls_back(counter: Counter) -> None:
    """A result of the wrong type is the service's failure, and nothing of it stays."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> str:
        vault.join()
        return account * amount

    counter.replace("accounts.deposit", deposit)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert isinstance(outcome, NotDone)
    assert (outcome.data["kind"], vault.steps) == ("ValueCannotTravel", ["abandoned"])


@pytest.mark.parametrize(
    ("failure", "certain"),
    [(NotDone("the disk is full", reason="storage"), NotDone), (OSError("flush failed"), OutcomeUnknown)],
)
async def test_failed_commit_is_what_the_database_says(
    counter: Counter, failure: Exception, certain: type[Exception]
) -> None:
    """A commit that fails is not done where the database says so, and unknown otherwise."""
    vault = Vault(failure)

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        return len(account) * amount

    counter.replace("accounts.deposit", deposit)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert type(outcome) is certain
    assert counter.endings == [Ending.FAILED]


async def test_cancellation_rolls_back(counter: Counter) -> None:
    """A cancelled attempt leaves no transaction open."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        await asyncio.Event().wait()
        return len(account) * amount

    counter.replace("accounts.deposit", deposit)
    attempt = asyncio.ensure_future(counter.dispatch(call("accounts.deposit", "ada", 1)))
    await asyncio.sleep(0)
    attempt.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert vault.steps == ["abandoned"]


async def test_crash_before_the_commit_rolls_back(counter: Counter) -> None:
    """A service that is doomed has worked, and nothing of it is committed."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        return len(account) * amount

    counter.replace("accounts.deposit", deposit)
    token = doomed.set("c-1")
    with pytest.raises(Crashed):
        await counter.dispatch(call("accounts.deposit", "ada", 1))
    doomed.reset(token)

    assert vault.steps == ["abandoned"]


async def test_cancellation_during_the_commit_of_a_nested_call(counter: Counter) -> None:
    """It is the calling operation that is cancelled: it ends there, and what it had committed elsewhere stays."""
    vault, begun = Vault(patient=True), asyncio.Event()

    async def rate(currency: str) -> int:
        vault.join()
        begun.set()
        return len(currency)

    counter.replace("rates.rate", rate)
    counter.accounts.balances["ada"] = 1
    attempt = asyncio.ensure_future(counter.dispatch(call("accounts.value", "ada", "EUR")))
    await begun.wait()
    attempt.cancel()

    with pytest.raises(asyncio.CancelledError):
        await attempt
    assert vault.steps == [Reply(b"3")]
    assert counter.endings == [Ending.APPLIED]


async def test_overtaken_transaction(counter: Counter) -> None:
    """An operation whose transaction others overtook is run again from its beginning; the last one is committed."""
    vault, attempts = Vault(), 0

    async def deposit(account: str, amount: int) -> int:
        nonlocal attempts
        vault.join()
        attempts += 1
        if attempts < 3:
            raise Overtaken
        return len(account) * amount

    counter.replace("accounts.deposit", deposit)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert outcome == Reply(b"3")
    assert vault.steps == ["abandoned", "abandoned", outcome]
    assert counter.endings == [Ending.APPLIED]


async def test_transaction_that_is_overtaken_for_ever(counter: Counter) -> None:
    """After so many times nothing has happened, and the caller hears it."""
    vault = Vault()

    async def deposit(account: str, amount: int) -> int:
        vault.join()
        raise Overtaken(account, amount)

    counter.replace("accounts.deposit", deposit)
    outcome = await counter.dispatch(call("accounts.deposit", "ada", 1))

    assert isinstance(outcome, NotDone)
    assert outcome.reason == "conflict"
    assert vault.steps == ["abandoned"] * (TIMES_OVERTAKEN + 1)
