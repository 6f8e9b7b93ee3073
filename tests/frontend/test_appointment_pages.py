"""The doors and sockets of a technical test: who comes in, who does not, and what each end is told."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from frontend.rehearse import INTERPRETER, WITNESS, Cast, Court, Hearing
from frontend.visitor import DoorRefused, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

HELLO = '{"type":"hello","version":1}'
PAGE = {"accept": "text/html"}


@dataclass(frozen=True)
class Arranged:
    """A technical test: its number, the place, and the path of its link."""

    test: str
    place: str
    link: str


async def arrange(hearing: Hearing, cast: Cast = WITNESS, **ahead: float) -> Arranged:
    place = {
        "name": f"Room of {cast.name}",
        "side": "requested",
        "zone": "Europe/Lisbon",
        "people": [cast.told()],
    }
    made = (await hearing.staff("people/places", place))["place"]
    told = await hearing.staff("tests", {"place": made, **wall(**ahead)})
    return Arranged(told["test"], made, told["link"].removeprefix(hearing.court.origin))


def wall(**ahead: float) -> dict[str, Any]:
    start = datetime.now(UTC) + timedelta(**(ahead or {"minutes": 10}))
    return {"wall": f"{start:%Y-%m-%dT%H:%M}", "zone": "UTC", "minutes": 20}


@pytest_asyncio.fixture(loop_scope="session")
async def accepted(hearing: Hearing) -> Hearing:
    await hearing.request()
    await hearing.accept()
    return hearing


@asynccontextmanager
async def socket(court: Court, path: str, **cookies: str) -> AsyncIterator[ClientConnection]:
    """A page's socket that has said hello."""
    address = f"ws{court.origin.removeprefix('http')}{path}/socket"
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    async with connect(address, origin=Origin(court.origin), additional_headers={"cookie": told}) as opened:
        with contextlib.suppress(ConnectionClosed):  # whoever is refused has been told already
            await opened.send(HELLO)
        yield opened


async def hears(opened: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of its kind."""
    while True:
        told = json.loads(await opened.recv())
        if told["type"] == kind:
            return dict(told)


def cookie(visitor: Visitor, name: str) -> str:
    return next(str(one.value) for one in visitor.http.cookies.jar if one.name == name)


async def refused(court: Court, path: str, **cookies: str) -> tuple[str, int]:
    """With which sentence and code a socket is refused."""
    async with socket(court, path, **cookies) as opened:
        told = await hears(opened, "closed")
        with pytest.raises(ConnectionClosed) as closed:
            await opened.recv()
    assert closed.value.rcvd is not None
    return told["sentence"], closed.value.rcvd.code


async def test_a_ticket_is_redeemed_by_its_button_for_one_browser_and_one_address(accepted: Hearing) -> None:
    court, one = accepted.court, await arrange(accepted)
    person, stranger = court.visitor(), court.visitor()
    for _ in range(2):
        assert (await stranger.get(one.link))["opened"] is False
    told = await person.post(one.link)
    assert told["address"] == f"{court.origin}/tests/{one.test}"
    ticket = next(each for each in person.http.cookies.jar if each.name == "ticket")
    assert ticket.path == f"/tests/{one.test}"
    assert (await person.get(f"/tests/{one.test}"))["standing"] == "open"
    with pytest.raises(DoorRefused, match="opened before"):
        await stranger.post(one.link)
    for path in (f"/tests/{one.test}", f"/places/{one.place}", f"/places/{one.place}/tests/{one.test}"):
        with pytest.raises(DoorRefused) as nobody:
            await stranger.get(path)
        assert nobody.value.status == 401
    person.http.cookies.set("place", ticket.value or "")
    with pytest.raises(DoorRefused) as elsewhere:
        await person.get(f"/places/{one.place}")
    assert elsewhere.value.status == 401


async def test_nobody_else_comes_into_the_room(accepted: Hearing) -> None:
    """Not without a ticket, not with that of another test, not from another place, and not before it is time."""
    court, one, other = accepted.court, await arrange(accepted), await arrange(accepted, INTERPRETER)
    holder = court.visitor()
    await holder.post(other.link)
    theirs = {"ticket": cookie(holder, "ticket")}
    for cookies in ({}, theirs):
        sentence, code = await refused(court, f"/tests/{one.test}", **cookies)
        assert (sentence.startswith("Open the link of your test first."), code) == (True, 4401)
    seat = await accepted.add([Cast("Lawyer F", "lawyer", "requested")], seed=1)
    sentence, code = await refused(
        court, f"/places/{seat.place}/tests/{one.test}", place=cookie(seat, "place")
    )
    assert (sentence, code) == ("There is no such test in this hearing.", 4404)
    for page in (f"/places/{seat.place}/tests/{one.test}", f"/hearings/{accepted.id}/tests/{other.place}"):
        with pytest.raises(DoorRefused) as hidden:
            await (seat if "places" in page else court.coordinator).get(page)
        assert hidden.value.status == 404
    await accepted.staff(f"tests/{other.test}/move", wall(days=1))
    sentence, code = await refused(court, f"/tests/{other.test}", **theirs)
    assert ("opens an hour before" in sentence, code) == (True, 4404)


async def test_each_end_is_told_of_the_other_and_the_court_of_the_devices(accepted: Hearing) -> None:
    court, one = accepted.court, await arrange(accepted)
    person = court.visitor()
    await person.post(one.link)
    devices = {
        "camera": "A camera",
        "microphone": "",
        "loudspeaker": "",
        "width": 640,
        "height": 480,
        "way": "",
    }
    staff = {"staff": cookie(court.coordinator, "staff")}
    async with (
        socket(court, f"/tests/{one.test}", ticket=cookie(person, "ticket")) as theirs,
        socket(court, f"/hearings/{accepted.id}/tests/{one.test}", **staff) as ours,
    ):
        assert (await hears(theirs, "state"))["view"]["here"] in {True, False}
        await theirs.send(json.dumps({"type": "equipment", **devices}))
        while (told := (await hears(ours, "state"))["view"]).get("equipment") is None:
            continue
        assert told["here"]
        assert told["equipment"] == {**devices, "trip": None}
        assert told["browser"] == ""
        while not (told := (await hears(theirs, "state"))["view"])["here"]:
            assert "equipment" not in told
        assert not {"places", "matter", "reference", "verbs", "equipment"} & set(told), (
            "nothing of the hearing"
        )
        await ours.send(json.dumps({"type": "equipment", **devices}))
        assert (await hears(ours, "refused"))["about"] == "equipment"
        await theirs.send('{"type":"mute","kind":"audio","muted":true}')
        assert (await hears(theirs, "refused"))["about"] == "mute"
        await accepted.staff(f"tests/{one.test}/cancel")
        for end in (theirs, ours):
            assert "cancelled" in (await hears(end, "closed"))["sentence"]


async def test_a_second_window_takes_over_and_a_withdrawn_link_ends_it(accepted: Hearing) -> None:
    court, one = accepted.court, await arrange(accepted)
    person = court.visitor()
    await person.post(one.link)
    ticket = {"ticket": cookie(person, "ticket")}
    async with socket(court, f"/tests/{one.test}", **ticket) as first:
        await hears(first, "state")
        async with socket(court, f"/tests/{one.test}", **ticket) as second:
            assert "another window" in (await hears(first, "superseded"))["sentence"]
            await hears(second, "state")
            await accepted.staff(f"tests/{one.test}/link/revoke")
            assert "withdrawn" in (await hears(second, "closed"))["sentence"]
    assert (await refused(court, f"/tests/{one.test}", **ticket))[1] == 4401


async def test_the_pages_say_how_it_stands_without_a_script(accepted: Hearing) -> None:
    court, one = accepted.court, await arrange(accepted, minutes=90)
    person = court.visitor()

    async def read(visitor: Visitor, path: str) -> str:
        return str((await visitor.http.get(path, headers=PAGE)).text)

    assert "The test is not open yet." in await read(person, one.link)
    with pytest.raises(DoorRefused, match="an hour before"):
        await person.post(one.link)
    people = f"/hearings/{accepted.id}/people"
    assert "Move or cancel the test" in await read(court.coordinator, people)
    await accepted.staff(f"tests/{one.test}/move", wall())
    await person.post(one.link)
    assert "The court sees and hears you here" in await read(person, f"/tests/{one.test}")
    with pytest.raises(DoorRefused, match="not both come"):
        await accepted.staff(f"tests/{one.test}/held", {"good": True})
    await accepted.staff(f"tests/{one.test}/held", {"good": False, "words": "No camera was found."})
    assert "The test is to be repeated" in await read(person, f"/tests/{one.test}")
    assert "to be repeated" in await read(court.coordinator, people)
    assert "No camera was found." in await read(court.coordinator, f"/hearings/{accepted.id}/journal")
