"""Signing in over the doors: what a flood meets, how logins end, what an administrator sees."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from frontend.rehearse import PASSWORD, Court
from frontend.visitor import DoorRefused, Visitor
from hearings.attempts import MOST_OF_ADDRESS, MOST_OF_PAIR

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW = "another good password"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def behind(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Court]:
    """A court behind a proxy on this machine, so that visitors can come from different addresses."""
    async with Court(tmp_path_factory.mktemp("behind") / "data", VIVAVOCE_PROXIES="127.0.0.1, ::1") as court:
        yield court


def at(court: Court, address: str) -> Visitor:
    visitor = court.visitor()
    visitor.http.headers["x-forwarded-for"] = address
    return visitor


async def sign_in(visitor: Visitor, login: str, password: str = PASSWORD) -> None:
    await visitor.post("/sign-in", {"login": login, "password": password})


async def refused(visitor: Visitor, path: str, body: dict[str, Any] | None = None) -> DoorRefused:
    with pytest.raises(DoorRefused) as told:
        await visitor.post(path, body)
    return told.value


async def wrong(visitor: Visitor, login: str) -> DoorRefused:
    return await refused(visitor, "/sign-in", {"login": login, "password": "wrong"})


async def administrator_of(court: Court, address: str = "192.0.2.200") -> Visitor:
    visitor = at(court, address)
    await sign_in(visitor, "administrator")
    return visitor


async def another(court: Court, login: str) -> Visitor:
    """One more member of staff, signed in."""
    made = await (await administrator_of(court)).post(
        "/invitations", {"role": "clerk", "authority": court.requesting}
    )
    visitor = at(court, "192.0.2.201")
    await visitor.sign_in(made["link"], login=login, name=login.title(), password=PASSWORD)
    return visitor


async def test_who_tries_too_often_is_told_when_to_come_back(behind: Court) -> None:
    visitor = at(behind, "192.0.2.1")
    for _ in range(MOST_OF_PAIR):
        assert (await wrong(visitor, "clerk")).status == 401
    told = await refused(visitor, "/sign-in", {"login": "clerk", "password": PASSWORD})
    assert (told.status, told.kind) == (429, "too-many")
    assert told.sentence == "Signing in failed too often. Nothing is changed. Try again in 15 minutes."
    token = visitor.http.cookies["csrf"]
    answer = await visitor.http.post(
        "/sign-in", json={"login": "clerk", "password": PASSWORD}, headers={"x-csrftoken": token}
    )
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60
    await sign_in(at(behind, "192.0.2.2"), "clerk")


async def test_an_address_that_tries_names_is_stopped(behind: Court) -> None:
    visitors = [at(behind, f"2001:db8:0:1::{n:x}") for n in range(4)]
    outcomes = await asyncio.gather(
        *(wrong(visitors[n % len(visitors)], f"name {n}") for n in range(MOST_OF_ADDRESS + 6))
    )
    assert sum(told.status == 401 for told in outcomes) == MOST_OF_ADDRESS
    assert sum(told.status == 429 for told in outcomes) == 6
    await sign_in(at(behind, "2001:db8:0:2::1"), "clerk")


async def test_without_a_proxy_nobody_says_where_they_come_from(court: Court) -> None:
    for n in range(MOST_OF_PAIR):
        assert (await wrong(at(court, f"192.0.2.{n}"), "somebody unknown")).status == 401
    assert (await wrong(at(court, "192.0.2.99"), "somebody unknown")).status == 429


async def test_a_flood_of_sign_ins_holds_up_nobody_else(behind: Court) -> None:
    """More than may wait come at once: each is answered, and a page in between does not wait for them."""
    visitors = [at(behind, f"198.51.100.{n}") for n in range(60)]
    await asyncio.gather(*(visitor.get("/openapi/openapi.json") for visitor in visitors))
    clerk = await another(behind, "clerk of the flood")
    flood = asyncio.gather(*(wrong(visitor, f"flood {n}") for n, visitor in enumerate(visitors)))
    asked = 0
    while not flood.done():
        await clerk.get("/authorities")
        asked += 1
    told = await flood
    assert {one.status for one in told} <= {401, 429}
    assert sum(one.status == 401 for one in told) >= 40
    assert asked > 5
    assert all("few seconds" in one.sentence for one in told if one.status == 429)


async def test_a_new_password_ends_the_other_logins(behind: Court) -> None:
    here = await another(behind, "clerk with a new password")
    there = at(behind, "192.0.2.3")
    await sign_in(there, "clerk with a new password")
    told = await refused(here, "/password", {"password": "wrong", "password_new": NEW})
    assert (told.status, told.field) == (422, "password")
    told = await refused(here, "/password", {"password": PASSWORD, "password_new": "short"})
    assert (told.status, told.field) == (422, "password_new")
    await there.get("/authorities")
    await here.post("/password", {"password": PASSWORD, "password_new": NEW})
    await here.get("/authorities")
    with pytest.raises(DoorRefused) as out:
        await there.get("/authorities")
    assert out.value.status == 401
    await sign_in(there, "clerk with a new password", NEW)


async def test_signing_out_everywhere(behind: Court) -> None:
    here = await another(behind, "clerk everywhere")
    there = at(behind, "192.0.2.4")
    await sign_in(there, "clerk everywhere")
    await here.post("/sign-out/everywhere")
    for visitor in (here, there):
        with pytest.raises(DoorRefused) as out:
            await visitor.get("/authorities")
        assert out.value.status == 401


async def test_an_administrator_sees_and_ends(behind: Court) -> None:
    administrator = await administrator_of(behind)
    clerk = await another(behind, "clerk who leaves")
    seen = await administrator.get("/staff")
    assert {row["login"] for row in seen["accounts"]} >= {"administrator", "coordinator", "clerk who leaves"}
    assert {row["authority"] for row in seen["authorities"]} == {behind.requesting, behind.requested}
    assert "argon2" not in str(seen)
    account = next(row["account"] for row in seen["accounts"] if row["login"] == "clerk who leaves")
    assert (await refused(clerk, f"/staff/{account}/end")).status == 403
    await administrator.post(f"/staff/{account}/end")
    with pytest.raises(DoorRefused) as out:
        await clerk.get("/authorities")
    assert out.value.status == 401
    assert (await refused(administrator, f"/staff/{account}/end")).status == 409
    own = next(row["account"] for row in seen["accounts"] if row["login"] == "administrator")
    told = await refused(administrator, f"/staff/{own}/end")
    assert (told.status, told.kind) == (409, "not-now")
    assert "last administrator" in told.sentence


async def test_an_invitation_is_listed_and_withdrawn(behind: Court) -> None:
    administrator = await administrator_of(behind)
    made = await administrator.post("/invitations", {"role": "judge", "authority": behind.requesting})
    (row,) = (await administrator.get("/staff"))["invitations"]
    assert (row["role"], row["authority"]) == ("judge", behind.requesting)
    assert row["invitation"] not in made["link"]
    await administrator.post(f"/invitations/{row['invitation']}/withdraw")
    assert (await administrator.get("/staff"))["invitations"] == []
    stranger = at(behind, "192.0.2.5")
    with pytest.raises(DoorRefused) as closed:
        await stranger.sign_in(made["link"], login="judge", name="Judge A", password=PASSWORD)
    assert closed.value.status == 404
    for gone in (row["invitation"], "0" * 63, "x" * 64, "é"):
        assert (await refused(administrator, f"/invitations/{gone}/withdraw")).status == 404


async def test_what_is_for_an_administrator_is_for_nobody_else(behind: Court) -> None:
    with pytest.raises(DoorRefused) as seen:
        await behind.coordinator.get("/staff")
    assert seen.value.status == 403
    with pytest.raises(DoorRefused) as strange:
        await at(behind, "192.0.2.6").get("/staff")
    assert strange.value.status == 401
    assert (await refused(behind.coordinator, f"/invitations/{'0' * 64}/withdraw")).status == 403
