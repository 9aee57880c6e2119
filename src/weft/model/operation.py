"""Operations: how a method declares one, and what the System knows of it once types are resolved."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar, overload

from weft.codec import Codec, RecordCodec
from weft.errors import ValueInvalid
from weft.model.call import Refused
from weft.model.effect import Effect, EffectKind, Undo
from weft.model.place import function_of
from weft.model.refusal import Declined

P = ParamSpec("P")
R = TypeVar("R")

DECLARATION = "__weft_operation__"


@dataclass(frozen=True, slots=True)
class OperationDeclaration:
    """What the decorator was told, before any type is resolved."""

    effect: Effect
    undo: Callable[..., Any] | None
    raises: tuple[type[Declined], ...]
    timeout: timedelta | None
    give_up_after: timedelta | None


@overload
def operation(
    effect: Undo[P],
    /,
    *,
    raises: type[Declined] | tuple[type[Declined], ...] = (),
    timeout: timedelta | None = None,
    give_up_after: timedelta | None = None,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]: ...
@overload
def operation(
    effect: Effect,
    /,
    *,
    raises: type[Declined] | tuple[type[Declined], ...] = (),
    timeout: timedelta | None = None,
    give_up_after: timedelta | None = None,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]: ...
def operation(
    effect: Any = None,
    /,
    *,
    raises: type[Declined] | tuple[type[Declined], ...] = (),
    timeout: timedelta | None = None,
    give_up_after: timedelta | None = None,
) -> Any:
    """Declare a method of a service as an operation with its effect.

    Args:
        effect: `read`, `idempotent`, `compensated_by(undo)`, `irreversible` or `irreversible(asks="query")`.
        raises: the refusals it may raise; they travel with their fields.
        timeout: how long one attempt may take; 30 seconds where nothing is said.
        give_up_after: how long the engine goes on trying for a run; nothing for ever. Reads stop at their timeout.

    Raises:
        TypeError: No effect is declared. Everything else is judged when a System is built.
    """
    refusals = raises if isinstance(raises, tuple) else (raises,)
    declared, undo = _effect_of(effect)
    declaration = OperationDeclaration(declared, undo, refusals, timeout, give_up_after)

    def declare(method: Any) -> Any:
        if not callable(method):
            raise TypeError(f"@operation declares a method, not {method!r}")
        setattr(method, DECLARATION, declaration)
        return method

    return declare


def _effect_of(effect: object) -> tuple[Effect, Callable[..., Any] | None]:
    if isinstance(effect, Undo):
        return Effect(EffectKind.COMPENSATED), effect.function
    if isinstance(effect, Effect):
        return effect, None
    raise TypeError(
        f"@operation declares an effect, not {effect!r}: write @operation(read), @operation(idempotent), "
        "@operation(compensated_by(undo)) or @operation(irreversible)"
        if effect is not None
        else "@operation has no effect: there is no default; write @operation(read), @operation(idempotent), "
        "@operation(compensated_by(undo)) or @operation(irreversible)"
    )


def declaration_of(member: object) -> OperationDeclaration | None:
    """Return what the decorator was told about a member of a class, or nothing if it is no operation."""
    for each in (member, function_of(member)):
        found = getattr(each, DECLARATION, None)
        if isinstance(found, OperationDeclaration):
            return found
    return None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as the System knows it.

    Attributes:
        undo: name of the operation that undoes it, in the same service.
        asks: name of its status query, in the same service.
        exactly_once: its service stores outcomes by call id.
        contract: fingerprint of its parameters.
        where: `file:line` of its declaration.
    """

    service: str
    name: str
    kind: EffectKind
    parameters: RecordCodec
    result: Codec[Any]
    refusals: dict[str, Codec[Any]]
    timeout_ms: int
    give_up_after_ms: int | None = None
    undo: str | None = None
    asks: str | None = None
    exactly_once: bool = False
    contract: str = ""
    where: str = ""
    target: str = field(init=False)
    repeatable: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "target", f"{self.service}.{self.name}")
        safe = self.kind in {EffectKind.READ, EffectKind.IDEMPOTENT} or self.exactly_once
        object.__setattr__(self, "repeatable", safe)

    def refusal(self, refused: Refused) -> Declined:
        """Return the exception that the service raised."""
        codec = self.refusals.get(refused.kind)
        if codec is None:
            what = f"{self.target} refused with {refused.kind}, which it does not declare"
            raise ValueInvalid(what, where=self.where)
        declined: Declined = codec.decode(refused.data)
        return declined
