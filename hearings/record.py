"""The two documents of the record, from draft to seal, and the closing of the file.

The authority on the requested side answers for the minutes (`requested`), the requesting court for its own record
(`requesting`); each is drawn up from the journal (`drawing`) once the sitting is over and every second of the recording is
accounted for. The clerk of a side betters the wording and never the facts; whoever was heard reads it, or has it read
to them, and what they say of it is written down. What is demanded and lacking (`lacking`) is mended or explained before
anybody signs. Who answers for a document signs it here, with a card of their own outside of this service, or on
paper; then the service's court seal is put over the whole file. The file is closed through the third gate.

A document is drawn and sealed outside of any transaction, for both take their time; the step that enters it first makes
sure that nothing was written meanwhile that it would tell of.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic import Field
from sqlmodel import Session

from consent.instruments import Instrument
from hearings import added, checklist, copies, drawing, incidents, lacking, minutes_pdf, outside, pades
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts
from hearings.checklist import Frame, Obstacle
from hearings.declarations import Scan
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.events import (
    HearingClosed,
    MinutesElsewhere,
    MinutesOmitted,
    MinutesRead,
    MinutesSealed,
    MinutesSigned,
    MinutesWorded,
)
from hearings.journal import Entry
from hearings.minutes import Minutes, Reading
from hearings.minutes_page import page
from hearings.recording import Recording as Account
from hearings.request import NewDocument, file_within
from hearings.roles import READERS, Role, Side
from hearings.said import Said
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.store import Store
from hearings.story import Story, story_of
from hearings.tables import Authority, Hearing, RecordFile
from hearings.timestamps import Stamps
from hearings.wording import Wording, english, in_words

PATHS: Mapping[Side, str] = {
    Side.REQUESTED: "data/minutes/requested.pdf",
    Side.REQUESTING: "data/minutes/requesting.pdf",
}
REQUESTED = PATHS[Side.REQUESTED]
SIGNS: Mapping[Side, Role] = {Side.REQUESTED: Role.AUTHORITY, Side.REQUESTING: Role.PRESIDING}
"""Who answers for the document of a side."""
_CLERKS = frozenset({Role.AUTHORITY, Role.PRESIDING, Role.CLERK})
READ_BY = frozenset({Role.HEARD, Role.LAWYER, Role.DEFENCE, Role.INTERPRETER})
"""Who, besides the court, is given the minutes to read."""

log = logging.getLogger(__name__)

Digest = r"^[0-9a-f]{64}$"
Handle = r"^[a-z2-7]{8}$"


class NewWording(Said):
    """Another wording of the sentence of an entry, in one language of the document."""

    whose: Side
    entry: int = Field(ge=0)
    language: str = Field(pattern=r"^[a-z]{2}$")
    words: str = Field(min_length=1, max_length=4000)


class OwnReading(Said):
    """By whoever reads it on a page of their own. `sha256`: of the text that the page showed."""

    whose: Side
    language: str = Field(pattern=r"^[a-z]{2,3}$")
    said: Literal["right", "remark", "refused"]
    words: str | None = Field(default=None, max_length=4000)
    sha256: str = Field(pattern=Digest)


class ReadOut(OwnReading):
    """Written down by an officer, of somebody to whom it was read; `through`: the interpreter who read it in their language."""

    person: str = Field(pattern=Handle)
    through: str | None = Field(default=None, pattern=Handle)


class Explanation(Said):
    whose: Side
    requirement: str = Field(min_length=1, max_length=100)
    reason: str = Field(min_length=1, max_length=1000)


class Elsewhere(Said):
    reason: str = Field(min_length=1, max_length=1000)


class Signing(Said):
    """`sha256`: of the draft that the page showed to who signs; a `scan` of it where it was signed on paper."""

    whose: Side
    sha256: str = Field(pattern=Digest)
    scan: Scan | None = None


class CardSigning(Said):
    """The document as it was downloaded, signed outside of this service; `file` is that PDF."""

    whose: Side
    file: Scan


class Drawn(NamedTuple):
    """A document to hand out."""

    data: bytes
    sealed: bool


class Draft(NamedTuple):
    """A document as it stands. `digest`: of its facts; `text`: of them without what was said of it by who read it, so that
    several may read it at once; `lacking`: what keeps it from being signed.
    """

    minutes: Minutes
    digest: str
    text: str
    languages: tuple[str, ...]
    lacking: list[Obstacle]


class Line(NamedTuple):
    """A sentence of the course, from the entry of that number, by language."""

    entry: int
    at: datetime
    words: dict[str, str]


class _Signed(NamedTuple):
    """A document on its way into the record: `data` as it was signed, `sealed` as it is kept; on paper or with a card."""

    draft: Draft
    data: bytes
    sealed: bytes
    paper: NewDocument | None = None
    card: outside.OutsideSignature | None = None


class _Hearing(NamedTuple):
    """What a document is drawn up from."""

    frame: Frame
    hearing: Hearing
    sides: drawing.Sides
    entries: list[Entry]


class Records:
    def __init__(
        self,
        acts: Acts,
        instruments: Mapping[str, Instrument],
        account: Account,
        seal: CourtSeal,
        store: Store,
        *,
        stamps: Stamps | None = None,
        wording: Wording = english,
    ) -> None:
        self._acts = acts
        self._worded = wording
        self._journal = acts.journal
        self._instruments = instruments
        self._account = account
        self._seal = seal
        self._store = store
        self._stamps = stamps

    # --- the draft

    def minutes(self, actor: Actor, whose: Side) -> Drawn:
        """The sealed document; before it is signed, the draft. Raises: NotFound, NotReady."""
        may_read(actor, _readers(whose))
        with self._journal.reading() as tx:
            kept = tx.get(RecordFile, (actor.hearing, PATHS[whose]))
            if kept is not None:
                return Drawn(kept.data, sealed=True)
        return Drawn(self._drawn(self.draft(actor, whose)), sealed=False)

    def draft(self, actor: Actor, whose: Side) -> Draft:
        """Raises: NotFound for whom it is not, NotReady before the sitting has ended."""
        may_read(actor, _readers(whose))
        with self._journal.reading() as tx:
            hearing = tx.get_one(Hearing, actor.hearing)
            if hearing.state not in {State.ENDED, State.CLOSED}:
                raise NotReady(say("The minutes are drawn up when the sitting has ended."))
            return self._draft(self._of(tx, hearing), whose)

    def sealed(self, actor: Actor, whose: Side) -> list[Reading] | None:
        """Of a sealed document, what was said by who read it; None before it is sealed. Raises: NotFound."""
        may_read(actor, _readers(whose))
        with self._journal.reading() as tx:
            story = story_of(self._journal, actor.hearing, self._journal.entries(tx, actor.hearing))
        return added.readings(story, whose) if PATHS[whose] in story.minutes else None

    def course(self, draft: Draft) -> list[Line]:
        """The sentences of the course as the document words them, in each of its languages."""
        return [
            Line(
                one.entry,
                one.at,
                {language: self._wording(draft, one.entry, language) for language in draft.languages},
            )
            for one in draft.minutes.course
            if one.entry is not None
        ]

    def reword(self, actor: Actor, said: NewWording) -> None:
        """Raises: NotFound, NotAllowed, NotValid naming each fact that it would change, AlreadyDone."""
        with self._acts.act(actor, Verb.WORD) as act:
            _refuse_after_sealing(act.story, said.whose)
            who = _of_side(act, actor, said.whose)
            draft = self._draft(self._of(act.tx, act.hearing), said.whose)
            old = self._wording(draft, said.entry, said.language)
            if old == said.words:
                raise AlreadyDone(say("It is worded so already."))
            changed = lacking.other_facts(old, said.words, [one.name for one in act.story.people.values()])
            if changed:
                sentence = say("Change the wording alone: names, figures and quotations stay as they are.")
                raise NotValid(sentence, hints=tuple(changed), field="words")
            act.write(
                MinutesWorded(
                    whose=said.whose,
                    entry=said.entry,
                    language=said.language,
                    old=old,
                    words=said.words,
                    by=who.handle,
                )
            )

    def read(self, actor: Actor, said: OwnReading) -> None:
        """Whoever took part says what they think of the draft that they read. Raises: NotFound, NotNow, NotValid."""
        with self._acts.act(actor, Verb.READ_MINUTES) as act:
            who = _one_with(act, actor, READ_BY)
            self._write_reading(act, said, who.handle, who)

    def read_out(self, actor: Actor, said: ReadOut) -> None:
        """It was read to them. Raises: NotFound, NotAllowed, NotNow, NotValid."""
        with self._acts.act(actor, Verb.READ_OUT) as act:
            who = _one_with(act, actor, _CLERKS)
            person = act.story.people.get(said.person)
            if person is None or person.role not in READ_BY:
                raise NotFound(say("There is no such person in this hearing."))
            through = act.story.people.get(said.through) if said.through else None
            if said.through and (through is None or through.role is not Role.INTERPRETER):
                raise NotFound(say("There is no such interpreter in this hearing."))
            self._write_reading(act, said, said.person, who, through=said.through)

    def explain(self, actor: Actor, said: Explanation) -> None:
        """Why the document lacks something that is demanded. Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.EXPLAIN) as act:
            _refuse_after_sealing(act.story, said.whose)
            who = _of_side(act, actor, said.whose)
            missing = {one.id: one for one in self._draft(self._of(act.tx, act.hearing), said.whose).lacking}
            if said.requirement not in missing:
                raise NotFound(say("This is not missing."))
            act.write(
                MinutesOmitted(
                    whose=said.whose,
                    requirement=said.requirement,
                    words=str(missing[said.requirement].sentence),
                    reason=said.reason,
                    by=who.handle,
                )
            )

    def keep_elsewhere(self, actor: Actor, said: Elsewhere) -> None:
        """The requesting court's own record is not made here. Raises: AlreadyDone."""
        with self._acts.act(actor, Verb.KEEP_ELSEWHERE) as act:
            _refuse_after_sealing(act.story, Side.REQUESTING)
            if act.story.elsewhere:
                raise AlreadyDone(say("This is written down already."))
            act.write(MinutesElsewhere(reason=said.reason, by=act.who.handle))

    # --- signing

    def sign(self, actor: Actor, said: Signing) -> None:
        """Who answers for the document signs it by a press, or has signed it on paper. Raises: AlreadyDone, NotAllowed,
        NotNow, NotReady, NotValid.
        """
        draft = self._to_sign(actor, said.whose)
        if draft.digest != said.sha256:
            raise _changed()
        signatory = draft.minutes.signatory
        how = ", on paper" if said.scan else ""
        data = self._drawn(draft)
        sealed = self._sealed(data, f"Signed by {signatory.name}, {signatory.function}{how}")
        paper = NewDocument(kind="declaration", **said.scan.model_dump()) if said.scan else None
        self._enter(actor, said.whose, _Signed(draft, data, sealed, paper=paper))

    def sign_with_card(self, actor: Actor, said: CardSigning) -> tuple[str, ...]:
        """Takes the document back that was signed outside, if it is that very file with a signature that holds; the
        court's seal is put over both. Gives what could not be checked.

        Raises: AlreadyDone, NotAllowed, NotNow, NotReady, NotValid.
        """
        draft = self._to_sign(actor, said.whose)
        data = self._drawn(draft)
        uploaded = NewDocument(kind="declaration", **said.file.model_dump()).data()
        card = outside.accepted(data, uploaded, self._journal.clock())
        sealed = self._sealed(uploaded, f"Received with the signature of {card.name}", certify=False)
        self._enter(actor, said.whose, _Signed(draft, data, sealed, card=card))
        return card.unchecked

    def _to_sign(self, actor: Actor, whose: Side) -> Draft:
        """Raises: whatever keeps this actor from signing it now."""
        with self._journal.reading() as tx:
            hearing = tx.get_one(Hearing, actor.hearing)
            actor.acting(hearing.state, Verb.SIGN_MINUTES)
            of = self._of(tx, hearing)
            story = story_of(self._journal, of.hearing.id, of.entries)
            _refuse_after_sealing(story, whose)
            draft = self._draft(of, whose)
            self._refuse_unready(tx, hearing, story, draft)
        return draft

    def _refuse_unready(self, tx: Session, hearing: Hearing, story: Story, draft: Draft) -> None:
        """The minutes tell the end of everything, and lack nothing that is demanded and not explained."""
        missing = self._account.unaccounted(tx, hearing, story)
        found = [*incidents.unanswered(story), *(Obstacle("account", one) for one in missing), *draft.lacking]
        checklist.refuse(say("The minutes cannot be signed yet."), found)

    def _enter(self, actor: Actor, whose: Side, of: _Signed) -> None:
        """The step: signed and sealed at once, if nothing was written meanwhile that the document would tell of."""
        with self._acts.act(actor, Verb.SIGN_MINUTES) as act:
            _refuse_after_sealing(act.story, whose)
            who = _one_with(act, actor, frozenset({SIGNS[whose]}))
            now = self._draft(self._of(act.tx, act.hearing), whose)
            self._refuse_unready(act.tx, act.hearing, act.story, now)
            if now.digest != of.draft.digest:
                raise _changed()
            scan = file_within(act, self._store, of.paper, of.paper.data()).sha256 if of.paper else None
            act.write(
                MinutesSigned(
                    whose=whose,
                    signed="paper" if of.paper else "card" if of.card else "here",
                    sha256=_sha256(of.data),
                    card=of.card.name if of.card else None,
                    certificate=of.card.fingerprint if of.card else None,
                    document=scan,
                    by=who.handle,
                )
            )
            path, digest = PATHS[whose], _sha256(of.sealed)
            act.tx.add(
                RecordFile(
                    hearing_id=act.hearing.id, path=path, data=of.sealed, sha256=digest, sealed=act.now
                )
            )
            act.write(MinutesSealed(path=path, sha256=digest, by=who.handle))

    def _sealed(self, pdf: bytes, reason: str, *, certify: bool = True) -> bytes:
        """Under the court's seal, with the time of an authority and with what proves the seal years later, as far as these
        are to be had.
        """
        at = self._journal.clock()
        sealed = pades.seal_pdf(pdf, self._seal, reason=reason, at=at, stamps=self._stamps, certify=certify)
        archived = pades.archive_pdf(sealed.data, self._seal, at=at, stamps=self._stamps)
        if self._stamps is not None and archived.lacking is not None:
            log.warning("minutes are sealed at the level %s: %s", archived.level, archived.lacking)
        return archived.data

    # --- the third gate

    def close(self, actor: Actor) -> None:
        """Raises: NotReady naming what the record still lacks."""
        with self._acts.act(actor, Verb.CLOSE) as act:
            checklist.refuse(say("The file cannot be closed yet."), self.obstacles(act))
            act.write(HearingClosed(by=act.who.handle))

    def obstacles(self, act: Act) -> list[Obstacle]:
        frame = checklist.framed(act.tx, act.hearing, self._instruments)
        missing = self._account.unaccounted(act.tx, act.hearing, act.story)
        return [
            *checklist.to_the_closing(frame, act.story),
            *incidents.unanswered(act.story),
            *unsigned(act.story, frame.instrument),
            *copies.obstacles(act.hearing, act.story),
            *(Obstacle("account", sentence) for sentence in missing),
        ]

    # --- drawing up

    def _of(self, tx: Session, hearing: Hearing) -> _Hearing:
        sides = drawing.Sides(
            tx.get_one(Authority, hearing.requesting_id), tx.get_one(Authority, hearing.requested_id)
        )
        frame = checklist.frame(hearing, self._instruments[hearing.instrument], *sides)
        return _Hearing(frame, hearing, sides, self._journal.entries(tx, hearing.id))

    def _draft(self, of: _Hearing, whose: Side) -> Draft:
        minutes = drawing.draw(of.frame, of.hearing, of.sides, whose, of.entries)
        story = story_of(self._journal, of.hearing.id, of.entries)
        found = lacking.lacking(minutes, checklist.items(of.frame, story), story)
        languages = drawing.languages(of.sides, whose)
        return Draft(
            minutes, _digest(minutes), _digest(minutes, but={"readings", "drawn_up"}), languages, found
        )

    def _drawn(self, draft: Draft) -> bytes:
        return minutes_pdf.draw_up(draft.minutes, draft.languages, self._worded)

    def page(self, draft: Draft, languages: Sequence[str]) -> dict[str, Any]:
        """A document as a page draws it, in the languages of whoever reads it."""
        return page(draft.minutes, languages, self._worded)

    def _wording(self, draft: Draft, entry: int, language: str) -> str:
        """As the document words an entry now. Raises: NotFound."""
        if language not in draft.languages:
            raise NotFound(say("This document is not in that language."))
        for happening in draft.minutes.course:
            if happening.entry == entry:
                said = [one.words for one in happening.reworded if one.language == language]
                zone = draft.minutes.requested.zone
                return said[-1] if said else in_words(happening.sentence, language, self._worded, zone)
        raise NotFound(say("The course of the hearing has no such entry."))

    def _write_reading(
        self, act: Act, said: OwnReading, person: str, who: Self, *, through: str | None = None
    ) -> None:
        _refuse_after_sealing(act.story, said.whose)
        if said.said == "remark" and not said.words:
            raise NotValid(say("Write the remark down."), field="words")
        draft = self._draft(self._of(act.tx, act.hearing), said.whose)
        if draft.text != said.sha256:
            raise _changed()
        act.write(
            MinutesRead(
                participant=person,
                whose=said.whose,
                language=said.language,
                aloud=who.handle != person,
                through=through,
                said=said.said,
                words=said.words,
                sha256=draft.text,
                by=who.handle,
            )
        )


def unsigned(story: Story, instrument: Instrument) -> list[Obstacle]:
    """Which of the two documents is not signed, where somebody may have been heard."""
    if not story.stretches:
        return []
    found = []
    if PATHS[Side.REQUESTED] not in story.minutes:
        words = say("The minutes of the authority on the requested side are not signed.")
        found.append(Obstacle("minutes", words, checklist.cited(instrument, instrument.minutes)))
    if PATHS[Side.REQUESTING] not in story.minutes and story.elsewhere is None:
        words = say(
            "The record of the requesting court is not signed, nor is it said that the court keeps it elsewhere."
        )
        found.append(Obstacle("record", words))
    return found


def may_read(actor: Actor, readers: Iterable[Role] = READERS) -> None:
    if not frozenset(readers).intersection(actor.roles):
        raise NotFound(say("There is no such document."))


def _readers(whose: Side) -> frozenset[Role]:
    return READERS | READ_BY if whose is Side.REQUESTED else READERS


def _refuse_after_sealing(story: Story, whose: Side) -> None:
    if PATHS[whose] in story.minutes:
        raise AlreadyDone(say("This document is signed; nothing in it can be changed."))


def _one_with(act: Act, actor: Actor, roles: frozenset[Role]) -> Self:
    """The person of this actor in one of these roles. Raises: NotAllowed."""
    for person in actor.people if actor.place else (act.who,):
        if person.role in roles:
            return person
    raise NotAllowed(say("This is for somebody else to do."))


def _of_side(act: Act, actor: Actor, whose: Side) -> Self:
    """Who words the document of a side. Raises: NotAllowed."""
    for person in actor.people if actor.place else (act.who,):
        if person.role in _CLERKS and person.side is whose:
            return person
    raise NotAllowed(say("Each side words its own document."))


def _changed() -> NotNow:
    return NotNow(say("The document has changed since it was shown to you. Read it again."))


def _digest(minutes: Minutes, *, but: set[str] | None = None) -> str:
    return _sha256(minutes.model_dump_json(exclude=but).encode())


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
