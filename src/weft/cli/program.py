"""The program `weft`: its commands, and how whatever ends one becomes an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from weft.cli import exits, texts
from weft.cli.engine_texts import ENGINES_SHORT
from weft.cli.invocation import Invocation, common_options
from weft.cli.lazily import LazyGroup
from weft.cli.output import forget_reader, put_json, say, shown
from weft.cli.schedule_texts import SCHEDULES_SHORT
from weft.cli.worker_texts import WORKER_SHORT
from weft.errors import WeftError

DEBUG = "WEFT_DEBUG"


def main() -> NoReturn:
    """Run the command that the process was started with, and exit."""
    code = execute(sys.argv[1:])
    if "temporalio" in sys.modules:
        # Threads of that library may hand objects back when the interpreter is half gone, which aborts the process.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


@click.group(
    cls=LazyGroup,
    commands_at={
        "run": ("weft.cli.run", texts.RUN_SHORT),
        "worker": ("weft.cli.worker", WORKER_SHORT),
        "runs": ("weft.cli.runs", texts.RUNS_SHORT),
        "store": ("weft.cli.storing", texts.STORE_SHORT),
        "replay": ("weft.cli.replaying", texts.REPLAY_SHORT),
        "schedules": ("weft.cli.schedules", SCHEDULES_SHORT),
        "engines": ("weft.cli.engines", ENGINES_SHORT),
        "doctor": ("weft.cli.doctor", texts.DOCTOR_SHORT),
        "explain": ("weft.cli.explain", texts.EXPLAIN_SHORT),
    },
    help=texts.WEFT,
    epilog=texts.WEFT_EXAMPLES,
)
@click.version_option(package_name="weft", prog_name="weft", message="%(prog)s %(version)s")
@common_options
def program() -> None:
    """Hold the commands together."""


def execute(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; nothing it raises is left to Python's traceback.

    Args:
        arguments: what stands behind `weft` on the command line.
    """
    _prepare_streams()
    invocation = Invocation(json="--json" in arguments)
    try:
        answer: object = program.main(args=list(arguments), prog_name="weft", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
    except click.ClickException as error:
        return _misused(error, invocation)
    except (click.Abort, KeyboardInterrupt):
        say(texts.INTERRUPTED)
        return exits.INTERRUPTED
    except (BrokenPipeError, SystemExit):  # click turns the first into the second, and raises it for nothing else here
        forget_reader()
        return exits.FINE
    except WeftError as error:
        return _told(error, invocation)
    except Exception as error:  # noqa: BLE001 - the border between the program and the shell
        return _broken(error, invocation)
    return answer if isinstance(answer, int) else exits.FINE


def _prepare_streams() -> None:
    """Make sure that no character of anybody's data ends the program on a terminal that cannot show it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _misused(error: click.ClickException, invocation: Invocation) -> int:
    if invocation.json:
        put_json({"error": {"code": "usage", "what": error.format_message()}})
    error.show()
    return exits.USAGE


def _told(error: WeftError, invocation: Invocation) -> int:
    if invocation.json:
        put_json({"error": described(error)})
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    else:
        say(shown(str(error)))
    return exits.code_of(error)


def _broken(error: Exception, invocation: Invocation) -> int:
    if invocation.json:
        put_json(
            {
                "error": {
                    "code": "environment" if isinstance(error, OSError) else "bug",
                    "what": f"{type(error).__name__}: {error}",
                }
            }
        )
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    elif isinstance(error, OSError):
        say(texts.ENVIRONMENT.format(text=shown(str(error))))
    else:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{frame.filename}:{frame.lineno}"
        say(texts.BROKEN.format(kind=type(error).__name__, text=shown(str(error)), place=place))
    return exits.ENVIRONMENT if isinstance(error, OSError) else exits.FINDING


def described(error: WeftError) -> dict[str, str]:
    """Return an error as programs read it."""
    return {"code": error.code, "what": error.what, "where": error.where, "do": error.advice}
