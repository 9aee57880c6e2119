"""Columns for what SQLite has no type for: exact money and moments in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**63 - 1


class Money(TypeDecorator[Decimal]):
    """An exact amount, kept as a whole number of its smallest unit: sums in SQL stay exact.

    Args:
        scale: Digits after the point: 2 for euros, 0 for yen.
    """

    impl = BigInteger
    cache_ok = True

    def __init__(self, scale: int = 2) -> None:
        super().__init__()
        self.scale = scale

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Turn an amount into minor units; what would need rounding is refused."""
        del dialect
        if value is None:
            return None
        if type(value) is not Decimal:
            raise TypeError(f"money is a Decimal, not {type(value).__name__} ({value!r})")
        if not value.is_finite():
            raise ValueError(f"{value} is no amount of money")
        minor = int(value.scaleb(self.scale))
        if Decimal(minor).scaleb(-self.scale) != value:
            raise ValueError(
                f"{value} has more than {self.scale} digits after the point: round it where you decide how"
            )
        if abs(minor) > LARGEST:
            raise ValueError(f"{value} is more money than a column holds")
        return minor

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Turn minor units into an amount with `scale` digits after the point."""
        del dialect
        return None if value is None else Decimal(value).scaleb(-self.scale)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970-01-01 UTC: it sorts and compares as time does."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn a moment into microseconds; one without a time zone is refused."""
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone, so it is no moment: use datetime.now(UTC) or astimezone()")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware datetime in UTC."""
        del dialect
        return None if value is None else EPOCH + value * MICROSECOND
