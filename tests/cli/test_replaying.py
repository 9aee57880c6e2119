"""`weft runs export` and `weft replay`: runs leave the store as lines, and are held against today's code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import DESK, Weft, letters, run_desk

CHANGED = DESK.read_text("utf-8").replace(
    "await post.weigh(letter.id, letter.stamps)", "await post.weigh(letter.id, letter.stamps + 1)"
)
PARTED = DESK.read_text("utf-8").replace("        await post.weigh(letter.id, letter.stamps)\n", "")


def two_letters() -> None:
    """Let two runs come to their ends."""
    assert run_desk("send", "--input", letters("letters.jsonl", {"id": "a"}, {"id": "b"})).code == 0


def test_runs_are_exported_line_by_line(weft: Weft) -> None:
    """Each run has its line, its entries with commands as values, and an end that counts them."""
    two_letters()

    answer = weft("runs", "export")
    one = weft("runs", "export", "send/a")

    assert (answer.code, one.code) == (0, 0)
    kinds = [line["kind"] for line in answer.lines]
    assert kinds == ["run", "entry", "entry", "entry", "end"] * 2
    run, started, *_ = one.lines
    assert (run["id"], run["status"], run["format"]) == ("a", "completed", 1)
    assert started["entry"]["input"] == {"id": "a"}
    assert started["commands"][0]["arguments"] == {"letter_id": "a", "stamps": 1}


def test_runs_are_exported_by_a_query(weft: Weft) -> None:
    """With --where only the runs that it asks for are written; with a name, too, it is wrong use."""
    two_letters()

    answer = weft("runs", "export", "--where", "id = 'b'")

    assert [line["id"] for line in answer.lines if line["kind"] == "run"] == ["b"]
    assert weft("runs", "export", "send/a", "--where", "id = 'b'").code == 2


def test_an_export_is_replayed(weft: Weft, folder: Path) -> None:
    """A file of runs is held against the code: fine, or with other arguments, which is told."""
    two_letters()
    (folder / "runs.jsonl").write_text(weft("runs", "export").out, encoding="utf-8")
    (folder / "changed.py").write_text(CHANGED, encoding="utf-8")

    fine = weft("replay", str(DESK), "runs.jsonl")
    drifted = weft("replay", "changed.py", "runs.jsonl", "--json")

    assert (fine.code, fine.out) == (0, "send/b: fine, 3 entries\nsend/a: fine, 3 entries\n")
    assert drifted.code == 0
    assert [line["drifts"][0]["field"] for line in drifted.lines] == ["arguments", "arguments"]


def test_a_run_of_the_store_is_replayed(weft: Weft, folder: Path) -> None:
    """A run that today's code parts from is a finding, with the cause and both lines."""
    two_letters()
    (folder / "parted.py").write_text(PARTED, encoding="utf-8")

    fine = weft("replay", str(DESK), "send", "a")
    parted = weft("replay", "parted.py", "send/a", "--json")

    assert fine.code == 0
    assert parted.code == 1
    error = json.loads(parted.out)["error"]
    assert error["code"] == "WEFT-E204"
    assert "likely cause: a step was removed: Post.weigh is no more in the code" in error["what"]


def test_what_is_no_export_is_wrong_input(weft: Weft, folder: Path) -> None:
    """A file of something else is told with its line."""
    (folder / "other.jsonl").write_text('{"id": "a"}\n', encoding="utf-8")

    answer = weft("replay", str(DESK), "other.jsonl")

    assert (answer.code, "other.jsonl:1" in answer.err) == (2, True)
