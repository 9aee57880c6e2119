"""The checks of `weft doctor`: each looks at one thing and tells what it found."""

from __future__ import annotations

import errno
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from weft.cli import texts
from weft.cli.exits import WrongUse
from weft.cli.output import duration
from weft.clock import SystemClock
from weft.engine.embedded.health import OLDEST_SQLITE, SQLITE, SQLITE_IS_ENOUGH, Health, examine
from weft.errors import DeclarationInvalid, WeftError
from weft.host.settings import Settings, masked
from weft.model.run import RunStatus
from weft.model.system import System

OLDEST_PYTHON, TOO_NEW_PYTHON = (3, 11), (3, 15)
KERNEL = ("click", "cronsim", "msgspec", "rich", "tzdata")
EXTRAS = (("data", ("sqlalchemy", "greenlet", "psycopg")), ("temporal", ("temporalio",)))

ENOUGH_BYTES = 100 * 1024 * 1024
"""Less free space than this is worth a word."""

SLOW_SYNC_MS = 20.0
"""A disk that takes longer to keep a page decides how fast runs are."""

SYNCS = 5
SYNC_BYTES = 4_096

FIRST_MOMENT_MS = 1_700_000_000_000
"""No clock that is right says less than this: November 2023."""

CLOCK_SLACK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found.

    Attributes:
        name: what was looked at.
        status: `ok`; `note`, which is worth a word; `wrong`, which keeps weft from working.
        what: what was found, in one sentence or a few words.
        remedy: what to do; empty where there is nothing to do.
        environment: whether what is wrong is around weft (disk, store, settings) and not in the System's code.
        misused: whether it is in the words of the command line.
    """

    name: str
    status: str
    what: str
    remedy: str = ""
    environment: bool = True
    misused: bool = False


def check_python() -> Check:
    """Look at the interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    fine = OLDEST_PYTHON <= sys.version_info[:2] < TOO_NEW_PYTHON
    what = f"{sys.implementation.name} {found}, {sys.executable}"
    return Check("python", "ok", what) if fine else Check("python", "wrong", what, texts.PYTHON_REMEDY)


def check_sqlite() -> Check:
    """Look at the SQLite that comes with the interpreter."""
    if SQLITE_IS_ENOUGH:
        return Check("sqlite", "ok", SQLITE)
    return Check("sqlite", "wrong", SQLITE, texts.SQLITE_REMEDY.format(oldest=OLDEST_SQLITE))


def check_packages() -> Iterator[Check]:
    """Look at the libraries; one that belongs to an extra may be missing."""
    found = {name: _version_of(name) for name in KERNEL}
    missing = [name for name, each in found.items() if not each]
    what = ", ".join(f"{name} {each or texts.MISSING}" for name, each in found.items())
    remedy = texts.INSTALL.format(names=", ".join(missing)) if missing else ""
    yield Check("packages", "wrong" if missing else "ok", what, remedy)
    for extra, names in EXTRAS:
        versions = {name: _version_of(name) for name in names}
        what = ", ".join(f"{name} {each or texts.MISSING}" for name, each in versions.items())
        fine = all(versions.values())
        remedy = "" if fine else texts.INSTALL_EXTRA.format(extra=extra)
        yield Check(f"packages of {extra}", "ok" if fine else "note", what, remedy)


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def check_settings(settings: Settings) -> Check:
    """Show the settings, secrets masked."""
    said = [f"engine = {masked(settings.engine)}"]
    if settings.store is not None:
        said.append(f"store = {masked(settings.store)}")
    if (temporal := settings.temporal.shown()) and settings.is_temporal:
        said.append(f"temporal: {temporal}")
    for service, resources in sorted(settings.services.items()):
        said += [f"services.{service}.{name} = {masked(url)}" for name, url in sorted(resources.items())]
    return Check("settings", "ok", "; ".join(said))


def check_store(path: Path) -> tuple[Check, Health | None]:
    """Look at the store: whose it is, who owns it, how its runs stand."""
    if not path.exists():
        return Check("store", "ok", texts.STORE_MISSING.format(path=path)), None
    try:
        health = examine(path)
    except WeftError as error:
        return Check("store", "wrong", f"{error.what} ({error.where})", error.advice), None
    counts = ", ".join(f"{count:,} {RunStatus(status).label}" for status, count in sorted(health.counts.items()))
    owner = texts.OWNED.format(owner=health.owner) if health.owner else texts.OWNED_BY_NONE
    what = texts.STORE.format(
        path=path, system=health.system, format=health.written_format, counts=counts or texts.NONE, owner=owner
    )
    remedy = texts.TROUBLED_REMEDY if _troubled(health) else ""
    if health.requests and health.owner is None:
        what += texts.REQUESTS_WAIT.format(count=health.requests)
    return Check("store", "note" if remedy else "ok", what, remedy), health


def _troubled(health: Health) -> bool:
    return any(health.counts.get(status) for status in (RunStatus.NEEDS_ATTENTION, RunStatus.BLOCKED))


def check_disk(path: Path) -> Iterator[Check]:
    """Look at the disk that the store lies on: its space, and how long it takes to keep a page for good."""
    folder = next(each for each in path.absolute().parents if each.exists())
    try:
        free = shutil.disk_usage(folder).free
        remedy = "" if free >= ENOUGH_BYTES else texts.DISK_REMEDY
        what = texts.DISK.format(free=free / 1024**3, folder=folder)
        yield Check("disk", "note" if remedy else "ok", what, remedy)
        took_ms = _sync_ms(folder)
    except OSError as error:
        reason = errno.errorcode.get(error.errno or 0, "")
        yield Check("disk", "wrong", f"{folder}: {error.strerror} ({reason})", texts.FOLDER_REMEDY)
        return
    remedy = "" if took_ms <= SLOW_SYNC_MS else texts.SYNC_REMEDY
    yield Check("fsync", "note" if remedy else "ok", texts.SYNC.format(took=took_ms), remedy)


def _sync_ms(folder: Path) -> float:
    """Return the median time in which the disk keeps one page."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder, prefix=".weft-doctor-") as file:
        for _ in range(SYNCS):
            file.write(b"\0" * SYNC_BYTES)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def check_clock(health: Health | None) -> Check:
    """Compare the clock with the past: it is never before the newest run."""
    now_ms = SystemClock().now_ms()
    newest_ms = FIRST_MOMENT_MS if health is None or health.newest_ms is None else health.newest_ms
    if now_ms < FIRST_MOMENT_MS:
        return Check("clock", "wrong", texts.CLOCK_PAST, texts.CLOCK_REMEDY)
    if now_ms < newest_ms - CLOCK_SLACK_MS:
        what = texts.CLOCK_BACK.format(behind=duration(newest_ms - now_ms))
        return Check("clock", "note", what, texts.CLOCK_REMEDY)
    return Check("clock", "ok", texts.CLOCK.format(now=time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())))


def check_system(system: System | WeftError, health: Health | None) -> Check:
    """Look at the System that was named, and whether the store is its own."""
    if isinstance(system, WeftError):
        misused = isinstance(system, WrongUse)
        around = not misused and not isinstance(system, DeclarationInvalid)
        place = f" ({system.where})" if system.where else ""
        what = f"{system.what}{place}"
        return Check("system", "wrong", what, system.advice, environment=around, misused=misused)
    if health is not None and health.system != system.name:
        what = texts.STORE_OF_OTHER.format(owner=health.system, system=system.name)
        return Check("system", "wrong", what, texts.STORE_OF_OTHER_REMEDY)
    services, workflows = ", ".join(sorted(system.services)), ", ".join(sorted(system.workflows))
    what = texts.SYSTEM.format(system=system.name, services=services or texts.NONE, workflows=workflows or texts.NONE)
    return Check("system", "ok", what)
