"""The minutes of the authority on the requested side, and the closing of the file.

The minutes are drawn up from the story and its figures (`drawing`), once the sitting is over and every second of the
recording is accounted for; the authority present signs them, and the service's court seal is put over the
whole file. The file is closed through the third gate.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session

from consent.instruments import Instrument
from hearings import checklist, copies, drawing, incidents, minutes_pdf
from hearings.actors import Actor
from hearings.acts import Act, Acts
from hearings.checklist import Obstacle
from hearings.errors import NotFound, NotReady
from hearings.events import HearingClosed, MinutesSealed
from hearings.journal import Entry
from hearings.minutes import Minutes
from hearings.recording import Recording as Account
from hearings.roles import READERS
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.story import Story
from hearings.tables import Authority, Hearing, RecordFile

REQUESTED = "data/minutes/requested.pdf"


class Drawn(NamedTuple):
    """A document to hand out."""

    data: bytes
    sealed: bool


class Records:
    def __init__(
        self,
        acts: Acts,
        instruments: Mapping[str, Instrument],
        account: Account,
        seal: CourtSeal,
    ) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._instruments = instruments
        self._account = account
        self._seal = seal

    # --- the minutes

    def minutes(self, actor: Actor) -> Drawn:
        """The sealed minutes; before they are signed, the draft. Raises: NotFound, NotReady."""
        may_read(actor)
        with self._journal.reading() as tx:
            kept = tx.get(RecordFile, (actor.hearing, REQUESTED))
            if kept is not None:
                return Drawn(kept.data, sealed=True)
            hearing = tx.get_one(Hearing, actor.hearing)
            if hearing.state is not State.ENDED:
                raise NotReady(say("The minutes are drawn up when the sitting has ended."))
            entries = self._journal.entries(tx, hearing.id)
            drawn = self._draw(tx, hearing, Story().tell(entries), entries, self._journal.clock())
        return Drawn(minutes_pdf.draw_up(drawn), sealed=False)

    def sign_minutes(self, actor: Actor) -> None:
        """The authority present answers for the minutes; they are sealed. Raises: AlreadyDone, NotReady."""
        with self._acts.act(actor, Verb.SIGN_MINUTES) as act:
            act.refuse_after_signing()
            self._refuse_open_account(act)
            entries = self._journal.entries(act.tx, act.hearing.id)
            drawn = self._draw(act.tx, act.hearing, act.story, entries, act.now)
            data = minutes_pdf.seal_pdf(
                minutes_pdf.draw_up(drawn),
                key=self._seal.key,
                certificate=self._seal.certificate,
                chain=(*self._seal.intermediates, self._seal.root),
                reason="Minutes of the hearing, signed by the authority present on the requested side",
                at=act.now,
            )
            digest = hashlib.sha256(data).hexdigest()
            act.tx.add(
                RecordFile(
                    hearing_id=act.hearing.id, path=REQUESTED, data=data, sha256=digest, sealed=act.now
                )
            )
            act.write(MinutesSealed(path=REQUESTED, sha256=digest, by=act.who.handle))

    # --- the third gate

    def close(self, actor: Actor) -> None:
        """Raises: NotReady naming what the record still lacks."""
        with self._acts.act(actor, Verb.CLOSE) as act:
            checklist.refuse(say("The file cannot be closed yet."), self.obstacles(act))
            act.write(HearingClosed(by=act.who.handle))

    def obstacles(self, act: Act) -> list[Obstacle]:
        instrument = self._instruments[act.hearing.instrument]
        frame = checklist.framed(act.tx, act.hearing, self._instruments)
        found = [*checklist.to_the_closing(frame, act.story), *incidents.unanswered(act.story)]
        if act.story.stretches and REQUESTED not in act.story.minutes:
            found.append(
                Obstacle(
                    "minutes",
                    say("The minutes of the authority on the requested side are not signed."),
                    checklist.cited(instrument, instrument.minutes),
                )
            )
        found += copies.obstacles(act.hearing, act.story)
        missing = self._account.unaccounted(act.tx, act.hearing, act.story)
        return [*found, *(Obstacle("account", sentence) for sentence in missing)]

    def _refuse_open_account(self, act: Act) -> None:
        """The minutes tell the end of everything."""
        missing = self._account.unaccounted(act.tx, act.hearing, act.story)
        checklist.refuse(
            say("The minutes cannot be signed yet."),
            [*incidents.unanswered(act.story), *(Obstacle("account", one) for one in missing)],
        )

    def _draw(
        self, tx: Session, hearing: Hearing, story: Story, entries: list[Entry], at: datetime
    ) -> Minutes:
        sides = drawing.Sides(
            tx.get_one(Authority, hearing.requesting_id), tx.get_one(Authority, hearing.requested_id)
        )
        return drawing.draw(hearing, self._instruments[hearing.instrument], sides, story, entries, at)


def may_read(actor: Actor) -> None:
    if not READERS.intersection(actor.roles):
        raise NotFound(say("There is no such document."))
