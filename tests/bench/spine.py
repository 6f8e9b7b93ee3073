"""What the spine costs: steps a second with their durable commits, a hearing's view, and verification.

Ratios are from one run on one machine; the raw figures beside them say which.
"""

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from hearings import servicekey
from hearings.database import Database
from hearings.events import StatementNoted
from hearings.journal import Journal
from hearings.story import Story
from hearings.tables import Hearing
from hearings.views import load
from tests.hearings.people_of_law import Courthouse


def seconds(call: Callable[[], object], times: int) -> float:
    began = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - began) / times


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    database = Database(f"sqlite:///{folder}/bench.db")
    database.migrate()
    journal = Journal(database, servicekey.at(folder / "key"), lambda: datetime.now(UTC))
    standing = Courthouse(journal, folder).requested_hearing()

    def note() -> None:
        with journal.transaction() as tx:
            journal.append(tx, tx.get_one(Hearing, standing.id), StatementNoted(text="x" * 80, by="service"))

    def durable_write() -> None:
        with (folder / "plain").open("ab", buffering=0) as file:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())

    fsync = seconds(durable_write, 100)
    step = seconds(note, 300)
    print(f"one step (leaf, commit, signed head): {step * 1000:.2f} ms, {step / fsync:.1f} times one fsync")
    for size in (500, 2000):
        while len(standing.types()) < size:
            with journal.transaction() as tx:
                row = tx.get_one(Hearing, standing.id)
                for _ in range(100):
                    journal.append(tx, row, StatementNoted(text="x" * 80, by="service"))
        step = seconds(note, 50)
        story = seconds(lambda: read(journal, standing.id), 5)
        view = seconds(lambda: look(journal, standing), 5)
        print(
            f"at {size} leaves: step {step * 1000:.2f} ms, story {story * 1000:.1f} ms, view {view * 1000:.1f} ms"
        )
    data = b"x" * (64 * 2**20)
    digest = seconds(lambda: hashlib.sha256(data).digest(), 3)
    print(f"SHA-256 here: {64 / digest:.0f} MiB/s")


def read(journal: Journal, hearing: object) -> None:
    with journal.reading() as tx:
        Story().tell(journal.entries(tx, hearing))  # type: ignore[arg-type]


def look(journal: Journal, standing: object) -> None:
    with journal.reading() as tx:
        load(tx, journal, standing.house.known, standing.id).as_seen_by(standing.coordinator)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
