"""The letter of request: accepted or declined; its documents."""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Controller, Response, get, post

from frontend import law
from frontend.shown import Done, Shown
from frontend.spine import Spine, base_of
from hearings.actors import Actor
from hearings.request import Answer, NewDocument, Reason, Requests
from hearings.tables import Document

LARGEST_DOCUMENT = 36 * 1024 * 1024  # bytes: a document is base64 inside


class RequestPages(Controller):
    tags = ["request"]
    path = "/request"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, actor: Actor, requests: Requests) -> Shown:
        spine.refuse_others()
        documents = [_told(row) for row in requests.documents(actor)]
        return spine.page("request.html", "request", told=documents, law=law)

    @post("/accept", sync_to_thread=True, status_code=200)
    def accept(self, data: Answer, actor: Actor, requests: Requests) -> Done:
        requests.accept(actor, data)
        return Done(to=f"{base_of(actor)}/schedule")

    @post("/acknowledge", sync_to_thread=True, status_code=200)
    def acknowledge(self, actor: Actor, requests: Requests) -> Done:
        requests.acknowledge(actor)
        return Done()

    @post("/decline", sync_to_thread=True, status_code=200)
    def decline(self, data: Reason, actor: Actor, requests: Requests) -> Done:
        requests.decline(actor, data)
        return Done()

    @post("/documents", sync_to_thread=True, request_max_body_size=LARGEST_DOCUMENT)
    def file(self, data: NewDocument, actor: Actor, requests: Requests) -> Done:
        return Done({"document": str(requests.file(actor, data).id)}, status_code=201)

    @get("/documents", sync_to_thread=True)
    def documents(self, actor: Actor, requests: Requests) -> list[dict[str, Any]]:
        return [_told(row) for row in requests.documents(actor)]

    @get("/documents/{document:uuid}", sync_to_thread=True)
    def document(self, document: UUID, actor: Actor, requests: Requests) -> Response[bytes]:
        """As a file to be kept, under its own name, whatever it says that it is."""
        row, data = requests.document(actor, document)
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"content-disposition": attachment(row.name, str(row.id))},
        )


def attachment(name: str, plain: str) -> str:
    """The header that gives a download its name (RFC 6266, RFC 8187). `plain`: for what knows ASCII alone."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _told(row: Document) -> dict[str, Any]:
    return {
        "document": str(row.id),
        "kind": row.kind,
        "name": row.name,
        "sha256": row.sha256,
        "size": row.size,
    }
