"""`weft engines` says what changes on Temporal and what runs cost there; without recorded runs nothing is said."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import DESK, Weft, letters, run_desk

CROWDED = '''
from weft import System, workflow


@workflow(at_once=2)
async def crowded(count: int) -> int:
    """Wait for a place."""
    return count


crowd = System("crowd", workflows=[crowded])
'''


def test_limits_stand_side_by_side(weft: Weft) -> None:
    """Every limit has its number on each engine; a run id has less room where the workflow's name is part of it."""
    (move,) = weft("engines", str(DESK), "--json").lines

    limits = {each["name"]: (each["embedded"], each["temporal"]) for each in move["limits"]}

    assert limits["pending calls"] == (2_000, 2_000)
    assert limits["journal entries"] == (51_200, None)
    assert limits["history events"] == (None, 51_200)
    assert limits["id characters"][1] < limits["id characters"][0]


def test_nothing_is_guessed_without_runs(weft: Weft) -> None:
    """Without a store there is no latency and no cost, and the answer says so."""
    answer = weft("engines", str(DESK))
    (move,) = weft("engines", str(DESK), "--json").lines

    assert move["latency"] is None
    assert {(each["observed"], each["actions"]) for each in move["costs"]} == {(0, None)}
    assert "no recorded run" in answer.out
    assert "OBSERVED" not in answer.out


def test_recorded_runs_are_counted(weft: Weft) -> None:
    """Cost and latency come from the runs in the store, with how many they were."""
    run_desk("send", "--input", letters("in.jsonl", {"id": "a"}, {"id": "b"}))

    (move,) = weft("engines", str(DESK), "--json").lines
    said = weft("engines", str(DESK)).out

    cost = next(each for each in move["costs"] if each["workflow"] == "send")
    assert cost["observed"] == 2
    assert cost["by_kind"]["start"] == 1
    assert cost["actions"] == sum(cost["by_kind"].values())
    assert move["latency"]["steps"] == 2 * cost["by_kind"]["call"]
    assert "OBSERVED(2)" in said


def test_what_is_used_is_told_with_its_users(weft: Weft) -> None:
    """Features are found in declarations and in the code of workflows, and each engine's way stands beside them."""
    (move,) = weft("engines", str(DESK), "--json").lines

    features = {each["name"]: each for each in move["features"]}

    assert {"calls", "irreversible", "sagas", "messages"} <= set(features)
    assert "schedules" not in features
    assert all(each["used_by"] and each["embedded"] and each["temporal"] for each in features.values())


def test_a_refusal_is_a_finding(weft: Weft, folder: Path) -> None:
    """What Temporal cannot do is told with its code and the way out, and the exit code says so."""
    (folder / "crowd.py").write_text(CROWDED, encoding="utf-8")

    answer = weft("engines", "crowd.py")

    assert answer.code == 1
    assert "WEFT-E353" in answer.out
    assert "crowded" in answer.out
    assert "do: " in answer.out
