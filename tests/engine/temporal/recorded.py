"""Records histories for tests/histories/temporal: `python -m tests.engine.temporal.recorded ADDRESS TEMPORAL-CLI`.

Each is written by Temporal's own command line. They are recorded once for each version and Python, and never again:
replays of old histories tell whether today's adapter still understands the runs that are under way.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from tests.conformance import stage
from weft.errors import WeftError
from weft.host.host import Host
from weft.host.settings import Settings

HISTORIES = Path(__file__).parents[2] / "histories" / "temporal"
FOLDER = HISTORIES / f"{sys.version_info.major}.{sys.version_info.minor}"


async def record(address: str, program: str) -> None:
    """Let every kind of run end, and export its history."""
    url = f"temporal://{address}/default?task_queue={uuid4().hex}"
    with tempfile.TemporaryDirectory() as folder:
        desk = stage.Desk()
        settings = Settings(engine=url, store=folder)
        async with Host(stage.stage, settings=settings, replace={stage.Desk: desk}) as host:
            ids = await _live(host, desk)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, workflow_id in ids.items():
        export = [program, "workflow", "show", "--address", address, "--workflow-id", workflow_id, "--output", "json"]
        done = await asyncio.to_thread(subprocess.run, export, capture_output=True, text=True, check=True)
        (FOLDER / f"{name}.json").write_text(done.stdout, encoding="utf-8")


async def _live(host: Host, desk: stage.Desk) -> dict[str, str]:
    """Start the runs, tell them what they wait for, and return their Temporal ids once all have ended."""
    key = uuid4().hex
    plain = {
        "steps": (stage.in_turn, 3), "gathered": (stage.side_by_side, 2), "undone": (stage.trip, "stone"),
        "refused": (stage.strict_trip, "elephant"), "timers": (stage.naps, 2), "silence": (stage.patient, 50),
        "chances": (stage.chances, 3), "child": (stage.parent, f"child-{key}"),
        "child-failed": (stage.parent_of_failure, f"failed-{key}"),
        "child-left": (stage.parent_for_a_while, f"left-{key}"),
        "irreversible": (stage.careful, "letter"), "patched": (stage.mended, "coat"), "failed": (stage.broken, "no"),
    }  # fmt: skip
    runs = {name: await host.start(workflow, value, id=f"{name}-{key}") for name, (workflow, value) in plain.items()}
    heard = runs["messages"] = await host.start(stage.listener, 2, id=f"messages-{key}")
    await heard.send(stage.Word("one"))
    await heard.ask(stage.Question("how many"))
    await heard.send(stage.Word("two"))
    taken = desk.hold("blanket")
    left = runs["cancelled"] = await host.start(stage.sleeper, "blanket", id=f"cancelled-{key}")
    await taken.wait()
    await left.cancel("enough")
    desk.held["blanket"].set()
    again = runs["generations"] = await host.start(stage.generations, 2, id=f"generations-{key}")
    await again.send(stage.Word("late"))
    for run in runs.values():
        with suppress(WeftError):  # some end as failed or cancelled
            await run.result()
    return {name: f"{run.workflow}/{run.id}" for name, run in runs.items()}


if __name__ == "__main__":
    asyncio.run(record(sys.argv[1], sys.argv[2]))
    os._exit(0)  # threads of Temporal's library may outlive the interpreter
