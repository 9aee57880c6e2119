"""A System as a module on disk, edition after edition: what a deployment of new code is to its runs."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from types import ModuleType

from weft.engine.embedded.export import exported
from weft.engine.embedded.store import Store
from weft.model.system import System
from weft.testing.world import World

HEAD = """
import asyncio
import random as chance
from datetime import timedelta

from weft import Service, Signal, System, compensated_by, idempotent, operation, read, workflow
from weft import deprecate_patch, patched, receive, saga

memory = []


class Word(Signal):
    text: str


class Depot(Service, name="depot"):
    @operation(idempotent)
    async def give_back(self, key: str) -> None: ...

    @operation(compensated_by(give_back))
    async def take(self, key: str) -> str:
        return key

    @operation(read)
    async def look(self, key: str) -> str:
        return key

    @operation(idempotent)
    async def put(self, key: str) -> str:
        return key

    @operation(idempotent)
    async def tell(self, key: str) -> str:
        return key


def fickle():
    memory.append(1)
    return len(memory) % 2 == 0


@workflow(name="story")
async def story(key: str, *, depot: Depot) -> str:
"""

TAIL = """

shop = System("shop", services=[Depot], workflows=[story])
"""

_numbers = itertools.count(1)


def edition(folder: Path, body: str, *, renamed: str = "") -> ModuleType:
    """Write a module whose workflow has this body, and import it; `renamed` is what `put` is called from now on."""
    text = HEAD + textwrap.indent(textwrap.dedent(body).strip(), "    ") + TAIL
    if renamed:
        text = text.replace("async def put(", f"async def {renamed}(")
    path = folder / f"edition_{next(_numbers)}.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def system_of(module: ModuleType) -> System:
    """Return the System of an edition."""
    return module.shop


async def history(folder: Path, module: ModuleType) -> Path:
    """Let a run of an edition live as far as it comes by itself, and return the file that it was exported to."""
    async with World(system_of(module), store=folder) as world:
        await world.start(module.story, "x", id="1")
        await world.settle()
    return export(folder)


def export(folder: Path) -> Path:
    """Export every run of the store in a folder."""
    file = folder / "runs.jsonl"
    with closing(Store.open(folder / "engine.db", system="shop", owner=False)) as store, file.open("wb") as lines:
        for row in store.list_runs(limit=100):
            lines.writelines(line + b"\n" for line in exported(store, row, attributes={}))
    return file
