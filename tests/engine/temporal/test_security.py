"""How a server is spoken to: certificates, keys and codecs from the settings, and no secret in any word of weft."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import PayloadCodec

from tests.conformance.stage import listener, stage
from weft.engine.errors import CredentialsInvalid, EngineUnreachable
from weft.engine.temporal.security import Security
from weft.errors import SettingInvalid
from weft.host.host import Host
from weft.host.settings import Settings, load_settings

SECRET = "k3y-that-nobody-may-see"
HERE = "tests.engine.temporal.test_security"


class Mirror(PayloadCodec):
    """Stands for encryption: what it has written nobody reads who does not turn it around."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Turn whole payloads around."""
        return [
            Payload(metadata={"encoding": b"binary/mirrored"}, data=each.SerializeToString()[::-1]) for each in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Turn them back; what is none of ours stays."""
        mirrored = [each.metadata["encoding"] == b"binary/mirrored" for each in payloads]
        return [
            Payload.FromString(each.data[::-1]) if is_ours else each
            for each, is_ours in zip(payloads, mirrored, strict=True)
        ]


def settings_of(**said: str) -> Settings:
    """Return the settings of an environment."""
    return load_settings(environ={f"WEFT_TEMPORAL__{name.upper()}": value for name, value in said.items()})


async def test_payloads_are_unreadable_without_the_codec(temporal_address: str, tmp_path: Path) -> None:
    """With a codec the server keeps no word of a run; with it everything is read as ever."""
    key, url = uuid4().hex, f"temporal://{temporal_address}/default?task_queue={uuid4().hex}"
    security = settings_of(codec=f"{HERE}:Mirror").temporal
    async with Host(stage, settings=Settings(engine=url, store=str(tmp_path), temporal=security)) as host:
        run = await host.start(listener, 1, id=key)
        for _ in range(2):  # the second one comes when the run has ended, and was heard before
            await host.engine.send("listener", key, kind="Word", data=b'{"text": "xyzzy"}', message_id="word-1")
            result = await run.result()
        story = await host.engine.show("listener", key)
    client = await Client.connect(temporal_address)
    history = (await client.get_workflow_handle(f"listener/{key}").fetch_history()).to_json()

    assert result == ["xyzzy"]
    assert any("xyzzy" in row.what for row in story.rows)
    assert "xyzzy" not in history
    assert "binary/mirrored" in history or "YmluYXJ5L21pcnJvcmVk" in history


def test_settings_come_from_the_environment_and_the_file(tmp_path: Path) -> None:
    """What a file says is overruled by a variable; a key is in neither's words."""
    file = tmp_path / "weft.toml"
    file.write_text('[temporal]\ntls = true\nserver_name = "cloud.example"\napi_key = "old"\n', encoding="utf-8")

    settings = load_settings(file=file, environ={"WEFT_TEMPORAL__API_KEY": SECRET})

    assert settings.temporal == Security(tls=True, server_name="cloud.example", api_key=SECRET)
    assert SECRET not in f"{settings!r} {settings.temporal.shown()}"


@pytest.mark.parametrize(
    "said",
    [{"cert": "a.pem"}, {"tls": "perhaps"}, {"tls": "false", "api_key": SECRET}, {"codec": "nowhere"}, {"keys": "x"}],
)
def test_what_does_not_fit_together_is_refused(said: dict[str, str]) -> None:
    """Settings that cannot work are refused before anything is connected, without their secrets."""
    with pytest.raises(SettingInvalid) as refused:
        settings_of(**said)

    assert SECRET not in str(refused.value)
    assert refused.value.advice


@pytest.mark.parametrize("codec", ["nowhere:at_all", f"{HERE}:SECRET", f"{HERE}:nothing"])
def test_a_codec_that_is_none_is_refused(codec: str) -> None:
    """Payloads are never written plainly because the codec is not there."""
    with pytest.raises(CredentialsInvalid, match=r"temporal\.codec"):
        Host(stage, settings=Settings(engine="temporal://127.0.0.1:1/default", temporal=Security(codec=codec)))


@pytest.mark.parametrize(
    ("security", "kind"),
    [
        (Security(cert="/nowhere/a.pem", key="/nowhere/a.key", api_key=SECRET), CredentialsInvalid),
        (Security(api_key=SECRET), EngineUnreachable),
        (Security(api_key=f"{SECRET}\n"), EngineUnreachable),
    ],
)
async def test_no_error_tells_a_secret(temporal_address: str, tmp_path: Path, security: Security, kind: type) -> None:
    """A server that does not speak TLS, a file that is not there, a key with a line break: none shows the key."""
    settings = Settings(engine=f"temporal://{temporal_address}/default", store=str(tmp_path), temporal=security)

    with pytest.raises(kind) as refused:
        await Host(stage, settings=settings).__aenter__()

    assert SECRET not in f"{refused.value} {refused.value!r}"
