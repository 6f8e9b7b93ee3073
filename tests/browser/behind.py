"""A court whose media worker has a port that is known before, so that something can be put in front of it: fixtures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from frontend.rehearse import Court
from tests.browser.wire import free_udp_port

__all__ = ["court", "media"]


@pytest_asyncio.fixture(loop_scope="session")
async def media() -> int:
    return free_udp_port()


@pytest_asyncio.fixture(loop_scope="session")
async def court(media: int, tmp_path: Path) -> AsyncIterator[Court]:
    async with Court(tmp_path / "data", VIVAVOCE_MEDIA_PORT=str(media)) as court:
        yield court
