"""The time: chosen on two clocks and proposed by one side, confirmed by the other; or the hearing cancelled."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post
from litestar.di import Provide

from frontend.choosing import Asked, Choosing, Usual, choosing
from frontend.days import day
from frontend.forms import Asked as Request
from frontend.shown import Done, Shown, reader_of
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.feeds import Feeds
from hearings.journal import Journal
from hearings.schedule import (
    CANCELLATION,
    POSTPONEMENT,
    Cancellation,
    Delay,
    NewSlot,
    NewTurns,
    Postponement,
    Schedule,
    cautioned,
)
from hearings.states import Verb
from hearings.tree import stamp
from scheduling import days
from scheduling.days import Seat

USUAL_MINUTES = 90


def asked_for(
    *, day: str = "", time: str = "", fold: str = "", zone: str = "", minutes: str = "", at: str = ""
) -> Asked:
    """Dependency `asked`: which day, and which time on it."""
    return Asked(day=day, time=time, fold=fold, zone=zone, minutes=minutes, at=at)


class SchedulePages(Controller):
    tags = ["schedule"]
    path = "/schedule"
    dependencies = {"asked": Provide(asked_for, sync_to_thread=False)}

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine, request: Request, journal: Journal, asked: Asked) -> Shown:
        """The time that is fixed, those that are proposed, and a day on both clocks to choose one from: that which is
        asked for, or the first that suits both.
        """
        spine.refuse_others()
        view = spine.view
        language = reader_of(request, view["you"]["language"] or "").language
        known = _Known(spine, journal.clock(), language)
        start = known.drawn(view["start"]) if view["start"] else None
        proposals = [known.drawn(slot) for slot in view["proposals"]]
        choice = known.choosing(asked) if Verb.PROPOSE in view["verbs"] else None
        return spine.page(
            "schedule.html",
            "schedule",
            told={
                "start": view["start"] and view["start"] | {"warnings": start and start["warnings"]},
                "proposals": [_without_drawing(slot) for slot in proposals],
                "choice": choice and choice.told(),
            },
            start=start,
            proposals=proposals,
            choice=choice,
            codes=CANCELLATION,
            postponed_because=POSTPONEMENT,
        )

    @get("/calendar.ics", sync_to_thread=True)
    def calendar(self, actor: Actor, feeds: Feeds) -> Response[bytes]:
        """What is to come as a file for a calendar. Nothing in it admits anybody or names anybody."""
        return Response(
            feeds.own(actor),
            media_type="text/calendar",
            headers={"content-disposition": 'attachment; filename="hearing.ics"'},
        )

    @post("/proposals", sync_to_thread=True)
    def propose(self, data: NewSlot, actor: Actor, schedule: Schedule) -> Done:
        slot = schedule.propose(actor, data)
        told = {"slot": str(slot.id), "instant": stamp(slot.start), "minutes": slot.minutes}
        return Done(told, status_code=201)

    @post("/proposals/{slot:uuid}/confirm", sync_to_thread=True, status_code=200)
    def confirm(self, slot: UUID, actor: Actor, schedule: Schedule) -> Done:
        schedule.confirm(actor, slot)
        return Done()

    @post("/proposals/{slot:uuid}/withdraw", sync_to_thread=True, status_code=200)
    def withdraw(self, slot: UUID, actor: Actor, schedule: Schedule) -> Done:
        schedule.withdraw(actor, slot)
        return Done()

    @post("/turns", sync_to_thread=True, status_code=200)
    def set_turns(self, data: NewTurns, actor: Actor, schedule: Schedule) -> Done:
        schedule.set_turns(actor, data)
        return Done()

    @post("/delay", sync_to_thread=True, status_code=200)
    def delay(self, data: Delay, actor: Actor, schedule: Schedule) -> Done:
        schedule.delay(actor, data)
        return Done()

    @post("/changes/{change:int}/confirm", sync_to_thread=True, status_code=200)
    def confirm_change(self, change: int, actor: Actor, schedule: Schedule) -> Done:
        schedule.confirm_change(actor, change)
        return Done()

    @post("/postpone", sync_to_thread=True, status_code=200)
    def postpone(self, data: Postponement, actor: Actor, schedule: Schedule) -> Done:
        schedule.postpone(actor, data)
        return Done()

    @post("/cancel", sync_to_thread=True, status_code=200)
    def cancel(self, data: Cancellation, actor: Actor, schedule: Schedule) -> Done:
        schedule.cancel(actor, data)
        return Done()


class _Known:
    """What is known of a time: where both sides sit, what time it is now, and in which language holidays are named."""

    def __init__(self, spine: Spine, now: datetime, language: str) -> None:
        self._spine = spine
        self._now = now
        self._language = language
        zones, states = spine.view["zones"], spine.view["states"]
        self._seats = [Seat(zones[side], states[side]) for side in zones]

    def drawn(self, slot: Mapping[str, Any]) -> dict[str, Any]:
        """A time, on the day of each seat, the seat that asks first; and what to know of it."""
        start, minutes = datetime.fromisoformat(slot["instant"]), slot["minutes"]
        found = days.warnings(start, minutes, self._seats, now=self._now, language=self._language)
        return {
            **slot,
            "days": [day(start, minutes, seat) for seat in dict.fromkeys(self._seats)],
            "warnings": [{"kind": one.kind, "sentence": cautioned(one)} for one in found],
        }

    def choosing(self, asked: Asked) -> Choosing:
        view = self._spine.view
        start, adjourned = view["start"], view["adjourned"]
        until = adjourned and adjourned["until"]
        usual = Usual(
            zone=(adjourned["zone"] if until else "") or view["zones"][self._spine.side],
            own=self._spine.zone,
            minutes=start["minutes"] if start else USUAL_MINUTES,
            named=datetime.fromisoformat(until) if until else None,
        )
        return choosing(asked, usual, self._seats, now=self._now, language=self._language)


def _without_drawing(slot: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in slot.items() if name != "days"}
