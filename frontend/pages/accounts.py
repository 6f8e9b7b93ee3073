"""Signing in, invitations to staff, and the courts and authorities that they belong to."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

from litestar import Controller, Request, get, post
from litestar.datastructures import Cookie
from litestar.di import Provide
from pydantic import Field

from frontend import access
from frontend.forms import Asked, local
from frontend.narrow import Narrow
from frontend.settings import Settings
from frontend.shown import Done, Shown
from hearings.accounts import INVITATION, Accounts, Staff
from hearings.errors import NotFound, NotValid
from hearings.said import Said
from hearings.sentences import say
from hearings.tables import Authority
from scheduling import zones


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


class NewAuthority(Said):
    """`state`: two letters (ISO 3166-1)."""

    name: str = Field(min_length=1, max_length=200)
    state: str = Field(pattern=r"^[A-Z]{2}$")
    zone: str = Field(min_length=1, max_length=64)
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    email: str = Field(default="", max_length=254)
    phone: str = Field(default="", max_length=50)


_SIGNED_OUT = Cookie(key=access.STAFF, value="", path="/", max_age=0)
_DIGEST = re.compile("[0-9a-f]{64}")


class AccountsPages(Controller):
    tags = ["staff"]
    dependencies = {"narrow": Provide(Narrow, sync_to_thread=False, use_cache=True)}

    @get("/sign-in", sync_to_thread=False)
    def ask(self, next: str = "/hearings") -> Shown:  # noqa: A002  # the word in the address
        return Shown({"next": local(next)}, "sign-in.html", next=local(next))

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
        return Done({"changed": True})

    @get("/staff", sync_to_thread=True)
    def everybody(self, staff: Staff, accounts: Accounts) -> dict[str, list[dict[str, str | None]]]:
        """Who has an account, who is invited, and for which authority. For administrators."""
        return {
            "accounts": [
                {
                    "account": str(row.id),
                    "login": row.login,
                    "name": row.name,
                    "role": row.role,
                    "authority": str(row.authority_id) if row.authority_id else None,
                    "created": row.created.isoformat(),
                    "ended": row.ended.isoformat() if row.ended else None,
                }
                for row in accounts.accounts(staff)
            ],
            "invitations": [
                {
                    "invitation": row.digest.hex(),
                    "role": row.role,
                    "authority": str(row.authority_id) if row.authority_id else None,
                    "created": row.created.isoformat(),
                    "until": (row.created + INVITATION).isoformat(),
                }
                for row in accounts.invitations(staff)
            ],
            "authorities": [
                {"authority": str(row.id), "name": row.name, "state": row.state, "zone": row.zone}
                for row in accounts.authorities()
            ],
        }

    @post("/staff/{account:uuid}/end", sync_to_thread=True, status_code=200)
    def end(self, account: UUID, staff: Staff, accounts: Accounts) -> Done:
        accounts.end(staff, account)
        return Done({"ended": str(account)})

    @post("/invitations/{invitation:str}/withdraw", sync_to_thread=True, status_code=200)
    def withdraw(self, invitation: str, staff: Staff, accounts: Accounts) -> Done:
        """`invitation`: as `GET /staff` names it."""
        if not _DIGEST.fullmatch(invitation):
            raise NotFound(say("There is no such invitation."))
        accounts.withdraw(staff, bytes.fromhex(invitation))
        return Done({"withdrawn": invitation})

    @post("/invitations/{token:str}")
    async def register(
        self, token: str, data: Registration, accounts: Accounts, narrow: Narrow
    ) -> dict[str, str]:
        account = await narrow.through(
            accounts.register, token, login=data.login, name=data.name, password=data.password
        )
        return {"account": str(account)}

    @post("/invitations", sync_to_thread=True)
    def invite(
        self, data: NewInvitation, staff: Staff, accounts: Accounts, settings: Settings
    ) -> dict[str, str]:
        token = accounts.invite(staff, role=data.role, authority=data.authority)
        return {"link": f"{settings.origin}/invitations/{token}"}

    @get("/authorities", sync_to_thread=True)
    def authorities(self, staff: Staff, accounts: Accounts) -> list[dict[str, str]]:
        return [
            {"authority": str(row.id), "name": row.name, "state": row.state, "zone": row.zone}
            for row in accounts.authorities()
        ]

    @post("/authorities", sync_to_thread=True)
    def found_authority(self, data: NewAuthority, staff: Staff, accounts: Accounts) -> dict[str, str]:
        if data.zone not in zones.names():
            raise NotValid(say("“{zone}” is no time zone that is known here.", zone=data.zone), field="zone")
        authority = accounts.found_authority(staff, Authority(id=uuid4(), **data.model_dump()))
        return {"authority": str(authority)}


def _address(request: Asked) -> str:
    """Where the browser is, as far as uvicorn knows: behind a proxy it believes the proxies of the settings."""
    return request.client.host if request.client else ""
