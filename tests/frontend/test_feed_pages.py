"""Private feeds through the doors: an address told once, fetched without a cookie, withdrawn."""

import html
import re
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from frontend.rehearse import WITNESS, Hearing
from frontend.visitor import DoorRefused, Visitor
from hearings.tokens import fresh
from tests.frontend.test_forms import look, send
from tests.frontend.test_instrument_pages import words
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def fetched(hearing: Hearing, address: str, **headers: str) -> object:
    async with Visitor(hearing.court.origin) as program:
        return await program.http.get(urlsplit(address).path, headers=headers)


async def test_a_place_has_an_address_that_is_told_once_and_opens_without_a_cookie(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=1)
    page = await look(witness, f"/places/{witness.place}")
    assert "Withdraw the address" not in page
    told = (await send(witness, page, "calendar", {})).text
    (address,) = re.findall(r'id="calendar-address">([^<]+)<', told)
    assert html.unescape(told).count(address.removeprefix("http")) == 2
    assert f'href="webcal{address.removeprefix("http")}"' in told
    assert "It is shown here once" in words(told)
    assert address not in await look(witness, f"/places/{witness.place}")

    answer = await fetched(hearing, address)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "private")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert "set-cookie" not in answer.headers
    assert answer.content.startswith(b"BEGIN:VCALENDAR\r\n")
    assert answer.content.count(b"BEGIN:VEVENT") == 1
    for secret in (b"http", b"webcal", b"Witness", b"mailto"):
        assert secret not in answer.content
    again = await fetched(hearing, address, **{"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")

    page = await look(witness, f"/places/{witness.place}")
    after = await send(witness, page, "calendar-revoke", {})
    assert "Withdraw the address" not in after.text
    gone = await fetched(hearing, address)
    assert gone.status_code == 404
    assert "opens nothing, or no longer" in gone.json()["problem"]["sentence"]
    with pytest.raises(DoorRefused) as twice:
        await witness.post(f"/places/{witness.place}/calendar/revoke")
    assert twice.value.status == 409


async def test_a_member_of_staff_has_one_of_all_hearings_of_the_authority(hearing: Hearing) -> None:
    await scheduled(hearing)
    clerk = hearing.court.clerk
    page = await look(clerk, "/account")
    told = (await send(clerk, page, "calendar", {})).text
    (address,) = re.findall(r'id="calendar-address">([^<]+)<', told)
    answer = await fetched(hearing, address)
    seen = await clerk.get(f"/hearings/{hearing.id}/hearing")
    begins = datetime.fromisoformat(seen["start"]["instant"])
    assert f"DTSTART:{begins:%Y%m%dT%H%M%SZ}" in answer.text
    renewed = await clerk.post("/account/calendar")
    assert renewed["calendar"].startswith("webcal://localhost:")
    assert (await fetched(hearing, address)).status_code == 404
    assert (await fetched(hearing, renewed["address"])).status_code == 200
    await clerk.post("/account/calendar/revoke")
    assert (await fetched(hearing, renewed["address"])).status_code == 404


async def test_nobody_makes_one_for_somebody_else(hearing: Hearing) -> None:
    await scheduled(hearing)
    witness = await hearing.add([WITNESS], seed=1)
    stranger = hearing.court.visitor()
    for path in ("/account/calendar", f"/places/{witness.place}/calendar"):
        with pytest.raises(DoorRefused) as refused:
            await stranger.post(path)
        assert refused.value.status == 401
    for file in (f"{fresh()}.ics", ".ics", "%00.ics", "a" * 2000):
        answer = await fetched(hearing, f"http://x/calendar/{file}")
        assert answer.status_code in {400, 404}, file
