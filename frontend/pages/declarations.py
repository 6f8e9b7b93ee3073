"""Notices of rights and declarations: put before the person heard, answered, recorded for them, taken back."""

from litestar import Controller, get, post

from frontend.pages.request import LARGEST_DOCUMENT
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.declarations import Declarations, NewQuestion, OwnAnswer, RecordedAnswer, TakingBack


class DeclarationPages(Controller):
    tags = ["declarations"]
    path = "/declarations"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        told = spine.view.get("declarations", [])
        return spine.page("declarations.html", "declarations", told=told)

    @post("/ask", sync_to_thread=True, status_code=200)
    def ask(self, data: NewQuestion, actor: Actor, declarations: Declarations) -> Done:
        declarations.ask(actor, data)
        return Done()

    @post("/answer", sync_to_thread=True, status_code=200)
    def answer(self, data: OwnAnswer, actor: Actor, declarations: Declarations) -> Done:
        declarations.answer(actor, data)
        return Done()

    @post("/record", sync_to_thread=True, status_code=200, request_max_body_size=LARGEST_DOCUMENT)
    def record(self, data: RecordedAnswer, actor: Actor, declarations: Declarations) -> Done:
        declarations.record(actor, data)
        return Done()

    @post("/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, data: TakingBack, actor: Actor, declarations: Declarations) -> Done:
        declarations.revoke(actor, data)
        return Done()
