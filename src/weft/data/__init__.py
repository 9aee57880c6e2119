"""A service's own database, in which an effect, the memory of its call and its reply commit together."""

from weft.data.columns import Instant, Money
from weft.data.database import Database
from weft.data.transaction import Transaction

__all__ = ["Database", "Instant", "Money", "Transaction"]
