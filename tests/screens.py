"""Pictures of every page and every state of the room: desktop and phone, in both languages.

    make screens        # or: .venv/bin/python -m tests.screens [FOLDER]

The pages are those of the demonstration's docket. The room is that of a hearing conducted for it, in which judge,
witness, interpreter and authority are real browsers with the fake camera. The pictures are there to be looked at.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Error, Page, async_playwright

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, OTHERS, WITNESS, Court, Hearing
from frontend.visitor import Visitor, eventually
from frontend.words import LANGUAGES
from hearings import verify_page
from tests.browser.chromium import chromium, write_voice
from tests.browser.docket import docket
from tests.browser.people import DESK, PHONE, People, Person, speak
from tests.browser.test_keeping import looks
from tests.frontend.years_later import years_later
from tests.hearings.test_vectors import VECTORS

SIZES = {"desktop": DESK, "phone": PHONE}
PAGE_MS, ROOM_MS = 100, 900  # for what moves to come to rest
OWN_PICTURE = "#tiles .tile[data-own] video"
CAST = {"presiding": JUDGE, "heard": WITNESS, "interpreter": INTERPRETER, "authority": AUTHORITY}


@dataclass
class Camera:
    """Takes a page in every language and size. `people`: those at browsers, in one service."""

    people: People
    folder: Path
    persons: dict[Visitor, Person] = field(default_factory=dict)
    taken: int = 0

    async def take(self, visitor: Visitor, path: str, name: str) -> None:
        if visitor not in self.persons:
            self.persons[visitor] = await self.people(name, visitor=visitor)
        person = self.persons[visitor]
        for language in LANGUAGES:
            await speak(person, language)
            page = await person.go(path)
            for size, viewport in SIZES.items():
                await page.set_viewport_size(viewport)
                await self._settle(page)
                whole = viewport is PHONE or await page.locator("#tiles").count() == 0
                await page.screenshot(path=self.folder / f"{name}-{size}-{language}.png", full_page=whole)
                self.taken += 1

    async def _settle(self, page: Page) -> None:
        if await page.locator("#tiles").count() == 0:
            await page.wait_for_timeout(PAGE_MS)
            return
        if await page.locator("#camera:visible").count():
            await page.locator(OWN_PICTURE).first.wait_for(state="attached")
        await page.wait_for_timeout(ROOM_MS)


async def pictures(folder: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as scratch:
        voice = write_voice(Path(scratch) / "voice.wav")
        async with async_playwright() as playwright, await chromium(playwright, voice=voice) as browser:
            pages = await _pages(browser, folder, Path(scratch) / "pages")
            later = await _later(browser, folder, Path(scratch) / "later")
            verified = await _verified(browser, folder, Path(scratch) / "verify.html")
            return pages + later + verified + await _rooms(browser, folder, Path(scratch) / "rooms")


async def _pages(browser: Browser, folder: Path, data: Path) -> int:
    async with docket(data) as shown:
        camera = Camera(People(browser, shown.house.origin), folder)
        try:
            for look in shown.looks():
                if not (look.name.startswith("room-") and look.visitor in shown.seats):
                    await camera.take(look.visitor, look.path, look.name)
            bench = shown.cases["examining"].seat("presiding")
            await camera.take(bench, f"/places/{bench.place}/room", "room-session-presiding")
            await camera.take(shown.nobody, "/join/nothing", "join-unknown")
        finally:
            await camera.people.leave()
        return camera.taken


async def _later(browser: Browser, folder: Path, data: Path) -> int:
    async with years_later(data) as later:
        camera = Camera(People(browser, later.origin), folder)
        try:
            for look in looks(later):
                await camera.take(look.visitor, look.path, look.name)
        finally:
            await camera.people.leave()
        return camera.taken


async def _verified(browser: Browser, folder: Path, file: Path) -> int:
    """The verifier for the browser, whole and refusing, in its own six languages."""
    await asyncio.to_thread(file.write_bytes, verify_page.page())
    taken = 0
    for language in ("en", *verify_page.LANGUAGES):
        context = await browser.new_context(locale=language)
        page = await context.new_page()
        await page.goto(file.as_uri())
        for name in ("full", "a-forged-disclosure"):
            await page.locator("#record").set_input_files(VECTORS / f"{name}.asice")
            await page.locator("#check").click()
            await page.locator("#check:enabled").wait_for()
            for size, viewport in SIZES.items():
                await page.set_viewport_size(viewport)
                await page.screenshot(path=folder / f"verifier-{name}-{size}-{language}.png", full_page=True)
                taken += 1
        await context.close()
    return taken


async def _rooms(browser: Browser, folder: Path, data: Path) -> int:
    async with Court(data) as court, Hearing(court) as hearing:
        camera = Camera(People(browser, court.origin), folder)
        try:
            await _sit(camera, hearing)
        finally:
            await camera.people.leave()
        return camera.taken


async def _sit(camera: Camera, hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    for seed, cast in enumerate((*CAST.values(), *OTHERS[:2])):
        await hearing.add([cast], seed=seed)
    await hearing.confirm_before()

    async def room(state: str) -> None:
        for role in CAST:
            seat = hearing.seat(role)
            await camera.take(seat, f"/places/{seat.place}/room", f"room-{state}-{role}")

    await room("not-open")
    await hearing.staff("room/open")
    for seat in hearing.seats[len(CAST) :]:
        await seat.until(lambda view: view["state"] == "open")
        await seat.connect_media()
    await room("waiting")
    await _admit(hearing)
    await room("open")
    await eventually(lambda: _ready(hearing))
    await hearing.bench.act("room/on-record")
    await room("on-record")
    await _all_here(hearing)
    await hearing.establish_identity()
    await hearing.swear()
    await hearing.bench.act("room/examine")
    await room("examining")
    await hearing.bench.act("room/seal", {"reason": "The witness names a person who is protected."})
    await room("sealed")
    await hearing.bench.act("room/seal/end")
    await _matters_come_up(hearing)
    await room("matters")
    await _matters_are_settled(hearing)
    await _interpretation(hearing)
    await room("interpretation")
    await _private(hearing)
    await room("private")
    await hearing.bench.act("room/consultation/end")
    await room("suspended")
    await _all_here(hearing)
    await eventually(lambda: _ready(hearing))
    await hearing.bench.act("room/resume", {"text": "The last question is put again."})
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.bench.act("room/end")
    await room("ended")


async def _matters_come_up(hearing: Hearing) -> None:
    """A right not to testify is claimed, the interpretation objected to; then the authority has the hearing stand still."""
    await _all_here(hearing)
    await hearing.seat("heard").act("room/claims", {"law": "requested"})
    await hearing.seat("defence").act("room/objections", {"words": "“Uncle” was interpreted as “father”."})
    told = {
        "ground": "Nobody is made to testify against a brother; the question asks for it.",
        "measure": "The question is withdrawn, or the right is read out first.",
    }
    await hearing.seat("authority").act("room/interventions", told)


async def _matters_are_settled(hearing: Hearing) -> None:
    await _all_here(hearing)
    view = await hearing.bench.look()
    numbers = {one["kind"]: one["n"] for one in view["incidents"]}
    ruling = {"outcome": "upheld", "reason": "The accused is the brother of the witness."}
    decision = {"remedy": "repeated", "words": "The answer is interpreted again."}
    settled = {"continues": True, "words": "The right was read out."}
    await hearing.bench.act(f"room/claims/{numbers['claim']}/rule", ruling)
    await hearing.bench.act(f"room/objections/{numbers['objection']}/decide", decision)
    await hearing.seat("authority").act(f"room/interventions/{numbers['intervention']}/settle", settled)
    await eventually(lambda: _ready(hearing))
    await hearing.bench.act("room/resume", {"text": "The question is put again."})


async def _interpretation(hearing: Hearing) -> None:
    """The interpreter speaks into a channel, and the witness has chosen it."""
    interpreter = hearing.seat("interpreter")
    await hearing.bench.act(f"room/channel/{interpreter.place}", {"language": "fr"})
    await interpreter.act("room/speak", {"interpreting": True})
    await hearing.seat("heard").act("room/hear", {"language": "fr"})


async def _private(hearing: Hearing) -> None:
    """Asked for by the witness, and granted."""
    await _all_here(hearing)
    await hearing.seat("heard").act("room/consultation/ask")
    people = [hearing.handles[name] for name in (hearing.heard, "Counsel E")]
    await hearing.bench.act("room/consultation", {"people": people})


async def _admit(hearing: Hearing) -> None:
    """Everybody who waits."""
    await _all_here(hearing)
    for seat in hearing.seats:
        if not (await seat.look())["you"]["admitted"]:
            await hearing.bench.act(f"room/admit/{seat.place}")


async def _all_here(hearing: Hearing) -> None:
    """Until every browser is connected again."""
    places = {seat.place for seat in hearing.seats}

    async def here() -> bool:
        told = (await hearing.bench.look())["places"]
        return places <= {one["place"] for one in told if one["connected"]}

    await eventually(here)


async def _ready(hearing: Hearing) -> bool:
    return not (await hearing.bench.look())["obstacles"]["go-on-record"]


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "out/screens")
    target.mkdir(parents=True, exist_ok=True)
    try:
        print(f"{asyncio.run(pictures(target))} pictures in {target}")
    except Error as error:
        sys.exit(f"The browser failed: {error.message}")
