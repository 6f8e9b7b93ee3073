"""The time: proposed by one side, confirmed by the other; or the hearing cancelled."""

from typing import Any
from uuid import UUID

from litestar import Controller, post

from hearings.actors import Actor
from hearings.schedule import Cancellation, NewSlot, Schedule
from hearings.tree import stamp


class SchedulePages(Controller):
    tags = ["schedule"]
    path = "/schedule"

    @post("/proposals", sync_to_thread=True)
    def propose(self, data: NewSlot, actor: Actor, schedule: Schedule) -> dict[str, Any]:
        slot = schedule.propose(actor, data)
        return {"slot": str(slot.id), "instant": stamp(slot.start), "minutes": slot.minutes}

    @post("/proposals/{slot:uuid}/confirm", sync_to_thread=True, status_code=200)
    def confirm(self, slot: UUID, actor: Actor, schedule: Schedule) -> dict[str, bool]:
        schedule.confirm(actor, slot)
        return {"done": True}

    @post("/cancel", sync_to_thread=True, status_code=200)
    def cancel(self, data: Cancellation, actor: Actor, schedule: Schedule) -> dict[str, bool]:
        schedule.cancel(actor, data)
        return {"done": True}
