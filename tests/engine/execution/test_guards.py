"""What a run's loop refuses, each with its durable replacement, and that no method of a loop is forgotten."""

from __future__ import annotations

import asyncio
import signal
import socket
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.engine.execution.desk import Desk
from tests.engine.execution.driver import Begin
from weft.engine.execution.loop import RunLoop
from weft.errors import NotDeterministic
from weft.model.workflow import workflow

OPERATION = "do it in an operation"
SIGNAL = "send the run a Signal"


def _loop() -> AbstractEventLoop:
    return asyncio.get_running_loop()


async def _nothing() -> None:
    return None


def _threadsafe() -> object:
    coro = _nothing()
    try:
        return asyncio.run_coroutine_threadsafe(coro, _loop())
    finally:
        coro.close()


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "to_thread": (lambda: asyncio.to_thread(int), OPERATION),
    "run_in_executor": (lambda: _loop().run_in_executor(None, int), OPERATION),
    "default executor": (lambda: _loop().set_default_executor(ThreadPoolExecutor(1)), OPERATION),
    "call_soon_threadsafe": (lambda: _loop().call_soon_threadsafe(int), SIGNAL),
    "coroutine from another thread": (_threadsafe, SIGNAL),
    "open_connection": (lambda: asyncio.open_connection("localhost", 1), OPERATION),
    "start_server": (lambda: asyncio.start_server(lambda _r, _w: None, "localhost", 0), OPERATION),
    "name look-up": (lambda: _loop().getaddrinfo("localhost", 1), OPERATION),
    "socket": (lambda: _loop().sock_connect(socket.socket(), ("localhost", 1)), OPERATION),
    "reader": (lambda: _loop().add_reader(0, int), OPERATION),
    "subprocess": (lambda: asyncio.create_subprocess_exec("true"), OPERATION),
    "shell": (lambda: asyncio.create_subprocess_shell("true"), OPERATION),
    "signal handler": (lambda: _loop().add_signal_handler(signal.SIGTERM, int), SIGNAL),
    "exception handler": (lambda: _loop().set_exception_handler(None), "catch exceptions"),
    "debug": (lambda: _loop().set_debug(True), "leave it off"),
    "stop": (lambda: _loop().stop(), "return from the workflow"),
    "run_forever": (lambda: _loop().run_forever(), "await what you need"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_touches_the_world_is_refused(begin: Begin, what: str) -> None:
    """Threads, sockets, processes and signals are refused with what to do instead, and the line."""
    act, remedy = REFUSED[what]

    @workflow
    async def flow(n: int, *, desk: Desk) -> str:
        try:
            answer = act()
            if isinstance(answer, Awaitable):
                await answer
        except NotDeterministic as error:
            return str(error)
        return "it was let through"

    text = begin(flow).result

    assert "is not available inside a workflow" in text
    assert remedy in text
    assert "execution/test_guards.py:" in text


def test_no_method_of_a_loop_is_forgotten() -> None:
    """Every public method that asyncio knows of a loop is either implemented or refused."""
    known = {name for name, method in vars(AbstractEventLoop).items() if callable(method) and not name.startswith("_")}
    ours = {name for each in RunLoop.__mro__ if each not in AbstractEventLoop.__mro__ for name in vars(each)}

    assert known - ours == set()


def test_loop_answers_what_asyncio_may_ask(begin: Begin) -> None:
    """The questions that asyncio and libraries put to a loop have answers."""

    @workflow
    async def flow(n: int, *, desk: Desk) -> list[bool]:
        loop = asyncio.get_running_loop()
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()
        loop.default_exception_handler({"message": "heard"})
        return [
            loop.is_running(),
            not loop.is_closed(),
            not loop.get_debug(),
            loop.get_task_factory() is None,
            loop.get_exception_handler() is None,
            asyncio.current_task() in asyncio.all_tasks(),
        ]

    assert all(begin(flow).result)
