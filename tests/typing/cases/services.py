"""Services: operations keep their types, an undo has the same parameters, a refusal does not change."""

# ruff: noqa: ARG002, D102, D103 - what is judged here is types: these bodies are never run, and say what they are

from datetime import timedelta
from typing import assert_type

from weft import Declined, Service, System, compensated_by, idempotent, irreversible, operation, read, workflow


class OutOfStock(Declined):
    """Nothing of it is left."""

    sku: str
    left: int = 0


class Inventory(Service, name="inventory", exactly_once=True):
    """Stock on hand."""

    @operation(idempotent)
    async def release(self, order_id: str, lines: tuple[int, ...]) -> None: ...

    @operation(compensated_by(release), raises=OutOfStock, timeout=timedelta(seconds=5))
    async def reserve(self, order_id: str, lines: tuple[int, ...]) -> int:
        raise OutOfStock("a", left=len(lines))

    @operation(irreversible(asks="parcel"), give_up_after=timedelta(days=1), raises=(OutOfStock,))
    async def ship(self, order_id: str) -> str:
        return order_id

    @operation(read)
    async def parcel(self, order_id: str) -> str | None:
        return None

    @operation(compensated_by(release))  # error wanted: the undo takes other parameters
    async def fewer(self, order_id: str) -> int:
        return 1

    @operation(compensated_by(release))  # error wanted: the undo takes the parameters in another order
    async def turned(self, lines: tuple[int, ...], order_id: str) -> int:
        return 1

    @operation(compensated_by(reserve))  # error wanted: an undo returns nothing
    async def again(self, order_id: str, lines: tuple[int, ...]) -> int:
        return 1

    @operation(read)  # error wanted: an operation is async
    def count(self) -> int:
        return 1

    @operation(read, raises=ValueError)  # error wanted: a refusal is Declined
    async def odd(self) -> None: ...

    @operation("read")  # error wanted: an effect is no string
    async def quiet(self) -> None: ...

    @operation()  # error wanted: there is no default effect
    async def silent(self) -> None: ...


async def call(inventory: Inventory) -> None:
    """Call through a proxy, which is typed as the service itself."""
    assert_type(await inventory.reserve("o-1", (1, 2)), int)
    assert_type(await inventory.reserve(order_id="o-1", lines=(1, 2)), int)
    assert_type(await inventory.parcel("o-1"), str | None)
    assert_type(await inventory.release("o-1", ()), None)
    await inventory.reserve("o-1")  # error wanted: lines are missing
    await inventory.reserve("o-1", ("a",))  # error wanted: lines are numbers
    await inventory.forget("o-1")  # error wanted: there is no such operation


def change(refusal: OutOfStock) -> None:
    """A refusal's fields are typed and do not change."""
    assert_type(refusal.sku, str)
    assert_type(OutOfStock("a"), OutOfStock)
    refusal.sku = "b"  # error wanted: the field does not change
    OutOfStock()  # error wanted: sku is missing
    OutOfStock(3)  # error wanted: sku is a string


@workflow
async def nothing(order: str) -> None: ...


System("shop", services=[Inventory], workflows=[nothing])
System("shop", services=[Inventory()])  # error wanted: classes, not instances
System("shop", workflows=[call])  # error wanted: not a workflow
