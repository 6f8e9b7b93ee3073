"""Sealed intervals: begun and ended in the room; opened by two people, beside the recording."""

from litestar import Controller, post

from frontend.shown import Done
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.sealing import Ground, Sealings


class SealingPages(Controller):
    tags = ["room"]
    path = "/"

    @post("/room/seal", sync_to_thread=True, status_code=200)
    def seal(self, data: Ground, actor: Actor, sealings: Sealings) -> Done:
        sealings.seal(actor, data)
        return Done()

    @post("/room/seal/end", sync_to_thread=True, status_code=200)
    def end(self, actor: Actor, sealings: Sealings) -> Done:
        sealings.end(actor)
        return Done()

    @post("/listen/{n:int}/unseal", sync_to_thread=True, status_code=200)
    def ask(self, data: Ground, actor: Actor, spine: Spine, sealings: Sealings, n: int) -> Done:
        sealings.ask(actor, n, data)
        return Done(to=f"{spine.base}/listen")

    @post("/listen/{n:int}/unseal/allow", sync_to_thread=True, status_code=200)
    def allow(self, actor: Actor, spine: Spine, sealings: Sealings, n: int) -> Done:
        sealings.allow(actor, n)
        return Done(to=f"{spine.base}/listen")

    @post("/listen/{n:int}/unseal/decline", sync_to_thread=True, status_code=200)
    def decline(self, actor: Actor, spine: Spine, sealings: Sealings, n: int) -> Done:
        sealings.decline(actor, n)
        return Done(to=f"{spine.base}/listen")
