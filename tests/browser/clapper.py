"""A flash and a beep that a browser makes at the same moment, once a second, and where they lie in what was recorded."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from statistics import median
from typing import NamedTuple

import av
from playwright.async_api import Page

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, Cast, Hearing
from frontend.visitor import eventually
from media.synthetic import SyntheticPeer
from tests.browser.meeting import connected, pictures_at
from tests.browser.people import People, invited, open_link
from tests.story.telling import scheduled

WITNESS = Cast("Witness A", "heard", "requested", capacity="witness")
WITHIN = 80  # ms that a flash may be away from its beep
LOUD = 0.05  # of full scale
BRIGHT = 128
QUIET_SECONDS = 0.3  # before a beep
PAIRED_SECONDS = 0.5  # a flash and a beep further apart are not of one moment
FEWEST_PICTURES = 15  # until the way is warm

CLAPPER = """
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const clapper = (globalThis.clapper ??= start());
  return new MediaStream(wanted.audio ? clapper.sound.getAudioTracks() : clapper.picture.getVideoTracks());
};
function start() {
  const context = new AudioContext();
  addEventListener("pointerdown", () => context.resume());
  const out = context.createMediaStreamDestination();
  const second = new AudioBuffer({ length: context.sampleRate, sampleRate: context.sampleRate });
  const samples = second.getChannelData(0);
  for (let at = 0; at < samples.length / 4; at += 1) {
    samples[at] = 0.5 * Math.sin((2 * Math.PI * 880 * at) / context.sampleRate);
  }
  const beeps = new AudioBufferSourceNode(context, { buffer: second, loop: true });
  beeps.connect(out);
  const begin = context.currentTime + 0.5;
  beeps.start(begin);
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 360 });
  const paint = canvas.getContext("2d");
  setInterval(() => {
    const at = context.currentTime - begin;
    paint.fillStyle = at > 0 && at % 1 < 0.25 ? "white" : "black";
    paint.fillRect(0, 0, 640, 360);
    paint.fillStyle = "gray";
    paint.fillRect((at * 100) % 600, 340, 20, 20);
  }, 20);
  return { picture: canvas.captureStream(30), sound: out.stream };
}
"""
"""Put into a page before anything else: takes the place of its camera and microphone. Both go by one clock, the sound
card's, which stands still until the page is touched."""


CHANGE_MICROPHONE = """
async () => {
  const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));
  const held = globalThis[Symbol.for("held connections")].find((one) => one.connectionState === "connected");
  const sender = held.getSenders().find((one) => one.track?.kind === "audio");
  const track = sender.track;
  await wait(8);
  await sender.replaceTrack(null);
  await wait(2.4);
  await sender.replaceTrack(track);
}
"""


class Beat(NamedTuple):
    """Seconds after the film begins at which it beeps, and ms by which the flash comes later."""

    at: float
    apart: float


async def still(page: Page) -> None:
    """Nothing happens there."""


async def microphone_changed(page: Page) -> None:
    """After some seconds the page has no microphone for two and more, as while another is chosen."""
    await page.evaluate(CHANGE_MICROPHONE)


async def recorded(
    people: People, hearing: Hearing, seconds: float, *, meanwhile: Callable[[Page], Awaitable[None]] = still
) -> bytes:
    """A witness at a browser flashes and beeps on the record for so long; gives the copy for playing."""
    await scheduled(hearing)
    for seed, casts in enumerate(([JUDGE], [AUTHORITY, INTERPRETER])):
        await hearing.add(casts, seed=seed, equipment=lambda seed=seed: SyntheticPeer(seed=seed, pictures=5))
    link = await invited(hearing, WITNESS)
    await hearing.confirm_before()
    witness = await people("witness")
    await witness.context.add_init_script(CLAPPER)
    place = await open_link(witness.page, link)
    await hearing.open_room()
    await witness.go(f"/places/{place}/room")
    await hearing.bench.until(lambda view: connected(view, place))
    await witness.page.locator("#waiting").click()  # sound may be made once somebody has touched the page
    await hearing.admit_all()
    await hearing.bench.act(f"room/admit/{place}")
    await eventually(lambda: _seen(hearing, place))
    await hearing.go_on_record()
    await asyncio.gather(asyncio.sleep(seconds), meanwhile(witness.page))
    await hearing.bench.act("room/off-record", {"text": "Enough for today."})
    return await _copy(hearing, patience=20 + seconds / 10)


async def _seen(hearing: Hearing, place: str) -> bool:
    return pictures_at(hearing.bench, place) >= FEWEST_PICTURES


async def _copy(hearing: Hearing, *, patience: float) -> bytes:
    """The witness's copy for playing of the first stretch, by the doors."""
    clerk, base = hearing.court.clerk, f"/hearings/{hearing.id}/listen"

    async def copied() -> bool:
        return bool((await clerk.get(base))[0]["ready"])

    await eventually(copied, seconds=patience)
    await clerk.post(f"{base}/1")
    told = await clerk.get(f"{base}/1")
    (film,) = (film for film in told["films"] if film["name"].startswith(WITNESS.name))
    _, content = await clerk.file(f"{base}/copies/{film['file']}")
    return content


# --- what was recorded ------------------------------------------------------------------------------


def beats(copy: bytes) -> list[Beat]:
    """Every beep of a film that has a flash of its own."""
    flashes, beeps = list(_flashes(copy)), list(_beeps(copy))
    found = []
    for beep in beeps:
        flash = min(flashes, key=lambda at, beep=beep: abs(at - beep), default=beep + 1)
        if abs(flash - beep) < PAIRED_SECONDS:
            found.append(Beat(beep, 1000 * (flash - beep)))
    return found


def apart(some: Sequence[Beat]) -> float:
    """The median, in ms."""
    return median(beat.apart for beat in some)


def _flashes(copy: bytes) -> Iterator[float]:
    bright = True
    with av.open(io.BytesIO(copy)) as film:
        for frame in film.decode(video=0):
            plane = frame.planes[0]
            white = memoryview(plane)[plane.line_size * (frame.height // 2) + frame.width // 2] > BRIGHT
            if white and not bright:
                yield frame.time
            bright = white


def _beeps(copy: bytes) -> Iterator[float]:
    """Where it begins to sound; a packet that is missing makes none."""
    last = 0.0
    with av.open(io.BytesIO(copy)) as film:
        for frame in film.decode(audio=0):
            samples = memoryview(frame.planes[0]).cast("f")[: frame.samples]
            if max(samples) <= LOUD:
                continue
            first = next(n for n, sample in enumerate(samples) if sample > LOUD)
            begins = frame.time + first / frame.sample_rate
            if begins - last > QUIET_SECONDS:
                yield begins
            last = frame.time + frame.samples / frame.sample_rate
