"""A private consultation: asked for, declined, begun, ended."""

from litestar import Controller, post

from frontend.shown import Done
from hearings.actors import Actor
from hearings.consultation import Consultations, Declining, NewConsultation


class ConsultationPages(Controller):
    tags = ["room"]
    path = "/room/consultation"

    @post("/ask", sync_to_thread=True, status_code=200)
    def ask(self, actor: Actor, consultations: Consultations) -> Done:
        consultations.ask(actor)
        return Done()

    @post("/decline", sync_to_thread=True, status_code=200)
    def decline(self, data: Declining, actor: Actor, consultations: Consultations) -> Done:
        consultations.decline(actor, data)
        return Done()

    @post("/", sync_to_thread=True, status_code=200)
    def begin(self, data: NewConsultation, actor: Actor, consultations: Consultations) -> Done:
        consultations.begin(actor, data)
        return Done()

    @post("/end", sync_to_thread=True, status_code=200)
    def end(self, actor: Actor, consultations: Consultations) -> Done:
        consultations.end(actor)
        return Done()
