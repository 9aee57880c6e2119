"""Whatever is committed in whatever order, a store reads like dictionaries that were given the same."""

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from tests.engine.embedded.stores import COMPLETED, new_run, owned
from weft.engine.embedded.batch import Attempts, Batch, NewEntry, RunUpdate
from weft.engine.embedded.store import Store

KEYS = st.integers(1, 6)
NAMES = st.sampled_from(["contents", "step", "é"])
DATA = st.binary(max_size=40)
WAKES = st.one_of(st.none(), st.integers(0, 3))
UPDATES = st.tuples(st.integers(0, 7), WAKES, st.one_of(st.none(), st.just(9)), st.text(max_size=5), DATA)
COUNTS = st.integers(0, 9)
ATTEMPTS = st.none() | st.builds(Attempts, COUNTS, st.text(max_size=5), COUNTS, COUNTS, COUNTS, st.text(max_size=5))


@dataclass
class Step:
    """One batch before it is known which of its runs are new."""

    entries: dict[int, list[bytes]]
    updates: dict[int, RunUpdate]
    states: dict[tuple[int, str], bytes]
    attempts: dict[tuple[int, str], Attempts | None]


STEPS = st.builds(
    Step,
    entries=st.dictionaries(KEYS, st.lists(DATA, max_size=3), max_size=4),
    updates=st.dictionaries(KEYS, UPDATES, max_size=4),
    states=st.dictionaries(st.tuples(KEYS, NAMES), DATA, max_size=4),
    attempts=st.dictionaries(st.tuples(KEYS, NAMES), ATTEMPTS, max_size=4),
)


@dataclass
class Model:
    """What a store should hold, as dictionaries."""

    runs: dict[int, tuple[object, ...]] = field(default_factory=dict)
    journals: dict[int, list[tuple[object, ...]]] = field(default_factory=dict)
    states: dict[tuple[int, str], bytes] = field(default_factory=dict)
    attempts: dict[tuple[int, str], Attempts] = field(default_factory=dict)

    def take(self, step: Step) -> Batch:
        """Apply a step to the model, and return the batch that should do the same to a store."""
        named = {*step.entries, *step.updates, *(key for key, _ in (*step.states, *step.attempts))}
        new = [new_run(key, workflow=f"workflow-{key % 2}") for key in sorted(named - set(self.runs))]
        self.runs |= {run[0]: (*run, None, "", None) for run in new}
        for key, update in step.updates.items():
            status, wake_ms, *rest = update
            kept = wake_ms if status < COMPLETED else None
            self.runs[key] = (*self.runs[key][:7], status, self.runs[key][8], kept, *rest)
        self.states |= step.states
        for name, value in step.attempts.items():
            self.attempts.pop(name, None)
            if value is not None:
                self.attempts[name] = value
        entries = self._entries(step)
        return Batch(new, entries, updates=step.updates, states=step.states, attempts=step.attempts)

    def _entries(self, step: Step) -> list[NewEntry]:
        rows: list[NewEntry] = []
        for key, texts in step.entries.items():
            journal = self.journals.setdefault(key, [])
            for text in texts:
                rows.append((key, len(journal), 1, text, text[::-1]))
                journal.append(rows[-1][1:])
        return rows


def disagreements(store: Store, model: Model) -> list[object]:
    """Return what a store reads otherwise than the model."""
    by_wake = sorted((run[9], key) for key, run in model.runs.items() if run[9])
    flying = [key for key, run in sorted(model.runs.items()) if run[9] == 0]
    pairs: list[tuple[object, object]] = [
        ({run.key: tuple(run) for run in store.list_runs(limit=99)}, model.runs),
        ({key: [tuple(row) for row in store.journal(key)] for key in model.runs if store.journal(key)},
         {key: rows for key, rows in model.journals.items() if rows}),
        ({(key, name): value for key in model.runs for name, value in store.states(key).items()}, model.states),
        ({(key, path): row for key in model.runs for path, row in store.failing(key).items()}, model.attempts),
        (store.due(0, 99, 99), by_wake),
        ([run.key for run in store.in_flight(0, 99)], flying),
        (sum(store.count_runs().values()), len(model.runs)),
    ]  # fmt: skip
    return [pair for pair in pairs if pair[0] != pair[1]]


@given(steps=st.lists(STEPS, max_size=6))
def test_store_reads_like_a_dictionary(steps: list[Step]) -> None:
    """After any sequence of batches, and after a restart, every way of reading agrees with the model."""
    model = Model()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        with owned(path) as store:
            for step in steps:
                store.write(model.take(step))
                assert disagreements(store, model) == []

        with owned(path) as store:
            assert disagreements(store, model) == []
