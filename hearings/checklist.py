"""What the law of the two States demands of this hearing, what is met, and what still stands in the way.

The items are computed (`consent.checklist`) from the instrument, the States, the day, what the hearing is for and who
is heard, and are compared with the story; nothing is stored. Three gates ask them:

- *on the record*: what blocks of the stages request and before, and the recorder armed;
- *examination*: the opening, with the person heard in the room (and the authority, where the law demands it);
- *closing*: what must be in the record (`record` adds the minutes and the account of time).

An item is confirmed by the function that the law names, with its proof; what is declared is met by the declaration
alone, and what the service sees itself by the entry that tells of it. What was confirmed stands as long as it is
demanded on the same basis; where that changes it must be confirmed anew. An item is overridden only where the law
allows it, by whom it says, with a reason that is printed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter

from pydantic import Field
from sqlmodel import Session

from consent import checklist as law
from consent.checklist import Demand, Facts, Heard, Proof, Stage
from consent.instruments import Instrument
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.events import RequirementConfirmed, RequirementOverridden, RequirementRevoked, TestHeld
from hearings.roles import OFFICE, REQUIRED, Circumstance, Role
from hearings.said import Said
from hearings.sentences import Sentence, any_of, recognised, say
from hearings.states import Verb
from hearings.story import Person, Settled, Story
from hearings.tables import Authority, Hearing

IDENTITY = "identity-established"
TESTED = "test-passed"
_MOST = 200
_SHA256 = r"^[0-9a-f]{64}$"


class Paper(StrEnum):
    """By what somebody is identified; no picture of it is taken."""

    PASSPORT = "passport"
    CARD = "card"
    PERMIT = "permit"
    LICENCE = "licence"
    OTHER = "other"


PAPER: dict[Paper, Sentence] = {
    Paper.PASSPORT: say("passport"),
    Paper.CARD: say("identity card"),
    Paper.PERMIT: say("residence permit"),
    Paper.LICENCE: say("driving licence"),
    Paper.OTHER: say("another document"),
}


class Confirmation(Said):
    """`person`: the handle of the person heard; `proof`: what was seen, in a sentence; `document`: the digest of a
    document of this hearing that shows it, which some safeguards must have.
    """

    requirement: str = Field(min_length=1, max_length=100)
    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    proof: str = Field(min_length=1, max_length=1000)
    document: str | None = Field(default=None, pattern=_SHA256)


class Confirmations(Said):
    """Several at once, by one who knows them all. `items`: each a requirement, with `:` and the handle of the person
    that it is about; `document`: the digest of a document of this hearing, for those of them that one must show.
    """

    items: list[str] = Field(min_length=1, max_length=_MOST)
    proof: str = Field(min_length=1, max_length=1000)
    document: str | None = Field(default=None, pattern=_SHA256)


class Identity(Said):
    """Who somebody is, attested by two officers of the requested side. `ending`: the last characters of the
    document's number; `second`: name and function of the second officer.
    """

    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    document: Paper
    ending: str = Field(min_length=2, max_length=4, pattern=r"^[0-9A-Za-z]+$")
    second: str = Field(min_length=3, max_length=200)


class Withdrawal(Said):
    """Going on without a safeguard, or taking a confirmation back: which, and why."""

    requirement: str = Field(min_length=1, max_length=100)
    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    reason: str = Field(min_length=1, max_length=1000)


@dataclass(frozen=True)
class Frame:
    """What the law asks of a hearing before it asks who is heard. `on`: the day on which the request was received."""

    instrument: Instrument
    requesting: str
    requested: str
    on: date
    aim: str


@dataclass(frozen=True)
class Item:
    """One demand, of one person heard or of the hearing, and how it stands. `refused`: they declared that they do not agree."""

    demand: Demand
    person: Person | None
    settled: Settled | None
    refused: bool = False

    @property
    def key(self) -> tuple[str, str | None]:
        return self.demand.id, self.demand.person

    @property
    def roles(self) -> frozenset[Role]:
        """Who may confirm it."""
        return _roles(self.demand.by)

    @property
    def who(self) -> tuple[Sentence, ...]:
        """Their offices, in order."""
        return _offices(self.demand.by)

    @property
    def pressed(self) -> bool:
        """Whether somebody confirms it; otherwise it is declared, or seen by the service, or nobody can."""
        return self.demand.proof not in {Proof.DECLARATION, Proof.LOG} and bool(self.demand.by)


@lru_cache(maxsize=256)
def _roles(functions: tuple[str, ...]) -> frozenset[Role]:
    return frozenset(Role(function) for function in functions)


@lru_cache(maxsize=256)
def _offices(functions: tuple[str, ...]) -> tuple[Sentence, ...]:
    return tuple(OFFICE[role] for role in Role if role in functions)


@dataclass(frozen=True)
class Obstacle:
    """Something that stands in the way: what it is, by which article, and who can settle it."""

    id: str
    sentence: Sentence
    article: Sentence | None = None
    who: tuple[Sentence, ...] = ()


def frame(hearing: Hearing, instrument: Instrument, requesting: Authority, requested: Authority) -> Frame:
    return Frame(instrument, requesting.state, requested.state, hearing.created.date(), str(hearing.aim))


def framed(tx: Session, hearing: Hearing, instruments: Mapping[str, Instrument]) -> Frame:
    """As `frame`, of a hearing in this transaction."""
    requesting = tx.get_one(Authority, hearing.requesting_id)
    requested = tx.get_one(Authority, hearing.requested_id)
    return frame(hearing, instruments[hearing.instrument], requesting, requested)


def items(of: Frame, story: Story) -> list[Item]:
    """Every item of this hearing, in the order of its stages; none until somebody is named who is to be heard."""
    heard = [person for person in story.people.values() if person.capacity is not None]
    if not heard:
        return []
    interpreted = any(person.role is Role.INTERPRETER for person in story.people.values())
    facts = Facts(
        aim=of.aim,
        instrument=of.instrument.id,
        requesting=of.requesting,
        requested=of.requested,
        on=of.on,
        heard=tuple(_heard(person, interpreted=interpreted) for person in heard),
        oath=story.oath is not None,
        surrender=of.aim == "recognition" and any(str(person.capacity) == "sought" for person in heard),
    )
    return [_item(demand, story) for demand in _demanded(facts)]


@lru_cache(maxsize=1024)
def _demanded(facts: Facts) -> tuple[Demand, ...]:
    return law.demands(facts, law.load())


def _heard(person: Person, *, interpreted: bool) -> Heard:
    found = person.circumstances
    return Heard(
        handle=person.handle,
        capacity=str(person.capacity),
        child=Circumstance.CHILD in found,
        custody=Circumstance.CUSTODY in found,
        protected=Circumstance.PROTECTED in found,
        needs=Circumstance.NEEDS in found,
        interpreter=interpreted or Circumstance.INTERPRETER in found,
    )


def _item(demand: Demand, story: Story) -> Item:
    person = story.people.get(demand.person or "")
    told = story.settled.get((demand.id, demand.person))
    if told is not None and told.overridden and demand.override:
        return Item(demand, person, told)
    match demand.proof:
        case Proof.LOG:
            seen = _SEEN.get(demand.id)
            return Item(demand, person, seen(story, demand.person) if seen else None)
        case Proof.DECLARATION:
            return _declared(demand, person, story)
        case _:
            stands = told is not None and law.stands((demand.id, told.cited), demand)
            return Item(demand, person, told if stands else _noted(story, demand))


def _declared(demand: Demand, person: Person | None, story: Story) -> Item:
    """Met by a standing yes of the person themself. Who waives a lawyer need not, where one is in the room."""
    if demand.declares == "waiver-counsel" and (beside := _lawyer_in_room(story)):
        return Item(demand, person, beside)
    answer = story.declarations.get((str(demand.declares), str(demand.person)))
    if answer is None:
        return Item(demand, person, None)
    if answer.answer != "yes":
        return Item(demand, person, None, refused=True)
    words = answer.said.sentence(story.named)
    return Item(demand, person, Settled(answer.by, words, answer.time, overridden=False))


def _lawyer_in_room(story: Story) -> Settled | None:
    seen = (_present(role)(story, None) for role in (Role.LAWYER, Role.DEFENCE))
    return next(filter(None, seen), None)


# --- what the service sees itself

Seen = Callable[[Story, str | None], Settled | None]


def _told_by(*types: str) -> Seen:
    """The newest entry of one of these types tells of it."""

    def seen(story: Story, _person: str | None) -> Settled | None:
        found = [story.latest[one] for one in types if one in story.latest]
        if not found:
            return None
        time, event = max(found, key=lambda one: one[0])
        by = str(getattr(event, "by", Role.SERVICE))
        return Settled(by, event.sentence(story.named), time, overridden=False)

    return seen


def _present(role: Role) -> Seen:
    def seen(story: Story, _person: str | None) -> Settled | None:
        for person in story.people.values():
            if person.role is role and _in_room(person):
                words = say("{name} is in the room.", name=person.name)
                return Settled(Role.SERVICE, words, person.present[-1][0], overridden=False)
        return None

    return seen


def _sworn(story: Story, person: str | None) -> Settled | None:
    for time, oath in reversed(story.oaths):
        if person in {None, oath.participant}:
            return Settled(oath.by, oath.words, time, overridden=False)
    return None


def _noted(story: Story, demand: Demand) -> Settled | None:
    """What somebody who may confirm it wrote down in an entry of another kind."""
    return _tried(story, demand) if demand.id == TESTED else _warned(story, demand)


def _tried(story: Story, demand: Demand) -> Settled | None:
    """The last technical test of every place where somebody is heard was good, by the word of who may confirm it."""
    last: dict[str, tuple[datetime, TestHeld]] = {}
    for one in sorted((test.held for test in story.tests.values() if test.held), key=itemgetter(0)):
        last[one[1].place] = one
    heard = {person.place for person in story.people.values() if person.capacity is not None}
    found = [last[place] for place in heard if place in last]
    if not heard or len(found) < len(heard) or not all(_vouched(held, story, demand) for _, held in found):
        return None
    time, held = max(found, key=itemgetter(0))
    return Settled(held.by, held.sentence(story.named), time, overridden=False)


def _vouched(held: TestHeld, story: Story, demand: Demand) -> bool:
    by = story.people.get(held.by)
    return held.good and by is not None and by.role in demand.by


_WARNINGS = {"warning-requesting": "requesting", "warning-requested": "requested"}


def _warned(story: Story, demand: Demand) -> Settled | None:
    """Whoever is to warn has done so, and it was noted as that."""
    under = _WARNINGS.get(demand.id)
    for time, warning in reversed(story.warnings):
        by = story.people.get(warning.by)
        given = warning.law == under and warning.participant == demand.person
        if given and by is not None and by.role in demand.by:
            return Settled(warning.by, warning.words, time, overridden=False)
    return None


def _contacts(story: Story, _person: str | None) -> Settled | None:
    sides = {Role.COORDINATOR_REQUESTING, Role.COORDINATOR_REQUESTED}
    found = [person for person in story.people.values() if person.role in sides]
    if {person.role for person in found} != sides:
        return None
    words = say("{one} and {other}", one=found[0].name, other=found[-1].name)
    return Settled(Role.SERVICE, words, story.latest["participant.named"][0], overridden=False)


_RECEIVED = _told_by("request.received")
_CHOSEN = _told_by("instrument.chosen")
_SEALED = _told_by("minutes.sealed")
_SEEN: dict[str, Seen] = {
    "basis-chosen": _CHOSEN,
    "both-bound": _CHOSEN,
    "sent-traceably": _RECEIVED,
    "oral-confirmed": _RECEIVED,
    "clocks-running": _RECEIVED,
    "receipt-acknowledged": _told_by("request.acknowledged", "request.accepted"),
    "requested-agrees": _told_by("request.accepted"),
    "contacts-named": _contacts,
    "time-fixed": _told_by("hearing.scheduled", "hearing.moved"),
    "connection-secured": _told_by("participant.joined"),
    "presiding-in-chair": _present(Role.PRESIDING),
    "authority-present": _present(Role.AUTHORITY),
    "oath-taken": _sworn,
    "recording-announced": _told_by("record.on"),
    "minutes-drawn": _SEALED,
    "minutes-signed": _SEALED,
    "technical-sheet": _SEALED,
    "consent-noted": _SEALED,
    "interpreter-noted": _SEALED,
    "lawyer-noted": _SEALED,
    "rights-noted": _SEALED,
    "child-noted": _SEALED,
    "minutes-forwarded": _told_by("custody.fetched"),
    "recording-kept": _told_by("hearing.closed"),
    "statistic-counted": _told_by("hearing.closed"),
}
"""By which entry the service sees that an item is met. What is missing here is met by nothing."""
BY_SEALING = frozenset(name for name, seen in _SEEN.items() if seen is _SEALED)
"""What is met when the minutes are signed and sealed, and stands in nobody's way by itself."""


# --- the gates


def demand(item: Item) -> Sentence:
    """What is demanded, and for whom."""
    return _for(item.demand.words, item.person.name if item.person else None)


@lru_cache(maxsize=4096)
def _for(words: str, name: str | None) -> Sentence:
    return say("{words} (for {name})", words=say(words), name=name) if name else say(words)


def cited(instrument: Instrument, article: str) -> Sentence:
    """An article of the instrument, with its short name."""
    return _cited(instrument.short, article)


def source(item: Item) -> Sentence:
    """On what an item rests."""
    return _cited(item.demand.source, item.demand.article)


@lru_cache(maxsize=1024)
def _cited(short: str, article: str) -> Sentence:
    if not article:
        return say(short)
    return say("{instrument}, {article}", instrument=say(short), article=say(article))


def open_items(found: Iterable[Item], *stages: Stage) -> list[Obstacle]:
    """What blocks of these stages and is not met, as obstacles."""
    return [
        Obstacle(
            id=item.demand.id,
            sentence=demand(item),
            article=source(item),
            who=item.who,
        )
        for item in found
        if item.demand.blocks and item.demand.stage in stages and item.settled is None
    ]


def to_the_record(
    of: Frame, story: Story, *, armed: bool, known: Sequence[Item] | None = None
) -> list[Obstacle]:
    """First gate. `known`: the items, where they were computed already."""
    found = open_items(items(of, story) if known is None else known, Stage.REQUEST, Stage.BEFORE)
    instrument = of.instrument
    if not any(person.capacity is not None for person in story.people.values()):
        found.append(Obstacle("heard", say("Nobody is named who is to be heard.")))
    if not any(person.role is Role.AUTHORITY for person in story.people.values()):
        sentence = say(
            "Nobody is named who will be present as the {authority}.", authority=say(instrument.authority)
        )
        found.append(Obstacle("authority", sentence, cited(instrument, instrument.presence)))
    found.extend(_missing_links(story))
    found.extend(in_private(story))
    if not armed:
        found.append(Obstacle("recorder", _not_armed(story.failed)))
    return found


def in_private(story: Story) -> list[Obstacle]:
    """A private consultation that is going on: nothing goes on the record, nor on at all, before it has ended."""
    if story.consultation is None:
        return []
    return [Obstacle("consultation", say("A private consultation is going on."))]


def to_the_examination(of: Frame, story: Story, *, known: Sequence[Item] | None = None) -> list[Obstacle]:
    """Second gate."""
    now = items(of, story) if known is None else known
    found = open_items(now, Stage.REQUEST, Stage.BEFORE, Stage.OPENING)
    if not any(person.role is Role.HEARD and _in_room(person) for person in story.people.values()):
        found.append(Obstacle("heard-present", say("The person heard is not in the room.")))
    found.extend(_missing_links(story))
    return found


def to_the_closing(of: Frame, story: Story, *, known: Sequence[Item] | None = None) -> list[Obstacle]:
    """Third gate, as far as the law speaks of it: of minutes only where somebody may have been heard."""
    if not story.stretches:
        return []
    return open_items(items(of, story) if known is None else known, Stage.CLOSING)


def unready(of: Frame, story: Story, handles: Iterable[str]) -> list[Obstacle]:
    """What blocks, up to the opening, of these persons alone: what they need who come into an examination."""
    wanted = frozenset(handles)
    return [
        Obstacle(item.demand.id, demand(item), source(item))
        for item in items(of, story)
        if item.demand.person in wanted
        and item.demand.blocks
        and item.settled is None
        and item.demand.stage in {Stage.REQUEST, Stage.BEFORE, Stage.OPENING}
    ]


def refuse(sentence: Sentence, obstacles: Iterable[Obstacle]) -> None:
    """Raises: NotReady naming every obstacle, if there is one."""
    hints = tuple(
        say("{what} [{article}]", what=one.sentence, article=one.article) if one.article else one.sentence
        for one in obstacles
    )
    if hints:
        raise NotReady(sentence, hints=hints)


def _missing_links(story: Story) -> list[Obstacle]:
    return [
        Obstacle(f"lost-{person.handle}", _missing(person))
        for person in story.people.values()
        if person.role in REQUIRED and person.admitted and (_lost(person) or not _in_room(person))
    ]


def _missing(person: Person) -> Sentence:
    function = recognised(person.function, OFFICE.values())
    return say("{name} ({function}) is not connected.", name=person.name, function=function)


def _not_armed(failed: str | None) -> Sentence:
    if failed:
        return say(
            "The recorder is not ready. {reason} Nothing may be said on the record.",
            reason=recognised(failed),
        )
    return say("The recorder is not ready. Nothing may be said on the record.")


def _lost(person: Person) -> bool:
    return bool(person.lost) and person.lost[-1][1] is None


def _in_room(person: Person) -> bool:
    return person.admitted and bool(person.present) and person.present[-1][1] is None


# --- settling them


class Checklist:
    def __init__(self, acts: Acts, instruments: Mapping[str, Instrument]) -> None:
        self._acts = acts
        self._instruments = instruments

    def confirm(self, actor: Actor, said: Confirmation) -> None:
        """Raises: NotFound, NotAllowed, AlreadyDone, NotValid."""
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            if item.demand.id == IDENTITY:
                raise NotValid(
                    say("Say by which document they were identified, and who was there."), field="document"
                )
            self._confirm(act, actor, item, said.proof, said.document)

    def confirm_all(self, actor: Actor, said: Confirmations) -> None:
        """All of them that are still open, or none: a page that lay open may name what another has settled meanwhile.

        Raises: NotFound, NotAllowed, AlreadyDone, NotValid.
        """
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            named = [one.partition(":") for one in dict.fromkeys(said.items)]
            found = [self._item(act, requirement, person or None) for requirement, _, person in named]
            remaining = [item for item in found if item.settled is None]
            if not remaining:
                raise AlreadyDone(say("All of these are already settled."))
            for item in remaining:
                if item.demand.id == IDENTITY:
                    raise NotValid(
                        say("Say by which document they were identified, and who was there."),
                        field="items",
                    )
                self._confirm(act, actor, item, said.proof, said.document)

    def identify(self, actor: Actor, said: Identity) -> None:
        """Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            proof = say(
                "{document}, last characters {ending}; with {second}.",
                document=PAPER[said.document],
                ending=said.ending,
                second=said.second,
            )
            self._confirm(act, actor, self._item(act, IDENTITY, said.person), str(proof))

    def override(self, actor: Actor, said: Withdrawal) -> None:
        """Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.OVERRIDE) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            if not item.demand.override:
                raise NotAllowed(say("Nobody may go on without this: {words}", words=say(item.demand.words)))
            by = _one_of(act, actor, frozenset(Role(name) for name in item.demand.override), item)
            _refuse_settled(item)
            act.write(RequirementOverridden(**_told(item), reason=said.reason, by=by.handle))

    def take_back(self, actor: Actor, said: Withdrawal) -> None:
        """Whoever may confirm an item may say that it no longer stands. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            by = _one_of(act, actor, item.roles | {Role(name) for name in item.demand.override}, item)
            if item.settled is None or item.key not in act.story.settled:
                raise NotNow(say("This has not been confirmed."))
            act.write(
                RequirementRevoked(
                    requirement=item.demand.id,
                    words=item.demand.words,
                    person=item.demand.person,
                    reason=said.reason,
                    by=by.handle,
                )
            )

    def _confirm(self, act: Act, actor: Actor, item: Item, proof: str, document: str | None = None) -> None:
        if not item.pressed:
            raise NotAllowed(say("Nobody confirms this by hand: {words}", words=say(item.demand.words)))
        by = _one_of(act, actor, item.roles, item)
        _refuse_settled(item)
        if item.demand.proof is not Proof.DOCUMENT:
            document = None
        elif document not in act.story.documents:
            raise NotValid(
                say("Say which document of this hearing shows it: {words}", words=say(item.demand.words)),
                field="document",
            )
        act.write(RequirementConfirmed(**_told(item), proof=proof, document=document, by=by.handle))

    def _item(self, act: Act, requirement: str, person: str | None) -> Item:
        """The item meant; the person may be left out where only one is heard."""
        of = framed(act.tx, act.hearing, self._instruments)
        found = [
            item
            for item in items(of, act.story)
            if item.demand.id == requirement and person in {None, item.demand.person}
        ]
        if not found:
            raise NotFound(say("There is no such safeguard in this hearing."))
        if len(found) > 1:
            raise NotFound(say("Say for whom: several persons are heard."))
        return found[0]


def _told(item: Item) -> dict[str, str | None]:
    """What the journal keeps of an item, so that the record says it years later whatever the data then say."""
    return {
        "requirement": item.demand.id,
        "words": item.demand.words,
        "article": str(source(item)),
        "person": item.demand.person,
    }


def _refuse_settled(item: Item) -> None:
    if item.settled is not None:
        raise AlreadyDone(say("“{words}” is already settled.", words=say(item.demand.words)))


def _one_of(act: Act, actor: Actor, roles: frozenset[Role], item: Item) -> Self:
    for person in actor.people if actor.place else (act.who,):
        if person.role in roles:
            return person
    who = any_of(OFFICE[role] for role in Role if role in roles)
    raise NotAllowed(say("This is for the {who} to confirm: {words}", who=who, words=say(item.demand.words)))
