"""A System is bound to Temporal, or refused before anything runs; without a temporal:// URL nothing of it is loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.stage import stage
from weft.clock import VirtualClock
from weft.engine.errors import EngineCannot, EngineUnreachable, NamespaceMissing
from weft.engine.temporal.target import Target, read_target
from weft.errors import SettingInvalid
from weft.host.host import Host
from weft.host.settings import Settings
from weft.model.policy import Limits

EVERYTHING = """
import sys
import weft, weft.data, weft.testing, weft.cli, weft.host.host
weft.Host(weft.System("none"), engine="sqlite:///none.db")
found = sorted(name for name in sys.modules if name.partition(".")[0] in {"temporalio", "google"})
sys.exit("\\n".join(found) or 0)
"""


def test_nothing_of_temporal_is_loaded_without_its_url(tmp_path: Path) -> None:
    """Who keeps runs in SQLite imports nothing of Temporal's library."""
    done = subprocess.run([sys.executable, "-c", EVERYTHING], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("temporal://127.0.0.1:7233/default", Target("127.0.0.1:7233", "default")),
        ("temporal://temporal.example", Target("temporal.example:7233", "default")),
        ("temporal://[::1]:9/shop?task_queue=q", Target("[::1]:9", "shop", "q")),
        ("temporal://h/n?cached=0", Target("h:7233", "n", cached=0)),
    ],
)
def test_a_url_names_server_namespace_and_queue(url: str, target: Target) -> None:
    """The URL's parts are the server, the namespace and, where it is named, the task queue."""
    assert read_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "temporal:///default",
        "temporal://h:port/n",
        "temporal://h/a/b",
        "temporal://h/n?queue=q",
        "temporal://u@h/n",
        "temporal://h/n?cached=x",
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    """What cannot be read is refused with the form that can."""
    with pytest.raises(SettingInvalid, match="temporal://127"):
        read_target(url)


def test_a_limit_beyond_the_server_is_refused() -> None:
    """What the server would end a run for is refused when the System is bound to it."""
    with pytest.raises(EngineCannot, match="pending_calls"):
        Host(stage, settings=Settings(engine="temporal://127.0.0.1:1/default", limits=Limits(pending_calls=5_000)))


def test_a_clock_of_its_own_is_refused() -> None:
    """Time on Temporal is the server's."""
    with pytest.raises(EngineCannot, match="VirtualClock"):
        Host(stage, engine="temporal://127.0.0.1:1/default", clock=VirtualClock())


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Where nothing listens the error names the address."""
    host = Host(stage, settings=Settings(engine="temporal://127.0.0.1:1/default", store=str(tmp_path)))

    with pytest.raises(EngineUnreachable, match=r"127\.0\.0\.1:1"):
        await host.__aenter__()


async def test_a_namespace_that_is_not_there_is_named(temporal_address: str, tmp_path: Path) -> None:
    """A namespace is not created by the way: how long it keeps ended runs is a decision."""
    host = Host(stage, settings=Settings(engine=f"temporal://{temporal_address}/nowhere", store=str(tmp_path)))

    with pytest.raises(NamespaceMissing, match="nowhere"):
        await host.__aenter__()
