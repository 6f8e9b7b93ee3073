"""The heads of the minutes that other duties add to the five of the treaties, each with its source. Pure.

Consents and notices, interpreters, lawyers, claims of a right not to testify, interventions, objections, who was
identified anew, the technical test, the times on the record, why the hearing was held by video link, who presided, who
saw and heard whom, and how the minutes themselves were read and answered. What protects somebody stands nowhere here:
it is for a sealed annex.

Sources: Regulation (EU) 2023/2844, Article 6(2); Directive 2010/64/EU, Articles 2(5) and 7; Directive 2013/48/EU,
Articles 3(3)(b), 8(2), 9(2) and 10; Directive 2012/13/EU, Article 8(1); Directive 2014/41/EU, Article 24(5).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from hearings import checklist
from hearings.events import (
    DECLARED,
    DIGITS,
    LAW,
    REMEDY,
    ConsentAsked,
    ConsentDeclared,
    ConsentRevoked,
    InterpretationClosed,
    InterpretationOpened,
    TestHeld,
)
from hearings.journal import Entry
from hearings.minutes import (
    Claim,
    Counsel,
    Declaration,
    Fact,
    Identified,
    Interpreted,
    Intervention,
    Objection,
    Omission,
    Outcome,
    Presence,
    Reading,
    Safeguard,
    Span,
    Tested,
)
from hearings.roles import COORDINATORS, OFFICE, Role, Side
from hearings.sentences import LACKS, Sentence, recognised, say
from hearings.story import Person, Settled, Story
from media.channels import Channel, Kind, Seat, table

LAWYERS = frozenset({Role.LAWYER, Role.DEFENCE})
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "consents": ("consent-verified", "consent-noted", "counsel-consent", "surrender-consent", "rights-noted"),
    "interpretation": (
        "interpreter-noted",
        "interpreter-ready",
        "interpreter-named",
        "interpreter-ascertained",
    ),
    "lawyers": ("lawyer-noted", "counsel-present", "lawyer-arranged"),
    "claims": ("privilege-procedure", "silence-informed", "rights-recalled"),
    "interventions": ("authority-present", "principles-respected"),
    "recording": ("recording-announced", "recording-decided"),
    "video": ("video-justified", "reason-for-video", "consent-exception"),
    "reading": ("minutes-signed",),
}
"""By which safeguards a head is demanded; the first that the law demands of this hearing is its source."""
_RULED = {"upheld": say("upheld"), "rejected": say("rejected"), "withdrawn": say("withdrawn")}
_REASONS = ("video-justified", "reason-for-video", "consent-exception", "order-proportionate")


def sources(items: Iterable[checklist.Item]) -> dict[str, str]:
    """The provision behind each added head, where the law has one for this hearing."""
    cited: dict[str, Sentence] = {}
    for item in items:
        cited.setdefault(item.demand.id, checklist.source(item))
    return {
        head: next((cited[one] for one in demanded if one in cited), "")
        for head, demanded in _SOURCES.items()
    }


def video(purpose: str, items: Iterable[checklist.Item], story: Story) -> Iterator[Fact]:
    """Why the hearing was held by video link: as the request, the choice of the instrument and the safeguards say."""
    yield Fact(label=say("Purpose of the request"), value=purpose)
    for _, choice in story.choices[-1:]:
        if choice.reason:
            yield Fact(label=say("Why this instrument"), value=choice.reason)
    for item in items:
        if item.demand.id in _REASONS and item.settled is not None:
            yield Fact(label=checklist.demand(item), value=shown(item.settled, story))


def presided(items: Iterable[checklist.Item], story: Story) -> Iterator[Fact]:
    """Who presided, who attended for the requested side, and what was agreed on that."""
    for role, label in (
        (Role.PRESIDING, say("Presided")),
        (Role.AUTHORITY, say("Present for the requested side")),
    ):
        for person in story.people.values():
            if person.role is role and person.present:
                yield Fact(
                    label=label, value=say("{name}, {function}", name=person.name, function=office(person))
                )
    for item in items:
        if item.demand.id == "conduct-agreed" and item.settled is not None:
            yield Fact(label=say("Agreed on the conduct"), value=shown(item.settled, story))


def office(person: Person) -> str:
    """As what somebody took part."""
    return recognised(person.function, OFFICE.values())


def stays(person: Person, end: datetime) -> tuple[Presence, ...]:
    return tuple(Presence(entered=entered, left=left or end) for entered, left in person.present)


def lawyers(story: Story, end: datetime) -> Iterator[Counsel]:
    for person in story.people.values():
        if person.role in LAWYERS and person.present:
            yield Counsel(name=person.name, function=office(person), presence=stays(person, end))


def interpreted(entries: Iterable[Entry], story: Story, end: datetime) -> list[Interpreted]:
    """The channels beside the floor, in the order in which they were opened; one that nobody closed ended with the sitting."""
    open_since: dict[tuple[str, str], datetime] = {}
    found: list[tuple[datetime, datetime, str, str]] = []
    for entry in entries:
        match entry.event:
            case InterpretationOpened() as event:
                open_since[event.participant, event.language] = entry.time
            case InterpretationClosed() as event:
                since = open_since.pop((event.participant, event.language), entry.time)
                found.append((since, entry.time, event.participant, event.language))
    found += [(since, max(since, end), *of) for of, since in open_since.items()]
    return [
        Interpreted(name=story.named(handle), language=language, begin=since, end=until)
        for since, until, handle, language in sorted(found)
    ]


def tests(story: Story) -> list[Tested]:
    held: list[tuple[datetime, TestHeld]] = [one.held for one in story.tests.values() if one.held is not None]
    return [
        Tested(
            place=event.place,
            at=time,
            good=event.good,
            seen=event.seen(),
            words=event.words or "",
            by=story.named(event.by),
        )
        for time, event in sorted(held, key=lambda one: one[0])
    ]


def recorded(story: Story, end: datetime) -> list[Span]:
    return [
        Span(number=one.n, begin=one.since, end=one.until or end, sealed=one.sealed is not None)
        for one in story.stretches
    ]


def sight(story: Story) -> list[Sentence]:
    """Who saw and heard whom on the floor, by the table that the service enforces: the rule, and each exception."""
    seated: dict[str, list[Person]] = {}
    for person in story.people.values():
        if person.present:
            seated.setdefault(person.place, []).append(person)
    seats = [
        Seat(place=place, channel=Channel.FLOOR, receive_only=not any(map(_speaks, people)))
        for place, people in seated.items()
    ]
    given = table(seats, recorder=False)
    told = [
        say(
            "Whoever was admitted to the room saw and heard everybody else who was. Nobody in the waiting room saw or heard anybody."
        ),
    ]
    for place, people in seated.items():
        others = [other for other in seated if other != place]
        if others and not any(row.source == place and row.kind is Kind.AUDIO for row in given):
            names = ", ".join(person.name for person in people)
            told.append(say("{names} saw and heard the others, and was neither seen nor heard.", names=names))
    return told


def _speaks(person: Person) -> bool:
    return person.role not in COORDINATORS | {Role.OBSERVER}


def readings(story: Story, whose: Side) -> list[Reading]:
    return [
        Reading(
            name=story.named(event.participant),
            how=event.how(story.named),
            said=event.said,
            words=event.words or "",
            at=time,
        )
        for _, time, event in story.readings
        if event.whose == whose
    ]


def omissions(story: Story, whose: Side) -> list[Omission]:
    return [
        Omission(words=recognised(event.words, LACKS), reason=event.reason, by=story.named(event.by), at=time)
        for (side, _), (time, event) in story.omissions.items()
        if side == whose
    ]


def interventions(story: Story) -> list[Intervention]:
    return [
        Intervention(
            by=story.named(one.made.by),
            at=one.since,
            ground=one.made.ground,
            measure=one.made.measure,
            article=one.made.provision(),
            suspended=one.made.suspends,
            settled=tuple(
                Outcome(
                    outcome=say("the hearing goes on") if said.continues else say("the hearing cannot go on"),
                    words=said.words,
                    by=story.named(said.by),
                    at=time,
                )
                for time, said in one.settled
            ),
        )
        for one in story.interventions.values()
    ]


def claims(story: Story) -> list[Claim]:
    return [
        Claim(
            name=story.named(one.made.participant),
            by=story.named(one.made.by),
            at=one.since,
            law=LAW[one.made.law],
            question=one.made.question,
            ruled=_outcome(
                story, one.ruled[0], _RULED[one.ruled[1].outcome], one.ruled[1].reason, one.ruled[1].by
            )
            if one.ruled
            else None,
        )
        for one in story.claims.values()
    ]


def objections(story: Story) -> list[Objection]:
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


def identities(story: Story) -> list[Identified]:
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


def safeguards(items: Iterable[checklist.Item], story: Story) -> list[Safeguard]:
    return [
        Safeguard(
            requirement=checklist.demand(item),
            article=checklist.source(item),
            outcome="overridden" if item.settled.overridden else "met",
            by=story.named(item.settled.by),
            at=item.settled.time,
            reason=shown(item.settled, story),
        )
        for item in items
        if item.settled is not None and item.demand.id not in checklist.BY_SEALING
    ]


def declarations(story: Story) -> list[Declaration]:
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
    return Declaration(
        name=story.named(event.participant),
        what=DECLARED.get(event.what, event.what),
        text=say("Text {text}, version {version}", text=event.text, version=event.version),
        language=event.language,
        sha256=event.sha256,
        sample=event.sample,
        asked=time,
        asked_by=story.named(event.by),
    )


def _how(event: ConsentDeclared, story: Story) -> Iterator[str]:
    match event.method:
        case "browser":
            yield say("Signed in the browser")
        case "paper":
            yield say("On paper, scan {digest}…", digest=(event.document or "")[:DIGITS])
        case "spoken":
            yield say("By word of mouth")
    if event.witnessed:
        yield say("Before {who}", who=story.named(event.witnessed))
    elif event.by != event.participant:
        yield say("Recorded by {who}", who=story.named(event.by))
    if event.through:
        yield say("Read by the interpreter {who}", who=story.named(event.through))
    match event.advised:
        case "had":
            yield say("After a lawyer’s advice")
        case "declined":
            yield say("A lawyer’s advice was offered and declined")


def shown(settled: Settled, story: Story) -> str:
    """What was said, and which document shows it."""
    document = story.documents.get(settled.document or "")
    return f"{settled.words} ({document.name}, SHA-256 {document.sha256})" if document else settled.words
