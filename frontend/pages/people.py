"""People and places, their links, and the door that a link opens."""

from typing import Any
from uuid import UUID

from litestar import Controller, Response, get, post

from frontend import access
from frontend.settings import Settings
from hearings.actors import Actor
from hearings.people import NewPlace, People
from hearings.tree import stamp
from scheduling.zones import on_clock


class PeoplePages(Controller):
    tags = ["people"]
    path = "/people"

    @post("/places", sync_to_thread=True)
    def seat(self, data: NewPlace, actor: Actor, people: People) -> dict[str, Any]:
        place, seated = people.seat(actor, data)
        return {
            "place": str(place.id),
            "people": [{"handle": one.handle, "name": one.name, "role": one.role} for one in seated],
        }

    @post("/places/{seat:uuid}/link", sync_to_thread=True)
    def issue(self, seat: UUID, actor: Actor, people: People) -> dict[str, str]:
        return {"link": people.issue(actor, seat)}

    @post("/places/{seat:uuid}/link/revoke", sync_to_thread=True, status_code=200)
    def revoke(self, seat: UUID, actor: Actor, people: People) -> dict[str, bool]:
        people.revoke(actor, seat)
        return {"done": True}


class JoinPages(Controller):
    """Opening a link shows what it is for; pressing the button redeems it."""

    tags = ["link"]
    path = "/join"

    @get("/{token:str}", sync_to_thread=True)
    def show(self, token: str, people: People) -> dict[str, Any]:
        behind = people.behind(token)
        start = behind.hearing.start
        return {
            "court": behind.requesting.name,
            "phone": behind.requesting.phone,
            "place": behind.place.name,
            "people": [{"name": one.name, "function": one.function} for one in behind.people],
            "start": {
                "instant": stamp(start),
                "yours": on_clock(start, behind.place.zone).sentence,
                "court": on_clock(start, behind.requesting.zone).sentence,
            }
            if start
            else None,
            "opened": behind.redeemed,
        }

    @post("/{token:str}", sync_to_thread=True, status_code=200)
    def redeem(self, token: str, people: People, settings: Settings) -> Response[dict[str, str]]:
        opened = people.redeem(token)
        return Response(
            {"place": str(opened.place), "address": f"{settings.origin}/places/{opened.place}"},
            cookies=[access.place_cookie(settings, opened.place, opened.token)],
        )
