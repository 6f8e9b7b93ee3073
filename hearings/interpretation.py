"""Interpretation: on the floor by turns (consecutive), or into the channel of a language beside the floor.

The court gives a channel to a place where only interpreters sit, and takes it back. The interpreter speaks on the
floor until they switch to it, and back at any moment. Each place chooses what it hears: the floor, or a language with the floor
softly under it. An interpreter who listens to another channel than their own interprets from an interpretation
(relay). A choice outlives a channel that closes, so that the page can tell it, and holds again when it opens again.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from pydantic import Field

from hearings import docket
from hearings.actors import Actor
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow
from hearings.events import InterpretationClosed, InterpretationOpened
from hearings.roles import Role
from hearings.said import Said
from hearings.sentences import Tongue, say
from hearings.states import Verb
from hearings.tables import Participant, Place

TAG = r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"


class Choice(Said):
    """A language (BCP 47); none is the floor, or no channel."""

    language: str | None = Field(default=None, max_length=35, pattern=TAG)


class Switch(Said):
    """Whether the interpreter speaks into their channel, rather than on the floor."""

    interpreting: bool


class Channel(NamedTuple):
    """A channel of one place. `relay`: the language of the channel that its interpreter listens to, if another."""

    place: Place
    people: tuple[Participant, ...]
    language: str
    relay: str | None


class Interpretation:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def give(self, actor: Actor, place: UUID, choice: Choice) -> None:
        """Gives the interpreter of a place this channel instead of any other, or none.

        Raises: NotFound, NotAllowed, NotNow, AlreadyDone.
        """
        with self._acts.act(actor, Verb.GIVE_CHANNEL) as act:
            row = act.tx.get(Place, place)
            if row is None or row.hearing_id != act.hearing.id:
                raise NotFound(say("There is no such place in this hearing."))
            people = docket.seated(act.tx, place)
            if not _interpreters(people):
                raise NotFound(say("No interpreter sits at this place."))
            if not may_interpret(people):
                raise NotAllowed(
                    say(
                        "Others sit at the same microphone, and the floor would no longer hear them. "
                        "A channel is for an interpreter with a place of their own."
                    )
                )
            if row.admitted is None:
                raise NotNow(say("{name} is not in the room.", name=row.name))
            if row.channel == choice.language:
                raise AlreadyDone(say("This was done before."))
            _close(act, row, people)
            if choice.language is not None:
                row.channel = choice.language
                for person in _interpreters(people):
                    act.write(
                        InterpretationOpened(
                            participant=person.handle, language=choice.language, by=act.who.handle
                        )
                    )

    def speak(self, actor: Actor, switch: Switch) -> None:
        """The interpreter's own switch between the floor and their channel. Raises: NotFound, NotNow."""
        with self._acts.own(actor) as (_, place):
            if Role.INTERPRETER not in actor.roles:
                raise NotFound(say("No interpreter sits at this place."))
            if switch.interpreting and place.channel is None:
                raise NotNow(say("The court has given you no channel. You speak on the floor."))
            place.interpreting = switch.interpreting

    def hear(self, actor: Actor, choice: Choice) -> None:
        """What a place listens to from now on. Raises: NotFound, NotNow."""
        with self._acts.own(actor) as (tx, place):
            known = {channel.language for channel in channels(docket.places(tx, place.hearing_id))}
            if choice.language is not None and choice.language not in known:
                raise NotNow(
                    say("The interpretation into {language} is not open.", language=Tongue(choice.language))
                )
            place.hears = choice.language


def may_interpret(people: Sequence[Participant]) -> bool:
    """Whether their microphone may leave the floor: nobody but interpreters speaks into it."""
    return bool(people) and all(person.role is Role.INTERPRETER for person in people)


def channels(rows: Iterable[tuple[Place, Sequence[Participant]]]) -> list[Channel]:
    """Every channel that stands open; several of one language, if several interpreters share it."""
    given = [
        (place, people, place.channel)
        for place, people in rows
        if place.admitted is not None and place.channel is not None
    ]
    known = {language for _, _, language in given}
    return [
        Channel(
            place,
            tuple(_interpreters(people)),
            language,
            place.hears if place.hears in known - {language} else None,
        )
        for place, people, language in given
    ]


def leave(act: Act, place: Place, people: Sequence[Participant]) -> None:
    """The place leaves the room: its channel closes, and it hears the floor if it comes again."""
    _close(act, place, people)
    place.hears = None


def _close(act: Act, place: Place, people: Sequence[Participant]) -> None:
    if place.channel is None:
        return
    for person in _interpreters(people):
        act.write(InterpretationClosed(participant=person.handle, language=place.channel, by=act.who.handle))
    place.channel = None
    place.interpreting = False


def _interpreters(people: Sequence[Participant]) -> list[Participant]:
    return [person for person in people if person.role is Role.INTERPRETER]
