"""What the journal says, as the facts of the minutes. Pure: the story of a hearing goes in, `Minutes` come out."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import NamedTuple

from consent.instruments import Instrument
from hearings import checklist, figures
from hearings.errors import NotReady
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
    ParticipantDescribed,
)
from hearings.journal import Entry, urn
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
from hearings.roles import Capacity, Role, Side
from hearings.sentences import say
from hearings.story import Person, Settled, Story
from hearings.tables import Authority, Hearing

SHORT = timedelta(seconds=1)
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


class Sides(NamedTuple):
    """The authorities of a hearing."""

    requesting: Authority
    requested: Authority


def draw(
    hearing: Hearing, instrument: Instrument, sides: Sides, story: Story, entries: list[Entry], at: datetime
) -> Minutes:
    """The minutes as they stand `at` that time. Raises: NotReady if nobody was heard."""
    requesting, requested = sides
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
