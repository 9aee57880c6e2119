"""An open database on a PostgreSQL server: connections that write, others that read."""

from __future__ import annotations

import psycopg

from weft.data.port import Unit, View
from weft.data.postgresql.connection import server_of, unusable
from weft.data.postgresql.pool import Pool
from weft.data.postgresql.unit import ALONE, BESIDE_OTHERS, QUEUE, PostgresqlUnit, PostgresqlView
from weft.flow.ambient import Overtaken

MAKING = 0x77656674
"""The number of the advisory lock under which tables are made: two hosts that start at once would collide."""


FEWEST_ALONE = 256
MOST_ALONE = 4096
"""So many transactions take turns after one was overtaken; twice as many where it happens again soon."""


class Traffic:
    """Decide which transactions run beside others: where they get into each other's way, they take turns for a while.

    Side by side is faster where they touch different rows. Where all want the same few, each round of them ends with
    one that commits and the others rolled back, and a deadlock lasts until its members have waited for too long.
    """

    def __init__(self) -> None:
        self._span = 0
        self._alone_left = 0
        self._beside = 0

    def next_is_alone(self) -> bool:
        """Tell whether the next transaction is to run alone."""
        if self._alone_left:
            self._alone_left -= 1
            return True
        self._beside += 1
        if self._beside > self._span:
            self._span = 0  # it went well for as long as they took turns
        return False

    def overtaken(self) -> None:
        """Note that one was overtaken."""
        if not self._alone_left:
            self._span = min(max(2 * self._span, FEWEST_ALONE), MOST_ALONE)
            self._alone_left, self._beside = self._span, 0


class PostgresqlStore:
    """One database on a server; a `Store`."""

    skips_locked = True

    def __init__(self, writers: Pool, readers: Pool) -> None:
        self.name = writers.name
        self.writers = writers
        self._readers = readers
        self._traffic = Traffic()
        self._commits = 0

    @property
    def commits(self) -> int:
        """Return how many commits were made since opening."""
        return self._commits

    def _ended(self, lost: BaseException | None) -> None:
        self._commits += lost is None
        if isinstance(lost, Overtaken):
            self._traffic.overtaken()

    def unit(self, *, alone: bool) -> Unit:
        """Return a transaction that writes, beside others or alone."""
        return PostgresqlUnit(self.writers, lambda: self._opening(alone=alone), self._ended)

    def _opening(self, *, alone: bool) -> str:
        return ALONE if alone or self._traffic.next_is_alone() else BESIDE_OTHERS

    def queue_unit(self) -> Unit:
        """Return a transaction that sees each row as it is when it is taken."""
        return PostgresqlUnit(self.writers, lambda: QUEUE, self._ended)

    def view(self, because: str) -> View:
        """Return a committed state to read."""
        return PostgresqlView(self._readers, because)

    async def prepare(self) -> None:
        """Make the table whose lock keeps transactions apart, where it is missing."""
        link = await self.writers.begin(lambda: "BEGIN")
        try:
            await link.raw.execute("SELECT pg_advisory_xact_lock(%s)", (MAKING,))
            cursor = await link.raw.execute("SELECT to_regclass('weft_turn')")
            found = await cursor.fetchone()
            if found is None or found[0] is None:
                await link.raw.execute("CREATE TABLE weft_turn ()")
            await link.raw.execute("COMMIT")
        except psycopg.Error as error:
            raise unusable(error, self.name) from error
        finally:
            self.writers.give_back(link)

    async def close(self) -> None:
        """Let transactions under way end, then close all connections."""
        await self.writers.close()
        await self._readers.close()


async def open_store(url: str, lock_wait_s: float) -> PostgresqlStore:
    """Open the database that a URL names.

    Raises:
        SettingInvalid: The URL or the database that it names cannot be used.
        DatabaseUnreachable: No server answers there.
    """
    server = server_of(url, lock_wait_s)
    store = PostgresqlStore(Pool(server, wait_s=lock_wait_s), Pool(server, wait_s=lock_wait_s))
    try:
        await store.writers.first()
        await store.prepare()
    except BaseException:
        await store.close()
        raise
    return store
