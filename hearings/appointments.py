"""The technical test of a place before the hearing: an appointment, a link of its own, an empty room.

It is arranged by whoever may give that place its link, on a wall clock, from when the request is accepted until the
room of the hearing is opened. In the test's room nobody is but the person and, for the court, whoever holds the test:
both see and hear each other through the media worker, as in the hearing. Nothing of it is recorded, and the journal
tells no more of it than when it was to be and what it showed.

The room lives in the worker under the appointment's own number, its two ends under numbers that belong to nothing
else: what the worker reports of them is of no hearing. A ticket is the test's link and opens nothing else; who has the
personal link of the place needs none.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal
from uuid import UUID, uuid4, uuid5

from pydantic import Field
from sqlmodel import Session, col, select

from hearings import docket, plan, tokens
from hearings.actors import Actor, service
from hearings.acts import Act, Acts, locked
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotSignedIn, NotValid, Refusal
from hearings.events import TestArranged, TestCancelled, TestHeld, TestMoved
from hearings.people import refuse_theirs
from hearings.roles import COORDINATORS, Role
from hearings.said import Said, Wall
from hearings.sentences import say
from hearings.states import OPENED, State, Verb
from hearings.tables import Appointment, Authority, Hearing, Participant, Place, Ticket
from hearings.tree import stamp
from media.channels import Channel, Seat, table
from media.control import PeerPlan, RoomPlan
from scheduling import zones

EARLY = timedelta(hours=1)
LATE = timedelta(hours=3)
USUAL_MINUTES = 20
_HOLDING = COORDINATORS | {Role.CLERK}
_LASTING = frozenset({State.ACCEPTED, State.SCHEDULED, State.ADJOURNED}) | OPENED


class End(StrEnum):
    """Who is at which end of a test."""

    PERSON = "person"
    COURT = "court"

    @property
    def other(self) -> "End":
        return End.COURT if self is End.PERSON else End.PERSON


_HANDLE = {End.PERSON: "theguest", End.COURT: "thecourt"}


class Time(Wall):
    """When a test is, and how long it takes."""

    minutes: int = Field(default=USUAL_MINUTES, ge=5, le=240)


class NewTest(Time):
    place: UUID


class Finding(Said):
    """Whether the test was good, or is to be repeated; `words`: what is to be done, or minded."""

    good: bool
    words: str | None = Field(default=None, min_length=1, max_length=1000)


@dataclass(frozen=True)
class Shown:
    """What came of the person; see `events.TestHeld`."""

    width: int | None = None
    height: int | None = None
    heard: bool = False
    seconds: int = 0
    trip: int | None = None
    loss: int | None = None
    grade: Literal["good", "weak", "bad"] | None = None
    way: Literal["straight", "relayed"] | None = None


NOTHING = Shown()


@dataclass(frozen=True)
class Guest:
    """Somebody at one end of a test, and nowhere else of the hearing; `roles` of a member of the court."""

    appointment: UUID
    hearing: UUID
    end: End
    roles: tuple[Role, ...] = ()

    @property
    def seat(self) -> UUID:
        return seat(self.appointment, self.end)


@dataclass(frozen=True)
class Opened:
    """What redeeming a ticket gives: the appointment, and the token for its cookie."""

    appointment: UUID
    token: str


@dataclass(frozen=True)
class TechnicalTest:
    """A test with what its pages say of it."""

    row: Appointment
    place: Place
    people: tuple[Participant, ...]
    hearing: Hearing
    requesting: Authority
    requested: Authority
    now: datetime

    @property
    def opens(self) -> datetime:
        return self.row.start - EARLY

    @property
    def closes(self) -> datetime:
        return self.row.start + timedelta(minutes=self.row.minutes) + LATE

    @property
    def standing(self) -> str:
        """`early`, `open`, `held`, `cancelled` or `over`."""
        if self.row.held is not None:
            return "held"
        if self.row.cancelled is not None or self.hearing.state not in _LASTING:
            return "cancelled"
        if self.now < self.opens:
            return "early"
        return "open" if self.now < self.closes else "over"

    def told(self) -> dict[str, object]:
        """For a page."""
        return {
            "test": str(self.row.id),
            "place": str(self.place.id),
            "name": self.place.name,
            "start": stamp(self.row.start),
            "opens": stamp(self.opens),
            "minutes": self.row.minutes,
            "zones": {"person": self.place.zone, "court": self.requesting.zone},
            "standing": self.standing,
            "good": self.row.good,
        }


class Appointments:
    def __init__(self, acts: Acts, *, address: str) -> None:
        self._acts = acts
        self._journal = acts.journal
        self._address = address

    # --- arranging

    def arrange(self, actor: Actor, new: NewTest) -> tuple[Appointment, str]:
        """A test and its link, to be shown once. Raises: NotValid, NotFound, NotAllowed, AlreadyDone."""
        start = plan.instant_of(new)
        with self._acts.act(actor, Verb.ARRANGE_TEST) as act:
            place = _place(act, new.place)
            _refuse_past(act, start)
            for other in _of_place(act.tx, place.id):
                if technical_test(act.tx, other, act.now).standing in {"early", "open"}:
                    raise AlreadyDone(say("A test of this place is arranged already. Move it, or cancel it."))
            row = Appointment(
                id=uuid4(),
                hearing_id=act.hearing.id,
                place_id=place.id,
                start=start,
                wall=new.minute,
                fold=new.fold,
                zone=new.zone,
                minutes=new.minutes,
                created=act.now,
                by=act.who.handle,
            )
            act.tx.add(row)
            act.tx.flush()
            act.write(
                TestArranged(
                    test=str(row.id),
                    place=place.name,
                    start=start,
                    minutes=new.minutes,
                    zone=new.zone,
                    by=act.who.handle,
                )
            )
            return row, self.issue_within(act, row)

    def move(self, actor: Actor, appointment: UUID, time: Time) -> None:
        """To another time; its link stays good. Raises: as `arrange`, NotNow."""
        start = plan.instant_of(time)
        with self._acts.act(actor, Verb.ARRANGE_TEST) as act:
            row, place = self._standing(act, appointment)
            _refuse_past(act, start)
            row.start, row.wall, row.fold = start, time.minute, time.fold
            row.zone, row.minutes = time.zone, time.minutes
            act.write(_told_moved(row, place, act.who.handle))

    def follow_clocks(self) -> list[UUID]:
        """Every test to come stays at its time on the wall where a State changed its clocks since. Gives the hearings of those
        that were moved by this; where that time is not to be had any more the instant stands.
        """
        with self._journal.reading() as tx:
            stale = {row.hearing_id for row in _to_come(tx, self._journal.clock()) if _moved(row) is not None}
        return [hearing for hearing in stale if self._follow(hearing)]

    def _follow(self, hearing: UUID) -> bool:
        try:
            with self._acts.act(service(hearing), Verb.FOLLOW_CLOCKS) as act:
                for row, place in standing(act.tx, hearing):
                    start = _moved(row)
                    if start is not None:
                        row.start = start
                        act.tx.add(row)
                        act.write(_told_moved(row, place, act.who.handle))
                return True
        except Refusal:
            return False  # it is under way, or over

    def cancel(self, actor: Actor, appointment: UUID) -> None:
        """Whoever is in its room is told so. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.ARRANGE_TEST) as act:
            row, place = self._standing(act, appointment)
            row.cancelled = act.now
            act.write(TestCancelled(test=str(row.id), place=place.name, by=act.who.handle))

    def hold(self, actor: Actor, appointment: UUID, finding: Finding, shown: Shown) -> None:
        """Says what the test showed, which ends it. Nothing good is said of what was not seen.

        Raises: NotFound, NotAllowed, NotNow.
        """
        with self._acts.act(actor, Verb.HOLD_TEST) as act:
            row, place = self._standing(act, appointment)
            if act.now < row.start - EARLY:
                raise NotNow(say("This test has not begun."))
            if finding.good and (shown.width is None or not shown.heard):
                raise NotNow(
                    say(
                        "Picture and sound of {name} have not both come in this test. "
                        "It is found good while they are connected, or is to be repeated.",
                        name=place.name,
                    )
                )
            row.held, row.good = act.now, finding.good
            act.write(
                TestHeld(
                    test=str(row.id),
                    place=place.name,
                    good=finding.good,
                    words=finding.words,
                    by=act.who.handle,
                    **vars(shown),
                )
            )

    # --- the link

    def issue(self, actor: Actor, appointment: UUID) -> str:
        """A new link for the test, as an address to be shown once; the one before is withdrawn, and what it opened."""
        with self._acts.act(actor, Verb.ARRANGE_TEST) as act:
            row, _ = self._standing(act, appointment)
            return self.issue_within(act, row)

    def issue_within(self, act: Act, appointment: Appointment) -> str:
        """As `issue`, in a step that is under way: for the letter that invites to the test."""
        token = tokens.fresh()
        _withdraw(act, appointment)
        act.tx.add(
            Ticket(
                digest=tokens.digest(token),
                appointment_id=appointment.id,
                place_id=appointment.place_id,
                issued=act.now,
            )
        )
        act.addresses[appointment.id] = f"{self._address}/join/test/{token}"
        return act.addresses[appointment.id]

    def revoke(self, actor: Actor, appointment: UUID) -> None:
        """Withdraws the link and closes what it opened. Raises: NotNow if there is none."""
        with self._acts.act(actor, Verb.ARRANGE_TEST) as act:
            row, _ = self._standing(act, appointment)
            if not _withdraw(act, row):
                raise NotNow(say("There is no link to withdraw for this test."))

    def behind(self, token: str) -> tuple[TechnicalTest, bool]:
        """What a link is for, and whether it was opened; changes nothing, so that a mail scanner opens nothing.

        Raises: NotFound.
        """
        with self._journal.reading() as tx:
            ticket = self._ticket(tx, token)
            row = tx.get_one(Appointment, ticket.appointment_id)
            return technical_test(tx, row, self._journal.clock()), ticket.redeemed is not None

    def redeem(self, token: str) -> Opened:
        """Opens the test for this browser, once. Raises: NotFound, NotNow, AlreadyDone."""
        with self._journal.transaction() as tx:
            ticket = self._ticket(tx, token)
            row = tx.get_one(Appointment, ticket.appointment_id)
            locked(tx, row.hearing_id)
            tx.refresh(ticket)
            test = technical_test(tx, row, self._journal.clock())
            _refuse_closed(test)
            if ticket.redeemed is not None:
                raise AlreadyDone(
                    say(
                        "This link has been opened before, perhaps in another browser. "
                        "Go on there, or ask the court for a new link."
                    )
                )
            ticket.redeemed = test.now
            login = tokens.fresh()
            ticket.login = tokens.digest(login)
            tx.info["touched"].add(row.hearing_id)  # the room of the test expects somebody from now on
            return Opened(row.id, login)

    # --- who comes

    def by_ticket(self, appointment: UUID, token: str | None) -> Guest:
        """Whoever opened the test's own link, by the cookie that it gave. Raises: NotSignedIn."""
        with self._journal.reading() as tx:
            ticket = (
                tx.exec(
                    select(Ticket).where(
                        Ticket.appointment_id == appointment, Ticket.login == tokens.digest(token)
                    )
                ).first()
                if token
                else None
            )
            if ticket is None or ticket.revoked is not None:
                raise NotSignedIn(
                    say("Open the link of your test first. If it does not open, ask the court for a new one.")
                )
            row = tx.get_one(Appointment, appointment)
            return Guest(row.id, row.hearing_id, End.PERSON)

    def by_actor(self, actor: Actor, appointment: UUID) -> Guest:
        """Whoever has the place itself, or may hold its tests. Raises: NotFound."""
        with self._journal.reading() as tx:
            row = tx.get(Appointment, appointment)
            if row is not None and row.hearing_id == actor.hearing:
                if row.place_id == actor.place:
                    return Guest(row.id, row.hearing_id, End.PERSON)
                if _holds(tx, actor, tx.get_one(Place, row.place_id)):
                    return Guest(row.id, row.hearing_id, End.COURT, actor.roles)
            raise NotFound(say("There is no such test in this hearing."))

    def enter(self, guest: Guest) -> Guest:
        """The same guest, while the room of the test is open. Raises: NotFound."""
        with self._journal.reading() as tx:
            test = technical_test(tx, tx.get_one(Appointment, guest.appointment), self._journal.clock())
            try:
                _refuse_closed(test)
            except NotNow as error:
                raise NotFound(error.sentence) from error
            return guest

    def look(self, guest: Guest) -> TechnicalTest:
        with self._journal.reading() as tx:
            return technical_test(tx, tx.get_one(Appointment, guest.appointment), self._journal.clock())

    # --- inside

    def _ticket(self, tx: Session, token: str) -> Ticket:
        ticket = tx.get(Ticket, tokens.digest(token))
        if ticket is None or ticket.revoked is not None:
            raise NotFound(
                say("This link does not open anything, or no longer. Ask the court for a new one.")
            )
        return ticket

    def _standing(self, act: Act, appointment: UUID) -> tuple[Appointment, Place]:
        row = act.tx.get(Appointment, appointment)
        if row is None or row.hearing_id != act.hearing.id:
            raise NotFound(say("There is no such test in this hearing."))
        place = _place(act, row.place_id)
        if row.cancelled is not None or row.held is not None:
            raise NotNow(say("This test was held or cancelled."))
        return row, place


def seat(appointment: UUID, end: End) -> UUID:
    """The number of one end in the room of the test."""
    return uuid5(appointment, end)


def _told_moved(row: Appointment, place: Place, by: str) -> TestMoved:
    return TestMoved(
        test=str(row.id), place=place.name, start=row.start, minutes=row.minutes, zone=row.zone, by=by
    )


def _to_come(tx: Session, now: datetime) -> Sequence[Appointment]:
    return tx.exec(
        select(Appointment).where(
            col(Appointment.held).is_(None), col(Appointment.cancelled).is_(None), Appointment.start > now
        )
    ).all()


def _moved(row: Appointment) -> datetime | None:
    """Where its time on the wall is now, if that is another instant and one alone."""
    try:
        return plan.moved(row)
    except zones.TimeRefused:
        return None


def standing(tx: Session, hearing: UUID) -> list[tuple[Appointment, Place]]:
    """The tests of a hearing that are to come, the earliest first, each with its place."""
    return list(
        tx.exec(
            select(Appointment, Place)
            .join(Place, col(Place.id) == col(Appointment.place_id))
            .where(
                Appointment.hearing_id == hearing,
                col(Appointment.held).is_(None),
                col(Appointment.cancelled).is_(None),
            )
            .order_by(col(Appointment.start))
        )
    )


def latest(tx: Session, hearings: Collection[UUID]) -> dict[UUID, Appointment]:
    """The newest test of each place of these hearings that was not cancelled."""
    rows = tx.exec(
        select(Appointment)
        .where(col(Appointment.hearing_id).in_(hearings), col(Appointment.cancelled).is_(None))
        .order_by(col(Appointment.created))
    )
    return {row.place_id: row for row in rows}


def told(row: Appointment, now: datetime) -> dict[str, object]:
    """How a test stands, for the page of its place: `arranged`, `good`, `repeat` or `missed`."""
    missed = now > row.start + timedelta(minutes=row.minutes) + LATE
    found = None if row.held is None else "good" if row.good else "repeat"
    return {
        "test": str(row.id),
        "start": stamp(row.start),
        "wall": row.wall,
        "zone": row.zone,
        "minutes": row.minutes,
        "standing": found or ("missed" if missed else "arranged"),
    }


def hearing_of(tx: Session, room: UUID) -> UUID | None:
    """The hearing that a room is the test of; None of a room that is no test's."""
    row = tx.get(Appointment, room)
    return row.hearing_id if row is not None else None


def plans(tx: Session, appointment: UUID, *, now: datetime) -> list[RoomPlan]:
    """What the worker must hold true of a test: its room while it is open, with both ends and no recorder."""
    test = technical_test(tx, tx.get_one(Appointment, appointment), now)
    if test.standing != "open":
        return []
    ends = [End.COURT, *([End.PERSON] if _expected(tx, test) else [])]
    seats = [Seat(place=str(seat(appointment, end)), channel=Channel.FLOOR) for end in ends]
    demanding = any(person.role is Role.INTERPRETER for person in test.people)
    return [
        RoomPlan(
            hearing=str(appointment),
            version=0,
            folder="",
            peers=[
                PeerPlan(place=str(seat(appointment, end)), handle=_HANDLE[end], demanding=demanding)
                for end in ends
            ],
            allowed=sorted((row.source, row.listener, row.kind) for row in table(seats, recorder=False)),
        )
    ]


def _expected(tx: Session, test: TechnicalTest) -> bool:
    """Whether anybody may be at the person's end: by a ticket, or by the link of the place."""
    ticket = select(Ticket.digest).where(
        Ticket.appointment_id == test.row.id,
        col(Ticket.login).is_not(None),
        col(Ticket.revoked).is_(None),
    )
    held = docket.held(tx, test.hearing.id, test.now)
    return test.place.id in held or tx.exec(ticket).first() is not None


def technical_test(tx: Session, row: Appointment, now: datetime) -> TechnicalTest:
    """The test as it stands at this moment."""
    place = tx.get_one(Place, row.place_id)
    hearing = tx.get_one(Hearing, row.hearing_id)
    return TechnicalTest(
        row,
        place,
        tuple(docket.seated(tx, place.id)),
        hearing,
        tx.get_one(Authority, hearing.requesting_id),
        tx.get_one(Authority, hearing.requested_id),
        now,
    )


def _of_place(tx: Session, place: UUID) -> list[Appointment]:
    return list(tx.exec(select(Appointment).where(Appointment.place_id == place)))


def _refuse_closed(test: TechnicalTest) -> None:
    match test.standing:
        case "early":
            raise NotNow(
                say("The room of this test opens an hour before it begins. Come back then, with this link.")
            )
        case "held":
            raise NotNow(say("This test was held. You need not do anything more for it."))
        case "cancelled":
            raise NotNow(say("This test was cancelled. You need not do anything."))
        case "over":
            raise NotNow(say("The time of this test is over. The court will tell you if there is another."))


def _place(act: Act, place: UUID) -> Place:
    row = act.tx.get(Place, place)
    if row is None or row.hearing_id != act.hearing.id:
        raise NotFound(say("There is no such place in this hearing."))
    refuse_theirs(act.tx, act.who, row)
    if not docket.in_room(docket.seated(act.tx, place)):
        raise NotFound(say("This place has no seat in the room."))
    return row


def _holds(tx: Session, actor: Actor, place: Place) -> bool:
    """Whether somebody of this actor may hold the tests of this place."""
    for who in actor.people:
        if who.role in _HOLDING:
            try:
                refuse_theirs(tx, who, place)
            except NotAllowed:
                continue
            return True
    return False


def _withdraw(act: Act, appointment: Appointment) -> bool:
    """Ends every link of the test that still stands, and so the socket, sound and picture that it opened."""
    found = act.tx.exec(
        select(Ticket).where(Ticket.appointment_id == appointment.id, col(Ticket.revoked).is_(None))
    ).all()
    for ticket in found:
        ticket.revoked = act.now
    return bool(found)


def _refuse_past(act: Act, start: datetime) -> None:
    if start <= act.now:
        raise NotValid(say("This time has passed."), field="wall")
