"""What a page must not do when news, presses and devices come in an unlucky order."""

from functools import partial
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Cast, Hearing
from frontend.visitor import eventually
from tests.browser.people import People, Person, invited, open_link
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

SUSPECT = Cast("Suspect A", "heard", "requested", capacity="suspect")

HOLD_TRACKS = """
const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
globalThis.tracks = [];
globalThis.wait = Promise.resolve();
if (ask) navigator.mediaDevices.getUserMedia = async (wanted) => {
  await globalThis.wait;
  const stream = await ask(wanted);
  globalThis.tracks.push(...stream.getTracks());
  return stream;
};
"""
SLOW = "globalThis.wait = new Promise((done) => { globalThis.allow = done; });"
LIVE = "() => globalThis.tracks.filter((one) => one.readyState === 'live').length"


async def live(page: Page) -> int:
    """Cameras and microphones that are on."""
    return int(await page.evaluate(LIVE))


async def a_witness_in_the_room(people: People, hearing: Hearing, *scripts: str) -> tuple[Person, str]:
    """In the open room, their devices watched; gives their place, too."""
    await scheduled(hearing)
    await hearing.add([JUDGE], seed=0)
    link = await invited(hearing, WITNESS)
    await hearing.staff("room/open")
    person = await people("witness")
    for script in (HOLD_TRACKS, *scripts):
        await person.context.add_init_script(script)
    place = await open_link(person.page, link)
    await person.go(f"/places/{place}/room")
    return person, place


async def test_the_same_call_can_be_made_again_and_again(people: People, hearing: Hearing) -> None:
    await scheduled(hearing)
    await hearing.add([JUDGE], seed=0)
    link = await invited(hearing, INTERPRETER)
    page = (await people("interpreter")).page
    place = await open_link(page, link)
    await page.goto(f"{hearing.court.origin}/places/{place}/room")
    button = page.get_by_role("button", name="Slower")
    for n in (1, 2, 3):
        async with page.expect_response("**/messages"):
            await button.click()
        await hearing.bench.until(partial(_said, n))
        await expect(button).not_to_have_attribute("aria-disabled", "true")


async def test_the_camera_is_off_when_the_hearing_is_over(people: People, hearing: Hearing) -> None:
    person, place = await a_witness_in_the_room(people, hearing)
    page, judge = person.page, hearing.bench
    await judge.until(lambda view: any(one["place"] == place and one["connected"] for one in view["places"]))
    assert await live(page) == 2
    await judge.act("room/end")
    await expect(page.locator("#say")).to_contain_text("The sitting has ended.")
    await eventually(lambda: _none(page))


async def test_a_camera_that_opens_too_late_is_closed_at_once(people: People, hearing: Hearing) -> None:
    person, place = await a_witness_in_the_room(people, hearing, SLOW)
    page = person.page
    await expect(page.locator("#say")).to_contain_text("waiting room")
    other = await person.context.new_page()
    await other.goto(f"{hearing.court.origin}/places/{place}/room")
    await expect(page.locator("#here")).to_be_visible()
    await page.evaluate("globalThis.allow()")
    await eventually(lambda: _asked(page))
    await eventually(lambda: _none(page))


async def test_who_mutes_while_the_way_is_lost_is_muted(people: People, hearing: Hearing) -> None:
    person, place = await a_witness_in_the_room(people, hearing)
    page, judge = person.page, hearing.bench
    button = page.locator("#microphone")
    await expect(button).to_have_text("Microphone is on")
    await expect(button).to_be_visible(timeout=20_000)
    await person.context.set_offline(True)
    await expect(page.locator("#line")).to_be_visible()
    await button.click()
    await expect(button).to_have_text("Microphone is off")
    sounds = "globalThis.tracks.filter((one) => one.kind === 'audio').map((one) => one.enabled)"
    assert await page.evaluate(sounds) == [False]
    person.expects("WebSocket connection")
    await eventually(lambda: _faulty(person))
    await person.context.set_offline(False)
    await judge.until(
        lambda view: any(one["place"] == place and "audio" in one["muted"] for one in view["places"])
    )
    await expect(button).to_have_text("Microphone is off")


async def test_what_is_refused_stays_on_the_page_when_news_come(people: People, hearing: Hearing) -> None:
    await scheduled(hearing)
    page = (await people("coordinator", visitor=hearing.court.coordinator)).page
    await page.goto(f"{hearing.court.origin}/hearings/{hearing.id}/room")
    await page.locator("#part-messages summary").click()
    await page.locator("#message button").click()
    await expect(page.locator("#problem")).to_be_visible()
    await hearing.abroad("messages", {"text": "News."})
    await expect(page.locator(".messages")).to_contain_text("News.")
    await expect(page.locator("#problem")).to_be_visible()
    await page.locator("#message-text").fill("Now it is there.")
    await page.locator("#message button").click()
    await expect(page.locator(".messages")).to_contain_text("Now it is there.")
    await expect(page.locator("#problem")).to_have_count(0)


async def test_news_come_through_after_an_answer_that_never_came(people: People, hearing: Hearing) -> None:
    await scheduled(hearing)
    page = (await people("coordinator", visitor=hearing.court.coordinator)).page
    await page.goto(f"{hearing.court.origin}/hearings/{hearing.id}/room")
    await expect(page.locator("#line")).to_be_hidden()
    held: list[Route] = []
    await page.route("**/room", lambda route: held.append(route), times=1)  # noqa: PLW0108  # playwright looks into it
    await hearing.abroad("messages", {"text": "News."})
    await eventually(lambda: _held(held))
    await expect(page.locator("#part-messages > summary")).to_contain_text("1", timeout=15_000)


async def test_what_is_being_typed_stays_when_the_list_is_put_in_order(
    people: People, hearing: Hearing
) -> None:
    await scheduled(hearing)
    authority = await hearing.add([AUTHORITY], seed=0)
    await hearing.add([SUSPECT], seed=1)
    page = (await people("authority", visitor=authority)).page
    await page.goto(f"{hearing.court.origin}/places/{authority.place}/checklist")
    field = page.locator("#together-before input[name=proof]")
    await field.fill("Half a sentence")
    settled = {"items": ["principles-respected"], "proof": "Seen at the desk."}
    await hearing.abroad("checklist/confirm-all", settled)
    await page.evaluate("import('/static/page.js').then((one) => one.refresh())")
    await expect(page.locator("#safeguard-principles-respected-all")).to_contain_text("Seen at the desk.")
    await expect(field).to_have_value("Half a sentence")
    await expect(field).to_be_focused()


def _said(n: int, view: dict[str, Any]) -> bool:
    return len(view["messages"]) == n


async def _held(held: list[Route]) -> bool:
    return bool(held)


async def _faulty(person: Person) -> bool:
    return bool(person.faults)


async def _none(page: Page) -> bool:
    return await live(page) == 0


async def _asked(page: Page) -> bool:
    return bool(await page.evaluate("globalThis.tracks.length === 2"))
