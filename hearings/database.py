"""The engine and its transactions. The only place that knows which database it is.

A writing transaction on SQLite is `BEGIN IMMEDIATE`, so that two writers queue up instead of failing half
way; the journal mode is WAL and every commit is on disk when it returns (synchronous FULL). On PostgreSQL
the writers queue on the hearing's row (`journal` locks it). Objects stay readable after commit.

Beside SQLite's file lies some room that is given up when the disk is full: a hearing on the record must be suspended
then, and that has to be written down.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from hearings.errors import Unreachable
from hearings.sentences import say
from media.reserve import Reserve

BUSY_SECONDS = 15
RESERVE = 4 * 2**20  # bytes
SETTLING_SECONDS = 1  # writers wait meanwhile
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """`url`: an SQLAlchemy URL. Raises: Unreachable where it cannot be opened or written."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = create_engine(url, pool_size=8, max_overflow=8)
        sqlite = self._engine.dialect.name == "sqlite"
        if sqlite:
            event.listen(self._engine, "connect", _on_connect)
            event.listen(self._engine, "begin", _on_begin)
        file = self._engine.url.database
        self._reserve = Reserve(Path(file).with_name("reserve"), RESERVE) if sqlite and file else None
        self.hold_reserve()
        self._writing = self._engine.execution_options(writes=True)

    @property
    def engine(self) -> Engine:
        return self._engine

    def hold_reserve(self) -> None:
        """Anew, once there is room again."""
        if self._reserve is not None:
            self._reserve.hold()

    def migrate(self, to: str = "head") -> None:
        """Brings the schema to the newest version, or that one; does nothing if it is there."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._translated(), self._writing.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing: commits at the end, rolls back on any exception."""
        with self._translated(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view; takes no lock, and what is changed in it is lost."""
        with self._translated(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    def settle(self) -> bool:
        """What was deleted lies in none of the database's files any more; False if somebody reads at this moment.

        On SQLite: deleted bytes are overwritten as they go (`secure_delete`), but old pages stay in the write-ahead
        log until it is emptied. Elsewhere that is for the engine (`VACUUM FULL`).
        """
        if self._engine.dialect.name != "sqlite":
            return True
        with self._translated(), self._engine.connect() as connection:
            cursor = connection.connection.cursor()
            try:
                cursor.execute(f"PRAGMA busy_timeout = {SETTLING_SECONDS * 1000}")
                return bool(cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
            finally:
                cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
                cursor.close()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if self._reserve is not None and _full(error):
                self._reserve.give_up()
            raise Unreachable(
                say("The database does not answer, or its disk is full. Nothing was changed; try again.")
            ) from error


def _full(error: OperationalError) -> bool:
    return isinstance(error.orig, sqlite3.Error) and error.orig.sqlite_errorcode == sqlite3.SQLITE_FULL


def _on_connect(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
