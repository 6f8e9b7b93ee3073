"""A hearing from personal links to a record that verifies: judge, witness, interpreter and authority at browsers.

Sound and picture are counted by the pages' own statistics, for each pair that the table allows, and none for a
pair that it denies. In the middle the witness loads the page again, and everybody's network is cut.
"""

import asyncio
import subprocess
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, Cast, Court, Hearing
from frontend.words import LANGUAGES
from tests.browser.people import DESK, People, axe, bytes_of, comes_from, invited, open_link, seen, speak
from tests.browser.wire import Wire
from tests.media.extract import write_ivf
from tests.story.telling import verify_command
from tests.story.test_rehearsal import handle_of_the_person_heard

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
CASTS = {"judge": JUDGE, "witness": WITNESS, "interpreter": INTERPRETER, "authority": AUTHORITY}
BACK_SECONDS = 5
CUT_SECONDS = 4  # shorter than what suspends the hearing, longer than what is told as a loss
QUIET_SECONDS = 2
CLOSED_SECONDS = 60


@dataclass
class Room:
    """Everybody's page and place, by who they are."""

    hearing: Hearing
    people: People
    pages: dict[str, Page]
    places: dict[str, str]

    def others(self, who: str) -> list[str]:
        return [place for name, place in self.places.items() if name != who]

    async def everyone_sees_and_hears_everyone(self, *, seconds: float = 20) -> None:
        await asyncio.gather(
            *(comes_from(page, self.others(who), seconds=seconds) for who, page in self.pages.items())
        )

    async def said(self, who: str, words: str) -> None:
        await expect(self.pages[who].locator("#say")).to_contain_text(words)


@pytest_asyncio.fixture(loop_scope="session")
async def wire() -> AsyncIterator[Wire]:
    async with Wire() as wire:
        yield wire


@pytest_asyncio.fixture(loop_scope="session")
async def court(wire: Wire, tmp_path: Path) -> AsyncIterator[Court]:
    """A service that is reached over a wire."""
    async with Court(tmp_path / "data", port=wire.web, origin=wire.origin, **wire.settings) as court:
        yield court


@pytest_asyncio.fixture(loop_scope="session")
async def hearing(court: Court) -> AsyncIterator[Hearing]:
    async with Hearing(court) as hearing:
        await hearing.request()
        await hearing.accept()
        await hearing.schedule()
        yield hearing


async def test_from_link_to_verified_record(
    people: People, hearing: Hearing, wire: Wire, tmp_path: Path
) -> None:
    room = await everybody_comes(people, hearing)
    await the_room_opens(room)
    await who_waits_sees_and_hears_nobody(room)
    await all_are_admitted(room)
    await room.everyone_sees_and_hears_everyone()
    await on_the_record(room)
    await a_muted_microphone_reaches_nobody(room)
    await identity_and_oath(room)
    await a_note_and_a_message(room)
    await the_witness_loads_the_page_again(room)
    await the_network_is_cut(room, wire)
    await the_network_changes(room, wire)
    await suspended_and_resumed(room)
    await who_is_sent_out_reaches_nobody(room)
    picture = await room.pages["witness"].evaluate(COLOURS_OF_MY_PICTURE)
    await off_the_record_and_ended(room)
    package = await signed_closed_and_downloaded(room, tmp_path)
    await a_stranger_verifies(people, package)
    the_picture_kept_is_the_one_that_was_sent(package, picture, tmp_path)


async def everybody_comes(people: People, hearing: Hearing) -> Room:
    """Four links are opened; nobody is asked for anything but one press."""
    pages, places = {}, {}
    for who, cast in CASTS.items():
        page = (await people(who, viewport=DESK)).page
        places[who] = await open_link(page, await invited(hearing, cast))
        await page.goto(f"{people.origin}/places/{places[who]}/room")
        pages[who] = page
    await hearing.confirm_before()
    return Room(hearing, people, pages, places)


async def the_room_opens(room: Room) -> None:
    judge = room.pages["judge"]
    await room.said("witness", "The room is not open yet.")
    await judge.get_by_role("button", name="Open the room").click()
    await room.said("judge", "Not on the record. Nothing is being kept.")
    await expect(judge.locator("#admit-block")).to_contain_text("Witness A")


async def who_waits_sees_and_hears_nobody(room: Room) -> None:
    for who in ("witness", "interpreter", "authority"):
        await room.said(who, "You are in the waiting room. Nobody sees or hears you")
    for who in ("witness", "interpreter"):
        await expect(room.pages[who].locator("#waiting")).to_contain_text(
            "The court knows that you are here."
        )
    before = {who: await bytes_of(page) for who, page in room.pages.items()}
    await asyncio.sleep(QUIET_SECONDS)
    assert {who: await bytes_of(page) for who, page in room.pages.items()} == before
    assert set(before.values()) == {0}


async def all_are_admitted(room: Room) -> None:
    judge = room.pages["judge"]
    for who in ("witness", "interpreter", "authority"):
        await judge.locator(f"#admit-{room.places[who]} button").click()
        await room.said(who, "Not on the record. Nothing is being kept.")


async def on_the_record(room: Room) -> None:
    judge = room.pages["judge"]
    await judge.get_by_role("button", name="Go on the record").click()
    for who in room.pages:
        await room.said(who, "On the record since")
    await expect(room.pages["witness"].locator("#eyes")).to_contain_text("and you are recorded")
    await expect(judge.locator("#opening-block .gate")).to_contain_text("The examination cannot begin yet.")


async def a_muted_microphone_reaches_nobody(room: Room) -> None:
    """The court closes the interpreter's microphone; it is the interpreter who opens it again."""
    judge, interpreter = room.pages["judge"], room.pages["interpreter"]
    place = room.places["interpreter"]
    await judge.locator("#part-people > summary").click()
    await expect(judge.locator(f"#figures-{place}")).to_contain_text("there and back", timeout=20_000)
    await expect(room.pages["witness"].locator("[id^=figures-]")).to_have_count(0)
    await judge.locator(f"#mute-{place} button").click()
    await expect(interpreter.locator("#microphone")).to_have_text("Microphone is off")
    await expect(room.pages["witness"].locator(f"#tile-{place}")).to_contain_text("Microphone off")

    async def sound_of_interpreter() -> dict[str, int]:
        return {
            who: (await seen(page))[place]["audio"].bytes
            for who, page in room.pages.items()
            if who != "interpreter"
        }

    before = await sound_of_interpreter()
    await asyncio.sleep(QUIET_SECONDS)
    assert await sound_of_interpreter() == before
    await interpreter.locator("#microphone").click()
    await comes_from(room.pages["witness"], [place])
    await judge.locator("#part-conduct > summary").click()


async def identity_and_oath(room: Room) -> None:
    """Each at their own page; the judge sees it as it happens."""
    judge, authority = room.pages["judge"], room.pages["authority"]
    form = authority.locator("#opening-block form", has_text="Attest the identity")
    await form.get_by_label("Document").select_option("passport")
    await form.get_by_label("Last characters").fill("42K")
    await form.get_by_label("Second officer").fill("Technician J, who set up the room")
    await form.get_by_role("button", name="Attest the identity").click()
    await expect(form).to_have_count(0)
    for page in (authority, judge):
        together = page.locator("#together-opening")
        if page is judge:  # what the authority confirmed is the judge's no more
            await expect(together.locator("input[value^='people-announced']")).to_have_count(0)
        for box in await together.get_by_role("checkbox").all():
            await box.check()
        await together.get_by_label("What you saw or know").fill("Done in the room, before everybody.")
        await together.get_by_role("button", name="Confirm what is ticked").click()
        await expect(together).to_have_count(0)
    await expect(judge.locator("#opening-block .opening")).to_contain_text("identity")
    words = "I solemnly declare that I will tell the whole truth."
    await expect(judge.locator("#oath-words")).to_have_value(words)
    await judge.get_by_role("button", name="Note the oath").click()
    await expect(judge.locator("#oath-block .tag")).to_have_text("sworn")
    await judge.get_by_role("button", name="Begin the examination").click()
    await expect(room.pages["witness"].locator("#part-told")).to_contain_text("You are being heard.")


async def a_note_and_a_message(room: Room) -> None:
    """What is being typed outlives the news that come meanwhile; the court writes to one person alone."""
    judge, witness = room.pages["judge"], room.pages["witness"]
    await judge.locator("#part-notes > summary").click()
    await judge.locator("#note-text").fill("The witness points at the plan.")
    await witness.get_by_role("button", name="I need help").click()
    await expect(judge.locator("#part-messages > summary")).to_contain_text("1")
    await expect(judge.locator("#note-text")).to_have_value("The witness points at the plan.")
    await judge.get_by_role("button", name="Write it down").click()
    await expect(judge.locator("#note-text")).to_have_value("")
    await judge.locator("#part-messages > summary").click()
    await expect(judge.locator(".messages")).to_contain_text("I need help.")
    await judge.locator("#message-to").select_option(room.places["witness"])
    await judge.locator("#message-text").fill("A glass of water is on its way.")
    await judge.get_by_role("button", name="Send", exact=True).click()
    await expect(witness.locator(".messages")).to_contain_text("A glass of water is on its way.")
    await expect(room.pages["interpreter"].locator(".messages")).to_have_count(0)
    await judge.locator("#part-conduct > summary").click()


async def the_witness_loads_the_page_again(room: Room) -> None:
    async with asyncio.timeout(BACK_SECONDS):
        await room.pages["witness"].reload()
        await asyncio.gather(
            comes_from(room.pages["witness"], room.others("witness")),
            comes_from(room.pages["judge"], [room.places["witness"]]),
        )
    await room.said("witness", "On the record since")


async def the_network_is_cut(room: Room, wire: Wire) -> None:
    """Everybody's. Nobody presses anything, and all are back; the hearing was not suspended."""
    for person in room.people.present:
        person.expects("ERR_INTERNET_DISCONNECTED")
    wire.cut()
    await asyncio.gather(*(page.context.set_offline(True) for page in room.pages.values()))
    for page in room.pages.values():
        await expect(page.locator("#line")).to_contain_text("The connection is lost. It is being tried again")
        await expect(page.locator("#line")).to_contain_text("+000 000 000")
    await asyncio.sleep(CUT_SECONDS)
    wire.mend()
    await asyncio.gather(*(page.context.set_offline(False) for page in room.pages.values()))
    await room.everyone_sees_and_hears_everyone(seconds=BACK_SECONDS)
    for who, page in room.pages.items():
        await expect(page.locator("#line")).to_be_hidden()
        await room.said(who, "On the record since")


async def the_network_changes(room: Room, wire: Wire) -> None:
    """From one to another, without a word from the system: the connections are gone, the address is new."""
    for person in room.people.present:
        person.allows("net::ERR_EMPTY_RESPONSE")  # a page was being fetched at that moment
        person.allows("net::ERR_CONNECTION_RESET")
    wire.change()
    await room.everyone_sees_and_hears_everyone(seconds=BACK_SECONDS)
    for who, page in room.pages.items():
        await expect(page.locator("#line")).to_be_hidden()
        await room.said(who, "On the record since")


async def suspended_and_resumed(room: Room) -> None:
    judge = room.pages["judge"]
    await judge.locator("#suspend-block > summary").click()
    await judge.locator("#suspend-text").fill("The witness asks for a glass of water.")
    await judge.get_by_role("button", name="Suspend now").click()
    for who in room.pages:
        await room.said(who, "The witness asks for a glass of water. Nothing you say now is recorded.")
    await judge.get_by_role("button", name="Resume the hearing").click()
    for who in room.pages:
        await room.said(who, "On the record since")


async def who_is_sent_out_reaches_nobody(room: Room) -> None:
    judge, interpreter = room.pages["judge"], room.pages["interpreter"]
    place = room.places["interpreter"]
    await judge.locator("#part-people > summary").click()
    await judge.locator(f"#dismiss-{place} button").click()
    await room.said("interpreter", "You are in the waiting room.")
    await expect(room.pages["witness"].locator(f"#tile-{place}")).to_have_count(0)
    before = await bytes_of(interpreter)
    await asyncio.sleep(QUIET_SECONDS)
    assert await bytes_of(interpreter) == before
    await judge.locator(f"#let-in-{place} button").click()
    await room.everyone_sees_and_hears_everyone()
    await judge.locator("#part-conduct > summary").click()


async def off_the_record_and_ended(room: Room) -> None:
    judge = room.pages["judge"]
    await judge.locator("#off-block > summary").click()
    await judge.locator("#off-block button").click()
    for who in room.pages:
        await room.said(who, "Not on the record. Nothing is being kept.")
    await judge.locator("#end-block > summary").click()
    await judge.locator("#end-block button").click()
    for who in room.pages:
        await room.said(who, "The sitting has ended. Nothing more is recorded.")


async def signed_closed_and_downloaded(room: Room, folder: Path) -> Path:
    authority, judge = room.pages["authority"], room.pages["judge"]
    await authority.goto(f"{room.people.origin}/places/{room.places['authority']}/record")
    await expect(authority.locator("#record")).to_contain_text("are sealed", timeout=CLOSED_SECONDS * 1000)
    await expect(authority.locator("#requested")).to_contain_text("has not read this")
    await the_witness_reads(room)
    await authority.reload()
    await expect(authority.locator("#requested")).to_contain_text("One word is missing.")
    await authority.locator("#requested").get_by_role("button", name="Sign it here").click()
    await expect(authority.locator("#requested")).to_contain_text("signed and sealed")
    await judge.goto(judge.url.replace("/room", "/record"))
    await judge.locator("#requesting").get_by_role("button", name="Sign it here").click()
    await expect(judge.locator("#requesting")).to_contain_text("signed and sealed")

    clerk = (await room.people("clerk", visitor=room.hearing.court.clerk)).page
    await clerk.goto(f"{room.people.origin}/hearings/{room.hearing.id}/record")
    await clerk.get_by_role("button", name="Close the file").click()
    await expect(clerk.locator("#record")).to_contain_text("The file is closed.")
    async with clerk.expect_download() as started:
        await clerk.get_by_role("link", name="Download the package").first.click()
    package = folder / (await started.value).suggested_filename
    await (await started.value).save_as(package)
    async with clerk.expect_download() as started:
        await clerk.get_by_role("link", name="Download the trust file").click()
    await (await started.value).save_as(folder / "trust.json")
    await clerk.goto(f"{room.people.origin}/hearings/{room.hearing.id}/journal")
    await expect(clerk.locator("#entries")).to_contain_text("closed the file")
    return package


async def the_witness_reads(room: Room) -> None:
    """On their own page, from the end of the sitting on: the minutes, and a remark."""
    witness = room.pages["witness"]
    await witness.goto(f"{room.people.origin}/places/{room.places['witness']}")
    await witness.get_by_role("link", name="Read the minutes").click()
    assert await axe(witness) == []
    await witness.get_by_label("Something is not right, or is missing.").check()
    await witness.get_by_label("In your words").fill("One word is missing.")
    await witness.get_by_role("button", name="Say so").click()
    await expect(witness.locator("#answer")).to_contain_text("One word is missing.")


async def a_stranger_verifies(people: People, package: Path) -> None:
    stranger = await people("stranger")
    for language in reversed(LANGUAGES):
        await speak(stranger, language)
        page = await stranger.go("/verify")
        await page.locator("#verify-package").set_input_files(package)
        await page.locator("#verify-trust").set_input_files(package.parent / "trust.json")
        await page.locator("#verify button").click()
        await expect(page.locator(".verdict")).to_have_class("verdict accepted")
        assert await axe(page) == []
    await expect(page.locator(".verdict")).to_contain_text(
        "This record verifies: it is sealed, and nothing was altered."
    )
    told = await asyncio.to_thread(verify_command, package, "--trust", package.parent / "trust.json")
    assert told.returncode == 0, told.stdout


COLOURS_OF_MY_PICTURE = """
() => {
  const video = document.querySelector(".tile[data-own] video");
  const canvas = new OffscreenCanvas(16, 9);
  const paint = canvas.getContext("2d");
  paint.drawImage(video, 0, 0, 16, 9);
  return [...paint.getImageData(0, 0, 16, 9).data];
}
"""
FRAMES = 50
TOLERANCE = 40  # of 255, for what the encoder and the turning figure in the middle change
STILL = [(x, y) for x in (2, 3, 12, 13) for y in (2, 4, 6)]  # of 16 × 9, where the camera's figure never is


def the_picture_kept_is_the_one_that_was_sent(package: Path, sent: list[int], folder: Path) -> None:
    """Chromium's camera shows a figure that turns on green ground; the decoded record shows the same ground."""
    with zipfile.ZipFile(package) as opened:
        opened.extractall(folder / "unpacked")
    (bag,) = (one for one in (folder / "unpacked").iterdir() if one.is_dir() and one.name != "META-INF")
    handle = handle_of_the_person_heard(bag)
    assert write_ivf(bag / f"data/media/{handle}-camera-1.pcapng", folder / "seen.ivf") > FRAMES
    decoded = subprocess.run(
        [
            *("ffmpeg", "-v", "error", "-i", str(folder / "seen.ivf")),
            *("-f", "rawvideo", "-pix_fmt", "rgba", "-s", "16x9", "-"),
        ],
        capture_output=True,
        check=True,
        timeout=120,
    ).stdout
    size = 16 * 9 * 4
    frames = [decoded[at : at + size] for at in range(0, len(decoded), size)]
    for x, y in STILL:
        at = (y * 16 + x) * 4
        kept = [sum(frame[at + colour] for frame in frames) / len(frames) for colour in range(3)]
        assert all(
            abs(one - other) < TOLERANCE for one, other in zip(kept, sent[at : at + 3], strict=True)
        ), (x, y, kept, sent[at : at + 4])
    assert len(set(frames)) > FRAMES / 4, "the figure turns"
