"""However a process dies while it writes, each of its commits is there as a whole or not at all."""

import random
from pathlib import Path

import pytest

from tests.engine.embedded.stores import child, killed, line_of, owned

# Each batch moves money between accounts: states of runs that always add up to 1,000. It also appends one entry to each
# of ten journals, so that all have the same length, and notes that length in each run.
WRITE_FOR_EVER = """
import random, sys
from pathlib import Path
from tests.engine.embedded.stores import new_entry, owned, with_runs
from weft.engine.embedded.batch import Batch
amounts = [100] * 10
with owned(Path(sys.argv[1])) as store:
    seq = len(store.journal(1))
    if seq == 0:
        store.write(with_runs(*range(1, 11)))
        seq = 1
    while True:
        source, target = random.sample(range(10), 2)
        amounts[source] -= 1
        amounts[target] += 1
        batch = Batch(entries=[new_entry(key, seq, entry=bytes(900)) for key in range(1, 11)])
        batch.states = {(key, "amount"): b"%d" % amounts[key - 1] for key in range(1, 11)}
        batch.updates = {key: (1, seq, None, "", None) for key in range(1, 11)}
        store.write(batch)
        print(seq, flush=True)
        seq += 1
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_while_writing(tmp_path: Path, seed: int) -> None:
    """After `kill -9` at a random moment, three times over, every batch is whole and none that was told is lost."""
    told = 0
    for _ in range(3):
        process = child(WRITE_FOR_EVER, tmp_path / "shop.db")
        for _ in range(random.Random(seed).randrange(1, 300)):
            told = int(line_of(process))
        killed(process)

        with owned(tmp_path / "shop.db") as store:
            lengths = {len(store.journal(key)) for key in range(1, 11)}
            wakes = {run.wake_ms for run in store.list_runs(limit=20)}
            total = sum(int(store.state(key, "amount") or 0) for key in range(1, 11))
        (length,) = lengths
        assert length > told
        assert wakes == {length - 1}
        assert total == 1_000
