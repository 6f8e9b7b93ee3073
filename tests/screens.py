"""Pictures of every page and every state of the room: desktop and phone, in both languages.

    make screens        # or: .venv/bin/python -m tests.screens [FOLDER]

It conducts a hearing in a court of its own; judge, witness, interpreter and authority are real browsers with
the fake camera, the others are synthetic. The pictures are there to be looked at.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from frontend.rehearse import OTHERS, Cast, Court, Hearing
from frontend.visitor import Seat, Visitor, eventually

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream=fps=5",
]
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LANGUAGES = ("en", "ar")
SETTLED = 700  # milliseconds after the last news, for pictures to be there

JUDGE = Cast("Judge A", "presiding", "requesting")
WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
AUTHORITY = Cast("Magistrate B", "authority", "requested", function="investigating judge")
INTERPRETER = Cast("Interpreter C", "interpreter", "requested")


@dataclass
class Camera:
    """Takes every page in every size and language."""

    browser: Browser
    court: Court
    folder: Path
    contexts: dict[str, BrowserContext] = field(default_factory=dict)
    taken: int = 0

    async def person(self, name: str, visitor: Visitor) -> Page:
        """A browser that is signed in as this visitor is."""
        context = await self.browser.new_context(permissions=["camera", "microphone", "clipboard-write"])
        await context.add_cookies(
            [
                {"name": one.name, "value": one.value or "", "domain": "localhost", "path": one.path}
                for one in visitor.http.cookies.jar
            ]
        )
        self.contexts[name] = context
        page = await context.new_page()
        page.on("pageerror", lambda error: print(f"{name}: {error}", file=sys.stderr))
        return page

    async def take(self, page: Page, path: str, name: str) -> None:
        for language in LANGUAGES:
            await page.context.add_cookies(
                [{"name": "language", "value": language, "domain": "localhost", "path": "/"}]
            )
            for size, (width, height) in SIZES.items():
                await page.set_viewport_size({"width": width, "height": height})
                await page.goto(self.court.origin + path)
                await self._settle(page)
                target = self.folder / f"{name}-{size}-{language}.png"
                await page.screenshot(path=target, full_page=True)
                self.taken += 1

    async def _settle(self, page: Page) -> None:
        if await page.locator(".truth.open, .truth.on-record, .truth.examining, .truth.suspended").count():
            tiles = page.locator("#tiles .tile[data-own] video")
            await tiles.first.wait_for(state="attached", timeout=20_000)
        await page.wait_for_timeout(SETTLED)


async def pictures(folder: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="vivavoce-") as data:
        async with async_playwright() as playwright, Court(Path(data) / "data") as court:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            camera = Camera(browser, court, folder)
            async with Hearing(court) as hearing:
                await _before(camera, hearing)
                await _sitting(camera, hearing)
                await _after(camera, hearing)
            await browser.close()
            return camera.taken


async def _before(camera: Camera, hearing: Hearing) -> None:
    court = camera.court
    stranger = await camera.person("stranger", court.visitor())
    await camera.take(stranger, "/sign-in", "sign-in")
    await camera.take(stranger, "/verify", "verify")
    await camera.take(stranger, "/join/nothing", "join-unknown")
    coordinator = await camera.person("coordinator", court.coordinator)
    await camera.take(coordinator, "/hearings", "docket-empty")
    await camera.take(coordinator, "/hearings/new", "request-new")
    await hearing.request()
    assert hearing.desk is not None
    base, desk = f"/hearings/{hearing.id}", f"/places/{hearing.desk.place}"
    requested = await camera.person("desk", hearing.desk)
    await camera.take(requested, f"{desk}/request", "desk-request")
    await hearing.accept()
    await camera.take(coordinator, f"{base}/schedule", "schedule-accepted")
    await hearing.schedule()
    for name in ("request", "schedule"):
        await camera.take(coordinator, f"{base}/{name}", name)
    await camera.take(coordinator, f"{base}/people?adding=abroad", "people-adding")
    for seed, cast in enumerate((JUDGE, WITNESS, AUTHORITY, INTERPRETER, *OTHERS[:2])):
        await hearing.add([cast], seed=seed)
    for name in ("people", "checklist", "journal", "record", "room"):
        await camera.take(coordinator, f"{base}/{name}", name)
    await camera.take(coordinator, base, "overview")
    await camera.take(coordinator, "/hearings", "docket")
    await camera.take(coordinator, "/account", "account")
    async with Hearing(court) as other:
        await other.request()
        await other.accept()
        await other.schedule()
        expert = {"name": "Expert M", "role": "heard", "capacity": "expert", "language": "ar"}
        room = {"name": "Room 2", "side": "requested", "zone": "Africa/Cairo", "people": [expert]}
        made = await other.staff("people/places", room)
        link = (await other.staff(f"people/places/{made['place']}/link"))["link"]
        await camera.take(stranger, link.removeprefix(court.origin), "join")


async def _sitting(camera: Camera, hearing: Hearing) -> None:
    await hearing.confirm_before()
    roles = ("presiding", "heard", "authority", "interpreter")
    pages = {role: await camera.person(role, hearing.seat(role)) for role in roles}

    async def room(state: str) -> None:
        for role, page in pages.items():
            await camera.take(page, f"/places/{hearing.seat(role).place}/room", f"room-{state}-{role}")

    witness = hearing.seat("heard")
    await camera.take(pages["heard"], f"/places/{witness.place}", "arrival")
    await camera.take(pages["heard"], f"/places/{witness.place}/check", "check")
    await room("not-open")
    await hearing.staff("room/open")
    for seat in hearing.seats:
        if seat.name not in {hearing.seat(role).name for role in roles}:
            await seat.until(lambda view: view["state"] == "open")
            await seat.connect_media()
    await room("waiting")
    await _admit(hearing)
    await room("open")
    await eventually(lambda: _ready(hearing), seconds=20)
    await hearing.bench.act("room/on-record")
    await room("on-record")
    await hearing.establish_identity()
    await hearing.swear()
    await hearing.bench.act("room/examine")
    await room("examining")
    await hearing.bench.act("room/suspend", {"text": "A pause of ten minutes."})
    await room("suspended")
    await hearing.bench.act("room/resume", {"text": "The last question is put again."})
    await hearing.bench.act("room/off-record", {"text": "The questions are at an end."})
    await hearing.bench.act("room/end")
    await room("ended")


async def _admit(hearing: Hearing) -> None:
    """Everybody who waits, once their browser is connected."""
    for seat in hearing.seats:

        async def here(seat: Seat = seat) -> bool:
            places = (await hearing.bench.look())["places"]
            return any(one["place"] == seat.place and one["connected"] for one in places)

        await eventually(here, seconds=20)
        if not (await seat.look())["you"]["admitted"]:
            await hearing.bench.act(f"room/admit/{seat.place}")


async def _ready(hearing: Hearing) -> bool:
    return not (await hearing.bench.look())["obstacles"]["go-on-record"]


async def _kept(hearing: Hearing) -> bool:
    view = await hearing.bench.look()
    return bool(view["kept"] >= view["stretches"])


async def _after(camera: Camera, hearing: Hearing) -> None:
    authority = hearing.seat("authority")
    page = camera.contexts["authority"].pages[0]
    await eventually(lambda: _kept(hearing), seconds=60)
    await camera.take(page, f"/places/{authority.place}/record", "record-to-sign")
    await authority.act("record/sign")
    await camera.court.clerk.post(f"/hearings/{hearing.id}/record/close")
    coordinator = camera.contexts["coordinator"].pages[0]
    await camera.take(coordinator, f"/hearings/{hearing.id}/record", "record-closed")
    await camera.take(coordinator, f"/hearings/{hearing.id}/journal", "journal-closed")


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "out/screens")
    target.mkdir(parents=True, exist_ok=True)
    print(f"{asyncio.run(pictures(target))} pictures in {target}")
