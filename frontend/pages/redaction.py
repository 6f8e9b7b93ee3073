"""Protection by order: who is not named, and what is withheld from versions of the record."""

from litestar import Controller, get, post

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.protection import Anonymity, Lifting, Muting, Protections, Words


class RedactionPages(Controller):
    tags = ["record"]
    path = "/protection"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, actor: Actor, protections: Protections, entry: int | None = None) -> Shown:
        """`entry`: the number of an entry of which words are to be withheld."""
        return spine.page("protection.html", "record", told=protections.told(actor, entry))

    @post("/people", sync_to_thread=True, status_code=200)
    def conceal(self, data: Anonymity, actor: Actor, protections: Protections) -> Done:
        protections.conceal(actor, data)
        return Done()

    @post("/recording", sync_to_thread=True, status_code=200)
    def withhold(self, data: Muting, actor: Actor, protections: Protections) -> Done:
        protections.withhold(actor, data)
        return Done()

    @post("/words", sync_to_thread=True, status_code=200)
    def blank(self, data: Words, actor: Actor, protections: Protections) -> Done:
        protections.blank(actor, data)
        return Done()

    @post("/{n:int}/lift", sync_to_thread=True, status_code=200)
    def lift(self, n: int, data: Lifting, actor: Actor, protections: Protections) -> Done:
        """`n`: the number of the entry that holds the order."""
        protections.lift(actor, n, data)
        return Done()

    @post("/people/{handle:str}/name", sync_to_thread=True, status_code=200)
    def name(self, handle: str, data: Lifting, actor: Actor, protections: Protections) -> Done:
        """Who is described as to be protected may be named."""
        protections.name(actor, handle, data)
        return Done()
