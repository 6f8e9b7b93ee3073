"""The list of hearings, a new one, and one hearing as the one who asks may see it."""

from collections.abc import Mapping
from typing import Any

from litestar import Controller, get, post

from consent.instruments import Instrument
from frontend.shown import Shown
from frontend.spine import Spine
from hearings.accounts import Staff
from hearings.actors import Actor
from hearings.docket import Docket
from hearings.journal import Journal
from hearings.request import NewRequest, Requests
from hearings.tree import stamp
from hearings.views import load

LARGEST_REQUEST = 96 * 1024 * 1024  # bytes: the documents are base64 inside


class DocketPages(Controller):
    tags = ["docket"]

    @get("/hearings", sync_to_thread=True)
    def hearings(self, staff: Staff, docket: Docket) -> Shown:
        told = [
            {
                "hearing": str(row.id),
                "reference": row.reference,
                "matter": row.matter,
                "state": row.state,
                "start": stamp(row.start) if row.start else None,
            }
            for row in docket.hearings(staff)
        ]
        return Shown(told, "docket.html", who=staff.name, role=staff.role)

    @post("/hearings", sync_to_thread=True, request_max_body_size=LARGEST_REQUEST)
    def receive(self, data: NewRequest, staff: Staff, requests: Requests) -> dict[str, str]:
        """A letter of request is entered; the link is the other side's."""
        received = requests.receive(staff, data)
        return {"hearing": str(received.hearing), "place": str(received.place), "link": received.link}


class HearingPages(Controller):
    """`/hearing` is the view as it is told over the socket; the page of the hearing itself is its overview."""

    tags = ["hearing"]

    @get("/", sync_to_thread=False)
    def overview(self, spine: Spine) -> Shown:
        return spine.page("hearing.html", "overview", told=spine.view)

    @get("/hearing", sync_to_thread=True)
    def hearing(
        self, actor: Actor, journal: Journal, instruments: Mapping[str, Instrument]
    ) -> dict[str, Any]:
        with journal.reading() as tx:
            return load(tx, journal, instruments, actor.hearing).as_seen_by(actor)
