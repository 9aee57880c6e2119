"""Random programs end alike on the embedded engine and on Temporal's server; what compares them finds differences."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from differential.endings import differences, ending_of
from differential.judging import Finding, Judge
from differential.shrinking import smaller
from differential.trials import Trial, draw

SEED = 20_26
PROGRAMS = 50
SECOND_MS = 400
SMALL_SECOND_MS = 200
SEQUENCE = Trial(0, json.dumps([["one by one", 1, ["pay", 2], ["pay", 3], ["fail", 4]]]))
AT_ONCE = Trial(0, SEQUENCE.text.replace("one by one", "all at once"))
FAILED = {"": ("RunFailed", "LookupError")}
UNDONE = ["pay 2", "pay 3", "refund 3", "refund 2"]


def ignored(_: Trial) -> None:
    """Take no notice of a trial that is over."""


@pytest.mark.timeout(900)
async def test_random_programs_end_alike_on_both_engines(temporal_address: str) -> None:
    """Fifty programs end with the same results, the same effects and the same order of undos on both engines."""
    judge = Judge(temporal_address, SEED, SECOND_MS, PROGRAMS, ignored)

    report = await judge.compare(PROGRAMS)

    assert report.programs == PROGRAMS
    assert [(str(each.trial), each.differences) for each in report.findings] == []


def test_programs_follow_from_the_seed() -> None:
    """A seed names its programs, so that a difference can be had again."""
    drawn = draw(30, seed_number=7)

    assert drawn == draw(30, seed_number=7)
    assert drawn != draw(30, seed_number=8)


@pytest.mark.parametrize(
    ("runs", "lines"),
    [
        ({"": ("completed", "null")}, UNDONE),
        ({}, UNDONE),
        (FAILED, UNDONE[:-1]),
        (FAILED, ["pay 2", *UNDONE]),
        (FAILED, ["pay 2", "pay 3", "refund 2", "refund 3"]),
    ],
)
def test_every_kind_of_difference_is_seen(runs: dict[str, tuple[str, str]], lines: list[str]) -> None:
    """Another end, no end, a missing undo, a second payment and undos in the wrong order are all told."""
    expected = ending_of(SEQUENCE, FAILED, UNDONE)

    told = differences(expected, ending_of(SEQUENCE, runs, lines))

    assert told


def test_order_counts_only_where_the_program_says_it() -> None:
    """What goes on at once may end in any order; what is sent at least once may be there twice."""
    lines = ["put 2", "pay 3", "refund 3"]
    expected = ending_of(AT_ONCE, FAILED, lines)

    told = differences(expected, ending_of(AT_ONCE, FAILED, ["pay 3", "put 2", "refund 3", "put 2"]))

    assert told == []


def test_smaller_programs_lose_one_thing_each() -> None:
    """Faults, then the cancellation, then parts go; numbers stay, for faults hang on them."""
    trial = replace(SEQUENCE, cancel_after=3.5)

    found = list(smaller(trial))

    assert [each.size < trial.size for each in found] == [True] * len(found)
    assert [each.faults for each in found[:2]] == [False, True]
    assert json.dumps([["one by one", 1, ["pay", 2], ["fail", 4]]]) in [each.text for each in found]


async def test_programs_that_hang_on_time_are_not_compared() -> None:
    """A race whose winner is a matter of a moment is left out; one that is decided by far is compared."""
    close = Trial(0, json.dumps([["limit", 1, 10, ["sleep", 2, 10]]]))
    clear = Trial(1, json.dumps([["limit", 1, 5, ["sleep", 2, 10]]]))

    found = await Judge("", SEED, 1_000, 1, ignored).steady([close, clear])

    assert list(found) == [clear.number]


@pytest.mark.timeout(300)
async def test_a_difference_is_seen_and_made_smaller(temporal_address: str) -> None:
    """What Temporal does otherwise, which is why binding refuses it, is found, and what has no part in it goes."""
    child = ["one by one", 3, ["put", 4], ["sleep", 5, 30]]
    first = ["all at once", 1, ["start", 2, None, "cancel", child], ["show", 6]]
    trial = Trial(0, json.dumps([first, ["one by one", 7, ["look", 8], ["sleep", 9, 10]]]), faults=False)
    judge = Judge(temporal_address, SEED, SMALL_SECOND_MS, PROGRAMS, ignored)

    found = await judge.shrink(Finding(trial, []))

    assert trial.is_apart
    assert found.trial.is_apart
    assert found.trial.size < trial.size
    assert found.differences
