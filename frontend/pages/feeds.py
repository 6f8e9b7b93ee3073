"""Private feeds for calendar programs: made and withdrawn by their owner, fetched by whoever knows the address."""

import hashlib
from typing import Any

from litestar import Controller, Response, get, post

from frontend.forms import Asked
from frontend.settings import Settings
from frontend.shown import Done
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.feeds import Feeds


class PlaceFeedPages(Controller):
    """Of whoever holds a place; below its address alone."""

    tags = ["calendar"]
    path = "/calendar"

    @post("/", sync_to_thread=True)
    def make(self, actor: Actor, feeds: Feeds, settings: Settings) -> Done:
        return Done(_told(settings, feeds.make(actor)), show=True, status_code=201)

    @post("/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, actor: Actor, feeds: Feeds) -> Done:
        feeds.revoke(actor)
        return Done()


class FeedPages(Controller):
    """Of a member of staff, and the file itself."""

    tags = ["calendar"]

    @post("/account/calendar", sync_to_thread=True)
    def make(self, staff: Staff, feeds: Feeds, settings: Settings) -> Done:
        return Done(_told(settings, feeds.make(staff)), show=True, status_code=201)

    @post("/account/calendar/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, staff: Staff, feeds: Feeds) -> Done:
        feeds.revoke(staff)
        return Done()

    @get("/calendar/{file:str}", sync_to_thread=True, opt={"exclude_from_csrf": True})
    def fetch(self, request: Asked, file: str, feeds: Feeds) -> Response[Any]:
        """`file`: a token with `.ics`. Nothing is set in the browser, and nothing of it is asked for."""
        address = request.client.host if request.client else ""
        calendar = feeds.file(file.removesuffix(".ics"), address)
        tag = f'"{hashlib.sha256(calendar).hexdigest()[:32]}"'
        known = tag in request.headers.get("if-none-match", "")
        return Response(
            b"" if known else calendar,
            status_code=304 if known else 200,
            media_type="text/calendar",
            headers={"etag": tag, "content-disposition": 'inline; filename="hearings.ics"'},
        )


def _told(settings: Settings, token: str) -> dict[str, str]:
    """The address as calendar programs know it, and as browsers do."""
    address = f"{settings.origin}/calendar/{token}.ics"
    return {"calendar": f"webcal:{address.partition(':')[2]}", "address": address}
