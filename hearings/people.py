"""People, their places, and the links that open them.

A link is for one place and its roles. Only its digest is kept. It is redeemed once, by pressing a button,
and gives that browser a login to the place; issuing a new link withdraws the one before and every login
that came from it. Whoever holds a place may take it to another device themself: the login that they have
stands until the link for the new one is opened, and nobody is dismissed.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from pydantic import Field
from sqlmodel import Session, col, select

from hearings import consultation, docket, feeds, interpretation, letters, plan, tokens
from hearings.actors import Actor, Self
from hearings.acts import Act, Acts, locked, naming
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid
from hearings.events import (
    LinkIssued,
    LinkRedeemed,
    LinkRevoked,
    ParticipantDescribed,
    ParticipantDismissed,
)
from hearings.journal import Journal
from hearings.letters import Kind, Notice, Writer
from hearings.post import Post
from hearings.roles import NEVER_WAIT, OFFICE, Capacity, Circumstance, Role, Side
from hearings.said import Said, refused
from hearings.sentences import LINK_WITHDRAWN, say
from hearings.states import SAID, State, Verb
from hearings.tables import Authority, CalendarEntry, Hearing, Link, Login, Participant, Place
from scheduling import zones

LINK = timedelta(days=60)
HAND_OVER = timedelta(minutes=30)
MOST_PEOPLE = 12


class NewPerson(Said):
    """Somebody to be seated; `function` is what the minutes print, the role's own words if left out."""

    name: str = Field(min_length=1, max_length=200)
    role: Role
    function: str | None = Field(default=None, min_length=1, max_length=200)
    language: str = Field(default="en", pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    capacity: Capacity | None = None
    circumstances: frozenset[Circumstance] = frozenset()
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")


class Description(Said):
    """What is so of a person heard; what is not named is not so."""

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    circumstances: frozenset[Circumstance] = frozenset()


class NewPlace(Said):
    """One connection, with the people who sit at it."""

    name: str = Field(min_length=1, max_length=200)
    side: Side
    zone: str = Field(min_length=1, max_length=64)
    people: list[NewPerson] = Field(min_length=1, max_length=MOST_PEOPLE)


@dataclass(frozen=True)
class Opened:
    """What redeeming a link gives: the place, and the token for its cookie."""

    place: UUID
    token: str
    expires: datetime


@dataclass(frozen=True)
class Behind:
    """What a link shows before it is redeemed."""

    place: Place
    hearing: Hearing
    requesting: Authority
    people: tuple[Participant, ...]
    redeemed: bool

    @property
    def start(self) -> datetime | None:
        """The time that is agreed, if one is."""
        return self.hearing.start if self.hearing.state is not State.ADJOURNED else None


class People:
    def __init__(self, acts: Acts, post: Post, write: Writer, *, address: str) -> None:
        self._acts = acts
        self._journal: Journal = acts.journal
        self._post = post
        self._write = write
        self._address = address

    def seat(self, actor: Actor, new: NewPlace) -> tuple[Place, list[Participant]]:
        """Adds a place with its people. Raises: NotValid."""
        _check(new)
        with self._acts.act(actor, Verb.SEAT) as act:
            _own_side(act.who, new.side)
            place = seat(act, new)
            return place, list(docket.seated(act.tx, place.id))

    def describe(self, actor: Actor, said: Description) -> None:
        """What is to be minded for a person heard, from now on; the safeguards follow. Raises: NotFound, AlreadyDone."""
        with self._acts.act(actor, Verb.DESCRIBE) as act:
            person = act.story.people.get(said.person)
            if person is None or person.capacity is None:
                raise NotFound(say("Nobody of this name is heard in this hearing."))
            if person.circumstances == said.circumstances:
                raise AlreadyDone(say("That is what is noted already."))
            act.write(
                ParticipantDescribed(
                    participant=person.handle, circumstances=sorted(said.circumstances), by=act.who.handle
                )
            )

    def issue(self, actor: Actor, place: UUID) -> str:
        """A new link for the place, as an address to be shown once; the one before is withdrawn."""
        with self._acts.act(actor, Verb.LINK) as act:
            row = self._place(act, place)
            refuse_theirs(act.tx, act.who, row)
            return self.issue_within(act, row)

    def issue_within(self, act: Act, place: Place) -> str:
        token = tokens.fresh()
        self._withdraw(act, place)
        expires = act.now + LINK
        act.tx.add(Link(digest=tokens.digest(token), place_id=place.id, issued=act.now, expires=expires))
        act.write(LinkIssued(place=place.name, until=expires, by=act.who.handle))
        address = f"{self._address}/join/{token}"
        between = letters.between(act.tx, act.hearing)
        for person in docket.seated(act.tx, place.id):
            if person.email:
                notice = Notice(
                    kind=Kind.LINK,
                    language=person.language,
                    zone=place.zone,
                    name=person.name,
                    between=between,
                    role=letters.role(person),
                    place=place.name,
                    link=address,
                )
                written = self._write.letter(notice)
                letter = self._post.queue(
                    act.tx,
                    act.hearing.id,
                    to=person.email,
                    subject=written.subject,
                    text=written.text,
                    kind=Kind.LINK,
                    about=person.handle,
                    language=person.language,
                    secrets=(address,),
                )
                self._post.supersede(act.tx, letter, hearing=act.hearing.id, kind="link", about=person.handle)
        return address

    def hand_over(self, actor: Actor) -> str:
        """A link for the actor's own place, to be opened on another device within 30 minutes; one that was made
        before and not opened is withdrawn. Raises: NotAllowed for whom no place is held.
        """
        if actor.place is None:
            raise NotAllowed(say("Only who holds a place can take it to another device."))
        token = tokens.fresh()
        with self._acts.act(actor, Verb.HAND_OVER) as act:
            place = self._place(act, actor.place)
            for link in self._standing_links(act.tx, place):
                if link.redeemed is None:
                    link.revoked = act.now
            until = act.now + HAND_OVER
            act.tx.add(Link(digest=tokens.digest(token), place_id=place.id, issued=act.now, expires=until))
            act.write(LinkIssued(place=place.name, until=until, by=act.who.handle))
        return f"{self._address}/join/{token}"

    def revoke(self, actor: Actor, place: UUID) -> None:
        """Withdraws the place's link and closes what it opened. Raises: NotNow if there is none."""
        with self._acts.act(actor, Verb.LINK) as act:
            row = self._place(act, place)
            _own_side(act.who, row.side)
            if not self._withdraw(act, row):
                raise NotNow(say("There is no link to withdraw for this place."))
            act.write(LinkRevoked(place=row.name, by=act.who.handle))

    def behind(self, token: str) -> Behind:
        """What a link is for; changes nothing, so that a mail scanner opens nothing. Raises: NotFound."""
        with self._journal.reading() as tx:
            link = self._link(tx, token)
            place = tx.get_one(Place, link.place_id)
            hearing = tx.get_one(Hearing, place.hearing_id)
            requesting = tx.get_one(Authority, hearing.requesting_id)
            people = tuple(docket.seated(tx, place.id))
            return Behind(place, hearing, requesting, people, redeemed=link.redeemed is not None)

    def redeem(self, token: str) -> Opened:
        """Opens the place for this browser, once. Raises: NotFound, AlreadyDone."""
        with self._journal.transaction() as tx:
            link = self._link(tx, token)
            place = tx.get_one(Place, link.place_id)
            hearing = locked(tx, place.hearing_id)
            tx.refresh(link)
            self._usable(link)
            if hearing.state in {State.CLOSED, State.CANCELLED, State.DECLINED}:
                raise NotNow(
                    say(
                        "This hearing is {state}; its links open nothing any more.", state=SAID[hearing.state]
                    )
                )
            if link.redeemed is not None:
                raise AlreadyDone(
                    say(
                        "This link has been opened before, perhaps in another browser. "
                        "Go on there, or ask the court for a new link."
                    )
                )
            link.redeemed = self._journal.clock()
            opened = self._take_place(tx, place, link)
            self._journal.append(tx, hearing, LinkRedeemed(place=place.name))
            return opened

    def _take_place(self, tx: Session, place: Place, link: Link) -> Opened:
        """A new login; one that another device has for the place ends, and the new one lasts as long as that."""
        now, expires = self._journal.clock(), link.expires
        for login in self._logins(tx, place):
            login.ended = now
            expires = max(expires, login.expires)
        token = tokens.fresh()
        tx.add(Login(digest=tokens.digest(token), place_id=place.id, created=now, expires=expires))
        return Opened(place.id, token, expires)

    def _link(self, tx: Session, token: str) -> Link:
        return self._usable(tx.get(Link, tokens.digest(token)))

    def _usable(self, link: Link | None) -> Link:
        if link is None or link.revoked is not None or link.expires < self._journal.clock():
            raise NotFound(
                say("This link does not open anything, or no longer. Ask the court for a new one.")
            )
        return link

    def _place(self, act: Act, place: UUID) -> Place:
        row = act.tx.get(Place, place)
        if row is None or row.hearing_id != act.hearing.id:
            raise NotFound(say("There is no such place in this hearing."))
        return row

    def _standing_links(self, tx: Session, place: Place) -> Sequence[Link]:
        return tx.exec(select(Link).where(Link.place_id == place.id, col(Link.revoked).is_(None))).all()

    def _logins(self, tx: Session, place: Place) -> Sequence[Login]:
        return tx.exec(select(Login).where(Login.place_id == place.id, col(Login.ended).is_(None))).all()

    def _withdraw(self, act: Act, place: Place) -> bool:
        """Ends every link of the place that still stands, every login that came from one, and so its socket,
        sound and picture. Whoever had to be admitted must be admitted again.
        """
        links = self._standing_links(act.tx, place)
        for link in links:
            link.revoked = act.now
        for login in self._logins(act.tx, place):
            login.ended = act.now
        feeds.withdraw(act.tx, place.id, act.now)
        people = docket.seated(act.tx, place.id)
        if links:
            _end_answering(act, people)
        if place.admitted is not None and not NEVER_WAIT.intersection(person.role for person in people):
            consultation.leave(act, place)
            interpretation.leave(act, place, people)
            place.admitted = None
            for person in people:
                act.write(
                    ParticipantDismissed(participant=person.handle, by=act.who.handle, reason=LINK_WITHDRAWN)
                )
        return bool(links)


def _end_answering(act: Act, people: Sequence[Participant]) -> None:
    """Whoever has their letters can no longer answer for them; the next letter brings a new address."""
    handles = [person.handle for person in people]
    for entry in act.tx.exec(
        select(CalendarEntry).where(
            CalendarEntry.hearing_id == act.hearing.id, col(CalendarEntry.recipient).in_(handles)
        )
    ):
        entry.digest = entry.sealed = None
        act.tx.add(entry)


def links(tx: Session, hearings: Collection[UUID], now: datetime) -> dict[UUID, str]:
    """How the link of each place of these hearings stands: `sent`, `opened`, `withdrawn` or `run-out`; a place without one is missing.
    The newest one counts, except that what has been opened stays so while the holder takes it to another device.
    """
    rows = tx.exec(
        select(Link)
        .join(Place, col(Place.id) == col(Link.place_id))
        .where(col(Place.hearing_id).in_(hearings))
        .order_by(col(Link.issued))
    )
    told: dict[UUID, str] = {}
    for row in rows:
        if told.get(row.place_id) != "opened":
            told[row.place_id] = _standing(row, now)
    return told


def _standing(link: Link, now: datetime) -> str:
    if link.revoked is not None:
        return "withdrawn"
    if link.redeemed is not None:
        return "opened"
    return "run-out" if link.expires < now else "sent"


def seat(act: Act, new: NewPlace) -> Place:
    """Adds a place within a step that is under way."""
    place = Place(
        id=uuid4(),
        hearing_id=act.hearing.id,
        name=new.name,
        side=new.side,
        zone=new.zone,
        language=new.people[0].language,
        created=act.now,
    )
    act.tx.add(place)
    act.tx.flush()
    for position, person in enumerate(_speakers_first(new.people)):
        row = Participant(
            id=uuid4(),
            hearing_id=act.hearing.id,
            place_id=place.id,
            handle=tokens.handle(),
            position=position,
            name=person.name,
            role=person.role,
            function=person.function or str(OFFICE[person.role]),
            side=new.side,
            language=person.language,
            capacity=person.capacity,
            email=person.email,
        )
        act.tx.add(row)
        told = naming(row, place=place.name, by=act.who.handle, circumstances=person.circumstances)
        act.write(told)
        if person.role is Role.HEARD:
            plan.enter(act.tx, act.hearing, row.handle)
    return place


def _speakers_first(people: list[NewPerson]) -> list[NewPerson]:
    """The person heard gives a shared place's tracks their name."""
    return sorted(people, key=lambda person: person.role is not Role.HEARD)


_THEIRS = frozenset({Role.AUTHORITY, Role.COORDINATOR_REQUESTED})


def gives(giver: Side, side: Side, roles: Iterable[Role]) -> bool:
    """Whether this side may hold the link of a place on `side` where these sit."""
    return side is Side.REQUESTED if giver is Side.REQUESTED else not _THEIRS.intersection(roles)


def refuse_theirs(tx: Session, who: Self, place: Place) -> None:
    """Raises: NotAllowed where a link to this place is for the other side to give."""
    _own_side(who, place.side)
    _own_authority(who, docket.seated(tx, place.id))


def _own_side(who: Self, side: Side) -> None:
    """The requesting side conducts and may seat anybody; the requested side its own people only, so that it
    never holds a link to the court's places.
    """
    if who.side is Side.REQUESTED and side is Side.REQUESTING:
        raise NotAllowed(say("The places of the requesting side are for the requesting side to give."))


def _own_authority(who: Self, people: Sequence[Participant]) -> None:
    """Whoever holds the link of the other State's authority could sign in its name."""
    if who.side is Side.REQUESTING and _THEIRS.intersection(person.role for person in people):
        raise NotAllowed(say("The link of the requested authority is for the requested side to issue."))


def _check(new: NewPlace) -> None:
    try:
        zones.on_clock(datetime.fromisoformat("2026-01-01T00:00:00+00:00"), new.zone)
    except zones.TimeRefused as error:
        raise NotValid(refused(error), field="zone") from error
    for person in new.people:
        if (person.role is Role.HEARD) != (person.capacity is not None):
            raise NotValid(
                say(
                    "Say as what the person is heard (witness, expert, victim, suspect, accused, sought); "
                    "nobody else has a capacity."
                ),
                field="capacity",
            )
        if person.circumstances and person.role is not Role.HEARD:
            raise NotValid(say("Only of a person heard is said what is to be minded."), field="circumstances")
        if person.role in {Role.SERVICE, Role.ADMINISTRATOR}:
            raise NotValid(say("Nobody can be seated in this role."), field="role")
        if person.role in {Role.AUTHORITY, Role.COORDINATOR_REQUESTED} and new.side is not Side.REQUESTED:
            raise NotValid(
                say("The authority present and its coordinator sit on the requested side."), field="side"
            )
        if person.role in {*NEVER_WAIT, Role.COORDINATOR_REQUESTING} and new.side is not Side.REQUESTING:
            raise NotValid(say("The court and its clerk sit on the requesting side."), field="side")
