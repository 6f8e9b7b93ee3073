"""Two in a room, one of them at a browser; and what a page says when that does not work."""

from time import monotonic
from typing import Any, NamedTuple

from playwright.async_api import Page, expect

from frontend.rehearse import JUDGE, WITNESS, Hearing
from frontend.visitor import Seat
from media.channels import Kind
from tests.browser.people import People, Person, comes_from, invited, open_link
from tests.story.telling import scheduled

TOLD_SECONDS = 15
NO_WAY = "Sound and picture do not get through on this network."


class Meeting(NamedTuple):
    """A judge's place that sends from a program, and a witness at a browser, `at_witness`, in the room with it."""

    judge: Seat
    witness: Person
    at_witness: str


def pictures_at(seat: Seat, place: str) -> int:
    """Pictures of this place that reached a program's place so far."""
    assert seat.peer is not None
    lines = {line for line, whose in seat.lines.items() if whose == place}
    mids = [mid for mid, line in seat.peer.lines.items() if line.kind is Kind.CAMERA and line.number in lines]
    return sum(seat.peer.received[mid].frames for mid in mids if mid in seat.peer.received)


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
    return Meeting(judge, witness, place)


def connected(view: dict[str, Any], place: str) -> bool:
    return any(one["place"] == place and one["connected"] for one in view["places"])


async def told(page: Page, sentence: str, *, since: float) -> None:
    """The line at the top says so, within fifteen seconds since."""
    left = TOLD_SECONDS - (monotonic() - since)
    await expect(page.locator("#line")).to_contain_text(sentence, timeout=left * 1000)
