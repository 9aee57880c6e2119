"""Replaying exported runs: what parts, where, and why; what drifts; and what is no export."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testing.editions import edition, history, system_of
from weft.errors import InputInvalid, JournalDiverged, PropertyBroken
from weft.testing import replay

STEPS = """
await depot.take(key)
await depot.put(key)
return await depot.look(key)
"""

COINS = "await asyncio.gather(*[(depot.tell if vars(chance)['random']() < 0.5 else depot.put)(key) for _ in range(40)])"
"""Chance that a look at the source does not see; it falls alike twice once in a million million times."""

CAUSES = {
    "nothing": (STEPS.replace("take(key)", "take(key)  # as ever"), ""),
    "order": (
        "await depot.put(key)\nawait depot.take(key)\nreturn await depot.look(key)",
        "the order of steps changed: today's code still has",
    ),
    "removed": ("await depot.take(key)\nreturn await depot.look(key)", "a step was removed: depot.put is no more"),
    "added": (
        STEPS.replace("await depot.put", "await depot.tell(key)\nawait depot.put"),
        "a step was added: depot.tell",
    ),
    "replaced": (STEPS.replace("put", "tell"), "a step was replaced, with the same arguments: depot.put by depot.tell"),
    "waits": (
        "await depot.take(key)\nawait receive(Word)\n" + STEPS.partition("take(key)")[2],
        "waits for something else",
    ),
    "global state": (
        STEPS.replace("await depot.put", "fickle() or await depot.tell(key)\nawait depot.put"),
        "a second replay",
    ),
    "chance": (f"{COINS}\n{STEPS}", "the code does something else each time: global state, chance, the clock or"),
}
"""By what was done to the code: the new steps, and what the divergence must say."""


@pytest.mark.parametrize("cause", CAUSES)
async def test_the_cause_of_a_divergence_is_told(tmp_path: Path, cause: str) -> None:
    """What was done to the code is found from the journal, the source and a second replay."""
    file = await history(tmp_path, edition(tmp_path, STEPS))
    body, words = CAUSES[cause]
    system = system_of(edition(tmp_path, body))

    if not words:
        assert [done.entries for done in replay(system, file)] == [4]
        return
    with pytest.raises(JournalDiverged) as caught:
        replay(system, file)

    assert "likely cause: " in caught.value.what
    assert words in caught.value.what


async def test_a_renamed_operation_is_told(tmp_path: Path) -> None:
    """An operation that the System has no more, and another one in its place with the same arguments: a new name."""
    file = await history(tmp_path, edition(tmp_path, STEPS))

    with pytest.raises(
        JournalDiverged, match=r"an operation was renamed: depot\.put is no operation .*, and depot\.place is"
    ):
        replay(system_of(edition(tmp_path, STEPS.replace("put", "place"), renamed="place")), file)


async def test_steps_in_other_tasks_are_told(tmp_path: Path) -> None:
    """The same steps in tasks that were made in another order: an unordered set does that, and so does a move."""
    file = await history(
        tmp_path, edition(tmp_path, "await asyncio.gather(depot.take(key), depot.put(key))\nreturn key")
    )

    with pytest.raises(JournalDiverged, match="an unordered set, or steps that moved into another task"):
        replay(
            system_of(edition(tmp_path, "await asyncio.gather(depot.put(key), depot.take(key))\nreturn key")),
            file,
        )


async def test_a_removed_patch_is_told(tmp_path: Path) -> None:
    """Where runs go by a patch, taking it out of the code has to be announced."""
    file = await history(tmp_path, edition(tmp_path, "if patched('p'):\n    await depot.take(key)\nreturn key"))

    with pytest.raises(JournalDiverged, match="write deprecate_patch\\('p'\\) first"):
        replay(system_of(edition(tmp_path, "await depot.take(key)\nreturn key")), file)


async def test_a_divergence_names_the_entry_and_both_lines(tmp_path: Path) -> None:
    """Whoever reads it finds the recorded line, today's line, the run and the file."""
    file = await history(tmp_path, edition(tmp_path, STEPS))

    with pytest.raises(JournalDiverged) as caught:
        replay(system_of(edition(tmp_path, STEPS.replace("put", "tell"))), file)

    text = str(caught.value)
    assert "after entry 1 (Ended) the journal has call depot.put.1, today's code has call depot.tell.1" in text
    assert text.count("edition_") == 2
    assert caught.value.__notes__ == [f"in the history of story/1, {file}"]


async def test_what_drifts_is_told_and_no_divergence(tmp_path: Path) -> None:
    """Other arguments and other delays do not part a run from its journal, and are reported."""
    body = "await depot.put(key)\nawait asyncio.sleep(60)\nreturn key"
    file = await history(tmp_path, edition(tmp_path, body))
    system = system_of(edition(tmp_path, body.replace("60", "90").replace("put(key)", "put(key + '!')")))

    (done,) = replay(system, file)
    with pytest.raises(PropertyBroken, match="has other arguments now"):
        replay(system, file, drifts=False)

    assert [(drift.entry, drift.what, drift.field) for drift in done.drifts] == [
        (0, "call depot.put.1", "arguments"),
        (1, "timer timer.1", "due_ms"),
    ]
    assert done.drifts[0].now == '{"key":"x!"}'


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.rpartition('{"kind":"end"')[0], "cut off"),
        (lambda text: text.replace('"entries":4', '"entries":5'), "entries are missing"),
        (lambda text: text.replace('"format":1', '"format":9'), "another format"),
        (lambda text: text.partition("\n")[2], "no place here"),
        (lambda text: text.replace('"type":"reply"', '"type":"dance"', 1), "no type"),
        (lambda _: "", "no run to replay"),
    ],
)
async def test_a_file_that_is_no_export_says_where(tmp_path: Path, change: object, words: str) -> None:
    """A file that was cut off or changed is no history that passes."""
    module = edition(tmp_path, STEPS)
    file = await history(tmp_path, module)
    file.write_text(change(file.read_text("utf-8")), encoding="utf-8")

    with pytest.raises((InputInvalid, PropertyBroken), match=words) as caught:
        replay(system_of(module), file)

    assert file.name in str(caught.value)
