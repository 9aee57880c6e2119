"""Notification: one message about each subject, to those who can be reached."""

from __future__ import annotations

import pytest

from examples.shop.services.notification import BOUNCES_ONE_IN, SqlNotifications, Unreachable
from tests.examples.shop.orders import ADA, common_name, name_with_lot

SUBJECT = common_name()


async def test_customer_is_told_once(mail: SqlNotifications) -> None:
    """The first message about a subject is the only one."""
    await mail.tell(SUBJECT, ADA, "shipped")
    await mail.tell(SUBJECT, ADA, "shipped again")

    assert await mail.told(SUBJECT) == "shipped"


async def test_guest_cannot_be_told(mail: SqlNotifications) -> None:
    """A guest left no address."""
    with pytest.raises(Unreachable):
        await mail.tell(SUBJECT, None, "shipped")

    assert await mail.told(SUBJECT) is None


async def test_message_bounces_for_good(mail: SqlNotifications) -> None:
    """A subject that draws the mail server's lot bounces each time."""
    unlucky = name_with_lot("mail", one_in=BOUNCES_ONE_IN)

    for _ in range(2):
        with pytest.raises(Unreachable) as refusal:
            await mail.tell(unlucky, ADA, "shipped")
        assert refusal.value.reason == "bounced"
