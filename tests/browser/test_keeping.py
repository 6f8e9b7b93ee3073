"""Keeping and destroying in a browser, years later: every page of it accessible, and the end of a hearing seen by who looks on."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from frontend.words import LANGUAGES
from tests.browser.docket import Look
from tests.browser.people import People, speak
from tests.browser.test_pages import MEDIAN_MS, TRIES, faults_of, median_ms
from tests.frontend.years_later import REFERENCES, Later, years_later

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def later(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Later]:
    async with years_later(tmp_path_factory.mktemp("later")) as later:
        yield later


def looks(later: Later) -> list[Look]:
    return [
        Look("docket-later", later.clerk, "/hearings"),
        *(
            Look(f"keeping-{one}", later.clerk, later.path(one, "/keeping"))
            for one in ("held", "due", "conflict")
        ),
        Look("keeping-due-abroad", later.abroad, later.path("due", "/keeping")),
        Look("certificate", later.abroad, later.path("destroyed", "/certificate")),
        Look("staff-rules", later.administrator, "/staff"),
    ]


async def test_every_page_is_quick(later: Later) -> None:
    slow = {look.name: look for look in looks(later)}
    for _ in range(TRIES):
        medians = {name: await median_ms(look) for name, look in slow.items()}
        slow = {name: look for name, look in slow.items() if medians[name] >= MEDIAN_MS}
    assert slow == {}, medians


async def test_axe_finds_nothing_on_any_of_them(later: Later, browser: Browser) -> None:
    people = People(browser, later.origin)
    try:
        for language in LANGUAGES:
            for look in looks(later):
                person = await people(look.name, visitor=look.visitor)
                await speak(person, language)
                assert await faults_of(person, look) == [], (look.name, language)
        assert await people.verdict() == []
    finally:
        await people.leave()


async def test_a_page_that_lies_open_says_that_it_was_destroyed(later: Later, browser: Browser) -> None:
    people = People(browser, later.origin)
    try:
        looking = await people("looking", visitor=later.abroad)
        clerk = await people("clerk", visitor=later.clerk)
        await looking.go(later.path("due", "/keeping"))
        page = await clerk.go(later.path("due", "/keeping"))
        await page.get_by_label("Reference of this hearing").fill(REFERENCES["due"])
        await page.get_by_role("button", name="Destroy it for good").click()
        await expect(page.get_by_role("heading", name="Certificate of destruction")).to_be_visible()
        await expect(looking.page.get_by_text("Everything of this hearing was destroyed.")).to_be_visible()
        await looking.page.reload()
        await expect(looking.page).to_have_url(re.compile("/certificate$"))
        assert await people.verdict() == []
    finally:
        await people.leave()
