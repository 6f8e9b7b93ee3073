"""What keeps the worker, its plans and its reports going must survive whatever breaks them."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from hearings import conduct
from hearings.conduct import Conductor, WorkerSettings
from hearings.errors import Unreachable
from hearings.journal import Journal
from scheduling.timers import Timers
from tests.hearings.people_of_law import Courthouse


async def test_it_goes_on_even_if_the_database_is_away_when_it_breaks(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = Courthouse(journal, tmp_path)
    settings = WorkerSettings(["true"], tmp_path / "worker", tmp_path / "recordings")
    conductor = Conductor(journal, house.room, house.recording, house.known, Timers(), settings)
    outages = [Unreachable("The database does not answer."), Unreachable("Not yet.")]
    done, tries = asyncio.Event(), 0

    def opened() -> list[UUID]:
        if outages and tries:
            raise outages.pop()
        return []

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("something nobody foresaw")
        done.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(conduct, "RETRY_SECONDS", 0)
    monkeypatch.setattr(conductor, "_opened", opened)
    task = asyncio.create_task(conductor._for_ever(work))
    await asyncio.wait_for(done.wait(), timeout=10)
    task.cancel()
    assert not outages
    assert tries == 2
