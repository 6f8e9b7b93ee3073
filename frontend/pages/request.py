"""The letter of request: accepted or declined; its documents."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post

from hearings.actors import Actor
from hearings.request import Answer, NewDocument, Reason, Requests

LARGEST_DOCUMENT = 36 * 1024 * 1024  # bytes: a document is base64 inside


class RequestPages(Controller):
    tags = ["request"]
    path = "/request"

    @post("/accept", sync_to_thread=True, status_code=200)
    def accept(self, data: Answer, actor: Actor, requests: Requests) -> dict[str, bool]:
        requests.accept(actor, data)
        return {"done": True}

    @post("/decline", sync_to_thread=True, status_code=200)
    def decline(self, data: Reason, actor: Actor, requests: Requests) -> dict[str, bool]:
        requests.decline(actor, data)
        return {"done": True}

    @post("/documents", sync_to_thread=True, request_max_body_size=LARGEST_DOCUMENT)
    def file(self, data: NewDocument, actor: Actor, requests: Requests) -> dict[str, str]:
        return {"document": str(requests.file(actor, data).id)}

    @get("/documents", sync_to_thread=True)
    def documents(self, actor: Actor, requests: Requests) -> list[dict[str, Any]]:
        return [
            {
                "document": str(row.id),
                "kind": row.kind,
                "name": row.name,
                "sha256": row.sha256,
                "size": row.size,
            }
            for row in requests.documents(actor)
        ]

    @get("/documents/{document:uuid}", sync_to_thread=True)
    def document(self, document: UUID, actor: Actor, requests: Requests) -> Response[bytes]:
        row, data = requests.document(actor, document)
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{row.id}"'},
        )
