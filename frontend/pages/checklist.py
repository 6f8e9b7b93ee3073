"""The safeguards: confirmed with a proof, overridden with a reason where that is allowed, taken back."""

from litestar import Controller, get, post

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.checklist import Checklist, Confirmation, Confirmations, Identity, Withdrawal


class ChecklistPages(Controller):
    tags = ["checklist"]
    path = "/checklist"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        return spine.page("checklist.html", "checklist", told=spine.view.get("checklist", []))

    @post("/confirm", sync_to_thread=True, status_code=200)
    def confirm(self, data: Confirmation, actor: Actor, checklist: Checklist) -> Done:
        checklist.confirm(actor, data)
        return Done()

    @post("/confirm-all", sync_to_thread=True, status_code=200)
    def confirm_all(self, data: Confirmations, actor: Actor, checklist: Checklist) -> Done:
        checklist.confirm_all(actor, data)
        return Done()

    @post("/identity", sync_to_thread=True, status_code=200)
    def identify(self, data: Identity, actor: Actor, checklist: Checklist) -> Done:
        checklist.identify(actor, data)
        return Done()

    @post("/override", sync_to_thread=True, status_code=200)
    def override(self, data: Withdrawal, actor: Actor, checklist: Checklist) -> Done:
        checklist.override(actor, data)
        return Done()

    @post("/take-back", sync_to_thread=True, status_code=200)
    def take_back(self, data: Withdrawal, actor: Actor, checklist: Checklist) -> Done:
        checklist.take_back(actor, data)
        return Done()
