"""From a call to its outcome: finds the operation, runs it, and commits its effect together with its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, TypeVar, cast

from weft.clock import Clock
from weft.errors import CallFailed, NotDone, OutcomeUnknown, TransactionMisused, ValueCannotTravel, ValueInvalid
from weft.faults.crash import Crashed, doomed
from weft.flow.ambient import AlreadySettled, CurrentCall, Overtaken, current_call
from weft.host.words import log_failure, raised_at, text_of, words_of
from weft.model.call import Call, Handler, Outcome, Refused, Reply
from weft.model.effect import EffectKind
from weft.model.operation import Operation
from weft.model.refusal import Declined

E = TypeVar("E", bound=BaseException)

TIMES_OVERTAKEN = 50
"""So often is an operation run again whose transaction others overtook; it is alone long before (see `data`)."""


class Ending(Enum):
    """How the delivery of a call ended at the service.

    Attributes:
        APPLIED: it replied, and its effect is committed.
        SETTLED: a duplicate: the reply of an earlier delivery was sent again.
        REFUSED: it was declined, now or by an earlier delivery.
        FAILED: everything else, such as an operation that arrived after its undo.
    """

    APPLIED = "applied"
    SETTLED = "settled"
    REFUSED = "refused"
    FAILED = "failed"


ENDINGS: dict[type[Any], Ending] = {Reply: Ending.SETTLED, Refused: Ending.REFUSED}
"""How a duplicate ends, by its stored outcome."""

NOT_IN_A_TRANSACTION = (
    "work inside `async with self.db.transaction()`, also where there is nothing to do: an empty block remembers the "
    "call; or leave exactly_once out"
)
"""What to do about an operation that its service promised to remember, and does not."""


class Witness(Protocol):
    """Is told how each delivery ended, before the caller is."""

    def __call__(self, call: Call, ending: Ending) -> None:
        """Take note; it runs between the commit and the answer."""
        ...


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation with the method that carries it out.

    Attributes:
        method: of the instance; takes the arguments by name.
        alone: everything that the service can change is its weft database, so a transaction that was rolled back
            is proof that nothing happened.
        exactly_once: it has an effect, and the service promised to remember each of its calls: a reply or a refusal
            without a transaction breaks that.
    """

    operation: Operation
    method: Callable[..., Any]
    alone: bool = True
    exactly_once: bool = False


class Dispatcher:
    """Runs operations for calls: a Handler, which raises nothing but CancelledError.

    It runs in the task of whoever calls it and leaves that task's context as it was.
    """

    def __init__(
        self, bound: Mapping[str, Bound], *, send: Handler, clock: Clock, witness: Witness | None = None
    ) -> None:
        self._bound = {(each.operation.service, each.operation.name): each for each in bound.values()}
        self._send = send
        self._clock = clock
        self._witness = witness

    async def __call__(self, call: Call) -> Outcome:
        """Run the operation and return its outcome once its effect is committed."""
        bound = self._bound.get((call.service, call.operation))
        if bound is None:
            return NotDone(f"no service here has the operation {call.target}", reason="unknown-operation")
        try:
            arguments = bound.operation.parameters.decode(call.arguments)
        except ValueInvalid as error:
            return NotDone(f"the arguments of {call.target} do not parse: {error.what}", reason="arguments")
        if call.remaining_ms is not None and call.remaining_ms <= 0:
            return NotDone(f"the deadline of {call.target} had passed before it began", reason="deadline")
        nested = current_call.get() is not None
        cancelling = _cancellations() if nested else 0
        outcome, ending = await self._deliver(bound, CurrentCall(call, bound.operation, self._send), arguments)
        if self._witness is not None:
            self._tell(self._witness, call, ending)
        if nested and _cancellations() > cancelling:
            # It came during the commit, and the operation that called is what it was meant for.
            raise asyncio.CancelledError
        return outcome

    async def _deliver(
        self, bound: Bound, current: CurrentCall, arguments: Mapping[str, Any]
    ) -> tuple[Outcome, Ending]:
        token = current_call.set(current)
        try:
            try:
                if current.call.remaining_ms is None:
                    result = await bound.method(**arguments)
                else:
                    result = await self._in_time(bound, current, arguments)
                outcome: Outcome = Reply(bound.operation.result.encode(result))
                ending = Ending.APPLIED
            except Exception as error:  # noqa: BLE001 - the border: a service may raise what it likes
                outcome, ending = await _not_a_reply(bound, current, error)
                if ending is Ending.FAILED:
                    return outcome, ending
            if doomed.get() == current.call.id:
                raise Crashed  # noqa: TRY301 - here, as if the process had ended between the method and its commit
            if current.participant is not None:
                return await _finish(current, outcome, ending)
            if bound.exactly_once:
                return _forgotten(bound.operation, ending), Ending.FAILED
            return outcome, ending
        except BaseException as error:
            # A border: cancellation, a crash or a stored outcome that passed the method; everything is rolled back.
            await _abandon(current)
            settled = _found(AlreadySettled, error)
            if settled is not None:
                return settled.outcome, ENDINGS.get(type(settled.outcome), Ending.FAILED)
            if _found(Overtaken, error) is None:
                raise
        finally:
            current.over = True
            current_call.reset(token)
        return await self._deliver_again(bound, current, arguments)

    async def _deliver_again(
        self, bound: Bound, current: CurrentCall, arguments: Mapping[str, Any]
    ) -> tuple[Outcome, Ending]:
        """Run an operation again whose transaction did not fit in any order with others: nothing of it happened."""
        call = current.call
        if current.overtaken >= TIMES_OVERTAKEN:
            what = f"the transaction of {call.target} was overtaken {TIMES_OVERTAKEN} times"
            return NotDone(what, reason="conflict"), Ending.FAILED
        if current.left_ms is not None:
            call = call.with_remaining(current.left_ms())
        again = CurrentCall(call, current.operation, self._send)
        again.overtaken = current.overtaken + 1
        return await self._deliver(bound, again, arguments)

    def _tell(self, witness: Witness, call: Call, ending: Ending) -> None:
        try:
            witness(call, ending)
        except Exception as error:  # noqa: BLE001 - the border: the effect is committed, whoever watches may break
            log_failure("the witness of %s failed", call.target, error)

    async def _in_time(self, bound: Bound, current: CurrentCall, arguments: Mapping[str, Any]) -> Any:
        assert current.call.remaining_ms is not None, "only a call with a deadline is made in time"
        deadline = _Deadline(self._clock, current.call.remaining_ms)
        current.left_ms = deadline.left_ms
        try:
            async with deadline:
                return await bound.method(**arguments)
        finally:
            current.timed_out = deadline.fired


async def _not_a_reply(bound: Bound, current: CurrentCall, error: Exception) -> tuple[Outcome, Ending]:
    """Return what an exception is worth that a method raised."""
    refused = _refusal(bound.operation, error)
    if refused is not None:
        return refused, Ending.REFUSED
    await _abandon(current)
    return _failure(bound, current, error), Ending.FAILED


async def _finish(current: CurrentCall, outcome: Outcome, ending: Ending) -> tuple[Outcome, Ending]:
    """Commit effect and outcome together; until that has returned nobody may hear of either."""
    assert current.participant is not None
    target = current.call.target
    try:
        await current.participant.finish(outcome)
    except NotDone as error:
        return error, Ending.FAILED
    except Exception as error:  # noqa: BLE001 - a database may raise what it likes, and may have committed before
        await _abandon(current)  # it may not have come as far as committing, and would hold the database's turn
        log_failure("the commit of %s failed", target, error)
        what = f"the commit of {target} failed: {words_of(error)}"
        return OutcomeUnknown(what, reason="commit", **_cause(error)), Ending.FAILED
    return outcome, ending


async def _abandon(current: CurrentCall) -> None:
    """Roll back what joined; a failure in it is logged, since the failure that led here says more."""
    if current.participant is not None:
        try:
            await current.participant.abandon()
        except Exception as error:  # noqa: BLE001 - the border: nothing was committed, whatever the database says now
            log_failure("the transaction of %s could not be rolled back", current.call.target, error)


def _refusal(operation: Operation, error: Exception) -> Refused | None:
    """Return the refusal that an exception is, if the operation declares it."""
    if not isinstance(error, Declined):
        return None
    kind = type(error).__name__
    codec = operation.refusals.get(kind)
    if codec is None:
        return None
    try:
        return Refused(kind, codec.encode(error))
    except ValueCannotTravel as unfit:
        log_failure("a refusal of %s cannot travel", operation.target, unfit)
        return None


def _failure(bound: Bound, current: CurrentCall, error: Exception) -> NotDone | OutcomeUnknown:
    """Decide what an exception that nobody declared leaves certain."""
    nothing_happened = bound.operation.kind is EffectKind.READ or (
        bound.alone and current.participant is not None and not current.wrote_elsewhere
    )
    failure = NotDone if nothing_happened else OutcomeUnknown
    target = current.call.target
    if current.timed_out:
        return failure(f"{target} took longer than {current.call.remaining_ms} ms", reason="timeout")
    if not isinstance(error, CallFailed):
        log_failure("%s raised what it does not declare", target, error)
    cause = _cause(error)
    what = f"{target} raised {words_of(error)} (at {cause['raised_at']})"
    retry_after_ms = error.retry_after_ms if isinstance(error, CallFailed) else None
    return failure(what, reason="exception", retry_after_ms=retry_after_ms, **cause)


def _forgotten(operation: Operation, ending: Ending) -> OutcomeUnknown:
    """Return what a reply or a refusal is worth that its service promised to remember, and does not."""
    did = "replied" if ending is Ending.APPLIED else "declined"
    what = f"{operation.target} {did} and wrote nothing in a transaction, though its service says exactly_once"
    error = TransactionMisused(what, where=operation.where, remedy=NOT_IN_A_TRANSACTION)
    log_failure(f"%s {did} outside of a transaction", operation.target, error)
    return OutcomeUnknown(str(error), reason="exception", **_cause(error))


def _cancellations() -> int:
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _cause(error: Exception) -> dict[str, Any]:
    """Return an exception as data: its traceback would keep the whole call alive."""
    return {"kind": type(error).__name__, "text": text_of(error), "raised_at": raised_at(error)}


def _found(kind: type[E], error: BaseException) -> E | None:
    """Return what left the method for the dispatcher's sake, also out of a task group."""
    if isinstance(error, kind):
        return error
    if isinstance(error, BaseExceptionGroup):
        inside = cast("BaseExceptionGroup[BaseException]", error).exceptions
        return next((found for each in inside if (found := _found(kind, each)) is not None), None)
    return None


class _Deadline:
    """Cancels the method once its time has passed on the clock, and turns that into TimeoutError.

    The commit stands outside: interrupted, it would leave nobody knowing whether it happened.
    """

    __slots__ = ("_alarm", "_cancelling", "_clock", "_due_ms", "_task", "fired")

    def __init__(self, clock: Clock, remaining_ms: int) -> None:
        self._clock = clock
        self._due_ms = clock.now_ms() + remaining_ms
        self.fired = False

    async def __aenter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "operations run inside tasks"
        self._task = task
        self._cancelling = task.cancelling()
        self._alarm = self._clock.call_at(self._due_ms, self._fire)

    def left_ms(self) -> int:
        """Return what is left of it."""
        return max(0, self._due_ms - self._clock.now_ms())

    def _fire(self) -> None:
        self.fired = True
        self._task.cancel()

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._alarm.cancel()
        # Someone else's cancellation that came as well stays one (as in asyncio.timeout).
        if self.fired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError
