"""What somebody might try against the pages, and what went wrong once. A real service."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from frontend.access import HEADERS
from frontend.rehearse import JUDGE, WITNESS, Cast, Court, Hearing
from frontend.visitor import DoorRefused, Seat, Visitor
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = {"accept": "text/html"}
PANEL = Cast("Judge P", "panel", "requesting")
OBSERVER = Cast("Observer L", "observer", "requesting")
OVERSEEN = ("request", "schedule", "people", "checklist", "record", "journal")
SPITE = """<script>alert(1)</script> " ' {0.__class__} {name} %(name)s {{ 77*77 }} \\ &amp;"""


async def page(visitor: Visitor, path: str, **cookies: str) -> httpx.Response:
    sent = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    return await visitor.http.get(path, headers={**PAGE, **sent})


async def press(visitor: Visitor, path: str, **typed: str) -> httpx.Response:
    """A form of a browser, sent without its page."""
    if "csrf" not in visitor.http.cookies:
        await visitor.http.get("/verify")
    told = {"_csrf_token": visitor.http.cookies["csrf"], **typed}
    return await visitor.http.post(path, data=told, headers=PAGE)


# --- who sees what


async def test_a_member_of_the_panel_sees_every_page_before_and_in_the_room(hearing: Hearing) -> None:
    await scheduled(hearing)
    panel = await hearing.add([PANEL], seed=0)
    for _ in range(2):
        for what in ("", *(f"/{one}" for one in (*OVERSEEN, "room", "check"))):
            assert (await page(panel, f"/places/{panel.place}{what}")).status_code == 200, what
        if (await panel.look())["state"] == "scheduled":
            await hearing.staff("room/open")
    shown = (await page(panel, f"/places/{panel.place}/room")).text
    assert 'id="message-to"' not in shown, "who does not write for the court cannot choose a place"


@pytest.mark.parametrize("cast", [WITNESS, OBSERVER], ids=lambda cast: cast.role)
async def test_the_pages_of_the_whole_hearing_are_not_there_for_others(hearing: Hearing, cast: Cast) -> None:
    await scheduled(hearing)
    seat = await hearing.add([cast], seed=0)
    for what in OVERSEEN:
        assert (await page(seat, f"/places/{seat.place}/{what}")).status_code == 404, what


async def test_who_waits_is_told_nobodys_reasons(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    await hearing.staff("room/open")
    until = {"wall": "2031-01-15T10:00", "zone": "Europe/Amsterdam"}
    await judge.act("room/adjourn", {"reason": "Counsel E is ill.", "until": until})
    for what in ("", "/hearing", "/room", "/schedule/calendar.ics"):
        told = await page(witness, f"/places/{witness.place}{what}")
        assert "Counsel E" not in told.text, what
        assert "Judge A" not in told.text, what
    assert (await witness.look())["adjourned"]["until"] == "2031-01-15T09:00:00.000Z"
    assert "Counsel E" in (await page(judge, f"/places/{judge.place}/schedule")).text


async def test_who_waits_is_not_told_why_a_hearing_was_postponed(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=1)
    await hearing.staff("schedule/postpone", {"code": "unavailable", "reason": "Counsel E is ill."})
    told = await witness.look()
    assert told["postponed"]["reason"] is None
    assert told["postponed"]["code"]
    assert "Counsel E" not in (await page(witness, f"/places/{witness.place}")).text


async def test_the_cookie_of_one_place_opens_no_other(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    token = next(one.value for one in witness.http.cookies.jar if one.name == "place")
    stranger = hearing.court.visitor()
    for name in ("place", "staff"):
        for path in (f"/places/{judge.place}/hearing", f"/hearings/{hearing.id}/hearing", "/account"):
            answer = await stranger.http.get(path, headers={"cookie": f"{name}={token}"})
            assert answer.status_code == 401, path


# --- what people type


async def test_what_people_type_stays_text_on_every_page(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([Cast(SPITE, "heard", "requested", SPITE, "witness")], seed=0, name=SPITE)
    await witness.act("messages", {"text": SPITE})
    await hearing.staff("schedule/proposals", slot(reason=SPITE))
    await hearing.staff("room/open")
    pages = [
        page(hearing.court.coordinator, f"/hearings/{hearing.id}/{what}") for what in (*OVERSEEN, "room")
    ]
    pages += [page(witness, f"/places/{witness.place}{what}") for what in ("", "/room", "/check")]
    for shown in [await one for one in pages]:
        assert shown.status_code == 200
        assert "<script>alert" not in shown.text
        assert "5929" not in shown.text.partition("alert(1)")[2].partition("\n")[0]
    assert (
        "{0.__class__} {name} %(name)s {{ 77*77 }}" in (await page(witness, f"/places/{witness.place}")).text
    )


async def test_what_people_type_is_never_translated(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=0)
    await witness.act("messages", {"text": "Room"})
    await witness.act("messages", {"call": "help"})
    shown = (await page(witness, f"/places/{witness.place}/room", **cookies(witness), language="ar")).text
    assert "<bdi>Room</bdi>" in shown
    assert "<bdi>I need help.</bdi>" not in shown, "our own words are"


@pytest.mark.parametrize(
    "told", [{"name": "N" * 181}, {"email": "office"}, {"email": "a b@court.example"}], ids=str
)
async def test_an_authority_that_no_request_could_reach_is_not_entered(
    court: Court, told: dict[str, str]
) -> None:
    whole = {"name": f"Court {uuid4()}", "state": "FR", "zone": "Europe/Paris", **told}
    with pytest.raises(DoorRefused) as refused:
        await court.administrator.post("/authorities", whole)
    assert refused.value.status == 422
    assert list(told) == [refused.value.field]


async def test_a_request_reaches_an_authority_with_the_longest_name(hearing: Hearing) -> None:
    name = f"{uuid4()} ".ljust(180, "N")
    assert await hearing.receive(await hearing.court.authority(name, "FR", "Europe/Paris"))


# --- where a browser is sent


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ("//[", "/"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("/\t/elsewhere.example", "/"),
        ("https://elsewhere.example", "/"),
        ("/a\r\nset-cookie: b=c", "/"),
        ("/ع?b=é#🙂", "/%D8%B9?b=%C3%A9#%F0%9F%99%82"),
    ],
)
async def test_a_browser_is_sent_to_our_own_addresses_only(court: Court, asked: str, sent: str) -> None:
    visitor = court.visitor()
    answer = await visitor.http.get("/language", params={"language": "en", "page": asked})
    assert (answer.status_code, answer.headers["location"]) == (303, sent)
    assert (await visitor.http.get("/sign-in", params={"next": asked}, headers=PAGE)).status_code == 200
    once = str(uuid4())
    for _ in range(2):  # the second press is sent where the first one was
        answer = await press(court.coordinator, "/sign-in", _page=asked, _once=once, login="x", password="y")
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(sent.partition("?")[0])


# --- rubbish

BOUNDARY = "multipart/form-data; boundary=b"
PART = b"--b\r\ncontent-disposition: form-data; name=text%s\r\n\r\n%s\r\n--b--\r\n"


@pytest.mark.parametrize("path", ["/sign-in", "/verify", "/nothing"])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (BOUNDARY, PART % (b"", b"\xff\xfe")),
        (BOUNDARY, PART % (b'; filename="../\xff"', b"\x00")),
        (BOUNDARY, b"--b\r\nrubbish"),
        ("multipart/form-data", b"x"),
        ("application/x-www-form-urlencoded; charset=none", b"text=%ff%00"),
        ("application/x-www-form-urlencoded", b"people." + b"9" * 5000 + b".name=x&people.1.name=y"),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(court: Court, path: str, kind: str, body: bytes) -> None:
    client = court.visitor().http
    await client.get("/verify")
    headers = {"content-type": kind, "x-csrftoken": client.cookies["csrf"]}
    answer = await client.post(path, content=body, headers=headers)
    assert answer.status_code in {303, 400, 404, 415, 422}, answer.text
    walled(answer)


@pytest.mark.parametrize(
    "path",
    [
        "/static/%00",
        "/static/..%2fsettings.py",
        "/join/%ff",
        "/hearings/%00",
        "/%5c",
    ],
)
async def test_an_address_that_leads_nowhere_is_told_so(court: Court, path: str) -> None:
    answer = await page(court.visitor(), path)
    assert answer.status_code == 404
    walled(answer)


async def test_every_way_to_be_refused_has_the_same_walls(court: Court) -> None:
    client = court.coordinator.http
    for method, path in (
        ("HEAD", "/hearings"),
        ("OPTIONS", "/hearings"),
        ("TRACE", "/"),
        ("POST", "/hearings"),
    ):
        walled(await client.request(method, path))
    walled(await client.post("/hearings", headers={"origin": "https://elsewhere.example"}))
    walled(await client.get("/static/page.js"))


# --- what was kept


async def test_what_was_kept_is_told_to_its_own_browser_only(court: Court) -> None:
    answer = await press(court.coordinator, "/sign-in", _page="/sign-in", _form="f", login="spy", password="")
    kept = answer.headers["location"].partition("#")[0]
    assert 'id="problem"' in (await page(court.coordinator, kept)).text
    for other in (court.clerk, court.visitor()):
        assert 'id="problem"' not in (await page(other, kept)).text


@pytest.mark.parametrize("token", ["../../service.key", "A" * 5000, "%00", "."])
async def test_a_token_that_was_never_given_opens_nothing(court: Court, token: str) -> None:
    answer = await page(court.coordinator, f"/sign-in?kept={token}")
    assert answer.status_code == 200
    assert 'id="problem"' not in answer.text


async def test_the_same_copy_from_two_browsers_is_two(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=0)
    form = {"_page": "/hearings", "_once": "the-same", "text": "Once each."}
    for visitor, path in (
        (hearing.court.coordinator, f"/hearings/{hearing.id}/messages"),
        (witness, f"/places/{witness.place}/messages"),
    ):
        for _ in range(2):
            assert (await press(visitor, path, **form)).status_code == 303
    assert len((await hearing.court.coordinator.get(f"/hearings/{hearing.id}/hearing"))["messages"]) == 2


def cookies(seat: Seat) -> dict[str, str]:
    return {one.name: str(one.value) for one in seat.http.cookies.jar if one.name in {"place", "csrf"}}


def slot(**more: Any) -> dict[str, Any]:
    return {"wall": "2031-01-01T10:00", "zone": "Europe/Amsterdam", "minutes": 30, **more}


def walled(answer: httpx.Response) -> None:
    kept = {"cache-control": "no-cache"} if answer.url.path.startswith("/static/") else {}
    for name, value in {**HEADERS, **kept}.items():
        assert answer.headers[name] == value, name
