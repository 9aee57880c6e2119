"""Messages to a run: records whose class name is their kind."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform
from weakref import WeakSet

from weft.codec import Codec, codec_for
from weft.errors import OutsideRun, ValueInvalid
from weft.model.refusal import Declined, equal_records, make_record, refuse_change

R = TypeVar("R")

_kinds: dict[str, WeakSet[type[Any]]] = {}


def kinds_named(name: str) -> list[type[Any]]:
    """Return the classes of messages with this name that are loaded."""
    return list(_kinds.get(name, ()))


@dataclass_transform(frozen_default=True)
class Message:
    """Something told to a run; its class name is its kind on disk."""

    __weft_record__: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Make a record of the subclass."""
        super().__init_subclass__()
        make_record(cls)
        _kinds.setdefault(cls.__name__, WeakSet()).add(cls)

    def __setattr__(self, name: str, value: object) -> None:
        refuse_change(self, name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        refuse_change(self, name)
        super().__delattr__(name)

    def __eq__(self, other: object) -> bool:
        return equal_records(self, other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)


class Signal(Message):
    """A message without an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an update was answered with: a value, or the refusal of this name, as bytes."""

    data: bytes
    refusal: str = ""


class Update(Message, Generic[R]):
    """A message with an answer: `class AddLine(Update[Cart])`. Whoever asks waits for it.

    The run that receives it answers it once, or refuses it. `raises=` names the refusals that it may be given, as in
    `class CheckOut(Update[OrderId], raises=EmptyCart)`; without it any subclass of Declined is taken, and found again
    by its name.
    """

    __weft_raises__: ClassVar[tuple[type[Declined], ...]] = ()

    def __init_subclass__(cls, *, raises: type[Declined] | tuple[type[Declined], ...] | None = None) -> None:
        """Make a record of the subclass, and note its refusals."""
        super().__init_subclass__()
        if raises is not None:
            cls.__weft_raises__ = raises if isinstance(raises, tuple) else (raises,)

    def answer(self, value: R) -> None:
        """Answer whoever asked; the answer leaves once this step of the run is on disk.

        Raises:
            AlreadyAnswered: it has an answer, or was refused.
            OutsideRun: this update was not received by a run.
            ValueCannotTravel: the value is not of the declared type.
        """
        self._say(Answer(answer_codec(type(self)).encode(value)))

    def refuse(self, why: Declined) -> None:
        """Refuse: whoever asked gets `why` raised.

        Raises:
            AlreadyAnswered: it has an answer, or was refused.
            OutsideRun: this update was not received by a run.
            TypeError: the class of `why` is not among the declared ones.
        """
        kind, declared = type(why), self.__weft_raises__
        if declared and kind not in declared:
            names = ", ".join(each.__name__ for each in declared)
            message = f"{type(self).__name__} may be refused with {names}, not with {kind.__name__}"
            raise TypeError(message)
        self._say(Answer(codec_for(kind).encode(why), kind.__name__))

    def _say(self, answer: Answer) -> None:
        say: Callable[[Answer], None] | None = self.__dict__.get(_SAY)
        if say is None:
            what = f"this {type(self).__name__} was not received by a run"
            raise OutsideRun(what, remedy="answer what `receive` returned")
        say(answer)


_SAY = "__weft_say__"


def answered_by(message: Message, say: Callable[[Answer], None]) -> None:
    """Tell a received update where its answer goes; other messages have none."""
    if isinstance(message, Update):
        message.__dict__[_SAY] = say


def answer_codec(kind: type[Update[Any]]) -> Codec[Any]:
    """Return the codec of what an update is answered with.

    Raises:
        TypeError: its class does not say what that is.
    """
    for each in kind.__mro__:
        for base in vars(each).get("__orig_bases__", ()):
            if typing.get_origin(base) is Update:
                (hint,) = typing.get_args(base)
                return codec_for(_resolved(hint, each))
    message = f"{kind.__name__} does not say what it is answered with: write `class {kind.__name__}(Update[SomeType])`"
    raise TypeError(message)


def _resolved(hint: Any, cls: type[Any]) -> Any:
    if not isinstance(hint, str | typing.ForwardRef):
        return hint
    name = hint if isinstance(hint, str) else hint.__forward_arg__

    def holder() -> None:
        """Hold the annotation for a moment: there is no public way to resolve one alone."""

    holder.__annotations__ = {"answer": name}
    return typing.get_type_hints(holder, vars(sys.modules[cls.__module__]))["answer"]


def read_answer(kind: type[Update[R]], answer: Answer) -> R:
    """Return what an update was answered with.

    Raises:
        Declined: it was refused.
        ValueInvalid: nothing here can read the answer.
    """
    if not answer.refusal:
        value: R = answer_codec(kind).decode(answer.data)
        return value
    declined: Declined = codec_for(_refusal_class(kind, answer.refusal)).decode(answer.data)
    raise declined


def _refusal_class(kind: type[Update[Any]], name: str) -> type[Declined]:
    found = [each for each in (kind.__weft_raises__ or tuple(_subclasses(Declined))) if each.__name__ == name]
    if not found:
        what = f"{kind.__name__} was refused with {name}, and no refusal of this name is known here"
        raise ValueInvalid(what, remedy=f"import the module that declares {name}, or declare it with raises=")
    return next((each for each in found if each.__module__ == kind.__module__), found[0])


def _subclasses(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from _subclasses(each)
