"""How long a hearing is kept, who holds it, and its end; the certificate that is left of it."""

from uuid import UUID

from litestar import Controller, get, post

from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.keeping import Destruction, Keeping, Reason


class KeepingPages(Controller):
    tags = ["keeping"]
    path = "/keeping"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        spine.refuse_others()
        return spine.page("keeping.html", "keeping", told=spine.view["keeping"])

    @post("/hold", sync_to_thread=True, status_code=200)
    def hold(self, data: Reason, actor: Actor, keeping: Keeping) -> Done:
        keeping.hold(actor, data)
        return Done()

    @post("/hold/{n:int}/lift", sync_to_thread=True, status_code=200)
    def lift(self, n: int, data: Reason, actor: Actor, keeping: Keeping) -> Done:
        """`n`: the number of the entry that laid the hold."""
        keeping.lift(actor, n, data)
        return Done()

    @post("/destroy", sync_to_thread=True, status_code=200)
    def destroy(self, data: Destruction, actor: Actor, keeping: Keeping) -> Done:
        """The end of the hearing, for good."""
        keeping.destroy(actor, data)
        return Done(to=f"/hearings/{actor.hearing}/certificate")


class CertificatePages(Controller):
    """The one page of a hearing that was destroyed."""

    tags = ["keeping"]

    @get("/hearings/{hearing:uuid}/certificate", sync_to_thread=True)
    def certificate(self, hearing: UUID, staff: Staff, keeping: Keeping) -> Shown:
        told = keeping.certificate(staff, hearing)
        return Shown(told, "certificate.html", who=staff.name, role=staff.role)
