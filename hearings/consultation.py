"""Private consultation: the person heard, their counsel and an interpreter of theirs hear only each other.

They ask for it or the judge begins it; it suspends what is on the record in the same step, so that not one packet
of it is kept. The table of `media.channels` denies it to everybody else, the bench and the recorder included; there
is no way to listen in. The journal has who was in it and its times, and nothing more.

It ends when the judge or one of them ends it, with the sitting, or when the person heard or the last counsel has
left. Whoever comes back from it is muted. Of several people behind one camera, those who do not take part must
have left that room; the judge confirms it for each by name.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import Field
from sqlmodel import Session

from hearings import docket
from hearings.actors import Actor, service
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotReady, NotValid
from hearings.events import (
    ConsultationAsked,
    ConsultationBegun,
    ConsultationDeclined,
    ConsultationEnded,
)
from hearings.roles import CONFIDANTS, COUNSEL, Role
from hearings.said import Said
from hearings.sentences import PRIVATE_CONSULTATION, say
from hearings.states import ON, Verb
from hearings.story import Story, story_of
from hearings.tables import Participant, Place
from media.channels import Kind

MOST_PEOPLE = 12
SHUT_AFTERWARDS = frozenset({Kind.AUDIO, Kind.DOCUMENT})
"""What nobody sends on coming back, until they open it themselves: the court must not catch the end of it."""

Handle = Annotated[str, Field(pattern=r"^[a-z2-7]{8}$")]
Seats = Mapping[str, tuple[Place, Participant]]


class NewConsultation(Said):
    """`people`: handles of who takes part. `left`: handles of those who share a place with one of them and have
    left that room, as the judge has seen.
    """

    people: list[Handle] = Field(default=[], max_length=MOST_PEOPLE)
    left: list[Handle] = Field(default=[], max_length=4 * MOST_PEOPLE)


class Declining(Said):
    reason: str = Field(min_length=1, max_length=1000)


class Consultations:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def ask(self, actor: Actor) -> None:
        """A call to the court, seen by the bench at once. Raises: AlreadyDone."""
        with self._acts.act(actor, Verb.ASK_CONSULTATION) as act:
            _refuse_second(act)
            place = act.tx.get(Place, actor.place) if actor.place else None
            if place is None or place.admitted is None:
                raise NotNow(say("You are not in the room yet. Write to the court."))
            if act.who.handle in act.story.asked:
                raise AlreadyDone(say("You have asked. The judge sees it."))
            act.write(ConsultationAsked(by=act.who.handle))

    def decline(self, actor: Actor, why: Declining) -> None:
        """Answers everybody who asks now. Raises: NotNow if nobody does."""
        with self._acts.act(actor, Verb.DECLINE_CONSULTATION) as act:
            if not act.story.asked:
                raise NotNow(say("Nobody asks for a private consultation."))
            act.write(ConsultationDeclined(reason=why.reason, by=act.who.handle))

    def begin(self, actor: Actor, new: NewConsultation) -> None:
        """Raises: AlreadyDone, NotFound, NotValid, NotNow, and NotReady naming who has not left the room."""
        with self._acts.act(actor, Verb.CONSULT) as act:
            _refuse_second(act)
            seats = _seats(act)
            _refuse_others(new.people, seats)
            places = {seats[handle][0].id: seats[handle][0] for handle in new.people}
            for place in places.values():
                _refuse_absent(place)
            beside = [
                handle
                for handle, (place, _) in seats.items()
                if place.id in places and handle not in new.people
            ]
            _refuse_listeners(beside, new.left, seats)
            if act.hearing.state in ON:
                act.write_suspended(PRIVATE_CONSULTATION)
            for place in places.values():
                place.consults = act.now
            act.write(
                ConsultationBegun(people=list(dict.fromkeys(new.people)), left=beside, by=act.who.handle)
            )

    def end(self, actor: Actor) -> None:
        """Raises: NotNow if there is none; NotAllowed for who neither presides nor is in it."""
        with self._acts.act(actor, Verb.END_CONSULTATION) as act:
            if act.story.consultation is None:
                raise NotNow(say("There is no private consultation now."))
            within = [one for one in actor.people if one.handle in act.story.consultation.people]
            if not within and act.who.role not in {Role.PRESIDING, Role.SERVICE}:
                raise NotAllowed(say("You are not in the private consultation."))
            act.who = next((one for one in within if one.role in CONFIDANTS), act.who)
            over(act)


def over(act: Act) -> None:
    """Ends the one that is going on, if there is one, within a step that is under way."""
    if act.story.consultation is None:
        return
    for place, _ in docket.places(act.tx, act.hearing.id):
        _back(place)
    act.write(ConsultationEnded(by=act.who.handle))


def leave(act: Act, place: Place) -> None:
    """The place leaves the room: whoever remains goes on only if it is still client and counsel."""
    if place.consults is None:
        return
    _back(place)
    if act.story.consultation is not None and not _still(act.tx, act.story, act.hearing.id):
        over(act)


def end_for_loss(acts: Acts, hearing: UUID, place: UUID, *, after: timedelta) -> bool:
    """Ends it if the person heard, or the last counsel, left so long ago and has not come back; says whether."""
    with acts.journal.reading() as tx:
        row = tx.get(Place, place)
        gone = row is not None and row.consults is not None and row.joined is None and row.lost is not None
        if row is None or not gone or row.lost is None or acts.journal.clock() - row.lost < after:
            return False
        story = story_of(acts.journal, hearing, acts.journal.entries(tx, hearing))
        if _still(tx, story, hearing, connected=True):
            return False
    try:
        Consultations(acts).end(service(hearing))
    except NotNow:
        return False
    return True


def _back(place: Place) -> None:
    if place.consults is not None:
        place.consults = None
        place.muted = sorted(SHUT_AFTERWARDS.union(place.muted))


def _still(tx: Session, story: Story, hearing: UUID, *, connected: bool = False) -> bool:
    """Whether client and counsel are both in it."""
    within = story.consultation.people if story.consultation is not None else ()
    roles = {
        person.role
        for place, people in docket.places(tx, hearing)
        for person in people
        if person.handle in within and place.consults is not None and (place.joined or not connected)
    }
    return Role.HEARD in roles and bool(COUNSEL & roles)


def _seats(act: Act) -> Seats:
    """Everybody who has a seat in the room, by handle."""
    return {
        person.handle: (place, person)
        for place, people in docket.places(act.tx, act.hearing.id)
        if docket.in_room(people)
        for person in people
    }


def _refuse_second(act: Act) -> None:
    if act.story.consultation is not None:
        raise AlreadyDone(say("A private consultation is going on."))


def _refuse_others(people: Collection[str], seats: Seats) -> None:
    """Who may be in it at all."""
    if not seats.keys() >= set(people):
        raise NotFound(say("There is no such person in this hearing."))
    roles = [seats[handle][1].role for handle in set(people)]
    counsel = sum(role in COUNSEL for role in roles)
    clients, interpreters = roles.count(Role.HEARD), roles.count(Role.INTERPRETER)
    if clients != 1 or not counsel or interpreters > 1 or clients + counsel + interpreters != len(roles):
        raise NotValid(
            say(
                "A private consultation is between one person heard, their counsel and at most one interpreter."
            ),
            field="people",
        )


def _refuse_absent(place: Place) -> None:
    if place.admitted is None:
        raise NotNow(say("{name} is not in the room.", name=place.name))
    if place.joined is None or place.lost is not None:
        raise NotNow(say("{name} is not connected.", name=place.name))


def _refuse_listeners(beside: Collection[str], left: Collection[str], seats: Seats) -> None:
    """Whoever shares a place with them and is not said to have left could listen."""
    both = [seats[handle][1].name for handle in left if handle in seats and handle not in beside]
    if both:
        raise NotValid(
            say("{names} cannot have left: they take part, or sit elsewhere.", names=", ".join(both)),
            field="left",
        )
    listening = [seats[handle][1].name for handle in beside if handle not in left]
    if listening:
        raise NotReady(
            say("Others sit in the same room. Confirm for each that they have left it:"),
            hints=tuple(listening),
        )
