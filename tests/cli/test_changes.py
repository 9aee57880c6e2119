"""A run asleep while its code changes: real modules on disk, real engines that stop and start."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.cli.commands import Start, Weft, letters

CODE = """
from datetime import timedelta

from weft import Service, Signal, System, idempotent, operation, patched, receive, workflow


class Word(Signal):
    text: str


class Post(Service):
    @operation(idempotent)
    async def write(self, line: str) -> str:
        return line


@workflow
async def letter(name: dict[str, str], *, post: Post) -> str:
    said = [await post.write("dear")]
    {before}
    said.append((await receive(Word, within=timedelta(days=365))).text)
    {after}
    said.append(await post.write("yours"))
    return " ".join(said)


desk = System("desk", services=[Post], workflows=[letter])
"""

GREET = 'if patched("greet"): said.append(await post.write("hello"))'
THANK = 'if patched("thank"): said.append(await post.write("thanks"))'
DATE = 'if patched("date"): said.append(await post.write("today"))'
UNPATCHED = 'said.append(await post.write("hello"))'

AS_IT_WAS = CODE.format(before="", after="")
EDITIONS = [
    CODE.format(before=GREET, after=""),
    CODE.format(before=GREET, after=THANK),
    CODE.format(before=f"{GREET}\n    {DATE}", after=THANK),
]


def write(code: str) -> str:
    """Put an edition of the code in the place of the one before and return its name."""
    Path("letter.py").write_text(code, encoding="utf-8")
    return "letter.py"


def status(weft: Weft, run: str) -> dict[str, str]:
    """Return what the list shows of a run."""
    return weft("runs", "show", run, "--json").lines[0]


def until(weft: Weft, run: str, wanted: str) -> dict[str, str]:
    """Wait until a run stands so; engines of other processes tell nobody."""
    for _ in range(500):
        shown = status(weft, run)
        if shown["status"] == wanted:
            return shown
        time.sleep(0.02)  # real sleep: engines of other processes tell nobody
    return pytest.fail(f"{run} stands as {shown['status']}: {shown['reason']}")


@pytest.fixture
def asleep(start: Start, weft: Weft) -> str:
    """Start a run of the first edition that waits for a word, and stop its engine."""
    engine = start(write(AS_IT_WAS), "letter", "--input", letters("in.jsonl", {"id": "a"}), ready="all started")
    until(weft, "letter/a", "waiting")
    engine.stop(signal.SIGKILL)
    return "letter/a"


def test_a_run_sleeps_through_three_changes_of_its_code(weft: Weft, start: Start, asleep: str) -> None:
    """Patched each time, it ends right: by the old steps where it had been, by the new ones where it comes."""
    for code in EDITIONS[:-1]:
        start(write(code)).stop()
    engine = start(write(EDITIONS[-1]), "letter", "--input", letters("new.jsonl", {"id": "b"}), ready="all started")

    for run in (asleep, "letter/b"):
        weft("runs", "signal", run, "Word", '{"text": "word"}')
    engine.answer()

    assert status(weft, asleep)["result"] == "dear word thanks yours"
    assert status(weft, "letter/b")["result"] == "dear hello today word thanks yours"


def test_without_a_patch_the_run_stands_blocked_until_the_code_is_mended(weft: Weft, start: Start, asleep: str) -> None:
    """Both lines and the cause are told, nothing is lost, and the mended code goes on with the word that came."""
    bad = CODE.format(before=UNPATCHED, after="")
    engine = start(write(bad))
    weft("runs", "signal", asleep, "Word", '{"text": "word"}')
    reason = until(weft, asleep, "blocked")["reason"]
    engine.stop()

    engine = start(write(EDITIONS[-1]))
    mended = until(weft, asleep, "completed")
    engine.stop()

    line = next(number for number, text in enumerate(bad.splitlines(), 1) if UNPATCHED in text)
    waited = next(number for number, text in enumerate(AS_IT_WAS.splitlines(), 1) if "receive(Word" in text)
    assert "the journal has timer timer.1, today's code has call Post.write.2" in reason
    assert f"letter.py:{waited}; now" in reason
    assert f"letter.py:{line}\n" in reason
    assert "likely cause: a step was added: Post.write" in reason
    assert mended["result"] == "dear word thanks yours"


def test_a_check_tells_before_the_code_is_deployed(weft: Weft, asleep: str) -> None:
    """What would block the run is found beside the old store, and what is patched is fine."""
    bad = weft("store", "check", write(CODE.format(before=UNPATCHED, after="")))
    Path("mended.py").write_text(EDITIONS[-1], encoding="utf-8")
    good = weft("store", "check", "mended.py")

    assert (bad.code, good.code) == (1, 0)
    assert f"replay {asleep}: WEFT-E204" in bad.out
