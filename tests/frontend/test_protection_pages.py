"""The page of protection through the doors: orders by forms, what stands, and for whom the page is."""

import html

import pytest

from frontend.rehearse import AUTHORITY, INTERPRETER, JUDGE, WITNESS, Cast, Hearing
from frontend.visitor import DoorRefused
from tests.frontend.test_accounts_pages import wrong
from tests.frontend.test_forms import Fields, look, send
from tests.story.telling import scheduled

LAWYER = Cast("Lawyer F", "lawyer", "requested")
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_somebody_is_not_named_by_a_form_and_the_order_is_lifted(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, authority = await hearing.add([JUDGE], seed=0), await hearing.add([AUTHORITY], seed=1)
    witness = await hearing.add([WITNESS], seed=2)
    path, whom = f"/places/{judge.place}/protection", hearing.handles[WITNESS.name]
    page = await look(judge, path)
    assert "Nobody is protected, and nothing is withheld by order." in page
    assert "withhold" not in Fields(page).forms, "nothing was recorded yet"
    refused = await send(judge, page, "conceal", {"person": whom})
    assert wrong(refused.text, "conceal", "ground") == "This is missing."
    typed = {"person": whom, "ground": "Threats were made.", "public": "false"}
    done = await send(judge, refused.text, "conceal", typed)
    told = html.unescape(done.text)
    assert f"ordered that {WITNESS.name} is not named: Threats were made." in told
    assert "parties and public" in told
    theirs = await look(authority, f"/places/{authority.place}/protection")
    assert "Threats were made." in theirs
    (form,) = [name for name in Fields(done.text).forms if name.startswith("lift-")]
    assert form not in Fields(theirs).forms, "the side that ordered it lifts it"
    lifted = await send(judge, done.text, form, {"ground": "They are safe."})
    assert "Nobody is protected" in lifted.text
    for other in (witness, await hearing.add([INTERPRETER], seed=3)):
        with pytest.raises(DoorRefused) as hidden:
            await other.get(f"/places/{other.place}/protection")
        assert hidden.value.status == 404
    assert "order" not in Fields(await look(hearing.court.clerk, f"/hearings/{hearing.id}/protection")).forms


async def test_words_of_an_entry_are_chosen_from_a_list(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge = await hearing.add([JUDGE], seed=0)
    await hearing.staff("room/open")
    await judge.act("room/note", {"text": "A name was said here."})
    entries = await judge.get(f"/places/{judge.place}/journal")
    n = next(one["seq"] for one in entries if "A name was said here." in one["sentence"])
    path = f"/places/{judge.place}/protection"
    page = await look(judge, f"{path}?entry={n}")
    assert "A name was said here." in page
    done = await send(judge, page, "blank", {"ground": "It was an error.", "public": "true"})
    assert f"ordered that words of entry {n} are withheld: It was an error." in html.unescape(done.text)
    assert "public version" in done.text
    assert "This entry has no words that can be withheld." in await look(judge, f"{path}?entry=0")
    with pytest.raises(DoorRefused) as refused:
        await judge.act("protection/words", {"entry": 0, "member": "logKey", "ground": "no"})
    assert refused.value.status == 404


async def test_a_closed_file_is_taken_along_in_the_versions_that_are_for_somebody(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, lawyer = await hearing.add([JUDGE], seed=0), await hearing.add([LAWYER], seed=1)
    await hearing.staff("room/open")
    await judge.act("room/end")
    clerk = hearing.court.clerk
    await clerk.post(f"/hearings/{hearing.id}/record/close")
    path = f"/hearings/{hearing.id}/record"
    page, theirs = await look(clerk, path), await look(hearing.court.coordinator, path)
    for version in ("full", "parties", "public", "annex"):
        link = f'href="{path}/package?version={version}"'
        assert link in page
        assert (link in theirs) is (version in {"parties", "public"})
        answer = await clerk.http.get(f"{path}/package?version={version}")
        assert answer.status_code == 200, (version, answer.text)
        assert answer.content.startswith(b"PK")
        assert (version in answer.headers["content-disposition"]) is (version != "full")
        refused = await hearing.court.coordinator.http.get(f"{path}/package?version={version}")
        assert refused.status_code == (200 if link in theirs else 403), version
    own = await look(lawyer, f"/places/{lawyer.place}")
    assert f"/places/{lawyer.place}/record/package?version=parties" in own
    assert "version=full" not in own
    assert (
        await lawyer.http.get(f"/places/{lawyer.place}/record/package?version=parties")
    ).status_code == 200
    assert (await lawyer.http.get(f"/places/{lawyer.place}/record/package?version=annex")).status_code == 403
    assert (await clerk.http.get(f"{path}/package?version=other")).status_code in {400, 422}
    told = [one["sentence"] for one in await clerk.get(f"/hearings/{hearing.id}/journal")]
    assert sum("took the sealed package along: the sealed annex." in one for one in told) == 1
