"""The pages of declarations through the doors: what each sees, a paper by a form, and the approval of a text."""

import html

import pytest

from consent import notices
from frontend.rehearse import AUTHORITY, Cast, Hearing
from frontend.visitor import DoorRefused
from tests.frontend.test_accounts_pages import wrong
from tests.frontend.test_forms import Fields, look, send
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")

ACCUSED = Cast("Accused A", "heard", "requested", capacity="accused", language="ar")


async def test_what_is_put_before_somebody_is_on_their_page_and_recorded_by_a_form(hearing: Hearing) -> None:
    await scheduled(hearing)
    heard, authority = await hearing.add([ACCUSED], seed=0), await hearing.add([AUTHORITY], seed=1)
    person = hearing.handles["Accused A"]
    path = f"/places/{authority.place}/declarations"
    page = await look(authority, path)
    assert page.count(">not asked<") == 4
    done = await send(authority, page, f"ask-video-{person}", {})
    assert "asked, not answered" in done.text
    own = html.unescape(await look(heard, f"/places/{heard.place}"))
    words = notices.load()["video"].wording["ar"]
    assert all(part in own for part in words.parts)
    assert 'lang="ar" dir="rtl"' in own
    assert "declare.js" in own
    assert "data-signs hidden" in own, "without a script nobody can sign"
    assert notices.phrases()["ar"].aloud in own
    record = f"record-video-{person}"
    refused = await send(authority, done.text, record, {"answer": "yes", "method": "paper"})
    assert "has spoken with a lawyer, or did not want one." in refused.text
    no = await send(authority, done.text, record, {"answer": "no", "method": "spoken", "_once": "another"})
    assert "By word of mouth." in no.text
    with pytest.raises(DoorRefused) as hidden:
        await heard.get(f"/places/{heard.place}/declarations")
    assert hidden.value.status == 404
    taken = await send(heard, await look(heard, f"/places/{heard.place}"), f"revoke-video-{person}", {})
    assert words.question not in taken.text, "nobody is asked again by themselves"


async def test_a_text_is_read_and_approved_for_an_authority(hearing: Hearing) -> None:
    administrator = hearing.court.administrator
    page = await look(administrator, "/notices")
    assert 'href="/notices"' in await look(administrator, "/staff")
    form = "approve-recording-es"
    assert form in Fields(page).forms
    refused = await send(administrator, page, form, {})
    assert wrong(refused.text, form, "authority") == "This is missing."
    done = await send(administrator, refused.text, form, {"authority": hearing.court.requested})
    assert "Approved for" in done.text
    told = {(one["text"], one["language"]): one for one in await administrator.get("/notices")}
    assert [one["authority"] for one in told["recording", "es"]["approved"]] == [hearing.court.requested]
    assert told["recording", "fr"]["approved"] == []
    with pytest.raises(DoorRefused) as others:
        await hearing.court.clerk.get("/notices")
    assert others.value.status == 403
