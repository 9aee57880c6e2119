"""Hazards: what would differ in a replay of a workflow, or touch the world behind weft's back; SEMANTICS.md 20."""

from __future__ import annotations

import builtins
import inspect
import random
import sys
from dataclasses import dataclass
from enum import Enum
from types import BuiltinMethodType, MethodType
from typing import Any

from weft.model.place import function_of
from weft.model.symbols import Known, Use, module_member


@dataclass(frozen=True, slots=True)
class Hazard:
    """One kind of hazard: what the code does, and what to write instead."""

    what: str
    remedy: str


OPERATION = "do it in an operation of a service, and call that"
CLOCK = Hazard("reads the clock", "use weft.now(), which is the same in every replay")
SLEEP = Hazard("stops every run of the engine", "await asyncio.sleep(...), which is durable in a workflow")
CHANCE = Hazard("draws chance that no replay repeats", "use weft.random(), or random.Random(weft.random()) for more")
UUID = Hazard("makes an id that no replay repeats", "use weft.uuid4()")
ENVIRONMENT = Hazard("reads this process's environment", "pass the value in the workflow's input, or ask a service")
THREADS = Hazard("works with threads or processes", OPERATION)
FILES = Hazard("works with files", OPERATION)
NETWORK = Hazard("works with the network or a database", OPERATION)
LOOP = Hazard("runs another event loop", "await the coroutine itself, or use asyncio.TaskGroup or asyncio.gather")
EAGER = Hazard("changes how tasks start", "leave it out: tasks of a run start in an order of their own")

FUNCTIONS: tuple[tuple[Hazard, str, str], ...] = (
    (CLOCK, "time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time process_time_ns"),
    (CLOCK, "time", "thread_time thread_time_ns clock_gettime clock_gettime_ns"),
    (CLOCK, "datetime.datetime", "now utcnow today"),
    (CLOCK, "datetime.date", "today"),
    (SLEEP, "time", "sleep"),
    (CHANCE, "os", "urandom getrandom"),
    (CHANCE, "random", "SystemRandom"),
    (UUID, "uuid", "uuid1 uuid4 uuid6 uuid7 getnode"),
    (ENVIRONMENT, "os", "environ environb getenv getenvb getpid getppid getlogin getcwd cpu_count"),
    (ENVIRONMENT, "platform", "node platform uname"),
    (THREADS, "os", "fork forkpty popen system spawnl spawnv execv execve posix_spawn"),
    (THREADS, "asyncio", "to_thread run_coroutine_threadsafe create_subprocess_exec create_subprocess_shell"),
    (THREADS, "asyncio.AbstractEventLoop", "run_in_executor subprocess_exec subprocess_shell"),
    (FILES, "builtins", "open input"),
    (FILES, "io", "open open_code"),
    (FILES, "os", "open listdir scandir walk remove unlink rename replace mkdir makedirs rmdir stat"),
    (FILES, "pathlib.Path", "open read_text read_bytes write_text write_bytes exists iterdir"),
    (FILES, "pathlib.Path", "mkdir unlink stat glob cwd"),
    (NETWORK, "asyncio", "open_connection open_unix_connection start_server start_unix_server"),
    (NETWORK, "asyncio.AbstractEventLoop", "create_connection create_datagram_endpoint create_server getaddrinfo"),
    (NETWORK, "urllib.request", "urlopen urlretrieve"),
    (NETWORK, "httpx", "get post put patch delete request stream Client AsyncClient"),
    (NETWORK, "aiohttp", "ClientSession request"),
    (LOOP, "asyncio", "run Runner new_event_loop set_event_loop"),
    (LOOP, "asyncio.AbstractEventLoop", "run_until_complete run_forever"),
    (EAGER, "asyncio", "eager_task_factory create_eager_task_factory"),
    (EAGER, "asyncio.AbstractEventLoop", "set_task_factory"),
)
"""What is a hazard wherever it is named: hazard, module or class, names."""

WITHOUT_ARGUMENTS: tuple[tuple[Hazard, str, str], ...] = (
    (CLOCK, "time", "gmtime localtime ctime asctime"),
    (CHANCE, "random", "Random"),
    (CHANCE, "numpy.random", "default_rng RandomState SeedSequence"),
    (UUID, "uuid", "uuid8"),
)
"""What is a hazard only where it is called without arguments: with them it is a function of them."""

MODULES: tuple[tuple[Hazard, str], ...] = (
    (CHANCE, "secrets"),
    (THREADS, "_thread"),
    (THREADS, "threading"),
    (THREADS, "multiprocessing"),
    (THREADS, "concurrent.futures"),
    (THREADS, "subprocess"),
    (FILES, "tempfile"),
    (FILES, "shutil"),
    (NETWORK, "_socket"),
    (NETWORK, "socket"),
    (NETWORK, "socketserver"),
    (NETWORK, "http.client"),
    (NETWORK, "requests"),
    (NETWORK, "sqlite3"),
    (NETWORK, "_sqlite3"),
    (NETWORK, "smtplib"),
    (NETWORK, "ftplib"),
)
"""Modules whose functions, classes and objects are hazards, exceptions and constants apart."""

GENERATORS = "numpy.random"


class Hazards:
    """The tables above as the real objects that are loaded now; what is not loaded, no code can name."""

    def __init__(self) -> None:
        self._always = _objects(FUNCTIONS)
        self._bare = _objects(WITHOUT_ARGUMENTS)

    def of(self, use: Use) -> Hazard | None:
        """Return the hazard that a use is, or nothing."""
        if not isinstance(use.symbol, Known):
            return None
        value = _underlying(use.symbol.value)
        found = self._always.get(id(value)) or (self._bare.get(id(value)) if use.bare else None)
        if found is not None:
            return found
        bound = use.symbol.value
        if isinstance(bound, BuiltinMethodType | MethodType) and is_generator(bound.__self__):
            return CHANCE
        if use.called and isinstance(use.owner, Known) and is_generator(use.owner.value):
            return CHANCE  # a generator that outlives the run: runs would share it
        return _of_module(value)


def is_generator(value: object) -> bool:
    """Tell whether an object is a generator of random numbers."""
    return isinstance(value, random.Random) or str(type(value).__module__).startswith(GENERATORS)


def _objects(table: tuple[tuple[Hazard, str, str], ...]) -> dict[int, Hazard]:
    found: dict[int, Hazard] = {}
    for hazard, owner, names in table:
        place = _named(owner)
        for name in names.split():
            member = None if place is None else inspect.getattr_static(place, name, None)
            if member is not None:
                found[id(_underlying(member))] = hazard
    return found


def _named(path: str) -> Any:
    """Return a loaded module, or a class in one."""
    if path in sys.modules:
        return sys.modules[path]
    module, _, name = path.rpartition(".")
    found = module_member(sys.modules[module], name) if module in sys.modules else None
    return found.value if isinstance(found, Known) else None


def _underlying(value: Any) -> Any:
    """Return what stands for a function wherever it is found: bound to its class, as a member of it, or alone."""
    value = value.__func__ if isinstance(value, MethodType) else function_of(value)
    if isinstance(value, BuiltinMethodType) and isinstance(value.__self__, type):
        return inspect.getattr_static(value.__self__, value.__name__, value)
    return value


def _of_module(value: Any) -> Hazard | None:
    """Return the hazard that the module of a function, a class or an object's class is."""
    if isinstance(value, int | str | bytes | float | tuple | Enum | BaseException | None):
        return None
    if isinstance(value, type) and issubclass(value, BaseException):
        return None
    named = value if isinstance(value, type) or callable(value) else type(value)
    home = getattr(named, "__module__", None)
    if not isinstance(home, str) or home == builtins.__name__:
        return None
    return next((hazard for hazard, module in MODULES if home == module or home.startswith(f"{module}.")), None)
