"""The service as a whole: it begins and ends in order."""

import asyncio
import contextlib
import logging
from datetime import timedelta
from pathlib import Path

import pytest

from frontend import app as parts_of
from frontend.app import Service, create_app
from frontend.settings import Settings

PATIENCE = 10  # seconds


@pytest.mark.asyncio
async def test_what_falls_due_while_the_service_ends_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(parts_of, "HEADS_SECONDS", 0.02)
    monkeypatch.setattr(parts_of, "SENDING_EVERY", timedelta(seconds=0.02))
    app = create_app(Settings(data=tmp_path / "data", media_workers=0))
    service: Service = app.state.service
    rounds = asyncio.Semaphore(0)
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(service.heads, "work", lambda: loop.call_soon_threadsafe(rounds.release))
    ends = service.live.stop

    async def slowly() -> None:
        """Two rounds begin after the end was asked for; the first may have been under way."""
        async with asyncio.timeout(PATIENCE):
            await rounds.acquire()
            await rounds.acquire()
        await ends()

    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(app.lifespan())
        async with asyncio.timeout(PATIENCE):
            await rounds.acquire()
        monkeypatch.setattr(service.live, "stop", slowly)
    assert [one for one in caplog.records if one.levelno >= logging.ERROR] == []
