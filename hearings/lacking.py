"""What is demanded of a document of the record, and its draft lacks; asked before anybody signs. Pure.

Each lack can be explained instead of mended: the reason is then printed. Nothing here looks at what was confirmed by
hand: it reads the draft, as whoever receives the minutes will.

Sources: Second Additional Protocol to the 1959 Convention (ETS 182), Article 9(6); EU Convention of 29 May 2000,
Article 10(6); Directive 2014/41/EU, Article 24(6); and what `consent/items.toml` names for the closing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from consent.checklist import Stage
from hearings import checklist
from hearings.checklist import Item, Obstacle
from hearings.minutes import Minutes
from hearings.roles import Role, Side
from hearings.sentences import (
    CHILD_UNTOLD,
    CONSENT_UNTOLD,
    INTERPRETER_UNTOLD,
    LAWYER_UNTOLD,
    NO_FIGURES,
    NOBODY_ATTENDED,
    NOT_IDENTIFIED,
    NOT_READ,
    OATH_UNTOLD,
    READ_BEFORE,
    RIGHTS_UNTOLD,
    Sentence,
    say,
)
from hearings.story import Person, Story

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_QUOTED = re.compile(r"“([^”]*)”")


def lacking(minutes: Minutes, items: Sequence[Item], story: Story) -> list[Obstacle]:
    """In the order of the document; what was explained is not among it."""
    demanded = {item.demand.id: item for item in items if item.demand.stage is Stage.CLOSING}
    explained = {requirement for whose, requirement in story.omissions if whose == minutes.document}
    found = [
        *_heads(minutes, demanded, story),
        *_notes(minutes, items, story),
        *_unread(minutes, demanded, story),
    ]
    return [one for one in found if one.id not in explained]


def _heads(minutes: Minutes, demanded: Mapping[str, Item], story: Story) -> Iterator[Obstacle]:
    """The five heads; of the requesting court's own record no treaty speaks, and it has them all the same."""
    source = _source(demanded, "minutes-drawn")
    for one, person in zip(minutes.heard, _heard(story), strict=True):
        if one.identified_by is None:
            words = say(NOT_IDENTIFIED, name=one.name)
            yield Obstacle(f"identity-{person.handle}", words, source)
    if story.oath is not None:
        told = {one.name for one in minutes.oaths}
        for person in _heard(story):
            if person.present and person.name not in told:
                yield Obstacle(f"oath-{person.handle}", say(OATH_UNTOLD, name=person.name), source)
    if not any(one.side is Side.REQUESTED for one in minutes.participants):
        yield Obstacle("attended", NOBODY_ATTENDED, source)
    if minutes.recorded and not minutes.technical.connections:
        sheet = _source(demanded, "technical-sheet") or source
        yield Obstacle("figures", NO_FIGURES, sheet)


_Told = Callable[[Minutes, Story, Person], bool]


def _consents(_: Minutes, story: Story, person: Person) -> bool:
    return ("video", person.handle) in story.declarations


def _rights(_: Minutes, story: Story, person: Person) -> bool:
    told = {one.participant for _, one in story.consents if one.what == "rights"}
    return person.handle in told or any(one.participant == person.handle for _, one in story.warnings)


def _interpreter(minutes: Minutes, story: Story, _: Person) -> bool:
    return bool(minutes.interpreted) or any(
        one.role is Role.INTERPRETER and one.present for one in story.people.values()
    )


def _lawyer(minutes: Minutes, story: Story, person: Person) -> bool:
    return bool(minutes.lawyers) or ("waiver-counsel", person.handle) in story.declarations


def _child(minutes: Minutes, story: Story, person: Person) -> bool:
    return _rights(minutes, story, person) and bool(minutes.lawyers)


_NOTED: Mapping[str, tuple[_Told, Sentence]] = {
    "consent-noted": (_consents, CONSENT_UNTOLD),
    "rights-noted": (_rights, RIGHTS_UNTOLD),
    "interpreter-noted": (_interpreter, INTERPRETER_UNTOLD),
    "lawyer-noted": (_lawyer, LAWYER_UNTOLD),
    "child-noted": (_child, CHILD_UNTOLD),
}


def _notes(minutes: Minutes, items: Iterable[Item], story: Story) -> Iterator[Obstacle]:
    """What the record must note by other laws, of each person; the requesting court's record, where it is kept here."""
    if minutes.document is not (Side.REQUESTED if story.elsewhere else Side.REQUESTING):
        return
    for item in items:
        found = _NOTED.get(item.demand.id)
        if found is not None and item.person is not None and not found[0](minutes, story, item.person):
            words = say(found[1], name=item.person.name)
            yield Obstacle(f"{item.demand.id}-{item.person.handle}", words, checklist.source(item))


def _unread(minutes: Minutes, demanded: Mapping[str, Item], story: Story) -> Iterator[Obstacle]:
    """Whoever was heard reads the minutes as they stand, or has them read out, and says whether they are right. The
    requesting court's own record tells the same, and nobody has to read it twice.
    """
    if minutes.document is not Side.REQUESTED:
        return
    source = _source(demanded, "minutes-signed")
    changed = story.worded.get(minutes.document, -1)
    for person in _heard(story):
        if not person.present:
            continue
        read = [
            n
            for n, _, one in story.readings
            if one.whose == minutes.document and one.participant == person.handle
        ]
        if not read:
            yield Obstacle(
                f"read-{person.handle}",
                say(NOT_READ, name=person.name),
                source,
            )
        elif read[-1] < changed:
            words = say(READ_BEFORE, name=person.name)
            yield Obstacle(f"read-{person.handle}", words, source)


def _heard(story: Story) -> list[Person]:
    return [person for person in story.people.values() if person.capacity is not None]


def _source(demanded: Mapping[str, Item], requirement: str) -> Sentence | None:
    item = demanded.get(requirement)
    return checklist.source(item) if item is not None else None


# --- wording, never facts


def other_facts(old: str, new: str, names: Iterable[str]) -> list[Sentence]:
    """What a new wording would change in the facts: names, figures, and what is quoted must be as they were."""
    found: list[Sentence] = []
    for name in sorted(set(names)):
        if name in old and name not in new:
            found.append(say("“{what}” is missing.", what=name))
        elif name in new and name not in old:
            found.append(say("“{what}” was not there before.", what=name))
    for kind in (_NUMBER, _QUOTED):
        before, after = kind.findall(old), kind.findall(new)
        found += [say("“{what}” is missing.", what=one) for one in dict.fromkeys(before) if one not in after]
        found += [
            say("“{what}” was not there before.", what=one)
            for one in dict.fromkeys(after)
            if one not in before
        ]
    return found
