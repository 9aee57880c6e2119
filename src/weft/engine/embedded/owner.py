"""Who owns a store: a lock that the kernel gives back, whatever happens to the owner."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from weft.errors import SettingInvalid, StoreOwned

LOOKS = 5
LOOK_AGAIN_S = 0.005
LONGEST_NOTE_BYTES = 4_096
"""What is read of an owner's note about itself."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a store, as it described itself when it took it; `started_ms` is then, since 1970."""

    pid: int
    host: str
    started_ms: int

    def __str__(self) -> str:
        """Name the owner for people."""
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.started_ms / 1000))
        return f"process {self.pid} on {self.host}, since {since}"


class Ownership:
    """Hold a store's lock until `release`, or until the process ends in any way.

    The lock is `flock` on a file beside the store, never on the store itself: closing any descriptor of a database
    file drops the locks that SQLite holds on it in the same process. The file stays when the lock goes: removing it
    would let two owners lock two files of one name.

    A lock of this kind belongs to the open file and not to the process, so a child made by `fork` would keep it
    alive after its parent was killed. Python's own forks (`os.fork`, `multiprocessing`) close it in the child;
    programs started by `subprocess` never get it. A child forked by a C library keeps it until it ends or executes
    something else.
    """

    __slots__ = ("__weakref__", "_descriptor", "owner")

    def __init__(self, descriptor: int, owner: Owner) -> None:
        self._descriptor = descriptor
        self.owner = owner
        _held.add(self)

    def release(self) -> None:
        """Give the store back; harmless the second time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: weakref.WeakSet[Ownership] = weakref.WeakSet()


def _release_in_child() -> None:
    for ownership in list(_held):
        ownership.release()


os.register_at_fork(after_in_child=_release_in_child)


def lock_file(path: Path) -> Path:
    """Return the file whose lock says who owns the store at `path`: one for all symbolic links to it."""
    real = path.resolve()
    return real.with_name(f"{real.name}.lock")


def take(path: Path) -> Ownership:
    """Become the owner of the store at `path`, at once or not at all.

    Raises:
        StoreOwned: another engine owns it; `data["owner"]` describes it, where it is known.
        SettingInvalid: the lock file cannot be made.
    """
    descriptor = _open(path)
    if not _lock(descriptor):
        owner = _read(descriptor)
        os.close(descriptor)
        raise StoreOwned(f"the store is owned by {owner or 'another engine'}", where=str(path), owner=owner)
    owner = Owner(pid=os.getpid(), host=socket.gethostname(), started_ms=time.time_ns() // 1_000_000)
    note = json.dumps({"pid": owner.pid, "host": owner.host, "started_ms": owner.started_ms}).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, note, 0)
    return Ownership(descriptor, owner)


def _lock(descriptor: int) -> bool:
    """Take the lock; look again a few times, because `owner_of` holds it shared for some microseconds."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_AGAIN_S)
        else:
            return True
    return False


def owner_of(path: Path) -> Owner | None:
    """Return who owns the store at `path` now, or nothing when no engine runs on it.

    An owner that has not yet described itself has process id 0. Never waits.
    """
    try:
        descriptor = os.open(lock_file(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor) or Owner(pid=0, host="an unknown host", started_ms=0)
    else:
        return None
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(lock_file(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise SettingInvalid(
            f"the store's lock file cannot be made: {error.strerror}",
            where=str(lock_file(path)),
            remedy="make the folder, or give this user write access to it",
        ) from error


def _read(descriptor: int) -> Owner | None:
    # The owner may be between taking the lock and writing its note, or have been killed there: then nobody is named.
    try:
        note = cast("dict[str, object]", json.loads(os.pread(descriptor, LONGEST_NOTE_BYTES, 0)))
        return Owner(pid=int(str(note["pid"])), host=str(note["host"]), started_ms=int(str(note["started_ms"])))
    except (ValueError, TypeError, KeyError):
        return None
