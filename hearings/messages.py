"""Messages between the places and the court.

The court (`roles.COURT`) reads everything that is written and may write to one place. Every other place, the
waiting ones too, writes to the court alone and reads its own messages and the court's to it, in which the court
speaks with one voice. Messages stand in the journal and not in the minutes.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import Field

from hearings import docket
from hearings.actors import Actor
from hearings.acts import Act, Acts
from hearings.errors import NotAllowed, NotFound, NotValid, TooMany
from hearings.events import MessageSent
from hearings.roles import COURT, OFFICE, Role
from hearings.said import Said
from hearings.sentences import Sentence, say
from hearings.states import Verb
from hearings.story import Story
from hearings.tables import Participant, Place
from hearings.tree import stamp

MOST = 20  # messages of one place in `WINDOW`
WINDOW = timedelta(minutes=1)
SHOWN = 100  # the latest ones; the journal has them all


class Call(StrEnum):
    """What is said at one press."""

    HELP = "help"
    LAWYER = "lawyer"
    HAND = "hand"
    SLOWER = "slower"
    REPEAT = "repeat"
    BREAK = "break"


class Words(NamedTuple):
    """What a call says, and whose it is: everybody's if `only` is None."""

    text: Sentence
    only: Role | None = None


CALLS: dict[Call, Words] = {
    Call.HELP: Words(say("I need help.")),
    Call.LAWYER: Words(say("I want to speak with my lawyer."), Role.HEARD),
    Call.HAND: Words(say("I ask to speak.")),
    Call.SLOWER: Words(say("Slower."), Role.INTERPRETER),
    Call.REPEAT: Words(say("Repeat, the interpreter did not hear."), Role.INTERPRETER),
    Call.BREAK: Words(say("The interpreter needs a break."), Role.INTERPRETER),
}
_FIXED = {str(words.text): words.text for words in CALLS.values()}


class NewMessage(Said):
    """Either a `text` or a `call`. `to`: the place written to; left out, it is written to the court."""

    text: str | None = Field(default=None, min_length=1, max_length=1000)
    call: Call | None = None
    to: UUID | None = None


class Messages:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def write(self, actor: Actor, message: NewMessage) -> None:
        """Raises: NotValid, NotAllowed, NotFound, TooMany."""
        text = _text(message)
        with self._acts.act(_speaking(actor, message), Verb.WRITE) as act:
            _refuse_flood(act, actor)
            to = None if message.to is None else _first(act, message.to)
            act.write(MessageSent(text=text, to=to, by=act.who.handle))


def _text(message: NewMessage) -> str:
    if message.call is not None and message.text is None and message.to is None:
        return str(CALLS[message.call].text)
    if message.text is None or message.call is not None:
        raise NotValid(say("Write a message, or make a call to the court."), field="text")
    return message.text


def _speaking(actor: Actor, message: NewMessage) -> Actor:
    """The actor as those of their persons who may say this; of several, the court's own speaks first, and a call
    is made by whom it is for. Raises: NotAllowed.
    """
    only = CALLS[message.call].only if message.call else None
    if only is not None:
        people = [one for one in actor.people if one.role is only]
        if not people:
            raise NotAllowed(say("This call is for the {office}.", office=OFFICE[only]))
    elif message.to is not None:
        people = [one for one in actor.people if one.role in COURT]
        if not people:
            raise NotAllowed(say("You write to the court. Only the court writes to one place."))
    elif message.call is not None:
        return actor
    else:
        people = sorted(actor.people, key=lambda one: one.role not in COURT)
    return replace(actor, people=tuple(people))


def _refuse_flood(act: Act, actor: Actor) -> None:
    own = {act.who.handle, *(one.handle for one in actor.people)}
    times = [time for time, message in act.story.messages if message.by in own and time > act.now - WINDOW]
    if len(times) >= MOST:
        wait = times[-MOST] + WINDOW - act.now
        raise TooMany(
            say("These are many messages in one minute, and this one is not sent. Wait a moment."),
            seconds=max(1, math.ceil(wait.total_seconds())),
        )


def _first(act: Act, place: UUID) -> str:
    """The handle by which a place is written to: that of the first person there."""
    row = act.tx.get(Place, place)
    if row is None or row.hearing_id != act.hearing.id:
        raise NotFound(say("There is no such place in this hearing."))
    return docket.seated(act.tx, place)[0].handle


def seen_by(
    actor: Actor, story: Story, rows: Sequence[tuple[Place, Sequence[Participant]]]
) -> list[dict[str, Any]]:
    """What this actor may read, the latest last. `rows`: the places of the hearing with their persons."""
    reads_all = bool(COURT.intersection(actor.roles))
    own = {one.handle for one in actor.people}
    seats = {person.handle: (place, people) for place, people in rows for person in people}
    told = []
    for time, message in story.messages:
        if not (reads_all or message.by in own or message.to in own):
            continue
        by_name = reads_all or message.by in own
        writer = seats.get(message.by)
        to = seats.get(message.to) if message.to else None
        told.append(
            {
                "place": str(writer[0].id) if writer and by_name else None,
                "name": story.named(message.by) if by_name else say("The court"),
                "to": ", ".join(person.name for person in to[1]) if to else None,
                "text": _FIXED.get(message.text, message.text),
                "time": stamp(time),
            }
        )
    return told[-SHOWN:]
