"""Protection by order: the judge, or the authority present, has something withheld from versions of the record.

An order names a person who is not to be named, a part of the recording, or the words of one entry; it stands until the
side that gave it lifts it, before the file is closed or after. It changes no entry and no file: `redaction` reads what
stands, and the next package follows it. What was handed out before is out.
"""

from typing import Any, Literal

from pydantic import Field

from hearings.actors import Actor
from hearings.acts import Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotValid
from hearings.events import Event, ProtectionLifted, ProtectionOrdered
from hearings.journal import Entry
from hearings.redaction import MAY_BE_BLANK, Version, protected
from hearings.roles import Role
from hearings.said import Said
from hearings.sentences import say
from hearings.states import Verb
from hearings.story import Story, story_of
from hearings.tree import stamp

OVERSEE_PROTECTION = frozenset({Role.PRESIDING, Role.PANEL, Role.CLERK, Role.AUTHORITY})
"""Who sees what is ordered."""
_TYPES = ("request.", "hearing.opened", "media.", "participant.named", "protection.")


class Order(Said):
    """`public`: withheld from the public version alone; else from the version for the parties as well."""

    ground: str = Field(min_length=1, max_length=1000)
    public: bool = False

    @property
    def versions(self) -> list[Literal["parties", "public"]]:
        return ["public"] if self.public else ["parties", "public"]


class Anonymity(Order):
    person: str = Field(pattern=r"^[a-z2-7]{8}$")


class Muting(Order):
    """A track, a stretch, or a track in one stretch."""

    track: str | None = Field(default=None, pattern=r"^([a-z2-7]{8}-[a-z]+)?$")
    stretch: int | None = Field(default=None, ge=1)


class Words(Order):
    entry: int = Field(ge=0)
    member: str = Field(min_length=1, max_length=40)


class Lifting(Said):
    ground: str = Field(min_length=1, max_length=1000)


class Protections:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._journal = acts.journal

    def conceal(self, actor: Actor, asked: Anonymity) -> None:
        """Somebody is not named. Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.PROTECT) as act:
            if asked.person not in act.story.people:
                raise NotFound(say("Nobody of this name takes part in this hearing."))
            version = Version.PUBLIC if asked.public else Version.PARTIES
            if asked.person in protected(act.story, version):
                raise AlreadyDone(say("They are not named already."))
            act.write(
                ProtectionOrdered(
                    protects="identity",
                    whom=asked.person,
                    versions=asked.versions,
                    ground=asked.ground,
                    by=act.who.handle,
                )
            )

    def withhold(self, actor: Actor, asked: Muting) -> None:
        """Of the recording. Raises: NotFound, NotValid."""
        with self._acts.act(actor, Verb.PROTECT) as act:
            stretches = [one for one in act.story.stretches if asked.stretch in (None, one.n)]
            if not asked.track and asked.stretch is None:
                raise NotValid(say("Say whose sound or picture, which stretch, or both."), field="track")
            if not any(asked.track in one.tracks or not asked.track for one in stretches):
                raise NotFound(say("There is no such recording."))
            act.write(
                ProtectionOrdered(
                    protects="recording",
                    track=asked.track or None,
                    stretch=asked.stretch,
                    versions=asked.versions,
                    ground=asked.ground,
                    by=act.who.handle,
                )
            )

    def blank(self, actor: Actor, asked: Words) -> None:
        """Words of one entry. Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.PROTECT) as act:
            entries = self._journal.entries(act.tx, act.hearing.id)
            event = entries[asked.entry].event if asked.entry < len(entries) else None
            if event is None or asked.member not in words_of(event):
                raise NotFound(say("This entry has no such words."))
            for one in act.story.protections.values():
                same = (one.ordered.entry, one.ordered.member) == (asked.entry, asked.member)
                if same and set(asked.versions) <= set(one.ordered.versions):
                    raise AlreadyDone(say("These words are withheld already."))
            act.write(
                ProtectionOrdered(
                    protects="member",
                    entry=asked.entry,
                    member=asked.member,
                    versions=asked.versions,
                    ground=asked.ground,
                    by=act.who.handle,
                )
            )

    def lift(self, actor: Actor, n: int, asked: Lifting) -> None:
        """The order of entry `n`. Raises: NotFound, NotAllowed."""
        with self._acts.act(actor, Verb.LIFT_PROTECTION) as act:
            order = act.story.protections.get(n)
            if order is None:
                raise NotFound(say("There is no such order, or it was lifted."))
            if act.story.people[order.ordered.by].side is not act.who.side:
                raise NotAllowed(say("The side that ordered a protection lifts it."))
            act.write(ProtectionLifted(order=n, ground=asked.ground, by=act.who.handle))

    def name(self, actor: Actor, person: str, asked: Lifting) -> None:
        """Somebody who is described as to be protected may be named. Raises: NotFound."""
        with self._acts.act(actor, Verb.LIFT_PROTECTION) as act:
            if protected(act.story, Version.PARTIES).get(person, -1) is not None:
                raise NotFound(say("Nobody is described so, or they may be named."))
            act.write(ProtectionLifted(whom=person, ground=asked.ground, by=act.who.handle))

    def told(self, actor: Actor, entry: int | None) -> dict[str, Any]:
        """What the page of protection shows; of `entry`, what of it can be withheld. Raises: NotFound."""
        if not OVERSEE_PROTECTION.intersection(actor.roles):
            raise NotFound(say("There is no such page for you."))
        with self._journal.reading() as tx:
            entries = self._journal.entries(tx, actor.hearing)
        story = story_of(self._journal, actor.hearing, entries)
        return {
            "described": [
                {"handle": handle, "name": story.named(handle)}
                for handle, order in protected(story, Version.PARTIES).items()
                if order is None
            ],
            "orders": [
                {
                    "n": one.n,
                    "since": stamp(one.since),
                    "sentence": one.ordered.sentence(story.named),
                    "public": "parties" not in one.ordered.versions,
                    "yours": any(person.side is story.people[one.ordered.by].side for person in actor.people),
                }
                for one in story.protections.values()
            ],
            "people": [
                {"handle": person.handle, "name": person.name, "function": person.function}
                for person in story.people.values()
            ],
            "tracks": sorted({track for one in story.stretches for track in one.tracks}),
            "stretches": [one.n for one in story.stretches],
            "names": {person.handle: person.name for person in story.people.values()},
            "entry": _shown(entries, entry, story),
        }


def words_of(event: Event) -> dict[str, str]:
    """What somebody said in an entry, by member: of these an order withholds one."""
    return {
        name: value
        for name, value in event.members().items()
        if name in MAY_BE_BLANK and isinstance(value, str) and not event.type.startswith(_TYPES)
    }


def _shown(entries: list[Entry], n: int | None, story: Story) -> dict[str, Any] | None:
    if n is None or not 0 <= n < len(entries):
        return None
    event = entries[n].event
    return {"n": n, "sentence": event.sentence(story.named), "words": words_of(event)}
