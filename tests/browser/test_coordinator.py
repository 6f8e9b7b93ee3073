"""The coordinator's way from signing in to links that are opened, by keyboard alone; and what goes wrong on it."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import FileChooser, Page, Route, expect

from frontend.rehearse import PASSWORD, Court, Hearing
from frontend.visitor import Visitor
from tests.browser.people import PHONE, People, Person, axe, open_link, press, reach, speak, write

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHOOSER_SECONDS = 20
REFERENCE = "Keyboard 171/2026"
MATTER = "Theft from a warehouse in the port of Exampleton"
ISOLATED = "\u2068{}\u2069"  # so that a time stands right in a line of any direction
WHEN = f"Thursday 5 June 2031, {ISOLATED.format('14:30')} (Amsterdam, {ISOLATED.format('UTC+02:00')})"
WHEN_THERE = f"{ISOLATED.format('13:30')} (Lisbon, {ISOLATED.format('UTC+01:00')})"
ABROAD = {
    "heard": "Witness A",
    "authority": "Magistrate B",
    "interpreter": "Interpreter C",
    "lawyer": "Lawyer F",
}


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    letter = tmp_path / "Letter of request.pdf"
    letter.write_bytes(b"%PDF-1.4\n% A letter.\n%%EOF\n")
    return letter


async def test_from_sign_in_to_opened_links_by_keyboard(people: People, letter: Path) -> None:
    coordinator = await people("coordinator")
    desk = await people("desk")
    page = await coordinator.go("/hearings")
    await signs_in(page)
    await press(page.get_by_role("link", name="Enter a letter of request"))
    await enters_the_request(page, letter)
    link = await copies(page)
    place = await open_link(desk.page, link)
    await accepts(desk, place)
    await expect(page.locator("#spine")).to_contain_text("accepted")
    await press(page.locator("#spine").get_by_role("link", name="Time"))
    await proposes_a_time(page)
    await confirms(desk, place)
    await expect(page.locator("#time")).to_contain_text("The time is fixed. Both sides confirmed it.")
    await press(page.locator("#spine").get_by_role("link", name="People and places"))
    await adds_a_room_abroad(page)
    await adds_a_judge(page)
    bench = page.locator(".card", has_text="Judge A")
    await press(bench.get_by_role("button", name="Make the link"))
    link = await copies(page)
    await expect(bench).to_contain_text("link made, not opened")
    judge = await people("judge")
    await open_link(judge.page, link)
    await expect(bench).to_contain_text("link opened, not here now")
    await desk_sends_the_room_abroad_its_link(desk, place, people)
    await expect(page.locator(".card", has_text="Witness A")).to_contain_text("link opened, not here now")
    await expect(page.locator("#spine")).to_contain_text("5 people in 2 places")


async def signs_in(page: Page) -> None:
    assert urlsplit(page.url).path == "/sign-in"
    await write(page.get_by_label("Name to sign in with"), "coordinator")
    await write(page.get_by_label("Password"), PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/hearings")


async def enters_the_request(page: Page, letter: Path) -> None:
    """The two authorities are filled in already; the letter is chosen as a keyboard chooses files."""
    # Asked for long before the key is pressed, for the browser may be told of it too late.
    choosers: asyncio.Queue[FileChooser] = asyncio.Queue()
    page.once("filechooser", choosers.put_nowait)
    await press(page.get_by_label("Directive 2014/41/EU"), "Space")
    await write(page.get_by_label("Reference of the request"), REFERENCE)
    await write(page.get_by_label("Matter", exact=True), MATTER)
    await write(page.get_by_label("Who is to be heard, and on what"), "To hear Witness A.")
    field = await reach(page.get_by_label("The letter of request"))
    await field.page.keyboard.press("Enter")
    async with asyncio.timeout(CHOOSER_SECONDS):
        await (await choosers.get()).set_files(letter)
    await press(page.get_by_role("button", name="Enter the request"))
    await page.wait_for_url("**/request?kept=*")
    await expect(page.locator("#request")).to_contain_text("Letter of request.pdf")


async def copies(page: Page) -> str:
    """The link as it stands on the page, and in the clipboard, and as a drawing for a phone."""
    box = page.locator(".told")
    shown = (await box.locator(".address").inner_text()).strip()
    await press(box.get_by_role("button", name="Copy the link"))
    await expect(box.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == shown
    await press(box.locator("summary"))
    await expect(box.locator("svg.qr")).to_be_visible()
    return shown


async def accepts(desk: Person, place: str) -> None:
    await desk.go(f"/places/{place}/request")
    await desk.page.get_by_role("button", name="Accept the request").click()
    await desk.page.wait_for_url("**/schedule")


async def proposes_a_time(page: Page) -> None:
    """A day and a time, segment by segment, as a keyboard fills them in; then from hour to hour, until nothing speaks
    against it.
    """
    chosen = page.locator("#chosen")
    await expect(chosen.locator("time")).to_have_count(2)
    await expect(chosen.locator(".cautions")).to_have_count(0)  # the page has found a good hour already
    await reach(page.get_by_label("Day", exact=True))
    for digits in ("06", "06", "2031"):  # the sixth of the sixth, whichever comes first here
        await page.keyboard.type(digits)
    await write(page.get_by_label("Length in minutes"), "45")
    await reach(page.get_by_label("Exact time"))
    for digits in ("16", "30"):
        await page.keyboard.type(digits)
    await press(page.get_by_role("button", name="Show this day"))
    await page.wait_for_url("**day=2031-06-06**")
    await expect(chosen).to_contain_text("not within usual working hours (09:00 to 17:00): 16:30 to 17:15")
    await expect(page.get_by_role("radio", checked=True)).to_have_accessible_name(
        "16:30 Amsterdam working hours 15:30 Lisbon working hours"
    )
    await reach(page.locator("#hours :checked"))
    for _ in range(4):
        await page.keyboard.press("ArrowUp")
    await expect(chosen).to_contain_text(WHEN.replace("Thursday 5", "Friday 6"))
    await expect(chosen).to_contain_text(WHEN_THERE)
    await expect(chosen.locator(".cautions")).to_have_count(0)
    await press(page.get_by_role("button", name="Propose this time"))
    await expect(page.locator(".proposal")).to_contain_text(WHEN.replace("Thursday 5", "Friday 6"))
    await expect(page.locator(".proposal")).to_contain_text(WHEN_THERE)
    await expect(page.locator(".proposal")).to_contain_text("45 minutes")


async def confirms(desk: Person, place: str) -> None:
    await desk.go(f"/places/{place}/schedule")
    await desk.page.get_by_role("button", name="Confirm this time").click()
    await expect(desk.page.locator("#time")).to_contain_text("The time is fixed.")


async def adds_a_room_abroad(page: Page) -> None:
    """Four people behind one camera: four names and the name of the room."""
    await press(page.get_by_role("link", name="A room abroad"))
    for n, name in enumerate(ABROAD.values()):
        await write(page.locator(f"[name='people.{n}.name']"), name)
    await write(page.get_by_label("Name of the place"), "Room 2, Court of Samplia")
    await press(page.get_by_role("button", name="Add this place"))
    card = page.locator(".card", has_text="Room 2, Court of Samplia")
    for name in ABROAD.values():
        await expect(card).to_contain_text(name)
    await expect(card).to_contain_text("The requested side makes this link")


async def adds_a_judge(page: Page) -> None:
    await press(page.get_by_role("link", name="The presiding judge or prosecutor"))
    await write(page.get_by_label("Name, as others see it"), "Judge A")
    await write(page.get_by_label("Name of the place"), "Court room 3")
    await press(page.get_by_role("button", name="Add this place"))
    await expect(page.locator(".card", has_text="Judge A")).to_contain_text("no link yet")


async def desk_sends_the_room_abroad_its_link(desk: Person, place: str, people: People) -> None:
    page = await desk.go(f"/places/{place}/people")
    card = page.locator(".card", has_text="Room 2, Court of Samplia")
    await card.get_by_role("button", name="Make the link").click()
    link = (await page.locator(".told .address").inner_text()).strip()
    abroad = await people("abroad")
    await open_link(abroad.page, link)
    await expect(abroad.page.locator("main")).to_contain_text(MATTER)


# --- what goes wrong ---------------------------------------------------------------------------------


async def signed_in(people: People, court: Court) -> Page:
    return (await people("coordinator", visitor=court.coordinator)).page


async def test_a_login_that_ends_in_the_middle_of_a_long_form_loses_nothing(
    people: People, court: Court, letter: Path
) -> None:
    """Text, choice and file are there again after signing in, and the request can be sent as it is."""
    visitor = Visitor(court.origin)
    await visitor.post("/sign-in", {"login": "coordinator", "password": PASSWORD})
    page = (await people("coordinator", visitor=visitor)).page
    await page.goto(f"{court.origin}/hearings/new")
    await page.get_by_label("Directive 2014/41/EU").check()
    await page.get_by_label("Reference of the request").fill("Expired 1/2026")
    await page.get_by_label("Matter", exact=True).fill("A matter typed with care")
    await page.get_by_label("Who is to be heard, and on what").fill("To hear Witness A.\nAt length.")
    await page.get_by_label("The letter of request").set_input_files(letter)
    await visitor.post("/sign-out")
    await visitor.close()
    await page.get_by_role("button", name="Enter the request").click()
    await page.wait_for_url("**/sign-in?next=*")
    await page.get_by_label("Name to sign in with").fill("coordinator")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url("**/hearings/new?kept=*")
    await expect(page.get_by_label("Matter", exact=True)).to_have_value("A matter typed with care")
    await expect(page.get_by_label("Who is to be heard, and on what")).to_have_value(
        "To hear Witness A.\nAt length."
    )
    await expect(page.get_by_label("Directive 2014/41/EU")).to_be_checked()
    await expect(page.locator(".keptfile")).to_contain_text("Letter of request.pdf is still here.")
    await page.get_by_role("button", name="Enter the request").click()
    await expect(page.locator("#request")).to_contain_text("Letter of request.pdf")
    await expect(page.locator("h1")).to_have_text("A matter typed with care")


async def test_a_double_press_enters_one_request(people: People, court: Court, letter: Path) -> None:
    page = await signed_in(people, court)
    await fill_the_request(page, court, "Double 1/2026", letter)
    await page.get_by_role("button", name="Enter the request").dblclick()
    await page.wait_for_url("**/request?kept=*")
    await page.goto(f"{court.origin}/hearings?text=Double+1%2F2026")
    await expect(page.locator(".case")).to_have_count(1)


async def test_going_back_enters_nothing_again(people: People, court: Court, letter: Path) -> None:
    """Back is an empty form; forward is the request that was entered, its link still shown."""
    page = await signed_in(people, court)
    await fill_the_request(page, court, "Back 1/2026", letter)
    await page.get_by_role("button", name="Enter the request").click()
    await page.wait_for_url("**/request?kept=*")
    link = await page.locator(".told .address").inner_text()
    await page.go_back()
    await page.wait_for_url("**/hearings/new")
    await page.go_forward()
    await page.wait_for_url("**/request?kept=*")
    await expect(page.locator(".told .address")).to_have_text(link)
    await page.reload()
    await page.goto(f"{court.origin}/hearings?text=Back+1%2F2026")
    await expect(page.locator(".case")).to_have_count(1)


async def fill_the_request(page: Page, court: Court, reference: str, letter: Path) -> None:
    await page.goto(f"{court.origin}/hearings/new")
    await page.get_by_label("Directive 2014/41/EU").check()
    await page.get_by_label("Reference of the request").fill(reference)
    await page.get_by_label("Matter", exact=True).fill("A matter")
    await page.get_by_label("Who is to be heard, and on what").fill("To hear Witness A.")
    await page.get_by_label("The letter of request").set_input_files(letter)


async def test_what_is_missing_is_said_at_the_top_and_beside_the_field(people: People, court: Court) -> None:
    """The summary has the focus, and its lines lead to the fields."""
    page = await signed_in(people, court)
    await page.goto(f"{court.origin}/hearings/new")
    await page.get_by_label("Matter", exact=True).fill("Half a form")
    await page.get_by_role("button", name="Enter the request").click()
    summary = page.locator("#problem")
    await expect(summary).to_be_focused()
    await expect(summary).to_contain_text("Reference of the request: This is missing.")
    assert await axe(page) == []
    await summary.get_by_role("link", name="Reference of the request").click()
    await expect(page.locator("#new-reference")).to_be_focused()
    await expect(page.locator("#new-reference")).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_label("Matter", exact=True)).to_have_value("Half a form")
    assert (await page.title()).startswith("Not done:")


async def test_forms_work_without_script(people: People, court: Court, hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    person = await people("coordinator", visitor=court.coordinator, java_script_enabled=False)
    page = await person.go(f"/hearings/{hearing.id}/schedule?day=2031-06-05")
    await page.get_by_role("link", name="Day before").click()
    await page.get_by_role("link", name="Day after").click()
    await page.get_by_role("radio", name="14:30 Amsterdam").check()
    await page.get_by_role("button", name="Choose this hour").click()
    await expect(page.locator("#chosen")).to_contain_text(WHEN)
    await page.get_by_role("button", name="Propose this time").click()
    await expect(page.locator(".proposal")).to_contain_text(WHEN)
    await page.goto(f"{court.origin}/hearings/{hearing.id}/people?adding=abroad")
    await page.locator("[name='people.0.name']").fill("Witness A")
    await page.get_by_role("button", name="Add this place").click()
    await expect(page.locator("#problem")).to_contain_text("Name of the place: This is missing.")
    await expect(page.locator("[name='people.0.name']")).to_have_value("Witness A")
    await page.get_by_label("Name of the place").fill("Room 2")
    await page.get_by_role("button", name="Add this place").click()
    await expect(page.locator(".card", has_text="Room 2")).to_contain_text("Witness A")


async def test_a_time_that_the_clocks_skip_or_repeat_is_explained_and_asked_beside_it(
    people: People, court: Court, hearing: Hearing
) -> None:
    await hearing.request()
    await hearing.accept()
    page = await signed_in(people, court)
    await page.goto(f"{court.origin}/hearings/{hearing.id}/schedule")
    await page.get_by_label("Day", exact=True).fill("2031-03-30")
    await page.get_by_label("Exact time").fill("02:30")
    await page.get_by_role("button", name="Show this day").click()
    await expect(page.locator("#choose-time-wrong")).to_contain_text("does not exist")
    await expect(page.get_by_label("Exact time")).to_have_value("02:30")
    await expect(page.get_by_role("button", name="Propose this time")).to_have_count(0)
    await page.get_by_label("Day", exact=True).fill("2031-10-26")
    await page.get_by_role("button", name="Show this day").click()
    await expect(page.locator("#choose-time-wrong")).to_contain_text("comes twice")
    await page.get_by_role("link", name="the later one").click()
    await expect(page.locator("#chosen")).to_contain_text("at night there")
    await expect(page.locator("#chosen")).to_contain_text("the clocks change on 26 October 2031")
    assert await axe(page) == []
    await page.get_by_role("button", name="Propose this time").click()
    await expect(page.locator(".proposal")).to_contain_text("UTC+01:00")
    await expect(page.locator(".proposal .cautions").first).to_contain_text("it is night")


async def test_whoever_is_quicker_than_the_answer_proposes_what_they_chose(
    people: People, court: Court, hearing: Hearing
) -> None:
    """On a telephone, in Arabic: pressed while the answer is still on its way."""
    await hearing.request()
    await hearing.accept()
    person = await people("coordinator", visitor=court.coordinator, viewport=PHONE)
    await speak(person, "ar")
    page = await person.go(f"/hearings/{hearing.id}/schedule?day=2031-06-05")
    assert await axe(page) == []
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route("**/schedule?*at=*", hold)
    await page.locator("#hours [type=radio]").nth(29).check()
    await asked.wait()
    await page.locator("#propose button").click(no_wait_after=True)
    go_on.set()
    await expect(page.locator(".proposal")).to_contain_text(ISOLATED.format("14:30"))
    assert await axe(page) == []


async def test_two_tabs_of_staff_both_live(people: People, court: Court, hearing: Hearing) -> None:
    """What one tab does the other shows by itself, and a form that is being filled in there is not disturbed."""
    await hearing.request()
    person = await people("coordinator", visitor=court.coordinator)
    first, second = person.page, await person.context.new_page()
    for page in (first, second):
        await page.goto(f"{court.origin}/hearings/{hearing.id}/schedule")
        await expect(page.locator("#time")).to_contain_text(
            "It can be proposed when the request is accepted."
        )
    await hearing.accept()
    for page in (first, second):
        await expect(page.locator("#spine")).to_contain_text("accepted")
    await first.reload()
    await second.reload()
    await second.get_by_label("Length in minutes").fill("75")
    await first.get_by_label("Day", exact=True).fill("2031-06-05")
    await first.get_by_label("Exact time").fill("14:30")
    await first.get_by_role("button", name="Show this day").click()
    await first.get_by_role("button", name="Propose this time").click()
    await expect(second.locator(".proposal")).to_contain_text(WHEN)
    await expect(second.get_by_label("Length in minutes")).to_have_value("75")
