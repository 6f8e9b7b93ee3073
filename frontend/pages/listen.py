"""Listening back: what there is, a stretch beside its journal, and the bytes that a player asks for."""

import re
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.response import Stream

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.listening import Listening, parts

MEDIA_TYPE = "video/webm"
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


class ListenPages(Controller):
    tags = ["listen"]
    path = "/listen"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, listening: Listening) -> Shown:
        return spine.page("listen.html", "record", told=listening.stretches(spine.actor))

    @post("/{n:int}", sync_to_thread=True, status_code=200)
    def begin(self, actor: Actor, spine: Spine, listening: Listening, n: int) -> Done:
        listening.begin(actor, n)
        return Done(to=f"{spine.base}/listen/{n}")

    @get("/{n:int}", sync_to_thread=True)
    def stretch(self, spine: Spine, listening: Listening, n: int) -> Shown:
        return spine.page("player.html", "record", told=listening.stretch(spine.actor, n))

    @get("/copies/{name:str}", sync_to_thread=True)
    def copy(
        self, request: Request[Any, Any, Any], actor: Actor, listening: Listening, name: str
    ) -> Response[Any]:
        """In parts, as players ask (RFC 9110 section 14): one range; another kind of range is answered whole."""
        film = listening.film(actor, name)
        asked = request.headers.get("range", "")
        span = asked_for(asked, film.size)
        headers = {"accept-ranges": "bytes", "cache-control": "no-store"}
        if span is None and _RANGE.fullmatch(asked):
            film.stream.close()
            headers["content-range"] = f"bytes */{film.size}"
            return Response(b"", status_code=416, headers=headers, media_type=MEDIA_TYPE)
        since, until = span or (0, film.size)
        headers["content-length"] = str(until - since)
        if span is not None:
            headers["content-range"] = f"bytes {since}-{until - 1}/{film.size}"
        return Stream(
            parts(film, since, until),
            status_code=206 if span is not None else 200,
            headers=headers,
            media_type=MEDIA_TYPE,
        )


def asked_for(header: str, size: int) -> tuple[int, int] | None:
    """The half-open span of bytes that a range asks for; None if it asks for none that is there."""
    found = _RANGE.fullmatch(header)
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    since = int(first) if first else max(0, size - int(last))
    until = min(size, int(last) + 1) if first and last else size
    return (since, until) if since < until else None
