"""Settings: defaults, then weft.toml, then WEFT_* variables, then what the program says itself."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias, cast

from weft.engine.temporal.pace import Pace, check_pace
from weft.engine.temporal.security import NAMES as SECURITY_NAMES
from weft.engine.temporal.security import Security, read_security
from weft.engine.temporal.target import read_target
from weft.errors import SettingInvalid
from weft.model.policy import Limits, Retention
from weft.model.query.tokens import LONGEST_MS, offset_of

FILE = "weft.toml"
PREFIX = "WEFT_"
NO_SETTINGS = frozenset({"WEFT_CACHE", "WEFT_DEBUG"})
"""Variables that speak to scripts and to the command line."""

TEST_PREFIX = "WEFT_TEST_"
"""Variables that speak to the scripts that start servers for tests."""

SEPARATOR = "__"
"""Between the parts of a nested name: WEFT_SERVICES__INVENTORY__DATABASE."""

SQLITE = "sqlite:///"
DEFAULT_ENGINE = SQLITE + "weft.db"
TEMPORAL = "temporal"
ENGINES = ("sqlite", TEMPORAL)
"""Schemes of engine URLs that can be used."""

SUPPORTED = "sqlite:///file.db, temporal://127.0.0.1:7233/default"

_DURATION = re.compile("([0-9]+(ms|s|m|h|d|w))+")
_SECRET_QUERY = re.compile(r"(?i)([?&;][^=&;]*(?:password|passwd|secret|token|key)[^=&;]*=)[^&;\s]*")
_SECRET_USER = re.compile(r"(://[^:/@\s]*):[^/\s]*@")
_NAMES = ("engine", "store", "services", "limits", "retention", "worker", "temporal")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are; the System says what there is.

    Attributes:
        engine: URL of the engine.
        store: folder of what the services keep; nothing for the folder that the engine's file lies in.
        services: by service name, the URL of each resource by its name, as in `{"inventory": {"database": "..."}}`.
        limits: what a run may hold.
        retention: how long is kept what has ended.
        worker: how workers of a Temporal server work; the embedded engine has none.
        temporal: how a Temporal server is spoken to: certificates, keys, the codec of payloads.
    """

    engine: str = DEFAULT_ENGINE
    store: str | None = None
    services: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    limits: Limits = field(default_factory=Limits)
    retention: Retention = field(default_factory=Retention)
    worker: Pace = field(default_factory=Pace)
    temporal: Security = field(default_factory=Security)

    @property
    def engine_path(self) -> Path:
        """Return the file of the embedded engine.

        Raises:
            SettingInvalid: The URL names no engine that there is.
        """
        scheme = self.engine.partition(":")[0]
        if scheme not in ENGINES:
            what = f"the engine {masked(self.engine)!r} has a scheme that no engine answers to"
            raise SettingInvalid(what, remedy=f"supported: {SUPPORTED}")
        if scheme == TEMPORAL:
            what = f"the engine {masked(self.engine)!r} is a Temporal server and keeps no file here"
            raise SettingInvalid(what, remedy="ask the server, or name the file of an embedded engine")
        path = self.engine.removeprefix(SQLITE)
        if path in {self.engine, "", ":memory:"}:
            what = f"the engine {masked(self.engine)!r} names no file, and a run that is not on disk is not durable"
            raise SettingInvalid(what, remedy="write sqlite:///shop.db, or sqlite:////an/absolute/path/shop.db")
        return Path(path)

    @property
    def is_temporal(self) -> bool:
        """Tell whether runs are kept by a Temporal server."""
        return self.engine.partition(":")[0] == TEMPORAL

    @property
    def folder(self) -> Path:
        """Return the folder of the services' stores; the current one where the engine keeps no file."""
        if self.store is not None:
            return Path(self.store)
        return Path() if self.is_temporal else self.engine_path.parent

    def url(self, service: str, resource: str, default: str) -> str:
        """Return the URL of a service's resource, with `{store}` and `{service}` filled in."""
        template = _service_settings(self.services, service).get(resource, default)
        return template.replace("{store}", str(self.folder)).replace("{service}", service)


def load_settings(
    *, file: Path | None = None, environ: Mapping[str, str] | None = None, engine: str | None = None
) -> Settings:
    """Return the settings of this process.

    Args:
        file: the settings file, which must exist; nothing for `weft.toml` in the current folder, which may.
        environ: the environment; nothing for that of the process.
        engine: URL of the engine, stronger than both.

    Raises:
        SettingInvalid: A name is not known, or a value cannot be used.
    """
    table = _read_file(file)
    _merge(table, _read_environment(os.environ if environ is None else environ))
    if engine is not None:
        table["engine"] = _Said(engine, "engine=")
    return _build(table)


@dataclass(frozen=True, slots=True)
class _Said:
    """A value and where it was said, for the message."""

    value: object
    where: str


_Table: TypeAlias = "dict[str, _Said | _Table]"


def _read_file(file: Path | None) -> _Table:
    path = Path(FILE) if file is None else file
    if file is None and not path.exists():
        return {}
    try:
        with path.open("rb") as opened:
            return _with_origin(tomllib.load(opened), str(path))
    except OSError as error:
        raise SettingInvalid(f"{path} cannot be read: {error.strerror}", remedy="name a file that exists") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingInvalid(f"{path} is not TOML: {error}", remedy="mend the line named above") from error


def _with_origin(table: Mapping[str, object], origin: str) -> _Table:
    return {
        name: _with_origin(cast("Mapping[str, object]", value), origin)
        if isinstance(value, dict)
        else _Said(value, origin)
        for name, value in table.items()
    }


def _read_environment(environ: Mapping[str, str]) -> _Table:
    table: _Table = {}
    for variable, value in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable in NO_SETTINGS or variable.startswith(TEST_PREFIX):
            continue
        *groups, name = variable.removeprefix(PREFIX).lower().split(SEPARATOR)
        inner = table
        for group in groups:
            found = inner.setdefault(group, {})
            if isinstance(found, _Said):
                raise SettingInvalid(f"{found.where} gives one value to what {variable} takes for a group")
            inner = found
        inner[name] = _Said(value, variable)
    return table


def _merge(table: _Table, stronger: _Table) -> None:
    for name, value in stronger.items():
        known = _same_name(table, name)
        weaker = table.get(known)
        if isinstance(value, dict) and isinstance(weaker, dict):
            _merge(weaker, value)
        else:
            table[known] = value


def _same_name(names: Iterable[str], name: str) -> str:
    """Return the name that a variable means: capitals and dashes do not survive in variables."""
    return next((each for each in names if plain(each) == plain(name)), name)


def plain(name: str) -> str:
    """Return a name as a variable would write it, in small letters."""
    return name.lower().replace("-", "_")


def _build(table: _Table) -> Settings:
    for name, said in table.items():
        if name not in _NAMES:
            raise unknown_name("setting", name, _NAMES, where=_origin(said))
    services = _group("services", table)
    settings = Settings(
        engine=_text("engine", table["engine"]) if "engine" in table else DEFAULT_ENGINE,
        store=_text("store", table["store"]) if "store" in table else None,
        services={service: _urls(service, services) for service in services},
        limits=_limits(_group("limits", table)),
        retention=_retention(_group("retention", table)),
        worker=_worker(_group("worker", table)),
        temporal=_temporal(_group("temporal", table)),
    )
    if settings.is_temporal:
        read_target(settings.engine)
    else:
        _ = settings.engine_path
    return settings


def _urls(service: str, services: _Table) -> dict[str, str]:
    return {name: _text(f"services.{service}.{name}", said) for name, said in _group(service, services).items()}


def _group(name: str, table: _Table) -> _Table:
    group = table.get(name, {})
    if isinstance(group, _Said):
        raise SettingInvalid(f"{name} is a group of settings, not one value", where=group.where)
    return group


def _text(name: str, said: _Said | _Table) -> str:
    if isinstance(said, _Said) and isinstance(said.value, str) and said.value:
        return said.value
    raise SettingInvalid(f"{name} is not a text", where=_origin(said), remedy=f'write {name} = "..."')


def _limits(group: _Table) -> Limits:
    names = [each.name for each in dataclasses.fields(Limits)]
    for name, said in group.items():
        if name not in names:
            raise unknown_name("limit", name, names, where=_origin(said))
    return Limits(**{name: _count(f"limits.{name}", said) for name, said in group.items()})


def _retention(group: _Table) -> Retention:
    known = ("keep", "workflows", "delivery")
    for name, said in group.items():
        if name not in known:
            raise unknown_name("setting of retention", name, known, where=_origin(said))
    workflows = _group("workflows", group)
    return Retention(
        keep=_duration("retention.keep", group["keep"]) if "keep" in group else None,
        workflows={name: _duration(f"retention.workflows.{name}", said) for name, said in workflows.items()},
        delivery=_duration("retention.delivery", group["delivery"]) if "delivery" in group else Retention().delivery,
    )


def _worker(group: _Table) -> Pace:
    known = [each.name for each in dataclasses.fields(Pace) if each.name != "backoff"]
    for name, said in group.items():
        if name not in known:
            raise unknown_name("setting of workers", name, known, where=_origin(said))
    queues = _group("queues", group)
    said_queues = {name: _text(f"worker.queues.{name}", said) for name, said in queues.items()}
    values: dict[str, Any] = {"queues": said_queues}
    for name in ("workflows", "operations", "cached"):
        if name in group:
            values[name] = _count(f"worker.{name}", group[name], least=0 if name == "cached" else 1)
    for name in ("deployment", "build_id", "versioning"):
        if name in group:
            values[name] = _text(f"worker.{name}", group[name])
    if "drain" in group:
        values["drain"] = _duration("worker.drain", group["drain"])
    if "serves" in group:
        values["serves"] = _texts("worker.serves", group["serves"])
    pace = dataclasses.replace(Pace(), **values)
    check_pace(pace, where=_origin(group))
    return pace


def _texts(name: str, said: _Said | _Table) -> tuple[str, ...]:
    """Return texts: a list of them, or one with commas between, as variables have it."""
    value = said.value if isinstance(said, _Said) else None
    parts = [each.strip() for each in value.split(",")] if isinstance(value, str) else value
    if isinstance(parts, list):
        texts = [each for each in cast("list[object]", parts) if isinstance(each, str) and each]
        if texts and len(texts) == len(cast("list[object]", parts)):
            return tuple(texts)
    raise SettingInvalid(f"{name} is no list of texts", where=_origin(said), remedy=f'write {name} = ["...", "..."]')


def _temporal(group: _Table) -> Security:
    for name, said in group.items():
        if name not in SECURITY_NAMES:
            raise unknown_name("setting of temporal", name, SECURITY_NAMES, where=_origin(said))
    said = {name: _word(f"temporal.{name}", each) for name, each in group.items()}
    return read_security(said)


def _word(name: str, said: _Said | _Table) -> str:
    """Return a text; true and false may be written as TOML has them."""
    if isinstance(said, _Said) and isinstance(said.value, bool):
        return str(said.value)
    return _text(name, said)


def _duration(name: str, said: _Said | _Table) -> timedelta:
    return duration(name, _text(name, said), where=_origin(said))


def duration(name: str, text: str, *, where: str = "") -> timedelta:
    """Return a duration as settings write it: `30d`, `1d12h`.

    Raises:
        SettingInvalid: It is none.
    """
    if _DURATION.fullmatch(text) is None or offset_of(f"+{text}") > LONGEST_MS:
        what = f"{name} is not a duration: {text!r}"
        raise SettingInvalid(what, where=where, remedy="write 30d, 12h or 1d12h (ms, s, m, h, d, w)")
    return timedelta(milliseconds=offset_of(f"+{text}"))


def _count(name: str, said: _Said | _Table, *, least: int = 1) -> int:
    value = said.value if isinstance(said, _Said) else None
    if isinstance(value, str) and value.isascii() and value.replace("_", "").isdigit():
        value = int(value)
    if type(value) is not int or value < least:
        above = "above zero" if least else "from zero on"
        raise SettingInvalid(f"{name} is not a whole number {above}", where=_origin(said))
    return value


def _origin(said: _Said | _Table) -> str:
    while not isinstance(said, _Said):
        if not said:
            return ""
        said = next(iter(said.values()))
    return said.where


def _service_settings(services: Mapping[str, Mapping[str, str]], service: str) -> Mapping[str, str]:
    return services.get(_same_name(services, service), {})


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> SettingInvalid:
    """Return the error for a name that is not known, with the nearest one that is."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    remedy = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
    return SettingInvalid(f"there is no {kind} {name!r}", where=where, remedy=remedy)


def masked(url: str) -> str:
    """Return a URL without its secrets, for messages."""
    return _SECRET_USER.sub(r"\1:***@", _SECRET_QUERY.sub(r"\1***", url))
