"""Type in, Shape out: decides once for each type how its values travel, or why they cannot."""

from __future__ import annotations

import types
from collections.abc import Callable
from enum import Enum, Flag
from typing import Annotated, Any, Literal, NewType, TypeVar, Union, get_args, get_origin

import msgspec

from weft.codec.classes import (
    RecordClass,
    Unfit,
    is_record_class,
    new_mirror,
    read_class,
    record_shape,
    tell_types,
)
from weft.codec.containers import dict_shape, fixed_tuple_shape, list_shape, tuple_shape, union_shape
from weft.codec.plain import CONSTRAINTS, NONE, PLAIN, constrained, enum_shape, literal_shape
from weft.codec.shape import Shape, Step, name_of
from weft.errors import TypeCannotTravel

Mirror = tuple[type[msgspec.Struct], Callable[..., msgspec.Struct]]
Key = tuple[type, bool]

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


class Compiler:
    """Compiles one type; every record class inside is looked at once."""

    def __init__(self) -> None:
        self._records: dict[Key, Shape] = {}
        self._mirrors: dict[Key, Mirror] = {}
        self._open: set[Key] = set()
        self._asked: set[Key] = set()
        self._not_native: set[Key] = set()
        self._checked: set[Key] = set()
        self._aliases: set[object] = set()
        self._stale = False

    def compile(self, hint: object) -> Shape:
        """Return the shape of a type.

        A class that contains itself is asked for its shape before that is known. The answer then is a guess (msgspec
        handles it alone, and nothing needs checking on the way in); where the guess was wrong it is noted and everything
        is compiled again. Each round adds to the notes, so it ends; types that contain themselves seldom need a second.

        Raises:
            TypeCannotTravel: Values of this type cannot become bytes; the message says where in the type, and why.
        """
        while True:
            self._stale = False
            self._records.clear()
            self._mirrors.clear()
            self._asked.clear()
            shape = self._shape(hint, name_of(hint))
            if not self._stale:
                return shape

    def _shape(self, hint: object, path: str) -> Shape:
        try:
            return self._look(hint, path)
        except Unfit as unfit:
            raise refusal(hint, path, str(unfit)) from unfit

    def _look(self, hint: object, path: str) -> Shape:
        if (plain := _plain(hint)) is not None:
            return plain
        if is_record_class(hint):
            return self._record(hint, path, tagged=False)  # pyright: ignore[reportArgumentType]
        if isinstance(hint, type) and issubclass(hint, Enum):
            return _enum(hint)
        if isinstance(hint, NewType):
            return self._shape(hint.__supertype__, path)
        if hasattr(hint, "__value__"):
            return self._alias(hint, path)
        return self._generic(hint, path)

    def _alias(self, hint: object, path: str) -> Shape:
        """Look through `type X = ...`."""
        if hint in self._aliases:
            raise Unfit("the alias contains itself: only a class may")
        self._aliases.add(hint)
        try:
            return self._shape(getattr(hint, "__value__"), path)  # noqa: B009 - only some types have it
        finally:
            self._aliases.discard(hint)

    def _generic(self, hint: object, path: str) -> Shape:
        origin, args = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._annotated(hint, path)
        if origin is Literal:
            return _literal(hint)
        if origin is Union or origin is types.UnionType:
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
        wire = Annotated.__class_getitem__((shape.wire, *metas))  # pyright: ignore[reportAttributeAccessIssue]
        if not any(getattr(meta, name) is not None for meta in metas for name in CONSTRAINTS):
            return Shape(
                shape.name, wire, shape.takes, shape.outward, shape.inward, native=shape.native, arrives=shape.arrives
            )
        shallow = {list: list, tuple: tuple, dict: dict}.get(get_origin(shape.wire), shape.wire)
        if shallow is shape.wire and not (shape.takes <= PLAIN.keys()):
            raise Unfit("constraints stand on plain types, tuples, lists and dicts: move them inside")
        annotated = Annotated.__class_getitem__((shallow, *metas))  # pyright: ignore[reportAttributeAccessIssue]
        return constrained(shape, wire, annotated)

    def _union(self, hint: object, path: str) -> Shape:
        members = _members(hint)
        records = [member for member in members if is_record_class(member)]
        own_tags = all(getattr(getattr(item, "__struct_config__", None), "tag", None) is not None for item in records)
        # One record class needs no tag, and Structs may have their own; others are told apart by their names.
        tagged = len(records) > 1 and not own_tags
        names = [name_of(member) for member in records]
        if tagged and len(set(names)) < len(names):
            raise Unfit("two classes of the union have the same name, and the name tells them apart: rename one")
        shapes = [
            self._record(member, f"{path}({name_of(member)})", tagged=True)  # pyright: ignore[reportArgumentType]
            if tagged and is_record_class(member)
            else self._shape(member, f"{path}({name_of(member)})" if len(members) > 1 else path)
            for member in members
        ]
        wire = Union.__getitem__(tuple(shape.wire for shape in shapes))  # pyright: ignore[reportAttributeAccessIssue]
        return union_shape(name_of(hint), wire, tuple(shapes))

    def _record(self, cls: type, path: str, *, tagged: bool) -> Shape:
        key = (cls, tagged)
        if key in self._records:
            return self._records[key]
        record = read_class(cls)
        if key in self._open:
            self._asked.add(key)
            return self._guess(record, key)
        self._open.add(key)
        try:
            shapes = [self._shape(field.hint, f"{path}.{field.name}") for field in record.fields]
        finally:
            self._open.discard(key)
        mirror = None
        if tagged or record.rebuilt or not all(shape.native for shape in shapes) or key in self._not_native:
            mirror = self._mirror(record, key)
            tell_types(mirror[0], record, shapes)
        shape = record_shape(record, shapes, mirror)
        self._records[key] = shape
        self._note(key, shape, known_mirror=tagged or record.rebuilt)
        return shape

    def _mirror(self, record: RecordClass, key: Key) -> Mirror:
        if key not in self._mirrors:
            self._mirrors[key] = new_mirror(record, tagged=key[1])
        return self._mirrors[key]

    def _guess(self, record: RecordClass, key: Key) -> Shape:
        """Answer for a class whose fields are being looked at: its steps are those that will be known by then."""
        cls, tagged = key
        outward: Step = lambda value: self._records[key].outward(value)  # noqa: E731
        inward: Step = lambda value: self._records[key].inward(value)  # noqa: E731
        if tagged or record.rebuilt or key in self._not_native:
            struct = self._mirror(record, key)[0]
            return Shape(
                cls.__name__, struct, frozenset({cls}), outward, inward, native=False, arrives=frozenset({struct})
            )
        return Shape(cls.__name__, cls, frozenset({cls}), outward, inward if key in self._checked else None)

    def _note(self, key: Key, shape: Shape, *, known_mirror: bool) -> None:
        """Compare what came out with what was guessed, where somebody asked for a guess."""
        if key not in self._asked:
            return
        if not shape.native and not known_mirror and key not in self._not_native:
            self._not_native.add(key)
            self._stale = True
        if shape.native and shape.inward is not None and key not in self._checked:
            self._checked.add(key)
            self._stale = True
