"""Signing in, invitations to staff, and the courts and authorities that they belong to."""

from typing import Any
from uuid import UUID, uuid4

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from pydantic import Field

from frontend import access
from frontend.settings import Settings
from hearings.accounts import Accounts, Staff
from hearings.errors import NotValid
from hearings.said import Said
from hearings.tables import Authority
from scheduling import zones


class SignIn(Said):
    login: str = Field(min_length=1, max_length=100)
    password: str = Field(min_length=1, max_length=500)


class Registration(SignIn):
    name: str = Field(min_length=1, max_length=200)


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


class AccountsPages(Controller):
    tags = ["staff"]

    @post("/sign-in", sync_to_thread=True, status_code=200)
    def sign_in(self, data: SignIn, accounts: Accounts, settings: Settings) -> Response[dict[str, str]]:
        token = accounts.sign_in(login=data.login, password=data.password)
        return Response({"signed_in": data.login}, cookies=[access.staff_cookie(settings, token)])

    @post("/sign-out", sync_to_thread=True, status_code=200)
    def sign_out(self, request: Request[Any, Any, Any], accounts: Accounts) -> Response[dict[str, bool]]:
        token = request.cookies.get(access.STAFF)
        if token:
            accounts.sign_out(token)
        return Response(
            {"signed_in": False}, cookies=[Cookie(key=access.STAFF, value="", path="/", max_age=0)]
        )

    @post("/invitations/{token:str}", sync_to_thread=True)
    def register(self, token: str, data: Registration, accounts: Accounts) -> dict[str, str]:
        account = accounts.register(token, login=data.login, name=data.name, password=data.password)
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
            raise NotValid(f"“{data.zone}” is no time zone that is known here.", field="zone")
        authority = accounts.found_authority(staff, Authority(id=uuid4(), **data.model_dump()))
        return {"authority": str(authority)}
