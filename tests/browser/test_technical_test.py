"""A technical test with two browsers: the person on a telephone, by the test's own link, and the coordinator."""

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from frontend.rehearse import WITNESS, Court, Hearing
from frontend.visitor import eventually
from tests.browser.people import PHONE, People, Person, axe, flowing

ANEW = """() => {
  const held = globalThis[Symbol.for("held connections")];
  return held.length > 1 && held.at(-1).connectionState === "connected";
}"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def arranged(hearing: Hearing) -> dict[str, Any]:
    """A test of the witness's place that begins in ten minutes: its number and its link."""
    await hearing.request()
    await hearing.accept()
    place = {"name": "Room 2", "side": "requested", "zone": "Europe/Lisbon", "people": [WITNESS.told()]}
    made = await hearing.staff("people/places", place)
    start = datetime.now(UTC) + timedelta(minutes=10)
    time = {"wall": f"{start:%Y-%m-%dT%H:%M}", "zone": "UTC", "minutes": 20}
    return {**await hearing.staff("tests", {"place": made["place"], **time}), "place": made["place"]}


async def test_both_ends_see_what_comes_of_the_person(
    people: People, court: Court, hearing: Hearing, arranged: dict[str, Any]
) -> None:
    before = await leaves(hearing)
    person = await people("witness", viewport=PHONE, has_touch=True, is_mobile=True)
    page = await opened(person, arranged["link"])
    await expect(page.locator("#seen-said")).to_have_text("The court is not here yet. Stay on this page.")
    coordinator = await people("coordinator", visitor=court.coordinator)
    desk = await coordinator.go(f"/hearings/{hearing.id}/tests/{arranged['test']}")
    await they_see_each_other(page, desk)
    await expect(desk.locator("#its-camera")).to_contain_text("fake")
    await expect(desk.locator("#its-browser")).to_contain_text("Linux")
    await expect(desk.locator("#way")).to_have_text(re.compile("^straight, [0-9]+ ms there and back$"))
    await expect(desk.locator("#way-said")).to_have_text("connection good")
    assert await axe(page) == [] == await axe(desk)
    await desk.get_by_role("button", name="Let them hear me").click()
    await flowing(page, sounds=1)
    await page.reload()
    await page.get_by_role("button", name="Start the test").tap()
    await desk.reload()
    await they_see_each_other(page, desk)
    os.kill(int((court.data / "worker" / "worker.pid").read_text()), signal.SIGKILL)
    for end in (page, desk):
        await eventually(lambda end=end: end.evaluate(ANEW))
    await they_see_each_other(page, desk)
    await desk.get_by_label("is good").check()
    await desk.get_by_role("button", name="End the test").click()
    await expect(desk.locator("#standing")).to_contain_text("tested, good")
    await expect(desk.get_by_role("button", name="End the test")).to_have_count(0)
    await expect(page.locator("#now")).to_contain_text("Thank you. The test went well")
    assert await leaves(hearing) == [*before, "test.held"]
    assert not (court.data / "recordings" / arranged["test"]).exists()


async def opened(person: Person, link: str) -> Page:
    page = person.page
    await page.goto(link)
    await page.get_by_role("button", name="Open the test").tap()
    await page.wait_for_url("**/tests/*")
    await page.get_by_role("button", name="Start the test").tap()
    return page


async def they_see_each_other(page: Page, desk: Page) -> None:
    await expect(page.locator("#seen-said")).to_have_text("The court sees you.", timeout=15_000)
    await expect(page.locator("#heard-said")).to_have_text("We hear you well.")
    await expect(page.locator("#way-said")).to_have_text("The connection is good.")
    await expect(desk.locator("#presence")).to_have_text("Here. Picture and sound come.")
    await flowing(desk, sounds=1, pictures=1)
    await eventually(lambda: desk.evaluate("document.getElementById('level').value > 0"))
    await eventually(lambda: desk.evaluate("document.getElementById('beyond').videoWidth > 0"))


async def leaves(hearing: Hearing) -> list[str]:
    told = await hearing.court.coordinator.get(f"/hearings/{hearing.id}/journal")
    return [one["type"] for one in told]
