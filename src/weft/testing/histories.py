"""Recorded runs against today's code, for test suites."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from weft.engine.embedded.export import read_exported
from weft.engine.embedded.rehearsal import Rehearsal
from weft.errors import PropertyBroken
from weft.host.rehearsal import rehearser_of
from weft.model.system import System


def replay(
    system: System, histories: Path | str, /, *, every_generation: bool = False, drifts: bool = True
) -> list[Rehearsal]:
    """Replay every run of an exported file against the code of a System; nothing is called, sent or written.

    Args:
        system: the code of today.
        histories: a file that `weft runs export` wrote, or a folder of such files, by the names that end in `.jsonl`.
        every_generation: whether generations that have ended are replayed, too.
        drifts: whether arguments and delays may have changed, which is no divergence: what is on record wins.

    Returns:
        What came of each run, in the order of the file.

    Raises:
        JournalDiverged: the first run that the code does not go along with: its entry, both lines, the likely cause.
        PropertyBroken: there is no run to replay, or something has drifted that must not.
        InputInvalid: the file is none of an export.
    """
    # Outside of any task: a run's tasks cannot be entered from inside another one, and tests may be tasks.
    with ThreadPoolExecutor(max_workers=1) as outside:
        replayed = partial(_replayed, system, Path(histories), every_generation=every_generation, drifts=drifts)
        return outside.submit(replayed).result()


def _replayed(system: System, histories: Path, *, every_generation: bool, drifts: bool) -> list[Rehearsal]:
    rehearser = rehearser_of(system)
    done: list[Rehearsal] = []
    for path in _files(histories):
        with path.open("rb") as lines:
            for run in read_exported(lines, where=str(path)):
                found = rehearser.rehearse(run.identity, run.rows, every_generation=every_generation)
                if found.error is not None:
                    found.error.add_note(f"in the history of {found.workflow}/{found.run_id}, {path}")
                    raise found.error
                if found.drifts and not drifts:
                    drift = found.drifts[0]
                    what = f"{drift.what} of {found.workflow}/{found.run_id} has other {drift.field} now"
                    raise PropertyBroken(
                        f"{what}: {drift.recorded} → {drift.now}", where=f"{path}, entry {drift.entry}"
                    )
                done.append(found)
    if not done:
        raise PropertyBroken(
            "there is no run to replay", where=str(histories), remedy="export some: `weft runs export`"
        )
    return done


def _files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.jsonl")) if path.is_dir() else [path]
