"""Sound and picture of one person arrive together: a flash and a beep that are made at the same moment.

The page's camera and microphone are replaced by a picture that flashes and a tone that sounds with it, once a second.
At the other page both are found in what is played: the flash in the frames that are shown, the beep in the sound.
"""

import asyncio
from statistics import median

import pytest
from playwright.async_api import Page

from frontend.rehearse import JUDGE, Hearing
from tests.browser.clapper import CLAPPER, WITHIN, WITNESS
from tests.browser.people import People, comes_from, invited, open_link

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEATS = 6
BEGINNINGS = """
async ([place, seconds]) => {
  const video = document.querySelector(`#tile-${place} video`);
  const flashes = [], beeps = [];
  const canvas = Object.assign(document.createElement("canvas"), { width: 16, height: 9 });
  const paint = canvas.getContext("2d", { willReadFrequently: true });
  let bright = true;
  const look = (now, told) => {
    paint.drawImage(video, 0, 0, 16, 9);
    const white = paint.getImageData(8, 2, 1, 1).data[0] > 128;
    if (white && !bright) flashes.push(told.expectedDisplayTime);
    bright = white;
    video.requestVideoFrameCallback(look);
  };
  video.requestVideoFrameCallback(look);
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 256 });
  context.createMediaStreamSource(new MediaStream(video.srcObject.getAudioTracks())).connect(analyser);
  const samples = new Float32Array(256);
  let loud = true;
  const listen = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const sounds = samples.some((sample) => Math.abs(sample) > 0.05);
    if (sounds && !loud) beeps.push(performance.now());
    loud = sounds;
  }, 4);
  await new Promise((done) => setTimeout(done, seconds * 1000));
  clearInterval(listen);
  return { flashes, beeps };
}
"""


async def apart(page: Page, place: str) -> list[float]:
    """Milliseconds by which each picture came later than its sound."""
    told = await page.evaluate(BEGINNINGS, [place, BEATS + 2])
    near = [min((flash - beep for beep in told["beeps"]), key=abs) for flash in told["flashes"]]
    assert len(near) >= BEATS, told
    return near


async def test_a_flash_and_a_beep_arrive_together(people: People, hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    judge, witness = await people("judge"), await people("witness")
    await witness.context.add_init_script(CLAPPER)
    places = {}
    for person, cast in ((judge, JUDGE), (witness, WITNESS)):
        places[person.name] = await open_link(person.page, await invited(hearing, cast))
        await person.page.goto(f"{people.origin}/places/{places[person.name]}/room")
    await judge.page.get_by_role("button", name="Open the room").click()
    await witness.page.locator("#waiting").click()  # sound may be made once somebody has touched the page
    await judge.page.locator(f"#admit-{places['witness']} button").click()
    await comes_from(judge.page, [places["witness"]])
    await asyncio.sleep(3)
    found = await apart(judge.page, places["witness"])
    print(found, median(found))
    assert abs(median(found)) < WITHIN, found
