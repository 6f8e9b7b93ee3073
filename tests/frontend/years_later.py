"""A court eleven years later: hearings that are still kept, held, due, in conflict, and one that was destroyed.

The service runs in this process, since its clock is ours.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import uvicorn

from frontend.app import Service, create_app
from frontend.rehearse import free_port
from frontend.settings import Settings
from frontend.visitor import Visitor, eventually
from hearings.keeping import Keeping, Reason
from hearings.tables import Authority
from tests.conftest import FakeClock
from tests.hearings.people_of_law import PASSWORD, Courthouse, Standing
from tests.hearings.shelf import Shelf, authority
from tests.hearings.test_copies import Archive

STATED = {"Court of Exampleton": (60, None), "Prosecution Office of Samplia": (120, None)}
REFERENCES = {"destroyed": "12/2026", "due": "13/2026", "held": "14/2026", "conflict": "15/2026"}
KEPT = "16/2037"


@dataclass(frozen=True)
class Later:
    """`hearings`: by how they stand."""

    origin: str
    service: Service
    hearings: dict[str, str]
    clerk: Visitor
    abroad: Visitor
    administrator: Visitor

    def path(self, stands: str, page: str = "") -> str:
        return f"/hearings/{self.hearings[stands]}{page}"


@asynccontextmanager
async def years_later(folder: Path) -> AsyncIterator[Later]:
    clock = FakeClock()
    settings = Settings(data=folder / "data", port=free_port())
    app = create_app(settings, clock=clock)
    parts: Service = app.state.service
    hearings = await _built(parts, clock, settings.data)
    server = uvicorn.Server(uvicorn.Config(app, port=settings.port, log_level="error", lifespan="on"))
    serving = asyncio.create_task(server.serve())
    visitors = [Visitor(settings.origin) for _ in range(3)]
    try:
        await eventually(lambda: _up(server))
        for visitor, login in zip(visitors, ("clerk", "abroad", "administrator"), strict=True):
            await visitor.post("/sign-in", {"login": login, "password": PASSWORD})
        yield Later(settings.origin, parts, hearings, *visitors)
    finally:
        for visitor in visitors:
            await visitor.close()
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await serving


async def _up(server: uvicorn.Server) -> bool:
    return server.started


async def _built(parts: Service, clock: FakeClock, data: Path) -> dict[str, str]:
    house = Courthouse(parts.journal, data)
    far = authority(24, 36, state="CL", zone="America/Santiago")
    with house.journal.transaction() as tx:
        tx.add(far)
        for id_ in (house.requesting, house.requested):
            row = tx.get_one(Authority, id_)
            row.keeps, row.gone = STATED[row.name]
            row.rule = f"Invented Act of {row.state} on the keeping of records, Article 1"
    standing = house.requested_hearing().accepted().scheduled().seated().opened().on_record()
    shelf = Shelf(Archive(standing, data / "recordings", clock), parts.database, data, clock)
    shelf.hire("judge", house.requested, "abroad")
    await shelf.close()
    others = {
        stands: _closed(
            shelf,
            REFERENCES[stands],
            **({"requested": far.id, "instrument": "ets182"} if stands == "conflict" else {}),
        )
        for stands in ("due", "held", "conflict")
    }
    with patch.object(Keeping, "_finish"):  # as if it had been killed after the commit
        shelf.years(11).destroy()
    assert (data / "recordings" / str(shelf.id)).exists()
    _hold(shelf, others["held"])
    others["kept"] = _closed(shelf, KEPT)
    found = {stands: str(one.id) for stands, one in others.items()}
    return {"destroyed": str(shelf.id), **found}


def _closed(shelf: Shelf, reference: str, **changes: object) -> Standing:
    """One in which nobody was heard."""
    standing = shelf.house.requested_hearing(reference=reference, matter=f"Matter of {reference}", **changes)
    standing.accepted().scheduled().seated().opened()
    shelf.house.room.end(standing.actors["judge"])
    shelf.records.close(shelf.house.docket.of_staff(shelf.clerk, standing.id))
    return standing


def _hold(shelf: Shelf, standing: Standing) -> None:
    login = shelf.house.accounts.sign_in(login="abroad", password=PASSWORD)
    abroad = shelf.house.accounts.staff(login)
    for staff, reason in (
        (abroad, "An appeal is pending before the court of appeal."),
        (shelf.clerk, "The accused asked for a copy."),
    ):
        actor = shelf.house.docket.of_staff(staff, standing.id)
        shelf.keeping.hold(actor, Reason(reason=reason))
