"""What a System uses of weft, found in its declarations and in the code of its workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from enum import Enum
from typing import Any

from weft.flow.attribute import Attribute
from weft.flow.chance import random, uuid4
from weft.flow.continuing import continue_as_new
from weft.flow.messages import receive
from weft.flow.patches import deprecate_patch, patched
from weft.flow.runs import Runs
from weft.flow.saga import saga
from weft.flow.state import State
from weft.flow.time import now
from weft.model.effect import EffectKind
from weft.model.reach import Reach
from weft.model.spec import WorkflowSpec
from weft.model.symbols import Known, Use, plain_function
from weft.model.system import System


class Feature(Enum):
    """Something that engines do each in their way; the value is its name for programs."""

    CALLS = "calls"
    IRREVERSIBLE = "irreversible"
    SAGAS = "sagas"
    TIMERS = "timers"
    MESSAGES = "messages"
    STATE = "state"
    RUNS = "runs"
    CONTINUE = "continue-as-new"
    PATCHES = "patches"
    CHANCE = "chance"
    ATTRIBUTES = "attributes"
    SCHEDULES = "schedules"
    TURNS = "turns"


VERBS: tuple[tuple[Feature, tuple[object, ...]], ...] = (
    (Feature.SAGAS, (saga,)),
    (Feature.TIMERS, (asyncio.sleep, asyncio.timeout, asyncio.timeout_at, asyncio.wait_for)),
    (Feature.MESSAGES, (receive,)),
    (Feature.CONTINUE, (continue_as_new,)),
    (Feature.PATCHES, (patched, deprecate_patch)),
    (Feature.CHANCE, (uuid4, random, now)),
)


def features_of(system: System) -> dict[Feature, list[str]]:
    """Return what a System uses, each with the workflows, operations or schedules that use it, in order."""
    found: dict[Feature, dict[str, None]] = {}
    for feature, user in _uses(system):
        found.setdefault(feature, {})[user] = None
    return {feature: list(found[feature]) for feature in Feature if feature in found}


def _uses(system: System) -> Iterator[tuple[Feature, str]]:
    for operation in system.operations.values():
        is_final = operation.kind is EffectKind.IRREVERSIBLE
        yield Feature.IRREVERSIBLE if is_final else Feature.CALLS, operation.target
    for name in system.schedules:
        yield Feature.SCHEDULES, name
    for spec in system.workflows.values():
        if spec.workflow.at_once:
            yield Feature.TURNS, spec.name
        if Runs in spec.services.values():
            yield Feature.RUNS, spec.name
        for feature in _verbs(spec):
            yield feature, spec.name


def _verbs(spec: WorkflowSpec) -> Iterator[Feature]:
    found = plain_function(spec.workflow.function)
    if found is None:
        return
    for sight in Reach().sights(found[0], name=spec.name):
        yield from _verb(sight.use)


def _verb(use: Use) -> Iterator[Feature]:
    value: Any = use.symbol.value if isinstance(use.symbol, Known) else None
    yield from (feature for feature, verbs in VERBS if any(value is each for each in verbs))
    owner: Any = use.owner.value if isinstance(use.owner, Known) else None
    if use.called and isinstance(owner, State):
        yield Feature.STATE
    if use.called and isinstance(owner, Attribute):
        yield Feature.ATTRIBUTES
