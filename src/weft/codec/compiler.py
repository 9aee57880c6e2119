"""Type in, Shape out: decides once for each type how its values travel, or why they cannot."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import Enum, Flag
from typing import Annotated, Any, ForwardRef, Literal, NewType, TypeVar, get_args, get_origin

import msgspec

from weft.codec.classes import (
    RecordClass,
    Unfit,
    is_record_class,
    may_be_mirrored,
    new_mirror,
    read_class,
    record_shape,
    tell_types,
)
from weft.codec.containers import dict_shape, fixed_tuple_shape, list_shape, tuple_shape, union_shape
from weft.codec.plain import CONSTRAINTS, NONE, PLAIN, constrained, enum_shape, literal_shape
from weft.codec.shape import Shape, is_class, name_of
from weft.errors import TypeCannotTravel

Mirror = tuple[type[msgspec.Struct], Callable[..., msgspec.Struct]]
Key = tuple[type[object], bool]

REASONS: dict[object, str] = {
    Any: "it says nothing about the value: name the type",
    object: "it says nothing about the value: name the type",
    set: "a set has no order to write it in: use a tuple or a list",
    frozenset: "a set has no order to write it in: use a tuple or a list",
    list: "say what is in it: list[...]",
    tuple: "say what is in it: tuple[..., ...]",
    dict: "say what is in it: dict[..., ...]",
}
"""Why some types cannot travel, and what to write instead."""

# Told as values, because what stands in their brackets is known only when they are used.
ANNOTATED: Any = Annotated
UNIONS = frozenset({types.UnionType, typing.Union})  # pyright: ignore[reportDeprecated]
"""The origins of unions: before Python 3.14 `A | B` and the older spellings are of two kinds."""


class Compiler:
    """Compiles types; every record class inside is looked at once.

    Args:
        mirror_all: Let every record class have a mirror, needed or not. That is for schemas: the mirror knows what the
            codec asks of a field beyond its annotation.
    """

    def __init__(self, *, mirror_all: bool = False) -> None:
        self._mirror_all = mirror_all
        self._records: dict[Key, Shape] = {}
        self._mirrors: dict[Key, Mirror] = {}
        self._open: set[Key] = set()
        self._asked: set[Key] = set()
        self._not_native: set[Key] = set()
        self._checked: set[Key] = set()
        self._aliases: set[object] = set()
        self._stale = False

    def compile(self, hints: Mapping[str, object]) -> list[Shape]:
        """Return the shapes of types, each under the name that messages call it by.

        A class that contains itself is asked for its shape before that is known. The answer then is a guess (msgspec
        handles it alone, and nothing needs checking on the way in); where the guess was wrong it is noted and
        everything is compiled again. Each round adds to the notes, so it ends, and a second one is seldom needed.

        Raises:
            TypeCannotTravel: Values of a type cannot become bytes; the message says where in the type, and why.
        """
        while True:
            self._stale = False
            self._records.clear()
            self._mirrors.clear()
            self._asked.clear()
            shapes = [self._shape(hint, path) for path, hint in hints.items()]
            if not self._stale:
                return shapes

    def _shape(self, hint: object, path: str) -> Shape:
        try:
            return self._look(hint, path)
        except Unfit as unfit:
            raise refusal(hint, path, str(unfit)) from unfit

    def _look(self, hint: object, path: str) -> Shape:
        if hint is None:
            return NONE
        if isinstance(hint, NewType):
            return self._shape(hint.__supertype__, path)
        if is_alias(hint):
            return self._alias(hint, path)
        if not is_class(hint):
            return self._generic(hint, path)
        if hint in PLAIN:
            return PLAIN[hint]
        if issubclass(hint, Enum):
            return _enum(hint)
        if is_record_class(hint):
            return self._record(hint, path, tagged=False)
        raise Unfit(_why_not(hint))

    def _alias(self, hint: object, path: str) -> Shape:
        """Look through `type X = ...`."""
        if hint in self._aliases:
            raise Unfit("the alias contains itself: only a class may")
        self._aliases.add(hint)
        try:
            return self._shape(alias_value(hint), path)
        finally:
            self._aliases.discard(hint)

    def _generic(self, hint: object, path: str) -> Shape:
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._annotated(hint, path)
        if origin is Literal:
            return _literal(hint)
        if origin in UNIONS:
            return self._union(hint, path)
        if origin is list:
            return list_shape(self._shape(args[0], f"{path}[]"))
        if origin is dict:
            return dict_shape(self._key(args[0], f"{path}.key"), self._shape(args[1], f"{path}[]"))
        if origin is tuple:
            return self._tuple(args, path)
        raise Unfit(_why_not(hint))

    def _tuple(self, args: tuple[object, ...], path: str) -> Shape:
        if len(args) == 2 and args[1] is Ellipsis:  # noqa: PLR2004 - tuple[item, ...]
            return tuple_shape(self._shape(args[0], f"{path}[]"))
        return fixed_tuple_shape(tuple(self._shape(arg, f"{path}[{index}]") for index, arg in enumerate(args)))

    def _key(self, hint: object, path: str) -> Shape:
        shape = self._shape(hint, path)
        for kind in shape.takes:
            if kind not in {str, int} and not issubclass(kind, Enum):
                raise refusal(hint, path, "the keys of a dict are str, int or an enum")
        if len(shape.takes) > 1:
            raise refusal(hint, path, "the keys of a dict are all of one type: in JSON 1 and '1' are the same key")
        return shape

    def _annotated(self, hint: object, path: str) -> Shape:
        inner, *notes = get_args(hint)
        shape = self._shape(inner, path)
        metas = [note for note in notes if isinstance(note, msgspec.Meta)]
        if not metas:
            return shape
        wire = ANNOTATED[(shape.wire, *metas)]
        if not is_constrained(tuple(metas)):
            return replace(shape, wire=wire)
        origin = get_origin(shape.wire)
        if origin in (list, tuple, dict):
            return constrained(shape, wire, ANNOTATED[(origin, *metas)])
        if not shape.takes <= PLAIN.keys():
            raise Unfit("constraints stand on plain types, tuples, lists and dicts: move them inside")
        return constrained(shape, wire, wire)

    def _union(self, hint: object, path: str) -> Shape:
        members = list(_members(hint, set()))
        records = [member for member in members if is_record_class(member)]
        own_tags = all(getattr(getattr(item, "__struct_config__", None), "tag", None) is not None for item in records)
        # One record class needs no tag, and Structs may have their own; others are told apart by their names.
        tagged = len(records) > 1 and not own_tags
        names = [name_of(member) for member in records]
        if tagged and len(set(names)) < len(names):
            raise Unfit("two classes of the union have the same name, and the name tells them apart: rename one")
        shapes = [
            self._record(member, f"{path}({name_of(member)})", tagged=True)
            if tagged and is_record_class(member)
            else self._shape(member, f"{path}({name_of(member)})")
            for member in members
        ]
        return union_shape(name_of(hint), _joined(shapes), tuple(shapes))

    def _record(self, cls: type[object], path: str, *, tagged: bool) -> Shape:
        key = (cls, tagged)
        if key in self._records:
            return self._records[key]
        record = read_class(cls)
        if key in self._open:
            self._asked.add(key)
            return self._guess(record, key)
        if tagged or record.rebuilt or (self._mirror_all and may_be_mirrored(cls)):
            self._mirror(record, key)
        self._open.add(key)
        try:
            shapes = [self._shape(field.hint, f"{path}.{field.name}") for field in record.fields]
        finally:
            self._open.discard(key)
        known = key in self._mirrors
        mirror = None
        if known or key in self._not_native or not all(shape.native for shape in shapes):
            mirror = self._mirror(record, key)
            tell_types(mirror[0], record, shapes)
        shape = record_shape(record, shapes, mirror)
        self._records[key] = shape
        self._compare(key, shape, known_mirror=known)
        return shape

    def _mirror(self, record: RecordClass, key: Key) -> Mirror:
        if key not in self._mirrors:
            # In a schema each mirror is a definition: two classes of one name, or one class with a tag and without,
            # need two names there.
            name = key[0].__name__
            count = sum(each.__name__ == name for each, _ in self._mirrors)
            self._mirrors[key] = new_mirror(record, tagged=key[1], name=f"{name}{count + 1}" if count else name)
        return self._mirrors[key]

    def _guess(self, record: RecordClass, key: Key) -> Shape:
        """Answer for a class whose fields are being looked at: its steps are those that will be known by then."""
        cls = key[0]

        def outward(value: object) -> object:
            step = self._records[key].outward
            return value if step is None else step(value)

        def inward(value: object) -> object:
            step = self._records[key].inward
            return value if step is None else step(value)

        if key in self._mirrors or key in self._not_native:
            struct = self._mirror(record, key)[0]
            kinds = frozenset[type]({struct})
            return Shape(cls.__name__, struct, frozenset({cls}), outward, inward, native=False, arrives=kinds)
        return Shape(cls.__name__, cls, frozenset({cls}), outward, inward if key in self._checked else None)

    def _compare(self, key: Key, shape: Shape, *, known_mirror: bool) -> None:
        """Compare what came out with what was guessed, where somebody asked for a guess."""
        if key not in self._asked:
            return
        if not shape.native and not known_mirror and key not in self._not_native:
            self._not_native.add(key)
            self._stale = True
        if shape.native and shape.inward is not None and key not in self._checked:
            self._checked.add(key)
            self._stale = True


def refusal(hint: object, path: str, reason: str) -> TypeCannotTravel:
    """Return the error that says where in a type which part cannot travel, and why."""
    name = name_of(hint)
    what = f"{name} cannot travel: {reason}"
    return TypeCannotTravel(what if path == name else f"{path}: {what}", hint=hint, path=path, reason=reason)


def is_alias(hint: object) -> bool:
    """Say whether a type was made by `type X = ...`, which older Pythons have only as a backport."""
    return type(hint).__name__ == "TypeAliasType"


def alias_value(hint: object) -> object:
    """Return what an alias stands for."""
    return getattr(hint, "__value__", None)


def _members(hint: object, seen: set[object]) -> Iterator[object]:
    """Walk through the members of a union, and of the unions that names and notes in it stand for."""
    bare = _bare(hint)
    if get_origin(bare) not in UNIONS:
        yield bare if is_record_class(bare) else hint
        return
    if hint in seen:
        raise Unfit("the alias contains itself: only a class may")
    for member in get_args(bare):
        yield from _members(member, seen | {hint})


def _joined(shapes: list[Shape]) -> object:
    wire: Any = shapes[0].wire
    for shape in shapes[1:]:
        wire = wire | shape.wire
    return wire


def _bare(hint: object) -> object:
    """Take aliases, NewTypes and mere descriptions off a type."""
    if isinstance(hint, NewType):
        return _bare(hint.__supertype__)
    if is_alias(hint):
        return _bare(alias_value(hint))
    if get_origin(hint) is Annotated and not is_constrained(get_args(hint)[1:]):
        return _bare(get_args(hint)[0])
    return hint


def is_constrained(notes: tuple[object, ...]) -> bool:
    """Say whether an annotation refuses values, and not only describes them."""
    return any(
        getattr(note, name) is not None for note in notes if isinstance(note, msgspec.Meta) for name in CONSTRAINTS
    )


def _enum(kind: type[Enum]) -> Shape:
    values: set[type[object]] = {type(member.value) for member in kind}
    if issubclass(kind, Flag):
        raise Unfit("a flag is a set of members: use a tuple of an Enum's members")
    if values not in ({str}, {int}):
        raise Unfit("an enum travels by value: let all its values be strings, or all ints")
    return enum_shape(kind)


def _literal(hint: object) -> Shape:
    values = get_args(hint)
    if any(type(value) not in {str, int, type(None)} for value in values):
        raise Unfit("a Literal that travels holds strings, ints and None")
    return literal_shape(name_of(hint), hint, values)


def _why_not(hint: object) -> str:
    origin = get_origin(hint) or hint
    if isinstance(hint, str | ForwardRef):
        return "the annotation is a string that nobody resolved"
    if isinstance(hint, TypeVar) or is_record_class(origin):
        return "generic classes do not travel: declare a class for each use"
    if origin is Callable:
        return "a function cannot become bytes: send a name for it"
    if isinstance(origin, type) and origin in REASONS:
        return REASONS[origin]
    return REASONS[Any] if hint is Any else "it is neither a plain type, an enum, a frozen dataclass nor a Struct"
