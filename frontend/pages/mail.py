"""The letters of a hearing: how each stands, as its reader will see it, and once more."""

from typing import Any
from uuid import UUID

from litestar import Controller, get, post

from frontend.settings import Settings
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.outgoing import Outgoing
from hearings.tree import stamp
from scheduling.invitations import Card


class MailPages(Controller):
    tags = ["letters"]
    path = "/letters"

    @get("/", sync_to_thread=True)
    def show(self, spine: Spine, actor: Actor, outgoing: Outgoing, settings: Settings) -> Shown:
        return spine.page("letters.html", "letters", told=outgoing.listed(actor), folder=not settings.smtp)

    @get("/{letter:uuid}", sync_to_thread=True)
    def read(self, letter: UUID, spine: Spine, actor: Actor, outgoing: Outgoing) -> Shown:
        """A letter as its reader will see it, without their personal address."""
        reading = outgoing.read(actor, letter)
        told = {
            "letter": str(reading.letter),
            "from": reading.sender,
            "to": reading.recipient,
            "subject": reading.subject,
            "language": reading.language,
            "at": stamp(reading.at),
            "zone": reading.zone,
            "parts": reading.parts,
            "entry": _entry(reading.card) if reading.card else None,
        }
        return spine.page("letter.html", "letters", told=told)

    @post("/{letter:uuid}/again", sync_to_thread=True)
    def again(self, letter: UUID, actor: Actor, outgoing: Outgoing) -> Done:
        return Done({"letter": str(outgoing.again(actor, letter))}, status_code=201)


def _entry(card: Card) -> dict[str, Any]:
    return {
        **card.model_dump(exclude={"start", "end"}),
        "start": stamp(card.start),
        "minutes": int((card.end - card.start).total_seconds()) // 60,
    }
