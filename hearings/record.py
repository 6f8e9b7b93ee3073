"""What leaves the room: the minutes of the authority on the requested side, and the sealed package.

The minutes are drawn up from the story and its figures, once the sitting is over and every second of the
recording is accounted for; the authority present signs them, and the service's court seal is put over the
whole file. The file is closed through the third gate. The package is the journal up to its last checkpoint
with everything that it seals.
"""

import base64
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from consent.instruments import Instrument
from hearings import checklist, copies, figures, incidents, minutes_pdf, package, tokens, verify
from hearings.actors import Actor
from hearings.acts import Act, Acts, locked
from hearings.checklist import Obstacle
from hearings.errors import NotFound, NotNow, NotReady, Unreachable
from hearings.events import (
    CONDUCT,
    DECLARED,
    DIGITS,
    GAP,
    LAW,
    REMEDY,
    ConsentAsked,
    ConsentDeclared,
    ConsentRevoked,
    CustodyFetched,
    HearingClosed,
    MinutesSealed,
    ParticipantDescribed,
)
from hearings.journal import Entry, origin, urn
from hearings.listening import Film
from hearings.minutes import (
    Claim,
    Conduct,
    Declaration,
    Exhibit,
    Fact,
    Happening,
    Heard,
    Identified,
    Interruption,
    Intervention,
    Minutes,
    Oath,
    Objection,
    Outcome,
    Participant,
    Presence,
    Recording,
    Safeguard,
    Seat,
    Signatory,
    Sitting,
    Sources,
    Technical,
    Warned,
)
from hearings.recording import MEDIA
from hearings.recording import Recording as Account
from hearings.registry import Registry, public_half
from hearings.roles import READERS, Capacity, Role, Side
from hearings.seals import CourtSeal
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.story import Person, Settled, Story
from hearings.tables import Authority, Checkpoint, Hearing, JournalLeaf, RecordFile
from hearings.tree import stamp
from media.locked import Lock, NotOpened, Unwrap, opened
from media.lockedfile import FRAME, LockedFile
from media.storage import Storage

REQUESTED = "data/minutes/requested.pdf"
HEADS_KEPT = 16
SHORT = timedelta(seconds=1)
PART = ".clear"
LONGEST_MAKING = timedelta(hours=6)
_COURSE = frozenset(
    {
        *("hearing", "sitting", "record", "examination", "requirement", "oath", "statement", "participant"),
        *(
            "consent",
            "consultation",
            "interpretation",
            "interval",
            "warning",
            "exhibit",
            "conduct",
            "intervention",
            "privilege",
            "objection",
        ),
        "identity",
    }
)
_OF_TRACK = {"audio": "sound", "camera": "picture", "interpretation": "interpretation into a channel"}


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
        keys: Registry,
        recordings: Path,
    ) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._instruments = instruments
        self._account = account
        self._seal = seal
        self._keys = keys
        self._recordings = recordings
        self._making = recordings.parent / "packages"
        self._packages = Storage(self._making)

    # --- the minutes

    def minutes(self, actor: Actor) -> Drawn:
        """The sealed minutes; before they are signed, the draft. Raises: NotFound, NotReady."""
        _may_read(actor)
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

    # --- the package

    def sealed_package(self, actor: Actor) -> Film:
        """The sealed package of a closed hearing; that it is taken is entered in the journal. It lies locked like the
        recordings that are in it.

        Raises: NotFound, NotNow, Unreachable.
        """
        _may_read(actor)
        with self._journal.transaction() as tx:
            hearing = locked(tx, actor.hearing)
            if hearing.state is not State.CLOSED:
                raise NotNow(say("The package is made when the file is closed."))
            self._keys.prepare(tx, hearing.id, self._journal.clock())  # it may never have been on the record
        self._journal.checkpoint(actor.hearing)  # the database may have been away when it was to be signed
        with self._journal.reading() as tx:
            lock = Lock(base64.b64decode(public_half(tx, hearing.id)))
            contents = self._contents(tx, hearing)
            unwrap = self._keys.opener(tx, hearing.id)
        name = f"{hearing.id}-{len(contents.leaves)}.asice"
        film = self._kept(name, unwrap) or self._made(name, contents, lock, unwrap)
        try:
            with self._acts.act(actor, Verb.TAKE_ALONG) as act:
                act.write(CustodyFetched(leaves=len(contents.leaves), by=act.who.handle))
        except BaseException:
            film.stream.close()
            if self._gone(hearing.id):  # it was destroyed meanwhile
                self._packages.remove(name)
            raise
        return film

    def sweep(self) -> None:
        """What a killed service left half made, in the clear."""
        oldest = (self._journal.clock() - LONGEST_MAKING).timestamp()
        for path in self._making.glob(f"*{PART}"):
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def trust(self) -> bytes:
        """The trust file that names this court's seal, to be handed over apart from any package."""
        return package.trust(self._seal)

    def _gone(self, hearing: UUID) -> bool:
        with self._journal.reading() as tx:
            return tx.get_one(Hearing, hearing).state is not State.CLOSED

    def _kept(self, name: str, unwrap: Unwrap) -> Film | None:
        """One that was made before; nothing if it cannot be opened."""
        try:
            if self._packages.size(name) is None:
                return None
            stream = opened(self._packages.open(name), name, unwrap)
        except (OSError, NotOpened):
            return None
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        return Film(size, stream)

    def _made(self, name: str, contents: package.Contents, lock: Lock, unwrap: Unwrap) -> Film:
        part = self._making / f"{contents.hearing}-{tokens.handle()}{PART}"  # so that it is destroyed, too
        try:
            self._packages.prepare()
            with part.open("xb") as file:
                package.write(file, contents, seal=self._seal, at=self._journal.clock())
            self._prove(part)
            with part.open("rb") as clear, LockedFile(self._packages, name, lock) as locked:
                while data := clear.read(FRAME):
                    locked.put(data)
                locked.finish()
        except (OSError, NotOpened) as error:
            raise Unreachable(
                say("The package could not be written: the disk is full, or a recording is missing.")
            ) from error
        finally:
            with suppress(OSError):
                part.unlink()
        film = self._kept(name, unwrap)
        if film is None:
            raise Unreachable(say("The package was written, and cannot be read again."))
        return film

    def _prove(self, part: Path) -> None:
        """What does not verify is not handed out: a recording may have been altered on our own disk."""
        verdict = verify.verify(part, trust=self.trust(), head=None, at=self._journal.clock())
        if not verdict.accepted:
            raise Unreachable(
                say(
                    "The record does not verify, so it is not handed out. {verdict}", verdict=verdict.sentence
                )
            )

    def _contents(self, tx: Session, hearing: Hearing) -> package.Contents:
        heads = tx.exec(
            select(Checkpoint).where(Checkpoint.hearing_id == hearing.id).order_by(col(Checkpoint.size))
        ).all()
        closed = tx.exec(
            select(JournalLeaf.seq).where(
                JournalLeaf.hearing_id == hearing.id, JournalLeaf.type == HearingClosed.type
            )
        ).one()
        # The first head over the closing: whatever is written afterwards makes no other package.
        heads = heads[: 1 + next(n for n, one in enumerate(heads) if one.size > closed)]
        head = heads[-1]
        leaves = tx.exec(
            select(JournalLeaf)
            .where(JournalLeaf.hearing_id == hearing.id, JournalLeaf.seq < head.size)
            .order_by(col(JournalLeaf.seq))
        ).all()
        story = Story().tell(self._journal.entries(tx, hearing.id))
        files = tx.exec(select(RecordFile).where(RecordFile.hearing_id == hearing.id)).all()
        storage = Storage(self._recordings / str(hearing.id))
        unwrap = self._keys.opener(tx, hearing.id)
        sealed = _withheld(story)
        step = max(1, len(heads) // HEADS_KEPT)
        return package.Contents(
            reference=hearing.reference,
            hearing=hearing.id,
            origin=origin(hearing.id),
            leaves=[leaf.data for leaf in leaves],
            disclosures=[leaf.disclosures for leaf in leaves],
            checkpoint=head.note,
            log_vkey=hearing.log_vkey,
            earlier=[one.note for one in heads[:-1:step]],
            media={
                path: partial(_recorded, storage, path, unwrap) for path in story.sealed if path not in sealed
            },
            withheld=list(sealed.values()),
            minutes={file.path: file.data for file in files},
            tools={"vivavoce": version("vivavoce"), "aiortc": version("aiortc"), "typst": version("typst")},
        )

    # --- drawing up

    def _draw(
        self, tx: Session, hearing: Hearing, story: Story, entries: list[Entry], at: datetime
    ) -> Minutes:
        instrument = self._instruments[hearing.instrument]
        requesting = tx.get_one(Authority, hearing.requesting_id)
        requested = tx.get_one(Authority, hearing.requested_id)
        article = f"{instrument.short}, {instrument.minutes}"
        heard = [person for person in story.people.values() if person.capacity is not None]
        if not heard or not story.sittings:
            raise NotReady(say("Nobody was heard, so there is nothing to draw up."))
        authority = _signatory(story)
        return Minutes(
            hearing=urn(hearing.id),
            drawn_up=at,
            drawn_up_by=f"{authority.name}, {authority.function}" if authority else requested.name,
            matter=hearing.matter,
            basis=(instrument.title, article),
            sources=Sources(
                date_and_place=article,
                person_heard=article,
                participants=article,
                oaths=article,
                technical=article,
            ),
            requesting=_seat(requesting, Side.REQUESTING, story, hearing.reference),
            requested=_seat(requested, Side.REQUESTED, story, hearing.requested_reference or "—"),
            sittings=tuple(Sitting(begin=begin, end=end or at) for begin, end in story.sittings),
            heard=tuple(_heard(person, person.capacity, story) for person in heard if person.capacity),
            participants=tuple(
                _participant(person, at)
                for person in story.people.values()
                if person.capacity is None and person.present
            ),
            oaths=tuple(_oaths(story)),
            warnings=tuple(_warnings(story)),
            exhibits=tuple(_exhibits(story)),
            conducts=tuple(_conducts(story)),
            interventions=tuple(_interventions(story)),
            claims=tuple(_claims(story)),
            objections=tuple(_objections(story)),
            identities=tuple(_identities(story)),
            technical=_technical(story, at),
            safeguards=tuple(_safeguards(checklist.frame(hearing, instrument, requesting, requested), story)),
            declarations=tuple(_declarations(story)),
            course=tuple(_course(story, entries)),
            signatory=Signatory(
                name=authority.name if authority else requested.name,
                function=authority.function if authority else instrument.authority,
                authority=requested.name,
                place=authority.place if authority else requested.name,
            ),
        )


def _withheld(story: Story) -> dict[str, package.Withheld]:
    """What the court sealed is left out of every copy, with its place in the journal."""
    grounds = {
        one.n: package.Withheld(
            ground="Sealed by the court.", decision=f"interval.sealed of {stamp(one.sealed.since)}"
        )
        for one in story.stretches
        if one.sealed is not None
    }
    numbers = {path: int(path.partition(".")[0].rpartition("-")[2]) for path in story.sealed}
    return {path: replace(grounds[n], path=path) for path, n in numbers.items() if n in grounds}


def _recorded(storage: Storage, path: str, unwrap: Unwrap) -> BinaryIO:
    """A recording, or its index, in the clear. Raises: OSError, NotOpened."""
    name = path.removeprefix(f"{MEDIA}/")
    file = storage.open(name)
    return file if name.endswith(".index.jsonl") else opened(file, name, unwrap)


def _may_read(actor: Actor) -> None:
    if not READERS.intersection(actor.roles):
        raise NotFound(say("There is no such document."))


def _signatory(story: Story) -> Person | None:
    return next((person for person in story.people.values() if person.role is Role.AUTHORITY), None)


def _seat(authority: Authority, side: Side, story: Story, reference: str) -> Seat:
    role = Role.AUTHORITY if side is Side.REQUESTED else Role.PRESIDING
    place = next((person.place for person in story.people.values() if person.role is role), authority.name)
    return Seat(
        side=side,
        authority=authority.name,
        place=place,
        state=authority.state,
        zone=authority.zone,
        reference=reference,
    )


def _heard(person: Person, capacity: Capacity, story: Story) -> Heard:
    settled = story.settled.get((checklist.IDENTITY, person.handle))
    if settled is None:
        return Heard(name=person.name, capacity=capacity, identified_how="Not established.")
    return Heard(
        name=person.name,
        capacity=capacity,
        identified_how=settled.words,
        identified_by=story.named(settled.by),
        identified_at=settled.time,
    )


def _participant(person: Person, at: datetime) -> Participant:
    return Participant(
        name=person.name,
        function=person.function,
        side=person.side,
        presence=tuple(Presence(entered=entered, left=left or at) for entered, left in person.present),
    )


def _oaths(story: Story) -> list[Oath]:
    return [
        Oath(
            name=story.named(oath.participant),
            taken=oath.taken,
            form=oath.form,
            formula=oath.words if oath.taken else None,
            language=oath.language or "en",
            administered_by=story.named(oath.before or oath.by),
            at=time,
            reason=None if oath.taken else oath.words,
        )
        for time, oath in story.oaths
    ]


def _warnings(story: Story) -> list[Warned]:
    return [
        Warned(
            name=story.named(one.participant),
            law=LAW[one.law],
            words=one.words,
            by=story.named(one.by),
            at=time,
        )
        for time, one in story.warnings
    ]


def _exhibits(story: Story) -> list[Exhibit]:
    return [
        Exhibit(number=one.exhibit, shown=one.shown, words=one.words, by=story.named(one.by), at=time)
        for time, one in story.exhibits
    ]


def _conducts(story: Story) -> list[Conduct]:
    return [
        Conduct(
            name=story.named(one.participant),
            what=CONDUCT[one.conduct],
            words=one.words,
            by=story.named(one.by),
            at=time,
        )
        for time, one in story.conducts
    ]


def _interventions(story: Story) -> list[Intervention]:
    return [
        Intervention(
            by=story.named(one.made.by),
            at=one.since,
            ground=one.made.ground,
            measure=one.made.measure,
            article=one.made.article,
            suspended=one.made.suspends,
            settled=tuple(
                Outcome(
                    outcome="the hearing goes on" if said.continues else "the hearing cannot go on",
                    words=said.words,
                    by=story.named(said.by),
                    at=time,
                )
                for time, said in one.settled
            ),
        )
        for one in story.interventions.values()
    ]


def _claims(story: Story) -> list[Claim]:
    return [
        Claim(
            name=story.named(one.made.participant),
            by=story.named(one.made.by),
            at=one.since,
            law=LAW[one.made.law],
            question=one.made.question,
            ruled=_outcome(story, one.ruled[0], one.ruled[1].outcome, one.ruled[1].reason, one.ruled[1].by)
            if one.ruled
            else None,
        )
        for one in story.claims.values()
    ]


def _objections(story: Story) -> list[Objection]:
    return [
        Objection(
            by=story.named(one.raised.by),
            at=one.since,
            words=one.raised.words,
            decided=_outcome(
                story,
                one.decided[0],
                REMEDY[one.decided[1].remedy],
                one.decided[1].words,
                one.decided[1].by,
            )
            if one.decided
            else None,
        )
        for one in story.objections.values()
    ]


def _outcome(story: Story, at: datetime, outcome: str, words: str, by: str) -> Outcome:
    return Outcome(outcome=outcome, words=words, by=story.named(by), at=at)


def _identities(story: Story) -> list[Identified]:
    return [
        Identified(
            name=story.named(one.participant),
            means=one.means,
            company=one.company,
            by=story.named(one.by),
            at=time,
        )
        for time, one in story.identities
    ]


def _technical(story: Story, at: datetime) -> Technical:
    stands = [
        Interruption(
            begin=one.since, end=one.until or at, what="The hearing was suspended", reason=one.reason
        )
        for one in story.interruptions
    ]
    gaps = [
        Interruption(
            begin=gap.since,
            end=gap.until,
            what=f"No {_OF_TRACK.get(gap.track[9:], 'media')} of {story.named(gap.track[:8])}",
            reason=GAP.get(gap.reason, gap.reason),
        )
        for gap in story.gaps
        if gap.until - gap.since >= SHORT
    ]
    return Technical(
        platform="Viva Voce",
        version=version("vivavoce"),
        codecs=("Opus (sound)", "VP8 (picture)"),
        encryption="DTLS-SRTP between each participant and the service",
        further=(
            Fact(label="On the record", value=_on_record(story)),
            Fact(label="Gaps under a second", value=_short_gaps(story)),
            Fact(label="Clock", value="the service's system clock, UTC"),
        ),
        recordings=tuple(
            Recording(path=path, sha256=digest) for path, digest in sorted(story.sealed.items())
        ),
        interruptions=tuple(sorted([*stands, *gaps], key=lambda one: one.begin)),
        connections=tuple(figures.connections(story)),
        measured=figures.METHOD if story.figures else "",
    )


def _on_record(story: Story) -> str:
    spans = [one.until - one.since for one in story.stretches if one.until]
    seconds = sum((span.total_seconds() for span in spans), 0.0)
    return f"{len(spans)} {'time' if len(spans) == 1 else 'times'}, {seconds:.1f} s in all"


def _short_gaps(story: Story) -> str:
    spans = [gap.until - gap.since for gap in story.gaps if gap.until - gap.since < SHORT]
    seconds = sum((span.total_seconds() for span in spans), 0.0)
    return f"{len(spans)}, {seconds:.3f} s in all; each is in the journal"


def _safeguards(frame: checklist.Frame, story: Story) -> list[Safeguard]:
    return [
        Safeguard(
            requirement=str(checklist.demand(item)),
            article=str(checklist.source(item)),
            outcome="overridden" if item.settled.overridden else "met",
            by=story.named(item.settled.by),
            at=item.settled.time,
            reason=_shown(item.settled, story),
        )
        for item in checklist.items(frame, story)
        if item.settled is not None
    ]


def _declarations(story: Story) -> list[Declaration]:
    """Every question in its order, with the answer that was given to it, and when that was taken back."""
    told: list[Declaration] = []
    asked: dict[tuple[str, str], int] = {}
    standing: dict[tuple[str, str], int] = {}
    for time, event in story.consents:
        of = event.what, event.participant
        match event:
            case ConsentAsked():
                asked[of] = len(told)
                told.append(_put(time, event, story))
            case ConsentDeclared():
                n = standing[of] = asked[of]
                told[n] = told[n].model_copy(
                    update={"answer": event.answer, "answered": time, "how": tuple(_how(event, story))}
                )
            case ConsentRevoked():
                n = standing.pop(of)
                told[n] = told[n].model_copy(update={"revoked": time, "revoked_by": story.named(event.by)})
    return told


def _put(time: datetime, event: ConsentAsked, story: Story) -> Declaration:
    what = DECLARED.get(event.what, event.what)
    return Declaration(
        name=story.named(event.participant),
        what=what[:1].upper() + what[1:],
        text=f"Text {event.text}, version {event.version}",
        language=event.language,
        sha256=event.sha256,
        sample=event.sample,
        asked=time,
        asked_by=story.named(event.by),
    )


def _how(event: ConsentDeclared, story: Story) -> Iterator[str]:
    match event.method:
        case "browser":
            yield "Signed in the browser"
        case "paper":
            yield f"On paper, scan {(event.document or '')[:DIGITS]}…"
        case "spoken":
            yield "By word of mouth"
    if event.witnessed:
        yield f"Before {story.named(event.witnessed)}"
    elif event.by != event.participant:
        yield f"Recorded by {story.named(event.by)}"
    if event.through:
        yield f"Read by the interpreter {story.named(event.through)}"
    match event.advised:
        case "had":
            yield "After a lawyer’s advice"
        case "declined":
            yield "A lawyer’s advice was offered and declined"


def _shown(settled: Settled, story: Story) -> str:
    """What was said, and which document shows it."""
    document = story.documents.get(settled.document or "")
    return f"{settled.words} ({document.name}, SHA-256 {document.sha256})" if document else settled.words


def _course(story: Story, entries: list[Entry]) -> list[Happening]:
    opened = story.sittings[0][0]
    return [
        Happening(at=entry.time, sentence=entry.event.sentence(story.named))
        for entry in entries
        if entry.time >= opened
        and entry.event.type.partition(".")[0] in _COURSE
        and not isinstance(entry.event, ParticipantDescribed)  # that somebody is protected is not for minutes
    ]


def package_name(hearing: UUID | str, reference: str) -> str:
    """A file name for the package: the reference, as far as it may stand in one."""
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in reference).strip(
        "-"
    )
    return f"{kept or hearing}.asice"
