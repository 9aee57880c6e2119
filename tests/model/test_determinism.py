"""Workflows leave clocks, chance, threads and the world to weft; the code is looked at when a System is built."""

import time
from pathlib import Path

import pytest

from tests.model import planted, planted_helpers
from tests.model.building import line_of, problem_of, problems_of
from weft import Workflow, workflow
from weft.model.problem import NOT_DETERMINISTIC

WORKFLOWS = [each for each in vars(planted).values() if isinstance(each, Workflow)]
PLANTED = "# planted"


def planted_lines() -> set[str]:
    """Return the places of all marked lines."""
    found: set[str] = set()
    for module in (planted, planted_helpers):
        lines = Path(str(module.__file__)).read_text(encoding="utf-8").splitlines()
        found |= {f"{module.__file__}:{number}" for number, line in enumerate(lines, 1) if PLANTED in line}
    return found


def test_every_hazard_is_found_and_nothing_else() -> None:
    """Names are resolved to the real objects: what is planted is found, and what looks alike is not."""
    wanted = planted_lines()

    found = problems_of(planted.Rates, workflows=WORKFLOWS)

    assert wanted - {each.where for each in found} == set()
    assert [str(each) for each in found if each.where not in wanted] == []
    assert {each.code for each in found} == {NOT_DETERMINISTIC}


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        ("time.perf_counter_ns()", "reads the clock: time.perf_counter_ns", "weft.now()"),
        ("roll(1, 6)", "draws chance that no replay repeats: roll", "weft.random()"),
        ("uuid.uuid4()", "makes an id that no replay repeats: uuid.uuid4", "weft.uuid4()"),
        ("time.sleep(1)", "stops every run of the engine: time.sleep", "asyncio.sleep"),
        ("asyncio.to_thread(print)", "works with threads or processes: asyncio.to_thread", "operation of a service"),
        ('open("file")', "works with files: open", "operation of a service"),
        ('os.getenv("HOME")', "reads this process's environment: os.getenv", "workflow's input"),
        ("asyncio.run(", "runs another event loop: asyncio.run", "await the coroutine"),
        ("COUNT += 1", "changes COUNT", "local variable"),
        ("asyncio.as_completed([rates", "as_completed over bare coroutines", "asyncio.create_task"),
        ("asyncio.wait({", "a set of gathers", "list or tuple"),
    ],
)
def test_hazard_names_its_durable_replacement(code: str, what: str, remedy: str) -> None:
    """Each problem says what the line does, and what to write instead."""
    found = problems_of(planted.Rates, workflows=WORKFLOWS)

    (problem,) = [each for each in found if code in line_of(each) and each.where.startswith(str(planted.__file__))]

    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    ("code", "way"),
    [
        ("datetime.now(UTC)", "(goes_far -> label -> stamp)"),
        ("time.monotonic()", "elapsed)"),
        ("self.at = time.time()", "(goes_far -> Watch)"),
        ("return time.time()", "(goes_far -> age)"),
        ("str(fresh())", "-> ticket)"),
    ],
)
def test_way_to_a_hazard_is_told(code: str, way: str) -> None:
    """A hazard in another function says how the workflow leads there."""
    found = problems_of(workflows=[planted.goes_far])

    (problem,) = [
        each for each in found if code in line_of(each) and each.where.startswith(str(planted_helpers.__file__))
    ]

    assert way in problem.what


def test_default_factory_is_told_where_the_value_is_made() -> None:
    """Code that a dataclass makes has no lines: the problem stands where the workflow calls it."""

    @workflow
    async def copy(order: str) -> None:
        planted_helpers.Order(order)

    problem = problem_of(workflows=[copy])

    assert problem.what == "workflow copy reads the clock: datetime.now (copy -> Order)"
    assert line_of(problem) == "planted_helpers.Order(order)"


def test_large_system_is_built_in_no_time() -> None:
    """The look at the code costs less than anybody notices at start."""

    def took() -> float:
        start = time.perf_counter()
        problems_of(planted.Rates, workflows=WORKFLOWS)
        return time.perf_counter() - start

    assert min(took() for _ in range(5)) < 0.05
