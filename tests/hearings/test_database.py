"""Transactions, and the schema that the migrations make."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, select, text

from hearings.database import Database
from hearings.errors import Unreachable
from hearings.tables import Cursor


def test_the_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_migrating_again_changes_nothing(database: Database) -> None:
    with database.transaction() as tx:
        tx.add(Cursor(spool="kept", n=1))
    database.migrate()
    with database.reading() as tx:
        assert tx.get_one(Cursor, "kept").n == 1


def test_what_is_committed_is_on_disk(database: Database) -> None:
    with database.reading() as tx:
        pragmas = {name: tx.exec(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
        keys = tx.exec(text("PRAGMA foreign_keys")).scalar()
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
    """Each reads, then writes what it read plus one: with a deferred transaction half of them would fail."""
    with database.transaction() as tx:
        tx.add(Cursor(spool="count", n=0))

    def add() -> None:
        for _ in range(25):
            with database.transaction() as tx:
                tx.get_one(Cursor, "count").n += 1

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.reading() as tx:
        assert tx.get_one(Cursor, "count").n == 100


def test_an_unreachable_database_is_a_sentence() -> None:
    database = Database("sqlite:////nowhere/at/all.db")
    with pytest.raises(Unreachable, match="database"), database.reading() as tx:
        tx.exec(select(Cursor)).all()
