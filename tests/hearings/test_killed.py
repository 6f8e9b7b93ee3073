"""Whoever fires timers is killed with SIGKILL before any one of its statements; whoever comes next finishes it, once."""

import os
import shutil
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from hearings import servicekey
from hearings.database import Database
from hearings.journal import Journal
from hearings.roles import Capacity, Role, Side
from hearings.schedule import NewSlot
from hearings.states import State
from hearings.tables import Hearing, Outbox, Timer
from tests import databases
from tests.conftest import FakeClock
from tests.hearings.people_of_law import Courthouse, timetable_of

START = datetime(2026, 12, 14, 9, 0, tzinfo=UTC)
MOST = 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hearing of which both reminders, and the opening of its room, are due by then."""
    database = databases.file(tmp_path)
    journal = Journal(database, servicekey.at(tmp_path / "service.key"), FakeClock())
    house = Courthouse(journal, tmp_path)
    standing = house.requested_hearing().accepted()
    standing.add("anna", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, email="anna@samplia.invalid")
    said = NewSlot(wall=START.replace(tzinfo=None), zone="UTC", minutes=60)
    house.schedule.confirm(standing.desk, house.schedule.propose(standing.coordinator, said).id)
    database.close()
    return tmp_path


def killed(folder: Path, at: datetime, *, before: int) -> bool:
    """A process of its own fires what is due `at` that time, and is killed before that many statements are executed."""
    child = os.fork()
    if child == 0:
        try:
            _fire(folder, at, before=before)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _fire(folder: Path, at: datetime, *, before: int | None = None) -> None:
    clock = FakeClock()
    clock.now = at
    database = Database(f"sqlite:///{folder}/test.db")
    journal = Journal(database, servicekey.at(folder / "service.key"), clock)
    timetable = timetable_of(journal, folder)
    left = before

    def count(*_: object) -> None:
        nonlocal left
        if left is not None:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "connect", _unsynced)
    for name in ("before_cursor_execute", "commit", "rollback"):
        event.listen(database.engine, name, count)
    timetable.fire()
    database.close()


def _unsynced(connection: Any, _record: object) -> None:
    """What a killed process wrote stays without waiting for the disk; only a machine that falls over loses it."""
    connection.execute("PRAGMA synchronous = OFF")


def standing(folder: Path) -> tuple[list[str], list[tuple[str, bool]], State, int]:
    """Reminders in the outbox, timers with whether they are over, the hearing's state, and entries of its opening."""
    database = Database(f"sqlite:///{folder}/test.db")
    with database.reading() as tx:
        letters = [row.recipient for row in tx.exec(select(Outbox)) if row.subject.startswith("Reminder")]
        timers = [(row.kind, row.next is None) for row in tx.exec(select(Timer)) if row.due <= START]
        hearing = tx.exec(select(Hearing)).one()
        journal = Journal(database, servicekey.at(folder / "service.key"), FakeClock())
        opened = sum(one.event.type == "sitting.opened" for one in journal.entries(tx, hearing.id))
    database.close()
    return sorted(letters), sorted(timers), hearing.state, opened


@pytest.mark.parametrize(
    "at", [START - timedelta(days=3), START - timedelta(minutes=20)], ids=["letters", "room"]
)
def test_killed_at_any_point_nothing_is_lost_and_nothing_comes_twice(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, at: datetime
) -> None:
    whole = tmp_path_factory.mktemp("whole")
    shutil.copytree(folder, whole, dirs_exist_ok=True)
    _fire(whole, at)
    expected = standing(whole)
    assert any(over for _, over in expected[1])
    points = 0
    for n in range(MOST):
        copy = tmp_path_factory.mktemp("killed")
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        if not killed(copy, at, before=n):
            break
        points += 1
        _fire(copy, at)
        assert standing(copy) == expected, f"killed before statement {n}"
        shutil.rmtree(copy)
    assert 10 < points < MOST
    print(f"killed at {points} points")
