"""What the journal says, as the facts of the minutes. Pure: the story of a hearing goes in, `Minutes` come out."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import NamedTuple

from consent.instruments import Instrument
from hearings import added, checklist, figures
from hearings.errors import NotReady
from hearings.events import (
    CONDUCT,
    GAP,
    LAW,
    Event,
    MediaSealed,
    MinutesElsewhere,
    MinutesSealed,
    MinutesSigned,
    MinutesWorded,
    ParticipantDescribed,
)
from hearings.journal import Entry, urn
from hearings.minutes import (
    Conduct,
    Exhibit,
    Fact,
    Happening,
    Heard,
    Interruption,
    Minutes,
    Oath,
    Participant,
    Recording,
    Reworded,
    Seat,
    Signatory,
    Sitting,
    Sources,
    Technical,
    Warned,
)
from hearings.roles import OFFICE, Capacity, Role, Side
from hearings.sentences import BY_HAND, OWN, Sentence, recognised, say
from hearings.story import Person, Story
from hearings.tables import Authority, Hearing

LANGUAGES = ("ar", "en", "es", "fr", "ru", "zh")
SHORT = timedelta(seconds=1)
_UNTOLD = frozenset({"custody", "link", "message", "invitation", "change", "protection"})
COURSE = frozenset(
    {
        *("hearing", "sitting", "record", "examination", "requirement", "oath", "statement", "participant"),
        *(
            "consent",
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
"""The kinds of entries that the course of the hearing tells, by the first words of their types."""
_MISSING = {
    "audio": say("No sound of {whom}"),
    "camera": say("No picture of {whom}"),
    "interpretation": say("No interpretation into a channel of {whom}"),
}


class Sides(NamedTuple):
    """The authorities of a hearing."""

    requesting: Authority
    requested: Authority

    def of(self, side: Side) -> Authority:
        return self.requested if side is Side.REQUESTED else self.requesting


def languages(sides: Sides, whose: Side) -> tuple[str, ...]:
    """In which languages a document is: its own authority's first, then the other's; English for one that is not among
    those of the minutes.
    """
    own, other = (sides.of(whose), sides.of(Side.REQUESTING if whose is Side.REQUESTED else Side.REQUESTED))
    found = (one.language.partition("-")[0].lower() for one in (own, other))
    return tuple(dict.fromkeys(one if one in LANGUAGES else "en" for one in found))


def told_until(entries: Iterable[Entry], whose: Side) -> datetime:
    """The time of the last entry that the document tells of: until another comes, it is drawn up the same."""
    return max(entry.time for entry in entries if _told(entry.event, whose))


def _told(event: Event, whose: Side) -> bool:
    if isinstance(event, MinutesSigned | MinutesSealed | MinutesElsewhere):
        return False
    if isinstance(event, MediaSealed):
        return _is_original(event.path)
    return event.type.partition(".")[0] not in _UNTOLD and getattr(event, "whose", whose) == whose


def draw(
    frame: checklist.Frame, hearing: Hearing, sides: Sides, whose: Side, entries: Sequence[Entry]
) -> Minutes:
    """The document of one side, as the journal has it. Raises: NotReady if nobody was heard."""
    story = Story().tell(entries)
    requesting, requested = sides
    instrument = frame.instrument
    article = checklist.cited(instrument, instrument.minutes)
    heard = [person for person in story.people.values() if person.capacity is not None]
    if not heard or not story.sittings:
        raise NotReady(say("Nobody was heard, so there is nothing to draw up."))
    at = told_until(entries, whose)
    end = story.sittings[-1][1] or at
    items = checklist.items(frame, story)
    signatory = _signatory(story, instrument, sides.of(whose), whose)
    return Minutes(
        hearing=urn(hearing.id),
        document=whose,
        drawn_up=at,
        drawn_up_by=say("{name}, {function}", name=signatory.name, function=signatory.function),
        matter=hearing.matter,
        basis=(say(instrument.title), article),
        sources=Sources(
            date_and_place=article,
            person_heard=article,
            participants=article,
            oaths=article,
            technical=article,
            **added.sources(items),
        ),
        requesting=_seat(requesting, Side.REQUESTING, story, hearing.reference),
        requested=_seat(requested, Side.REQUESTED, story, hearing.requested_reference or "—"),
        sittings=tuple(Sitting(begin=begin, end=until or at) for begin, until in story.sittings),
        presided=tuple(added.presided(items, story)),
        video=tuple(added.video(hearing.purpose, items, story)),
        heard=tuple(_heard(person, person.capacity, story) for person in heard if person.capacity),
        participants=tuple(
            Participant(
                name=person.name,
                function=added.office(person),
                side=person.side,
                presence=added.stays(person, end),
            )
            for person in story.people.values()
            if person.capacity is None and person.present
        ),
        lawyers=tuple(added.lawyers(story, end)),
        interpreted=tuple(added.interpreted(entries, story, end)),
        oaths=tuple(_oaths(story)),
        warnings=tuple(_warnings(story)),
        exhibits=tuple(_exhibits(story)),
        conducts=tuple(_conducts(story)),
        interventions=tuple(added.interventions(story)),
        claims=tuple(added.claims(story)),
        objections=tuple(added.objections(story)),
        identities=tuple(added.identities(story)),
        technical=_technical(story, end),
        tests=tuple(added.tests(story)),
        recorded=tuple(added.recorded(story, end)),
        sight=tuple(added.sight(story)),
        safeguards=tuple(added.safeguards(items, story)),
        declarations=tuple(added.declarations(story)),
        course=tuple(_course(story, entries, whose)),
        readings=tuple(added.readings(story, whose)),
        omissions=tuple(added.omissions(story, whose)),
        signatory=signatory,
    )


def _signatory(story: Story, instrument: Instrument, authority: Authority, whose: Side) -> Signatory:
    """Who answers for the document: the authority present, or who presided."""
    role = Role.AUTHORITY if whose is Side.REQUESTED else Role.PRESIDING
    person = next((one for one in story.people.values() if one.role is role), None)
    if person is not None:
        return Signatory(
            name=person.name, function=added.office(person), authority=authority.name, place=person.place
        )
    function = say(instrument.authority) if whose is Side.REQUESTED else OFFICE[role]
    return Signatory(name=authority.name, function=function, authority=authority.name, place=authority.name)


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
        return Heard(name=person.name, capacity=capacity, identified_how=say("Not established."))
    return Heard(
        name=person.name,
        capacity=capacity,
        identified_how=settled.words,
        identified_by=story.named(settled.by),
        identified_at=settled.time,
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


def _technical(story: Story, at: datetime) -> Technical:
    stands = [
        Interruption(
            begin=one.since,
            end=one.until or at,
            what=say("The hearing was suspended"),
            reason=recognised(one.reason, OWN if one.by == Role.SERVICE else BY_HAND),
        )
        for one in story.interruptions
    ]
    gaps = [
        Interruption(
            begin=gap.since,
            end=gap.until,
            what=_missing(gap.track, story),
            reason=GAP.get(gap.reason, gap.reason),
        )
        for gap in story.gaps
        if gap.until - gap.since >= SHORT
    ]
    uncosigned = [
        Interruption(
            begin=one.since,
            end=one.until or at,
            what=say("{cosigner} did not cosign the journal", cosigner=one.cosigner),
            reason=say("It did not answer."),
        )
        for one in story.uncosigned
        if one.since < at
    ]
    return Technical(
        platform="Viva Voce",
        version=version("vivavoce"),
        codecs=(say("Opus (sound)"), say("VP8 (picture)")),
        encryption=say("DTLS-SRTP between each participant and the service"),
        further=(
            Fact(label=say("On the record"), value=_on_record(story)),
            Fact(label=say("Gaps under a second"), value=_short_gaps(story)),
            Fact(label=say("Clock"), value=say("the service’s system clock, UTC")),
        ),
        recordings=tuple(
            Recording(path=path, sha256=digest)
            for path, digest in sorted(story.sealed.items())
            if _is_original(path)
        ),
        interruptions=tuple(sorted([*stands, *gaps, *uncosigned], key=lambda one: one.begin)),
        connections=tuple(figures.connections(story)),
        measured=figures.METHOD if story.figures else "",
    )


def _is_original(path: str) -> bool:
    """What is derived from it, the copies for playing, is in the package and not on the paper."""
    return path.endswith(".pcapng")


def _missing(track: str, story: Story) -> Sentence:
    return say(_MISSING.get(track[9:], say("Nothing of {whom}")).template, whom=story.named(track[:8]))


def _on_record(story: Story) -> Sentence:
    spans = [one.until - one.since for one in story.stretches if one.until]
    seconds = sum((span.total_seconds() for span in spans), 0.0)
    return say("{times}×, {seconds} s in all", times=len(spans), seconds=f"{seconds:.1f}")


def _short_gaps(story: Story) -> Sentence:
    spans = [gap.until - gap.since for gap in story.gaps if gap.until - gap.since < SHORT]
    seconds = sum((span.total_seconds() for span in spans), 0.0)
    return say(
        "{gaps}, {seconds} s in all; each is in the journal", gaps=len(spans), seconds=f"{seconds:.3f}"
    )


def _course(story: Story, entries: Iterable[Entry], whose: Side) -> Iterator[Happening]:
    opened = story.sittings[0][0]
    wordings: dict[int, list[Reworded]] = {}
    for (side, number, _), said in story.wordings.items():
        if side == whose:
            wordings.setdefault(number, []).append(_reworded(story, said))
    for entry in entries:
        if entry.time >= opened and in_course(entry.event):
            yield Happening(
                at=entry.time,
                sentence=entry.event.sentence(story.named),
                entry=entry.seq,
                reworded=tuple(wordings.get(entry.seq, ())),
            )


def in_course(event: Event) -> bool:
    """Whether the course of the hearing tells of it. That somebody is protected is not for minutes."""
    return event.type.partition(".")[0] in COURSE and not isinstance(event, ParticipantDescribed)


def _reworded(story: Story, said: Sequence[tuple[datetime, MinutesWorded]]) -> Reworded:
    time, last = said[-1]
    return Reworded(
        language=last.language,
        words=last.words,
        old=tuple(one.old for _, one in said),
        by=story.named(last.by),
        at=time,
    )
