"""People at browsers: each with cookies of their own, and watched for whatever a page must never do."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
    WebError,
    WebSocket,
)

from frontend.rehearse import REQUESTED_ZONE, REQUESTING_ZONE, Cast, Hearing
from frontend.visitor import PATIENCE, Visitor, eventually
from tests.browser.chromium import ToolMissing

DESK = ViewportSize(width=1280, height=900)
PHONE = ViewportSize(width=390, height=844)
AXE = Path(__file__).parent.parent / "node_modules/axe-core/axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OF_THE_PAGE = {"data", "blob", "about"}  # addresses that lead nowhere

HOLD_CONNECTIONS = """
globalThis.RTCPeerConnection = class RTCPeerConnection extends globalThis.RTCPeerConnection {
  constructor(...given) {
    super(...given);
    (globalThis[Symbol.for("held connections")] ??= []).push(this);
  }
};
"""
READ_CONNECTIONS = """
async () => {
  const held = globalThis[Symbol.for("held connections")] ?? [];
  const open = held.filter((one) => one.connectionState !== "closed");
  const reports = await Promise.all(open.map((one) => one.getStats()));
  return reports.flatMap((report) => [...report.values()])
    .filter((one) => one.type === "inbound-rtp")
    .map((one) => ({
      mid: one.mid, kind: one.kind, track: one.trackIdentifier, bytes: one.bytesReceived,
      energy: one.totalAudioEnergy ?? 0, frames: one.framesDecoded ?? 0, nacks: one.nackCount ?? 0,
    }));
}
"""

READ_SENT = """
async () => {
  const held = globalThis[Symbol.for("held connections")] ?? [];
  const told = { frames: 0, repeated: 0, key_frames_asked: 0, layers: [] };
  for (const connection of held.filter((one) => one.connectionState === "connected")) {
    const report = await connection.getStats();
    for (const one of report.values()) {
      if (one.type !== "outbound-rtp" || one.kind !== "video") continue;
      told.frames += one.framesSent ?? 0;
      told.repeated += one.retransmittedPacketsSent ?? 0;
      told.key_frames_asked += one.pliCount ?? 0;
      if (one.rid && one.framesSent && report.get(one.remoteId)) told.layers.push(one.rid);
    }
  }
  return told;
}
"""
READ_WAYS = """
async () => {
  const held = globalThis[Symbol.for("held connections")] ?? [];
  const ways = [];
  for (const one of held.filter((one) => one.connectionState === "connected")) {
    const report = await one.getStats();
    for (const pair of report.values()) {
      if (pair.type !== "candidate-pair" || !pair.nominated || pair.state !== "succeeded") continue;
      const [near, far] = [report.get(pair.localCandidateId), report.get(pair.remoteCandidateId)];
      ways.push({
        kind: near.candidateType, address: far.address, trip: pair.currentRoundTripTime ?? 0,
        chosen: [...report.values()].some((way) => way.selectedCandidatePairId === pair.id) || pair.selected === true,
      });
    }
  }
  return ways.filter((way) => way.chosen);
}
"""


@dataclass
class Person:
    """Somebody at a browser. `faults`: what their pages did and must not; `heard`: all that the console said."""

    name: str
    page: Page
    origin: str
    faults: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    async def go(self, path: str) -> Page:
        await self.page.goto(self.origin + path)
        return self.page

    def expects(self, text: str) -> None:
        """A fault that contains this text belongs to the test, and must have come when it ends."""
        self.expected.append(text)

    def allows(self, text: str) -> None:
        """A fault that contains this text may come, as chance has it, from what the test does."""
        self.allowed.append(text)

    def watch(self) -> None:
        """Takes notes from now on."""
        self.context.on("console", self._console)
        self.context.on("weberror", self._error)
        self.context.on("request", self._request)
        self.context.on("page", self._opened)
        for page in self.context.pages:
            self._opened(page)

    async def verdict(self) -> list[str]:
        """The faults that nobody expected, and the expected ones that never came."""
        for page in self.context.pages:
            with contextlib.suppress(Error):  # a page that is just leaving has nothing to answer with
                await page.evaluate("0")  # what the page did before has been told by then
        known = [*self.expected, *self.allowed]
        unforeseen = [fault for fault in self.faults if not any(text in fault for text in known)]
        vain = [text for text in self.expected if not any(text in fault for fault in self.faults)]
        told = [*unforeseen, *(f"expected, but never came: {text}" for text in vain)]
        return [f"{self.name}: {sentence}" for sentence in told]

    async def keep(self, folder: Path) -> None:
        """What this person sees now, as pictures and text, and what the console said."""
        _write(folder / f"{self.name}.log", "\n".join(self.heard) + "\n")
        for n, page in enumerate(self.context.pages, start=1):
            try:
                _write(folder / f"{self.name}-{n}.html", await page.content())
                await page.screenshot(path=folder / f"{self.name}-{n}.png", timeout=5000)
            except Error as error:
                print(f"No picture of {self.name}'s page: {error.message}")

    def _console(self, message: ConsoleMessage) -> None:
        at = message.location
        line = f"{message.type}: {message.text} ({at['url']}:{at['lineNumber'] + 1})"
        self.heard.append(line)
        if message.type == "error":  # Chromium tells violations of the content policy so, too
            self.faults.append(line)

    def _error(self, error: WebError) -> None:
        self.heard.append(f"not caught: {error.error}")
        self.faults.append(f"not caught: {error.error}")

    def _opened(self, page: Page) -> None:
        page.on("websocket", self._socket)
        page.on("crash", lambda page: self.faults.append(f"a page crashed: {page.url}"))

    def _request(self, request: Request) -> None:
        self._reached(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._reached(socket.url.replace("ws", "http", 1))

    def _reached(self, address: str) -> None:
        told = urlsplit(address)
        if told.scheme not in OF_THE_PAGE and f"{told.scheme}://{told.netloc}" != self.origin:
            self.faults.append(f"another origin: {address}")


@dataclass
class People:
    """Everybody at a browser in one test."""

    browser: Browser
    origin: str
    present: list[Person] = field(default_factory=list)

    async def __call__(self, name: str, *, visitor: Visitor | None = None, **options: Any) -> Person:
        """Somebody new. `visitor`: whose cookies they have; `options`: viewport, locale … as Playwright takes them."""
        wanted = {
            "viewport": DESK,
            "locale": "en-GB",
            "permissions": ["camera", "microphone", "clipboard-read", "clipboard-write"],
            **options,
        }
        context = await self.browser.new_context(**wanted)
        context.set_default_timeout(PATIENCE * 1000)
        await context.add_init_script(HOLD_CONNECTIONS)
        await context.add_cookies(
            [
                {"name": one.name, "value": one.value or "", "domain": "localhost", "path": one.path}
                for one in (visitor.http.cookies.jar if visitor else ())
            ]
        )
        person = Person(name, await context.new_page(), self.origin)
        person.watch()
        self.present.append(person)
        return person

    async def verdict(self) -> list[str]:
        return [fault for person in self.present for fault in await person.verdict()]

    async def keep(self, folder: Path) -> None:
        for person in self.present:
            await person.keep(folder)

    async def leave(self) -> None:
        for person in self.present:
            await person.context.close()


async def speak(person: Person, language: str) -> None:
    """The language of all pages that this person opens from now on."""
    cookie = {"name": "language", "value": language, "domain": "localhost", "path": "/"}
    await person.context.add_cookies([cookie])  # type: ignore[list-item]


@dataclass(frozen=True)
class Received:
    """A track that comes in, counted from the connection's beginning.

    `bytes` of media; `energy` of the sound played, as in `totalAudioEnergy` of WebRTC statistics; `frames` of
    picture decoded; `nacks` sent for it; `track`: the id of its MediaStreamTrack.
    """

    mid: str
    kind: str
    track: str
    bytes: int
    energy: float
    frames: int
    nacks: int


async def received(page: Page) -> list[Received]:
    """Every track that the page's open connections receive."""
    return [Received(**one) for one in await page.evaluate(READ_CONNECTIONS)]


@dataclass(frozen=True)
class Sent:
    """Pictures that go out: frames of all layers, packets sent again, key frames asked for, layers that the service
    reports to receive.
    """

    frames: int
    repeated: int
    key_frames_asked: int
    layers: list[str]


async def sent_by(page: Page) -> Sent:
    """By every connection of the page that is up, since its beginning."""
    return Sent(**await page.evaluate(READ_SENT))


@dataclass(frozen=True)
class WayOut:
    """The candidate pair that a connection uses: `kind` of its own candidate (host, prflx, relay), the address that
    it sends to, and seconds there and back.
    """

    kind: str
    address: str
    trip: float


async def ways_out(page: Page) -> list[WayOut]:
    """Of every connection of the page that is up."""
    return [WayOut(one["kind"], one["address"], one["trip"]) for one in await page.evaluate(READ_WAYS)]


async def energy(page: Page) -> dict[str, float]:
    """Energy of the sound played so far, by mid."""
    return {one.mid: one.energy for one in await received(page) if one.kind == "audio"}


async def frames(page: Page) -> dict[str, int]:
    """Frames decoded so far, by mid."""
    return {one.mid: one.frames for one in await received(page) if one.kind == "video"}


async def flowing(page: Page, *, sounds: int = 0, pictures: int = 0, seconds: float = PATIENCE) -> None:
    """Waits until so many sounds and pictures have gone on since now. Raises: TimeoutError."""
    loud, seen = await energy(page), await frames(page)

    def grown(now: dict[str, Any], before: dict[str, Any]) -> int:
        return sum(count > before.get(mid, 0) for mid, count in now.items())

    async def enough() -> bool:
        return grown(await energy(page), loud) >= sounds and grown(await frames(page), seen) >= pictures

    try:
        await eventually(enough, seconds=seconds)
    except TimeoutError as error:
        raise TimeoutError(f"waited {seconds} s in vain; receives {await received(page)}") from error


READ_TILES = """
() => Object.fromEntries([...document.querySelectorAll("#tiles .tile:not([data-own])")].map((tile) => [
  tile.dataset.place,
  (tile.querySelector("video")?.srcObject?.getTracks() ?? []).map((track) => track.id),
]))
"""


async def seen(page: Page) -> dict[str, dict[str, Received]]:
    """What each tile of the room receives: place to kind to track; a tile without a picture has none."""
    tracks = {one.track: one for one in await received(page)}
    tiles: dict[str, list[str]] = await page.evaluate(READ_TILES)
    return {
        place: {tracks[one].kind: tracks[one] for one in ids if one in tracks} for place, ids in tiles.items()
    }


async def comes_from(page: Page, places: Iterable[str], *, seconds: float = PATIENCE) -> None:
    """Waits until sound and picture of each of these places have gone on since now. Raises: TimeoutError."""
    wanted = set(places)
    before = await seen(page)

    async def enough() -> bool:
        now = await seen(page)
        return all(_grown(now.get(place, {}), before.get(place, {})) for place in wanted)

    try:
        await eventually(enough, seconds=seconds)
    except TimeoutError as error:
        raise TimeoutError(f"waited {seconds} s in vain for {wanted}; receives {await seen(page)}") from error


def _grown(now: dict[str, Received], before: dict[str, Received]) -> bool:
    """Frames were decoded and sound was played, of the same track or of a new one."""

    def grew(kind: str, count: str) -> bool:
        one, older = now.get(kind), before.get(kind)
        start = getattr(older, count) if older and one and older.track == one.track else 0
        return one is not None and getattr(one, count) > start

    return grew("video", "frames") and grew("audio", "energy")


async def bytes_of(page: Page) -> int:
    """Bytes of media that the page received so far, of whomever."""
    return sum(one.bytes for one in await received(page))


async def open_link(page: Page, link: str) -> str:
    """Opens a personal link and presses its button; gives the number of the place."""
    await page.goto(link)
    await page.locator("main form[method=post] button.primary").click()
    await page.wait_for_url("**/places/**")
    return urlsplit(page.url).path.split("/")[2]


FURTHEST = 200  # presses of the tabulator from anywhere to anywhere on a page


async def reach(target: Locator) -> Locator:
    """Moves the keyboard's focus there, by the tabulator alone. Raises: AssertionError if it cannot be reached."""
    await target.wait_for()
    for _ in range(FURTHEST):
        if await target.evaluate("one => one === document.activeElement"):
            return target
        await target.page.keyboard.press("Tab")
    raise AssertionError(f"{target} cannot be reached by keyboard")


async def press(target: Locator, key: str = "Enter") -> None:
    """Reaches a button, a link or a detail, and presses the key."""
    page = (await reach(target)).page
    await page.keyboard.press(key)


async def write(target: Locator, text: str) -> None:
    """Reaches a field and types over what is in it."""
    page = (await reach(target)).page
    await page.keyboard.press("Control+a")
    await page.keyboard.type(text)


async def invited(hearing: Hearing, cast: Cast, *, name: str = "", zone: str = "") -> str:
    """A place for one more person, who has not come yet; gives the personal link."""
    home = REQUESTING_ZONE if cast.side == "requesting" else REQUESTED_ZONE
    made = await hearing.staff(
        "people/places",
        {
            "name": name or f"Place of {cast.name}",
            "side": cast.side,
            "zone": zone or home,
            "people": [cast.told()],
        },
    )
    issue = hearing.abroad if cast.role == "authority" else hearing.staff
    return str((await issue(f"people/places/{made['place']}/link"))["link"])


async def axe(page: Page, within: str = "html") -> list[str]:
    """What WCAG 2.2 AA finds wrong `within` a part of the page, readable. Raises: ToolMissing."""
    if not AXE.exists():
        raise ToolMissing("axe-core is not installed. Run tests/tools.sh.")
    await page.evaluate(await asyncio.to_thread(AXE.read_text))
    await page.evaluate(
        "scrollTo(0, document.body.scrollHeight)"
    )  # where nothing lies under what sticks to the foot
    found = await page.evaluate(
        "([within, options]) => axe.run(within, options)",
        [
            within,
            {
                "runOnly": {"type": "tag", "values": WCAG},
                "rules": {"target-size": {"enabled": True}},
                "resultTypes": ["violations"],
            },
        ],
    )
    return [_readable(one) for one in found["violations"]]


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _readable(violation: dict[str, Any]) -> str:
    nodes = "".join(
        f"\n    {' '.join(map(str, node['target']))}: {' '.join(node['failureSummary'].split())}"
        for node in violation["nodes"]
    )
    return f"{violation['id']} ({violation['impact']}): {violation['help']}{nodes}"
