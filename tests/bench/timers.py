"""What the clock costs: 10,000 reminders that are due at once, handed to the outbox, each in its reader's language.

The hearings are copies of one that was scheduled by its steps. `--database`: another than SQLite, empty.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from sqlmodel import func, select

from hearings import servicekey
from hearings.database import Database
from hearings.journal import Journal
from hearings.roles import Capacity, Role, Side
from hearings.schedule import NewSlot
from hearings.tables import CalendarEntry, Hearing, Outbox, Timer
from tests.hearings.people_of_law import Courthouse

PEOPLE = [
    ("judge", Role.PRESIDING, Side.REQUESTING, None, "en"),
    ("clerk", Role.CLERK, Side.REQUESTING, None, "en"),
    ("witness", Role.HEARD, Side.REQUESTED, Capacity.WITNESS, "ar"),
    ("expert", Role.HEARD, Side.REQUESTED, Capacity.EXPERT, "fr"),
    ("lawyer", Role.LAWYER, Side.REQUESTED, None, "es"),
    ("interpreter", Role.INTERPRETER, Side.REQUESTED, None, "ru"),
]
START = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)


class Clock:
    now = START - timedelta(days=30)

    def __call__(self) -> datetime:
        return self.now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reminders", type=int, default=10_000)
    parser.add_argument("--database", default="")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    clock = Clock()
    database = Database(asked.database or f"sqlite:///{folder}/bench.db")
    database.migrate()
    journal = Journal(database, servicekey.at(folder / "key"), clock)
    house = Courthouse(journal, folder)
    hearing = scheduled(house)
    made = multiplied(house, database, hearing, asked.reminders)
    clock.now = START - timedelta(days=3)
    before = letters(database)
    began, busy = time.perf_counter(), time.process_time()
    fired = house.timetable.fire()
    took, busy = time.perf_counter() - began, time.process_time() - busy
    sent = letters(database) - before
    assert fired == sent == made, (fired, sent, made)
    print(f"{sent} reminders that were due, handed to the outbox in {took:.1f} s (CPU {busy:.1f} s)")
    database.close()
    if sent >= 10_000 and took >= 10:
        sys.exit("10,000 reminders took 10 s or longer")


def scheduled(house: Courthouse) -> Hearing:
    """One hearing with everybody's addresses; two offices make eight readers."""
    standing = house.requested_hearing().accepted()
    for name, role, side, capacity, language in PEOPLE:
        standing.add(name, role, side, capacity, email=f"{name}@exampleton.invalid", language=language)
    said = NewSlot(wall=START.replace(tzinfo=None), zone="UTC", minutes=60)
    house.schedule.confirm(standing.desk, house.schedule.propose(standing.coordinator, said).id)
    with house.journal.reading() as tx:
        return tx.get_one(Hearing, standing.id)


def multiplied(house: Courthouse, database: Database, hearing: Hearing, wanted: int) -> int:
    """Copies of the hearing with its entries and first reminders; gives how many reminders there are."""
    with database.transaction() as tx:
        entries = [row.model_dump() for row in tx.exec(select(CalendarEntry))]
        timers = [row.model_dump() for row in tx.exec(select(Timer).where(Timer.kind == "reminder-first"))]
        for row in tx.exec(select(Timer).where(Timer.kind != "reminder-first")):
            tx.delete(row)
        copies = wanted // len(timers)
        for _ in range(copies - 1):
            mine = {"hearing_id": uuid4()}
            tx.add(Hearing(**{**hearing.model_dump(), "id": mine["hearing_id"]}))
            tx.flush()
            rows = [
                CalendarEntry(**{**one, **mine, "uid": f"{uuid4()}@vivavoce", "digest": None, "sealed": None})
                for one in entries
            ]
            for row in rows:
                house.notices._reply(row)  # as the first letter did
            tx.add_all([*rows, *(Timer(**{**one, **mine}) for one in timers)])
            tx.flush()
            tx.expunge_all()
    return copies * len(timers)


def letters(database: Database) -> int:
    with database.reading() as tx:
        return tx.exec(select(func.count()).select_from(Outbox)).one()


if __name__ == "__main__":
    main()
