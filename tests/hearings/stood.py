"""A hearing that stands somewhere: the steps are made once, and every further test gets it put back.

What is put back are the rows and the files that the steps left, into a fresh database and folder: a tenth of the work.
"""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlmodel import SQLModel

from hearings.journal import Journal
from tests.hearings.people_of_law import Courthouse, Standing

FOLDERS = ("documents", "mail", "packages", "recordings", "seal")

Steps = Callable[[Courthouse], Standing]


class Kept(NamedTuple):
    standing: Standing
    reports: int
    now: datetime
    rows: Sequence[tuple[Table, Sequence[Mapping[str, Any]]]]
    files: Path


_kept: dict[Steps, Kept] = {}


def stood(steps: Steps, journal: Journal, folder: Path) -> Standing:
    """The hearing as these steps leave it; nothing may have been done with this journal before."""
    if steps in _kept:
        return _put_back(_kept[steps], journal, folder)
    standing = steps(Courthouse(journal, folder))
    with journal.reading() as tx:
        rows = [
            (table, tx.connection().execute(table.select()).mappings().all())
            for table in SQLModel.metadata.sorted_tables
        ]
    files = Path(tempfile.mkdtemp(prefix="vivavoce-"))
    atexit.register(shutil.rmtree, files)
    _copy(folder, files)
    _kept[steps] = Kept(
        replace(standing, actors=dict(standing.actors)), standing.reports, journal.clock(), rows, files
    )
    return standing


def _put_back(kept: Kept, journal: Journal, folder: Path) -> Standing:
    with journal.transaction() as tx:
        for table, rows in kept.rows:
            if rows:
                tx.connection().execute(table.insert(), [dict(row) for row in rows])
    _copy(kept.files, folder)
    journal.clock.now = kept.now  # type: ignore[attr-defined]  # tests have a clock of their own
    before = kept.standing.house
    house = Courthouse(journal, folder, staff=(before.requesting, before.requested, before.coordinator))
    standing = replace(kept.standing, house=house, actors=dict(kept.standing.actors))
    standing.reports = kept.reports
    return standing


def _copy(here: Path, there: Path) -> None:
    for name in FOLDERS:
        if (here / name).exists():
            shutil.copytree(here / name, there / name, dirs_exist_ok=True)
