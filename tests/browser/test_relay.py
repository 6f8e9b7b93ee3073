"""Networks that let nothing through but the way over a TURN server, here a real coturn."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.ice_servers import ice_servers
from frontend.rehearse import Court, Hearing
from frontend.settings import read
from tests.browser.coturn import LOOPBACK, coturn, free_turn_port
from tests.browser.meeting import NO_WAY, meet, told
from tests.browser.people import People, comes_from, ways_out

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECRET, ANOTHER = "a secret of exampleton", "a secret of somebody else"
GATHERED = """
async (iceServers) => {
  const pc = new RTCPeerConnection({ iceServers, iceTransportPolicy: "relay" });
  const found = [];
  const refused = new Set();
  const done = new Promise((resolve) => {
    pc.onicecandidate = ({ candidate }) => (candidate ? found.push(candidate.type) : resolve());
    pc.onicecandidateerror = ({ errorCode }) => refused.add(errorCode);
  });
  pc.addTransceiver("audio");
  await pc.setLocalDescription(await pc.createOffer());
  await done;
  pc.close();
  return { found: [...new Set(found)], refused: [...refused] };
}
"""


@pytest.fixture
def settings() -> dict[str, str]:
    return {
        "VIVAVOCE_TURN": f"turn:{LOOPBACK}:{free_turn_port()}?transport=udp",
        "VIVAVOCE_TURN_SECRET": SECRET,
    }


@pytest_asyncio.fixture(loop_scope="session")
async def court(settings: dict[str, str], tmp_path: Path) -> AsyncIterator[Court]:
    async with Court(tmp_path / "data", **settings) as court:
        yield court


async def test_over_the_relay_alone_and_with_credentials_that_are_wrong(
    people: People, hearing: Hearing, settings: dict[str, str], tmp_path: Path
) -> None:
    port = int(settings["VIVAVOCE_TURN"].split(":")[2].split("?")[0])
    async with coturn(tmp_path / "right", port=port, secret=SECRET):
        meeting = await meet(people, hearing, fragment="#relay")
        page = meeting.witness.page
        assert [way.kind for way in await ways_out(page)] == ["relay"]
        await comes_from(page, [meeting.judge.place])
        await only_credentials_of_now_are_taken(page, settings)
    async with coturn(tmp_path / "wrong", port=port, secret=ANOTHER):
        begun = monotonic()
        await page.reload()
        await told(page, NO_WAY, since=begun)
    async with coturn(tmp_path / "right", port=port, secret=SECRET):
        await expect(page.locator("#line")).to_be_hidden(timeout=20_000)
    secrets = {SECRET.encode(), ANOTHER.encode()}
    kept = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    contents = await asyncio.gather(*(asyncio.to_thread(file.read_bytes) for file in kept))
    assert not any(secret in content for secret in secrets for content in contents)


async def only_credentials_of_now_are_taken(page: Page, settings: dict[str, str]) -> None:
    now = dt.datetime.now(dt.UTC)

    async def tried(secret: str, at: dt.datetime) -> Any:
        told = read(settings | {"VIVAVOCE_TURN_SECRET": secret})
        servers = ice_servers(told, UUID(int=1), at=at)
        return await page.evaluate(GATHERED, [one.model_dump() for one in servers])

    fresh, old, foreign = await asyncio.gather(
        tried(SECRET, now), tried(SECRET, now - dt.timedelta(hours=13)), tried(ANOTHER, now)
    )
    assert fresh == {"found": ["relay"], "refused": []}
    assert old == foreign == {"found": [], "refused": [401]}
