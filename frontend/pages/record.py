"""The record: minutes to read and sign, the file to close, the package to take along."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.response import File

from hearings.actors import Actor
from hearings.docket import Docket
from hearings.record import Records, package_name


class RecordPages(Controller):
    tags = ["record"]
    path = "/record"

    @get("/minutes", sync_to_thread=True)
    def minutes(self, actor: Actor, records: Records) -> Response[bytes]:
        """The draft until it is signed, then the sealed document."""
        drawn = records.minutes(actor)
        name = "requested.pdf" if drawn.sealed else "draft.pdf"
        return Response(
            drawn.data,
            media_type="application/pdf",
            headers={"content-disposition": f'inline; filename="{name}"'},
        )

    @post("/sign", sync_to_thread=True, status_code=200)
    def sign(self, actor: Actor, records: Records) -> dict[str, bool]:
        records.sign_minutes(actor)
        return {"done": True}

    @post("/close", sync_to_thread=True, status_code=200)
    def close(self, actor: Actor, records: Records) -> dict[str, bool]:
        records.close(actor)
        return {"done": True}

    @get("/package", sync_to_thread=True)
    def package(self, actor: Actor, records: Records, docket: Docket) -> File:
        path = records.sealed_package(actor)
        reference = docket.hearing(actor.hearing).reference
        return File(
            path,
            filename=package_name(actor.hearing, reference),
            media_type="application/vnd.etsi.asic-e+zip",
        )

    @get("/trust", sync_to_thread=True)
    def trust(self, actor: Actor, records: Records) -> Response[Any]:
        return Response(
            records.trust(),
            media_type="application/json",
            headers={"content-disposition": 'attachment; filename="trust.json"'},
        )
