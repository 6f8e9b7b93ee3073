"""Signing in, invitations to staff, and the courts and authorities that they belong to."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID, uuid4

from babel import Locale
from litestar import Controller, Request, get, post
from litestar.datastructures import Cookie
from litestar.di import Provide
from pydantic import Field

from frontend import access
from frontend.forms import Asked, local
from frontend.narrow import Narrow
from frontend.settings import Settings
from frontend.shown import Done, Shown, reader_of
from frontend.words import named
from hearings.accounts import ADMINISTRATOR, INVITATION, SHORTEST_PASSWORD, Accounts, Staff
from hearings.errors import NotFound, NotValid
from hearings.feeds import Feeds
from hearings.said import Said
from hearings.sentences import Sentence, say
from hearings.tables import Account, Authority, Invitation
from scheduling import zones

ROLES: Mapping[str, Sentence] = {
    "coordinator": say("coordinator"),
    "judge": say("judge"),
    "clerk": say("clerk"),
    ADMINISTRATOR: say("administrator"),
}
WORK: Mapping[str, Sentence] = {
    "coordinator": say("A coordinator enters requests and arranges hearings."),
    "judge": say("A judge conducts hearings, or attends them for the authority that is asked."),
    "clerk": say("A clerk helps in the room and closes the record."),
    ADMINISTRATOR: say("An administrator looks after accounts and authorities, and sees no hearing."),
}
_NO_STATES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
STATES = tuple(
    code
    for code in map(str, Locale("en").territories)
    if len(code) == 2 and code.isalpha() and code not in _NO_STATES
)
"""Countries and territories by their two letters, without what CLDR names besides (unions, parts, test codes)."""


class SignIn(Said):
    """`next`: the page to go on with."""

    next: str = Field(default="/hearings", max_length=2000)
    login: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=500)


class Registration(Said):
    login: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=500)
    name: str = Field(min_length=1, max_length=200)


class NewPassword(Said):
    """`password`: the one until now."""

    password: str = Field(min_length=1, max_length=500)
    password_new: str = Field(min_length=1, max_length=500)


class NewInvitation(Said):
    role: str
    authority: UUID | None = None


class NewRule(Said):
    """For how long recordings are kept after the file is closed, and after how long they are gone at the latest; where
    that is written.
    """

    keeps: int | None = Field(default=None, ge=1, le=200)
    gone: int | None = Field(default=None, ge=1, le=200)
    unit: Literal["years", "months"] = "years"
    rule: str = Field(default="", max_length=500)

    def months(self) -> dict[str, int | None]:
        each = 12 if self.unit == "years" else 1
        return {"keeps": self.keeps and self.keeps * each, "gone": self.gone and self.gone * each}


class NewAuthority(NewRule):
    """`state`: two letters (ISO 3166-1). The name leaves room for "Desk of"."""

    name: str = Field(min_length=1, max_length=180)
    state: str = Field(pattern=r"^[A-Z]{2}$")
    zone: str = Field(min_length=1, max_length=64)
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    email: str = Field(default="", max_length=254, pattern=r"^([^@\s]+@[^@\s]+)?$")
    phone: str = Field(default="", max_length=50)


_SIGNED_OUT = Cookie(key=access.STAFF, value="", path="/", max_age=0)
_DIGEST = re.compile("[0-9a-f]{64}")


class AccountsPages(Controller):
    tags = ["staff"]
    dependencies = {"narrow": Provide(Narrow, sync_to_thread=False, use_cache=True)}

    @get("/sign-in", sync_to_thread=False)
    def ask(self, next: str = "/hearings", made: bool = False) -> Shown:  # noqa: A002, FBT001, FBT002  # the words in the address
        """`made`: an invitation has just made the account."""
        return Shown({"next": local(next)}, "sign-in.html", next=local(next), made=made)

    @post("/sign-in", status_code=200)
    async def sign_in(
        self, request: Asked, data: SignIn, accounts: Accounts, settings: Settings, narrow: Narrow
    ) -> Done:
        address = _address(request)
        await asyncio.to_thread(accounts.may_sign_in, login=data.login, address=address)
        token = await narrow.through(
            accounts.sign_in, login=data.login, password=data.password, address=address
        )
        cookies = [access.staff_cookie(settings, token)]
        return Done({"signed_in": data.login}, to=local(data.next), cookies=cookies)

    @post("/sign-out", sync_to_thread=True, status_code=200)
    def sign_out(self, request: Request[Any, Any, Any], accounts: Accounts) -> Done:
        token = request.cookies.get(access.STAFF)
        if token:
            accounts.sign_out(token)
        return Done({"signed_in": False}, to="/sign-in", cookies=[_SIGNED_OUT])

    @post("/sign-out/everywhere", sync_to_thread=True, status_code=200)
    def sign_out_everywhere(self, staff: Staff, accounts: Accounts) -> Done:
        accounts.sign_out_everywhere(staff)
        return Done({"signed_in": False}, to="/sign-in", cookies=[_SIGNED_OUT])

    @get("/account", sync_to_thread=True)
    def own(self, staff: Staff, accounts: Accounts, feeds: Feeds) -> Shown:
        """Who is signed in."""
        row = accounts.account(staff)
        told = {
            "account": str(row.id),
            "login": row.login,
            "name": row.name,
            "role": row.role,
            "authority": str(row.authority_id) if row.authority_id else None,
        }
        return Shown(
            told,
            "account.html",
            who=staff.name,
            role=staff.role,
            roles=ROLES,
            authority=_authority(accounts, row),
            shortest=SHORTEST_PASSWORD,
            fed=feeds.stands(staff),
        )

    @post("/password", status_code=200)
    async def change_password(
        self, request: Asked, data: NewPassword, staff: Staff, accounts: Accounts, narrow: Narrow
    ) -> Done:
        await narrow.through(
            accounts.change_password,
            request.cookies.get(access.STAFF),
            old=data.password,
            new=data.password_new,
            address=_address(request),
        )
        return Done({"changed": True}, to="/account#top", show=True)

    @get("/staff", sync_to_thread=True)
    def everybody(self, request: Asked, staff: Staff, accounts: Accounts) -> Shown:
        """Who has an account, who is invited, and for which authority. For administrators."""
        told = {
            "accounts": [_account(row) for row in accounts.accounts(staff)],
            "invitations": [_invitation(row) for row in accounts.invitations(staff)],
            "authorities": [_brief(row) for row in accounts.authorities()],
        }
        reader = reader_of(request)
        return Shown(
            told,
            "administration.html",
            who=staff.name,
            role=staff.role,
            you=str(staff.account),
            roles=ROLES,
            work=WORK,
            authorities={str(row.id): row for row in accounts.authorities()},
            states=named(STATES, reader.country),
            tongues=reader.tongues(),
            days=INVITATION.days,
        )

    @post("/staff/{account:uuid}/end", sync_to_thread=True, status_code=200)
    def end(self, account: UUID, staff: Staff, accounts: Accounts) -> Done:
        accounts.end(staff, account)
        return Done({"ended": str(account)}, to="/staff#top", show=True)

    @post("/invitations/{invitation:str}/withdraw", sync_to_thread=True, status_code=200)
    def withdraw(self, invitation: str, staff: Staff, accounts: Accounts) -> Done:
        """`invitation`: as `GET /staff` names it."""
        if not _DIGEST.fullmatch(invitation):
            raise NotFound(say("There is no such invitation."))
        accounts.withdraw(staff, bytes.fromhex(invitation))
        return Done({"withdrawn": invitation}, to="/staff#top", show=True)

    @get("/invitations/{token:str}", sync_to_thread=True)
    def invited(self, token: str, accounts: Accounts) -> Shown:
        """What the invitation makes. Looking uses nothing up."""
        row = accounts.invited(token)
        return Shown(
            {"role": row.role, "authority": str(row.authority_id) if row.authority_id else None},
            "invitation.html",
            role=row.role,
            roles=ROLES,
            work=WORK,
            authority=_authority(accounts, row),
            shortest=SHORTEST_PASSWORD,
        )

    @post("/invitations/{token:str}")
    async def register(self, token: str, data: Registration, accounts: Accounts, narrow: Narrow) -> Done:
        account = await narrow.through(
            accounts.register, token, login=data.login, name=data.name, password=data.password
        )
        return Done({"account": str(account)}, to="/sign-in?made=true", status_code=201)

    @post("/invitations", sync_to_thread=True)
    def invite(self, data: NewInvitation, staff: Staff, accounts: Accounts, settings: Settings) -> Done:
        token = accounts.invite(staff, role=data.role, authority=data.authority)
        link = f"{settings.origin}/invitations/{token}"
        return Done({"link": link}, to="/staff#invited", show=True, status_code=201)

    @get("/authorities", sync_to_thread=True)
    def authorities(self, staff: Staff, accounts: Accounts) -> list[dict[str, Any]]:
        return [_brief(row) for row in accounts.authorities()]

    @post("/authorities", sync_to_thread=True)
    def found_authority(self, data: NewAuthority, staff: Staff, accounts: Accounts) -> Done:
        if data.zone not in zones.names():
            raise NotValid(say("“{zone}” is no time zone that is known here.", zone=data.zone), field="zone")
        authority = accounts.found_authority(
            staff, Authority(id=uuid4(), **data.model_dump(exclude={"unit"}) | data.months())
        )
        return Done({"authority": str(authority)}, to="/staff#top", show=True, status_code=201)

    @post("/authorities/{authority:uuid}/rule", sync_to_thread=True, status_code=200)
    def state_rule(self, authority: UUID, data: NewRule, staff: Staff, accounts: Accounts) -> Done:
        accounts.state_rule(staff, authority, **data.months(), rule=data.rule)
        return Done({"stated": str(authority)}, to="/staff#top", show=True)


def _address(request: Asked) -> str:
    """Where the browser is, as far as uvicorn knows: behind a proxy it believes the proxies of the settings."""
    return request.client.host if request.client else ""


def _account(row: Account) -> dict[str, str | None]:
    return {
        "account": str(row.id),
        "login": row.login,
        "name": row.name,
        "role": row.role,
        "authority": str(row.authority_id) if row.authority_id else None,
        "created": row.created.isoformat(),
        "ended": row.ended.isoformat() if row.ended else None,
    }


def _invitation(row: Invitation) -> dict[str, str | None]:
    return {
        "invitation": row.digest.hex(),
        "role": row.role,
        "authority": str(row.authority_id) if row.authority_id else None,
        "created": row.created.isoformat(),
        "until": (row.created + INVITATION).isoformat(),
    }


def _brief(row: Authority) -> dict[str, Any]:
    return {
        "authority": str(row.id),
        "name": row.name,
        "state": row.state,
        "zone": row.zone,
        "rule": {"months": row.keeps, "gone": row.gone, "source": row.rule},
    }


def _authority(accounts: Accounts, row: Account | Invitation) -> Authority | None:
    """The court or authority that an account belongs to, or will."""
    return next((one for one in accounts.authorities() if one.id == row.authority_id), None)
