"""Which Temporal: the parts of `temporal://HOST:PORT/NAMESPACE`, read without Temporal's own library."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from weft.engine.temporal.security import Security
from weft.errors import SettingInvalid

SCHEME = "temporal"
PORT = 7233
NAMESPACE = "default"
EXAMPLE = "write temporal://127.0.0.1:7233/default"
QUERY = ("task_queue", "cached")


@dataclass(frozen=True, slots=True)
class Target:
    """Where runs are kept, and where their work is queued.

    Attributes:
        address: `host:port`.
        task_queue: nothing for the System's name.
        security: how it is spoken to.
        cached: runs that a worker keeps in memory between their steps; nothing for its own number, 0 for none.
    """

    address: str
    namespace: str
    task_queue: str = ""
    cached: int | None = None
    security: Security = field(default_factory=Security)


def read_target(url: str) -> Target:
    """Return the parts of an engine's URL.

    Raises:
        SettingInvalid: it is none.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        what = f"the engine's URL cannot be read: {error}"
        raise SettingInvalid(what, remedy=EXAMPLE) from None
    if parts.scheme != SCHEME or not host or parts.username or parts.fragment:
        what = "the engine's URL names no Temporal server"
        raise SettingInvalid(what, remedy=EXAMPLE)
    namespace = parts.path.strip("/") or NAMESPACE
    if "/" in namespace:
        what = f"the engine's URL names the namespace {namespace!r}, and a namespace has no slash"
        raise SettingInvalid(what, remedy=EXAMPLE)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in QUERY:
            what = f"the engine's URL has the option {name!r}; known: {', '.join(QUERY)}"
            raise SettingInvalid(what, remedy=EXAMPLE)
    address = f"[{host}]" if ":" in host else host
    cached = options.get("cached")
    if cached is not None and not (cached.isascii() and cached.isdigit()):
        what = f"the engine's URL says cached={cached}, which is no number of runs"
        raise SettingInvalid(what, remedy=EXAMPLE)
    count = None if cached is None else int(cached)
    return Target(f"{address}:{port or PORT}", namespace, options.get("task_queue", ""), count)
