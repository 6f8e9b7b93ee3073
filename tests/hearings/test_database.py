"""Transactions, and the schema that the migrations make."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, select, text

from hearings.database import Database
from hearings.errors import Unreachable
from hearings.tables import Cursor, RecordingKey
from tests import databases


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_keys_of_recordings_are_carried_over(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/old.db")
    database.migrate("0004")
    database.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as old:
        for table in ("hearing", "recordingkey"):
            columns = old.execute(f"PRAGMA table_info({table})").fetchall()
            values = [_anything(kind) for _, _, kind, *_ in columns]
            marks = ", ".join("?" * len(values))
            old.execute(f"INSERT INTO {table} VALUES ({marks})", values)
        old.commit()
    database = Database(f"sqlite:///{tmp_path}/old.db")
    database.migrate()
    with database.reading() as tx:
        (row,) = tx.exec(select(RecordingKey)).all()
        assert (row.hearing_id.int, row.sealed, row.public, row.secret) == (0, False, b"bytes", b"bytes")
    database.close()


def _anything(kind: str) -> int | str | bytes:
    """A value that a column of this type takes."""
    if kind.startswith("INT"):
        return 1
    return {"CHAR(32)": "0" * 32, "DATETIME": "2026-11-27 10:00:00.000000", "BLOB": b"bytes"}.get(
        kind, "text"
    )


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.transaction() as tx:
        tx.add(Cursor(spool="kept", n=1))
    database.migrate()
    with database.reading() as tx:
        assert tx.get_one(Cursor, "kept").n == 1


on_sqlite = pytest.mark.skipif(
    databases.ON_POSTGRESQL, reason="what SQLite alone does; the other engine has a lane of its own"
)
on_postgresql = pytest.mark.skipif(
    not databases.ON_POSTGRESQL, reason="what PostgreSQL alone does; it has a lane of its own"
)


@on_sqlite
def test_what_is_committed_is_on_disk(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/served.db")
    with database.reading() as tx:
        pragmas = {name: tx.exec(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
        keys = tx.exec(text("PRAGMA foreign_keys")).scalar()
    database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert keys == 1


def test_an_exception_rolls_everything_back(database: Database) -> None:
    def fails() -> None:
        with database.transaction() as tx:
            tx.add(Cursor(spool="lost", n=1))
            tx.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    with database.reading() as tx:
        assert tx.exec(select(Cursor)).all() == []


def test_a_reading_takes_nothing_with_it(database: Database) -> None:
    with database.reading() as tx:
        tx.add(Cursor(spool="lost", n=1))
        tx.flush()
    with database.reading() as tx:
        assert tx.exec(select(Cursor)).all() == []


def test_writers_queue_up_and_lose_nothing(database: Database) -> None:
    """Each locks, reads, then writes what it read plus one."""
    with database.transaction() as tx:
        tx.add(Cursor(spool="count", n=0))

    def add() -> None:
        for _ in range(25):
            with database.transaction() as tx:
                tx.get_one(Cursor, "count", with_for_update=True).n += 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as tx:
        assert tx.get_one(Cursor, "count").n == 100


@on_sqlite
def test_a_full_disk_has_a_reserve_for_what_must_be_written_down(database: Database) -> None:
    reserve = Path(str(database.engine.url.database)).with_name("reserve")
    assert reserve.exists()
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()

    def write_much() -> None:
        with database.transaction() as tx:
            tx.connection().exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            tx.add(Cursor(spool="much" * 100_000, n=1))

    with pytest.raises(Unreachable, match="full"):
        write_much()
    assert not reserve.exists()
    database.hold_reserve()
    assert reserve.exists()


def test_an_unreachable_database_is_a_sentence() -> None:
    database = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(Unreachable, match="database"), database.reading() as tx:
        tx.exec(select(Cursor)).all()
