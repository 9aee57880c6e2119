"""One engine owns a store at a time, and no way of dying keeps the next one out."""

import os
import signal
from contextlib import closing
from pathlib import Path

import pytest

from tests.engine.embedded.stores import child, killed, line_of, owned, with_runs
from weft.engine.embedded import owner
from weft.engine.embedded.store import Store
from weft.errors import SettingInvalid, StoreFailed, StoreOwned

OWN = """
import sys
from pathlib import Path
from weft.engine.embedded.store import Store
store = Store.open(Path(sys.argv[1]), system="shop", owner=True)
print("owned", flush=True)
sys.stdin.readline()
"""

OWN_AND_FORK = """
import os, sys
from pathlib import Path
from weft.engine.embedded.store import Store
store = Store.open(Path(sys.argv[1]), system="shop", owner=True)
if os.fork() == 0:
    print(os.getpid(), flush=True)
    sys.stdin.readline()
    os._exit(0)
sys.stdin.readline()
"""


def test_second_engine_in_the_same_process(tmp_path: Path) -> None:
    """A store that is open is refused to a second engine, with the owner's name."""
    path = tmp_path / "shop.db"

    with owned(path), pytest.raises(StoreOwned) as refused:
        Store.open(path, system="shop", owner=True)

    assert f"process {os.getpid()} on " in str(refused.value)
    assert str(path) in str(refused.value)


def test_second_engine_in_another_process(tmp_path: Path) -> None:
    """The error names the process that owns the store, and its data describes it."""
    path = tmp_path / "shop.db"
    process = child(OWN, path)
    assert line_of(process) == "owned"

    with pytest.raises(StoreOwned) as refused:
        Store.open(path, system="shop", owner=True)
    killed(process)

    described = refused.value.data["owner"]
    assert isinstance(described, owner.Owner)
    assert described.pid == process.pid


def test_second_engine_by_another_name(tmp_path: Path) -> None:
    """A symbolic link is no way around the owner's lock."""
    path = tmp_path / "shop.db"
    link = tmp_path / "same.db"
    link.symlink_to(path)

    with owned(path), pytest.raises(StoreOwned):
        Store.open(link, system="shop", owner=True)


def test_engine_that_was_taken_over(tmp_path: Path) -> None:
    """An engine whose lock was gone around writes nothing once another has taken its store."""
    path = tmp_path / "shop.db"
    with owned(path) as first:
        owner.lock_file(path).unlink()
        with owned(path):
            with pytest.raises(StoreFailed, match="taken the store over"):
                first.write(with_runs(1))

            assert first.max_key() == 0


def test_owner_killed(tmp_path: Path) -> None:
    """After `kill -9` of the owner the store can be taken at once."""
    path = tmp_path / "shop.db"
    process = child(OWN, path)
    assert line_of(process) == "owned"

    killed(process)

    with owned(path) as store:
        assert store.epoch == 2


def test_owner_killed_while_its_child_lives(tmp_path: Path) -> None:
    """A process that the owner forked does not keep the store."""
    path = tmp_path / "shop.db"
    process = child(OWN_AND_FORK, path)
    fork = int(line_of(process))

    process.kill()
    process.wait()

    with owned(path) as store:
        os.kill(fork, 0)  # it is still there
        assert store.epoch == 2
    os.kill(fork, signal.SIGKILL)
    process.communicate()


def test_store_given_back(tmp_path: Path) -> None:
    """A closed store can be taken again in the same process, and each owner has a number of its own."""
    path = tmp_path / "shop.db"

    epochs: list[int] = []
    for _ in range(3):
        with owned(path) as store:
            epochs.append(store.epoch)
            store.close()  # twice is harmless

    assert epochs == [1, 2, 3]


def test_failed_open_gives_the_store_back(tmp_path: Path) -> None:
    """An engine that could not open a store does not keep it from another."""
    path = tmp_path / "shop.db"
    with owned(path):
        pass

    with pytest.raises(Exception, match="E314"):
        Store.open(path, system="bank", owner=True)

    with owned(path) as store:
        store.write(with_runs(1))


def test_owner_is_told_to_those_who_ask(tmp_path: Path) -> None:
    """Whoever asks learns who owns a store, and that nobody does, without taking it."""
    path = tmp_path / "shop.db"
    before = owner.owner_of(path)

    with owned(path):
        during = owner.owner_of(path)
    after = owner.owner_of(path)

    assert before is None
    assert during is not None
    assert during.pid == os.getpid()
    assert after is None


def test_owner_that_has_not_described_itself(tmp_path: Path) -> None:
    """A lock without a readable note is still a lock."""
    path = tmp_path / "shop.db"
    with closing(_Lock(path)) as lock:
        lock.describe("{not a note")

        with pytest.raises(StoreOwned, match="another engine"):
            owner.take(path)
        unknown = owner.owner_of(path)

    assert unknown is not None
    assert unknown.pid == 0


def test_folder_that_is_missing(tmp_path: Path) -> None:
    """A store in a folder that is not there is a wrong setting, and the error says which."""
    with pytest.raises(SettingInvalid, match="nowhere"):
        Store.open(tmp_path / "nowhere" / "shop.db", system="shop", owner=True)


class _Lock:
    """A lock taken by somebody whose note can be spoilt."""

    def __init__(self, path: Path) -> None:
        self._ownership = owner.take(path)
        self._note = owner.lock_file(path)

    def describe(self, text: str) -> None:
        self._note.write_text(text)

    def close(self) -> None:
        self._ownership.release()
