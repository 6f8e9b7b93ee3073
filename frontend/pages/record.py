"""The record: two documents to read, better, answer for and sign; the file to close; the package to take along."""

from collections.abc import Iterable
from typing import Any

from litestar import Controller, Response, get, post
from litestar.response import Stream

from frontend.pages.request import LARGEST_DOCUMENT
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.errors import NotReady
from hearings.listening import parts
from hearings.minutes import Reading
from hearings.packing import Packages
from hearings.record import (
    READ_BY,
    SIGNS,
    CardSigning,
    Draft,
    Elsewhere,
    Explanation,
    NewWording,
    OwnReading,
    ReadOut,
    Records,
    Signing,
)
from hearings.redaction import Version
from hearings.roles import Role, Side
from hearings.tree import stamp


class RecordPages(Controller):
    tags = ["record"]
    path = "/record"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, actor: Actor, records: Records) -> Shown:
        spine.refuse_others()
        view = spine.view
        told = {name: view.get(name) for name in ("state", "minutes", "sealed", "kept", "stretches")}
        told["documents"] = [
            document
            for whose in (Side.REQUESTED, Side.REQUESTING)
            for document in _document(records, actor, whose)
        ]
        return spine.page("record.html", "record", told=told)

    @get("/minutes/{whose:str}", sync_to_thread=True)
    def minutes(self, actor: Actor, records: Records, whose: Side) -> Response[bytes]:
        """A document as PDF: the draft until it is signed, then what was sealed."""
        drawn = records.minutes(actor, whose)
        name = f"{whose}.pdf" if drawn.sealed else f"{whose}-draft.pdf"
        return Response(
            drawn.data,
            media_type="application/pdf",
            headers={"content-disposition": f'inline; filename="{name}"', "cache-control": "no-store"},
        )

    @get("/draft/{whose:str}", sync_to_thread=True)
    def draft(self, spine: Spine, actor: Actor, records: Records, whose: Side) -> Shown:
        """The same to be read on a page, and to be answered by whoever took part."""
        draft = records.draft(actor, whose)
        told = _told(draft)
        yours = next((one.handle for one in actor.people if actor.place and one.role in READ_BY), None)
        if spine.oversees:
            paper = records.page(draft, draft.languages)
            return spine.page("record-draft.html", "record", told=told, paper=paper, yours=yours)
        paper = records.page(draft, (spine.view["you"]["language"],))
        return spine.own_page("record-read.html", "record", told=told, paper=paper, yours=yours)

    @get("/wording/{whose:str}", sync_to_thread=True)
    def wording(self, spine: Spine, actor: Actor, records: Records, whose: Side) -> Shown:
        """The sentences of the course, each to be worded anew."""
        draft = records.draft(actor, whose)
        told = {
            **_told(draft),
            "course": [
                {"entry": line.entry, "at": stamp(line.at), "words": line.words}
                for line in records.course(draft)
            ],
        }
        return spine.page("record-wording.html", "record", told=told)

    @post("/word", sync_to_thread=True, status_code=200)
    def word(self, data: NewWording, actor: Actor, records: Records) -> Done:
        records.reword(actor, data)
        return Done()

    @post("/read", sync_to_thread=True, status_code=200)
    def read(self, data: OwnReading, actor: Actor, records: Records) -> Done:
        records.read(actor, data)
        return Done()

    @post("/read-out", sync_to_thread=True, status_code=200)
    def read_out(self, data: ReadOut, actor: Actor, records: Records) -> Done:
        records.read_out(actor, data)
        return Done()

    @post("/explain", sync_to_thread=True, status_code=200)
    def explain(self, data: Explanation, actor: Actor, records: Records) -> Done:
        records.explain(actor, data)
        return Done()

    @post("/elsewhere", sync_to_thread=True, status_code=200)
    def elsewhere(self, data: Elsewhere, actor: Actor, records: Records) -> Done:
        records.keep_elsewhere(actor, data)
        return Done()

    @post("/sign", sync_to_thread=True, status_code=200, request_max_body_size=LARGEST_DOCUMENT)
    def sign(self, data: Signing, actor: Actor, records: Records) -> Done:
        records.sign(actor, data)
        return Done()

    @post("/card", sync_to_thread=True, status_code=200, request_max_body_size=LARGEST_DOCUMENT)
    def card(self, data: CardSigning, actor: Actor, records: Records) -> Done:
        """A document that was signed outside comes back; told is what could not be checked."""
        return Done({"done": True, "unchecked": list(records.sign_with_card(actor, data))})

    @post("/close", sync_to_thread=True, status_code=200)
    def close(self, actor: Actor, records: Records) -> Done:
        records.close(actor)
        return Done()

    @get("/package", sync_to_thread=True)
    def package(self, actor: Actor, packages: Packages, version: Version = Version.FULL) -> Stream:
        film = packages.sealed_package(actor, version)
        name = packages.file_name(actor, version)
        return Stream(
            parts(film, 0, film.size),
            media_type="application/vnd.etsi.asic-e+zip",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "content-length": str(film.size),
                "cache-control": "no-store",
            },
        )

    @get("/trust", sync_to_thread=True)
    def trust(self, actor: Actor, packages: Packages) -> Response[Any]:
        return Response(
            packages.trust(),
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="trust.json"'},
        )


def _document(records: Records, actor: Actor, whose: Side) -> list[dict[str, Any]]:
    """How a document stands; none before the sitting has ended, or where nobody was heard."""
    readings = records.sealed(actor, whose)
    if readings is not None:
        return [{"whose": whose, "sealed": True, "readings": _readings(readings)}]
    try:
        draft = records.draft(actor, whose)
    except NotReady:
        return []
    return [{**_told(draft), "yours": _yours(actor, whose)}]


def _readings(readings: Iterable[Reading]) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "how": one.how, "said": one.said, "words": one.words, "at": stamp(one.at)}
        for one in readings
    ]


def _yours(actor: Actor, whose: Side) -> dict[str, bool]:
    clerks = {Role.AUTHORITY, Role.PRESIDING, Role.CLERK}
    return {
        "sign": SIGNS[whose] in actor.roles,
        "word": any(one.role in clerks and one.side is whose for one in actor.people),
    }


def _told(draft: Draft) -> dict[str, Any]:
    minutes = draft.minutes
    return {
        "whose": minutes.document,
        "sealed": False,
        "digest": draft.digest,
        "text": draft.text,
        "languages": draft.languages,
        "signatory": {"name": minutes.signatory.name, "function": minutes.signatory.function},
        "lacking": [
            {"id": one.id, "sentence": one.sentence, "article": one.article} for one in draft.lacking
        ],
        "readings": _readings(minutes.readings),
        "omissions": [
            {"words": one.words, "reason": one.reason, "by": one.by, "at": stamp(one.at)}
            for one in minutes.omissions
        ],
    }
