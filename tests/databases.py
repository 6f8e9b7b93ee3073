"""The database that a test works on: SQLite, or PostgreSQL with TEST_DATABASE=postgresql.

A test gets all tables with nothing in them. On PostgreSQL that is one database for a run, emptied each time: deleting
takes 2 ms, a database from a template 60 ms and TRUNCATE of all tables 50 ms.
"""

import atexit
import os
import re
import shutil
import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import event
from sqlmodel import SQLModel

from hearings import tables  # noqa: F401  # fills the metadata
from hearings.database import Database
from tests.postgres import Cluster

ON_POSTGRESQL = os.environ.get("TEST_DATABASE", "sqlite") == "postgresql"

DATABASE = "tests"
DUMP = "dump.sql"
GONE_MS = 5000  # whoever still writes for the test before is waited for
_BYTEA = re.compile(rb"\\\\x((?:[0-9a-f]{2})+)")


def fresh(folder: Path) -> Database:
    """One with all tables and nothing in them; what was in the one before is gone."""
    return Database(_emptied()) if ON_POSTGRESQL else file(folder)


def file(folder: Path) -> Database:
    """As `fresh`, on SQLite in any case."""
    shutil.copy(_template(), folder / "test.db")
    database = Database(f"sqlite:///{folder}/test.db")
    event.listen(database.engine, "connect", _no_forcing)
    return database


def reopened(folder: Path) -> Database:
    """One that `file` made, or a copy of it."""
    database = Database(f"sqlite:///{folder}/test.db")
    event.listen(database.engine, "connect", _no_forcing)
    return database


def _no_forcing(connection: sqlite3.Connection, _record: object) -> None:
    """No test pulls the plug of this database: what it writes need not be forced to disk."""
    connection.execute("PRAGMA synchronous = OFF")


def dump() -> bytes:
    """Everything in it, and the bytes of each BYTEA besides their digits."""
    text = cluster().dump(DATABASE)
    return b"\n".join((text, *(bytes.fromhex(digits.decode()) for digits in _BYTEA.findall(text))))


def bare(folder: Path) -> str:
    """The URL of one without any table."""
    return cluster().create(folder.name) if ON_POSTGRESQL else f"sqlite:///{folder}/bare.db"


@cache
def cluster() -> Cluster:
    """One for this run."""
    made = Cluster()
    atexit.register(made.remove)
    return made


@cache
def _template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vivavoce-"))
    atexit.register(shutil.rmtree, folder)
    _migrate(f"sqlite:///{folder}/empty.db")
    return folder / "empty.db"


@cache
def _database() -> str:
    url = cluster().create(DATABASE)
    _migrate(url)
    return url


def _migrate(url: str) -> None:
    database = Database(url)
    database.migrate()
    database.close()


def _emptied() -> str:
    url = _database()
    others = f"datname = '{DATABASE}' AND pid <> pg_backend_pid()"
    rows = [f'DELETE FROM "{table.name}"' for table in reversed(SQLModel.metadata.sorted_tables)]
    cluster().execute(
        "; ".join(
            (f"SELECT pg_terminate_backend(pid, {GONE_MS}) FROM pg_stat_activity WHERE {others}", *rows)
        ),
        DATABASE,
    )
    return url
