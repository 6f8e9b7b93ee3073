"""Who is told what, and when: letters and calendar entries follow from each step, in its own transaction.

What everybody ought to know is computed anew after each step (`_wanted`), and compared with what they were told last
(table `calendarentry`); the difference is written to them. So whatever changes a time, by whichever step, is told to all whom it
concerns and to nobody else, and nothing is told twice. An entry keeps its UID when somebody is moved to another sitting.
"""

import contextlib
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import Field
from sqlmodel import Session, col, select

from hearings import appointments, docket, feeds, letters, plan, tokens
from hearings.actors import Self
from hearings.acts import Act, Acts, locked
from hearings.errors import AlreadyDone, NotFound, NotNow, Unverifiable
from hearings.events import (
    Event,
    HearingAdjourned,
    HearingCancelled,
    HearingDelayed,
    HearingMoved,
    HearingPostponed,
    HearingRezoned,
    HearingSplit,
    InvitationAnswered,
    RequestAccepted,
    RequestDeclined,
    SittingEnded,
    TurnSet,
)
from hearings.journal import Entry
from hearings.letters import TEST, Between, Kind, Notice, Told, Writer
from hearings.post import Entry as Attached
from hearings.post import Post
from hearings.roles import Side
from hearings.said import Said
from hearings.schedule import Schedule
from hearings.sentences import say
from hearings.servicekey import ServiceKey
from hearings.states import OPENED, State
from hearings.story import Story
from hearings.tables import Appointment, Authority, CalendarEntry, Hearing, Participant, Place, Sitting, Slot
from scheduling.invitations import EntryRefused, Invitation, cancellation, invitation

log = logging.getLogger(__name__)

_PURPOSE = "reply"
MOST_ANSWERS = 50  # of one person in one hearing
_TELLING = OPENED | {State.SCHEDULED, State.ADJOURNED}
Answer = Literal["accepted", "tentative", "declined"]


class Reply(Said):
    answer: Answer
    words: str | None = Field(default=None, min_length=1, max_length=500)


@dataclass(frozen=True)
class Recipient:
    """Somebody who is written to: `key` is a handle, or the side whose office it is. `heard`: the handles of those heard
    where they sit; `side`: theirs.
    """

    key: str
    name: str
    email: str
    language: str
    zone: str
    role: str
    side: Side
    place: str
    page: str
    heard: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Invited:
    """What the link in a letter shows: the appointment as it stands, and what was answered. `closed`: why no answer can be
    given any more.
    """

    told: Told
    between: Between
    about: str
    answer: str | None
    state: State
    closed: str | None


class Notices:
    """`address` is that of the service, `sender` the mailbox that letters come from."""

    def __init__(
        self, acts: Acts, post: Post, key: ServiceKey, write: Writer, *, address: str, sender: str
    ) -> None:
        self._acts = acts
        self._post = post
        self._key = key
        self._write = write
        self._address = address
        self._sender = sender

    # --- after each step

    def follow(self, act: Act) -> None:
        """Writes to everybody whom this step concerns."""
        between = letters.between(act.tx, act.hearing)
        known = recipients(act.tx, act.hearing)
        wanted = _wanted(act, known)
        rows = {(row.about, row.recipient): row for row in entries(act.tx, act.hearing.id)}
        change = _change(act.written)
        _carry_over(act, rows, wanted)
        for key, told in wanted.items():
            row = rows.get(key)
            if row is None or not row.stands:
                self._invite(act, between, key, told, row)
            elif _differs(row, told) and not _arrived(act.story, key[1]):
                self._move(act, between, row, told, change)
            elif link := _link(act, row):
                notice = letters.notice(Kind.TEST_INVITED, told, between, reply=self._reply(row), link=link)
                self._queue(act.tx, act.hearing.id, _of(row, told), notice)
        gone = [row for key, row in rows.items() if row.stands and key not in wanted and not _begun(act, row)]
        for row in gone:
            self._take_back(act, between, row, change)
        informed = {row.recipient for row in gone if not _is_test(row)}
        for recipient, notice in self._without_time(act, known, between, rows, informed):
            self._queue(act.tx, act.hearing.id, recipient, notice)
        for recipient, notice in self._office_letters(act, known, between):
            self._queue(act.tx, act.hearing.id, recipient, notice)

    def _invite(
        self, act: Act, between: Between, key: tuple[str, str], told: Told, row: CalendarEntry | None
    ) -> None:
        if row is None:
            row = CalendarEntry(
                hearing_id=act.hearing.id,
                about=key[0],
                recipient=key[1],
                uid=f"{uuid4()}@vivavoce",
                sequence=0,
                told={},
                stands=True,
                created=act.now,
                changed=act.now,
            )
            act.tx.add(row)
        else:
            row.sequence += 1
        kind = Kind.TEST_INVITED if _is_test(row) else Kind.INVITED
        self._tell(act, between, row, told, kind)

    def _move(self, act: Act, between: Between, row: CalendarEntry, told: Told, change: Event | None) -> None:
        kinds = {HearingDelayed: Kind.DELAYED, TurnSet: Kind.TURN, HearingRezoned: Kind.CLOCKS}
        before = Told.read(row.told).start
        row.sequence += 1
        kind = kinds.get(type(change), Kind.MOVED) if change is not None else Kind.MOVED
        if _is_test(row):
            kind = Kind.TEST_MOVED
        reason = change.reason if isinstance(change, HearingMoved | HearingDelayed | HearingSplit) else ""
        self._tell(act, between, row, told, kind, before=before, reason=reason)

    def _tell(
        self, act: Act, between: Between, row: CalendarEntry, told: Told, kind: Kind, **more: Any
    ) -> None:
        row.told, row.stands, row.answer, row.changed = told.kept(), True, None, act.now
        notice = letters.notice(kind, told, between, reply=self._reply(row), link=_link(act, row), **more)
        self._queue(act.tx, act.hearing.id, _of(row, told), notice, row=row)

    def _take_back(self, act: Act, between: Between, row: CalendarEntry, change: Event | None) -> None:
        row.stands, row.changed = False, act.now
        row.sequence += 1
        told = Told.read(row.told)
        kind, code, reason = (Kind.TEST_CANCELLED, "", "") if _is_test(row) else _why(change)
        notice = letters.notice(kind, told, between, code=code, reason=reason if not told.role else "")
        self._queue(act.tx, act.hearing.id, _of(row, told), notice, row=row)

    def _without_time(
        self,
        act: Act,
        known: Sequence[Recipient],
        between: Between,
        rows: Iterable[tuple[str, str]],
        informed: Collection[str],
    ) -> Iterator[tuple[Recipient, Notice]]:
        """A hearing that is given up while no time is fixed: the other side's office is told, and whoever was promised a new
        time.
        """
        event = _change(act.written)
        if not isinstance(event, HearingCancelled):
            return
        promised = {recipient for about, recipient in rows if about.isdecimal()}
        for one in known:
            waits = one.key in promised if one.role else one.side is not act.who.side
            if waits and one.key not in informed:
                told = {"code": event.code, "reason": "" if one.role else event.reason}
                yield one, _to_office(Kind.CANCELLED, one, between, role=one.role, place=one.place, **told)

    def _office_letters(
        self, act: Act, known: Sequence[Recipient], between: Between
    ) -> Iterator[tuple[Recipient, Notice]]:
        """What the offices are told beside the times."""
        offices = [one for one in known if not one.role]
        for event in act.written:
            for office in offices:
                match event:
                    case RequestAccepted() if office.side is Side.REQUESTING:
                        yield office, _to_office(Kind.ACCEPTED, office, between)
                    case RequestDeclined(reason=reason) if office.side is Side.REQUESTING:
                        yield office, _to_office(Kind.DECLINED, office, between, reason=reason)
                    case InvitationAnswered(reply="declined" | "tentative"):
                        told = {"who": act.story.named(event.participant), "what": event.reply}
                        yield (
                            office,
                            _to_office(
                                Kind.REPLIED,
                                office,
                                between,
                                start=event.start,
                                reason=event.words or "",
                                **told,
                            ),
                        )
        for slot in _untold(act):
            for office in offices:
                if office.side is not slot.side:
                    yield (
                        office,
                        _to_office(
                            Kind.PROPOSED,
                            office,
                            between,
                            start=slot.start,
                            minutes=slot.minutes,
                            reason=slot.reason,
                        ),
                    )

    # --- by the clock

    def remind(self, tx: Session, row: CalendarEntry, between: Between) -> None:
        """Of an appointment that stands; whoever said that they cannot come is left alone."""
        told = Told.read(row.told)
        if not row.stands or row.answer == "declined":
            return
        kind = Kind.TEST_REMINDER if _is_test(row) else Kind.REMINDER
        notice = letters.notice(kind, told, between, reply=self._reply(row))
        self._queue(tx, row.hearing_id, _of(row, told), notice)

    def tell_of_missing_test(self, tx: Session, hearing: Hearing, place: Place) -> None:
        """To whoever sits there, and to the offices, before a hearing whose connection nobody has seen."""
        between = letters.between(tx, hearing)
        planned = plan.sittings(tx, hearing.id)
        row = next(iter(plan.to_come(planned)), None)
        if row is None:
            return
        for one in recipients(tx, hearing):
            when = plan.time(row, one.heard)
            told = {"start": when.start, "minutes": when.minutes}
            if one.page == f"/places/{place.id}" and one.role:
                notice = _to_office(Kind.TEST_DUE, one, between, role=one.role, place=one.place, **told)
                self._queue(tx, hearing.id, one, notice)
            elif not one.role:
                self._queue(
                    tx, hearing.id, one, _to_office(Kind.TEST_DUE, one, between, who=place.name, **told)
                )

    def tell_offices(self, tx: Session, hearing: Hearing, kind: Kind, **facts: Any) -> None:
        """One letter to the office of each side."""
        between = letters.between(tx, hearing)
        for office in recipients(tx, hearing):
            if not office.role:
                self._queue(tx, hearing.id, office, _to_office(kind, office, between, **facts))

    # --- answers

    def behind(self, token: str) -> Invited:
        """What a letter's link is for; changes nothing, so that a mail scanner answers nothing. Raises: NotFound."""
        with self._acts.journal.reading() as tx:
            row = self._answering(tx, token)
            hearing = tx.get_one(Hearing, row.hearing_id)
            return Invited(
                Told.read(row.told),
                letters.between(tx, hearing),
                row.about,
                row.answer,
                hearing.state,
                self._closed(row),
            )

    def answer(self, token: str, reply: Reply) -> None:
        """Of whoever was invited. The last answer counts. Raises: NotFound, NotNow, AlreadyDone."""
        journal = self._acts.journal
        with journal.transaction() as tx:
            row = self._answering(tx, token)
            hearing = locked(tx, row.hearing_id)
            tx.refresh(row)
            closed = self._closed(row)
            if closed is not None:
                raise NotNow(closed)
            if row.answer == reply.answer and not reply.words:
                raise AlreadyDone(say("That is your answer already. The court has it."))
            row.answer = reply.answer
            tx.add(row)
            person = tx.exec(
                select(Participant).where(
                    Participant.hearing_id == hearing.id, Participant.handle == row.recipient
                )
            ).first()
            if person is None:
                tx.info["touched"].add(hearing.id)
                return  # an office: it is told on the pages, and is nobody of the hearing
            entries = journal.entries(tx, hearing.id)
            _refuse_flood(person, entries)
            story = Story().tell(entries)
            who = Self(person.handle, person.role, person.side)
            act = Act(tx, hearing, who, story, journal.clock(), journal)
            act.write(
                InvitationAnswered(
                    participant=person.handle,
                    about="hearing" if row.about.isdecimal() else "test",
                    reply=reply.answer,
                    start=Told.read(row.told).start,
                    words=reply.words,
                )
            )
            self._acts.conclude(act)

    def _answering(self, tx: Session, token: str) -> CalendarEntry:
        row = tx.exec(select(CalendarEntry).where(CalendarEntry.digest == tokens.digest(token))).first()
        if row is None:
            raise NotFound(
                say("This link does not open anything, or no longer. Ask the court for a new one.")
            )
        return row

    def _closed(self, row: CalendarEntry) -> Any:
        if not row.stands:
            return say(
                "This appointment does not stand any more. You need not answer; the court has written to you."
            )
        if Told.read(row.told).start <= self._acts.journal.clock():
            return say(
                "The time of this appointment has come; an answer is too late. Call the court if you cannot come."
            )
        return None

    def _reply(self, row: CalendarEntry) -> str:
        """The address at which they answer, the same in every letter until it is withdrawn."""
        token = None
        if row.sealed is not None:
            with contextlib.suppress(Unverifiable):
                token = self._key.unwrap(row.sealed, f"{_PURPOSE} {row.uid}").decode()
        if token is None:
            token = tokens.fresh()
            row.digest = tokens.digest(token)
            row.sealed = self._key.wrap(token.encode(), f"{_PURPOSE} {row.uid}")
        return f"{self._address}/reply/{token}"

    # --- on paper

    def _queue(
        self,
        tx: Session,
        hearing: UUID,
        recipient: Recipient,
        notice: Notice,
        *,
        row: CalendarEntry | None = None,
    ) -> None:
        """`row`: the entry that goes along, or is taken back where it no longer stands."""
        if not recipient.email:
            return
        if notice.page:
            notice = replace(notice, page=f"{self._address}{notice.page}")
        written = self._write.letter(notice)
        entry = self._attached(row, notice.between, recipient) if row is not None else None
        self._post.queue(
            tx,
            hearing,
            to=recipient.email,
            subject=written.subject,
            text=written.text,
            kind=notice.kind,
            about=recipient.key,
            language=notice.language,
            entry=entry,
            secrets=tuple(filter(None, (notice.reply, notice.link))),
            lasts=not notice.link,
        )

    def _attached(self, row: CalendarEntry, between: Between, recipient: Recipient) -> Attached | None:
        """For their calendar; none where a name or an address cannot stand in one: the letter goes all the same."""
        try:
            told = feeds.entry(row, between, self._write)
            organizer = {"organizer_name": between.requesting, "organizer_address": self._sender}
            attendee = {"attendee_name": recipient.name, "attendee_address": recipient.email}
            sent = Invitation.model_validate({**told.model_dump(), **organizer, **attendee})
        except EntryRefused as refused:
            log.warning("a letter of hearing %s goes without its entry: %s", row.hearing_id, refused)
            return None
        return Attached(invitation(sent), "REQUEST") if row.stands else Attached(cancellation(sent), "CANCEL")


def _refuse_flood(person: Participant, told: Iterable[Entry]) -> None:
    """Each answer is a leaf and a letter to each office. Raises: NotNow."""
    given = (one.event for one in told if isinstance(one.event, InvitationAnswered))
    if sum(event.participant == person.handle for event in given) >= MOST_ANSWERS:
        raise NotNow(say("Too many answers came through this link. Call the court."))


def entries(tx: Session, hearing: UUID) -> list[CalendarEntry]:
    return list(
        tx.exec(
            select(CalendarEntry)
            .where(CalendarEntry.hearing_id == hearing)
            .order_by(col(CalendarEntry.created))
        )
    )


def recipients(tx: Session, hearing: Hearing) -> list[Recipient]:
    """Everybody who sits at a place, and the office of each side; who has no address is written to by nobody, and finds it
    on their page and in their feed. Where an office has a desk in this hearing, its letters go there.
    """
    found = [
        _recipient(place, person, people)
        for place, people in docket.places(tx, hearing.id)
        for person in people
    ]
    for side, authority in ((Side.REQUESTING, hearing.requesting_id), (Side.REQUESTED, hearing.requested_id)):
        row = tx.get_one(Authority, authority)
        desk = any(one.side is side and not one.role and one.email for one in found)
        page = f"/hearings/{hearing.id}"
        email = "" if desk else row.email
        found.append(Recipient(side, row.name, email, row.language, row.zone, "", side, row.name, page))
    return found


def _recipient(place: Place, person: Participant, people: Sequence[Participant]) -> Recipient:
    return Recipient(
        person.handle,
        person.name,
        person.email or "",
        person.language,
        place.zone,
        letters.role(person),
        place.side,
        place.name,
        f"/places/{place.id}",
        plan.heard(people),
    )


def _wanted(act: Act, known: Sequence[Recipient]) -> dict[tuple[str, str], Told]:
    """What everybody ought to know now of the sittings to come and of the one that is under way."""
    if act.hearing.state is State.ACCEPTED:
        return _of_tests(act, known)
    if act.hearing.state not in _TELLING:
        return {}
    planned = plan.sittings(act.tx, act.hearing.id)
    due = plan.to_come(planned)
    now = plan.under_way(planned)
    if now is not None and act.hearing.state in OPENED:
        due = [now, *due]
    told = {}
    for one in known:
        for row in due:
            if plan.comes(row, planned, one.heard):
                told[(str(row.n), one.key)] = _at_time(one, plan.time(row, one.heard))
    return told | _of_tests(act, known)


def _of_tests(act: Act, known: Iterable[Recipient]) -> dict[tuple[str, str], Told]:
    """The technical tests that are to come, for whoever sits at the place that is tested."""
    return {
        (f"{TEST}{row.id}", one.key): _at_time(one, plan.Time(row.start, row.minutes, row.start))
        for row, place in appointments.standing(act.tx, act.hearing.id)
        for one in known
        if one.page == f"/places/{place.id}" and row.start > act.now
    }


def _is_test(row: CalendarEntry) -> bool:
    return row.about.startswith(TEST)


def _link(act: Act, row: CalendarEntry) -> str:
    """The address of the test, if it was made in this step."""
    return act.addresses.get(UUID(row.about.removeprefix(TEST)), "") if _is_test(row) else ""


def _at_time(one: Recipient, when: plan.Time) -> Told:
    return Told(
        when.start, when.minutes, one.name, one.email, one.language, one.zone, one.role, one.place, one.page
    )


def _carry_over(
    act: Act, rows: dict[tuple[str, str], CalendarEntry], wanted: Mapping[tuple[str, str], Told]
) -> None:
    """Whoever is moved to another sitting keeps the entry, and it says the new time; that of a sitting which was held stays."""
    for about, recipient in [key for key in wanted if key not in rows]:
        left = [
            key
            for key, row in rows.items()
            if key[1] == recipient
            and key not in wanted
            and row.stands
            and row.about.isdecimal()
            and not _begun(act, row)
        ]
        if left and about.isdecimal():
            row = rows.pop(left[0])
            row.about = about
            rows[(about, recipient)] = row


def _differs(row: CalendarEntry, told: Told) -> bool:
    before = Told.read(row.told)
    return (before.start, before.minutes) != (told.start, told.minutes)


def _arrived(story: Story, key: str) -> bool:
    """They were called in this sitting: of its time they need not be told any more."""
    person = story.people.get(key)
    return person is not None and person.called


def _begun(act: Act, row: CalendarEntry) -> bool:
    """Its time has come and its room was opened, or its test was held: nobody is told that it does not take place. Where
    they wait for a room that was never opened, they are.
    """
    past = Told.read(row.told).start <= act.now
    if _is_test(row):
        test = act.tx.get_one(Appointment, UUID(row.about.removeprefix(TEST)))
        return test.cancelled is None and (past or test.held is not None)
    sitting = act.tx.get(Sitting, (act.hearing.id, int(row.about)))
    return past and sitting is not None and sitting.opened is not None


def _change(written: Iterable[Event]) -> Event | None:
    """What in this step changed a time."""
    kinds = (
        HearingCancelled
        | HearingPostponed
        | HearingAdjourned
        | HearingMoved
        | HearingSplit
        | HearingRezoned
        | HearingDelayed
        | TurnSet
        | SittingEnded
    )
    return next((event for event in reversed(list(written)) if isinstance(event, kinds)), None)


def _why(change: Event | None) -> tuple[Kind, str, str]:
    match change:
        case HearingCancelled(code=code, reason=reason):
            return Kind.CANCELLED, code, reason
        case HearingPostponed(code=code, reason=reason):
            return Kind.POSTPONED, code, reason
        case HearingAdjourned(reason=reason):
            return Kind.ADJOURNED, "", reason
    return Kind.OVER, "", ""


def _untold(act: Act) -> list[Slot]:
    """Proposals of which the other side was not written to yet."""
    slots = [slot for slot in Schedule.pending(act.tx, [act.hearing.id]) if slot.told is None]
    for slot in slots:
        slot.told = act.now
        act.tx.add(slot)
    return slots


def _of(row: CalendarEntry, told: Told) -> Recipient:
    side = Side.REQUESTED if row.recipient == Side.REQUESTED else Side.REQUESTING
    return Recipient(
        row.recipient, told.name, told.email, told.language, told.zone, told.role, side, told.place, told.page
    )


def _to_office(kind: Kind, office: Recipient, between: Between, **more: Any) -> Notice:
    return Notice(
        kind=kind,
        language=office.language,
        zone=office.zone,
        name=office.name,
        between=between,
        page=office.page,
        **more,
    )


def answers(tx: Session, plans: Mapping[UUID, Sequence[Sitting]]) -> dict[UUID, dict[str, str]]:
    """What each participant answered for the next sitting to which they come, or for the last one if none is to come; by
    handle.
    """
    rank = {
        (hearing, str(row.n)): n
        for hearing, planned in plans.items()
        for n, row in enumerate(_nearest_first(planned))
    }
    asked = select(
        CalendarEntry.hearing_id, CalendarEntry.about, CalendarEntry.recipient, CalendarEntry.answer
    ).where(col(CalendarEntry.hearing_id).in_(list(plans)), col(CalendarEntry.stands).is_(True))
    known = [one for one in tx.exec(asked) if one[:2] in rank]
    found: dict[UUID, dict[str, str]] = {}
    for hearing, _, recipient, answer in sorted(known, key=lambda one: rank[one[0], one[1]]):
        found.setdefault(hearing, {}).setdefault(recipient, answer or "")
    return {
        hearing: {who: answer for who, answer in each.items() if answer} for hearing, each in found.items()
    }


def _nearest_first(planned: Sequence[Sitting]) -> list[Sitting]:
    return [*plan.to_come(planned), *(row for row in reversed(planned) if row.opened is not None)]
