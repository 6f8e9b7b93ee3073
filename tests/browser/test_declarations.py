"""From the notice of rights to a consent that is taken back: an accused with a telephone, signing in a real browser; and a
room abroad where five people share one camera, and the officer writes down what is said.
"""

import asyncio
import json
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect

from consent import notices
from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, Cast, Hearing
from frontend.visitor import DoorRefused, Seat
from tests.browser.people import PHONE, People, Person, axe, invited, open_link
from tests.story.telling import verify_command

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCUSED = Cast("المتهم أ", "heard", "requested", capacity="accused", language="ar")
COUNSEL = Cast("Maître F", "lawyer", "requested", language="fr")
SOUGHT = Cast("Person S", "heard", "requested", capacity="sought", language="ps")
SUPPORT = Cast("Support person H", "support", "requested")
ARABIC = notices.phrases()["ar"]


def words(text: str, language: str) -> notices.Wording:
    return notices.load()[text].wording[language]


async def test_an_accused_in_three_languages_from_notice_to_taking_it_back(
    people: People, hearing: Hearing, tmp_path: Path
) -> None:
    await prepared(hearing)
    person = await people("accused", viewport=PHONE, locale="ar", has_touch=True, is_mobile=True)
    place = await open_link(person.page, await invited(hearing, ACCUSED))
    handle = (await hearing.bench.look())["declarations"][0]["person"]
    officer = await people("officer", visitor=hearing.seat("authority"))
    await the_officer_puts_questions(officer, hearing.seat("authority"), handle)
    await the_rights_are_read_and_understood(person.page)
    await a_yes_comes_after_the_lawyer(person.page)
    await another_language_is_read_by_the_interpreter(person.page, hearing.seat("authority"), handle)
    await officer.page.reload()
    await expect(officer.page.locator(f"#video-{handle}")).to_contain_text("Signed in the browser.")
    await on_the_record(hearing, person, place)
    await one_tap_takes_it_back(person.page, hearing)
    await officer.page.reload()
    await expect(officer.page.locator(f"#history-{handle}")).to_contain_text("took the answer back")
    await the_record_verifies(hearing, tmp_path)


async def prepared(hearing: Hearing) -> None:
    """Judge, authority, counsel and interpreter come by programs; the time is fixed."""
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    for seed, cast in enumerate((JUDGE, AUTHORITY, COUNSEL, INTERPRETER)):
        await hearing.add([cast], seed=seed)


async def the_officer_puts_questions(officer: Person, seat: Seat, handle: str) -> None:
    page = await officer.go(f"/places/{seat.place}/declarations")
    for what in ("rights", "video"):
        await page.locator(f"#{what}-{handle}").get_by_role("button", name="Put it before them").click()
        await expect(page.locator(f"#{what}-{handle}")).to_contain_text("asked, not answered")
    assert await axe(page, ".step") == []


async def the_rights_are_read_and_understood(page: Page) -> None:
    """Large, from right to left, one thing at a time, yes and no of one size; the sample says that it is one."""
    await page.reload()
    block, text = page.locator(".declaration"), words("rights-suspect", "ar")
    await expect(block).to_have_count(1)
    await expect(block).to_have_attribute("dir", "rtl")
    for part in (*text.parts, ARABIC.sample):
        await expect(block).to_contain_text(part)
    assert await block.locator("input:checked").count() == 0
    yes, no = [await one.bounding_box() for one in await block.locator("[data-answer]").all()]
    assert yes is not None
    assert no is not None
    assert (yes["width"], yes["height"]) == (no["width"], no["height"])
    assert await axe(page) == []
    await pressed(block, text.yes)
    await expect(page.locator(".answered")).to_contain_text(text.yes)


async def a_yes_comes_after_the_lawyer(page: Page) -> None:
    block, text = page.locator(".declaration"), words("video", "ar")
    await expect(block).to_contain_text(text.question)
    await pressed(block, text.yes)
    await expect(block.locator("[data-choose]")).to_have_text(ARABIC.choose)
    await block.get_by_text(ARABIC.had).tap()
    await pressed(block, text.yes)
    await expect(page.locator(".answered")).to_have_count(2)
    await expect(block).to_have_count(0)


async def another_language_is_read_by_the_interpreter(page: Page, seat: Seat, handle: str) -> None:
    """What is shown in French is said to be read by the interpreter, who stands in the answer."""
    await seat.act("declarations/ask", {"person": handle, "text": "recording", "language": "fr"})
    await page.reload()
    block, text = page.locator(".declaration"), words("recording", "fr")
    await expect(block).to_contain_text(f"{notices.phrases()['fr'].through} {INTERPRETER.name}")
    await block.get_by_text(notices.phrases()["fr"].had).tap()
    await pressed(block, text.no)
    await expect(page.locator(".answered")).to_have_count(3)
    (told,) = (await seat.look())["declarations"]
    answer = next(one["answer"] for one in told["texts"] if one["what"] == "recording")
    assert (answer["answer"], answer["through"], answer["language"]) == ("no", INTERPRETER.name, "fr")


async def pressed(block: Locator, name: str) -> None:
    await block.get_by_role("button", name=name, exact=True).tap()


async def on_the_record(hearing: Hearing, person: Person, place: str) -> None:
    await hearing.confirm_before()
    assert await agreed(hearing), "by what they declared, and by nothing else"
    await hearing.open_room()
    await person.go(f"/places/{place}/room")
    await expect(person.page.locator("#connection")).to_have_text("الاتصال جيد")
    await hearing.admit_all()
    await hearing.bench.act(f"room/admit/{place}")
    await hearing.go_on_record()
    await expect(person.page.locator("#truth")).to_have_class("truth on-record")
    assert await axe(person.page) == []


async def agreed(hearing: Hearing) -> bool:
    told = (await hearing.bench.look())["checklist"]
    return next(bool(one["met"]) for one in told if one["requirement"] == "counsel-consent")


async def one_tap_takes_it_back(page: Page, hearing: Hearing) -> None:
    await page.locator("#answered-video-" + await of(page)).get_by_role("button").tap()
    await expect(page.locator("#truth")).to_have_class("truth suspended")
    told = await hearing.bench.look()
    assert (told["state"], told["suspended"]["reason"]) == (
        "suspended",
        "The person heard took an answer back.",
    )
    assert told["suspended"]["by"] == ACCUSED.name
    assert not await agreed(hearing)
    with pytest.raises(DoorRefused, match="cannot be resumed"):
        await hearing.bench.act("room/resume", {"text": "Nothing was lost."})


async def of(page: Page) -> str:
    return str(await page.locator("[id^=answered-video-]").evaluate("one => one.id.slice(-8)"))


async def the_record_verifies(hearing: Hearing, folder: Path) -> None:
    """What Chromium signed holds for a stranger, years later."""
    await hearing.finish()
    package = await hearing.package(folder)
    told = await asyncio.to_thread(verify_command, package)
    assert told.returncode == 0, told.stdout


# --- five people behind one camera -------------------------------------------------------------------


async def test_in_a_room_abroad_the_officer_records_for_who_has_no_device(
    people: People, hearing: Hearing
) -> None:
    """The language of the person is missing: a text in another one is read by the interpreter, and that is said."""
    await hearing.request()
    await hearing.accept()
    await hearing.schedule()
    await hearing.add([JUDGE], seed=0)
    seat = await hearing.add([SOUGHT, AUTHORITY, COUNSEL, INTERPRETER, SUPPORT], seed=1, name="Room 2")
    handle = hearing.handles[SOUGHT.name]
    officer = await people("room", visitor=seat)
    page = await officer.go(f"/places/{seat.place}/declarations")
    video = page.locator(f"#video-{handle}")
    await expect(video).to_contain_text("There is no text in Pashto.")
    await video.get_by_label("In which language").select_option("es")
    await video.get_by_role("button", name="Put it before them").click()
    await video.locator("summary").filter(has_text="Record an answer").click()
    await video.get_by_label("They have spoken with a lawyer.").check()
    await video.get_by_label("Read by the interpreter").select_option(label=INTERPRETER.name)
    await video.get_by_label(words("video", "es").yes).check()
    await video.get_by_label("Spoken before me").check()
    await video.get_by_role("button", name="Write the answer down").click()
    await expect(video).to_contain_text(f"Read by the interpreter {INTERPRETER.name}.")
    assert await axe(page, ".step") == []
    told = json.dumps(await seat.look(), ensure_ascii=False)
    assert f"by word of mouth, before {AUTHORITY.name}" in told
    await video.get_by_role("button", name="They take it back").click()
    await expect(video).to_contain_text("not asked")
