"""Users: accounts are opened once, guests are noted, and a closed account buys nothing."""

from __future__ import annotations

import pytest

from examples.shop.services.user import AccountClosed, SqlUsers
from examples.shop.values import OrderId
from tests.examples.shop.orders import ADA


async def test_first_order_opens_the_account(users: SqlUsers) -> None:
    """A customer has an account from the first order on."""
    assert not await users.is_open(ADA)

    await users.admit(OrderId("1"), ADA, "France")
    await users.admit(OrderId("2"), ADA, "Spain")

    assert await users.is_open(ADA)


async def test_guest_is_noted_once_for_each_order(users: SqlUsers) -> None:
    """A guest may be admitted again for the same order, and opens no account."""
    await users.admit(OrderId("1"), None, "France")
    await users.admit(OrderId("1"), None, "France")

    assert not await users.is_open(ADA)


async def test_closed_account_is_refused(users: SqlUsers) -> None:
    """Who has closed the account is not admitted any more."""
    await users.admit(OrderId("1"), ADA, "France")

    await users.close_account(ADA)

    with pytest.raises(AccountClosed) as refusal:
        await users.admit(OrderId("2"), ADA, "France")
    assert refusal.value.customer == ADA


async def test_closing_comes_before_the_first_order(users: SqlUsers) -> None:
    """An account may be closed for a customer who never bought."""
    await users.close_account(ADA)
    await users.close_account(ADA)

    assert not await users.is_open(ADA)
