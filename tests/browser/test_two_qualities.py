"""A judge behind a way that becomes narrow: the small picture, then sound alone, which the page says; and back."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from frontend.rehearse import JUDGE, Cast, Court, Hearing
from frontend.visitor import eventually
from media.synthetic import SyntheticPeer
from tests.browser.behind import court, media
from tests.browser.people import People, flowing, invited, open_link
from tests.browser.wire import led
from tests.media.hop import Hop, Road

pytestmark = pytest.mark.asyncio(loop_scope="session")

__all__ = ["court", "media"]  # the fixtures

WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
LAYERS = {"l": (160, 120), "h": (640, 480)}  # some 80 and 450 kb/s, as the loops encode them
WIDE, NARROW, SOUND_ALONE = None, 260_000, 90_000  # bit/s
PICTURE = """
async () => {
  const held = globalThis[Symbol.for("held connections")].filter((one) => one.connectionState === "connected");
  const told = (await Promise.all(held.map((one) => one.getStats()))).flatMap((one) => [...one.values()]);
  const video = told.filter((one) => one.type === "inbound-rtp" && one.kind === "video" && one.framesDecoded);
  const audio = told.filter((one) => one.type === "inbound-rtp" && one.kind === "audio");
  return {
    height: video.find((one) => one.framesPerSecond)?.frameHeight ?? 0,
    frames: video.reduce((sum, one) => sum + one.framesDecoded, 0),
    frozen: video.reduce((sum, one) => sum + (one.totalFreezesDuration ?? 0), 0),
    concealed: audio.reduce((sum, one) => sum + (one.concealedSamples ?? 0), 0),
    played: audio.reduce((sum, one) => sum + (one.totalSamplesReceived ?? 0), 0),
  };
}
"""


async def shows(page: Page, height: int, *, seconds: float) -> None:
    async def shown() -> bool:
        return bool((await page.evaluate(PICTURE))["height"] == height)

    await eventually(shown, seconds=seconds)


async def test_the_picture_follows_what_the_way_bears_and_sound_goes_on(
    people: People, court: Court, media: int
) -> None:
    async with Hearing(court) as hearing, Hop(to=("127.0.0.1", media)) as hop:
        await hearing.request()
        await hearing.accept()
        await hearing.schedule()
        judge = await people("judge")
        await judge.context.add_init_script(led(media, hop.address))
        page = judge.page
        place = await open_link(page, await invited(hearing, JUDGE))
        witness = await hearing.add([WITNESS], seed=1, equipment=lambda: SyntheticPeer(seed=1, layers=LAYERS))
        await page.goto(f"{court.origin}/places/{place}/room")
        await hearing.open_room()
        await page.locator(f"#admit-{witness.place} button").click()
        await flowing(page, sounds=1, pictures=1)
        await shows(page, 480, seconds=10)
        said = page.locator(f"#pausing-{witness.place}")
        await expect(said).to_be_hidden()

        hop.down.road = Road(rate=NARROW)
        await shows(page, 120, seconds=10)
        await expect(said).to_be_hidden()

        hop.down.road = Road(rate=SOUND_ALONE, queue=16_000)
        await expect(said).to_be_visible(timeout=10_000)
        await expect(said).to_have_text(
            "The picture is paused: the connection here is too weak. Sound goes on."
        )
        await sound_comes_whole(page)

        hop.down.road = Road(rate=WIDE)
        await expect(said).to_be_hidden(timeout=30_000)
        await flowing(page, sounds=1, pictures=1)
        await shows(page, 480, seconds=30)
        await the_page_says_who_hears_badly(page, hop, place=place, other=witness.place)


async def sound_comes_whole(page: Page) -> None:
    """For two seconds hardly anything of it has to be made up; at first pictures still stand in the queue."""

    async def whole() -> bool:
        before = await page.evaluate(PICTURE)
        await asyncio.sleep(2)
        after = await page.evaluate(PICTURE)
        played = after["played"] - before["played"]
        return bool(played > 48_000 and after["concealed"] - before["concealed"] < 0.1 * played)

    await eventually(whole, seconds=20)


async def the_page_says_who_hears_badly(page: Page, hop: Hop, *, place: str, other: str) -> None:
    hop.down.road = Road(loss=0.35)
    await expect(page.locator(f"#coming-{place}")).to_have_text("Hears the others badly", timeout=20_000)
    await expect(page.locator(f"#coming-{other}")).not_to_contain_text("Hears")
    await page.locator("#part-people > summary").click()
    await expect(page.locator(f"#figures-{place}")).to_contain_text("of what they hear lost")
