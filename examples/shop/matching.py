"""Match goods that come back with the purchases of their customer: pure, so that it can be read as a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from examples.shop.values import Ending, Item, Match, OrderId, Refund, Share, Sku, Verdict, refund_of


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of an earlier order, as far as no return has taken it up.

    Attributes:
        left: units that no return was matched with yet.
        ending: how the order ended; nothing while it is open.
    """

    order_id: OrderId
    line: int
    sku: Sku
    left: int
    unit_price: Decimal
    position: int
    ending: Ending | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is decided about a return: how it matches, and a verdict on every part of it."""

    match: Match
    shares: tuple[Share, ...]

    @property
    def accepted(self) -> tuple[Item, ...]:
        """The goods that are taken back."""
        return tuple(share.item for share in self.shares if share.verdict is Verdict.ACCEPTED)

    @property
    def refunds(self) -> tuple[Refund, ...]:
        """What is paid back, by order."""
        total: dict[OrderId, Decimal] = {}
        for share in self.shares:
            if share.verdict is Verdict.ACCEPTED and share.order_id is not None:
                total[share.order_id] = total.get(share.order_id, Decimal("0.00")) + share.refund
        return tuple(Refund(order_id, amount) for order_id, amount in sorted(total.items()))

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """The reasons for which parts of it are refused, each once."""
        fine = {Verdict.ACCEPTED, Verdict.CANCELLED}
        return tuple(dict.fromkeys(share.verdict for share in self.shares if share.verdict not in fine))


def decide(items: Iterable[Item], purchases: Iterable[Purchase]) -> Decision:
    """Decide about a return.

    An item matches if its customer bought that many units of the SKU earlier, on whatever lines, that no return was
    matched with before; it matches as a whole or not at all. It is taken from orders that were shipped first, from
    later orders before earlier ones. What is taken from an order that was never shipped is refused.
    """
    left = {(each.order_id, each.line): each for each in sorted(purchases, key=_preference)}
    shares: list[Share] = []
    for item in items:
        found = [each for each in left.values() if each.sku == item.sku and each.left > 0]
        if sum(each.left for each in found) < item.quantity:
            shares.append(Share(item, Verdict.NOT_BOUGHT))
            continue
        wanted = item.quantity
        for purchase in found:
            units = min(wanted, purchase.left)
            if units:
                shares.append(_share(purchase, units))
                left[purchase.order_id, purchase.line] = replace(purchase, left=purchase.left - units)
                wanted -= units
    return Decision(_match(shares), tuple(shares))


def refuse_stranger(items: Iterable[Item]) -> Decision:
    """Decide about a return that names no customer: there is nothing that it could be matched with."""
    return Decision(Match.NO_CUSTOMER, tuple(Share(item, Verdict.NO_CUSTOMER) for item in items))


def _preference(purchase: Purchase) -> tuple[bool, int, int]:
    return (purchase.ending is not Ending.SHIPPED, -purchase.position, purchase.line)


def _share(purchase: Purchase, units: int) -> Share:
    item = Item(purchase.sku, units)
    if purchase.ending is Ending.SHIPPED:
        refund = refund_of(units, purchase.unit_price)
        return Share(item, Verdict.ACCEPTED, purchase.order_id, purchase.line, refund)
    verdict = Verdict.CANCELLED if purchase.ending is Ending.CANCELLED else Verdict.NOT_SHIPPED
    return Share(item, verdict, purchase.order_id, purchase.line)


def _match(shares: list[Share]) -> Match:
    missing = [share.verdict is Verdict.NOT_BOUGHT for share in shares]
    if not any(missing):
        return Match.WHOLE
    return Match.NONE if all(missing) else Match.PART
