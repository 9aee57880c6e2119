"""START HERE: the shop, its eight services and three workflows.

Read on in workflows/place_order.py, the story that all the others serve; then in any file of services/, each a
context of its own; then run it: `make demo`.
"""

from __future__ import annotations

from examples.shop.services.cart import SqlCarts
from examples.shop.services.catalog import SqlCatalog
from examples.shop.services.inventory import SqlInventory
from examples.shop.services.notification import SqlNotifications
from examples.shop.services.order import SqlOrders
from examples.shop.services.payment import SqlPayments
from examples.shop.services.shipping import SqlShipping
from examples.shop.services.user import SqlUsers
from examples.shop.workflows.cancel_or_return import cancel_or_return
from examples.shop.workflows.place_order import place_order
from examples.shop.workflows.restock import restock
from weft import System

shop = System(
    "shop",
    services=[
        SqlUsers,
        SqlCatalog,
        SqlCarts,
        SqlOrders,
        SqlInventory,
        SqlPayments,
        SqlShipping,
        SqlNotifications,
    ],
    workflows=[place_order, cancel_or_return, restock],
)
