"""The one type in every pipe: a Call goes in, an Outcome comes out, and a Handler turns one into the other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

import msgspec

from weft.errors import NotDone, OutcomeUnknown
from weft.model.attribute import Attributes

RUN_FAILED = "run-failed"
"""The reason of an unknown outcome that is the end of a run: another attempt would hear the same."""


class Behalf(NamedTuple):
    """For whom a run works: its calls say so, and so do those of the runs that it starts.

    Attributes:
        tenant: for whom.
        principal: on whose behalf.
        trace: W3C traceparent.
        attributes: what it is found by; they are its own, and go over to nobody.
    """

    tenant: str = ""
    principal: str = ""
    trace: str = ""
    attributes: Attributes = ()

    def within(self, call: Call) -> Behalf:
        """Return it with what is not said taken from a call."""
        return self._replace(
            tenant=self.tenant or call.tenant,
            principal=self.principal or call.principal,
            trace=self.trace or call.trace,
        )


NOBODY = Behalf()


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One attempt to run one operation.

    Attributes:
        id: stable from the first attempt to the last replay.
        effect_id: what the barrier knows the effect by: `undoes` if set, else `id`.
        undoes: the id of the call that this one undoes.
        service: the contract's name.
        operation: the operation's name within it.
        arguments: the recorded bytes, sent as they are.
        contract: fingerprint of the operation's parameters as the caller knows them.
        attempt: from 1.
        remaining_ms: what is left of the deadline; nothing for no deadline.
        caller: `workflow/run id` or the calling operation.
        principal: on whose behalf.
        tenant: for whom.
        trace: W3C traceparent.
        issued_ms: when the effect was first asked for, in milliseconds since 1970; an undo carries that of the call
            which it undoes. 0 for unknown.
    """

    id: str
    service: str
    operation: str
    arguments: bytes
    undoes: str | None = None
    contract: str = ""
    attempt: int = 1
    remaining_ms: int | None = None
    caller: str = ""
    principal: str = ""
    tenant: str = ""
    trace: str = ""
    issued_ms: int = 0

    @property
    def effect_id(self) -> str:
        """Return the id that operation and undo share."""
        return self.undoes or self.id

    @property
    def target(self) -> str:
        """Return `service.operation`."""
        return f"{self.service}.{self.operation}"

    def with_remaining(self, remaining_ms: int) -> Call:
        """Return it with another rest of the deadline."""
        return msgspec.structs.replace(self, remaining_ms=remaining_ms)


class Reply(msgspec.Struct, frozen=True, gc=False):
    """The operation's answer, as bytes."""

    data: bytes


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The service declined: the refusal's class name and its fields, as bytes."""

    kind: str
    data: bytes


Outcome: TypeAlias = Reply | Refused | NotDone | OutcomeUnknown
Handler: TypeAlias = Callable[[Call], Awaitable[Outcome]]
Policy: TypeAlias = Callable[[Handler], Handler]
