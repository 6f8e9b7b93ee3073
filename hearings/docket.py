"""The read side: hearings as seen by somebody. What is not theirs is not found."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, or_, select

from hearings import tokens
from hearings.accounts import Staff
from hearings.actors import Actor, Self
from hearings.errors import Destroyed, NotFound, NotSignedIn
from hearings.journal import Journal
from hearings.roles import COORDINATORS, Role, Side
from hearings.sentences import say
from hearings.states import State
from hearings.tables import Authority, Hearing, Login, Participant, Place

_STAFF_ROLES = {
    (Side.REQUESTING, "coordinator"): Role.COORDINATOR_REQUESTING,
    (Side.REQUESTING, "judge"): Role.PRESIDING,
    (Side.REQUESTING, "clerk"): Role.CLERK,
    (Side.REQUESTED, "coordinator"): Role.COORDINATOR_REQUESTED,
    (Side.REQUESTED, "judge"): Role.AUTHORITY,
    (Side.REQUESTED, "clerk"): Role.COORDINATOR_REQUESTED,
}


class Docket:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def hearings(
        self,
        staff: Staff,
        *,
        states: Collection[State] = tuple(State),
        text: str = "",
        most: int | None = None,
    ) -> list[Hearing]:
        """The hearings of this member of staff's authority, the next one first. `text` stands in the matter, a
        reference or the name of somebody in it.
        """
        if staff.authority is None:
            return []
        ours = or_(Hearing.requesting_id == staff.authority, Hearing.requested_id == staff.authority)
        wanted = select(Hearing).where(ours, col(Hearing.state).in_(states))
        if text:
            named = select(Participant.hearing_id).where(
                col(Participant.name).icontains(text, autoescape=True)
            )
            columns = (Hearing.matter, Hearing.reference, Hearing.requested_reference)
            found = [col(column).icontains(text, autoescape=True) for column in columns]
            wanted = wanted.where(or_(*found, col(Hearing.id).in_(named)))
        ordered = wanted.order_by(col(Hearing.start).nulls_last(), col(Hearing.created).desc())
        with self._journal.reading() as tx:
            return list(tx.exec(ordered.limit(most)))

    def of_staff(self, staff: Staff, hearing: UUID) -> Actor:
        """The member of staff as they stand in this hearing. Raises: NotFound, Destroyed."""
        with self._journal.reading() as tx:
            return self.actor(tx, staff, hearing)

    def actor(self, tx: Session, staff: Staff, hearing: UUID) -> Actor:
        """As `of_staff`, in this transaction."""
        return self.actors(tx, staff, [hearing])[hearing]

    def actors(self, tx: Session, staff: Staff, hearings: Collection[UUID]) -> dict[UUID, Actor]:
        """As `actor`, in many hearings at once."""
        known = tx.exec(
            select(Participant.hearing_id, Participant.handle).where(
                col(Participant.hearing_id).in_(hearings), Participant.account_id == staff.account
            )
        )
        handles = dict(known.all())
        rows = {row.id: row for row in tx.exec(select(Hearing).where(col(Hearing.id).in_(hearings)))}
        told = {}
        for hearing in hearings:
            side, role = standing(staff, rows.get(hearing))
            if rows[hearing].state is State.DESTROYED:
                raise Destroyed(hearing)
            person = Self(handles.get(hearing, ""), role, side)
            told[hearing] = Actor(hearing, (person,), account=staff.account, name=staff.name)
        return told

    def of_place(self, place: UUID, token: str | None) -> Actor:
        """Who sits at a place, known by the cookie that its link gave. Raises: NotSignedIn."""
        with self._journal.reading() as tx:
            login = tx.get(Login, tokens.digest(token)) if token else None
            now = self._journal.clock()
            if login is None or login.place_id != place or login.ended is not None or login.expires < now:
                raise NotSignedIn(
                    say("Open your personal link first. If it does not open, ask the court for a new one.")
                )
            people = seated(tx, place)
            return Actor(people[0].hearing_id, tuple(Self(p.handle, p.role, p.side) for p in people), place)

    def hearing(self, hearing: UUID) -> Hearing:
        with self._journal.reading() as tx:
            row = tx.get(Hearing, hearing)
            if row is None:
                raise NotFound(say("There is no such hearing."))
            return row

    def authority(self, authority: UUID) -> Authority:
        with self._journal.reading() as tx:
            row = tx.get(Authority, authority)
            if row is None:
                raise NotFound(say("There is no such authority."))
            return row


def standing(staff: Staff, row: Hearing | None) -> tuple[Side, Role]:
    """Side and role that an account has in a hearing. Raises: NotFound."""
    if row is not None and staff.authority in {row.requesting_id, row.requested_id}:
        side = Side.REQUESTING if staff.authority == row.requesting_id else Side.REQUESTED
        role = _STAFF_ROLES.get((side, staff.role))
        if role is not None:
            return side, role
    raise NotFound(say("There is no such hearing."))


def seated(tx: Session, place: UUID) -> Sequence[Participant]:
    """The persons of a place, the first one first."""
    return tx.exec(
        select(Participant).where(Participant.place_id == place).order_by(col(Participant.position))
    ).all()


def places(tx: Session, hearing: UUID) -> list[tuple[Place, Sequence[Participant]]]:
    """Every place of a hearing with its persons, in the order in which they were added."""
    return places_of(tx, [hearing])[hearing]


def places_of(
    tx: Session, hearings: Collection[UUID]
) -> dict[UUID, list[tuple[Place, Sequence[Participant]]]]:
    """As `places`, of many hearings at once."""
    persons = defaultdict[UUID | None, list[Participant]](list)
    for person in tx.exec(
        select(Participant)
        .where(col(Participant.hearing_id).in_(hearings), col(Participant.place_id).is_not(None))
        .order_by(col(Participant.position))
    ):
        persons[person.place_id].append(person)
    told: dict[UUID, list[tuple[Place, Sequence[Participant]]]] = {hearing: [] for hearing in hearings}
    for row in tx.exec(
        select(Place).where(col(Place.hearing_id).in_(hearings)).order_by(col(Place.created), col(Place.id))
    ):
        told[row.hearing_id].append((row, persons[row.id]))
    return told


def held(tx: Session, hearing: UUID, now: datetime) -> frozenset[UUID]:
    """The places that somebody's link holds open; the others may have neither socket nor sound nor picture."""
    return frozenset(
        place
        for place in tx.exec(
            select(Login.place_id)
            .join(Place, col(Place.id) == col(Login.place_id))
            .where(Place.hearing_id == hearing, col(Login.ended).is_(None), Login.expires > now)
        )
        if place is not None
    )


def in_room(people: Sequence[Participant]) -> bool:
    """Whether the place takes part with sound and picture; a coordinator's desk does not."""
    return any(person.role not in COORDINATORS for person in people)


def sends(people: Sequence[Participant]) -> bool:
    """Whether the place may be seen and heard; observers only watch."""
    return any(person.role not in COORDINATORS | {Role.OBSERVER} for person in people)
