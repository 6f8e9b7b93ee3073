"""What every test may ask for: a clock that stands still, a database, a service of its own."""

import datetime as dt
import gc
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings

from frontend.rehearse import Court, Hearing
from hearings import servicekey
from hearings.database import Database
from hearings.journal import Journal
from tests import databases

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")


MOST_CLOSED = 8
MOST_CASES = 2  # on the second engine


class FakeClock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)

    def __call__(self) -> dt.datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += dt.timedelta(**time)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On the second engine only what touches a database is run again, and of many cases of one test two; what waits
    for processes of media, which know no database, is left out, and so is what kills a process over a file of its own. Of the
    tests of a whole closed hearing, which take longest, a few are enough.
    """
    if not databases.ON_POSTGRESQL:
        return
    cases: Counter[str] = Counter()
    left = []
    for item in items:
        test = item.nodeid.partition("[")[0]
        cases[test] += 1
        asked = set(getattr(item, "fixturenames", ()))
        closed = "shelf" in asked
        cases["shelf"] += closed
        waits = asked & {"media", "archive", "office"} and not closed
        many = cases[test] > MOST_CASES or (closed and cases["shelf"] > MOST_CLOSED)
        if "database" not in asked or waits or many:
            left.append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in set(left)]


def pytest_collection_finish() -> None:
    """The collector of garbage passes over the modules and tests that stay to the end: a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = databases.fresh(tmp_path)
    yield database
    database.close()


@pytest.fixture(scope="session")
def service_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = tmp_path_factory.mktemp("key") / "service.key"
    servicekey.at(key)
    return key


@pytest.fixture
def journal(database: Database, clock: FakeClock, tmp_path: Path, service_key: Path) -> Journal:
    """All journals of a run have one service key."""
    if not (tmp_path / "service.key").exists():
        shutil.copy(service_key, tmp_path / "service.key")
    return Journal(database, servicekey.at(tmp_path / "service.key"), clock)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def court(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """One service for all tests that come through the doors."""
    async with Court(tmp_path_factory.mktemp("court") / "data") as court:
        yield court


@pytest_asyncio.fixture(loop_scope="session")
async def hearing(court: Court) -> AsyncIterator[Hearing]:
    """A hearing of its own in that service, with nothing done yet."""
    async with Hearing(court) as hearing:
        yield hearing
