"""`weft schedules`: what people see of schedules and do to them, from another process than the one that starts runs."""

from __future__ import annotations

import json

import pytest

from tests.cli.commands import DESK, Engine, Start, Weft

LETTER = '{"id": "a"}'
NIGHTLY = ("nightly", "send", "--cron", "30 2 * * *", "--zone", "Europe/Berlin", "--input", LETTER)


@pytest.fixture
def serving(start: Start) -> Engine:
    """Start an engine that has nothing to do."""
    return start(str(DESK))


def test_created_schedule_is_listed_with_its_next_time(weft: Weft, serving: Engine) -> None:
    """A schedule that was created from another process is there, with its next time and the offset of that."""
    created = weft("schedules", "create", *NIGHTLY, "--who", "ada", "--reason", "wanted")

    listed = weft("schedules", "list")
    (line,) = weft("schedules", "list", "--json").lines
    shown = weft("schedules", "show", "nightly")

    assert created.code == 0
    assert f"nightly: create taken by process {serving.process_id}" in created.err
    assert "cron 30 2 * * * in Europe/Berlin" in listed.out
    assert line["next"][0].endswith(("02:30:00+01:00", "02:30:00+02:00", "03:00:00+02:00"))
    assert (line["id"], line["input"], line["overlap"]) == ("nightly", {"id": "a"}, "skip")
    assert "create by ada: wanted" in shown.out


def test_trigger_starts_a_run(weft: Weft, serving: Engine) -> None:
    """A trigger from another process starts a run, which is told with where it stands."""
    weft("schedules", "create", *NIGHTLY)
    answer = weft("schedules", "trigger", "nightly", "--who", "ada", "--json")
    serving.stop()

    (run,) = weft("schedules", "show", "nightly", "--json").lines[0]["recent"]
    assert answer.lines[0]["done"] is True
    assert (run["by_hand"], run["status"]) == (True, "completed")
    assert run["id"] in weft("runs", "list").out


def test_pause_resume_backfill_and_delete(weft: Weft, serving: Engine) -> None:
    """All that can be asked of a schedule is taken, and remembered with who and why."""
    weft("schedules", "create", "daily", "send", "--every", "1d", "--input", LETTER)
    weft("schedules", "pause", "daily", "--note", "closed", "--who", "bob")
    paused = weft("schedules", "list").out
    weft("schedules", "backfill", "daily", "--from", "2026-03-01", "--until", "2026-03-03", "--overlap", "allow-all")
    weft("schedules", "resume", "daily")
    view = weft("schedules", "show", "daily", "--json").lines[0]
    deleted = weft("schedules", "delete", "daily")
    serving.stop()

    assert "paused: closed" in paused
    assert [each["what"] for each in view["deeds"]] == ["resume", "backfill", "pause", "create"]
    assert [each["id"] for each in view["recent"]] == [f"daily@2026-03-0{day}T00:00:00Z" for day in (3, 2, 1)]
    assert (deleted.code, weft("schedules", "list").err) == (0, "no schedules\n")


def test_what_is_asked_without_an_engine_is_kept(weft: Weft, start: Start) -> None:
    """Asked while no engine runs, it is kept, and done by the next one when it starts."""
    start(str(DESK)).stop()
    kept = weft("schedules", "create", *NIGHTLY)
    before = weft("schedules", "list")
    start(str(DESK)).stop()

    assert (kept.code, before.err) == (0, "no schedules\n")
    assert "no engine runs on this store" in kept.err
    assert "nightly" in weft("schedules", "list").out


def test_refused_by_the_engine_is_told(weft: Weft, serving: Engine) -> None:
    """A workflow that the System does not have is refused by the engine, and the command says so."""
    answer = weft("schedules", "create", "nightly", "sned", "--cron", "0 2 * * *", "--json")

    assert answer.code == 1
    assert answer.lines[0]["done"] is False
    assert answer.lines[0]["refusal"]["code"] == "WEFT-E323"
    assert "the System has no workflow 'sned'" in answer.err
    assert "the System has no workflow 'sned'" in serving.stop().err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (("create", "a", "send", "--cron", "61 * * * *"), "WEFT-E323"),
        (("create", "a", "send", "--cron", "0 2 * * *", "--zone", "Europe/Berlim"), "did you mean 'Europe/Berlin'?"),
        (("create", "a", "send", "--every", "99999999d"), "longer than a hundred years"),
        (("create", "a", "send", "--at", "9999-12-31T23:59Z"), "end of the calendar"),
        (("create", "a", "send", "--every", "soon"), "write it as 90s, 15m, 1h30m or 7d"),
        (("create", "a", "send", "--at", "tomorrow"), "write it as 2026-03-01"),
        (("create", "a", "send"), "it names no time"),
        (("pause", "b"), "WEFT-E321"),
        (("create", *NIGHTLY), "WEFT-E322"),
        (("backfill", "nightly", "--from", "2026-03-02", "--until", "2026-03-01"), "ends before it starts"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(
    weft: Weft, serving: Engine, typed: tuple[str, ...], says: str
) -> None:
    """What cannot be meant is refused by the command itself, with what to write."""
    weft("schedules", "create", *NIGHTLY)

    answer = weft("schedules", *typed)

    assert answer.code == (1 if says in {"WEFT-E321", "WEFT-E322"} else 2)
    assert says in answer.err
    assert serving.process_id


def test_update_changes_what_is_there(weft: Weft, serving: Engine) -> None:
    """With --update the schedule that is there says something else, and keeps its past."""
    weft("schedules", "create", *NIGHTLY)
    weft("schedules", "trigger", "nightly")
    weft("schedules", "create", "nightly", "send", "--every", "6h", "--input", json.dumps({"id": "b"}), "--update")
    serving.stop()

    view = weft("schedules", "show", "nightly", "--json").lines[0]
    assert (view["input"]["id"], view["counts"]["started"]) == ("b", 1)
    assert view["times"]["any_of"][0]["type"] == "Every"
