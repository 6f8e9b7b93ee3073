"""The witness's way, on a telephone, in Arabic: from the link to being dismissed. And devices that do not open."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.catalogue import read
from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, Cast, Court, Hearing
from frontend.visitor import eventually
from frontend.words import Words
from tests.browser.people import PHONE, People, Person, axe, comes_from, flowing, invited, open_link

pytestmark = pytest.mark.asyncio(loop_scope="session")

WITNESS = Cast("شاهد أ", "heard", "requested", capacity="witness", language="ar")
MOST_PRESSES = 3  # before the waiting room
TARGET = 44  # pixels, of what a thumb presses


def arabic(sentence: str) -> str:
    """As the catalogue has it. Raises: AssertionError if nobody says this."""
    found = read("ar").get(sentence)
    assert found is not None, sentence
    assert found.string, sentence
    return str(found.string)


@pytest_asyncio.fixture(loop_scope="session")
async def prepared(hearing: Hearing) -> AsyncIterator[Hearing]:
    """A hearing to which only the witness has not come yet; the judge and the authority send from programs."""
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    await hearing.add([JUDGE], seed=0)
    await hearing.add([AUTHORITY], seed=1)
    yield hearing


async def test_the_whole_way(people: People, prepared: Hearing) -> None:
    link = await invited(prepared, WITNESS)
    await prepared.confirm_before()
    person = await people("witness", viewport=PHONE, locale="ar", has_touch=True, is_mobile=True)
    page = person.page
    await the_link_says_what_this_is(page, link)
    place = await open_link(page, link)
    await it_says_when_in_my_time(page)
    await camera_and_microphone(page)
    await page.get_by_role("link", name=arabic("Go to the waiting room")).click()
    await expect(page.locator("#say")).to_contain_text(arabic("The room is not open yet."))
    await called_in(page, prepared, place)
    await heard(page, prepared)
    await asks_for_help(page, prepared, place)
    await dismissed(page, prepared, place)


async def the_link_says_what_this_is(page: Page, link: str) -> None:
    await page.goto(link)
    assert await page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        "ar",
        "rtl",
    ]
    main = page.locator("main")
    await expect(page.locator("h1")).to_have_text(arabic("You are asked to be heard by video link"))
    await expect(main).to_contain_text("Court of Exampleton")
    await expect(main).to_contain_text("+000 000 000")
    await looks_right(page)
    await page.get_by_role("button", name="English").tap()
    await expect(page.locator("h1")).to_have_text("You are asked to be heard by video link")
    await page.get_by_role("button", name="العربية").tap()
    await expect(page.locator("h1")).to_have_text(arabic("You are asked to be heard by video link"))


async def it_says_when_in_my_time(page: Page) -> None:
    reader = Words().reader("ar")
    await expect(page.locator("#now")).to_contain_text(reader.city("Europe/Lisbon"))
    await expect(page.locator("#now")).to_contain_text(reader.city("Europe/Amsterdam"))
    await looks_right(page)


async def camera_and_microphone(page: Page) -> None:
    """One press; then a picture, a level and a sentence, and other devices to choose from."""
    await page.get_by_role("link", name=arabic("Test camera and microphone")).first.tap()
    await page.get_by_role("button", name=arabic("Start the test")).tap()
    await expect(page.locator("#microphone-said")).to_have_text(arabic("We hear you well."))
    await expect(page.locator("#camera-said")).to_have_text(arabic("This is how the others see you."))
    await eventually(lambda: page.evaluate("document.getElementById('mirror').videoWidth > 0"))
    await eventually(lambda: page.evaluate("document.getElementById('meter').value > 0"))
    await looks_right(page)
    await page.locator("#devices > summary").tap()
    cameras = page.locator("#choose-camera option")
    await expect(cameras).to_have_count(2)
    before = await page.evaluate("document.getElementById('mirror').srcObject.getVideoTracks()[0].label")
    await page.locator("#choose-camera").select_option(index=1)
    await eventually(
        lambda: page.evaluate(
            "before => document.getElementById('mirror').srcObject?.getVideoTracks()[0].label !== before",
            before,
        )
    )


async def called_in(page: Page, hearing: Hearing, place: str) -> None:
    await hearing.open_room()
    await expect(page.locator("#waiting")).to_contain_text(
        arabic("The court knows that you are here. It will call you.")
    )
    await looks_right(page)
    await eventually(lambda: connected(hearing, place))
    await hearing.bench.act(f"room/admit/{place}")
    await hearing.bench.act(f"room/admit/{hearing.seat('authority').place}")
    await expect(page.locator("#say")).to_contain_text(arabic("Not on the record. Nothing is being kept."))
    await comes_from(page, [hearing.bench.place, hearing.seat("authority").place])


async def connected(hearing: Hearing, place: str) -> bool:
    places = (await hearing.bench.look())["places"]
    return any(one["place"] == place and one["connected"] for one in places)


async def heard(page: Page, hearing: Hearing) -> None:
    await hearing.go_on_record()
    await expect(page.locator("#truth")).to_have_class("truth on-record")
    await hearing.establish_identity()
    await hearing.bench.act("room/examine")
    await expect(page.locator("#part-told")).to_contain_text(
        arabic("You are being heard. Answer in your own words. Say so when you do not understand.")
    )
    await expect(page.locator("#eyes")).to_contain_text(arabic("and you are recorded"))
    await looks_right(page)


async def asks_for_help(page: Page, hearing: Hearing, place: str) -> None:
    await page.get_by_role("button", name=arabic("I need help")).tap()
    await hearing.bench.until(lambda view: any(one["text"] == "I need help." for one in view["messages"]))
    await hearing.bench.act("messages", {"text": "Somebody is coming to you.", "to": place})
    await expect(page.locator(".messages")).to_contain_text("Somebody is coming to you.")


async def dismissed(page: Page, hearing: Hearing, place: str) -> None:
    await hearing.bench.act(f"room/dismiss/{place}")
    await expect(page.locator("#waiting")).to_contain_text(arabic("The court has finished with you for now."))
    await looks_right(page)


async def looks_right(page: Page) -> None:
    """Nothing is cut off to the side, what is pressed is large enough, and axe finds nothing."""
    wide = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    small = await page.evaluate(
        """least => [...document.querySelectorAll("main button, footer button, .button, summary, select, input:not([type=hidden])")]
          .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < least - 0.5)
          .map((one) => one.outerHTML)""",
        TARGET,
    )
    assert small == []
    assert await axe(page) == []


# --- devices that do not open ------------------------------------------------------------------------


async def test_who_may_not_use_the_camera_is_told_what_to_do(wary_people: People, hearing: Hearing) -> None:
    """Without camera and microphone the place is connected all the same, and can see and hear."""
    person = await in_the_room(wary_people, hearing, permissions=[])
    await expect(person.page.locator("#line")).to_contain_text("Your browser does not let this page use the")
    await eventually(lambda: connected_self(person.page))
    await expect(person.page.locator("#microphone")).to_have_text("Microphone is off")


async def test_who_has_no_camera_is_heard(people: People, hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    judge, witness = await people("judge"), await people("witness")
    await witness.context.add_init_script(NO_CAMERA)
    bench = await open_link(judge.page, await invited(hearing, JUDGE))
    place = await open_link(witness.page, await invited(hearing, INTERPRETER))
    await hearing.staff("room/open")
    await witness.go(f"/places/{place}/room")
    await judge.go(f"/places/{bench}/room")
    await judge.page.locator(f"form[action$='/admit/{place}'] button").first.click()
    await flowing(judge.page, sounds=1)


NO_CAMERA = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) =>
  wanted.video ? Promise.reject(new DOMException("there is none", "NotFoundError")) : open(wanted);
"""


async def test_the_test_says_what_is_refused(wary_people: People, hearing: Hearing) -> None:
    person = await in_the_room(wary_people, hearing, permissions=["camera"])
    base = urlsplit(person.page.url).path.rpartition("/")[0]
    page = await person.go(f"{base}/check")
    await page.get_by_role("button", name="Start the test").click()
    await expect(page.locator("#camera-said")).to_have_text("This is how the others see you.")
    await expect(page.locator("#microphone-said")).to_contain_text(
        "does not let this page use the microphone"
    )


async def in_the_room(people: People, hearing: Hearing, *, permissions: list[str]) -> Person:
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    await hearing.staff("room/open")
    person = await people("witness", permissions=permissions)
    witness = Cast("Witness A", "heard", "requested", capacity="witness")
    place = await open_link(person.page, await invited(hearing, witness))
    await person.go(f"/places/{place}/room")
    return person


async def connected_self(page: Page) -> bool:
    return await page.locator("#connection").inner_text() == "connection good"


# --- coming twice ------------------------------------------------------------------------------------


async def test_a_second_tab_takes_over(people: People, court: Court, hearing: Hearing) -> None:
    """The first one says so, sends nothing any more, and can take the place back by one press."""
    person = await in_the_room(people, hearing, permissions=["camera", "microphone"])
    first = person.page
    await expect(first.locator("#connection")).to_have_text("connection good")
    second = await person.context.new_page()
    await second.goto(first.url)
    await expect(second.locator("#connection")).to_have_text("connection good")
    await expect(first.locator("#line")).to_contain_text("This place was opened in another window.")
    held = "() => globalThis[Symbol.for('held connections')].every((one) => one.connectionState === 'closed')"
    await eventually(lambda: first.evaluate(held))
    await first.get_by_role("link", name="Use this window").click()
    await expect(first.locator("#connection")).to_have_text("connection good")
    await expect(second.locator("#line")).to_contain_text("This place was opened in another window.")


async def test_a_link_that_was_opened_elsewhere_opens_nothing(people: People, hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    link = await invited(hearing, Cast("Witness A", "heard", "requested", capacity="witness"))
    await open_link((await people("witness")).page, link)
    stranger = await people("stranger")
    await stranger.page.goto(link)
    await expect(stranger.page.locator("main")).to_contain_text("This link has been opened already.")
    stranger.expects("status of 401")
    await stranger.page.get_by_role("link", name="Go on").click()
    await expect(stranger.page.locator("main")).to_contain_text("Open your personal link first.")


async def test_a_link_that_is_withdrawn_ends_the_page(people: People, hearing: Hearing) -> None:
    person = await in_the_room(people, hearing, permissions=["camera", "microphone"])
    await expect(person.page.locator("#connection")).to_have_text("connection good")
    place = urlsplit(person.page.url).path.split("/")[2]
    await hearing.staff(f"people/places/{place}/link/revoke")
    await expect(person.page.locator("#line")).to_contain_text("This link has been withdrawn.")
    person.expects("status of 401")
    await person.page.reload()
    await expect(person.page.locator("main")).to_contain_text("Open your personal link first.")
