"""The checks of `weft doctor` on services' databases: whether a server answers, and what their outboxes hold back."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from weft.cli import database_texts, texts
from weft.cli.checkup import EXTRAS, Check
from weft.cli.output import in_one_line
from weft.errors import DatabaseUnreachable
from weft.host.settings import SQLITE, Settings

SERVER = "postgresql:"
DATABASE = "database"


def check_databases(settings: Settings) -> Iterator[Check]:
    """Look at the databases that settings name, one check for each; what is not there yet is passed over."""
    for service in sorted(settings.services):
        url = settings.url(service, DATABASE, "")
        is_file = url.startswith(SQLITE) and Path(url.removeprefix(SQLITE)).exists()
        if is_file or url.startswith(SERVER):
            yield _check(database_texts.NAME.format(service=service), url)


def _check(name: str, url: str) -> Check:
    missing = [package for package in dict(EXTRAS)["data"] if find_spec(package) is None]
    if missing:
        return Check(
            name,
            "wrong",
            database_texts.MISSING.format(names=", ".join(missing)),
            texts.INSTALL_EXTRA.format(extra="data"),
        )
    from weft.data.glance import glance_at_file, glance_at_server  # noqa: PLC0415 - an extra, and slow to import

    is_server = url.startswith(SERVER)
    try:
        seen = glance_at_server(url) if is_server else glance_at_file(Path(url.removeprefix(SQLITE)))
    except DatabaseUnreachable as error:
        remedy = database_texts.AWAY_REMEDY if is_server else database_texts.FILE_REMEDY
        return Check(name, "wrong", in_one_line(error.what), remedy)
    what = seen.what
    if seen.waiting:
        what += database_texts.WAITING.format(count=seen.waiting)
    if not seen.refused:
        return Check(name, "ok", what)
    run, operation, reason = seen.refused[0]
    first = database_texts.REQUEST.format(operation=operation, run=run, reason=reason)
    what += database_texts.REFUSED.format(count=len(seen.refused), first=in_one_line(first))
    return Check(name, "note", what, database_texts.REFUSED_REMEDY)
