"""The record: minutes to read and sign, the file to close, the package to take along."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.response import Stream

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.docket import Docket
from hearings.listening import parts
from hearings.packing import Packages, package_name
from hearings.record import Records


class RecordPages(Controller):
    tags = ["record"]
    path = "/record"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        view = spine.view
        told = {name: view.get(name) for name in ("state", "minutes", "sealed", "kept", "stretches")}
        return spine.page("record.html", "record", told=told)

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
    def sign(self, actor: Actor, records: Records) -> Done:
        records.sign_minutes(actor)
        return Done()

    @post("/close", sync_to_thread=True, status_code=200)
    def close(self, actor: Actor, records: Records) -> Done:
        records.close(actor)
        return Done()

    @get("/package", sync_to_thread=True)
    def package(self, actor: Actor, packages: Packages, docket: Docket) -> Stream:
        film = packages.sealed_package(actor)
        name = package_name(actor.hearing, docket.hearing(actor.hearing).reference)
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
