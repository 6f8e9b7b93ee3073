"""The verifier for the browser, opened from disk: the answers of the command, in Chromium and in Firefox."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from hearings import package, verify_page
from hearings.verify import Verdict
from tests.browser.firefox import firefox
from tests.browser.people import DESK, PHONE, axe
from tests.hearings import records as r
from tests.hearings.test_vectors import CASES, VECTORS, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANSWER = """async () => {
  const button = document.getElementById("check");
  button.click();
  while (button.disabled) await new Promise((resolve) => setTimeout(resolve, 5));
  const checks = [...document.querySelectorAll("#checks li")];
  return {
    verdict: document.getElementById("verdict").className,
    reason: document.getElementById("verdict-reason").textContent,
    checks: checks.map((one) => [one.dataset.check, one.dataset.outcome]),
    found: checks.map((one) => one.querySelector(".found").textContent),
  };
}"""
"""Presses the button, and gives what the page then shows."""


@dataclass
class Reader:
    """Somebody with the page open: chooses files in its fields, and reads."""

    choose: Callable[..., Awaitable[None]]
    evaluate: Callable[[str], Awaitable[Any]]

    async def asks(self, record: Path, trust: Path | None = None, head: Path | None = None) -> dict[str, Any]:
        for field, file in (("#record", record), ("#trust", trust), ("#head", head)):
            await self.choose(field, *([file] if file else []))
        told: dict[str, Any] = await self.evaluate(ANSWER)
        return told


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("page") / "verify.html"
    file.write_bytes(verify_page.page())
    return file


@asynccontextmanager
async def opened(browser: Browser, file: Path, language: str = "en") -> AsyncIterator[tuple[Page, list[str]]]:
    """The page in Chromium, and what its console complains of."""
    context = await browser.new_context(locale=language, viewport=DESK)
    try:
        page, faults = await context.new_page(), list[str]()
        page.on(
            "console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda asked: faults.append(asked.url) if asked.url.startswith("http") else None)
        await page.goto(file.as_uri())
        yield page, faults
    finally:
        await context.close()


def in_chromium(page: Page) -> Reader:
    async def choose(field: str, *files: Path) -> None:
        await page.locator(field).set_input_files(list(files))

    return Reader(choose, page.evaluate)


def fault(case: dict[str, Any], command: Verdict, shown: dict[str, Any]) -> str | None:
    """Where the page's answer is another than the command's. What it leaves, it must say that it leaves."""
    outcomes = {check.name: str(check.outcome) for check in command.checks}
    if [name for name, _ in shown["checks"]] != list(outcomes):
        return "other checks, or another order"
    pages = dict(shown["checks"])
    if case["left"]:
        seen = pages[case["refused"]] in ("part", "left") and shown["verdict"] == "whole"
        return None if seen else "it sees what it does not check"
    if (shown["verdict"] in ("whole", "listed")) != command.accepted:
        return f"verdict {shown['verdict']}"
    return next(
        (
            f"{name}: {outcome} here, {outcomes[name]} there"
            for name, outcome in pages.items()
            if {"part": "ok"}.get(outcome, outcome) != outcomes[name]
            and not (outcome == "left" and outcomes[name] in ("ok", "skipped"))
        ),
        None,
    )


@pytest.fixture(scope="module")
def answers() -> dict[str, Verdict]:
    """The command's, by the names of the cases."""
    return {case["name"]: told(case) for case in CASES}


async def faults_in(reader: Reader, answers: dict[str, Verdict]) -> dict[str, str]:
    found = {}
    for case in CASES:
        trust, head = (VECTORS / case[what] if case[what] else None for what in ("trust", "head"))
        shown = await reader.asks(VECTORS / case["package"], trust, head)
        if wrong := fault(case, answers[case["name"]], shown):
            found[case["name"]] = f"{wrong} {shown}"
    return found


async def test_chromium_gives_the_answers_of_the_command(
    browser: Browser, page_file: Path, answers: dict[str, Verdict]
) -> None:
    async with opened(browser, page_file) as (page, faults):
        workers: list[str] = []
        page.on("worker", lambda worker: workers.append(worker.url))
        assert await faults_in(in_chromium(page), answers) == {}
        assert len(workers) == len(CASES)
        assert faults == []


async def test_firefox_gives_the_answers_of_the_command(
    page_file: Path, tmp_path: Path, answers: dict[str, Verdict]
) -> None:
    async with firefox(tmp_path / "profile", preload=COUNTED) as page:
        await page.goto(page_file.as_uri())
        assert await faults_in(Reader(page.choose, page.evaluate), answers) == {}
        assert await page.evaluate("() => globalThis.workers") == len(CASES)
        assert page.faults == []


COUNTED = """
globalThis.workers = 0;
globalThis.Worker = class extends Worker { constructor(...words) { super(...words); globalThis.workers++; } };
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Refused with words of its own: they turn around what follows, and would be markup."""

    def sealed_elsewhere(record: r.Draft) -> None:
        path = "data/minutes/\u202e\u200b\n<img src=x onerror=alert(1)>" + "x" * 1000
        record.say(r.OFF + 2, "media.sealed", path=path, sha256="0" * 64)

    file = tmp_path_factory.mktemp("hostile") / "record.asice"
    file.write_bytes(r.sealed(r.draft(sealed_elsewhere).contents()))
    return file


async def test_hostile_words_are_shown_and_do_nothing(
    browser: Browser, page_file: Path, hostile: Path
) -> None:
    async with opened(browser, page_file) as (page, faults):
        shown = await in_chromium(page).asks(hostile)
        assert dict(shown["checks"])["files"] == "refused"
        assert "data/minutes/⟨U+202E⟩⟨U+200B⟩⟨U+000A⟩<img src=x onerror=alert(1)>" in shown["reason"]
        assert len(shown["reason"]) < 500
        assert await page.locator("img").count() == 0
        assert faults == []


async def test_without_a_worker_it_checks_within_the_page(browser: Browser, page_file: Path) -> None:
    async with opened(browser, page_file) as (page, faults):
        await page.add_init_script(
            "globalThis.Worker = class { constructor() { throw new Error('none'); } };"
        )
        await page.reload()
        for name, verdict in (("redacted", "whole"), ("a-bomb", "refused")):
            shown = await in_chromium(page).asks(VECTORS / f"{name}.asice")
            assert shown["verdict"] == verdict
        assert faults == []


async def test_a_trust_file_that_cannot_be_read_is_not_held_against_the_record(
    browser: Browser, page_file: Path
) -> None:
    async with opened(browser, page_file) as (page, faults):
        shown = await in_chromium(page).asks(VECTORS / "full.asice", VECTORS / "named-twice.json")
        assert shown["verdict"] == "unread"
        assert "trust.json" in shown["reason"]
        assert faults == []


async def test_the_command_that_it_shows_can_be_pasted(
    browser: Browser, page_file: Path, tmp_path: Path
) -> None:
    async with opened(browser, page_file) as (page, faults):
        for name, named in (
            ("full.asice", "full.asice"),
            ("x;reboot.asice", "RECORD.asice"),
            ("-x", "RECORD.asice"),
        ):
            (tmp_path / name).write_bytes((VECTORS / "never-sat.asice").read_bytes())
            await in_chromium(page).asks(tmp_path / name)
            assert (
                await page.locator("#command").inner_text() == f"vivavoce verify {named} --trust trust.json"
            )
        assert faults == []


async def test_the_page_has_no_way_out(browser: Browser, page_file: Path) -> None:
    async with opened(browser, page_file) as (page, faults):
        told = await page.evaluate(
            "fetch('https://court.example/').then(() => 'sent', (error) => error.name)"
        )
        assert told == "TypeError"
        assert any("Content Security Policy" in one for one in faults)


async def test_it_can_be_read_in_six_languages_on_a_desk_and_on_a_telephone(
    browser: Browser, page_file: Path
) -> None:
    async with opened(browser, page_file, "ar-EG") as (page, faults):
        await page.locator("summary").click()
        assert await page.locator("html").get_attribute("lang") == "ar"
        await in_chromium(page).asks(VECTORS / "a-forged-disclosure.asice")
        assert await axe(page) == []
        await in_chromium(page).asks(VECTORS / "redacted.asice", VECTORS / "listed.json")
        for language in ("en", *verify_page.LANGUAGES):
            await page.set_viewport_size(PHONE)
            await page.locator("#language").select_option(language)
            assert await page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), language
            assert (await page.evaluate(ENGLISH) == 0) == (language != "en"), language
        await page.set_viewport_size(DESK)
        assert await axe(page) == []
        assert faults == []


ENGLISH = (
    "[...document.querySelectorAll('[data-say]')].filter((one) => one.dataset.say === one.textContent).length"
)


async def test_it_is_used_by_keyboard_and_tells_where_to_read(browser: Browser, page_file: Path) -> None:
    async with opened(browser, page_file) as (page, faults):
        await page.locator("#check").focus()
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.activeElement.id") == "record"
        assert await page.locator("#record-bad").is_visible()
        await in_chromium(page).choose("#record", VECTORS / "full.asice")
        await page.locator("#check").focus()
        await page.keyboard.press("Enter")
        await page.locator("#verdict.whole").wait_for()
        assert await page.evaluate("document.activeElement.id") == "verdict-head"
        assert not await page.locator("#record-bad").is_visible()
        await page.locator("#language").select_option("ar")
        assert "لم يُعثر" in await page.locator("#verdict-head").inner_text()
        assert faults == []


async def test_a_package_carries_its_page_and_it_works_from_there(browser: Browser, tmp_path: Path) -> None:
    contents = r.draft().contents()
    (tmp_path / "record.asice").write_bytes(
        r.sealed(
            package.Contents(**{name: value for name, value in vars(contents).items() if name != "page"})
        )
    )
    (tmp_path / "verify.html").write_bytes(
        r.parts((tmp_path / "record.asice").read_bytes())["data/verify.html"]
    )
    async with opened(browser, tmp_path / "verify.html") as (page, faults):
        shown = await in_chromium(page).asks(tmp_path / "record.asice")
        assert shown["verdict"] == "whole"
        assert faults == []
