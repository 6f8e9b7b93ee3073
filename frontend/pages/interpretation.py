"""Channels of interpretation: given by the court, spoken into, listened to."""

from uuid import UUID

from litestar import Controller, post

from frontend.shown import Done
from hearings.actors import Actor
from hearings.interpretation import Choice, Interpretation, Switch


class InterpretationPages(Controller):
    tags = ["room"]
    path = "/room"

    @post("/channel/{seat:uuid}", sync_to_thread=True, status_code=200)
    def give(self, seat: UUID, actor: Actor, interpretation: Interpretation, data: Choice) -> Done:
        interpretation.give(actor, seat, data)
        return Done()

    @post("/speak", sync_to_thread=True, status_code=200)
    def speak(self, data: Switch, actor: Actor, interpretation: Interpretation) -> Done:
        """The interpreter's own switch between the floor and their channel."""
        interpretation.speak(actor, data)
        return Done()

    @post("/hear", sync_to_thread=True, status_code=200)
    def hear(self, data: Choice, actor: Actor, interpretation: Interpretation) -> Done:
        interpretation.hear(actor, data)
        return Done()
