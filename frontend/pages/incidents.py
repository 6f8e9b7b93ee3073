"""What comes up in the room: interventions, rights not to testify, objections, and who was lost."""

from litestar import Controller, post

from frontend.shown import Done
from hearings.actors import Actor
from hearings.incidents import (
    Decision,
    Identification,
    Incidents,
    NewClaim,
    NewIntervention,
    NewObjection,
    Ruling,
    Settlement,
)


class IncidentsPages(Controller):
    tags = ["room"]
    path = "/room"

    @post("/interventions", sync_to_thread=True, status_code=200)
    def intervene(self, data: NewIntervention, actor: Actor, incidents: Incidents) -> Done:
        incidents.intervene(actor, data)
        return Done()

    @post("/interventions/{n:int}/settle", sync_to_thread=True, status_code=200)
    def settle(self, n: int, data: Settlement, actor: Actor, incidents: Incidents) -> Done:
        incidents.settle(actor, n, data)
        return Done()

    @post("/claims", sync_to_thread=True, status_code=200)
    def claim(self, data: NewClaim, actor: Actor, incidents: Incidents) -> Done:
        incidents.claim(actor, data)
        return Done()

    @post("/claims/{n:int}/rule", sync_to_thread=True, status_code=200)
    def rule(self, n: int, data: Ruling, actor: Actor, incidents: Incidents) -> Done:
        incidents.rule(actor, n, data)
        return Done()

    @post("/objections", sync_to_thread=True, status_code=200)
    def object(self, data: NewObjection, actor: Actor, incidents: Incidents) -> Done:
        incidents.object(actor, data)
        return Done()

    @post("/objections/{n:int}/decide", sync_to_thread=True, status_code=200)
    def decide(self, n: int, data: Decision, actor: Actor, incidents: Incidents) -> Done:
        incidents.decide(actor, n, data)
        return Done()

    @post("/identify", sync_to_thread=True, status_code=200)
    def identify(self, data: Identification, actor: Actor, incidents: Incidents) -> Done:
        incidents.identify(actor, data)
        return Done()
