"""Record classes, frozen dataclasses and msgspec Structs: what they are made of, and the shapes made of that."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeGuard, cast, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from weft.codec.shape import Mismatch, Shape, inside, is_class, wrong_class

TAG = "type"
"""The key that tells the members of a union of record classes apart."""


class Unfit(Exception):
    """Say why a type cannot travel; the compiler adds where in the type it stands."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record class."""

    name: str
    key: str
    """Its name on the wire: another one only where a Struct renames it."""
    hint: object
    required: bool
    positional: bool


@dataclass(frozen=True, slots=True)
class RecordClass:
    """What the codec knows of a record class before it looks at the types of its fields."""

    cls: type[object]
    fields: tuple[Field, ...]
    rebuilt: bool
    """Whether values must be made by the constructor: msgspec makes them without it."""


def is_record_class(hint: object) -> TypeGuard[type[object]]:
    """Say whether a type is a dataclass or a Struct, fit to travel or not."""
    return is_class(hint) and (dataclasses.is_dataclass(hint) or issubclass(hint, msgspec.Struct))


def read_class(cls: type[object]) -> RecordClass:
    """Look at a record class.

    Raises:
        Unfit: It cannot travel, whatever its fields are.
    """
    try:
        hints = get_type_hints(cls, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise Unfit(f"the annotations of {cls.__name__} cannot be resolved: {error}") from error
    if issubclass(cls, msgspec.Struct):
        return _read_struct(cls, hints)
    return _read_dataclass(cls, hints)


def _read_struct(cls: type[msgspec.Struct], hints: dict[str, Any]) -> RecordClass:
    fields = [
        Field(item.name, item.encode_name, hints[item.name], required=item.required, positional=False)
        for item in msgspec.structs.fields(cls)
    ]
    return RecordClass(cls, tuple(fields), rebuilt=False)


def _read_dataclass(cls: type[object], hints: dict[str, Any]) -> RecordClass:
    declared = bool(getattr(cls, "__weft_record__", False))
    parameters: Any = cls.__dict__.get("__dataclass_params__")
    if not declared and parameters is None:
        raise Unfit(
            f"{cls.__name__} inherits from a dataclass but is none itself: decorate it with @dataclass(frozen=True)"
        )
    if not declared and not parameters.frozen:
        raise Unfit(f"{cls.__name__} can change after it was sent: declare it with @dataclass(frozen=True)")
    if any(hint is dataclasses.InitVar or isinstance(hint, dataclasses.InitVar) for hint in hints.values()):
        raise Unfit(f"{cls.__name__} has an InitVar, which is not kept and so cannot be sent: make it a field")
    found = dataclasses.fields(cast(Any, cls))
    fields = tuple(_read_field(item, hints[item.name]) for item in found if item.init)
    # A field with init=False is worked out by the class itself: it is not sent, and the constructor has to run. So it
    # must for exceptions (only their __new__ sets `args`) and for declared records, which may do more than set fields.
    rebuilt = declared or issubclass(cls, BaseException) or len(fields) < len(found)
    if rebuilt:
        _try_constructor(cls, fields)
    return RecordClass(cls, fields, rebuilt=rebuilt)


def _read_field(item: dataclasses.Field[Any], hint: object) -> Field:
    required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
    return Field(item.name, item.name, hint, required=required, positional=not item.kw_only)


def _try_constructor(cls: type[object], fields: tuple[Field, ...]) -> None:
    """Check that the constructor takes the fields, which a hand-written one may not."""
    positional = [field.name for field in fields if field.positional]
    named = {field.name: None for field in fields if not field.positional}
    try:
        inspect.signature(cls).bind(*positional, **named)
    except TypeError as error:
        raise Unfit(f"the __init__ of {cls.__name__} does not take its fields: {error}") from error


def may_be_mirrored(cls: type[object]) -> bool:
    """Say whether another Struct can stand for a class: not for one whose fields are told apart by place."""
    return not issubclass(cls, msgspec.Struct) or not cls.__struct_config__.array_like


def new_mirror(
    record: RecordClass, *, tagged: bool, name: str
) -> tuple[type[msgspec.Struct], Callable[..., msgspec.Struct]]:
    """Make the Struct that stands for a record class on the wire where msgspec cannot handle the class itself.

    msgspec refuses unions of dataclasses; of tagged Structs it takes them, with its own speed, messages and schema. The
    types of the fields are told later (`tell_types`), because a class may contain itself.

    Returns:
        The Struct, and a function that makes one from all its values in order.
    """
    options: dict[str, Any] = {}
    if issubclass(record.cls, msgspec.Struct):
        options = _struct_options(record.cls)
    if tagged:
        if options.get("tag") is not None:
            raise Unfit(f"{record.cls.__name__} has a tag of its own, which the other classes of the union do not have")
        options |= {"tag": record.cls.__name__, "tag_field": TAG}
    if options.get("tag") is not None and any(field.key == options["tag_field"] for field in record.fields):
        raise Unfit(
            f"{record.cls.__name__} has a field `{options['tag_field']}`, the key that tells the classes of this "
            "union apart: rename the field"
        )
    in_order = all(not later.required or first.required for first, later in pairwise(record.fields))
    mirror = msgspec.defstruct(
        name,
        [(field.name, Any) if field.required else (field.name, Any, UNSET) for field in record.fields],
        module=record.cls.__module__,
        namespace={"__doc__": _own_doc(record.cls)},
        rename={field.name: field.key for field in record.fields if field.key != field.name} or None,
        kw_only=not in_order,
        gc=False,
        **options,
    )
    if in_order:
        return mirror, mirror
    names = [field.name for field in record.fields]
    return mirror, lambda *values: mirror(**dict(zip(names, values, strict=True)))


def _struct_options(cls: type[msgspec.Struct]) -> dict[str, Any]:
    config = cls.__struct_config__
    if not may_be_mirrored(cls):
        raise Unfit(f"{cls.__name__} is array_like, which cannot hold what msgspec does not know by itself")
    return {"tag": config.tag, "tag_field": config.tag_field, "forbid_unknown_fields": config.forbid_unknown_fields}


def _own_doc(cls: type[object]) -> str | None:
    doc = cls.__dict__.get("__doc__")
    return None if doc is None or doc.startswith(f"{cls.__name__}(") else doc


def tell_types(mirror: type[msgspec.Struct], record: RecordClass, shapes: list[Shape]) -> None:
    """Tell a mirror the types of its fields, before msgspec first looks at them."""
    for field, shape in zip(record.fields, shapes, strict=True):
        wire: Any = shape.wire
        mirror.__annotations__[field.name] = wire if field.required else wire | UnsetType


def record_shape(
    record: RecordClass,
    shapes: list[Shape],
    mirror: tuple[type[msgspec.Struct], Callable[..., msgspec.Struct]] | None,
) -> Shape:
    """Return the shape of a record class; without a mirror msgspec reads and writes its very values."""
    cls = record.cls
    if mirror is None:
        simple = all(shape.outward is None for shape in shapes)
        return Shape(
            cls.__name__,
            cls,
            frozenset({cls}),
            outward=_native_outward(record, shapes),
            inward=_native_inward(record, shapes),
            columns=tuple((field.name, shape.takes) for field, shape in zip(record.fields, shapes, strict=True))
            if simple
            else (),
        )
    struct, build = mirror
    return Shape(
        cls.__name__,
        struct,
        frozenset({cls}),
        outward=_mirror_outward(record, shapes, build),
        inward=_mirror_inward(record, shapes),
        native=False,
        arrives=frozenset({struct}),
    )


def _native_outward(record: RecordClass, shapes: list[Shape]) -> Callable[[object], object]:
    plan = [(field.name, shape, shape.takes, shape.outward) for field, shape in zip(record.fields, shapes, strict=True)]

    def outward(value: object) -> object:
        for name, shape, kinds, step in plan:
            item = getattr(value, name)
            if type(item) not in kinds:
                raise wrong_class(item, shape).under(f".{name}")
            if step is not None:
                try:
                    step(item)
                except Mismatch as mismatch:
                    raise mismatch.under(f".{name}") from None
        return value

    return outward


def _native_inward(record: RecordClass, shapes: list[Shape]) -> Callable[[object], object] | None:
    plan = [(field.name, shape.inward) for field, shape in zip(record.fields, shapes, strict=True) if shape.inward]
    if not plan:
        return None

    def inward(value: object) -> object:
        for name, step in plan:
            inside(f".{name}", step, getattr(value, name))
        return value

    return inward


def packed(
    record: RecordClass, shapes: list[Shape], build: Callable[..., msgspec.Struct]
) -> Callable[[Sequence[object]], msgspec.Struct]:
    """Return a function from the values of all fields, in order, to the Struct that is written for them."""
    plan = [(field.name, shape, shape.takes, shape.outward) for field, shape in zip(record.fields, shapes, strict=True)]
    kinds_of_all = [shape.takes for shape in shapes]
    simple = all(shape.outward is None for shape in shapes)

    def outward(values: Sequence[object]) -> msgspec.Struct:
        if simple:
            for kinds, value in zip(kinds_of_all, values):  # noqa: B905 - as many, and `strict` costs a tenth of the call
                if type(value) not in kinds:
                    break
            else:
                return build(*values)
        written: list[object] = []
        for (name, shape, kinds, step), value in zip(plan, values, strict=True):
            if type(value) not in kinds:
                raise wrong_class(value, shape).under(f".{name}")
            try:
                written.append(value if step is None else step(value))
            except Mismatch as mismatch:
                raise mismatch.under(f".{name}") from None
        return build(*written)

    return outward


def _mirror_outward(
    record: RecordClass, shapes: list[Shape], build: Callable[..., msgspec.Struct]
) -> Callable[[object], object]:
    names = [field.name for field in record.fields]
    pack = packed(record, shapes, build)
    return lambda value: pack([getattr(value, name) for name in names])


def _mirror_inward(record: RecordClass, shapes: list[Shape]) -> Callable[[object], object]:
    make: Callable[..., object] = record.cls
    plan = [(field.name, field.positional, shape.inward) for field, shape in zip(record.fields, shapes, strict=True)]

    def inward(read: object) -> object:
        args: list[object] = []
        named: dict[str, object] = {}
        unbroken = True  # positions hold up to the first field that is left to its default
        for name, positional, step in plan:
            item = getattr(read, name)
            if item is UNSET:
                unbroken = False
                continue
            made = item if step is None else inside(f".{name}", step, item)
            if positional and unbroken:
                args.append(made)
            else:
                named[name] = made
        try:
            return make(*args, **named)
        except Exception as error:
            raise Mismatch(f"{record.cls.__name__} refuses it: {type(error).__name__}: {error}") from error

    return inward
