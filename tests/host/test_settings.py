"""Settings: defaults < weft.toml < environment < arguments; wrong names are refused and secrets stay hidden."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from weft.errors import SettingInvalid
from weft.host.settings import Settings, load_settings, masked

NOTHING: dict[str, str] = {}


def written(folder: Path, text: str) -> Path:
    """Return a settings file with this text."""
    file = folder / "weft.toml"
    file.write_text(text, "utf-8")
    return file


def test_defaults_need_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file and environment the engine is a file in the current folder."""
    monkeypatch.chdir(tmp_path)

    settings = load_settings(environ=NOTHING)

    assert settings == Settings()
    assert settings.engine_path == Path("weft.db")


def test_stronger_sources_win(tmp_path: Path) -> None:
    """An argument beats the environment, which beats the file."""
    file = written(tmp_path, 'engine = "sqlite:///file.db"\nstore = "file"\n[limits]\npending_calls = 7\n')
    environ = {"WEFT_STORE": "variable", "WEFT_ENGINE": "sqlite:///variable.db", "PATH": "/bin"}

    settings = load_settings(file=file, environ=environ, engine="sqlite:///argument.db")

    assert (settings.engine, settings.store) == ("sqlite:///argument.db", "variable")
    assert settings.limits.pending_calls == 7


def test_url_of_a_service_is_filled_in(tmp_path: Path) -> None:
    """Store and service stand in a URL by their names; the store is the engine's folder by default."""
    file = written(tmp_path, '[services.inventory]\ndatabase = "sqlite:///{store}/of/{service}.db"\n')

    settings = load_settings(file=file, environ=NOTHING, engine="sqlite:////data/shop.db")

    assert settings.url("inventory", "database", "unused") == "sqlite:////data/of/inventory.db"
    assert settings.url("payments", "database", "sqlite:///{store}/x.db") == "sqlite:////data/x.db"


def test_environment_names_nested_settings(tmp_path: Path) -> None:
    """Two underscores stand between the parts of a name; dashes and capitals of the file are found again."""
    file = written(tmp_path, '[services.stock-Room]\ndatabase = "a"\n')
    environ = {"WEFT_SERVICES__STOCK_ROOM__DATABASE": "b", "WEFT_LIMITS__PAYLOAD_BYTES": "1_000"}

    settings = load_settings(file=file, environ=environ)

    assert settings.url("stock-Room", "database", "") == "b"
    assert settings.limits.payload_bytes == 1000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('engin = "sqlite:///a.db"', "did you mean 'engine'?"),
        ("[limits]\npayload_byte = 3", "did you mean 'payload_bytes'?"),
        ("[limits]\npayload_bytes = -3", "above zero"),
        ("[limits]\npayload_bytes = true", "above zero"),
        ("limits = 3", "group"),
        ("store = 3", "not a text"),
        ("[services.a]\ndatabase = 3", "services.a.database"),
        ("engine = ", "not TOML"),
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """A wrong name or value is refused with the file and what to write instead."""
    file = written(tmp_path, text)

    with pytest.raises(SettingInvalid) as refused:
        load_settings(file=file, environ=NOTHING)

    assert says in str(refused.value)
    assert "weft.toml" in str(refused.value)


def test_wrong_variable_is_refused(tmp_path: Path) -> None:
    """A misspelt variable is refused by its name instead of being ignored."""
    with pytest.raises(SettingInvalid, match="WEFT_ENIGNE") as refused:
        load_settings(file=written(tmp_path, ""), environ={"WEFT_ENIGNE": "sqlite:///a.db"})

    assert "did you mean 'engine'?" in str(refused.value)


def test_missing_file_is_refused_when_named(tmp_path: Path) -> None:
    """A settings file that was asked for has to be there."""
    with pytest.raises(SettingInvalid, match="cannot be read"):
        load_settings(file=tmp_path / "no.toml", environ=NOTHING)


@pytest.mark.parametrize(
    "engine", ["postgres://localhost:5432", "shop.db", "sqlite://", "sqlite:///", "sqlite:///:memory:"]
)
def test_engine_that_cannot_be_used_is_refused(engine: str) -> None:
    """An engine without an adapter or without a file is refused with what is supported."""
    with pytest.raises(SettingInvalid, match="sqlite:///"):
        load_settings(environ=NOTHING, engine=engine)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ada:s3cret@db:5432/x", "postgresql://ada:***@db:5432/x"),
        ("redis://:s3cret@cache", "redis://:***@cache"),
        ("kafka://k?user=a&password=s3cret&x=1", "kafka://k?user=a&password=***&x=1"),
        ("https://h/?api_token=s3cret", "https://h/?api_token=***"),
        ("sqlite:///shop.db", "sqlite:///shop.db"),
    ],
)
def test_secrets_are_masked(url: str, shown: str) -> None:
    """A message shows a URL without its passwords and tokens."""
    assert masked(url) == shown


def test_secret_of_a_wrong_engine_stays_hidden() -> None:
    """The error about an engine's URL does not tell its password."""
    with pytest.raises(SettingInvalid) as refused:
        load_settings(environ=NOTHING, engine="postgresql://ada:s3cret@db/x")

    assert "s3cret" not in str(refused.value)


def test_retention_is_said_in_durations(tmp_path: Path) -> None:
    """How long ended runs are kept is said for all and by workflow; without a word they are kept for ever."""
    text = '[retention]\nkeep = "30d"\ndelivery = "1d12h"\n[retention.workflows]\nplace_order = "90d"\n'

    retention = load_settings(file=written(tmp_path, text), environ=NOTHING).retention

    assert (retention.of("cart"), retention.of("place_order")) == (timedelta(days=30), timedelta(days=90))
    assert retention.delivery == timedelta(hours=36)
    assert Settings().retention.of("cart") is None


@pytest.mark.parametrize("line", ['keep = "a month"', "keep = 30", 'kept = "30d"', 'workflows = "30d"', 'keep = "-1d"'])
def test_wrong_retention_is_refused(tmp_path: Path, line: str) -> None:
    """What is no duration, or no setting of retention, is told and not guessed."""
    with pytest.raises(SettingInvalid, match=r"retention|duration|text"):
        load_settings(file=written(tmp_path, f"[retention]\n{line}\n"), environ=NOTHING)
