"""The pages of the record, over real HTTP."""

import html
import re

import pytest

from frontend.rehearse import JUDGE, WITNESS, Hearing
from tests.frontend.test_forms import look
from tests.story.telling import scheduled

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_whoever_was_heard_reads_who_was_there_and_the_rest_is_a_press_away(hearing: Hearing) -> None:
    await scheduled(hearing)
    judge, witness = await hearing.add([JUDGE], seed=0), await hearing.add([WITNESS], seed=1)
    await hearing.staff("room/open")
    await judge.act("room/end")
    page = html.unescape(await look(witness, f"/places/{witness.place}/record/draft/requested"))
    folded = re.findall(r"<details><summary><h3>(.*?)</h3>", page)
    plain = re.findall(r"<section><h3>(.*?)</h3>", page)
    assert next(re.sub(r"<.*?>", "", one).split(". ")[1] for one in folded) == "Technical conditions"
    assert page.index("Course of the hearing") < page.index("Safeguards")
    assert any("Other persons taking part" in one for one in plain)
    assert any("Safeguards" in one for one in folded)
    theirs = await look(hearing.court.clerk, f"/hearings/{hearing.id}/record/draft/requested")
    assert "<details><summary><h3>" not in theirs


async def test_no_document_of_another_name_and_no_other_version_is_there(hearing: Hearing) -> None:
    clerk = hearing.court.clerk
    for path in (
        "draft/x",
        "minutes/x",
        "wording/x",
        "draft/public",
        "package?version=x",
        "package?version=",
    ):
        answer = await clerk.http.get(f"/hearings/{hearing.id}/record/{path}")
        assert answer.status_code in {400, 404, 422}, (path, answer.status_code)
