"""One step, one transaction: the rule is asked, the rows change, the entries are written, or nothing is.

Every verb of `states.TABLE` runs inside `Acts.act`: it finds the hearing, asks whether this actor may do
this now, hands over what is needed, and moves the state when the step is done.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from sqlmodel import Session, select

from hearings import tokens
from hearings.actors import Actor, Self
from hearings.errors import AlreadyDone, NotFound
from hearings.events import Event, HearingSuspended, ParticipantNamed, RecordOff
from hearings.journal import Entry, Journal
from hearings.roles import OFFICE, Circumstance
from hearings.sentences import AT_OFFICE, say
from hearings.states import State, Verb, after
from hearings.story import Story
from hearings.tables import Hearing, Participant, Place


@dataclass
class Act:
    """What a step works with. `who`: the person who acts; `story`: what stood before, and what it adds; `written`: only
    what it adds; `addresses`: those that were made in it, by what they open, for the letters that tell them.
    """

    tx: Session
    hearing: Hearing
    who: Self
    story: Story
    now: datetime
    journal: Journal
    written: list[Event] = field(default_factory=list)
    addresses: dict[UUID, str] = field(default_factory=dict)

    def refuse_after_signing(self) -> None:
        """What the minutes say must still be so when they are read. Raises: AlreadyDone."""
        if self.story.minutes:
            raise AlreadyDone(say("The minutes are signed; nothing that they tell of can be changed."))

    def write(self, event: Event, *, together: bool = False) -> Entry:
        """Appends to the journal of this hearing, in this transaction; `together` with the entry before."""
        entry = self.journal.append(self.tx, self.hearing, event, together=together)
        self.story.tell([entry])
        self.written.append(event)
        return entry

    def write_suspended(self, reason: str) -> None:
        """The hearing stands still from now on, and the stretch on the record ends with it. Of who is heard and is not
        connected at that moment it says so: what comes back may be somebody else.
        """
        lost = [
            person.handle
            for person in self.story.people.values()
            if self.story.stretch is not None
            and person.capacity is not None
            and person.admitted
            and not person.connected
        ]
        self.write(HearingSuspended(reason=reason, lost=lost or None, by=self.who.handle))
        if self.story.stretch is not None:
            self.write(RecordOff(stretch=self.story.stretch.n, reason=reason, by=self.who.handle))


class Acts:
    """`consequences`: what follows of each step in its own transaction, whichever it was: letters and timers."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.consequences: list[Callable[[Act], None]] = []

    def conclude(self, act: Act) -> None:
        """Of a step that is done, its state moved."""
        act.tx.flush()
        for follow in self.consequences:
            follow(act)

    @contextmanager
    def act(self, actor: Actor, verb: Verb) -> Iterator[Act]:
        """Raises: NotFound, NotAllowed, NotNow, before anything is changed."""
        with self.journal.transaction() as tx:
            hearing = locked(tx, actor.hearing)
            state = hearing.state
            who = actor.acting(state, verb)
            story = Story().tell(self.journal.entries(tx, hearing.id))
            act = Act(tx, hearing, who, story, self.journal.clock(), self.journal)
            if not who.handle:
                act.who = enter_staff(act, actor, who)
            yield act
            tx.info["touched"].add(hearing.id)  # whoever follows is told, also of what is not journalled
            self._move(tx, hearing, after(state, verb, before=hearing.before))
            self.conclude(act)

    @contextmanager
    def own(self, actor: Actor) -> Iterator[tuple[Session, Place]]:
        """A place changes what it sends or hears itself: nothing is journalled, but pages and the room follow.

        Raises: NotFound for who has no place.
        """
        with self.journal.transaction() as tx:
            hearing = locked(tx, actor.hearing)
            place = tx.get(Place, actor.place) if actor.place else None
            if place is None:
                raise NotFound(say("You have no place in this room."))
            yield tx, place
            tx.info["touched"].add(hearing.id)

    def _move(self, tx: Session, hearing: Hearing, to: State) -> None:
        if to is State.SUSPENDED and hearing.state is not State.SUSPENDED:
            hearing.before = hearing.state
        hearing.state = to
        tx.add(hearing)


def enter_staff(act: Act, actor: Actor, who: Self) -> Self:
    """Enters a member of staff as a participant, without a place, in the step that is their first."""
    known = act.tx.exec(
        select(Participant.handle).where(
            Participant.hearing_id == act.hearing.id, Participant.account_id == actor.account
        )
    ).first()
    if known is not None:
        return Self(known, who.role, who.side)
    person = Self(who.handle or tokens.handle(), who.role, who.side)
    row = Participant(
        id=uuid4(),
        hearing_id=act.hearing.id,
        account_id=actor.account,
        handle=person.handle,
        position=0,
        name=actor.name,
        role=person.role,
        function=str(OFFICE[person.role]),
        side=person.side,
        language="en",
    )
    act.tx.add(row)
    act.write(naming(row, place=AT_OFFICE, by=person.handle))
    return person


def naming(
    row: Participant, *, place: str, by: str, circumstances: Iterable[Circumstance] = ()
) -> ParticipantNamed:
    """What the journal says of somebody who is entered."""
    return ParticipantNamed(
        participant=row.handle,
        name=row.name,
        role=row.role,
        function=row.function,
        side=row.side,
        place=place,
        language=row.language,
        capacity=row.capacity,
        circumstances=sorted(circumstances) or None,
        by=by,
    )


def locked(tx: Session, hearing: UUID) -> Hearing:
    """The hearing's row, locked to the end of the transaction. Raises: NotFound."""
    row = tx.exec(select(Hearing).where(Hearing.id == hearing).with_for_update()).first()
    if row is None:
        raise NotFound(say("There is no such hearing."))
    return row
