"""The pages of the instrument, without a browser: found on the form, chosen, told why, and changed."""

import html
import re

import pytest

from frontend.rehearse import WITNESS, Court, Hearing
from frontend.visitor import DoorRefused, Visitor
from tests.frontend.test_forms import PAGE, Fields, look, send

pytestmark = pytest.mark.asyncio(loop_scope="session")


def words(page: str) -> str:
    """What is to be read on a page, without the marks that isolate names."""
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return re.sub(r"\s+", " ", re.sub("[\u2066-\u2069]", "", text))


async def find(visitor: Visitor, page: str, **typed: str) -> str:
    """Presses “Find the instrument” on the form for a request."""
    assert 'formaction="/hearings/find"' in page
    fields = Fields(page).forms["new"] | typed
    sent = await visitor.http.post(
        "/hearings/find",
        data=fields,
        files={"documents.0": ("Letter.pdf", b"%PDF-1.4", "application/pdf")},
        headers=PAGE,
        follow_redirects=True,
    )
    assert sent.status_code == 200, sent.text
    return sent.text


async def test_the_form_finds_the_instrument_and_keeps_what_was_typed(court: Court) -> None:
    visitor = court.coordinator
    page = await look(visitor, "/hearings/new")
    assert "You choose." in page
    found = await find(visitor, page, requested=court.requested, matter="A long matter", capacity="witness")
    told = words(found)
    assert "One instrument governs. Directive 2014/41/EU regarding" in told
    assert "requests received from 22 May 2017 on." in told
    assert "Articles 34(1) and 35" in told
    assert "read in the text" in told
    again = Fields(found).forms["new"]
    assert (again["matter"], again["capacity"], again["instrument"]) == ("A long matter", "witness", "eio")
    assert "Letter.pdf is still here" in told
    off = told.partition("Instruments that cannot be chosen")[2]
    assert "It is not in force in any source that was read." in off
    assert 'value="uncyber"' not in found


async def test_another_aim_finds_another_instrument_or_none(court: Court) -> None:
    visitor = court.coordinator
    asked = f"/hearings/new?requesting={court.requesting}&requested={court.requested}"
    surrender = await visitor.get(f"{asked}&aim=recognition&capacity=sought")
    assert (surrender["found"]["finding"], surrender["found"]["instrument"]) == ("found", "reg2844")
    assert [one["instrument"] for one in surrender["found"]["alternatives"]] == ["eaw"]
    trial = await visitor.get(f"{asked}&aim=trial&capacity=accused")
    assert (trial["found"]["finding"], trial["found"]["instrument"]) == ("unsettled", None)
    assert "Why none" in await look(visitor, f"{asked}&aim=trial&capacity=accused")
    with pytest.raises(DoorRefused) as refused:
        await visitor.get(f"{asked}&aim=revenge")
    assert refused.value.status == 422


async def test_a_choice_against_the_rule_is_asked_why_beside_the_field(court: Court) -> None:
    visitor = court.coordinator
    page = await find(visitor, await look(visitor, "/hearings/new"), requested=court.requested)
    typed = {
        "instrument": "ets182",
        "reference": "7/2026",
        "matter": "A matter",
        "purpose": "To hear somebody.",
    }
    refused = await send(visitor, page, "new", typed)
    assert refused.url.path == "/hearings/new"
    (beside,) = re.findall(r'id="new-instrument_reason-wrong">([^<]*)<', refused.text)
    assert "Say why you chose otherwise." in html.unescape(beside)
    assert Fields(refused.text).forms["new"]["instrument"] == "ets182"
    done = await send(visitor, refused.text, "new", {"instrument_reason": "Both authorities agreed on it."})
    assert done.url.path.endswith("/request")
    why = await look(visitor, done.url.path.removesuffix("/request") + "/instrument")
    assert "Both authorities agreed on it." in words(why)


async def test_the_page_says_who_chose_why_and_what_the_instrument_says(hearing: Hearing) -> None:
    await hearing.request()
    visitor = hearing.court.coordinator
    path = f"/hearings/{hearing.id}/instrument"
    assert f'href="{path}"' in await look(visitor, f"/hearings/{hearing.id}/checklist")
    told = words(await look(visitor, path))
    for fact in (
        "Chosen by Coordinator",
        "to take evidence from somebody",
        "Netherlands and Portugal are both bound by the Directive",
        "None was found.",
        "Who conducts The competent authority of the issuing State",
        "Article 24(5)(c) read in the text",
    ):
        assert fact in told, fact
    assert "Choose another instrument" in told
    theirs = words(await look(hearing.desk, f"/places/{hearing.desk.place}/instrument"))
    assert "Chosen by Coordinator" in theirs


async def test_another_is_chosen_by_a_form_and_the_first_stays_told(hearing: Hearing) -> None:
    await hearing.request()
    visitor = hearing.court.coordinator
    path = f"/hearings/{hearing.id}/instrument"
    page = await look(visitor, path)
    refused = await send(visitor, page, "choose", {"instrument": "eu2000"})
    assert 'id="choose-reason-wrong">This is missing.<' in refused.text
    off = await send(visitor, refused.text, "choose", {"instrument": "cets224", "reason": "It is newer."})
    assert "No hearing can be held under" in words(off.text)
    done = await send(visitor, off.text, "choose", {"instrument": "eu2000", "reason": "It is an old case."})
    told = words(done.text)
    assert "The rule finds" not in told
    assert "It is an old case." in told
    assert "Chosen before Directive 2014/41/EU" in told
    assert "The requesting State refunds the link" in told
    journal = words(await look(visitor, f"/hearings/{hearing.id}/journal?kind=story"))
    assert journal.count("chose the instrument of this hearing") == 2


async def test_who_oversees_nothing_has_no_such_page(hearing: Hearing) -> None:
    await hearing.request()
    witness = await hearing.add([WITNESS], seed=1)
    with pytest.raises(DoorRefused) as refused:
        await witness.get(f"/places/{witness.place}/instrument")
    assert refused.value.status == 404
