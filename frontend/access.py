"""Who is asking: cookies to actors. And the walls around every request.

A member of staff has the cookie `staff` for the whole site. A place has the cookie `place`, which the browser
sends below `/places/{place}` only, so that judge and witness can be open side by side in one browser; whoever opened the link of
a technical test has the cookie `ticket` below `/tests/{test}`.
Every request that changes something, and every socket, must come from a page of this service (`Origin`).
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from frontend.settings import Settings
from hearings.accounts import Accounts, Staff
from hearings.actors import Actor
from hearings.docket import Docket

log = logging.getLogger(__name__)

STAFF = "staff"
PLACE = "place"
TICKET = "ticket"
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "referrer-policy": "same-origin",  # with none, a form would come from origin null
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "cache-control": "no-store",
}


class Walls:
    """ASGI middleware: refuses what another site's page sends."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._is_foreign(scope):
            await _refuse(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        origin = next(
            (value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None
        )
        if scope["type"] == ScopeType.WEBSOCKET:
            return origin != self._settings.origin
        return scope["method"] in _UNSAFE and origin is not None and origin != self._settings.origin


def with_headers(settings: Settings) -> Callable[[Message, Scope], Awaitable[None]]:
    """The same headers on every answer, whoever gives it."""
    told = dict(HEADERS)
    if settings.secure:
        told["strict-transport-security"] = "max-age=31536000"

    async def before_send(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            headers = MutableScopeHeaders.from_message(message)
            for name, value in told.items():
                headers[name] = value
            if scope["path"].startswith("/static/"):
                headers["cache-control"] = "no-cache"  # kept, and asked for each time whether it changed
            if scope["path"].startswith("/calendar/"):
                headers["cache-control"] = "private"  # the program that fetches it may keep it

    return before_send


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == ScopeType.WEBSOCKET:
        log.warning("a socket from another site's page was refused at %s", scope["path"])
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": "not from a page of this service"})
        return
    body = b'{"problem":{"kind":"foreign","sentence":"This did not come from a page of this service.","hints":[],"field":null}}'
    start: Any = {
        "type": "http.response.start",
        "status": 403,
        "headers": [(b"content-type", b"application/json")],
    }
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def staff_cookie(settings: Settings, token: str) -> Cookie:
    return Cookie(key=STAFF, value=token, path="/", httponly=True, secure=settings.secure, samesite="strict")


def place_cookie(settings: Settings, place: UUID, token: str) -> Cookie:
    """Sent below this place's own address only."""
    return Cookie(
        key=PLACE,
        value=token,
        path=f"/places/{place}",
        httponly=True,
        secure=settings.secure,
        samesite="strict",
        max_age=60 * 24 * 3600,
    )


def ticket_cookie(settings: Settings, test: UUID, token: str) -> Cookie:
    """Sent below this test's own address only."""
    return Cookie(
        key=TICKET,
        value=token,
        path=f"/tests/{test}",
        httponly=True,
        secure=settings.secure,
        samesite="strict",
        max_age=60 * 24 * 3600,
    )


def signed_in(request: Request[Any, Any, Any], accounts: Accounts) -> Staff:
    """Dependency `staff`. Raises: NotSignedIn."""
    return accounts.staff(request.cookies.get(STAFF))


def actor_of_staff(
    request: Request[Any, Any, Any], hearing: UUID, accounts: Accounts, docket: Docket
) -> Actor:
    """Dependency `actor` below `/hearings/{hearing}`. Raises: NotSignedIn, NotFound."""
    return docket.of_staff(accounts.staff(request.cookies.get(STAFF)), hearing)


def actor_of_place(request: ASGIConnection[Any, Any, Any, Any], place: UUID, docket: Docket) -> Actor:
    """Dependency `actor` below `/places/{place}`. Raises: NotSignedIn."""
    return docket.of_place(place, request.cookies.get(PLACE))
