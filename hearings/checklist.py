"""What the instrument demands of this hearing, what is met, and what still stands in the way.

The items are computed from the instrument's data and the story, for each person heard; nothing is stored.
Three gates ask them:

- *on the record*: everything due before, and the recorder armed;
- *examination*: the opening, with the person heard and the authority present in the room;
- *closing*: what must be in the record (`record` adds the minutes and the account of time).

An item is confirmed by the function that the instrument names, with its proof. It is overridden only where
the instrument allows it, by whom it says, with a reason that is printed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydantic import Field

from consent.instruments import Instrument, Requirement, Stage
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady
from hearings.events import RequirementConfirmed, RequirementOverridden, RequirementRevoked
from hearings.roles import OFFICE, REQUIRED, Role
from hearings.said import Said
from hearings.sentences import Sentence, any_of, recognised, say
from hearings.states import Verb
from hearings.story import Person, Settled, Story


class Confirmation(Said):
    """`person`: the handle of the person heard; `proof`: what was seen, in a sentence."""

    requirement: str = Field(min_length=1, max_length=100)
    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    proof: str = Field(min_length=1, max_length=1000)


class Withdrawal(Said):
    """Going on without a safeguard, or taking a confirmation back: which, and why."""

    requirement: str = Field(min_length=1, max_length=100)
    person: str | None = Field(default=None, pattern=r"^[a-z2-7]{8}$")
    reason: str = Field(min_length=1, max_length=1000)


@dataclass(frozen=True)
class Item:
    """One demand for one person heard, and how it stands."""

    requirement: Requirement
    person: Person
    settled: Settled | None

    @property
    def key(self) -> tuple[str, str | None]:
        return self.requirement.id, self.person.handle

    @property
    def roles(self) -> frozenset[Role]:
        """Who may confirm it."""
        return frozenset(Role(function) for function in self.requirement.by)


@dataclass(frozen=True)
class Obstacle:
    """Something that stands in the way: what it is, by which article, and who can settle it."""

    id: str
    sentence: Sentence
    article: Sentence | None = None
    who: tuple[Sentence, ...] = ()


def items(instrument: Instrument, story: Story) -> list[Item]:
    """Every item of this hearing, in the order of its stages."""
    heard = [person for person in story.people.values() if person.capacity is not None]
    found = [
        Item(requirement, person, story.settled.get((requirement.id, person.handle)))
        for requirement in instrument.requirement
        for person in heard
        if requirement.concerns(str(person.capacity))
    ]
    order = list(Stage)
    return sorted(found, key=lambda item: order.index(item.requirement.stage))


def demand(item: Item) -> Sentence:
    """What is demanded, and for whom."""
    return say("{words} (for {name})", words=say(item.requirement.words), name=item.person.name)


def cited(instrument: Instrument, article: str) -> Sentence:
    """An article of the instrument, with its short name."""
    return say("{instrument}, {article}", instrument=say(instrument.short), article=say(article))


def open_items(instrument: Instrument, story: Story, *stages: Stage) -> list[Obstacle]:
    """What is not met of these stages, as obstacles."""
    return [
        Obstacle(
            id=item.requirement.id,
            sentence=demand(item),
            article=cited(instrument, item.requirement.article),
            who=tuple(OFFICE[role] for role in Role if role in item.roles),
        )
        for item in items(instrument, story)
        if item.requirement.stage in stages and item.settled is None
    ]


def to_the_record(instrument: Instrument, story: Story, *, armed: bool) -> list[Obstacle]:
    """First gate."""
    found = open_items(instrument, story, Stage.BEFORE)
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


def to_the_examination(instrument: Instrument, story: Story) -> list[Obstacle]:
    """Second gate."""
    found = open_items(instrument, story, Stage.BEFORE, Stage.OPENING)
    present = {person.role for person in story.people.values() if _in_room(person)}
    if Role.HEARD not in present:
        found.append(Obstacle("heard-present", say("The person heard is not in the room.")))
    if Role.AUTHORITY not in present:
        sentence = say("The {authority} is not in the room.", authority=say(instrument.authority))
        found.append(Obstacle("authority-present", sentence, cited(instrument, instrument.presence)))
    found.extend(_missing_links(story))
    return found


def to_the_closing(instrument: Instrument, story: Story) -> list[Obstacle]:
    """Third gate, as far as the instrument speaks of it."""
    return open_items(instrument, story, Stage.CLOSING)


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


class Checklist:
    def __init__(self, acts: Acts, instruments: Mapping[str, Instrument]) -> None:
        self._acts = acts
        self._instruments = instruments

    def instrument(self, name: str) -> Instrument:
        return self._instruments[name]

    def confirm(self, actor: Actor, said: Confirmation) -> None:
        """Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            by = _one_of(act, actor, item.roles, item)
            if item.settled is not None:
                raise AlreadyDone(say("“{words}” is already settled.", words=say(item.requirement.words)))
            act.write(RequirementConfirmed(**self._told(act, item), proof=said.proof, by=by.handle))

    def override(self, actor: Actor, said: Withdrawal) -> None:
        """Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.OVERRIDE) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            if not item.requirement.override:
                raise NotAllowed(
                    say("Nobody may go on without this: {words}", words=say(item.requirement.words))
                )
            by = _one_of(act, actor, frozenset(Role(name) for name in item.requirement.override), item)
            if item.settled is not None:
                raise AlreadyDone(say("“{words}” is already settled.", words=say(item.requirement.words)))
            act.write(RequirementOverridden(**self._told(act, item), reason=said.reason, by=by.handle))

    def take_back(self, actor: Actor, said: Withdrawal) -> None:
        """Whoever may confirm an item may say that it no longer stands. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.CONFIRM) as act:
            act.refuse_after_signing()
            item = self._item(act, said.requirement, said.person)
            by = _one_of(act, actor, item.roles, item)
            if item.settled is None:
                raise NotNow(say("This has not been confirmed."))
            act.write(
                RequirementRevoked(
                    requirement=item.requirement.id,
                    words=item.requirement.words,
                    person=item.person.handle,
                    reason=said.reason,
                    by=by.handle,
                )
            )

    def _told(self, act: Act, item: Item) -> dict[str, str]:
        """What the journal keeps of an item, so that the record says it years later whatever the data then say."""
        short = self.instrument(act.hearing.instrument).short
        return {
            "requirement": item.requirement.id,
            "words": item.requirement.words,
            "article": f"{short}, {item.requirement.article}",
            "person": item.person.handle,
        }

    def _item(self, act: Act, requirement: str, person: str | None) -> Item:
        """The item meant; the person may be left out where only one is heard."""
        found = [
            item
            for item in items(self.instrument(act.hearing.instrument), act.story)
            if item.requirement.id == requirement and person in {None, item.person.handle}
        ]
        if not found:
            raise NotFound(say("There is no such safeguard in this hearing."))
        if len(found) > 1:
            raise NotFound(say("Say for whom: several persons are heard."))
        return found[0]


def _one_of(act: Act, actor: Actor, roles: frozenset[Role], item: Item) -> Self:
    for person in actor.people if actor.place else (act.who,):
        if person.role in roles:
            return person
    who = any_of(OFFICE[role] for role in Role if role in roles)
    raise NotAllowed(
        say("This is for the {who} to confirm: {words}", who=who, words=say(item.requirement.words))
    )
