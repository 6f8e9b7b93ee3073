"""Records of other services: what partners announce, what somebody brings, and what is kept.

A package that is brought may be larger than memory, and larger than the folder for temporary files: its bytes go
from the form straight into the locked file.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.exceptions import ClientException, PermissionDeniedException
from multipart import (  # type: ignore[import-untyped]
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from frontend.forms import Asked, redirect
from frontend.pages.sending import PACKAGE, ranged
from frontend.settings import Settings
from frontend.shown import Done, Shown
from hearings import receiving
from hearings.accounts import Accounts, Staff
from hearings.errors import NotValid, Unreachable
from hearings.events import VERSION
from hearings.packing import package_name
from hearings.receiving import READERS, Brought, Receivings
from hearings.sentences import say
from hearings.transfers import LARGEST
from hearings.verify_seals import LARGEST_TRUST
from media.lockedfile import FRAME

LARGEST_PACKAGE = 1024**4  # bytes
LARGEST_FIELD = 4096
LARGEST_ANNOUNCEMENT = 2 * LARGEST  # in base64, with its seal
AT_ONCE = 2

_bringing = asyncio.Semaphore(AT_ONCE)


class ReceivedPages(Controller):
    tags = ["received"]

    @get("/transfers/lock", sync_to_thread=True)
    def lock(self, receivings: Receivings) -> dict[str, str]:
        """For what whatever is sent here is locked, under our seal."""
        return receivings.lock().told()

    @post(
        "/transfers",
        sync_to_thread=True,
        status_code=200,
        exclude_from_csrf=True,
        request_max_body_size=LARGEST_ANNOUNCEMENT,
    )
    def announce(self, data: dict[str, Any], receivings: Receivings) -> dict[str, Any]:
        return {"receipts": [one.told() for one in receivings.announce(data)]}

    @get("/received", sync_to_thread=True)
    def listed(self, staff: Staff, receivings: Receivings, accounts: Accounts, settings: Settings) -> Shown:
        return Shown(
            receivings.listed(staff),
            "received.html",
            who=staff.name,
            role=staff.role,
            stands=receiving.STATES,
            words=VERSION,
            zone=_zone(accounts, staff),
            own=receivings.own,
            court=settings.court,
            partners=[one.name for one in receivings.partners],
        )

    @get("/received/{received:uuid}", sync_to_thread=True)
    def one(self, received: UUID, staff: Staff, receivings: Receivings, accounts: Accounts) -> Shown:
        return Shown(
            receivings.one(staff, received),
            "received-one.html",
            who=staff.name,
            role=staff.role,
            stands=receiving.STATES,
            words=VERSION,
            zone=_zone(accounts, staff),
        )

    @get("/received/{received:uuid}/package", sync_to_thread=True)
    def package(self, request: Asked, received: UUID, staff: Staff, receivings: Receivings) -> Response[Any]:
        film, reference = receivings.film(staff, received)
        return ranged(request, film, PACKAGE, name=package_name(received, reference))

    @post("/received/{received:uuid}/verify", sync_to_thread=True, status_code=200)
    def verify(self, received: UUID, staff: Staff, receivings: Receivings) -> Done:
        receivings.verify_again(staff, received)
        return Done(to=f"/received/{received}")

    @post(
        "/received",
        request_max_body_size=LARGEST_PACKAGE,
        opt={"streams": True, "patient": True},
        exclude_from_csrf=True,
        status_code=201,
    )
    async def bring(self, request: Asked, staff: Staff, receivings: Receivings) -> Response[Any]:
        """A form with `_csrf_token` first, then `trust`, if there is one, and `package`. Raises: NotValid, Unreachable,
        AlreadyDone.
        """
        if staff.role not in READERS:
            raise PermissionDeniedException
        if _bringing.locked():
            raise Unreachable(say("Other records are being taken in. Try again in a minute."))
        async with _bringing:
            return await _brought(request, staff, receivings)


def _zone(accounts: Accounts, staff: Staff) -> str:
    return next((one.zone for one in accounts.authorities() if one.id == staff.authority), "UTC")


async def _brought(request: Asked, staff: Staff, receivings: Receivings) -> Response[Any]:
    length = int(request.headers.get("content-length", "0") or 0)
    number, file = await asyncio.to_thread(receivings.bring, length)
    with file:
        form = await _Form(request, file).read()
        if form.package is None or not form.size:
            raise NotValid(say("Choose the package, a file that ends in .asice."), field="package")
        brought = await asyncio.to_thread(file.finish)
    row = await asyncio.to_thread(
        receivings.take_in,
        staff,
        number,
        name=form.package,
        brought=brought,
        trust=bytes(form.trust) or None,
    )
    if request.wants_page:
        return redirect(f"/received/{row.id}")
    told = {"received": str(row.id), "accepted": row.accepted, "verdict": row.verdict}
    return Response(told, status_code=201, media_type="application/json")


@dataclass
class _Form:
    """A form that is read as it comes (RFC 7578). What is large goes to `file`; the rest is small, or refused."""

    request: Asked
    file: Brought
    package: str | None = None
    size: int = 0
    trust: bytearray = field(default_factory=bytearray)
    token: bytearray = field(default_factory=bytearray)
    _held: bytearray = field(default_factory=bytearray)
    _segment: MultipartSegment | None = None

    async def read(self) -> "_Form":
        boundary = self.request.content_type[1].get("boundary")
        if not boundary:
            self._refuse_foreign()
            raise NotValid(say("Choose the package, a file that ends in .asice."), field="package")
        try:
            with PushMultipartParser(boundary, max_segment_count=20) as parser:
                async for data in self._stream():
                    for event in parser.parse(data):
                        await self._take(event)
                    if parser.closed:
                        break
        except MultipartError as error:
            raise ClientException("this is no form") from error
        await self._put()
        return self

    async def _put(self) -> None:
        held, self._held = bytes(self._held), bytearray()
        await asyncio.to_thread(self.file.put, held)

    async def _stream(self) -> AsyncIterator[bytes]:
        async for data in self.request.stream():
            yield data
        yield b""

    async def _take(self, event: Any) -> None:
        if isinstance(event, MultipartSegment):
            self._segment = event
            if event.name == "package" and event.filename:
                self._refuse_foreign()
                self.package = event.filename
        elif event and self._segment is not None:
            match self._segment.name:
                case "package" if self._segment.filename:
                    self.size += len(event)
                    self._held += event
                    if len(self._held) >= FRAME:
                        await self._put()
                case "trust":
                    self.trust += event
                    if len(self.trust) > LARGEST_TRUST:
                        raise NotValid(say("This trust file is too large."), field="trust")
                case "_csrf_token":
                    self.token += event
                    if len(self.token) > LARGEST_FIELD:
                        raise PermissionDeniedException

    def _refuse_foreign(self) -> None:
        """Only a page of ours knows the token of its browser. Raises: PermissionDeniedException."""
        cookie = self.request.cookies.get("csrf", "")
        given = self.request.headers.get("x-csrftoken", "") or self.token.decode("ascii", "replace")
        if not cookie or given != cookie:
            raise PermissionDeniedException
