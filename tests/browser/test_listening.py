"""Listening back in a browser: everybody on one clock, at the moment of an entry, by keyboard too."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, expect

from frontend.rehearse import Hearing
from frontend.visitor import eventually
from tests.browser.people import PHONE, People, axe, press, speak
from tests.story.telling import ready

pytestmark = pytest.mark.asyncio(loop_scope="session")

ON_RECORD_SECONDS = 5
TOGETHER = 0.08  # seconds
READ = """
() => [...document.querySelectorAll("[data-film]")].map((film) => ({
  at: film.currentTime,
  muted: film.muted,
  sound: film.webkitAudioDecodedByteCount ?? 0,
  pictures: film.getVideoPlaybackQuality?.().totalVideoFrames ?? 0,
  paused: film.paused,
}))
"""


async def films(page: Page) -> list[dict[str, Any]]:
    return list(await page.evaluate(READ))


async def test_everybody_is_heard_and_seen_together_at_the_moment_of_an_entry(
    people: People, hearing: Hearing
) -> None:
    await ready(hearing)
    await hearing.go_on_record()
    await asyncio.sleep(ON_RECORD_SECONDS)  # of recording
    await hearing.establish_identity()
    await asyncio.sleep(ON_RECORD_SECONDS)
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    clerk = await people("clerk", visitor=hearing.court.clerk)
    page = await clerk.go(f"/hearings/{hearing.id}/listen")
    await press(page.get_by_role("button", name="Listen"))
    await page.wait_for_url("**/listen/1")
    assert await axe(page) == []
    assert len(await films(page)) == 2

    await press(page.get_by_role("button", name="Play", exact=True))

    async def plays() -> bool:
        told = await films(page)
        return all(one["at"] > 2 and one["sound"] > 0 and one["pictures"] > 15 for one in told)

    await eventually(plays)
    for _ in range(10):
        told = await films(page)
        assert max(one["at"] for one in told) - min(one["at"] for one in told) < TOGETHER
        await asyncio.sleep(0.1)
    await press(page.get_by_role("button", name="Pause"))
    await expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    assert all(one["paused"] for one in await films(page))

    entry = page.locator(".moments li").filter(has_text="established the identity")
    at = float(await entry.get_attribute("data-at") or 0)
    assert at >= ON_RECORD_SECONDS
    await press(entry.get_by_role("button"))
    await expect(entry).to_have_attribute("aria-current", "true")
    assert all(one["at"] >= at - 0.1 for one in await films(page))

    await page.get_by_label("Sound").first.uncheck()
    assert sorted(one["muted"] for one in await films(page)) == [False, True]
    await page.set_viewport_size(PHONE)
    assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    await speak(clerk, "ar")
    await page.reload()
    assert await axe(page) == []
