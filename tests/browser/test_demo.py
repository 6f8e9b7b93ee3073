"""The demonstration in one browser: four links side by side, everybody sees and hears, and nothing howls."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from frontend.visitor import eventually
from tests.browser.people import People, open_link, seen
from tests.story.test_demo import CHAIRS, found, shown, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

GOOD = re.compile("connection good|الاتصال جيد")
OTHERS = 7  # of the eight in session


async def test_four_chairs_side_by_side_in_one_browser(browser: Browser, tmp_path: Path) -> None:
    async with shown(tmp_path / "data", "--seconds", "120") as process:
        text = await told(process, "ends the demonstration")
        people = People(browser, found(text, r"Viva Voce is at (\S+)"))
        try:
            person = await people("somebody")
            pages = [person.page, *[await person.context.new_page() for _ in CHAIRS[1:]]]
            for chair, page in zip(CHAIRS, pages, strict=True):
                await takes(page, found(text, rf"{chair}.*?(http\S+/join/\S+#muted)"))
            for page in pages:
                await expect(page.locator("#truth")).to_have_class("truth examining")
                await expect(page.locator("#microphone")).to_have_class("quiet off")
                await eventually(lambda page=page: everybody_is_seen(page))
            assert await people.verdict() == []
        finally:
            await people.leave()


async def takes(page: Page, link: str) -> None:
    place = await open_link(page, link)
    await page.goto(page.url.partition("/places/")[0] + f"/places/{place}/room")
    await expect(page.locator("#connection")).to_have_text(GOOD)


async def everybody_is_seen(page: Page) -> bool:
    frames = [one["video"].frames for one in (await seen(page)).values() if "video" in one]
    return len(frames) == OTHERS and all(frames)
