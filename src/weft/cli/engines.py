"""`weft engines`: what changes when a System moves from the embedded engine to Temporal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import click

from weft.cli import engine_texts as texts
from weft.cli import exits
from weft.cli.configured import settings_of
from weft.cli.invocation import Invocation, common_options
from weft.cli.output import columns, put, put_json, shown
from weft.cli.program import described
from weft.cli.target import load_system
from weft.engine.embedded.store import Store
from weft.host.features import Feature
from weft.host.moving import Move, move_of
from weft.host.settings import Settings
from weft.model.system import System

INDENT = "  "


@click.command("engines", help=texts.ENGINES, epilog=texts.ENGINES_EXAMPLES)
@click.argument("target", metavar="TARGET")
@common_options
@click.pass_obj
def command(invocation: Invocation, /, *, target: str) -> int:
    """Compare the engines for a System."""
    system, settings = load_system(target), settings_of(invocation)
    move = _move(system, settings)
    if invocation.json:
        put_json(_described(system, move))
    else:
        for line in _lines(move):
            put(shown(line))
    return exits.FINDING if move.refusals else exits.FINE


def _move(system: System, settings: Settings) -> Move:
    if settings.is_temporal or not settings.engine_path.exists():
        return move_of(system, settings, None)
    with closing(Store.open(settings.engine_path, system=system.name, owner=False)) as store:
        return move_of(system, settings, store)


def _described(system: System, move: Move) -> dict[str, Any]:
    latency = move.latency
    return {
        "system": system.name,
        "limits": [{"name": each.name, "embedded": each.embedded, "temporal": each.temporal} for each in move.limits],
        "features": [
            {
                "name": feature.value,
                "used_by": list(users),
                "embedded": texts.DONE[feature.value][0],
                "temporal": _there(feature),
            }
            for feature, users in move.features.items()
        ],
        "refusals": [described(each) for each in move.refusals],
        "latency": None
        if latency is None
        else {"steps": latency.steps, "median_ms": latency.median_ms, "p95_ms": latency.p95_ms},
        "costs": [
            {
                "workflow": each.workflow,
                "observed": each.runs,
                "actions": round(each.actions, 3) if each.runs else None,
                "most": each.most if each.runs else None,
                "by_kind": {kind: round(count, 3) for kind, count in each.mean.items()},
                "events": each.events if each.runs else None,
            }
            for each in move.costs
        ],
    }


def _there(feature: Feature) -> str:
    return texts.DONE[feature.value][1]


def _lines(move: Move) -> Iterator[str]:
    yield texts.LIMITS
    rows = [texts.LIMIT_COLUMNS, *((each.name, _number(each.embedded), _number(each.temporal)) for each in move.limits)]
    yield from (f"{INDENT}{line}" for line in columns(rows))
    yield f"{INDENT}{texts.LIMITS_NOTE}"
    yield ""
    yield texts.FEATURES
    used = [
        (feature.value, texts.DONE[feature.value][0], _there(feature), _users(users))
        for feature, users in move.features.items()
    ]
    yield from (f"{INDENT}{line}" for line in columns(used))
    yield ""
    yield from _refusals(move)
    yield ""
    yield texts.LATENCY
    latency = move.latency
    if latency is None:
        yield f"{INDENT}{texts.LATENCY_NONE}"
    else:
        here = texts.LATENCY_HERE.format(median=latency.median_ms, p95=latency.p95_ms, steps=latency.steps)
        yield f"{INDENT}{here}"
    yield f"{INDENT}{texts.LATENCY_THERE}"
    yield ""
    yield from _costs(move)


def _number(number: int | None) -> str:
    return texts.NO_LIMIT if number is None else f"{number:,}"


def _users(users: Any) -> str:
    return users[0] if len(users) == 1 else texts.MORE_USERS.format(first=users[0], more=len(users) - 1)


def _refusals(move: Move) -> Iterator[str]:
    if not move.refusals:
        yield texts.REFUSED_NOTHING
        return
    yield texts.REFUSED
    for each in move.refusals:
        yield f"{INDENT}{texts.REFUSAL.format(code=each.code, what=each.what)}"
        yield f"{INDENT}{INDENT}{texts.REMEDY.format(remedy=each.advice)}"


def _costs(move: Move) -> Iterator[str]:
    yield texts.COST
    for each in move.costs:
        if not each.runs:
            yield f"{INDENT}{texts.COST_NONE.format(workflow=each.workflow)}"
            continue
        line = texts.COST_LINE.format(
            workflow=each.workflow, actions=each.actions, most=each.most, events=each.events, runs=each.runs
        )
        yield f"{INDENT}{line}"
        yield from (
            f"{INDENT}{INDENT}{line}"
            for line in columns([(texts.KINDS[kind], f"{count:.1f}") for kind, count in each.mean.items()])
        )
    yield f"{INDENT}{texts.COST_NOTE}"
