"""Interpretation beside the floor, and a private consultation: judge, witness, counsel and interpreter at browsers.

What everybody receives is counted by the pages' own statistics, and what is kept by the packets in the package.
"""

import asyncio
import datetime as dt
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Cast, Hearing
from frontend.visitor import eventually
from tests.browser.people import (
    DESK,
    PHONE,
    People,
    axe,
    comes_from,
    energy,
    invited,
    open_link,
    received,
    seen,
)
from tests.media.extract import rtp_of
from tests.story.telling import entries, kept, scheduled, verified

pytestmark = pytest.mark.asyncio(loop_scope="session")

COUNSEL = Cast("Lawyer F", "lawyer", "requested")
CASTS = {"judge": JUDGE, "witness": WITNESS, "counsel": COUNSEL, "interpreter": INTERPRETER}
INSIDE = ("witness", "counsel")
QUIET_SECONDS = 2
PATIENCE = 15  # seconds
SOFT = 0.15


@dataclass
class Room:
    """Everybody's page and place, by who they are."""

    hearing: Hearing
    pages: dict[str, Page]
    places: dict[str, str]

    async def said(self, who: str, words: str) -> None:
        await expect(self.pages[who].locator("#say")).to_contain_text(words)

    async def tracks(self, who: str, *of: str) -> dict[str, dict[str, str]]:
        """The mids on which somebody now receives these people: who to kind to mid."""
        found = await seen(self.pages[who])
        return {one: {kind: track.mid for kind, track in found[self.places[one]].items()} for one in of}

    def others(self, who: str) -> list[str]:
        return [place for name, place in self.places.items() if name != who]

    async def all_flow(self) -> None:
        await asyncio.gather(*(comes_from(page, self.others(who)) for who, page in self.pages.items()))


async def bytes_on(page: Page, *mids: str) -> dict[str, int]:
    return {one.mid: one.bytes for one in await received(page) if one.mid in mids}


async def silent(page: Page, mid: str) -> None:
    """What was on its way when it was switched off has come: nothing more comes for a second."""
    async with asyncio.timeout(PATIENCE):
        while True:
            before = await bytes_on(page, mid)
            await asyncio.sleep(1)
            if await bytes_on(page, mid) == before:
                return


async def volumes(page: Page) -> dict[str, float]:
    """How loud each tile plays, by place."""
    told: dict[str, float] = await page.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("#tiles .tile:not([data-own])")]
          .filter((tile) => tile.querySelector("video"))
          .map((tile) => [tile.dataset.place, tile.querySelector("video").volume]))"""
    )
    return told


async def test_an_interpretation_and_a_private_consultation(
    people: People, hearing: Hearing, tmp_path: Path
) -> None:
    room = await on_the_record(people, hearing)
    await the_interpreter_is_given_a_channel(room)
    await only_who_chose_it_hears_it(room)
    await by_turns_again(room)
    await the_witness_asks_for_their_lawyer(room)
    await nobody_else_receives_a_byte(room)
    await they_come_back_muted(room)
    await resumed_and_ended(room)
    await nothing_of_it_is_kept(room, tmp_path)


async def on_the_record(people: People, hearing: Hearing) -> Room:
    """The authority abroad is a program; the four others are at browsers."""
    await scheduled(hearing)
    authority = await hearing.add([AUTHORITY], seed=7)
    pages, places = {}, {}
    for who, cast in CASTS.items():
        page = (await people(who, viewport=DESK)).page
        places[who] = await open_link(page, await invited(hearing, cast))
        pages[who] = page
    await hearing.confirm_before()
    await hearing.staff("room/open")
    for who, page in pages.items():
        await page.goto(f"{people.origin}/places/{places[who]}/room")
    await authority.until(lambda view: view["state"] == "open")
    await authority.connect_media()
    judge = pages["judge"]
    for place in (*(places[who] for who in CASTS if who != "judge"), authority.place):
        await judge.locator(f"#admit-{place} button").click()
    await judge.get_by_role("button", name="Go on the record").click()
    room = Room(hearing, pages, places)
    await room.all_flow()
    return room


async def the_interpreter_is_given_a_channel(room: Room) -> None:
    judge, interpreter = room.pages["judge"], room.pages["interpreter"]
    place = room.places["interpreter"]
    for page in room.pages.values():
        await expect(page.locator("#voices")).to_have_count(0)
    await judge.locator("#part-people > summary").click()
    await judge.locator(f"#channel-block-{place} > summary").click()
    await judge.locator(f"#channel-{place}-language").select_option("fr")
    await judge.get_by_role("button", name="Open the channel").click()
    await expect(interpreter.locator("#voice")).to_contain_text(
        "You speak on the floor. Everybody hears you."
    )
    await room.pages["witness"].locator("#hear-fr button").click()
    await expect(room.pages["witness"].locator("#hears")).to_contain_text(
        "Nobody speaks into this channel now"
    )
    assert set((await volumes(room.pages["witness"])).values()) == {1}
    await interpreter.get_by_role("button", name="Interpret into French").click()
    await expect(interpreter.locator("#voice")).to_contain_text("You speak into the French channel.")
    await judge.locator("#part-conduct > summary").click()


async def only_who_chose_it_hears_it(room: Room) -> None:
    """And the judge and counsel, who did not, go on seeing the interpreter without a byte of sound."""
    place, witness = room.places["interpreter"], room.pages["witness"]
    await expect(witness.locator("#hears")).to_contain_text("Interpreted by Interpreter C")
    mids = {who: (await room.tracks(who, "interpreter"))["interpreter"] for who in ("judge", "counsel")}
    for who, tracks in mids.items():
        await silent(room.pages[who], tracks["audio"])
    before = {who: await bytes_on(room.pages[who], *mids[who].values()) for who in mids}
    loud = await energy(witness)
    mine = (await room.tracks("witness", "interpreter"))["interpreter"]["audio"]
    await asyncio.gather(comes_from(witness, room.others("witness")), asyncio.sleep(QUIET_SECONDS))
    assert (await energy(witness))[mine] > loud[mine]
    for who, tracks in mids.items():
        after = await bytes_on(room.pages[who], *tracks.values())
        assert after[tracks["audio"]] == before[who][tracks["audio"]], who
        assert after[tracks["video"]] > before[who][tracks["video"]], who
    heard = await volumes(witness)
    assert heard.pop(place) == 1
    assert set(heard.values()) == {SOFT}
    assert set((await volumes(room.pages["judge"])).values()) == {1}
    interpreter = room.pages["interpreter"]
    await expect(interpreter.locator("#eyes")).to_contain_text("You are heard by: Witness A")
    for page in (witness, interpreter):
        await page.set_viewport_size(PHONE)
        assert await axe(page) == []
        await page.set_viewport_size(DESK)


async def by_turns_again(room: Room) -> None:
    await room.pages["interpreter"].get_by_role("button", name="Speak on the floor").click()
    await room.all_flow()
    assert set((await volumes(room.pages["witness"])).values()) == {1}


async def the_witness_asks_for_their_lawyer(room: Room) -> None:
    judge, witness = room.pages["judge"], room.pages["witness"]
    await witness.get_by_role("button", name="My lawyer").click()
    await expect(witness.locator("#consultation-asked")).to_be_visible()
    await expect(judge.locator("#panel .notice")).to_contain_text("Witness A asks for a private consultation")
    ticked = judge.locator("#consult-people input:checked")
    await expect(ticked).to_have_count(2)
    assert await axe(judge) == []


async def nobody_else_receives_a_byte(room: Room) -> None:
    outside = ("judge", "interpreter")
    mids = {
        **{who: await room.tracks(who, *INSIDE) for who in outside},
        **{who: await room.tracks(who, *outside) for who in INSIDE},
    }
    await room.pages["judge"].get_by_role("button", name="Begin the consultation").click()
    for who, other in zip(INSIDE, ("Lawyer F", "Witness A"), strict=True):
        await room.said(who, f"Private consultation. Only {other} can hear you.")
    for who in outside:
        await room.said(who, "Private consultation since")
        await expect(room.pages[who].locator(f"#tile-{room.places['witness']}")).to_contain_text(
            "In a private consultation"
        )

    async def strange() -> dict[str, dict[str, int]]:
        """Bytes that each side has of the other."""
        return {
            who: await bytes_on(room.pages[who], *(mid for one in told.values() for mid in one.values()))
            for who, told in mids.items()
        }

    before = await strange()
    assert all(len(told) == 4 for told in before.values())
    await asyncio.gather(
        *(comes_from(room.pages[who], [room.places[other]]) for who, other in (INSIDE, reversed(INSIDE))),
        comes_from(room.pages["judge"], [room.places["interpreter"]]),
        asyncio.sleep(QUIET_SECONDS),
    )
    assert await strange() == before
    await expect(room.pages["witness"].locator("#tiles .tile")).to_have_count(2)
    await expect(room.pages["judge"].get_by_role("button", name="Resume the hearing")).to_have_count(0)
    for page in (room.pages["witness"], room.pages["judge"]):
        assert await axe(page) == []


async def they_come_back_muted(room: Room) -> None:
    judge = room.pages["judge"]
    await room.pages["counsel"].get_by_role("button", name="End the consultation").click()
    for who in INSIDE:
        await room.said(who, "Nothing you say now is recorded.")
        await expect(room.pages[who].locator("#microphone")).to_have_text("Microphone is off")

    async def pictures_are_back() -> bool:
        return all("video" in tracks for tracks in (await room.tracks("judge", *INSIDE)).values())

    await eventually(pictures_are_back)
    mids = await room.tracks("judge", *INSIDE)
    before = await bytes_on(judge, *(mids[who]["audio"] for who in INSIDE))
    await asyncio.sleep(QUIET_SECONDS)
    assert await bytes_on(judge, *(mids[who]["audio"] for who in INSIDE)) == before
    for who in INSIDE:
        await room.pages[who].locator("#microphone").click()
    await room.all_flow()


async def resumed_and_ended(room: Room) -> None:
    judge = room.pages["judge"]
    await judge.get_by_role("button", name="Resume the hearing").click()
    await room.said("witness", "On the record since")
    await asyncio.sleep(1)
    await judge.locator("#off-block > summary").click()
    await judge.locator("#off-block button").click()
    await room.said("judge", "Not on the record.")
    await judge.locator("#end-block > summary").click()
    await judge.locator("#end-block button").click()
    await room.said("judge", "The sitting has ended.")


async def nothing_of_it_is_kept(room: Room, folder: Path) -> None:
    """No packet of anybody lies between the beginning and the end of it; the whole is sealed and verifies."""
    hearing = room.hearing
    await kept(hearing)
    authority = hearing.seat("authority")
    await hearing.sign_as(authority, "requested")
    clerk, elsewhere = hearing.court.clerk, {"reason": "In the court's own file."}
    await clerk.post(f"/hearings/{hearing.id}/record/elsewhere", elsewhere)
    await authority.until(lambda view: not view["obstacles"]["close"])
    await hearing.court.clerk.post(f"/hearings/{hearing.id}/record/close")
    package = await hearing.package(folder)
    assert verified(package).accepted
    begun, ended = [
        dt.datetime.fromisoformat(one["time"]).timestamp() * 1e6
        for one in await entries(hearing, "consultation.begun", "consultation.ended")
    ]
    assert ended - begun > QUIET_SECONDS * 1e6
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder / "unpacked")
    kinds = set()
    for original in (folder / "unpacked").rglob("*.pcapng"):
        packets = rtp_of(original)
        assert packets
        assert not [packet for packet in packets if begun <= packet.at_us < ended], original
        kinds.add(original.name.split("-")[1])
    assert kinds == {"audio", "camera", "interpretation"}
