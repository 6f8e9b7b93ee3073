"""Private feeds: an address under which a calendar program finds somebody's hearings, until it is withdrawn.

The token in the address is the whole key to it: calendar programs bring no cookie. It is told once and kept as a digest;
a new one withdraws the one before, a link that is withdrawn takes its place's along, and with an account its own ends.
What lies behind it holds no more than times: no name, no matter, no link.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select, update

from hearings import letters, tokens
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.attempts import Attempts, Who, network
from hearings.docket import seated
from hearings.errors import NotFound, NotNow, TooMany
from hearings.journal import Journal
from hearings.letters import TEST, Between, Kind, Told, Writer
from hearings.roles import Side
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.tables import Account, CalendarEntry, Feed, Hearing, Participant
from scheduling import invitations
from scheduling.invitations import Appointment

REMIND = 60  # minutes
MOST = 500  # entries in one feed, those that were changed last


class Feeds:
    def __init__(self, journal: Journal, key: ServiceKey, write: Writer) -> None:
        self._journal = journal
        self._write = write
        self._key = key
        self._attempts = Attempts(key)

    def make(self, whose: Actor | Staff) -> str:
        """A token for the holder of a place, or a member of staff; the one before is withdrawn. Raises: NotFound."""
        token, now = tokens.fresh(), self._journal.clock()
        with self._journal.transaction() as tx:
            fresh = Feed(digest=tokens.digest(token), created=now)
            if isinstance(whose, Staff):
                fresh.account_id = whose.account
            else:
                person = _person(tx, whose)
                fresh.hearing_id, fresh.participant_id = person.hearing_id, person.id
            _withdraw(tx, _of(tx, whose), now)
            tx.add(fresh)
        return token

    def revoke(self, whose: Actor | Staff) -> None:
        """Raises: NotNow if there is none."""
        with self._journal.transaction() as tx:
            if not _withdraw(tx, _of(tx, whose), self._journal.clock()):
                raise NotNow(say("There is no calendar address to withdraw."))

    def stands(self, whose: Actor | Staff) -> bool:
        """Whether there is an address that opens."""
        with self._journal.reading() as tx:
            found = select(Feed.digest).where(_of(tx, whose), col(Feed.revoked).is_(None))
            return tx.exec(found).first() is not None

    def file(self, token: str, address: str) -> bytes:
        """The calendar behind a token. `address`: where it is asked from. Raises: NotFound; TooMany who guesses."""
        with self._journal.reading() as tx:
            feed = tx.get(Feed, tokens.digest(token))
            if feed is not None and feed.revoked is None and _lives(tx, feed):
                return invitations.feed(entries_of(tx, feed, self._write))
        self._count(token, address)
        raise NotFound(say("This calendar address opens nothing, or no longer. Make a new one on your page."))

    def own(self, actor: Actor) -> bytes:
        """What is to come of one hearing, for who takes part in it: the same entries as in their letters.

        Raises: NotFound while no time is fixed.
        """
        keys = [person.handle if actor.place else person.side for person in actor.people]
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(CalendarEntry).where(
                    CalendarEntry.hearing_id == actor.hearing,
                    col(CalendarEntry.recipient).in_(keys),
                    col(CalendarEntry.stands).is_(True),
                )
            ).all()
            if not rows:
                raise NotFound(say("No time is fixed yet."))
            between = letters.between(tx, tx.get_one(Hearing, actor.hearing))
            entries = [entry(row, between, self._write) for row in rows]
        return invitations.feed(sorted(entries, key=lambda one: one.start))

    def _count(self, token: str, address: str) -> None:
        """Apart from the sign-ins: a program that asks for an old address locks nobody out."""
        who = Who(self._key.digest(token, "calendar"), self._key.digest(network(address), "calendar"))
        try:
            with self._journal.transaction() as tx:
                self._attempts.enter(tx, who, self._journal.clock())
        except TooMany as error:
            raise TooMany(
                say("Too many calendar addresses were tried that open nothing. Try again later."),
                seconds=error.seconds,
            ) from error


def withdraw(tx: Session, place: UUID, now: datetime) -> None:
    """Those of everybody who sits at this place."""
    people = select(Participant.id).where(Participant.place_id == place)
    _withdraw(tx, col(Feed.participant_id).in_(people), now)


def entries_of(tx: Session, feed: Feed, write: Writer) -> list[Appointment]:
    """What the feed holds, the next one first: what its owner was told of each appointment, those that were cancelled too,
    under the UID of the letters.
    """
    person = tx.get(Participant, feed.participant_id) if feed.participant_id else None
    account = tx.get(Account, feed.account_id) if feed.account_id else None
    if person is not None:
        found = select(CalendarEntry).where(
            CalendarEntry.hearing_id == person.hearing_id, CalendarEntry.recipient == person.handle
        )
        rows = list(tx.exec(found))
    elif account is not None and account.authority_id is not None:
        rows = _of_office(tx, account.authority_id)
    else:
        return []
    hearings = {row.hearing_id for row in rows}
    between = {
        row.id: letters.between(tx, row)
        for row in tx.exec(select(Hearing).where(col(Hearing.id).in_(hearings)))
    }
    entries = [entry(row, between[row.hearing_id], write) for row in rows]
    return sorted(entries, key=lambda one: one.start)


def entry(row: CalendarEntry, between: Between, write: Writer) -> Appointment:
    """As its owner was told it."""
    told = Told.read(row.told)
    test = row.about.startswith(TEST)
    kind = Kind.TEST_INVITED if test else Kind.INVITED
    place, lines = write.entry(letters.notice(kind, told, between))
    return Appointment(
        uid=row.uid,
        sequence=row.sequence,
        start=told.start,
        end=told.end,
        stamp=row.changed,
        created=row.created,
        language=told.language,
        lines=lines,
        place=place,
        status="CONFIRMED" if row.stands else "CANCELLED",
        remind=REMIND,
        test=test,
    )


def _of_office(tx: Session, authority: UUID) -> list[CalendarEntry]:
    """What the office of this authority was told last."""
    ours = or_(
        and_(col(Hearing.requesting_id) == authority, col(CalendarEntry.recipient) == Side.REQUESTING),
        and_(col(Hearing.requested_id) == authority, col(CalendarEntry.recipient) == Side.REQUESTED),
    )
    found = (
        select(CalendarEntry)
        .join(Hearing, col(Hearing.id) == col(CalendarEntry.hearing_id))
        .where(ours)
        .order_by(col(CalendarEntry.changed).desc())
    )
    return list(tx.exec(found.limit(MOST)))


def _lives(tx: Session, feed: Feed) -> bool:
    """An account that ended, and a hearing that was destroyed, have none."""
    account = tx.get(Account, feed.account_id) if feed.account_id else None
    return feed.participant_id is not None or (account is not None and account.ended is None)


def _person(tx: Session, actor: Actor) -> Participant:
    """The first of those who sit at the place."""
    people = seated(tx, actor.place) if actor.place is not None else ()
    if not people:
        raise NotFound(say("You have no place in this room."))
    return people[0]


def _of(tx: Session, whose: Actor | Staff) -> ColumnElement[bool]:
    if isinstance(whose, Staff):
        return col(Feed.account_id) == whose.account
    return col(Feed.participant_id) == _person(tx, whose).id


def _withdraw(tx: Session, which: ColumnElement[bool], now: datetime) -> bool:
    standing = tx.exec(select(func.count()).select_from(Feed).where(which, col(Feed.revoked).is_(None))).one()
    tx.exec(update(Feed).where(which, col(Feed.revoked).is_(None)).values(revoked=now))
    return bool(standing)
