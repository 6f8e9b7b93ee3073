"""The time of a hearing: proposed on a wall clock, confirmed by both sides, shown on two clocks.

A slot is a local time in a named zone. Whoever proposes it confirms it for their side; when the other side confirms it too,
the hearing is scheduled, or moved if it was, or split. A local time that does not exist, or exists twice, is refused with an
explanation. What takes a time away (a cancellation, a postponement, an adjournment) holds at once, since somebody may be
waiting in vain, and the other side then confirms that it knows. What was agreed is the clock on the wall: when a State
changes its clocks, the instant follows.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta
from typing import Literal
from uuid import UUID, uuid4

from pydantic import Field
from sqlmodel import Session, col, select

from hearings import plan
from hearings.actors import Actor, service
from hearings.acts import Act, Acts
from hearings.errors import AlreadyDone, NotAllowed, NotFound, NotNow, NotValid, Refusal
from hearings.events import (
    CANCELLED_BECAUSE,
    POSTPONED_BECAUSE,
    ChangeConfirmed,
    HearingCancelled,
    HearingDelayed,
    HearingMoved,
    HearingPostponed,
    HearingRezoned,
    HearingScheduled,
    HearingSplit,
    TurnSet,
)
from hearings.roles import Role, Side
from hearings.said import Said, Wall
from hearings.sentences import Country, Day, Sentence, Zone, say
from hearings.states import OPENED, Verb
from hearings.story import Change, Story
from hearings.tables import Authority, Hearing, Sitting, Slot
from scheduling import days, zones
from scheduling.turns import LONGEST, Turn, overlapping

CANCELLATION = CANCELLED_BECAUSE
POSTPONEMENT = POSTPONED_BECAUSE
MOST_SITTINGS = 20
MOST_PROPOSALS = 20
SHORTEST = 5  # minutes of a hearing
_DAY = timedelta(days=1)
_SHOWN = {"zone": Zone, "other": Zone, "state": Country, "day": Day, "other_day": Day}


def cautioned(caution: days.Caution) -> Sentence:
    """What to know of a time before it is agreed, as a page says it."""
    values = {name: _SHOWN.get(name, str)(value) for name, value in caution.values.items()}
    return Sentence(caution.template, values)


class NewSlot(Wall):
    """`people`: who would be heard then in a sitting of their own, by handle; nobody where no sitting is added. `sitting`: the
    one that is to be moved, if not the next.
    """

    minutes: int = Field(ge=SHORTEST, le=LONGEST)
    reason: str = Field(default="", max_length=500)
    people: frozenset[str] = frozenset()
    sitting: int | None = None


class Cancellation(Said):
    code: Literal["withdrawn", "settled", "refused", "unavailable", "technical", "other"]
    reason: str = Field(min_length=1, max_length=1000)


class Postponement(Said):
    code: Literal["unavailable", "technical", "interpreter", "documents", "court", "other"]
    reason: str = Field(min_length=1, max_length=1000)


class NewTurn(Said):
    """Of `person`, who comes `at` that time on the clock of the sitting, for so many minutes. Without a time: with everybody."""

    person: str = Field(pattern=r"^[a-z2-7]{8}$")
    at: time | None = None
    minutes: int | None = Field(default=None, ge=5, le=LONGEST)


class NewTurns(Said):
    """Who comes when in a sitting; who is not named comes at its beginning."""

    sitting: int
    turns: list[NewTurn] = Field(max_length=50)


class Delay(Said):
    """By how many minutes whoever is next comes later than planned; 0 takes it back."""

    minutes: int = Field(ge=0, le=LONGEST)
    reason: str = Field(min_length=1, max_length=500)


class Schedule:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def propose(self, actor: Actor, new: NewSlot) -> Slot:
        """A time that could be agreed, confirmed by the proposer's side. Raises: NotValid."""
        start = plan.instant_of(new)
        with self._acts.act(actor, Verb.PROPOSE) as act:
            if start <= act.now:
                raise NotValid(say("This time has passed."), field="wall")
            planned = plan.sittings(act.tx, act.hearing.id)
            _check(act, new, planned)
            following = None if new.people else _first(plan.to_come(planned))
            slot = Slot(
                id=uuid4(),
                hearing_id=act.hearing.id,
                start=start,
                wall=new.minute,
                fold=new.fold,
                zone=new.zone,
                people=sorted(new.people),
                sitting=new.sitting if following is None or new.sitting is not None else following.n,
                minutes=new.minutes,
                reason=new.reason,
                proposed_by=act.who.handle,
                side=act.who.side,
                created=act.now,
            )
            act.tx.add(slot)
            return slot

    def withdraw(self, actor: Actor, slot: UUID) -> None:
        """The side that proposed a time takes the proposal back. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.PROPOSE) as act:
            row = _pending(act, slot)
            if row.side is not act.who.side:
                raise NotAllowed(
                    say("The other side proposed this time; only it can take the proposal back.")
                )
            row.settled = act.now

    def confirm(self, actor: Actor, slot: UUID) -> None:
        """The other side agrees; the hearing is scheduled, moved or split. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.SCHEDULE) as act:
            row = _pending(act, slot)
            if row.start <= act.now:
                raise NotNow(say("This proposal is settled or has passed."))
            if row.side is act.who.side:
                raise NotAllowed(say("Your own side proposed this time; the other side confirms it."))
            row.settled = act.now
            if row.people:
                self._split(act, row)
            else:
                self._fix(act, row)
            _mirror(act)

    def _fix(self, act: Act, slot: Slot) -> None:
        planned = plan.to_come(plan.sittings(act.tx, act.hearing.id))
        following = not planned or planned[0].n == slot.sitting
        row = next((one for one in planned if one.n == slot.sitting), None)
        if row is None and (planned or slot.sitting is not None):
            raise _stale()
        told = {
            "start": slot.start,
            "minutes": slot.minutes,
            "zone": slot.zone,
            "other": self._other_zone(act.tx, act.hearing, slot),
            "by": act.who.handle,
            "confirmed": [slot.proposed_by, act.who.handle],
        }
        for pending in Schedule.pending(act.tx, [act.hearing.id]):
            if pending.sitting == slot.sitting and not pending.people:
                pending.settled = act.now
        if row is None:
            act.tx.add(_agreed(slot, act.hearing.id, _number(act)))
            act.write(HearingScheduled.model_validate(told))
            return
        row.start, row.wall, row.fold, row.zone = slot.start, slot.wall, slot.fold, slot.zone
        row.minutes, row.rules, row.late, row.late_from = slot.minutes, zones.release(), 0, None
        row.turns = plan.told([turn for turn in plan.turns_of(row) if turn.end <= slot.minutes])
        which = {} if following else {"sitting": row.n}
        act.write(HearingMoved.model_validate({**told, **which, "reason": slot.reason or "moved"}))

    def _split(self, act: Act, slot: Slot) -> None:
        """Whoever is moved leaves the sitting in which they were to be heard; the others keep their time there. A sitting in
        which nobody is left to be heard is given up.
        """
        planned = plan.to_come(plan.sittings(act.tx, act.hearing.id))
        _refuse_stale(act, slot, planned)
        moved = set(slot.people)
        for row in planned:
            staying = [one for one in _heard(act) if plan.comes(row, planned, {one}) and one not in moved]
            if moved.isdisjoint(row.people or _heard(act)):
                continue
            if not staying:
                act.tx.delete(row)
                continue
            row.people = staying
            if row.late_from in moved:
                row.late, row.late_from = 0, None
            row.turns = plan.told([turn for turn in plan.turns_of(row) if turn.who not in moved])
        added = _agreed(slot, act.hearing.id, _number(act))
        added.people = sorted(moved)
        act.tx.add(added)
        act.write(
            HearingSplit(
                sitting=added.n,
                people=added.people,
                start=slot.start,
                minutes=slot.minutes,
                zone=slot.zone,
                other=self._other_zone(act.tx, act.hearing, slot),
                reason=slot.reason,
                by=act.who.handle,
                confirmed=[slot.proposed_by, act.who.handle],
            )
        )

    def cancel(self, actor: Actor, cancellation: Cancellation) -> None:
        with self._acts.act(actor, Verb.CANCEL) as act:
            act.write(HearingCancelled(code=cancellation.code, reason=cancellation.reason, by=act.who.handle))
            give_up(act)

    def postpone(self, actor: Actor, postponement: Postponement) -> None:
        """No time is agreed any more, for any sitting that was to come; a new one is proposed like the first."""
        with self._acts.journal.reading() as tx:
            sat = plan.under_way(plan.sittings(tx, actor.hearing)) is not None
        with self._acts.act(actor, Verb.PUT_OFF if sat else Verb.POSTPONE) as act:
            act.write(HearingPostponed(code=postponement.code, reason=postponement.reason, by=act.who.handle))
            give_up(act)
            if not sat:
                act.hearing.start = act.hearing.zone = act.hearing.minutes = None

    def confirm_change(self, actor: Actor, change: int) -> None:
        """The other side knows. Raises: NotFound, NotAllowed, AlreadyDone."""
        with self._acts.act(actor, Verb.CONFIRM_CHANGE) as act:
            found = act.story.changes.get(change)
            if found is None:
                raise NotFound(say("There is no such change."))
            if found.confirmed is not None:
                raise AlreadyDone(say("This change was confirmed already."))
            if side_of(act.story, found) is act.who.side:
                raise NotAllowed(
                    say("Your own side made this change; the other side confirms that it knows.")
                )
            act.write(ChangeConfirmed(change=change, by=act.who.handle))

    # --- who comes when

    def set_turns(self, actor: Actor, new: NewTurns) -> None:
        """The people heard come at times of their own within a sitting. Raises: NotFound, NotValid, NotNow."""
        with self._acts.act(actor, Verb.SET_TURNS) as act:
            planned = plan.sittings(act.tx, act.hearing.id)
            row = next((one for one in planned if one.n == new.sitting), None)
            if row is None:
                raise NotFound(say("There is no such sitting."))
            if row.opened is not None and row is not plan.under_way(planned):
                raise NotNow(say("This sitting is over."))
            wanted = [turn for one in new.turns if (turn := _turn(act, row, planned, one)) is not None]
            both = overlapping(wanted)
            if both is not None:
                one, other = (act.story.named(turn.who) for turn in both)
                raise NotValid(
                    say("{other} would come before the time of {one} is over.", one=one, other=other),
                    field="turns",
                )
            before = {turn.who: turn for turn in plan.turns_of(row)}
            if {turn.who: turn for turn in wanted} == before:
                raise AlreadyDone(say("These are the times already."))
            row.turns = plan.told(wanted)
            row.late, row.late_from = 0, None
            act.tx.add(row)
            for turn in wanted:
                if turn != before.get(turn.who):
                    act.write(
                        TurnSet(
                            participant=turn.who,
                            sitting=row.n,
                            start=row.start + timedelta(minutes=turn.after),
                            minutes=turn.minutes,
                            by=act.who.handle,
                        )
                    )
            for who in before.keys() - {turn.who for turn in wanted}:
                told = TurnSet(
                    participant=who, sitting=row.n, start=row.start, minutes=row.minutes, by=act.who.handle
                )
                act.write(told)

    def delay(self, actor: Actor, delay: Delay) -> None:
        """The sitting runs late; whoever is next, and whoever follows, is told. Raises: NotNow, AlreadyDone."""
        with self._acts.act(actor, Verb.DELAY) as act:
            planned = plan.sittings(act.tx, act.hearing.id)
            row = plan.under_way(planned) if act.hearing.state in OPENED else _first(plan.to_come(planned))
            if row is None:
                raise NotNow(say("No sitting is planned."))
            first = _next_turn(act.story, row)
            if plan.turns_of(row) and first is None:
                raise NotNow(say("Everybody who is to be heard in this sitting has been called."))
            if (row.late, row.late_from) == (delay.minutes, first):
                raise AlreadyDone(say("That is what was told already."))
            row.late, row.late_from = delay.minutes, first
            act.tx.add(row)
            act.write(
                HearingDelayed(
                    sitting=row.n, minutes=delay.minutes, whom=first, reason=delay.reason, by=act.who.handle
                )
            )

    # --- when a State changes its clocks

    def follow_clocks(self) -> list[UUID]:
        """Every sitting to come stays at its time on the wall where the rules of its zone changed since it was agreed. Gives
        the hearings that were moved by this.
        """
        with self._acts.journal.reading() as tx:
            stale = tx.exec(
                select(Sitting.hearing_id)
                .where(col(Sitting.opened).is_(None), Sitting.rules != zones.release())
                .distinct()
            ).all()
        return [hearing for hearing in stale if self._follow(hearing)]

    def _follow(self, hearing: UUID) -> bool:
        try:
            with self._acts.act(service(hearing), Verb.FOLLOW_CLOCKS) as act:
                moved = [_followed(act, row) for row in plan.to_come(plan.sittings(act.tx, hearing))]
                _mirror(act)
                return any(moved)
        except Refusal:
            return False  # it is under way, or over

    # --- reading

    @staticmethod
    def pending(tx: Session, hearings: Collection[UUID]) -> list[Slot]:
        """What is proposed in these hearings and not settled, the earliest first."""
        return list(
            tx.exec(
                select(Slot)
                .where(col(Slot.hearing_id).in_(hearings), col(Slot.settled).is_(None))
                .order_by(col(Slot.start))
            )
        )

    def _other_zone(self, tx: Session, hearing: Hearing, slot: Slot) -> str:
        other = hearing.requested_id if slot.side is Side.REQUESTING else hearing.requesting_id
        return tx.get_one(Authority, other).zone


def side_of(story: Story, change: Change) -> Side:
    """Whose change it was."""
    person = story.people.get(change.event.by)
    return person.side if person else Side.REQUESTING


def opened(act: Act) -> None:
    """The room of the next sitting is open."""
    row = _first(plan.to_come(plan.sittings(act.tx, act.hearing.id)))
    if row is not None:
        row.opened = act.now
        act.tx.add(row)


def go_on_as_planned(act: Act) -> None:
    """A further sitting was agreed before, and is the next one now."""
    row = plan.to_come(plan.sittings(act.tx, act.hearing.id))[0]
    _mirror(act)
    act.write(
        HearingScheduled(
            start=row.start,
            minutes=row.minutes,
            zone=row.zone,
            other=_across(act, row.zone),
            by=act.who.handle,
            confirmed=[act.who.handle],
        )
    )


def _across(act: Act, zone: str) -> str:
    both = [
        act.tx.get_one(Authority, side).zone for side in (act.hearing.requesting_id, act.hearing.requested_id)
    ]
    return next((one for one in both if one != zone), zone)


def _check(act: Act, new: NewSlot, planned: Sequence[Sitting]) -> None:
    """Raises: NotValid, NotNow."""
    if len(Schedule.pending(act.tx, [act.hearing.id])) >= MOST_PROPOSALS:
        raise NotNow(say("Too many times are proposed. Take one back, or have one confirmed."))
    if new.sitting is not None and all(row.n != new.sitting for row in plan.to_come(planned)):
        raise NotValid(say("There is no such sitting."), field="sitting")
    if planned and not new.reason:
        raise NotValid(say("Say why the hearing is to be moved."), field="reason")
    if new.people:
        _check_split(act, new.people, planned)


def _check_split(act: Act, people: Collection[str], planned: Sequence[Sitting]) -> None:
    if not plan.to_come(planned):
        raise NotNow(say("No sitting is planned that could be split."))
    if len(planned) >= MOST_SITTINGS:
        raise NotNow(say("More than {most} sittings cannot be planned.", most=MOST_SITTINGS))
    known = set(_heard(act))
    if not known.issuperset(people):
        raise NotValid(say("Only people who are heard can be moved to another sitting."), field="people")
    if known.issubset(people):
        raise NotValid(say("Somebody must stay; to move everybody, propose another time."), field="people")


def _refuse_stale(act: Act, slot: Slot, planned: Sequence[Sitting]) -> None:
    """The plan may have changed since it was proposed. Raises: NotNow."""
    if not planned or not set(slot.people) < set(_heard(act)):
        raise _stale()


def _stale() -> NotNow:
    return NotNow(say("This proposal does not fit the plan any more. Propose it anew."))


def _heard(act: Act) -> list[str]:
    return [person.handle for person in act.story.people.values() if person.role is Role.HEARD]


def _pending(act: Act, slot: UUID) -> Slot:
    row = act.tx.get(Slot, slot)
    if row is None or row.hearing_id != act.hearing.id:
        raise NotFound(say("There is no such proposal."))
    if row.settled is not None:
        raise NotNow(say("This proposal is settled or has passed."))
    return row


def _number(act: Act) -> int:
    """The number of the next sitting; none is given twice, even when the one that had it was given up."""
    numbers = [row.n for row in plan.sittings(act.tx, act.hearing.id)]
    return max([*numbers, act.story.fixed]) + 1


def _agreed(slot: Slot, hearing: UUID, n: int) -> Sitting:
    return Sitting(
        hearing_id=hearing,
        n=n,
        start=slot.start,
        wall=slot.wall,
        fold=slot.fold,
        zone=slot.zone,
        minutes=slot.minutes,
        rules=zones.release(),
    )


def _first(rows: Sequence[Sitting]) -> Sitting | None:
    return rows[0] if rows else None


def _mirror(act: Act) -> None:
    """The hearing's own row has the time of the next sitting."""
    act.tx.flush()
    row = _first(plan.to_come(plan.sittings(act.tx, act.hearing.id)))
    if row is not None:
        act.hearing.start, act.hearing.zone, act.hearing.minutes = row.start, row.zone, row.minutes


def give_up(act: Act) -> None:
    """Nothing is planned or proposed any more; what was is in the journal."""
    for slot in Schedule.pending(act.tx, [act.hearing.id]):
        slot.settled = act.now
    for row in plan.to_come(plan.sittings(act.tx, act.hearing.id)):
        act.tx.delete(row)
    act.tx.flush()


def _next_turn(story: Story, row: Sitting) -> str | None:
    """Whose turn is the first that has not begun."""
    return next((turn.who for turn in plan.turns_of(row) if not _called(story, turn.who)), None)


def _called(story: Story, who: str) -> bool:
    person = story.people.get(who)
    return person is not None and person.called


def _turn(act: Act, row: Sitting, planned: Sequence[Sitting], new: NewTurn) -> Turn | None:
    """Raises: NotValid."""
    if new.at is None:
        return None
    if new.person not in _heard(act) or not plan.comes(row, planned, {new.person}):
        raise NotValid(say("Only who is heard in this sitting comes at a time of their own."), field="turns")
    agreed = datetime.fromisoformat(row.wall)
    wall = datetime.combine(agreed.date(), new.at)
    if wall < agreed:
        wall += _DAY  # past midnight
    said = Wall(wall=wall, zone=row.zone, fold="later" if row.fold else None)
    start = plan.instant_of(said, field="turns")
    after = round((start - row.start).total_seconds() / 60)
    minutes = new.minutes or row.minutes - after
    if not 0 <= after < row.minutes or minutes < 5 or after + minutes > row.minutes:
        raise NotValid(
            say("The time of {name} does not lie within the sitting.", name=act.story.named(new.person)),
            field="turns",
        )
    return Turn(who=new.person, after=after, minutes=minutes)


def _followed(act: Act, row: Sitting) -> bool:
    """Where the clock on the wall is not to be had any more (skipped, or shown twice), the instant stands under the old
    rules, and the page says that it is to be agreed anew.
    """
    before = row.start
    try:
        start = plan.moved(row)
    except zones.TimeRefused:
        return False
    row.rules = zones.release()
    act.tx.add(row)
    if start is None:
        return False
    row.start = start
    act.write(
        HearingRezoned(
            sitting=row.n, start=start, was=before, zone=row.zone, release=row.rules, by=act.who.handle
        )
    )
    return True


def planned_next(tx: Session, hearing: UUID) -> datetime | None:
    """When a further sitting is, if one is agreed already."""
    row = _first(plan.to_come(plan.sittings(tx, hearing)))
    return row.start if row is not None else None
