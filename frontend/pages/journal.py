"""The journal, entry by entry, in sentences."""

from typing import Any

from litestar import Controller, get

from hearings.actors import Actor
from hearings.errors import NotFound
from hearings.journal import Journal
from hearings.roles import COORDINATORS, Role
from hearings.story import Story
from hearings.tree import stamp

_READERS = COORDINATORS | {Role.PRESIDING, Role.PANEL, Role.CLERK, Role.AUTHORITY}


class JournalPages(Controller):
    tags = ["journal"]

    @get("/journal", sync_to_thread=True)
    def entries(self, actor: Actor, journal: Journal) -> list[dict[str, Any]]:
        if not _READERS.intersection(actor.roles):
            raise NotFound("There is no such page for you.")
        with journal.reading() as tx:
            entries = journal.entries(tx, actor.hearing)
        story = Story().tell(entries)
        return [
            {
                "seq": entry.seq,
                "time": stamp(entry.time),
                "type": entry.event.type,
                "participant": getattr(entry.event, "participant", None),
                "sentence": entry.event.sentence(story.named),
                "members": entry.event.members(),
            }
            for entry in entries
        ]
