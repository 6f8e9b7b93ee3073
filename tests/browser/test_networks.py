"""Networks that make it hard: what a page says, and how it comes through all the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.rehearse import INTERPRETER, JUDGE, WITNESS, Court, Hearing
from frontend.visitor import eventually
from media.loops import PICTURES
from tests.browser.meeting import Meeting, meet, pictures_at, told
from tests.browser.people import People, comes_from, invited, open_link, seen, sent_by, speak, ways_out
from tests.browser.wire import Wire
from tests.story.telling import entries, scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG_SECONDS = 10
CAMERA = 5  # pictures a second of a camera that is made up (`tests.browser.chromium`)
MOST = 0.5  # of what was sent; a picture that waits for a lost packet is late, and the next ones with it
BACK_SECONDS = 20  # an attempt may just have begun, and is given up after fifteen
NO_WAY_IN_ARABIC = "لا يمرّ الصوت ولا الصورة عبر هذه الشبكة."
NEVER_ANSWERED = "navigator.mediaDevices.getUserMedia = () => new Promise(() => {})"


@pytest_asyncio.fixture(loop_scope="session")
async def wire() -> AsyncIterator[Wire]:
    async with Wire() as wire:
        yield wire


@pytest.fixture
def settings() -> dict[str, str]:
    """With which the service is started; a test may choose its own."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def court(wire: Wire, settings: dict[str, str], tmp_path: Path) -> AsyncIterator[Court]:
    """A service that is reached over a wire."""
    told = settings or wire.settings
    async with Court(tmp_path / "data", port=wire.web, origin=wire.origin, **told) as court:
        yield court


async def test_when_no_media_gets_through_the_page_says_what_to_do_and_goes_on_trying(
    people: People, hearing: Hearing, wire: Wire
) -> None:
    await scheduled(hearing)
    judge = await hearing.add([JUDGE], seed=0)
    links = [await invited(hearing, cast) for cast in (WITNESS, INTERPRETER)]
    await hearing.open_room()
    witness, interpreter = await people("witness"), await people("interpreter")
    await speak(witness, "ar")
    await interpreter.page.add_init_script(NEVER_ANSWERED)
    places = [
        await open_link(one.page, link) for one, link in zip((witness, interpreter), links, strict=True)
    ]
    wire.swallows = True
    begun = monotonic()
    await asyncio.gather(
        *(one.go(f"/places/{place}/room") for one, place in zip((witness, interpreter), places, strict=True))
    )
    await asyncio.gather(
        told(witness.page, NO_WAY_IN_ARABIC, since=begun),
        told(witness.page, "+000 000 000", since=begun),
        told(interpreter.page, "Your browser asks whether this page may use the camera", since=begun),
    )
    wire.swallows = False
    await expect(witness.page.locator("#line")).to_be_hidden(timeout=BACK_SECONDS * 1000)
    await judge.act(f"room/admit/{places[0]}")
    await comes_from(witness.page, [judge.place])


@pytest.mark.parametrize("settings", [{"VIVAVOCE_MEDIA_LISTEN": "::1"}])
async def test_a_browser_comes_over_ipv6(people: People, hearing: Hearing) -> None:
    meeting = await meet(people, hearing)
    assert [way.address for way in await ways_out(meeting.witness.page)] == ["::1"]


async def test_seven_hundred_milliseconds_there_and_back_with_losses(
    people: People, hearing: Hearing, wire: Wire
) -> None:
    """As over a satellite: sound and picture go on both ways, and nobody is reported lost."""
    wire.delay = 0.35
    meeting = await meet(people, hearing)
    page, judge = meeting.witness.page, meeting.judge.place
    wire.loses = 41
    before, sent = await seen(page), await sent_by(page)
    at_judge = pictures_at(meeting.judge, meeting.at_witness)
    await asyncio.sleep(LONG_SECONDS)
    after = await seen(page)
    picture, sound = ((after[judge][kind], before[judge][kind]) for kind in ("video", "audio"))
    assert picture[0].frames - picture[1].frames > LONG_SECONDS * PICTURES * MOST
    assert sound[0].energy > sound[1].energy
    assert picture[0].nacks > 0
    assert pictures_at(meeting.judge, meeting.at_witness) - at_judge > LONG_SECONDS * CAMERA * MOST
    now = await sent_by(page)
    assert now.repeated > sent.repeated
    await eventually(lambda: is_up(page))  # a check that was lost makes it look down for a moment
    (way,) = await ways_out(page)
    assert 0.7 <= way.trip < 1.0
    await expect(page.locator("#connection")).to_have_text("connection weak")
    await who_comes_later_is_given_a_key_frame(meeting, hearing, asked=now.key_frames_asked)
    assert await entries(hearing, "participant.lost") == []
    assert (await hearing.bench.look())["state"] == "open"


async def is_up(page: Page) -> bool:
    return len(await ways_out(page)) == 1


async def who_comes_later_is_given_a_key_frame(meeting: Meeting, hearing: Hearing, *, asked: int) -> None:
    interpreter = await hearing.add([INTERPRETER], seed=2)
    await interpreter.connect_media()
    await meeting.judge.act(f"room/admit/{interpreter.place}")

    async def given() -> bool:
        return (
            pictures_at(interpreter, meeting.at_witness) > 0
            and (await sent_by(meeting.witness.page)).key_frames_asked > asked
        )

    await eventually(given)
