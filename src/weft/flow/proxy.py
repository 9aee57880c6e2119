"""Proxies: what a caller holds in place of a service, typed as the service itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from weft.codec import fingerprint
from weft.errors import NotDeterministic
from weft.flow.ambient import CurrentCall, current_call, current_run
from weft.ids import Ids
from weft.model.call import Call, Handler, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation

S = TypeVar("S")


def make_proxy(contract: type[S], operations: Mapping[str, Operation], *, send: Handler, ids: Ids) -> S:
    """Return a proxy of a contract.

    Inside a run a call becomes a command of the run; inside an operation it carries an id derived from the
    operation's; elsewhere a fresh one. Outside runs it goes to `send`.
    """
    methods: dict[str, Any] = {name: _method(operation, send, ids) for name, operation in operations.items()}
    methods["__repr__"] = _named(f"<proxy of {contract.__name__}>")
    proxy = type(f"{contract.__name__}Proxy", (), {"__slots__": (), **methods})()
    return cast("S", proxy)


def _named(name: str) -> Callable[[object], str]:
    def show(_proxy: object) -> str:
        return name

    return show


def _method(operation: Operation, send: Handler, ids: Ids) -> Callable[..., Any]:
    encode = operation.parameters.encode_arguments
    decode = operation.result.decode

    async def method(_self: object, /, *args: Any, **kwargs: Any) -> Any:
        arguments = encode(args, kwargs)
        run = current_run.get()
        if run is not None:
            outcome = await run.call(operation, arguments)
        else:
            outcome = await _send_outside(operation, arguments, send=send, ids=ids)
        if type(outcome) is Reply:
            return decode(outcome.data)
        raise _as_exception(operation, outcome)

    method.__name__ = operation.name
    method.__qualname__ = operation.target
    return method


def _as_exception(operation: Operation, outcome: Outcome) -> Exception:
    if isinstance(outcome, Refused):
        return operation.refusal(outcome)
    assert not isinstance(outcome, Reply)
    return outcome


async def _send_outside(operation: Operation, arguments: bytes, *, send: Handler, ids: Ids) -> Outcome:
    around = current_call.get()
    if around is None:
        return await send(_call(operation, arguments, ids.new_id()))
    if operation.kind not in {EffectKind.READ, EffectKind.IDEMPOTENT}:
        what = f"{around.call.target} calls {operation.target}, an effect, from inside an operation"
        raise NotDeterministic(what, where=around.operation.where, remedy="move the call into a workflow")
    around.refuse_others(f"calls {operation.target}")
    if operation.kind is EffectKind.IDEMPOTENT:
        around.wrote_elsewhere = True
    # Order inside an operation is not deterministic: the id follows what is asked, and counts among equals.
    stem = f"{around.call.id}>{operation.target}#{fingerprint(arguments)}"
    ordinal = around.count(stem)
    return await around.send(_call(operation, arguments, f"{stem}.{ordinal}", around=around))


def _call(operation: Operation, arguments: bytes, call_id: str, *, around: CurrentCall | None = None) -> Call:
    caller = None if around is None else around.call
    return Call(
        id=call_id,
        service=operation.service,
        operation=operation.name,
        arguments=arguments,
        contract=operation.contract,
        attempt=1 if caller is None else caller.attempt,
        caller="" if caller is None else caller.target,
        principal="" if caller is None else caller.principal,
        tenant="" if caller is None else caller.tenant,
        trace="" if caller is None else caller.trace,
        remaining_ms=None if around is None or around.left_ms is None else around.left_ms(),
    )
