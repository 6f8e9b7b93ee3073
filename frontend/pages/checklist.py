"""The safeguards: confirmed with a proof, overridden with a reason where that is allowed, taken back."""

from litestar import Controller, post

from hearings.actors import Actor
from hearings.checklist import Checklist, Confirmation, Withdrawal


class ChecklistPages(Controller):
    tags = ["checklist"]
    path = "/checklist"

    @post("/confirm", sync_to_thread=True, status_code=200)
    def confirm(self, data: Confirmation, actor: Actor, checklist: Checklist) -> dict[str, bool]:
        checklist.confirm(actor, data)
        return {"done": True}

    @post("/override", sync_to_thread=True, status_code=200)
    def override(self, data: Withdrawal, actor: Actor, checklist: Checklist) -> dict[str, bool]:
        checklist.override(actor, data)
        return {"done": True}

    @post("/take-back", sync_to_thread=True, status_code=200)
    def take_back(self, data: Withdrawal, actor: Actor, checklist: Checklist) -> dict[str, bool]:
        checklist.take_back(actor, data)
        return {"done": True}
