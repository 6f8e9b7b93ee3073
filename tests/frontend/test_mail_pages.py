"""The letters of a hearing through the doors: a real service with its folder, and a letter that comes back."""

import html
import re
from email import message_from_bytes
from email.policy import default
from typing import Any
from uuid import uuid4

import pytest

from frontend.rehearse import WITNESS, Hearing
from frontend.visitor import DoorRefused, eventually
from tests.frontend.test_forms import PAGE, look, send
from tests.frontend.test_instrument_pages import words
from tests.scheduling.notifications import notification

pytestmark = pytest.mark.asyncio(loop_scope="session")

NOWHERE = "zeuge@exämple.invalid"
"""An address that a form takes and no letter can be sent to."""


async def write(hearing: Hearing, name: str, email: str) -> str:
    """Seats somebody and has their link sent; gives the link."""
    person = {"name": name, "role": "interpreter", "language": "ar", "email": email}
    place = {"name": f"Place of {name}", "side": "requested", "zone": "Asia/Tokyo", "people": [person]}
    made = await hearing.staff("people/places", place)
    told = await hearing.staff(f"people/places/{made['place']}/link")
    return str(told["link"])


async def letters(hearing: Hearing) -> dict[str, dict[str, Any]]:
    told = await hearing.court.coordinator.get(f"/hearings/{hearing.id}/letters")
    return {one["to"]: one for one in reversed(told)}


async def until(hearing: Hearing, who: str, state: str) -> dict[str, Any]:
    async def so() -> bool:
        return (await letters(hearing))[who]["state"] == state

    await eventually(so)
    return (await letters(hearing))[who]


async def test_a_letter_is_shown_as_its_reader_sees_it_without_the_address(hearing: Hearing) -> None:
    await hearing.request()
    link = await write(hearing, "Interpreter A", "a@samplia.invalid")
    sent = await until(hearing, "Interpreter A", "sent")
    visitor, base = hearing.court.coordinator, f"/hearings/{hearing.id}/letters"
    page = await look(visitor, base)
    assert "No mail server is set" in words(page)
    shown = await look(visitor, f"{base}/{sent['letter']}")
    assert link not in html.unescape(shown)
    assert link.rpartition("/")[2] not in shown
    told = words(shown)
    assert "a personal address, for the reader alone" in told
    assert "تشارك بصفة: مترجم شفوي" in told
    assert re.search(r"Date \w+ \d+ \w+ \d{4}, \d\d:\d\d \(Tokyo, UTC\+09:00\)", told)
    assert "a@samplia.invalid" in told
    json = await visitor.get(f"{base}/{sent['letter']}")
    assert (json["zone"], json["language"], len(json["parts"])) == ("Asia/Tokyo", "ar", 2)
    with pytest.raises(DoorRefused) as refused:
        await visitor.post(f"{base}/{sent['letter']}/again")
    assert refused.value.status == 409
    with pytest.raises(DoorRefused) as unknown:
        await visitor.get(f"{base}/{uuid4()}")
    assert unknown.value.status == 404


async def test_what_cannot_be_sent_is_on_top_and_on_the_docket_and_is_sent_again_by_one_press(
    hearing: Hearing,
) -> None:
    await hearing.request()
    await write(hearing, "Interpreter N", NOWHERE)
    await until(hearing, "Interpreter N", "failed")
    await write(hearing, "Interpreter B", "b@samplia.invalid")
    await until(hearing, "Interpreter B", "sent")
    visitor, base = hearing.court.coordinator, f"/hearings/{hearing.id}"
    page = await look(visitor, f"{base}/letters")
    told = words(page)
    assert told.index("Interpreter N") < told.index("Interpreter B")
    assert "could not be sent" in told
    assert f"“{NOWHERE}” is not a mail address in plain letters" in told
    for where in ("/hearings?text=" + (await visitor.get(base))["reference"], base):
        seen = await look(visitor, where)
        assert "1 letter did not arrive" in words(seen)
        assert f'href="{base}/letters"' in seen
    (form,) = re.findall(r'id="(again-[^"]+)"', page)
    again = await send(visitor, page, form, {})
    assert again.url.path == f"{base}/letters"
    assert "sent again" in words(again.text)
    with pytest.raises(DoorRefused) as twice:
        await visitor.post(f"{base}/letters/{form.removeprefix('again-')}/again")
    assert twice.value.kind == "already-done"
    await until(hearing, "Interpreter N", "failed")


async def test_a_letter_that_comes_back_is_shown_with_the_servers_words(hearing: Hearing) -> None:
    await hearing.request()
    await write(hearing, "Interpreter C", "c@samplia.invalid")
    sent = await until(hearing, "Interpreter C", "sent")
    mail = hearing.court.data / "mail"
    number = f"<{sent['letter']}@vivavoce.invalid>"
    there = [message_from_bytes(path.read_bytes(), policy=default) for path in mail.glob("*.eml")]
    assert [one["To"] for one in there if one["Message-ID"] == number] == ["c@samplia.invalid"]
    (mail / "returned" / "new").mkdir(parents=True, exist_ok=True)
    (mail / "returned" / "new" / uuid4().hex).write_bytes(notification(number, quoted="message/rfc822"))
    back = await until(hearing, "Interpreter C", "returned")
    assert (back["press"], back["renew"]) == (False, True)
    told = words(await look(hearing.court.coordinator, f"/hearings/{hearing.id}/letters"))
    assert "came back" in told
    assert "550 5.1.1 <witness@samplia.invalid>: no such person here" in told
    assert "Make a new link" in told


async def test_the_other_sides_letters_are_listed_and_not_shown(hearing: Hearing) -> None:
    await hearing.request()
    await write(hearing, "Interpreter D", "d@samplia.invalid")
    await until(hearing, "Interpreter D", "sent")
    told = await hearing.court.coordinator.get(f"/hearings/{hearing.id}/letters")
    (desk,) = [one for one in told if not one["yours"]]
    with pytest.raises(DoorRefused) as refused:
        await hearing.court.coordinator.get(f"/hearings/{hearing.id}/letters/{desk['letter']}")
    assert refused.value.status == 403
    assert "Its words are for the other side." in words(
        await look(hearing.court.coordinator, f"/hearings/{hearing.id}/letters")
    )
    assert hearing.desk is not None
    theirs = await hearing.desk.get(f"/places/{hearing.desk.place}/letters")
    assert all(one["yours"] for one in theirs)
    await hearing.accept()
    witness = await hearing.add([WITNESS], seed=1)
    with pytest.raises(DoorRefused) as hidden:
        await witness.get(f"/places/{witness.place}/letters")
    assert hidden.value.status == 404


async def test_the_page_speaks_the_language_of_who_looks(hearing: Hearing) -> None:
    await hearing.request()
    async with hearing.court.visitor() as reader:
        reader.http.cookies = hearing.court.coordinator.http.cookies
        answer = await reader.http.get(
            f"/hearings/{hearing.id}/letters", headers=PAGE | {"accept-language": "ar"}
        )
    assert 'dir="rtl"' in answer.text
