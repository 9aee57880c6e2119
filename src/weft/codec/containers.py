"""The shapes of tuples, lists, dicts and unions, made of the shapes of what is inside."""

from __future__ import annotations

from enum import Enum
from operator import attrgetter

from weft.codec.shape import Mismatch, Shape, Step, dispatch, wrong_class, wrong_item


def list_shape(item: Shape) -> Shape:
    """Return the shape of `list[item]`."""
    return Shape(
        f"list[{item.name}]",
        list.__class_getitem__(item.wire),
        frozenset({list}),
        outward=_each_outward(item),
        inward=_each_inward(item, list),
        native=item.native,
    )


def tuple_shape(item: Shape) -> Shape:
    """Return the shape of `tuple[item, ...]`."""
    return Shape(
        f"tuple[{item.name}, ...]",
        tuple.__class_getitem__((item.wire, ...)),
        frozenset({tuple}),
        outward=_each_outward(item),
        inward=_each_inward(item, tuple),
        native=item.native,
    )


def _each_outward(item: Shape) -> Step:
    kinds, step, native = item.takes, item.outward, item.native

    def classes_only(values: list[object]) -> object:
        # One call in C for all items: as fast as msgspec writes them.
        if not kinds.issuperset(map(type, values)):
            raise wrong_item(values, item)
        return values

    if step is None:
        return classes_only
    outward = step

    columns = [(attrgetter(name), classes) for name, classes in item.columns]

    def outward_each(values: list[object]) -> object:
        # Lists of records of plain fields are what most payloads are made of: calls in C look through one field of all
        # of them at a time, twice as fast as item by item. The loop below then only finds the culprit.
        if columns and kinds.issuperset(map(type, values)):
            for column, classes in columns:
                if not classes.issuperset(map(type, map(column, values))):
                    break
            else:
                return values
        written: list[object] = []
        for index, value in enumerate(values):
            if type(value) not in kinds:
                raise wrong_class(value, item).under(f"[{index}]")
            try:
                written.append(outward(value))
            except Mismatch as mismatch:
                raise mismatch.under(f"[{index}]") from None
        return values if native else written

    return outward_each


def _each_inward(item: Shape, container: type[list[object] | tuple[object, ...]]) -> Step | None:
    step, native = item.inward, item.native
    if step is None:
        return None
    inward = step

    def inward_each(values: list[object]) -> object:
        made: list[object] = []
        for index, value in enumerate(values):
            try:
                made.append(inward(value))
            except Mismatch as mismatch:
                raise mismatch.under(f"[{index}]") from None
        return values if native else container(made)

    return inward_each


def fixed_tuple_shape(items: tuple[Shape, ...]) -> Shape:
    """Return the shape of a tuple of a fixed length."""
    name = f"tuple[{', '.join(item.name for item in items) or '()'}]"
    native = all(item.native for item in items)
    size = len(items)
    steps = [item.inward for item in items]

    def outward(values: tuple[object, ...]) -> object:
        if len(values) != size:
            raise Mismatch(f"the tuple has {len(values)} items where {name} has {size}")
        written: list[object] = []
        for index, (value, item) in enumerate(zip(values, items, strict=True)):
            if type(value) not in item.takes:
                raise wrong_class(value, item).under(f"[{index}]")
            try:
                written.append(value if item.outward is None else item.outward(value))
            except Mismatch as mismatch:
                raise mismatch.under(f"[{index}]") from None
        return values if native else written

    def inward(values: tuple[object, ...]) -> object:
        made: list[object] = []
        for index, (value, step) in enumerate(zip(values, steps, strict=True)):
            try:
                made.append(value if step is None else step(value))
            except Mismatch as mismatch:
                raise mismatch.under(f"[{index}]") from None
        return tuple(made)

    wire = tuple.__class_getitem__(tuple(item.wire for item in items))
    return Shape(name, wire, frozenset({tuple}), outward=outward, inward=inward if any(steps) else None, native=native)


def dict_shape(key: Shape, item: Shape) -> Shape:
    """Return the shape of `dict[key, item]`; the compiler has refused keys that are not str, int or enum.

    Keys are written in sorted order, so that equal dicts are equal bytes. msgspec sorts string keys by itself; for
    others its encoder raises, so those are turned into strings here.
    """
    name = f"dict[{key.name}, {item.name}]"
    strings = key.takes == frozenset({str})
    outward = _pairs_outward(key, item, strings=strings)
    return Shape(
        name,
        dict.__class_getitem__((key.wire, item.wire)),
        frozenset({dict}),
        outward=outward,
        inward=_pairs_inward(item),
        native=item.native and strings,
    )


def _pairs_outward(key: Shape, item: Shape, *, strings: bool) -> Step:
    native = item.native and strings

    def outward(values: dict[object, object]) -> object:
        written: dict[object, object] = {}
        for name, value in values.items():
            if type(name) not in key.takes:
                raise wrong_class(name, key).under(_key_step(name))
            if type(value) not in item.takes:
                raise wrong_class(value, item).under(_key_step(name))
            try:
                if key.outward is not None:
                    key.outward(name)
                sent = value if item.outward is None else item.outward(value)
            except Mismatch as mismatch:
                raise mismatch.under(_key_step(name)) from None
            written[name if strings else _key_text(name)] = sent
        return values if native else written

    return outward


def _key_text(key: object) -> str:
    return str(key.value) if isinstance(key, Enum) else str(key)


def _key_step(key: object) -> str:
    return f"[{key!r}]"


def _pairs_inward(item: Shape) -> Step | None:
    step = item.inward
    if step is None:
        return None
    inward = step

    def inward_each(values: dict[object, object]) -> object:
        for name, value in values.items():
            try:
                values[name] = inward(value)  # the dict is fresh from the decoder, and its keys stay
            except Mismatch as mismatch:
                raise mismatch.under(_key_step(name)) from None
        return values

    return inward_each


def union_shape(name: str, wire: object, members: tuple[Shape, ...]) -> Shape:
    """Return the shape of a union: the class of a value says which member it is."""
    outwards = dispatch((member.takes, member.outward) for member in members)
    inwards = dispatch((member.read_as, member.inward) for member in members)

    def outward(value: object) -> object:
        step = outwards[type(value)]
        return value if step is None else step(value)

    def inward(value: object) -> object:
        step = inwards[type(value)]
        return value if step is None else step(value)

    return Shape(
        name,
        wire,
        frozenset(outwards),
        outward=outward if any(outwards.values()) else None,
        inward=inward if any(inwards.values()) else None,
        native=all(member.native for member in members),
        arrives=frozenset(inwards),
    )
