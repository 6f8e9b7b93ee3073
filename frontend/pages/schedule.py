"""The time: proposed by one side, confirmed by the other; or the hearing cancelled."""

from datetime import datetime, timedelta
from uuid import UUID

from litestar import Controller, get, post

from frontend.days import Day, day
from frontend.shown import Done, Shown
from frontend.spine import Spine
from hearings.actors import Actor
from hearings.schedule import CANCELLATION, Cancellation, NewSlot, Schedule
from hearings.tree import stamp

USUAL_MINUTES = 90


class SchedulePages(Controller):
    tags = ["schedule"]
    path = "/schedule"

    @get("/", sync_to_thread=False)
    def show(self, spine: Spine) -> Shown:
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
            minutes=start["minutes"] if start else USUAL_MINUTES,
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

    @post("/cancel", sync_to_thread=True, status_code=200)
    def cancel(self, data: Cancellation, actor: Actor, schedule: Schedule) -> Done:
        schedule.cancel(actor, data)
        return Done()


def _days(spine: Spine, instant: str, minutes: int) -> list[Day]:
    """The hearing on the day of each seat, the seat that asks first."""
    start = datetime.fromisoformat(instant)
    return [day(start, timedelta(minutes=minutes), zone) for zone in spine.view["zones"].values()]
