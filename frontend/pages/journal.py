"""The journal, entry by entry, in sentences."""

from litestar import Controller, get

from frontend.shown import Shown
from frontend.spine import Spine
from hearings.cosigning import Cosigners
from hearings.journal import Entry, Journal
from hearings.sentences import Sentence, say
from hearings.story import story_of
from hearings.tree import stamp

KINDS: dict[str, tuple[Sentence, frozenset[str]]] = {
    "story": (
        say("The hearing"),
        frozenset(
            {
                "hearing",
                "request",
                "instrument",
                "sitting",
                "record",
                "examination",
                "oath",
                "warning",
                "exhibit",
                "conduct",
                "intervention",
                "privilege",
                "objection",
                "identity",
                "statement",
                "consultation",
                "interpretation",
            }
        ),
    ),
    "people": (say("People and links"), frozenset({"participant", "link", "test"})),
    "safeguards": (say("Safeguards"), frozenset({"requirement", "protection"})),
    "messages": (say("Messages"), frozenset({"message"})),
    "files": (
        say("Documents, recording, minutes"),
        frozenset({"document", "media", "minutes", "custody", "cosigner"}),
    ),
}
"""What the page can be narrowed to: the words, and the first parts of the leaf types."""


class JournalPages(Controller):
    tags = ["journal"]

    @get("/journal", sync_to_thread=True)
    def entries(self, spine: Spine, journal: Journal, cosigners: Cosigners, kind: str = "") -> Shown:
        """`kind`: one of `KINDS`; everything if it is none of them."""
        spine.refuse_others()
        with journal.reading() as tx:
            entries = journal.entries(tx, spine.actor.hearing)
        story = story_of(journal, spine.actor.hearing, entries)
        wanted = KINDS[kind][1] if kind in KINDS else None
        told = [
            {
                "seq": entry.seq,
                "time": stamp(entry.time),
                "type": entry.event.type,
                "participant": getattr(entry.event, "participant", None),
                "sentence": entry.event.sentence(story.named),
                "members": entry.event.members(),
            }
            for entry in entries
            if wanted is None or _family(entry) in wanted
        ]
        cosigned = [one.told() for one in cosigners.standing(spine.actor.hearing)]
        return spine.page("journal.html", "journal", told=told, kinds=KINDS, kind=kind, cosigned=cosigned)


def _family(entry: Entry) -> str:
    return entry.event.type.partition(".")[0]
