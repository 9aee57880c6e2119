"""Journals as JSON: every entry and command there and back, byte by byte."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.engine.execution.commands import CallIssued, Command, RunContinued, RunEnded, StateShown, UpdateAnswered
from weft.engine.execution.entries import Ended, Entry, Reset, Skipped, Started, Told, Undoing, encode_entry
from weft.engine.execution.readable import COMMANDS, ENTRIES, commands_from, entry_from, readable
from weft.errors import InputInvalid

payloads = st.one_of(
    st.sampled_from(
        [
            b"",
            b"null",
            b'""',
            b'{"$hex":"00"}',
            b"1e400",
            b"1.10",
            b'{"b":1, "a":2}',
            b"\xff",
            b"0 ",
            b"[1,\n2]",
            b"NaN",
        ]
    ),
    st.recursive(
        st.none() | st.integers() | st.text(), lambda each: st.lists(each) | st.dictionaries(st.text(), each)
    ).map(msgspec.json.encode),
)
texts = st.text(max_size=5)
tolds = st.builds(Told, texts, payloads, texts)
starts = st.builds(
    Started,
    payloads,
    st.binary(min_size=16, max_size=16),
    texts,
    deadline_ms=st.none() | st.integers(0, 9),
    carried=st.lists(tolds, max_size=2).map(tuple),
    children=st.lists(st.tuples(texts, texts, texts), max_size=2).map(tuple),
)
undoings = st.builds(
    Undoing, st.integers(0, 9), texts, texts, payloads, st.integers(0, 9), st.none() | st.just(3), st.just(5)
)
entries = st.one_of(
    starts,
    tolds,
    st.builds(Ended, texts, texts, payloads, texts, texts),
    st.builds(Skipped, texts, texts, texts, st.none() | payloads, st.booleans()),
    st.builds(
        Reset, st.integers(0, 9), starts.map(encode_entry), st.just(1), texts, texts, texts,
        undos=st.lists(undoings, max_size=2).map(tuple),
    ),
)  # fmt: skip
commands = st.one_of(
    st.builds(CallIssued, texts, texts, payloads, texts, texts, texts),
    st.builds(StateShown, texts, payloads),
    st.builds(UpdateAnswered, texts, payloads, texts, texts),
    st.builds(RunContinued, payloads, texts),
    st.builds(RunEnded, st.integers(4, 7), payloads, texts, texts, texts),
)


@given(entries)
def test_an_entry_comes_back_as_it_was(entry: Entry) -> None:
    """What is written as JSON is read as the same bytes, whatever the payloads are."""
    line = msgspec.json.encode(readable(entry))

    assert b"\n" not in line
    assert encode_entry(entry_from(line)) == encode_entry(entry)


@given(st.lists(commands, max_size=3))
def test_commands_come_back_as_they_were(listed: list[Command]) -> None:
    """The same for what entries are answered with."""
    line = msgspec.json.encode([readable(each) for each in listed])

    assert commands_from(line) == listed


def test_payloads_are_read_as_values() -> None:
    """A reader sees the values themselves and no text in text."""
    line = msgspec.json.encode(readable(Ended("desk.look.1", "reply", b'{"n":1.10}')))

    assert b'"type":"reply"' in line
    assert b'"data":{"n":1.10}' in line


def test_every_kind_has_a_type_of_its_own() -> None:
    """Entries and commands are told apart by their type, among their own."""
    for kinds in (ENTRIES, COMMANDS):
        assert len({kind.__struct_config__.tag for kind in kinds}) == len(kinds)


@pytest.mark.parametrize("line", [b"7", b"{}", b'{"type":"dance"}', b'{"type":"reply","path":7}', b'{"type":"reply"}'])
def test_what_is_no_entry_is_refused(line: bytes) -> None:
    """A file that nobody exported says so."""
    with pytest.raises(InputInvalid, match="no entry of a journal"):
        entry_from(line)
