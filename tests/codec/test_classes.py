"""Record classes: dataclasses, declared records and Structs, alone and in unions."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec
import pytest

from weft.codec import codec_for
from weft.errors import TypeCannotTravel, ValueCannotTravel, ValueInvalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """What is ordered, and how often."""

    sku: str
    count: int = 1


@dataclass(frozen=True)
class Card:
    """Pay by card."""

    number: str


@dataclass(frozen=True)
class GoldCard(Card):
    """A card with more to it."""

    lounge: bool = True


@dataclass(frozen=True)
class Transfer:
    """Pay by transfer."""

    iban: str
    at: datetime


@dataclass(frozen=True)
class Order:
    """An order with everything in it."""

    id: str
    lines: tuple[Line, ...]
    pay: Card | Transfer | None = None
    by_day: dict[int, Decimal] = field(default_factory=dict)
    note: Annotated[str, msgspec.Meta(max_length=10)] = field(default="", kw_only=True)


@dataclass(frozen=True)
class Leaf:
    """The end of a branch."""

    at: datetime


@dataclass(frozen=True)
class Node:
    """A tree in a union that contains itself."""

    left: Leaf | Node
    right: Leaf | Node | None = None


@dataclass(frozen=True)
class Folder:
    """A class that contains itself by way of another, with something to check inside."""

    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Entry:
    """What lies in a folder."""

    folder: Folder | None
    price: Decimal


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = Order("o-1", (Line("a"), Line("b", 2)), Transfer("DE1", MOMENT), {2: Decimal("1.10"), 1: Decimal(0)}, note="x")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Order, ORDER),
        (Node, Node(Leaf(MOMENT), Node(Leaf(MOMENT)))),
        (Leaf | Node, Leaf(MOMENT)),
        (Folder, Folder((Entry(Folder(), Decimal(1)), Entry(None, Decimal(2))))),
        (GoldCard, GoldCard("1", lounge=False)),
        (list[Line | Card], [Line("a"), Card("1")]),
        (Line | list[Card] | str | None, [Card("1")]),
    ],
)
def test_record_comes_back_equal(hint: Any, value: Any) -> None:
    """Nested, recursive, inherited and united records come back as they were."""
    codec = codec_for(hint)

    assert codec.decode(codec.encode(value)) == value


def test_members_of_a_union_are_tagged_by_name() -> None:
    """In a union of record classes the class name is under `type`; alone it is not."""
    assert codec_for(Card | Transfer).encode(Card("1")) == b'{"type":"Card","number":"1"}'
    assert codec_for(Card | None).encode(Card("1")) == b'{"number":"1"}'


def test_unknown_member_is_invalid() -> None:
    """A name that the union does not have is refused, with the place of the name."""
    with pytest.raises(ValueInvalid, match=r"pay\.type: Invalid value 'Cash'"):
        codec_for(Order).decode(b'{"id":"o","lines":[],"pay":{"type":"Cash"}}')


@dataclass(frozen=True)
class Typed:
    """A class with a field that a tag would overwrite."""

    type: str


def test_tag_cannot_collide_with_a_field() -> None:
    """A class with a field named like the tag cannot be in a union; alone it travels."""
    with pytest.raises(TypeCannotTravel, match="has a field `type`"):
        codec_for(Typed | Card)
    assert codec_for(Typed | None).encode(Typed("x")) == b'{"type":"x"}'


def test_tags_cannot_collide_with_each_other() -> None:
    """Two classes of one name cannot be in a union."""
    other = dataclasses.make_dataclass("Card", [("pin", int)], frozen=True)

    with pytest.raises(TypeCannotTravel, match="the same name"):
        codec_for(Card | other)


def test_subclass_of_a_record_is_refused() -> None:
    """A subclass would lose what it adds: it is refused where its base is declared."""
    gold: Card = GoldCard("1")

    with pytest.raises(ValueCannotTravel, match=r"pay: GoldCard is given where .* it is a subclass"):
        codec_for(Order).encode(Order("o", (), gold))


def test_path_leads_to_the_wrong_value() -> None:
    """The path of a wrong value goes through fields, positions and keys."""
    wrong: Any = "2"

    with pytest.raises(ValueCannotTravel, match=r"lines\[1\]\.count: str is given where int is declared"):
        codec_for(Order).encode(Order("o", (Line("a"), Line("b", wrong))))
    with pytest.raises(ValueInvalid, match=r"lines\[0\]\.count: Expected `int`, got `str`"):
        codec_for(Order).decode(b'{"id":"o","lines":[{"sku":"a","count":"2"}]}')


def test_value_inside_a_record_is_checked_on_the_way_in() -> None:
    """What msgspec alone would let in is refused inside records, recursive ones too."""
    codec = codec_for(Folder)
    inner = '{"folder":null,"price":"NaN"}'

    with pytest.raises(ValueInvalid, match=r"entries\[0\]\.folder\.entries\[0\]\.price: the Decimal is not finite"):
        codec.decode(f'{{"entries":[{{"folder":{{"entries":[{inner}]}},"price":"1"}}]}}'.encode())


@dataclass(frozen=True)
class Money:
    """An amount that refuses to be negative."""

    amount: Decimal

    def __post_init__(self) -> None:
        if self.amount < 0:
            raise ArithmeticError("less than nothing")


@pytest.mark.parametrize("hint", [Money, Money | Card])
def test_refusal_by_the_class_itself_is_invalid(hint: Any) -> None:
    """Whatever `__post_init__` raises means that the bytes are no value."""
    with pytest.raises(ValueInvalid, match="less than nothing"):
        codec_for(hint).decode(b'{"type":"Money","amount":"-1"}')


@dataclass(frozen=True)
class Named:
    """A class that works one of its fields out."""

    first: str
    last: str
    full: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "full", f"{self.first} {self.last}")


def test_field_that_is_worked_out_is_not_sent() -> None:
    """A field with init=False is made by the class at the other end."""
    codec = codec_for(Named)

    encoded = codec.encode(Named("Ada", "Lovelace"))

    assert encoded == b'{"first":"Ada","last":"Lovelace"}'
    assert codec.decode(encoded).full == "Ada Lovelace"


class Declared(Exception):
    """What a class hook makes: a dataclass that is not frozen by `dataclass`, and an exception."""

    __weft_record__: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Make a dataclass of the subclass."""
        dataclass(cls)

    def __setattr__(self, name: str, value: object) -> None:
        if name in self.__dict__:
            raise AttributeError(name)
        super().__setattr__(name, value)


class OutOfStock(Declared):
    """A refusal with fields."""

    sku: str
    left: int = 0
    where: str = field(default="here", kw_only=True)


class Closed(Declared):
    """A refusal without fields."""


@pytest.mark.parametrize("hint", [OutOfStock, OutOfStock | Closed])
def test_declared_record_is_made_by_its_constructor(hint: Any) -> None:
    """A declared record that is an exception comes back whole: fields, args, and refusing changes."""
    codec = codec_for(hint)

    back = codec.decode(codec.encode(OutOfStock("a", 2, where="there")))

    assert (back.sku, back.left, back.where, back.args) == ("a", 2, "there", ("a", 2))
    with pytest.raises(AttributeError):
        back.sku = "b"


def test_declared_record_takes_its_defaults() -> None:
    """Fields missing from the bytes are left to the constructor."""
    back = codec_for(OutOfStock).decode(b'{"sku":"a","where":"there","new":1}')

    assert (back.sku, back.left, back.where) == ("a", 0, "there")


class Packed(msgspec.Struct, frozen=True, rename="camel"):
    """A Struct that renames its fields."""

    order_id: str
    by_day: dict[int, Card | Transfer]
    paid_at: datetime | None = None


def test_struct_holds_what_msgspec_alone_cannot() -> None:
    """A Struct with a union of dataclasses and int keys travels under its own names."""
    codec = codec_for(Packed)
    value = Packed("o", {2: Card("1"), 1: Transfer("DE1", MOMENT)})

    encoded = codec.encode(value)

    assert list(json.loads(encoded)) == ["orderId", "byDay", "paidAt"]
    assert codec.decode(encoded) == value


class Cash(msgspec.Struct, frozen=True, tag="cash"):
    """A Struct with a tag of its own."""

    amount: int


class Cheque(msgspec.Struct, frozen=True, tag="cheque"):
    """Another Struct with a tag of its own."""

    moment: datetime


def test_structs_keep_their_own_tags() -> None:
    """A union of tagged Structs is msgspec's affair, but for what it would let through."""
    codec = codec_for(Cash | Cheque)

    assert codec.decode(codec.encode(Cash(1))) == Cash(1)
    with pytest.raises(ValueInvalid, match="moment: the datetime is naive"):
        codec.decode(b'{"type":"cheque","moment":"2026-01-01T00:00:00"}')
    with pytest.raises(TypeCannotTravel, match="a tag of its own"):
        codec_for(Cash | Card)


@dataclass
class Thawed:
    """A dataclass that changes."""

    a: int


class Heir(Card):
    """Inherits from a dataclass, and is none."""


@dataclass(frozen=True)
class Started:
    """Needs what it does not keep."""

    a: int
    seed: InitVar[int]


@dataclass(frozen=True)
class Box(Generic[T]):
    """A class for any type."""

    item: T


class Stubborn(Declared):
    """Has an `__init__` of its own that takes no fields."""

    a: int

    def __init__(self) -> None:
        self.a = 1


@dataclass(frozen=True)
class Deep:
    """Hides a set far down."""

    lines: tuple[dict[str, set[int]], ...]


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        (Thawed, "can change after it was sent"),
        (Heir, "inherits from a dataclass but is none itself"),
        (Started, "InitVar"),
        (Box, r"Box\.item: .*generic classes do not travel"),
        (Box[int], "generic classes do not travel"),
        (Stubborn, "the __init__ of Stubborn does not take its fields"),
        (Deep, r"Deep\.lines\[\]\[\]: set\[int\] cannot travel"),
        (list[Deep], r"lines\[\]\[\]: set\[int\] cannot travel"),
    ],
)
def test_class_that_cannot_travel_says_why(hint: Any, reason: str) -> None:
    """The message names the place inside the type, the part, and what to do about it."""
    with pytest.raises(TypeCannotTravel, match=reason):
        codec_for(hint)


def test_schema_says_what_the_codec_asks() -> None:
    """The schema knows tags, required fields, and that datetimes have a time zone."""
    definitions: Any = codec_for(Order).schema()["$defs"]

    assert definitions["Order"]["required"] == ["id", "lines"]
    assert definitions["Transfer"]["properties"]["type"] == {"enum": ["Transfer"]}
    assert definitions["Transfer"]["properties"]["at"] == {"type": "string", "format": "date-time"}
    assert definitions["Transfer"]["description"] == "Pay by transfer."
