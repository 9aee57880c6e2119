"""Source guards: what a workflow, and the functions it leads to, must leave to weft; SEMANTICS.md 19 and 20."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from weft.model.bytecode import Act
from weft.model.hazards import Hazards
from weft.model.problem import NOT_DETERMINISTIC, Problem
from weft.model.reach import Reach, Sight, way_of
from weft.model.symbols import Known, plain_function
from weft.model.waiting import judge_waiting
from weft.model.workflow import Workflow


def judge_determinism(workflows: Iterable[Workflow[Any, Any]]) -> Iterator[Problem]:
    """Find what would differ in a replay; names are resolved to the real objects, so nothing is guessed."""
    hazards, reach = Hazards(), Reach()
    reported: set[tuple[str, str]] = set()
    for workflow in workflows:
        found = plain_function(workflow.function)
        if found is None:
            continue
        waits: dict[int, Sight] = {}
        for sight in reach.sights(found[0], name=workflow.name):
            waits[id(sight.names)] = sight
            for problem in _judge(sight, hazards):
                if (problem.where, problem.what) not in reported:
                    reported.add((problem.where, problem.what))
                    yield problem
        for sight in waits.values():
            yield from judge_waiting(sight.names, sight.path)


def _judge(sight: Sight, hazards: Hazards) -> Iterator[Problem]:
    use = sight.use
    label = f"workflow {sight.path[0]}"
    if use.act in {Act.STORE_GLOBAL, Act.STORE_ATTRIBUTE}:
        # a helper may fill a cache; a workflow that keeps something outside itself means it
        if len(sight.path) > 1 or (use.act is Act.STORE_ATTRIBUTE and not _is_module(use.owner)):
            return
        what = f"{label} changes {use.text}, which other runs share and no replay repeats"
        remedy = "keep it in a local variable, show it with State, or let a service keep it"
        yield Problem(sight.where, what, remedy, NOT_DETERMINISTIC)
        return
    hazard = hazards.of(use)
    if hazard is not None:
        yield Problem(
            sight.where, f"{label} {hazard.what}: {use.text}{way_of(sight.path)}", hazard.remedy, NOT_DETERMINISTIC
        )


def _is_module(symbol: object) -> bool:
    return isinstance(symbol, Known) and isinstance(symbol.value, ModuleType)
