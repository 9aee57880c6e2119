"""From a URL to an open database of the kind that its scheme names."""

from __future__ import annotations

from importlib.util import find_spec

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from weft.data.port import Store
from weft.data.sqlite.store import open_store as open_sqlite
from weft.errors import SettingInvalid

DRIVER = "psycopg"


async def open_store(url: str, lock_wait_s: float) -> Store:
    """Open the database that a URL names.

    Raises:
        SettingInvalid: The URL cannot be used.
        DatabaseUnreachable: No server answers there.
    """
    try:
        scheme = make_url(url).get_backend_name()
    except (ArgumentError, ValueError) as error:
        # Not the URL itself: whatever it is, it may hold a password.
        what = "a database URL does not parse"
        raise SettingInvalid(what, remedy="write sqlite:///FILE or postgresql://USER@HOST:PORT/NAME") from error
    if scheme != "postgresql":
        return await open_sqlite(url, lock_wait_s)
    if find_spec(DRIVER) is None:
        raise SettingInvalid("there is no driver for PostgreSQL here", remedy="pip install 'weft[data]'")
    from weft.data.postgresql.store import open_store as open_postgresql  # noqa: PLC0415 - 100 ms that SQLite needs not

    return await open_postgresql(url, lock_wait_s)
