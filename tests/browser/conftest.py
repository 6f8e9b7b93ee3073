"""A browser for all tests of pages, and people at it who are watched."""

from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright

from frontend.rehearse import Court
from tests.browser.chromium import chromium, write_voice
from tests.browser.people import People

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Leaves word for the fixtures whether the test has failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    voice = write_voice(tmp_path_factory.mktemp("voice") / "voice.wav")
    async with await chromium(playwright, voice=voice) as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def wary_browser(playwright: Playwright) -> AsyncIterator[Browser]:
    async with await chromium(playwright, wary=True) as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="session")
async def people(
    browser: Browser, court: Court, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[People]:
    """`person = await people("judge")`: a browser context of their own.

    The test fails when a page of anybody had an error in its console, an exception, a violation of the content
    policy, or a request to another origin. Pictures of a test that fails are kept in its folder.
    """
    async with _watched(People(browser, court.origin), request.node, tmp_path) as people:
        yield people


@pytest_asyncio.fixture(loop_scope="session")
async def wary_people(
    wary_browser: Browser, court: Court, request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[People]:
    """As `people`, but camera and microphone open only for who comes with these `permissions`."""
    async with _watched(People(wary_browser, court.origin), request.node, tmp_path) as people:
        yield people


@asynccontextmanager
async def _watched(people: People, test: pytest.Item, folder: Path) -> AsyncIterator[People]:
    yield people
    try:
        faults = await people.verdict()
        if test.stash.get(FAILED, False) or faults:
            await people.keep(folder)
            print(f"What everybody saw is in {folder}")
    finally:
        await people.leave()
    assert not faults, "\n".join(faults)
