"""The pages of keeping and destroying, years later: rules, holds, the end, and the one page that is left."""

import html
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from frontend.visitor import DoorRefused, Visitor
from tests.frontend.test_accounts_pages import wrong
from tests.frontend.test_forms import PAGE, Fields, look, send
from tests.frontend.years_later import REFERENCES, Later, years_later

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def later(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Later]:
    async with years_later(tmp_path_factory.mktemp("later")) as later:
        yield later


async def test_the_docket_marks_what_is_due_and_what_is_gone(later: Later):
    page = await look(later.clerk, "/hearings")
    assert page.index("Kept long enough, to be destroyed") < page.index(REFERENCES["due"])
    assert "due for destruction" in page
    assert REFERENCES["destroyed"] in page
    assert "Read the certificate" in page
    assert "Matter of Exampleton" not in page
    told = {one["reference"]: one for one in await later.clerk.get("/hearings")}
    assert told[REFERENCES["destroyed"]]["state"] == "destroyed"
    assert [ref for ref, one in told.items() if one["stands"] == "due for destruction"] == [
        REFERENCES["due"],
        REFERENCES["conflict"],
    ]


async def test_the_page_says_until_when_and_by_whose_rule(later: Later):
    page = await look(later.clerk, later.path("kept", "/keeping"))
    for fact in (
        "Kept until 1 December 2047.",
        "here that of Prosecution Office of Samplia",
        "5 years",
        "10 years",
        "Invented Act of PT on the keeping of records, Article 1",
        "It is kept until 1 December 2047.",
        "No hold stands.",
    ):
        assert fact in page, fact
    assert "Destroy it for good" not in page
    assert "Kept until 1 December 2047." in await look(later.clerk, later.path("kept", "/record"))


async def test_a_hold_is_laid_and_lifted_by_forms(later: Later):
    path = later.path("kept", "/keeping")
    refused = await send(later.clerk, await look(later.clerk, path), "hold", {})
    assert wrong(refused.text, "hold", "reason") == "This is missing."
    held = await send(later.clerk, refused.text, "hold", {"reason": "An appeal is pending."})
    assert "Clerk laid a hold: An appeal is pending." in held.text
    theirs = await look(later.abroad, path)
    assert "An appeal is pending." in theirs
    assert "Lift this hold" not in theirs
    (form,) = [name for name in Fields(held.text).forms if name.startswith("lift-")]
    n = form.removeprefix("lift-")
    with pytest.raises(DoorRefused, match="side that laid it"):
        await later.abroad.post(f"{path}/hold/{n}/lift", {"reason": "no"})
    lifted = await send(later.clerk, held.text, form, {"reason": "The appeal is over."})
    assert "No hold stands." in lifted.text
    journal = await look(later.clerk, later.path("kept", "/journal?kind=files"))
    assert f"Clerk lifted the hold of entry {n}: The appeal is over." in html.unescape(journal)


async def test_what_is_held_is_not_offered_for_destroying(later: Later):
    page = await look(later.clerk, later.path("held", "/keeping"))
    assert "Abroad laid a hold: An appeal is pending before the court of appeal." in page
    assert page.count("Lift this hold") == 1, "the other one is of the other side"
    assert "Destroy it for good" not in page


async def test_a_conflict_is_shown_and_asked_for(later: Later):
    page = await look(later.clerk, later.path("conflict", "/keeping"))
    assert "Court of CL wants it gone by" in page
    assert "(Invented Act of CL, Article 1)" in page
    typed = {"reference": REFERENCES["conflict"]}
    refused = await send(later.clerk, page, "destroy", typed)
    assert wrong(refused.text, "destroy", "decision") == "Say how the conflict of the two rules was settled."
    done = await send(later.clerk, refused.text, "destroy", {"decision": "Agreed on the longer time."})
    assert done.url.path == later.path("conflict", "/certificate")
    assert "Agreed on the longer time." in done.text


async def test_it_is_destroyed_by_a_form_with_its_reference(later: Later):
    path = later.path("due", "/keeping")
    abroad = await look(later.abroad, path)
    assert "That is for the presiding judge or a clerk of Court of Exampleton." in abroad
    assert "destroy" not in Fields(abroad).forms
    page = await look(later.clerk, path)
    for words in ("It cannot be undone.", "are not ours to destroy"):
        assert words in page
    refused = await send(later.clerk, page, "destroy", {"reference": "99/2026"})
    assert wrong(refused.text, "destroy", "reference") == "This is not the reference of this hearing."
    done = await send(later.clerk, refused.text, "destroy", {"reference": REFERENCES["due"]})
    assert done.url.path == later.path("due", "/certificate")
    assert "Certificate of destruction" in done.text
    assert "none: nothing was recorded" in done.text


async def test_the_certificate_is_the_one_page_that_is_left(later: Later):
    for visitor in (later.clerk, later.abroad):
        page = await look(visitor, later.path("destroyed", "/certificate"))
        for fact in (
            "Clerk",
            "25 November 2037" if False else "Kept until",
            "5 years",
            "10 years",
            "Article 1",
        ):
            assert fact in page, fact
        for name in ("Witness", "Matter of Exampleton", "To hear a witness"):
            assert name not in page
    with pytest.raises(DoorRefused) as none:
        await later.clerk.get(later.path("kept", "/certificate"))
    assert none.value.status == 404
    async with Visitor(later.origin) as stranger:
        with pytest.raises(DoorRefused) as unknown:
            await stranger.get(later.path("destroyed", "/certificate"))
    assert unknown.value.status == 401


async def test_every_other_door_answers_with_one_sentence(later: Later):
    described = await later.clerk.get("/openapi/openapi.json")
    known = {"hearing": later.hearings["destroyed"], "n": "1", "change": "1", "name": "x.webm"}
    tried = 0
    for path, item in described["paths"].items():
        if not path.startswith("/hearings/{hearing}") or path.endswith("/certificate"):
            continue
        steps = [known.get(p[1:-1], known["hearing"]) if p[:1] == "{" else p for p in path.split("/")]
        address = "/".join(steps)
        if "get" in item:
            with pytest.raises(DoorRefused, match="410 destroyed: Everything of this hearing") as gone:
                await later.clerk.get(address)
            page = await later.clerk.http.get(address, headers=PAGE, follow_redirects=True)
            assert page.status_code == 200
            assert "Certificate of destruction" in page.text
            tried += 1
        if "post" in item:
            with pytest.raises(DoorRefused) as gone:
                await later.clerk.post(address, {})
            assert gone.value.status in {410, 422}, address
            tried += 1
    assert tried > 40


async def test_a_service_that_starts_finishes_what_was_begun(later: Later):
    data = later.service.settings.data
    assert not (data / "recordings" / later.hearings["destroyed"]).exists()


async def test_a_link_to_it_opens_nothing(later: Later):
    with pytest.raises(DoorRefused) as gone:
        await later.clerk.get(f"/places/{later.hearings['destroyed']}/hearing")
    assert gone.value.status == 401
