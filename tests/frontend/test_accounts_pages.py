"""The pages of accounts: an invitation, one's own account, staff and authorities; who sees them, and what they do."""

import html
import re
from urllib.parse import urlsplit

import pytest

from frontend.rehearse import PASSWORD, Court
from frontend.visitor import DoorRefused, Visitor
from tests.frontend.test_forms import PAGE, Fields, look, send

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW = "another good password"


async def invitation(court: Court, role: str = "judge") -> str:
    """The path that a new invitation opens."""
    told = {"role": role} if role == "administrator" else {"role": role, "authority": court.requesting}
    made = await court.administrator.post("/invitations", told)
    return urlsplit(made["link"]).path


async def member(court: Court, login: str) -> Visitor:
    """One more clerk, signed in."""
    visitor = court.visitor()
    await court.hire(visitor, "clerk", court.requesting, name=login.title(), login=login)
    return visitor


async def number(court: Court, login: str) -> str:
    """The account of this name, as the page names it."""
    rows = (await court.administrator.get("/staff"))["accounts"]
    return str(next(row["account"] for row in rows if row["login"] == login))


async def opens(path: str, visitor: Visitor) -> tuple[int, str]:
    answer = await visitor.http.get(path, headers=PAGE, follow_redirects=True)
    return answer.status_code, html.unescape(answer.text)


def wrong(page: str, form: str, field: str) -> str:
    """The sentence beside a field."""
    found = re.search(f'id="{form}-{field}-wrong">([^<]*)<', page)
    return html.unescape(found[1]) if found else ""


# --- an invitation


async def test_an_invitation_says_what_it_makes_and_is_not_used_up_by_looking(court: Court):
    path = await invitation(court)
    before = await court.administrator.get("/staff")
    async with Visitor(court.origin) as stranger:
        for _ in range(3):
            page = await look(stranger, path)
        assert "judge" in page
        assert "Court of Exampleton" in page
        assert "(Netherlands)" in page
        assert 'autocomplete="new-password"' in page
        assert "At least 12 characters" in page
        told = await stranger.get(path)
        assert told == {"role": "judge", "authority": court.requesting}
    assert await court.administrator.get("/staff") == before


async def test_an_administrator_is_invited_for_no_authority(court: Court):
    async with Visitor(court.origin) as stranger:
        page = await look(stranger, await invitation(court, "administrator"))
    assert "sees no hearing" in page
    assert "Court of Exampleton" not in page


async def test_an_account_is_made_by_a_form(court: Court):
    path = await invitation(court)
    async with Visitor(court.origin) as visitor:
        page = await look(visitor, path)
        short = await send(
            visitor, page, "register", {"name": "Judge P", "login": "judge.p", "password": "too short"}
        )
        assert short.url.path == path
        assert wrong(short.text, "register", "password") == "A password has at least 12 characters."
        assert 'href="#register-password"' in short.text
        assert "too short" not in short.text
        again = Fields(short.text).forms["register"]
        assert (again["name"], again["login"], again["password"]) == ("Judge P", "judge.p", "")
        made = await send(visitor, short.text, "register", {"password": PASSWORD})
        assert made.url.path == "/sign-in"
        assert "Your account is made." in made.text
        inside = await send(visitor, made.text, "sign-in", {"login": "judge.p", "password": PASSWORD})
        assert inside.url.path == "/hearings"
        assert "Judge P" in inside.text


async def test_a_name_that_is_taken_and_one_that_is_missing_are_told_beside_their_fields(court: Court):
    async with Visitor(court.origin) as visitor:
        page = await look(visitor, await invitation(court))
        taken = await send(visitor, page, "register", {"name": "X", "login": "clerk", "password": PASSWORD})
        assert wrong(taken.text, "register", "login") == "This name is taken."
        missing = await send(visitor, page, "register", {"login": "judge.q", "password": PASSWORD})
        assert wrong(missing.text, "register", "name") == "This is missing."


async def test_a_used_and_an_unknown_invitation_are_pages_with_a_sentence(court: Court):
    path = await invitation(court)
    async with Visitor(court.origin) as visitor:
        page = await look(visitor, path)
        made = await visitor.post(path, {"login": "judge.r", "name": "Judge R", "password": PASSWORD})
        assert list(made) == ["account"]
        status, used = await opens(path, visitor)
        assert (status, "This invitation has been used." in used) == (409, True)
        late = await send(visitor, page, "register", {"name": "X", "login": "x", "password": PASSWORD})
        assert (late.status_code, "This invitation has been used." in late.text) == (409, True)
        status, unknown = await opens("/invitations/nothing", visitor)
        assert (status, "does not exist or has run out" in unknown) == (404, True)


async def test_a_program_makes_an_account_as_before(court: Court):
    path = await invitation(court)
    async with Visitor(court.origin) as visitor:
        await visitor.get("/openapi/openapi.json")
        answer = await visitor.http.post(
            path,
            json={"login": "judge.s", "name": "Judge S", "password": PASSWORD},
            headers={"x-csrftoken": visitor.http.cookies["csrf"]},
        )
    assert answer.status_code == 201
    assert answer.json() == {"account": await number(court, "judge.s")}


# --- one's own account


async def test_the_own_account_says_who_is_signed_in(court: Court):
    page = await look(court.coordinator, "/account")
    for fact in ("Coordinator A", "coordinator", "Court of Exampleton", "(Netherlands)"):
        assert fact in page
    told = await court.coordinator.get("/account")
    assert (told["login"], told["role"], told["authority"]) == (
        "coordinator",
        "coordinator",
        court.requesting,
    )
    async with Visitor(court.origin) as stranger:
        answer = await stranger.http.get("/account", headers=PAGE, follow_redirects=True)
    assert answer.url.path == "/sign-in"


async def test_the_password_is_changed_by_a_form(court: Court):
    visitor = await member(court, "clerk.password")
    page = await look(visitor, "/account")
    refused = await send(visitor, page, "password", {"password": "not this one at all", "password_new": NEW})
    assert wrong(refused.text, "password", "password") == "This is not the password that you have now."
    assert not wrong(refused.text, "password", "password_new")
    assert "not this one" not in refused.text
    assert NEW not in refused.text
    short = await send(visitor, refused.text, "password", {"password": PASSWORD, "password_new": "short"})
    assert wrong(short.text, "password", "password_new") == "A password has at least 12 characters."
    done = await send(visitor, short.text, "password", {"password": PASSWORD, "password_new": NEW})
    assert done.url.path == "/account"
    assert "Your password is changed." in done.text
    assert "Your password is changed." not in await look(visitor, "/account")
    async with Visitor(court.origin) as other:
        await other.post("/sign-in", {"login": "clerk.password", "password": NEW})


async def test_signing_out_everywhere_by_a_form(court: Court):
    here = await member(court, "clerk.everywhere")
    async with Visitor(court.origin) as there:
        await there.post("/sign-in", {"login": "clerk.everywhere", "password": PASSWORD})
        out = await send(here, await look(here, "/account"), "everywhere", {})
        assert out.url.path == "/sign-in"
        with pytest.raises(DoorRefused) as closed:
            await there.get("/account")
    assert closed.value.status == 401


# --- staff and authorities


async def test_staff_and_authorities_are_for_administrators(court: Court):
    page = await look(court.administrator, "/staff")
    assert '<a href="/staff">' in page
    for fact in ("Clerk A", "Prosecution Office of Samplia", "Portugal", "Lisbon", "this is you"):
        assert fact in page
    status, refused = await opens("/staff", court.clerk)
    assert (status, "That is for an administrator." in refused) == (403, True)
    assert "Portugal" not in refused
    async with Visitor(court.origin) as stranger:
        answer = await stranger.http.get("/staff", headers=PAGE, follow_redirects=True)
    assert answer.url.path == "/sign-in"


async def test_an_administrator_without_hearings_is_shown_the_way(court: Court):
    page = await look(court.administrator, "/hearings")
    assert "An administrator takes part in no hearing." in page
    assert page.count('href="/staff"') == 2
    assert 'href="/staff"' not in await look(court.coordinator, "/hearings")


async def test_somebody_is_invited_by_a_form(court: Court):
    page = await look(court.administrator, "/staff")
    refused = await send(court.administrator, page, "invite", {"role": "clerk"})
    assert wrong(refused.text, "invite", "authority") == "Say for which authority."
    assert Fields(refused.text).forms["invite"]["role"] == "clerk"
    done = await send(court.administrator, refused.text, "invite", {"authority": court.requested})
    found = re.search(f'{court.origin}(/invitations/[^<"]+)</code>', done.text)
    assert found is not None
    assert 'class="qr"' in done.text
    assert found[1] not in await look(court.administrator, "/staff")
    async with Visitor(court.origin) as stranger:
        assert "Prosecution Office of Samplia" in await look(stranger, found[1])


async def test_an_administrator_is_invited_for_no_authority_by_the_form_either(court: Court):
    page = await look(court.administrator, "/staff")
    typed = {"role": "administrator", "authority": court.requested}
    refused = await send(court.administrator, page, "invite", typed)
    assert wrong(refused.text, "invite", "authority") == "An administrator belongs to no authority."
    done = await send(court.administrator, refused.text, "invite", {"authority": ""})
    assert f"{court.origin}/invitations/" in done.text


async def test_an_invitation_is_withdrawn_by_a_form(court: Court):
    path = await invitation(court)
    row = (await court.administrator.get("/staff"))["invitations"][0]["invitation"]
    page = await look(court.administrator, "/staff")
    done = await send(court.administrator, page, f"withdraw-{row}", {})
    assert "The invitation is withdrawn." in done.text
    assert f"withdraw-{row}" not in done.text
    async with Visitor(court.origin) as stranger:
        assert (await opens(path, stranger))[0] == 404
    late = await send(court.administrator, page, f"withdraw-{row}", {"_once": "another press"})
    assert "There is no such invitation." in late.text


async def test_an_account_is_ended_by_a_form(court: Court):
    leaving = await member(court, "clerk.leaving")
    account = await number(court, "clerk.leaving")
    page = await look(court.administrator, "/staff")
    assert 'End it for good<span class="unseen">: <bdi>Clerk.Leaving</bdi></span>' in page
    done = await send(court.administrator, page, f"end-{account}", {})
    assert "The account has ended" in done.text
    assert f"end-{account}" not in Fields(done.text).forms
    assert "Accounts that have ended" in done.text
    with pytest.raises(DoorRefused) as out:
        await leaving.get("/account")
    assert out.value.status == 401
    late = await send(court.administrator, page, f"end-{account}", {"_once": "another press"})
    assert "This account has ended already." in late.text


async def test_nobody_is_offered_to_end_the_own_account(court: Court):
    own = await number(court, "administrator")
    assert f"end-{own}" not in Fields(await look(court.administrator, "/staff")).forms


async def test_an_authority_with_a_wrong_zone_is_not_entered(court: Court):
    page = await look(court.administrator, "/staff")
    typed = {
        "name": "Court of Testonia",
        "state": "PE",
        "zone": "Mars/Olympus",
        "language": "es",
        "email": "court@testonia.invalid",
        "phone": "+000 111",
    }
    refused = await send(court.administrator, page, "authority", typed)
    assert "is no time zone that is known here" in wrong(refused.text, "authority", "zone")
    again = Fields(refused.text).forms["authority"]
    assert {name: again[name] for name in typed} == {**typed, "zone": ""}
    assert "Court of Testonia" not in str(await court.administrator.get("/authorities"))
    done = await send(court.administrator, refused.text, "authority", {"zone": "America/Lima"})
    assert "The court or authority is entered." in done.text
    for fact in ("Court of Testonia", "Peru", "Lima", "Spanish", "+000 111"):
        assert fact in done.text


async def test_what_a_form_for_an_authority_leaves_out_is_told(court: Court):
    page = await look(court.administrator, "/staff")
    refused = await send(court.administrator, page, "authority", {"name": "Court of Nowhere"})
    for field in ("state", "zone"):
        assert wrong(refused.text, "authority", field) == "This is missing."
    assert Fields(refused.text).forms["authority"]["name"] == "Court of Nowhere"


async def test_how_long_recordings_are_kept_is_said_with_the_authority_and_changed_later(court: Court):
    page = await look(court.administrator, "/staff")
    typed = {"name": "Court of Keeping", "state": "FR", "zone": "Europe/Paris", "keeps": "10", "gone": "5"}
    refused = await send(court.administrator, page, "authority", typed)
    assert "must be longer than the time" in wrong(refused.text, "authority", "gone")
    refused = await send(court.administrator, refused.text, "authority", {"gone": "12"})
    assert "Say where this is written" in wrong(refused.text, "authority", "rule")
    done = await send(court.administrator, refused.text, "authority", {"rule": "Invented Act, Article 1"})
    (row,) = [
        one for one in await court.administrator.get("/authorities") if one["name"] == "Court of Keeping"
    ]
    assert row["rule"] == {"months": 120, "gone": 144, "source": "Invented Act, Article 1"}
    form = f"rule-{row['authority']}"
    shown = Fields(done.text).forms[form]
    assert {name: shown[name] for name in ("keeps", "gone", "unit")} == {
        "keeps": "10",
        "gone": "12",
        "unit": "years",
    }
    changed = await send(court.administrator, done.text, form, {"keeps": "18", "gone": "", "unit": "months"})
    assert "The rule is stated." in changed.text
    assert "18 months" in changed.text
    lost = await send(court.administrator, changed.text, form, {"keeps": "", "gone": "20"})
    assert "Say first for how long" in wrong(lost.text, form, "keeps")
    status, _ = await opens("/staff", court.clerk)
    assert status == 403
    with pytest.raises(DoorRefused) as other:
        await court.clerk.post(f"/authorities/{row['authority']}/rule", {"keeps": 1, "rule": "x"})
    assert other.value.status == 403


async def test_no_rule_is_preset(court: Court):
    rows = await court.administrator.get("/authorities")
    (row,) = [one for one in rows if one["name"] == "Court of Exampleton"]
    assert row["rule"] == {"months": None, "gone": None, "source": ""}


async def test_the_state_is_chosen_by_name_in_the_language_of_who_reads(court: Court):
    page = await look(court.administrator, "/staff")
    for option in ('value="NL">Netherlands<', 'value="PE">Peru<', 'value="AX">Åland Islands<'):
        assert option in page
    for none in ("EU", "ZZ", "XA", "UN"):
        assert f'<option value="{none}">' not in page
    names = re.findall(r'<option value="[A-Z]{2}">([^<]+)<', page)
    assert names.index("Åland Islands") < names.index("Albania") < names.index("Zimbabwe")
    async with Visitor(court.origin) as reader:
        await reader.post("/sign-in", {"login": "administrator", "password": PASSWORD})
        arabic = await look(reader, "/language?language=ar&page=/staff")
    assert 'value="NL">هولندا<' in arabic
