"""Every door, tried with what should not come through it. A real service; nothing is half done."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from frontend.access import HEADERS
from frontend.rehearse import INTERPRETER, JUDGE, WITNESS, Court, Hearing
from frontend.visitor import DoorRefused, Visitor
from hearings import verify_page
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOMEBODY = str(uuid4())
STATELESS = {"/verify", "/transfers", "/transfers/{sending}/receipts"}
"""Open to anybody: there is no login that another site could misuse. What is said between services is sealed."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def doors(court: Court) -> dict[str, dict[str, Any]]:
    """Every path of the public description that takes a POST, with its operation."""
    described = await court.coordinator.get("/openapi/openapi.json")
    return {path: item["post"] for path, item in described["paths"].items() if "post" in item}


def filled(path: str, hearing: Hearing | None = None, place: str = SOMEBODY) -> str:
    known = {
        "hearing": hearing.id if hearing else SOMEBODY,
        "place": place,
        "n": "1",
        "change": "1",
        "whose": "requested",
    }
    parts = [known.get(part[1:-1], SOMEBODY) if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


async def test_there_are_doors_for_every_step(doors: dict[str, dict[str, Any]]) -> None:
    for step in (
        "request/accept",
        "schedule/proposals",
        "people/places",
        "checklist/confirm",
        "checklist/confirm-all",
        "checklist/identity",
        "room/open",
        "room/on-record",
        "room/adjourn",
        "record/sign",
        "record/close",
    ):
        assert f"/hearings/{{hearing}}/{step}" in doors
        assert f"/places/{{place}}/{step}" in doors


async def test_nobody_comes_in_without_a_login(court: Court, doors: dict[str, dict[str, Any]]) -> None:
    stranger = court.visitor()
    for path in doors:
        if not path.startswith(("/sign-", "/join", "/reply", "/invitations/", "/verify")):
            with pytest.raises(DoorRefused) as refused:
                await stranger.post(filled(path), {})
            assert refused.value.status in {401, 422}, path
            assert refused.value.sentence, path


async def test_another_sites_page_is_refused_everywhere(
    court: Court, doors: dict[str, dict[str, Any]]
) -> None:
    client = court.coordinator
    token = client.http.cookies["csrf"]
    for path in doors:
        answer = await client.http.post(
            filled(path), json={}, headers={"x-csrftoken": token, "origin": "https://elsewhere.example"}
        )
        assert answer.status_code == 403, path
        answer = await client.http.post(filled(path), json={})
        assert (answer.status_code == 403) == (path not in STATELESS), f"{path} without the token"
        assert answer.json()["problem"]["sentence"]


MAY_BE_EMPTY = ("request/accept", "room/claims", "room/consultation", "room/channel/{seat}", "room/hear")


async def test_what_is_no_json_or_not_of_the_shape_is_refused(hearing: Hearing) -> None:
    await hearing.request()
    client = hearing.court.coordinator
    headers = {"x-csrftoken": client.http.cookies["csrf"], "content-type": "application/json"}
    described = await client.get("/openapi/openapi.json")
    tried = 0
    for path, item in described["paths"].items():
        if "{hearing}" not in path or "requestBody" not in item.get("post", {}):
            continue
        if path.endswith("dismiss/{seat}"):
            continue  # its words may be left out
        for rubbish in (b"{", b"\xff\xfe", b"[]", b'"x"', b"{}", b'{"unheard":1}', b"null", b"[" * 5000):
            answer = await client.http.post(filled(path, hearing), content=rubbish, headers=headers)
            may_be_empty = path.endswith(MAY_BE_EMPTY) and rubbish == b"{}"
            refused = {403, 404, 409} if may_be_empty else {400, 422}
            assert answer.status_code in refused, (path, rubbish, answer.text)
            assert answer.json()["problem"]["sentence"], path
            assert "Traceback" not in answer.text
            tried += 1
    assert tried > 80


async def test_what_is_too_large_is_refused(hearing: Hearing) -> None:
    await hearing.request()
    client = hearing.court.coordinator
    headers = {"x-csrftoken": client.http.cookies["csrf"], "content-type": "application/json"}
    body = b'{"text": "' + b"a" * (1024 * 1024 + 1) + b'"}'
    answer = await client.http.post(f"/hearings/{hearing.id}/room/note", content=body, headers=headers)
    assert answer.status_code == 413
    assert "too large" in answer.json()["problem"]["sentence"]
    with pytest.raises(DoorRefused) as refused:
        await hearing.staff("room/note", {"text": "a" * 4001})
    assert refused.value.status == 422


async def test_what_is_not_yours_is_not_found(hearing: Hearing, doors: dict[str, dict[str, Any]]) -> None:
    await hearing.request()
    stranger = await another_court(hearing.court)
    bodies = {"room/open": None, "record/close": None, "schedule/proposals": SLOT}
    for what, body in bodies.items():
        with pytest.raises(DoorRefused) as theirs:
            await stranger.post(f"/hearings/{hearing.id}/{what}", body)
        with pytest.raises(DoorRefused) as nobodys:
            await stranger.post(f"/hearings/{SOMEBODY}/{what}", body)
        assert theirs.value.status == nobodys.value.status == 404
        assert theirs.value.sentence == nobodys.value.sentence
    assert await stranger.get("/hearings") == []


SLOT = {"wall": "2031-01-01T10:00", "zone": "Europe/Amsterdam", "minutes": 30, "reason": "x"}


async def another_court(court: Court) -> Visitor:
    """A coordinator of authorities that have nothing to do with the hearing."""
    administrator, stranger = court.visitor(), court.visitor()
    await administrator.post("/sign-in", {"login": "administrator", "password": "rehearsal only"})
    made = await administrator.post(
        "/authorities", {"name": f"Court {uuid4()}", "state": "FR", "zone": "Europe/Paris"}
    )
    link = await administrator.post("/invitations", {"role": "coordinator", "authority": made["authority"]})
    await stranger.sign_in(link["link"], login=str(uuid4()), name="Coordinator Z", password="rehearsal only")
    return stranger


async def test_the_wrong_role_is_told_whose_it_is(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=1)
    for what, body in {
        "room/open": None,
        "room/on-record": None,
        "room/end": None,
        "record/sign": {"whose": "requested", "sha256": "0" * 64},
        "record/elsewhere": {"reason": "no"},
        "record/word": {"whose": "requested", "entry": 1, "language": "en", "words": "no"},
        "record/close": None,
        "request/decline": {"reason": "no"},
        "schedule/cancel": {"code": "other", "reason": "no"},
        "people/places": {
            "name": "x",
            "side": "requested",
            "zone": "UTC",
            "people": [{"name": "x", "role": "observer"}],
        },
        "room/suspend": {"text": "no"},
        "room/interventions": {"ground": "no", "measure": "no"},
        "room/claims/1/rule": {"outcome": "upheld", "reason": "no"},
        "room/objections/1/decide": {"remedy": "none", "words": "no"},
        "room/identify": {"person": "aaaaaaaa", "means": "no", "alone": True},
        "room/exhibit": {"exhibit": "1", "words": "no"},
        "room/report": {"person": "aaaaaaaa", "conduct": "refusal", "words": "no"},
        "room/warn": {"person": "aaaaaaaa", "law": "requested", "words": "no"},
    }.items():
        with pytest.raises(DoorRefused) as refused:
            await witness.act(what, body)
        assert refused.value.status == 403, what
        assert "that is for the" in refused.value.sentence
    for what in (
        "journal",
        "record/minutes/requesting",
        "record/draft/requesting",
        "record/package",
        "request/documents",
    ):
        with pytest.raises(DoorRefused) as hidden:
            await witness.get(f"/places/{witness.place}/{what}")
        assert hidden.value.status == 404


async def test_out_of_order_and_twice(hearing: Hearing) -> None:
    await hearing.request()
    for what, body in {
        "schedule/proposals": SLOT,
        "room/open": None,
    }.items():
        with pytest.raises(DoorRefused) as early:
            await hearing.staff(what, body)
        assert (early.value.status, early.value.kind) == (409, "not-now")
        assert "requested and not yet answered" in early.value.sentence
    await hearing.accept()
    with pytest.raises(DoorRefused) as twice:
        await hearing.accept()
    assert twice.value.status == 409
    await hearing.schedule()
    await hearing.staff("room/open")
    with pytest.raises(DoorRefused) as again:
        await hearing.staff("room/open")
    assert again.value.kind == "not-now"


async def test_two_at_the_same_moment_do_it_once(hearing: Hearing) -> None:
    await scheduled(hearing)
    outcomes = await asyncio.gather(*(hearing.staff("room/open") for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert {outcome.status for outcome in outcomes if isinstance(outcome, DoorRefused)} == {409}


async def test_missing_and_impossible_fields_are_named(hearing: Hearing) -> None:
    await hearing.request()
    await hearing.accept()
    for body, field in (
        ({**SLOT, "wall": "2031-03-30T02:30"}, "wall"),
        ({**SLOT, "zone": "Nowhere/Land"}, "zone"),
        ({**SLOT, "minutes": 0}, "minutes"),
        ({**SLOT, "minutes": "many"}, "minutes"),
        ({key: value for key, value in SLOT.items() if key != "wall"}, "wall"),
    ):
        with pytest.raises(DoorRefused) as refused:
            await hearing.staff("schedule/proposals", body)
        assert refused.value.status == 422
        assert field in str(refused.value.field) or any(field in hint for hint in refused.value.hints), body


async def test_every_answer_carries_the_same_walls(court: Court) -> None:
    for path in ("/hearings", "/nothing/here", "/openapi/openapi.json"):
        answer = await court.coordinator.http.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value, path
        assert "unsafe-inline" not in answer.headers["content-security-policy"]


async def test_judge_and_witness_sit_side_by_side_in_one_browser(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    browser = hearing.court.visitor()
    for seat in (judge, witness):
        link = await hearing.staff(f"people/places/{seat.place}/link")
        await browser.post(link["link"].removeprefix(hearing.court.origin))
    one = await browser.get(f"/places/{judge.place}/hearing")
    other = await browser.get(f"/places/{witness.place}/hearing")
    assert [view["you"]["people"][0]["role"] for view in (one, other)] == ["presiding", "heard"]
    cookies = [cookie for cookie in browser.http.cookies.jar if cookie.name == "place"]
    assert {cookie.path for cookie in cookies} == {f"/places/{judge.place}", f"/places/{witness.place}"}
    assert all("HttpOnly" in cookie._rest for cookie in cookies)


# --- sockets


def socket_address(court: Court, place: str) -> str:
    return f"ws{court.origin.removeprefix('http')}/places/{place}/socket"


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null"])
async def test_a_socket_of_another_site_is_refused(court: Court, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(socket_address(court, SOMEBODY), origin=Origin(origin) if origin else None)
    assert refused.value.response.status_code == 403


async def test_a_socket_without_a_login_is_told_so(court: Court) -> None:
    async with connect(socket_address(court, SOMEBODY), origin=Origin(court.origin)) as socket:
        told = json.loads(await socket.recv())
        assert told["type"] == "closed"
        assert "link" in told["sentence"]
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_unknown_and_broken_messages_are_refused_and_the_socket_stays(hearing: Hearing) -> None:
    await scheduled(hearing)
    seat = await hearing.add([INTERPRETER], seed=0)
    rubbish = (
        "",
        "{",
        "[]",
        "{}",
        '{"type":"launch"}',
        '{"type":"ping","n":-1}',
        '{"type":"ping","n":1e400}',
        '{"type":"mute","kind":"nose","muted":true}',
        '{"type":"offer","connection":"../x","sdp":"v=0"}',
        "[" * 10000,
        "\u0000",
    )
    for text in rubbish:
        await seat.send_raw(text)
    await seat.when(lambda: len(seat.refusals) == len(rubbish))
    assert {one.about for one in seat.refusals} == {"unknown"}
    await seat.send_raw('{"type":"offer","connection":"c9","sdp":"v=0"}')
    await seat.when(lambda: seat.refusals[-1].about == "offer")
    assert seat.last is None
    assert (await seat.look())["state"] == "scheduled"


async def test_an_offer_that_is_rubbish_is_refused_in_an_open_room(hearing: Hearing) -> None:
    await scheduled(hearing)
    seat = await hearing.add([INTERPRETER], seed=0)
    await hearing.staff("room/open")
    for n, sdp in enumerate(("v=0", "x" * 1000, "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n")):
        await seat.send_raw(json.dumps({"type": "offer", "connection": f"r{n}", "sdp": sdp}))
        await seat.when(lambda n=n: len(seat.refusals) == n + 1)
        assert seat.refusals[-1].about == "offer"
        assert seat.refusals[-1].sentence.endswith(".")
    await seat.connect_media()


async def test_the_first_message_must_be_a_hello_of_this_version(hearing: Hearing) -> None:
    await scheduled(hearing)
    seat = await hearing.add([INTERPRETER], seed=0)
    cookie = "; ".join(f"place={one.value}" for one in seat.http.cookies.jar if one.name == "place")
    async with connect(
        socket_address(hearing.court, seat.place),
        origin=Origin(hearing.court.origin),
        additional_headers={"cookie": cookie},
    ) as socket:
        await socket.send('{"type":"ping","n":1}')
        await socket.send('{"type":"hello","version":99}')
        told = [json.loads(await socket.recv()) for _ in range(4)]
    assert [one["type"] for one in told] == ["ice", "state", "refused", "closed"]
    assert "out of date" in told[3]["sentence"]


async def test_the_verifier_for_the_browser_is_given_to_anybody_to_keep(court: Court) -> None:
    answer = await court.visitor().http.get("/verify/page")
    assert answer.content == verify_page.page()
    assert answer.headers["content-disposition"] == 'attachment; filename="verify.html"'
