"""Runs looked up by their names: all that one turn of the loop will ask for in one statement."""

from __future__ import annotations

from typing import Protocol

from weft.engine.embedded.rows import RunRow

Name = tuple[str, str]
"""workflow, run id"""


class Names(Protocol):
    """Where runs are found."""

    def find(self, workflow: str, run_id: str) -> RunRow | None:
        """Return one run."""
        ...

    def find_all(self, names: list[Name]) -> dict[Name, RunRow]:
        """Return those that there are."""
        ...


class Lookups:
    """Whether the runs that are to be started exist already.

    A statement by itself costs five microseconds, most of them for the locks of its snapshot; in one statement with
    others a name costs a tenth of that. What was found is good for the turn in which it is asked for: whoever asks has
    said so before, in `expect`, and since then the first to ask has looked for all.
    """

    def __init__(self) -> None:
        self._expected: list[Name] = []
        self._found: dict[Name, RunRow | None] = {}

    def expect(self, workflow: str, run_id: str) -> None:
        """Note that a run will be asked for when acts are next done."""
        self._expected.append((workflow, run_id))

    def find(self, store: Names, workflow: str, run_id: str) -> RunRow | None:
        """Return a run that was expected, or nothing if there is none; each expectation answers once."""
        if self._expected:
            names, self._expected = self._expected, []
            rows = store.find_all(names)
            self._found = {name: rows.get(name) for name in names}
        name = (workflow, run_id)
        return self._found.pop(name) if name in self._found else store.find(workflow, run_id)
