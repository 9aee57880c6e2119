"""Ways through a store that lead past every run that a question means, in order, and past few others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from weft.engine.embedded.asking import Names, Values, relation, workflows_where
from weft.model.query.binding import Bound, Either, Every, Holds, Opposite
from weft.model.run import RunStatus

AFTER_ALL = 2**63 - 1

_OPEN_ENDED = frozenset({"<", "<=", ">", ">=", "between", "starts"})


@dataclass(frozen=True, slots=True)
class Walk:
    """One walk: where it goes along, what holds there, and the column that has the run's key.

    Attributes:
        source: what stands behind FROM; `runs` is part of it.
        where: what holds of the rows.
        values: the parameters of that.
        key: the column that the walk is in order of.
        sorts: the index is in another order: every row is read, and then sorted.
        low: the first value of what the walk is in order of.
        high: the last one.
    """

    source: str
    where: str
    values: Values
    key: str = "runs.key"
    sorts: bool = False
    low: int = 0
    high: int = AFTER_ALL


def all_runs() -> list[Walk]:
    """Return the walk past every run."""
    return [Walk("runs", "1", ())]


def along_ended(bound: Bound, names: Names) -> list[Walk]:
    """Return the walks past the runs that have ended, in the order of that, a walk for each workflow."""
    workflows, _ = _pairs(bound, names)
    low, high = within(bound, "ended")
    where = "runs.workflow = ? AND runs.ended_ms IS NOT NULL"
    return [Walk("runs INDEXED BY runs_ended", where, (number,), low=low, high=high) for number in workflows]


def ways(bound: Bound, names: Names) -> Iterator[list[Walk]]:
    """Return the ways that there are to find all runs of which something holds; walking past all is always another."""
    parts = _conjuncts(bound)
    workflows, statuses = _pairs(bound, names)
    for part in parts:
        if isinstance(part, Either):
            # Each branch holds together with what is around it; other branches there would multiply.
            rest = tuple(each for each in parts if not isinstance(each, Either))
            branches = [next(ways(Every((branch, *rest)), names), None) for branch in part.parts]
            if all(branch is not None for branch in branches):
                yield [walk for branch in branches if branch is not None for walk in branch]
        elif isinstance(part, Holds):
            found = _along(part, names, workflows)
            if found is not None:
                yield found
    if len(workflows) < len(names.workflows) or len(statuses) < len(RunStatus):
        yield [_of_pair(*pair) for pair in product(workflows, statuses)]


def _along(test: Holds, names: Names, workflows: tuple[int, ...]) -> list[Walk] | None:
    if test.field.attribute:
        return _along_attribute(test, names.attributes.get(test.field.name, 0))
    match test.field.name, test.relation:
        case "id", "=" | "in" | "between" | "starts":
            sql, values = relation("runs.run_id", test)
            source, where = "runs INDEXED BY runs_id", f"runs.workflow = ? AND {sql}"
            return [Walk(source, where, (number, *values), sorts=True) for number in workflows]
        case "tenant", "=" | "in":
            where = "runs.tenant = ? AND runs.tenant <> ''"
            return [Walk("runs INDEXED BY runs_tenant", where, (value,)) for value in test.values]
        case "ended", relation_ if relation_ in _OPEN_ENDED:
            sql, values = relation("runs.ended_ms", test)
            where = f"runs.workflow = ? AND runs.ended_ms IS NOT NULL AND {sql}"
            return [Walk("runs INDEXED BY runs_ended", where, (number, *values), sorts=True) for number in workflows]
        case _:
            return None


def _along_attribute(test: Holds, number: int) -> list[Walk] | None:
    source = "attributes INDEXED BY attributes_value CROSS JOIN runs ON runs.key = attributes.run"
    if test.relation in {"=", "in"}:
        where = "attributes.name = ? AND attributes.value = ?"
        return [Walk(source, where, (number, value), key="attributes.run") for value in test.values]
    if test.relation in _OPEN_ENDED:
        sql, values = relation("attributes.value", test)
        return [Walk(source, f"attributes.name = ? AND {sql}", (number, *values), key="attributes.run", sorts=True)]
    return None


def _of_pair(workflow: int, status: int) -> Walk:
    return Walk("runs INDEXED BY runs_status", "runs.workflow = ? AND runs.status = ?", (workflow, status))


def pairs_only(bound: Bound, names: Names) -> list[tuple[int, int]] | None:
    """Return the pairs of workflow and status that a question is about; nothing where it is about more than those."""
    if all(_of_pairs(part) for part in _conjuncts(bound)):
        return list(product(*_pairs(bound, names)))
    return None


def _of_pairs(part: Bound) -> bool:
    test = part.part if isinstance(part, Opposite) else part
    return isinstance(test, Holds) and test.field.name in {"workflow", "status"} and not test.field.attribute


def _pairs(bound: Bound, names: Names) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the workflows and statuses outside of which nothing is meant."""
    workflows, statuses = set(names.workflows), set(map(int, RunStatus))
    for part in _conjuncts(bound):
        if not _of_pairs(part):
            continue
        test = part.part if isinstance(part, Opposite) else part
        assert isinstance(test, Holds), "as was just asked"
        whole = workflows if test.field.name == "workflow" else statuses
        meant = _meant(test, names)
        if isinstance(part, Opposite):
            whole -= meant
        else:
            whole &= meant
    return tuple(sorted(workflows)), tuple(sorted(statuses))


def _meant(test: Holds, names: Names) -> set[int]:
    if test.field.name == "workflow":
        return set(workflows_where(test, names))
    return {int(value) for value in test.values} if test.relation == "in" else set()


def within(bound: Bound, name: str) -> tuple[int, int]:
    """Return the earliest and the latest time that `created` or `ended` can have in a run that is meant."""
    low, high = 0, AFTER_ALL
    for test in _conjuncts(bound):
        if not isinstance(test, Holds) or test.field.attribute or test.field.name != name or not test.values:
            continue
        first, last = int(test.values[0]), int(test.values[-1])
        if test.relation in {"=", ">", ">=", "between"}:
            low = max(low, first)
        if test.relation in {"=", "<", "<=", "between"}:
            high = min(high, last)
    return low, high


def _conjuncts(bound: Bound) -> list[Bound]:
    if isinstance(bound, Every):
        return [found for part in bound.parts for found in _conjuncts(part)]
    return [bound]
