"""Schedules that a System declares: judged with it, and turned into their stored form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.codec import codec_for
from weft.errors import DeclarationInvalid, WeftError
from weft.model.naming import judge_unique
from weft.model.place import label_of
from weft.model.problem import Problem
from weft.model.schedule import Occurrence, Schedule, ScheduleSpec
from weft.model.spec import WorkflowSpec


def resolve_schedules(
    given: Iterable[object], workflows: Sequence[WorkflowSpec], *, where: str, problems: list[Problem]
) -> list[ScheduleSpec]:
    """Return the stored forms of schedules; collect what is wrong with them."""
    found: list[ScheduleSpec] = []
    named: list[tuple[str, str]] = []
    known = {spec.name: spec for spec in workflows}
    for each in given:
        if not isinstance(each, Schedule):
            what = f"{label_of(each)} is given as a schedule, but is none"
            problems.append(Problem(where, what, 'make it with Schedule("nightly", report, cron("0 2 * * *"), ...)'))
            continue
        named.append((each.id, each.where))
        try:
            found.append(stored_form(each, known))
        except WeftError as error:
            problems.append(Problem(each.where, error.what, error.advice))
    problems.extend(judge_unique(named, "schedule"))
    return found


def stored_form(schedule: Schedule, workflows: Mapping[str, WorkflowSpec]) -> ScheduleSpec:
    """Return a schedule with its input as its workflow writes it.

    Raises:
        DeclarationInvalid: its workflow is not among these, or is given no input and does not take an Occurrence.
        ValueCannotTravel: the input is not of the type that the workflow declares.
    """
    spec = workflows.get(schedule.workflow.name)
    if spec is None or spec.workflow is not schedule.workflow:
        what = f"schedule {schedule.id}: workflow {schedule.workflow.name} is not part of the System"
        raise DeclarationInvalid(what, where=schedule.where, remedy="add it to System(workflows=[...])")
    if schedule.has_input:
        return schedule.spec(spec.input.encode(schedule.input))
    if spec.input is not codec_for(Occurrence):
        what = f"schedule {schedule.id}: workflow {spec.name} takes an input, and the schedule gives it none"
        remedy = "give input=..., or let the workflow take an Occurrence"
        raise DeclarationInvalid(what, where=schedule.where, remedy=remedy)
    return schedule.spec(None)
