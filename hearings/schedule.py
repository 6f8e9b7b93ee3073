"""The time of a hearing: proposed on a wall clock, confirmed by both sides, shown on two clocks.

A slot is a local time in a named zone. Whoever proposes it confirms it for their side; when the other side
confirms it too, the hearing is scheduled, or moved if it was. A local time that does not exist, or exists
twice, is refused with an explanation.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID, uuid4

from pydantic import Field, NaiveDatetime
from sqlmodel import Session, col, select

from hearings.actors import Actor
from hearings.acts import Act, Acts
from hearings.errors import NotAllowed, NotFound, NotNow, NotValid
from hearings.events import CANCELLED_BECAUSE, HearingCancelled, HearingMoved, HearingScheduled
from hearings.roles import Side
from hearings.said import Said, refused
from hearings.sentences import say
from hearings.states import State, Verb
from hearings.tables import Authority, Hearing, Slot
from scheduling import zones

CANCELLATION = CANCELLED_BECAUSE


class NewSlot(Said):
    """`wall`: local time in `zone`; `fold` says which, where the clocks show it twice."""

    wall: NaiveDatetime
    zone: str = Field(min_length=1, max_length=64)
    fold: Literal["earlier", "later"] | None = None
    minutes: int = Field(ge=5, le=600)
    reason: str = Field(default="", max_length=500)


class Cancellation(Said):
    code: Literal["withdrawn", "settled", "refused", "unavailable", "technical", "other"]
    reason: str = Field(min_length=1, max_length=1000)


class Schedule:
    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def propose(self, actor: Actor, new: NewSlot) -> Slot:
        """A time that could be agreed, confirmed by the proposer's side. Raises: NotValid."""
        start = self._instant(new)
        with self._acts.act(actor, Verb.PROPOSE) as act:
            if start <= act.now:
                raise NotValid(say("This time has passed."), field="wall")
            if act.hearing.start is not None and not new.reason:
                raise NotValid(say("Say why the hearing is to be moved."), field="reason")
            slot = Slot(
                id=uuid4(),
                hearing_id=act.hearing.id,
                start=start,
                zone=new.zone,
                minutes=new.minutes,
                reason=new.reason,
                proposed_by=act.who.handle,
                side=act.who.side,
                created=act.now,
            )
            act.tx.add(slot)
            return slot

    def confirm(self, actor: Actor, slot: UUID) -> None:
        """The other side agrees; the hearing is scheduled, or moved. Raises: NotFound, NotAllowed, NotNow."""
        with self._acts.act(actor, Verb.SCHEDULE) as act:
            row = act.tx.get(Slot, slot)
            if row is None or row.hearing_id != act.hearing.id:
                raise NotFound(say("There is no such proposal."))
            if row.settled is not None or row.start <= act.now:
                raise NotNow(say("This proposal is settled or has passed."))
            if row.side is act.who.side:
                raise NotAllowed(say("Your own side proposed this time; the other side confirms it."))
            row.settled = act.now
            self._fix(act, row)

    def _fix(self, act: Act, slot: Slot) -> None:
        other = self._other_zone(act.tx, act.hearing, slot)
        confirmed = [slot.proposed_by, act.who.handle]
        first = act.hearing.start is None
        act.hearing.start, act.hearing.zone, act.hearing.minutes = slot.start, slot.zone, slot.minutes
        for pending in act.tx.exec(
            select(Slot).where(Slot.hearing_id == act.hearing.id, col(Slot.settled).is_(None))
        ):
            pending.settled = act.now
        if first:
            act.write(
                HearingScheduled(
                    start=slot.start,
                    minutes=slot.minutes,
                    zone=slot.zone,
                    other=other,
                    by=act.who.handle,
                    confirmed=confirmed,
                )
            )
        else:
            act.write(
                HearingMoved(
                    start=slot.start,
                    minutes=slot.minutes,
                    zone=slot.zone,
                    other=other,
                    reason=slot.reason or "moved",
                    by=act.who.handle,
                    confirmed=confirmed,
                )
            )

    def cancel(self, actor: Actor, cancellation: Cancellation) -> None:
        with self._acts.act(actor, Verb.CANCEL) as act:
            act.write(HearingCancelled(code=cancellation.code, reason=cancellation.reason, by=act.who.handle))

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

    @staticmethod
    def due(tx: Session, now: datetime, *, early: timedelta) -> list[UUID]:
        """The hearings whose room the clock opens: scheduled, and starting within `early`."""
        return list(
            tx.exec(
                select(Hearing.id).where(
                    Hearing.state == State.SCHEDULED,
                    col(Hearing.start) <= now + early,
                    col(Hearing.start) > now - timedelta(hours=12),
                )
            )
        )

    def _instant(self, new: NewSlot) -> datetime:
        try:
            return zones.instant_of(new.wall, new.zone, fold=new.fold).astimezone(UTC)
        except zones.UnknownZone as error:
            raise NotValid(refused(error), field="zone") from error
        except zones.TimeRefused as error:
            raise NotValid(refused(error), field="wall") from error

    def _other_zone(self, tx: Session, hearing: Hearing, slot: Slot) -> str:
        other = hearing.requested_id if slot.side is Side.REQUESTING else hearing.requesting_id
        return tx.get_one(Authority, other).zone
