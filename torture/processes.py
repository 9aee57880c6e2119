"""Child processes that are copies of this one: no import is paid twice, and each may be killed."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

FINE = 0


class Child:
    """A process, the leader of its own group, that does one thing and ends.

    Nothing that it was copied from may be open in the parent: no database, no thread.
    """

    def __init__(self, work: Callable[[], None], *, log: Path) -> None:
        self._alive, inside = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.process = os.fork()
        if not self.process:
            os.close(self._alive)
            _be_child(work, log)
        os.close(inside)
        self._code: int | None = None

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit code, that of a killed process being negative; nothing if it is still at it by then."""
        if self._code is not None:
            return self._code
        # The other end of the pipe closes when the process ends, however it does.
        if not select.select([self._alive], [], [], timeout_s)[0]:
            return None
        os.close(self._alive)
        _, status = os.waitpid(self.process, 0)
        self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def kill(self) -> int:
        """Kill its whole group, and return how it ended: it may have been faster."""
        try:
            os.killpg(self.process, signal.SIGKILL)
        except ProcessLookupError:
            os.kill(self.process, signal.SIGKILL)  # it has not made its group yet
        code = self.wait(3_600)
        assert code is not None, "a killed process ends"
        return code


def _be_child(work: Callable[[], None], log: Path) -> None:
    code = 1
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        work()
        code = FINE
    except BaseException:  # noqa: BLE001 - the border of a process: nothing of its parent may run after it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def told_by(work: Callable[[], Any], *, folder: Path, timeout_s: float) -> Any:
    """Return what a child process found out, as JSON.

    Raises:
        ChildProcessError: it did not.
    """
    answer, log = folder / "answer.json", folder / "answer.log"
    child = Child(lambda: _write(answer, work()), log=log)
    code = child.wait(timeout_s)
    if code is None:
        child.kill()
        raise ChildProcessError(f"no answer within {timeout_s} s")
    if code != FINE:
        raise ChildProcessError(log.read_text()[-2_000:])
    return json.loads(answer.read_text())


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))
