"""Every page of the demonstration's docket: quick, accessible in both languages, and without a way to nowhere."""

import statistics
import time
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from frontend.words import LANGUAGES
from tests.browser.docket import Docket, Look, docket
from tests.browser.people import PHONE, People, axe

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEDIAN_MS = 50
TIMES, TRIES = 9, 3
PAGE = {"accept": "text/html"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Docket]:
    async with docket(tmp_path_factory.mktemp("docket")) as shown:
        yield shown


async def test_every_page_answers_in_fifty_milliseconds_at_the_median(shown: Docket) -> None:
    """While a hearing is in session in the same process. What something else on the machine held up is asked again."""
    slow = {look.name: look for look in shown.looks()}
    for _ in range(TRIES):
        medians = {name: await median_ms(look) for name, look in slow.items()}
        slow = {name: look for name, look in slow.items() if medians[name] >= MEDIAN_MS}
    assert slow == {}, medians


async def median_ms(look: Look) -> float:
    return statistics.median([await answer_ms(look) for _ in range(TIMES)])


async def answer_ms(look: Look) -> float:
    began = time.perf_counter()
    answer = await look.visitor.http.get(look.path, headers=PAGE)
    assert answer.status_code == 200, (look.name, answer.status_code)
    return (time.perf_counter() - began) * 1000


class Ways(HTMLParser):
    """Where a page's links and forms lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "a" and told.get("href"):
            self.found.add(str(told["href"]))


async def test_every_link_leads_somewhere(shown: Docket) -> None:
    tried: dict[tuple[int, str], int] = {}
    for look in shown.looks():
        page = await look.visitor.http.get(look.path, headers=PAGE)
        ways = Ways()
        ways.feed(page.text)
        for way in ways.found:
            target = urlsplit(urljoin(look.path, way))
            if target.scheme or not target.path:
                continue
            key = (id(look.visitor), target.path)
            if key not in tried:
                tried[key] = (await look.visitor.http.get(target.path, headers=PAGE)).status_code
            assert tried[key] in {200, 303}, f"{look.name}: {way} gives {tried[key]}"
    assert len(tried) > 50


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing_on_any_page(shown: Docket, browser: Browser, language: str) -> None:
    """WCAG 2.2 AA; no page is wider than a telephone either, and none complains in its console."""
    people = People(browser, shown.house.origin)
    found: dict[str, list[str]] = {}
    try:
        persons = {}
        for look in shown.looks():
            if look.visitor not in persons:
                person = persons[look.visitor] = await people(look.name, visitor=look.visitor)
                cookie = {"name": "language", "value": language, "domain": "localhost", "path": "/"}
                await person.context.add_cookies([cookie])
            page = await persons[look.visitor].go(look.path)
            assert await page.evaluate("document.documentElement.lang") == language
            faults = await axe(page)
            await page.set_viewport_size(PHONE)
            if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                faults.append("wider than a telephone")
            await page.set_viewport_size({"width": 1280, "height": 900})
            if faults:
                found[look.name] = faults
        assert found == {}
        assert await people.verdict() == []
    finally:
        await people.leave()
