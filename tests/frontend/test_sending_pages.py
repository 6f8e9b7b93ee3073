"""Two services over real HTTP: the pages of sending and receiving, a link and a key, and bringing a package."""

import html
import re
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from frontend.visitor import DoorRefused, Visitor, eventually
from hearings import packing
from hearings.tree import canonical
from tests.frontend.test_accounts_pages import wrong
from tests.frontend.test_forms import PAGE, Fields, look, send
from tests.frontend.two_services import COURTS, TwoServices, two_services

PATIENCE = 30  # seconds
pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoServices]:
    async with two_services(tmp_path_factory.mktemp("two")) as two:
        yield two


async def sendings(two: TwoServices) -> list[dict[str, Any]]:
    return list((await two.here.clerk.get(two.here.path("/sending")))["sendings"])


async def test_a_clerk_sends_by_a_form_and_the_other_clerk_downloads(two: TwoServices):
    page = await look(two.here.clerk, two.here.path("/sending"))
    assert "Send the record to another authority" in await look(two.here.clerk, two.here.path("/record"))
    sent = await send(two.here.clerk, page, "send", {"partner": COURTS["there"]})
    assert "Court of Samplia" in sent.text

    async def delivered() -> bool:
        return bool((await sendings(two))[0]["state"] == "delivered")

    await eventually(delivered)
    (there,) = await two.there.clerk.get("/received")
    assert (there["from"], there["state"], there["opened"]) == (COURTS["here"], "kept", None)
    unopened = html.unescape(await look(two.there.clerk, f"/received/{there['received']}"))
    assert "Court of Exampleton gets a receipt that it was opened" in unopened
    _, package = await two.there.clerk.file(f"/received/{there['received']}/package")
    own = (await two.here.clerk.http.get(two.here.path("/record/package"))).content
    assert package == own

    async def opened() -> bool:
        return bool((await sendings(two))[0]["state"] == "opened")

    await eventually(opened)
    page = html.unescape(await look(two.here.clerk, two.here.path("/sending")))
    for words in ("delivered, verified and opened", "Delivered: whole, and verified there", "Opened there"):
        assert words in page
    (told,) = await sendings(two)
    receipt = await two.here.clerk.get(two.here.path(f"/sending/{told['sending']}/receipts/delivery"))
    assert set(receipt) == {"document", "seal"}
    theirs = await look(two.there.clerk, f"/received/{there['received']}")
    for words in (
        "This record verifies: it is sealed, and nothing was altered.",
        "Court of Exampleton",
        "Receipts given",
    ):
        assert words in theirs
    again = await send(two.there.clerk, theirs, "verify", {})
    assert again.status_code == 200
    journal = html.unescape(await look(two.here.clerk, two.here.path("/journal?kind=files")))
    assert "Court of Samplia has the whole package, and it verifies there." in journal
    twice = await send(two.here.clerk, page, "send", {"partner": COURTS["there"]})
    assert "was sent to Court of Samplia before" in html.unescape(twice.text)


async def test_a_range_is_given_and_nothing_without_the_token(two: TwoServices):
    async with httpx.AsyncClient(base_url=two.here.settings.origin) as stranger:
        number = (await sendings(two))[0]["sending"]
        for headers in ({}, {"authorization": "Bearer x"}, {"authorization": "Basic eDp5"}):
            answer = await stranger.get(f"/transfers/{number}/content", headers=headers)
            assert answer.status_code == 404
        for path, body in (
            ("/transfers", {"document": "AA==", "seal": "AA==", "token": "x"}),
            (f"/transfers/{number}/receipts", {"receipts": [{"document": "AA==", "seal": "AA=="}]}),
            (f"/transfers/{number}/receipts", {"receipts": 7}),
            (f"/transfers/{number}/receipts", {}),
        ):
            answer = await stranger.post(path, json=body)
            assert answer.status_code == 422, path
            assert answer.json()["problem"]["sentence"]
        large = await stranger.post("/transfers", content=b"[" * 9 * 1024 * 1024)
        assert large.status_code in {400, 413}
        lock = (await stranger.get("/transfers/lock")).json()
        assert set(lock) == {"document", "seal"}


async def test_a_link_and_a_key_give_the_package_to_somebody_without_the_service(two: TwoServices):
    page = await look(two.here.clerk, two.here.path("/sending"))
    refused = await send(two.here.clerk, page, "offer", {"email": "court@elsewhere.invalid"})
    assert wrong(refused.text, "offer", "recipient") == "This is missing."
    made = await send(two.here.clerk, refused.text, "offer", {"recipient": "Court of Elsewhere"})
    text = html.unescape(made.text)
    key = re.search(r"[A-Z2-9]{4}(-[A-Z2-9]{4}){4}", text)
    link = re.search(r"http://[^\s<]+(/collect/[\w-]+)", text)
    assert key
    assert link
    stranger = Visitor(two.here.settings.origin)
    before = await two.here.clerk.get(two.here.path("/sending"))
    shown = await look(stranger, link[1])  # so does a mail scanner
    assert "Twenty letters and digits" in shown
    assert "12/2026" not in shown, "who has the link alone learns nothing"
    assert await two.here.clerk.get(two.here.path("/sending")) == before
    assert (await stranger.http.get(f"{link[1]}/package")).status_code == 409
    missed = await send(stranger, shown, "key", {"key": "AAAA"})
    assert "This is not the key." in missed.text
    opened = await send(stranger, missed.text, "key", {"key": key[0].lower()})
    assert "Your receipt is noted." in opened.text
    whole = await stranger.http.get(f"{link[1]}/package")
    own = (await two.here.clerk.http.get(two.here.path("/record/package"))).content
    assert whole.content == own
    assert 'filename="12-2026.asice"' in whole.headers["content-disposition"]
    rest = await stranger.http.get(f"{link[1]}/package", headers={"range": "bytes=1000-"})
    assert (rest.status_code, rest.content) == (206, own[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{len(own) - 1}/{len(own)}"
    odd = await stranger.http.get(f"{link[1]}/package", headers={"range": f"bytes={len(own)}-"})
    assert odd.status_code == 416
    other = Visitor(two.here.settings.origin)
    assert (await other.http.get(f"{link[1]}/package")).status_code == 409
    (offer,) = (await two.here.clerk.get(two.here.path("/sending")))["offers"]
    assert offer["state"] == "fetched"
    page = await look(two.here.clerk, two.here.path("/sending"))
    withdrawn = await send(two.here.clerk, page, f"withdraw-{offer['sending']}", {})
    assert "withdrawn" in withdrawn.text
    gone = await stranger.http.get(link[1], headers=PAGE)
    assert (gone.status_code, "The court withdrew this link" in gone.text) == (409, True)
    await stranger.close()
    await other.close()


async def brought(visitor: Visitor, package: bytes, *, trust: bytes = b"", **more: Any) -> httpx.Response:
    """By the form of the page, as a browser sends it."""
    await look(visitor, "/received")
    fields = {"_csrf_token": visitor.http.cookies["csrf"]} | more
    files = {"trust": ("trust.json", trust)} if trust else {}
    files["package"] = ("../../Matter 12.asice", package)
    return await visitor.http.post("/received", data=fields, files=files)


async def test_a_package_is_brought_verified_and_kept(two: TwoServices, tmp_path: Path):
    package = (await two.here.clerk.http.get(two.here.path("/record/package"))).content
    trust = (await two.here.clerk.http.get(two.here.path("/record/trust"))).content
    administrator = Visitor(two.there.settings.origin)
    await administrator.post("/sign-in", {"login": "administrator", "password": "a password for tests"})
    coordinator = Visitor(two.there.settings.origin)
    await coordinator.post("/sign-in", {"login": "coordinator", "password": "a password for tests"})
    with pytest.raises(DoorRefused) as refused:
        await administrator.get("/received")
    assert refused.value.status == 404
    answer = await brought(two.here.clerk, package, trust=trust)
    assert (answer.status_code, answer.json()["accepted"]) == (201, True)
    number = answer.json()["received"]
    assert "listed in the trust file" in answer.json()["verdict"]
    _, kept = await two.here.clerk.file(f"/received/{number}/package")
    assert kept == package
    twice = await brought(two.here.clerk, package, trust=trust)
    assert (twice.status_code, twice.json()["problem"]["kind"]) == (409, "already-done")
    assert "here already" in twice.json()["problem"]["sentence"]
    altered = bytearray(package)
    altered[len(package) // 2] ^= 1
    bad = await brought(two.here.clerk, bytes(altered), trust=trust)
    assert bad.json()["accepted"] is False
    with pytest.raises(DoorRefused, match="not kept here"):
        await two.here.clerk.file(f"/received/{bad.json()['received']}/package")
    foreign = canonical({"v": 1, "courts": [{"cert": "x", "roles": ["seal"]}]})
    assert (await brought(two.here.clerk, package + b"x", trust=foreign)).json()["accepted"] is False
    files = [path.name for path in (two.here.settings.data / "received").iterdir()]
    assert files == [f"{number}.asice"]
    for visitor in (administrator, coordinator):
        with pytest.raises(DoorRefused):
            await visitor.get(f"/received/{number}")
        await visitor.close()


async def test_what_is_no_form_of_ours_is_not_taken(two: TwoServices):
    clerk = two.here.clerk
    before = await clerk.get("/received")
    no_token = await brought(clerk, b"PK", _csrf_token="another")
    assert no_token.status_code == 403
    stranger = Visitor(two.here.settings.origin)
    await look(stranger, "/sign-in")
    assert (await brought(stranger, b"PK")).status_code == 401
    headers = {"x-csrftoken": clerk.http.cookies["csrf"]}
    boundary = {**headers, "content-type": "multipart/form-data; boundary=x"}
    for given, body in (
        (headers, b"PK"),
        (boundary, b"--x\r\nContent-Disposition: form-data; name=package; filename=a\r\n\r\nPK"),
        (boundary, b"--x--\r\n"),
        (boundary, b"\xff" * 100),
    ):
        answer = await clerk.http.post("/received", content=body, headers=given)
        assert answer.status_code in {400, 422}, body
    assert await clerk.get("/received") == before
    assert len(list((two.here.settings.data / "received").iterdir())) == 1
    await stranger.close()


async def test_the_pages_are_forms_with_labels(two: TwoServices):
    for clerk, path in ((two.here.clerk, two.here.path("/sending")), (two.here.clerk, "/received")):
        assert Fields(await look(clerk, path)).forms
    assert "SHA-256" not in await look(two.there.clerk, "/hearings")
    assert two.there.service.receivings.own in await look(two.there.clerk, "/received")


async def test_a_package_that_takes_its_time_is_told_and_comes_by_itself(
    two: TwoServices, monkeypatch: pytest.MonkeyPatch
):
    """A browser asks again by the page; a program is told when."""
    go, write = threading.Event(), packing.package.write

    def slowly(*arguments: Any, **more: Any) -> None:
        assert go.wait(PATIENCE)
        write(*arguments, **more)

    monkeypatch.setattr(packing, "PATIENCE", 0.01)
    monkeypatch.setattr(packing.package, "write", slowly)
    asked = two.here.path("/record/package?version=parties")
    shown = await two.here.clerk.http.get(asked, headers=PAGE)
    assert (shown.status_code, shown.headers["refresh"], shown.headers["retry-after"]) == (409, "10", "10")
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert "The package is being made" in shown.text
    assert "This page asks again by itself." in shown.text
    told = await two.here.clerk.http.get(asked)
    assert (told.status_code, told.json()["problem"]["kind"]) == (409, "not-yet")
    assert "refresh" not in told.headers
    go.set()

    async def there() -> bool:
        return (await two.here.clerk.http.get(asked, headers=PAGE)).status_code == 200

    await eventually(there)
