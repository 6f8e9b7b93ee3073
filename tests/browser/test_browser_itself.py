"""The tools that the tests of pages rely on do what they say, and notice what they must notice."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page

from frontend.rehearse import Court
from frontend.visitor import eventually
from tests.browser import chromium
from tests.browser.people import PHONE, People, axe, energy, flowing, frames, received

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = "/sign-in"
OPEN = "what => navigator.mediaDevices.getUserMedia(what).then(() => 'given', (error) => error.name)"
LOOP = """
async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const [from, to] = [new RTCPeerConnection(), new RTCPeerConnection()];
  from.onicecandidate = ({ candidate }) => candidate && to.addIceCandidate(candidate);
  to.onicecandidate = ({ candidate }) => candidate && from.addIceCandidate(candidate);
  to.ontrack = ({ track }) => {
    const shown = document.createElement(track.kind);
    shown.srcObject = new MediaStream([track]);
    document.body.append(shown);
    void shown.play();
  };
  for (const track of stream.getTracks()) from.addTrack(track);
  await from.setLocalDescription();
  await to.setRemoteDescription(from.localDescription);
  await to.setLocalDescription();
  await from.setRemoteDescription(to.localDescription);
  globalThis.hangUp = () => [from, to].forEach((one) => one.close());
}
"""


async def fill(page: Page, html: str) -> None:
    """Makes this the page's content."""
    await page.evaluate(
        "html => { document.body.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes) }",
        html,
    )


async def test_the_camera_gives_pictures(people: People) -> None:
    page = await (await people("witness")).go(PAGE)
    size = await page.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640 } });
          const reader = new MediaStreamTrackProcessor({ track: stream.getVideoTracks()[0] }).readable.getReader();
          const sizes = [];
          while (sizes.length < 5) {
            const { value } = await reader.read();
            sizes.push(value.displayWidth);
            value.close();
          }
          return sizes;
        }"""
    )
    assert size == [640] * 5


async def test_what_a_page_receives_is_counted(people: People) -> None:
    page = await (await people("witness")).go(PAGE)
    assert await received(page) == []
    await page.evaluate(LOOP)
    await flowing(page, sounds=1, pictures=1)
    sound, picture = sorted(await received(page), key=lambda one: one.kind)
    assert (sound.kind, picture.kind) == ("audio", "video")
    assert sound.bytes > 0
    assert picture.bytes > 0
    assert set(await energy(page)) == {sound.mid}
    assert set(await frames(page)) == {picture.mid}
    shown = await page.locator("video").evaluate("one => one.srcObject.getTracks()[0].id")
    assert shown == picture.track
    await page.evaluate("hangUp()")
    assert await received(page) == []


async def test_waiting_for_what_does_not_come_says_so(people: People) -> None:
    page = await (await people("witness")).go(PAGE)
    with pytest.raises(TimeoutError, match="in vain"):
        await flowing(page, sounds=1, seconds=0.2)


@pytest.mark.parametrize("permissions", [["microphone"], ["clipboard-write"], []])
async def test_a_device_can_be_denied(wary_people: People, permissions: list[str]) -> None:
    page = await (await wary_people("witness", permissions=permissions)).go(PAGE)
    opened = {
        "microphone": await page.evaluate(OPEN, {"audio": True}),
        "camera": await page.evaluate(OPEN, {"video": True}),
    }
    assert opened == {one: "given" if one in permissions else "NotAllowedError" for one in opened}


async def test_a_screen_can_be_shown(people: People) -> None:
    page = await (await people("clerk")).go(PAGE)
    kind = await page.evaluate(
        """async () => {
          const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
          return stream.getVideoTracks()[0].getSettings().displaySurface;
        }"""
    )
    assert kind == "monitor"


async def test_people_share_nothing(people: People, court: Court) -> None:
    judge = await people("judge", visitor=court.coordinator)
    witness = await people("witness", viewport=PHONE, locale="ar")
    await judge.go("/hearings")
    await witness.go(PAGE)
    assert "staff" in {cookie["name"] for cookie in await judge.context.cookies()}
    assert "staff" not in {cookie["name"] for cookie in await witness.context.cookies()}
    assert urlsplit(judge.page.url).path == "/hearings"
    assert await witness.page.evaluate("[innerWidth, navigator.language]") == [PHONE["width"], "ar"]


async def test_axe_finds_what_is_wrong(people: People) -> None:
    page = await (await people("reader")).go(PAGE)
    await fill(page, '<main><input><button>a</button><img src="/static/mark.svg"></main>')
    found = await axe(page)
    assert {one.split()[0] for one in found} >= {"label", "image-alt"}
    assert all("\n    " in one for one in found)


async def test_axe_measures_targets(people: People) -> None:
    page = await (await people("reader")).go(PAGE)
    await fill(page, "<main><a href='/a'>a</a><a href='/b'>b</a><a href='/c'>c</a></main>")
    await page.evaluate(
        """() => document.querySelectorAll("a").forEach((one) => Object.assign(one.style,
          { display: "inline-block", width: "8px", height: "8px", overflow: "hidden", minWidth: 0, minHeight: 0 }))"""
    )
    assert "target-size" in {one.split()[0] for one in await axe(page, "main")}


async def test_sign_in_is_accessible(people: People) -> None:
    page = await (await people("reader")).go(PAGE)
    assert await axe(page) == []


@pytest.mark.parametrize(
    ("deed", "fault"),
    [
        ("console.error('something is wrong')", "something is wrong"),
        ("setTimeout(() => { throw new Error('nobody caught this') })", "nobody caught this"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        ("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))", "Content Sec"),
        ("void fetch('https://elsewhere.example/').catch(() => 0)", "Content Security Policy"),
        ("void fetch('/nothing')", "status of 404"),
        ("void new WebSocket('wss://elsewhere.example/socket')", "elsewhere.example/socket"),
        ("void window.open('https://elsewhere.example/')", "another origin: https://elsewhere.example"),
    ],
)
async def test_what_a_page_must_not_do_is_noticed(
    browser: Browser, court: Court, deed: str, fault: str
) -> None:
    people = People(browser, court.origin)
    try:
        person = await people("somebody")
        await person.go(PAGE)
        assert await person.verdict() == []
        await person.page.evaluate(f"() => {{ {deed}; }}")

        async def noticed() -> bool:
            return any(fault in one for one in await people.verdict())

        await eventually(noticed)
        for one in person.faults:
            person.expects(one)
        assert await people.verdict() == []
    finally:
        await people.leave()


async def test_a_fault_that_is_expected_must_come(browser: Browser, court: Court) -> None:
    people = People(browser, court.origin)
    try:
        person = await people("somebody")
        person.expects("status of 409")
        assert await people.verdict() == ["somebody: expected, but never came: status of 409"]
    finally:
        await people.leave()


async def test_what_a_person_saw_is_kept(people: People, tmp_path: Path) -> None:
    person = await people("witness")
    await person.go(PAGE)
    await person.page.evaluate("console.info('a word')")
    await person.verdict()
    await people.keep(tmp_path / "kept")
    kept = {file.name: file.stat().st_size for file in (tmp_path / "kept").iterdir()}
    assert set(kept) == {"witness.log", "witness-1.html", "witness-1.png"}
    assert all(kept.values())


async def test_a_missing_browser_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(chromium, "CHROMIUM", tmp_path / "chromium")
    with pytest.raises(chromium.ToolMissing, match="sudo apt install chromium"):
        chromium.executable()
