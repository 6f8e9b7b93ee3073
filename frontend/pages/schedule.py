"""The time: proposed by one side, confirmed by the other; or the hearing cancelled."""

from datetime import datetime, timedelta
from uuid import UUID

from litestar import Controller, Response, get, post

from frontend.days import Day, day
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.errors import NotFound
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
)
from hearings.sentences import say
from hearings.tree import stamp
from scheduling.invitations import Appointment, appointment

USUAL_MINUTES = 90


class SchedulePages(Controller):
    tags = ["schedule"]
    path = "/schedule"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
        spine.refuse_others()
        view = spine.view
        proposals = [
            {**slot, "days": _days(spine, slot["instant"], slot["minutes"])} for slot in view["proposals"]
        ]
        start = view["start"]
        return spine.page(
            "schedule.html",
            "schedule",
            told={"start": start, "proposals": view["proposals"]},
            proposals=proposals,
            days=_days(spine, start["instant"], start["minutes"]) if start else [],
            codes=CANCELLATION,
            postponed_because=POSTPONEMENT,
            minutes=start["minutes"] if start else USUAL_MINUTES,
        )

    @get("/calendar.ics", sync_to_thread=False)
    def calendar(self, spine: Spine, journal: Journal) -> Response[bytes]:
        """The hearing as an entry for a calendar. Nothing in it admits anybody or names anybody."""
        view = spine.view
        start = view["start"]
        if start is None:
            raise NotFound(say("No time is fixed yet."))
        begin = datetime.fromisoformat(start["instant"])
        entry = appointment(
            Appointment(
                uid=f"{view['hearing']}-{view['you']['place'] or 'staff'}@vivavoce",
                sequence=start["fixed"],
                start=begin,
                end=begin + timedelta(minutes=start["minutes"]),
                stamp=journal.clock(),
                language=view["you"]["language"] or "en",
                lines=(start["requesting"], start["requested"]),
            )
        )
        return Response(
            entry,
            media_type="text/calendar; charset=utf-8",
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


def _days(spine: Spine, instant: str, minutes: int) -> list[Day]:
    """The hearing on the day of each seat, the seat that asks first."""
    start = datetime.fromisoformat(instant)
    return [day(start, timedelta(minutes=minutes), zone) for zone in spine.view["zones"].values()]
