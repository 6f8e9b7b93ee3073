"""Networks that make it hard: what a page says, and how it comes through all the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.rehearse import INTERPRETER, JUDGE, WITNESS, Court, Hearing
from frontend.visitor import Seat
from tests.browser.people import People, Person, comes_from, invited, open_link, speak, ways_out
from tests.browser.wire import Wire
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOLD_SECONDS = 15
BACK_SECONDS = 20  # an attempt may just have begun, and is given up after fifteen
NO_WAY = "Sound and picture do not get through on this network."
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


async def told(page: Page, sentence: str, *, since: float) -> None:
    """The line at the top says so, within fifteen seconds since."""
    left = TOLD_SECONDS - (monotonic() - since)
    await expect(page.locator("#line")).to_contain_text(sentence, timeout=left * 1000)


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


class Meeting(NamedTuple):
    """A judge's place that sends from a program, and a witness at a browser who is in the room with it."""

    judge: Seat
    witness: Person


async def meet(people: People, hearing: Hearing, *, fragment: str = "") -> Meeting:
    """`fragment`: at the end of the witness's address of the room."""
    await scheduled(hearing)
    judge = await hearing.add([JUDGE], seed=0)
    link = await invited(hearing, WITNESS)
    await hearing.open_room()
    witness = await people("witness")
    place = await open_link(witness.page, link)
    await witness.go(f"/places/{place}/room{fragment}")
    await judge.until(lambda view: connected(view, place))
    await judge.act(f"room/admit/{place}")
    await comes_from(witness.page, [judge.place])
    return Meeting(judge, witness)


def connected(view: dict[str, Any], place: str) -> bool:
    return any(one["place"] == place and one["connected"] for one in view["places"])


@pytest.mark.parametrize("settings", [{"VIVAVOCE_MEDIA_LISTEN": "::1"}])
async def test_a_browser_comes_over_ipv6(people: People, hearing: Hearing) -> None:
    meeting = await meet(people, hearing)
    assert [way.address for way in await ways_out(meeting.witness.page)] == ["::1"]
