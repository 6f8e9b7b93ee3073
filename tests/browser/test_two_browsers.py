"""Firefox and Chromium in one room with each other, on a network of their own: neither is a special case."""

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from frontend.rehearse import JUDGE, WITNESS, Court, Hearing
from frontend.visitor import eventually
from tests.browser.apart import ADDRESSES, apart
from tests.browser.chromium import chromium, write_voice
from tests.browser.firefox import FirefoxPage, firefox
from tests.browser.people import HOLD_CONNECTIONS, People, comes_from, invited, open_link, sent_by, ways_out
from tests.story.telling import scheduled

SETTINGS = {"VIVAVOCE_MEDIA_LISTEN": ",".join(ADDRESSES)}
BACK_SECONDS = 10
PRESS = "() => document.querySelector({selector!r}).click()"


def test_firefox_and_chromium_see_and_hear_each_other(tmp_path: Path) -> None:
    apart(lambda: story(tmp_path))


async def story(folder: Path) -> None:
    voice = write_voice(folder / "voice.wav")
    async with (
        Court(folder / "data", **SETTINGS) as court,
        Hearing(court) as hearing,
        async_playwright() as playwright,
        await chromium(playwright, voice=voice) as browser,
        firefox(folder / "profile", preload=HOLD_CONNECTIONS) as judge,
    ):
        await scheduled(hearing)
        people = People(browser, court.origin)
        witness = (await people("witness")).page
        links = [await invited(hearing, cast) for cast in (JUDGE, WITNESS)]
        await hearing.staff("room/open")
        at_judge = await takes_the_chair(judge, links[0], court.origin)
        at_witness = await open_link(witness, links[1])
        await witness.goto(f"{court.origin}/places/{at_witness}/room")
        await pressed(judge, f"#admit-{at_witness} button")

        await both_see_and_hear(judge, at_judge, witness, at_witness)
        for page in (judge, witness):
            (way,) = await ways_out(page)
            assert way.address in ADDRESSES
        await eventually(lambda: has_two_layers(judge))

        await judge.reload()
        await both_see_and_hear(judge, at_judge, witness, at_witness, seconds=BACK_SECONDS)
        assert judge.faults == []
        assert await people.verdict() == []
        await people.leave()


async def takes_the_chair(page: FirefoxPage, link: str, origin: str) -> str:
    await page.goto(link)
    await pressed(page, "main form[method=post] button.primary")

    async def there() -> bool:
        return str(await page.evaluate("() => location.pathname")).startswith("/places/")

    await eventually(there)
    place = str(await page.evaluate("() => location.pathname")).split("/")[2]
    await page.goto(f"{origin}/places/{place}/room")
    return place


async def pressed(page: FirefoxPage, selector: str) -> None:
    """Presses it as soon as it is there."""

    async def there() -> bool:
        return bool(await page.evaluate(f"() => Boolean(document.querySelector({selector!r}))"))

    await eventually(there)
    await page.evaluate(PRESS.format(selector=selector))


async def both_see_and_hear(one: Any, at_one: str, other: Any, at_other: str, *, seconds: float = 30) -> None:
    await asyncio.gather(
        comes_from(one, [at_other], seconds=seconds), comes_from(other, [at_one], seconds=seconds)
    )


async def has_two_layers(page: Any) -> bool:
    return sorted((await sent_by(page)).layers) == ["h", "l"]
