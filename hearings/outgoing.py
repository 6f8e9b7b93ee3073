"""The letters of a hearing, for whoever oversees it: how each stands, as its reader sees it, and once more.

A letter may hold a personal link, and its words are for its reader: they are shown to the side that may give that
person their link, and to nobody else. That there is such a letter, and whether it arrived, both sides see.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select

from hearings import docket, post
from hearings.actors import Actor
from hearings.acts import locked
from hearings.errors import NotAllowed, NotFound
from hearings.journal import Journal
from hearings.people import gives
from hearings.post import Post
from hearings.roles import COURT, OVERSEERS, Side
from hearings.sentences import Sentence, recognised, say
from hearings.tables import Authority, Hearing, Outbox, Participant
from hearings.tree import stamp
from scheduling import mail
from scheduling.invitations import Card, card

MOST = 500  # letters on one page, the newest

KINDS: Mapping[str, Sentence] = {
    "": say("letter"),
    "link": say("personal link"),
    "invited": say("invitation"),
    "moved": say("new time"),
    "cancelled": say("cancellation"),
    "reminder": say("reminder"),
    "turn": say("your turn was moved"),
    "delayed": say("delay on the day"),
    "clocks": say("change of the clocks"),
    "postponed": say("postponement"),
    "adjourned": say("adjournment"),
    "over": say("no longer needed"),
    "test-invited": say("invitation to a test"),
    "test-moved": say("new time of a test"),
    "test-reminder": say("reminder of a test"),
    "test-cancelled": say("cancellation of a test"),
    "test-due": say("test still missing"),
    "proposed": say("proposal of a time"),
    "replied": say("answer of somebody who was invited"),
    "accepted": say("acceptance of the request"),
    "declined": say("refusal of the request"),
    "period-near": say("time limit near"),
    "period-over": say("time limit over"),
    "retention": say("end of the time of keeping"),
    "record": say("link to the record"),
}
"""What a letter is, by its kind; one that is not listed shows its own word."""

_WHY = (*post.SENTENCES, *mail.SENTENCES)


@dataclass(frozen=True)
class Reader:
    """Whom a letter goes to. `yours`: whether who looks may read it."""

    name: str
    function: str
    zone: str
    yours: bool


@dataclass(frozen=True)
class Reading:
    """A letter as its reader will see it. `parts`: its text, cut where the personal address stands; `at`: when it was
    sent, or is to be.
    """

    letter: UUID
    sender: str
    recipient: str
    subject: str
    language: str
    at: datetime
    zone: str
    parts: tuple[str, ...]
    card: Card | None


class Outgoing:
    def __init__(self, journal: Journal, post: Post) -> None:
        self._journal = journal
        self._post = post

    def listed(self, actor: Actor) -> list[dict[str, Any]]:
        """What is in trouble first, then the newest. Raises: NotFound for whom they are not."""
        _refuse_others(actor)
        with self._journal.reading() as tx:
            rows = tx.exec(
                select(Outbox)
                .where(Outbox.hearing_id == actor.hearing)
                .order_by(col(Outbox.created).desc(), col(Outbox.id))
                .limit(MOST)
            ).all()
            people = _People(tx, actor)
            told = [self._line(row, people.reader(row.about), actor) for row in rows]
        return sorted(told, key=lambda one: _URGENT.index(one["state"]))

    def read(self, actor: Actor, letter: UUID) -> Reading:
        """Raises: NotFound; NotAllowed for the other side's."""
        with self._journal.reading() as tx:
            row, reader = self._letter(tx, actor, letter)
            kept = self._post.shown(row)
        return Reading(
            letter=row.id,
            sender=self._post.sender,
            recipient=row.recipient,
            subject=row.subject,
            language=row.language,
            at=row.sent or row.created,
            zone=reader.zone,
            parts=kept.parts if kept else (),
            card=card(kept.entry.calendar) if kept and kept.entry else None,
        )

    def again(self, actor: Actor, letter: UUID) -> UUID:
        """Sends what failed or came back once more; gives the new letter. Raises: NotFound, NotAllowed, NotNow, AlreadyDone."""
        if not COURT.intersection(actor.roles):
            raise NotAllowed(say("Letters are sent again by the coordinators and the court."))
        with self._journal.transaction() as tx:
            locked(tx, actor.hearing)
            row, _ = self._letter(tx, actor, letter)
            tx.info["touched"].add(actor.hearing)
            return self._post.again(tx, row)

    def _letter(self, tx: Session, actor: Actor, letter: UUID) -> tuple[Outbox, Reader]:
        _refuse_others(actor)
        row = tx.get(Outbox, letter)
        if row is None or row.hearing_id != actor.hearing:
            raise NotFound(say("There is no such letter in this hearing."))
        reader = _People(tx, actor).reader(row.about)
        if not reader.yours:
            raise NotAllowed(say("This letter is for the other side's people; its words are theirs."))
        return row, reader

    def _line(self, row: Outbox, reader: Reader, actor: Actor) -> dict[str, Any]:
        state = _state(row)
        trouble = state in _TROUBLE
        may_press = reader.yours and bool(COURT.intersection(actor.roles))
        return {
            "letter": str(row.id),
            "to": reader.name,
            "function": reader.function,
            "recipient": row.recipient if reader.yours else None,
            "kind": KINDS.get(row.kind, row.kind),
            "subject": row.subject,
            "state": state,
            "at": stamp(row.returned or row.sent or row.created),
            "attempts": row.attempts,
            "why": recognised(row.failed or row.said or "", _WHY) or None,
            "again": row.again is not None,
            "yours": reader.yours,
            "press": trouble and may_press and self._post.keeps(row),
            "renew": trouble and may_press and not self._post.keeps(row),
        }


_URGENT = ("failed", "returned", "stuck", "waiting", "sent")
_TROUBLE = frozenset({"failed", "returned"})


def _state(row: Outbox) -> str:
    """`failed`, `returned`, `stuck` (tried and not sent yet), `waiting` or `sent`: what was sent again is no trouble more."""
    if row.again is not None:
        return "sent"
    if row.failed is not None:
        return "failed"
    if row.returned is not None:
        return "returned"
    if row.sent is not None:
        return "sent"
    return "stuck" if row.said is not None else "waiting"


def _refuse_others(actor: Actor) -> None:
    if not OVERSEERS.intersection(actor.roles):
        raise NotFound(say("There is no such page for you."))


class _People:
    """Those of a hearing, as somebody may know them."""

    def __init__(self, tx: Session, actor: Actor) -> None:
        self._side = actor.people[0].side
        hearing = tx.get_one(Hearing, actor.hearing)
        self._offices = {
            Side.REQUESTING: tx.get_one(Authority, hearing.requesting_id),
            Side.REQUESTED: tx.get_one(Authority, hearing.requested_id),
        }
        self._seated = {
            person.handle: (person, place.zone, people)
            for place, people in docket.places(tx, hearing.id)
            for person in people
        }
        self._staff = {
            person.handle: person
            for person in tx.exec(
                select(Participant).where(
                    Participant.hearing_id == hearing.id, col(Participant.place_id).is_(None)
                )
            )
        }

    def reader(self, about: str) -> Reader:
        """Of whom nothing is known nothing is shown."""
        if about in set(Side):
            office = self._offices[Side(about)]
            return Reader(office.name, "", office.zone, yours=self._side == about)
        if about in self._seated:
            person, zone, beside = self._seated[about]
            return self._person(person, zone, beside)
        if about in self._staff:
            person = self._staff[about]
            return self._person(person, self._offices[person.side].zone, [person])
        return Reader("", "", self._offices[self._side].zone, yours=False)

    def _person(self, person: Participant, zone: str, beside: Iterable[Participant]) -> Reader:
        return Reader(
            person.name,
            person.function,
            zone,
            yours=gives(self._side, person.side, (one.role for one in beside)),
        )
