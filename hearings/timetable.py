"""What is due when: the database is the calendar, and whoever arms the clock asks it what comes next.

After each step the timers of its hearing are computed anew from what stands (`_wanted`) and kept as rows. A row fires in
one transaction with what follows of it, so that it fires once, whatever is killed when; what was missed fires when
somebody looks again, unless it is too late for it by the rule of its kind (`Due.until`), and then it is dropped and says
so. A row whose time changes is armed again. What a step of its own does (opening a room, ending links) may be
tried twice and happens once, for the states say whether it is still to be done.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session, col, func, select

from consent.instruments import Instrument, Period
from hearings import appointments, docket, keeping, letters, notices, plan
from hearings.actors import service
from hearings.acts import Act, Acts
from hearings.errors import Refusal
from hearings.events import (
    HearingCancelled,
    RequestAccepted,
    RequestAcknowledged,
    RequestDeclined,
    RequestReceived,
)
from hearings.letters import Between, Kind, Told
from hearings.notices import Notices
from hearings.people import HAND_OVER
from hearings.roles import NEVER_WAIT
from hearings.room import Room
from hearings.states import State, Verb
from hearings.story import Story
from hearings.tables import Authority, CalendarEntry, Hearing, Link, Login, Place, Sitting, Timer
from scheduling.zones import on_clock

log = logging.getLogger(__name__)

EARLY = timedelta(minutes=30)
"""So long before its time a room is opened."""
OPENS_LATE = timedelta(hours=12)
REMINDERS = {"reminder-first": timedelta(days=3), "reminder-last": timedelta(days=1)}
TEST_DUE, TEST_LATE = timedelta(days=5), timedelta(days=1)
"""So long before the hearing a test that is missing is told of, and no later than that."""
REMINDS_LATE = timedelta(hours=2)
"""Before the appointment; later than that a reminder is dropped."""
NEAR = {
    "acknowledge": timedelta(days=2),
    "decide": timedelta(days=7),
    "execute": timedelta(days=21),
    "request": timedelta(days=7),
}
"""So long before a period is over both offices are reminded of it."""
LINKS_STAY = timedelta(days=30)
"""After the last sitting, or the end of the hearing."""
BATCH = 200
RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)
_DAY = timedelta(days=1)
_RUNNING = frozenset(State) - {State.DECLINED, State.CANCELLED, State.CLOSED, State.DESTROYED, State.ENDED}
_OVER = frozenset({State.DECLINED, State.CANCELLED, State.CLOSED})

STEPS = frozenset({"opens", "links-end"})
"""Those that are steps of their own; the others write letters."""


class Due(NamedTuple):
    """`catches_up`: it fires too when its time had passed before it was known."""

    kind: str
    about: str
    at: datetime
    until: datetime | None = None
    catches_up: bool = False


class Timetable:
    def __init__(self, acts: Acts, room: Room, told: Notices, instruments: Mapping[str, Instrument]) -> None:
        self._acts = acts
        self._room = room
        self._notices = told
        self._instruments = instruments

    # --- after each step

    def follow(self, act: Act) -> None:
        """Arms what is due of this hearing from now on, and nothing else."""
        _keep_links(act)
        rows = {
            (row.kind, row.about): row
            for row in act.tx.exec(select(Timer).where(Timer.hearing_id == act.hearing.id))
        }
        wanted = {(due.kind, due.about): due for due in self._wanted(act)}
        for key, due in wanted.items():
            row = rows.get(key)
            if row is not None and row.due == due.at:
                row.until = due.until
            elif due.at > act.now or due.catches_up:
                act.tx.add(_armed(row, due, act.hearing.id))
            elif row is not None and row.next is not None:
                act.tx.delete(row)
        for key, row in rows.items():
            if key in wanted or row.next is None:
                continue
            if row.kind in STEPS and row.due <= act.now:
                _fired(row, act.now)  # this is the step
            else:
                act.tx.delete(row)

    def _wanted(self, act: Act) -> Iterator[Due]:
        hearing = act.hearing
        if hearing.state is State.DESTROYED:
            return
        planned = plan.sittings(act.tx, hearing.id)
        due = plan.to_come(planned)
        now = plan.under_way(planned)
        if hearing.state is State.SCHEDULED and due:
            at = due[0].start
            yield Due("opens", str(due[0].n), at - EARLY, at + OPENS_LATE, catches_up=True)
            for place in _untested(act, due[0], planned):
                yield Due("test-due", str(place.id), at - TEST_DUE, at - TEST_LATE)
        for row in notices.entries(act.tx, hearing.id):
            if row.stands and hearing.state in _RUNNING and not (now and row.about == str(now.n)):
                yield from _reminders(row)
        for limit in periods(hearing, self._instruments[hearing.instrument], act.story):
            yield from _timers(limit)
        yield from _keeping(act)
        if hearing.state in _OVER:
            yield Due("links-end", "", _since(act.story, act.now) + LINKS_STAY, catches_up=True)

    # --- by the clock

    def next(self) -> datetime | None:
        """When the next one is due."""
        with self._acts.journal.reading() as tx:
            return tx.exec(select(func.min(Timer.next))).one()

    def fire(self) -> int:
        """Whatever is due now. Gives how many fired."""
        fired = self._take_steps()
        while batch := self._write_letters():
            fired += batch
        return fired

    def _take_steps(self) -> int:
        with self._acts.journal.reading() as tx:
            rows = list(tx.exec(_due(self._acts.journal.clock()).where(col(Timer.kind).in_(STEPS))))
        return sum(self._take_step(row) for row in rows)

    def _take_step(self, row: Timer) -> int:
        done = row.until is None or self._acts.journal.clock() <= row.until
        if done:
            try:
                self._step(row)
            except Refusal as refusal:
                log.info("%s of hearing %s is not needed any more: %s", row.kind, row.hearing_id, refusal)
            except Exception:  # one hearing's failure is not the others'
                log.exception("%s of hearing %s failed and is tried again", row.kind, row.hearing_id)
                self._mark(row, _failed)
                return 0
        self._mark(row, _fired if done else _dropped)
        return int(done)

    def _step(self, row: Timer) -> None:
        match row.kind:
            case "opens":
                self._room.open(service(row.hearing_id))
            case "links-end":
                self._end_links(row.hearing_id)

    def _mark(self, row: Timer, how: Callable[[Timer, datetime], None]) -> None:
        """Unless it was armed again meanwhile."""
        with self._acts.journal.transaction() as tx:
            now = tx.get(Timer, (row.hearing_id, row.kind, row.about))
            if now is not None and now.due == row.due and now.next is not None:
                how(now, self._acts.journal.clock())
                tx.add(now)

    def _write_letters(self) -> int:
        """A batch in one transaction; if one of them cannot be written, each in its own, so that it harms no other. Gives how
        many were due.
        """
        try:
            with self._acts.journal.transaction() as tx:
                return self._write_batch(tx, BATCH)
        except Exception:  # which one it is shows when they are written one by one
            log.exception("letters that are due could not be written together")
        done = 0
        while self._write_one():
            done += 1
        return done

    def _write_batch(self, tx: Session, most: int) -> int:
        now = self._acts.journal.clock()
        rows = list(tx.exec(_letters_due(now).limit(most).with_for_update(skip_locked=True)))
        known = _Known(tx, rows)
        for row in rows:
            late = row.until is not None and now > row.until
            if not late:
                self._letter(tx, row, known)
            (_dropped if late else _fired)(row, now)
        return len(rows)

    def _write_one(self) -> bool:
        """The one that is due first; False if none is."""
        now = self._acts.journal.clock()
        with self._acts.journal.reading() as tx:
            row = tx.exec(_letters_due(now).limit(1)).first()
        if row is None:
            return False
        try:
            with self._acts.journal.transaction() as tx:
                self._write_batch(tx, 1)
        except Exception:  # one letter's failure is not the others'
            log.exception("%s of hearing %s failed and is tried again", row.kind, row.hearing_id)
            self._mark(row, _failed)
        return True

    def _letter(self, tx: Session, row: Timer, told: "_Known") -> None:
        kind, _, what = row.kind.partition(":")
        match kind:
            case "reminder-first" | "reminder-last":
                entry = told.entry(row)
                if entry is not None:
                    self._notices.remind(tx, entry, told.between(row.hearing_id))
            case "test-due":
                place = tx.get(Place, UUID(row.about))
                if place is not None:
                    self._notices.tell_of_missing_test(tx, told.hearing(row.hearing_id), place)
            case "near" | "over":
                hearing = told.hearing(row.hearing_id)
                letter = Kind.PERIOD_NEAR if kind == "near" else Kind.PERIOD_OVER
                self._notices.tell_offices(tx, hearing, letter, **self._period_facts(tx, hearing, what, row))
            case "retention":
                day = date.fromisoformat(row.about)
                self._notices.tell_offices(tx, told.hearing(row.hearing_id), Kind.RETENTION, day=day)

    def _period_facts(self, tx: Session, hearing: Hearing, what: str, row: Timer) -> dict[str, Any]:
        over = datetime.fromisoformat(row.about)
        zone = tx.get_one(Authority, hearing.requested_id).zone
        periods = self._instruments[hearing.instrument].period
        article = next((one.article for one in periods if one.what == what), "")
        return {"what": what, "day": on_clock(over, zone).date, "article": article}

    def _end_links(self, hearing: UUID) -> None:
        with self._acts.act(service(hearing), Verb.END_LINKS) as act:
            for link, login in _opened(act.tx, hearing):
                for one in (link, login):
                    if isinstance(one, Link):
                        one.revoked = one.revoked or act.now
                    elif one is not None:
                        one.ended = one.ended or act.now


class _Known:
    """What several letters of one batch need, asked for once."""

    def __init__(self, tx: Session, rows: Iterable[Timer]) -> None:
        hearings = {row.hearing_id for row in rows}
        self._tx = tx
        self._between: dict[UUID, Between] = {}
        self._hearings = {
            row.id: row for row in tx.exec(select(Hearing).where(col(Hearing.id).in_(hearings)))
        }
        sides = {side for row in self._hearings.values() for side in (row.requesting_id, row.requested_id)}
        self._authorities = tx.exec(select(Authority).where(col(Authority.id).in_(sides))).all()
        self._entries = {
            (row.hearing_id, f"{row.about}:{row.recipient}"): row
            for row in tx.exec(select(CalendarEntry).where(col(CalendarEntry.hearing_id).in_(hearings)))
        }

    def hearing(self, hearing: UUID) -> Hearing:
        return self._hearings[hearing]

    def entry(self, row: Timer) -> CalendarEntry | None:
        return self._entries.get((row.hearing_id, row.about))

    def between(self, hearing: UUID) -> Between:
        if hearing not in self._between:
            self._between[hearing] = letters.between(self._tx, self.hearing(hearing))
        return self._between[hearing]


def _letters_due(now: datetime) -> Any:
    return _due(now).where(col(Timer.kind).not_in(STEPS))


def _due(now: datetime) -> Any:
    """Always in one order: which one failed is known by it."""
    order = (Timer.next, Timer.hearing_id, Timer.kind, Timer.about)
    return select(Timer).where(col(Timer.next) <= now).order_by(*(col(one) for one in order))


def _armed(row: Timer | None, due: Due, hearing: UUID) -> Timer:
    row = row or Timer(hearing_id=hearing, kind=due.kind, about=due.about, due=due.at, next=due.at)
    row.due = row.next = due.at
    row.until, row.fired, row.dropped, row.tries = due.until, None, None, 0
    return row


def _untested(act: Act, sitting: Sitting, planned: Sequence[Sitting]) -> list[Place]:
    """Places wanted in this sitting of which no good test was held; where only the court sits it knows its own room."""
    tests = appointments.latest(act.tx, [act.hearing.id])
    return [
        place
        for place, people in docket.places(act.tx, act.hearing.id)
        if docket.in_room(people)
        and plan.comes(sitting, planned, plan.heard(people))
        and not all(person.role in NEVER_WAIT for person in people)
        and not (place.id in tests and tests[place.id].good)
    ]


def _fired(row: Timer, now: datetime) -> None:
    row.fired, row.next = now, None


def _dropped(row: Timer, now: datetime) -> None:
    row.dropped, row.next = now, None


def _failed(row: Timer, now: datetime) -> None:
    row.tries += 1
    row.next = now + min(RETRY * 2 ** min(row.tries, 10), LONGEST_RETRY)


def _reminders(row: CalendarEntry) -> Iterator[Due]:
    start = Told.read(row.told).start
    for kind, before in REMINDERS.items():
        at = start - before
        if row.created < at and row.told["email"]:
            yield Due(kind, f"{row.about}:{row.recipient}", at, start - REMINDS_LATE)


class Limit(NamedTuple):
    """By `over`, this is to be done."""

    what: str
    over: datetime
    article: str = ""


def periods(hearing: Hearing, instrument: Instrument, story: Story) -> list[Limit]:
    """What is to be done within a time and is not done: by the instrument, and by the date that the request names."""
    if hearing.state not in _RUNNING:
        return []
    limits = [
        Limit(period.what, begin + period.days * _DAY, period.article)
        for period in instrument.period
        if (begin := _begin(story, period)) is not None and not _done(story, period.what)
    ]
    if hearing.deadline is not None and not story.stretches:
        limits.append(Limit("request", hearing.deadline))
    return limits


def _timers(limit: Limit) -> Iterator[Due]:
    about = limit.over.isoformat()
    yield Due(f"near:{limit.what}", about, limit.over - NEAR[limit.what], limit.over)
    yield Due(f"over:{limit.what}", about, limit.over)


def _begin(story: Story, period: Period) -> datetime | None:
    kind = RequestReceived if period.after == "received" else RequestAccepted
    found = story.latest.get(kind.type)
    return found[0] if found else None


def _done(story: Story, what: str) -> bool:
    answered = RequestAccepted.type in story.latest or RequestDeclined.type in story.latest
    match what:
        case "acknowledge":
            return answered or RequestAcknowledged.type in story.latest
        case "decide":
            return answered
    return bool(story.stretches)


def _keeping(act: Act) -> Iterator[Due]:
    """The day after the last day of keeping, on the clock of the side where it is over last."""
    if act.hearing.state is not State.CLOSED:
        return
    sides = [act.tx.get_one(Authority, one) for one in (act.hearing.requesting_id, act.hearing.requested_id)]
    until = keeping.terms(act.story.closed, act.now, sides).until
    if until is not None:
        at = datetime.combine(until + 2 * _DAY, datetime.min.time(), tzinfo=act.now.tzinfo)
        yield Due("retention", until.isoformat(), at, catches_up=True)


def _since(story: Story, now: datetime) -> datetime:
    ends = (HearingCancelled.type, RequestDeclined.type)
    told = [story.latest[kind][0] for kind in ends if kind in story.latest]
    return story.closed or max(told, default=now)


def _keep_links(act: Act) -> None:
    """A link that was given before the time was fixed, or moved, lasts until after the hearing."""
    ends = [row.start + timedelta(minutes=row.minutes) for row in plan.sittings(act.tx, act.hearing.id)]
    if not ends or act.hearing.state in _OVER:
        return
    until = max(ends) + LINKS_STAY
    for link, login in _opened(act.tx, act.hearing.id):
        if link is not None and link.expires - link.issued > HAND_OVER and act.now < link.expires < until:
            link.expires = until
        if login is not None and act.now < login.expires < until:
            login.expires = until


def _opened(tx: Session, hearing: UUID) -> Iterator[tuple[Link | None, Login | None]]:
    places = select(Place.id).where(Place.hearing_id == hearing)
    for link in tx.exec(select(Link).where(col(Link.place_id).in_(places), col(Link.revoked).is_(None))):
        yield link, None
    for login in tx.exec(select(Login).where(col(Login.place_id).in_(places), col(Login.ended).is_(None))):
        yield None, login
