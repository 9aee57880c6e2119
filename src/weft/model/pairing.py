"""What operations promise of one another: an undo, a status query, a contract and the method that overrides it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any, get_args, get_origin

from weft.model.declared import Declared
from weft.model.effect import EffectKind
from weft.model.operation import OperationDeclaration, declaration_of
from weft.model.place import place_of
from weft.model.problem import Problem
from weft.model.service import Service, contracts_of
from weft.model.signature import UNIONS, bare, difference, name_of, read_signature


def judge_pairs(implementation: type[Service], operations: Mapping[str, Declared]) -> Iterator[Problem]:
    """Find operations of a service that do not fit together, or do not fit its contracts."""
    for operation in operations.values():
        if operation.declaration.undo is not None:
            yield from _judge_undo(implementation, operation, operations)
        if operation.declaration.effect.asks is not None:
            yield from _judge_query(operation, operations)
        yield from _judge_contracts(implementation, operation)


def undo_name(declaration: OperationDeclaration) -> str | None:
    """Return the name of the declared undo."""
    return None if declaration.undo is None else str(getattr(declaration.undo, "__name__", declaration.undo))


def _judge_undo(
    implementation: type[Service], operation: Declared, operations: Mapping[str, Declared]
) -> Iterator[Problem]:
    """Hold an undo to SEMANTICS.md 9: it takes the same parameters, may be repeated, and never refuses."""
    where, name = operation.where, undo_name(operation.declaration) or ""
    undo = operations.get(name)
    own = any(vars(contract).get(name) is operation.declaration.undo for contract in contracts_of(implementation))
    if undo is None or not own:
        what = f"{operation.label} is undone by {name}, which is no operation of this service"
        yield Problem(where, what, "declare the undo above it in the same class: @operation(idempotent)")
        return
    differs = difference(operation.signature, undo.signature)
    if differs:
        what = f"{operation.label} and its undo {name} take different parameters: {differs}"
        yield Problem(
            undo.where, what, "give both the same names, order, types and defaults: the undo gets the same bytes"
        )
    if undo.declaration.effect.kind is not EffectKind.IDEMPOTENT or undo.declaration.undo is not None:
        what = f"{undo.label} undoes {operation.name} and is {undo.declaration.effect.kind.value}"
        yield Problem(undo.where, what, "declare it @operation(idempotent): an undo is repeated until it succeeds")
    if undo.declaration.raises:
        what = f"{undo.label} undoes {operation.name} and declares refusals"
        yield Problem(
            undo.where, what, "remove raises=: an undo must succeed in the end; what is not there needs no undo"
        )
    if undo.signature.result not in {None, NoneType}:
        what = f"{undo.label} undoes {operation.name} and returns {name_of(undo.signature.result)}"
        yield Problem(undo.where, what, "return None: nobody waits for an undo's answer")


def _judge_query(operation: Declared, operations: Mapping[str, Declared]) -> Iterator[Problem]:
    """Hold a status query to SEMANTICS.md 6: it reads, takes the same parameters and tells what the reply was."""
    name, where = operation.declaration.effect.asks or "", operation.where
    query = operations.get(name)
    if query is None:
        what = f"{operation.label} asks {name!r}, which is no operation of this service"
        yield Problem(where, what, f"declare it in the same class: @operation(read) async def {name}(self, ...)")
        return
    if query.declaration.effect.kind is not EffectKind.READ:
        what = f"{query.label} tells the status of {operation.name} and is {query.declaration.effect.kind.value}"
        yield Problem(query.where, what, "declare it @operation(read): asking must change nothing")
    differs = difference(operation.signature, query.signature)
    if differs:
        what = f"{operation.label} and its status query {name} take different parameters: {differs}"
        yield Problem(query.where, what, "give both the same names, order, types and defaults")
    reply = operation.signature.result
    members = _members(reply)
    if NoneType in members:
        what = f"{operation.label} may return None, so its status query {name} cannot say that nothing happened"
        yield Problem(where, what, "return something when it happened, such as its number or time")
    elif _members(query.signature.result) != members | {NoneType}:
        what = f"{query.label} returns {name_of(query.signature.result)}, but tells the status of {operation.name}"
        remedy = f"return {name_of(reply)} | None: the reply if it happened, None if it certainly did not"
        yield Problem(query.where, what, remedy)


def _judge_contracts(implementation: type[Service], operation: Declared) -> Iterator[Problem]:
    """Hold a method to the contracts that it overrides: callers know only those."""
    for contract in contracts_of(implementation):
        promised = vars(contract).get(operation.name)
        declaration = declaration_of(promised)
        if declaration is None or promised is operation.method:
            continue
        ignored: list[Problem] = []
        signature = read_signature(promised, operation.where, ignored)  # pyright: ignore[reportArgumentType]
        differs = difference(operation.signature, signature)
        if not differs and operation.signature.result != signature.result:
            differs = f"-> {name_of(operation.signature.result)} and -> {name_of(signature.result)}"
        if differs:
            what = f"{operation.label} differs from its contract {contract.__name__} ({place_of(promised)}): {differs}"
            yield Problem(operation.where, what, "give both the same parameters and result: callers name the contract")
        yield from _judge_effect(operation, declaration, contract)


def _judge_effect(operation: Declared, promised: OperationDeclaration, contract: type[Service]) -> Iterator[Problem]:
    declared = operation.declaration
    one, other = ((each.effect, undo_name(each)) for each in (declared, promised))
    if one != other:
        what = f"{operation.label} is {declared.effect.kind.value}, its contract {contract.__name__} says otherwise"
        yield Problem(operation.where, what, "leave out @operation: an implementation has the effect of its contract")
    more = [each.__name__ for each in declared.raises if each not in promised.raises]
    if more:
        what = f"{operation.label} raises {', '.join(more)}, which its contract {contract.__name__} does not"
        yield Problem(operation.where, what, "declare the refusal in the contract: callers know only that")


def _members(hint: Any) -> frozenset[Any]:
    """Return the members of a union, or the type itself."""
    if hint is None:
        return frozenset({NoneType})
    hint = bare(hint)
    if get_origin(hint) in UNIONS:
        return frozenset[Any]().union(*(_members(each) for each in get_args(hint)))
    return frozenset({hint})
