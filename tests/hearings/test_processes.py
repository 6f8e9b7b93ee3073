"""Several processes on one PostgreSQL: each has a journal and a database of its own, as a web process has."""

import datetime as dt
import multiprocessing
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select, text

from hearings import servicekey, tree
from hearings.database import Database, in_turn
from hearings.errors import AlreadyDone, Destroyed, NotValid, Unreachable
from hearings.events import CustodyDestroyed, StatementNoted
from hearings.journal import Journal
from hearings.tables import Checkpoint, Cursor, Hearing, JournalLeaf
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, Standing
from tests.hearings.stood import stood

pytestmark = [
    pytest.mark.skipif(
        not databases.ON_POSTGRESQL, reason="SQLite has one process; these run in the lane of PostgreSQL"
    ),
    pytest.mark.usefixtures("database"),
]

CERTIFICATE = CustodyDestroyed(
    closed=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    kept=dt.date(2026, 11, 1),
    rules=[],
    keys=[],
    files=0,
    bytes=0,
    name="Clerk C",
    function="Clerk",
    by="service",
)
APPENDED = 60  # by each of two
HEARD_SECONDS = 0.5


@pytest.fixture
def other(database: Database) -> Iterator[Database]:
    """The same database, seen by another process."""
    other = Database(database.url)
    yield other
    other.close()


@pytest.fixture
def standing(journal: Journal, tmp_path: Path) -> Standing:
    return stood(Courthouse.requested_hearing, journal, tmp_path)


class Follower:
    """What a process hears, and when."""

    def __init__(self, journal: Journal) -> None:
        self.heard: list[UUID | None] = []
        self._some = threading.Condition()
        journal.follow(self._hear)

    def _hear(self, hearing: UUID | None) -> None:
        with self._some:
            self.heard.append(hearing)
            self._some.notify_all()

    def until(self, hearing: UUID | None, *, seconds: float) -> float:
        """How long it took to hear of it."""
        began = time.monotonic()
        with self._some:
            assert self._some.wait_for(lambda: hearing in self.heard, timeout=seconds), self.heard
        return time.monotonic() - began

    def until_n(self, n: int, *, seconds: float) -> None:
        """Until so many were heard of."""
        with self._some:
            assert self._some.wait_for(lambda: len(self.heard) >= n, timeout=seconds), self.heard


def note(journal: Journal, hearing: UUID, words: str) -> None:
    with journal.transaction() as tx:
        journal.append(tx, tx.get_one(Hearing, hearing), StatementNoted(text=words, by="service"))


# --- what is written elsewhere is heard


def followed(other: Database, standing: Standing) -> tuple[Journal, Follower]:
    journal = Journal(other, standing.house.key, standing.house.journal.clock)
    follower = Follower(journal)
    assert other.listens(seconds=10)
    return journal, follower


def test_a_commit_of_another_process_is_heard(other: Database, standing: Standing) -> None:
    here = Follower(standing.house.journal)
    elsewhere, there = followed(other, standing)
    assert standing.house.journal._database.listens(seconds=10)
    note(standing.house.journal, standing.id, "said here")
    took = there.until(standing.id, seconds=5)
    assert took < HEARD_SECONDS
    note(elsewhere, standing.id, "said there")  # behind which nothing of the first can still come
    here.until_n(2, seconds=5)
    assert here.heard == there.heard == [standing.id] * 2, "its own is heard at once, and once"


def test_what_is_rolled_back_is_not_heard(other: Database, standing: Standing) -> None:
    _, there = followed(other, standing)
    journal = standing.house.journal

    def fails() -> None:
        with journal.transaction() as tx:
            journal._database.tell(tx, {standing.id})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    note(journal, standing.id, "kept")
    there.until(standing.id, seconds=5)
    assert there.heard == [standing.id]


def test_more_than_the_driver_remembers_is_not_lost(other: Database, standing: Standing) -> None:
    """Of each hundred it keeps the last."""
    _, there = followed(other, standing)
    database = standing.house.journal._database
    with database.transaction() as tx:
        database.tell(tx, [UUID(int=n) for n in range(250)])
    there.until(None, seconds=5)


def test_who_was_cut_off_is_told_that_some_may_be_missed(other: Database, standing: Standing) -> None:
    _, there = followed(other, standing)
    _cut_off()
    there.until(None, seconds=10)
    note(standing.house.journal, standing.id, "after it came back")
    there.until(standing.id, seconds=5)


# --- one tree


def append(url: str, folder: str, hearing: UUID, name: str) -> None:
    database = Database(url)
    journal = Journal(database, servicekey.at(Path(folder) / "service.key"), FakeClock())
    for n in range(APPENDED):
        note(journal, hearing, f"{name} {n}")
    database.close()


def test_two_processes_that_append_at_once_make_one_tree(standing: Standing, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    url = standing.house.journal._database.url
    before = len(standing.types())
    processes = [
        context.Process(target=append, args=(url, str(tmp_path), standing.id, name))
        for name in ("one", "two")
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    note(standing.house.journal, standing.id, "last, by who remembers the beginning")
    with standing.house.journal.reading() as tx:
        leaves = tx.exec(select(JournalLeaf).order_by(JournalLeaf.seq)).all()
        heads = tx.exec(select(Checkpoint).order_by(Checkpoint.size)).all()
        vkey = tx.get_one(Hearing, standing.id).log_vkey
    assert [leaf.seq for leaf in leaves] == list(range(before + 2 * APPENDED + 1))
    grown = tree.Tree()
    roots = {}
    for leaf in leaves:
        grown.append(tree.leaf_hash(leaf.data))
        roots[grown.size] = grown.root()
    for head in heads:
        read = tree.read_checkpoint(head.note)
        assert tree.signed_by(read, vkey)
        assert (read.size, read.root) == (head.size, roots[head.size])
    assert heads[-1].size == len(leaves)
    assert standing.types()[-1] == "statement.noted"
    assert len(standing.types()) == len(leaves)


def test_what_another_process_destroyed_is_not_remembered_here(other: Database, standing: Standing) -> None:
    there = Journal(other, standing.house.key, standing.house.journal.clock)
    with there.reading() as tx:
        assert there.entries(tx, standing.id)
    journal = standing.house.journal
    with journal.transaction() as tx:
        journal.append(tx, tx.get_one(Hearing, standing.id), CERTIFICATE)
        journal.erase(tx, standing.id)
    for _ in range(2):
        with there.reading() as tx, pytest.raises(Destroyed):
            there.entries(tx, standing.id)


# --- queues and failures


def test_three_that_start_together_migrate_once(tmp_path: Path) -> None:
    url = databases.bare(tmp_path)
    migrated: list[str] = []

    def start() -> None:
        database = Database(url)
        database.migrate()
        database.close()
        migrated.append("without a failure")

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(migrated) == 3
    database = Database(url)
    with database.reading() as tx:
        assert tx.exec(select(Cursor)).all() == []
        assert tx.connection().execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    database.close()


def test_who_names_the_same_word_waits(database: Database, other: Database) -> None:
    order: list[str] = []
    inside = threading.Event()

    def second() -> None:
        inside.wait()
        with other.transaction() as tx:
            in_turn(tx, "word")
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with database.transaction() as tx:
        in_turn(tx, "word")
        inside.set()
        _until_somebody_waits(database)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def _until_somebody_waits(database: Database) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with database.reading() as tx:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if tx.connection().execute(waiting).scalar():
                return
        time.sleep(0.01)
    pytest.fail("nobody waits")


def test_of_two_that_wait_for_each_other_one_is_told_to_try_again(
    database: Database, other: Database
) -> None:
    with database.transaction() as tx:
        tx.add(Cursor(spool="a", n=0))
        tx.add(Cursor(spool="b", n=0))
    refused: list[Unreachable] = []
    both = threading.Barrier(2)

    def lock(of: Database, *spools: str) -> None:
        try:
            with of.transaction() as tx:
                for n, spool in enumerate(spools):
                    tx.get_one(Cursor, spool, with_for_update=True).n += 1
                    tx.flush()
                    if n == 0:
                        both.wait()
        except Unreachable as error:
            refused.append(error)

    threads = [
        threading.Thread(target=lock, args=(database, "a", "b")),
        threading.Thread(target=lock, args=(other, "b", "a")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (error,) = refused
    assert "Nothing was changed; try again." in error.sentence
    with database.reading() as tx:
        assert [row.n for row in tx.exec(select(Cursor)).all()] == [1, 1]


def test_a_reading_is_of_one_moment(database: Database, other: Database) -> None:
    with database.transaction() as tx:
        tx.add(Cursor(spool="a", n=1))
    with database.reading() as tx:
        assert tx.exec(select(Cursor.n)).all() == [1]
        with other.transaction() as elsewhere:
            elsewhere.get_one(Cursor, "a").n = 2
        assert tx.exec(select(Cursor.n)).all() == [1]


def test_a_connection_that_died_in_the_pool_is_noticed(database: Database) -> None:
    with database.reading() as tx:
        tx.exec(select(Cursor)).all()
    _cut_off()
    with database.reading() as tx:
        assert tx.exec(select(Cursor)).all() == []


def _cut_off() -> None:
    databases.cluster().execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = '{databases.DATABASE}' AND pid <> pg_backend_pid()"
    )


def test_a_connection_that_breaks_in_a_step_undoes_the_step(database: Database) -> None:
    def breaks_off() -> None:
        with database.transaction() as tx:
            tx.add(Cursor(spool="half", n=1))
            tx.flush()
            _cut_off()
            tx.add(Cursor(spool="whole", n=1))

    with pytest.raises(Unreachable, match="Nothing was changed"):
        breaks_off()
    with database.reading() as tx:
        assert tx.exec(select(Cursor)).all() == []


def test_a_connection_that_breaks_at_the_commit_leaves_it_open_whether_it_was_done(
    database: Database,
) -> None:
    def breaks_off() -> None:
        with database.transaction() as tx:
            tx.add(Cursor(spool="whole", n=1))
            tx.flush()
            _cut_off()

    with pytest.raises(Unreachable, match="Look whether it was done"):
        breaks_off()


def test_a_head_that_cannot_be_signed_undoes_nothing(
    standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = standing.house.journal

    def away(_hearing: UUID) -> None:
        raise Unreachable("away")

    monkeypatch.setattr(journal, "checkpoint", away)
    note(journal, standing.id, "kept")
    monkeypatch.undo()
    assert standing.types()[-1] == "statement.noted"
    note(journal, standing.id, "and the next")
    with journal.reading() as tx:
        heads = tx.exec(select(Checkpoint.size).order_by(Checkpoint.size)).all()
    assert heads[-1] == len(standing.types())
    assert heads[-2] == len(standing.types()) - 2


def test_the_same_at_the_same_moment_is_a_sentence(database: Database, other: Database) -> None:
    def comes_second() -> None:
        with database.transaction() as tx:
            assert tx.get(Cursor, "same") is None
            with other.transaction() as elsewhere:
                elsewhere.add(Cursor(spool="same", n=1))
            tx.add(Cursor(spool="same", n=2))

    with pytest.raises(AlreadyDone, match="Somebody else"):
        comes_second()


def test_a_character_that_cannot_be_kept_is_a_sentence(database: Database) -> None:
    def keeps() -> None:
        with database.transaction() as tx:
            tx.add(Cursor(spool="no\0text", n=1))

    with pytest.raises(NotValid, match="cannot be kept"):
        keeps()
