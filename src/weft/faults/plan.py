"""The faults of one system, together: a policy that lets at most one of them strike an attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeAlias

from weft.clock import Clock, SystemClock
from weft.errors import SettingInvalid
from weft.faults.crash import crash_after_commit, crash_before_commit
from weft.faults.decision import Decision, Predicate
from weft.faults.delay import delay
from weft.faults.duplicate import duplicate
from weft.faults.lose import lose_reply, lose_request
from weft.faults.lottery import Lottery
from weft.faults.network import Network
from weft.faults.refuse import decline, refuse
from weft.model.call import Call, Handler, Outcome, Policy, Refused
from weft.model.operation import Operation
from weft.model.refusal import Declined
from weft.model.system import System

Target: TypeAlias = Callable[..., Any] | str
"""An operation: the method as callers name it, as in `Payments.charge`, or `service.operation`."""

NO_TIME = timedelta()
A_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Fault:
    target: str
    decision: Decision
    policy: Policy


class Plan:
    """Faults to order; `Plan` itself is the policy to give to a host.

    An attempt is struck by the first fault, in order of their adding, that decides so. Each fault takes `times` (how
    many attempts), `rate` (which fraction) and `when` (a predicate of the call), alone or together; without any it
    strikes always.

    Args:
        system: whose operations are meant.
        seed: decides what rates strike.
        clock: what delays wait for.
    """

    def __init__(self, system: System, *, seed: int = 0, clock: Clock | None = None) -> None:
        self._system = system
        self._seed = seed
        self.network = Network(SystemClock() if clock is None else clock)
        self._faults: list[_Fault] = []
        self.lottery: Lottery | None = None

    @classmethod
    def from_rate(cls, system: System, rate: float, *, seed: int = 0, clock: Clock | None = None) -> Self:
        """Return a plan that strikes a fraction of all attempts; see `at_rate`."""
        plan = cls(system, seed=seed, clock=clock)
        plan.at_rate(rate)
        return plan

    def __call__(self, handler: Handler) -> Handler:
        """Return the handler with its faults; those that are added later count, too."""

        def handle(call: Call) -> Awaitable[Outcome]:
            operation = self._system.operations.get(call.target)
            if operation is not None:
                for fault in self._faults:
                    if fault.target == call.target and fault.decision.strikes(operation, call):
                        return fault.policy(handler)(call)
                if self.lottery is not None and (policy := self.lottery.draw(operation, call)) is not None:
                    return policy(handler)(call)
            return handler(call)

        return handle

    def at_rate(self, rate: float) -> None:
        """Strike a fraction of all attempts with a fault of any kind that changes no outcome.

        A call that may be repeated is lost, delayed, doubled, turned away or its service crashes, on its first
        attempts only; one that may not is delayed or turned away.
        """
        self.lottery = Lottery(rate, seed=self._seed, network=self.network)

    def lose_request(
        self,
        operation: Target,
        /,
        *,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Lose requests: the callee is never called, and the caller cannot know."""
        self._add("lose_request", operation, lose_request, times=times, rate=rate, when=when)

    def lose_reply(
        self,
        operation: Target,
        /,
        *,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Lose replies: the callee works, and the caller cannot know."""
        self._add("lose_reply", operation, lose_reply, times=times, rate=rate, when=when)

    def delay(
        self,
        operation: Target,
        /,
        *,
        by: timedelta = A_MINUTE,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Delay requests; they arrive even if their caller has given up."""
        self._add("delay", operation, delay(self.network, by), times=times, rate=rate, when=when)

    def duplicate(
        self,
        operation: Target,
        /,
        *,
        after: timedelta = NO_TIME,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Deliver requests twice, the second time after the answer."""
        self._add("duplicate", operation, duplicate(self.network, after), times=times, rate=rate, when=when)

    def refuse(
        self,
        operation: Target,
        /,
        *,
        with_: Declined | None = None,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Turn calls away before they reach the callee, or answer with a refusal that the operation declares.

        A refusal changes the outcome, so it follows the business key, which is the first argument: `times` counts
        keys, and a key that was refused once is refused always.

        Raises:
            SettingInvalid: The operation does not declare the refusal.
        """
        policy = refuse if with_ is None else decline(self._refused(self._operation(operation), with_))
        by_key = with_ is not None
        self._add("refuse", operation, policy, times=times, rate=rate, when=when, by_key=by_key)

    def crash(
        self,
        operation: Target,
        /,
        *,
        after_commit: bool = False,
        times: int | None = None,
        rate: float | None = None,
        when: Predicate | None = None,
    ) -> None:
        """Let the service's process die, before its commit or after it."""
        policy = crash_after_commit if after_commit else crash_before_commit
        self._add(f"crash/{after_commit}", operation, policy, times=times, rate=rate, when=when)

    def clear(self) -> None:
        """Order no more faults; requests under way still arrive."""
        self._faults.clear()
        self.lottery = None

    def _add(self, kind: str, target: Target, policy: Policy, /, **decision: Any) -> None:
        operation = self._operation(target)
        if "by_key" not in decision:
            # What is lost of a call that may not be repeated changes its outcome.
            decision["by_key"] = decision["rate"] is not None and not operation.repeatable and policy is not refuse
        self._faults.append(_Fault(operation.target, Decision(kind, seed=self._seed, **decision), policy))

    def _operation(self, target: Target) -> Operation:
        return operation_of(self._system, target)

    def _refused(self, operation: Operation, declined: Declined) -> Refused:
        kind = type(declined).__name__
        codec = operation.refusals.get(kind)
        if codec is None:
            what = f"{operation.target} does not declare the refusal {kind}"
            raise SettingInvalid(
                what, where=operation.where, remedy=f"add {kind} to its raises=, or refuse with another"
            )
        return Refused(kind, codec.encode(declined))


def operation_of(system: System, target: Target) -> Operation:
    """Return the operation that a caller means by `Payments.charge` or by `payments.charge`.

    Raises:
        SettingInvalid: The system has no such operation.
    """
    if isinstance(target, str):
        if target in system.operations:
            return system.operations[target]
    else:
        for spec in system.services.values():
            for contract in spec.contracts:
                name = getattr(target, "__name__", "")
                if vars(contract).get(name) is target and name in spec.operations:
                    return spec.operations[name]
    what = f"System {system.name!r} has no operation {getattr(target, '__qualname__', target)}"
    raise SettingInvalid(what, remedy=f"known: {', '.join(sorted(system.operations)) or 'none'}")
