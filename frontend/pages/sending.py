"""Sending the record: to a court with this service, to somebody without it, and the doors that both of them come to.

Between services nobody signs in: what is said is sealed, and what is fetched is locked for who fetches it.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from babel import Locale
from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Stream

from frontend.forms import Asked
from frontend.letters import LANGUAGES
from frontend.pages.listen import asked_for
from frontend.settings import Settings
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings import sending
from hearings.actors import Actor
from hearings.errors import NotValid
from hearings.events import VERSION
from hearings.listening import Film, parts
from hearings.offers import FETCHING, Key, NewOffer, Offers
from hearings.packing import package_name
from hearings.sending import NewSending, Sendings
from hearings.sentences import Sentence, say
from hearings.tree import stamp

PACKAGE = "application/vnd.etsi.asic-e+zip"
NOTED = 16 * 1024 * 1024
"""Bytes after which it is noted how much was fetched."""
LARGEST_RECEIPTS = 256 * 1024
BROWSER = "collect"

OFFERED: dict[str, tuple[Sentence, str]] = {
    "open": (say("not fetched yet"), "now"),
    "fetched": (say("fetched"), "met"),
    "ended": (say("its time is over"), "never"),
    "closed": (say("closed: the key was wrong too often"), "needs"),
    "withdrawn": (say("withdrawn"), "never"),
}


class SendingPages(Controller):
    """Below a hearing or a place."""

    tags = ["sending"]
    path = "/sending"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, sendings: Sendings, offers: Offers) -> Shown:
        told = {"sendings": sendings.listed(spine.actor), "offers": offers.listed(spine.actor)}
        return spine.page(
            "sending.html",
            "record",
            told=told,
            partners=[(one.name, one.name) for one in sendings.partners],
            versions={code: VERSION[code] for code in sendings.versions},
            words=VERSION,
            stands=sending.STATES,
            offered=OFFERED,
            days=offers.days,
            letters=[(code, Locale(code).get_display_name(code)) for code in LANGUAGES],
        )

    @post("/", sync_to_thread=True)
    def send(self, data: NewSending, actor: Actor, sendings: Sendings) -> Done:
        return Done({"sending": str(sendings.send(actor, data))}, status_code=201)

    @post("/{sending:uuid}/again", sync_to_thread=True, status_code=200)
    def again(self, sending: UUID, actor: Actor, sendings: Sendings) -> Done:
        sendings.again(actor, sending)
        return Done()

    @post("/{sending:uuid}/withdraw", sync_to_thread=True, status_code=200)
    def withdraw(self, sending: UUID, actor: Actor, sendings: Sendings) -> Done:
        sendings.withdraw(actor, sending)
        return Done()

    @get("/{sending:uuid}/receipts/{kind:str}", sync_to_thread=True)
    def receipt(self, sending: UUID, kind: str, actor: Actor, sendings: Sendings) -> Response[Any]:
        """As the other court sealed it: the statement and the seal, in base64."""
        return Response(
            sendings.receipt(actor, sending, kind).told(),
            media_type="application/json",
            headers={"content-disposition": f'attachment; filename="{kind}.json"'},
        )

    @post("/offers", sync_to_thread=True)
    def offer(self, data: NewOffer, spine: Spine, actor: Actor, offers: Offers) -> Done:
        """The link and the key are told this once."""
        made = offers.offer(actor, data)
        told = {"sending": str(made.offer), "link": made.link, "key": made.key, "until": stamp(made.until)}
        return Done(told, to=f"{spine.base}/sending#offered", show=True, status_code=201)

    @post("/offers/{offer:uuid}/withdraw", sync_to_thread=True, status_code=200)
    def withdraw_offer(self, offer: UUID, actor: Actor, offers: Offers) -> Done:
        offers.withdraw(actor, offer)
        return Done()


class TransferPages(Controller):
    """What another court's service asks of the one that sends."""

    tags = ["transfers"]
    path = "/transfers"

    @get("/{sending:uuid}/content", sync_to_thread=True)
    def content(self, request: Request[Any, Any, Any], sending: UUID, sendings: Sendings) -> Response[Any]:
        """The locked file, or what of it a range asks for (RFC 9110, section 14)."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        film = sendings.content(sending, token if scheme.lower() == "bearer" else "")
        return ranged(request, film, "application/octet-stream", noted=(sendings, sending))

    @post(
        "/{sending:uuid}/receipts",
        sync_to_thread=True,
        status_code=200,
        exclude_from_csrf=True,
        request_max_body_size=LARGEST_RECEIPTS,
    )
    def receipts(self, sending: UUID, data: dict[str, Any], sendings: Sendings) -> dict[str, Any]:
        told = data.get("receipts")
        if not isinstance(told, list):
            raise NotValid(say("This is no list of receipts."))
        sendings.take(sending, told)
        return {"taken": True}


class CollectPages(Controller):
    """Whoever has a link and a key, and no such service. Looking does nothing."""

    tags = ["collect"]
    path = "/collect/{link:str}"

    @get("/", sync_to_thread=True)
    def look(self, request: Asked, link: str, offers: Offers) -> Shown:
        behind = offers.behind(link, request.cookies.get(BROWSER))
        told = {
            "open": behind.open_,
            "recipient": behind.offer.recipient,
            "court": behind.requesting.name,
            "until": stamp(behind.offer.until),
        }
        if behind.open_:
            told |= {
                "reference": behind.reference,
                "size": behind.offer.size,
                "package": behind.offer.package,
            }
        return Shown(
            told,
            "collect.html",
            requesting=behind.requesting,
            place_language=behind.offer.language,
            zone=behind.requesting.zone,
            hours=FETCHING.seconds // 3600,
        )

    @post("/", sync_to_thread=True, status_code=200)
    def open(self, link: str, data: Key, offers: Offers, settings: Settings) -> Done:
        browser = offers.open(link, data.key)
        return Done({"open": True}, to=f"/collect/{link}", cookies=[_cookie(settings, link, browser)])

    @get("/package", sync_to_thread=True)
    def package(self, request: Asked, link: str, offers: Offers) -> Response[Any]:
        film, reference = offers.film(link, request.cookies.get(BROWSER))
        return ranged(request, film, PACKAGE, name=package_name(link[:8], reference))


def ranged(
    request: Request[Any, Any, Any],
    film: Film,
    kind: str,
    *,
    name: str = "",
    noted: tuple[Sendings, UUID] | None = None,
) -> Response[Any]:
    """A large file, whole or the one range of it that is asked for, so that a fetching that was cut off goes on."""
    asked = request.headers.get("range", "")
    span = asked_for(asked, film.size)
    headers = {"accept-ranges": "bytes", "cache-control": "no-store"}
    if name:
        headers["content-disposition"] = f'attachment; filename="{name}"'
    if span is None and asked:
        film.stream.close()
        headers["content-range"] = f"bytes */{film.size}"
        return Response(b"", status_code=416, headers=headers, media_type=kind)
    since, until = span or (0, film.size)
    headers["content-length"] = str(until - since)
    if span is not None:
        headers["content-range"] = f"bytes {since}-{until - 1}/{film.size}"
    pieces = parts(film, since, until)
    return Stream(
        _noting(pieces, since, *noted) if noted else pieces,
        status_code=206 if span is not None else 200,
        headers=headers,
        media_type=kind,
    )


def _noting(pieces: Iterator[bytes], since: int, sendings: Sendings, sending_: UUID) -> Iterator[bytes]:
    at = told = since
    for piece in pieces:
        yield piece
        at += len(piece)
        if at - told >= NOTED:
            told = at
            sendings.given(sending_, at)
    sendings.given(sending_, at)


def _cookie(settings: Settings, link: str, browser: str) -> Cookie:
    """Sent below this link's own address only."""
    return Cookie(
        key=BROWSER,
        value=browser,
        path=f"/collect/{link}",
        httponly=True,
        secure=settings.secure,
        samesite="strict",
        max_age=int(FETCHING.total_seconds()),
    )
