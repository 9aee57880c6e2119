"""What a run's loop refuses, each with its durable replacement."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

from weft.engine.execution.paths import line_of_caller
from weft.errors import NotDeterministic

OPERATION = "do it in an operation of a service and call that"
REFUSED = {
    "run_in_executor": OPERATION,
    "call_soon_threadsafe": "send the run a Signal",
    "set_default_executor": OPERATION,
    "create_connection": OPERATION,
    "create_server": OPERATION,
    "create_datagram_endpoint": OPERATION,
    "create_unix_connection": OPERATION,
    "create_unix_server": OPERATION,
    "connect_accepted_socket": OPERATION,
    "sendfile": OPERATION,
    "start_tls": OPERATION,
    "getaddrinfo": OPERATION,
    "getnameinfo": OPERATION,
    "sock_recv": OPERATION,
    "sock_recv_into": OPERATION,
    "sock_recvfrom": OPERATION,
    "sock_recvfrom_into": OPERATION,
    "sock_sendall": OPERATION,
    "sock_sendto": OPERATION,
    "sock_connect": OPERATION,
    "sock_accept": OPERATION,
    "sock_sendfile": OPERATION,
    "add_reader": OPERATION,
    "remove_reader": OPERATION,
    "add_writer": OPERATION,
    "remove_writer": OPERATION,
    "connect_read_pipe": OPERATION,
    "connect_write_pipe": OPERATION,
    "subprocess_shell": OPERATION,
    "subprocess_exec": OPERATION,
    "add_signal_handler": "send the run a Signal",
    "remove_signal_handler": "send the run a Signal",
    "set_task_factory": "leave tasks to the run's loop: their ids follow its own",
    "run_forever": "await what you need; the run is already running",
    "run_until_complete": "await what you need; the run is already running",
    "set_exception_handler": "catch exceptions where they arise",
    "stop": "return from the workflow",
    "close": "return from the workflow",
}


def refuse(what: str, remedy: str) -> NoReturn:
    """Raise for something that would differ in a replay.

    Raises:
        NotDeterministic: always.
    """
    message = f"{what} is not available inside a workflow: its outcome would differ in a replay"
    raise NotDeterministic(message, where=line_of_caller(2), remedy=remedy)


class GuardedLoop(asyncio.AbstractEventLoop):
    """An event loop on which everything that touches the world is refused."""

    def set_debug(self, enabled: bool) -> None:  # noqa: FBT001 - asyncio's signature
        """Refuse debug mode."""
        if enabled:
            refuse("asyncio's debug mode", "leave it off")

    def get_exception_handler(self) -> None:
        """Return that there is none."""

    def get_task_factory(self) -> None:
        """Return that there is none."""

    async def shutdown_asyncgens(self) -> None:
        """Do nothing: generators are closed with the tasks that use them."""

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """Do nothing: there is no executor."""


def _refusal(name: str, remedy: str) -> Any:
    def method(_self: object, *_args: object, **_kwargs: object) -> NoReturn:
        refuse(f"loop.{name}", remedy)

    method.__name__ = name
    return method


# Debug mode is off. Every future asks; a class of C that makes false of nothing answers in half the time.
GuardedLoop.get_debug = staticmethod(bool)  # pyright: ignore[reportAttributeAccessIssue]

for _name, _remedy in REFUSED.items():
    setattr(GuardedLoop, _name, _refusal(_name, _remedy))
