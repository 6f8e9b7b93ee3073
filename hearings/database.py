"""The engine and its transactions. The only place that knows which database it is.

A writing transaction on SQLite is `BEGIN IMMEDIATE`, so that two writers queue up instead of failing half
way; the journal mode is WAL and every commit is on disk when it returns (synchronous FULL). On PostgreSQL
the writers queue on the row that they lock, the hearing's above all (`acts.locked`), and where there is no row, on a
word (`in_turn`). They are READ COMMITTED: whoever comes after the queue must see what the one before wrote, which
REPEATABLE READ and SERIALIZABLE answer with a failure instead. Readers are REPEATABLE READ, one view from beginning to
end, and wait for nobody. Objects stay readable after commit.

Beside SQLite's file lies some room that is given up when the disk is full: a hearing on the record must be suspended
then, and that has to be written down.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlmodel import Session

from hearings import postgres
from hearings.errors import AlreadyDone, NotValid, Refusal, Unreachable
from hearings.sentences import say
from media.reserve import Reserve

BUSY_SECONDS = 15
RESERVE = 4 * 2**20  # bytes
SETTLING_SECONDS = 1  # writers wait meanwhile
MIGRATIONS = Path(__file__).parent / "migrations"

Heard = Callable[[UUID | None], None]


class Database:
    """`url`: an SQLAlchemy URL, or PostgreSQL's own (`postgresql://…`). Raises: Unreachable where it cannot be opened
    or written, AlreadyDone where another process did the same in this moment, NotValid for a text that cannot be kept.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        sqlite = self._engine.dialect.name == "sqlite"
        file = self._engine.url.database
        self._reserve = Reserve(Path(file).with_name("reserve"), RESERVE) if sqlite and file else None
        self.hold_reserve()
        self._writing = self._engine.execution_options(writes=True)
        self._name = uuid4().hex  # of this process
        self._ear: postgres.Ear | None = None

    @property
    def engine(self) -> Engine:
        return self._engine

    @property
    def shared(self) -> bool:
        """Whether other processes may write here, too."""
        return self._engine.dialect.name == "postgresql"

    def hold_reserve(self) -> None:
        """Anew, once there is room again."""
        if self._reserve is not None:
            self._reserve.hold()

    def migrate(self, to: str = "head") -> None:
        """Brings the schema to the newest version, or that one; does nothing if it is there. Of several processes that
        start together one does it, and the others wait.
        """
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._translated(), self._writing.begin() as connection:
            if self.shared:
                connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
                _in_turn(connection, "migrations")
            config.attributes["connection"] = connection
            command.upgrade(config, to)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing: commits at the end, rolls back on any exception."""
        with Session(self._writing, expire_on_commit=False) as session:
            with self._translated():
                yield session
                session.flush()
            with self._translated(ending=True):
                session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view; takes no lock, and what is changed in it is lost."""
        with self._translated(), Session(self._engine, expire_on_commit=False) as session:
            yield session

    def tell(self, tx: Session, hearings: Collection[UUID]) -> None:
        """Other processes hear of these hearings once this transaction is committed (`follow`)."""
        if self.shared and hearings:
            told = [
                {"channel": postgres.CHANNEL, "told": postgres.told(self._name, hearing.hex)}
                for hearing in hearings
            ]
            tx.connection().execute(text(postgres.NOTIFY), told)

    def follow(self, heard: Heard) -> None:
        """`heard(hearing)` is called soon after another process has committed something that it told, in a thread of
        its own; `heard(None)` when some of it may have been missed. On SQLite there is no other process.
        """
        if self.shared and self._ear is None:
            self._ear = postgres.Ear(
                postgres.arguments(make_url(self.url)),
                self._name,
                lambda word: heard(UUID(word) if word else None),
            )
            self._ear.start()

    def listens(self, *, seconds: float) -> bool:
        """Whether it hears other processes; waits for that so long."""
        return self._ear is not None and self._ear.wait(seconds)

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
        if self._ear is not None:
            self._ear.close()
        self._engine.dispose()

    @contextmanager
    def _translated(self, *, ending: bool = False) -> Iterator[None]:
        """`ending`: at the commit itself, of which nobody can say what became of it if the connection breaks."""
        try:
            yield
        except (DBAPIError, PoolTimeout) as error:
            if self._reserve is not None and _full(error):
                self._reserve.give_up()
            refusal = _refusal(error, ending=ending)
            if refusal is None:
                raise
            raise refusal from error


def in_turn(tx: Session, word: str) -> None:
    """Writers that name the same word queue up, to the end of their transactions: for what no row stands for. On SQLite
    they queue up anyway.
    """
    connection = tx.connection()
    if connection.dialect.name == "postgresql":
        _in_turn(connection, word)


def _in_turn(connection: Connection, word: str) -> None:
    key = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _engine(url: str) -> Engine:
    """Raises: Unreachable if the URL cannot be read."""
    try:
        read = make_url(url)
        if not postgres.is_ours(read):
            engine = create_engine(read, pool_size=8, max_overflow=8)
        else:
            engine = create_engine(
                read.set(drivername=postgres.DRIVER, query={}),
                creator=partial(postgres.Connection, **postgres.arguments(read)),
                pool_size=8,
                max_overflow=8,
                pool_pre_ping=True,
            )
    except (ArgumentError, ValueError, ImportError, OSError) as error:
        raise Unreachable(say("VIVAVOCE_DATABASE names no database: {error}", error=error)) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    else:
        event.listen(engine, "begin", _on_begin_on_postgres)
        event.listen(engine, "handle_error", _on_error_of_postgres)
    return engine


def _refusal(error: DBAPIError | PoolTimeout, *, ending: bool) -> Refusal | None:
    """What to say; None for a mistake of ours."""
    if isinstance(error, OperationalError | PoolTimeout):
        return Unreachable(
            say("The database does not answer, or its disk is full. Nothing was changed; try again.")
        )
    if postgres.is_away(error.orig) and ending:
        return Unreachable(
            say(
                "The connection to the database broke at the very end of this step. "
                "Look whether it was done before you try again."
            )
        )
    if postgres.is_away(error.orig) or postgres.is_busy(error.orig):
        return Unreachable(
            say("The database does not answer, or its disk is full. Nothing was changed; try again.")
        )
    if isinstance(error, IntegrityError) and postgres.state_of(error.orig):
        return AlreadyDone(
            say("Somebody else did the same in this very moment. Nothing was changed; look, and try again.")
        )
    if postgres.is_not_text(error.orig):
        return NotValid(say("A character in this text cannot be kept. Type it again."))
    return None


def _full(error: Exception) -> bool:
    orig = getattr(error, "orig", None)
    return isinstance(orig, sqlite3.Error) and orig.sqlite_errorcode == sqlite3.SQLITE_FULL


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


def _on_begin_on_postgres(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    level = "READ COMMITTED" if writes else "REPEATABLE READ"
    connection.exec_driver_sql(f"BEGIN ISOLATION LEVEL {level}")


def _on_error_of_postgres(context: ExceptionContext) -> None:
    """What the driver alone would not know to be the end of the connection."""
    if postgres.is_away(context.original_exception):
        context.is_disconnect = True
