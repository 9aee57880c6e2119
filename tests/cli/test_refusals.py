"""What an engine refuses of what another process asks: who asked is told, while the engine is there to say so."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tests.cli.commands import DESK, Start, Weft, letters
from weft.engine.embedded.refusals import KEPT, REFUSALS_OVER, REFUSED, Refusal, refusal_of
from weft.engine.embedded.store import Batch, Store


def test_refusal_of_a_running_engine_is_told(weft: Weft, start: Start) -> None:
    """A request that the engine refuses is not called taken: its reason is told, and the exit code is 1."""
    engine = start(str(DESK), "drop", "--input", letters("letters.jsonl", {"id": "jam-1"}), ready="needs attention")

    answer = weft("runs", "retry", "drop", "jam-1")

    assert (answer.code, answer.out) == (1, "")
    assert f"drop/jam-1: retry was refused by process {engine.process_id}" in answer.err
    assert "WEFT-E602: Post.drop of run drop/jam-1" in answer.err
    assert "may have happened and cannot be undone" in answer.err
    assert "retry --resend" in answer.err


def test_nobody_waits_where_no_engine_runs(weft: Weft, start: Start) -> None:
    """Without an engine the request is kept and that is said; the next engine refuses it, and the run says so."""
    start(str(DESK), "drop", "--input", letters("letters.jsonl", {"id": "jam-1"}), ready="needs attention").stop()

    answer = weft("runs", "retry", "drop", "jam-1")
    start(str(DESK), ready="refused")

    assert (answer.code, "kept; no engine runs" in answer.err) == (0, True)


def test_refusals_go_after_a_while(tmp_path: Path) -> None:
    """The table of refusals does not grow for ever: the oldest go when newer ones come."""
    with closing(Store.open(tmp_path / "shop.db", system="shop", owner=True)) as store:
        for number in (1, 2, KEPT + 1):
            row = (number, "WEFT-E602", f"no {number}", "say why")
            store.write(Batch(also={REFUSED: [row], REFUSALS_OVER: [(number - KEPT,)]}))
        left = [refusal_of(store, number) for number in (1, 2)]

    assert left == [None, Refusal("WEFT-E602", "no 2", "say why")]
